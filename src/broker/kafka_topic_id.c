// SPDX-License-Identifier: MIT
// Asking for a topic's id: one question at a time, whose answer the library puts into a queue, or
// that there was none in time. Answers to questions before the newest came too late.
#include "broker/kafka_topic_id.h"

#include "base/clock.h"
#include "base/log.h"
#include <stdio.h>

enum { ANSWER_TIMEOUT_MS = 5000 };

struct kafka_asker kafka_asker_new(rd_kafka_t *rk) {
    return (struct kafka_asker){.rk = rk, .answers = rd_kafka_queue_new(rk)};
}

void kafka_asker_free(struct kafka_asker *a) {
    if (a->answers != NULL) {
        rd_kafka_queue_destroy(a->answers);
    }
}

void kafka_topic_id_send(struct kafka_asker *a, const char *topic) {
    char why[200];
    rd_kafka_TopicCollection_t *topics = rd_kafka_TopicCollection_of_topic_names(&topic, 1);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(a->rk, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
    if (rd_kafka_AdminOptions_set_request_timeout(options, ANSWER_TIMEOUT_MS, why, sizeof why) !=
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        log_debug("broker", "%s", why); // the library's own time-out holds then
    }
    rd_kafka_AdminOptions_set_opaque(options, (void *)++a->n_asked);
    rd_kafka_DescribeTopics(a->rk, topics, options, a->answers);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_TopicCollection_destroy(topics);
}

// The answer to the newest question. NULL: none in time.
static rd_kafka_event_t *wait_for_answer(struct kafka_asker *a, int timeout_ms) {
    const struct clock_source *clock = clock_system();
    int64_t until_ns = clock_monotonic_ns(clock) + timeout_ms * INT64_C(1000000);
    for (;;) {
        int64_t left_ms = (until_ns - clock_monotonic_ns(clock)) / 1000000;
        rd_kafka_event_t *answer = rd_kafka_queue_poll(a->answers, left_ms > 0 ? (int)left_ms : 0);
        if (answer != NULL && (uintptr_t)rd_kafka_event_opaque(answer) == a->n_asked) {
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

static rd_kafka_resp_err_t read_answer(const rd_kafka_event_t *answer,
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

bool kafka_topic_id_take(struct kafka_asker *a, const char *topic,
                         char id[static LOG_TOPIC_ID_BYTES], struct error *err) {
    rd_kafka_event_t *answer = wait_for_answer(a, ANSWER_TIMEOUT_MS);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
    id[0] = '\0';
    if (answer != NULL) {
        code = read_answer(answer, id);
        rd_kafka_event_destroy(answer);
    }
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        return error_set(err, ERROR_RETRIABLE,
                         "the topic %s does not exist (any more): it is waited for", topic);
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR || is_not_told(code) ||
           error_set(err, ERROR_RETRIABLE, "kafka: which topic %s is could not be asked: %s", topic,
                     rd_kafka_err2str(code));
}

bool kafka_topic_id_look(struct kafka_asker *a, char id[static LOG_TOPIC_ID_BYTES]) {
    rd_kafka_event_t *answer = wait_for_answer(a, 0);
    id[0] = '\0';
    if (answer == NULL) { // the library gives one at the latest when its time is over
        return false;
    }
    if (read_answer(answer, id) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        id[0] = '\0';
    }
    rd_kafka_event_destroy(answer);
    return true;
}
