// SPDX-License-Identifier: MIT
// The pure parts of the CQL client: frames, bodies and values as bytes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cql/cql_frame.h"
#include "cql/cql_value.h"
#include "cql/cql_write.h"
#include "guard_page.h"

enum { BODY_MAX = 1 << 20 };
#define BYTES(...)                                                                                 \
    ((struct text){(const char *)(const unsigned char[]){__VA_ARGS__},                             \
                   sizeof((const unsigned char[]){__VA_ARGS__})})

static struct cql_frame frame;
static struct cql_result result;

static void a_frame_is_read_with_all_its_parts(void **state) {
    UNUSED(state);
    struct text t = BYTES(0x84, 0, 0x01, 0x02, 0x08, 0, 0, 0, 4, 0, 0, 0, 1, 0xEE);
    assert_int_equal(cql_frame_read(t, BODY_MAX, &frame), CQL_READ_OK);
    assert_int_equal(frame.stream, 0x0102);
    assert_int_equal(frame.opcode, CQL_RESULT);
    assert_int_equal(frame.n_bytes, 13);
    assert_int_equal(frame.body.len, 4);
    assert_true(cql_result_read(frame.body, &result));
    assert_int_equal(result.kind, CQL_RESULT_VOID);
}

static void every_cut_of_a_frame_asks_for_more(void **state) {
    UNUSED(state);
    struct text t = BYTES(0x84, 0, 0xFF, 0xFF, 0x0C, 0, 0, 0, 3, 1, 2, 3);
    for (size_t n = 0; n < t.len; n++) {
        assert_int_equal(cql_frame_read((struct text){t.at, n}, BODY_MAX, &frame), CQL_READ_MORE);
        assert_int_equal(frame.n_bytes, n < CQL_HEADER_BYTES ? CQL_HEADER_BYTES : t.len);
    }
    assert_int_equal(cql_frame_read(t, BODY_MAX, &frame), CQL_READ_OK);
    assert_int_equal(frame.stream, -1);
}

static void expect_bad(struct text t, const char *part) {
    assert_int_equal(cql_frame_read(t, BODY_MAX, &frame), CQL_READ_BAD);
    if (strstr(frame.problem, part) == NULL) {
        fail_msg("\"%s\" lacks \"%s\"", frame.problem, part);
    }
}

static void frames_that_cannot_be_are_bad(void **state) {
    UNUSED(state);
    expect_bad(BYTES(0x04), "not the CQL protocol");
    expect_bad(BYTES('H', 'T', 'T', 'P'), "not the CQL protocol");
    expect_bad(BYTES(0x83), "version 4");
    assert_int_equal(frame.version_seen, 3);
    expect_bad(BYTES(0x84, 0, 0, 0, 8, 0x10, 0, 0, 1), "256 MiB");
    expect_bad(BYTES(0x84, 0, 0, 0, 8, 0xFF, 0xFF, 0xFF, 0xFF), "256 MiB");
    expect_bad(BYTES(0x84, 0, 0, 0, 8, 0, 0x10, 0, 1), "larger than this client takes");
    expect_bad(BYTES(0x84, 1, 0, 0, 8, 0, 0, 0, 0), "compressed");
}

static void what_the_flags_announce_is_skipped_in_order(void **state) {
    UNUSED(state);
    struct text t = BYTES(0x84, 0x0E, 0, 5, 0x08, 0, 0, 0, 45,            // header
                          1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, // tracing
                          0, 2, 0, 2, 'w', '1', 0, 1, 'x',                // warnings
                          0, 2, 0, 1, 'k', 0, 0, 0, 1, 'v', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, // payload
                          0, 0, 0, 1);                                                    // void
    assert_int_equal(t.len, 9 + 45);
    assert_int_equal(cql_frame_read(t, BODY_MAX, &frame), CQL_READ_OK);
    assert_true(text_equal(frame.warning, TEXT_LIT("w1")));
    assert_true(cql_result_read(frame.body, &result));
    assert_int_equal(result.kind, CQL_RESULT_VOID);
}

static void a_prefix_longer_than_its_frame_is_bad(void **state) {
    UNUSED(state);
    expect_bad(BYTES(0x84, 0x02, 0, 0, 8, 0, 0, 0, 4, 0, 0, 0, 1), "longer than the frame");
    expect_bad(BYTES(0x84, 0x08, 0, 0, 8, 0, 0, 0, 4, 0, 9, 0, 1), "longer than the frame");
    expect_bad(BYTES(0x84, 0x04, 0, 0, 8, 0, 0, 0, 4, 0, 1, 0, 1), "longer than the frame");
}

