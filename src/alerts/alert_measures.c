// SPDX-License-Identifier: MIT
// Reading, in steps:
//   1. begin a snapshot;
//   2. the minutes of the largest window, once when a minute is over (a late order of a minute
//      before is in it then), and the usual hours of their days, once in ten minutes;
//   3. the newest order's arrival and the counts, each time; a sample of the counts every ten
//      seconds, since they only say what was since the store was made;
//   4. end.
// When one fails, all is forgotten but the samples, and read anew next time.
#include "alerts/alert_measures_internal.h"

#include "alerts/alert_usual.h"
#include "base/mem.h"
#include <stdlib.h>

#define MINUTE_MS INT64_C(60000)
#define SAMPLE_MS INT64_C(10000)
enum {
    MINUTES_KEPT = ALERT_WINDOW_MAX_MINUTES,
    SAMPLES_KEPT = MINUTES_KEPT * 6 + 1,
    FIRST_MINUTE = 7 * 1440, // of 1970: so minutes and days of all windows have places in the rings
    MAX_ROWS = 2000000,      // minutes of a day of all currencies that a shop can have
};

struct minute {
    int64_t orders;               // of all currencies
    int64_t sold_e4, refunded_e4; // of the shop's
};

struct sample {
    int64_t at_ms, received, rejected;
};

struct alert_measures {
    char currency[4];
    bool known;          // the newest read went well
    int32_t last_minute; // the newest whole one; minute m is at m % MINUTES_KEPT
    int32_t n_minutes;   // so many of them are known
    struct minute minutes[MINUTES_KEPT];
    struct alert_usual *usual;
    bool has_newest;
    int64_t now_ms, newest_ms; // of the newest read; when the newest order arrived
    struct sample newest_sample, samples[SAMPLES_KEPT]; // the i-th at i % SAMPLES_KEPT
    size_t n_samples;                                   // ever taken
    int64_t lag;
};

struct alert_measures *alert_measures_new(const struct zone *zone, const char currency[static 4]) {
    struct alert_measures *m = mem_zalloc(1, sizeof *m);
    memcpy(m->currency, currency, sizeof m->currency);
    m->usual = alert_usual_new(zone);
    m->lag = -1;
    return m;
}

void alert_measures_free(struct alert_measures *m) {
    if (m != NULL) {
        alert_usual_free(m->usual);
        free(m);
    }
}

void alert_needs_add(struct alert_needs *needs, const struct alert_rule *rule) {
    int32_t minutes = (int32_t)(rule->window_ms / MINUTE_MS);
    if (rule->kind == ALERT_ORDERS || rule->kind == ALERT_REFUNDS) {
        needs->minutes = minutes > needs->minutes ? minutes : needs->minutes;
    }
    needs->usual |= rule->kind == ALERT_ORDERS;
    needs->newest |= rule->kind == ALERT_QUIET;
    needs->counts |= rule->kind == ALERT_REJECTED;
}

void alert_measures_forget(struct alert_measures *m) {
    m->known = false;
    m->n_minutes = 0;
}

void alert_measures_set_lag(struct alert_measures *m, int64_t messages) {
    m->lag = messages;
}

// --- Minutes

