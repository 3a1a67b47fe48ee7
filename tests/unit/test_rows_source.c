// SPDX-License-Identifier: MIT
// Rows in record format and pages of a table, read by SQLite: what comes out is what an INSERT of
// the same values would have stored, of every size of value and of row, with one page and with
// many.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/heap.h"
#include "store/sqlite/rows_source.h"
#include <stdlib.h>
#include <string.h>

struct world {
    sqlite3 *db;
    struct rows_source source;
    sqlite3_stmt *bind; // the same values by SQLite's own means, into `by_insert`
};

#define SHAPE "(reserved, id NOT NULL, a INTEGER NOT NULL, b INTEGER NOT NULL, words TEXT)"
#define COPY "INSERT INTO main.rows SELECT * FROM arriving.rows"

static void must(sqlite3 *db, const char *sql) {
    char *why = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) {
        fail_msg("%s: %s", sql, why);
    }
}

static int64_t number_of(sqlite3 *db, const char *sql) {
    int64_t n = -1;
    struct error err;
    assert_true(sqlite_int(db, sql, -1, &n, &err));
    return n;
}

static int open_world(void **state) {
    struct world *w = calloc(1, sizeof *w);
    struct error err = {0};
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI;
    assert_int_equal(sqlite3_open_v2(":memory:", &w->db, flags, NULL), SQLITE_OK);
    must(w->db, "CREATE TABLE rows " SHAPE "; CREATE TABLE by_insert " SHAPE);
    assert_true(rows_source_open(&w->source, w->db, "rows", &err));
    assert_true(sqlite_prepare(w->db, "INSERT INTO by_insert VALUES (NULL, ?1, ?2, ?3, ?4)",
                               &w->bind, &err));
    *state = w;
    return 0;
}

static int close_world(void **state) {
    struct world *w = *state;
    sqlite3_finalize(w->bind);
    assert_int_equal(sqlite3_close(w->db), SQLITE_OK);
    rows_source_close(&w->source);
    free(w);
    return 0;
}

static void put_record(struct sql_record *r, struct ident id, int64_t a, int64_t b, struct text t) {
    record_begin(r);
    record_null(r);
    if (id.num >= 0) {
        record_i64(r, id.num);
    } else {
        record_text(r, id.text);
    }
    record_i64(r, a);
    record_i64(r, b);
    record_text(r, t);
}

// Into the source, and by SQLite's own means.
static void put(struct world *w, struct ident id, int64_t a, int64_t b, struct text words) {
    put_record(&w->source.row, id, a, b, words);
    assert_true(rows_source_add(&w->source));
    sqlite_bind_ident(w->bind, 1, id);
    sqlite3_bind_int64(w->bind, 2, a);
    sqlite3_bind_int64(w->bind, 3, b);
    sqlite_bind_text(w->bind, 4, words);
    assert_true(sqlite_do(w->bind));
}

static void begin(struct world *w) {
    must(w->db, "BEGIN IMMEDIATE");
    assert_true(rows_source_begin(&w->source));
}

static void expect_same(struct world *w, int64_t n) {
    static const char *const differing =
        "SELECT count(*) FROM main.rows r JOIN by_insert i ON i.rowid = r.rowid "
        "WHERE r.reserved IS NOT i.reserved OR r.id IS NOT i.id OR typeof(r.id) <> typeof(i.id) "
        "OR r.a IS NOT i.a OR r.b IS NOT i.b OR r.words IS NOT i.words "
        "OR typeof(r.words) <> typeof(i.words)";
    assert_int_equal(number_of(w->db, "SELECT count(*) FROM main.rows"), n);
    assert_int_equal(number_of(w->db, "SELECT max(rowid) FROM main.rows"), n);
    assert_int_equal(number_of(w->db, "SELECT count(*) FROM by_insert"), n);
    assert_int_equal(number_of(w->db, differing), 0);
    sqlite3_stmt *check;
    struct error err;
    assert_true(sqlite_prepare(w->db, "PRAGMA main.integrity_check", &check, &err));
    assert_int_equal(sqlite3_step(check), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(check, 0), "ok");
    sqlite3_finalize(check);
}

