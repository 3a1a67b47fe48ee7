// SPDX-License-Identifier: MIT
// The figures of the live page, read from the store.
//
// A refresh, in steps:
//   1. begin a snapshot; read the counts and the number of the last batch;
//   2. when the batch, the shop's day or the running minute has moved, mark the parts that may have
//      changed (a batch that nobody announced, from another process, marks all);
//   3. read the marked parts that are due. The newest two minutes and new orders always are; sums
//      are while they are quick to read; the whole hour and the products once a second at most.
//      What was slow to read rests for many times as long, so that an odd shop (100,000 products
//      a day) costs a few per cent of a core and seldom delays the rest;
//   4. end the snapshot and swap the new figures in.
//
// When anything fails the last good figures stay as they are and all marks are kept for the next
// try, so a refresh never mixes two snapshots within one part.
#include "dashboard/live_state.h"

#include "base/mem.h"
#include "dashboard/live_read.h"
#include <stdlib.h>

#define MINUTE_MS INT64_C(60000)
#define SECOND_NS INT64_C(1000000000)
#define QUICK_NS INT64_C(1000000) // a read that needs no rest

// A part of the figures that is read again only when something changed and its pause is over.
struct part {
    bool changed;
    int64_t due_ns;
};

enum { PART_TODAY, PART_ALL_TIME, PART_HOUR, PART_PRODUCTS, PARTS };
static const struct pause {
    int64_t least_ns;
    int64_t times_cost;
} pauses[PARTS] = {
    [PART_TODAY] = {0, 20},
    [PART_ALL_TIME] = {0, 20},
    [PART_HOUR] = {SECOND_NS, 50},
    [PART_PRODUCTS] = {SECOND_NS, 100},
};

struct live_state {
    struct sales_reader *reader;
    const struct zone *zone;
    const struct clock_source *clock;
    bool read_once;
    struct live_figures *good, *next;
    struct part parts[PARTS];
    struct live_touched touched; // not read yet
};

static const struct live_touched untouched = {.minute_min = INT32_MAX, .minute_max = INT32_MIN};

struct live_state *live_state_new(struct sales_reader *reader, const struct zone *zone,
                                  const struct clock_source *clock, const char currency[static 4]) {
    struct live_state *s = mem_zalloc(1, sizeof *s);
    s->reader = reader;
    s->zone = zone;
    s->clock = clock;
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

int64_t live_state_due_ns(const struct live_state *s) {
    int64_t due_ns = INT64_MAX;
    for (size_t i = 0; i < PARTS; i++) {
        if (s->parts[i].changed && s->parts[i].due_ns < due_ns) {
            due_ns = s->parts[i].due_ns;
        }
    }
    return due_ns;
}

static void mark_all(struct live_state *s) {
    for (size_t i = 0; i < PARTS; i++) {
        s->parts[i].changed = true;
    }
}

// Time has its own changes: another day, another minute. Both are due at once.
static void follow_clock(struct live_state *s) {
    struct live_figures *f = s->next;
    int64_t now_ms = clock_now_ms(s->clock);
    int32_t day = zone_day(s->zone, now_ms);
    int32_t minute = (int32_t)(now_ms / MINUTE_MS);
    if (day != f->day) {
        f->day = day;
        s->parts[PART_TODAY] = s->parts[PART_PRODUCTS] = (struct part){.changed = true};
    }
    if (minute != f->last_minute) {
        f->last_minute = minute; // orders ahead of the clock come into view by this as well
        s->parts[PART_HOUR] = (struct part){.changed = true};
    }
}

static void follow_commits(struct live_state *s) {
    const struct live_figures *f = s->next;
    int64_t batches = f->last_batch_id - s->good->last_batch_id;
    int32_t newest = f->last_minute;
    bool all_announced = s->touched.batches >= batches;
    bool older =
        s->touched.minute_min < newest - 1 && s->touched.minute_max > newest - LIVE_MINUTES;
    s->parts[PART_TODAY].changed = true;
    s->parts[PART_ALL_TIME].changed = true;
    s->parts[PART_PRODUCTS].changed = true;
    s->parts[PART_HOUR].changed |= older || !all_announced;
}

static bool read_hour(struct sales_reader *r, struct live_figures *f, struct error *err) {
    return live_read_minutes(r, f, f->last_minute - LIVE_MINUTES + 1, f->last_minute, err);
}

static bool read_part(struct live_state *s, size_t part, struct error *err) {
    static bool (*const read[PARTS])(struct sales_reader *, struct live_figures *,
                                     struct error *) = {
        [PART_TODAY] = live_read_today,
        [PART_ALL_TIME] = live_read_all_time,
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
    int64_t cost_ns = end_ns - start_ns;
    int64_t pause_ns = cost_ns > QUICK_NS ? cost_ns * pauses[part].times_cost : 0;
    if (pause_ns < pauses[part].least_ns) {
        pause_ns = pauses[part].least_ns;
    }
    *p = (struct part){.changed = false, .due_ns = end_ns + pause_ns};
    return true;
}

static bool read_snapshot(struct live_state *s, struct error *err) {
    struct live_figures *f = s->next;
    if (!s->reader->ops->counts(s->reader, &f->counts, &f->last_batch_id, err)) {
        return false;
    }
    follow_clock(s);
    if (!s->read_once || f->last_batch_id != s->good->last_batch_id) {
        follow_commits(s);
        if (!live_read_recent(s->reader, f, err) ||
            !live_read_minutes(s->reader, f, f->last_minute - 1, f->last_minute, err)) {
            return false;
        }
    }
    for (size_t i = 0; i < PARTS; i++) {
        if (!read_part(s, i, err)) {
            return false;
        }
    }
    return true;
}

bool live_state_refresh(struct live_state *s, struct live_touched touched, struct error *err) {
    live_touch(&s->touched, touched);
    if (!s->read_once) {
        mark_all(s);
    }
    *s->next = *s->good;
    if (!s->reader->ops->begin(s->reader, err)) {
        return false;
    }
    bool ok = read_snapshot(s, err);
    s->reader->ops->end(s->reader);
    if (!ok) {
        mark_all(s); // what was read into `next` is dropped with it
        return false;
    }
    struct live_figures *old = s->good;
    s->good = s->next;
    s->next = old;
    s->read_once = true;
    s->touched = untouched;
    return true;
}
