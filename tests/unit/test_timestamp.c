// SPDX-License-Identifier: MIT
// Timestamps: the accepted forms and nothing else, on the calendar, in range. Inputs end at a guard
// page. Zones have their own test (test_zone.c); here they only show that they are asked.
#include "engine/zone_file.h"
#include "guard_page.h"
#include "order/timestamp.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define UNTOUCHED INT64_C(-77)
#define DATE_TIME_LEN 19               // YYYY-MM-DDTHH:MM:SS
#define LAST_MS INT64_C(7289654399999) // 2200-12-31T23:59:59.999Z

static struct guard_page guard; // made by main, like the zones
static struct zone *utc, *five_west, *new_york, *sao_paulo;

static enum timestamp_result parse(struct text t, const struct zone *z, int64_t *out_ms) {
    *out_ms = UNTOUCHED;
    return timestamp_parse(guard_page_place(&guard, t), z, out_ms);
}

static void expect_in(const struct zone *z, const char *spelling, int64_t want_ms) {
    int64_t ms;
    enum timestamp_result got = parse(text_of(spelling), z, &ms);
    if (got != TIMESTAMP_OK || ms != want_ms) {
        fail_msg("%s: result %d, %" PRId64 "; wanted %" PRId64, spelling, got, ms, want_ms);
    }
}

static void expect(const char *spelling, int64_t want_ms) {
    expect_in(utc, spelling, want_ms);
}

static void expect_refused(const char *spelling, enum timestamp_result want) {
    int64_t ms;
    enum timestamp_result got = parse(text_of(spelling), utc, &ms);
    if (got != want || ms != UNTOUCHED) {
        fail_msg("\"%s\": result %d, %" PRId64 "; wanted %d and no value", spelling, got, ms, want);
    }
}

static void an_rfc_3339_instant_is_its_milliseconds(void **state) {
    UNUSED(state);
    expect("1970-01-01T00:00:00Z", 0);
    expect("2026-01-31T12:00:00Z", INT64_C(1769860800000));
    expect("2026-01-31t12:00:00z", INT64_C(1769860800000));
    expect("2026-01-31 12:00:00Z", INT64_C(1769860800000));
    expect("2026-01-31T12:00:00+00:00", INT64_C(1769860800000));
    expect("2026-01-31T12:00:00-00:00", INT64_C(1769860800000));
    expect("2026-01-31T13:30:00+01:30", INT64_C(1769860800000));
    expect("2026-01-31t04:15:00-07:45", INT64_C(1769860800000));
    expect("2026-02-01T11:59:00+23:59", INT64_C(1769860800000));
    expect("2026-01-30T12:01:00-23:59", INT64_C(1769860800000));
}

static void a_fraction_is_cut_to_milliseconds(void **state) {
    UNUSED(state);
    expect("1970-01-01T00:00:01.5Z", 1500);
    expect("1970-01-01T00:00:01.05Z", 1050);
    expect("1970-01-01T00:00:01.123Z", 1123);
    expect("1970-01-01T00:00:01.1239Z", 1123);
    expect("1970-01-01T00:00:01.999999999Z", 1999);
    expect("1970-01-01T00:00:01.000000001Z", 1000);
    expect("1970-01-01T00:00:01.12+00:00", 1120);
    expect("1970-01-01T00:00:01.12", 1120);
    expect_refused("1970-01-01T00:00:01.Z", TIMESTAMP_MALFORMED);
    expect_refused("1970-01-01T00:00:01.", TIMESTAMP_MALFORMED);
    expect_refused("1970-01-01T00:00:01.1234567890Z", TIMESTAMP_MALFORMED);
    expect("1970-01-01T00:00:01,5Z", 1500);
    expect_refused("1970-01-01T00:00:01,Z", TIMESTAMP_MALFORMED);
}

