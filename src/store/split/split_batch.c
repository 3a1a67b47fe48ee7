// SPDX-License-Identifier: MIT
// A batch's rejected events, newest orders and changes, and gross sums.
//
// The newest are a ring of copies, each with its texts in a buffer that the next copy reuses.
// Nobody knows which order will be among the last thousand, so it is noted where each one lies, and
// those that still may be are copied when what they lie in is about to be given back. Cancellations
// and refunds have a ring of their own, from which no burst of orders pushes them; there are few,
// and their texts may be lent for a moment only (struct store_ops, origin), so they are copied at
// once.
//
// How it fails: memory is refused, and the batch with it: it has to be cleared.
#include "store/split/split_batch.h"

#include "base/check.h"
#include "sums/currency.h"

// Several processes commit sums of their own: each stops this far (115 * 10^12 in units of money)
// below the end, so that together they stay below it.
static const int64_t GROSS_MARGIN_E4 = INT64_C(1) << 60;

struct recent_event {
    struct stored_event event;
    char *texts;
    size_t cap;
};

struct recent_order {
    const struct order *order;
    struct text source, state; // its own are reset once it was judged
    int64_t arrival_ms, position;
};

bool split_batch_init(struct split_batch *b, const struct mem_heap *heap) {
    *b = (struct split_batch){.arena.heap = heap};
    b->gross_e4 = heap_zalloc(heap, N_CURRENCIES, sizeof *b->gross_e4);
    return b->gross_e4 != NULL;
}

static void newest_free(struct split_newest *newest, const struct mem_heap *heap) {
    for (size_t i = 0; newest->ring != NULL && i < SPLIT_RECENT_MAX; i++) {
        heap_free(heap, newest->ring[i].texts);
    }
    heap_free(heap, newest->ring);
    heap_free(heap, newest->list);
}

void split_batch_free(struct split_batch *b) {
    const struct mem_heap *heap = b->arena.heap;
    newest_free(&b->orders, heap);
    newest_free(&b->changes, heap);
    heap_free(heap, b->borrowed.ring);
    heap_free(heap, b->rejected);
    heap_free(heap, b->gross_e4);
    heap_free(heap, b->gross);
    arena_free(&b->arena);
    *b = (struct split_batch){.arena.heap = heap};
}

void split_batch_clear(struct split_batch *b) {
    arena_reset(&b->arena);
    b->n_rejected = b->orders.n = b->changes.n = b->borrowed.n = 0;
    while (b->n_gross > 0) {
        b->gross_e4[b->gross[--b->n_gross].currency] = 0;
    }
}

// --- Gross sums

bool split_gross_fits(int64_t stored_e4, int64_t batch_e4) {
    return money_add(&stored_e4, batch_e4) && stored_e4 <= INT64_MAX - GROSS_MARGIN_E4;
}

bool split_batch_fits(const struct split_batch *b, const struct split_batch *before,
                      const int64_t *stored_e4, const struct split_gross *gross) {
    const int32_t number = gross->currency;
    int64_t sum = b->gross_e4[number];
    return money_add(&sum, gross->e4) &&
           (before == NULL || money_add(&sum, before->gross_e4[number])) &&
           split_gross_fits(stored_e4[number], sum);
}

// A list of this capacity or more, twice as long where it has to grow; NULL when memory is refused.
static void *with_room(const struct mem_heap *heap, void *list, size_t n, size_t *cap,
                       size_t size_bytes) {
    if (n < *cap) {
        return list;
    }
    size_t more = *cap == 0 ? 64 : *cap * 2;
    void *grown = heap_realloc(heap, list, more * size_bytes);
    *cap = grown != NULL ? more : *cap;
    return grown;
}

bool split_batch_add(struct split_batch *b, const struct split_gross *gross) {
    const int32_t number = gross->currency;
    if (b->gross_e4[number] == 0 && gross->e4 > 0) {
        struct gross_delta *list =
            with_room(b->arena.heap, b->gross, b->n_gross, &b->cap_gross, sizeof *list);
        if (list == NULL) {
            return false;
        }
        b->gross = list;
        b->gross[b->n_gross++] = (struct gross_delta){number, 0};
    }
    b->gross_e4[number] += gross->e4; // fits has been asked
    return true;
}

// --- Copies of events

enum { EVENT_TEXTS = 7 };
struct event_texts {
    struct text *at[EVENT_TEXTS];
};
static struct event_texts texts_of(struct order *o) {
    return (struct event_texts){{&o->order_id.text, &o->customer_id.text, &o->product_id.text,
                                 &o->event_id, &o->source, &o->state, &o->items_json}};
}

size_t split_event_bytes(const struct stored_event *event) {
    const struct order *o = &event->order;
    return o->order_id.text.len + o->customer_id.text.len + o->product_id.text.len +
           o->event_id.len + o->source.len + o->state.len + o->items_json.len;
}

