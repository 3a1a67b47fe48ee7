// SPDX-License-Identifier: MIT
// The order event: the rule of each field with every code and bound, what must be there, warnings,
// items, and when two events are the same order. Fields come as JSON, since that is how they come.
#include "order_testing.h"

#define MAX_INT "9223372036854775807"
#define OVER_MAX_INT "9223372036854775808"

static void assert_text(struct text got, const char *want) {
    if (!text_equal(got, text_of(want))) {
        fail_msg("'%.*s', wanted '%s'", TEXT_ARG(got), want);
    }
}

// n characters, each `character`, in quotes.
static const char *quoted(const char *character, size_t n) {
    static char text[8 * 1024];
    size_t bytes = strlen(character), len = 0;
    assert_true(n * bytes + 3 < sizeof text);
    text[len++] = '"';
    for (size_t i = 0; i < n; i++, len += bytes) {
        memcpy(text + len, character, bytes);
    }
    text[len++] = '"';
    text[len] = '\0';
    return text;
}

static void refused_value(const char *field, const char *value, const char *code) {
    rejected(order_of(field, value), field, code);
}

// --- The whole event

static void an_order_with_every_field_is_read(void **state) {
    (void)state;
    const struct order *o = accepted(
        "{\"order_id\":\"A-1\",\"event\":\"placed\",\"event_id\":\"e1\",\"created_at\":"
        "\"2026-01-31T12:00:00.5Z\",\"customer_id\":\"c 9\",\"product_id\":\"Tee \xC3\xA9\","
        "\"quantity\":3,\"subtotal\":30,\"discount\":\"1.5\",\"shipping\":4.25,\"tax\":2e0,"
        "\"total\":34.75,\"currency\":\"EUR\",\"source\":\"Google\",\"state\":\"CA\"}");
    assert_text(o->order_id.text, "A-1");
    assert_int_equal(o->kind, ORDER_PLACED);
    assert_text(o->event_id, "e1");
    assert_true(o->created_ms == INT64_C(1769860800500));
    assert_text(o->customer_id.text, "c 9");
    assert_text(o->product_id.text, "Tee \xC3\xA9");
    assert_true(o->quantity == 3 && o->subtotal_e4 == 300000 && o->discount_e4 == 15000 &&
                o->shipping_e4 == 42500 && o->tax_e4 == 20000 && o->total_e4 == 347500);
    assert_string_equal(o->currency, "EUR");
    assert_text(o->source, "Google");
    assert_text(o->state, "CA");
    assert_int_equal(o->warnings, 0);
}

static void optional_fields_have_their_defaults(void **state) {
    (void)state;
    const struct order *o = accepted(order_with(""));
    assert_int_equal(o->kind, ORDER_PLACED);
    assert_false(ident_present(o->customer_id));
    assert_null(o->event_id.at);
    assert_null(o->source.at);
    assert_null(o->state.at);
    assert_null(o->items_json.at);
    assert_int_equal(o->n_items, 0);
    assert_string_equal(o->currency, "USD");
    assert_true(o->subtotal_e4 == 0 && o->discount_e4 == 0 && o->shipping_e4 == 0 &&
                o->tax_e4 == 0);
}

static void every_required_field_is_missed_by_its_name(void **state) {
    (void)state;
    static const char *const required[] = {"order_id", "created_at", "product_id", "quantity",
                                           "total"};
    for (size_t i = 0; i < COUNT_OF(required); i++) {
        rejected(order_without(required[i], ""), required[i], REJECT_MISSING);
        rejected(order_of(required[i], "null"), required[i], REJECT_MISSING);
    }
    rejected("{}", "order_id", REJECT_MISSING);
}

static void every_optional_field_may_be_null(void **state) {
    (void)state;
    for (enum order_field f = 0; f < FIELD_COUNT; f++) {
        const char *name = order_field_name(f);
        if (strstr("order_id created_at product_id quantity total", name) == NULL) {
            (void)accepted(order_of(name, "null"));
        }
    }
}