static void a_time_with_one_meaning_is_read_however_it_is_written(void **state) {
    UNUSED(state);
    static const char *const noon[] = {
        "2026-01-31 12:00:00+00",     "2026-01-31 12:00:00.000+00", "2026-01-31 13:00:00 +0100",
        "2026-01-31T12:00:00+0000",   "2026-01-31 12:00:00 UTC",    "2026-01-31 12:00:00UTC",
        "2026-01-31 12:00:00 GMT",    "2026-01-31 12:00",           "2026-01-31T12:00Z",
        "2026-01-31 14:00:00 +02:00", "2026-01-31 12:00:00 Z",      "2026-01-31 12:00:00,000",
        "2026-01-31 08:30-0330",      "2026-01-31T12:00 +00",       "2026-01-31t12:00z"};
    for (size_t i = 0; i < COUNT_OF(noon); i++) {
        expect(noon[i], INT64_C(1769860800000));
    }
    expect_in(new_york, "2026-01-31 07:00", INT64_C(1769860800000)); // no offset: the zone's
    static const char *const wrong[] = {
        "2026-01-31 12",          "2026-01-31 12:0",         "2026-01-31 12:00:0",
        "2026-01-31 12:00  UTC",  "2026-01-31 12:00 CET",    "2026-01-31 12:00 utc",
        "2026-01-31 12:00 +1",    "2026-01-31 12:00 +010",   "2026-01-31 12:00 +01:",
        "2026-01-31 12:00 +01:0", "2026-01-31 12:00 +01000", "2026-01-31 12:00 PM",
        "2026-01-31t12:00",       "2026-01-31 12:00:",       "2026-01-31 12:00 "};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        expect_refused(wrong[i], TIMESTAMP_MALFORMED);
    }
    expect_refused("2026-01-31 24:00", TIMESTAMP_NO_SUCH_DATE);
    expect_refused("2026-01-31 12:00 +2400", TIMESTAMP_NO_SUCH_DATE);
}

static void a_leap_second_is_the_start_of_the_next_minute(void **state) {
    UNUSED(state);
    expect("2016-12-31T23:59:60Z", INT64_C(1483228800000));
    expect("2016-12-31T23:59:60.999Z", INT64_C(1483228800000));
    expect("2017-01-01T00:59:60+01:00", INT64_C(1483228800000));
    expect("2016-12-31T18:29:60-05:30", INT64_C(1483228800000));
    expect("2016-12-31 23:59:60", INT64_C(1483228800000));
    expect_in(new_york, "2016-12-31 18:59:60.5", INT64_C(1483228800000));
    expect("2016-02-29T23:59:60Z", INT64_C(1456790400000));
    expect_refused("2015-02-29T23:59:60Z", TIMESTAMP_NO_SUCH_DATE);
    expect_refused("2016-12-31T23:59:61Z", TIMESTAMP_NO_SUCH_DATE);
    expect_refused("2016-12-31T24:59:60Z", TIMESTAMP_NO_SUCH_DATE);
    expect_refused("2200-12-31T23:59:60Z", TIMESTAMP_OUT_OF_RANGE);
    expect("1969-12-31T23:59:60Z", 0);
}

static void dates_that_are_not_on_the_calendar_are_refused(void **state) {
    UNUSED(state);
    static const char *const wrong[] = {"2023-02-29", "2024-02-30", "2100-02-29", "2200-02-29",
                                        "2024-00-10", "2024-13-10", "2024-01-00", "2024-01-32",
                                        "2024-04-31", "2024-06-31", "2024-09-31", "2024-11-31",
                                        "2024-99-99", "1900-02-29", "0000-00-00"};
    for (size_t k = 0; k < COUNT_OF(wrong); k++) {
        char with_time[40];
        expect_refused(wrong[k], TIMESTAMP_NO_SUCH_DATE);
        snprintf(with_time, sizeof with_time, "%s 10:00:00", wrong[k]);
        expect_refused(with_time, TIMESTAMP_NO_SUCH_DATE);
        snprintf(with_time, sizeof with_time, "%sT10:00:00.25+02:00", wrong[k]);
        expect_refused(with_time, TIMESTAMP_NO_SUCH_DATE);
    }
    expect("2024-02-29", INT64_C(1709164800000));
    expect("2000-02-29T00:00:00Z", INT64_C(951782400000));
}

static void times_that_are_not_on_the_clock_are_refused(void **state) {
    UNUSED(state);
    expect_refused("2024-01-01T24:00:00Z", TIMESTAMP_NO_SUCH_DATE);
    expect_refused("2024-01-01T23:60:00Z", TIMESTAMP_NO_SUCH_DATE);
    expect_refused("2024-01-01 99:00:00", TIMESTAMP_NO_SUCH_DATE);
    expect_refused("2024-01-01T10:00:00+24:00", TIMESTAMP_NO_SUCH_DATE);
    expect_refused("2024-01-01T10:00:00-10:60", TIMESTAMP_NO_SUCH_DATE);
}

