// SPDX-License-Identifier: MIT
// The engine. The happy path of one batch (engine_step):
//
// 1. Take whole submissions from the source, about batch_max_events events.
// 2. store.begin. Each event in order is judged (judge.c), and added to the store and the cube.
// 3. store.flush, and a log confirms that it is the same one. store.commit_begin, commit_finish:
// cube, counts and rows become durable in one transaction.
// 4. Settle every submission as durable; tell the live page.
//
// When much waits, and the store can, its commit goes on while the next batch is taken and judged
// (two batches in flight): 3's commit_finish and 4 come when that one has been judged. With little
// to do the engine's thread commits by itself: a hand-over would only cost time.
//
// From a log, 1 and 2 repeat until the batch is full, half a second has gone by or nothing waits,
// and submissions are given back as they are judged: the log has them. After a failure the log is
// wound back to what the store holds.
//
// How it fails: any RETRY or ERROR of the store rolls the whole batch back, forgets every judgement
// of it and settles its submissions as "try later": nothing was stored, nobody was told otherwise.
// A batch that was judged while this one was on its way falls with it: its verdicts stood on it.
// Until the store can be opened again (tried with back-off, or when the loader says so) all
// submissions are settled that way.
#include "engine/engine_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include <stdatomic.h>
#include <stdlib.h>

enum {
    BATCH_MAX_EVENTS = 20000,
    REOPEN_LONGEST_MS = 5000,
    RUN_WAIT_MS = 500,
    AHEAD_LEAST_EVENTS = 1000, // judging fewer takes less time than handing a commit over and back
    AHEAD_LOG_EVENTS = 4000,   // of a log's batch time is the limit, not how many it may have
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
    if (e->options.ahead_least_events == 0) {
        size_t quarter = e->options.batch_max_events / 4;
        if (source.ops->is_log && quarter > AHEAD_LOG_EVENTS) {
            quarter = AHEAD_LOG_EVENTS;
        }
        e->options.ahead_least_events = quarter > AHEAD_LEAST_EVENTS ? quarter : AHEAD_LEAST_EVENTS;
    }
    e->batches[0].cube = mem_must(cube_new(rules->zone, NULL));
    e->batches[1].cube = mem_must(cube_new(rules->zone, NULL));
    e->judge = (struct judge){.store = store,
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

void engine_store_down(struct engine *e, const struct error *err) {
    if (!e->store_down) {
        log_error("engine", "%s; %s until the store is back", err->text,
                  e->source.ops->is_log        ? "the log is not read on"
                  : e->options.waits_for_go_on ? "no orders are taken"
                                               : "orders are answered with 503");
    }
    e->store_down = true;
    atomic_store(&e->go_on, false);
    e->reopen_at_ns = clock_monotonic_ns(e->options.clock) + (int64_t)e->reopen_wait_ms * 1000000;
    int longer_ms = e->reopen_wait_ms * 2; // until a batch was committed again
    e->reopen_wait_ms = longer_ms < REOPEN_LONGEST_MS ? longer_ms : REOPEN_LONGEST_MS;
    pthread_mutex_lock(&e->status_lock);
    e->status.store_ready = false;
    memcpy(e->status.problem, err->text, sizeof e->status.problem);
    pthread_mutex_unlock(&e->status_lock);
}

void engine_go_on(struct engine *e) {
    atomic_store(&e->go_on, true);
}

static bool is_time_to_reopen(struct engine *e) {
    return e->options.waits_for_go_on ? atomic_exchange(&e->go_on, false)
                                      : clock_monotonic_ns(e->options.clock) >= e->reopen_at_ns;
}

static void try_reopen(struct engine *e) {
    if (!is_time_to_reopen(e)) {
        return;
    }
    struct error err = {0};
    if (e->store->ops->reopen(e->store, &err) != STORE_OK ||
        (e->source.ops->is_log && !e->source.ops->rewind(e->source.self, &err))) {
        engine_store_down(e, &err);
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
        engine_store_down(e, &err);
    }
    return well;
}

static enum engine_step_result nothing_came(struct engine *e, enum source_result took) {
    if (e->in_flight != NULL) { // the end and a failure are told again by the next step
        return engine_batch_finish(e) ? ENGINE_WORKED : ENGINE_STORE_DOWN;
    }
    return took == SOURCE_END                        ? ENGINE_END
           : took == SOURCE_FAILED                   ? ENGINE_FAILED
           : e->store_down || !idle_store_is_well(e) ? ENGINE_STORE_DOWN
                                                     : ENGINE_IDLE;
}

enum engine_step_result engine_step(struct engine *e, int timeout_ms) {
    if (e->store_down) {
        try_reopen(e);
    }
    struct submission *list = NULL;
    enum source_result took = e->source.ops->take(e->source.self, e->options.batch_max_events,
                                                  e->in_flight != NULL ? 0 : timeout_ms, &list);
    if (list == NULL) {
        return nothing_came(e, took);
    }
    // It may be time by now. Not for what came of a log: opening winds it back, and it comes again.
    if (e->store_down && !e->source.ops->is_log) {
        try_reopen(e);
    }
    if (e->store_down) {
        engine_settle(list, SETTLE_TRY_LATER);
        return ENGINE_STORE_DOWN;
    }
    adopt_new_customers(e);
    return engine_batch_work(e, list);
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

void engine_free(struct engine *e) {
    if (e == NULL) {
        return;
    }
    (void)engine_batch_finish(e);
    log_debug("engine", "%lld of %lld batches were judged while the one before was committed",
              (long long)e->status.batches_ahead, (long long)e->status.commits);
    customers_free(e->customers);
    customers_free(atomic_load(&e->new_customers));
    cube_free(e->batches[0].cube);
    cube_free(e->batches[1].cube);
    pthread_mutex_destroy(&e->status_lock);
    free(e);
}

void engine_status(struct engine *e, struct engine_status *out) {
    pthread_mutex_lock(&e->status_lock);
    *out = e->status;
    pthread_mutex_unlock(&e->status_lock);
}
