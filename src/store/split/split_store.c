// SPDX-License-Identifier: MIT
// The split store. One batch:
//
// 1. prepare: the placed orders that cancellations and refunds of these submissions speak of are
//    looked up, all at once (split_origins.c).
// 2. known: in the partition's window of identities. add: the raw row is sent; the identity, the
//    gross sum and, for the newest orders, a copy are noted. add_rejected, advance: noted.
// 3. commit: raw rows are flushed until they are durable; then the aggregates take everything else
//    with the partitions' moves in one transaction.
//
// How it fails: before the aggregates' commit nothing counts; raw rows without one are written
// again, the same, when the log is read again. When the connection breaks while committing, whether
// it was done is known only after reopen has claimed the partitions again: until then the batch's
// identities are neither kept nor undone. A partition that another process has taken over is lost:
// it counts as held by nobody here until the log's group gives it back.
#include "store/split/split_store.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/id_window.h"
#include "store/split/split_batch.h"
#include "store/split/split_origins.h"
#include "sums/currency.h"
#include <inttypes.h>
#include <stdlib.h>

enum { NOT_MOVED = -2, MINUTES_KEPT = 15 * 24 * 60, HOURS_KEPT = 400 * 24 };
static const int64_t AHEAD_MS = INT64_C(3600) * 1000; // clocks may differ so much

struct part {
    bool held, lost;
    bool released; // given up in the middle of a batch that has events of it
    int64_t committed, epoch_us;
    int64_t moved_to; // by the batch in work, or in doubt; NOT_MOVED
    struct id_window *window;
};

struct split_store {
    struct store base; // first: a struct store * is a struct split_store *
    struct split_options options;
    char *topic;
    bool down, in_doubt;
    struct part *parts; // by partition
    int32_t n_parts;
    struct id_budget budget;
    struct split_batch batch;
    struct split_origins origins;
    struct aggregates_state state;
    int32_t minute_floor, hour_floor; // with the batch in work
    int64_t latest_ms;                // an arrival after this is of a clock that is ahead
};

static struct split_store *of(struct store *s) {
    return (struct split_store *)s;
}

// The part of a position; only asked for partitions that were claimed.
static struct part *part_of(struct split_store *s, const struct stamp *at) {
    return &s->parts[log_position_partition(at->position)];
}

static int64_t believed(const struct split_store *s, int64_t arrival_ms) {
    return arrival_ms < s->latest_ms ? arrival_ms : s->latest_ms;
}

static void read_state(struct split_store *s) {
    s->options.aggregates->ops->state(s->options.aggregates, &s->state);
    s->minute_floor = s->state.minute_floor;
    s->hour_floor = s->state.hour_floor;
}

// --- A batch

static enum store_result split_begin(struct store *base, struct error *err) {
    struct split_store *s = of(base);
    if (s->down) {
        error_set(err, ERROR_RETRIABLE, "the store is not open");
        return STORE_RETRY;
    }
    split_batch_clear(&s->batch);
    split_origins_clear(&s->origins);
    const struct clock_source *clock = s->options.clock;
    s->latest_ms = clock != NULL ? clock_now_ms(clock) + AHEAD_MS : INT64_MAX;
    return STORE_OK;
}

static enum store_result split_prepare(struct store *base, const struct submission *list,
                                       struct error *err) {
    struct split_store *s = of(base);
    return s->options.raw == NULL ? STORE_OK
                                  : split_origins_prepare(&s->origins, s->options.raw, list, err);
}

static void split_prefetch(struct store *base, const struct order *o, const struct stamp *at) {
    UNUSED(o);
    id_window_prefetch(part_of(of(base), at)->window, &at->digest);
}

static enum store_result split_known(struct store *base, const struct order *o,
                                     const struct stamp *at, struct known *out, struct error *err) {
    UNUSED(o);
    UNUSED(err);
    struct split_store *s = of(base);
    struct part *p = part_of(s, at);
    int64_t arrival_ms = believed(s, at->arrival_ms);
    *out = (struct known){id_window_known(p->window, &at->digest, arrival_ms), 0};
    return STORE_OK;
}

static enum store_result split_origin(struct store *base, struct ident order_id,
                                      const struct stamp *at, struct origin *out, bool *found,
                                      struct error *err) {
    UNUSED(err);
    *found = split_origins_find(&of(base)->origins, order_id, at->position, out);
    return STORE_OK;
}

