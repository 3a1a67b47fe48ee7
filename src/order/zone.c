// SPDX-License-Identifier: MIT
// The shop's time zone: made once, then only looked up.
//
// Happy path of zone_from_bytes: check the name, let zone_tzif_read make a list of clock changes of
// the file's bytes, and lay that out as sorted arrays. "UTC" needs no bytes. Look-ups are one
// binary search; a zone without changes is one branch.
//
// For each change k the array `local_s` holds the wall-clock reading from which on it counts, with
// fold=0: the later of the readings just before and just after it. A reading in a gap is below that
// and so takes the offset before; one in an overlap likewise, which is its first occurrence.
//
// Fails with a line that names the zone or file and what to do. Look-ups cannot fail; values beyond
// 64 bits of seconds stop at the ends.
#include "order/zone.h"

#include "order/zone_tzif.h"
#include <string.h>

enum { DAY_S = 86400 };

struct zone {
    const struct mem_heap *heap;
    size_t n; // changes
    int64_t *at_s;
    int64_t *local_s;
    int32_t *offset_s; // n + 1: [k] is the offset before change k, [n] the one after the last
    char name[ZONE_NAME_MAX_BYTES + 1];
};

// --- Making

static bool is_name(const char *name) {
    size_t len = strlen(name);
    if (len == 0 || len > ZONE_NAME_MAX_BYTES || name[0] == '/' || name[len - 1] == '/') {
        return false;
    }
    for (size_t k = 0; k < len; k++) {
        char c = name[k];
        bool alphanumeric =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alphanumeric && strchr("_+-/", c) == NULL) {
            return false; // a dot is refused here, and ".." with it
        }
        if (c == '/' && name[k + 1] == '/') {
            return false;
        }
    }
    return true;
}

// One allocation holds the zone and its arrays.
static struct zone *zone_build(const char *name, const struct zone_changes *changes,
                               const struct mem_heap *heap) {
    size_t n = changes->n;
    struct zone *z =
        heap_alloc(heap, sizeof *z + n * 2 * sizeof(int64_t) + (n + 1) * sizeof(int32_t));
    if (z == NULL) {
        return NULL;
    }
    z->heap = heap;
    z->n = n;
    z->at_s = (int64_t *)(z + 1);
    z->local_s = z->at_s + n;
    z->offset_s = (int32_t *)(z->local_s + n);
    memcpy(z->name, name, strlen(name) + 1);
    z->offset_s[0] = changes->first_offset_s;
    for (size_t k = 0; k < n; k++) {
        struct zone_change change = changes->list[k];
        int32_t before_s = z->offset_s[k];
        z->at_s[k] = change.at_s;
        z->local_s[k] = change.at_s + (before_s > change.offset_s ? before_s : change.offset_s);
        z->offset_s[k + 1] = change.offset_s;
    }
    return z;
}

bool zone_name_check(const char *name, struct error *err) {
    if (is_name(name)) {
        return true;
    }
    int n_shown = 0; // an error is one line of text, whatever the name holds
    while (n_shown < 40 && name[n_shown] >= ' ' && name[n_shown] <= '~') {
        n_shown++;
    }
    return error_set(err, ERROR_USAGE,
                     "time zone \"%.*s\": not a zone's name; use one such as UTC or "
                     "America/New_York",
                     n_shown, name);
}

static bool no_memory_for(const char *name, struct error *err) {
    return error_set(err, ERROR_RETRIABLE, "time zone %s: out of memory; free some and start again",
                     name);
}

static bool read_bytes(const char *name, const char *file, struct text bytes,
                       const struct mem_heap *heap, struct zone_changes *out, struct error *err) {
    const char *problem = "is too large for a time zone file";
    if (bytes.len <= ZONE_FILE_MAX_BYTES && zone_tzif_read(bytes, heap, out, &problem)) {
        return true;
    }
    if (problem == NULL) {
        return no_memory_for(name, err);
    }
    return error_set(err, ERROR_FATAL,
                     "time zone %s: the file %s %s; reinstall tzdata, or choose another zone", name,
                     file, problem);
}

