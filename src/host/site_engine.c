// SPDX-License-Identifier: MIT
// The engine of a site and its thread, over a queue or a log: rules, customers, and who is told of
// a commit. An engine that ends for good has said why and ends the process.
#include "host/site_internal.h"

#include "base/log.h"
#include "engine/customers_file.h"
#include <signal.h>
#include <string.h>
#include <unistd.h>

static void tell_of_commit(void *user, const struct batch_summary *batch) {
    struct site *s = user;
    if (s->after_commit != NULL) {
        s->after_commit(s);
    }
    if (s->live != NULL) {
        live_notify(s->live, batch);
    }
}

static void *engine_main(void *user) {
    struct site *s = user;
    if (!engine_run(s->engine)) {
        atomic_store(&s->engine_failed, true);
        kill(getpid(), SIGTERM); // the loop takes it and ends
    }
    return NULL;
}

bool site_engine_make(struct site *s, const struct site_engine_wish *wish, struct error *err) {
    struct customers *customers = NULL;
    const char *path = option_text(s->options, "customers");
    if (path != NULL && !customers_load(path, &customers, err)) {
        return false;
    }
    s->rules.max_depth = (uint32_t)option_int(s->options, "max-depth");
    const struct engine_options options = {
        .clock = clock_system(),
        .batch_max_events = wish->batch_max_events,
        .late_limit_ms = s->settings.late_limit_ms,
        .committed = tell_of_commit,
        .committed_user = s,
    };
    s->engine = engine_new(s->store, wish->source, &s->rules, customers, &options);
    return true;
}

bool site_engine_run(struct site *s, struct error *err) {
    int code = pthread_create(&s->engine_thread, NULL, engine_main, s);
    if (code != 0) {
        return error_set(err, ERROR_FATAL, "cannot start the engine's thread: %s", strerror(code));
    }
    pthread_setname_np(s->engine_thread, "engine");
    s->engine_runs = true;
    return true;
}

void site_engine_join(struct site *s) {
    if (s->engine_runs) {
        pthread_join(s->engine_thread, NULL);
        s->engine_runs = false;
    }
}

void site_engine_free(struct site *s) {
    if (s->engine != NULL) {
        engine_free(s->engine);
        s->engine = NULL;
    }
}

void site_engine_reload(struct site *s) {
    struct customers *customers = NULL;
    struct error err = {0};
    const char *path = option_text(s->options, "customers");
    if (path == NULL) {
        log_info("engine", "SIGHUP: there is no --customers file to read again");
    } else if (customers_load(path, &customers, &err)) {
        log_info("engine", "SIGHUP: %zu customers read from %s", customers_count(customers), path);
        engine_set_customers(s->engine, customers);
    } else {
        log_warn("engine", "SIGHUP: %s; the customers known before stay in force", err.text);
    }
}
