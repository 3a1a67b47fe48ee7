// SPDX-License-Identifier: MIT
// Writes a tally: one section after the other, then its length into its head, then the checksum.
//
// Fails when memory is refused, or a count does not fit into 32 bits: the buffer's own flag is set
// then, and looked at once, at the end.
#include "store/tally.h"

#include "base/hash.h"
#include "store/tally_format.h"

static void put_number(struct buf *out, uint64_t v, size_t n_bytes) {
    unsigned char bytes[8];
    for (size_t i = 0; i < n_bytes; i++) {
        bytes[i] = (unsigned char)(v >> (8 * i));
    }
    buf_put(out, bytes, n_bytes);
}

static void put_i64(struct buf *out, int64_t v) {
    put_number(out, (uint64_t)v, 8);
}

static void put_i32(struct buf *out, int32_t v) {
    put_number(out, (uint32_t)v, 4);
}

static void put_count(struct buf *out, size_t n) {
    out->failed = out->failed || n >= TALLY_ABSENT;
    put_number(out, n, 4);
}

static void put_text(struct buf *out, struct text t) {
    if (t.at == NULL) {
        put_number(out, TALLY_ABSENT, 4);
        return;
    }
    put_count(out, t.len);
    buf_put_text(out, t);
}

static void put_ident(struct buf *out, struct ident id) {
    put_i64(out, id.num < 0 ? -1 : id.num);
    if (id.num < 0) {
        put_text(out, id.text);
    }
}

static void put_currency(struct buf *out, const char *currency) {
    buf_put(out, currency, 3);
}

// --- Sections

static void put_move(struct buf *out, const struct position_move *move) {
    put_i32(out, move->partition);
    put_i64(out, move->from);
    put_i64(out, move->to);
    put_i64(out, move->epoch_us);
    put_i32(out, move->lane);
    put_i64(out, move->window.offset);
    put_i64(out, move->window.time_ms);
}

static void put_summary(struct buf *out, const struct tally *t) {
    const struct store_counts *counts = &t->summary.counts;
    put_i64(out, counts->received);
    put_i64(out, counts->accepted);
    put_i64(out, counts->duplicate);
    put_i64(out, counts->rejected);
    put_i64(out, counts->rejected_expired);
    put_i64(out, counts->skipped);
    for (int i = 0; i < ORDER_WARNING_KINDS; i++) {
        put_i64(out, counts->warnings[i]);
    }
    put_i32(out, t->summary.minute_min);
    put_i32(out, t->summary.minute_max);
    put_i64(out, t->summary.oldest_arrival_ms);
    put_i32(out, t->minute_floor);
    put_i32(out, t->hour_floor);
}

static void put_dims(struct buf *out, const struct cube *cube) {
    uint32_t n;
    const struct cube_dim *groups = cube_groups(cube, &n);
    put_count(out, n);
    for (uint32_t i = 0; i < n; i++) {
        put_text(out, groups[i].source);
        put_text(out, groups[i].state);
        put_currency(out, groups[i].currency);
    }
    const struct cube_dim *products = cube_products(cube, &n);
    put_count(out, n);
    for (uint32_t i = 0; i < n; i++) {
        put_ident(out, products[i].product_id);
        put_currency(out, products[i].currency);
    }
}

static void put_cells(struct buf *out, const struct cube *cube) {
    const size_t n = cube_n_cells(cube);
    const struct cube_cell *cells = cube_cells(cube);
    put_count(out, n);
    for (size_t k = 0; k < n; k++) {
        int64_t measures[CUBE_MEASURES];
        uint32_t which = 0;
        memcpy(measures, &cells[k].sum, sizeof measures);
        for (int i = 0; i < CUBE_MEASURES; i++) {
            which |= (uint32_t)(measures[i] != 0) << i;
        }
        put_number(out, cells[k].table, 1);
        put_i32(out, cells[k].bucket);
        put_number(out, cells[k].dim, 4);
        put_number(out, which, 2);
        for (int i = 0; i < CUBE_MEASURES; i++) {
            if (measures[i] != 0) {
                put_i64(out, measures[i]);
            }
        }
    }
}

static void put_rejected(struct buf *out, const struct tally *t) {
    put_count(out, t->n_rejected);
    for (size_t i = 0; i < t->n_rejected; i++) {
        const struct rejected_event *r = &t->rejected[i];
        put_i64(out, r->position);
        put_i64(out, r->arrival_ms);
        put_number(out, r->refused, 1);
        put_i64(out, (int64_t)r->raw_bytes);
        put_text(out, r->field);
        put_text(out, r->code);
        put_text(out, r->message);
        put_text(out, r->raw);
        put_text(out, r->event_key);
    }
}

static void put_event(struct buf *out, const struct stored_event *e) {
    const struct order *o = &e->order;
    put_i64(out, e->position);
    put_i64(out, e->arrival_ms);
    put_number(out, (uint64_t)o->kind, 1);
    put_number(out, o->warnings, 1);
    put_ident(out, o->order_id);
    put_ident(out, o->customer_id);
    put_ident(out, o->product_id);
    put_text(out, o->event_id);
    put_text(out, o->source);
    put_text(out, o->state);
    put_text(out, o->items_json);
    put_currency(out, o->currency);
    put_i64(out, o->created_ms);
    put_i64(out, o->quantity);
    put_i64(out, o->subtotal_e4);
    put_i64(out, o->discount_e4);
    put_i64(out, o->shipping_e4);
    put_i64(out, o->tax_e4);
    put_i64(out, o->total_e4);
}

static void put_events(struct buf *out, const struct stored_event *events, size_t n) {
    put_count(out, n);
    for (size_t i = 0; i < n; i++) {
        put_event(out, &events[i]);
    }
}

static void put_gross(struct buf *out, const struct tally *t) {
    put_count(out, t->n_gross);
    for (size_t i = 0; i < t->n_gross; i++) {
        put_i32(out, t->gross[i].currency);
        put_i64(out, t->gross[i].delta_e4);
    }
}

bool tally_write(const struct tally *t, struct buf *out) {
    const size_t begin = out->len;
    buf_put(out, TALLY_MAGIC, TALLY_MAGIC_BYTES);
    put_i64(out, 0); // its length, once that is known
    put_move(out, &t->move);
    put_summary(out, t);
    put_dims(out, t->cube);
    put_cells(out, t->cube);
    put_rejected(out, t);
    put_events(out, t->recent, t->n_recent);
    put_events(out, t->changes, t->n_changes);
    put_events(out, t->adjustments, t->n_adjustments);
    put_gross(out, t);
    if (out->failed) {
        return false;
    }
    const size_t end = out->len, n_bytes = end - begin + TALLY_SUM_BYTES;
    out->len = begin + TALLY_MAGIC_BYTES;
    put_number(out, n_bytes, 8);
    out->len = end;
    put_number(out, hash_bytes(out->at + begin, end - begin, TALLY_SUM_SEED), TALLY_SUM_BYTES);
    return !out->failed;
}
