// SPDX-License-Identifier: MIT
// The rule at the end of a TZif file: a POSIX TZ text with the extensions of RFC 8536
// section 3.3.1, for example "EST5EDT,M3.2.0,M11.1.0" or "<-02>2<-01>,M3.5.0/-1,M10.5.0/0". Pure
// functions.
#pragma once
#include "base/must.h"
#include "base/text.h"
#include <stdint.h>

// A clock change: from this instant on, local time is UTC + offset_s.
struct zone_change {
    int64_t at_s; // UTC seconds since 1970
    int32_t offset_s;
};

struct zone_rule_date {
    enum { RULE_WEEKDAY, RULE_JULIAN, RULE_DAY_OF_YEAR } kind;
    int32_t month, week, weekday; // RULE_WEEKDAY: week 5 is the last; weekday 0 is Sunday
    int32_t day;    // RULE_JULIAN: 1..365, never 29 February; RULE_DAY_OF_YEAR: 0..365
    int32_t time_s; // wall-clock time before the change; may be of another day
};

struct zone_rule {
    int32_t standard_s; // offset, added to UTC
    int32_t summer_s;
    bool has_summer;
    struct zone_rule_date summer_start, summer_end; // set when has_summer
};

// False when `tz` is not such a text (summer time without dates is none).
MUST_CHECK bool zone_rule_parse(struct text tz, struct zone_rule *out);

// The changes of one year in their order; both are set only when the rule has summer time.
void zone_rule_year(const struct zone_rule *rule, int32_t year, struct zone_change out[static 2]);
