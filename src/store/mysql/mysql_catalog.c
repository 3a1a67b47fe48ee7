// SPDX-License-Identifier: MIT
// Reading information_schema, and comparing types. Widths of integers in brackets, as older servers
// show them, mean nothing.
#include "store/mysql/mysql_catalog.h"

#include "base/mem.h"
#include "store/mysql/mysql_sql.h"
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static void mysql_catalog_copy(char *out, size_t cap, const char *from) {
    snprintf(out, cap, "%s", from != NULL ? from : "");
}

// --- Reading

static MYSQL_RES *ask_for(struct mysql_connection *c, const char *select, const char *table,
                          const char *order, struct error *err) {
    struct buf sql = {0};
    buf_printf(&sql, "%s WHERE table_schema = DATABASE() AND table_name = ", select);
    sql_put_text(&sql, text_of(table));
    buf_put_str(&sql, order);
    MYSQL_RES *rows = NULL;
    if (sql.failed) {
        error_set(err, ERROR_RETRIABLE, "out of memory");
    } else {
        rows = mysql_ask(c, buf_text(&sql), "looking at the tables", err);
    }
    buf_free(&sql);
    return rows;
}

static bool read_columns(struct mysql_connection *c, struct found_table *t, struct error *err) {
    MYSQL_RES *rows = ask_for(
        c,
        "SELECT column_name, column_type, data_type, character_maximum_length, numeric_precision, "
        "numeric_scale, datetime_precision, character_set_name, collation_name, is_nullable, "
        "column_default, extra FROM information_schema.columns",
        t->name, " ORDER BY ordinal_position", err);
    if (rows == NULL) {
        return false;
    }
    t->columns = mem_zalloc(mysql_num_rows(rows), sizeof *t->columns);
    MYSQL_ROW row;
    while ((row = mysql_fetch_row(rows)) != NULL) {
        struct found_column *col = &t->columns[t->n_columns++];
        mysql_catalog_copy(col->name, sizeof col->name, row[0]);
        mysql_catalog_copy(col->type, sizeof col->type, row[1]);
        mysql_catalog_copy(col->kind, sizeof col->kind, row[2]);
        col->max_chars = mysql_column_int(row, 3);
        col->precision = (int)mysql_column_int(row, 4);
        col->scale = row[5] != NULL ? (int)mysql_column_int(row, 5) : -1;
        col->fraction = (int)mysql_column_int(row, 6);
        mysql_catalog_copy(col->charset, sizeof col->charset, row[7]);
        mysql_catalog_copy(col->collation, sizeof col->collation, row[8]);
        col->nullable = row[9] != NULL && strcasecmp(row[9], "YES") == 0;
        const char *extra = row[11] != NULL ? row[11] : "";
        col->has_default = row[10] != NULL || strcasestr(extra, "auto_increment") != NULL;
        col->generated = strcasestr(extra, "VIRTUAL") != NULL ||
                         strcasestr(extra, "STORED") != NULL ||
                         strcasestr(extra, "PERSISTENT") != NULL;
    }
    mysql_free_result(rows);
    return true;
}

static bool read_keys(struct mysql_connection *c, struct found_table *t, struct error *err) {
    MYSQL_RES *rows = ask_for(c,
                              "SELECT index_name, column_name, non_unique "
                              "FROM information_schema.statistics",
                              t->name, " ORDER BY index_name, seq_in_index", err);
    if (rows == NULL) {
        return false;
    }
    MYSQL_ROW row;
    while ((row = mysql_fetch_row(rows)) != NULL) {
        if (mysql_column_int(row, 2) != 0 || row[0] == NULL) {
            continue;
        }
        struct found_key *key = t->n_keys > 0 ? &t->keys[t->n_keys - 1] : NULL;
        if (key == NULL || strcmp(key->name, row[0]) != 0) {
            if (t->n_keys == FOUND_KEYS) {
                break;
            }
            key = &t->keys[t->n_keys++];
            mysql_catalog_copy(key->name, sizeof key->name, row[0]);
        }
        if (key->n < FOUND_KEY_COLUMNS) {
            mysql_catalog_copy(key->columns[key->n++], sizeof key->columns[0], row[1]);
        }
    }
    mysql_free_result(rows);
    return true;
}

