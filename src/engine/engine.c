// SPDX-License-Identifier: MIT
// The engine. The happy path of one batch (engine_step):
//
// 1. Take whole submissions from the source, about batch_max_events events.
// 2. store.begin. For each event in order: known already (duplicate or conflict)? Does its sum fit?
//    Else accepted: find its source and state, add it to the raw rows and to the cube.
//    Rejected events go to the store too.
// 3. store.commit: cube, counts and rows become durable in one transaction.
// 4. Settle every submission as durable; tell the live page.
//
// From a log, 1 and 2 repeat until the batch is full, half a second has gone by or nothing waits,
// and submissions are given back as they are judged: the log has them. After a failure the log is
// wound back to what the store holds.
//
// How it fails: any RETRY or ERROR of the store rolls the whole batch back, forgets every judgement
// of it and settles its submissions as "try later": nothing was stored, nobody was told otherwise.
// Until the store can be opened again (tried with back-off) all submissions are settled that way.
#include "engine/engine.h"
#include "engine/clock_course.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    BATCH_MAX_EVENTS = 20000,
    REOPEN_FIRST_MS = 100,
    REOPEN_LONGEST_MS = 5000,
    PREFETCH_AHEAD = 12,
    RUN_WAIT_MS = 500,
    ARRIVAL_AHEAD_MS = 3600 * 1000,
};
// Of a log a batch takes what is there, but no longer than this: the sums should not stand still.
#define BATCH_LONGEST_NS INT64_C(500000000)
#define CHECK_IDLE_NS INT64_C(5000000000) // the store is asked so often while nothing comes

struct engine {
    struct store *store;
    struct source source;
    const struct order_rules *rules;
    struct engine_options options;
    struct customers *customers;
    _Atomic(struct customers *) new_customers; // handed over by engine_set_customers
    struct cube *cube;
    int32_t minute_floor, hour_floor; // of the batch in work
    struct clock_course course;

    int64_t reopen_at_ns; // monotonic; when the store is down
    int64_t check_at_ns;  // monotonic; when nothing comes
    int reopen_wait_ms;
    bool store_down;

    pthread_mutex_t status_lock;
    struct engine_status status;
};

static int64_t believed_now_ms(struct engine *e) {
    return clock_course_now(&e->course, clock_now_ms(e->options.clock),
                            clock_monotonic_ns(e->options.clock) / 1000000);
}

struct engine *engine_new(struct store *store, struct source source,
                          const struct order_rules *rules, struct customers *customers,
                          const struct engine_options *options) {
    struct engine *e = mem_zalloc(1, sizeof *e);
    e->store = store;
    e->source = source;
    e->rules = rules;
    e->customers = customers;
    e->options = *options;
    if (e->options.batch_max_events == 0) {
        e->options.batch_max_events = BATCH_MAX_EVENTS;
    }
    if (e->options.late_limit_ms == 0) {
        e->options.late_limit_ms = INT64_C(10) * 60 * 1000;
    }
    e->cube = cube_new(rules->zone);
    pthread_mutex_init(&e->status_lock, NULL);
    e->reopen_wait_ms = REOPEN_FIRST_MS;
    (void)believed_now_ms(e); // its course begins here
    e->status.store_ready = true;
    e->status.customers = (int64_t)customers_count(customers);
    store->ops->counts(store, &e->status.counts);
    return e;
}

void engine_free(struct engine *e) {
    if (e == NULL) {
        return;
    }
    customers_free(e->customers);
    customers_free(atomic_load(&e->new_customers));
    cube_free(e->cube);
    pthread_mutex_destroy(&e->status_lock);
    free(e);
}

void engine_set_customers(struct engine *e, struct customers *customers) {
    customers_free(atomic_exchange(&e->new_customers, customers));
}

static void adopt_new_customers(struct engine *e) {
    struct customers *fresh = atomic_exchange(&e->new_customers, NULL);
    if (fresh != NULL) {
        customers_free(e->customers);
        e->customers = fresh;
        pthread_mutex_lock(&e->status_lock);
        e->status.customers = (int64_t)customers_count(fresh);
        pthread_mutex_unlock(&e->status_lock);
    }
}

