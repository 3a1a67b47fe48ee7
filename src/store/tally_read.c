// SPDX-License-Identifier: MIT
// Reads a tally.
//
// 1. The whole: magic, length and checksum. What was cut or changed on its way ends here.
// 2. Section by section, each value held against what it may be: somebody may have made the bytes
//    by a program of another kind, and a wrong number would be in the totals for ever.
// 3. Cells go into a cube of their own, and from there into the caller's all at once, so that
//    a tally that is refused has changed nothing.
//
// How it fails: the first thing that does not fit is told; or memory is refused.
#include "base/hash.h"
#include "store/tally_take.h"

enum {
    GROUP_LEAST_BYTES = 4 + 4 + 3,
    PRODUCT_LEAST_BYTES = 8 + 3,
    CELL_LEAST_BYTES = 1 + 4 + 4 + 2,
    MINUTE_MS = 60 * 1000,
    HOUR_MS = 60 * MINUTE_MS,
    DAY_MS = 24 * HOUR_MS,
};
#define COUNT_MOST (INT64_C(1) << POSITION_OFFSET_BITS)

// --- The whole

static uint64_t number_at(const char *at) {
    struct tally_bytes b = {.at = at, .n_left = 8};
    return tally_take_number(&b, 8);
}

static void take_whole(struct tally_bytes *b, struct text bytes) {
    if (bytes.len < TALLY_LEAST_BYTES || memcmp(bytes.at, TALLY_MAGIC, TALLY_MAGIC_BYTES) != 0) {
        tally_fail(b, "it is none, or of another version of Salestide");
        return;
    }
    size_t n_summed = bytes.len - TALLY_SUM_BYTES;
    tally_want(b, number_at(bytes.at + TALLY_MAGIC_BYTES) == bytes.len,
               "it is not as long as it says");
    tally_want(b, hash_bytes(bytes.at, n_summed, TALLY_SUM_SEED) == number_at(bytes.at + n_summed),
               "its checksum is wrong: it was damaged on its way");
    if (!b->failed) {
        b->at = bytes.at + TALLY_MAGIC_BYTES + 8;
        b->n_left = n_summed - TALLY_MAGIC_BYTES - 8;
    }
}

// --- Move and counts

static void take_move(struct tally_bytes *b, struct position_move *move) {
    static const char range[] = "its range is none";
    move->partition = tally_take_i32(b);
    tally_want(b, move->partition >= 0, range);
    move->from = tally_take_in(b, -1, COUNT_MOST, range);
    move->to = tally_take_in(b, move->from > 0 ? move->from : 0, COUNT_MOST, range);
    move->epoch_us = tally_take_in(b, 0, INT64_MAX, "its epoch is below zero");
    move->lane = tally_take_i32(b);
    tally_want(b, move->lane >= 0 && move->lane <= POSITION_LANE_MAX, "its lane is none");
    move->window.offset = tally_take_in(b, -1, move->to, "its window begins outside the log");
    move->window.time_ms = tally_take_i64(b);
}

static void take_counts(struct tally_bytes *b, const struct position_move *move,
                        struct store_counts *counts) {
    static const char what[] = "its counts do not add up";
    const int64_t most = move->to - (move->from > 0 ? move->from : 0);
    counts->received = tally_take_in(b, 0, most, what);
    counts->accepted = tally_take_in(b, 0, most, what);
    counts->duplicate = tally_take_in(b, 0, most, what);
    counts->rejected = tally_take_in(b, 0, most, what);
    counts->rejected_expired = tally_take_in(b, 0, 0, what); // the aggregates' own
    counts->skipped = tally_take_in(b, 0, most, what);
    for (int i = 0; i < ORDER_WARNING_KINDS; i++) {
        counts->warnings[i] = tally_take_in(b, 0, counts->accepted, what);
    }
    tally_want(b,
               counts->received == counts->accepted + counts->duplicate + counts->rejected &&
                   counts->received + counts->skipped <= most,
               what);
}

static void take_times(struct tally_bytes *b, struct tally *t) {
    static const char what[] = "a time of it is none";
    struct batch_summary *s = &t->summary;
    s->minute_min = tally_take_i32(b);
    s->minute_max = tally_take_i32(b);
    tally_want(b,
               s->minute_min > s->minute_max ||
                   (s->minute_min >= 0 && s->minute_max <= TALLY_CREATED_LAST_MS / MINUTE_MS),
               what);
    s->oldest_arrival_ms = tally_take_i64(b);
    tally_want(b,
               s->oldest_arrival_ms == INT64_MAX ||
                   (s->oldest_arrival_ms >= 0 && s->oldest_arrival_ms <= TALLY_ARRIVAL_LAST_MS),
               what);
    t->minute_floor = tally_take_i32(b);
    t->hour_floor = tally_take_i32(b);
    // What is below a floor is dropped: there is none after the last that can be.
    tally_want(b,
               t->minute_floor >= 0 && t->minute_floor <= TALLY_CREATED_LAST_MS / MINUTE_MS &&
                   t->hour_floor >= 0 && t->hour_floor <= TALLY_CREATED_LAST_MS / HOUR_MS,
               what);
}

// --- Cells

struct dims_there {
    struct cube_dim *groups, *products;
    size_t n_groups, n_products;
};

