// SPDX-License-Identifier: MIT
// Judging. Each event in order: known already (duplicate or conflict)? Does its sum fit? Else it is
// accepted: its source and state are found, it goes to the store and into the cube. Rejected events
// go to the store too.
//
// How it fails: what the store answers but OK ends the batch; its caller rolls back.
#include "engine/judge.h"

#include "engine/log_store.h"
#include "sums/currency.h"
#include "sums/origin.h"
#include <string.h>

enum { PREFETCH_AHEAD = 12, CACHE_LINE_BYTES = 64, ARRIVAL_AHEAD_MS = 3600 * 1000 };

static enum store_result no_memory(struct error *err) {
    error_set(err, ERROR_RETRIABLE, "out of memory while judging a batch");
    return STORE_RETRY;
}

// What is taken back counts where its order did: the store is asked for that one. When it answers
// later, source and state are those that hold if there is none.
static enum store_result find_origin(struct judge *j, struct order *o, const struct stamp *at,
                                     bool *later, struct error *err) {
    struct origin placed;
    enum origin_known known = ORIGIN_UNKNOWN;
    if (o->kind != ORDER_PLACED) {
        enum store_result result =
            j->store->ops->origin(j->store, o->order_id, at, &placed, &known, err);
        if (result != STORE_OK) {
            return result;
        }
    }
    if (known == ORIGIN_KNOWN || o->source.at == NULL || o->state.at == NULL) {
        origin_resolve(o, known == ORIGIN_KNOWN ? &placed : NULL, j->customers);
    }
    *later = known == ORIGIN_LATER;
    return STORE_OK;
}

static enum store_result engine_reject(struct judge *j, struct submission *s, struct event *event,
                                       const struct rejection *why, struct error *err) {
    if (!submission_reject(s, event, why)) {
        return no_memory(err);
    }
    return j->store->ops->add_rejected(j->store, event, err);
}

static enum store_result judge_known(struct judge *j, struct submission *s, struct event *event,
                                     enum known_as known, struct error *err) {
    if (known == KNOWN_SAME) {
        event->verdict = VERDICT_DUPLICATE;
        return STORE_OK;
    }
    struct rejection why;
    reject(&why, "order_id", REJECT_CONFLICT,
           "this %s event is known already with other amounts, customer or products",
           order_kind_name(event->order.kind));
    return engine_reject(j, s, event, &why, err);
}

// NULL when memory is refused, or when a sum would overflow (then *overflow).
static struct cube_dim *add_up(struct judge *j, const struct order *o, bool *overflow) {
    uint32_t group;
    enum cube_result result = cube_add(j->cube, o, j->minute_floor, j->hour_floor, &group);
    *overflow = result == CUBE_OVERFLOW;
    return result == CUBE_OK ? cube_group(j->cube, group) : NULL;
}

__attribute__((noinline)) static void note_doubts(struct batch_summary *batch,
                                                  const struct order *o) {
    for (int k = 0; k < ORDER_DOUBT_KINDS; k++) {
        char digits[24];
        if ((o->warnings & (uint32_t)WARN_UNKNOWN_ORDER << k) != 0) {
            store_doubt_note(&batch->counts.doubts[k], ident_text(o->order_id, digits));
        }
    }
}

static void count_accepted(struct batch_summary *batch, const struct order *o) {
    for (uint32_t left = o->warnings & (WARN_UNKNOWN_ORDER - 1); left != 0; left &= left - 1) {
        batch->counts.warnings[__builtin_ctz(left)]++;
    }
    if (UNLIKELY(o->warnings >= WARN_UNKNOWN_ORDER)) {
        note_doubts(batch, o);
    }
    int32_t minute = (int32_t)(o->created_ms / 60000);
    batch->minute_min = minute < batch->minute_min ? minute : batch->minute_min;
    batch->minute_max = minute > batch->minute_max ? minute : batch->minute_max;
}

// More may be taken back of an order than there was: that is counted, and told.
static enum store_result doubt(struct judge *j, struct order *o, struct error *err) {
    uint32_t doubts = 0;
    enum store_result result = j->store->ops->doubt(j->store, o, &doubts, err);
    o->warnings = (o->warnings & (WARN_UNKNOWN_ORDER - 1)) | doubts;
    return result;
}

