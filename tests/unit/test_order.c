// SPDX-License-Identifier: MIT
// The order event as a whole: what must be there, warnings, items, when two events are the same
// order, the builder, and what messages show.
#include "order_testing.h"

#define MAX_INT "9223372036854775807"
#define OVER_MAX_INT "9223372036854775808"

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

static void a_price_stands_for_the_subtotal_of_its_item(void **state) {
    (void)state;
    const struct order *o = accepted(
        ITEMS_ORDER("[{\"product_id\":1,\"quantity\":2,\"unit_price\":9.99},{\"unit_price\":\" "
                    "+.50 \",\"product_id\":2,\"quantity\":3},{\"unit_price\":7,\"product_id\":3,"
                    "\"quantity\":1,\"subtotal\":\"2.5\"},{\"product_id\":4,\"quantity\":1,"
                    "\"unit_price\":null},{\"product_id\":5,\"quantity\":3,\"unit_price\":"
                    "0.00005}]"));
    static const int64_t subtotals_e4[] = {199800, 15000, 25000, 0, 2}; // rounded once
    for (size_t i = 0; i < COUNT_OF(subtotals_e4); i++) {
        assert_true(o->items[i].subtotal_e4 == subtotals_e4[i]);
    }
    assert_true((o->warnings & WARN_AMOUNT_ROUNDED) != 0);
#define PRICED(price) ITEMS_ORDER("[{\"product_id\":1,\"quantity\":2,\"unit_price\":" price "}]")
    rejected(PRICED("\"x\""), "items[0].unit_price", REJECT_MALFORMED);
    rejected(PRICED("\"\""), "items[0].unit_price", REJECT_MALFORMED);
    rejected(PRICED("-1"), "items[0].unit_price", REJECT_NEGATIVE);
    rejected(PRICED("{}"), "items[0].unit_price", REJECT_TYPE);
    rejected(PRICED("true"), "items[0].unit_price", REJECT_TYPE);
    rejected(PRICED("6e11"), "items[0].subtotal", REJECT_RANGE);
    rejected(PRICED("1,\"unit_price\":1"), "items[0].unit_price", REJECT_DUPLICATE_KEY);
    // Beside a subtotal it is a field that nobody knows.
    (void)accepted(
        ITEMS_ORDER("[{\"product_id\":1,\"quantity\":2,\"subtotal\":1,\"unit_price\":{}}]"));
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
    b = a;
    b.customer_id = IDENT_FORGOTTEN; // it may have been any
    assert_true(order_same_content(&a, &b) && order_same_content(&b, &a));
    b.total_e4++;
    assert_false(order_same_content(&a, &b));
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
        cmocka_unit_test(rounding_an_amount_is_a_warning),
        cmocka_unit_test(a_total_off_by_more_than_a_cent_is_a_warning),
        cmocka_unit_test(a_quantity_of_zero_is_a_warning),
        cmocka_unit_test(arrival_makes_late_and_future_warnings),
        cmocka_unit_test(items_stand_for_product_and_quantity),
        cmocka_unit_test(a_price_stands_for_the_subtotal_of_its_item),
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
