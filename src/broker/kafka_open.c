// SPDX-License-Identifier: MIT
// How the consumer is made: configured, the topic looked for, the group joined.
//
// How it fails: a topic that does not exist is told at once, since the library would wait for it
// without a word; brokers that are away are waited for. A topic that is compacted is refused, here
// or when a broker answers (kafka_retention.c).
#include "broker/kafka_log_internal.h"

#include "base/log.h"
#include "broker/kafka_config.h"
#include "broker/kafka_topic.h"

enum { TOPIC_TIMEOUT_MS = 5000 };

// From within poll and consume calls, on the engine's thread.
static void on_log_error(rd_kafka_t *rk, int code, const char *reason, void *opaque) {
    struct kafka_log *log = opaque;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        if (log->now.brokers_up) {
            log_warn("broker", "no broker can be reached (%s); waiting for one", reason);
        }
        log->now.brokers_up = false;
        return;
    }
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        char why[256];
        rd_kafka_fatal_error(rk, why, sizeof why);
        kafka_log_fail(log, "kafka: %s", why);
        return;
    }
    if (code != RD_KAFKA_RESP_ERR__TRANSPORT) { // the library's log has lines of those
        log_warn("broker", "%s: %s", rd_kafka_err2str(code), reason);
    }
}

static bool configure_log(struct kafka_log *log, rd_kafka_conf_t *conf, struct error *err) {
    static const char *const fixed[][2] = {
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"}, // never a silent gap
        {"isolation.level", "read_committed"},
        {"enable.partition.eof", "true"}, // tells of marks of transactions at the end
        {"partition.assignment.strategy", "cooperative-sticky"},
        {"fetch.wait.max.ms", "100"},
        {"check.crcs", "true"},
        // When this much waits the library looks again after so many milliseconds: by default
        // after a second, by when nothing would wait any more.
        {"queued.min.messages", "10000000"},
        {"queued.max.messages.kbytes", "65536"},
        {"fetch.queue.backoff.ms", "5"},
        // Answers of a size whose memory the allocator keeps for the next one: those of 32 MiB and
        // more come fresh from the system each time, and touching them first costs more than all
        // else that the library does with them.
        {"fetch.max.bytes", "8388608"},
    };
    for (size_t i = 0; i < COUNT_OF(fixed); i++) {
        if (!kafka_conf_set(conf, fixed[i][0], fixed[i][1], err)) {
            return false;
        }
    }
    return kafka_conf_set(conf, "group.id", log->group, err) &&
           kafka_conf_set_int(conf, "session.timeout.ms", log->options.session_timeout_ms, err) &&
           kafka_conf_set_int(conf, "heartbeat.interval.ms", log->options.session_timeout_ms / 10,
                              err);
}

// The library waits for a topic that is not there, without a word. No broker: they are waited for.
static bool find_topic(struct kafka_log *log, struct error *err) {
    const struct kafka_topic_wish as_it_is = {0};
    struct kafka_topic_facts facts;
    switch (kafka_topic_prepare(log->rk, log->topic, &as_it_is, TOPIC_TIMEOUT_MS, &facts, err)) {
    case KAFKA_TOPIC_OK:
        log->topic_partitions = facts.partitions;
        // Else they are asked when partitions come.
        if (facts.told && !kafka_log_look_at_topic(log, &facts, err)) {
            err->cls = ERROR_USAGE;
            return false;
        }
        return true;
    case KAFKA_TOPIC_UNREACHABLE:
        log_warn("broker", "%s; waiting for a broker", err->text);
        log->now.brokers_up = false;
        return true;
    case KAFKA_TOPIC_MISSING:
        return error_set(err, ERROR_USAGE,
                         "the topic %s does not exist: make it first (`salestide ingest "
                         "--create-topic` does), or correct --broker",
                         log->topic);
    case KAFKA_TOPIC_REFUSED:
        break;
    }
    return false;
}

static bool subscribe(struct kafka_log *log, struct error *err) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, log->topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(log->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ||
           error_set(err, ERROR_FATAL, "kafka: cannot subscribe to %s: %s", log->topic,
                     rd_kafka_err2str(code));
}

bool kafka_log_join(struct kafka_log *log, rd_kafka_conf_t *conf, struct error *err) {
    char why[256];
    if (!kafka_identity_open(log, rd_kafka_conf_dup(conf), err) || !configure_log(log, conf, err)) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    rd_kafka_conf_set_opaque(conf, log);
    rd_kafka_conf_set_error_cb(conf, on_log_error);
    rd_kafka_conf_set_rebalance_cb(conf, kafka_group_rebalance);
    log->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (log->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return error_set(err, ERROR_FATAL, "kafka: %s", why);
    }
    if (!find_topic(log, err)) {
        return false;
    }
    rd_kafka_poll_set_consumer(log->rk);
    log->queue = rd_kafka_queue_get_consumer(log->rk);
    return subscribe(log, err);
}
