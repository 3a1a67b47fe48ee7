// SPDX-License-Identifier: MIT
// Money: every spelling of an amount, exactly. Inputs end at a guard page.
#include "guard_page.h"
#include "order/money.h"
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cmocka.h>

#define UNTOUCHED INT64_C(-77)

static struct guard_page guard; // made by main

static enum money_result parse(struct text t, int64_t *out_e4, bool *rounded) {
    *out_e4 = UNTOUCHED;
    *rounded = false;
    return money_parse(guard_page_place(&guard, t), out_e4, rounded);
}

static void expect_ok(const char *spelling, int64_t want_e4, bool want_rounded) {
    int64_t e4;
    bool rounded;
    enum money_result got = parse(text_of(spelling), &e4, &rounded);
    if (got != MONEY_OK || e4 != want_e4 || rounded != want_rounded) {
        fail_msg("%.60s: result %d, %" PRId64 ", rounded %d; wanted %" PRId64 ", rounded %d",
                 spelling, got, e4, rounded, want_e4, want_rounded);
    }
}

static void expect_refused(const char *spelling, enum money_result want) {
    int64_t e4;
    bool rounded;
    enum money_result got = parse(text_of(spelling), &e4, &rounded);
    if (got != want || e4 != UNTOUCHED) {
        fail_msg("\"%.60s\": result %d, %" PRId64 "; wanted %d and no value", spelling, got, e4,
                 want);
    }
}

static void a_plain_amount_is_its_count_of_ten_thousandths(void **state) {
    UNUSED(state);
    expect_ok("0", 0, false);
    expect_ok("7", 70000, false);
    expect_ok("10", 100000, false);
    expect_ok("123.45", 1234500, false);
    expect_ok("0.5", 5000, false);
    expect_ok("0.0001", 1, false);
    expect_ok("1.0000", 10000, false);
    expect_ok("999.9999", 9999999, false);
    expect_ok("99999999", INT64_C(999999990000), false);
    expect_ok("100000000", INT64_C(1000000000000), false);
    expect_ok("123456789012.3456", INT64_C(1234567890123456), false);
}

static void a_number_written_by_people_is_read_from_texts_alone(void **state) {
    UNUSED(state);
    static const struct {
        const char *text;
        int64_t e4;
    } written[] = {{"+5", 50000},    {"05.00", 50000},
                   {".5", 5000},     {"5.", 50000},
                   {"000", 0},       {"+.25", 2500},
                   {"-0", 0},        {"007.50", 75000},
                   {"1e2", 1000000}, {"0000000000000000000000000000000001", 10000}};
    static const char *const wrong[] = {"",  "+",   ".",     "+.",  "-.",   "+-5", "-+5",
                                        "e", "5,0", "1 000", "5..", ".5.5", ".e5"};
    for (size_t i = 0; i < COUNT_OF(written); i++) {
        int64_t e4;
        bool rounded;
        assert_int_equal(
            money_parse_text(guard_page_place(&guard, text_of(written[i].text)), &e4, &rounded),
            MONEY_OK);
        assert_true(e4 == written[i].e4 && !rounded);
    }
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        int64_t e4;
        bool rounded;
        assert_int_equal(
            money_parse_text(guard_page_place(&guard, text_of(wrong[i])), &e4, &rounded),
            MONEY_NOT_A_NUMBER);
    }
    expect_refused("+5", MONEY_NOT_A_NUMBER); // JSON's numbers are not so
    expect_refused("05.00", MONEY_NOT_A_NUMBER);
    expect_refused(".5", MONEY_NOT_A_NUMBER);
    expect_refused("5.", MONEY_NOT_A_NUMBER);
}

static void zeros_at_the_end_are_not_rounding(void **state) {
    UNUSED(state);
    expect_ok("1.00000", 10000, false);
    expect_ok("1.23450000000000000000000000000000000000000000", 12345, false);
    expect_ok("0.00000000000000000000000000000000", 0, false);
    expect_ok("1.00000000000000000000000000000001", 10000, true);
}

static void the_fifth_decimal_rounds_half_to_even(void **state) {
    UNUSED(state);
    expect_ok("0.00005", 0, true);
    expect_ok("0.00015", 2, true);
    expect_ok("0.00025", 2, true);
    expect_ok("0.00035", 4, true);
    expect_ok("0.00004", 0, true);
    expect_ok("0.00006", 1, true);
    expect_ok("0.000049999999999999999999999", 0, true);
    expect_ok("0.000050000000000000000000001", 1, true);
    expect_ok("0.00024999", 2, true);
    expect_ok("0.00025001", 3, true);
    expect_ok("0.000009", 0, true);
    expect_ok("0.99995", 10000, true);
    expect_ok("9.99995", 100000, true);
    expect_ok("1.005", 10050, false);
    expect_ok("37.648145389078365", 376481, true);
}