// Two columns (text, list<int>), two rows, the second with a null, and a paging state of one byte.
#define ROWS                                                                                       \
    0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1, 'p', 0, 2, 'k', 's', 0, 1, 't', 0, 1, 'a', 0,  \
        0x0D, 0, 1, 'b', 0, 0x20, 0, 0x09, 0, 0, 0, 2, 0, 0, 0, 2, 'h', 'i', 0, 0, 0, 0, 0xFF,     \
        0xFF, 0xFF, 0xFF, 0, 0, 0, 1, '!'

static void rows_are_read_with_nulls_and_the_paging_state(void **state) {
    UNUSED(state);
    struct text cells[CQL_COLUMNS_MAX];
    assert_true(cql_result_read(BYTES(ROWS), &result));
    assert_int_equal(result.kind, CQL_RESULT_ROWS);
    assert_int_equal(result.columns.n, 2);
    assert_true(text_equal(result.columns.of[1].name, TEXT_LIT("b")));
    assert_int_equal(result.columns.of[0].type, CQL_TEXT);
    assert_int_equal(result.columns.of[1].type, CQL_LIST);
    assert_true(text_equal(result.paging_state, TEXT_LIT("p")));
    assert_true(cql_row_next(&result, cells));
    assert_true(text_equal(cells[0], TEXT_LIT("hi")));
    assert_non_null(cells[1].at); // empty is not null
    assert_int_equal(cells[1].len, 0);
    assert_true(cql_row_next(&result, cells));
    assert_null(cells[0].at);
    assert_true(text_equal(cells[1], TEXT_LIT("!")));
    assert_false(cql_row_next(&result, cells));
}

static void every_cut_of_rows_is_refused_and_nothing_beyond_is_read(void **state) {
    UNUSED(state);
    struct text whole = BYTES(ROWS);
    struct guard_page page = guard_page_new(whole.len);
    for (size_t n = 0; n < whole.len; n++) {
        struct text cut = {whole.at, n};
        assert_false(cql_result_read(guard_page_place(&page, cut), &result));
    }
    guard_page_free(&page);
}

static void rows_that_claim_too_much_are_refused(void **state) {
    UNUSED(state);
    // rows without columns, but two thousand million of them
    assert_false(cql_result_read(BYTES(0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF),
                                 &result));
    // a negative number of rows, of columns, too many columns
    assert_false(cql_result_read(BYTES(0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF),
                                 &result));
    assert_false(cql_result_read(BYTES(0, 0, 0, 2, 0, 0, 0, 4, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0),
                                 &result));
    assert_false(cql_result_read(BYTES(0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 129, 0, 0, 0, 0), &result));
    // more pages, but a null state
    assert_false(cql_result_read(
        BYTES(0, 0, 0, 2, 0, 0, 0, 6, 0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0), &result));
    assert_false(cql_result_read(BYTES(0, 0, 0, 9), &result)); // a kind there is not
}

static void types_nested_without_end_are_refused(void **state) {
    UNUSED(state);
    struct buf b = {0};
    buf_put_text(&b, BYTES(0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0));
    for (int i = 0; i < 1000; i++) {
        buf_put_text(&b, BYTES(0, 0x20));
    }
    assert_false(cql_result_read(buf_text(&b), &result));
    buf_free(&b);
}

static void a_prepared_result_tells_id_and_types(void **state) {
    UNUSED(state);
    struct text t = BYTES(0, 0, 0, 4, 0, 2, 'i', 'd', 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, //
                          0, 1, 'k', 0, 1, 't', 0, 1, 'c', 0, 0x30, 0, 1, 'k', 0, 1, 'u', 0, 1, //
                          0, 1, 'f', 0, 0x09);
    assert_true(cql_result_read(t, &result));
    assert_true(text_equal(result.id, TEXT_LIT("id")));
    assert_int_equal(result.columns.n, 1);
    assert_int_equal(result.columns.of[0].type, CQL_UDT);
    for (size_t n = 0; n < t.len; n++) {
        assert_false(cql_result_read((struct text){t.at, n}, &result));
    }
}

