// SPDX-License-Identifier: MIT
// SQL literals, and the order in which cells are written.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "engine/zone_file.h"
#include "store/mysql/mysql_cells.h"
#include "store/mysql/mysql_sql.h"
#include <stdio.h>
#include <stdlib.h>

static struct buf out;

static const char *written(void) {
    static char text[1024];
    assert_false(out.failed);
    assert_true(out.len < sizeof text);
    memcpy(text, out.at, out.len);
    text[out.len] = '\0';
    buf_clear(&out);
    return text;
}
#define WRITES(call, expected)                                                                     \
    do {                                                                                           \
        call;                                                                                      \
        assert_string_equal(written(), expected);                                                  \
    } while (0)

static void what_could_end_a_text_is_escaped_and_nothing_else(void **state) {
    UNUSED(state);
    WRITES(sql_put_text(&out, TEXT_LIT("")), "''");
    WRITES(sql_put_text(&out, TEXT_NONE), "NULL");
    WRITES(sql_put_text(&out, TEXT_LIT("O'Brien")), "'O\\'Brien'");
    WRITES(sql_put_text(&out, TEXT_LIT("a\\")), "'a\\\\'");
    WRITES(sql_put_text(&out, TEXT_LIT("\\'\\'")), "'\\\\\\'\\\\\\''");
    WRITES(sql_put_text(&out, TEXT_LIT("a\0b")), "'a\\0b'");
    WRITES(sql_put_text(&out, TEXT_LIT("\"`%_\n\x1A;--\xF0\x9F\x98\x80")),
           "'\"`%_\n\x1A;--\xF0\x9F\x98\x80'");
}

// A literal ends where it should for every text of a few dangerous characters.
static void no_text_of_dangerous_characters_gets_out_of_its_quotes(void **state) {
    UNUSED(state);
    static const char characters[] = {'\'', '\\', '\0', 'a'};
    enum { LEN = 6 };
    for (int number = 0; number < 1 << (2 * LEN); number++) {
        char text[LEN];
        for (int i = 0; i < LEN; i++) {
            text[i] = characters[number >> (2 * i) & 3];
        }
        sql_put_text(&out, (struct text){text, LEN});
        size_t at = 1, n = 0;
        while (at < out.len && out.at[at] != '\'') { // as the server reads it
            char c = out.at[at++];
            if (c == '\\') {
                c = out.at[at] == '0' ? '\0' : out.at[at];
                at++;
            }
            assert_true(n < LEN && text[n] == c);
            n++;
        }
        assert_int_equal(n, LEN);
        assert_int_equal(at, out.len - 1);
        buf_clear(&out);
    }
}

static void bytes_are_hex_and_readable_text_is_always_utf_8(void **state) {
    UNUSED(state);
    WRITES(sql_put_bytes(&out, TEXT_LIT("\0\x7F\xFFz")), "X'007FFF7A'");
    WRITES(sql_put_bytes(&out, TEXT_LIT("")), "X''");
    WRITES(sql_put_bytes(&out, TEXT_NONE), "NULL");
    WRITES(sql_put_readable(&out, TEXT_LIT("caf\xC3\xA9'")), "'caf\xC3\xA9\\''");
    WRITES(sql_put_readable(&out, TEXT_LIT("\xFF'\xC3\\\xE2\x82")),
           "'\xEF\xBF\xBD\\'\xEF\xBF\xBD\\\\\xEF\xBF\xBD\xEF\xBF\xBD'");
}

