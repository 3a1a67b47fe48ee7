// SPDX-License-Identifier: MIT
// A batch's rejected events, newest orders and gross sums.
//
// The newest orders are a ring of copies, each with its texts in a buffer that the next copy
// reuses: nobody knows which order will be among the last thousand, so each placed order is copied.
#include "store/split/split_batch.h"

#include "base/mem.h"
#include "sums/currency.h"
#include <stdlib.h>

// Several processes commit sums of their own: each stops this far (115 * 10^12 in units of money)
// below the end, so that together they stay below it.
static const int64_t GROSS_MARGIN_E4 = INT64_C(1) << 60;

struct recent_order {
    struct stored_event event;
    char *texts;
    size_t cap;
};

void split_batch_init(struct split_batch *b) {
    *b = (struct split_batch){0};
    b->ring = mem_zalloc(SPLIT_RECENT_MAX, sizeof *b->ring);
    b->recent = mem_zalloc(SPLIT_RECENT_MAX, sizeof *b->recent);
    b->gross_e4 = mem_zalloc(N_CURRENCIES, sizeof *b->gross_e4);
    b->gross_dirty = mem_zalloc(N_CURRENCIES, sizeof *b->gross_dirty);
    b->gross = mem_zalloc(N_CURRENCIES, sizeof *b->gross);
}

void split_batch_free(struct split_batch *b) {
    for (size_t i = 0; b->ring != NULL && i < SPLIT_RECENT_MAX; i++) {
        free(b->ring[i].texts);
    }
    arena_free(&b->arena);
    free(b->rejected);
    free(b->ring);
    free(b->recent);
    free(b->gross_e4);
    free(b->gross_dirty);
    free(b->gross);
}

void split_batch_clear(struct split_batch *b) {
    arena_reset(&b->arena);
    b->n_rejected = b->n_recent = 0;
    while (b->n_gross_dirty > 0) {
        b->gross_e4[b->gross_dirty[--b->n_gross_dirty]] = 0;
    }
}

bool split_gross_fits(int64_t stored_e4, int64_t batch_e4) {
    return money_add(&stored_e4, batch_e4) && stored_e4 <= INT64_MAX - GROSS_MARGIN_E4;
}

bool split_batch_fits(const struct split_batch *b, const int64_t *stored_e4,
                      const struct order *o) {
    int32_t number = currency_number(o->currency);
    int64_t sum = b->gross_e4[number];
    return money_add(&sum, currency_gross_of(o)) && split_gross_fits(stored_e4[number], sum);
}

static char *keep_text(char *at, struct text *t) {
    if (t->at == NULL) {
        return at;
    }
    memcpy(at, t->at, t->len);
    t->at = at;
    return at + t->len;
}

static void keep_recent(struct recent_order *r, const struct stored_event *event) {
    r->event = *event;
    struct order *o = &r->event.order;
    o->items = NULL; // items_json has them
    o->n_items = 0;
    enum { N_TEXTS = 7 };
    struct text *texts[N_TEXTS] = {&o->order_id.text, &o->customer_id.text, &o->product_id.text,
                                   &o->event_id,      &o->source,           &o->state,
                                   &o->items_json};
    size_t n_bytes = 0;
    for (size_t i = 0; i < N_TEXTS; i++) {
        n_bytes += texts[i]->len;
    }
    if (n_bytes > r->cap) {
        r->cap = n_bytes + 256;
        r->texts = mem_realloc(r->texts, r->cap);
    }
    char *at = r->texts;
    for (size_t i = 0; i < N_TEXTS; i++) {
        at = keep_text(at, texts[i]);
    }
}

void split_batch_add(struct split_batch *b, const struct stored_event *event) {
    int32_t number = currency_number(event->order.currency);
    int64_t gross = currency_gross_of(&event->order);
    if (b->gross_e4[number] == 0 && gross > 0) {
        b->gross_dirty[b->n_gross_dirty++] = number;
    }
    b->gross_e4[number] += gross; // fits has been asked
    if (event->order.kind == ORDER_PLACED) {
        keep_recent(&b->ring[b->n_recent++ % SPLIT_RECENT_MAX], event);
    }
}

bool split_batch_add_rejected(struct split_batch *b, const struct event *e, int32_t partition,
                              bool refused) {
    if (b->n_rejected == b->cap_rejected) {
        size_t cap = b->cap_rejected == 0 ? 64 : b->cap_rejected * 2;
        struct rejected_event *more = try_realloc(b->rejected, cap * sizeof *more);
        if (more == NULL) {
            return false;
        }
        b->rejected = more;
        b->cap_rejected = cap;
    }
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

void split_batch_fill(struct split_batch *b, struct aggregates_batch *out) {
    out->rejected = b->rejected;
    out->n_rejected = b->n_rejected;
    out->n_recent = b->n_recent < SPLIT_RECENT_MAX ? b->n_recent : SPLIT_RECENT_MAX;
    for (size_t i = 0; i < out->n_recent; i++) {
        size_t nth = b->n_recent - out->n_recent + i;
        b->recent[i] = b->ring[nth % SPLIT_RECENT_MAX].event;
    }
    out->recent = b->recent;
    for (size_t i = 0; i < b->n_gross_dirty; i++) {
        int32_t number = b->gross_dirty[i];
        b->gross[i] = (struct gross_delta){number, b->gross_e4[number]};
    }
    out->gross = b->gross;
    out->n_gross = b->n_gross_dirty;
}