static void an_exponent_moves_the_point(void **state) {
    UNUSED(state);
    expect_ok("1e2", 1000000, false);
    expect_ok("1E2", 1000000, false);
    expect_ok("1e+2", 1000000, false);
    expect_ok("1.5e-1", 1500, false);
    expect_ok("12345e-4", 12345, false);
    expect_ok("12345e-5", 1234, true); // 0.12345
    expect_ok("12355e-5", 1236, true);
    expect_ok("1e-4", 1, false);
    expect_ok("5e-5", 0, true);
    expect_ok("6e-5", 1, true);
    expect_ok("1e-5", 0, true);
    expect_ok("1e11", INT64_C(1000000000000000), false);
    expect_ok("0.000000000001e12", 10000, false);
    expect_ok("1000000000000000e-15", 10000, false);
    expect_ok("1e0000000000000000000000000000000002", 1000000, false);
    expect_ok("0e5", 0, false);
    expect_ok("0.0e-7", 0, false);
}

static void an_absurd_exponent_is_neither_slow_nor_wrong(void **state) {
    UNUSED(state);
    expect_ok("1e-999999999", 0, true);
    expect_ok("1e-99999999999999999999999999999999", 0, true);
    expect_ok("0e99999999", 0, false);
    expect_ok("0e99999999999999999999999999999999", 0, false);
    expect_ok("0.000e-99999999999999999999999999999999", 0, false);
    expect_refused("1e999999999", MONEY_TOO_LARGE);
    expect_refused("1e99999999999999999999999999999999", MONEY_TOO_LARGE);
    expect_refused("0.001e9223372036854775807", MONEY_TOO_LARGE);
    expect_ok("1e-9223372036854775808", 0, true);
}

static void minus_zero_is_zero_and_anything_below_is_negative(void **state) {
    UNUSED(state);
    expect_ok("-0", 0, false);
    expect_ok("-0.0", 0, false);
    expect_ok("-0e5", 0, false);
    expect_ok("-0.000000e-5", 0, false);
    expect_refused("-1", MONEY_NEGATIVE);
    expect_refused("-0.00001", MONEY_NEGATIVE);
    expect_refused("-1e-999999999", MONEY_NEGATIVE);
    expect_refused("-1e999999999", MONEY_NEGATIVE);
    expect_refused("-12.50", MONEY_NEGATIVE);
}

static void the_limit_is_checked_after_rounding(void **state) {
    UNUSED(state);
    expect_ok("999999999999.9999", MONEY_LIMIT_E4 - 1, false);
    expect_ok("999999999999.99994", MONEY_LIMIT_E4 - 1, true);
    expect_ok("999999999999.999949999999999999", MONEY_LIMIT_E4 - 1, true);
    expect_refused("999999999999.99995", MONEY_TOO_LARGE);
    expect_refused("999999999999.99996", MONEY_TOO_LARGE);
    expect_refused("1000000000000", MONEY_TOO_LARGE);
    expect_refused("1e12", MONEY_TOO_LARGE);
    expect_refused("9223372036854775807", MONEY_TOO_LARGE);
    expect_refused("18446744073709551617", MONEY_TOO_LARGE);
    expect_refused("99999999999999999999999999999999999999999999", MONEY_TOO_LARGE);
}

