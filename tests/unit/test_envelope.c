// SPDX-License-Identifier: MIT
// Orders in the envelopes of other producers: which form a message has, what is taken out of it,
// what is said of one that cannot be.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "format/connect_decimal.h"
#include "format/connect_time.h"
#include "format/connect_value.h"
#include "format/envelope.h"
#include "format/log_key.h"
#include "refusing_heap.h"
#include <stdlib.h>
#include <string.h>

static struct {
    struct order_json *parser;
    struct arena arena;
    struct rejection why;
    struct text event;
} f;

static int set_up(void **state) {
    (void)state;
    f.parser = mem_must(order_json_new(NULL));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    order_json_free(f.parser);
    arena_free(&f.arena);
    return 0;
}

static enum envelope_result open_as(enum value_format said, const char *value) {
    const struct envelope e = {.value = text_of(value)};
    arena_reset(&f.arena);
    f.why = (struct rejection){0};
    return envelope_open(f.parser, said, &e, &f.arena, &f.event, &f.why);
}

static void gives(enum value_format said, const char *value, const char *event) {
    enum envelope_result result = open_as(said, value);
    if (result != ENVELOPE_EVENT || !text_equal(f.event, text_of(event))) {
        fail_msg("%s\n gives %d %.*s\n but not %s (%s)", value, (int)result, TEXT_ARG(f.event),
                 event, f.why.message);
    }
}

static void gives_nothing(enum value_format said, const char *value) {
    assert_int_equal(open_as(said, value), ENVELOPE_NO_EVENT);
}

static void rejects(enum value_format said, const char *value, const char *code,
                    const char *words) {
    assert_int_equal(open_as(said, value), ENVELOPE_REJECTED);
    assert_string_equal(f.why.code, code);
    if (strstr(f.why.message, words) == NULL) {
        fail_msg("%s\n is rejected with '%s'\n but not '%s'", value, f.why.message, words);
    }
}

#define FIELD(name, type, more) "{\"field\":\"" name "\",\"type\":\"" type "\"" more "}"
#define LOGICAL(class) ",\"name\":\"" class "\",\"version\":1"
#define DECIMAL(scale)                                                                             \
    LOGICAL("org.apache.kafka.connect.data.Decimal") ",\"parameters\":{\"scale\":\"" scale "\"}"
#define CONNECT(fields, payload)                                                                   \
    "{\"schema\":{\"type\":\"struct\",\"fields\":[" fields "]},\"payload\":" payload "}"

// --- Kafka Connect

static void a_payload_is_the_order_as_it_is(void **state) {
    (void)state;
    gives(VALUE_CONNECT, CONNECT(FIELD("order_id", "int64", ""), "{\"order_id\":7,\"x\":[1,true]}"),
          "{\"order_id\":7,\"x\":[1,true]}");
    gives(VALUE_CONNECT, " {\"payload\":{\"total\":1.50e2},\"schema\":null}\n",
          "{\"total\":1.50e2}");
    gives(VALUE_CONNECT,
          "{\"schema\":{\"type\":\"string\"},\"payload\":\" {\\\"order_id\\\": 7}\"}",
          "{\"order_id\": 7}");
}

static void a_tombstone_in_an_envelope_has_no_event(void **state) {
    (void)state;
    gives_nothing(VALUE_CONNECT, "{\"schema\":null,\"payload\":null}");
    gives_nothing(VALUE_DEBEZIUM, "{\"schema\":{\"type\":\"struct\"},\"payload\":null}");
    gives_nothing(VALUE_CONNECT, "null");
    gives_nothing(VALUE_DEBEZIUM, " null ");
}

static void a_decimal_is_written_by_its_scale(void **state) {
    (void)state;
    gives(VALUE_CONNECT, CONNECT(FIELD("total", "bytes", DECIMAL("2")), "{\"total\":\"BOI=\"}"),
          "{\"total\":\"12.50\"}");
    gives(VALUE_CONNECT, CONNECT(FIELD("total", "bytes", DECIMAL("2")), "{\"total\":12.50}"),
          "{\"total\":12.50}"); // decimal.format=NUMERIC
    gives(VALUE_CONNECT, CONNECT(FIELD("total", "bytes", DECIMAL("2")), "{\"total\":null}"),
          "{\"total\":null}");
    rejects(VALUE_CONNECT, CONNECT(FIELD("total", "bytes", DECIMAL("2")), "{\"total\":\"12.50\"}"),
            REJECT_MALFORMED, "total must be a Decimal");
    rejects(VALUE_CONNECT,
            CONNECT(FIELD("total", "bytes", LOGICAL("org.apache.kafka.connect.data.Decimal")),
                    "{\"total\":\"BOI=\"}"),
            REJECT_MALFORMED, "has no scale");
    assert_string_equal(f.why.field, "total");
}

