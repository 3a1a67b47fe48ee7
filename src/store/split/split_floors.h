// SPDX-License-Identifier: MIT
// The oldest minute and hour buckets that are still kept, by what arrives from a log.
#pragma once
#include <stdint.h>

enum { SPLIT_MINUTES_KEPT = 15 * 24 * 60, SPLIT_HOURS_KEPT = 400 * 24 };

struct split_floors {
    int32_t minute, hour;
};

// They only ever grow.
static inline void split_floors_raise(struct split_floors *f, int64_t arrival_ms, int minutes_kept,
                                      int hours_kept) {
    int32_t minute = (int32_t)(arrival_ms / 60000) - minutes_kept;
    int32_t hour = (int32_t)(arrival_ms / 3600000) - hours_kept;
    f->minute = minute > f->minute ? minute : f->minute;
    f->hour = hour > f->hour ? hour : f->hour;
}
