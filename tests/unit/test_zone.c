// SPDX-License-Identifier: MIT
// Time zones: look-ups against Python's zoneinfo (zone_reference.inc), laws that hold for any zone,
// and files that are hostile, damaged or not files at all.
#include "base/mem.h"
#include "engine/zone_file.h"
#include "guard_page.h"
#include "order/timestamp.h"
#include "order/zone.h"
#include "order/zone_tzif.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#define DAY_S INT64_C(86400)
#define LAST_DAY 84370 // 2200-12-31

static char directory[] = "/tmp/salestide-test-zone-XXXXXX"; // TZDIR of the tests that make files
static struct guard_page guard;

// --- Files made here

struct file {
    char at[1024];
    size_t len;
};

static void put_bytes(struct file *f, const void *bytes, size_t n) {
    assert_true(f->len + n <= sizeof f->at);
    memcpy(f->at + f->len, bytes, n);
    f->len += n;
}

static void put_int(struct file *f, int64_t value, int n_bytes) {
    for (int k = n_bytes - 1; k >= 0; k--) {
        char byte = (char)((uint64_t)value >> (8 * k) & 0xff);
        put_bytes(f, &byte, 1);
    }
}

struct header {
    char version;
    int64_t n_isut, n_isstd, n_leap, n_time, n_type, n_char;
};

static void put_header(struct file *f, struct header h) {
    put_bytes(f, "TZif", 4);
    put_bytes(f, &h.version, 1);
    put_bytes(f, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
    put_int(f, h.n_isut, 4);
    put_int(f, h.n_isstd, 4);
    put_int(f, h.n_leap, 4);
    put_int(f, h.n_time, 4);
    put_int(f, h.n_type, 4);
    put_int(f, h.n_char, 4);
}

// Two types (UTC and +01:00) and changes between them at `times`, an empty v1 block before.
static void put_file(struct file *f, const int64_t *times, int n_times, const char *rule) {
    f->len = 0;
    put_header(f, (struct header){.version = '2'});
    put_header(f, (struct header){.version = '2', .n_time = n_times, .n_type = 2, .n_char = 4});
    for (int k = 0; k < n_times; k++) {
        put_int(f, times[k], 8);
    }
    for (int k = 0; k < n_times; k++) {
        put_int(f, (k + 1) % 2, 1);
    }
    put_bytes(f, "\0\0\0\0\0\0", 6);
    put_int(f, 3600, 4);
    put_bytes(f, "\1\0XXX\0\n", 7);
    put_bytes(f, rule, strlen(rule));
    put_bytes(f, "\n", 1);
}

static void write_file(const char *name, const void *bytes, size_t n) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void use_own_directory(void) {
    assert_int_equal(setenv("TZDIR", directory, 1), 0);
}

static struct zone *open_zone(const char *name) {
    struct zone *z;
    struct error err;
    if (!zone_open(name, &z, &err)) {
        fail_msg("%s", err.text);
    }
    return z;
}

// A zone of one rule and nothing else, as make_zone_reference.py makes it.
static struct zone *open_rule(const char *rule) {
    struct file f;
    put_file(&f, NULL, 0, rule);
    write_file("Rule", f.at, f.len);
    use_own_directory();
    struct zone *z = open_zone("Rule");
    unsetenv("TZDIR");
    return z;
}

static void expect_open_fails(const char *name, const char *says) {
    struct zone *z = (struct zone *)&guard; // must become NULL
    struct error err = {0};
    assert_false(zone_open(name, &z, &err));
    assert_null(z);
    assert_int_not_equal(err.cls, ERROR_NONE);
    if (strstr(err.text, says) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, says);
    }
    assert_null(strchr(err.text, '\n'));
}

static bool read_file(const struct file *f, struct zone_changes *out, const char **problem) {
    *problem = NULL;
    struct text bytes = guard_page_place(&guard, (struct text){f->at, f->len});
    return zone_tzif_read(bytes, NULL, out, problem);
}

static void expect_read_fails(const struct file *f, const char *says) {
    struct zone_changes changes;
    const char *problem;
    assert_false(read_file(f, &changes, &problem));
    assert_non_null(problem);
    if (strstr(problem, says) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", problem, says);
    }
}

// --- Look-ups

enum question { OFFSET, LOCAL, DAY_START };

