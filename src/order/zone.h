// SPDX-License-Identifier: MIT
// The shop's time zone, made once from the bytes of a TZif file (RFC 8536) and expanded to the year
// 2201, so that a look-up is a binary search over immutable memory: any thread may ask.
//
// A local time in a gap (clocks go forward) is read with the offset before the gap, so it moves
// forward by the gap; one in an overlap (clocks go back) means the first of the two. That is Python
// zoneinfo's fold=0.
#pragma once
#include "base/error.h"
#include "base/heap.h"
#include "base/must.h"
#include "base/text.h"
#include <stdint.h>

struct zone;

// "UTC", "America/New_York", ... : letters, digits, _ + - /; no "..", not absolute. At most
// ZONE_NAME_MAX_BYTES.
enum { ZONE_NAME_MAX_BYTES = 100 };
// False, with a line for people, when `name` is none.
MUST_CHECK bool zone_name_check(const char *name, struct error *err);

// The zone of this name from the bytes of its TZif file; "UTC" needs none. `file` says in messages
// where the bytes are from. Everything is copied. The zone is owned by the caller, its memory is of
// `heap` (NULL: the process's own). zone_free(NULL) is fine.
// (The system's file by a zone's name: engine/zone_file.h.)
MUST_CHECK bool zone_from_bytes(const char *name, const char *file, struct text bytes,
                                const struct mem_heap *heap, struct zone **out, struct error *err);
void zone_free(struct zone *z);
const char *zone_name(const struct zone *z); // valid as long as the zone

// Seconds to add to UTC for local time, at the instant utc_s (seconds since 1970, may be negative).
int32_t zone_offset_s(const struct zone *z, int64_t utc_s);
// The first change of that offset after utc_s. False: there is none.
bool zone_next_change(const struct zone *z, int64_t utc_s, int64_t *at_s, int32_t *offset_s);
// Instant of a local wall-clock reading, given as seconds since 1970-01-01T00:00:00 local.
int64_t zone_local_to_utc_s(const struct zone *z, int64_t local_s);
// The shop's date of an instant, as days since 1970-01-01 (negative before).
int32_t zone_day(const struct zone *z, int64_t utc_ms);
// The same, and instants around it that have this date too: from_ms and the n_ms - 1 after it.
struct zone_span {
    int64_t from_ms;
    uint64_t n_ms; // 0: none
    int32_t day;
};
struct zone_span zone_day_span(const struct zone *z, int64_t utc_ms);
// The first instant of that date in the shop's zone, in UTC ms.
int64_t zone_day_start_ms(const struct zone *z, int32_t day);
