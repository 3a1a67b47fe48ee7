// SPDX-License-Identifier: MIT
// 1. Each tally is read, its cells are added up; its range must be a move's, and no other tally's.
// 2. Counts are added, lists are put one behind the other.
// 3. Of the newest orders and changes of all as many stay as the aggregates keep.
// 4. Adjustments: the orders that they speak of are looked up in the raw store, all at once. Each
// is
//    booked on its order's source and state, as when a log is judged (split_origins.h).
//
// How it fails: a tally that is refused; sums that no longer fit; memory that is refused. Nothing
// is stored here.
#include "tool/tally/tally_merge.h"

#include "base/mem.h"
#include "sums/currency.h"
#include "sums/origin.h"
#include <stdlib.h>

static bool no_memory(struct error *err) {
    return error_set(err, ERROR_RETRIABLE, "out of memory while tallies are added up");
}

static void *merge_room(struct tally_merge *m, size_t n, size_t size_bytes) {
    size_t n_bytes;
    return __builtin_mul_overflow(n > 0 ? n : 1, size_bytes, &n_bytes)
               ? NULL
               : arena_try_alloc(&m->arena, n_bytes);
}

// --- Reading

static int find_partition(const void *key, const void *move) {
    const struct position_move *a = key, *b = move;
    return (a->partition > b->partition) - (a->partition < b->partition);
}

static struct position_move *move_of(const struct tally_merge *m, const struct position_move *of) {
    return bsearch(of, m->moves, m->n_moves, sizeof *m->moves, find_partition);
}

// The tally's move, which gets the window that the tally tells.
static bool match_move(struct tally_merge *m, const struct position_move *told, bool *seen,
                       struct error *err) {
    struct position_move *move = move_of(m, told);
    if (move == NULL || move->from != told->from || move->to != told->to ||
        move->epoch_us != told->epoch_us || move->lane != told->lane) {
        return error_set(
            err, ERROR_USAGE,
            "a tally of partition %d from %lld to %lld (epoch %lld, lane %d) is none of "
            "the moves",
            told->partition, (long long)told->from, (long long)told->to, (long long)told->epoch_us,
            told->lane);
    }
    if (seen[move - m->moves]) {
        return error_set(err, ERROR_USAGE, "partition %d has two tallies", told->partition);
    }
    seen[move - m->moves] = true;
    move->window = told->window;
    return true;
}

static bool read_all(struct tally_merge *m, const struct text *tallies, size_t n_tallies,
                     struct tally *out, bool *seen, struct error *err) {
    for (size_t i = 0; i < n_tallies; i++) {
        if (!tally_read(tallies[i], &m->arena, m->cube, &out[i], err) ||
            !match_move(m, &out[i].move, seen, err)) {
            return false;
        }
    }
    return true;
}

// --- Adding up

static void add_counts(struct batch_summary *sum, const struct batch_summary *one) {
    struct store_counts *all = &sum->counts;
    const struct store_counts *c = &one->counts; // of fewer events than there are offsets
    all->received += c->received;
    all->accepted += c->accepted;
    all->duplicate += c->duplicate;
    all->rejected += c->rejected;
    all->skipped += c->skipped;
    for (int i = 0; i < ORDER_WARNING_KINDS; i++) {
        all->warnings[i] += c->warnings[i];
    }
    if (one->minute_min <= one->minute_max) {
        sum->minute_min = one->minute_min < sum->minute_min ? one->minute_min : sum->minute_min;
        sum->minute_max = one->minute_max > sum->minute_max ? one->minute_max : sum->minute_max;
    }
    sum->oldest_arrival_ms = one->oldest_arrival_ms < sum->oldest_arrival_ms
                                 ? one->oldest_arrival_ms
                                 : sum->oldest_arrival_ms;
}

static void add_summaries(struct tally_merge *m, const struct tally *all, size_t n) {
    m->summary = (struct batch_summary){
        .minute_min = INT32_MAX, .minute_max = INT32_MIN, .oldest_arrival_ms = INT64_MAX};
    for (size_t i = 0; i < n; i++) {
        add_counts(&m->summary, &all[i].summary);
        m->minute_floor =
            all[i].minute_floor > m->minute_floor ? all[i].minute_floor : m->minute_floor;
        m->hour_floor = all[i].hour_floor > m->hour_floor ? all[i].hour_floor : m->hour_floor;
    }
}