// What to do with an event whose source and state are resolved.
static enum store_result take_in(struct judge *j, struct submission *s, struct event *event,
                                 const struct known *known, bool later, struct batch_summary *batch,
                                 struct error *err) {
    const struct order *o = &event->order;
    struct rejection why;
    bool overflow = false;
    if (!j->store->ops->fits(j->store, o, &why)) {
        return engine_reject(j, s, event, &why, err);
    }
    struct cube_dim *group = later ? NULL : add_up(j, o, &overflow);
    if (overflow) { // fits() stands before it; nothing was added, so the batch goes on
        currency_reject_overflow(o, &why);
        return engine_reject(j, s, event, &why, err);
    }
    if (group == NULL && !later) {
        return no_memory(err);
    }
    enum store_result result = STORE_OK;
    if (o->kind != ORDER_PLACED && j->store->ops->doubt != NULL) {
        result = doubt(j, &event->order, err);
    }
    if (result == STORE_OK) {
        result = j->store->ops->add(j->store, o, &event->at, known, group, err);
    }
    if (result != STORE_OK) {
        return result;
    }
    event->verdict = VERDICT_ACCEPTED;
    count_accepted(batch, o);
    return STORE_OK;
}

static enum store_result judge_new(struct judge *j, struct submission *s, struct event *event,
                                   const struct known *known, struct batch_summary *batch,
                                   struct error *err) {
    // A rolled-back batch is judged again from what came.
    const struct text source = event->order.source, state = event->order.state;
    bool later;
    enum store_result result = find_origin(j, &event->order, &event->at, &later, err);
    if (result == STORE_OK) {
        result = take_in(j, s, event, known, later, batch, err);
    }
    event->order.source = source;
    event->order.state = state;
    return result;
}

static enum store_result judge_event(struct judge *j, struct submission *s, struct event *event,
                                     struct batch_summary *batch, struct error *err) {
    batch->counts.received++;
    enum store_result result;
    if (s->log.partition < 0) {
        event->at.arrival_ms = s->arrival_ms;
    }
    if (event->at.arrival_ms < batch->oldest_arrival_ms) {
        batch->oldest_arrival_ms = event->at.arrival_ms;
    }
    if (event->verdict == VERDICT_REJECTED) {
        result = j->store->ops->add_rejected(j->store, event, err);
    } else {
        struct known known;
        order_mark_arrival(&event->order, event->at.arrival_ms, j->late_limit_ms);
        result = j->store->ops->known(j->store, &event->order, &event->at, &known, err);
        if (result == STORE_OK) {
            result = known.as == KNOWN_NEW ? judge_new(j, s, event, &known, batch, err)
                                           : judge_known(j, s, event, known.as, err);
        }
    }
    batch->counts.accepted += event->verdict == VERDICT_ACCEPTED;
    batch->counts.duplicate += event->verdict == VERDICT_DUPLICATE;
    batch->counts.rejected += event->verdict == VERDICT_REJECTED;
    return result;
}

// What events need lies far apart in memory, and most of it was written by another thread: it is
// asked for before they are judged. The events come first, since they lead to their names, and then
// the names of what they are counted by, since these lead to their sums.
static void prefetch_event(const struct submission *s, size_t i) {
    if (i < s->n_events) {
        const char *event = (const char *)&s->events[i];
        for (size_t at = 0; at < sizeof s->events[i]; at += CACHE_LINE_BYTES) {
            __builtin_prefetch(event + at, 1);
        }
    }
}
static void prefetch_names(const struct judge *j, const struct submission *s, size_t i) {
    if (i < s->n_events && s->events[i].verdict == VERDICT_NEW) {
        cube_prefetch_names(j->cube, &s->events[i].order);
    }
}
static void prefetch(const struct judge *j, const struct submission *s, size_t i) {
    if (i < s->n_events && s->events[i].verdict == VERDICT_NEW) {
        cube_prefetch_sums(j->cube, &s->events[i].order);
        if (j->store->ops->prefetch != NULL) {
            j->store->ops->prefetch(j->store, &s->events[i].order, &s->events[i].at);
        }
    }
}

