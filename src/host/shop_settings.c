// SPDX-License-Identifier: MIT
#include "host/shop_settings.h"

#include "engine/zone_file.h"
#include "host/locale_tag.h"
#include "order/zone.h"
#include "sums/currency.h"
#include <stdio.h>
#include <string.h>

bool shop_of_options(const struct options *o, struct store_settings *out, struct error *err) {
    const char *currency = option_text(o, "currency"), *timezone = option_text(o, "timezone");
    *out = (struct store_settings){0};
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

bool locale_of_options(const struct options *o, const char **out, struct error *err) {
    const char *locale = option_text(o, "locale");
    *out = locale != NULL ? locale : "";
    if (locale != NULL && !locale_tag_is(text_of(locale))) {
        return error_set(err, ERROR_USAGE, "--locale %.40s: want a tag as en-US or de-DE", locale);
    }
    return true;
}

bool settings_of_options(const struct options *o, struct store_settings *out, struct error *err) {
    if (!shop_of_options(o, out, err)) {
        return false;
    }
    int64_t late_limit_ms = option_int(o, "late-limit");
    out->late_limit_ms = late_limit_ms > 0 ? late_limit_ms : 0;
    return true;
}
