// SPDX-License-Identifier: MIT
// Numbers as people of other countries write them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "format/csv_written.h"
#include <stdio.h>

static struct arena arena;
static struct csv_signs signs;

static const char *number(char decimal, char thousands, const char *text) {
    static char out[64];
    struct csv_written w = {.decimal = decimal, .thousands = thousands};
    struct text value = text_of(text);
    struct rejection why = {0};
    arena_reset(&arena);
    signs.n = 0;
    switch (csv_read_number(&w, &value, "total", &signs, &arena, &why)) {
    case CSV_WRITTEN:
        snprintf(out, sizeof out, "%.*s%s%s", TEXT_ARG(value), signs.n > 0 ? " " : "",
                 signs.n > 0 ? signs.currencies[0] : "");
        return out;
    case CSV_WRITTEN_OTHERWISE:
        assert_string_equal(why.code, REJECT_MALFORMED);
        return "refused";
    default:
        return "no memory";
    }
}
#define GIVES(decimal, thousands, text, want)                                                      \
    assert_string_equal(number(decimal, thousands, text), want)

static void decimals_and_thousands_are_read_as_told(void **state) {
    (void)state;
    GIVES(',', '.', "1.234,50", "1234.50");
    GIVES(',', '.', "-1.234.567,5", "-1234567.5");
    GIVES(',', '\0', "19,99", "19.99");
    GIVES(',', '\0', ",5", ".5");
    GIVES(',', '\0', "5,", "5.");
    GIVES(',', '\0', "+5", "+5");
    GIVES('.', ',', "1,234.56", "1234.56");
    GIVES('.', ',', "12,34,567.00", "1234567.00"); // lakhs
    GIVES('.', ',', "AU $1,234.50", "1234.50 AUD");
    GIVES('.', ',', "(1,234.50)", "-1234.50");
    GIVES('.', ',', "(R$ 5.00)", "-5.00 BRL");
    GIVES(',', '.', "5,00-", "-5.00");
    GIVES(',', '.', "5,00 \xE2\x82\xAC-", "-5.00 EUR");
    GIVES(',', '\0',
          "\xE2\x88\x92"
          "5,00",
          "-5.00");
    GIVES('.', ',', "(-5.00)", "refused");
    GIVES('.', ',', "-5.00-", "refused");
    GIVES('.', ',', "(5.00", "refused");
    GIVES('.', ',', "()", "refused");
    GIVES('.', ',', "--", "refused");
    GIVES('.', '\'', "1'234.50", "1234.50");
    GIVES('.', '\'',
          "1\xE2\x80\x99"
          "234",
          "1234");
    GIVES(',', 's', "1 234,5", "1234.5");
    GIVES(',', 's',
          "1\xC2\xA0"
          "234\xE2\x80\xAF"
          "567",
          "1234567");
}

static void what_is_written_otherwise_is_refused(void **state) {
    (void)state;
    static const char *const german[] = {
        "1.23", "12.50",  "1.2345,0", ".234", "1..234", "1,234.5", "1,2,3", "1e5", "",        "-",
        ",",    "1.234.", "x",        "--5",  "-5-",    "(-5)",    "1 234", "5%",  "1234.567"};
    for (size_t i = 0; i < COUNT_OF(german); i++) {
        GIVES(',', '.', german[i], "refused");
    }
    GIVES(',', '\0', "1.234", "refused"); // a point that nobody told of
    GIVES('.', ',', "1,23", "refused");
    GIVES('.', ',', "1234,567", "refused");
    GIVES('.', ',', "1,2,345", "refused");
}

static void signs_of_a_currency_are_known_on_either_end(void **state) {
    (void)state;
    GIVES('.', ',', "$1,234.50", "1234.50 USD CAD AUD NZD SGD HKD MXN ARS CLP COP TWD UYU");
    GIVES('.', ',', "-$5.00", "-5.00 USD CAD AUD NZD SGD HKD MXN ARS CLP COP TWD UYU");
    GIVES(',', '.', "1.234,50 \xE2\x82\xAC", "1234.50 EUR");
    GIVES(',', '.', "\xE2\x82\xAC\xC2\xA0-5,00", "-5.00 EUR");
    GIVES(',', '.', "EUR 5", "5 EUR");
    GIVES(',', '.', "5,5 chf", "5.5 CHF");
    GIVES('.', ',', "Rs. 500.25", "500.25 INR PKR LKR NPR");
    GIVES('.', ',', "US$.50", ".50 USD");
    GIVES(',', '.', "49 kr.", "49 DKK");
    GIVES('.', ',', "EURO 5", "refused");
    GIVES('.', ',', "$5 USD", "refused");
    GIVES('.', ',', "EUR", "refused");
    struct csv_written w = {.decimal = '.'};
    struct text value = TEXT_LIT("$5"); // pieces have no currency
    struct rejection why;
    assert_int_equal(csv_read_number(&w, &value, "quantity", NULL, &arena, &why),
                     CSV_WRITTEN_OTHERWISE);
}

static void a_sign_must_be_the_orders(void **state) {
    (void)state;
    struct rejection why;
    (void)number('.', ',', "$5");
    assert_true(csv_signs_fit(&signs, "USD", true, &why) &&
                csv_signs_fit(&signs, "CAD", true, &why));
    assert_false(csv_signs_fit(&signs, "EUR", true, &why));
    assert_string_equal(why.code, REJECT_AMBIGUOUS);
    assert_false(csv_signs_fit(&signs, "USD", false, &why));
    assert_string_equal(why.field, "currency");
    signs.n = 0;
    assert_true(csv_signs_fit(&signs, "USD", false, &why));
}

static void a_time_of_two_forms_is_not_guessed(void **state) {
    (void)state;
    struct csv_written w = {.date_forms = {"%m/%d/%Y", "%d/%m/%Y", "%F"}, .n_date_forms = 3};
    struct rejection why;
    struct text t = TEXT_LIT("11/8/2016");
    assert_int_equal(csv_read_time(&w, &t, &arena, &why), CSV_WRITTEN_OTHERWISE);
    assert_string_equal(why.code, REJECT_AMBIGUOUS);
    t = TEXT_LIT("8/8/2016");
    assert_int_equal(csv_read_time(&w, &t, &arena, &why), CSV_WRITTEN);
    assert_true(text_equal(t, TEXT_LIT("2016-08-08")));
    t = TEXT_LIT("2016-11-08");
    assert_int_equal(csv_read_time(&w, &t, &arena, &why), CSV_WRITTEN);
    t = TEXT_LIT("2016/11/08");
    assert_int_equal(csv_read_time(&w, &t, &arena, &why), CSV_WRITTEN_OTHERWISE);
    assert_string_equal(why.code, REJECT_MALFORMED);
    w = (struct csv_written){.epoch = EPOCH_S};
    t = TEXT_LIT("1789000000.25");
    assert_int_equal(csv_read_time(&w, &t, &arena, &why), CSV_WRITTEN);
    assert_true(text_equal(t, TEXT_LIT("2026-09-10T00:26:40.250Z")));
    t = TEXT_LIT("2016-11-08");
    assert_int_equal(csv_read_time(&w, &t, &arena, &why), CSV_WRITTEN_OTHERWISE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals_and_thousands_are_read_as_told),
        cmocka_unit_test(what_is_written_otherwise_is_refused),
        cmocka_unit_test(signs_of_a_currency_are_known_on_either_end),
        cmocka_unit_test(a_sign_must_be_the_orders),
        cmocka_unit_test(a_time_of_two_forms_is_not_guessed),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