struct reference {
    enum question question;
    const char *zone; // or a rule: it has a digit or a comma
    int64_t given, wanted;
};

static const struct reference references[] = {
#include "zone_reference.inc"
};

static int64_t answer(const struct zone *z, const struct reference *r) {
    switch (r->question) {
    case OFFSET:
        return zone_offset_s(z, r->given);
    case LOCAL:
        return zone_local_to_utc_s(z, r->given);
    case DAY_START:
        return zone_day_start_ms(z, (int32_t)r->given) / 1000;
    }
    return INT64_MIN;
}

static void look_ups_agree_with_python_zoneinfo(void **state) {
    UNUSED(state);
    struct zone *z = NULL;
    const char *open_name = "";
    size_t n_wrong = 0;
    assert_true(COUNT_OF(references) > 500);
    for (size_t k = 0; k < COUNT_OF(references); k++) {
        const struct reference *r = &references[k];
        if (strcmp(r->zone, open_name) != 0) {
            zone_free(z);
            open_name = r->zone;
            z = strpbrk(open_name, "0123456789") ? open_rule(open_name) : open_zone(open_name);
        }
        int64_t got = answer(z, r);
        if (got != r->wanted) {
            static const char *const names[] = {"OFFSET", "LOCAL", "DAY_START"};
            print_error("%s, \"%s\", %" PRId64 ": %" PRId64 ", zoneinfo says %" PRId64 "\n",
                        names[r->question], r->zone, r->given, got, r->wanted);
            n_wrong++;
        }
    }
    zone_free(z);
    assert_int_equal(n_wrong, 0);
}

static void a_gap_moves_forward_and_an_overlap_is_the_first(void **state) {
    UNUSED(state);
    struct zone *z = open_zone("America/New_York");
    int64_t gap_utc_s = 1552201200;     // 2019-03-10, 02:00 EST is 03:00 EDT
    int64_t overlap_utc_s = 1572760800; // 2019-11-03, 02:00 EDT is 01:00 EST
    assert_int_equal(zone_local_to_utc_s(z, gap_utc_s - 5 * 3600 + 1800), gap_utc_s + 1800);
    assert_int_equal(zone_offset_s(z, gap_utc_s + 1800), -4 * 3600);
    assert_int_equal(zone_local_to_utc_s(z, overlap_utc_s - 5 * 3600), overlap_utc_s - 3600);
    assert_int_equal(zone_local_to_utc_s(z, overlap_utc_s - 4 * 3600), overlap_utc_s + 3600);
    zone_free(z);
}

// Days by number: "59" counts from 0 and is 29 February in a leap year, "J59" is 28 February
// always. CPython 3.11 takes the first a day early and the second a day late, so these are glibc's
// answers.
static void a_day_by_number_counts_the_leap_day_or_not(void **state) {
    UNUSED(state);
    static const int64_t changes_s[] = {1709183730, 1729997145, 1740806130, 1761619545};
    static const int32_t offsets_s[] = {-11730, -8130, -11730, -8130, -11730};
    struct zone *z = open_rule("CCC3:15:30DDD,59,299/24:30:15");
    for (size_t k = 0; k < COUNT_OF(changes_s); k++) {
        assert_int_equal(zone_offset_s(z, changes_s[k] - 1), offsets_s[k]);
        assert_int_equal(zone_offset_s(z, changes_s[k]), offsets_s[k + 1]);
    }
    zone_free(z);
    z = open_rule("CCC3:15:30DDD,J59,J299/24:30:15");
    assert_int_equal(zone_offset_s(z, 1709097329), -11730); // 2024-02-28 02:00
    assert_int_equal(zone_offset_s(z, 1709097330), -8130);
    zone_free(z);
}