static void what_json_does_not_call_a_number_is_none(void **state) {
    UNUSED(state);
    static const char *const wrong[] = {"",
                                        "-",
                                        "+1",
                                        ".5",
                                        "5.",
                                        "-.5",
                                        "1.e2",
                                        "1e",
                                        "1e+",
                                        "1e-",
                                        "e5",
                                        "00",
                                        "01",
                                        "-01",
                                        "00.5",
                                        "0123.45",
                                        "1.2.3",
                                        "1..2",
                                        "1,5",
                                        "1 ",
                                        " 1",
                                        "1 2",
                                        "NaN",
                                        "Infinity",
                                        "-Infinity",
                                        "0x1",
                                        "1_000",
                                        "1e2.5",
                                        "1e2e3",
                                        "--1",
                                        "1-",
                                        "12a",
                                        "a",
                                        "$5",
                                        "5 USD",
                                        "1.5e",
                                        "12:34",
                                        "1/2",
                                        "1.23x",
                                        "123456x8",
                                        "\xff",
                                        "\xd9\xa3",
                                        "1.5\n",
                                        "1.2345.",
                                        "123.45e",
                                        "1234567890123x",
                                        "1.234567890123x",
                                        "0x1p3",
                                        "1e0x5",
                                        ".",
                                        "..",
                                        "-e",
                                        "0.",
                                        "1.-5"};
    for (size_t k = 0; k < COUNT_OF(wrong); k++) {
        expect_refused(wrong[k], MONEY_NOT_A_NUMBER);
    }
    int64_t e4;
    bool rounded;
    assert_int_equal(parse((struct text){"1\0", 2}, &e4, &rounded), MONEY_NOT_A_NUMBER);
    assert_int_equal(parse((struct text){"1\0002", 3}, &e4, &rounded), MONEY_NOT_A_NUMBER);
    assert_int_equal(parse(TEXT_NONE, &e4, &rounded), MONEY_NOT_A_NUMBER);
}

// Any byte in any place of short texts, where the reader works on whole registers: compared with
// the grammar written once more, plainly.
static bool plain_grammar(const char *s, int64_t *e4) {
    size_t n_whole = strspn(s, "0123456789");
    if (n_whole == 0 || (s[0] == '0' && n_whole > 1)) {
        return false;
    }
    size_t n_decimals = 0;
    if (s[n_whole] == '.') {
        n_decimals = strspn(s + n_whole + 1, "0123456789");
        if (n_decimals == 0) {
            return false;
        }
    }
    size_t n = n_whole + (n_decimals > 0 ? 1 + n_decimals : 0);
    if (s[n] != '\0') {
        return false;
    }
    *e4 = 0;
    for (size_t k = 0; k < n; k++) {
        *e4 = s[k] == '.' ? *e4 : *e4 * 10 + (s[k] - '0');
    }
    for (; n_decimals < 4; n_decimals++) {
        *e4 *= 10;
    }
    return true;
}

static void every_byte_in_every_place_of_a_short_amount_is_judged(void **state) {
    UNUSED(state);
    static const char *const shapes[] = {"5",       "57",      "5.7",      "57.8",     "157.8",
                                         "157.82",  "1578.26", "157.8264", "15782649", "0.8264",
                                         "0.10000", "1.5782",  "157826",   "99999999", "8.264915"};
    for (size_t s = 0; s < COUNT_OF(shapes); s++) {
        size_t len = strlen(shapes[s]);
        for (size_t at = 0; at < len; at++) {
            for (int byte = 1; byte < 256; byte++) {
                char spelling[16];
                memcpy(spelling, shapes[s], len + 1);
                spelling[at] = (char)byte;
                const char *point = strchr(spelling, '.');
                if (strpbrk(spelling, "eE-") != NULL || (point != NULL && strlen(point) > 5)) {
                    continue; // other tests' business
                }
                int64_t want_e4;
                if (plain_grammar(spelling, &want_e4)) {
                    expect_ok(spelling, want_e4, false);
                } else {
                    expect_refused(spelling, MONEY_NOT_A_NUMBER);
                }
            }
        }
    }
}

static void a_million_digits_are_read_like_ten(void **state) {
    UNUSED(state);
    size_t n = 1000000;
    char *digits = malloc(n + 16);
    assert_non_null(digits);
    int64_t e4;
    bool rounded;

    memset(digits, '9', n);
    assert_int_equal(parse((struct text){digits, n}, &e4, &rounded), MONEY_TOO_LARGE);

    memset(digits, '0', n); // 0.000...5
    digits[1] = '.';
    digits[n - 1] = '5';
    assert_int_equal(parse((struct text){digits, n}, &e4, &rounded), MONEY_OK);
    assert_int_equal(e4, 0);
    assert_true(rounded);

    int tail = snprintf(digits + n, 16, "e%zu", n - 2); // the same, its point moved back: 5
    assert_int_equal(parse((struct text){digits, n + (size_t)tail}, &e4, &rounded), MONEY_OK);
    assert_int_equal(e4, 50000);
    assert_false(rounded);

    memset(digits, '0', n); // 1000...0e-(n - 1) is 1
    digits[0] = '1';
    tail = snprintf(digits + n, 16, "e-%zu", n - 1);
    assert_int_equal(parse((struct text){digits, n + (size_t)tail}, &e4, &rounded), MONEY_OK);
    assert_int_equal(e4, 10000);
    assert_false(rounded);
    free(digits);
}

