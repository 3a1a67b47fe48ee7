// SPDX-License-Identifier: MIT
// Instants from text, and back.
//
// Happy path of "2026-01-31T12:00:00.123Z":
//   1. the date and the time of day are read eight characters at a time and checked by one mask
//      each;
//   2. the tail (fraction, offset) is read by character;
//   3. the written date and time are checked against the calendar;
//   4. the offset, or the shop's zone, gives the instant, which is checked against the range.
// So a text that is wrong in several ways is first malformed, then no such date, then out of range.
#include "order/timestamp.h"

#include "order/digits.h"

enum {
    DATE_LEN = 10,      // YYYY-MM-DD
    DATE_TIME_LEN = 19, // YYYY-MM-DDTHH:MM:SS
    OFFSET_LEN = 6,     // +hh:mm
    FRACTION_MAX = 9,
    SECONDS_PER_DAY = 86400,
};
#define LAST_MS INT64_C(7289654399999) // 2200-12-31T23:59:59.999Z

// "YYYY-MM-" and "HH:MM:SS" with zeros for the letters, lowest byte first; and what each byte may
// be.
#define YEAR_MONTH_SHAPE UINT64_C(0x2d30302d30303030)
#define YEAR_MONTH_KINDS UINT64_C(0x7f76767f76767676)
#define TIME_SHAPE UINT64_C(0x30303a30303a3030)
#define TIME_KINDS UINT64_C(0x76767f76767f7676)
#define USUAL_TAIL_SHAPE UINT64_C(0x5a303030) // "000Z"
#define USUAL_TAIL_KINDS UINT64_C(0x7f767676)

struct written { // as it stands in the text
    uint32_t year, month, day;
    uint32_t hour, minute, second, ms;
    enum { OFFSET_NONE, OFFSET_GIVEN } offset;
    bool offset_minus;
    uint32_t offset_hour, offset_minute;
};

static inline bool is_digit(char c) {
    return (unsigned char)(c - '0') <= 9;
}

static inline bool two_digits(const char *at, uint32_t *out) {
    uint32_t tens = (unsigned char)(at[0] - '0');
    uint32_t ones = (unsigned char)(at[1] - '0');
    *out = tens * 10 + ones;
    return tens <= 9 && ones <= 9;
}

static inline bool read_date(const char *at, struct written *w) {
    uint64_t x = load8(at) ^ YEAR_MONTH_SHAPE;
    uint64_t pairs = x * 10 + (x >> 8);
    w->year = (uint32_t)((pairs & 0xff) * 100 + (pairs >> 16 & 0xff));
    w->month = (uint32_t)(pairs >> 40 & 0xff);
    return two_digits(at + 8, &w->day) && swar_wrong(x, YEAR_MONTH_KINDS) == 0;
}

static inline bool read_time(const char *at, struct written *w) {
    uint64_t x = load8(at) ^ TIME_SHAPE;
    uint64_t pairs = x * 10 + (x >> 8);
    w->hour = (uint32_t)(pairs & 0xff);
    w->minute = (uint32_t)(pairs >> 24 & 0xff);
    w->second = (uint32_t)(pairs >> 48 & 0xff);
    return swar_wrong(x, TIME_KINDS) == 0;
}

// The digits after the point, cut to milliseconds.
static bool read_fraction(const char **at, const char *end, struct written *w) {
    static const uint32_t worth_ms[3] = {100, 10, 1};
    const char *start = *at;
    while (*at < end && is_digit(**at)) {
        size_t k = (size_t)(*at - start);
        if (k < COUNT_OF(worth_ms)) {
            w->ms += worth_ms[k] * (uint32_t)(**at - '0');
        }
        ++*at;
    }
    return *at > start && *at - start <= FRACTION_MAX;
}

// ".123Z", the tail that most programs write.
static inline bool read_usual_tail(const char *at, const char *end, struct written *w) {
    if (end - at != 5 || *at != '.') {
        return false;
    }
    uint64_t x = load4(at + 1) ^ USUAL_TAIL_SHAPE;
    w->ms = (uint32_t)((x & 0xff) * 100 + (x >> 8 & 0xff) * 10 + (x >> 16 & 0xff));
    w->offset = OFFSET_GIVEN;
    return swar_wrong(x, USUAL_TAIL_KINDS) == 0;
}

// All that follows HH:MM:SS.
static inline bool read_tail(const char *at, const char *end, struct written *w) {
    w->offset_minus = false;
    w->offset_hour = w->offset_minute = 0;
    if (read_usual_tail(at, end, w)) {
        return true;
    }
    w->ms = 0;
    w->offset = OFFSET_NONE;
    if (at < end && *at == '.') {
        at++;
        if (!read_fraction(&at, end, w)) {
            return false;
        }
    }
    if (at == end) {
        return true;
    }
    w->offset = OFFSET_GIVEN;
    if (*at == 'Z' || *at == 'z') {
        return end - at == 1;
    }
    w->offset_minus = *at == '-';
    return end - at == OFFSET_LEN && (*at == '-' || *at == '+') && at[3] == ':' &&
           two_digits(at + 1, &w->offset_hour) && two_digits(at + 4, &w->offset_minute);
}

