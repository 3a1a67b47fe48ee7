// SPDX-License-Identifier: MIT
// The engine: takes submissions from a source, judges each event (duplicate? conflict? accepted),
// adds the customer's source and state, adds up, and commits raw rows, aggregates, rejections and
// counts in one transaction of the store; only then are submissions settled. While much waits, the
// store commits one batch as the engine judges the next.
//
// Threads: engine_step/engine_run on one thread; engine_status, engine_set_customers, engine_go_on
// from any.
#pragma once
#include "base/clock.h"
#include "base/metrics.h"
#include "engine/source.h"
#include "engine/store.h"
#include "sums/customers.h"

struct engine;
struct engine_options {
    const struct clock_source *clock;
    size_t batch_max_events;   // of one commit; 0: 20,000
    size_t ahead_least_events; // so many have to wait for a batch to be judged while the one before
                               // it is committed; 0: a quarter of a batch, at least 1,000; of a
                               // log 4,000 at most
    int64_t late_limit_ms;     // 0: ten minutes
    // The source's order counts: after a failure all is told to try later until engine_go_on, so
    // that nothing is taken before what has to be offered again. False: by time alone.
    bool waits_for_go_on;
    // After each commit, on the engine's thread: cheap, must not block. For the live page.
    void (*committed)(void *user, const struct batch_summary *batch);
    void *committed_user;
};

// Borrows all but `customers`, which it owns from then on (NULL: none).
MUST_CHECK struct engine *engine_new(struct store *store, struct source source,
                                     const struct order_rules *rules, struct customers *customers,
                                     const struct engine_options *options);
void engine_free(struct engine *e);

enum engine_step_result {
    ENGINE_IDLE,
    ENGINE_WORKED,
    ENGINE_STORE_DOWN,
    ENGINE_END,
    ENGINE_FAILED, // the source failed for good
};
// One batch: take (waiting up to timeout_ms), judge, commit, settle. When enough waits it ends with
// the commit on its way, and the next step settles it.
enum engine_step_result engine_step(struct engine *e, int timeout_ms);
// Steps until the source ends. While the store is down it goes on answering "try later" and reopens
// the store with back-off. False: the source failed for good and has said why.
bool engine_run(struct engine *e);

// Whoever offers has heard of all that was told to try later, and offers it again, first what came
// first: the store is opened before the next submission is judged, or that one fails as well.
void engine_go_on(struct engine *e);

// Takes effect between two batches; the engine owns `customers` and frees the old ones.
void engine_set_customers(struct engine *e, struct customers *customers);

// For /readyz and /metrics.
struct engine_status {
    bool store_ready;
    char problem[512];          // why not, one line
    struct store_counts counts; // since the store was made
    int64_t commits, commit_failures;
    int64_t batches_ahead;  // judged while the one before was on its way
    int64_t last_commit_ms; // UTC; 0: none since start
    int64_t customers;
    struct durations commit;    // from a batch's first write to durable
    struct durations freshness; // of each batch: from its oldest event's arrival to durable
    int64_t last_freshness_ms;  // of the newest
};
void engine_status(struct engine *e, struct engine_status *out);