static void prefetch_first(const struct judge *j, const struct submission *s) {
    for (size_t i = 0; i < s->n_events && i < 2 * PREFETCH_AHEAD; i++) {
        prefetch_names(j, s, i);
    }
    for (size_t i = 0; i < s->n_events && i < PREFETCH_AHEAD; i++) {
        prefetch(j, s, i);
    }
}

// Events that were committed before: only their identities are to be known again.
static enum store_result remember_all(struct judge *j, struct submission *s, struct error *err) {
    struct log_store *log = j->store->log;
    for (size_t i = 0; i < s->n_events; i++) {
        enum store_result result = log->ops->remember(log, &s->events[i], err);
        if (result != STORE_OK) {
            return result;
        }
    }
    return STORE_OK;
}

static int64_t believed_now_ms(struct judge *j) {
    return clock_course_now(&j->course, clock_now_ms(j->clock),
                            clock_monotonic_ns(j->clock) / 1000000);
}

void judge_init(struct judge *j) {
    (void)believed_now_ms(j);
}

// What is kept moves on with arrivals; but a clock that is far ahead for a while, ours or that of a
// message, must not drop everybody's minutes.
static int64_t arrival_for_floors(struct judge *j, const struct submission *s) {
    int64_t ahead_ms = s->log.partition < 0 ? 0 : ARRIVAL_AHEAD_MS; // clocks of others may differ
    int64_t latest_ms = believed_now_ms(j) + ahead_ms;
    return s->arrival_ms < latest_ms ? s->arrival_ms : latest_ms;
}

static enum store_result judge_submission(struct judge *j, struct submission *s,
                                          struct batch_summary *batch, struct error *err) {
    if (s->log.history) {
        return remember_all(j, s, err);
    }
    j->store->ops->floors(j->store, arrival_for_floors(j, s), &j->minute_floor, &j->hour_floor);
    for (size_t i = 0; i < s->n_events; i++) {
        prefetch_event(s, i + 3 * PREFETCH_AHEAD);
        prefetch_names(j, s, i + 2 * PREFETCH_AHEAD);
        prefetch(j, s, i + PREFETCH_AHEAD);
        enum store_result result = judge_event(j, s, &s->events[i], batch, err);
        if (result != STORE_OK) {
            return result;
        }
    }
    if (s->log.partition >= 0) {
        batch->counts.skipped += s->log.n_skipped;
        j->store->log->ops->advance(j->store->log, s->log.partition, s->log.next_offset);
    }
    return STORE_OK;
}

enum store_result judge_all(struct judge *j, struct submission *list, struct batch_summary *batch,
                            struct error *err) {
    enum store_result result = STORE_OK;
    if (j->store->ops->prepare != NULL) {
        result = j->store->ops->prepare(j->store, list, err);
    }
    bool asked = false; // for what the first ones of `s` need
    for (struct submission *s = list; s != NULL && result == STORE_OK; s = s->next) {
        if (!asked) {
            prefetch_first(j, s);
        }
        asked = s->n_events < PREFETCH_AHEAD && s->next != NULL;
        if (asked) {
            prefetch_first(j, s->next);
        }
        result = judge_submission(j, s, batch, err);
    }
    if (result == STORE_OK && j->store->ops->judged != NULL) {
        result = j->store->ops->judged(j->store, err);
    }
    return result;
}

void judge_forget(struct submission *list, size_t n_judged) {
    for (struct submission *s = list; s != NULL && n_judged > 0; s = s->next) {
        for (size_t i = 0; i < s->n_events && n_judged > 0; i++, n_judged--) {
            struct event *event = &s->events[i];
            bool by_engine = event->verdict != VERDICT_REJECTED ||
                             strcmp(event->why->code, REJECT_CONFLICT) == 0 ||
                             strcmp(event->why->code, REJECT_OVERFLOW) == 0;
            if (by_engine) {
                event->verdict = VERDICT_NEW;
                event->why = NULL;
            }
        }
    }
}
