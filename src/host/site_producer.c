// SPDX-License-Identifier: MIT
// The door's way into a Kafka topic, and the shop as the options alone tell it, for a process that
// has no store to ask.
//
// A topic that does not exist is a mistake and ends the start; brokers that do not answer are not:
// the producer says so in the log and on /readyz, orders are answered 503, and it goes on by itself
// when they are back. Stop: it delivers what is left, for a while, and settles the rest.
#include "host/site_internal.h"

#include "host/addresses.h"
#include "host/shop_settings.h"
#include <string.h>

enum { START_TIMEOUT_MS = 5000, STOP_MS = 5000 };

// --- The shop

static bool open_shop(struct site *s, struct error *err) {
    struct store_settings settings;
    return shop_of_options(s->options, &settings, err) && site_set_shop(s, &settings, err);
}

static void close_nothing(struct site *s) {
    UNUSED(s);
}

const struct site_part part_shop = {.name = "shop", .open = open_shop, .close = close_nothing};

// --- The producer

bool site_read_kafka(struct site *s, const char *missing, struct error *err) {
    const char *broker = option_text(s->options, "broker");
    if (broker == NULL) {
        return error_set(err, ERROR_USAGE, "%s: --broker kafka://HOST:9092/TOPIC", missing);
    }
    // Once: the producer's thread reads them while other parts open.
    return s->kafka.topic[0] != '\0' || kafka_settings_read(broker, s->options, &s->kafka, err);
}

static bool open_producer(struct site *s, struct error *err) {
    const struct options *o = s->options;
    if (!site_read_kafka(s, "say where orders go", err)) {
        return false;
    }
    const struct kafka_producer_options options = {
        .settings = &s->kafka,
        .topic = kafka_topic_wish_of(o),
        .max_events = (size_t)option_int(o, "queue-events"),
        .delivery_timeout_ms = option_int(o, "delivery-timeout"),
        .start_timeout_ms = START_TIMEOUT_MS,
    };
    s->rules.max_depth = (uint32_t)option_int(o, "max-depth");
    if (!kafka_producer_start(&options, &s->producer, err)) {
        return false;
    }
    s->intake = kafka_producer_intake(s->producer);
    return true;
}

// After this the door has every request back.
static void halt_producer(struct site *s) {
    kafka_producer_stop(s->producer, STOP_MS);
}

static void close_producer(struct site *s) {
    kafka_producer_free(s->producer);
}

static bool producer_is_ready(struct site *s, char problem[static INTAKE_PROBLEM_BYTES]) {
    return intake_ready(s->intake, problem);
}

static void put_producer(struct site *s, struct buf *out) {
    kafka_producer_metrics(s->producer, out);
}

const struct site_part part_producer = {
    .name = "producer",
    .open = open_producer,
    .halt = halt_producer,
    .close = close_producer,
    .ready = producer_is_ready,
    .metrics = put_producer,
};
