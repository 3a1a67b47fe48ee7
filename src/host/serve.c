// SPDX-License-Identifier: MIT
// `salestide serve`: store, engine, live page and HTTP door in one process.
//
// Start: signals are blocked for all threads, the store takes the directory's lock, the engine and
// the door are made (the address is bound), the live page and the engine get their threads; then
// one line on standard output says that it is ready. This thread runs the HTTP loop. Stop (SIGTERM,
// SIGINT): the loop ends when nothing is in flight, the queue is closed and the engine drains it,
// then all is closed in the opposite order. Whatever fails on the way up is one line and exit code
// 1 or 2.
#include "base/clock.h"
#include "base/log.h"
#include "engine/customers_file.h"
#include "engine/engine.h"
#include "engine/engine_metrics.h"
#include "engine/queue.h"
#include "engine/zone_file.h"
#include "host/commands.h"
#include "host/http_setup.h"
#include "host/serve_broker.h"
#include "http/http_server.h"
#include "live/live.h"
#include "order/order.h"
#include "store/sqlite/sqlite.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { QUERY_TIMEOUT_MS = 5000, LIVE_TIMEOUT_MS = 5000 };

struct serve {
    const struct options *options;
    const char *directory;
    const char *customers_path;
    struct store_settings settings;
    struct store *store;
    struct zone *zone;
    struct order_rules rules;
    struct queue *queue;
    struct engine *engine;
    struct http_server *http;
    struct live *live;
    pthread_t engine_thread;
    bool engine_runs;
};

// --- What the parts ask of each other

static bool is_ready(void *user, char problem[static INTAKE_PROBLEM_BYTES]) {
    struct serve *s = user;
    struct engine_status status;
    engine_status(s->engine, &status);
    if (!status.store_ready) {
        snprintf(problem, INTAKE_PROBLEM_BYTES, "store: %.480s",
                 status.problem[0] != '\0' ? status.problem : "not open yet");
        return false;
    }
    return intake_ready(queue_intake(s->queue), problem);
}

static void put_metrics(void *user, struct buf *out) {
    struct serve *s = user;
    struct engine_status status;
    int64_t db_bytes = 0, wal_bytes = 0;
    engine_status(s->engine, &status);
    sqlite_store_sizes(s->directory, &db_bytes, &wal_bytes);
    engine_metrics(out, &status, clock_now_ms(clock_system()));
    metric_value(out, "database_bytes", "gauge", "Size of sales.db.", db_bytes);
    metric_value(out, "wal_bytes", "gauge", "Size of its write-ahead log.", wal_bytes);
}

static bool open_reader(void *user, struct sales_reader **out, struct error *err) {
    struct serve *s = user;
    struct store_settings settings;
    return sqlite_reader_open(s->directory, s->store, QUERY_TIMEOUT_MS, out, &settings, err);
}

// Engine's thread, after each commit.
static void committed(void *user, const struct batch_summary *batch) {
    struct serve *s = user;
    live_notify(s->live, batch);
}

// Live's thread.
static void put_health(void *user, struct buf *json) {
    struct serve *s = user;
    struct engine_status status;
    struct intake intake = queue_intake(s->queue);
    engine_status(s->engine, &status);
    buf_printf(json,
               "{\"ready\":%s,\"queue_events\":%zu,\"queue_capacity\":%zu,\"last_commit_ms\":%lld,"
               "\"keys_required\":%s",
               status.store_ready ? "true" : "false", intake_events(intake),
               intake_capacity(intake), (long long)status.last_commit_ms,
               http_keys_required(s->http) ? "true" : "false");
    if (!status.store_ready && status.problem[0] != '\0') {
        buf_put_str(json, ",\"problem\":");
        buf_put_json(json, text_of(status.problem));
    }
    buf_put_char(json, '}');
}

// A worker's thread, on SIGHUP. What cannot be read changes nothing.
static void reload(void *user) {
    struct serve *s = user;
    struct customers *customers = NULL;
    struct error err = {0};
    if (s->customers_path == NULL) {
        log_info("ingest", "SIGHUP: there is no --customers file to read again");
    } else if (customers_load(s->customers_path, &customers, &err)) {
        log_info("ingest", "SIGHUP: %zu customers read from %s", customers_count(customers),
                 s->customers_path);
        engine_set_customers(s->engine, customers);
    } else {
        log_warn("ingest", "SIGHUP: %s; the customers known before stay in force", err.text);
    }
    live_reload_products(s->live);
}

static void *engine_main(void *user) {
    struct serve *s = user;
    engine_run(s->engine);
    return NULL;
}

// --- Start

static bool open_store(struct serve *s, struct error *err) {
    const struct options *o = s->options;
    struct sqlite_options options = {.directory = s->directory, .clock = clock_system()};
    if (!http_shop_read(o, options.settings.currency, options.settings.timezone,
                        sizeof options.settings.timezone, err)) {
        return false;
    }
    int64_t late_limit_ms = option_int(o, "late-limit");
    options.settings.late_limit_ms = late_limit_ms > 0 ? late_limit_ms : 0;
    return sqlite_store_open(&options, &s->store, &s->settings, err);
}

