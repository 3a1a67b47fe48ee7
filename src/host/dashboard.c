// SPDX-License-Identifier: MIT
// `salestide dashboard`: the page, the live stream and the query API of aggregates that other
// processes write; takes no orders.
//
// Start: the place of the aggregates is asked for its settings (so it has to be up), the address is
// bound, the live page and the watch get their threads; then one line on standard output says that
// it is ready. This thread runs the HTTP loop until SIGTERM or SIGINT. While a server is away
// afterwards, the page keeps its figures and says so, questions are answered 503, /readyz names
// what is down, and everything connects again by itself.
#include "base/clock.h"
#include "base/log.h"
#include "engine/engine_metrics.h"
#include "engine/zone_file.h"
#include "host/commands.h"
#include "host/http_setup.h"
#include "host/reader_place.h"
#include "http/http_server.h"
#include "live/live.h"
#include "live/watch.h"
#include "order/order.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUERY_TIMEOUT_MS = 5000, LIVE_TIMEOUT_MS = 5000, WATCH_TIMEOUT_MS = 3000 };
enum { LIVE_POLL_MS = 200, WATCH_EVERY_MS = 2000 };

struct dashboard {
    const struct options *options;
    struct reader_place *place;
    struct store_settings settings;
    struct zone *zone;
    struct order_rules rules;
    struct http_server *http;
    struct live *live;
    struct watch *watch;
    // The watch's thread: what it asks.
    struct sales_reader *watched;
    struct raw_reader *watched_raw;
    pthread_mutex_t lock;
    struct store_counts counts; // under the lock: as the watch has seen them last
};

// --- What the parts ask of each other

static bool is_ready(void *user, char problem[static INTAKE_PROBLEM_BYTES]) {
    struct dashboard *d = user;
    return watch_all_up(d->watch, problem);
}

static void put_metrics(void *user, struct buf *out) {
    struct dashboard *d = user;
    pthread_mutex_lock(&d->lock);
    struct store_counts counts = d->counts;
    pthread_mutex_unlock(&d->lock);
    counts_metrics(out, &counts);
    watch_metrics(d->watch, out);
}

static bool open_reader(void *user, struct sales_reader **out, struct error *err) {
    struct dashboard *d = user;
    struct store_settings settings;
    return reader_place_open(d->place, QUERY_TIMEOUT_MS, out, &settings, err);
}

// A worker's thread, on SIGHUP.
static void reload(void *user) {
    live_reload_products(((struct dashboard *)user)->live);
}

// Live's thread. What is down shows as the page's own problem.
static void put_health(void *user, struct buf *json) {
    struct dashboard *d = user;
    buf_printf(json, "{\"keys_required\":%s}", http_keys_required(d->http) ? "true" : "false");
}

// --- The watch

static bool check_aggregates(void *user, struct error *err) {
    struct dashboard *d = user;
    struct store_counts counts;
    int64_t last_batch_id;
    if (!d->watched->ops->counts(d->watched, &counts, &last_batch_id, err)) {
        return false;
    }
    pthread_mutex_lock(&d->lock);
    d->counts = counts;
    pthread_mutex_unlock(&d->lock);
    return true;
}

static bool enough(void *user, const struct stored_event *event) {
    UNUSED(user);
    UNUSED(event);
    return false;
}

// Any id will do: what counts is that there is an answer.
static bool check_raw(void *user, struct error *err) {
    struct dashboard *d = user;
    if (d->watched_raw == NULL &&
        !reader_place_open_raw(d->place, WATCH_TIMEOUT_MS, &d->watched_raw, err)) {
        d->watched_raw = NULL;
        return false;
    }
    struct ident any = {0, TEXT_NONE};
    if (d->watched_raw->ops->order(d->watched_raw, any, enough, NULL, err)) {
        return true;
    }
    d->watched_raw->ops->close(d->watched_raw);
    d->watched_raw = NULL;
    return false;
}

static bool start_watch(struct dashboard *d, struct error *err) {
    struct store_settings settings;
    const char *raw = reader_place_raw_name(d->place);
    const struct watched items[] = {
        {reader_place_kind(d->place) == PLACE_MYSQL ? "mysql" : "sqlite", check_aggregates, d},
        {raw, check_raw, d},
    };
    if (!reader_place_open(d->place, WATCH_TIMEOUT_MS, &d->watched, &settings, err)) {
        return false;
    }
    d->watch = watch_start(items, raw != NULL ? 2 : 1, WATCH_EVERY_MS, err);
    return d->watch != NULL;
}

// --- Start

static bool make_http(struct dashboard *d, struct error *err) {
    const struct options *o = d->options;
    struct http_options options = {
        .rules = &d->rules,
        .timezone = d->settings.timezone,
        .clock = clock_system(),
        .ready = is_ready,
        .metrics = put_metrics,
        .open_reader = open_reader,
        .reload = reload,
        .user = d,
    };
    http_options_read(o, &options);
    http_sales_options_read(o, &options);
    return http_new(&options, &d->http, err);
}

static bool make_live(struct dashboard *d, struct error *err) {
    struct live_options options = {
        .zone = d->zone,
        .products_path = option_text(d->options, "products"),
        .clock = clock_system(),
        .poll_ms = LIVE_POLL_MS,
        .changed = http_live_changed,
        .changed_user = d->http,
        .health = put_health,
        .health_user = d,
    };
    struct store_settings settings;
    memcpy(options.currency, d->settings.currency, sizeof options.currency);
    if (!reader_place_open(d->place, LIVE_TIMEOUT_MS, &options.reader, &settings, err)) {
        return false;
    }
    d->live = live_start(&options, err);
    if (d->live == NULL) {
        return false;
    }
    http_set_live(d->http, d->live);
    return true;
}

static bool start(struct dashboard *d, struct error *err) {
    struct sales_reader *first;
    if (!reader_place_read(d->options, option_text(d->options, "raw"), &d->place, err) ||
        !reader_place_open(d->place, QUERY_TIMEOUT_MS, &first, &d->settings, err)) {
        return false;
    }
    first->ops->close(first); // each thread has its own
    if (!zone_open(d->settings.timezone, &d->zone, err)) {
        return false;
    }
    d->rules.zone = d->zone;
    memcpy(d->rules.currency, d->settings.currency, sizeof d->rules.currency);
    return start_watch(d, err) && make_http(d, err) && make_live(d, err);
}

// Also from a start that went halfway.
static void stop(struct dashboard *d) {
    if (d->http != NULL) {
        http_set_live(d->http, NULL);
    }
    live_stop(d->live);
    http_free(d->http);
    watch_stop(d->watch);
    if (d->watched != NULL) {
        d->watched->ops->close(d->watched);
    }
    if (d->watched_raw != NULL) {
        d->watched_raw->ops->close(d->watched_raw);
    }
    zone_free(d->zone);
    reader_place_free(d->place);
    pthread_mutex_destroy(&d->lock);
}

int command_dashboard(const struct options *o) {
    sigset_t signals;
    http_prepare_process(&signals);
    struct dashboard d = {.options = o};
    struct error err = {0};
    pthread_mutex_init(&d.lock, NULL);
    if (!start(&d, &err)) {
        fprintf(stderr, "salestide dashboard: %s\n", err.text);
        stop(&d);
        return err.cls == ERROR_USAGE ? 2 : 1;
    }
    printf("Salestide's dashboard is ready: %s (reads %s)\n", http_url(d.http),
           reader_place_name(d.place));
    fflush(stdout);
    http_run(d.http, &signals);
    stop(&d);
    log_info("dashboard", "stopped");
    return 0;
}