static void decimals_of_any_size_are_exact(void **state) {
    (void)state;
    static const struct {
        const char *base64, *text;
        int scale;
    } cases[] = {
        {"AA==", "0", 0},
        {"AA==", "0.00", 2},
        {"BOI=", "1250", 0},
        {"/w==", "-0.01", 2},
        {"+x4=", "-12.50", 2},
        {"gA==", "-128", 0},
        {"AIA=", "128", 0},
        {"BQ==", "500", -2},
        {"AA==", "0", -2},
        {"AQ==", "0.0001", 4},
        {"BOI", "12.50", 2},
        {"DeC2s6dj//8=", "999999999999999.999", 3},
        {"gAAAAAAAAAA=", "-9223372036854775808", 0},
    };
    char out[DECIMAL_TEXT_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len = connect_decimal(text_of(cases[i].base64), cases[i].scale, out);
        if (!text_equal((struct text){out, len}, text_of(cases[i].text))) {
            fail_msg("%s is %.*s, not %s", cases[i].base64, (int)len, out, cases[i].text);
        }
    }
    char longest[88]; // 64 bytes, of which the first is 0x7F: 154 digits
    memset(longest, '/', sizeof longest);
    longest[0] = 'f';
    longest[85] = 'w';
    assert_int_equal(connect_decimal((struct text){longest, 86}, DECIMAL_SCALE_MAX, out), 202);
    assert_int_equal(connect_decimal((struct text){longest, 86}, -DECIMAL_SCALE_MAX, out), 354);
    assert_int_equal(connect_decimal((struct text){longest, 88}, 0, out), 0);
    assert_int_equal(connect_decimal(TEXT_LIT(""), 0, out), 0);
    assert_int_equal(connect_decimal(TEXT_LIT("BO.="), 0, out), 0);
    for (size_t n = 1; n < 4; n++) { // of AYag, cut off: not 3.90, not 0.01
        assert_int_equal(connect_decimal((struct text){"AYag", n}, 2, out), 0);
    }
    assert_int_equal(connect_decimal(TEXT_LIT("AA=="), DECIMAL_SCALE_MAX + 1, out), 0);
}

static void is_time(const char *name, bool no_zone, const char *digits, const char *text) {
    char out[CONNECT_TIME_MAX];
    assert_true(connect_time_is(text_of(name)));
    size_t len = connect_time(text_of(name), text_of(digits), no_zone, out);
    if (!text_equal((struct text){out, len}, text_of(text))) {
        fail_msg("%s %s is %.*s, not %s", name, digits, (int)len, out, text);
    }
}

static void times_are_written_by_the_name_of_their_schema(void **state) {
    (void)state;
    const char *instant = "org.apache.kafka.connect.data.Timestamp";
    is_time(instant, false, "1700000000123", "2023-11-14T22:13:20.123Z");
    is_time(instant, true, "1700000000123", "2023-11-14T22:13:20.123");
    is_time(instant, false, "-1", "1969-12-31T23:59:59.999Z");
    is_time(instant, false, "253402300799999", "9999-12-31T23:59:59.999Z");
    is_time(instant, false, "253402300800000", "");
    is_time(instant, false, "9223372036854775808", "");
    is_time(instant, false, "1.5", "");
    is_time(instant, false, "-", "");
    is_time("io.debezium.time.Timestamp", false, "1700000000123", "2023-11-14T22:13:20.123");
    is_time("io.debezium.time.MicroTimestamp", true, "1700000000123456",
            "2023-11-14T22:13:20.123456");
    is_time("io.debezium.time.NanoTimestamp", true, "1700000000123456789",
            "2023-11-14T22:13:20.123456789");
    is_time("io.debezium.time.NanoTimestamp", true, "-9223372036854775807",
            "1677-09-21T00:12:43.145224193");
    is_time("org.apache.kafka.connect.data.Date", false, "19675", "2023-11-14");
    is_time("io.debezium.time.Date", true, "-1", "1969-12-31");
    is_time("io.debezium.time.Date", true, "9000000", "");
    is_time("org.apache.kafka.connect.data.Time", false, "80000123", "22:13:20.123");
    is_time("io.debezium.time.MicroTime", false, "80000123456", "22:13:20.123456");
    is_time("io.debezium.time.Time", false, "86400000", "");
    assert_false(connect_time_is(TEXT_LIT("io.debezium.time.ZonedTimestamp")));
}

