// SPDX-License-Identifier: MIT
#include "store/settings.h"

#include "engine/zone_file.h"
#include "order/zone.h"
#include "sums/currency.h"
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

bool settings_of_options(const struct options *o, struct store_settings *out, struct error *err) {
    const char *currency = option_text(o, "currency"), *timezone = option_text(o, "timezone");
    int64_t late_limit_ms = option_int(o, "late-limit");
    *out = (struct store_settings){.late_limit_ms = late_limit_ms > 0 ? late_limit_ms : 0};
    if (currency != NULL && !currency_is(text_of(currency))) {
        return error_set(err, ERROR_USAGE,
                         "--currency %.40s: want three capital letters, as in USD or EUR",
                         currency);
    }
    struct zone *zone = NULL;
    if (timezone != NULL &&
        (strlen(timezone) >= sizeof out->timezone || !zone_open(timezone, &zone, err))) {
        return error_set(err, ERROR_USAGE, "--timezone %.80s: want a name as America/New_York",
                         timezone);
    }
    zone_free(zone);
    snprintf(out->currency, sizeof out->currency, "%s", currency != NULL ? currency : "");
    snprintf(out->timezone, sizeof out->timezone, "%s", timezone != NULL ? timezone : "");
    return true;
}
