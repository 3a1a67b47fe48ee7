// SPDX-License-Identifier: MIT
// The index of order ids of a shop's sales.db as rows (key, position, n), past the store: to count
// them, and to tamper.
#pragma once
#include "shop_sql.h"
#include "store/sqlite/order_runs.h"

typedef void (*index_row_fn)(void *user, const struct extent *e);

static inline void index_each(sqlite3 *db, index_row_fn each, void *user) {
    sqlite3_stmt *all = NULL;
    int rc;
    assert_int_equal(sqlite3_prepare_v2(db, order_all_blocks_sql, -1, &all, NULL), SQLITE_OK);
    while ((rc = sqlite3_step(all)) == SQLITE_ROW) {
        struct order_block block;
        assert_true(order_block_open(sqlite3_column_blob(all, 1),
                                     (size_t)sqlite3_column_bytes(all, 1), &block));
        for (size_t i = 0; i < block.n; i++) {
            const struct extent e = order_block_extent(&block, i);
            each(user, &e);
        }
    }
    assert_int_equal(rc, SQLITE_DONE);
    sqlite3_finalize(all);
}

struct index_sums {
    int64_t ids, extents;
};
static inline void index_add_up(void *user, const struct extent *e) {
    struct index_sums *sums = user;
    sums->ids += e->n;
    sums->extents++;
}
static inline struct index_sums index_sums(sqlite3 *db) {
    struct index_sums sums = {0};
    index_each(db, index_add_up, &sums);
    return sums;
}

static inline void index_put_row(void *user, const struct extent *e) {
    sqlite3_stmt *put = user;
    sqlite3_bind_int64(put, 1, e->key);
    sqlite3_bind_int64(put, 2, e->position);
    sqlite3_bind_int64(put, 3, e->n);
    assert_true(sqlite_do(put));
}

// All rows of the table become one run, a block each: a block of several would not hold an n of 0.
static inline void index_write_rows(sqlite3 *db) {
    sqlite3_stmt *rows = NULL, *put = NULL;
    int rc;
    int64_t number = 0;
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT * FROM order_index ORDER BY key", -1, &rows, 0),
                     SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "INSERT INTO order_blocks VALUES ((1 << 32) + ?1, 1, "
                                        "?2, ?3)",
                                        -1, &put, NULL),
                     SQLITE_OK);
    while ((rc = sqlite3_step(rows)) == SQLITE_ROW) {
        struct order_block_draft draft = {.n = 0};
        uint8_t bytes[ORDER_BLOCK_BYTES];
        const struct extent e = {sqlite3_column_int64(rows, 0), sqlite3_column_int64(rows, 1),
                                 sqlite3_column_int64(rows, 2)};
        assert_true(order_block_add(&draft, &e));
        sqlite3_bind_int64(put, 1, number++);
        sqlite3_bind_int64(put, 2, e.key);
        sqlite3_bind_blob(put, 3, bytes, (int)order_block_write(&draft, bytes), SQLITE_TRANSIENT);
        assert_true(sqlite_do(put));
    }
    assert_int_equal(rc, SQLITE_DONE);
    sqlite3_finalize(rows);
    sqlite3_finalize(put);
}

// Lets SQL change the index of a closed shop as a table order_index (key, position, n).
static inline void index_tamper(const struct shop *shop, const char *sql) {
    sqlite3 *db = shop_sql_open(shop);
    sqlite3_stmt *put = NULL;
    char *why = NULL;
    assert_int_equal(sqlite3_exec(db,
                                  "BEGIN; CREATE TABLE order_index (key INTEGER PRIMARY KEY, "
                                  "position INTEGER, n INTEGER)",
                                  NULL, NULL, &why),
                     SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "INSERT INTO order_index VALUES (?1, ?2, ?3)", -1, &put, NULL),
        SQLITE_OK);
    index_each(db, index_put_row, put);
    sqlite3_finalize(put);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) {
        fail_msg("%s: %s", sql, why);
    }
    assert_int_equal(
        sqlite3_exec(db, "DELETE FROM order_blocks; DELETE FROM order_runs;", NULL, NULL, NULL),
        SQLITE_OK);
    index_write_rows(db);
    assert_int_equal(
        sqlite3_exec(db,
                     "INSERT INTO order_runs SELECT 1, 1, NULL, count(*), min(key), max(key + "
                     "CASE WHEN n BETWEEN 1 AND 9223372036854775807 - abs(key) THEN n - 1 ELSE 0 "
                     "END) FROM order_index HAVING count(*) > 0; DROP TABLE order_index; COMMIT",
                     NULL, NULL, &why),
        SQLITE_OK);
    sqlite3_close(db);
}