bool zone_from_bytes(const char *name, const char *file, struct text bytes,
                     const struct mem_heap *heap, struct zone **out, struct error *err) {
    *out = NULL;
    struct zone_changes changes = {0};
    if (!zone_name_check(name, err) ||
        (strcmp(name, "UTC") != 0 && !read_bytes(name, file, bytes, heap, &changes, err))) {
        return false;
    }
    *out = zone_build(name, &changes, heap);
    heap_free(heap, changes.list);
    return *out != NULL || no_memory_for(name, err);
}

void zone_free(struct zone *z) {
    if (z != NULL) {
        heap_free(z->heap, z);
    }
}

const char *zone_name(const struct zone *z) {
    return z->name;
}

// --- Looking up

// How many of the ascending values are <= x.
static inline size_t count_up_to(const int64_t *values, size_t n, int64_t x) {
    const int64_t *base = values;
    while (n > 1) {
        size_t half = n / 2;
        base += base[half - 1] <= x ? half : 0; // without a branch to mispredict
        n -= half;
    }
    return (size_t)(base - values) + (n == 1 && *base <= x ? 1 : 0);
}

static inline int64_t saturating_subtract(int64_t a, int64_t b) {
    int64_t difference;
    if (__builtin_sub_overflow(a, b, &difference)) {
        return b > 0 ? INT64_MIN : INT64_MAX;
    }
    return difference;
}

static inline int64_t floor_divide(int64_t a, int64_t b) {
    return a / b - (a % b < 0 ? 1 : 0);
}

int32_t zone_offset_s(const struct zone *z, int64_t utc_s) {
    return z->n == 0 ? z->offset_s[0] : z->offset_s[count_up_to(z->at_s, z->n, utc_s)];
}

bool zone_next_change(const struct zone *z, int64_t utc_s, int64_t *at_s, int32_t *offset_s) {
    size_t k = z->n == 0 ? 0 : count_up_to(z->at_s, z->n, utc_s);
    if (k == z->n) {
        return false;
    }
    *at_s = z->at_s[k];
    *offset_s = z->offset_s[k + 1];
    return true;
}

int64_t zone_local_to_utc_s(const struct zone *z, int64_t local_s) {
    size_t k = z->n == 0 ? 0 : count_up_to(z->local_s, z->n, local_s);
    return saturating_subtract(local_s, z->offset_s[k]);
}

int32_t zone_day(const struct zone *z, int64_t utc_ms) {
    int64_t utc_s = floor_divide(utc_ms, 1000);
    int64_t day = floor_divide(utc_s + zone_offset_s(z, utc_s), DAY_S);
    return day > INT32_MAX ? INT32_MAX : day < INT32_MIN ? INT32_MIN : (int32_t)day;
}

// From midnight to midnight by the offset of now, as far as that is the offset.
struct zone_span zone_day_span(const struct zone *z, int64_t utc_ms) {
    int64_t utc_s = floor_divide(utc_ms, 1000);
    size_t k = z->n == 0 ? 0 : count_up_to(z->at_s, z->n, utc_s);
    int64_t day = floor_divide(utc_s + z->offset_s[k], DAY_S);
    struct zone_span span = {.day = zone_day(z, utc_ms)};
    if (day != span.day) { // further away than days are counted
        return span;
    }
    int64_t from_s = day * DAY_S - z->offset_s[k], to_s = from_s + DAY_S;
    from_s = k > 0 && z->at_s[k - 1] > from_s ? z->at_s[k - 1] : from_s;
    to_s = k < z->n && z->at_s[k] < to_s ? z->at_s[k] : to_s;
    span.from_ms = from_s * 1000;
    span.n_ms = (uint64_t)(to_s - from_s) * 1000;
    return span;
}

int64_t zone_day_start_ms(const struct zone *z, int32_t day) {
    int64_t midnight_s = (int64_t)day * DAY_S;
    size_t k = z->n == 0 ? 0 : count_up_to(z->local_s, z->n, midnight_s);
    int64_t start_s = midnight_s - z->offset_s[k];
    if (k < z->n && start_s > z->at_s[k]) {
        start_s =
            z->at_s[k]; // midnight is skipped: the date begins where the clock goes forward to
    }
    return start_s * 1000;
}
