// SPDX-License-Identifier: MIT
// A store in memory for tests of what reads sales: events are added whole, every answer is summed
// up from them anew. Any thread may add and commit; one reads.
#pragma once
#include "base/mem.h"
#include "order/zone.h"
#include "store/sales_reader.h"
#include <pthread.h>
#include <stdlib.h>

enum { FAKE_EVENTS_MAX = 100000, FAKE_GROUPS_MAX = 4096 };

struct fake_reader {
    struct sales_reader reader; // first
    const struct zone *zone;
    pthread_mutex_t lock;
    struct stored_event *events; // texts are literals of the test
    size_t n;                    // added
    struct store_counts counts;
    int64_t last_batch_id, last_commit_ms;
    // The snapshot between begin and end, or of the newest call outside.
    bool in_snapshot;
    size_t n_seen;
    struct store_counts counts_seen;
    int64_t batch_seen, commit_seen_ms;
    // What the test wants to go wrong, and what it wants to know.
    bool fail;                        // begin fails, and counts outside of a snapshot
    int64_t n_begins, n_sales;        // calls
    int32_t minute_floor, hour_floor; // what it says is kept; it keeps everything
    // May move a virtual clock: a slow query.
    void (*on_query)(void *user, const struct sales_query *q);
    void *on_query_user;
    bool closed;
};

static struct fake_reader *fake_of(struct sales_reader *r) {
    return (struct fake_reader *)r;
}

// --- Reading

static bool fake_see(struct fake_reader *f, struct error *err) {
    pthread_mutex_lock(&f->lock);
    bool fail = f->fail;
    f->n_seen = f->n;
    f->counts_seen = f->counts;
    f->batch_seen = f->last_batch_id;
    f->commit_seen_ms = f->last_commit_ms;
    pthread_mutex_unlock(&f->lock);
    return !fail || error_set(err, ERROR_RETRIABLE, "the fake store is away");
}

static bool fake_begin(struct sales_reader *r, struct error *err) {
    struct fake_reader *f = fake_of(r);
    f->n_begins++;
    f->in_snapshot = fake_see(f, err);
    return f->in_snapshot;
}

static void fake_end(struct sales_reader *r) {
    fake_of(r)->in_snapshot = false;
}

static bool fake_counts(struct sales_reader *r, struct store_counts *counts, int64_t *last_batch_id,
                        struct error *err) {
    struct fake_reader *f = fake_of(r);
    bool ok = f->in_snapshot || fake_see(f, err);
    *counts = f->counts_seen;
    *last_batch_id = f->batch_seen;
    return ok;
}

static bool fake_batch_committed(struct sales_reader *r, int64_t batch_id, int64_t *committed_ms,
                                 struct error *err) {
    UNUSED(err);
    const struct fake_reader *f = fake_of(r);
    *committed_ms = batch_id == f->batch_seen ? f->commit_seen_ms : 0;
    return true;
}

static void fake_add(struct measures *sum, const struct order *o) {
    int64_t sign = o->kind == ORDER_PLACED ? 1 : -1;
    sum->orders += o->kind == ORDER_REFUNDED ? 0 : sign;
    sum->units += sign * o->quantity;
    sum->subtotal_e4 += sign * o->subtotal_e4;
    sum->discount_e4 += sign * o->discount_e4;
    sum->shipping_e4 += sign * o->shipping_e4;
    sum->tax_e4 += sign * o->tax_e4;
    sum->total_e4 += sign * o->total_e4;
    sum->cancelled_orders += o->kind == ORDER_CANCELLED;
    sum->refunds += o->kind == ORDER_REFUNDED;
    sum->refunded_total_e4 += o->kind == ORDER_REFUNDED ? o->total_e4 : 0;
}

