// SPDX-License-Identifier: MIT
// The figures of the live page, read from the store.
//
// When nothing was announced, one query for the counts tells whether anything is new at all. Then a
// refresh, in steps:
//   1. begin a snapshot; read the counts and the number of the last batch;
//   2. when a batch was committed or the shop's day has changed: read the sums of today and of all
//      time, the newest minutes and the new orders, all from this snapshot, so that they agree;
//   3. the products, and the whole hour when an older minute was touched (or a batch was committed
//      that nobody announced, by another process), are read at most once a second; what was slow
//      to read rests for a hundred times as long, so that an odd shop (100,000 products a day)
//      seldom delays the rest;
//   4. end the snapshot and swap the new figures in.
//
// When anything fails the last good figures stay as they are and everything is read anew next time.
#include "live/live_state.h"

#include "base/mem.h"
#include "live/live_read.h"
#include <stdlib.h>

#define MINUTE_MS INT64_C(60000)
#define SECOND_NS INT64_C(1000000000)
enum { REST_TIMES_COST = 4, PART_REST_TIMES_COST = 100 };
#define REST_MAX_NS (5 * SECOND_NS)

// A part of the figures that is read again only when something changed and its rest is over.
struct part {
    bool changed;
    int64_t due_ns;
};
enum { PART_HOUR, PART_PRODUCTS, PARTS };

struct live_state {
    struct sales_reader *reader;
    const struct zone *zone;
    const struct clock_source *clock;
    bool read_once, read_all; // read_all: the newest refresh failed
    struct live_figures *good, *next;
    struct part parts[PARTS];
    struct live_touched touched; // not read yet
    int64_t announced_id;        // newest batch that was announced, in order
    int64_t rest_ns;
};

static const struct live_touched untouched = {.minute_min = INT32_MAX, .minute_max = INT32_MIN};

struct live_state *live_state_new(struct sales_reader *reader, const struct zone *zone,
                                  const struct clock_source *clock, const char currency[static 4]) {
    struct live_state *s = mem_zalloc(1, sizeof *s);
    s->reader = reader;
    s->zone = zone;
    s->clock = clock;
    s->read_all = true;
    s->good = mem_zalloc(1, sizeof *s->good);
    s->next = mem_zalloc(1, sizeof *s->next);
    memcpy(s->good->shop.code, currency, sizeof s->good->shop.code);
    s->touched = untouched;
    return s;
}

void live_state_free(struct live_state *s) {
    if (s != NULL) {
        free(s->good);
        free(s->next);
        free(s);
    }
}

const struct live_figures *live_state_figures(const struct live_state *s) {
    return s->read_once ? s->good : NULL;
}

int64_t live_state_rest_ns(const struct live_state *s) {
    return s->rest_ns;
}

int64_t live_state_due_ns(const struct live_state *s) {
    int64_t due_ns = INT64_MAX;
    for (size_t i = 0; i < PARTS; i++) {
        if (s->parts[i].changed && s->parts[i].due_ns < due_ns) {
            due_ns = s->parts[i].due_ns;
        }
    }
    return due_ns;
}

// --- The parts that may wait

static bool read_hour(struct sales_reader *r, struct live_figures *f, struct error *err) {
    return live_read_minutes(r, f, f->last_minute - LIVE_MINUTES + 1, f->last_minute, err);
}

static bool read_part(struct live_state *s, size_t part, struct error *err) {
    static bool (*const read[PARTS])(struct sales_reader *, struct live_figures *,
                                     struct error *) = {
        [PART_HOUR] = read_hour,
        [PART_PRODUCTS] = live_read_products,
    };
    struct part *p = &s->parts[part];
    int64_t start_ns = clock_monotonic_ns(s->clock);
    if (!p->changed || start_ns < p->due_ns) {
        return true;
    }
    if (!read[part](s->reader, s->next, err)) {
        return false;
    }
    int64_t end_ns = clock_monotonic_ns(s->clock);
    int64_t rest_ns = (end_ns - start_ns) * PART_REST_TIMES_COST;
    *p = (struct part){.due_ns = end_ns + (rest_ns > SECOND_NS ? rest_ns : SECOND_NS)};
    return true;
}

// --- The parts that agree

static bool hour_touched(const struct live_state *s) {
    const struct live_touched *t = &s->touched;
    int32_t newest = s->next->last_minute;
    bool older = t->minute_min < newest - 1 && t->minute_max > newest - LIVE_MINUTES;
    return older || s->next->last_batch_id > s->announced_id;
}

