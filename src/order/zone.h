// SPDX-License-Identifier: MIT
// The shop's time zone, read once from the system's TZif file (RFC 8536) and expanded to the year
// 2201, so that a look-up is a binary search over immutable memory: any thread may ask.
//
// A local time in a gap (clocks go forward) is read with the offset before the gap, so it moves
// forward by the gap; one in an overlap (clocks go back) means the first of the two. That is Python
// zoneinfo's fold=0.
#pragma once
#include "base/error.h"
#include "base/must.h"
#include <stdint.h>

struct zone;

// `name`: "UTC", "America/New_York", ... (letters, digits, _ + - /; no "..", not absolute).
// The zone is owned by the caller; zone_free(NULL) is fine.
MUST_CHECK bool zone_open(const char *name, struct zone **out, struct error *err);
void zone_free(struct zone *z);
const char *zone_name(const struct zone *z); // valid as long as the zone

// Seconds to add to UTC for local time, at the instant utc_s (seconds since 1970, may be negative).
int32_t zone_offset_s(const struct zone *z, int64_t utc_s);
// Instant of a local wall-clock reading, given as seconds since 1970-01-01T00:00:00 local.
int64_t zone_local_to_utc_s(const struct zone *z, int64_t local_s);
// The shop's date of an instant, as days since 1970-01-01 (negative before).
int32_t zone_day(const struct zone *z, int64_t utc_ms);
// The first instant of that date in the shop's zone, in UTC ms.
int64_t zone_day_start_ms(const struct zone *z, int32_t day);
