// SPDX-License-Identifier: MIT
// The split store. One batch:
//
// 1. prepare: the placed orders that cancellations and refunds of these submissions speak of are
//    looked up, all at once (split_origins.c).
// 2. known: in the partition's window of identities. add: the raw row is sent; the identity, the
//    gross sum and, for the newest events, the order are noted. add_rejected, advance: noted.
//    judged: of the newest orders copies are made.
// 3. flush: raw rows are sent until they are durable. commit: the aggregates take everything else
//    with the partitions' moves in one transaction (split_commit.c), perhaps on another thread,
//    while the next batch is judged: in the same window of identities, with the raw rows of both.
//
// How it fails: before the aggregates' commit nothing counts; raw rows without one are written
// again, the same, when the log is read again. A partition that another process has taken over is
// lost until the log claims it again. What a partition can go through is in split_part.h, the calls
// of the log are in split_log.c. Memory that is refused for identities fails the batch, to be tried
// again: rollback undoes what the window began.
#include "store/split/split_store.h"

#include "base/fault.h"
#include "base/mem.h"
#include "store/split/split_internal.h"
#include "sums/currency.h"
#include <stdlib.h>

enum store_result split_out_of_window(struct error *err) {
    error_set(
        err, ERROR_RETRIABLE,
        "out of memory for the identities of the dedupe window: lower --dedupe-memory, or give "
        "the process more memory");
    return STORE_RETRY;
}

// --- A batch

static enum store_result split_begin(struct store *base, struct error *err) {
    struct split_store *s = split_store_of(base);
    if (s->down) {
        error_set(err, ERROR_RETRIABLE, "the store is not open");
        return STORE_RETRY;
    }
    split_batch_clear(s->work);
    split_origins_clear(&s->origins);
    return STORE_OK;
}

static enum store_result split_prepare(struct store *base, const struct submission *list,
                                       struct error *err) {
    struct split_store *s = split_store_of(base);
    return s->options.raw == NULL ? STORE_OK
                                  : split_origins_prepare(&s->origins, s->options.raw, list, err);
}

static void split_prefetch(struct store *base, const struct order *o, const struct stamp *at) {
    UNUSED(o);
    id_window_prefetch(split_part_of(split_store_of(base), at)->window, &at->digest);
}

static enum store_result split_known(struct store *base, const struct order *o,
                                     const struct stamp *at, struct known *out, struct error *err) {
    UNUSED(o);
    struct split_part *p = split_part_of(split_store_of(base), at);
    *out = (struct known){0};
    bool ok = id_window_known(p->window, &at->digest, log_position_offset(at->position),
                              at->arrival_ms, &out->as);
    return ok ? STORE_OK : split_out_of_window(err);
}

static enum store_result split_origin(struct store *base, struct ident order_id,
                                      const struct stamp *at, struct origin *out,
                                      enum origin_known *known, struct error *err) {
    UNUSED(err);
    bool found = split_origins_find(&split_store_of(base)->origins, order_id, at->position, out);
    *known = found ? ORIGIN_KNOWN : ORIGIN_UNKNOWN;
    return STORE_OK;
}

static bool split_fits(struct store *base, const struct order *o, struct rejection *why) {
    struct split_store *s = split_store_of(base);
    s->asked_gross = split_gross_of(o);
    if (!split_batch_fits(s->work, s->sent.gathered, s->gross_e4, &s->asked_gross)) {
        return currency_reject_overflow(o, why);
    }
    const struct raw_store *raw = s->options.raw;
    return raw == NULL || raw->ops->fits == NULL || raw->ops->fits(s->options.raw, o, why);
}

static enum store_result no_memory(struct error *err) {
    error_set(err, ERROR_RETRIABLE, "out of memory for what a batch has gathered");
    return STORE_RETRY;
}

static enum store_result add_raw(struct split_store *s, const struct split_part *p,
                                 const struct stored_event *event, const struct stamp *at,
                                 struct error *err) {
    enum store_result result = s->options.raw->ops->add(s->options.raw, event, p->epoch_us, err);
    return result != STORE_OK                                     ? result
           : split_origins_added(&s->origins, event, &at->digest) ? STORE_OK
                                                                  : no_memory(err);
}

static bool add_change(struct split_store *s, const struct order *o, const struct stamp *at) {
    const struct stored_event event = {*o, at->arrival_ms, at->position};
    return split_batch_add_change(s->work, &event);
}