static void a_time_in_an_envelope_is_what_its_schema_says(void **state) {
    (void)state;
    gives(VALUE_CONNECT,
          CONNECT(FIELD("x", "int32", "") "," FIELD(
                      "created_at", "int64", LOGICAL("org.apache.kafka.connect.data.Timestamp")),
                  "{\"created_at\":1700000000123,\"x\":1}"),
          "{\"created_at\":\"2023-11-14T22:13:20.123Z\",\"x\":1}");
    rejects(VALUE_CONNECT,
            CONNECT(FIELD("created_at", "int64", LOGICAL("org.apache.kafka.connect.data.Date")),
                    "{\"created_at\":17000000000}"),
            REJECT_MALFORMED, "created_at is no time of a org.apache.kafka.connect.data.Date");
}

#define ITEM                                                                                       \
    "{\"type\":\"array\",\"items\":{\"type\":\"struct\",\"fields\":[" FIELD(                       \
        "subtotal", "bytes", DECIMAL("2")) "]},\"field\":\"items\"}"
static void lines_of_an_order_are_read_by_their_schema_too(void **state) {
    (void)state;
    gives(VALUE_CONNECT, CONNECT(ITEM, "{\"items\":[{\"product_id\":1,\"subtotal\":\"BOI=\"},{}]}"),
          "{\"items\":[{\"product_id\":1,\"subtotal\":\"12.50\"},{}]}");
}

static void items_in_a_column_of_json_are_an_array(void **state) {
    (void)state;
    gives(VALUE_CONNECT, CONNECT("", "{\"items\":\" [{\\\"quantity\\\": 2}]\"}"),
          "{\"items\":[{\"quantity\": 2}]}");
    gives(VALUE_CONNECT, CONNECT("", "{\"items\":\"[1],\\\"total\\\":5,\\\"x\\\":[2]\"}"),
          "{\"items\":\"[1],\\\"total\\\":5,\\\"x\\\":[2]\"}");
}

static void a_payload_that_is_no_order_is_rejected(void **state) {
    (void)state;
    rejects(VALUE_CONNECT, "{\"schema\":null,\"payload\":{\"order_id\":7,\"__deleted\":\"true\"}}",
            REJECT_CHANGED, "a deleted row");
    rejects(VALUE_CONNECT, "{\"schema\":null,\"payload\":[{\"order_id\":7}]}", REJECT_NOT_OBJECT,
            "payload of a Kafka Connect envelope");
    rejects(VALUE_CONNECT, "{\"schema\":", REJECT_NOT_JSON, "not JSON");
}

static void nesting_and_fields_are_bounded(void **state) {
    (void)state;
    struct buf value = {0};
    buf_put_str(&value, "{\"schema\":null,\"payload\":{\"x\":");
    for (int i = 0; i < 50000; i++) {
        buf_put_char(&value, '[');
    }
    for (int i = 0; i < 50000; i++) {
        buf_put_char(&value, ']');
    }
    buf_put(&value, "}}", 3);
    rejects(VALUE_CONNECT, value.at, REJECT_TOO_DEEP, "nested deeper than 100");
    buf_clear(&value);
    buf_put_str(&value, "{\"payload\":{\"x\":1},\"schema\":{\"fields\":[0");
    for (int i = 0; i < CONNECT_FIELDS_MAX; i++) {
        buf_put_str(&value, ",{\"field\":\"y\"}");
    }
    buf_put(&value, "]}}", 4);
    rejects(VALUE_CONNECT, value.at, REJECT_TOO_LARGE, "at most 1024");
    buf_clear(&value);
    for (int i = 0; i <= ENVELOPE_MAX_BYTES; i++) {
        buf_put_char(&value, ' ');
    }
    buf_put_char(&value, '\0');
    rejects(VALUE_CONNECT, value.at, REJECT_TOO_LARGE, "at most 2097152");
    buf_free(&value);
}