static void copy(struct world *w, int64_t n_before, int64_t n) {
    assert_true(rows_source_end(&w->source));
    must(w->db, COPY);
    assert_int_equal(sqlite3_changes64(w->db), n);
    assert_int_equal(sqlite3_last_insert_rowid(w->db), n_before + n);
    must(w->db, "COMMIT");
    expect_same(w, n_before + n);
}

static const struct ident one = {1, {0}};

static void integers_of_every_size_come_out(void **state) {
    struct world *w = *state;
    int64_t n = 0;
    begin(w);
    for (int bits = 0; bits < 64; bits++) {
        for (int64_t beside = -2; beside <= 2; beside++) {
            uint64_t v = (UINT64_C(1) << bits) + (uint64_t)beside;
            put(w, (struct ident){(int64_t)(v & INT64_MAX), TEXT_NONE}, (int64_t)v,
                (int64_t)(0 - v), TEXT_NONE);
            n++;
        }
    }
    put(w, one, INT64_MIN, INT64_MAX, TEXT_NONE);
    copy(w, 0, n + 1);
}

static void texts_of_every_length_come_out(void **state) {
    struct world *w = *state;
    // Around the ends of a page, of what a leaf keeps of a row, and of a chain of pages.
    static const size_t lengths[] = {
        0,    1,    56,   57,   58,   127,  128,  4000,  4040,  4043,  4044,  4045,  4046,
        4047, 4048, 4049, 4050, 4051, 4052, 4053, 4054,  4055,  4056,  4057,  4058,  4059,
        4060, 4061, 4062, 4096, 4530, 8150, 8192, 16370, 16383, 16384, 16385, 65536, 1048576};
    char *words = malloc(1048576);
    for (size_t i = 0; i < 1048576; i++) {
        words[i] = (char)('a' + i * 31 % 25);
    }
    begin(w);
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        put(w, (struct ident){-1, {words, i % 70}}, 7, 8, (struct text){words, lengths[i]});
        put(w, one, 1, 0, TEXT_LIT("short"));
    }
    for (size_t len = 3900; len < 4200; len++) {
        put(w, one, (int64_t)len, 300, (struct text){words, len});
    }
    copy(w, 0, 2 * (int64_t)COUNT_OF(lengths) + 300);
    free(words);
}

// As many as need a level between root and leaves, the rows of more and more batches.
static void many_rows_come_out_batch_after_batch(void **state) {
    struct world *w = *state;
    static const int64_t sizes[] = {1, 2, 100, 31000, 1, 90000, 7};
    int64_t n = 0;
    for (size_t k = 0; k < COUNT_OF(sizes); k++) {
        begin(w);
        for (int64_t i = 0; i < sizes[k]; i++) {
            put(w, (struct ident){n + i, TEXT_NONE}, i * 1000003 % 8192 - 4000, n * i,
                i % 3 == 0 ? TEXT_NONE : TEXT_LIT("some words of the usual length"));
        }
        copy(w, n, sizes[k]);
        n += sizes[k];
    }
}

static void a_batch_that_is_rolled_back_leaves_nothing(void **state) {
    struct world *w = *state;
    begin(w);
    put(w, one, 2, 3, TEXT_LIT("kept"));
    copy(w, 0, 1);
    for (int k = 0; k < 3; k++) {
        begin(w);
        for (int i = 0; i < 500; i++) {
            put(w, one, 50 + k, 60 + i, TEXT_LIT("not kept"));
        }
        assert_true(rows_source_end(&w->source));
        must(w->db, COPY);
        must(w->db, "ROLLBACK");
        expect_same(w, 1);
    }
    begin(w);
    put(w, one, 4, 5, TEXT_LIT("kept, too"));
    copy(w, 1, 1);
}