static bool split_fits(struct store *base, const struct order *o, struct rejection *why) {
    struct split_store *s = of(base);
    if (!split_batch_fits(&s->batch, s->state.gross_e4, o)) {
        return currency_reject_overflow(o, why);
    }
    const struct raw_store *raw = s->options.raw;
    return raw == NULL || raw->ops->fits == NULL || raw->ops->fits(s->options.raw, o, why);
}

static enum store_result split_add(struct store *base, const struct order *o,
                                   const struct stamp *at, struct cube_dim *group,
                                   struct error *err) {
    UNUSED(group);
    struct split_store *s = of(base);
    struct part *p = part_of(s, at);
    const struct stored_event event = {*o, at->arrival_ms, at->position};
    if (s->options.raw != NULL) {
        enum store_result result =
            s->options.raw->ops->add(s->options.raw, &event, p->epoch_us, err);
        if (result != STORE_OK) {
            return result;
        }
        if (!split_origins_added(&s->origins, &event, &at->digest)) {
            error_set(err, ERROR_RETRIABLE, "out of memory for a batch of orders");
            return STORE_RETRY;
        }
    }
    id_window_add(p->window, &at->digest);
    split_batch_add(&s->batch, &event);
    return STORE_OK;
}

static enum store_result split_add_rejected(struct store *base, const struct event *e,
                                            struct error *err) {
    if (!split_batch_add_rejected(&of(base)->batch, e)) {
        error_set(err, ERROR_RETRIABLE, "out of memory for a batch's rejected events");
        return STORE_RETRY;
    }
    return STORE_OK;
}

static void split_floors(struct store *base, int64_t arrival_ms, int32_t *minute_floor,
                         int32_t *hour_floor) {
    struct split_store *s = of(base);
    int32_t minute = (int32_t)(arrival_ms / 60000) - s->options.minutes_kept;
    int32_t hour = (int32_t)(arrival_ms / 3600000) - s->options.hours_kept;
    s->minute_floor = minute > s->minute_floor ? minute : s->minute_floor;
    s->hour_floor = hour > s->hour_floor ? hour : s->hour_floor;
    *minute_floor = s->minute_floor;
    *hour_floor = s->hour_floor;
}

static void split_advance(struct store *base, int32_t partition, int64_t next_offset) {
    of(base)->parts[partition].moved_to = next_offset;
}

static void free_part(struct part *p) {
    id_window_free(p->window);
    *p = (struct part){.moved_to = NOT_MOVED};
}

// The batch's identities and moves are final.
static void keep_moves(struct split_store *s) {
    for (int32_t i = 0; i < s->n_parts; i++) {
        struct part *p = &s->parts[i];
        if (p->moved_to != NOT_MOVED) {
            id_window_keep(p->window);
            p->committed = p->moved_to;
            p->moved_to = NOT_MOVED;
        }
        if (p->released) {
            free_part(p);
        }
    }
}

// The batch never was.
static void undo_moves(struct split_store *s) {
    for (int32_t i = 0; i < s->n_parts; i++) {
        struct part *p = &s->parts[i];
        if (p->window != NULL) {
            id_window_undo(p->window);
        }
        p->moved_to = NOT_MOVED;
        if (p->released) {
            free_part(p);
        }
    }
}

static size_t list_moves(struct split_store *s, struct position_move *moves) {
    size_t n = 0;
    for (int32_t i = 0; i < s->n_parts; i++) {
        const struct part *p = &s->parts[i];
        if (p->moved_to != NOT_MOVED) {
            moves[n++] = (struct position_move){i, p->committed, p->moved_to, p->epoch_us};
        }
    }
    return n;
}

static enum store_result commit_aggregates(struct split_store *s, struct cube *cube,
                                           struct batch_summary *summary, struct error *err) {
    struct position_move *moves = mem_zalloc((size_t)s->n_parts + 1, sizeof *moves);
    struct aggregates_batch batch = {
        .topic = s->topic,
        .moves = moves,
        .n_moves = list_moves(s, moves),
        .cube = cube,
        .minute_floor = s->minute_floor,
        .hour_floor = s->hour_floor,
    };
    split_batch_fill(&s->batch, &batch);
    enum commit_result result = COMMIT_OK;
    if (batch.n_moves > 0) { // else it was history alone
        result = s->options.aggregates->ops->commit(s->options.aggregates, &batch, summary, err);
    }
    free(moves);
    s->in_doubt = result == COMMIT_DOUBT;
    if (result == COMMIT_OK) {
        keep_moves(s);
        read_state(s);
        for (size_t i = 0; s->options.rejected != NULL && i < batch.n_rejected; i++) {
            s->options.rejected(s->options.rejected_user, &batch.rejected[i]);
        }
        return STORE_OK;
    }
    return result == COMMIT_ERROR ? STORE_ERROR : STORE_RETRY;
}

