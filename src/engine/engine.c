// SPDX-License-Identifier: MIT
// The engine. The happy path of one batch (engine_step):
//
// 1. Take whole submissions from the source, about batch_max_events events.
// 2. store.begin. Each event in order is judged (judge.c), and added to the store and the cube.
// 3. store.flush, and a log confirms that it is the same one. store.commit: cube, counts and rows
// become durable in one transaction.
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

#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/judge.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    BATCH_MAX_EVENTS = 20000,
    REOPEN_FIRST_MS = 100,
    REOPEN_LONGEST_MS = 5000,
    RUN_WAIT_MS = 500,
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
    struct judge judge;

    int64_t reopen_at_ns; // monotonic; when the store is down
    int64_t check_at_ns;  // monotonic; when nothing comes
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
    e->cube = mem_must(cube_new(rules->zone, NULL));
    e->judge = (struct judge){.store = store,
                              .cube = e->cube,
                              .customers = customers,
                              .clock = e->options.clock,
                              .late_limit_ms = e->options.late_limit_ms};
    pthread_mutex_init(&e->status_lock, NULL);
    e->reopen_wait_ms = REOPEN_FIRST_MS;
    judge_init(&e->judge);
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
        e->judge.customers = fresh;
        pthread_mutex_lock(&e->status_lock);
        e->status.customers = (int64_t)customers_count(fresh);
        pthread_mutex_unlock(&e->status_lock);
    }
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

// Until the batch is full or nothing waits. *list ends as what was not judged, or not to its end.
static enum store_result judge_log(struct engine *e, struct submission **list,
                                   struct batch_summary *batch, struct error *err) {
    int64_t start_ns = clock_monotonic_ns(e->options.clock);
    for (;;) {
        enum store_result result = judge_all(&e->judge, *list, batch, err);
        if (result != STORE_OK) {
            return result;
        }
        settle_all(*list, SETTLE_JUDGED);
        *list = NULL;
        if (!batch_goes_on(e, batch, start_ns)) {
            return STORE_OK;
        }
        size_t room = e->options.batch_max_events - (size_t)batch->counts.received;
        // The end and a failure are told again by the next step.
        (void)e->source.ops->take(e->source.self, room, 0, list);
        if (*list == NULL) {
            return STORE_OK;
        }
    }
}

// What can be made durable is, while a log finds out whether it is still the one that the store
// has claimed.
static enum store_result make_ready(struct engine *e, struct error *err) {
    const struct source_ops *source = e->source.ops;
    enum store_result result = STORE_OK;
    if (source->is_log) {
        source->ask(e->source.self);
    }
    if (e->store->ops->flush != NULL) {
        result = e->store->ops->flush(e->store, err);
    }
    if (result == STORE_OK && source->is_log && !source->confirm(e->source.self, err)) {
        result = STORE_RETRY;
    }
    return result;
}

static enum store_result commit_batch(struct engine *e, struct submission **list,
                                      struct batch_summary *batch, struct error *err) {
    fault_point("engine-before-begin");
    enum store_result result = e->store->ops->begin(e->store, err);
    if (result != STORE_OK) {
        return result;
    }
    result = e->source.ops->is_log ? judge_log(e, list, batch, err)
                                   : judge_all(&e->judge, *list, batch, err);
    if (result == STORE_OK) {
        fault_point("engine-before-commit");
        result = make_ready(e, err);
    }
    if (result == STORE_OK) {
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
        judge_forget(list, (size_t)batch->counts.received);
    }
    pthread_mutex_lock(&e->status_lock);
    e->status.commit_failures++;
    pthread_mutex_unlock(&e->status_lock);
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