// What must hold in any zone, wherever its laws go: every day of two centuries.
static void days_follow_each_other_without_hole_or_overlap(void **state) {
    UNUSED(state);
    static const char *const names[] = {"UTC",           "America/New_York",    "Asia/Kolkata",
                                        "Pacific/Apia",  "Australia/Lord_Howe", "Africa/Casablanca",
                                        "Europe/Dublin", "America/Sao_Paulo",   "Asia/Gaza",
                                        "Etc/GMT-14",    "America/Goose_Bay",   "Asia/Beirut"};
    for (size_t k = 0; k < COUNT_OF(names); k++) {
        struct zone *z = open_zone(names[k]);
        assert_string_equal(zone_name(z), names[k]);
        int64_t start_ms = zone_day_start_ms(z, 0);
        for (int32_t day = 0; day <= LAST_DAY; day++) {
            int64_t next_ms = zone_day_start_ms(z, day + 1);
            bool skipped = next_ms == start_ms;
            if (skipped && (strcmp(names[k], "Pacific/Apia") != 0 || day != 15338)) {
                fail_msg("%s: day %d is empty", names[k], day);
            }
            if (next_ms < start_ms || next_ms - start_ms > 26 * 3600000 ||
                (!skipped && (zone_day(z, start_ms) != day || zone_day(z, start_ms - 1) >= day))) {
                fail_msg("%s: day %d starts at %" PRId64 ", the next at %" PRId64, names[k], day,
                         start_ms, next_ms);
            }
            start_ms = next_ms;
        }
        zone_free(z);
    }
}

static void check_span(const struct zone *z, int64_t at_ms) {
    struct zone_span span = zone_day_span(z, at_ms);
    uint64_t before = (uint64_t)at_ms - (uint64_t)span.from_ms;
    int64_t last_ms = span.from_ms + (int64_t)span.n_ms - 1;
    int64_t middle_ms = span.from_ms + (int64_t)(span.n_ms / 2);
    if (span.day != zone_day(z, at_ms) || before >= span.n_ms ||
        zone_day(z, span.from_ms) != span.day || zone_day(z, middle_ms) != span.day ||
        zone_day(z, last_ms) != span.day) {
        fail_msg("%s: of %" PRId64 " day %d, %" PRIu64 " ms from %" PRId64, zone_name(z), at_ms,
                 span.day, span.n_ms, span.from_ms);
    }
}

// Also where a day has two midnights (Goose Bay went back at one minute past), or none.
static void all_instants_of_a_day_s_span_are_of_that_day(void **state) {
    UNUSED(state);
    static const char *const names[] = {
        "UTC",         "America/New_York", "Pacific/Apia", "Africa/Casablanca", "America/Goose_Bay",
        "Asia/Beirut", "Africa/Monrovia"};
    for (size_t k = 0; k < COUNT_OF(names); k++) {
        struct zone *z = open_zone(names[k]);
        for (int64_t at_s = -400 * DAY_S; at_s < 25000 * DAY_S; at_s += DAY_S / 3 + 1) {
            int64_t change_s;
            int32_t offset_s;
            check_span(z, at_s * 1000);
            if (zone_next_change(z, at_s, &change_s, &offset_s) && change_s - at_s < DAY_S) {
                check_span(z, change_s * 1000 - 1);
                check_span(z, change_s * 1000);
                check_span(z, change_s * 1000 + 60 * 1000);
            }
        }
        assert_true(zone_day_span(z, INT64_MAX).n_ms == 0 && zone_day_span(z, INT64_MIN).n_ms == 0);
        assert_int_equal(zone_day_span(z, INT64_MAX).day, INT32_MAX);
        zone_free(z);
    }
}

static void an_instant_survives_the_way_over_local_time(void **state) {
    UNUSED(state);
    static const char *const names[] = {"America/New_York", "Australia/Lord_Howe", "Pacific/Apia"};
    for (size_t k = 0; k < COUNT_OF(names); k++) {
        struct zone *z = open_zone(names[k]);
        for (int64_t utc_s = 0; utc_s < (LAST_DAY + 1) * DAY_S; utc_s += 4201) {
            int64_t local_s = utc_s + zone_offset_s(z, utc_s);
            int64_t back_s = zone_local_to_utc_s(z, local_s);
            // In an overlap the first of the two; it reads the same on the wall.
            if (back_s > utc_s || back_s + zone_offset_s(z, back_s) != local_s) {
                fail_msg("%s: %" PRId64 " comes back as %" PRId64, names[k], utc_s, back_s);
            }
        }
        zone_free(z);
    }
}