// A file that somebody edited may overflow a sum; it must not be undefined behaviour.
static int64_t plus(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static struct minute *minute_at(struct alert_measures *m, int32_t minute) {
    return &m->minutes[minute % MINUTES_KEPT];
}

static bool take_minute(void *user, const struct sales_row *row) {
    struct alert_measures *m = user;
    if (row->bucket > m->last_minute || row->bucket <= m->last_minute - MINUTES_KEPT) {
        return true;
    }
    struct minute *at = minute_at(m, row->bucket);
    at->orders = plus(at->orders, row->sum.orders);
    if (text_equal(row->currency, text_of(m->currency))) {
        at->sold_e4 = plus(at->sold_e4, plus(row->sum.total_e4, row->sum.refunded_total_e4));
        at->refunded_e4 = plus(at->refunded_e4, row->sum.refunded_total_e4);
    }
    return true;
}

static bool read_minutes(struct alert_measures *m, struct sales_reader *reader, int32_t last,
                         int32_t n, struct error *err) {
    struct sales_query q = {.bucket = BUCKET_MINUTE,
                            .from = last - n + 1,
                            .to = last + 1,
                            .max_rows = MAX_ROWS,
                            .any_order = true};
    if (m->n_minutes >= n && m->last_minute == last) {
        return true;
    }
    m->last_minute = last;
    m->n_minutes = n;
    for (int32_t minute = q.from; minute <= last; minute++) {
        *minute_at(m, minute) = (struct minute){0};
    }
    return reader->ops->sales(reader, &q, take_minute, m, err);
}

// --- The newest order, counts

static bool take_newest(void *user, const struct stored_event *event) {
    struct alert_measures *m = user;
    m->has_newest = true;
    m->newest_ms = event->arrival_ms;
    return false;
}

static bool read_newest(struct alert_measures *m, struct sales_reader *reader, struct error *err) {
    return reader->ops->recent(reader, 0, 1, take_newest, m, err);
}

static struct sample *sample_at(struct alert_measures *m, size_t i) {
    return &m->samples[i % SAMPLES_KEPT];
}

static bool read_counts(struct alert_measures *m, struct sales_reader *reader, int64_t now_ms,
                        struct error *err) {
    struct store_counts counts;
    int64_t last_batch_id;
    if (!reader->ops->counts(reader, &counts, &last_batch_id, err)) {
        return false;
    }
    m->newest_sample = (struct sample){now_ms, counts.received, counts.rejected};
    int64_t last_ms = m->n_samples > 0 ? sample_at(m, m->n_samples - 1)->at_ms : INT64_MIN / 2;
    if (now_ms < last_ms) { // the clock was set back: ages mean nothing any more
        m->n_samples = 0;
    }
    if (m->n_samples == 0 || now_ms - last_ms >= SAMPLE_MS) {
        *sample_at(m, m->n_samples++) = m->newest_sample;
    }
    return true;
}

// --- A read

static bool read_needed(struct alert_measures *m, struct sales_reader *reader,
                        const struct alert_needs *needs, int64_t now_ms, struct error *err) {
    int32_t last = (int32_t)(now_ms / MINUTE_MS) - 1;
    if (last < FIRST_MINUTE) {
        return error_set(err, ERROR_RETRIABLE, "this machine's clock is not set");
    }
    // What is not read grows old: a rule that comes back must not be held against it.
    m->n_minutes = needs->minutes > 0 ? m->n_minutes : 0;
    m->n_samples = needs->counts ? m->n_samples : 0;
    m->has_newest = false;
    if (needs->minutes > 0 && !read_minutes(m, reader, last, needs->minutes, err)) {
        return false;
    }
    if (needs->usual && !alert_usual_read(m->usual, reader, last, needs->minutes, now_ms, err)) {
        return false;
    }
    return (!needs->newest || read_newest(m, reader, err)) &&
           (!needs->counts || read_counts(m, reader, now_ms, err));
}

bool alert_measures_read(struct alert_measures *m, struct sales_reader *reader,
                         const struct alert_needs *needs, int64_t now_ms, struct error *err) {
    bool ok = reader->ops->begin(reader, err);
    if (ok) {
        ok = read_needed(m, reader, needs, now_ms, err);
        reader->ops->end(reader);
    }
    m->now_ms = now_ms;
    m->known = ok;
    if (!ok) {
        alert_measures_forget(m);
    }
    return ok;
}

// --- What alert_values.c makes values of

bool alert_measures_window(const struct alert_measures *m, int32_t n, struct alert_window *out) {
    *out = (struct alert_window){.last_minute = m->last_minute};
    if (!m->known || m->n_minutes < n) {
        return false;
    }
    for (int32_t minute = m->last_minute - n + 1; minute <= m->last_minute; minute++) {
        const struct minute *at = &m->minutes[minute % MINUTES_KEPT];
        out->orders = plus(out->orders, at->orders);
        out->sold_e4 = plus(out->sold_e4, at->sold_e4);
        out->refunded_e4 = plus(out->refunded_e4, at->refunded_e4);
    }
    return true;
}

bool alert_measures_age_ms(const struct alert_measures *m, int64_t *age_ms) {
    *age_ms = m->now_ms > m->newest_ms ? m->now_ms - m->newest_ms : 0;
    return m->known && m->has_newest;
}

// From the newest sample that is as old as the window, or the oldest there is: since the start.
bool alert_measures_judged(const struct alert_measures *m, int64_t window_ms, int64_t *received,
                           int64_t *rejected) {
    if (!m->known || m->n_samples == 0) {
        return false;
    }
    size_t oldest = m->n_samples > SAMPLES_KEPT ? m->n_samples - SAMPLES_KEPT : 0;
    size_t from = m->n_samples - 1;
    while (from > oldest && m->now_ms - m->samples[from % SAMPLES_KEPT].at_ms < window_ms) {
        from--;
    }
    const struct sample *begin = &m->samples[from % SAMPLES_KEPT];
    *received = m->newest_sample.received - begin->received;
    *rejected = m->newest_sample.rejected - begin->rejected;
    return true;
}

int64_t alert_measures_lag(const struct alert_measures *m) {
    return m->lag;
}

const struct alert_usual *alert_measures_usual(const struct alert_measures *m) {
    return m->usual;
}

const char *alert_measures_currency(const struct alert_measures *m) {
    return m->currency;
}
