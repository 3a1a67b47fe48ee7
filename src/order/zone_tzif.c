// SPDX-License-Identifier: MIT
// TZif: the compiled time zone files of the system.
//
// Layout, big-endian (RFC 8536):
//   header     44 bytes: "TZif", version ('2' and up), 15 unused, then six counts of 4 bytes:
//              isut, isstd, leap, time, type, char
//   v1 block   what follows with 4-byte times; skipped
//   header     again, its counts are those of the v2 block
//   v2 block   time x 8 bytes: instants of changes, ascending
//              time x 1 byte:  the type each changes to
//              type x 6 bytes: offset (4, signed), is summer (1), index of the name (1)
//              char bytes of names, leap x 12 bytes, isstd and isut bytes: not needed
//   footer     '\n', a POSIX TZ text (may be empty), '\n': the rule after the last change
//
// Happy path: find the v2 block, copy its changes, append those of the footer's rule for each year
// after the last change, and drop what changes nothing (only a name).
// Fails with a text when a count or index points outside the file, instants do not ascend, an
// offset is no offset, leap seconds are counted ("right/" zones: such clocks are not POSIX time),
// or memory is refused. The sizes cannot overflow: six 32-bit counts times at most 12, in 64 bits.
#include "order/zone_tzif.h"

#include "order/timestamp.h"

enum {
    HEADER_BYTES = 44,
    TYPE_BYTES = 6,
    RULE_FIRST_YEAR = 1900,
    OFFSET_MIN_S = -89999, // RFC 8536: more than -25 h and less than 26 h
    OFFSET_MAX_S = 93599,
};
#define INSTANT_LIMIT_S (INT64_C(1) << 60) // some files begin at -2^59, "the Big Bang"

struct block {
    uint64_t n_isut, n_isstd, n_leap, n_time, n_type, n_char;
    const unsigned char *body;
    uint64_t body_bytes;
};

struct reader {
    const unsigned char *at;
    const unsigned char *end;
};

static uint64_t big_endian(const unsigned char *at, int n_bytes) {
    uint64_t value = 0;
    for (int k = 0; k < n_bytes; k++) {
        value = value << 8 | at[k];
    }
    return value;
}

static int32_t big_endian_i32(const unsigned char *at) {
    return (int32_t)(uint32_t)big_endian(at, 4);
}

// Steps over one header and its block.
static bool take_block(struct reader *r, uint64_t time_bytes, struct block *out,
                       const char **problem) {
    if (r->end - r->at < HEADER_BYTES) {
        *problem = "is cut off";
        return false;
    }
    if (memcmp(r->at, "TZif", 4) != 0) {
        *problem = "is not a time zone file (TZif)";
        return false;
    }
    if (r->at[4] < '2') {
        *problem = "is of TZif version 1, which ends in 2037: install a current tzdata";
        return false;
    }
    const unsigned char *counts = r->at + 20;
    *out = (struct block){
        .n_isut = big_endian(counts, 4),
        .n_isstd = big_endian(counts + 4, 4),
        .n_leap = big_endian(counts + 8, 4),
        .n_time = big_endian(counts + 12, 4),
        .n_type = big_endian(counts + 16, 4),
        .n_char = big_endian(counts + 20, 4),
        .body = r->at + HEADER_BYTES,
    };
    out->body_bytes = out->n_time * (time_bytes + 1) + out->n_type * TYPE_BYTES + out->n_char +
                      out->n_leap * (time_bytes + 4) + out->n_isstd + out->n_isut;
    if (out->body_bytes > (uint64_t)(r->end - out->body)) {
        *problem = "is cut off";
        return false;
    }
    r->at = out->body + out->body_bytes;
    return true;
}

// The text between the two line ends of the footer.
static bool take_footer(struct reader *r, struct text *tz) {
    if (r->at == r->end || *r->at != '\n') {
        return false;
    }
    const unsigned char *start = r->at + 1;
    const unsigned char *stop = memchr(start, '\n', (size_t)(r->end - start));
    if (stop == NULL) {
        return false;
    }
    *tz = (struct text){(const char *)start, (size_t)(stop - start)};
    return true;
}

// Appends a change that is not before the last. One at the same instant replaces it; one to the
// same offset is none.
static void zone_tzif_append(struct zone_changes *out, struct zone_change change) {
    if (out->n > 0 && out->list[out->n - 1].at_s == change.at_s) {
        out->n--;
    }
    int32_t before_s = out->n > 0 ? out->list[out->n - 1].offset_s : out->first_offset_s;
    if (before_s != change.offset_s) {
        out->list[out->n++] = change;
    }
}

