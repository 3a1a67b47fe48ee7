// SPDX-License-Identifier: MIT
// How to reach a Kafka cluster, from the address kafka://h1:9092,h2:9092/topic and the --kafka-*
// options; used by producers and consumers alike.
//
// Credentials come from a file or the environment, never from the address or a flag: others on the
// machine would see them in the list of processes.
#pragma once
#include "base/error.h"
#include "base/secret.h"
#include "host/options.h"
#include <librdkafka/rdkafka.h>

enum {
    KAFKA_TOPIC_MAX = 249,
    KAFKA_BROKERS_MAX_BYTES = 16 * 270,
    KAFKA_PORT = 9092,
};

struct kafka_settings {
    char brokers[KAFKA_BROKERS_MAX_BYTES]; // "h1:9092,[::1]:9092"
    char topic[KAFKA_TOPIC_MAX + 1];
    const char *sasl;                          // PLAIN, SCRAM-SHA-256, ...; NULL: none
    const char *user;                          // with sasl
    char password[SECRET_MAX_BYTES + 1];       // with sasl
    bool tls;                                  // the broker's certificate and name are checked
    const char *ca;                            // file of the authorities; NULL: the system's
    const char *certificate, *certificate_key; // the client's own, PEM files; NULL: none
};

// Whether a --to (NULL: not given) is a topic.
bool kafka_is_address(const char *text);
// For commands whose --to may be a topic: options that do not go with what it is are refused.
MUST_CHECK bool kafka_options_fit(const struct options *o, struct error *err);

// Reads an address and the command's --kafka-* options. The texts live as long as `o`. ERROR_USAGE
// says what is wrong with what.
MUST_CHECK bool kafka_settings_read(const char *url, const struct options *o,
                                    struct kafka_settings *out, struct error *err);

// A configuration with all of that, the log going to base/log.h, and short reconnect times; the
// owner adds what its role needs and sets the error callback. NULL: the error is set.
MUST_CHECK rd_kafka_conf_t *kafka_conf_new(const struct kafka_settings *settings,
                                           struct error *err);
// Sets one property. ERROR_FATAL when this librdkafka does not take it.
MUST_CHECK bool kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                               struct error *err);
MUST_CHECK bool kafka_conf_set_int(rd_kafka_conf_t *conf, const char *name, int64_t value,
                                   struct error *err);
