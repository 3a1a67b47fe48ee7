// SPDX-License-Identifier: MIT
// The rule of each field of an order event, with every code and bound. Values come as JSON, since
// that is how they come.
#include "order_testing.h"

#define MAX_INT "9223372036854775807"
#define OVER_MAX_INT "9223372036854775808"

static void refused_value(const char *field, const char *value, const char *code) {
    rejected(order_of(field, value), field, code);
}

// --- Identifiers

static void an_integer_and_its_digits_are_the_same_identifier(void **state) {
    (void)state;
    static const char *const spellings[] = {"7", "\"7\"", "\" 7\\t\""};
    for (size_t i = 0; i < COUNT_OF(spellings); i++) {
        assert_true(accepted(order_of("order_id", spellings[i]))->order_id.num == 7);
        assert_true(accepted(order_of("customer_id", spellings[i]))->customer_id.num == 7);
        assert_true(accepted(order_of("product_id", spellings[i]))->product_id.num == 7);
    }
    assert_true(accepted(order_of("order_id", "0"))->order_id.num == 0);
    assert_true(accepted(order_of("order_id", MAX_INT))->order_id.num == INT64_MAX);
    assert_true(accepted(order_of("order_id", "\"" MAX_INT "\""))->order_id.num == INT64_MAX);
}

static void digits_that_are_no_canonical_integer_are_a_text(void **state) {
    (void)state;
    static const char *const texts[] = {"007",
                                        "00",
                                        "-7",
                                        "-0",
                                        "+7",
                                        "7.0",
                                        "1e3",
                                        "7 7",
                                        OVER_MAX_INT,
                                        "0x7",
                                        "99999999999999999999"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        char value[80];
        snprintf(value, sizeof value, "\"%s\"", texts[i]);
        const struct order *o = accepted(order_of("order_id", value));
        assert_true(o->order_id.num == -1);
        assert_text(o->order_id.text, texts[i]);
        assert_text(accepted(order_of("product_id", value))->product_id.text, texts[i]);
    }
}

static void every_length_of_an_integer_is_read_exactly(void **state) {
    (void)state;
    char digits[24];
    uint64_t v = 0;
    for (int n = 1; n <= 19; n++) {
        v = n <= 18 ? v * 10 + (uint64_t)(n % 9 + 1) : UINT64_C(9223372036854775806);
        snprintf(digits, sizeof digits, "%" PRIu64, v);
        assert_true(accepted(order_of("order_id", digits))->order_id.num == (int64_t)v);
        for (size_t i = 0; digits[i] != '\0'; i++) { // one character off, at every place
            char spoiled[32];
            snprintf(spoiled, sizeof spoiled, "\"%s\"", digits);
            spoiled[1 + i] = i % 2 == 0 ? '/' : ':'; // the neighbours of '0' and '9'
            assert_true(accepted(order_of("order_id", spoiled))->order_id.num == -1);
        }
    }
}

static void a_number_that_is_no_identifier_is_refused(void **state) {
    (void)state;
    static const char *const names[] = {"order_id", "customer_id", "product_id"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        refused_value(names[i], "-1", REJECT_NEGATIVE);
        refused_value(names[i], "-99999999999999999999", REJECT_NEGATIVE);
        refused_value(names[i], "-0", REJECT_MALFORMED);
        refused_value(names[i], "1.0", REJECT_MALFORMED);
        refused_value(names[i], "-1.5", REJECT_MALFORMED);
        refused_value(names[i], "1e2", REJECT_MALFORMED);
        refused_value(names[i], OVER_MAX_INT, REJECT_RANGE);
        refused_value(names[i], "100000000000000000000000", REJECT_RANGE);
        refused_value(names[i], "true", REJECT_TYPE);
        refused_value(names[i], "false", REJECT_TYPE);
        refused_value(names[i], "[7]", REJECT_TYPE);
        refused_value(names[i], "{\"id\":7}", REJECT_TYPE);
        if (i < 2) { // an empty product is (unknown)
            refused_value(names[i], "\"\"", REJECT_EMPTY);
            refused_value(names[i], "\" \\t\\r\\n\\f\\u000b\"", REJECT_EMPTY);
        }
    }
}