static bool add_rejected(struct tally_merge *m, const struct tally *all, size_t n) {
    m->rejected = merge_room(m, (size_t)m->summary.counts.rejected, sizeof *m->rejected);
    for (size_t i = 0; m->rejected != NULL && i < n; i++) {
        for (size_t k = 0; k < all[i].n_rejected; k++) {
            m->rejected[m->n_rejected++] = all[i].rejected[k];
        }
    }
    return m->rejected != NULL;
}

struct newest {
    const struct stored_event *event;
};

static int by_arrival(const void *a, const void *b) {
    const struct stored_event *x = ((const struct newest *)a)->event;
    const struct stored_event *y = ((const struct newest *)b)->event;
    return x->arrival_ms != y->arrival_ms
               ? (x->arrival_ms > y->arrival_ms ? 1 : -1)
               : (x->position > y->position) - (x->position < y->position);
}

// Copies of the newest of `all`, which are sorted; oldest first.
static bool keep_newest(struct tally_merge *m, struct newest *all, size_t n_all,
                        struct stored_event **out, size_t *n_out) {
    size_t n = n_all < TALLY_RECENT_MAX ? n_all : TALLY_RECENT_MAX;
    struct stored_event *kept = merge_room(m, n, sizeof *kept);
    if (kept == NULL) {
        return false;
    }
    qsort(all, n_all, sizeof *all, by_arrival);
    for (size_t i = 0; i < n; i++) {
        kept[i] = *all[n_all - n + i].event;
    }
    *out = kept;
    *n_out = n;
    return true;
}

static bool add_recent(struct tally_merge *m, const struct tally *all, size_t n) {
    size_t n_orders = 0, n_changes = 0;
    for (size_t i = 0; i < n; i++) {
        n_orders += all[i].n_recent;
        n_changes += all[i].n_changes;
    }
    struct newest *orders = merge_room(m, n_orders, sizeof *orders);
    struct newest *changes = merge_room(m, n_changes, sizeof *changes);
    if (orders == NULL || changes == NULL) {
        return false;
    }
    n_orders = n_changes = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < all[i].n_recent; k++) {
            orders[n_orders++].event = &all[i].recent[k];
        }
        for (size_t k = 0; k < all[i].n_changes; k++) {
            changes[n_changes++].event = &all[i].changes[k];
        }
    }
    return keep_newest(m, orders, n_orders, &m->recent, &m->n_recent) &&
           keep_newest(m, changes, n_changes, &m->changes, &m->n_changes);
}

static bool add_adjustments(struct tally_merge *m, const struct tally *all, size_t n) {
    size_t n_adjustments = 0;
    for (size_t i = 0; i < n; i++) {
        n_adjustments += all[i].n_adjustments;
    }
    m->adjustments = merge_room(m, n_adjustments, sizeof *m->adjustments);
    for (size_t i = 0; m->adjustments != NULL && i < n; i++) {
        const size_t move = (size_t)(move_of(m, &all[i].move) - m->moves);
        for (size_t k = 0; k < all[i].n_adjustments; k++) {
            m->adjustments[m->n_adjustments++] =
                (struct tally_adjustment){all[i].adjustments[k], move};
        }
    }
    return m->adjustments != NULL;
}

static bool sum_gross(const struct tally *all, size_t n, int64_t *sums, struct error *err) {
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < all[i].n_gross; k++) {
            const struct gross_delta *g = &all[i].gross[k];
            if (!money_add(&sums[g->currency], g->delta_e4)) {
                return error_set(err, ERROR_FATAL, "the gross sums of a batch no longer fit");
            }
        }
    }
    return true;
}

static bool add_gross(struct tally_merge *m, const struct tally *all, size_t n, struct error *err) {
    int64_t *sums = mem_zalloc(N_CURRENCIES, sizeof *sums);
    bool ok = sum_gross(all, n, sums, err);
    size_t n_gross = 0;
    for (int32_t i = 0; ok && i < N_CURRENCIES; i++) {
        n_gross += sums[i] != 0;
    }
    m->gross = ok ? merge_room(m, n_gross, sizeof *m->gross) : NULL;
    if (ok && m->gross == NULL) {
        ok = no_memory(err);
    }
    for (int32_t i = 0; ok && i < N_CURRENCIES; i++) {
        if (sums[i] != 0) {
            m->gross[m->n_gross++] = (struct gross_delta){i, sums[i]};
        }
    }
    free(sums);
    return ok;
}

