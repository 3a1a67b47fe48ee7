// SPDX-License-Identifier: MIT
// Is the topic still the one that the store counts? A topic of the same name that was made anew has
// another id, and offsets of its own. The library goes over to it without a word and reads on at
// the old offset, so the id is asked for before each commit, after the last message of it came.
//
// It is asked on connections of its own: a broker answers a connection's requests one after the
// other, and the consumer's fetches wait there for messages to come.
//
// 1. ask: the question is sent, while the store makes raw rows durable.
// 2. confirm: the answer is waited for. Another id than the one that was claimed: the source ends.
// 3. watch: while nothing comes nothing is committed; then it is asked for every few seconds.
//
// How it fails: no answer in time, or no topic of that name now: the batch is not committed, and is
// judged again. Brokers that do not tell ids (older than 2.8, or not permitted) leave it at
// offsets.
#include "broker/kafka_log_internal.h"

#include <string.h>

#define WATCH_EVERY_NS INT64_C(5000000000)

bool kafka_identity_open(struct kafka_log *log, rd_kafka_conf_t *conf, struct error *err) {
    char why[256];
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return error_set(err, ERROR_FATAL, "kafka: %s", why);
    }
    log->asker = kafka_asker_new(rk);
    return true;
}

void kafka_identity_close(struct kafka_log *log) {
    if (log->asker.rk != NULL) {
        kafka_asker_free(&log->asker);
        rd_kafka_destroy(log->asker.rk);
    }
}

static void send_question(struct kafka_log *log) {
    log->watching = false;
    kafka_topic_id_send(&log->asker, log->topic);
}

void kafka_identity_ask(struct kafka_log *log) {
    if (log->topic_id[0] != '\0') {
        send_question(log);
    }
}

bool kafka_identity_now(struct kafka_log *log, char id[static LOG_TOPIC_ID_BYTES],
                        struct error *err) {
    send_question(log);
    return kafka_topic_id_take(&log->asker, log->topic, id, err);
}

void kafka_identity_changed(struct kafka_log *log, const char *now_id) {
    kafka_log_fail(log,
                   "the topic %s was made anew while it was read: its id was %s and is %s. Nothing "
                   "of the new one was counted; start with --skip-gap to go on with its oldest "
                   "message, or take other aggregates",
                   log->topic, log->topic_id, now_id);
}

static bool is_another(const struct kafka_log *log, const char *id) {
    return id[0] != '\0' && strcmp(id, log->topic_id) != 0;
}

bool kafka_identity_still(struct kafka_log *log) {
    char id[LOG_TOPIC_ID_BYTES];
    struct error err;
    if (log->topic_id[0] == '\0' || !kafka_identity_now(log, id, &err) || !is_another(log, id)) {
        return true;
    }
    kafka_identity_changed(log, id);
    return false;
}

void kafka_identity_watch(struct kafka_log *log) {
    int64_t now_ns = clock_monotonic_ns(log->options.clock);
    if (log->topic_id[0] == '\0' || log->failed) {
        return;
    }
    if (!log->watching && now_ns >= log->watch_at_ns) {
        log->watch_at_ns = now_ns + WATCH_EVERY_NS;
        send_question(log);
        log->watching = true;
        return;
    }
    char id[LOG_TOPIC_ID_BYTES];
    if (log->watching && kafka_topic_id_look(&log->asker, id)) {
        log->watching = false;
        if (is_another(log, id)) {
            kafka_identity_changed(log, id);
        }
    }
}

bool kafka_identity_confirm(struct kafka_log *log, struct error *err) {
    char id[LOG_TOPIC_ID_BYTES];
    if (log->topic_id[0] == '\0') {
        return true;
    }
    if (!kafka_topic_id_take(&log->asker, log->topic, id, err)) {
        return false;
    }
    if (!is_another(log, id)) {
        return true;
    }
    kafka_identity_changed(log, id);
    return error_set(err, ERROR_FATAL, "%s is another topic now: the batch is not committed",
                     log->topic);
}