static void names_of_fields_are_exact(void **state) {
    (void)state;
    for (enum order_field f = 0; f < FIELD_COUNT; f++) {
        char name[32];
        size_t n = (size_t)snprintf(name, sizeof name, "%s", order_field_name(f));
        assert_int_equal(order_field_of((struct text){name, n}), f);
        assert_int_equal(order_field_of((struct text){name, n - 1}), FIELD_UNKNOWN);
        for (size_t i = 0; i < n; i++) {
            name[i] ^= 0x20; // another case
            struct text placed = guard_page_place(&ot.guard, (struct text){name, n});
            assert_int_equal(order_field_of(placed), FIELD_UNKNOWN);
            name[i] ^= 0x20;
        }
        assert_true(strlen(order_field_expects(f)) > 5);
    }
    assert_int_equal(order_field_of(TEXT_LIT("")), FIELD_UNKNOWN);
    assert_int_equal(order_field_of(TEXT_NONE), FIELD_UNKNOWN);
    rejected("{\"Order_id\":1}", "order_id", REJECT_MISSING);
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
        refused_value(names[i], "\"\"", REJECT_EMPTY);
        refused_value(names[i], "\" \\t\\r\\n\\f\\u000b\"", REJECT_EMPTY);
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

static void currency_is_three_capital_letters(void **state) {
    (void)state;
    assert_string_equal(accepted(order_of("currency", "\"GBP\""))->currency, "GBP");
    assert_string_equal(accepted(order_of("currency", "\" AZZ \""))->currency, "AZZ");
    static const char *const bad[] = {"\"\"",          "\"usd\"",      "\"US\"",  "\"USDT\"",
                                      "\"U D\"",       "\"U5D\"",      "\"US[\"", "\"@US\"",
                                      "\"\xC3\x89U\"", "\"US\\u0000\""};
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
    refused_value("quantity", "1000001", REJECT_RANGE);
    refused_value("quantity", "\"1000001\"", REJECT_RANGE);
    refused_value("quantity", OVER_MAX_INT, REJECT_RANGE);
    refused_value("quantity", "123456789012345678901234567890", REJECT_RANGE);
    refused_value("quantity", "-1", REJECT_NEGATIVE);
    refused_value("quantity", "\"-12\"", REJECT_NEGATIVE);
    static const char *const malformed[] = {
        "-0",     "1.0",    "1.5",   "1e1",    "\"\"",     "\"1.0\"",   "\"x\"",  "\"1e1\"",
        "\"+1\"", "\"01\"", "\"-\"", "\"-0\"", "\"0x10\"", "\"1 000\"", "\"--1\""};
    for (size_t i = 0; i < COUNT_OF(malformed); i++) {
        refused_value("quantity", malformed[i], REJECT_MALFORMED);
    }
    refused_value("quantity", "true", REJECT_TYPE);
    refused_value("quantity", "[1]", REJECT_TYPE);
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
            "\"\"",    "\"abc\"", "\"+1\"", "\".5\"",         "\"1.\"",      "\"NaN\"",
            "\"0x1\"", "\"1,5\"", "\"$5\"", "\"1 \\u00002\"", "\"Infinity\""};
        for (size_t k = 0; k < COUNT_OF(malformed); k++) {
            refused_value(f, malformed[k], REJECT_MALFORMED);
        }
        refused_value(f, "true", REJECT_TYPE);
        refused_value(f, "[1]", REJECT_TYPE);
        refused_value(f, "{}", REJECT_TYPE);
    }
}

// --- Warnings

static uint32_t warnings_of(const char *json) {
    return accepted(json)->warnings;
}

