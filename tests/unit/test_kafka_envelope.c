// SPDX-License-Identifier: MIT
// What is said of a message whose value has the order in an envelope.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "broker/kafka_envelope.h"
#include "format/order_json.h"
#include <string.h>

static struct rejection why;

static void explain(struct text value) {
    struct order_json *parser = mem_must(order_json_new(NULL));
    struct order_rules rules = {.currency = "USD", .max_depth = ORDER_DEPTH_MAX};
    struct arena arena = {0};
    struct order order;
    assert_int_not_equal(order_json_parse(parser, &rules, value, &arena, &order, &why),
                         ORDER_JSON_OK);
    kafka_envelope_explain(value, &why);
    arena_free(&arena);
    order_json_free(parser);
}

static void a_zero_byte_and_a_schema_id_are_confluents(void **state) {
    (void)state;
    explain(TEXT_LIT("\0\0\0\x01\x02{\"order_id\":1}"));
    assert_non_null(strstr(why.message, "Confluent's wire format"));
    assert_non_null(strstr(why.message, "schema id 258,"));
    assert_string_equal(why.code, REJECT_NOT_JSON);
    explain(TEXT_LIT("\0\xFF\0\0\0\x02\x10"));
    assert_non_null(strstr(why.message, "schema id 4278190080,"));
}

static void schema_and_payload_are_connects(void **state) {
    (void)state;
    explain(TEXT_LIT("{\"schema\":{\"type\":\"struct\"},\"payload\":{\"order_id\":1}}"));
    assert_non_null(strstr(why.message, "value.converter.schemas.enable=false"));
    assert_string_equal(why.code, REJECT_MISSING);
    explain(TEXT_LIT("{\"payload\" : {\"order_id\":1}, \"schema\" : null}"));
    assert_non_null(strstr(why.message, "Kafka Connect's envelope"));
}

static void what_is_in_no_envelope_keeps_its_reason(void **state) {
    (void)state;
    explain(TEXT_LIT("{\"schema\":1}"));
    assert_string_equal(why.field, "order_id");
    explain(TEXT_LIT("{\"order_id\":true,\"schema\":1,\"payload\":2}"));
    assert_string_equal(why.code, REJECT_TYPE);
    explain(TEXT_LIT("\0"));
    assert_null(strstr(why.message, "Confluent"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zero_byte_and_a_schema_id_are_confluents),
        cmocka_unit_test(schema_and_payload_are_connects),
        cmocka_unit_test(what_is_in_no_envelope_keeps_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
