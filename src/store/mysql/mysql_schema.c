// SPDX-License-Identifier: MIT
// The schema in MySQL or MariaDB.
//
//   sales_totals, sales_by_minute, sales_by_hour, sales_by_day, sales_by_product   aggregates, by
//   key total_sales_by_source_state   the projection that dashboards of this kind of pipeline read
//   recent_orders, recent_changes (cancellations, refunds), rejected_events   the newest ones; id
//   grows with each row
//   rejected_retries   what became of rejected events that were submitted again
//   pipeline_positions   how far each partition is in the aggregates, and whose it is
//   pipeline_lanes, pipeline_refused   numbers of partitions of topics; what leaves no identity
//   sales_day_changes   when the sums of a day last changed (see day_change in sales_reader.h)
//   pipeline_batches, pipeline_state (one row), pipeline_settings, currency_gross
//   bi_* views   flat, for BI tools: state_iso, no rows below the floors, local times by shop_clock
//
// utf8mb4_bin: the default collations would merge `ca` and `CA`. It pads with spaces ('a' = 'a '),
// which changes nothing: texts of events have no white space at their ends. Source and state make a
// primary key of 817 bytes with a bucket and a currency, InnoDB takes 3,072.
//
// How it fails: what is there in another form is refused by name, with the ALTER TABLE that helps;
// nothing of a user's is ever changed or dropped.
#include "store/mysql/mysql_schema.h"

#include "store/mysql/mysql_migrate.h"
#include "store/mysql/mysql_projection_plan.h"
#include "store/mysql/mysql_shop_clock.h"
#include "store/mysql/mysql_sql.h"
#include "store/mysql/mysql_views.h"
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define GROUP                                                                                      \
    {"source", "varchar(100)", false, false}, {"state", "varchar(100)", false, false}, CURRENCY
#define CURRENCY                                                                                   \
    { "currency", "varchar(3)", false, false }
#define COUNT(name)                                                                                \
    { name, "bigint", false, false }
#define AMOUNT(name)                                                                               \
    { name, "decimal(19,4)", false, false }
#define MEASURES                                                                                   \
    COUNT("orders"), COUNT("units"), AMOUNT("subtotal"), AMOUNT("discount"), AMOUNT("shipping"),   \
        AMOUNT("tax"), AMOUNT("total"), COUNT("cancelled_orders"), COUNT("refunds"),               \
        AMOUNT("refunded_total")
#define INSTANT(name)                                                                              \
    { name, "datetime(3)", false, false }

static const struct column_spec totals_columns[] = {GROUP, MEASURES};
static const struct column_spec instant_columns[] = {
    {"bucket", "datetime", false, false}, GROUP, MEASURES};
static const struct column_spec day_columns[] = {{"bucket", "date", false, false}, GROUP, MEASURES};
static const struct column_spec product_columns[] = {{"day", "date", false, false},
                                                     {"product_id", "varchar(100)", false, false},
                                                     CURRENCY,
                                                     COUNT("orders"),
                                                     COUNT("units"),
                                                     AMOUNT("total")};
