// SPDX-License-Identifier: MIT
// Inside of the engine: engine.c and engine_batch.c.
#pragma once
#include "engine/engine.h"
#include "engine/judge.h"
#include <pthread.h>
#include <stdatomic.h>

enum { REOPEN_FIRST_MS = 100 };
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
    atomic_bool go_on; // said since the store was found to be down

    pthread_mutex_t status_lock;
    struct engine_status status;
};

// engine.c: until it can be opened again everything is told to try later.
void engine_store_down(struct engine *e, const struct error *err);

// --- engine_batch.c

void engine_settle(struct submission *list, enum settle_result result);
// One batch from a list of submissions, which it settles; see engine_step. ENGINE_WORKED or
// ENGINE_STORE_DOWN.
enum engine_step_result engine_batch_work(struct engine *e, struct submission *list);
// Finishes the commit that is on its way, if there is one. False: it has failed.
bool engine_batch_finish(struct engine *e);