// --- Debezium

#define ROW "{\"order_id\":7,\"total\":\"12.50\",\"status\":\"new\"}"
#define CHANGE(op, before, after)                                                                  \
    "{\"before\":" before ",\"after\":" after ",\"source\":{\"db\":\"shop\"},\"op\":\"" op         \
    "\",\"ts_ms\":1}"

static void a_new_row_is_the_event_with_or_without_a_schema(void **state) {
    (void)state;
    gives(VALUE_DEBEZIUM, CHANGE("c", "null", ROW), ROW);
    gives(VALUE_DEBEZIUM, CHANGE("r", "null", ROW), ROW);
    gives(VALUE_DEBEZIUM,
          CONNECT(
              "{\"type\":\"struct\",\"field\":\"after\",\"fields\":[" FIELD(
                  "total", "bytes",
                  DECIMAL("2")) "," FIELD("created_at", "int64",
                                          LOGICAL("org.apache.kafka.connect.data.Timestamp")) "]}",
              CHANGE("c", "null", "{\"total\":\"BOI=\",\"created_at\":1700000000123}")),
          "{\"total\":\"12.50\",\"created_at\":\"2023-11-14T22:13:20.123\"}");
    gives(VALUE_DEBEZIUM,
          CONNECT("{\"field\":\"after\",\"fields\":[" FIELD(
                      "total", "struct", LOGICAL("io.debezium.data.VariableScaleDecimal")) "]}",
                  CHANGE("c", "null", "{\"total\":{\"scale\":1,\"value\":\"BOI=\"}}")),
          "{\"total\":\"125.0\"}");
    rejects(VALUE_DEBEZIUM, CHANGE("c", "null", "null"), REJECT_NOT_OBJECT, "in 'after'");
}

static void an_update_of_other_columns_is_no_event(void **state) {
    (void)state;
    gives_nothing(VALUE_DEBEZIUM,
                  CHANGE("u", ROW, "{\"order_id\":7,\"total\":\"12.50\",\"status\":\"sent\"}"));
    gives_nothing(
        VALUE_DEBEZIUM,
        CHANGE("u", ROW,
               "{\"order_id\":7,\"total\":\"__debezium_unavailable_value\",\"tax\":null}"));
}

static void an_update_of_what_is_counted_is_rejected_by_its_field(void **state) {
    (void)state;
    rejects(VALUE_DEBEZIUM, CHANGE("u", ROW, "{\"order_id\":7,\"total\":\"13.00\"}"),
            REJECT_CHANGED, "changes total from \"12.50\" to \"13.00\"");
    assert_string_equal(f.why.field, "total");
    rejects(VALUE_DEBEZIUM, CHANGE("u", ROW, "{\"order_id\":7}"), REJECT_CHANGED,
            "changes total from \"12.50\" to null");
    rejects(VALUE_DEBEZIUM, CHANGE("u", ROW, "{\"order_id\":7,\"total\":\"12.50\",\"tax\":1}"),
            REJECT_CHANGED, "changes tax from null to 1");
}

static void an_update_without_the_row_before_it_is_rejected(void **state) {
    (void)state;
    rejects(VALUE_DEBEZIUM, CHANGE("u", "null", ROW), REJECT_CHANGED, "REPLICA IDENTITY FULL");
}

static void what_ends_a_row_takes_nothing_back_and_says_so(void **state) {
    (void)state;
    rejects(VALUE_DEBEZIUM, CHANGE("d", ROW, "null"), REJECT_CHANGED, "the row was deleted (op d)");
    rejects(VALUE_DEBEZIUM, CHANGE("t", "null", "null"), REJECT_CHANGED, "the table was emptied");
    rejects(VALUE_DEBEZIUM, CHANGE("x", "null", ROW), REJECT_UNKNOWN_VALUE, "'x'");
    assert_string_equal(f.why.field, "op");
}

// --- Confluent