static const struct column_spec day_change_columns[] = {
    {"day", "date", false, false},
    INSTANT("changed_at"),
    COUNT("accepted"), // events that were accepted by then, of all days
};
static const struct column_spec recent_columns[] = {
    {"id", "bigint", false, true},
    {"order_id", "varchar(64)", false, false},
    INSTANT("created_at"),
    {"customer_id", "varchar(64)", true, false},
    AMOUNT("discount"),
    {"product_id", "varchar(100)", true, false},
    COUNT("quantity"),
    AMOUNT("subtotal"),
    AMOUNT("tax"),
    INSTANT("timestamp"),
    AMOUNT("total"),
    GROUP,
    AMOUNT("shipping"),
    {"items", "mediumtext", true, false},
    COUNT("position"),
};
static const struct column_spec change_columns[] = {
    {"id", "bigint", false, true},
    {"event", "varchar(16)", false, false}, // cancelled, refunded
    {"order_id", "varchar(64)", false, false},
    {"event_id", "varchar(64)", true, false},
    INSTANT("created_at"),
    INSTANT("timestamp"), // of its arrival
    AMOUNT("total"),
    GROUP,
    COUNT("position"),
};
static const struct column_spec rejected_columns[] = {
    {"id", "bigint", false, true},
    COUNT("position"),
    INSTANT("arrived_at"),
    {"field", "varchar(64)", false, false},
    {"code", "varchar(32)", false, false},
    {"message", "varchar(200)", false, false},
    {"event", "mediumtext", false, false},    // for people
    {"event_raw", "mediumblob", true, false}, // the exact bytes, when they are no UTF-8
    COUNT("event_bytes"),                     // of the whole; `event` has the first 64 KiB
    {"event_key", "varbinary(1024)", true, false},
    {"status", "varchar(16)", false,
     false}, // new, or the verdict when it was tried again (store/rejected_retries.h)
};
static const struct column_spec retry_columns[] = {COUNT("id"), // of the rejected event
                                                   INSTANT("retried_at"),
                                                   {"verdict", "varchar(16)", false, false},
                                                   {"sent_hash", "bigint", true, false}};
static const struct column_spec position_columns[] = {
    {"topic", "varchar(249)", false, false},
    {"partition", "int", false, false},
    COUNT("next_offset"),                      // -1: nothing of it yet
    COUNT("epoch"),                            // of its owner, microseconds
    {"topic_id", "varchar(36)", false, false}, // which topic of that name; '': not known
    {"lane", "int", false, false},             // of positions of its events
    COUNT("window_offset"), // from where the log has to be read again; -1: not known
    COUNT("window_ms"),     // the partition's time there
};
// Lanes that were given. next_offset -1: it goes on; else how far it was counted when the topic was
// made anew.
static const struct column_spec lane_columns[] = {{"lane", "int", false, false},
                                                  {"topic", "varchar(249)", false, false},
                                                  {"partition", "int", false, false},
                                                  {"topic_id", "varchar(36)", false, false},
                                                  COUNT("next_offset")};
// Rejected events that leave no identity, as far back as the log is read again.
static const struct column_spec refused_columns[] = {{"lane", "int", false, false},
                                                     COUNT("offset")};
static const struct column_spec batch_columns[] = {
    COUNT("batch_id"),
    INSTANT("committed_at"),
    COUNT("received"),
    COUNT("accepted"),
    COUNT("duplicate"),
    COUNT("rejected"),
    {"minute_min", "int", true, false}, // minutes of created_at since 1970 that it touched
    {"minute_max", "int", true, false},
};
static const struct column_spec setting_columns[] = {{"name", "varchar(64)", false, false},
                                                     {"value", "varchar(255)", false, false}};
static const struct column_spec state_columns[] = {
    {"id", "int", false, false}, // 1
    COUNT("received"),
    COUNT("accepted"),
    COUNT("duplicate"),
    COUNT("rejected"),
    COUNT("rejected_expired"),
    COUNT("skipped"),
    COUNT("amounts_rounded"),
    COUNT("total_mismatch"),
    COUNT("quantity_zero"),
    COUNT("late"),
    COUNT("future"),
    COUNT("last_batch_id"),
    {"minute_floor", "int", false, false},
    {"hour_floor", "int", false, false},
};
static const struct column_spec gross_columns[] = {CURRENCY, AMOUNT("gross")};
static const struct column_spec projection_columns[] = {{"source", "varchar(100)", false, false},
                                                        {"state", "varchar(100)", false, false},
                                                        AMOUNT("total_sum_amount"),
                                                        INSTANT("processed_at"),
                                                        COUNT("batch_id")};

#define TABLE(name, key, columns)                                                                  \
    { name, key, columns, COUNT_OF(columns), NULL }
