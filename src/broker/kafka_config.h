// SPDX-License-Identifier: MIT
// How to reach a Kafka cluster: where its brokers are, by the address
// kafka://h1:9092,h2:9092/topic, and who asks; used by producers and consumers alike.
#pragma once
#include "base/error.h"
#include "base/secret.h"
#include <librdkafka/rdkafka.h>

enum {
    KAFKA_TOPIC_MAX = 249,
    KAFKA_BROKERS_MAX_BYTES = 16 * 270,
    KAFKA_PORT = 9092,
};

// Who reads the options fills it (host/addresses.h). A plain value, whose texts are borrowed: they
// live as long as whoever uses it.
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
// Reads an address: brokers and topic; the rest stays zero, which is no login and no TLS.
// ERROR_USAGE says what is wrong with it.
MUST_CHECK bool kafka_address_read(const char *url, struct kafka_settings *out, struct error *err);

// A configuration with all of that, the log going to base/log.h, and short reconnect times; the
// owner adds what its role needs and sets the error callback. NULL: the error is set.
MUST_CHECK rd_kafka_conf_t *kafka_conf_new(const struct kafka_settings *settings,
                                           struct error *err);
// Sets one property. ERROR_FATAL when this librdkafka does not take it.
MUST_CHECK bool kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                               struct error *err);
MUST_CHECK bool kafka_conf_set_int(rd_kafka_conf_t *conf, const char *name, int64_t value,
                                   struct error *err);
