// SPDX-License-Identifier: MIT
// The figures of the live page, read from the store.
//
// When nothing was announced, one query for the counts tells whether anything is new at all. Then a
// refresh, in steps:
//   1. begin a snapshot; read the counts and the number of the last batch;
//   2. when a batch was committed or the shop's day has changed: read the sums of today and of all
//      time, the newest minutes and the new orders, all from this snapshot, so that they agree;
//   3. what may cost more are parts: products, other days, and the whole hour or day when an older
//      minute was touched (or a batch was committed that nobody announced, by another process).
//      They are read at most once a second; what was slow to read rests for a hundred times as
//      long, so that an odd shop (100,000 products a day) seldom delays the rest. Products are
//      asked for elsewhere (live_aside.h) where there is somebody to ask, and delay nothing;
//   4. end the snapshot, swap the new figures in, and make the book's rows what is shown.
//
// When anything fails what is shown stays as it is and everything is read anew next time.
#include "live/live_state.h"

#include "base/mem.h"
#include "live/live_aside.h"
#include "live/live_read.h"
#include <stdlib.h>

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS INT64_C(3600000)
#define SECOND_NS INT64_C(1000000000)
enum { REST_TIMES_COST = 4, PART_REST_TIMES_COST = 100, FIRST_PRODUCTS_MS = 100 };
#define REST_MAX_NS (5 * SECOND_NS)

// A part of the figures that is read again only when something changed and its rest is over.
struct part {
    bool changed;
    int64_t due_ns;
    int32_t from_minute; // what is older has not changed
};
enum {
    PART_HOUR, // the chart's minutes
    PART_PRODUCTS,
    PART_HOURS,  // of today
    PART_DAYS,   // the last PANEL_DAYS
    PART_BEFORE, // hours of other days
    PART_SUMS,   // other days until this time of the day
    PART_REJECTED,
    PARTS,
};

struct live_state {
    struct sales_reader *reader;
    const struct zone *zone;
    const struct clock_source *clock;
    struct live_aside *aside; // or NULL
    bool read_once, read_all; // read_all: the newest refresh failed
    struct live_figures *good, *next;
    struct panel_book *book;
    struct part parts[PARTS];
    struct live_touched touched; // not read yet
    int64_t announced_id;        // newest batch that was announced, in order
    int64_t rest_ns;
    int64_t now_ms; // of the newest refresh
};

static const struct live_touched untouched = {.minute_min = INT32_MAX, .minute_max = INT32_MIN};

struct live_state *live_state_new(struct sales_reader *reader, const struct zone *zone,
                                  const struct clock_source *clock, const char currency[static 4],
                                  struct live_aside *aside) {
    struct live_state *s = mem_zalloc(1, sizeof *s);
    s->reader = reader;
    s->zone = zone;
    s->clock = clock;
    s->aside = aside;
    s->read_all = true;
    s->good = mem_zalloc(1, sizeof *s->good);
    s->next = mem_zalloc(1, sizeof *s->next);
    s->book = panel_book_new();
    memcpy(s->good->shop.code, currency, sizeof s->good->shop.code);
    s->touched = untouched;
    return s;
}

void live_state_free(struct live_state *s) {
    if (s != NULL) {
        free(s->good);
        free(s->next);
        panel_book_free(s->book);
        free(s);
    }
}

const struct live_figures *live_state_figures(const struct live_state *s) {
    return s->read_once ? s->good : NULL;
}