static void numbers_and_times_are_exact(void **state) {
    UNUSED(state);
    WRITES(sql_put_amount(&out, -123456), "-12.3456");
    WRITES(sql_put_amount(&out, INT64_MAX), "922337203685477.5807");
    WRITES(sql_put_instant(&out, INT64_C(1767268800123)), "'2026-01-01 12:00:00.123'");
    WRITES(sql_put_minute(&out, 0), "'1970-01-01 00:00:00'");
    WRITES(sql_put_minute(&out, 29454480), "'2026-01-01 12:00:00'");
    WRITES(sql_put_hour(&out, 490908), "'2026-01-01 12:00:00'");
    WRITES(sql_put_day(&out, 20454), "'2026-01-01'");
    WRITES(sql_put_day(&out, -1), "'1969-12-31'");
    WRITES(sql_put_ident(&out, ((struct ident){7, TEXT_NONE})), "'7'");
    WRITES(sql_put_ident(&out, ((struct ident){-1, TEXT_LIT("a'")})), "'a\\''");
    WRITES(sql_put_ident(&out, IDENT_NONE), "NULL");
    WRITES(sql_put_name(&out, "a`b"), "`a``b`");
    const struct measures m = {1, -2, 3, 4, 5, 6, -70000, 8, 9, 10};
    WRITES(sql_put_measures(&out, &m), "1,-2,0.0003,0.0004,0.0005,0.0006,-7.0000,8,9,0.0010");
}

// --- Order of cells

static struct order order_of(const char *source, const char *state, int64_t product,
                             int64_t created_ms) {
    return (struct order){.order_id = {1, TEXT_NONE},
                          .customer_id = IDENT_NONE,
                          .product_id = {product, TEXT_NONE},
                          .source = text_of(source),
                          .state = text_of(state),
                          .currency = "USD",
                          .created_ms = created_ms,
                          .quantity = 1,
                          .total_e4 = 1};
}

static void put_cell(struct cube *cube, const struct cube_cell *cell) {
    static const char letters[CUBE_TABLES] = {'t', 'm', 'h', 'd', 'p'};
    char digits[24];
    buf_printf(&out, "%c%d:", letters[cell->table], cell->bucket);
    if (cell->table == CUBE_PRODUCT) {
        buf_put_text(&out, ident_text(cube_product(cube, cell->dim)->product_id, digits));
    } else {
        buf_put_text(&out, cube_group(cube, cell->dim)->source);
        buf_put_text(&out, cube_group(cube, cell->dim)->state);
    }
    buf_put_char(&out, ' ');
}

static void cells_are_sorted_by_table_bucket_and_text_whatever_came_first(void **state) {
    UNUSED(state);
    struct zone *zone;
    struct error err;
    assert_true(zone_open("America/New_York", &zone, &err)); // day -1 at 01:00 UTC
    static const int orders_of[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}};
    const struct order events[] = {order_of("b", "A", 10, 3600000), order_of("a", "B", 9, 7200000),
                                   order_of("a", "A", 10, 36000000),
                                   order_of("B", "A", 1, 3600000)};
    for (size_t i = 0; i < COUNT_OF(orders_of); i++) {
        struct cube *cube = mem_must(cube_new(zone, NULL));
        struct mysql_cells *cells = mysql_cells_new();
        for (int k = 0; k < 4; k++) {
            assert_int_equal(cube_add(cube, &events[orders_of[i][k]], 0, 0, &(uint32_t){0}),
                             CUBE_OK);
        }
        mysql_cells_sort(cells, cube, 61, 0); // minute 60 is past its retention
        for (size_t k = 0; k < mysql_cells_n(cells); k++) {
            put_cell(cube, mysql_cells_at(cells, k));
        }
        assert_string_equal(written(), "m120:aB m600:aA "
                                       "h1:BA h1:bA h2:aB h10:aA "
                                       "d-1:BA d-1:aB d-1:bA d0:aA "
                                       "p-1:1 p-1:10 p-1:9 p0:10 "
                                       "t0:BA t0:aA t0:aB t0:bA ");
        mysql_cells_free(cells);
        cube_free(cube);
    }
    zone_free(zone);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_could_end_a_text_is_escaped_and_nothing_else),
        cmocka_unit_test(no_text_of_dangerous_characters_gets_out_of_its_quotes),
        cmocka_unit_test(bytes_are_hex_and_readable_text_is_always_utf_8),
        cmocka_unit_test(numbers_and_times_are_exact),
        cmocka_unit_test(cells_are_sorted_by_table_bucket_and_text_whatever_came_first),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_free(&out);
    return failed;
}
