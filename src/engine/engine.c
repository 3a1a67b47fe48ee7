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
// How it fails: any RETRY or ERROR of the store rolls the whole batch back, forgets every judgement
// of it and settles its submissions as "try later": nothing was stored, nobody was told otherwise.
// Until the store can be opened again (tried with back-off) all submissions are settled that way.
#include "engine/engine.h"

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
};

struct engine {
    struct store *store;
    struct source source;
    const struct order_rules *rules;
    struct engine_options options;
    struct customers *customers;
    _Atomic(struct customers *) new_customers; // handed over by engine_set_customers
    struct cube *cube;
    int32_t minute_floor, hour_floor; // of the batch in work

    int64_t reopen_at_ns; // monotonic; when the store is down
    int reopen_wait_ms;
    bool store_down;

    pthread_mutex_t status_lock;
    struct engine_status status;
};

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

// Source and state: a known order's for what is taken back from it, else the event's own, else the
// customer's, else "(unknown)".
static enum store_result resolve_origin(struct engine *e, struct order *o, struct arena *arena,
                                        struct error *err) {
    if (o->kind != ORDER_PLACED) {
        struct stored_event placed;
        bool known = false;
        enum store_result result = e->store->ops->find(e->store, o->order_id, ORDER_PLACED,
                                                       TEXT_NONE, &placed, &known, err);
        if (result != STORE_OK) {
            return result;
        }
        if (known) { // what was found is only borrowed until the next look-up
            if (!arena_try_copy(arena, placed.order.source, &o->source) ||
                !arena_try_copy(arena, placed.order.state, &o->state)) {
                error_set(err, ERROR_RETRIABLE, "out of memory while judging a batch");
                return STORE_RETRY;
            }
            return STORE_OK;
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
        error_set(err, ERROR_RETRIABLE, "out of memory while judging a batch");
        return STORE_RETRY;
    }
    return e->store->ops->add_rejected(e->store, event, s->arrival_ms, err);
}

static enum store_result judge_known(struct engine *e, struct submission *s, struct event *event,
                                     const struct stored_event *known, struct error *err) {
    if (order_same_content(&event->order, &known->order)) {
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
    enum store_result result = resolve_origin(e, &resolved, &s->arena, err);
    if (result != STORE_OK) {
        return result;
    }
    if (!e->store->ops->fits(e->store, &resolved)) {
        struct rejection why;
        reject(&why, "total", REJECT_OVERFLOW,
               "the sums in %s would no longer fit into 15 digits before the decimal point",
               resolved.currency);
        return engine_reject(e, s, event, &why, err);
    }
    uint32_t group = cube_add(e->cube, &resolved, e->minute_floor, e->hour_floor);
    result =
        e->store->ops->add(e->store, &resolved, cube_group(e->cube, group), s->arrival_ms, err);
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
    if (event->verdict == VERDICT_REJECTED) {
        result = e->store->ops->add_rejected(e->store, event, s->arrival_ms, err);
    } else {
        struct stored_event known;
        bool found = false;
        order_mark_arrival(&event->order, s->arrival_ms, e->options.late_limit_ms);
        result = e->store->ops->find(e->store, event->order.order_id, event->order.kind,
                                     event->order.event_id, &known, &found, err);
        if (result == STORE_OK) {
            result =
                found ? judge_known(e, s, event, &known, err) : accept(e, s, event, batch, err);
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
        e->store->ops->prefetch(e->store, &s->events[i].order);
    }
}

static enum store_result judge_all(struct engine *e, struct submission *list,
                                   struct batch_summary *batch, struct error *err) {
    for (struct submission *s = list; s != NULL; s = s->next) {
        e->store->ops->floors(e->store, s->arrival_ms, &e->minute_floor, &e->hour_floor);
        for (size_t i = 0; i < s->n_events; i++) {
            if (e->store->ops->prefetch != NULL) {
                prefetch(e, s, i + PREFETCH_AHEAD);
            }
            enum store_result result = judge(e, s, &s->events[i], batch, err);
            if (result != STORE_OK) {
                return result;
            }
        }
    }
    return STORE_OK;
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
        log_error("engine", "%s; orders are answered with 503 until the store is back", err->text);
        e->reopen_wait_ms = REOPEN_FIRST_MS;
    }
    e->store_down = true;
    e->reopen_at_ns = clock_monotonic_ns(e->options.clock) + (int64_t)e->reopen_wait_ms * 1000000;
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
    if (e->store->ops->reopen(e->store, &err) != STORE_OK) {
        e->reopen_wait_ms =
            e->reopen_wait_ms * 2 < REOPEN_LONGEST_MS ? e->reopen_wait_ms * 2 : REOPEN_LONGEST_MS;
        store_went_down(e, &err);
        return;
    }
    log_info("engine", "the store is open again and checked; orders are taken");
    e->store_down = false;
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
    e->store->ops->counts(e->store, &s->counts);
    pthread_mutex_unlock(&e->status_lock);
}

static enum store_result commit_batch(struct engine *e, struct submission *list,
                                      struct batch_summary *batch, struct error *err) {
    fault_point("engine-before-begin");
    enum store_result result = e->store->ops->begin(e->store, err);
    if (result != STORE_OK) {
        return result;
    }
    result = judge_all(e, list, batch, err);
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

enum engine_step_result engine_step(struct engine *e, int timeout_ms) {
    if (e->store_down) {
        try_reopen(e);
    }
    struct submission *list = NULL;
    enum source_result took =
        e->source.ops->take(e->source.self, e->options.batch_max_events, timeout_ms, &list);
    if (list == NULL) {
        return took == SOURCE_END ? ENGINE_END : e->store_down ? ENGINE_STORE_DOWN : ENGINE_IDLE;
    }
    if (e->store_down) {
        settle_all(list, SETTLE_TRY_LATER);
        return ENGINE_STORE_DOWN;
    }
    adopt_new_customers(e);
    struct error err = {0};
    struct batch_summary batch = {.minute_min = INT32_MAX, .minute_max = INT32_MIN};
    int64_t start_ns = clock_monotonic_ns(e->options.clock);
    if (commit_batch(e, list, &batch, &err) != STORE_OK) {
        cube_forget(e->cube);
        forget_judgements(list, (size_t)batch.counts.received);
        store_went_down(e, &err);
        settle_all(list, SETTLE_TRY_LATER);
        return ENGINE_STORE_DOWN;
    }
    cube_clear(e->cube);
    count_commit(e, &batch, (clock_monotonic_ns(e->options.clock) - start_ns) / 1000);
    fault_point("engine-before-settle");
    settle_all(list, SETTLE_DURABLE);
    if (e->options.committed != NULL) {
        e->options.committed(e->options.committed_user, &batch);
    }
    return ENGINE_WORKED;
}

void engine_run(struct engine *e) {
    while (engine_step(e, e->store_down ? REOPEN_FIRST_MS : RUN_WAIT_MS) != ENGINE_END) {
    }
}

void engine_status(struct engine *e, struct engine_status *out) {
    pthread_mutex_lock(&e->status_lock);
    *out = e->status;
    pthread_mutex_unlock(&e->status_lock);
}