static void a_text_identifier_has_up_to_64_printable_ascii_characters(void **state) {
    (void)state;
    static const char *const names[] = {"order_id", "customer_id", "event_id"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        (void)accepted(order_of(names[i], quoted("~", 64)));
        refused_value(names[i], quoted("~", 65), REJECT_TOO_LONG);
        refused_value(names[i], quoted("9", 65), REJECT_TOO_LONG);
        refused_value(names[i], quoted("x", 5000), REJECT_TOO_LONG);
        // One character that is not allowed, at every place of every length.
        static const char *const bad[] = {"\\u0000",  "\\u0001",  "\\u001f",         "\x7f",
                                          "\xC2\x80", "\xC3\xA9", "\xF0\x9F\x9B\x92"};
        for (size_t n = 1; n <= 20; n++) {
            for (size_t at = 0; at < n; at++) {
                char value[64] = "\"";
                for (size_t k = 0; k < n; k++) {
                    strcat(value, k == at ? bad[(n + at) % COUNT_OF(bad)] : "x");
                }
                strcat(value, "\"");
                refused_value(names[i], value, REJECT_BAD_CHARACTER);
            }
        }
    }
    assert_text(accepted(order_of("order_id", "\" a b \""))->order_id.text, "a b");
    assert_text(accepted(order_of("order_id", "\" !~\\\\\\\"\\/\\u0041 \""))->order_id.text,
                "!~\\\"/A");
}

static void event_id_is_a_text(void **state) {
    (void)state;
    assert_text(accepted(order_of("event_id", "\"7\""))->event_id, "7");
    refused_value("event_id", "7", REJECT_TYPE);
    refused_value("event_id", "\"\"", REJECT_EMPTY);
    refused_value("event_id", "true", REJECT_TYPE);
    refused_value("event_id", "[]", REJECT_TYPE);
}

static void a_product_text_has_up_to_100_characters_of_any_script(void **state) {
    (void)state;
    (void)accepted(order_of("product_id", quoted("x", 100)));
    (void)accepted(order_of("product_id", quoted("\xE6\x9C\xAC", 100)));
    (void)accepted(order_of("product_id", quoted("\xF0\x9F\x9B\x92", 100)));
    refused_value("product_id", quoted("x", 101), REJECT_TOO_LONG);
    refused_value("product_id", quoted("\xC3\xA9", 101), REJECT_TOO_LONG);
    refused_value("product_id", "\"a\\u0000b\"", REJECT_BAD_CHARACTER);
    refused_value("product_id", "\"line\\nline\"", REJECT_BAD_CHARACTER);
    refused_value("product_id", "\"\x7f\"", REJECT_BAD_CHARACTER);
}

// --- source, state, event, currency, created_at

static void source_and_state_are_texts_of_up_to_100_characters(void **state) {
    (void)state;
    static const char *const names[] = {"source", "state"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        (void)accepted(order_of(names[i], quoted("x", 100)));
        (void)accepted(order_of(names[i], quoted("\xC3\xA9", 100)));
        refused_value(names[i], quoted("x", 101), REJECT_TOO_LONG);
        refused_value(names[i], quoted("\xC3\xA9", 101), REJECT_TOO_LONG);
        refused_value(names[i], "7", REJECT_TYPE);
        refused_value(names[i], "true", REJECT_TYPE);
        refused_value(names[i], "{}", REJECT_TYPE);
        static const char *const bad[] = {"\\u0000", "\\u001f", "\\t", "\\n", "\x7f"};
        for (size_t n = 3; n <= 20; n++) {
            for (size_t at = 1; at + 1 < n; at++) { // inside: outer white space does not count
                char value[64] = "\"";
                for (size_t k = 0; k < n; k++) {
                    strcat(value, k == at ? bad[(n + at) % COUNT_OF(bad)]
                                  : k % 3 ? "x"
                                          : "\xC3\xA9");
                }
                strcat(value, "\"");
                refused_value(names[i], value, REJECT_BAD_CHARACTER);
            }
        }
    }
    assert_text(accepted(order_of("source", "\"\\t S\xC3\xA3o Paulo \\n\""))->source,
                "S\xC3\xA3o Paulo");
    assert_null(accepted(order_of("state", "\"\""))->state.at);
    assert_null(accepted(order_of("state", "\" \\n \""))->state.at);
}

static void event_is_one_of_three(void **state) {
    (void)state;
    assert_int_equal(accepted(order_of("event", "\"placed\""))->kind, ORDER_PLACED);
    assert_int_equal(accepted(order_of("event", "\" cancelled \""))->kind, ORDER_CANCELLED);
    assert_int_equal(accepted(order_with(",\"event\":\"refunded\",\"event_id\":\"r1\""))->kind,
                     ORDER_REFUNDED);
    static const char *const others[] = {"\"\"",          "\"Placed\"",    "\"canceled\"",
                                         "\"cancelles\"", "\"refundee\"",  "\"placed\\u0000\"",
                                         "\"refunded2\"", "\"completed\"", "\"place\""};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        refused_value("event", others[i], REJECT_UNKNOWN_VALUE);
    }
    refused_value("event", "1", REJECT_TYPE);
    refused_value("event", "false", REJECT_TYPE);
}

