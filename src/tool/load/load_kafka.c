// SPDX-License-Identifier: MIT
// Loading into a Kafka topic: the sink in front of an intake (load_intake.c), which is a producer.
//
// Events are checked here with the rules that need no shop; a time without an offset and an order
// without a currency stay as they are, for the shop's own to be filled in when the topic is
// processed. Whether an event is a duplicate is known then too: what is counted here is sent.
#include "base/clock.h"
#include "base/mem.h"
#include "broker/kafka_producer.h"
#include "engine/zone_file.h"
#include "tool/load/load_intake.h"
#include <stdlib.h>

enum {
    EVENTS_UNDER_WAY = 64 * 1024,
    START_TIMEOUT_MS = 10 * 1000,
    STOP_MS = 5 * 1000,
};

struct load_kafka {
    struct kafka_producer *producer;
    struct zone *zone;
    struct order_rules rules;
};

static bool is_ready(void *user, char problem[static INTAKE_PROBLEM_BYTES]) {
    struct load_kafka *l = user;
    return intake_ready(kafka_producer_intake(l->producer), problem);
}

static void drain(void *user) {
    struct load_kafka *l = user;
    kafka_producer_stop(l->producer, STOP_MS);
}

static void free_all(void *user) {
    struct load_kafka *l = user;
    kafka_producer_free(l->producer);
    zone_free(l->zone);
    free(l);
}

static bool load_kafka_start(struct load_kafka *l, const struct send_to *to, struct error *err) {
    const struct kafka_producer_options options = {
        .settings = &to->topic,
        .topic = to->wish,
        .max_events = EVENTS_UNDER_WAY,
        .delivery_timeout_ms = to->delivery_timeout_ms,
        .start_timeout_ms = START_TIMEOUT_MS,
        .must_reach = true,
    };
    l->rules = (struct order_rules){.currency = "USD", .max_depth = ORDER_DEPTH_MAX};
    if (!zone_open("UTC", &l->zone, err)) {
        return false;
    }
    l->rules.zone = l->zone;
    return kafka_producer_start(&options, &l->producer, err);
}

bool load_kafka_open(const struct send_to *to, const struct load_target *target,
                     struct load_sink **out, struct error *err) {
    struct load_kafka *l = mem_zalloc(1, sizeof *l);
    *out = NULL;
    if (!load_kafka_start(l, to, err)) {
        free_all(l);
        return false;
    }
    const struct load_intake_parts parts = {.intake = kafka_producer_intake(l->producer),
                                            .rules = &l->rules,
                                            .what = "the topic",
                                            .wants_json = true,
                                            .ready = is_ready,
                                            .drain = drain,
                                            .free = free_all,
                                            .user = l};
    load_report_sends(target->report);
    *out = load_intake_new(&parts, target);
    return true;
}
