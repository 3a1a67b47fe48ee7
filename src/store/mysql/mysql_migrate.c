// SPDX-License-Identifier: MIT
// Columns and keys that came later. How it fails: one line; what was added stays, and setup goes on
// from there when it is run again.
#include "store/mysql/mysql_migrate.h"

#include <stdio.h>
#include <string.h>

// Each column has a default. Positions of an earlier program have no lanes: there a lane is the
// partition.
static const struct {
    const char *table, *column, *alter, *doing;
} added_columns[] = {
    {"pipeline_positions", "lane",
     "ALTER TABLE pipeline_positions ADD topic_id varchar(36) NOT NULL DEFAULT '', "
     "ADD lane int NOT NULL DEFAULT -1, ADD window_offset bigint NOT NULL DEFAULT -1, "
     "ADD window_ms bigint NOT NULL DEFAULT 0",
     "adding columns to pipeline_positions"},
    {"rejected_retries", "sent_hash", "ALTER TABLE rejected_retries ADD sent_hash bigint",
     "adding a column to rejected_retries"},
};

bool mysql_migrate_adds(const char *table, const char *column) {
    char adds[80];
    snprintf(adds, sizeof adds, "ADD %s ", column);
    for (size_t i = 0; i < COUNT_OF(added_columns); i++) {
        if (strcmp(added_columns[i].table, table) == 0 &&
            strstr(added_columns[i].alter, adds) != NULL) {
            return true;
        }
    }
    return false;
}

bool mysql_migrate_columns(struct mysql_connection *c, struct error *err) {
    for (size_t i = 0; i < COUNT_OF(added_columns); i++) {
        struct found_table found;
        bool there;
        if (!catalog_read(c, added_columns[i].table, &found, &there, err)) {
            return false;
        }
        bool has = !there || found_column_of(&found, added_columns[i].column) != NULL;
        found_table_free(&found);
        if (!has && !mysql_run(c, text_of(added_columns[i].alter), added_columns[i].doing, err)) {
            return false;
        }
    }
    return true;
}

static bool has_key(struct mysql_connection *c, const struct table_spec *spec, bool *out,
                    struct error *err) {
    char sql[512];
    snprintf(sql, sizeof sql,
             "SELECT 1 FROM information_schema.statistics WHERE table_schema = DATABASE() AND "
             "table_name = '%s' AND index_name <> 'PRIMARY' GROUP BY index_name HAVING "
             "group_concat(column_name ORDER BY seq_in_index) = '%s'",
             spec->name, spec->index);
    MYSQL_RES *rows = mysql_ask(c, text_of(sql), "looking for keys", err);
    if (rows == NULL) {
        return false;
    }
    *out = mysql_num_rows(rows) > 0;
    mysql_free_result(rows);
    return true;
}

bool mysql_migrate_keys(struct mysql_connection *c, struct error *err) {
    for (size_t i = 0; i < n_mysql_tables; i++) {
        const struct table_spec *spec = &mysql_tables[i];
        char sql[256];
        bool has = true;
        if (spec->index != NULL && !has_key(c, spec, &has, err)) {
            return false;
        }
        if (!has) {
            snprintf(sql, sizeof sql, "ALTER TABLE %s ADD KEY (%s)", spec->name, spec->index);
        }
        if (!has && !mysql_run(c, text_of(sql), "adding a key", err)) {
            return false;
        }
    }
    return true;
}
