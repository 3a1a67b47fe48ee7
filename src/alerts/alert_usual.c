// SPDX-License-Identifier: MIT
// For each day that a window touches (three at most: a window of 24 hours may begin before a day of
// 23) the sums of its hours over the same weekday of the last four weeks, of those with an order.
#include "alerts/alert_usual.h"

#include "base/mem.h"
#include <stdlib.h>

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define FRESH_MS (10 * MINUTE_MS)
enum {
    DAYS_KEPT = 3,
    HOURS_MAX = 27,        // of a day of 25, which begins and ends within one
    MAX_ROWS = 27 * 17576, // of all currencies there can be
};

struct day {
    int32_t day;
    int64_t read_ms; // 0: never
    int32_t first_hour;
    int n_days; // with an order
    int64_t orders[HOURS_MAX];
};

struct alert_usual {
    const struct zone *zone;
    struct day days[DAYS_KEPT]; // day d at d % DAYS_KEPT
};

struct alert_usual *alert_usual_new(const struct zone *zone) {
    struct alert_usual *u = mem_zalloc(1, sizeof *u);
    u->zone = zone;
    return u;
}

void alert_usual_free(struct alert_usual *u) {
    free(u);
}

static int32_t first_hour(const struct alert_usual *u, int32_t day) {
    return (int32_t)(zone_day_start_ms(u->zone, day) / HOUR_MS);
}

// One of the four days.
struct past_day {
    int32_t first_hour;
    bool any;
    int64_t orders[HOURS_MAX];
};

static bool take_hour(void *user, const struct sales_row *row) {
    struct past_day *past = user;
    int32_t nth = row->bucket - past->first_hour;
    if (nth >= 0 && nth < HOURS_MAX) {
        past->orders[nth] = (int64_t)((uint64_t)past->orders[nth] + (uint64_t)row->sum.orders);
        past->any |= row->sum.orders > 0;
    }
    return true;
}

static bool add_past_day(struct alert_usual *u, struct day *d, int32_t past_day,
                         struct sales_reader *reader, struct error *err) {
    struct past_day past = {.first_hour = first_hour(u, past_day)};
    int64_t end_ms = zone_day_start_ms(u->zone, past_day + 1);
    struct sales_query q = {.bucket = BUCKET_HOUR,
                            .from = past.first_hour,
                            .to = (int32_t)((end_ms + HOUR_MS - 1) / HOUR_MS),
                            .max_rows = MAX_ROWS,
                            .any_order = true};
    if (!reader->ops->sales(reader, &q, take_hour, &past, err)) {
        return false;
    }
    d->n_days += past.any;
    for (int i = 0; past.any && i < HOURS_MAX; i++) {
        d->orders[i] = (int64_t)((uint64_t)d->orders[i] + (uint64_t)past.orders[i]);
    }
    return true;
}

static bool read_day(struct alert_usual *u, int32_t day, struct sales_reader *reader,
                     int64_t now_ms, struct error *err) {
    struct day *d = &u->days[day % DAYS_KEPT];
    bool fresh = d->read_ms > 0 && now_ms >= d->read_ms && now_ms - d->read_ms < FRESH_MS;
    if (d->day == day && fresh) {
        return true;
    }
    *d = (struct day){.day = day, .first_hour = first_hour(u, day)};
    for (int week = 1; week <= ALERT_USUAL_WEEKS; week++) {
        if (!add_past_day(u, d, day - 7 * week, reader, err)) {
            return false;
        }
    }
    d->read_ms = now_ms;
    return true;
}

bool alert_usual_read(struct alert_usual *u, struct sales_reader *reader, int32_t last, int32_t n,
                      int64_t now_ms, struct error *err) {
    int32_t end = zone_day(u->zone, last * MINUTE_MS);
    for (int32_t day = zone_day(u->zone, (last - n + 1) * MINUTE_MS); day <= end; day++) {
        if (!read_day(u, day, reader, now_ms, err)) {
            return false;
        }
    }
    return true;
}

bool alert_usual_of(const struct alert_usual *u, int32_t last, int32_t n, int64_t *parts) {
    *parts = 0;
    for (int32_t minute = last - n + 1; minute <= last; minute++) {
        int32_t day = zone_day(u->zone, minute * MINUTE_MS);
        const struct day *d = &u->days[day % DAYS_KEPT];
        int32_t nth = minute / 60 - d->first_hour;
        if (d->day != day || d->read_ms == 0 || d->n_days == 0 || nth < 0 || nth >= HOURS_MAX) {
            return false;
        }
        // Orders of an hour are far below what 64 bits hold; of an edited file anything may come.
        int64_t more;
        if (__builtin_mul_overflow(d->orders[nth], ALERT_USUAL_PARTS / 60 / d->n_days, &more) ||
            __builtin_add_overflow(*parts, more, parts)) {
            return false;
        }
    }
    return true;
}
