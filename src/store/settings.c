// SPDX-License-Identifier: MIT
#include "store/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const setting_names[N_SETTINGS] = {"currency", "timezone", "late_limit_ms"};

void setting_get(const struct store_settings *s, int i, char out[static SETTING_MAX_BYTES + 1]) {
    if (i == 2) {
        snprintf(out, SETTING_MAX_BYTES + 1, "%lld", (long long)s->late_limit_ms);
    } else {
        snprintf(out, SETTING_MAX_BYTES + 1, "%s", i == 0 ? s->currency : s->timezone);
    }
}

void setting_set(struct store_settings *s, int i, const char *value) {
    if (i == 0) {
        snprintf(s->currency, sizeof s->currency, "%s", value);
    } else if (i == 1) {
        snprintf(s->timezone, sizeof s->timezone, "%s", value);
    } else {
        s->late_limit_ms = strtoll(value, NULL, 10);
    }
}

void settings_fill(struct store_settings *s) {
    if (s->currency[0] == '\0') {
        memcpy(s->currency, "USD", 4);
    }
    if (s->timezone[0] == '\0') {
        memcpy(s->timezone, "UTC", 4);
    }
    if (s->late_limit_ms == 0) {
        s->late_limit_ms = INT64_C(10) * 60 * 1000;
    }
}

bool settings_compare(const struct store_settings *have, struct store_settings *want,
                      const char *place, struct error *err) {
    if (want->currency[0] != '\0' && strcmp(want->currency, have->currency) != 0) {
        return error_set(err, ERROR_USAGE,
                         "this data was made with --currency %s, not %s: totals of the two cannot "
                         "be one; leave the option out or take another %s",
                         have->currency, want->currency, place);
    }
    if (want->timezone[0] != '\0' && strcmp(want->timezone, have->timezone) != 0) {
        return error_set(err, ERROR_USAGE,
                         "this data was made with --timezone %s, not %s: its days begin elsewhere; "
                         "leave the option out or take another %s",
                         have->timezone, want->timezone, place);
    }
    if (want->late_limit_ms != 0 && want->late_limit_ms != have->late_limit_ms) {
        return error_set(err, ERROR_USAGE,
                         "this data was made with --late-limit %lldms, not %lldms; leave the "
                         "option out or take another %s",
                         (long long)have->late_limit_ms, (long long)want->late_limit_ms, place);
    }
    *want = *have;
    return true;
}
