// SPDX-License-Identifier: MIT
// A table of names. How it fails: numbers that are no time of the years 0 to 9999.
#include "format/connect_time.h"

#include "order/timestamp.h"
#include <inttypes.h>
#include <stdio.h>

enum time_kind { TIME_INSTANT, TIME_NO_ZONE, TIME_DATE, TIME_OF_DAY };
static const struct time_name {
    const char *name;
    enum time_kind kind;
    int decimals; // of seconds, which the unit is
} time_names[] = {
    {"org.apache.kafka.connect.data.Timestamp", TIME_INSTANT, 3},
    {"org.apache.kafka.connect.data.Date", TIME_DATE, 0},
    {"org.apache.kafka.connect.data.Time", TIME_OF_DAY, 3},
    {"io.debezium.time.Timestamp", TIME_NO_ZONE, 3},
    {"io.debezium.time.MicroTimestamp", TIME_NO_ZONE, 6},
    {"io.debezium.time.NanoTimestamp", TIME_NO_ZONE, 9},
    {"io.debezium.time.Date", TIME_DATE, 0},
    {"io.debezium.time.Time", TIME_OF_DAY, 3},
    {"io.debezium.time.MicroTime", TIME_OF_DAY, 6},
    {"io.debezium.time.NanoTime", TIME_OF_DAY, 9},
};
enum { DAY_SECONDS = 86400, FIRST_DAY = -719528, LAST_DAY = 2932896 }; // 0000-01-01, 9999-12-31

static const struct time_name *find(struct text name) {
    for (size_t i = 0; i < COUNT_OF(time_names); i++) {
        if (text_equal(name, text_of(time_names[i].name))) {
            return &time_names[i];
        }
    }
    return NULL;
}

bool connect_time_is(struct text name) {
    return find(name) != NULL;
}

static bool whole_number(struct text digits, int64_t *out) {
    bool negative = digits.len > 0 && digits.at[0] == '-';
    int64_t n = 0;
    for (size_t i = negative; i < digits.len; i++) {
        char c = digits.at[i];
        if (c < '0' || c > '9' || __builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, c - '0', &n)) {
            return false;
        }
    }
    *out = negative ? -n : n;
    return digits.len > (size_t)negative;
}

static size_t put_clock(char *out, int64_t seconds, int64_t fraction, int decimals) {
    int len = snprintf(out, CONNECT_TIME_MAX - 16, "%02d:%02d:%02d", (int)(seconds / 3600),
                       (int)(seconds / 60 % 60), (int)(seconds % 60));
    return (size_t)len + (size_t)snprintf(out + len, 16, ".%0*" PRId64, decimals, fraction);
}

size_t connect_time(struct text name, struct text digits, bool no_zone,
                    char out[static CONNECT_TIME_MAX]) {
    const struct time_name *t = find(name);
    int64_t number, unit = 1;
    if (!whole_number(digits, &number)) {
        return 0;
    }
    for (int i = 0; i < t->decimals; i++) {
        unit *= 10;
    }
    int64_t fraction = number % unit, seconds = number / unit;
    if (fraction < 0) {
        fraction += unit;
        seconds--;
    }
    int64_t day =
        t->kind == TIME_DATE ? number : seconds / DAY_SECONDS - (seconds % DAY_SECONDS < 0);
    if (day < FIRST_DAY || day > LAST_DAY || (t->kind == TIME_OF_DAY && day != 0)) {
        return 0;
    }
    size_t len = 0;
    if (t->kind != TIME_OF_DAY) {
        char date[32];
        len = date_format((int32_t)day, date);
        memcpy(out, date, len);
    }
    if (t->kind == TIME_DATE) {
        return len;
    }
    if (t->kind != TIME_OF_DAY) {
        out[len++] = 'T';
    }
    len += put_clock(out + len, seconds - day * DAY_SECONDS, fraction, t->decimals);
    if (t->kind == TIME_INSTANT && !no_zone) {
        out[len++] = 'Z';
    }
    return len;
}