// --- The other forms of one meaning, character by character: seconds left out, a comma before the
// fraction, a space before the offset, +hh and +hhmm, UTC. Databases, spreadsheets and strftime
// write these.

static bool take_char(const char **at, const char *end, char c) {
    bool there = *at < end && **at == c;
    *at += there;
    return there;
}

static bool take_two(const char **at, const char *end, uint32_t *out) {
    if (end - *at < 2 || !two_digits(*at, out)) {
        return false;
    }
    *at += 2;
    return true;
}

static bool read_other_time(const char **at, const char *end, struct written *w) {
    w->second = w->ms = 0;
    if (!take_two(at, end, &w->hour) || !take_char(at, end, ':') ||
        !take_two(at, end, &w->minute)) {
        return false;
    }
    if (!take_char(at, end, ':')) {
        return true;
    }
    return take_two(at, end, &w->second) &&
           ((!take_char(at, end, '.') && !take_char(at, end, ',')) || read_fraction(at, end, w));
}

static bool read_other_offset(const char *at, const char *end, struct written *w) {
    w->offset = OFFSET_NONE;
    w->offset_minus = false;
    w->offset_hour = w->offset_minute = 0;
    if (at == end) {
        return true;
    }
    w->offset = OFFSET_GIVEN;
    take_char(&at, end, ' ');
    struct text rest = {at, (size_t)(end - at)};
    if (text_equal(rest, TEXT_LIT("Z")) || text_equal(rest, TEXT_LIT("z")) ||
        text_equal(rest, TEXT_LIT("UTC")) || text_equal(rest, TEXT_LIT("GMT"))) {
        return true;
    }
    w->offset_minus = at < end && *at == '-';
    return (take_char(&at, end, '-') || take_char(&at, end, '+')) &&
           take_two(&at, end, &w->offset_hour) &&
           (at == end || ((take_char(&at, end, ':') || true) &&
                          take_two(&at, end, &w->offset_minute) && at == end));
}

static bool read_other(struct text t, struct written *w) {
    if (t.len < DATE_LEN + 1) {
        return false;
    }
    const char *at = t.at + DATE_LEN + 1, *end = t.at + t.len;
    return read_date(t.at, w) && read_other_time(&at, end, w) && read_other_offset(at, end, w);
}