static void the_ends_of_time_are_safe(void **state) {
    UNUSED(state);
    static const char *const names[] = {"UTC", "America/New_York", "Etc/GMT-14", "Etc/GMT+12"};
    for (size_t k = 0; k < COUNT_OF(names); k++) {
        struct zone *z = open_zone(names[k]);
        int64_t before = zone_local_to_utc_s(z, INT64_MIN);
        int64_t after = zone_local_to_utc_s(z, INT64_MAX);
        assert_true(before < INT64_MIN + 2 * DAY_S);
        assert_true(after > INT64_MAX - 2 * DAY_S);
        assert_in_range(zone_offset_s(z, INT64_MIN) + DAY_S, 0, 2 * DAY_S);
        assert_in_range(zone_offset_s(z, INT64_MAX) + DAY_S, 0, 2 * DAY_S);
        assert_int_equal(zone_day(z, INT64_MIN), INT32_MIN);
        assert_int_equal(zone_day(z, INT64_MAX), INT32_MAX);
        assert_true(zone_day_start_ms(z, INT32_MIN) < zone_day_start_ms(z, INT32_MAX));
        zone_free(z);
    }
    zone_free(NULL);
}

static void utc_needs_no_file(void **state) {
    UNUSED(state);
    assert_int_equal(setenv("TZDIR", "/nonexistent", 1), 0);
    struct zone *z = open_zone("UTC");
    assert_int_equal(zone_offset_s(z, 1700000000), 0);
    assert_int_equal(zone_day(z, -1), -1);
    assert_int_equal(zone_day(z, DAY_S * 1000 - 1), 0);
    assert_int_equal(zone_day_start_ms(z, 3), 3 * DAY_S * 1000);
    zone_free(z);
    expect_open_fails("America/New_York", "install tzdata or set TZDIR");
    unsetenv("TZDIR");
}

// --- Names and directories

static void names_that_leave_the_directory_are_refused(void **state) {
    UNUSED(state);
    char too_long[200] = {0};
    memset(too_long, 'a', sizeof too_long - 1);
    const char *const wrong[] = {"",
                                 "/etc/passwd",
                                 "../../../etc/passwd",
                                 "America/../UTC",
                                 "..",
                                 "America/",
                                 "America//New_York",
                                 "New York",
                                 "\xff",
                                 "UTC\n",
                                 ":UTC",
                                 "zone.tab",
                                 "%s%n",
                                 too_long};
    for (size_t k = 0; k < COUNT_OF(wrong); k++) {
        expect_open_fails(wrong[k], "not a zone's name");
    }
    expect_open_fails("Mars/Olympus", "unknown");
    expect_open_fails("America", "is not a file");
}

static void tzdir_is_honoured(void **state) {
    UNUSED(state);
    struct zone *z = open_rule("<+05>-5:30");
    assert_int_equal(zone_offset_s(z, 0), 5 * 3600 + 1800);
    zone_free(z);
    expect_open_fails("Rule", "unknown"); // without TZDIR
}

static void what_is_no_zone_file_is_told_and_blocks_nobody(void **state) {
    UNUSED(state);
    char path[256];
    use_own_directory();
    snprintf(path, sizeof path, "%s/Fifo", directory);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_open_fails("Fifo", "is not a file"); // and does not wait for a writer
    assert_int_equal(unlink(path), 0);

    write_file("Bad", "", 0);
    expect_open_fails("Bad", "is cut off");
    write_file("Bad", "#!/bin/sh\necho this is longer than a header, but no zone\n", 56);
    expect_open_fails("Bad", "is not a time zone file");

    size_t n = ZONE_FILE_MAX_BYTES + 1;
    char *large = calloc(1, n);
    assert_non_null(large);
    write_file("Bad", large, n);
    expect_open_fails("Bad", "is too large");
    free(large);
    unsetenv("TZDIR");
}

// --- Hostile bytes