// As long as a statement is not reset SQLite stays in the read transaction in which it began, and
// would show the pages that it has seen.
static void a_transaction_that_would_see_rows_of_before_gets_none(void **state) {
    struct world *w = *state;
    sqlite3_stmt *stays;
    struct error err;
    begin(w);
    put(w, one, 1, 2, TEXT_LIT("first"));
    copy(w, 0, 1);
    assert_true(sqlite_prepare(w->db, "SELECT 1 FROM rows UNION ALL SELECT 2", &stays, &err));
    assert_int_equal(sqlite3_step(stays), SQLITE_ROW);
    begin(w);
    put(w, one, 3, 4, TEXT_LIT("second"));
    assert_true(rows_source_end(&w->source));
    must(w->db, COPY "; COMMIT"); // it looked, so these are right
    must(w->db, "BEGIN IMMEDIATE");
    assert_false(rows_source_begin(&w->source));
    must(w->db, "ROLLBACK");
    sqlite3_finalize(stays);
    expect_same(w, 2);
    begin(w);
    put(w, one, 5, 6, TEXT_LIT("third"));
    copy(w, 2, 1);
}

static void nobody_writes_into_it(void **state) {
    struct world *w = *state;
    assert_int_equal(sqlite3_exec(w->db, "INSERT INTO arriving.rows VALUES (NULL, 1, 2, 3, 'x')",
                                  NULL, NULL, NULL),
                     SQLITE_READONLY);
    assert_int_equal(number_of(w->db, "SELECT count(*) FROM arriving.rows"), 0);
}

// Else each row would be taken apart and put together again: right, but slow.
static void rows_are_copied_whole(void **state) {
    struct world *w = *state;
    sqlite3_stmt *plan;
    struct error err;
    bool whole = false;
    assert_true(sqlite_prepare(w->db, "EXPLAIN " COPY, &plan, &err));
    while (sqlite3_step(plan) == SQLITE_ROW) {
        const char *step = (const char *)sqlite3_column_text(plan, 1);
        assert_string_not_equal(step, "MakeRecord");
        assert_string_not_equal(step, "NotExists"); // a search for each row
        // Which of the two it is depends on how SQLite was built.
        whole = whole || strcmp(step, "RowData") == 0 || strcmp(step, "RowCell") == 0;
    }
    assert_true(whole);
    sqlite3_finalize(plan);
}

// The n-th request for memory is refused, for every n: the batch is told, the next one is whole.
static int64_t until_refused;
static bool refuse(void *user, size_t n_bytes) {
    (void)user;
    (void)n_bytes;
    return until_refused >= 0 && until_refused-- == 0;
}

static bool put_batch(struct table_pages *p, struct sql_record *r, struct text words) {
    bool ok = true;
    struct text row;
    table_pages_clear(p);
    for (int i = 0; ok && i < 12000; i++) {
        put_record(r, one, i, -i, i % 1000 == 999 ? words : TEXT_NONE);
        ok = record_end(r, &row) && table_pages_add(p, row);
    }
    return ok && table_pages_end(p);
}

static void memory_that_is_refused_is_told(void **state) {
    (void)state;
    char *words = calloc(1, 100000);
    bool whole = false;
    for (int64_t at = 0; !whole; at++) {
        struct table_pages p;
        struct sql_record r = {0};
        assert_true(at < 200);
        until_refused = at;
        mem_set_fail_hook(refuse, NULL);
        if (table_pages_init(&p, TEXT_LIT("rows"), TEXT_LIT("CREATE TABLE rows " SHAPE))) {
            whole = put_batch(&p, &r, (struct text){words, 100000}) && until_refused >= 0;
            until_refused = -1;
            record_free(&r);
            assert_true(put_batch(&p, &r, (struct text){words, 100000}));
            assert_int_equal(p.n_rows, 12000);
        }
        mem_set_fail_hook(NULL, NULL);
        record_free(&r);
        table_pages_free(&p);
    }
    free(words);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(integers_of_every_size_come_out, open_world, close_world),
        cmocka_unit_test_setup_teardown(texts_of_every_length_come_out, open_world, close_world),
        cmocka_unit_test_setup_teardown(many_rows_come_out_batch_after_batch, open_world,
                                        close_world),
        cmocka_unit_test_setup_teardown(a_batch_that_is_rolled_back_leaves_nothing, open_world,
                                        close_world),
        cmocka_unit_test_setup_teardown(rows_are_copied_whole, open_world, close_world),
        cmocka_unit_test_setup_teardown(a_transaction_that_would_see_rows_of_before_gets_none,
                                        open_world, close_world),
        cmocka_unit_test_setup_teardown(nobody_writes_into_it, open_world, close_world),
        cmocka_unit_test(memory_that_is_refused_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
