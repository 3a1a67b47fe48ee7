// SPDX-License-Identifier: MIT
// Stores for tests of tallies, in memory: aggregates whose commits and claims do as a test says,
// and raw orders that may be asked for. Include after cmocka.h.
#pragma once
#include "sums/currency.h"
#include "tool/tally/tally_stores.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORLD_PARTITIONS = 8, WORLD_SCRIPT = 16 };

// What the next call does; past the end of a script it succeeds.
enum played {
    PLAY_OK,
    PLAY_RETRY,
    PLAY_ERROR,
    PLAY_DOUBT_DONE,
    PLAY_DOUBT_UNDONE,
};

struct tally_world {
    struct aggregates aggregates;
    struct raw_store raw;
    // Rows
    int64_t next_offset[WORLD_PARTITIONS], epoch_us[WORLD_PARTITIONS];
    struct id_window_start window[WORLD_PARTITIONS];
    int64_t orders, refunds_of_shop_a, refunds, total_e4;
    int64_t n_recent, n_rejected, last_batch_id;
    int64_t n_changes, n_changes_of_shop_a; // of the newest batch
    int64_t gross_e4[N_CURRENCIES];
    // Scripts
    enum played commits[WORLD_SCRIPT], claims[WORLD_SCRIPT], flushes[WORLD_SCRIPT];
    size_t n_commits, n_claims, n_flushes, n_reopened, n_paused;
    int32_t taken_over; // at the next reopen: this partition, by another process; -1: none
    // Raw orders: order 1, if there is one
    bool has_order;
    int64_t order_position;
    int64_t n_written, written_epoch_us; // adjustments
};

static struct tally_world *world_of(struct aggregates *a) {
    return (struct tally_world *)a;
}
static struct tally_world *world_of_raw(struct raw_store *r) {
    return (struct tally_world *)((char *)r - offsetof(struct tally_world, raw));
}

static enum store_result world_claim(struct aggregates *a, const struct position_wish *wish,
                                     struct position_claim *out, bool *lost, struct error *err) {
    struct tally_world *w = world_of(a);
    enum played play = w->claims[w->n_claims++ % WORLD_SCRIPT];
    int32_t p = wish->partition;
    if (play != PLAY_OK) {
        error_set(err, ERROR_RETRIABLE, "a claim that fails");
        return play == PLAY_RETRY ? STORE_RETRY : STORE_ERROR;
    }
    *lost = wish->held_epoch_us != 0 && wish->held_epoch_us != w->epoch_us[p];
    if (!*lost) {
        w->epoch_us[p] += 10;
    }
    *out = (struct position_claim){.next_offset = w->next_offset[p],
                                   .epoch_us = w->epoch_us[p],
                                   .lane = p + 2,
                                   .window = w->window[p]};
    out->refused = calloc(1, sizeof *out->refused);
    return STORE_OK;
}

static void world_apply(struct tally_world *w, const struct aggregates_batch *b,
                        struct batch_summary *s) {
    const struct cube_dim a = {.source = TEXT_LIT("A"),
                               .state = TEXT_LIT("CA"),
                               .product_id = IDENT_NONE,
                               .currency = "USD"};
    const struct measures *of_a = cube_find(b->cube, CUBE_TOTALS, 0, &a);
    for (size_t i = 0; i < b->n_moves; i++) {
        w->next_offset[b->moves[i].partition] = b->moves[i].to;
        w->window[b->moves[i].partition] = b->moves[i].window;
    }
    for (size_t i = 0; i < cube_n_cells(b->cube); i++) {
        const struct cube_cell *cell = &cube_cells(b->cube)[i];
        if (cell->table == CUBE_TOTALS) {
            w->orders += cell->sum.orders;
            w->refunds += cell->sum.refunds;
            w->total_e4 += cell->sum.total_e4;
        }
    }
    w->refunds_of_shop_a += of_a != NULL ? of_a->refunds : 0;
    for (size_t i = 0; i < b->n_gross; i++) {
        w->gross_e4[b->gross[i].currency] += b->gross[i].delta_e4;
    }
    w->n_recent = (int64_t)b->n_recent;
    w->n_changes = (int64_t)b->n_changes;
    w->n_changes_of_shop_a = 0;
    for (size_t i = 0; i < b->n_changes; i++) {
        w->n_changes_of_shop_a += text_equal(b->changes[i].order.source, TEXT_LIT("A"));
    }
    w->n_rejected += (int64_t)b->n_rejected;
    s->batch_id = ++w->last_batch_id;
}