static enum store_result split_commit(struct store *base, struct cube *cube,
                                      struct batch_summary *summary, struct error *err) {
    struct split_store *s = of(base);
    if (s->options.raw != NULL) {
        enum store_result result = s->options.raw->ops->flush(s->options.raw, err);
        if (result != STORE_OK) {
            return result;
        }
    }
    fault_point("split-after-raw");
    enum store_result result = commit_aggregates(s, cube, summary, err);
    fault_point("split-after-commit");
    return result;
}

static void split_rollback(struct store *base) {
    struct split_store *s = of(base);
    s->down = true; // until reopen
    if (!s->in_doubt) {
        undo_moves(s);
    }
    split_batch_clear(&s->batch);
    split_origins_clear(&s->origins);
    read_state(s);
}

// --- Partitions

static void make_parts(struct split_store *s, int32_t partition) {
    if (partition < s->n_parts) {
        return;
    }
    s->parts = mem_realloc(s->parts, ((size_t)partition + 1) * sizeof *s->parts);
    for (; s->n_parts <= partition; s->n_parts++) {
        s->parts[s->n_parts] = (struct part){.moved_to = NOT_MOVED};
    }
}

static void split_held(struct store *base, int32_t partition, struct log_claim *out) {
    const struct split_store *s = of(base);
    const struct part *p = partition < s->n_parts ? &s->parts[partition] : NULL;
    bool held = p != NULL && p->held && !p->lost;
    *out = (struct log_claim){held ? p->committed : -1, !held};
    if (held && p->moved_to != NOT_MOVED) {
        out->next_offset = p->moved_to;
    }
}

// A claim that failed may have closed the store of aggregates. Without a batch nothing else would
// open it again; the batch in work, if there is one, is in memory and does not mind.
static void open_for_next_claim(struct split_store *s) {
    struct error err;
    if (s->options.aggregates->ops->reopen(s->options.aggregates, &err) != STORE_OK) {
        log_debug("store", "%s", err.text);
    }
}

static enum store_result split_claim(struct store *base, const char *topic, int32_t partition,
                                     struct log_claim *out, struct error *err) {
    struct split_store *s = of(base);
    if (s->down) {
        error_set(err, ERROR_RETRIABLE, "the store is not open");
        return STORE_RETRY;
    }
    struct position_claim claim;
    bool lost;
    enum store_result result = s->options.aggregates->ops->claim(s->options.aggregates, topic,
                                                                 partition, 0, &claim, &lost, err);
    if (result != STORE_OK) {
        open_for_next_claim(s);
        return result;
    }
    make_parts(s, partition);
    struct part *p = &s->parts[partition];
    bool judged = p->moved_to != NOT_MOVED; // events of it are in the batch in work
    if (judged && claim.next_offset != p->committed) {
        // Another process has counted them in between. The batch keeps the old epoch, so that its
        // commit is fenced; then the partition can be claimed.
        p->lost = true;
        *out = (struct log_claim){-1, true};
        return STORE_OK;
    }
    if (!judged) { // else it was given up and came back within one batch: that goes on counting
        free_part(p);
        p->window = id_window_new(s->options.window_ms, &s->budget);
        p->committed = claim.next_offset;
    }
    p->held = true;
    p->lost = p->released = false;
    p->epoch_us = claim.epoch_us;
    split_held(base, partition, out);
    return STORE_OK;
}

static void split_release(struct store *base, int32_t partition) {
    struct split_store *s = of(base);
    if (partition >= s->n_parts) {
        return;
    }
    struct part *p = &s->parts[partition];
    if (p->moved_to != NOT_MOVED && !p->lost) {
        p->released = true; // the commit may still get through; else it is fenced
        p->held = false;
    } else {
        free_part(p);
    }
}

static enum store_result split_remember(struct store *base, const struct order *o,
                                        const struct stamp *at, struct error *err) {
    UNUSED(o);
    UNUSED(err);
    struct split_store *s = of(base);
    struct id_window *w = part_of(s, at)->window;
    if (id_window_known(w, &at->digest, believed(s, at->arrival_ms)) == KNOWN_NEW) {
        id_window_restore(w, &at->digest);
    }
    return STORE_OK;
}

// --- Reopen