static void expect_format(int64_t amount_e4, const char *want) {
    char out[24];
    size_t n = money_format(amount_e4, out);
    assert_int_equal(n, strlen(want));
    assert_memory_equal(out, want, n);
}

static void an_amount_is_written_with_four_decimals(void **state) {
    UNUSED(state);
    expect_format(0, "0.0000");
    expect_format(1, "0.0001");
    expect_format(-1, "-0.0001");
    expect_format(-123400, "-12.3400");
    expect_format(10000, "1.0000");
    expect_format(MONEY_LIMIT_E4 - 1, "999999999999.9999");
    expect_format(INT64_MAX, "922337203685477.5807");
    expect_format(INT64_MIN, "-922337203685477.5808");
}

static void what_was_written_is_read_back(void **state) {
    UNUSED(state);
    uint64_t seed = 88172645463325252u;
    for (int k = 0; k < 200000; k++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        int64_t e4 = (int64_t)((seed >> 8) % (uint64_t)MONEY_LIMIT_E4) >> (seed & 63) / 2;
        char out[25];
        size_t n = money_format(e4, out);
        out[n] = '\0';
        expect_ok(out, e4, false);
    }
}

static void a_sum_that_would_wrap_is_refused_and_unchanged(void **state) {
    UNUSED(state);
    int64_t sum = INT64_MAX - 5;
    assert_true(money_add(&sum, 5));
    assert_int_equal(sum, INT64_MAX);
    assert_false(money_add(&sum, 1));
    assert_int_equal(sum, INT64_MAX);
    sum = INT64_MIN + 1;
    assert_true(money_add(&sum, -1));
    assert_false(money_add(&sum, -1));
    assert_int_equal(sum, INT64_MIN);
}

// The other tests mean little if the guard does not guard.
static void reading_past_the_guard_page_kills(void **state) {
    UNUSED(state);
    struct text t = guard_page_place(&guard, TEXT_LIT("12"));
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL); // cmocka would make a failed test of it and go on
        if (freopen("/dev/null", "w", stderr) == NULL) { // a sanitizer would tell the story
            _exit(0);
        }
        (void)*(volatile const char *)(t.at + t.len);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void a_database_s_decimal_is_read_in_the_whole_range(void **state) {
    UNUSED(state);
    static const struct {
        const char *digits;
        int64_t amount_e4;
    } good[] = {{"0", 0},
                {"-0.0000", 0},
                {"12", 120000},
                {"12.5", 125000},
                {"-12.3456", -123456},
                {"922337203685477.5807", INT64_MAX},
                {"-922337203685477.5808", INT64_MIN}};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        int64_t amount_e4 = -1;
        assert_true(money_read(text_of(good[i].digits), &amount_e4));
        assert_int_equal(amount_e4, good[i].amount_e4);
    }
    static const char *const bad[] = {"",    "-",       ".5",  "5.",
                                      "1e3", "1.23456", "+1",  "922337203685477.5808",
                                      " 1",  "1.2.3",   "nan", "-922337203685477.5809"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        int64_t amount_e4 = -1;
        assert_false(money_read(text_of(bad[i]), &amount_e4));
        assert_int_equal(amount_e4, -1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_database_s_decimal_is_read_in_the_whole_range),
        cmocka_unit_test(reading_past_the_guard_page_kills),
        cmocka_unit_test(a_plain_amount_is_its_count_of_ten_thousandths),
        cmocka_unit_test(a_number_written_by_people_is_read_from_texts_alone),
        cmocka_unit_test(zeros_at_the_end_are_not_rounding),
        cmocka_unit_test(the_fifth_decimal_rounds_half_to_even),
        cmocka_unit_test(an_exponent_moves_the_point),
        cmocka_unit_test(an_absurd_exponent_is_neither_slow_nor_wrong),
        cmocka_unit_test(minus_zero_is_zero_and_anything_below_is_negative),
        cmocka_unit_test(the_limit_is_checked_after_rounding),
        cmocka_unit_test(what_json_does_not_call_a_number_is_none),
        cmocka_unit_test(every_byte_in_every_place_of_a_short_amount_is_judged),
        cmocka_unit_test(a_million_digits_are_read_like_ten),
        cmocka_unit_test(an_amount_is_written_with_four_decimals),
        cmocka_unit_test(what_was_written_is_read_back),
        cmocka_unit_test(a_sum_that_would_wrap_is_refused_and_unchanged),
    };
    guard = guard_page_new(1 << 21);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    guard_page_free(&guard);
    return failed;
}