bool catalog_read(struct mysql_connection *c, const char *table, struct found_table *out,
                  bool *found, struct error *err) {
    *out = (struct found_table){0};
    MYSQL_RES *rows = ask_for(
        c, "SELECT table_name, engine, table_type FROM information_schema.tables", table, "", err);
    if (rows == NULL) {
        return false;
    }
    MYSQL_ROW row = mysql_fetch_row(rows);
    *found = row != NULL;
    if (row != NULL) {
        mysql_catalog_copy(out->name, sizeof out->name, row[0]);
        mysql_catalog_copy(out->engine, sizeof out->engine, row[1]);
        out->is_view = row[2] != NULL && strstr(row[2], "VIEW") != NULL;
    }
    mysql_free_result(rows);
    if (*found && (!read_columns(c, out, err) || !read_keys(c, out, err))) {
        found_table_free(out);
        return false;
    }
    return true;
}

void found_table_free(struct found_table *t) {
    free(t->columns);
    *t = (struct found_table){0};
}

const struct found_column *found_column_of(const struct found_table *t, const char *name) {
    for (size_t i = 0; i < t->n_columns; i++) {
        if (strcasecmp(t->columns[i].name, name) == 0) {
            return &t->columns[i];
        }
    }
    return NULL;
}

bool found_key_is(const struct found_key *key, const char *columns) {
    const char *at = columns;
    for (size_t i = 0; i < key->n; i++) {
        size_t n = strcspn(at, ",");
        if (strlen(key->columns[i]) != n || strncasecmp(key->columns[i], at, n) != 0) {
            return false;
        }
        at += n + (at[n] == ',');
    }
    return *at == '\0' && key->n > 0;
}

// --- Types

static bool is_one_of(const char *kind, const char *const *kinds) {
    for (; *kinds != NULL; kinds++) {
        if (strcasecmp(kind, *kinds) == 0) {
            return true;
        }
    }
    return false;
}
#define IS_ONE_OF(kind, ...) is_one_of(kind, (const char *const[]){__VA_ARGS__, NULL})

// The numbers in a type's brackets: "decimal(19,4)".
static void sizes_of(const char *type, long sizes[2]) {
    const char *at = strchr(type, '(');
    sizes[0] = sizes[1] = 0;
    if (at != NULL) {
        char *end;
        sizes[0] = strtol(at + 1, &end, 10);
        sizes[1] = *end == ',' ? strtol(end + 1, NULL, 10) : 0;
    }
}

bool column_is_binary_text(const struct found_column *found) {
    size_t n = strlen(found->collation);
    return strcasecmp(found->charset, "utf8mb4") == 0 && n > 4 &&
           strcasecmp(found->collation + n - 4, "_bin") == 0;
}

bool column_holds(const char *type, const struct found_column *found) {
    long want[2];
    sizes_of(type, want);
    bool is_unsigned = strcasestr(found->type, "unsigned") != NULL;
    if (found->generated) {
        return false;
    }
    if (strncmp(type, "varchar", 7) == 0) {
        return IS_ONE_OF(found->kind, "varchar", "char", "text", "mediumtext", "longtext") &&
               found->max_chars >= want[0] && column_is_binary_text(found);
    }
    if (strcmp(type, "mediumtext") == 0) {
        return IS_ONE_OF(found->kind, "mediumtext", "longtext") && column_is_binary_text(found);
    }
    if (strcmp(type, "mediumblob") == 0) {
        return IS_ONE_OF(found->kind, "mediumblob", "longblob");
    }
    if (strncmp(type, "varbinary", 9) == 0) {
        return IS_ONE_OF(found->kind, "varbinary", "blob", "mediumblob", "longblob") &&
               found->max_chars >= want[0];
    }
    if (strncmp(type, "decimal", 7) == 0) {
        return strcasecmp(found->kind, "decimal") == 0 && found->scale >= want[1] &&
               found->precision - found->scale >= want[0] - want[1] && !is_unsigned;
    }
    if (strncmp(type, "datetime", 8) == 0) {
        return strcasecmp(found->kind, "datetime") == 0 && found->fraction >= want[0];
    }
    if (strcmp(type, "int") == 0) {
        return IS_ONE_OF(found->kind, "int", "bigint") && !is_unsigned;
    }
    return strcasecmp(found->kind, type) == 0 && !is_unsigned; // bigint, date
}
