// SPDX-License-Identifier: MIT
#include "host/send_to_options.h"

#include "host/addresses.h"
#include <stdio.h>
#include <string.h>

bool kafka_options_fit(const struct options *o, struct error *err) {
    static const char *const names[] = {
        "create-topic", "partitions", "replication", "delivery-timeout",  "kafka-user",
        "kafka-sasl",   "kafka-tls",  "kafka-ca",    "kafka-certificate", "kafka-password-file",
    };
    if (kafka_is_address(option_text(o, "to"))) {
        return (!option_typed(o, "key") && !option_typed(o, "key-file")) ||
               error_set(err, ERROR_USAGE, "--key%s is for a server; a topic has --kafka-user",
                         option_typed(o, "key") ? "" : "-file");
    }
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (option_typed(o, names[i])) {
            return error_set(err, ERROR_USAGE, "--%s is for a topic: --to kafka://HOST:9092/TOPIC",
                             names[i]);
        }
    }
    return true;
}

// As with passwords, a file goes before the environment; both on the command line are a mistake.
static bool send_to_key(const struct options *o, char out[static SECRET_MAX_BYTES + 1],
                        struct error *err) {
    const char *file = option_text(o, "key-file"), *key = option_text(o, "key");
    struct error inner = {0};
    if (file != NULL && option_typed(o, "key")) {
        return error_set(err, ERROR_USAGE, "--key and --key-file are two keys: leave one out");
    }
    if (file != NULL) {
        return secret_read("SALESTIDE_KEY", file, out, &inner) ||
               error_set(err, inner.cls, "--key-file: %.480s", inner.text);
    }
    return snprintf(out, SECRET_MAX_BYTES + 1, "%s", key != NULL ? key : "") <= SECRET_MAX_BYTES ||
           error_set(err, ERROR_USAGE, "--key is longer than any key");
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
        return send_to_key(o, out->key, err);
    }
    out->kind = SEND_TO_TOPIC;
    out->delivery_timeout_ms = option_int(o, "delivery-timeout");
    return kafka_settings_read(to, o, &out->topic, err);
}

void send_to_wipe(struct send_to *to) {
    explicit_bzero(to->key, sizeof to->key);
    explicit_bzero(to->topic.password, sizeof to->topic.password);
}
