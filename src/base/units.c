// SPDX-License-Identifier: MIT
#include "base/units.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

static const struct unit durations[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 24 * 3600 * 1000}};
static const struct unit bytes[] = {{"", 1},
                                    {"KiB", INT64_C(1) << 10},
                                    {"MiB", INT64_C(1) << 20},
                                    {"GiB", INT64_C(1) << 30},
                                    {"TiB", INT64_C(1) << 40}};
static const struct unit plain[] = {{"", 1}};

const struct units units_duration = {durations, COUNT_OF(durations)};
const struct units units_bytes = {bytes, COUNT_OF(bytes)};
const struct units units_none = {plain, COUNT_OF(plain)};

bool units_read(const struct units *units, const char *typed, int64_t *number) {
    bool negative = *typed == '-';
    const char *at = typed + negative;
    if (!isdigit((unsigned char)*at)) {
        return false;
    }
    int64_t value = 0;
    for (; isdigit((unsigned char)*at); at++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *at - '0', &value)) {
            return false;
        }
    }
    for (size_t i = 0; i < units->n; i++) {
        if (strcasecmp(at, units->at[i].name) == 0 || (value == 0 && *at == '\0')) {
            *number = negative ? -value : value;
            return !__builtin_mul_overflow(*number, units->at[i].factor, number);
        }
    }
    return false;
}

void units_write(const struct units *units, int64_t number, char *out, size_t out_bytes) {
    size_t best = 0;
    for (size_t i = 1; i < units->n && number != 0; i++) {
        best = number % units->at[i].factor == 0 ? i : best;
    }
    // Zero has no unit worth naming.
    snprintf(out, out_bytes, "%" PRId64 "%s", number / units->at[best].factor,
             number == 0 ? "" : units->at[best].name);
}