const struct table_spec mysql_tables[] = {
    TABLE("sales_totals", "source,state,currency", totals_columns),
    TABLE("sales_by_minute", "bucket,source,state,currency", instant_columns),
    TABLE("sales_by_hour", "bucket,source,state,currency", instant_columns),
    TABLE("sales_by_day", "bucket,source,state,currency", day_columns),
    {"sales_by_product", "day,product_id,currency", product_columns, COUNT_OF(product_columns),
     "product_id,day"},
    TABLE("sales_day_changes", "day", day_change_columns),
    TABLE("recent_orders", "id", recent_columns),
    TABLE("recent_changes", "id", change_columns),
    TABLE("rejected_events", "id", rejected_columns),
    TABLE("rejected_retries", "id,retried_at", retry_columns),
    TABLE("pipeline_positions", "topic,partition", position_columns),
    TABLE("pipeline_lanes", "lane", lane_columns),
    TABLE("pipeline_refused", "lane,offset", refused_columns),
    TABLE("pipeline_batches", "batch_id", batch_columns),
    TABLE("pipeline_state", "id", state_columns),
    TABLE("pipeline_settings", "name", setting_columns),
    TABLE("currency_gross", "currency", gross_columns),
    TABLE(PROJECTION_TABLE, "source,state", projection_columns),
};
const size_t n_mysql_tables = COUNT_OF(mysql_tables);

static bool is_projection(const struct table_spec *spec) {
    return strcmp(spec->name, PROJECTION_TABLE) == 0;
}

// --- DDL

static void put_column(struct buf *out, const struct column_spec *col) {
    sql_put_name(out, col->name);
    buf_printf(out, " %s%s%s", col->type, col->nullable ? "" : " NOT NULL",
               col->automatic ? " AUTO_INCREMENT" : "");
}

// Of a list separated by commas.
static void put_names(struct buf *out, const char *names) {
    for (const char *at = names; *at != '\0';) {
        char name[65];
        size_t n = strcspn(at, ",");
        snprintf(name, sizeof name, "%.*s", (int)n, at);
        sql_put_name(out, name);
        at += n;
        if (*at == ',') {
            buf_put_str(out, ", ");
            at++;
        }
    }
}