static int fake_compare_text(struct text a, struct text b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n > 0 ? memcmp(a.at, b.at, n) : 0;
    return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

static int fake_compare(const void *a, const void *b) {
    const struct sales_row *x = a, *y = b;
    if (x->bucket != y->bucket) {
        return x->bucket < y->bucket ? -1 : 1;
    }
    int c = fake_compare_text(x->source, y->source);
    c = c != 0 ? c : fake_compare_text(x->state, y->state);
    c = c != 0 ? c
               : (x->product_id.num > y->product_id.num) - (x->product_id.num < y->product_id.num);
    c = c != 0 ? c : fake_compare_text(x->product_id.text, y->product_id.text);
    return c != 0 ? c : fake_compare_text(x->currency, y->currency);
}

static int32_t fake_bucket(const struct fake_reader *f, const struct sales_query *q,
                           const struct order *o) {
    switch (q->bucket) {
    case BUCKET_MINUTE:
        return (int32_t)(o->created_ms / 60000);
    case BUCKET_HOUR:
        return (int32_t)(o->created_ms / 3600000);
    default:
        return zone_day(f->zone, o->created_ms);
    }
}

static bool fake_is_among(const struct sales_filter *f, struct text value) {
    for (size_t i = 0; i < f->n; i++) {
        if (text_equal(f->values[i], value)) {
            return true;
        }
    }
    return f->n == 0;
}

static bool fake_passes(const struct sales_query *q, const struct order *o) {
    char digits[24];
    return fake_is_among(&q->filters[SALES_SOURCE], o->source) &&
           fake_is_among(&q->filters[SALES_STATE], o->state) &&
           fake_is_among(&q->filters[SALES_PRODUCT], ident_text(o->product_id, digits)) &&
           fake_is_among(&q->filters[SALES_CURRENCY], text_of(o->currency));
}

static bool fake_floors(struct sales_reader *r, int32_t *minute_floor, int32_t *hour_floor,
                        struct error *err) {
    UNUSED(err);
    *minute_floor = fake_of(r)->minute_floor;
    *hour_floor = fake_of(r)->hour_floor;
    return true;
}

static bool fake_sales(struct sales_reader *r, const struct sales_query *q, sales_row_fn each,
                       void *user, struct error *err) {
    struct fake_reader *f = fake_of(r);
    f->n_sales++;
    if (f->on_query != NULL) {
        f->on_query(f->on_query_user, q);
    }
    bool all = q->bucket == BUCKET_NONE && q->from == INT32_MIN && q->to == INT32_MAX;
    struct sales_row *rows = mem_zalloc(FAKE_GROUPS_MAX, sizeof *rows);
    size_t n = 0;
    bool too_many = false;
    for (size_t i = 0; i < f->n_seen && !too_many; i++) {
        const struct order *o = &f->events[i].order;
        int32_t bucket = fake_bucket(f, q, o);
        if ((!all && (bucket < q->from || bucket >= q->to)) || !fake_passes(q, o)) {
            continue;
        }
        struct sales_row row = {.source = q->by_source ? o->source : TEXT_NONE,
                                .state = q->by_state ? o->state : TEXT_NONE,
                                .currency = text_of(o->currency),
                                .product_id = q->by_product ? o->product_id : IDENT_NONE,
                                .bucket = q->bucket == BUCKET_NONE ? 0 : bucket};
        size_t at = 0;
        while (at < n && fake_compare(&rows[at], &row) != 0) {
            at++;
        }
        too_many = at == FAKE_GROUPS_MAX || (int64_t)at == q->max_rows;
        if (!too_many) {
            if (at == n) {
                rows[n++] = row;
            }
            fake_add(&rows[at].sum, o);
        }
    }
    qsort(rows, n, sizeof *rows, fake_compare);
    for (size_t i = 0; i < n && each(user, &rows[i]); i++) {
    }
    free(rows); // like a real one, it has given some rows before it finds that there are too many
    return !too_many || error_set(err, ERROR_USAGE, "more than %zu rows", n);
}

static bool fake_newest(struct sales_reader *r, bool placed, int64_t after_position, int64_t limit,
                        stored_event_fn each, void *user) {
    struct fake_reader *f = fake_of(r);
    for (size_t i = f->n_seen; i > 0 && limit > 0; i--) {
        const struct stored_event *e = &f->events[i - 1];
        if ((e->order.kind == ORDER_PLACED) == placed && e->position > after_position) {
            limit--;
            if (!each(user, e)) {
                break;
            }
        }
    }
    return true;
}

static bool fake_recent(struct sales_reader *r, int64_t after_position, int64_t limit,
                        stored_event_fn each, void *user, struct error *err) {
    UNUSED(err);
    return fake_newest(r, true, after_position, limit, each, user);
}

static bool fake_recent_changes(struct sales_reader *r, int64_t after_position, int64_t limit,
                                stored_event_fn each, void *user, bool *kept, struct error *err) {
    UNUSED(err);
    *kept = true;
    return fake_newest(r, false, after_position, limit, each, user);
}

static bool fake_rejected_codes(struct sales_reader *r, int64_t newest, rejected_code_fn each,
                                void *user, struct error *err) {
    UNUSED(newest);
    UNUSED(err);
    const struct fake_reader *f = fake_of(r);
    return f->counts_seen.rejected == 0 ||
           each(user, TEXT_LIT("malformed"), f->counts_seen.rejected);
}

static void fake_close(struct sales_reader *r) {
    fake_of(r)->closed = true; // the test frees it
}

static const struct sales_reader_ops fake_reader_ops = {.sales = fake_sales,
                                                        .recent = fake_recent,
                                                        .recent_changes = fake_recent_changes,
                                                        .rejected_codes = fake_rejected_codes,
                                                        .counts = fake_counts,
                                                        .batch_committed = fake_batch_committed,
                                                        .floors = fake_floors,
                                                        .begin = fake_begin,
                                                        .end = fake_end,
                                                        .close = fake_close};

// --- For the test

static struct fake_reader *fake_reader_new(const struct zone *zone) {
    struct fake_reader *f = mem_zalloc(1, sizeof *f);
    f->reader.ops = &fake_reader_ops;
    f->zone = zone;
    pthread_mutex_init(&f->lock, NULL);
    f->events = mem_zalloc(FAKE_EVENTS_MAX, sizeof *f->events);
    return f;
}

static void fake_reader_free(struct fake_reader *f) {
    pthread_mutex_destroy(&f->lock);
    free(f->events);
    free(f);
}

// One batch of one event, committed at its time, as the engine would announce it.
static struct batch_summary fake_commit(struct fake_reader *f, const struct order *o) {
    pthread_mutex_lock(&f->lock);
    f->events[f->n] = (struct stored_event){
        .order = *o, .arrival_ms = o->created_ms, .position = (int64_t)f->n + 1};
    f->n++;
    f->counts.received++;
    f->counts.accepted++;
    f->last_batch_id++;
    f->last_commit_ms = o->created_ms;
    int32_t minute = (int32_t)(o->created_ms / 60000);
    struct batch_summary summary = {
        .batch_id = f->last_batch_id, .minute_min = minute, .minute_max = minute};
    pthread_mutex_unlock(&f->lock);
    return summary;
}

static inline void fake_set_fail(struct fake_reader *f, bool fail) {
    pthread_mutex_lock(&f->lock);
    f->fail = fail;
    pthread_mutex_unlock(&f->lock);
}
