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

#include "base/log.h"
#include <stdio.h>
#include <string.h>

enum { IDENTITY_TIMEOUT_MS = 5000 };
#define WATCH_EVERY_NS INT64_C(5000000000)

bool kafka_identity_open(struct kafka_log *log, rd_kafka_conf_t *conf, struct error *err) {
    char why[256];
    log->asker = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (log->asker == NULL) {
        rd_kafka_conf_destroy(conf);
        return error_set(err, ERROR_FATAL, "kafka: %s", why);
    }
    log->answers = rd_kafka_queue_new(log->asker);
    return true;
}

void kafka_identity_close(struct kafka_log *log) {
    if (log->asker != NULL) {
        rd_kafka_queue_destroy(log->answers);
        rd_kafka_destroy(log->asker);
    }
}

static void send_question(struct kafka_log *log) {
    char why[200];
    const char *name = log->topic;
    log->watching = false;
    rd_kafka_TopicCollection_t *topics = rd_kafka_TopicCollection_of_topic_names(&name, 1);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(log->asker, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
    if (rd_kafka_AdminOptions_set_request_timeout(options, IDENTITY_TIMEOUT_MS, why, sizeof why) !=
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        log_debug("broker", "%s", why); // the library's own time-out holds then
    }
    rd_kafka_AdminOptions_set_opaque(options, (void *)++log->n_asked);
    rd_kafka_DescribeTopics(log->asker, topics, options, log->answers);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_TopicCollection_destroy(topics);
}

void kafka_identity_ask(struct kafka_log *log) {
    if (log->topic_id[0] != '\0') {
        send_question(log);
    }
}

// The answer to the newest question; those before it came too late. NULL: none in time.
static rd_kafka_event_t *wait_for_identity(struct kafka_log *log) {
    const struct clock_source *clock = clock_system();
    int64_t until_ns = clock_monotonic_ns(clock) + IDENTITY_TIMEOUT_MS * INT64_C(1000000);
    for (;;) {
        int64_t left_ms = (until_ns - clock_monotonic_ns(clock)) / 1000000;
        rd_kafka_event_t *answer =
            rd_kafka_queue_poll(log->answers, left_ms > 0 ? (int)left_ms : 0);
        if (answer != NULL && (uintptr_t)rd_kafka_event_opaque(answer) == log->n_asked) {
            return answer;
        }
        if (answer != NULL) {
            rd_kafka_event_destroy(answer);
        } else if (left_ms <= 0) {
            return NULL;
        }
    }
}

static bool is_not_told(rd_kafka_resp_err_t code) {
    return code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE ||
           code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
}

static rd_kafka_resp_err_t read_identity(const rd_kafka_event_t *answer,
                                         char id[static LOG_TOPIC_ID_BYTES]) {
    rd_kafka_resp_err_t code = rd_kafka_event_error((rd_kafka_event_t *)(uintptr_t)answer);
    size_t n = 0;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return code;
    }
    const rd_kafka_TopicDescription_t **found = rd_kafka_DescribeTopics_result_topics(
        rd_kafka_event_DescribeTopics_result((rd_kafka_event_t *)(uintptr_t)answer), &n);
    if (n != 1) {
        return RD_KAFKA_RESP_ERR_UNKNOWN;
    }
    const rd_kafka_error_t *error = rd_kafka_TopicDescription_error(found[0]);
    if (error != NULL && rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return rd_kafka_error_code(error);
    }
    const rd_kafka_Uuid_t *uuid = rd_kafka_TopicDescription_topic_id(found[0]);
    bool told = rd_kafka_Uuid_most_significant_bits(uuid) != 0 ||
                rd_kafka_Uuid_least_significant_bits(uuid) != 0;
    snprintf(id, LOG_TOPIC_ID_BYTES, "%s", told ? rd_kafka_Uuid_base64str(uuid) : "");
    for (char *at = id; *at != '\0'; at++) { // as Kafka's own tools spell it
        *at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static bool take_identity(struct kafka_log *log, char id[static LOG_TOPIC_ID_BYTES],
                          struct error *err) {
    rd_kafka_event_t *answer = wait_for_identity(log);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
    id[0] = '\0';
    if (answer != NULL) {
        code = read_identity(answer, id);
        rd_kafka_event_destroy(answer);
    }
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        return error_set(err, ERROR_RETRIABLE,
                         "the topic %s does not exist (any more): it is waited for", log->topic);
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR || is_not_told(code) ||
           error_set(err, ERROR_RETRIABLE, "kafka: which topic %s is could not be asked: %s",
                     log->topic, rd_kafka_err2str(code));
}

bool kafka_identity_now(struct kafka_log *log, char id[static LOG_TOPIC_ID_BYTES],
                        struct error *err) {
    send_question(log);
    return take_identity(log, id, err);
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
    rd_kafka_event_t *answer = log->watching ? rd_kafka_queue_poll(log->answers, 0) : NULL;
    if (answer == NULL) { // the library gives one at the latest when its time is over
        return;
    }
    char id[LOG_TOPIC_ID_BYTES];
    if ((uintptr_t)rd_kafka_event_opaque(answer) == log->n_asked) {
        log->watching = false;
        if (read_identity(answer, id) == RD_KAFKA_RESP_ERR_NO_ERROR && is_another(log, id)) {
            kafka_identity_changed(log, id);
        }
    }
    rd_kafka_event_destroy(answer);
}

bool kafka_identity_confirm(struct kafka_log *log, struct error *err) {
    char id[LOG_TOPIC_ID_BYTES];
    if (log->topic_id[0] == '\0') {
        return true;
    }
    if (!take_identity(log, id, err)) {
        return false;
    }
    if (!is_another(log, id)) {
        return true;
    }
    kafka_identity_changed(log, id);
    return error_set(err, ERROR_FATAL, "%s is another topic now: the batch is not committed",
                     log->topic);
}