// --- Judging one event

static enum store_result no_memory(struct error *err) {
    error_set(err, ERROR_RETRIABLE, "out of memory while judging a batch");
    return STORE_RETRY;
}

// Source and state: a known order's for what is taken back from it, else the event's own, else the
// customer's, else "(unknown)".
static enum store_result resolve_origin(struct engine *e, struct order *o, const struct stamp *at,
                                        struct arena *arena, struct error *err) {
    if (o->kind != ORDER_PLACED) {
        struct origin origin;
        bool known = false;
        enum store_result result =
            e->store->ops->origin(e->store, o->order_id, at, &origin, &known, err);
        if (result != STORE_OK) {
            return result;
        }
        if (known) { // what was found is only borrowed until the next look-up
            return arena_try_copy(arena, origin.source, &o->source) &&
                           arena_try_copy(arena, origin.state, &o->state)
                       ? STORE_OK
                       : no_memory(err);
        }
    }
    const struct customer *customer = o->source.at != NULL && o->state.at != NULL
                                          ? NULL
                                          : customers_find(e->customers, o->customer_id);
    if (customer != NULL) {
        o->source = o->source.at != NULL ? o->source : customer->source;
        o->state = o->state.at != NULL ? o->state : customer->state;
    }
    o->source = o->source.at != NULL ? o->source : TEXT_LIT("(unknown)");
    o->state = o->state.at != NULL ? o->state : TEXT_LIT("(unknown)");
    return STORE_OK;
}

static enum store_result engine_reject(struct engine *e, struct submission *s, struct event *event,
                                       const struct rejection *why, struct error *err) {
    if (!submission_reject(s, event, why)) {
        return no_memory(err);
    }
    return e->store->ops->add_rejected(e->store, event, err);
}

static enum store_result judge_known(struct engine *e, struct submission *s, struct event *event,
                                     enum known_as known, struct error *err) {
    if (known == KNOWN_SAME) {
        event->verdict = VERDICT_DUPLICATE;
        return STORE_OK;
    }
    struct rejection why;
    reject(&why, "order_id", REJECT_CONFLICT,
           "this %s event is known already with other amounts, customer or products",
           order_kind_name(event->order.kind));
    return engine_reject(e, s, event, &why, err);
}

static enum store_result accept(struct engine *e, struct submission *s, struct event *event,
                                struct batch_summary *batch, struct error *err) {
    struct order resolved = event->order; // a rolled-back batch is judged again from the original
    enum store_result result = resolve_origin(e, &resolved, &event->at, &s->arena, err);
    if (result != STORE_OK) {
        return result;
    }
    struct rejection why;
    if (!e->store->ops->fits(e->store, &resolved, &why)) {
        return engine_reject(e, s, event, &why, err);
    }
    uint32_t group = cube_add(e->cube, &resolved, e->minute_floor, e->hour_floor);
    result = e->store->ops->add(e->store, &resolved, &event->at, cube_group(e->cube, group), err);
    if (result != STORE_OK) {
        return result;
    }
    event->verdict = VERDICT_ACCEPTED;
    for (int bit = 0; bit < ORDER_WARNING_KINDS; bit++) {
        batch->counts.warnings[bit] += resolved.warnings >> bit & 1;
    }
    int32_t minute = (int32_t)(resolved.created_ms / 60000);
    batch->minute_min = minute < batch->minute_min ? minute : batch->minute_min;
    batch->minute_max = minute > batch->minute_max ? minute : batch->minute_max;
    return STORE_OK;
}