void table_spec_ddl(const struct table_spec *spec, struct buf *out) {
    buf_put_str(out, "CREATE TABLE IF NOT EXISTS ");
    sql_put_name(out, spec->name);
    buf_put_str(out, " (\n");
    for (size_t i = 0; i < spec->n_columns; i++) {
        buf_put_str(out, "  ");
        put_column(out, &spec->columns[i]);
        buf_put_str(out, ",\n");
    }
    buf_put_str(out, "  PRIMARY KEY (");
    put_names(out, spec->key);
    if (spec->index != NULL) {
        buf_put_str(out, "),\n  KEY (");
        put_names(out, spec->index);
    }
    buf_put_str(out, ")\n) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
}

static void put_settings(struct buf *out, const struct store_settings *settings) {
    buf_put_str(out, "INSERT INTO `pipeline_settings` (`name`, `value`) VALUES");
    for (int i = 0; i < N_SETTINGS; i++) {
        char value[SETTING_MAX_BYTES + 1];
        setting_get(settings, i, value);
        buf_put_str(out, " (");
        sql_put_text(out, text_of(setting_names[i]));
        buf_put_str(out, ", ");
        sql_put_text(out, text_of(value));
        buf_put_str(out, "),");
    }
    buf_printf(out, " ('schema_version', '%d') ON DUPLICATE KEY UPDATE `value` = `value`",
               MYSQL_SCHEMA_VERSION);
}

// Positions of an earlier program: their lane is the partition.
static const char adopt_sql[] =
    "INSERT IGNORE INTO pipeline_lanes (lane, topic, `partition`, topic_id, next_offset) "
    "SELECT `partition`, topic, `partition`, '', -1 FROM pipeline_positions WHERE lane = -1 AND "
    "next_offset >= 0";

// One row; the counts go on from there.
static const char state_sql[] =
    "INSERT INTO `pipeline_state` (`id`, `received`, `accepted`, `duplicate`, `rejected`, "
    "`rejected_expired`, `skipped`, `amounts_rounded`, `total_mismatch`, `quantity_zero`, `late`, "
    "`future`, "
    "`last_batch_id`, `minute_floor`, `hour_floor`) VALUES (1, 0,0,0,0,0,0, 0,0,0,0,0, 0, 0, 0) "
    "ON DUPLICATE KEY UPDATE `id` = `id`";

static void put_database(struct buf *out, const char *database) {
    buf_put_str(out, "CREATE DATABASE IF NOT EXISTS ");
    sql_put_name(out, database);
    buf_put_str(out, " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
}

bool mysql_schema_print(const char *database, const struct store_settings *settings,
                        struct buf *out, struct error *err) {
    struct store_settings filled = *settings;
    settings_fill(&filled);
    struct buf clock_rows = {0};
    if (!mysql_shop_clock_rows(filled.timezone, &clock_rows, err)) {
        return false;
    }
    put_database(out, database);
    buf_put_str(out, ";\nUSE ");
    sql_put_name(out, database);
    buf_put_str(out, ";\n");
    for (size_t i = 0; i < n_mysql_tables; i++) {
        buf_put_char(out, '\n');
        table_spec_ddl(&mysql_tables[i], out);
        buf_put_str(out, ";\n");
    }
    buf_printf(out, "\n%s;\n", mysql_shop_clock_table);
    buf_put(out, clock_rows.at, clock_rows.len);
    buf_put_str(out, ";\n");
    buf_free(&clock_rows);
    for (size_t i = 0; i < n_mysql_views; i++) {
        buf_printf(out, "\n%s;\n", mysql_views[i]);
    }
    buf_put_char(out, '\n');
    put_settings(out, &filled);
    buf_printf(out, ";\n%s;\n", state_sql);
    return true;
}

// --- What is there

// found_type: NULL when it is missing.
static bool refuse_column(const struct table_spec *spec, const struct column_spec *col,
                          const char *found_type, const char *where, struct error *err) {
    if (found_type == NULL && mysql_migrate_adds(spec->name, col->name)) {
        return error_set(err, ERROR_USAGE,
                         "%s: table %s has no column %s, as an earlier version made it; run "
                         "`salestide setup --aggregates URL`",
                         where, spec->name, col->name);
    }
    return error_set(
        err, ERROR_USAGE,
        "%s: column %s of table %s is %.60s, which cannot hold %s; mend it: ALTER TABLE "
        "%s %s `%s` %s%s%s",
        where, col->name, spec->name, found_type == NULL ? "missing" : found_type, col->type,
        spec->name, found_type == NULL ? "ADD" : "MODIFY", col->name, col->type,
        strstr(col->type, "char") != NULL || strcmp(col->type, "mediumtext") == 0
            ? " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
            : "",
        col->nullable ? "" : " NOT NULL");
}

static const struct column_spec *column_spec_of(const struct table_spec *spec, const char *name) {
    for (size_t i = 0; i < spec->n_columns; i++) {
        if (strcasecmp(spec->columns[i].name, name) == 0) {
            return &spec->columns[i];
        }
    }
    return NULL;
}

static bool check_keys(const struct table_spec *spec, const struct found_table *found,
                       const char *where, struct error *err) {
    bool primary = false;
    for (size_t i = 0; i < found->n_keys; i++) {
        const struct found_key *key = &found->keys[i];
        if (found_key_is(key, spec->key)) {
            primary = true;
        } else {
            return error_set(err, ERROR_USAGE,
                             "%s: table %s has a unique key %s that is not on (%s): two rows would "
                             "be taken for one; drop the key or rename the table",
                             where, spec->name, key->name, spec->key);
        }
    }
    return primary || error_set(err, ERROR_USAGE,
                                "%s: table %s has no primary key on (%s); mend it: ALTER TABLE %s "
                                "ADD PRIMARY KEY (%s), or rename the table and run salestide setup",
                                where, spec->name, spec->key, spec->name, spec->key);
}

bool table_spec_check(const struct table_spec *spec, const struct found_table *found,
                      const char *where, struct error *err) {
    if (found->is_view || strcasecmp(found->engine, "InnoDB") != 0) {
        return error_set(err, ERROR_USAGE,
                         "%s: %s is %s, not a table of InnoDB, which has the transactions that are "
                         "needed; rename it and run salestide setup",
                         where, spec->name, found->is_view ? "a view" : found->engine);
    }
    for (size_t i = 0; i < spec->n_columns; i++) {
        const struct column_spec *col = &spec->columns[i];
        const struct found_column *has = found_column_of(found, col->name);
        if (has == NULL || !column_holds(col->type, has)) {
            char type[200];
            if (has != NULL) {
                snprintf(type, sizeof type, "%.100s%s%.64s", has->type,
                         has->collation[0] != '\0' ? " " : "", has->collation);
            }
            return refuse_column(spec, col, has == NULL ? NULL : type, where, err);
        }
    }
    for (size_t i = 0; i < found->n_columns; i++) {
        const struct found_column *has = &found->columns[i];
        if (column_spec_of(spec, has->name) == NULL && !has->nullable && !has->has_default &&
            !has->generated) {
            return error_set(
                err, ERROR_USAGE,
                "%s: table %s has a column %s that needs a value and is not ours; give "
                "it a default or drop it",
                where, spec->name, has->name);
        }
    }
    return check_keys(spec, found, where, err);
}

// Holds every table that is there against its specification. *missing: the first that is not.
static bool check_tables(struct mysql_connection *c, const char **missing, struct error *err) {
    *missing = NULL;
    for (size_t i = 0; i < n_mysql_tables; i++) {
        struct found_table found;
        bool there;
        if (!catalog_read(c, mysql_tables[i].name, &found, &there, err)) {
            return false;
        }
        if (!there) {
            *missing = *missing == NULL ? mysql_tables[i].name : *missing;
            continue;
        }
        struct projection_plan plan; // whoever writes makes one of its own
        bool ok = is_projection(&mysql_tables[i])
                      ? projection_plan_make(&found, c->name, &plan, err)
                      : table_spec_check(&mysql_tables[i], &found, c->name, err);
        found_table_free(&found);
        if (!ok) {
            return false;
        }
    }
    return true;
}

// --- Settings

static bool refuse_version(const struct mysql_connection *c, const char *version,
                           struct error *err) {
    return error_set(
        err, ERROR_USAGE,
        "%s has schema version %.20s, and this salestide reads version %d: install one "
        "that knows it%s",
        c->name, version, MYSQL_SCHEMA_VERSION,
        strtol(version, NULL, 10) < MYSQL_SCHEMA_VERSION
            ? ", or bring it forward with `salestide setup --aggregates URL`"
            : " (it was made by a newer one)");
}

bool mysql_settings_read(struct mysql_connection *c, struct store_settings *settings,
                         struct error *err) {
    *settings = (struct store_settings){0};
    MYSQL_RES *rows = mysql_ask(c, TEXT_LIT("SELECT `name`, `value` FROM pipeline_settings"),
                                "reading the settings", err);
    if (rows == NULL) {
        return false;
    }
    int version = 0;
    bool ok = true;
    MYSQL_ROW row;
    while (ok && (row = mysql_fetch_row(rows)) != NULL) {
        for (int i = 0; i < N_SETTINGS; i++) {
            if (strcmp(row[0], setting_names[i]) == 0) {
                setting_set(settings, i, row[1]);
            }
        }
        if (strcmp(row[0], "schema_version") == 0) {
            version = (int)mysql_column_int(row, 1);
            ok = version == MYSQL_SCHEMA_VERSION || refuse_version(c, row[1], err);
        }
    }
    mysql_free_result(rows);
    if (ok && (version == 0 || settings->currency[0] == '\0' || settings->timezone[0] == '\0')) {
        return error_set(err, ERROR_USAGE,
                         "%s has no settings yet; run `salestide setup --aggregates URL`", c->name);
    }
    return ok;
}

bool mysql_schema_check(struct mysql_connection *c, struct store_settings *settings,
                        struct error *err) {
    const char *missing;
    struct store_settings have;
    if (!check_tables(c, &missing, err)) {
        return false;
    }
    if (missing != NULL) {
        return error_set(err, ERROR_USAGE,
                         "%s has no table %s; run `salestide setup --aggregates URL`", c->name,
                         missing);
    }
    return mysql_settings_read(c, &have, err) &&
           settings_compare(&have, settings, "--aggregates", err);
}

// --- Making it

static bool run_put(struct mysql_connection *c, struct buf *sql, const char *doing,
                    struct error *err) {
    bool ok = sql->failed ? error_set(err, ERROR_RETRIABLE, "out of memory")
                          : mysql_run(c, buf_text(sql), doing, err);
    buf_clear(sql);
    return ok;
}

static bool enter_database(struct mysql_connection *c, const char *database, struct buf *sql,
                           struct error *err) {
    if (mysql_select_db(c->handle, database) == 0) {
        return true;
    }
    put_database(sql, database); // not there, or no right to see it: the server tells which
    if (!run_put(c, sql, "making the database", err)) {
        return false;
    }
    if (mysql_select_db(c->handle, database) != 0) {
        mysql_failed(c, "using the database", err);
        return false;
    }
    return true;
}

// Views, and the table that only they need.
static bool make_views(struct mysql_connection *c, const char *timezone, struct buf *sql,
                       struct error *err) {
    if (!mysql_shop_clock_rows(timezone, sql, err) ||
        !mysql_run(c, text_of(mysql_shop_clock_table), "making the shop's clock", err) ||
        !run_put(c, sql, "writing the shop's clock", err)) {
        return false;
    }
    for (size_t i = 0; i < n_mysql_views; i++) {
        if (!mysql_run(c, text_of(mysql_views[i]), "making a view", err)) {
            return false;
        }
    }
    return true;
}

static bool make_tables(struct mysql_connection *c, struct store_settings *settings,
                        struct buf *sql, struct error *err) {
    for (size_t i = 0; i < n_mysql_tables; i++) {
        table_spec_ddl(&mysql_tables[i], sql);
        if (!run_put(c, sql, "making a table", err)) {
            return false;
        }
    }
    struct store_settings filled = *settings;
    settings_fill(&filled);
    put_settings(sql, &filled);
    return run_put(c, sql, "writing the settings", err) &&
           mysql_run(c, text_of(state_sql), "writing the first state", err) &&
           mysql_run(c, text_of(adopt_sql), "giving lanes", err) &&
           mysql_run(c,
                     TEXT_LIT("UPDATE pipeline_positions SET lane = `partition` WHERE lane = -1 "
                              "AND next_offset >= 0"),
                     "giving lanes", err);
}

// The version that is there, if any is: nothing is changed of a newer one.
static bool check_version(struct mysql_connection *c, struct error *err) {
    struct found_table found;
    bool there;
    if (!catalog_read(c, "pipeline_settings", &found, &there, err)) {
        return false;
    }
    found_table_free(&found);
    if (!there) {
        return true;
    }
    MYSQL_RES *rows = mysql_ask(
        c, TEXT_LIT("SELECT `value` FROM pipeline_settings WHERE `name` = 'schema_version'"),
        "reading the settings", err);
    if (rows == NULL) {
        return false;
    }
    MYSQL_ROW row = mysql_fetch_row(rows);
    bool ok = row == NULL || mysql_column_int(row, 0) <= MYSQL_SCHEMA_VERSION ||
              refuse_version(c, row[0], err);
    mysql_free_result(rows);
    return ok;
}

bool mysql_schema_prepare(struct mysql_connection *c, const char *database,
                          struct store_settings *settings, struct error *err) {
    const char *missing;
    struct buf sql = {0};
    // What is there in another form is refused before anything is made.
    bool ok = enter_database(c, database, &sql, err) && check_version(c, err) &&
              mysql_migrate_columns(c, err) && check_tables(c, &missing, err) &&
              make_tables(c, settings, &sql, err) && mysql_migrate_keys(c, err) &&
              mysql_schema_check(c, settings, err) && make_views(c, settings->timezone, &sql, err);
    buf_free(&sql);
    return ok;
}
