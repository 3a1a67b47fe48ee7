// SPDX-License-Identifier: MIT
// `salestide ingest`: the HTTP door in front of a Kafka topic.
//
// Start: the producer looks for the topic (and makes it if wished), then the door is made and one
// line on standard output says that it is ready. This thread runs the HTTP loop. A topic that does
// not exist is a mistake and ends it; brokers that do not answer are not: it starts, says so in the
// log and on /readyz, answers orders with 503, and goes on by itself when they are back.
//
// Stop (SIGTERM, SIGINT): the loop ends when nothing is in flight, the producer delivers what is
// left, for a while, and all is closed in the opposite order.
#include "broker/kafka_producer.h"
#include "host/commands.h"

#include "base/clock.h"
#include "base/log.h"
#include "engine/zone_file.h"
#include "host/http_setup.h"
#include "order/order.h"
#include <stdio.h>
#include <string.h>

enum { START_TIMEOUT_MS = 5000, STOP_MS = 5000, TIMEZONE_BYTES = 64 };

struct ingest {
    const struct options *options;
    struct kafka_settings kafka;
    struct kafka_producer *producer;
    char timezone[TIMEZONE_BYTES];
    struct zone *zone;
    struct order_rules rules;
    struct http_server *http;
};

static bool is_ready(void *user, char problem[static INTAKE_PROBLEM_BYTES]) {
    struct ingest *i = user;
    return intake_ready(kafka_producer_intake(i->producer), problem);
}

static void put_metrics(void *user, struct buf *out) {
    struct ingest *i = user;
    kafka_producer_metrics(i->producer, out);
}

static bool make_rules(struct ingest *i, struct error *err) {
    if (!http_shop_read(i->options, i->rules.currency, i->timezone, sizeof i->timezone, err) ||
        !zone_open(i->timezone, &i->zone, err)) {
        return false;
    }
    i->rules.zone = i->zone;
    i->rules.max_depth = (uint32_t)option_int(i->options, "max-depth");
    return true;
}

static bool start_producer(struct ingest *i, struct error *err) {
    const struct options *o = i->options;
    const char *broker = option_text(o, "broker");
    if (broker == NULL) {
        return error_set(err, ERROR_USAGE, "say where orders go: --broker kafka://HOST:9092/TOPIC");
    }
    if (!kafka_settings_read(broker, o, &i->kafka, err)) {
        return false;
    }
    const struct kafka_producer_options options = {
        .settings = &i->kafka,
        .topic = kafka_topic_wish_of(o),
        .max_events = (size_t)option_int(o, "queue-events"),
        .delivery_timeout_ms = option_int(o, "delivery-timeout"),
        .start_timeout_ms = START_TIMEOUT_MS,
    };
    return kafka_producer_start(&options, &i->producer, err);
}

static bool start(struct ingest *i, struct error *err) {
    if (!make_rules(i, err) || !start_producer(i, err)) {
        return false;
    }
    struct http_options options = {
        .rules = &i->rules,
        .timezone = i->timezone,
        .intake = kafka_producer_intake(i->producer),
        .clock = clock_system(),
        .ready = is_ready,
        .metrics = put_metrics,
        .user = i,
    };
    http_options_read(i->options, &options);
    http_orders_options_read(i->options, &options);
    return http_new(&options, &i->http, err);
}

int command_ingest(const struct options *o) {
    sigset_t signals;
    http_prepare_process(&signals);
    struct ingest i = {.options = o};
    struct error err = {0};
    bool ok = start(&i, &err);
    if (ok) {
        printf("Salestide is ready: %s (orders go to %s)\n", http_url(i.http),
               option_text(o, "broker"));
        fflush(stdout);
        http_run(i.http, &signals);
    } else {
        fprintf(stderr, "salestide ingest: %s\n", err.text);
    }
    kafka_producer_stop(i.producer, STOP_MS); // settles all: the door has every request back
    http_free(i.http);
    kafka_producer_free(i.producer);
    zone_free(i.zone);
    if (ok) {
        log_info("ingest", "stopped");
    }
    return ok ? 0 : err.cls == ERROR_USAGE ? 2 : 1;
}