static void a_refund_needs_an_event_id(void **state) {
    (void)state;
    rejected(order_of("event", "\"refunded\""), "event_id", REJECT_MISSING);
    rejected(order_with(",\"event\":\"refunded\",\"event_id\":null"), "event_id", REJECT_MISSING);
    (void)accepted(order_of("event", "\"cancelled\""));
}

static void currency_is_three_letters_of_any_case(void **state) {
    (void)state;
    assert_string_equal(accepted(order_of("currency", "\"GBP\""))->currency, "GBP");
    assert_string_equal(accepted(order_of("currency", "\" AZZ \""))->currency, "AZZ");
    assert_string_equal(accepted(order_of("currency", "\"usd\""))->currency, "USD");
    assert_string_equal(accepted(order_of("currency", "\"eUr\""))->currency, "EUR");
    static const char *const bad[] = {"\"\"",     "\"us`\"",       "\"US\"",       "\"us{\"",
                                      "\"USDT\"", "\"U D\"",       "\"U5D\"",      "\"US[\"",
                                      "\"@US\"",  "\"\xC3\x89U\"", "\"US\\u0000\""};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        refused_value("currency", bad[i], REJECT_MALFORMED);
    }
    refused_value("currency", "840", REJECT_TYPE);
    refused_value("currency", "[\"USD\"]", REJECT_TYPE);
}

static void created_at_is_an_instant_between_1970_and_2200(void **state) {
    (void)state;
    assert_true(accepted(order_of("created_at", "\" 1970-01-01T00:00:00Z \""))->created_ms == 0);
    // Without an offset: in the shop's zone, New York.
    assert_true(accepted(order_of("created_at", "\"2026-01-31 12:00:00\""))->created_ms ==
                INT64_C(1769878800000));
    refused_value("created_at", "\"\"", REJECT_MALFORMED);
    refused_value("created_at", "\"yesterday\"", REJECT_MALFORMED);
    refused_value("created_at", "\"2026-01-31T12:00:00Z\\u0000\"", REJECT_MALFORMED);
    refused_value("created_at", "\"2026-02-30T12:00:00Z\"", REJECT_MALFORMED);
    refused_value("created_at", "\"2026-01-31T24:00:00Z\"", REJECT_MALFORMED);
    refused_value("created_at", "\"1969-12-31T23:59:59Z\"", REJECT_RANGE);
    refused_value("created_at", "\"2201-01-01T00:00:00Z\"", REJECT_RANGE);
    refused_value("created_at", "1769860800", REJECT_TYPE);
    refused_value("created_at", "{}", REJECT_TYPE);
}

// --- Quantities and amounts

static void quantity_is_a_whole_number_up_to_a_million(void **state) {
    (void)state;
    assert_true(accepted(order_of("quantity", "1000000"))->quantity == 1000000);
    assert_true(accepted(order_of("quantity", "\" 12 \""))->quantity == 12);
    assert_true(accepted(order_of("quantity", "0"))->quantity == 0);
    static const char *const twos[] = {"2.0", "2.000", "\"2.0\"", "\" 2.00 \""};
    for (size_t i = 0; i < COUNT_OF(twos); i++) {
        assert_true(accepted(order_of("quantity", twos[i]))->quantity == 2);
    }
    assert_true(accepted(order_of("quantity", "0.0"))->quantity == 0);
    assert_true(accepted(order_of("quantity", "\"+5\""))->quantity == 5);
    assert_true(accepted(order_of("quantity", "\"007\""))->quantity == 7);
    assert_true(accepted(order_of("quantity", "\"+03.00\""))->quantity == 3);
    assert_true(accepted(order_of("quantity", "\"000\""))->quantity == 0);
    assert_true(accepted(order_of("quantity", "1000000.0"))->quantity == 1000000);
    refused_value("quantity", "1000001.0", REJECT_RANGE);
    refused_value("quantity", "-1.0", REJECT_NEGATIVE);
    refused_value("quantity", "1000001", REJECT_RANGE);
    refused_value("quantity", "\"1000001\"", REJECT_RANGE);
    refused_value("quantity", OVER_MAX_INT, REJECT_RANGE);
    refused_value("quantity", "123456789012345678901234567890", REJECT_RANGE);
    refused_value("quantity", "-1", REJECT_NEGATIVE);
    refused_value("quantity", "\"-12\"", REJECT_NEGATIVE);
    static const char *const malformed[] = {"-0",      "1.5",    "1e1",     "\"\"",     "\".0\"",
                                            "1.01",    "\"1.\"", "\"x\"",   "\"1e1\"",  "\"+-1\"",
                                            "\"0+1\"", "\"-\"",  "\"-0\"",  "\"0x10\"", "\"1 000\"",
                                            "\"--1\"", "\"+\"",  "\"++1\"", "\"01.5\"", "\"0x\""};
    for (size_t i = 0; i < COUNT_OF(malformed); i++) {
        refused_value("quantity", malformed[i], REJECT_MALFORMED);
    }
    refused_value("quantity", "true", REJECT_TYPE);
    refused_value("quantity", "[1]", REJECT_TYPE);
}