static inline bool date_exists(const struct written *w) {
    static const uint8_t days[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (w->month - 1 >= 12) {
        return false;
    }
    bool leap = w->year % 4 == 0 && (w->year % 100 != 0 || w->year % 400 == 0);
    uint32_t last = days[w->month] + (leap && w->month == 2 ? 1u : 0u);
    return w->day - 1 < last;
}

static inline bool time_exists(const struct written *w) {
    return w->hour <= 23 && w->minute <= 59 && w->second <= 60 && w->offset_hour <= 23 &&
           w->offset_minute <= 59;
}

// Days since 1970-01-01, for the years 0 to 9999. Years are counted from March, so that the leap
// day is their last; 400 years more keep the year before 0 unsigned.
static inline int64_t days_of_written(const struct written *w) {
    static const uint16_t days_before[13] = {0,   306, 337, 0,   31,  61, 92,
                                             122, 153, 184, 214, 245, 275};
    uint32_t year = w->year + 400 - (w->month <= 2 ? 1 : 0);
    uint32_t days =
        365 * year + year / 4 - year / 100 + year / 400 + days_before[w->month] + w->day;
    return (int64_t)days - (146097 + 719469);
}

bool timestamp_in_range(int64_t utc_ms) {
    return utc_ms >= 0 && utc_ms <= LAST_MS;
}

static enum timestamp_result in_range(int64_t ms, int64_t *out_ms) {
    if (ms < 0 || ms > LAST_MS) {
        return TIMESTAMP_OUT_OF_RANGE;
    }
    *out_ms = ms;
    return TIMESTAMP_OK;
}

static enum timestamp_result parse_date_alone(struct text t, const struct zone *z,
                                              int64_t *out_ms) {
    struct written w = {0};
    if (!read_date(t.at, &w)) {
        return TIMESTAMP_MALFORMED;
    }
    if (!date_exists(&w)) {
        return TIMESTAMP_NO_SUCH_DATE;
    }
    return in_range(zone_day_start_ms(z, (int32_t)days_of_written(&w)), out_ms);
}

enum timestamp_result timestamp_parse(struct text t, const struct zone *z, int64_t *out_ms) {
    if (t.len == DATE_LEN) {
        return parse_date_alone(t, z, out_ms);
    }
    struct written w;
    bool usual = t.len >= DATE_TIME_LEN && read_date(t.at, &w) &&
                 read_time(t.at + DATE_LEN + 1, &w) &&
                 read_tail(t.at + DATE_TIME_LEN, t.at + t.len, &w);
    if (UNLIKELY(!usual) && !read_other(t, &w)) {
        return TIMESTAMP_MALFORMED;
    }
    char separator = t.at[DATE_LEN];
    // RFC 3339 allows 't'; the form without an offset is ours and does not.
    if (separator != 'T' && separator != ' ' && (separator != 't' || w.offset == OFFSET_NONE)) {
        return TIMESTAMP_MALFORMED;
    }
    if (!date_exists(&w) || !time_exists(&w)) {
        return TIMESTAMP_NO_SUCH_DATE;
    }
    int64_t seconds = days_of_written(&w) * SECONDS_PER_DAY + w.hour * 3600 + w.minute * 60 +
                      w.second; // second 60 is the next minute's first by itself
    if (w.offset == OFFSET_NONE) {
        seconds = zone_local_to_utc_s(z, seconds);
    } else {
        int64_t offset_s = w.offset_hour * 3600 + w.offset_minute * 60;
        seconds += w.offset_minus ? offset_s : -offset_s;
    }
    return in_range(seconds * 1000 + (w.second == 60 ? 0 : w.ms), out_ms);
}

// Hinnant's algorithms, in 64 bits so that any instant can be written.
static void civil_from_days_64(int64_t days, int64_t *year, int32_t *month, int32_t *day) {
    days += 719468; // since 0000-03-01
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t from_march = (5 * of_year + 2) / 153;
    *day = (int32_t)(of_year - (153 * from_march + 2) / 5 + 1);
    *month = (int32_t)(from_march < 10 ? from_march + 3 : from_march - 9);
    *year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

void civil_from_days(int32_t days, int32_t *year, int32_t *month, int32_t *day) {
    int64_t wide_year;
    civil_from_days_64(days, &wide_year, month, day);
    *year = (int32_t)wide_year;
}

int32_t days_from_civil(int32_t year, int32_t month, int32_t day) {
    int64_t from_march = (int64_t)year - (month <= 2 ? 1 : 0);
    int64_t era = (from_march >= 0 ? from_march : from_march - 399) / 400;
    int64_t year_of_era = from_march - era * 400;
    int64_t of_year = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    int64_t days = era * 146097 + of_era - 719468;
    return days > INT32_MAX ? INT32_MAX : days < INT32_MIN ? INT32_MIN : (int32_t)days;
}

static char *put_digits(char *at, uint64_t value, int n_digits) {
    for (int k = n_digits - 1; k >= 0; k--, value /= 10) {
        at[k] = (char)('0' + value % 10);
    }
    return at + n_digits;
}

// Years outside 0..9999, which no stored order has, get a sign and as many digits as they need.
static char *put_date(char *at, int64_t days) {
    int64_t year;
    int32_t month, day;
    civil_from_days_64(days, &year, &month, &day);
    int n_digits = 4;
    uint64_t magnitude = year < 0 ? (uint64_t)-year : (uint64_t)year;
    if (year < 0 || year > 9999) {
        *at++ = year < 0 ? '-' : '+';
        for (uint64_t rest = magnitude / 10000; rest > 0; rest /= 10) {
            n_digits++;
        }
    }
    at = put_digits(at, magnitude, n_digits);
    *at++ = '-';
    at = put_digits(at, (uint64_t)month, 2);
    *at++ = '-';
    return put_digits(at, (uint64_t)day, 2);
}

size_t timestamp_format(int64_t utc_ms, char out[static 32]) {
    int64_t days = utc_ms / (SECONDS_PER_DAY * 1000);
    int64_t of_day_ms = utc_ms % (SECONDS_PER_DAY * 1000);
    if (of_day_ms < 0) {
        of_day_ms += SECONDS_PER_DAY * 1000;
        days--;
    }
    uint64_t rest = (uint64_t)of_day_ms;
    char *at = put_date(out, days);
    *at++ = 'T';
    at = put_digits(at, rest / 3600000, 2);
    *at++ = ':';
    at = put_digits(at, rest / 60000 % 60, 2);
    *at++ = ':';
    at = put_digits(at, rest / 1000 % 60, 2);
    *at++ = '.';
    at = put_digits(at, rest % 1000, 3);
    *at++ = 'Z';
    return (size_t)(at - out);
}

size_t date_format(int32_t day, char out[static 32]) {
    return (size_t)(put_date(out, day) - out);
}
