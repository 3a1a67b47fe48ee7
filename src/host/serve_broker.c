// SPDX-License-Identifier: MIT
// `salestide serve --broker ...`: door, engine over the topic and page in one process, on the
// systems that `ingest`, `process` and `dashboard` use as three.
//
// Start: the producer (it makes the topic if wished), the engine over the topic, the door, the live
// page; then one line on standard output. This thread runs the HTTP loop. Stop: the loop ends when
// nothing is in flight, the producer delivers what is left, the engine commits what it has judged.
#include "host/serve_broker.h"

#include "base/log.h"
#include "broker/kafka_producer.h"
#include "engine/zone_file.h"
#include "host/http_setup.h"
#include "host/log_pipeline.h"
#include "host/parts.h"
#include "host/reader_place.h"
#include "live/live.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { QUERY_TIMEOUT_MS = 5000, START_TIMEOUT_MS = 5000, STOP_MS = 5000, LIVE_POLL_MS = 200 };

struct serve_broker {
    const struct options *options;
    struct kafka_settings kafka;
    struct kafka_producer *producer;
    struct log_pipeline *pipeline;
    struct reader_place *place;
    struct zone *zone;
    struct order_rules rules;
    struct http_server *http;
    struct live *live;
};

// --- What the parts ask of each other

static bool is_ready(void *user, char problem[static INTAKE_PROBLEM_BYTES]) {
    struct serve_broker *s = user;
    return intake_ready(kafka_producer_intake(s->producer), problem) &&
           log_pipeline_ready(s->pipeline, problem);
}

static void put_metrics(void *user, struct buf *out) {
    struct serve_broker *s = user;
    log_pipeline_metrics(s->pipeline, out);
    kafka_producer_metrics(s->producer, out);
}

static bool open_reader(void *user, struct sales_reader **out, struct error *err) {
    struct serve_broker *s = user;
    struct store_settings settings;
    return reader_place_open(s->place, QUERY_TIMEOUT_MS, out, &settings, err);
}

static void reload(void *user) {
    struct serve_broker *s = user;
    log_pipeline_reload(s->pipeline);
    live_reload_products(s->live);
}

// Live's thread.
static void put_health(void *user, struct buf *json) {
    struct serve_broker *s = user;
    struct engine_status status;
    char problem[LOG_PIPELINE_PROBLEM_BYTES];
    log_pipeline_status(s->pipeline, &status);
    bool ready = log_pipeline_ready(s->pipeline, problem);
    buf_printf(json, "{\"ready\":%s,\"last_commit_ms\":%lld,\"keys_required\":%s",
               ready ? "true" : "false", (long long)status.last_commit_ms,
               http_keys_required(s->http) ? "true" : "false");
    if (!ready) {
        buf_put_str(json, ",\"problem\":");
        buf_put_json(json, text_of(problem));
    }
    buf_put_char(json, '}');
}

// Engine's thread.
static void on_failed(void *user) {
    UNUSED(user);
    kill(getpid(), SIGTERM); // the loop takes it and ends
}

// --- Start

static bool start_producer(struct serve_broker *s, struct error *err) {
    const struct options *o = s->options;
    if (!kafka_settings_read(option_text(o, "broker"), o, &s->kafka, err)) {
        return false;
    }
    const struct kafka_producer_options options = {
        .settings = &s->kafka,
        .topic = kafka_topic_wish_of(o),
        .max_events = (size_t)option_int(o, "queue-events"),
        .delivery_timeout_ms = option_int(o, "delivery-timeout"),
        .start_timeout_ms = START_TIMEOUT_MS,
    };
    return kafka_producer_start(&options, &s->producer, err);
}

static bool start_pipeline(struct serve_broker *s, struct error *err) {
    const struct log_pipeline_hooks hooks = {.failed = on_failed, .user = s};
    if (!log_pipeline_start(s->options, &hooks, &s->pipeline, err)) {
        return false;
    }
    const struct store_settings *settings = log_pipeline_settings(s->pipeline);
    s->rules.max_depth = (uint32_t)option_int(s->options, "max-depth");
    memcpy(s->rules.currency, settings->currency, sizeof s->rules.currency);
    if (!zone_open(settings->timezone, &s->zone, err)) {
        return false;
    }
    s->rules.zone = s->zone;
    return true;
}

static bool make_http(struct serve_broker *s, struct error *err) {
    struct http_options options = {
        .rules = &s->rules,
        .timezone = log_pipeline_settings(s->pipeline)->timezone,
        .intake = kafka_producer_intake(s->producer),
        .clock = clock_system(),
        .ready = is_ready,
        .metrics = put_metrics,
        .open_reader = open_reader,
        .reload = reload,
        .user = s,
    };
    http_options_read(s->options, &options);
    http_sales_options_read(s->options, &options);
    return http_new(&options, &s->http, err);
}

static bool make_live(struct serve_broker *s, struct error *err) {
    struct live_options options = {
        .zone = s->zone,
        .products_path = option_text(s->options, "products"),
        .clock = clock_system(),
        .poll_ms = LIVE_POLL_MS, // other processes of the group commit too
        .changed = http_live_changed,
        .changed_user = s->http,
        .health = put_health,
        .health_user = s,
    };
    struct store_settings settings;
    memcpy(options.currency, s->rules.currency, sizeof options.currency);
    if (!reader_place_open(s->place, QUERY_TIMEOUT_MS, &options.reader, &settings, err)) {
        return false;
    }
    s->live = live_start(&options, err);
    if (s->live == NULL) {
        return false;
    }
    http_set_live(s->http, s->live);
    return true;
}

static bool start(struct serve_broker *s, struct error *err) {
    const char *raw = option_text(s->options, "raw");
    bool asked = raw != NULL && !parts_embedded(s->options);
    return parts_check(s->options, err) &&
           reader_place_read(s->options, asked ? raw : NULL, &s->place, err) &&
           start_producer(s, err) && start_pipeline(s, err) && make_http(s, err) &&
           make_live(s, err);
}

static void stop(struct serve_broker *s) {
    if (s->http != NULL) {
        http_set_live(s->http, NULL);
    }
    kafka_producer_stop(s->producer, STOP_MS); // settles all: the door has every request back
    live_stop(s->live);
    http_free(s->http);
    log_pipeline_stop(s->pipeline);
    kafka_producer_free(s->producer);
    zone_free(s->zone);
    reader_place_free(s->place);
}

int serve_over_broker(const struct options *o, const sigset_t *signals) {
    struct serve_broker s = {.options = o};
    struct error err = {0};
    bool ok = start(&s, &err);
    if (ok) {
        printf("Salestide is ready: %s (orders go through %s into %s)\n", http_url(s.http),
               option_text(o, "broker"), reader_place_name(s.place));
        fflush(stdout);
        http_run(s.http, signals);
        ok = !log_pipeline_failed(s.pipeline);
    } else {
        fprintf(stderr, "salestide serve: %s\n", err.text);
    }
    stop(&s);
    if (ok) {
        log_info("ingest", "stopped");
    }
    return ok ? 0 : err.cls == ERROR_USAGE ? 2 : 1;
}