static enum commit_result world_commit(struct aggregates *a, const struct aggregates_batch *b,
                                       struct batch_summary *summary, struct error *err) {
    struct tally_world *w = world_of(a);
    enum played play = w->commits[w->n_commits++ % WORLD_SCRIPT];
    for (size_t i = 0; i < b->n_moves; i++) {
        const struct position_move *m = &b->moves[i];
        if (w->next_offset[m->partition] != m->from || w->epoch_us[m->partition] != m->epoch_us) {
            error_set(err, ERROR_FATAL, "partition %d is not ours any more", m->partition);
            return COMMIT_FENCED;
        }
    }
    error_set(err, ERROR_RETRIABLE, "a commit that fails");
    switch (play) {
    case PLAY_OK:
        world_apply(w, b, summary);
        return COMMIT_OK;
    case PLAY_RETRY:
        return COMMIT_RETRY;
    case PLAY_ERROR:
        return COMMIT_ERROR;
    case PLAY_DOUBT_DONE:
        world_apply(w, b, summary);
        return COMMIT_DOUBT;
    case PLAY_DOUBT_UNDONE:
        break;
    }
    return COMMIT_DOUBT;
}

static void world_state(struct aggregates *a, struct aggregates_state *out) {
    *out = (struct aggregates_state){.last_batch_id = world_of(a)->last_batch_id,
                                     .minute_floor = 7,
                                     .gross_e4 = world_of(a)->gross_e4};
}

static enum store_result world_reopen(struct aggregates *a, struct error *err) {
    struct tally_world *w = world_of(a);
    (void)err;
    w->n_reopened++;
    if (w->taken_over >= 0) {
        w->epoch_us[w->taken_over] += 1000;
        w->taken_over = -1;
    }
    return STORE_OK;
}

static enum store_result world_raw_add(struct raw_store *r, const struct stored_event *e,
                                       int64_t epoch_us, struct error *err) {
    struct tally_world *w = world_of_raw(r);
    (void)err;
    assert_int_not_equal(e->order.kind, ORDER_PLACED);
    w->n_written++;
    w->written_epoch_us = epoch_us;
    return STORE_OK;
}

static enum store_result world_raw_flush(struct raw_store *r, struct error *err) {
    struct tally_world *w = world_of_raw(r);
    if (w->flushes[w->n_flushes++ % WORLD_SCRIPT] == PLAY_OK) {
        return STORE_OK;
    }
    error_set(err, ERROR_RETRIABLE, "a flush that fails");
    return STORE_RETRY;
}

static enum store_result world_raw_find(struct raw_store *r, const struct ident *ids, size_t n,
                                        raw_found_fn each, void *user, struct error *err) {
    struct tally_world *w = world_of_raw(r);
    struct stored_event e = {.position = w->order_position};
    (void)err;
    e.order.source = TEXT_LIT("A");
    e.order.state = TEXT_LIT("CA");
    for (size_t i = 0; i < n; i++) {
        if (w->has_order && ids[i].num == 1 && !each(user, i, &e)) {
            break; // it tells why itself
        }
    }
    return STORE_OK;
}

static enum store_result world_raw_reopen(struct raw_store *r, struct error *err) {
    (void)r;
    (void)err;
    return STORE_OK;
}

static bool world_pause(void *user, int ms) {
    (void)ms;
    ((struct tally_world *)user)->n_paused++;
    return false;
}

static inline void world_make(struct tally_world *w) {
    static const struct aggregates_ops ops = {.name = "played",
                                              .claim = world_claim,
                                              .commit = world_commit,
                                              .state = world_state,
                                              .reopen = world_reopen};
    static const struct raw_store_ops raw_ops = {.name = "played",
                                                 .add = world_raw_add,
                                                 .flush = world_raw_flush,
                                                 .find = world_raw_find,
                                                 .reopen = world_raw_reopen};
    *w = (struct tally_world){.aggregates = {&ops}, .raw = {&raw_ops}, .taken_over = -1};
    for (int i = 0; i < WORLD_PARTITIONS; i++) {
        w->next_offset[i] = 100;
        w->window[i] = (struct id_window_start){-1, 0};
    }
}

static inline struct tally_stores world_stores(struct tally_world *w, const struct zone *zone) {
    return (struct tally_stores){.aggregates = &w->aggregates,
                                 .raw = &w->raw,
                                 .zone = zone,
                                 .give_up_ms = 60000,
                                 .pause = world_pause,
                                 .pause_user = w};
}
