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
    AHEAD_LEAST_EVENTS = 1000, // judging fewer takes less time than handing a commit over and back
};
// Of a log a batch takes what is there, but no longer than this: the sums should not stand still.
#define BATCH_LONGEST_NS INT64_C(500000000)
#define CHECK_IDLE_NS INT64_C(5000000000) // the store is asked so often while nothing comes

struct engine_batch {
    struct cube *cube;
    struct submission *list; // of a log: what is not settled yet
    struct batch_summary summary;
    int64_t start_ns;
    bool begun; // the store's
};

struct engine {
    struct store *store;
    struct source source;
    const struct order_rules *rules;
    struct engine_options options;
    struct customers *customers;
    _Atomic(struct customers *) new_customers; // handed over by engine_set_customers
    struct engine_batch batches[2];            // while one is committed the other is judged
    struct engine_batch *in_flight; // its commit has begun, and was not finished; else NULL
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
    if (e->options.ahead_least_events == 0) {
        size_t quarter = e->options.batch_max_events / 4;
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

static enum store_result judge_batch(struct engine *e, struct engine_batch *b, struct error *err) {
    fault_point("engine-before-begin");
    enum store_result result = e->store->ops->begin(e->store, err);
    b->begun = result == STORE_OK;
    if (result != STORE_OK) {
        return result;
    }
    e->judge.cube = b->cube;
    result = e->source.ops->is_log ? judge_log(e, &b->list, &b->summary, err)
                                   : judge_all(&e->judge, b->list, &b->summary, err);
    if (result == STORE_OK) {
        fault_point("engine-before-commit");
        result = make_ready(e, err);
    }
    return result;
}

// `also`: the batch that was judged meanwhile; NULL: none was.
static void batches_failed(struct engine *e, struct engine_batch *b, struct engine_batch *also,
                           const struct error *err) {
    struct engine_batch *both[2] = {b, also};
    if (e->source.ops->is_log) {
        e->source.ops->hold(e->source.self);
    }
    for (int i = 0; i < 2 && both[i] != NULL; i++) {
        cube_forget(both[i]->cube);
        if (!e->source.ops->is_log) {
            judge_forget(both[i]->list, (size_t)both[i]->summary.counts.received);
        }
        pthread_mutex_lock(&e->status_lock);
        e->status.commit_failures++;
        pthread_mutex_unlock(&e->status_lock);
    }
    store_went_down(e, err);
    for (int i = 0; i < 2 && both[i] != NULL; i++) {
        settle_all(both[i]->list, SETTLE_TRY_LATER);
    }
}

static void batch_done(struct engine *e, struct engine_batch *b) {
    const struct batch_summary *batch = &b->summary;
    cube_clear(b->cube);
    e->reopen_wait_ms = REOPEN_FIRST_MS;
    int64_t now_ns = clock_monotonic_ns(e->options.clock);
    e->check_at_ns = now_ns + CHECK_IDLE_NS;
    if (batch->batch_id == 0) { // history alone: there was nothing to commit
        return;
    }
    count_commit(e, batch, (now_ns - b->start_ns) / 1000);
    fault_point("engine-before-settle");
    settle_all(b->list, SETTLE_DURABLE);
    if (e->source.ops->is_log) {
        e->source.ops->committed(e->source.self);
    }
    if (e->options.committed != NULL) {
        e->options.committed(e->options.committed_user, batch);
    }
}

// Finishes the commit on its way, if there is one. False: it has failed, and `next`, which was
// begun meanwhile (NULL: none was), with it.
static bool finish_in_flight(struct engine *e, struct engine_batch *next) {
    struct engine_batch *b = e->in_flight;
    if (b == NULL) {
        return true;
    }
    struct error err = {0};
    fault_point("engine-judged-ahead");
    e->in_flight = NULL;
    enum store_result result = e->store->ops->commit_finish(e->store, &err);
    fault_point("engine-after-commit");
    if (result == STORE_OK) {
        batch_done(e, b);
        return true;
    }
    e->store->ops->rollback(e->store);
    batches_failed(e, b, next, &err);
    return false;
}

// Whether the next batch is worth being judged while this one is committed.
static bool is_worth_going_ahead(struct engine *e) {
    return e->store->ops->commits_aside && e->source.ops->waits != NULL &&
           e->source.ops->waits(e->source.self) >= e->options.ahead_least_events;
}

static enum store_result commit_batch(struct engine *e, struct engine_batch *b, struct error *err) {
    bool aside = is_worth_going_ahead(e);
    b->summary.committed_ms = clock_now_ms(e->options.clock);
    enum store_result result =
        e->store->ops->commit_begin(e->store, b->cube, &b->summary, aside, err);
    if (result == STORE_OK && aside) {
        fault_point("engine-handed-over");
        e->in_flight = b;
        return STORE_OK;
    }
    if (result == STORE_OK) {
        result = e->store->ops->commit_finish(e->store, err);
    }
    fault_point("engine-after-commit");
    return result;
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

static enum engine_step_result nothing_came(struct engine *e, enum source_result took) {
    if (e->in_flight != NULL) { // the end and a failure are told again by the next step
        return finish_in_flight(e, NULL) ? ENGINE_WORKED : ENGINE_STORE_DOWN;
    }
    return took == SOURCE_END                        ? ENGINE_END
           : took == SOURCE_FAILED                   ? ENGINE_FAILED
           : e->store_down || !idle_store_is_well(e) ? ENGINE_STORE_DOWN
                                                     : ENGINE_IDLE;
}

static enum engine_step_result work_on(struct engine *e, struct submission *list) {
    struct engine_batch *b = &e->batches[e->in_flight == &e->batches[0]];
    struct error err = {0};
    *b = (struct engine_batch){.cube = b->cube,
                               .list = list,
                               .summary = {.minute_min = INT32_MAX,
                                           .minute_max = INT32_MIN,
                                           .oldest_arrival_ms = INT64_MAX},
                               .start_ns = clock_monotonic_ns(e->options.clock)};
    adopt_new_customers(e);
    enum store_result result = judge_batch(e, b, &err);
    if (!finish_in_flight(e, b)) {
        return ENGINE_STORE_DOWN;
    }
    if (result == STORE_OK) {
        result = commit_batch(e, b, &err);
    }
    if (result != STORE_OK) {
        if (b->begun) {
            e->store->ops->rollback(e->store);
        }
        batches_failed(e, b, NULL, &err);
        return ENGINE_STORE_DOWN;
    }
    if (e->in_flight != b) {
        batch_done(e, b);
    }
    return ENGINE_WORKED;
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
    if (e->store_down) {
        settle_all(list, SETTLE_TRY_LATER);
        return ENGINE_STORE_DOWN;
    }
    return work_on(e, list);
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
    (void)finish_in_flight(e, NULL);
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