void split_event_copy(const struct stored_event *event, char *at, struct stored_event *out) {
    *out = *event;
    out->order.items = NULL; // items_json has them
    out->order.n_items = 0;
    struct event_texts texts = texts_of(&out->order);
    for (size_t i = 0; i < EVENT_TEXTS; i++) {
        struct text *t = texts.at[i];
        if (t->at != NULL) {
            memcpy(at, t->at, t->len);
            t->at = at;
            at += t->len;
        }
    }
}

static bool make_ring(struct split_newest *newest, const struct mem_heap *heap) {
    if (newest->list == NULL) {
        newest->list = heap_zalloc(heap, SPLIT_RECENT_MAX, sizeof *newest->list);
    }
    if (newest->ring == NULL && newest->list != NULL) {
        newest->ring = heap_zalloc(heap, SPLIT_RECENT_MAX, sizeof *newest->ring);
    }
    return newest->ring != NULL;
}

static bool add_copy(struct split_batch *b, struct split_newest *newest,
                     const struct stored_event *event) {
    if (newest->ring == NULL && !make_ring(newest, b->arena.heap)) {
        return false;
    }
    struct recent_event *r = &newest->ring[newest->n % SPLIT_RECENT_MAX];
    size_t n_bytes = split_event_bytes(event);
    if (r->texts == NULL || n_bytes > r->cap) {
        char *texts = heap_realloc(b->arena.heap, r->texts, n_bytes + 256);
        if (texts == NULL) {
            return false;
        }
        r->texts = texts;
        r->cap = n_bytes + 256;
    }
    split_event_copy(event, r->texts, &r->event);
    newest->n++;
    return true;
}

bool split_batch_add_change(struct split_batch *b, const struct stored_event *event) {
    return add_copy(b, &b->changes, event);
}

bool split_batch_add_order(struct split_batch *b, const struct order *o, const struct stamp *at) {
    struct split_borrowed *borrowed = &b->borrowed;
    if (borrowed->ring == NULL) {
        borrowed->ring = heap_zalloc(b->arena.heap, SPLIT_RECENT_MAX, sizeof *borrowed->ring);
        if (borrowed->ring == NULL) {
            return false;
        }
    }
    borrowed->ring[borrowed->n++ % SPLIT_RECENT_MAX] =
        (struct recent_order){o, o->source, o->state, at->arrival_ms, at->position};
    return true;
}

bool split_batch_own(struct split_batch *b) {
    struct split_borrowed *borrowed = &b->borrowed;
    size_t n = borrowed->n < SPLIT_RECENT_MAX ? borrowed->n : SPLIT_RECENT_MAX;
    for (size_t left = n; left > 0; left--) {
        const struct recent_order *r = &borrowed->ring[(borrowed->n - left) % SPLIT_RECENT_MAX];
        struct stored_event event = {*r->order, r->arrival_ms, r->position};
        event.order.source = r->source;
        event.order.state = r->state;
        if (!add_copy(b, &b->orders, &event)) {
            return false;
        }
    }
    borrowed->n = 0;
    return true;
}

// --- Rejected events

bool split_batch_add_rejected(struct split_batch *b, const struct event *e, int32_t partition,
                              bool refused) {
    struct rejected_event *list =
        with_room(b->arena.heap, b->rejected, b->n_rejected, &b->cap_rejected, sizeof *list);
    if (list == NULL) {
        return false;
    }
    b->rejected = list;
    struct text raw = e->raw;
    raw.len = raw.len < ORDER_REJECTED_TEXT_MAX_BYTES ? raw.len : ORDER_REJECTED_TEXT_MAX_BYTES;
    struct rejected_event r = {
        .position = e->at.position,
        .arrival_ms = e->at.arrival_ms,
        .partition = partition,
        .refused = refused,
        .code = text_of(e->why->code), // static
        .raw_bytes = e->raw.len,
    };
    bool ok = arena_try_copy(&b->arena, text_of(e->why->field), &r.field) &&
              arena_try_copy(&b->arena, text_of(e->why->message), &r.message) &&
              arena_try_copy(&b->arena, raw, &r.raw) &&
              arena_try_copy(&b->arena, e->key, &r.event_key);
    if (ok) {
        b->rejected[b->n_rejected++] = r;
    }
    return ok;
}

// --- The whole

// Oldest first.
static size_t fill_newest(struct split_newest *newest) {
    size_t n = newest->n < SPLIT_RECENT_MAX ? newest->n : SPLIT_RECENT_MAX;
    for (size_t i = 0; i < n; i++) {
        newest->list[i] = newest->ring[(newest->n - n + i) % SPLIT_RECENT_MAX].event;
    }
    return n;
}

void split_batch_fill(struct split_batch *b, struct aggregates_batch *out) {
    out->rejected = b->rejected;
    out->n_rejected = b->n_rejected;
    CHECK(b->borrowed.n == 0);
    out->n_recent = fill_newest(&b->orders);
    out->recent = b->orders.list;
    out->n_changes = fill_newest(&b->changes);
    out->changes = b->changes.list;
    for (size_t i = 0; i < b->n_gross; i++) {
        b->gross[i].delta_e4 = b->gross_e4[b->gross[i].currency];
    }
    out->gross = b->gross;
    out->n_gross = b->n_gross;
}
