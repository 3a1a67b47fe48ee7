// SPDX-License-Identifier: MIT
// What an event's JSON must obey beyond its grammar: no key twice in an object, nesting, size. Each
// event ends at a guard page and goes both roads of the parser, which must agree (order_testing.h).
#include "order_testing.h"

static char big[12 * 1024 * 1024]; // for texts that are made

// A complete order with `value` as the value of a field that is not known.
static const char *with_unknown(const char *value) {
    static char json[256 * 1024];
    int n = snprintf(json, sizeof json, "%.*s,\"x\":%s}", (int)strlen(order_with("")) - 1,
                     order_with(""), value);
    assert_true(n > 0 && n < (int)sizeof json);
    return json;
}

// --- Duplicate keys

static void the_same_key_twice_in_an_object_is_refused_by_its_path(void **state) {
    (void)state;
    for (enum order_field f = 0; f < FIELD_COUNT; f++) { // each known field, also as null
        char twice[128];
        const char *name = order_field_name(f);
        snprintf(twice, sizeof twice, "{\"%s\":null,\"%s\":null}", name, name);
        rejected(twice, name, REJECT_DUPLICATE_KEY);
    }
    static const struct {
        const char *json, *field;
    } cases[] = {
        {"{\"order_id\":1,\"order_id\":1}", "order_id"},
        {"{\"order_id\":1,\"\\u006frder_id\":1}", "order_id"},
        {"{\"x\":1,\"x\":1}", "x"},
        {"{\"\":1,\"\":1}", ""},
        {"{\"x\":{\"a\":1,\"a\":2}}", "x.a"},
        {"{\"x\":[0,{\"b\":1,\"a\":1,\"a\":2}]}", "x[1].a"},
        {"{\"x\":[[[{\"a\":{\"b\":1,\"c\":{},\"b\":1}}]]]}", "x[0][0][0].a.b"},
        {"{\"x\":1,\"y\":{\"z\":[1,2,{},{\"q\":[],\"q\":[]}]}}", "y.z[3].q"},
        {"{\"items\":[{\"product_id\":1,\"product_id\":1}]}", "items[0].product_id"},
        {"{\"items\":[{\"product_id\":1,\"quantity\":1},{\"x\":1,\"x\":1}]}", "items[1].x"},
        {"{\"items\":[{\"product_id\":1,\"quantity\":1,\"x\":{\"y\":1,\"y\":2}}]}", "items[0].x.y"},
        {"{\"a b\":{\"c\\nd\":1,\"c\\u000ad\":1}}", "a b.c?d"},
        {"{\"\xC3\xA9\":{\"\\u00e9\":1,\"\xC3\xA9\":1}}", "\xC3\xA9.\xC3\xA9"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rejected(cases[i].json, cases[i].field, REJECT_DUPLICATE_KEY);
    }
}

static void the_same_key_in_different_objects_is_fine(void **state) {
    (void)state;
    (void)accepted(with_unknown("{\"x\":{\"x\":{\"x\":[{\"x\":1},{\"x\":2}]}},\"order_id\":1}"));
    (void)accepted("{\"order_id\":1,\"created_at\":\"2026-01-31\",\"total\":1,\"items\":["
                   "{\"product_id\":1,\"quantity\":1,\"x\":1},"
                   "{\"product_id\":1,\"quantity\":1,\"x\":1}],\"x\":{\"x\":1}}");
}

static void a_path_that_is_too_long_is_cut_between_characters(void **state) {
    (void)state;
    for (int n = 30; n < 60; n++) {
        char json[512];
        snprintf(json, sizeof json, "{\"%.*s\xE6\x9C\xAC\xE6\x9C\xAC\":{\"a\":1,\"a\":2}}", n,
                 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
        assert_int_equal(read_event(text_of(json)), ORDER_JSON_REJECTED);
        assert_string_equal(ot.why.code, REJECT_DUPLICATE_KEY);
        assert_true(strlen(ot.why.field) >= 30 && text_is_utf8(text_of(ot.why.field)));
        assert_message_is_for_people();
    }
}

// An object of n different keys in `big`, and, unless `again` is n or more, one that comes again.
static struct text object_of_keys(size_t n, size_t again, const char *format) {
    size_t len = 0;
    big[len++] = '{';
    for (size_t i = 0; i <= n; i++) {
        if (i == n && again >= n) {
            break;
        }
        len += (size_t)sprintf(big + len, i > 0 ? ",\"" : "\"");
        len += (size_t)sprintf(big + len, format, i == n ? again : i);
        len += (size_t)sprintf(big + len, "\":0");
    }
    big[len++] = '}';
    return (struct text){big, len};
}

static void a_key_that_comes_again_is_found_among_any_number(void **state) {
    (void)state;
    for (size_t n = 1; n <= 70; n++) { // pairs first, a table from 17 keys on
        for (size_t again = 0; again < n; again++) {
            char field[32];
            snprintf(field, sizeof field, "k%zu", again);
            expect_refusal(object_of_keys(n, again, "k%zu"), ORDER_JSON_REJECTED, field,
                           REJECT_DUPLICATE_KEY);
        }
        // None comes again: then the required fields are what is missing.
        expect_refusal(object_of_keys(n, n, "k%zu"), ORDER_JSON_REJECTED, "order_id",
                       REJECT_MISSING);
    }
}

static void a_hundred_thousand_keys_are_no_trouble(void **state) {
    (void)state;
    enum { N = 100000 };
    expect_refusal(object_of_keys(N, N, "%zu"), ORDER_JSON_REJECTED, "order_id", REJECT_MISSING);
    expect_refusal(object_of_keys(N, 77777, "%zu"), ORDER_JSON_REJECTED, "77777",
                   REJECT_DUPLICATE_KEY);
    // The same inside an unknown field, beside many small objects.
    static char json[ORDER_EVENT_MAX_BYTES];
    struct text object = object_of_keys(60000, 59999, "%zu");
    int n = snprintf(json, sizeof json, "{\"x\":[{\"a\":1},%.*s]}", TEXT_ARG(object));
    expect_refusal((struct text){json, (size_t)n}, ORDER_JSON_REJECTED, "x[1].59999",
                   REJECT_DUPLICATE_KEY);
}

// --- Nesting

// "{"x": and n brackets, one in the other.
static struct text nested(size_t n, char open, char close) {
    size_t len =
        (size_t)sprintf(big, "%.*s,\"x\":", (int)strlen(order_with("")) - 1, order_with(""));
    for (size_t i = 0; i < n; i++) {
        big[len++] = open;
        if (open == '{' && i + 1 < n) {
            len += (size_t)sprintf(big + len, "\"a\":");
        }
    }
    memset(big + len, close, n);
    len += n;
    big[len++] = '}';
    return (struct text){big, len};
}

static void nesting_is_allowed_up_to_the_rules_depth(void **state) {
    (void)state;
    static const struct {
        uint32_t rule, depth;
    } cases[] = {{0, 32}, {32, 32}, {2, 2}, {100, 100}, {512, 512}, {1000, 1000}, {100000, 1000}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        ot.rules.max_depth = cases[i].rule;
        for (int object = 0; object < 2; object++) {
            char open = object ? '{' : '[', close = object ? '}' : ']';
            assert_int_equal(read_event(nested(cases[i].depth - 1, open, close)), ORDER_JSON_OK);
            assert_int_equal(read_event(nested(cases[i].depth, open, close)), ORDER_JSON_REJECTED);
            assert_string_equal(ot.why.code, REJECT_TOO_DEEP);
            assert_int_equal(ot.why.field[0], 'x');
            assert_message_is_for_people();
        }
    }
    ot.rules.max_depth = 1;
    (void)accepted(order_with(",\"x\":1"));
    rejected(order_with(",\"x\":[]"), "x", REJECT_TOO_DEEP);
    ot.rules.max_depth = 0;
}

static void items_are_two_levels_below_the_order(void **state) {
    (void)state;
    const char *json = "{\"order_id\":1,\"created_at\":\"2026-01-31\",\"total\":1,\"items\":["
                       "{\"product_id\":1,\"quantity\":1,\"x\":[[]]}]}";
    ot.rules.max_depth = 5;
    (void)accepted(json);
    ot.rules.max_depth = 4;
    rejected(json, "items[0].x[0]", REJECT_TOO_DEEP);
    ot.rules.max_depth = 3;
    rejected(json, "items[0].x", REJECT_TOO_DEEP);
    ot.rules.max_depth = 2;
    rejected(json, "items", REJECT_TOO_DEEP);
    ot.rules.max_depth = 1;
    rejected(json, "items", REJECT_TOO_DEEP);
    ot.rules.max_depth = 0;
}

static void half_a_million_brackets_are_an_error_not_a_crash(void **state) {
    (void)state;
    expect_refusal(nested(500000, '[', ']'), ORDER_JSON_REJECTED,
                   "x[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]", REJECT_TOO_DEEP);
    expect_refusal(nested(100000, '{', '}'), ORDER_JSON_REJECTED,
                   "x.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a", REJECT_TOO_DEEP);
    memset(big, '[', 1000000);
    broken((struct text){big, 1000000});
    memset(big, '{', 1000000);
    broken((struct text){big, 1000000});
}

// --- Size

static void an_event_has_at_most_a_mebibyte(void **state) {
    (void)state;
    struct text start = text_of(order_with(",\"x\":\""));
    size_t fixed = start.len - 1;
    memset(big, 'y', sizeof big);
    memcpy(big, start.at, fixed); // without the closing brace
    big[ORDER_EVENT_MAX_BYTES - 2] = '"';
    big[ORDER_EVENT_MAX_BYTES - 1] = '}';
    assert_int_equal(read_event((struct text){big, ORDER_EVENT_MAX_BYTES}), ORDER_JSON_OK);
    big[ORDER_EVENT_MAX_BYTES] = ' ';
    expect_refusal((struct text){big, ORDER_EVENT_MAX_BYTES + 1}, ORDER_JSON_REJECTED, "",
                   REJECT_TOO_LARGE);
    expect_refusal((struct text){big, 10 * 1024 * 1024}, ORDER_JSON_REJECTED, "",
                   REJECT_TOO_LARGE); // a string of ten megabytes
    memset(big, 0, sizeof big);
    expect_refusal((struct text){big, sizeof big}, ORDER_JSON_REJECTED, "", REJECT_TOO_LARGE);
}

static void long_values_of_known_fields_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *field, *code;
    } cases[] = {{"order_id", REJECT_TOO_LONG},   {"source", REJECT_TOO_LONG},
                 {"product_id", REJECT_TOO_LONG}, {"created_at", REJECT_MALFORMED},
                 {"event", REJECT_UNKNOWN_VALUE}, {"currency", REJECT_MALFORMED},
                 {"total", REJECT_MALFORMED},     {"quantity", REJECT_MALFORMED}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t n = (size_t)sprintf(big, "{\"%s\":\"", cases[i].field);
        memset(big + n, 'x', 1000000);
        n += 1000000;
        n += (size_t)sprintf(big + n, "\"}");
        expect_refusal((struct text){big, n}, ORDER_JSON_REJECTED, cases[i].field, cases[i].code);
    }
    // A number of a million digits is one, only too large.
    size_t n = (size_t)sprintf(big, "{\"total\":");
    memset(big + n, '9', 1000000);
    n += 1000000;
    big[n++] = '}';
    expect_refusal((struct text){big, n}, ORDER_JSON_REJECTED, "total", REJECT_RANGE);
}