// After a failure: is the partition still ours, and was the batch in doubt committed?
static enum store_result claim_again(struct split_store *s, int32_t partition, struct error *err) {
    struct part *p = &s->parts[partition];
    struct position_claim claim;
    enum store_result result = s->options.aggregates->ops->claim(
        s->options.aggregates, s->topic, partition, p->epoch_us, &claim, &p->lost, err);
    if (result != STORE_OK) {
        return result;
    }
    if (!p->lost && p->moved_to != NOT_MOVED && claim.next_offset == p->moved_to) {
        log_info("store", "partition %" PRId32 ": the batch in doubt was committed", partition);
        id_window_keep(p->window);
    } else if (!p->lost && claim.next_offset == p->committed) {
        id_window_undo(p->window);
    } else {
        p->lost = true;
        log_warn("store",
                 "partition %" PRId32 " was taken over by another process: it is given up here",
                 partition);
    }
    p->moved_to = NOT_MOVED;
    p->committed = claim.next_offset;
    p->epoch_us = claim.epoch_us;
    return STORE_OK;
}

static enum store_result split_check(struct store *base, struct error *err) {
    struct split_store *s = of(base);
    const struct split_options *o = &s->options;
    enum store_result result = STORE_OK;
    if (o->aggregates->ops->check != NULL) {
        result = o->aggregates->ops->check(o->aggregates, err);
    }
    if (result == STORE_OK && o->raw != NULL && o->raw->ops->check != NULL) {
        result = o->raw->ops->check(o->raw, err);
    }
    s->down = s->down || result != STORE_OK;
    return result;
}

static enum store_result split_reopen(struct store *base, struct error *err) {
    struct split_store *s = of(base);
    enum store_result result = s->options.aggregates->ops->reopen(s->options.aggregates, err);
    if (result == STORE_OK && s->options.raw != NULL) {
        result = s->options.raw->ops->reopen(s->options.raw, err);
    }
    for (int32_t i = 0; result == STORE_OK && i < s->n_parts; i++) {
        struct part *p = &s->parts[i];
        if (p->released) { // gone, whatever became of the batch
            free_part(p);
        } else if (p->held && !p->lost) {
            result = claim_again(s, i, err);
        }
    }
    if (result == STORE_OK) {
        s->down = s->in_doubt = false;
        read_state(s);
    }
    return result;
}

// --- Life

static void split_counts(struct store *base, struct store_counts *out) {
    *out = of(base)->state.counts;
}

struct split_window_facts split_store_window(const struct store *base) {
    const struct split_store *s = (const struct split_store *)base;
    struct split_window_facts all = {.covered_ms = s->options.window_ms};
    for (int32_t i = 0; i < s->n_parts; i++) {
        if (s->parts[i].window != NULL) {
            struct id_window_facts one = id_window_facts(s->parts[i].window);
            all.n_ids += one.n_ids;
            all.bytes += one.bytes;
            all.covered_ms = one.covered_ms < all.covered_ms ? one.covered_ms : all.covered_ms;
        }
    }
    return all;
}

static void split_close(struct store *base) {
    struct split_store *s = of(base);
    for (int32_t i = 0; i < s->n_parts; i++) {
        free_part(&s->parts[i]);
    }
    free(s->parts);
    split_batch_free(&s->batch);
    split_origins_free(&s->origins);
    if (s->options.raw != NULL) {
        s->options.raw->ops->close(s->options.raw);
    }
    s->options.aggregates->ops->close(s->options.aggregates);
    free(s->topic);
    free(s);
}

struct store *split_store_new(const struct split_options *options) {
    static const struct store_ops ops = {
        .name = "split",
        .begin = split_begin,
        .prepare = split_prepare,
        .prefetch = split_prefetch,
        .known = split_known,
        .origin = split_origin,
        .fits = split_fits,
        .add = split_add,
        .add_rejected = split_add_rejected,
        .floors = split_floors,
        .commit = split_commit,
        .rollback = split_rollback,
        .claim = split_claim,
        .held = split_held,
        .release = split_release,
        .remember = split_remember,
        .advance = split_advance,
        .check = split_check,
        .reopen = split_reopen,
        .counts = split_counts,
        .close = split_close,
    };
    struct split_store *s = mem_zalloc(1, sizeof *s);
    s->base.ops = &ops;
    s->options = *options;
    s->options.minutes_kept = options->minutes_kept > 0 ? options->minutes_kept : MINUTES_KEPT;
    s->options.hours_kept = options->hours_kept > 0 ? options->hours_kept : HOURS_KEPT;
    s->topic = mem_strndup(options->topic, strlen(options->topic));
    s->budget.max_bytes = options->window_bytes;
    split_batch_init(&s->batch);
    read_state(s);
    return &s->base;
}