static void an_error_tells_code_message_and_id(void **state) {
    UNUSED(state);
    struct cql_error e;
    assert_true(cql_error_read(BYTES(0, 0, 0x25, 0, 0, 2, 'n', 'o', 0, 2, 'i', 'd'), &e));
    assert_int_equal(e.code, CQL_UNPREPARED);
    assert_true(text_equal(e.message, TEXT_LIT("no")));
    assert_true(text_equal(e.unprepared_id, TEXT_LIT("id")));
    assert_string_equal(cql_error_name(e.code), "UNPREPARED");
    assert_false(cql_error_read(BYTES(0, 0, 0x25, 0, 0, 2, 'n', 'o', 0, 2, 'i'), &e));
    assert_false(cql_error_read(BYTES(0, 0, 0x10, 1, 0, 9, 'n', 'o'), &e));
    assert_string_equal(cql_error_name(CQL_OVERLOADED), "OVERLOADED");
    assert_string_equal(cql_error_name(0x7777), "an unknown error");
}

static void a_servers_message_becomes_one_line(void **state) {
    UNUSED(state);
    char line[CQL_MESSAGE_MAX_BYTES + 1], longest[300];
    assert_string_equal(cql_message_line(TEXT_LIT("a\r\nb\tc"), line), "a  b c");
    assert_string_equal(cql_message_line(TEXT_LIT("\xC3\xA9t\xC3\xA9"), line), "\xC3\xA9t\xC3\xA9");
    assert_string_equal(cql_message_line(TEXT_LIT("a\xFF\xC3\xA9 bcd"), line), "a??? bcd");
    assert_string_equal(cql_message_line(TEXT_NONE, line), "");
    memset(longest, 'x', sizeof longest);
    memcpy(longest + CQL_MESSAGE_MAX_BYTES - 1, "\xC3\xA9", 2); // the cut is in the middle of it
    cql_message_line((struct text){longest, sizeof longest}, line);
    assert_int_equal(strlen(line), CQL_MESSAGE_MAX_BYTES - 1);
}

static void supported_is_searched_for_an_option(void **state) {
    UNUSED(state);
    bool named, found;
    struct text t = BYTES(0, 2, 0, 1, 'X', 0, 1, 0, 4, '4', '/', 'v', '4', 0, 1, 'V', 0, 2, 0, 4,
                          '3', '/', 'v', '3', 0, 4, '5', '/', 'v', '5');
    assert_true(cql_supported_read(t, TEXT_LIT("V"), TEXT_LIT("/v5"), &named, &found));
    assert_true(named && found);
    assert_true(cql_supported_read(t, TEXT_LIT("V"), TEXT_LIT("/v4"), &named, &found));
    assert_true(named && !found);
    assert_true(cql_supported_read(t, TEXT_LIT("W"), TEXT_LIT("/v4"), &named, &found));
    assert_false(named);
    for (size_t n = 0; n < t.len; n++) {
        assert_false(cql_supported_read((struct text){t.at, n}, TEXT_LIT("V"), TEXT_LIT("/v5"),
                                        &named, &found));
    }
}

static void names_of_consistencies_are_known(void **state) {
    UNUSED(state);
    enum cql_consistency c;
    assert_true(cql_consistency_of(TEXT_LIT("local_quorum"), &c));
    assert_int_equal(c, 6);
    assert_true(cql_consistency_of(TEXT_LIT("ONE"), &c));
    assert_int_equal(c, 1);
    assert_false(cql_consistency_of(TEXT_LIT("ON"), &c));
    assert_false(cql_consistency_of(TEXT_LIT("SERIAL"), &c)); // not for reads and writes as here
}

// --- Requests