bool tally_merge_read(struct tally_merge *m, const struct zone *zone,
                      const struct position_move *moves, size_t n_moves, const struct text *tallies,
                      size_t n_tallies, struct error *err) {
    *m = (struct tally_merge){0};
    m->cube = cube_new(zone, NULL);
    m->moves = merge_room(m, n_moves, sizeof *m->moves);
    struct tally *all = merge_room(m, n_tallies, sizeof *all);
    bool *seen = merge_room(m, n_moves, sizeof *seen);
    if (m->cube == NULL || m->moves == NULL || all == NULL || seen == NULL) {
        return no_memory(err);
    }
    memcpy(m->moves, moves, n_moves * sizeof *moves);
    memset(seen, 0, n_moves * sizeof *seen);
    m->n_moves = n_moves;
    if (!read_all(m, tallies, n_tallies, all, seen, err)) {
        return false;
    }
    add_summaries(m, all, n_tallies);
    if (!add_rejected(m, all, n_tallies) || !add_recent(m, all, n_tallies) ||
        !add_adjustments(m, all, n_tallies)) {
        return no_memory(err);
    }
    return add_gross(m, all, n_tallies, err);
}

// --- Adjustments

static enum store_result ask(struct tally_merge *m, struct raw_store *raw, struct error *err) {
    split_origins_clear(&m->origins);
    for (size_t i = 0; i < m->n_adjustments; i++) {
        if (!split_origins_want(&m->origins, m->adjustments[i].event.order.order_id)) {
            no_memory(err);
            return STORE_RETRY;
        }
    }
    return split_origins_look_up(&m->origins, raw, err);
}

static enum store_result count_adjustment(struct tally_merge *m, struct stored_event *e,
                                          struct error *err) {
    struct origin origin;
    uint32_t group;
    bool found = split_origins_find(&m->origins, e->order.order_id, e->position, &origin);
    origin_resolve(&e->order, found ? &origin : NULL, NULL);
    switch (cube_add(m->cube, &e->order, m->minute_floor, m->hour_floor, &group)) {
    case CUBE_OK:
        return STORE_OK;
    case CUBE_NO_MEMORY:
        no_memory(err);
        return STORE_ERROR;
    case CUBE_OVERFLOW:
        break;
    }
    error_set(err, ERROR_FATAL, "a sum would no longer fit into 64 bits");
    return STORE_ERROR;
}

// The adjustments are changes too, now that their orders' source and state are known.
static bool add_to_changes(struct tally_merge *m) {
    struct newest *all = merge_room(m, m->n_changes + m->n_adjustments, sizeof *all);
    if (all == NULL) {
        return false;
    }
    size_t n = 0;
    for (size_t i = 0; i < m->n_changes; i++) {
        all[n++].event = &m->changes[i];
    }
    for (size_t i = 0; i < m->n_adjustments; i++) {
        all[n++].event = &m->adjustments[i].event;
    }
    return keep_newest(m, all, n, &m->changes, &m->n_changes);
}

enum store_result tally_merge_look_up(struct tally_merge *m, struct raw_store *raw,
                                      struct error *err) {
    if (m->counted || m->n_adjustments == 0) {
        return STORE_OK;
    }
    enum store_result result = ask(m, raw, err);
    for (size_t i = 0; result == STORE_OK && i < m->n_adjustments; i++) {
        result = count_adjustment(m, &m->adjustments[i].event, err);
    }
    if (result == STORE_OK && !add_to_changes(m)) {
        no_memory(err);
        result = STORE_ERROR; // counted in the cube, as far as that goes
    }
    m->counted = result == STORE_OK;
    return result;
}

// --- The batch

struct aggregates_batch tally_merge_batch(const struct tally_merge *m, const char *topic) {
    return (struct aggregates_batch){.topic = topic,
                                     .moves = m->moves,
                                     .n_moves = m->n_moves,
                                     .cube = m->cube,
                                     .rejected = m->rejected,
                                     .n_rejected = m->n_rejected,
                                     .recent = m->recent,
                                     .n_recent = m->n_recent,
                                     .changes = m->changes,
                                     .n_changes = m->n_changes,
                                     .gross = m->gross,
                                     .n_gross = m->n_gross,
                                     .minute_floor = m->minute_floor,
                                     .hour_floor = m->hour_floor};
}

void tally_merge_free(struct tally_merge *m) {
    split_origins_free(&m->origins);
    cube_free(m->cube);
    arena_free(&m->arena);
    *m = (struct tally_merge){0};
}
