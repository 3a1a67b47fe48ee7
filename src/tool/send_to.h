// SPDX-License-Identifier: MIT
// Where a tool sends orders: to a server that takes them, or into a Kafka topic. A plain value,
// which the host fills from options (host/send_to_options.h). Texts are borrowed: they live as long
// as the tool runs.
#pragma once
#include "base/secret.h"
#include "broker/kafka_config.h"
#include "broker/kafka_topic.h"

enum send_to_kind { SEND_TO_NOTHING, SEND_TO_SERVER, SEND_TO_TOPIC };

struct send_to {
    enum send_to_kind kind; // NOTHING: the rest is zero
    // Of a server.
    const char *url;                // http://host:port
    char key[SECRET_MAX_BYTES + 1]; // an API key that may send orders; "": none
    // Of a topic.
    struct kafka_settings topic;
    struct kafka_topic_wish wish;
    int64_t delivery_timeout_ms; // > 0; how long the brokers may take to acknowledge an event
};
