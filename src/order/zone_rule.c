// SPDX-License-Identifier: MIT
// POSIX TZ texts: read once when a zone is opened, then asked for the changes of each year.
//
// Happy path of "EST5EDT,M3.2.0,M11.1.0": name, offset (its sign is turned: POSIX counts westward),
// name, offset (one hour more when absent), two dates with times (02:00:00 when absent).
// Fails by returning false: the text comes from a file that may be damaged.
#include "order/zone_rule.h"

#include "order/timestamp.h"

enum {
    HOUR_S = 3600,
    DAY_S = 86400,
    OFFSET_HOURS_MAX = 24,
    TIME_HOURS_MAX = 167, // RFC 8536: a week, so that "the day after the last Thursday" can be said
    CHANGE_TIME_DEFAULT_S = 2 * HOUR_S,
};

struct cursor {
    const char *at;
    const char *end;
};

static bool take_char(struct cursor *c, char wanted) {
    if (c->at < c->end && *c->at == wanted) {
        c->at++;
        return true;
    }
    return false;
}

static bool take_number(struct cursor *c, int32_t min, int32_t max, int32_t *out) {
    const char *start = c->at;
    int32_t value = 0;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9' && c->at - start < 3) {
        value = value * 10 + (*c->at++ - '0');
    }
    *out = value;
    return c->at > start && value >= min && value <= max;
}

static bool is_letter(char ch) {
    return (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z');
}

// "EST", or anything of letters, digits, + and - in angle brackets. The name itself is not needed.
static bool skip_name(struct cursor *c) {
    bool quoted = take_char(c, '<');
    const char *start = c->at;
    while (c->at < c->end && (is_letter(*c->at) || (quoted && ((*c->at >= '0' && *c->at <= '9') ||
                                                               *c->at == '+' || *c->at == '-')))) {
        c->at++;
    }
    return c->at - start >= 3 && (!quoted || take_char(c, '>'));
}

// [+-]hh[:mm[:ss]] in seconds.
static bool take_time(struct cursor *c, int32_t hours_max, int32_t *out_s) {
    bool minus = take_char(c, '-');
    if (!minus) {
        (void)take_char(c, '+');
    }
    int32_t hours, minutes = 0, seconds = 0;
    if (!take_number(c, 0, hours_max, &hours)) {
        return false;
    }
    if (take_char(c, ':')) {
        if (!take_number(c, 0, 59, &minutes)) {
            return false;
        }
        if (take_char(c, ':') && !take_number(c, 0, 59, &seconds)) {
            return false;
        }
    }
    int32_t total = hours * HOUR_S + minutes * 60 + seconds;
    *out_s = minus ? -total : total;
    return true;
}

// ,Mm.w.d or ,Jn or ,n; then [/time].
static bool take_date(struct cursor *c, struct zone_rule_date *d) {
    *d = (struct zone_rule_date){.time_s = CHANGE_TIME_DEFAULT_S};
    bool ok;
    if (!take_char(c, ',')) {
        return false;
    }
    if (take_char(c, 'M')) {
        d->kind = RULE_WEEKDAY;
        ok = take_number(c, 1, 12, &d->month) && take_char(c, '.') &&
             take_number(c, 1, 5, &d->week) && take_char(c, '.') &&
             take_number(c, 0, 6, &d->weekday);
    } else if (take_char(c, 'J')) {
        d->kind = RULE_JULIAN;
        ok = take_number(c, 1, 365, &d->day);
    } else {
        d->kind = RULE_DAY_OF_YEAR;
        ok = take_number(c, 0, 365, &d->day);
    }
    return ok && (!take_char(c, '/') || take_time(c, TIME_HOURS_MAX, &d->time_s));
}

bool zone_rule_parse(struct text tz, struct zone_rule *out) {
    struct cursor c = {tz.at, tz.at + tz.len};
    int32_t west_s;
    *out = (struct zone_rule){0};
    if (!skip_name(&c) || !take_time(&c, OFFSET_HOURS_MAX, &west_s)) {
        return false;
    }
    out->standard_s = -west_s;
    if (c.at == c.end) {
        return true;
    }
    out->has_summer = true;
    if (!skip_name(&c)) {
        return false;
    }
    out->summer_s = out->standard_s + HOUR_S;
    if (c.at < c.end && *c.at != ',') {
        if (!take_time(&c, OFFSET_HOURS_MAX, &west_s)) {
            return false;
        }
        out->summer_s = -west_s;
    }
    return take_date(&c, &out->summer_start) && take_date(&c, &out->summer_end) && c.at == c.end;
}

static bool is_leap(int32_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

// Wall-clock reading of a date's change in `year`, as seconds since 1970-01-01T00:00:00 local.
static int64_t local_change_s(const struct zone_rule_date *d, int32_t year) {
    int64_t day;
    if (d->kind == RULE_WEEKDAY) {
        int32_t first = days_from_civil(year, d->month, 1);
        int32_t next = d->month == 12 ? days_from_civil(year + 1, 1, 1)
                                      : days_from_civil(year, d->month + 1, 1);
        int32_t weekday_of_first = ((first + 4) % 7 + 7) % 7; // 1970-01-01 was a Thursday
        day = first + (d->weekday - weekday_of_first + 7) % 7 + (d->week - 1) * 7;
        if (day >= next) { // week 5 of a month that has four of that weekday
            day -= 7;
        }
    } else {
        day = days_from_civil(year, 1, 1) + d->day;
        if (d->kind == RULE_JULIAN && !(is_leap(year) && d->day >= 60)) {
            day--; // J60 is 1 March in every year
        }
    }
    return day * DAY_S + d->time_s;
}

void zone_rule_year(const struct zone_rule *rule, int32_t year, struct zone_change out[static 2]) {
    struct zone_change start = {
        .at_s = local_change_s(&rule->summer_start, year) - rule->standard_s,
        .offset_s = rule->summer_s,
    };
    struct zone_change end = {
        .at_s = local_change_s(&rule->summer_end, year) - rule->summer_s,
        .offset_s = rule->standard_s,
    };
    out[0] = start.at_s <= end.at_s ? start : end;
    out[1] = start.at_s <= end.at_s ? end : start;
}