static void the_range_is_of_instants_not_of_written_dates(void **state) {
    UNUSED(state);
    expect("1969-12-31T19:00:00-05:00", 0);
    expect_refused("1969-12-31T23:59:59.999Z", TIMESTAMP_OUT_OF_RANGE);
    expect_refused("1970-01-01T00:00:00+00:01", TIMESTAMP_OUT_OF_RANGE);
    expect("2200-12-31T23:59:59.999Z", LAST_MS);
    expect("2201-01-01T00:29:59.999+00:30", LAST_MS);
    expect_refused("2201-01-01T00:00:00Z", TIMESTAMP_OUT_OF_RANGE);
    expect_refused("2200-12-31T23:30:00-00:30", TIMESTAMP_OUT_OF_RANGE);
    expect_refused("9999-12-31T23:59:59Z", TIMESTAMP_OUT_OF_RANGE);
    expect_refused("0000-02-29T00:00:00Z", TIMESTAMP_OUT_OF_RANGE);
    expect_refused("0000-01-01", TIMESTAMP_OUT_OF_RANGE);
    expect_refused("9999-12-31", TIMESTAMP_OUT_OF_RANGE);
    expect_refused("9999-12-31 23:59:60", TIMESTAMP_OUT_OF_RANGE);
    expect_in(new_york, "1969-12-31 19:00:00", 0);
    expect_in(five_west, "2200-12-31T18:59:59.999", LAST_MS);
    int64_t ms;
    assert_int_equal(parse(TEXT_LIT("2200-12-31T19:00:00"), five_west, &ms),
                     TIMESTAMP_OUT_OF_RANGE);
    assert_int_equal(parse(TEXT_LIT("1969-12-31"), new_york, &ms), TIMESTAMP_OUT_OF_RANGE);
}

static void without_an_offset_the_shop_s_zone_is_read(void **state) {
    UNUSED(state);
    expect("2026-07-01 12:00:00", INT64_C(1782907200000));
    expect_in(new_york, "2019-01-31 12:00:00", INT64_C(1548954000000));
    expect_in(new_york, "2019-07-01T12:00:00.25", INT64_C(1561996800250));
    expect_in(new_york, "2019-07-01", INT64_C(1561953600000));
    expect_in(new_york, "2019-07-01T12:00:00Z", INT64_C(1561982400000)); // the offset wins
    expect_in(new_york, "2019-03-10 02:30:00", INT64_C(1552203000000));  // a gap: 03:30
    expect_in(new_york, "2019-11-03 01:30:00", INT64_C(1572759000000));  // an overlap: the first
    expect_in(sao_paulo, "2018-11-04", INT64_C(1541300400000));          // begins at 01:00
}

static void what_is_not_one_of_the_forms_is_malformed(void **state) {
    UNUSED(state);
    static const char *const wrong[] = {"",
                                        "2",
                                        "2024",
                                        "2024-01",
                                        "2024-1-1",
                                        "2024-01-1",
                                        "24-01-01",
                                        "2024/01/01",
                                        "2024-01-01T",
                                        "2024-01-01Z",
                                        "2024-01-01T10",
                                        "2024-01-01T1:00:00Z",
                                        "2024-01-01T10:0:00Z",
                                        "2024-01-01T10:00:0Z",
                                        "2024-01-01T10:00:00z ",
                                        " 2024-01-01T10:00:00Z",
                                        "2024-01-01  10:00:00",
                                        "2024-01-01_10:00:00Z",
                                        "2024-01-01t10:00:00",
                                        "2024-01-01T10:00:00ZZ",
                                        "2024-01-01T10:00:00+1",
                                        "2024-01-01T10:00:00+1:00",
                                        "2024-01-01T10:00:00+01:0",
                                        "2024-01-01T10:00:00+01:000",
                                        "2024-01-01T10:00:00+01-00",
                                        "2024-01-01T10:00:00*01:00",
                                        "2024-01-01T10:00:00.5.5Z",
                                        "2024-01-01T10:00:00.-5Z",
                                        "2024-01-01T10:00:00.5x",
                                        "2024-01-01T10-00-00Z",
                                        "2024:01:01T10:00:00Z",
                                        "20240101T100000Z",
                                        "+2024-01-01T10:00:00Z",
                                        "-2024-01-01T10:00:00Z",
                                        "12024-01-01T10:00:00Z",
                                        "1700000000",
                                        "1700000000000",
                                        "2024-W01-1",
                                        "2024-001",
                                        "01/02/2024",
                                        "2024-01-01T10:00:00[UTC]",
                                        "now",
                                        "2024-13-01Tab:00:00Z",
                                        "2024-01-01T10:00:00Europe/Rome",
                                        "2024-01-01T+1:00:00Z",
                                        "2024-01-01T10:00:00+ab:cd",
                                        "2024-01-01T10:00:00+/0:00",
                                        "\xd9\xa2\xd9\xa0\xd9\xa2\xd9\xa4-1"};
    for (size_t k = 0; k < COUNT_OF(wrong); k++) {
        expect_refused(wrong[k], TIMESTAMP_MALFORMED);
    }
    int64_t ms;
    assert_int_equal(parse(TEXT_LIT("2024-01-01T10:00:00\0"), utc, &ms), TIMESTAMP_MALFORMED);
    assert_int_equal(parse(TEXT_LIT("2024-01-0\0"), utc, &ms), TIMESTAMP_MALFORMED);
    assert_int_equal(parse(TEXT_NONE, utc, &ms), TIMESTAMP_MALFORMED);
}