static void a_schema_id_before_the_value_or_in_a_header_is_left_off(void **state) {
    (void)state;
    struct envelope e = {.value = TEXT_LIT("\0\0\0\x01\x02 {\"order_id\":1}")};
    assert_int_equal(envelope_open(f.parser, VALUE_CONFLUENT_JSON, &e, &f.arena, &f.event, &f.why),
                     ENVELOPE_EVENT);
    assert_true(text_equal(f.event, TEXT_LIT("{\"order_id\":1}")));
    e = (struct envelope){TEXT_LIT("{\"order_id\":2}"), true};
    assert_int_equal(envelope_open(f.parser, VALUE_CONFLUENT_JSON, &e, &f.arena, &f.event, &f.why),
                     ENVELOPE_EVENT);
    assert_true(text_equal(f.event, TEXT_LIT("{\"order_id\":2}")));
}

// --- Another form than said

static void a_message_in_another_form_is_told_which_it_is(void **state) {
    (void)state;
    static const char *const values[VALUE_FORMATS] = {
        [VALUE_JSON] = "{\"order_id\":1}",
        [VALUE_CONNECT] = "{\"schema\":null,\"payload\":{\"order_id\":1}}",
        [VALUE_DEBEZIUM] = CHANGE("c", "null", ROW)};
    static const char *const words[VALUE_FORMATS] = {
        [VALUE_JSON] = "this is plain JSON",
        [VALUE_CONNECT] = "this is a Kafka Connect envelope (schema/payload): --value-format "
                          "connect",
        [VALUE_DEBEZIUM] = "this is a Debezium change event (before/after/op): --value-format "
                           "debezium"};
    for (int said = VALUE_CONNECT; said < VALUE_FORMATS; said++) {
        for (int is = VALUE_JSON; is < VALUE_CONFLUENT_JSON; is++) {
            if (is != said) {
                rejects((enum value_format)said, values[is], REJECT_FORM, words[is]);
            }
        }
    }
    rejects(VALUE_CONNECT, CONNECT("", CHANGE("c", "null", ROW)), REJECT_FORM,
            words[VALUE_DEBEZIUM]);
    rejects(VALUE_DEBEZIUM, "[]", REJECT_FORM, "this is plain JSON, not a Debezium change event");
    rejects(VALUE_CONFLUENT_JSON, "no JSON", REJECT_FORM, "no header __value_schema_id");
}

static void a_schema_id_where_none_is_said_is_told(void **state) {
    (void)state;
    struct envelope e = {.value = TEXT_LIT("\0\0\0\x01\x02{}")};
    assert_int_equal(envelope_open(f.parser, VALUE_CONNECT, &e, &f.arena, &f.event, &f.why),
                     ENVELOPE_REJECTED);
    assert_non_null(strstr(f.why.message, "schema id 258, then JSON): --value-format"));
    e.value = TEXT_LIT("\0\0\0\x01\x02\x02\x06");
    assert_int_equal(envelope_open(f.parser, VALUE_CONFLUENT_JSON, &e, &f.arena, &f.event, &f.why),
                     ENVELOPE_REJECTED);
    assert_string_equal(f.why.code, REJECT_FORM);
    assert_non_null(strstr(f.why.message, "as Avro and Protobuf are"));
}

// --- Kept

static void kept(const char *value, const char *event) {
    arena_reset(&f.arena);
    assert_int_equal(envelope_open_kept(f.parser, text_of(value), &f.arena, &f.event, &f.why),
                     ENVELOPE_EVENT);
    assert_true(text_equal(f.event, text_of(event)));
}

static void what_was_kept_is_opened_by_its_own_form(void **state) {
    (void)state;
    kept("{\"order_id\":1}", "{\"order_id\":1}");
    kept("no JSON", "no JSON");
    kept("{\"schema\":null,\"payload\":{\"order_id\":1}}", "{\"order_id\":1}");
    kept(CHANGE("c", "null", ROW), ROW);
    assert_int_equal(
        envelope_open_kept(f.parser, TEXT_LIT("\0\0\0\0\1{}"), &f.arena, &f.event, &f.why),
        ENVELOPE_EVENT);
    assert_true(text_equal(f.event, TEXT_LIT("{}")));
    assert_int_equal(
        envelope_open_kept(f.parser, text_of(CHANGE("d", ROW, "null")), &f.arena, &f.event, &f.why),
        ENVELOPE_REJECTED);
}