static void take_dims(struct tally_bytes *b, struct dims_there *d) {
    d->n_groups = tally_take_count(b, GROUP_LEAST_BYTES, "it has more groups than bytes");
    d->groups = tally_room(b, d->n_groups, sizeof *d->groups);
    for (size_t i = 0; d->groups != NULL && i < d->n_groups && !b->failed; i++) {
        struct cube_dim *g = &d->groups[i];
        *g = (struct cube_dim){.product_id = IDENT_NONE};
        g->source = tally_take_words(b, ORDER_TEXT_MAX, "a source is none");
        g->state = tally_take_words(b, ORDER_TEXT_MAX, "a state is none");
        tally_want(b, g->source.at != NULL && g->state.at != NULL,
                   "a group has no source or state");
        tally_take_currency(b, g->currency);
    }
    d->n_products = tally_take_count(b, PRODUCT_LEAST_BYTES, "it has more products than bytes");
    d->products = tally_room(b, d->n_products, sizeof *d->products);
    for (size_t i = 0; d->products != NULL && i < d->n_products && !b->failed; i++) {
        struct cube_dim *p = &d->products[i];
        p->product_id = tally_take_ident(b, ORDER_TEXT_MAX, "a product_id is none");
        tally_want(b, ident_present(p->product_id), "a product has no product_id");
        tally_take_currency(b, p->currency);
    }
}

static bool bucket_is(enum cube_table table, int32_t bucket) {
    switch (table) {
    case CUBE_TOTALS:
        return bucket == 0;
    case CUBE_MINUTE:
        return bucket >= 0 && bucket <= TALLY_CREATED_LAST_MS / MINUTE_MS;
    case CUBE_HOUR:
        return bucket >= 0 && bucket <= TALLY_CREATED_LAST_MS / HOUR_MS;
    case CUBE_DAY:
    case CUBE_PRODUCT: // the shop's: its zone may be a day away
        return bucket >= -1 && bucket <= TALLY_CREATED_LAST_MS / DAY_MS + 1;
    case CUBE_TABLES:
        break;
    }
    return false;
}

// Which measures a cell of the table may have.
static uint64_t measures_of(enum cube_table table) {
    const uint64_t products =
        UINT64_C(1) << CUBE_ORDERS | UINT64_C(1) << CUBE_UNITS | UINT64_C(1) << CUBE_TOTAL_E4;
    return table == CUBE_PRODUCT ? products : (UINT64_C(1) << CUBE_MEASURES) - 1;
}

static void take_measures(struct tally_bytes *b, uint64_t which, struct measures *sum) {
    int64_t all[CUBE_MEASURES] = {0};
    for (int i = 0; i < CUBE_MEASURES; i++) {
        all[i] = (which >> i & 1) != 0 ? tally_take_i64(b) : 0;
    }
    // A refund's total may be: the event's discount is worth more than the goods.
    tally_want(b, all[CUBE_CANCELLED_ORDERS] >= 0 && all[CUBE_REFUNDS] >= 0,
               "a count of what was taken back is below zero");
    memcpy(sum, all, sizeof *sum); // in the same order
}

static void take_cell(struct tally_bytes *b, const struct dims_there *d, struct cube *cube) {
    enum cube_table table = (enum cube_table)tally_take_number(b, 1);
    int32_t bucket = tally_take_i32(b);
    size_t dim = (size_t)tally_take_number(b, 4);
    uint64_t which = tally_take_number(b, 2);
    bool product = table == CUBE_PRODUCT;
    tally_want(b, table < CUBE_TABLES && bucket_is(table, bucket), "a cell is of no table or time");
    tally_want(b, dim < (product ? d->n_products : d->n_groups), "a cell is of no group");
    tally_want(b, !b->failed && (which & ~measures_of(table)) == 0,
               "a cell has sums that its table has not");
    if (b->failed) {
        return;
    }
    const size_t n_cells = cube_n_cells(cube);
    struct measures *sum =
        cube_cell(cube, table, bucket, product ? &d->products[dim] : &d->groups[dim]);
    if (sum == NULL) {
        tally_no_memory(b);
        return;
    }
    tally_want(b, cube_n_cells(cube) == n_cells + 1, "a cell comes twice");
    take_measures(b, which, sum);
}

static void take_cells(struct tally_bytes *b, struct cube *cube) {
    struct dims_there dims = {0};
    take_dims(b, &dims);
    size_t n = tally_take_count(b, CELL_LEAST_BYTES, "it has more cells than bytes");
    for (size_t i = 0; i < n && !b->failed; i++) {
        take_cell(b, &dims, cube);
    }
}

// --- All of it

static void take_all(struct tally_bytes *b, struct cube *cube, struct tally *t) {
    take_move(b, &t->move);
    take_counts(b, &t->move, &t->summary.counts);
    take_times(b, t);
    take_cells(b, cube);
    tally_take_rejected(b, t);
    tally_take_recent(b, t);
    tally_take_changes(b, t);
    tally_take_adjustments(b, t);
    tally_take_gross(b, t);
    tally_want(b, b->n_left == 0, "there is more of it than belongs there");
}

static void merge(struct tally_bytes *b, struct cube *into, const struct cube *cube) {
    if (b->failed) {
        return;
    }
    switch (cube_merge(into, cube)) {
    case CUBE_OK:
        return;
    case CUBE_NO_MEMORY:
        tally_no_memory(b);
        return;
    case CUBE_OVERFLOW:
        tally_fail(b, "a sum would no longer fit into 64 bits");
    }
}

bool tally_read(struct text bytes, struct arena *arena, struct cube *into, struct tally *out,
                struct error *err) {
    *out = (struct tally){.cube = into};
    struct tally_bytes b = {.arena = arena, .err = err};
    struct cube *cube = cube_new(NULL, arena->heap);
    if (cube == NULL) {
        tally_no_memory(&b);
    }
    take_whole(&b, bytes);
    take_all(&b, cube, out);
    merge(&b, into, cube);
    cube_free(cube);
    return !b.failed;
}
