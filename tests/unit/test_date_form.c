// SPDX-License-Identifier: MIT
// Times of a form that is told, and counts since 1970.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "guard_page.h"
#include "order/date_form.h"

static struct guard_page guard;

static const char *read_form(const char *form, const char *text) {
    static char out[DATE_FORM_BYTES + 1];
    size_t n = 0;
    struct error err;
    assert_true(date_form_check(form, &err));
    if (!date_form_read(form, guard_page_place(&guard, text_of(text)), out, &n)) {
        return "";
    }
    out[n] = '\0';
    return out;
}

static void the_forms_of_spreadsheets_and_shops_are_read(void **state) {
    (void)state;
    static const struct {
        const char *form, *text, *want;
    } cases[] = {
        {"%d.%m.%Y %H:%M", "30.09.2025 23:45", "2025-09-30T23:45:00"},
        {"%d.%m.%Y %H:%M", "1.2.2025 3:04", "2025-02-01T03:04:00"},
        {"%m/%d/%Y", "11/8/2016", "2016-11-08"},
        {"%m/%d/%y", "07/16/22", "2022-07-16"},
        {"%D", "07/16/69", "1969-07-16"},
        {"%m-%d-%y", "04-30-68", "2068-04-30"},
        {"%m/%d/%Y %I:%M:%S %p", "1/2/2026 12:05:09 AM", "2026-01-02T00:05:09"},
        {"%m/%d/%Y %I:%M %p", "1/2/2026 12:05 pm", "2026-01-02T12:05:00"},
        {"%b %d, %Y %H:%M %p", "Jan 2, 2026 14:05 PM",
         "2026-01-02T14:05:00"}, // 24 hours and a half
        {"%b %d, %Y %H:%M %p", "Jan 2, 2026 02:05 PM", "2026-01-02T14:05:00"},
        {"%b %d, %Y %H:%M %p", "Jan 2, 2026 00:05 AM", "2026-01-02T00:05:00"},
        {"%b %d, %Y", "Sep 3, 2025", "2025-09-03"},
        {"%d %B %Y", "3 september 2025", "2025-09-03"},
        {"%a, %d %b %Y %T %z", "Tue, 03 Mar 2026 10:11:12 +0100", "2026-03-03T10:11:12+01:00"},
        {"%a %b %e %T %Y", "Tue Mar  3 10:11:12 2026", "2026-03-03T10:11:12"},
        {"%A %d-%h-%y", "Tuesday 03-MAR-26", "2026-03-03"},
        {"%F %T%z", "2026-03-03 10:11:12.125-03:30", "2026-03-03T10:11:12.125-03:30"},
        {"%Y%m%d%H%M%S", "20260303101112", "2026-03-03T10:11:12"},
        {"%Y/%m/%d %R %z", "2026/03/03 10:11 UTC", "2026-03-03T10:11:00Z"},
        {"%Y.%m.%d %z", "2026.03.03 +05", "2026-03-03T00:00:00+05:00"},
        {"%d%%%m%t%Y", "3%4   2026", "2026-04-03"},
        {"%d/%m/%Y %H:%M:%S.%f", "3/4/2026 1:2:3.000001", "2026-04-03T01:02:03.000001"},
        {"%d/%m/%Y %T", "3/4/2026 01:02:03,5", "2026-04-03T01:02:03.5"},
        {"%d/%m/%Y", "31/2/2026", "2026-02-31"}, // no such date: for the rules to say
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_string_equal(read_form(cases[i].form, cases[i].text), cases[i].want);
    }
}

static void what_has_another_form_is_not_read(void **state) {
    (void)state;
    static const char *const wrong[][2] = {{"%m/%d/%Y", "11/8/16"},
                                           {"%d/%m/%Y", "31/13/2026"},
                                           {"%m/%d/%Y", "18/07/2026"},
                                           {"%F", "2026-00-01"},
                                           {"%F", "2026-01-32"},
                                           {"%m/%d/%y", "11/8/2016"},
                                           {"%m/%d/%Y", "11-8-2016"},
                                           {"%m/%d/%Y", "11/8/2016 "},
                                           {"%m/%d/%Y", ""},
                                           {"%m/%d/%Y", "/8/2016"},
                                           {"%m/%d/%Y", "011/8/2016"},
                                           {"%d %b %Y", "3 Mrz 2026"},
                                           {"%F %I:%M %p", "2026-01-01 13:00 PM"},
                                           {"%F %I:%M %p", "2026-01-01 0:00 AM"},
                                           {"%F %H:%M %p", "2026-01-01 14:00 AM"},
                                           {"%F %I:%M %p", "2026-01-01 1:00 XM"},
                                           {"%F %T%z", "2026-01-01 10:00:00"},
                                           {"%F %T%z", "2026-01-01 10:00:00 +1"},
                                           {"%F %T%z", "2026-01-01 10:00:00+01:"},
                                           {"%F", "2026-1"},
                                           {"%F %T", "2026-01-01 10:00:00."},
                                           {"%F %T", "2026-01-01 10:00:00.1234567890"},
                                           {"%a %F", "Di 2026-01-01"}};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_string_equal(read_form(wrong[i][0], wrong[i][1]), "");
    }
}

static void a_form_must_say_a_date(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "",
        "%",
        "%d.%m",
        "%Y-%m",
        "%Q-%m-%d-%Y",
        "%H:%M",
        "%F %I:%M",
        "%F %p",
        "%s",
        "%EY-%m-%d",
        "%F                                                               "};
    struct error err;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_false(date_form_check(wrong[i], &err));
        assert_int_equal(err.cls, ERROR_USAGE);
    }
}

static void a_count_since_1970_is_of_the_unit_that_is_told(void **state) {
    (void)state;
    static const struct {
        enum epoch_unit unit;
        const char *text;
        int64_t ms;
    } cases[] = {{EPOCH_S, "1789000000", INT64_C(1789000000000)},
                 {EPOCH_S, "1789000000.5", INT64_C(1789000000500)},
                 {EPOCH_S, "1789000000.0019999", INT64_C(1789000000001)},
                 {EPOCH_S, "0", 0},
                 {EPOCH_MS, "1789000000123", INT64_C(1789000000123)},
                 {EPOCH_MS, "1789000000123.9", INT64_C(1789000000123)},
                 {EPOCH_US, "1789000000123456", INT64_C(1789000000123)},
                 {EPOCH_NS, "1789000000123456789", INT64_C(1789000000123)},
                 {EPOCH_NS, "999999", 0}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t ms;
        assert_true(
            epoch_read(cases[i].unit, guard_page_place(&guard, text_of(cases[i].text)), &ms));
        assert_true(ms == cases[i].ms);
    }
    static const char *const wrong[] = {"",      "-1",          "+1", "1e9", ".5",
                                        "5.",    "1.x",         "x",  "1 ",  "12345678901234567890",
                                        "1.2.3", "100000000001"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        int64_t ms;
        assert_false(epoch_read(EPOCH_S, guard_page_place(&guard, text_of(wrong[i])), &ms));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_forms_of_spreadsheets_and_shops_are_read),
        cmocka_unit_test(what_has_another_form_is_not_read),
        cmocka_unit_test(a_form_must_say_a_date),
        cmocka_unit_test(a_count_since_1970_is_of_the_unit_that_is_told),
    };
    guard = guard_page_new(4096);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    guard_page_free(&guard);
    return failed;
}