static enum store_result judge(struct engine *e, struct submission *s, struct event *event,
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
        result = e->store->ops->add_rejected(e->store, event, err);
    } else {
        struct known known;
        order_mark_arrival(&event->order, event->at.arrival_ms, e->options.late_limit_ms);
        result = e->store->ops->known(e->store, &event->order, &event->at, &known, err);
        if (result == STORE_OK) {
            result = known.as == KNOWN_NEW ? accept(e, s, event, batch, err)
                                           : judge_known(e, s, event, known.as, err);
        }
    }
    batch->counts.accepted += event->verdict == VERDICT_ACCEPTED;
    batch->counts.duplicate += event->verdict == VERDICT_DUPLICATE;
    batch->counts.rejected += event->verdict == VERDICT_REJECTED;
    return result;
}

static void prefetch(struct engine *e, const struct submission *s, size_t i) {
    if (i >= s->n_events) { // small submissions: the next one's first event
        s = s->next;
        i = 0;
    }
    if (s != NULL && i < s->n_events && s->events[i].verdict == VERDICT_NEW) {
        e->store->ops->prefetch(e->store, &s->events[i].order, &s->events[i].at);
    }
}

// Events that were committed before: only their identities are to be known again.
static enum store_result remember_all(struct engine *e, struct submission *s, struct error *err) {
    for (size_t i = 0; i < s->n_events; i++) {
        if (s->events[i].verdict != VERDICT_NEW) {
            continue;
        }
        enum store_result result =
            e->store->ops->remember(e->store, &s->events[i].order, &s->events[i].at, err);
        if (result != STORE_OK) {
            return result;
        }
    }
    return STORE_OK;
}

// What is kept moves on with arrivals; but a clock that is far ahead for a while, ours or that of a
// message, must not drop everybody's minutes.
static int64_t arrival_for_floors(struct engine *e, const struct submission *s) {
    int64_t ahead_ms = s->log.partition < 0 ? 0 : ARRIVAL_AHEAD_MS; // clocks of others may differ
    int64_t latest_ms = believed_now_ms(e) + ahead_ms;
    return s->arrival_ms < latest_ms ? s->arrival_ms : latest_ms;
}

static enum store_result judge_one(struct engine *e, struct submission *s,
                                   struct batch_summary *batch, struct error *err) {
    if (s->log.history) {
        return remember_all(e, s, err);
    }
    e->store->ops->floors(e->store, arrival_for_floors(e, s), &e->minute_floor, &e->hour_floor);
    for (size_t i = 0; i < s->n_events; i++) {
        if (e->store->ops->prefetch != NULL) {
            prefetch(e, s, i + PREFETCH_AHEAD);
        }
        enum store_result result = judge(e, s, &s->events[i], batch, err);
        if (result != STORE_OK) {
            return result;
        }
    }
    if (s->log.partition >= 0) {
        batch->counts.skipped += s->log.n_skipped;
        e->store->ops->advance(e->store, s->log.partition, s->log.next_offset);
    }
    return STORE_OK;
}

static enum store_result judge_all(struct engine *e, struct submission *list,
                                   struct batch_summary *batch, struct error *err) {
    enum store_result result = STORE_OK;
    if (e->store->ops->prepare != NULL) {
        result = e->store->ops->prepare(e->store, list, err);
    }
    for (struct submission *s = list; s != NULL && result == STORE_OK; s = s->next) {
        result = judge_one(e, s, batch, err);
    }
    return result;
}

// --- One batch

static void settle_all(struct submission *list, enum settle_result result) {
    while (list != NULL) {
        struct submission *next = list->next; // the receiver may free it
        list->next = NULL;
        list->settled(list, result);
        list = next;
    }
}