static void requests_are_the_documented_bytes(void **state) {
    UNUSED(state);
    struct buf b = {0};
    cql_write_options(&b, 3);
    assert_true(text_equal(buf_text(&b), BYTES(4, 0, 0, 3, 5, 0, 0, 0, 0)));
    buf_clear(&b);
    cql_write_auth_plain(&b, 0, TEXT_LIT("me"), TEXT_LIT("pw"));
    assert_true(text_equal(
        buf_text(&b), BYTES(4, 0, 0, 0, 0x0F, 0, 0, 0, 10, 0, 0, 0, 6, 0, 'm', 'e', 0, 'p', 'w')));
    buf_clear(&b);
    cql_write_startup(&b, 1);
    struct cql_in in = {(const unsigned char *)b.at + 5, b.len - 5, false};
    assert_int_equal(cql_get_i32(&in), b.len - CQL_HEADER_BYTES);
    assert_int_equal(cql_get_u16(&in), 3);
    assert_true(text_equal(cql_get_string(&in), TEXT_LIT("CQL_VERSION")));
    assert_true(text_equal(cql_get_string(&in), TEXT_LIT("3.0.0")));
    buf_clear(&b);
    struct cql_parameters p = {CQL_QUORUM, 0x0102, 7, TEXT_LIT("s")};
    cql_write_parameters_begin(&b, &p, 0);
    cql_write_parameters_end(&b, &p);
    assert_true(text_equal(buf_text(&b),
                           BYTES(0, 4, 0x2C, 0, 0, 0, 7, 0, 0, 0, 1, 's', 0, 0, 0, 0, 0, 0, 1, 2)));
    buf_free(&b);
}

// --- Values

static struct buf written;

static struct text put_varint(int64_t v) {
    buf_clear(&written);
    struct cql_values values = {&written, 0};
    cql_put_varint(&values, v);
    return (struct text){written.at + 4, written.len - 4};
}

static void varints_are_as_short_as_the_description_says(void **state) {
    UNUSED(state);
    assert_true(text_equal(put_varint(0), BYTES(0)));
    assert_true(text_equal(put_varint(1), BYTES(1)));
    assert_true(text_equal(put_varint(127), BYTES(0x7F)));
    assert_true(text_equal(put_varint(128), BYTES(0, 0x80)));
    assert_true(text_equal(put_varint(129), BYTES(0, 0x81)));
    assert_true(text_equal(put_varint(-1), BYTES(0xFF)));
    assert_true(text_equal(put_varint(-128), BYTES(0x80)));
    assert_true(text_equal(put_varint(-129), BYTES(0xFF, 0x7F)));
    assert_true(text_equal(put_varint(INT64_MAX), BYTES(0x7F, 255, 255, 255, 255, 255, 255, 255)));
    assert_true(text_equal(put_varint(INT64_MIN), BYTES(0x80, 0, 0, 0, 0, 0, 0, 0)));
    buf_free(&written);
}