static void a_file_s_own_changes_come_before_its_rule(void **state) {
    UNUSED(state);
    struct file f;
    struct zone_changes changes;
    const char *problem;
    int64_t times[] = {-(INT64_C(1) << 59), 1000, 2000, 1700000000};
    put_file(&f, times, 4, "");
    assert_true(read_file(&f, &changes, &problem));
    assert_int_equal(changes.n, 4);
    assert_int_equal(changes.first_offset_s, 0);
    assert_int_equal(changes.list[3].at_s, 1700000000);
    assert_int_equal(changes.list[3].offset_s, 0);
    free(changes.list);

    times[3] = 1675209600; // 2023-02-01: all of that year's changes are still to come
    put_file(&f, times, 4, "XXX0YYY,M3.5.0/1,M10.5.0");
    assert_true(read_file(&f, &changes, &problem));
    assert_int_equal(changes.n, 4 + 2 * (ZONE_LAST_YEAR - 2022));
    assert_int_equal(changes.list[4].at_s, 1679792400); // 2023-03-26T01:00Z
    for (size_t k = 1; k < changes.n; k++) {
        assert_true(changes.list[k].at_s > changes.list[k - 1].at_s);
        assert_int_not_equal(changes.list[k].offset_s, changes.list[k - 1].offset_s);
    }
    free(changes.list);
}

static void what_changes_no_offset_is_no_change(void **state) {
    UNUSED(state);
    struct file f;
    struct zone_changes changes;
    const char *problem;
    const int64_t times[] = {1000, 2000, 1700000000}; // the last: 2023-11-14
    put_file(&f, times, 3, "XXX0YYY,M3.5.0/1,M10.5.0");
    f.at[2 * 44 + 3 * 8 + 2] = 0; // ... to the type of the one before: a new name, no more
    assert_true(read_file(&f, &changes, &problem));
    assert_int_equal(changes.list[1].at_s, 2000);
    assert_int_equal(changes.list[2].at_s, 1711846800); // 2024-03-31, not some year before
    assert_int_equal(changes.n, 2 + 2 * (ZONE_LAST_YEAR - 2023));
    free(changes.list);

    // Summer time all the year: each year's ends in the instant that the next one's begins.
    put_file(&f, NULL, 0, "XXX3EDT4,0/0,J365/23");
    assert_true(read_file(&f, &changes, &problem));
    assert_int_equal(changes.n, 2); // from the type of the file; the last year's end is open
    assert_int_equal(changes.list[0].offset_s, -4 * 3600);
    free(changes.list);
}

static void damaged_files_are_told_apart(void **state) {
    UNUSED(state);
    struct file f;
    const int64_t descending[] = {2000, 1000}, equal[] = {5, 5};
    const int64_t too_early[] = {INT64_MIN, 0}, too_late[] = {0, INT64_MAX};
    put_file(&f, descending, 2, "");
    expect_read_fails(&f, "out of order");
    put_file(&f, equal, 2, "");
    expect_read_fails(&f, "out of order");
    put_file(&f, too_early, 2, "");
    expect_read_fails(&f, "out of order");
    put_file(&f, too_late, 2, "");
    expect_read_fails(&f, "out of order");

    const int64_t times[] = {1000};
    const size_t index_at = 2 * 44 + 8, offset_at = index_at + 1;
    put_file(&f, times, 1, "");
    f.at[index_at] = 2;
    expect_read_fails(&f, "type that is not there");
    put_file(&f, times, 1, "");
    memcpy(f.at + offset_at, "\x80\0\0\0", 4);
    expect_read_fails(&f, "more than a day");
    put_file(&f, times, 1, "");
    memcpy(f.at + offset_at, "\0\1\x6d\x9a", 4); // 93,594 s passes, 93,600 does not
    struct zone_changes changes;
    const char *problem;
    assert_true(read_file(&f, &changes, &problem));
    free(changes.list);
    memcpy(f.at + offset_at, "\0\1\x6d\xa0", 4);
    expect_read_fails(&f, "more than a day");

    put_file(&f, times, 1, "");
    f.at[4] = '\0';
    expect_read_fails(&f, "version 1");

    f.len = 0; // a leap second, as in the "right/" zones
    put_header(&f, (struct header){.version = '2'});
    put_header(&f, (struct header){.version = '2', .n_leap = 1, .n_type = 1, .n_char = 4});
    put_bytes(&f, "\0\0\0\0\0\0XXX\0", 10);
    put_int(&f, 78796800, 8);
    put_int(&f, 1, 4);
    put_bytes(&f, "\n\n", 2);
    expect_read_fails(&f, "leap seconds");

    f.len = 0; // no type at all
    put_header(&f, (struct header){.version = '2'});
    put_header(&f, (struct header){.version = '2'});
    put_bytes(&f, "\nUTC0\n", 6);
    expect_read_fails(&f, "no local time type");
}