// --- Keys

static void a_key_is_the_orders_id_in_any_form_of_converters(void **state) {
    (void)state;
    struct text seven = TEXT_LIT("7");
    assert_true(log_key_is(f.parser, TEXT_LIT("7"), seven));
    assert_true(log_key_is(f.parser, TEXT_LIT("\"7\""), seven));
    assert_true(log_key_is(f.parser, TEXT_LIT("{\"order_id\":7}"), seven));
    assert_true(log_key_is(f.parser, TEXT_LIT("{\"id\":\"7\"}"), seven));
    assert_true(
        log_key_is(f.parser, TEXT_LIT("{\"schema\":{\"type\":\"int64\"},\"payload\":7}"), seven));
    assert_true(log_key_is(f.parser, TEXT_LIT("{\"schema\":{},\"payload\":{\"id\":7}}"), seven));
    assert_true(log_key_is(f.parser, TEXT_LIT("\0\0\0\0\1{\"id\":7}"), seven));
    assert_true(log_key_is(f.parser,
                           TEXT_LIT("\0\0\0\0\1"
                                    "7"),
                           seven));
    assert_false(log_key_is(f.parser, TEXT_LIT("8"), seven));
    assert_false(log_key_is(f.parser, TEXT_LIT("{\"id\":7,\"line\":1}"), seven));
    assert_false(log_key_is(f.parser, TEXT_LIT("{}"), seven));
    assert_false(log_key_is(f.parser, TEXT_LIT("{\"id\""), seven));
    assert_false(log_key_is(f.parser, TEXT_LIT(""), seven));
    assert_false(log_key_is(f.parser, TEXT_NONE, seven));
}

// --- Memory

static bool opens(const struct mem_heap *heap) {
    struct arena arena = {.heap = heap};
    const struct envelope e = {.value = text_of(CONNECT("", "{\"items\":\"[]\"}"))};
    enum envelope_result result =
        envelope_open(f.parser, VALUE_CONNECT, &e, &arena, &f.event, &f.why);
    arena_free(&arena);
    return result == ENVELOPE_EVENT;
}

static bool compares(const struct mem_heap *heap) {
    struct arena arena = {.heap = heap};
    const struct envelope e = {
        .value =
            text_of(CHANGE("u", ROW, "{\"order_id\":7,\"total\":\"12.50\",\"items\":\"[]\"}"))};
    enum envelope_result result =
        envelope_open(f.parser, VALUE_DEBEZIUM, &e, &arena, &f.event, &f.why);
    arena_free(&arena);
    return result == ENVELOPE_REJECTED;
}

static void memory_that_is_refused_is_told_and_leaves_nothing_behind(void **state) {
    (void)state;
    sweep_heap(opens, 3);
    sweep_heap(compares, 2);
}

#define TEST(name) cmocka_unit_test(name)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_payload_is_the_order_as_it_is),
        TEST(a_tombstone_in_an_envelope_has_no_event),
        TEST(a_decimal_is_written_by_its_scale),
        TEST(decimals_of_any_size_are_exact),
        TEST(times_are_written_by_the_name_of_their_schema),
        TEST(a_time_in_an_envelope_is_what_its_schema_says),
        TEST(lines_of_an_order_are_read_by_their_schema_too),
        TEST(items_in_a_column_of_json_are_an_array),
        TEST(a_payload_that_is_no_order_is_rejected),
        TEST(nesting_and_fields_are_bounded),
        TEST(a_new_row_is_the_event_with_or_without_a_schema),
        TEST(an_update_of_other_columns_is_no_event),
        TEST(an_update_of_what_is_counted_is_rejected_by_its_field),
        TEST(an_update_without_the_row_before_it_is_rejected),
        TEST(what_ends_a_row_takes_nothing_back_and_says_so),
        TEST(a_schema_id_before_the_value_or_in_a_header_is_left_off),
        TEST(a_message_in_another_form_is_told_which_it_is),
        TEST(a_schema_id_where_none_is_said_is_told),
        TEST(what_was_kept_is_opened_by_its_own_form),
        TEST(a_key_is_the_orders_id_in_any_form_of_converters),
        TEST(memory_that_is_refused_is_told_and_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