static bool may_stand(char shape, int byte) {
    switch (shape) {
    case 'd':
        return byte >= '0' && byte <= '9';
    case 'T':
        return byte == 'T' || byte == 't' || byte == ' ';
    case '_':
        return byte == 'T' || byte == ' ';
    case 'Z':
        return byte == 'Z' || byte == 'z';
    case '+':
        return byte == '+' || byte == '-';
    default:
        return byte == shape;
    }
}

// One byte changed, and yet a form with one meaning: a comma before the fraction, a space before
// the offset, +hh behind the minutes.
static bool another_form(const char *shape, size_t at, int byte) {
    bool before_offset =
        at > DATE_TIME_LEN && shape[at] == 'd' && (shape[at + 1] == 'Z' || shape[at + 1] == '+');
    return (shape[at] == '.' && byte == ',') || (before_offset && byte == ' ') ||
           (at == 16 && shape[DATE_TIME_LEN] == '\0' && (byte == '+' || byte == '-'));
}

// The reader checks up to eight characters by one mask: no byte in any place may slip through it.
static void every_byte_in_every_place_is_judged(void **state) {
    UNUSED(state);
    static const char *const shapes[] = {"dddd-dd-dd", "dddd-dd-dd_dd:dd:dd",
                                         "dddd-dd-ddTdd:dd:ddZ", "dddd-dd-ddTdd:dd:dd.dddZ",
                                         "dddd-dd-ddTdd:dd:dd.ddd+dd:dd"};
    static const char good[] = "2011-11-11T11:11:11.111+11:11";
    for (size_t s = 0; s < COUNT_OF(shapes); s++) {
        size_t len = strlen(shapes[s]);
        for (size_t at = 0; at < len; at++) {
            for (int byte = 0; byte < 256; byte++) {
                char spelling[sizeof good];
                memcpy(spelling, good, sizeof good);
                spelling[len - 1] = shapes[s][len - 1] == 'Z' ? 'Z' : spelling[len - 1];
                spelling[at] = (char)byte;
                int64_t ms;
                bool malformed =
                    parse((struct text){spelling, len}, utc, &ms) == TIMESTAMP_MALFORMED;
                bool digit_for_z = shapes[s][at] == 'Z' && at > DATE_TIME_LEN && byte >= '0' &&
                                   byte <= '9'; // one more digit of the fraction, no offset
                if (malformed == (may_stand(shapes[s][at], byte) || digit_for_z ||
                                  another_form(shapes[s], at, byte))) {
                    fail_msg("%s: byte 0x%02x at %zu: malformed %d", shapes[s], (unsigned)byte, at,
                             malformed);
                }
            }
        }
    }
}

static void every_prefix_of_an_instant_is_safe(void **state) {
    UNUSED(state);
    static const char whole[] = "2024-02-29T23:59:59.123456789+05:30";
    for (size_t len = 0; len < sizeof whole; len++) {
        int64_t ms;
        bool ok = parse((struct text){whole, len}, utc, &ms) == TIMESTAMP_OK;
        bool complete = len == 10 || len == 16 || len == 19 || (len >= 21 && len <= 29) ||
                        len == 32 || len == 35;
        assert_int_equal(ok, complete);
    }
}