static void counts_that_point_beyond_the_file_are_refused(void **state) {
    UNUSED(state);
    static const uint32_t large[] = {2, 100, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff};
    for (size_t block = 0; block < 2; block++) {
        for (size_t count = 0; count < 6; count++) {
            for (size_t k = 0; k < COUNT_OF(large); k++) {
                struct file f;
                put_file(&f, NULL, 0, "");
                for (int byte = 0; byte < 4; byte++) {
                    f.at[block * 44 + 20 + count * 4 + (size_t)byte] =
                        (char)(large[k] >> (24 - 8 * byte));
                }
                struct zone_changes changes;
                const char *problem;
                bool ok = read_file(&f, &changes, &problem);
                // Only "two types", which is what the file has, may be right.
                assert_true(!ok || (block == 1 && count == 4 && large[k] == 2));
                if (ok) {
                    free(changes.list);
                }
            }
        }
    }
}

static void rules_that_are_none_are_refused(void **state) {
    UNUSED(state);
    static const char *const wrong[] = {"X",
                                        "XX0",
                                        "XXX",
                                        "XXX,",
                                        "XXX0YYY",
                                        "XXX0YYY,",
                                        "XXX0YYY,M3.2.0",
                                        "XXX0YYY,M3.2.0,",
                                        "XXX25",
                                        "XXX0:60",
                                        "XXX0:00:60",
                                        "XXX+-5",
                                        "<XX>0",
                                        "<XXX0",
                                        "<X.X>0",
                                        "XXX0 ",
                                        "XXX0:",
                                        "XXX0YYY,M0.2.0,M11.1.0",
                                        "XXX0YYY,M13.2.0,M11.1.0",
                                        "XXX0YYY,M3.0.0,M11.1.0",
                                        "XXX0YYY,M3.6.0,M11.1.0",
                                        "XXX0YYY,M3.2.7,M11.1.0",
                                        "XXX0YYY,M3.2,M11.1.0",
                                        "XXX0YYY,J0,J365",
                                        "XXX0YYY,J1,J366",
                                        "XXX0YYY,0,366",
                                        "XXX0YYY,M3.2.0/168,M11.1.0",
                                        "XXX0YYY,M3.2.0/-168,M11.1.0",
                                        "XXX0YYY,M3.2.0/,M11.1.0",
                                        "XXX0YYY,M3.2.0,M11.1.0x",
                                        "XXX0YYY,M3.2.0,M11.1.0,J5",
                                        "XXX0YYY,M3.2.0,,",
                                        "XXX99999999999999999999",
                                        ":UTC",
                                        "XXX0YYYZ5Q,M3.2.0,M11.1.0"};
    for (size_t k = 0; k < COUNT_OF(wrong); k++) {
        struct file f;
        put_file(&f, NULL, 0, wrong[k]);
        expect_read_fails(&f, "no readable rule");
    }
    struct file f;
    put_file(&f, NULL, 0, "UTC0");
    f.len--; // the last line end
    expect_read_fails(&f, "no readable rule");
}

static const char *const real_names[] = {"America/New_York", "Africa/Casablanca", "Etc/UTC"};

static struct text real_file(const char *name) {
    static char bytes[16384];
    char path[256];
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t len = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    assert_in_range(len, 100, sizeof bytes - 1);
    return (struct text){bytes, len};
}

static void every_truncation_of_a_real_file_is_an_error(void **state) {
    UNUSED(state);
    for (size_t k = 0; k < COUNT_OF(real_names); k++) {
        struct text whole = real_file(real_names[k]);
        for (size_t len = 0; len <= whole.len; len++) {
            struct text part = guard_page_place(&guard, (struct text){whole.at, len});
            struct zone_changes changes;
            const char *problem = NULL;
            bool ok = zone_tzif_read(part, NULL, &changes, &problem);
            assert_int_equal(ok, len == whole.len);
            assert_int_equal(problem == NULL, ok);
            if (ok) {
                free(changes.list);
            }
        }
    }
}

