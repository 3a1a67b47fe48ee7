// SPDX-License-Identifier: MIT
// One batch on its way through the store, or two: see engine.c.
//
// 1. Judged, while the one before may be committed.
// 2. That one is finished and settled.
// 3. Committed: here, or on the store's thread when enough waits.
//
// How it fails: the batch is rolled back, and the next one with it when that was judged already. A
// batch that could not be judged waits for the end of the one before, which does not fall with it.
#include "engine/engine_internal.h"

#include "base/fault.h"
#include <stdlib.h>

// Of a log a batch takes what is there, but no longer than this: the sums should not stand still.
// History of a partition that has just come may be there for minutes: what comes now of the others
// does not wait so long beside it.
#define BATCH_LONGEST_NS INT64_C(500000000)
#define BESIDE_HISTORY_NS INT64_C(100000000)
// For more it waits a part of its age in all, whole milliseconds at a time: a log that is read as
// fast as it goes is empty now and then, and a batch more costs more than that. A young batch waits
// for none, and one into which orders trickle no longer than for its share.
#define WAIT_PART 8

void engine_settle(struct submission *list, enum settle_result result) {
    while (list != NULL) {
        struct submission *next = list->next; // the receiver may free it
        list->next = NULL;
        list->settled(list, result);
        list = next;
    }
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

static bool has_history(const struct submission *list) {
    while (list != NULL && !list->log.history) {
        list = list->next;
    }
    return list != NULL;
}

static bool batch_goes_on(const struct engine *e, const struct batch_summary *batch,
                          bool beside_history, int64_t start_ns) {
    int64_t longest_ns =
        beside_history && batch->counts.received > 0 ? BESIDE_HISTORY_NS : BATCH_LONGEST_NS;
    return batch->counts.received < (int64_t)e->options.batch_max_events &&
           clock_monotonic_ns(e->options.clock) - start_ns < longest_ns;
}

// The end and a failure are told again by the next step.
static void take_more(struct engine *e, size_t room, int64_t start_ns, int64_t *waited_ns,
                      struct submission **list) {
    const struct clock_source *clock = e->options.clock;
    (void)e->source.ops->take(e->source.self, room, 0, list);
    int64_t empty_ns = clock_monotonic_ns(clock);
    int64_t patience_ms = ((empty_ns - start_ns) / WAIT_PART - *waited_ns) / 1000000;
    if (*list == NULL && patience_ms > 0) {
        (void)e->source.ops->take(e->source.self, room, (int)patience_ms, list);
        *waited_ns += clock_monotonic_ns(clock) - empty_ns;
    }
}

// Until the batch is full or nothing comes. *list ends as what was not judged, or not to its end.
static enum store_result judge_log(struct engine *e, struct submission **list,
                                   struct batch_summary *batch, struct error *err) {
    int64_t start_ns = clock_monotonic_ns(e->options.clock), waited_ns = 0;
    bool beside_history = false;
    for (;;) {
        beside_history = beside_history || has_history(*list);
        enum store_result result = judge_all(&e->judge, *list, batch, err);
        if (result != STORE_OK) {
            return result;
        }
        engine_settle(*list, SETTLE_JUDGED);
        *list = NULL;
        if (!batch_goes_on(e, batch, beside_history, start_ns)) {
            return STORE_OK;
        }
        size_t room = e->options.batch_max_events - (size_t)batch->counts.received;
        take_more(e, room, start_ns, &waited_ns, list);
        if (*list == NULL) {
            return STORE_OK;
        }
    }
}

// What can be made durable is, while a log finds out whether it is still the one that the store
// has claimed; confirm_log hears the answer.
static enum store_result make_ready(struct engine *e, struct error *err) {
    if (e->source.ops->is_log) {
        e->source.ops->ask(e->source.self);
    }
    return e->store->ops->flush != NULL ? e->store->ops->flush(e->store, err) : STORE_OK;
}

static enum store_result confirm_log(struct engine *e, struct error *err) {
    return !e->source.ops->is_log || e->source.ops->confirm(e->source.self, err) ? STORE_OK
                                                                                 : STORE_RETRY;
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
    engine_store_down(e, err);
    for (int i = 0; i < 2 && both[i] != NULL; i++) {
        engine_settle(both[i]->list, SETTLE_TRY_LATER);
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
    engine_settle(b->list, SETTLE_DURABLE);
    if (e->source.ops->is_log) {
        e->source.ops->committed(e->source.self);
    }
    if (e->options.committed != NULL) {
        e->options.committed(e->options.committed_user, batch);
    }
}

static void count_ahead(struct engine *e) {
    pthread_mutex_lock(&e->status_lock);
    e->status.batches_ahead++;
    pthread_mutex_unlock(&e->status_lock);
    fault_point("engine-judged-ahead");
}

// Finishes the commit on its way, if there is one. False: it has failed, and `next`, which was
// begun meanwhile (NULL: none was), with it.
static bool finish_in_flight(struct engine *e, struct engine_batch *next) {
    struct engine_batch *b = e->in_flight;
    if (b == NULL) {
        return true;
    }
    struct error err = {0};
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
    return e->source.ops->waits != NULL &&
           e->source.ops->waits(e->source.self) >= e->options.ahead_least_events;
}

static enum store_result commit_batch(struct engine *e, struct engine_batch *b, struct error *err) {
    bool aside = is_worth_going_ahead(e);
    b->summary.committed_ms = clock_now_ms(e->options.clock);
    enum store_result result =
        e->store->ops->commit_begin(e->store, b->cube, &b->summary, &aside, err);
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

bool engine_batch_finish(struct engine *e) {
    return finish_in_flight(e, NULL);
}

enum engine_step_result engine_batch_work(struct engine *e, struct submission *list) {
    struct engine_batch *b = &e->batches[e->in_flight == &e->batches[0]];
    struct error err = {0};
    *b = (struct engine_batch){.cube = b->cube,
                               .list = list,
                               .summary = {.minute_min = INT32_MAX,
                                           .minute_max = INT32_MIN,
                                           .oldest_arrival_ms = INT64_MAX},
                               .start_ns = clock_monotonic_ns(e->options.clock)};
    enum store_result result = judge_batch(e, b, &err);
    if (result == STORE_OK && e->in_flight != NULL) {
        count_ahead(e);
    }
    // Before brokers are waited for: they may take seconds, and the batch before may be stored.
    if (!finish_in_flight(e, b)) {
        return ENGINE_STORE_DOWN;
    }
    if (result == STORE_OK) {
        result = confirm_log(e, &err);
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
