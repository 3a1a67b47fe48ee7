// SPDX-License-Identifier: MIT
// Numbers with units as people type them: `10m`, `64MiB`. One run of digits and one unit, no
// fractions and no sums, so that a value has one meaning. Pure.
#pragma once
#include "base/must.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct unit {
    const char *name; // "" takes a bare number
    int64_t factor;
};
// Ascending, so that the largest that divides can be taken.
struct units {
    const struct unit *at;
    size_t n;
};
extern const struct units units_duration; // ms, s, m, h, d; in milliseconds
extern const struct units units_bytes;    // none, KiB, MiB, GiB, TiB
extern const struct units units_none;     // a bare number

// [-]digits and a unit, in any case; a bare 0 needs none. False: it is something else, or more than
// 64 bits.
MUST_CHECK bool units_read(const struct units *units, const char *typed, int64_t *number);
// The shortest exact form: 64MiB, 10m, 20000. `out` has room for 32 bytes.
void units_write(const struct units *units, int64_t number, char *out, size_t out_bytes);