static void random_damage_never_breaks_the_look_ups(void **state) {
    UNUSED(state);
    uint64_t seed = 88172645463325252u;
    size_t n_read = 0, n_refused = 0;
    use_own_directory();
    for (int round = 0; round < 3000; round++) {
        unsetenv("TZDIR");
        struct text whole = real_file(real_names[round % (int)COUNT_OF(real_names)]);
        struct text copy = guard_page_place(&guard, whole);
        use_own_directory();
        for (int k = 0; k < 1 + round % 4; k++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            // Half of the damage goes to the headers and the end, where the sizes and the rule are.
            size_t at = (seed >> 20) % (seed & 1 ? copy.len : 100);
            at = seed & 2 ? copy.len - 1 - at % 40 : at;
            ((char *)guard.at)[guard.room - copy.len + at] = (char)(seed >> 56);
        }
        struct zone_changes changes;
        const char *problem = NULL;
        if (!zone_tzif_read(copy, NULL, &changes, &problem)) {
            assert_non_null(problem);
            n_refused++;
            continue;
        }
        n_read++;
        for (size_t k = 1; k < changes.n; k++) {
            assert_true(changes.list[k].at_s > changes.list[k - 1].at_s);
        }
        free(changes.list);
        write_file("Damaged", copy.at, copy.len);
        struct zone *z = open_zone("Damaged");
        for (int64_t s = -4000000000; s < 8000000000; s += 400000000) {
            assert_in_range(zone_offset_s(z, s) + 2 * DAY_S, 0, 4 * DAY_S);
            assert_in_range(zone_local_to_utc_s(z, s) - s + 2 * DAY_S, 0, 4 * DAY_S);
        }
        zone_free(z);
    }
    unsetenv("TZDIR");
    assert_true(n_read > 100 && n_refused > 100); // else the damage is not worth its name
}

static bool fail_when_zero(void *user, size_t n_bytes) {
    UNUSED(n_bytes);
    return (*(int *)user)-- == 0;
}

static void every_allocation_may_fail(void **state) {
    UNUSED(state);
    int n_failed = 0;
    for (;; n_failed++) {
        struct zone *z;
        struct error err;
        int countdown = n_failed;
        mem_set_fail_hook(fail_when_zero, &countdown);
        bool ok = zone_open("America/New_York", &z, &err);
        mem_set_fail_hook(NULL, NULL);
        if (ok) {
            zone_free(z);
            break;
        }
        assert_null(z);
        assert_non_null(strstr(err.text, "memory"));
    }
    assert_int_equal(n_failed, 3); // the file, its changes, the zone
}

static int remove_directory(void **state) {
    UNUSED(state);
    static const char *const names[] = {"Rule", "Bad", "Damaged", "Fifo"};
    for (size_t k = 0; k < COUNT_OF(names); k++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", directory, names[k]);
        unlink(path);
    }
    return rmdir(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(look_ups_agree_with_python_zoneinfo),
        cmocka_unit_test(a_gap_moves_forward_and_an_overlap_is_the_first),
        cmocka_unit_test(a_day_by_number_counts_the_leap_day_or_not),
        cmocka_unit_test(days_follow_each_other_without_hole_or_overlap),
        cmocka_unit_test(all_instants_of_a_day_s_span_are_of_that_day),
        cmocka_unit_test(an_instant_survives_the_way_over_local_time),
        cmocka_unit_test(the_ends_of_time_are_safe),
        cmocka_unit_test(utc_needs_no_file),
        cmocka_unit_test(names_that_leave_the_directory_are_refused),
        cmocka_unit_test(tzdir_is_honoured),
        cmocka_unit_test(what_is_no_zone_file_is_told_and_blocks_nobody),
        cmocka_unit_test(a_file_s_own_changes_come_before_its_rule),
        cmocka_unit_test(what_changes_no_offset_is_no_change),
        cmocka_unit_test(damaged_files_are_told_apart),
        cmocka_unit_test(counts_that_point_beyond_the_file_are_refused),
        cmocka_unit_test(rules_that_are_none_are_refused),
        cmocka_unit_test(every_truncation_of_a_real_file_is_an_error),
        cmocka_unit_test(random_damage_never_breaks_the_look_ups),
        cmocka_unit_test(every_allocation_may_fail),
    };
    unsetenv("TZDIR");
    if (mkdtemp(directory) == NULL) {
        perror(directory);
        return 1;
    }
    guard = guard_page_new(16384);
    int failed = cmocka_run_group_tests(tests, NULL, remove_directory);
    guard_page_free(&guard);
    return failed;
}
