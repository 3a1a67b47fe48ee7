// SPDX-License-Identifier: MIT
// A test's own look into a shop's sales.db, past the store: to read what is there, and to tamper.
#pragma once
#include "shop.h"

#include <sqlite3.h>

static inline sqlite3 *shop_sql_open(const struct shop *shop) {
    char path[128];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/sales.db", shop->directory);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL,
                 NULL); // a test's tampering may be lost
    return db;
}

// Runs SQL; what its last row gives goes to `out` as text, columns separated by '|' (NULL: "").
static inline void shop_sql_text(const struct shop *shop, const char *sql, char *out, size_t cap) {
    sqlite3 *db = shop_sql_open(shop);
    out[0] = '\0';
    for (sqlite3_stmt *stmt = NULL; *sql != '\0'; sqlite3_finalize(stmt)) {
        int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, &sql);
        while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
            size_t len = 0;
            for (int i = 0; i < sqlite3_column_count(stmt); i++) {
                const char *value = (const char *)sqlite3_column_text(stmt, i);
                len += (size_t)snprintf(out + len, cap - len, "%s%s", i > 0 ? "|" : "",
                                        value != NULL ? value : "");
                assert_true(len < cap);
            }
            rc = SQLITE_OK;
        }
        if (rc != SQLITE_DONE && rc != SQLITE_OK) {
            fail_msg("%s", sqlite3_errmsg(db));
        }
    }
    sqlite3_close(db);
}

static inline int64_t shop_sql(const struct shop *shop, const char *sql) {
    char out[256];
    shop_sql_text(shop, sql, out, sizeof out);
    return strtoll(out, NULL, 10);
}

static inline void shop_sql_expect(const struct shop *shop, const char *sql, const char *want) {
    char out[1024];
    shop_sql_text(shop, sql, out, sizeof out);
    if (strcmp(out, want) != 0) {
        fail_msg("%s\n  gives %s\n  not   %s", sql, out, want);
    }
}

// For shop_sql_dump: order_rows with their positions, which no column has.
#define ORDER_ROWS_DUMPED "(SELECT rowid, * FROM order_rows)"

// Every row of these tables as text; the caller frees it.
static inline char *shop_sql_dump(const struct shop *shop, const char *const *tables, size_t n) {
    char sql[128], *out = NULL;
    size_t n_bytes = 0;
    sqlite3 *db = shop_sql_open(shop);
    FILE *file = open_memstream(&out, &n_bytes);
    assert_non_null(file);
    for (size_t i = 0; i < n; i++) {
        sqlite3_stmt *stmt;
        snprintf(sql, sizeof sql, "SELECT * FROM %s ORDER BY 1, 2", tables[i]);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
        while (sqlite3_step(stmt) == SQLITE_ROW) {
            fprintf(file, "%s", tables[i]);
            for (int c = 0; c < sqlite3_column_count(stmt); c++) {
                const char *text = (const char *)sqlite3_column_text(stmt, c);
                fprintf(file, "|%s", text != NULL ? text : "");
            }
            fprintf(file, "\n");
        }
        sqlite3_finalize(stmt);
    }
    sqlite3_close(db);
    fclose(file);
    return out;
}