static void an_amount_written_by_people_has_one_meaning(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t e4;
    } written[] = {{"\"+5\"", 50000}, {"\"05.00\"", 50000}, {"\".50\"", 5000},    {"\"5.\"", 50000},
                   {"\"000\"", 0},    {"\"+0.1\"", 1000},   {"\"00012\"", 120000}};
    for (size_t i = 0; i < COUNT_OF(written); i++) {
        assert_true(accepted(order_of("total", written[i].text))->total_e4 == written[i].e4);
        assert_true(accepted(order_of("shipping", written[i].text))->shipping_e4 == written[i].e4);
    }
    refused_value("total", "\"-05\"", REJECT_NEGATIVE);
    refused_value("tax", "\"-.5\"", REJECT_NEGATIVE);
    refused_value("tax", "\"0001000000000000\"", REJECT_RANGE);
}

static void an_empty_product_is_unknown(void **state) {
    (void)state;
    assert_text(accepted(order_of("product_id", "\"\""))->product_id.text, "(unknown)");
    assert_text(accepted(order_of("product_id", "\"  \""))->product_id.text, "(unknown)");
    rejected(order_of("product_id", "null"), "product_id", REJECT_MISSING);
}

static void amounts_follow_the_rules_of_money(void **state) {
    (void)state;
    static const char *const names[] = {"subtotal", "discount", "shipping", "tax", "total"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char *f = names[i];
        (void)accepted(order_of(f, "999999999999.9999"));
        (void)accepted(order_of(f, "\" 1e2 \""));
        (void)accepted(order_of(f, "-0"));
        (void)accepted(order_of(f, "1E+2"));
        refused_value(f, "1000000000000", REJECT_RANGE);
        refused_value(f, "\"999999999999.99995\"", REJECT_RANGE);
        refused_value(f, "1e999999", REJECT_RANGE);
        refused_value(f, "-0.01", REJECT_NEGATIVE);
        refused_value(f, "\"-5\"", REJECT_NEGATIVE);
        static const char *const malformed[] = {
            "\"\"",         "\"abc\"", "\"+\"",   "\".\"",    "\"+-1\"",
            "\"NaN\"",      "\"0x1\"", "\"1,5\"", "\"$5\"",   "\"1 \\u00002\"",
            "\"Infinity\"", "\"++1\"", "\"-+1\"", "\"1.2.\"", "\"1,234.56\""};
        for (size_t k = 0; k < COUNT_OF(malformed); k++) {
            refused_value(f, malformed[k], REJECT_MALFORMED);
        }
        refused_value(f, "true", REJECT_TYPE);
        refused_value(f, "[1]", REJECT_TYPE);
        refused_value(f, "{}", REJECT_TYPE);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_integer_and_its_digits_are_the_same_identifier),
        cmocka_unit_test(digits_that_are_no_canonical_integer_are_a_text),
        cmocka_unit_test(every_length_of_an_integer_is_read_exactly),
        cmocka_unit_test(a_number_that_is_no_identifier_is_refused),
        cmocka_unit_test(a_text_identifier_has_up_to_64_printable_ascii_characters),
        cmocka_unit_test(event_id_is_a_text),
        cmocka_unit_test(a_product_text_has_up_to_100_characters_of_any_script),
        cmocka_unit_test(source_and_state_are_texts_of_up_to_100_characters),
        cmocka_unit_test(event_is_one_of_three),
        cmocka_unit_test(a_refund_needs_an_event_id),
        cmocka_unit_test(currency_is_three_letters_of_any_case),
        cmocka_unit_test(created_at_is_an_instant_between_1970_and_2200),
        cmocka_unit_test(quantity_is_a_whole_number_up_to_a_million),
        cmocka_unit_test(amounts_follow_the_rules_of_money),
        cmocka_unit_test(an_amount_written_by_people_has_one_meaning),
        cmocka_unit_test(an_empty_product_is_unknown),
    };
    order_testing_start();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    order_testing_end();
    return failed;
}
