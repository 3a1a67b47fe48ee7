// SPDX-License-Identifier: MIT
// From an address to where the brokers are, and from settings to a librdkafka configuration. Fails
// for what cannot be: an address of another form, a property that this librdkafka does not take.
#include "broker/kafka_config.h"

#include "base/log.h"
#include "base/url.h"
#include <stdio.h>
#include <string.h>

enum {
    RECONNECT_FIRST_MS = 100,
    RECONNECT_LONGEST_MS = 1000, // a broker that is back is found within a second
    CONNECT_TIMEOUT_MS = 5000,
};

// --- Address

bool kafka_is_address(const char *text) {
    return text != NULL && url_has_scheme(text, "kafka");
}

// Kafka's own rule for names of topics.
static bool topic_is_legal(const char *topic) {
    size_t legal = strspn(topic, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789._-");
    return topic[0] != '\0' && topic[legal] == '\0' && legal <= KAFKA_TOPIC_MAX &&
           strcmp(topic, ".") != 0 && strcmp(topic, "..") != 0;
}

bool kafka_address_read(const char *text, struct kafka_settings *out, struct error *err) {
    struct url url;
    *out = (struct kafka_settings){0};
    if (!url_read(text, "kafka", KAFKA_PORT, "topic", &url, err)) {
        return false;
    }
    if (url.user[0] != '\0') {
        return error_set(err, ERROR_USAGE,
                         "kafka://%s@...: the user of a broker is given by --kafka-user", url.user);
    }
    if (!topic_is_legal(url.path)) {
        return error_set(err, ERROR_USAGE,
                         "'%s' cannot be a topic: its name has 1 to %d of the characters a-z A-Z "
                         "0-9 . _ -",
                         url.path, KAFKA_TOPIC_MAX);
    }
    snprintf(out->topic, sizeof out->topic, "%s", url.path);
    size_t n = 0;
    for (size_t i = 0; i < url.n_hosts; i++) {
        const char *name = url.hosts[i].name;
        bool v6 = strchr(name, ':') != NULL;
        n += (size_t)snprintf(out->brokers + n, sizeof out->brokers - n, "%s%s%s%s:%u",
                              i > 0 ? "," : "", v6 ? "[" : "", name, v6 ? "]" : "",
                              (unsigned)url.hosts[i].port);
    }
    return true;
}

// --- The library's configuration

// Any of the library's threads. Levels are syslog's.
static void write_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
    UNUSED(rk);
    // What fails with a connection is told to the error callback too, which knows what it means;
    // a producer's identity is simply asked for again.
    bool told = strcmp(facility, "FAIL") == 0 || strcmp(facility, "ERROR") == 0 ||
                strcmp(facility, "GETPID") == 0 || strcmp(facility, "FATAL") == 0;
    enum log_level as = told         ? LOG_DEBUG
                        : level <= 3 ? LOG_ERROR
                        : level <= 4 ? LOG_WARN
                                     : LOG_DEBUG;
    log_line(as, "broker", "%s: %s", facility, text);
}

bool kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, struct error *err) {
    char why[300];
    return rd_kafka_conf_set(conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK ||
           error_set(err, ERROR_FATAL, "librdkafka %s: %s", rd_kafka_version_str(), why);
}

bool kafka_conf_set_int(rd_kafka_conf_t *conf, const char *name, int64_t value, struct error *err) {
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    return kafka_conf_set(conf, name, text, err);
}

static bool set_security(rd_kafka_conf_t *conf, const struct kafka_settings *s, struct error *err) {
    const char *protocol =
        s->sasl != NULL ? (s->tls ? "sasl_ssl" : "sasl_plaintext") : (s->tls ? "ssl" : "plaintext");
    bool ok = kafka_conf_set(conf, "security.protocol", protocol, err);
    if (s->sasl != NULL) {
        ok = ok && kafka_conf_set(conf, "sasl.mechanisms", s->sasl, err) &&
             kafka_conf_set(conf, "sasl.username", s->user, err) &&
             kafka_conf_set(conf, "sasl.password", s->password, err);
    }
    if (s->tls) {
        ok = ok && kafka_conf_set(conf, "ssl.endpoint.identification.algorithm", "https", err);
    }
    if (s->ca != NULL) {
        ok = ok && kafka_conf_set(conf, "ssl.ca.location", s->ca, err);
    }
    if (s->certificate != NULL) {
        ok = ok && kafka_conf_set(conf, "ssl.certificate.location", s->certificate, err) &&
             kafka_conf_set(conf, "ssl.key.location", s->certificate_key, err);
    }
    return ok;
}

rd_kafka_conf_t *kafka_conf_new(const struct kafka_settings *s, struct error *err) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, write_log);
    bool ok =
        kafka_conf_set(conf, "bootstrap.servers", s->brokers, err) &&
        kafka_conf_set(conf, "client.id", "salestide", err) &&
        kafka_conf_set(conf, "socket.nagle.disable", "true", err) &&
        kafka_conf_set_int(conf, "socket.connection.setup.timeout.ms", CONNECT_TIMEOUT_MS, err) &&
        kafka_conf_set_int(conf, "reconnect.backoff.ms", RECONNECT_FIRST_MS, err) &&
        kafka_conf_set_int(conf, "reconnect.backoff.max.ms", RECONNECT_LONGEST_MS, err) &&
        set_security(conf, s, err);
    if (!ok) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    return conf;
}