static void every_day_of_nine_centuries_goes_to_text_and_back(void **state) {
    UNUSED(state);
    static const int32_t month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int32_t day_number = days_from_civil(1600, 1, 1);
    assert_int_equal(day_number, -135140);
    assert_int_equal(days_from_civil(1970, 1, 1), 0);
    for (int32_t year = 1600; year < 2500; year++) {
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        for (int32_t month = 1; month <= 12; month++) {
            for (int32_t day = 1; day <= month_days[month - 1] + (month == 2 && leap);
                 day++, day_number++) {
                int32_t y, m, d;
                civil_from_days(day_number, &y, &m, &d);
                if (days_from_civil(year, month, day) != day_number || y != year || m != month ||
                    d != day) {
                    fail_msg("%d-%d-%d and day %d differ", year, month, day, day_number);
                }
                char text[32];
                size_t len = date_format(day_number, text);
                int64_t ms;
                enum timestamp_result got = parse((struct text){text, len}, utc, &ms);
                bool in_range = year >= 1970 && year <= 2200;
                assert_int_equal(got, in_range ? TIMESTAMP_OK : TIMESTAMP_OUT_OF_RANGE);
                assert_true(!in_range || ms == day_number * INT64_C(86400000));
            }
        }
    }
}

static void an_instant_is_written_and_read_back(void **state) {
    UNUSED(state);
    uint64_t seed = 88172645463325252u;
    for (int k = 0; k < 100000; k++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        int64_t want_ms = (int64_t)(seed % (uint64_t)(LAST_MS + 1));
        char text[33] = {0};
        size_t len = timestamp_format(want_ms, text);
        assert_int_equal(len, strlen("2026-01-31T12:00:00.123Z"));
        expect_in(new_york, text, want_ms);
    }
}

static void expect_written(int64_t utc_ms, const char *want) {
    char out[32];
    size_t n = timestamp_format(utc_ms, out);
    assert_int_equal(n, strlen(want));
    assert_memory_equal(out, want, n);
}

static void any_instant_can_be_written(void **state) {
    UNUSED(state);
    expect_written(0, "1970-01-01T00:00:00.000Z");
    expect_written(-1, "1969-12-31T23:59:59.999Z");
    expect_written(INT64_C(1769860800123), "2026-01-31T12:00:00.123Z");
    expect_written(LAST_MS, "2200-12-31T23:59:59.999Z");
    expect_written(INT64_C(253402300799999), "9999-12-31T23:59:59.999Z");
    expect_written(INT64_C(253402300800000), "+10000-01-01T00:00:00.000Z");
    expect_written(INT64_C(-62167219200000), "0000-01-01T00:00:00.000Z");
    expect_written(INT64_C(-62167219200001), "-0001-12-31T23:59:59.999Z");
    expect_written(INT64_MAX, "+292278994-08-17T07:12:55.807Z");
    expect_written(INT64_MIN, "-292275055-05-16T16:47:04.192Z");
    char out[32];
    assert_int_equal(date_format(INT32_MAX, out), strlen("+5881580-07-11"));
    assert_memory_equal(out, "+5881580-07-11", 14);
    assert_int_equal(date_format(INT32_MIN, out), strlen("-5877641-06-23"));
    assert_memory_equal(out, "-5877641-06-23", 14);
}

static struct zone *open_zone(const char *name) {
    struct zone *z;
    struct error err;
    if (!zone_open(name, &z, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return z;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_rfc_3339_instant_is_its_milliseconds),
        cmocka_unit_test(a_fraction_is_cut_to_milliseconds),
        cmocka_unit_test(a_time_with_one_meaning_is_read_however_it_is_written),
        cmocka_unit_test(a_leap_second_is_the_start_of_the_next_minute),
        cmocka_unit_test(dates_that_are_not_on_the_calendar_are_refused),
        cmocka_unit_test(times_that_are_not_on_the_clock_are_refused),
        cmocka_unit_test(the_range_is_of_instants_not_of_written_dates),
        cmocka_unit_test(without_an_offset_the_shop_s_zone_is_read),
        cmocka_unit_test(what_is_not_one_of_the_forms_is_malformed),
        cmocka_unit_test(every_byte_in_every_place_is_judged),
        cmocka_unit_test(every_prefix_of_an_instant_is_safe),
        cmocka_unit_test(every_day_of_nine_centuries_goes_to_text_and_back),
        cmocka_unit_test(an_instant_is_written_and_read_back),
        cmocka_unit_test(any_instant_can_be_written),
    };
    guard = guard_page_new(4096);
    utc = open_zone("UTC");
    five_west = open_zone("Etc/GMT+5");
    new_york = open_zone("America/New_York");
    sao_paulo = open_zone("America/Sao_Paulo");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    zone_free(utc);
    zone_free(five_west);
    zone_free(new_york);
    zone_free(sao_paulo);
    guard_page_free(&guard);
    return failed;
}
