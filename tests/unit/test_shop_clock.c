// SPDX-License-Identifier: MIT
// The years of shop_clock against the zone they are made of.
#include "engine/zone_file.h"
#include "store/shop_clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

// What a view does with a row.
static int32_t offset_by_row(const struct shop_clock_year *row, int64_t utc_s) {
    int32_t offset_s = row->offset_s;
    for (int k = 0; k < row->n_changes; k++) {
        offset_s = utc_s >= row->changes[k].at_s ? row->changes[k].offset_s : offset_s;
    }
    return offset_s;
}

static void hold_year(const struct zone *z, int year, int64_t begin_s, int64_t end_s) {
    struct shop_clock_year row;
    assert_true(shop_clock_year_of(z, year, &row));
    assert_int_equal(row.year, year);
    for (int64_t s = begin_s; s < end_s; s += 3607) {
        assert_int_equal(offset_by_row(&row, s), zone_offset_s(z, s));
    }
    assert_int_equal(offset_by_row(&row, end_s - 1), zone_offset_s(z, end_s - 1));
    for (int k = 0; k < row.n_changes; k++) { // to the second
        int64_t at_s = row.changes[k].at_s;
        assert_int_equal(offset_by_row(&row, at_s - 1), zone_offset_s(z, at_s - 1));
        assert_int_equal(offset_by_row(&row, at_s), zone_offset_s(z, at_s));
        assert_true(zone_offset_s(z, at_s - 1) != zone_offset_s(z, at_s));
    }
}

static void every_instant_of_every_year_has_the_offset_of_its_zone(void **state) {
    (void)state;
    // The last two changed their clocks four times a year.
    static const char *const names[] = {"UTC",          "America/New_York",  "Asia/Kolkata",
                                        "Pacific/Apia", "Africa/Casablanca", "Africa/Cairo"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct error err = {0};
        struct zone *z;
        assert_true(zone_open(names[i], &z, &err));
        int64_t begin_s = 0;
        for (int year = SHOP_CLOCK_FIRST_YEAR; year <= SHOP_CLOCK_LAST_YEAR; year++) {
            bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
            int64_t end_s = begin_s + (leap ? 366 : 365) * INT64_C(86400);
            hold_year(z, year, begin_s, end_s);
            begin_s = end_s;
        }
        zone_free(z);
    }
}

enum { N_CHANGES = 5 };

// A file of two types (UTC, +01:00) with five changes, the first of 1970 and the others a day
// apart.
static struct text busy_zone(char at[static 256]) {
    static const char head[] = "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    size_t n = 0;
    for (int block = 0; block < 2; block++) {
        memcpy(at + n, head, 20);
        memset(at + n + 20, 0, 24);
        at[n + 20 + 15] = (char)(block == 0 ? 0 : N_CHANGES); // transitions
        at[n + 20 + 19] = (char)(block == 0 ? 0 : 2);         // types
        at[n + 20 + 23] = (char)(block == 0 ? 0 : 4);         // bytes of names
        n += 44;
    }
    for (int k = 1; k <= N_CHANGES; k++) {
        uint64_t at_s = (uint64_t)k * 86400;
        for (int byte = 7; byte >= 0; byte--) {
            at[n++] = (char)(at_s >> (8 * byte) & 0xff);
        }
    }
    for (int k = 0; k < N_CHANGES; k++) {
        at[n++] = (char)((k + 1) % 2);
    }
    memcpy(at + n, "\0\0\0\0\0\0\0\0\016\020\1\0XXX\0\nUTC0\n", 22);
    return (struct text){at, n + 22};
}

static void a_year_with_too_many_changes_is_left_out(void **state) {
    (void)state;
    char bytes[256];
    struct error err = {0};
    struct zone *z;
    struct shop_clock_year row;
    if (!zone_from_bytes("Test/Busy", "busy", busy_zone(bytes), NULL, &z, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(zone_offset_s(z, 86400), 3600);
    assert_false(shop_clock_year_of(z, 1970, &row));
    assert_true(shop_clock_year_of(z, 1971, &row));
    zone_free(z);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_instant_of_every_year_has_the_offset_of_its_zone),
        cmocka_unit_test(a_year_with_too_many_changes_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
