// SPDX-License-Identifier: MIT
// Values of options as people type them: `10m`, `64MiB`, `20000`, `yes`.
//
// A number is one run of digits and one unit; there are no fractions and no sums (`90s`, not
// `1.5m`), so that a value has one meaning. Fails with what the option takes, never with a guess.
#include "host/options_internal.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct unit {
    const char *name;
    int64_t factor;
};

// Ascending, so that option_value_write can take the largest that divides.
static const struct unit duration_units[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 24 * 3600 * 1000}};
static const struct unit byte_units[] = {{"", 1},
                                         {"KiB", INT64_C(1) << 10},
                                         {"MiB", INT64_C(1) << 20},
                                         {"GiB", INT64_C(1) << 30},
                                         {"TiB", INT64_C(1) << 40}};
static const struct unit plain_units[] = {{"", 1}};

static const struct unit *units_of(enum option_type type, size_t *n) {
    switch (type) {
    case OPTION_DURATION:
        *n = COUNT_OF(duration_units);
        return duration_units;
    case OPTION_BYTES:
        *n = COUNT_OF(byte_units);
        return byte_units;
    default:
        *n = COUNT_OF(plain_units);
        return plain_units;
    }
}

// [-]digits and a unit of `type`, all in 64 bits. A bare 0 needs no unit.
static bool read_number(enum option_type type, const char *typed, int64_t *number) {
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
    size_t n;
    const struct unit *units = units_of(type, &n);
    for (size_t i = 0; i < n; i++) {
        if (strcasecmp(at, units[i].name) == 0 || (value == 0 && *at == '\0')) {
            *number = negative ? -value : value;
            return !__builtin_mul_overflow(*number, units[i].factor, number);
        }
    }
    return false;
}

static bool read_flag(const char *typed, int64_t *number) {
    static const char *const words[][2] = {
        {"no", "yes"}, {"false", "true"}, {"off", "on"}, {"0", "1"}};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        for (int on = 0; on <= 1; on++) {
            if (strcasecmp(typed, words[i][on]) == 0) {
                *number = on;
                return true;
            }
        }
    }
    return false;
}

static bool is_choice(const char *choices, const char *typed) {
    size_t len = strlen(typed);
    for (const char *at = choices; *at != '\0';) {
        size_t n = strcspn(at, " ");
        if (n == len && memcmp(at, typed, n) == 0) {
            return true;
        }
        at += n + (at[n] == ' ');
    }
    return false;
}

static const char *takes(enum option_type type) {
    switch (type) {
    case OPTION_DURATION:
        return "a number with a unit, as in 500ms, 10s, 10m, 24h, 30d";
    case OPTION_BYTES:
        return "a number of bytes, as in 65536, 64KiB, 16MiB, 1GiB";
    default:
        return "a whole number";
    }
}

static bool explain_range(const struct option_spec *spec, char *why, size_t why_bytes) {
    char low[32];
    char high[32];
    option_value_write(spec->type, spec->min, low, sizeof low);
    option_value_write(spec->type, spec->max, high, sizeof high);
    snprintf(why, why_bytes, "%s, from %s to %s", takes(spec->type), low, high);
    return false;
}

bool option_value_read(const struct option_spec *spec, const char *typed, int64_t *number,
                       char *why, size_t why_bytes) {
    *number = 0;
    if (*typed == '\0') {
        snprintf(why, why_bytes, "a value that is not empty");
        return false;
    }
    switch (spec->type) {
    case OPTION_FLAG:
        snprintf(why, why_bytes, "yes or no");
        return read_flag(typed, number);
    case OPTION_INT:
    case OPTION_BYTES:
    case OPTION_DURATION:
        if (!read_number(spec->type, typed, number) || *number < spec->min || *number > spec->max) {
            return explain_range(spec, why, why_bytes);
        }
        return true;
    default:
        if (spec->choices != NULL && !is_choice(spec->choices, typed)) {
            snprintf(why, why_bytes, "one of: %s", spec->choices);
            return false;
        }
        return true;
    }
}

void option_value_write(enum option_type type, int64_t number, char *out, size_t out_bytes) {
    size_t n;
    const struct unit *units = units_of(type, &n);
    size_t best = 0;
    for (size_t i = 1; i < n && number != 0; i++) {
        best = number % units[i].factor == 0 ? i : best;
    }
    // Zero has no unit worth naming.
    snprintf(out, out_bytes, "%" PRId64 "%s", number / units[best].factor,
             number == 0 ? "" : units[best].name);
}

void option_environment_name(const char *name, char *out, size_t out_bytes) {
    snprintf(out, out_bytes, "SALESTIDE_%s", name);
    for (char *at = out; *at != '\0'; at++) {
        *at = *at == '-' ? '_' : (char)toupper((unsigned char)*at);
    }
}
