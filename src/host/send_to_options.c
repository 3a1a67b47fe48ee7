// SPDX-License-Identifier: MIT
#include "host/send_to_options.h"

#include "host/addresses.h"
#include <string.h>

bool kafka_options_fit(const struct options *o, struct error *err) {
    static const char *const names[] = {
        "create-topic", "partitions", "replication", "delivery-timeout",  "kafka-user",
        "kafka-sasl",   "kafka-tls",  "kafka-ca",    "kafka-certificate", "kafka-password-file",
    };
    if (kafka_is_address(option_text(o, "to"))) {
        return !option_typed(o, "key") ||
               error_set(err, ERROR_USAGE, "--key is for a server; a topic has --kafka-user");
    }
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (option_typed(o, names[i])) {
            return error_set(err, ERROR_USAGE, "--%s is for a topic: --to kafka://HOST:9092/TOPIC",
                             names[i]);
        }
    }
    return true;
}

bool send_to_of_options(const struct options *o, struct send_to *out, struct error *err) {
    const char *to = option_text(o, "to");
    *out = (struct send_to){.kind = SEND_TO_NOTHING};
    if (to == NULL) {
        return true;
    }
    if (!kafka_is_address(to)) {
        out->kind = SEND_TO_SERVER;
        out->url = to;
        out->key = option_text(o, "key");
        return true;
    }
    out->kind = SEND_TO_TOPIC;
    out->delivery_timeout_ms = option_int(o, "delivery-timeout");
    return kafka_settings_read(to, o, &out->topic, err);
}

void send_to_wipe(struct send_to *to) {
    explicit_bzero(to->topic.password, sizeof to->topic.password);
}
