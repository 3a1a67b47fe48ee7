// SPDX-License-Identifier: MIT
// Values of options as people type them: `10m`, `64MiB`, `20000`, `yes`.
//
// Fails with what the option takes, never with a guess.
#include "host/options_internal.h"

#include "base/units.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct units *units_of(enum option_type type) {
    return type == OPTION_DURATION ? &units_duration
           : type == OPTION_BYTES  ? &units_bytes
                                   : &units_none;
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
        if (!units_read(units_of(spec->type), typed, number) || *number < spec->min ||
            *number > spec->max) {
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
    units_write(units_of(type), number, out, out_bytes);
}

void option_environment_name(const char *name, char *out, size_t out_bytes) {
    snprintf(out, out_bytes, "SALESTIDE_%s", name);
    for (char *at = out; *at != '\0'; at++) {
        *at = *at == '-' ? '_' : (char)toupper((unsigned char)*at);
    }
}