static enum store_result split_add(struct store *base, const struct order *o,
                                   const struct stamp *at, const struct known *known,
                                   const struct cube_dim *group, struct error *err) {
    UNUSED(known); // the window looks the identity's place up again: it is in the cache
    UNUSED(group);
    struct split_store *s = split_store_of(base);
    struct split_part *p = split_part_of(s, at);
    if (s->options.raw != NULL) {
        const struct stored_event event = {*o, at->arrival_ms, at->position};
        enum store_result result = add_raw(s, p, &event, at, err);
        if (result != STORE_OK) {
            return result;
        }
    }
    if (!id_window_add(p->window, &at->digest)) {
        return split_out_of_window(err);
    }
    bool kept =
        split_batch_add(s->work, &s->asked_gross) &&
        (o->kind == ORDER_PLACED ? split_batch_add_order(s->work, o, at) : add_change(s, o, at));
    return kept ? STORE_OK : no_memory(err);
}

static enum store_result split_judged(struct store *base, struct error *err) {
    return split_batch_own(split_store_of(base)->work) ? STORE_OK : no_memory(err);
}

static enum store_result split_add_rejected(struct store *base, const struct event *e,
                                            struct error *err) {
    struct split_store *s = split_store_of(base);
    struct split_part *p = split_part_of(s, &e->at);
    // By the parser: it has no digest. Time moves on by it, as when it is read again.
    bool asked = split_was_asked(e);
    if (!asked &&
        !id_window_pass(p->window, log_position_offset(e->at.position), e->at.arrival_ms)) {
        return split_out_of_window(err);
    }
    // One of another form is an order for whoever reads it in that form later.
    bool refused = asked || strcmp(e->why->code, REJECT_FORM) == 0;
    bool kept = split_batch_add_rejected(s->work, e, (int32_t)(p - s->parts), refused);
    return kept ? STORE_OK : no_memory(err);
}

static void split_floors(struct store *base, int64_t arrival_ms, int32_t *minute_floor,
                         int32_t *hour_floor) {
    struct split_store *s = split_store_of(base);
    split_floors_raise(&s->floors, arrival_ms, s->options.minutes_kept, s->options.hours_kept);
    *minute_floor = s->floors.minute;
    *hour_floor = s->floors.hour;
}

static enum store_result split_flush(struct store *base, struct error *err) {
    struct raw_store *raw = split_store_of(base)->options.raw;
    enum store_result result = raw != NULL ? raw->ops->flush(raw, err) : STORE_OK;
    fault_point("split-after-raw");
    return result;
}

// --- Reopen

static enum store_result split_check(struct store *base, struct error *err) {
    struct split_store *s = split_store_of(base);
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
    struct split_store *s = split_store_of(base);
    enum store_result result = s->options.aggregates->ops->reopen(s->options.aggregates, err);
    if (result == STORE_OK && s->options.raw != NULL) {
        result = s->options.raw->ops->reopen(s->options.raw, err);
    }
    if (result == STORE_OK) {
        result = split_log_reopen(s, err);
    }
    if (result == STORE_OK) {
        s->down = s->in_doubt = false;
        split_read_state(s);
    }
    return result;
}

// --- Life

static void split_counts(struct store *base, struct store_counts *out) {
    *out = split_store_of(base)->state.counts;
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
    struct split_store *s = split_store_of(base);
    commit_thread_end(&s->committer);
    free(s->sent.moves);
    for (int32_t i = 0; i < s->n_parts; i++) {
        split_part_free(&s->parts[i]);
    }
    free(s->parts);
    free(s->lanes);
    split_batch_free(&s->batches[0]);
    split_batch_free(&s->batches[1]);
    free(s->gross_e4);
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
        .judged = split_judged,
        .fits = split_fits,
        .add = split_add,
        .add_rejected = split_add_rejected,
        .floors = split_floors,
        .flush = split_flush,
        .commit_begin = split_commit_begin,
        .commit_finish = split_commit_finish,
        .rollback = split_rollback,
        .check = split_check,
        .reopen = split_reopen,
        .counts = split_counts,
        .close = split_close,
    };
    struct split_store *s = mem_zalloc(1, sizeof *s);
    s->base = (struct store){&ops, split_log_init(&s->log)};
    s->options = *options;
    s->options.minutes_kept =
        options->minutes_kept > 0 ? options->minutes_kept : SPLIT_MINUTES_KEPT;
    s->options.hours_kept = options->hours_kept > 0 ? options->hours_kept : SPLIT_HOURS_KEPT;
    s->topic = mem_strndup(options->topic, strlen(options->topic));
    s->budget.max_bytes = options->window_bytes;
    s = mem_must(split_batch_init(&s->batches[0], NULL) ? s : NULL);
    s = mem_must(split_batch_init(&s->batches[1], NULL) ? s : NULL);
    s->work = &s->batches[0];
    s->gross_e4 = mem_zalloc(N_CURRENCIES, sizeof *s->gross_e4);
    commit_thread_init(&s->committer, split_commit_run, s);
    split_read_state(s);
    return &s->base;
}