const struct panel_book *live_state_book(const struct live_state *s) {
    return s->book;
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

static bool read_hour(struct live_state *s, int32_t from_minute, struct error *err) {
    UNUSED(from_minute);
    struct live_figures *f = s->next;
    return live_read_minutes(s->reader, f, f->last_minute - LIVE_MINUTES + 1, f->last_minute, err);
}

static bool read_products(struct live_state *s, int32_t from_minute, struct error *err) {
    UNUSED(from_minute);
    if (s->aside == NULL) {
        return live_read_products(s->reader, s->zone, s->next, err);
    }
    if (s->next->counts.received == 0) { // nor need there be a connection that asks
        s->next->products = (struct live_ranking){0};
        return true;
    }
    live_aside_ask(s->aside, s->next->day, s->next->shop.code);
    if (!s->read_once) { // most are there at once: the first picture has them
        live_aside_wait(s->aside, FIRST_PRODUCTS_MS);
    }
    return true;
}

// The first hour that has a part of this day.
static int32_t first_hour(const struct live_state *s, int32_t day) {
    return (int32_t)(zone_day_start_ms(s->zone, day) / HOUR_MS);
}

static bool read_hours_from(struct live_state *s, int32_t hour, struct error *err) {
    int32_t first = first_hour(s, s->next->day), last = s->next->last_minute / 60;
    struct panel_range range = {.from = hour > first ? hour : first, .to = last + 1};
    return panel_book_read(s->book, s->reader, SPAN_HOURS, range, s->next->shop.code, err);
}

static bool read_hours(struct live_state *s, int32_t from_minute, struct error *err) {
    panel_book_expire(s->book, SPAN_HOURS, first_hour(s, s->next->day));
    return read_hours_from(s, from_minute / 60, err);
}

static int32_t day_of_minute(const struct live_state *s, int32_t minute) {
    return zone_day(s->zone, minute * MINUTE_MS);
}

static bool read_days(struct live_state *s, int32_t from_minute, struct error *err) {
    int32_t today = s->next->day, first = today - PANEL_DAYS + 1;
    int32_t from = day_of_minute(s, from_minute);
    struct panel_range range = {.from = from > first ? from : first, .to = today + 1};
    panel_book_expire(s->book, SPAN_DAYS, first);
    return panel_book_read(s->book, s->reader, SPAN_DAYS, range, s->next->shop.code, err);
}

static bool read_other_days(struct live_state *s, int32_t from_minute, struct error *err) {
    static const int32_t days_ago[] = {1, 7, 14, 21, 28};
    int32_t from = day_of_minute(s, from_minute);
    for (size_t i = 0; i < COUNT_OF(days_ago); i++) {
        int32_t day = s->next->day - days_ago[i], first = first_hour(s, day);
        int64_t end_ms = zone_day_start_ms(s->zone, day + 1);
        struct panel_range range = {.from = first,
                                    .to = (int32_t)((end_ms + HOUR_MS - 1) / HOUR_MS),
                                    .origin = first,
                                    .days_ago = days_ago[i]};
        if (day >= from &&
            !panel_book_read(s->book, s->reader, SPAN_BEFORE, range, s->next->shop.code, err)) {
            return false;
        }
    }
    return true;
}

static bool read_before(struct live_state *s, int32_t from_minute, struct error *err) {
    UNUSED(from_minute);
    return live_read_before(s->reader, s->zone, s->now_ms, s->next, err);
}

static bool read_rejected(struct live_state *s, int32_t from_minute, struct error *err) {
    UNUSED(from_minute);
    return live_read_rejected(s->reader, s->next, err);
}

static bool read_part(struct live_state *s, size_t part, struct error *err) {
    static bool (*const read[PARTS])(struct live_state *, int32_t from_minute, struct error *) = {
        [PART_HOUR] = read_hour,         [PART_PRODUCTS] = read_products, [PART_HOURS] = read_hours,
        [PART_DAYS] = read_days,         [PART_BEFORE] = read_other_days, [PART_SUMS] = read_before,
        [PART_REJECTED] = read_rejected,
    };
    struct part *p = &s->parts[part];
    int64_t start_ns = clock_monotonic_ns(s->clock);
    if (!p->changed || start_ns < p->due_ns) {
        return true;
    }
    if (!read[part](s, p->from_minute, err)) {
        return false;
    }
    int64_t end_ns = clock_monotonic_ns(s->clock);
    int64_t rest_ns = (end_ns - start_ns) * PART_REST_TIMES_COST;
    *p = (struct part){.due_ns = end_ns + (rest_ns > SECOND_NS ? rest_ns : SECOND_NS),
                       .from_minute = INT32_MAX};
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
        return read_hour(s, 0, err); // the clock was set, or nobody looked for long
    }
    return live_read_minutes(s->reader, s->next, first, last, err);
}

static bool read_sums(struct live_state *s, struct error *err) {
    struct live_figures *f = s->next;
    return live_read_today(s->reader, f, s->book, err) && live_read_all_time(s->reader, f, err) &&
           live_read_recent(s->reader, f, err) && live_read_changes(s->reader, f, err);
}

// The hours since the last refresh.
static bool read_newest_hours(struct live_state *s, struct error *err) {
    int32_t last = s->next->last_minute / 60, known = s->good->last_minute / 60;
    return read_hours_from(s, known < last ? known : last, err);
}

// --- Which parts have changed

static void part_changed(struct live_state *s, size_t part, int32_t from_minute) {
    struct part *p = &s->parts[part];
    p->changed = true;
    p->from_minute = from_minute < p->from_minute ? from_minute : p->from_minute;
}

