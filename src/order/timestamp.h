// SPDX-License-Identifier: MIT
// Reading and writing instants. Pure functions, any thread.
#pragma once
#include "base/must.h"
#include "base/text.h"
#include "order/zone.h"
#include <stdint.h>

enum timestamp_result {
    TIMESTAMP_OK,
    TIMESTAMP_MALFORMED,    // not one of the accepted forms
    TIMESTAMP_NO_SUCH_DATE, // month 13, 30 February, 24:00, ...
    TIMESTAMP_OUT_OF_RANGE, // the instant is outside 1970-01-01 .. 2200-12-31 UTC
};

// RFC 3339 date-time (T, t or a space; Z, z or +hh:mm), or without an offset
// YYYY-MM-DD[( or T)HH:MM:SS[.fraction]] read in the shop's zone. What has one meaning all the same
// is read as well: no seconds, a comma before the fraction, one space before the offset, +hh and
// +hhmm, UTC and GMT. 1 to 9 digits of fraction, cut to milliseconds. Second 60 is the next
// minute's start, its fraction is dropped. A date alone is the first instant of that date. out_ms:
// UTC milliseconds since 1970.
MUST_CHECK enum timestamp_result timestamp_parse(struct text t, const struct zone *z,
                                                 int64_t *out_ms);

// Is it between 1970 and 2200?
bool timestamp_in_range(int64_t utc_ms);

// "2026-01-31T12:00:00.123Z"; writes at most 32 bytes, no zero at the end; returns the length.
size_t timestamp_format(int64_t utc_ms, char out[static 32]);
// "2026-01-31" of a day number; as above.
size_t date_format(int32_t day, char out[static 32]);
// Days since 1970-01-01 of a proleptic Gregorian date, and back.
int32_t days_from_civil(int32_t year, int32_t month, int32_t day);
void civil_from_days(int32_t days, int32_t *year, int32_t *month, int32_t *day);
