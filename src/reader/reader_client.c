// SPDX-License-Identifier: MIT
// From settings by name to a consumer of librdkafka that belongs to no group.
//
// 1. The caller's settings, as librdkafka takes them.
// 2. Then those that exactness rests upon: no caller changes them.
//
// How it fails: a value that librdkafka does not take, or a login that it does not know.
#include "reader/reader.h"

#include <stdio.h>
#include <string.h>

// Of what comes in while a range is read: of a group, nothing; of a partition, messages that are
// committed, marks of its end, and never a silent gap.
static const char *const fixed[][2] = {
    {"auto.offset.reset", "error"},        {"isolation.level", "read_committed"},
    {"enable.partition.eof", "true"}, // tells that the rest of a range is marks of transactions
    {"enable.auto.commit", "false"},       {"enable.auto.offset.store", "false"},
    {"allow.auto.create.topics", "false"}, {"socket.nagle.disable", "true"},
};
// What the caller may say otherwise. When as much waits as is allowed the library looks again after
// some milliseconds, by default after a second. A range ends somewhere: little is read beyond, and
// what the broker still waits with then holds up the next range.
static const char *const usual[][2] = {
    {"client.id", "salestide"},      {"check.crcs", "true"},
    {"fetch.wait.max.ms", "5"},      {"queued.min.messages", "10000000"},
    {"fetch.queue.backoff.ms", "2"}, {"queued.max.messages.kbytes", "16384"},
    {"fetch.max.bytes", "8388608"},
};

static bool is_login(const char *name) {
    return strncmp(name, "sasl.", 5) == 0 || strncmp(name, "ssl.", 4) == 0 ||
           strncmp(name, "security.", 9) == 0;
}

static int32_t set(rd_kafka_conf_t *conf, const char *name, const char *value,
                   struct salestide_error *err) {
    char why[300];
    switch (rd_kafka_conf_set(conf, name, value, why, sizeof why)) {
    case RD_KAFKA_CONF_OK:
        return SALESTIDE_OK;
    case RD_KAFKA_CONF_UNKNOWN:
        if (!is_login(name)) {
            return SALESTIDE_OK;
        }
        break;
    case RD_KAFKA_CONF_INVALID:
        break;
    }
    return kernel_answer(err, SALESTIDE_INVALID, "librdkafka %s does not take %s: %s",
                         rd_kafka_version_str(), name, why);
}

static int32_t set_all(rd_kafka_conf_t *conf, const struct salestide_reader_options *o,
                       struct salestide_error *err) {
    int32_t result = SALESTIDE_OK;
    for (size_t i = 0; result == SALESTIDE_OK && i < sizeof usual / sizeof *usual; i++) {
        result = set(conf, usual[i][0], usual[i][1], err);
    }
    for (size_t i = 0; result == SALESTIDE_OK && i < o->n_settings; i++) {
        result = set(conf, o->names[i], o->values[i], err);
    }
    for (size_t i = 0; result == SALESTIDE_OK && i < sizeof fixed / sizeof *fixed; i++) {
        result = set(conf, fixed[i][0], fixed[i][1], err);
    }
    return result;
}

// The library's threads: what they would write to the terminal. The error callback is told what
// matters.
static void drop_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
    (void)rk;
    (void)level;
    (void)facility;
    (void)text;
}

// By our own thread, from rd_kafka_poll.
static void note_trouble(rd_kafka_t *rk, int code, const char *reason, void *user) {
    struct salestide_reader *r = user;
    (void)rk;
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || r->trouble[0] == '\0') { // else it says less
        snprintf(r->trouble, sizeof r->trouble, "%s", reason);
    }
    r->refused = r->refused || code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
                 code == RD_KAFKA_RESP_ERR__SSL || code == RD_KAFKA_RESP_ERR__FATAL;
}

int32_t reader_open_client(struct salestide_reader *r, const struct salestide_reader_options *o,
                           struct salestide_error *err) {
    char why[300];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, drop_log);
    rd_kafka_conf_set_error_cb(conf, note_trouble);
    rd_kafka_conf_set_opaque(conf, r);
    int32_t result = set_all(conf, o, err);
    if (result == SALESTIDE_OK) {
        r->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
        if (r->rk != NULL) {
            return SALESTIDE_OK; // `conf` is its own now
        }
        result = kernel_answer(err, SALESTIDE_INVALID, "librdkafka: %s", why);
    }
    rd_kafka_conf_destroy(conf);
    return result;
}
