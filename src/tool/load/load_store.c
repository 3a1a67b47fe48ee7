// SPDX-License-Identifier: MIT
// Loading into a data directory: the sink in front of an intake (load_intake.c), with a store and
// an engine of its own behind the queue.
#include "base/mem.h"
#include "engine/customers_file.h"
#include "engine/engine.h"
#include "engine/queue.h"
#include "engine/zone_file.h"
#include "store/sqlite/sqlite.h"
#include "tool/load/load_intake.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct load_store {
    struct zone *zone;
    struct order_rules rules;
    struct store *store;
    struct engine *engine;
    struct queue *queue;
    pthread_t thread;
    bool thread_runs;
};

static void *run_engine(void *user) {
    engine_run(user);
    return NULL;
}

static bool is_ready(void *user, char problem[static INTAKE_PROBLEM_BYTES]) {
    struct load_store *l = user;
    struct engine_status status;
    engine_status(l->engine, &status);
    snprintf(problem, INTAKE_PROBLEM_BYTES, "%.500s", status.problem);
    return status.problem[0] == '\0';
}

static void go_on(void *user) {
    const struct load_store *l = user;
    engine_go_on(l->engine);
}

static void drain(void *user) {
    struct load_store *l = user;
    if (l->thread_runs) {
        intake_close(queue_intake(l->queue));
        pthread_join(l->thread, NULL);
        l->thread_runs = false;
    }
}

static void free_all(void *user) {
    struct load_store *l = user;
    drain(l);
    engine_free(l->engine);
    queue_free(l->queue);
    if (l->store != NULL) {
        l->store->ops->close(l->store);
    }
    zone_free(l->zone);
    free(l);
}

static bool load_store_open_store(struct load_store *l, const struct load_store_settings *o,
                                  struct store_settings *settings, struct error *err) {
    const struct sqlite_options options = {
        .directory = o->directory, .settings = o->shop, .clock = clock_system()};
    return sqlite_store_open(&options, &l->store, settings, err) &&
           zone_open(settings->timezone, &l->zone, err);
}

static bool start_engine(struct load_store *l, const struct load_store_settings *o,
                         const struct store_settings *settings, struct error *err) {
    struct customers *customers = NULL;
    if (o->customers != NULL && !customers_load(o->customers, &customers, err)) {
        return false;
    }
    l->rules.zone = l->zone;
    memcpy(l->rules.currency, settings->currency, sizeof l->rules.currency);
    l->rules.max_depth = o->max_depth;
    l->rules.epoch = o->epoch;
    struct engine_options options = {.clock = clock_system(),
                                     .batch_max_events = (size_t)o->batch_events,
                                     .late_limit_ms = settings->late_limit_ms,
                                     .waits_for_go_on = true};
    // More batches only use memory, and are no longer in the cache when they are judged.
    int64_t queued = o->batch_events < o->queue_events ? o->batch_events : o->queue_events;
    l->queue = queue_new((size_t)queued);
    l->engine = engine_new(l->store, queue_source(l->queue), &l->rules, customers, &options);
    l->thread_runs = pthread_create(&l->thread, NULL, run_engine, l->engine) == 0;
    if (!l->thread_runs) {
        return error_set(err, ERROR_RETRIABLE, "cannot start the engine's thread");
    }
    pthread_setname_np(l->thread, "engine");
    return true;
}

bool load_store_open(const struct load_store_settings *settings, const struct load_target *target,
                     struct load_sink **out, struct error *err) {
    struct load_store *l = mem_zalloc(1, sizeof *l);
    struct store_settings shop = {0};
    *out = NULL;
    if (!load_store_open_store(l, settings, &shop, err) || !start_engine(l, settings, &shop, err)) {
        free_all(l);
        return false;
    }
    const struct load_intake_parts parts = {.intake = queue_intake(l->queue),
                                            .rules = &l->rules,
                                            .what = "the store",
                                            .ready = is_ready,
                                            .go_on = go_on,
                                            .drain = drain,
                                            .free = free_all,
                                            .user = l};
    *out = load_intake_new(&parts, target);
    return true;
}
