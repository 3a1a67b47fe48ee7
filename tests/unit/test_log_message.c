// SPDX-License-Identifier: MIT
// What is said of a message whose value has the order in an envelope; the header of one that a door
// has rejected; the time of one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "format/log_message.h"
#include "format/rejected_header.h"
#include <string.h>

static struct rejection why;

static void explain(struct text value) {
    struct order_json *parser = mem_must(order_json_new(NULL));
    struct order_rules rules = {.currency = "USD", .max_depth = ORDER_DEPTH_MAX};
    struct arena arena = {0};
    struct order order;
    assert_int_equal(log_message_parse(parser, &rules, value, false, &arena, &order, &why),
                     ORDER_JSON_REJECTED);
    arena_free(&arena);
    order_json_free(parser);
}

static void a_schema_id_is_told_as_a_form_that_can_be_said(void **state) {
    (void)state;
    explain(TEXT_LIT("\0\0\0\x01\x02{\"order_id\":1}"));
    assert_string_equal(why.message, "this is Confluent's wire format (a zero byte and schema id "
                                     "258, then JSON): --value-format confluent-json");
    assert_string_equal(why.code, REJECT_FORM);
    explain(TEXT_LIT("\0\xFF\0\0\0\x02\x10"));
    assert_non_null(strstr(why.message, "schema id 4278190080) without JSON"));
}

static void an_envelope_is_told_by_its_name_not_by_a_field_within(void **state) {
    (void)state;
    const char *connect =
        "this is a Kafka Connect envelope (schema/payload): --value-format connect";
    const char *debezium =
        "this is a Debezium change event (before/after/op): --value-format debezium";
    explain(TEXT_LIT("{\"schema\":{\"type\":\"struct\"},\"payload\":{\"order_id\":1}}"));
    assert_string_equal(why.message, connect);
    assert_string_equal(why.code, REJECT_FORM);
    assert_string_equal(why.field, "");
    explain(TEXT_LIT("{\"payload\" : {\"order_id\":1}, \"schema\" : null}"));
    assert_string_equal(why.message, connect);
    explain(TEXT_LIT("{\"before\":null,\"after\":{\"order_id\":1},\"source\":{\"db\":\"shop\"},"
                     "\"op\":\"c\"}"));
    assert_string_equal(why.message, debezium);
    explain(TEXT_LIT("{\"schema\":{},\"payload\":{\"before\":{\"order_id\":1},\"op\":\"d\"}}"));
    assert_string_equal(why.message, debezium);
}

static void what_is_in_no_envelope_keeps_its_reason(void **state) {
    (void)state;
    explain(TEXT_LIT("{\"schema\":1}"));
    assert_string_equal(why.field, "order_id");
    explain(TEXT_LIT("{\"order_id\":true,\"schema\":1,\"payload\":2}"));
    assert_string_equal(why.code, REJECT_TYPE);
    explain(TEXT_LIT("\0"));
    assert_null(strstr(why.message, "Confluent"));
    explain(TEXT_LIT("{\"op\":\"c\"}"));
    assert_string_equal(why.field, "order_id");
}

static bool reads(struct text header) {
    why = (struct rejection){0};
    return rejected_header_read(header, &why);
}

static void a_rejection_written_as_a_header_is_read_back(void **state) {
    (void)state;
    struct buf header = {0};
    rejected_header_put(&header, TEXT_LIT("total"), TEXT_LIT(REJECT_NEGATIVE),
                        TEXT_LIT("below \"zero\"\n"));
    assert_true(reads(buf_text(&header)));
    assert_string_equal(why.field, "total");
    assert_string_equal(why.code, REJECT_NEGATIVE);
    assert_string_equal(why.message, "below \"zero\"\n");
    buf_free(&header);
}

static void the_longest_header_is_read_and_a_longer_one_is_not(void **state) {
    (void)state;
    char text[2049] = "{\"code\":\"negative\",\"x\":[";
    size_t n = strlen(text);
    memset(text + n, ' ', sizeof text - n);
    for (; n < 2046; n += 2) { // as many values as bytes allow: what takes most memory
        memcpy(text + n, n + 2 < 2046 ? "0," : "0 ", 2);
    }
    memcpy(text + 2046, "]}", 2);
    assert_true(reads((struct text){text, 2048}));
    memcpy(text + 2046, " ]}", 3);
    assert_false(reads((struct text){text, 2049}));
}

static void a_header_that_is_no_rejection_is_none(void **state) {
    (void)state;
    assert_false(reads(TEXT_NONE));
    assert_false(reads(TEXT_LIT("")));
    assert_false(reads(TEXT_LIT("[]")));
    assert_false(reads(TEXT_LIT("{\"code\":\"made up\"}")));
    assert_false(reads(TEXT_LIT("{\"code\":1}")));
    assert_false(reads(TEXT_LIT("{\"code\":\"negative\"")));
}

static void an_arrival_is_held_within_what_can_be_shown(void **state) {
    (void)state;
    assert_int_equal(log_arrival_ms(-1), LOG_ARRIVAL_FIRST_MS);
    assert_int_equal(log_arrival_ms(INT64_MIN), LOG_ARRIVAL_FIRST_MS);
    assert_int_equal(log_arrival_ms(1700000000000), 1700000000000);
    assert_int_equal(log_arrival_ms(INT64_MAX), LOG_ARRIVAL_LAST_MS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_schema_id_is_told_as_a_form_that_can_be_said),
        cmocka_unit_test(an_envelope_is_told_by_its_name_not_by_a_field_within),
        cmocka_unit_test(what_is_in_no_envelope_keeps_its_reason),
        cmocka_unit_test(a_rejection_written_as_a_header_is_read_back),
        cmocka_unit_test(the_longest_header_is_read_and_a_longer_one_is_not),
        cmocka_unit_test(a_header_that_is_no_rejection_is_none),
        cmocka_unit_test(an_arrival_is_held_within_what_can_be_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