// Undoes the engine's own judgements, so that the submission can be sent again as it came.
static void forget_judgements(struct submission *list, size_t n_judged) {
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

static void store_went_down(struct engine *e, const struct error *err) {
    if (!e->store_down) {
        log_error("engine", "%s; %s until the store is back", err->text,
                  e->source.ops->is_log ? "the log is not read on"
                                        : "orders are answered with 503");
    }
    e->store_down = true;
    e->reopen_at_ns = clock_monotonic_ns(e->options.clock) + (int64_t)e->reopen_wait_ms * 1000000;
    int longer_ms = e->reopen_wait_ms * 2; // until a batch was committed again
    e->reopen_wait_ms = longer_ms < REOPEN_LONGEST_MS ? longer_ms : REOPEN_LONGEST_MS;
    pthread_mutex_lock(&e->status_lock);
    e->status.store_ready = false;
    e->status.commit_failures++;
    memcpy(e->status.problem, err->text, sizeof e->status.problem);
    pthread_mutex_unlock(&e->status_lock);
}

static void try_reopen(struct engine *e) {
    if (clock_monotonic_ns(e->options.clock) < e->reopen_at_ns) {
        return;
    }
    struct error err = {0};
    if (e->store->ops->reopen(e->store, &err) != STORE_OK ||
        (e->source.ops->is_log && !e->source.ops->rewind(e->source.self, &err))) {
        store_went_down(e, &err);
        return;
    }
    log_info("engine", "the store is open again and checked; orders are taken");
    e->store_down = false;
    if (!e->source.ops->is_log) { // a log comes back at once with what may fail again
        e->reopen_wait_ms = REOPEN_FIRST_MS;
    }
    pthread_mutex_lock(&e->status_lock);
    e->status.store_ready = true;
    e->status.problem[0] = '\0';
    e->store->ops->counts(e->store, &e->status.counts);
    pthread_mutex_unlock(&e->status_lock);
}

static void count_commit(struct engine *e, const struct batch_summary *batch, int64_t took_us) {
    pthread_mutex_lock(&e->status_lock);
    struct engine_status *s = &e->status;
    s->commits++;
    s->last_commit_ms = batch->committed_ms;
    durations_add(&s->commit, took_us);
    if (batch->oldest_arrival_ms != INT64_MAX) {
        int64_t age_ms = batch->committed_ms - batch->oldest_arrival_ms;
        s->last_freshness_ms = age_ms > 0 ? age_ms : 0;
        durations_add(&s->freshness, s->last_freshness_ms * 1000);
    }
    e->store->ops->counts(e->store, &s->counts);
    pthread_mutex_unlock(&e->status_lock);
}

static bool batch_goes_on(const struct engine *e, const struct batch_summary *batch,
                          int64_t start_ns) {
    return batch->counts.received < (int64_t)e->options.batch_max_events &&
           clock_monotonic_ns(e->options.clock) - start_ns < BATCH_LONGEST_NS;
}

static struct submission **end_of(struct submission **list) {
    while (*list != NULL) {
        list = &(*list)->next;
    }
    return list;
}

// Until the batch is full or nothing waits. *list ends as what is to be settled with the batch.
static enum store_result judge_log(struct engine *e, struct submission **list,
                                   struct batch_summary *batch, struct error *err) {
    int64_t start_ns = clock_monotonic_ns(e->options.clock);
    struct submission *kept = NULL, **kept_end = &kept; // whose texts the store borrows
    enum store_result result;
    for (;;) {
        result = judge_all(e, *list, batch, err);
        if (result != STORE_OK) {
            break;
        }
        if (e->store->ops->borrows) {
            *kept_end = *list;
            kept_end = end_of(kept_end);
        } else {
            settle_all(*list, SETTLE_JUDGED);
        }
        *list = NULL;
        if (!batch_goes_on(e, batch, start_ns)) {
            break;
        }
        size_t room = e->options.batch_max_events - (size_t)batch->counts.received;
        // The end and a failure are told again by the next step.
        (void)e->source.ops->take(e->source.self, room, 0, list);
        if (*list == NULL) {
            break;
        }
    }
    *kept_end = *list;
    *list = kept;
    return result;
}

static enum store_result commit_batch(struct engine *e, struct submission **list,
                                      struct batch_summary *batch, struct error *err) {
    fault_point("engine-before-begin");
    enum store_result result = e->store->ops->begin(e->store, err);
    if (result != STORE_OK) {
        return result;
    }
    result =
        e->source.ops->is_log ? judge_log(e, list, batch, err) : judge_all(e, *list, batch, err);
    if (result == STORE_OK) {
        fault_point("engine-before-commit");
        batch->committed_ms = clock_now_ms(e->options.clock);
        result = e->store->ops->commit(e->store, e->cube, batch, err);
        fault_point("engine-after-commit");
    }
    if (result != STORE_OK) {
        e->store->ops->rollback(e->store);
    }
    return result;
}

static void batch_failed(struct engine *e, struct submission *list,
                         const struct batch_summary *batch, const struct error *err) {
    cube_forget(e->cube);
    if (e->source.ops->is_log) {
        e->source.ops->hold(e->source.self);
    } else {
        forget_judgements(list, (size_t)batch->counts.received);
    }
    store_went_down(e, err);
    settle_all(list, SETTLE_TRY_LATER);
}

static void batch_done(struct engine *e, struct submission *list, const struct batch_summary *batch,
                       int64_t took_us) {
    cube_clear(e->cube);
    e->reopen_wait_ms = REOPEN_FIRST_MS;
    e->check_at_ns = clock_monotonic_ns(e->options.clock) + CHECK_IDLE_NS;
    if (batch->batch_id == 0) { // history alone: there was nothing to commit
        return;
    }
    count_commit(e, batch, took_us);
    fault_point("engine-before-settle");
    settle_all(list, SETTLE_DURABLE);
    if (e->source.ops->is_log) {
        e->source.ops->committed(e->source.self);
    }
    if (e->options.committed != NULL) {
        e->options.committed(e->options.committed_user, batch);
    }
}

// Nothing has come for a while: a server that has gone is noticed before the next order is.
static bool idle_store_is_well(struct engine *e) {
    if (e->store->ops->check == NULL || clock_monotonic_ns(e->options.clock) < e->check_at_ns) {
        return true;
    }
    struct error err = {0};
    bool well = e->store->ops->check(e->store, &err) == STORE_OK;
    e->check_at_ns = clock_monotonic_ns(e->options.clock) + CHECK_IDLE_NS;
    if (!well) {
        if (e->source.ops->is_log) {
            e->source.ops->hold(e->source.self);
        }
        store_went_down(e, &err);
    }
    return well;
}

enum engine_step_result engine_step(struct engine *e, int timeout_ms) {
    if (e->store_down) {
        try_reopen(e);
    }
    struct submission *list = NULL;
    enum source_result took =
        e->source.ops->take(e->source.self, e->options.batch_max_events, timeout_ms, &list);
    if (list == NULL) {
        return took == SOURCE_END                        ? ENGINE_END
               : took == SOURCE_FAILED                   ? ENGINE_FAILED
               : e->store_down || !idle_store_is_well(e) ? ENGINE_STORE_DOWN
                                                         : ENGINE_IDLE;
    }
    if (e->store_down) {
        settle_all(list, SETTLE_TRY_LATER);
        return ENGINE_STORE_DOWN;
    }
    adopt_new_customers(e);
    struct error err = {0};
    struct batch_summary batch = {
        .minute_min = INT32_MAX, .minute_max = INT32_MIN, .oldest_arrival_ms = INT64_MAX};
    int64_t start_ns = clock_monotonic_ns(e->options.clock);
    if (commit_batch(e, &list, &batch, &err) != STORE_OK) {
        batch_failed(e, list, &batch, &err);
        return ENGINE_STORE_DOWN;
    }
    batch_done(e, list, &batch, (clock_monotonic_ns(e->options.clock) - start_ns) / 1000);
    return ENGINE_WORKED;
}

bool engine_run(struct engine *e) {
    for (;;) {
        enum engine_step_result result =
            engine_step(e, e->store_down ? REOPEN_FIRST_MS : RUN_WAIT_MS);
        if (result == ENGINE_END || result == ENGINE_FAILED) {
            return result == ENGINE_END;
        }
    }
}

void engine_status(struct engine *e, struct engine_status *out) {
    pthread_mutex_lock(&e->status_lock);
    *out = e->status;
    pthread_mutex_unlock(&e->status_lock);
}