static void the_largest_trees_are_read(void **state) {
    (void)state;
    // Two bytes a value, the most that a text can hold.
    size_t n = (size_t)sprintf(big, "%s", order_with(",\"x\":["));
    big[--n] = '\0';
    while (n < ORDER_EVENT_MAX_BYTES - 4) {
        big[n++] = '0';
        big[n++] = ',';
    }
    n += (size_t)sprintf(big + n, "0]}");
    assert_int_equal(read_event((struct text){big, n}), ORDER_JSON_OK);
    (void)accepted(order_with("")); // and a small one again, on the larger pool
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_key_twice_in_an_object_is_refused_by_its_path),
        cmocka_unit_test(the_same_key_in_different_objects_is_fine),
        cmocka_unit_test(a_path_that_is_too_long_is_cut_between_characters),
        cmocka_unit_test(a_key_that_comes_again_is_found_among_any_number),
        cmocka_unit_test(a_hundred_thousand_keys_are_no_trouble),
        cmocka_unit_test(nesting_is_allowed_up_to_the_rules_depth),
        cmocka_unit_test(items_are_two_levels_below_the_order),
        cmocka_unit_test(half_a_million_brackets_are_an_error_not_a_crash),
        cmocka_unit_test(an_event_has_at_most_a_mebibyte),
        cmocka_unit_test(long_values_of_known_fields_are_refused),
        cmocka_unit_test(the_largest_trees_are_read),
    };
    order_testing_start();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    order_testing_end();
    return failed;
}