static bool make_engine(struct serve *s, struct error *err) {
    const struct options *o = s->options;
    struct customers *customers = NULL;
    if (s->customers_path != NULL && !customers_load(s->customers_path, &customers, err)) {
        return false;
    }
    s->rules =
        (struct order_rules){.zone = s->zone, .max_depth = (uint32_t)option_int(o, "max-depth")};
    memcpy(s->rules.currency, s->settings.currency, sizeof s->rules.currency);
    s->queue = queue_new((size_t)option_int(o, "queue-events"));
    const struct engine_options options = {
        .clock = clock_system(),
        .batch_max_events = (size_t)option_int(o, "batch-events"),
        .late_limit_ms = s->settings.late_limit_ms,
        .committed = committed,
        .committed_user = s,
    };
    s->engine = engine_new(s->store, queue_source(s->queue), &s->rules, customers, &options);
    return true;
}

static bool make_http(struct serve *s, struct error *err) {
    const struct options *o = s->options;
    struct http_options options = {
        .rules = &s->rules,
        .timezone = s->settings.timezone,
        .intake = queue_intake(s->queue),
        .clock = clock_system(),
        .ready = is_ready,
        .metrics = put_metrics,
        .open_reader = open_reader,
        .reload = reload,
        .user = s,
    };
    http_options_read(o, &options);
    http_orders_options_read(o, &options);
    http_sales_options_read(o, &options);
    return http_new(&options, &s->http, err);
}

static bool make_live(struct serve *s, struct error *err) {
    struct live_options options = {
        .zone = s->zone,
        .products_path = option_text(s->options, "products"),
        .clock = clock_system(),
        .changed = http_live_changed,
        .changed_user = s->http,
        .health = put_health,
        .health_user = s,
    };
    struct store_settings settings;
    memcpy(options.currency, s->settings.currency, sizeof options.currency);
    if (!sqlite_reader_open(s->directory, s->store, LIVE_TIMEOUT_MS, &options.reader, &settings,
                            err)) {
        return false;
    }
    s->live = live_start(&options, err);
    if (s->live == NULL) {
        return false;
    }
    http_set_live(s->http, s->live);
    return true;
}

static bool start(struct serve *s, struct error *err) {
    if (!open_store(s, err) || !zone_open(s->settings.timezone, &s->zone, err) ||
        !make_engine(s, err) || !make_http(s, err) || !make_live(s, err)) {
        return false;
    }
    int code = pthread_create(&s->engine_thread, NULL, engine_main, s);
    if (code == 0) {
        pthread_setname_np(s->engine_thread, "engine");
    }
    if (code != 0) {
        return error_set(err, ERROR_FATAL, "cannot start the engine's thread: %s", strerror(code));
    }
    s->engine_runs = true;
    return true;
}

// --- Stop: also from a start that went halfway

static void stop(struct serve *s) {
    if (s->queue != NULL) {
        intake_close(queue_intake(s->queue));
    }
    if (s->engine_runs) {
        pthread_join(s->engine_thread, NULL);
    }
    if (s->http != NULL) {
        http_set_live(s->http, NULL);
    }
    if (s->live != NULL) {
        live_stop(s->live);
    }
    http_free(s->http);
    if (s->engine != NULL) {
        engine_free(s->engine);
    }
    queue_free(s->queue);
    zone_free(s->zone);
    if (s->store != NULL) {
        s->store->ops->close(s->store);
    }
}

// Without a broker one transaction does all, so both are in one file.
static bool stores_are_embedded(const struct options *o) {
    const char *raw = option_text(o, "raw"), *aggregates = option_text(o, "aggregates");
    return (raw == NULL || strcmp(raw, "sqlite") == 0) &&
           (aggregates == NULL || strcmp(aggregates, "sqlite") == 0);
}

int command_serve(const struct options *o) {
    sigset_t signals;
    http_prepare_process(&signals);
    if (option_text(o, "broker") != NULL) {
        return serve_over_broker(o, &signals);
    }
    if (!stores_are_embedded(o)) {
        fputs(
            "salestide serve: --raw and --aggregates go with --broker kafka://HOST/TOPIC; without "
            "a broker everything is in the SQLite file of --data\n",
            stderr);
        return 2;
    }
    struct serve s = {
        .options = o,
        .directory = option_text(o, "data"),
        .customers_path = option_text(o, "customers"),
    };
    struct error err = {0};
    if (!start(&s, &err)) {
        fprintf(stderr, "salestide serve: %s\n", err.text);
        stop(&s);
        return err.cls == ERROR_USAGE ? 2 : 1;
    }
    printf("Salestide is ready: %s (data in %s)\n", http_url(s.http), s.directory);
    fflush(stdout);
    http_run(s.http, &signals);
    stop(&s);
    log_info("ingest", "stopped");
    return 0;
}