// The minutes since the last refresh, and the one before if a commit may have touched it.
static bool read_newest_minutes(struct live_state *s, struct error *err) {
    int32_t last = s->next->last_minute, known = s->good->last_minute;
    int32_t first = known < last ? known + 1 : last;
    bool before = s->touched.minute_min < last || s->next->last_batch_id > s->announced_id;
    first = before && first == last ? last - 1 : first;
    if (known > last || last - known >= LIVE_MINUTES) {
        return read_hour(s->reader, s->next, err); // the clock was set, or nobody looked for long
    }
    return live_read_minutes(s->reader, s->next, first, last, err);
}

static bool read_sums(struct live_state *s, struct error *err) {
    struct live_figures *f = s->next;
    return live_read_today(s->reader, f, err) && live_read_all_time(s->reader, f, err) &&
           live_read_recent(s->reader, f, err);
}

// --- A refresh

static bool read_snapshot(struct live_state *s, struct error *err) {
    struct live_figures *f = s->next;
    int64_t now_ms = clock_now_ms(s->clock);
    if (!s->reader->ops->counts(s->reader, &f->counts, &f->last_batch_id, err)) {
        return false;
    }
    f->day = zone_day(s->zone, now_ms);
    f->last_minute = (int32_t)(now_ms / MINUTE_MS);
    bool committed = s->read_all || f->last_batch_id != s->good->last_batch_id;
    bool new_day = s->read_all || f->day != s->good->day;
    bool new_minute = s->read_all || f->last_minute != s->good->last_minute;
    if (s->read_all || new_day) {
        s->parts[PART_PRODUCTS] = (struct part){.changed = true};
    }
    if (s->read_all) {
        s->parts[PART_HOUR] = (struct part){.changed = true};
    }
    s->parts[PART_PRODUCTS].changed |= committed;
    s->parts[PART_HOUR].changed |= committed && hour_touched(s);
    if ((committed || new_day) && !read_sums(s, err)) {
        return false;
    }
    return !(committed || new_minute) || read_newest_minutes(s, err);
}

static bool read_parts(struct live_state *s, struct error *err) {
    for (size_t i = 0; i < PARTS; i++) {
        if (!read_part(s, i, err)) {
            return false;
        }
    }
    return true;
}

// Whether the clock or a part that was put off asks for more than a look at the counts.
static bool is_due(const struct live_state *s) {
    int64_t now_ms = clock_now_ms(s->clock);
    return s->read_all || s->touched.last_batch_id > 0 ||
           s->good->day != zone_day(s->zone, now_ms) ||
           s->good->last_minute != (int32_t)(now_ms / MINUTE_MS) ||
           live_state_due_ns(s) <= clock_monotonic_ns(s->clock);
}

// *news: the store has counted something since the last refresh.
static bool look_for_news(struct live_state *s, bool *news, struct error *err) {
    struct store_counts counts;
    int64_t last_batch_id;
    if (!s->reader->ops->counts(s->reader, &counts, &last_batch_id, err)) {
        return false;
    }
    *news = last_batch_id != s->good->last_batch_id ||
            memcmp(&counts, &s->good->counts, sizeof counts) != 0;
    return true;
}

static void set_rest(struct live_state *s, int64_t start_ns) {
    int64_t rest_ns = (clock_monotonic_ns(s->clock) - start_ns) * REST_TIMES_COST;
    s->rest_ns = rest_ns < REST_MAX_NS ? rest_ns : REST_MAX_NS;
}

bool live_state_refresh(struct live_state *s, struct live_touched touched, struct error *err) {
    live_touch(&s->touched, touched);
    s->announced_id =
        touched.last_batch_id > s->announced_id ? touched.last_batch_id : s->announced_id;
    int64_t start_ns = clock_monotonic_ns(s->clock);
    bool news = is_due(s);
    if (!news && !look_for_news(s, &news, err)) {
        s->read_all = true;
        return false;
    }
    if (!news) {
        set_rest(s, start_ns);
        return true;
    }
    *s->next = *s->good;
    if (!s->reader->ops->begin(s->reader, err)) {
        s->read_all = true;
        return false;
    }
    bool ok = read_snapshot(s, err);
    set_rest(s, start_ns);
    ok = ok && read_parts(s, err);
    s->reader->ops->end(s->reader);
    s->read_all = !ok; // what was read into `next` is dropped with it
    if (!ok) {
        return false;
    }
    struct live_figures *old = s->good;
    s->good = s->next;
    s->next = old;
    s->read_once = true;
    s->touched = untouched;
    return true;
}