// The oldest minute that commits since the last refresh may have touched; INT32_MAX: none.
static int32_t touched_from(const struct live_state *s) {
    return s->next->last_batch_id > s->announced_id ? 0 : s->touched.minute_min;
}

static void mark_parts(struct live_state *s, bool committed, bool new_day) {
    const struct live_figures *f = s->next;
    int32_t from = touched_from(s);
    int32_t day_begin = (int32_t)(zone_day_start_ms(s->zone, f->day) / MINUTE_MS);
    if (new_day) { // all of them at once
        for (size_t i = 0; i < PARTS; i++) {
            s->parts[i].due_ns = i == PART_HOUR && !s->read_all ? s->parts[i].due_ns : 0;
            if (i != PART_HOUR || s->read_all) {
                part_changed(s, i, 0);
            }
        }
    }
    if (committed) {
        part_changed(s, PART_PRODUCTS, 0);
        part_changed(s, PART_DAYS, from < day_begin ? from : day_begin);
    }
    if (committed && hour_touched(s)) {
        part_changed(s, PART_HOUR, 0);
    }
    if (from < f->last_minute / 60 * 60) {
        part_changed(s, PART_HOURS, from);
    }
    if (from < day_begin) {
        part_changed(s, PART_BEFORE, from);
    }
    if (from < day_begin || f->last_minute != s->good->last_minute) {
        part_changed(s, PART_SUMS, 0);
    }
    if (f->counts.rejected != s->good->counts.rejected) {
        part_changed(s, PART_REJECTED, 0);
    }
}

// --- A refresh

static bool read_snapshot(struct live_state *s, struct error *err) {
    struct live_figures *f = s->next;
    if (!s->reader->ops->counts(s->reader, &f->counts, &f->last_batch_id, err)) {
        return false;
    }
    s->now_ms = clock_now_ms(s->clock);
    f->day = zone_day(s->zone, s->now_ms);
    f->last_minute = (int32_t)(s->now_ms / MINUTE_MS);
    bool committed = s->read_all || f->last_batch_id != s->good->last_batch_id;
    bool new_day = s->read_all || f->day != s->good->day;
    bool new_minute = s->read_all || f->last_minute != s->good->last_minute;
    if (committed &&
        !s->reader->ops->batch_committed(s->reader, f->last_batch_id, &f->last_commit_ms, err)) {
        return false;
    }
    mark_parts(s, committed, new_day);
    if ((committed || new_day) && !read_sums(s, err)) {
        return false;
    }
    return !(committed || new_minute) ||
           (read_newest_minutes(s, err) && (new_day || read_newest_hours(s, err)));
}

static bool read_parts(struct live_state *s, struct error *err) {
    for (size_t i = 0; i < PARTS; i++) {
        if (!read_part(s, i, err)) {
            return false;
        }
    }
    if (s->aside != NULL && s->next->day != s->good->day) {
        s->next->products = (struct live_ranking){0}; // they were another day's
    }
    bool fresh = s->aside != NULL && live_aside_take(s->aside, s->next->day, &s->next->products);
    UNUSED(fresh); // else those before stay
    return true;
}

// Whether the clock or a part that was put off asks for more than a look at the counts.
static bool is_due(const struct live_state *s) {
    int64_t now_ms = clock_now_ms(s->clock);
    return s->read_all || s->touched.last_batch_id > 0 ||
           (s->aside != NULL && live_aside_has(s->aside)) ||
           s->good->day != zone_day(s->zone, now_ms) ||
           s->good->last_minute != (int32_t)(now_ms / MINUTE_MS) ||
           live_state_due_ns(s) <= clock_monotonic_ns(s->clock);
}

// Doubts come with what is counted here.
static bool same_counts(const struct store_counts *a, const struct store_counts *b) {
    return a->received == b->received && a->accepted == b->accepted &&
           a->duplicate == b->duplicate && a->rejected == b->rejected &&
           a->rejected_expired == b->rejected_expired && a->skipped == b->skipped &&
           memcmp(a->warnings, b->warnings, sizeof a->warnings) == 0;
}

// *news: the store has counted something since the last refresh.
static bool look_for_news(struct live_state *s, bool *news, struct error *err) {
    struct store_counts counts;
    int64_t last_batch_id;
    if (!s->reader->ops->counts(s->reader, &counts, &last_batch_id, err)) {
        return false;
    }
    *news = last_batch_id != s->good->last_batch_id || !same_counts(&counts, &s->good->counts);
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
    if (panel_book_is_full(s->book)) {
        panel_book_clear(s->book);
        s->read_all = true;
    }
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
    panel_book_show(s->book);
    s->read_once = true;
    s->touched = untouched;
    return true;
}