static void integers_come_back(void **state) {
    UNUSED(state);
    static const int64_t some[] = {0,     1,      -1,        127,       128,       -128,     -129,
                                   65535, -65536, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    int64_t back;
    for (size_t i = 0; i < COUNT_OF(some); i++) {
        assert_true(cql_cell_int(put_varint(some[i]), &back));
        assert_true(back == some[i]);
    }
    // longer than needed, as others may write them
    assert_true(cql_cell_int(BYTES(0, 0, 0, 0, 0, 0, 0, 0, 0, 5), &back));
    assert_true(back == 5);
    assert_true(cql_cell_int(BYTES(255, 255, 255, 255, 255, 255, 255, 255, 255, 251), &back));
    assert_true(back == -5);
    assert_false(cql_cell_int(BYTES(0, 0x80, 0, 0, 0, 0, 0, 0, 0), &back)); // 2^63
    assert_false(cql_cell_int(BYTES(1, 0, 0, 0, 0, 0, 0, 0, 0), &back));
    assert_false(cql_cell_int(TEXT_NONE, &back));
    assert_false(cql_cell_int(TEXT_LIT(""), &back));
    buf_free(&written);
}

static void expect_decimal(struct text cell, int64_t e4, bool exact) {
    int64_t out;
    bool is_exact;
    assert_true(cql_cell_decimal_e4(cell, &out, &is_exact));
    assert_true(out == e4);
    assert_int_equal(is_exact, exact);
}

static void decimals_of_any_scale_become_ten_thousandths(void **state) {
    UNUSED(state);
    int64_t out;
    bool exact;
    buf_clear(&written);
    struct cql_values values = {&written, 0};
    cql_put_decimal_e4(&values, -1234567);
    expect_decimal((struct text){written.at + 4, written.len - 4}, -1234567, true);
    assert_true(text_equal(buf_text(&written), BYTES(0, 0, 0, 7, 0, 0, 0, 4, 0xED, 0x29, 0x79)));
    expect_decimal(BYTES(0, 0, 0, 2, 0x04, 0xD2), 123400, true);              // 12.34
    expect_decimal(BYTES(0xFF, 0xFF, 0xFF, 0xFF, 7), 700000, true);           // 7E1
    expect_decimal(BYTES(0, 0, 0, 5, 25), 2, false);                          // 0.00025: to even
    expect_decimal(BYTES(0, 0, 0, 5, 35), 4, false);                          // 0.00035
    expect_decimal(BYTES(0, 0, 0, 6, 0, 251), 3, false);                      // 0.000251
    expect_decimal(BYTES(0, 0, 0, 5, 0xE7), -2, false);                       // -0.00025
    expect_decimal(BYTES(0, 0, 0, 5, 50), 5, true);                           // 0.00050
    expect_decimal(BYTES(0, 0, 0, 6, 9), 0, false);                           // 0.000009
    expect_decimal(BYTES(0x7F, 0xFF, 0xFF, 0xFF, 9), 0, false);               // nearly nothing
    expect_decimal(BYTES(0x80, 0, 0, 0, 0), 0, true);                         // 0E+2^31
    assert_false(cql_cell_decimal_e4(BYTES(0x80, 0, 0, 0, 1), &out, &exact)); // 1E+2^31
    assert_false(cql_cell_decimal_e4(BYTES(0, 0, 0, 2), &out, &exact));
    assert_false(cql_cell_decimal_e4(TEXT_NONE, &out, &exact));
    buf_free(&written);
}

static void other_values_are_the_documented_bytes(void **state) {
    UNUSED(state);
    buf_clear(&written);
    struct cql_values v = {&written, 0};
    cql_put_null(&v);
    cql_put_text(&v, TEXT_NONE);
    cql_put_text(&v, TEXT_LIT(""));
    cql_put_i32(&v, -2);
    cql_put_i16(&v, -2);
    cql_put_i8(&v, -2);
    cql_put_date(&v, 1);
    cql_put_float(&v, 1.0F);
    cql_put_double(&v, 1.0);
    assert_int_equal(v.n, 9);
    assert_true(
        text_equal(buf_text(&written),
                   BYTES(255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 4, 255, 255,
                         255, 254, 0, 0, 0, 2, 255, 254, 0, 0, 0, 1, 254, 0, 0, 0, 4, 0x80, 0, 0, 1,
                         0, 0, 0, 4, 0x3F, 0x80, 0, 0, 0, 0, 0, 8, 0x3F, 0xF0, 0, 0, 0, 0, 0, 0)));
    int32_t day;
    double d;
    assert_true(cql_cell_date(BYTES(0x7F, 0xFF, 0xFF, 0xFF), &day));
    assert_int_equal(day, -1);
    assert_false(cql_cell_date(BYTES(0x80, 0, 0), &day));
    assert_true(cql_cell_double(BYTES(0x3F, 0x80, 0, 0), &d));
    assert_true(d == 1.0);
    assert_true(cql_cell_double(BYTES(0xBF, 0xF0, 0, 0, 0, 0, 0, 0), &d));
    assert_true(d == -1.0);
    assert_false(cql_cell_double(BYTES(1), &d));
    buf_free(&written);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_read_with_all_its_parts),
        cmocka_unit_test(every_cut_of_a_frame_asks_for_more),
        cmocka_unit_test(frames_that_cannot_be_are_bad),
        cmocka_unit_test(what_the_flags_announce_is_skipped_in_order),
        cmocka_unit_test(a_prefix_longer_than_its_frame_is_bad),
        cmocka_unit_test(rows_are_read_with_nulls_and_the_paging_state),
        cmocka_unit_test(every_cut_of_rows_is_refused_and_nothing_beyond_is_read),
        cmocka_unit_test(rows_that_claim_too_much_are_refused),
        cmocka_unit_test(types_nested_without_end_are_refused),
        cmocka_unit_test(a_prepared_result_tells_id_and_types),
        cmocka_unit_test(an_error_tells_code_message_and_id),
        cmocka_unit_test(a_servers_message_becomes_one_line),
        cmocka_unit_test(supported_is_searched_for_an_option),
        cmocka_unit_test(names_of_consistencies_are_known),
        cmocka_unit_test(requests_are_the_documented_bytes),
        cmocka_unit_test(varints_are_as_short_as_the_description_says),
        cmocka_unit_test(integers_come_back),
        cmocka_unit_test(decimals_of_any_scale_become_ten_thousandths),
        cmocka_unit_test(other_values_are_the_documented_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