// Offsets of all types, checked; then the changes.
static bool read_changes(const struct block *b, struct zone_changes *out, const char **problem) {
    const unsigned char *times = b->body;
    const unsigned char *indexes = times + b->n_time * 8;
    const unsigned char *types = indexes + b->n_time;
    for (uint64_t k = 0; k < b->n_type; k++) {
        int32_t offset_s = big_endian_i32(types + k * TYPE_BYTES);
        if (offset_s < OFFSET_MIN_S || offset_s > OFFSET_MAX_S) {
            *problem = "has an offset of more than a day";
            return false;
        }
    }
    out->first_offset_s = big_endian_i32(types);
    int64_t previous_s = -INSTANT_LIMIT_S - 1;
    for (uint64_t k = 0; k < b->n_time; k++) {
        int64_t at_s = (int64_t)big_endian(times + k * 8, 8);
        if (at_s <= previous_s || at_s > INSTANT_LIMIT_S) {
            *problem = "has changes out of order";
            return false;
        }
        if (indexes[k] >= b->n_type) {
            *problem = "has a change to a type that is not there";
            return false;
        }
        zone_tzif_append(out, (struct zone_change){
                                  .at_s = at_s,
                                  .offset_s = big_endian_i32(types + indexes[k] * TYPE_BYTES),
                              });
        previous_s = at_s;
    }
    return true;
}

// The first year whose rule can come after the last change, within what is asked for.
static int32_t rule_first_year(const struct block *b) {
    if (b->n_time == 0) {
        return RULE_FIRST_YEAR;
    }
    int64_t last_s = (int64_t)big_endian(b->body + (b->n_time - 1) * 8, 8);
    int64_t last_day = last_s / 86400;
    if (last_day < days_from_civil(RULE_FIRST_YEAR, 1, 1)) {
        return RULE_FIRST_YEAR;
    }
    if (last_day >= days_from_civil(ZONE_LAST_YEAR, 1, 1)) {
        return ZONE_LAST_YEAR;
    }
    int32_t year, month, day;
    civil_from_days((int32_t)last_day, &year, &month, &day);
    return year;
}

static void append_rule(const struct block *b, const struct zone_rule *rule,
                        struct zone_changes *out) {
    int64_t last_s =
        b->n_time > 0 ? (int64_t)big_endian(b->body + (b->n_time - 1) * 8, 8) : INT64_MIN;
    if (!rule->has_summer) {
        if (b->n_time == 0) {
            out->first_offset_s = rule->standard_s;
        }
        return;
    }
    // A year's changes may fall a week into its neighbours, so the order is checked for each.
    for (int32_t year = rule_first_year(b) - 1; year <= ZONE_LAST_YEAR; year++) {
        struct zone_change changes[2];
        zone_rule_year(rule, year, changes);
        for (size_t k = 0; k < COUNT_OF(changes); k++) {
            bool ascends = out->n == 0 || changes[k].at_s >= out->list[out->n - 1].at_s;
            if (changes[k].at_s > last_s && ascends) {
                zone_tzif_append(out, changes[k]);
            }
        }
    }
}

bool zone_tzif_read(struct text file, const struct mem_heap *heap, struct zone_changes *out,
                    const char **problem) {
    struct reader r = {(const unsigned char *)file.at, (const unsigned char *)file.at + file.len};
    struct block v1, v2;
    struct text tz;
    struct zone_rule rule = {0};
    if (!take_block(&r, 4, &v1, problem) || !take_block(&r, 8, &v2, problem)) {
        return false;
    }
    if (v2.n_type == 0) {
        *problem = "has no local time type";
        return false;
    }
    if (v2.n_leap > 0) {
        *problem = "counts leap seconds: use the zone without \"right/\"";
        return false;
    }
    if (!take_footer(&r, &tz) || (tz.len > 0 && !zone_rule_parse(tz, &rule))) {
        *problem = "has no readable rule at its end";
        return false;
    }
    size_t n_max = (size_t)v2.n_time + 2 * (ZONE_LAST_YEAR - RULE_FIRST_YEAR + 2);
    *out = (struct zone_changes){.list = heap_alloc(heap, n_max * sizeof *out->list)};
    if (out->list == NULL) {
        *problem = NULL;
        return false;
    }
    if (!read_changes(&v2, out, problem)) {
        heap_free(heap, out->list);
        *out = (struct zone_changes){0};
        return false;
    }
    if (tz.len > 0) {
        append_rule(&v2, &rule, out);
    }
    return true;
}
