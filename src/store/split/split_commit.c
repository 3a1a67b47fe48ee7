// SPDX-License-Identifier: MIT
// The end of a batch of the split store.
//
// 1. commit_begin: what the batch has gathered, its moves and floors are put together; from here on
//    the next one is judged into other memory. Much waits: a thread of the store's commits.
// 2. The aggregates take all of it in one transaction.
// 3. Settled, on the engine's thread: identities and moves are final, the state is read. That is in
//    commit_finish, or before it when a partition is to be claimed meanwhile: the aggregates have
//    one connection, and a claim has to see what became of the batch.
//
// How it fails: nothing is stored, and rollback undoes the batch and the one that was judged after
// it. When the connection breaks while committing, whether it was done is known only after reopen
// has claimed the partitions again: until then the batch's identities are neither kept nor undone.
#include "base/fault.h"
#include "base/mem.h"
#include "store/split/split_internal.h"
#include "sums/currency.h"
#include <stdlib.h>

typedef void (*part_fn)(struct split_part *p);
static void each_part(struct split_store *s, part_fn each) {
    for (int32_t i = 0; i < s->n_parts; i++) {
        each(&s->parts[i]);
    }
}

void split_read_state(struct split_store *s) {
    s->options.aggregates->ops->state(s->options.aggregates, &s->state);
    memcpy(s->gross_e4, s->state.gross_e4, N_CURRENCIES * sizeof *s->gross_e4);
    s->floors = (struct split_floors){s->state.minute_floor, s->state.hour_floor};
}

// After a commit: the next batch may have raised the floors. Of the gross sums those of the batch
// alone are new here; what others have added to another is seen when one of that is committed.
static void read_state_on(struct split_store *s) {
    const struct aggregates_batch *batch = &s->sent.batch;
    s->options.aggregates->ops->state(s->options.aggregates, &s->state);
    for (size_t i = 0; i < batch->n_gross; i++) {
        int32_t currency = batch->gross[i].currency;
        s->gross_e4[currency] = s->state.gross_e4[currency];
    }
    struct split_floors *f = &s->floors;
    f->minute = s->state.minute_floor > f->minute ? s->state.minute_floor : f->minute;
    f->hour = s->state.hour_floor > f->hour ? s->state.hour_floor : f->hour;
}

// --- 1. The batch leaves the engine

static size_t list_moves(const struct split_store *s, struct position_move *moves) {
    size_t n = 0;
    for (int32_t i = 0; i < s->n_parts; i++) {
        const struct split_part *p = &s->parts[i];
        if (p->moved_to != NOT_MOVED) {
            moves[n++] = (struct position_move){
                i, p->committed, p->moved_to, p->epoch_us, p->lane, id_window_start(p->window)};
        }
    }
    return n;
}

enum store_result split_commit_begin(struct store *base, struct cube *cube,
                                     struct batch_summary *summary, bool *aside,
                                     struct error *err) {
    struct split_store *s = split_store_of(base);
    struct position_move *moves = heap_zalloc(NULL, (size_t)s->n_parts + 1, sizeof *moves);
    if (moves == NULL) {
        error_set(err, ERROR_RETRIABLE, "out of memory for a batch's moves");
        return STORE_RETRY;
    }
    s->sent = (struct split_sent){.gathered = s->work,
                                  .batch = {.topic = s->topic,
                                            .moves = moves,
                                            .n_moves = list_moves(s, moves),
                                            .cube = cube,
                                            .minute_floor = s->floors.minute,
                                            .hour_floor = s->floors.hour},
                                  .moves = moves,
                                  .summary = summary};
    split_batch_fill(s->work, &s->sent.batch);
    each_part(s, split_part_sent);
    s->work = &s->batches[s->work == &s->batches[0]];
    *aside = *aside && s->sent.batch.n_moves > 0 && commit_thread_give(&s->committer);
    s->sent.given = *aside;
    return STORE_OK;
}

// --- 2. The transaction

void split_commit_run(void *user) {
    struct split_store *s = user;
    struct split_sent *b = &s->sent;
    struct aggregates *a = s->options.aggregates;
    b->result = COMMIT_OK;
    if (b->batch.n_moves > 0) { // else it was history alone
        b->result = a->ops->commit(a, &b->batch, b->summary, &b->failure);
    }
}

// --- 3. What became of it

// The transaction has ended, with what result is known.
static void take_result(struct split_store *s) {
    struct split_sent *b = &s->sent;
    b->ended = true;
    s->in_doubt = b->result == COMMIT_DOUBT;
    if (b->result == COMMIT_OK) {
        each_part(s, split_part_committed);
        read_state_on(s);
        b->gathered = NULL;
    }
}

bool split_commit_settle(struct split_store *s) {
    struct split_sent *b = &s->sent;
    if (b->given) {
        commit_thread_wait(&s->committer);
        b->given = false;
        take_result(s);
    }
    return !b->ended || b->result == COMMIT_OK;
}

static void tell_rejected(const struct split_store *s, const struct aggregates_batch *b) {
    for (size_t i = 0; s->options.rejected != NULL && i < b->n_rejected; i++) {
        s->options.rejected(s->options.rejected_user, &b->rejected[i]);
    }
}

enum store_result split_commit_finish(struct store *base, struct error *err) {
    struct split_store *s = split_store_of(base);
    struct split_sent *b = &s->sent;
    if (!b->given && !b->ended) {
        split_commit_run(s);
        take_result(s);
    }
    bool ok = split_commit_settle(s);
    enum commit_result result = b->result;
    if (ok) {
        tell_rejected(s, &b->batch);
    } else {
        *err = b->failure;
    }
    free(b->moves);
    *b = (struct split_sent){.gathered = b->gathered};
    fault_point("split-after-commit");
    return ok ? STORE_OK : result == COMMIT_ERROR ? STORE_ERROR : STORE_RETRY;
}

void split_rollback(struct store *base) {
    struct split_store *s = split_store_of(base);
    s->down = true; // until reopen
    each_part(s, s->in_doubt ? split_part_doubted : split_part_undone);
    s->sent.gathered = NULL;
    split_batch_clear(&s->batches[0]);
    split_batch_clear(&s->batches[1]);
    split_origins_clear(&s->origins);
    split_read_state(s);
}