static void rounding_an_amount_is_a_warning(void **state) {
    (void)state;
    assert_int_equal(warnings_of(order_with(",\"subtotal\":19.98")), 0);
    assert_int_equal(warnings_of(order_with(",\"subtotal\":19.980000000")), 0);
    assert_int_equal(warnings_of(order_with(",\"subtotal\":19.98001")), WARN_AMOUNT_ROUNDED);
    assert_int_equal(warnings_of(order_of("total", "\"0.00005\"")), WARN_AMOUNT_ROUNDED);
}

static void a_total_off_by_more_than_a_cent_is_a_warning(void **state) {
    (void)state;
    static const struct {
        const char *members;
        bool warns;
    } cases[] = {
        {",\"subtotal\":19.98", false},
        {",\"subtotal\":19.97", false}, // off by exactly 0.01
        {",\"subtotal\":19.99", false},
        {",\"subtotal\":19.9699", true},
        {",\"subtotal\":19.9901", true},
        {",\"subtotal\":20,\"discount\":1,\"shipping\":0.5,\"tax\":0.48", false},
        {",\"subtotal\":20,\"discount\":1,\"shipping\":0.5,\"tax\":0.4699", true},
        {"", true}, // nothing is derived
        {",\"discount\":999999999999,\"shipping\":999999999999.9999", true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(warnings_of(order_with(cases[i].members)),
                         cases[i].warns ? WARN_TOTAL_MISMATCH : 0);
    }
}

static void a_quantity_of_zero_is_a_warning(void **state) {
    (void)state;
    assert_true(warnings_of(order_of("quantity", "0")) & WARN_QUANTITY_ZERO);
    assert_false(warnings_of(order_of("quantity", "1")) & WARN_QUANTITY_ZERO);
}

static void arrival_makes_late_and_future_warnings(void **state) {
    (void)state;
    const int64_t minute_ms = 60000, day_ms = 24 * 60 * minute_ms, late_ms = 10 * minute_ms;
    struct order o = *accepted(order_with(",\"subtotal\":19.98"));
    const int64_t at = o.created_ms;
    static const struct {
        int64_t off_ms;
        uint32_t want;
    } cases[] = {{0, 0},         {10 * 60000, 0},          {10 * 60000 + 1, WARN_LATE},
                 {-86400000, 0}, {-86400001, WARN_FUTURE}, {60000, 0}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) { // the same order again: old warnings go
        order_mark_arrival(&o, at + cases[i].off_ms, late_ms);
        assert_int_equal(o.warnings, cases[i].want);
    }
    o.warnings = WARN_AMOUNT_ROUNDED;
    order_mark_arrival(&o, at + day_ms, late_ms);
    assert_int_equal(o.warnings, WARN_AMOUNT_ROUNDED | WARN_LATE);
}

// --- Items

#define ITEMS_ORDER(items)                                                                         \
    "{\"order_id\":7,\"created_at\":\"2026-01-31T12:00:00Z\",\"total\":19.98,\"items\":" items "}"

static void items_stand_for_product_and_quantity(void **state) {
    (void)state;
    const struct order *o = accepted(ITEMS_ORDER(
        "[{\"product_id\":7,\"quantity\":1,\"subtotal\":\"1\"},"
        "{\"quantity\":\"2\",\"product_id\":\"a \\\"b\\\\ \\u00e9\"},"
        "{\"product_id\":\"007\",\"quantity\":1000000,\"subtotal\":null,\"note\":[1,{\"a\":2}]}]"));
    assert_int_equal(o->n_items, 3);
    assert_true(o->quantity == 1000003);
    assert_false(ident_present(o->product_id));
    assert_text(o->items_json,
                "[{\"product_id\":7,\"quantity\":1,\"subtotal\":\"1.0000\"},"
                "{\"product_id\":\"a \\\"b\\\\ \xC3\xA9\",\"quantity\":2,\"subtotal\":\"0.0000\"},"
                "{\"product_id\":\"007\",\"quantity\":1000000,\"subtotal\":\"0.0000\"}]");
    assert_true(o->items[0].product_id.num == 7 && o->items[0].subtotal_e4 == 10000);
    assert_true(o->items[1].quantity == 2 && o->items[1].product_id.num == -1);
    assert_true(o->subtotal_e4 == 0); // of the order: nothing is derived
}

static void the_largest_items_are_written_whole(void **state) {
    (void)state;
    static char json[256 * 1024], want[256 * 1024];
    const char *product = quoted("\xF0\x9F\x9B\x92", 100);
    size_t n = 0, n_want = 0;
    for (int i = 0; i < ORDER_ITEMS_MAX; i++) {
        bool text = i % 3 != 0;
        const char *id = !text ? MAX_INT : i % 3 == 1 ? product : "\"\\\\\\\"\\\\\\\"\"";
        n += (size_t)sprintf(json + n, "%s{\"product_id\":%s,\"quantity\":1000000,\"subtotal\":%s}",
                             i > 0 ? "," : "", id, "999999999999.9999");
        n_want += (size_t)sprintf(want + n_want,
                                  "%s{\"product_id\":%s,\"quantity\":1000000,\"subtotal\":\"%s\"}",
                                  i > 0 ? "," : "[", id, "999999999999.9999");
    }
    strcpy(want + n_want, "]");
    static char whole[300 * 1024];
    sprintf(whole, ITEMS_ORDER("[%s]"), json);
    const struct order *o = accepted(whole);
    assert_int_equal(o->n_items, ORDER_ITEMS_MAX);
    assert_true(o->quantity == INT64_C(200000000));
    assert_text(o->items_json, want);
}

static void items_beside_product_or_quantity_are_ambiguous(void **state) {
    (void)state;
    const char *items = ",\"items\":[{\"product_id\":1,\"quantity\":1}]";
    rejected(order_with(items), "items", REJECT_AMBIGUOUS);
    rejected(order_without("product_id", items), "items", REJECT_AMBIGUOUS);
    rejected(order_without("quantity", items), "items", REJECT_AMBIGUOUS);
    (void)accepted(ITEMS_ORDER("[{\"product_id\":1,\"quantity\":1}],\"product_id\":null,"
                               "\"quantity\":null"));
}

static void items_are_refused_by_their_path(void **state) {
    (void)state;
    static const struct {
        const char *json, *field, *code;
    } cases[] = {
        {ITEMS_ORDER("[]"), "items", REJECT_EMPTY},
        {ITEMS_ORDER("{}"), "items", REJECT_TYPE},
        {ITEMS_ORDER("\"[]\""), "items", REJECT_TYPE},
        {ITEMS_ORDER("7"), "items", REJECT_TYPE},
        {ITEMS_ORDER("true"), "items", REJECT_TYPE},
        {ITEMS_ORDER("null"), "product_id", REJECT_MISSING},
        {ITEMS_ORDER("[7]"), "items[0]", REJECT_TYPE},
        {ITEMS_ORDER("[null]"), "items[0]", REJECT_TYPE},
        {ITEMS_ORDER("[{\"product_id\":1,\"quantity\":1},[]]"), "items[1]", REJECT_TYPE},
        {ITEMS_ORDER("[{}]"), "items[0].product_id", REJECT_MISSING},
        {ITEMS_ORDER("[{\"product_id\":null,\"quantity\":1}]"), "items[0].product_id",
         REJECT_MISSING},
        {ITEMS_ORDER("[{\"product_id\":1}]"), "items[0].quantity", REJECT_MISSING},
        {ITEMS_ORDER("[{\"product_id\":1,\"quantity\":null}]"), "items[0].quantity",
         REJECT_MISSING},
        {ITEMS_ORDER("[{\"product_id\":true,\"quantity\":1}]"), "items[0].product_id", REJECT_TYPE},
        {ITEMS_ORDER("[{\"product_id\":\"\",\"quantity\":1}]"), "items[0].product_id",
         REJECT_EMPTY},
        {ITEMS_ORDER("[{\"product_id\":-1,\"quantity\":1}]"), "items[0].product_id",
         REJECT_NEGATIVE},
        {ITEMS_ORDER("[{\"product_id\":1,\"quantity\":-1}]"), "items[0].quantity", REJECT_NEGATIVE},
        {ITEMS_ORDER("[{\"product_id\":1,\"quantity\":1000001}]"), "items[0].quantity",
         REJECT_RANGE},
        {ITEMS_ORDER("[{\"product_id\":1,\"quantity\":1.5}]"), "items[0].quantity",
         REJECT_MALFORMED},
        {ITEMS_ORDER("[{\"product_id\":1,\"quantity\":1,\"subtotal\":-1}]"), "items[0].subtotal",
         REJECT_NEGATIVE},
        {ITEMS_ORDER("[{\"product_id\":1,\"quantity\":1,\"subtotal\":\"x\"}]"), "items[0].subtotal",
         REJECT_MALFORMED},
        {ITEMS_ORDER("[{\"product_id\":1,\"quantity\":1,\"subtotal\":1e12}]"), "items[0].subtotal",
         REJECT_RANGE},
        {ITEMS_ORDER("[{\"product_id\":1,\"quantity\":1,\"quantity\":1}]"), "items[0].quantity",
         REJECT_DUPLICATE_KEY},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rejected(cases[i].json, cases[i].field, cases[i].code);
    }
    static char many[16 * 1024] = "[";
    for (int i = 0; i <= ORDER_ITEMS_MAX; i++) {
        strcat(many,
               i > 0 ? ",{\"product_id\":1,\"quantity\":1}" : "{\"product_id\":1,\"quantity\":1}");
    }
    static char json[20 * 1024];
    snprintf(json, sizeof json, ITEMS_ORDER("%s]"), many);
    rejected(json, "items", REJECT_TOO_LONG);
}

static void items_warn_as_one_order(void **state) {
    (void)state;
    assert_int_equal(warnings_of(ITEMS_ORDER("[{\"product_id\":1,\"quantity\":0}]")),
                     WARN_QUANTITY_ZERO | WARN_TOTAL_MISMATCH);
    assert_int_equal(warnings_of(ITEMS_ORDER("[{\"product_id\":1,\"quantity\":0},{\"product_id\":2,"
                                             "\"quantity\":1}],\"subtotal\":19.98")),
                     0);
    assert_int_equal(warnings_of(ITEMS_ORDER("[{\"product_id\":1,\"quantity\":1,\"subtotal\":"
                                             "0.00001}],\"subtotal\":19.98")),
                     WARN_AMOUNT_ROUNDED);
}

// --- The same order again

static void same_content_is_amounts_currency_customer_and_products(void **state) {
    (void)state;
    struct order a = *accepted(order_with(",\"customer_id\":\"c\",\"source\":\"x\""));
    struct order b = a;
    b.created_ms++;
    b.source = TEXT_LIT("y");
    b.state = TEXT_LIT("z");
    b.warnings = WARN_LATE;
    assert_true(order_same_content(&a, &b));
#define DIFFERS(member, value)                                                                     \
    b = a;                                                                                         \
    b.member = value;                                                                              \
    assert_false(order_same_content(&a, &b))
    DIFFERS(total_e4, a.total_e4 + 1);
    DIFFERS(subtotal_e4, 1);
    DIFFERS(discount_e4, 1);
    DIFFERS(shipping_e4, 1);
    DIFFERS(tax_e4, 1);
    DIFFERS(quantity, 3);
    DIFFERS(currency[2], 'C');
    DIFFERS(customer_id, IDENT_NONE);
    DIFFERS(customer_id, ident_of_text(TEXT_LIT("C")));
    DIFFERS(product_id.num, 4);
    DIFFERS(items_json, TEXT_LIT("[]"));
}

static void items_of_a_row_are_compared_by_their_json(void **state) {
    (void)state;
    struct order a = *accepted(ITEMS_ORDER("[{\"product_id\":\"1\",\"quantity\":1}]"));
    struct order row = a;
    char copy[256];
    memcpy(copy, a.items_json.at, a.items_json.len);
    row.items_json.at = copy;
    row.items = NULL; // as a store reads it
    row.n_items = 0;
    assert_true(order_same_content(&a, &row));
    copy[a.items_json.len - 3]++;
    assert_false(order_same_content(&a, &row));
}

// --- Small tools

static void identifiers_become_text_and_back(void **state) {
    (void)state;
    static const char *const texts[] = {"0", "7", "10", MAX_INT, OVER_MAX_INT, "007", "abc", "-1"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        char digits[24];
        struct text placed = guard_page_place(&ot.guard, text_of(texts[i]));
        struct ident id = ident_of_text(placed);
        assert_text(ident_text(id, digits), texts[i]);
        assert_true(ident_present(id));
    }
    char digits[24];
    assert_null(ident_text(IDENT_NONE, digits).at);
    assert_true(ident_of_text(TEXT_LIT("")).num == -1);
}

static void kinds_have_names(void **state) {
    (void)state;
    assert_string_equal(order_kind_name(ORDER_PLACED), "placed");
    assert_string_equal(order_kind_name(ORDER_CANCELLED), "cancelled");
    assert_string_equal(order_kind_name(ORDER_REFUNDED), "refunded");
}

static void an_excerpt_is_short_and_printable(void **state) {
    (void)state;
    static const struct {
        const char *value, *want;
    } cases[] = {
        {"", ""},
        {"abc", "abc"},
        {"a\nb\x7f\x01", "a?b??"},
        {"\xC3\xA9\xE6\x9C\xAC\xF0\x9F\x9B\x92", "\xC3\xA9\xE6\x9C\xAC\xF0\x9F\x9B\x92"},
        {"a\xFF", "a?"},
        {"a\xE6\x9C", "a?"},
        {"x\xC2\x85y", "x?y"},     // a control of the second kind
        {"x\xE2\x80\xAEy", "x?y"}, // turns the line around
        {"\xEF\xBB\xBFy", "?y"},   // a byte order mark
        {"1234567890123456789012345678901234567890", "1234567890123456789012345678901234567890"},
        {"12345678901234567890123456789012345678901", "1234567890123456789012345678901234567..."},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text placed = guard_page_place(&ot.guard, text_of(cases[i].value));
        assert_string_equal(excerpt_of(placed).text, cases[i].want);
    }
    struct excerpt e = excerpt_of(text_of(quoted("\xF0\x9F\x9B\x92", 100)));
    assert_int_equal(text_characters(text_of(e.text)), 40);
    assert_true(text_is_utf8(text_of(e.text)));
    assert_string_equal(excerpt_of(TEXT_NONE).text, "");
}

static void a_rejection_is_cut_between_characters(void **state) {
    (void)state;
    for (size_t n = 0; n < 8; n++) {
        char field[128], message[512];
        memset(field, 'f', sizeof field);
        memset(message, 'm', sizeof message);
        for (size_t i = n; i + 4 < sizeof field; i += 4) {
            memcpy(field + i, "\xF0\x9F\x9B\x92", 4);
        }
        for (size_t i = n; i + 3 < sizeof message; i += 3) {
            memcpy(message + i, "\xE6\x9C\xAC", 3);
        }
        field[sizeof field - 1] = message[sizeof message - 1] = '\0';
        struct rejection why;
        assert_false(reject(&why, field, REJECT_TYPE, "%s", message));
        assert_true(text_is_utf8(text_of(why.field)) && strlen(why.field) >= 43);
        assert_true(text_is_utf8(text_of(why.message)) && strlen(why.message) >= 195);
        assert_string_equal(why.code, REJECT_TYPE);
    }
}

// --- The builder, as other readers use it

static void a_builder_takes_cells_and_ignores_what_it_does_not_know(void **state) {
    (void)state;
    struct order o;
    struct rejection why;
    struct order_builder b;
    order_begin(&b, &ot.rules, &o, &why);
    assert_true(order_set(&b, FIELD_UNKNOWN, VALUE_TEXT, TEXT_LIT("x")));
    assert_true(order_set(&b, FIELD_ORDER_ID, VALUE_TEXT, TEXT_LIT(" 12 ")));
    assert_true(order_set(&b, FIELD_CREATED_AT, VALUE_TEXT, TEXT_LIT("2026-01-31")));
    assert_true(order_set(&b, FIELD_PRODUCT_ID, VALUE_TEXT, TEXT_LIT("Tee")));
    assert_true(order_set(&b, FIELD_QUANTITY, VALUE_TEXT, TEXT_LIT("2")));
    assert_true(order_set(&b, FIELD_TOTAL, VALUE_TEXT, TEXT_LIT("5")));
    assert_true(order_finish(&b));
    assert_true(o.order_id.num == 12 && o.total_e4 == 50000);
    assert_false(order_set(&b, FIELD_ITEMS, VALUE_TEXT, TEXT_LIT("[]")));
    assert_string_equal(why.code, REJECT_TYPE);
    assert_string_equal(why.field, "items");
}

static bool refuse_all(void *user, size_t n_bytes) {
    (void)user;
    (void)n_bytes;
    return true;
}

static void items_without_memory_are_no_rejection(void **state) {
    (void)state;
    struct order o;
    struct rejection why;
    struct order_builder b;
    struct arena empty = {0};
    struct order_item item = {.product_id = {7, TEXT_NONE}, .quantity = 1};
    order_begin(&b, &ot.rules, &o, &why);
    mem_set_fail_hook(refuse_all, NULL);
    bool ok = order_set_items(&b, &item, 1, &empty);
    mem_set_fail_hook(NULL, NULL);
    assert_false(ok);
    assert_true(b.out_of_memory);
    arena_free(&empty);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_with_every_field_is_read),
        cmocka_unit_test(optional_fields_have_their_defaults),
        cmocka_unit_test(every_required_field_is_missed_by_its_name),
        cmocka_unit_test(every_optional_field_may_be_null),
        cmocka_unit_test(names_of_fields_are_exact),
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
        cmocka_unit_test(currency_is_three_capital_letters),
        cmocka_unit_test(created_at_is_an_instant_between_1970_and_2200),
        cmocka_unit_test(quantity_is_a_whole_number_up_to_a_million),
        cmocka_unit_test(amounts_follow_the_rules_of_money),
        cmocka_unit_test(rounding_an_amount_is_a_warning),
        cmocka_unit_test(a_total_off_by_more_than_a_cent_is_a_warning),
        cmocka_unit_test(a_quantity_of_zero_is_a_warning),
        cmocka_unit_test(arrival_makes_late_and_future_warnings),
        cmocka_unit_test(items_stand_for_product_and_quantity),
        cmocka_unit_test(the_largest_items_are_written_whole),
        cmocka_unit_test(items_beside_product_or_quantity_are_ambiguous),
        cmocka_unit_test(items_are_refused_by_their_path),
        cmocka_unit_test(items_warn_as_one_order),
        cmocka_unit_test(same_content_is_amounts_currency_customer_and_products),
        cmocka_unit_test(items_of_a_row_are_compared_by_their_json),
        cmocka_unit_test(identifiers_become_text_and_back),
        cmocka_unit_test(kinds_have_names),
        cmocka_unit_test(an_excerpt_is_short_and_printable),
        cmocka_unit_test(a_rejection_is_cut_between_characters),
        cmocka_unit_test(a_builder_takes_cells_and_ignores_what_it_does_not_know),
        cmocka_unit_test(items_without_memory_are_no_rejection),
    };
    order_testing_start();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    order_testing_end();
    return failed;
}
