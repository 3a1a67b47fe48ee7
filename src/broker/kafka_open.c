// SPDX-License-Identifier: MIT
// How the consumer is made: configured, the topic looked for, the group joined. By which protocol
// is an option; where the brokers are to decide if they can, and answer that they cannot, it is
// left and joined again by the classic one.
//
// How it fails: a topic that does not exist is told at once, since the library would wait for it
// without a word; brokers that are away are waited for. A topic that is compacted is refused, here
// or when a broker answers (kafka_retention.c).
#include "broker/kafka_log_internal.h"

#include "base/log.h"
#include "broker/kafka_config.h"
#include "broker/kafka_topic.h"

enum {
    TOPIC_TIMEOUT_MS = 5000,
    BY_BROKERS_FROM = 0x020c00ff, // the library's first version whose own protocol is finished
};

void kafka_log_fatal(struct kafka_log *log) {
    char why[256];
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(log->rk, why, sizeof why);
    bool too_old = code == RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION ||
                   code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE;
    if (log->by_brokers && too_old && log->conf_classic != NULL) {
        log->join_classic = true;
    } else if (log->by_brokers && too_old) {
        kafka_log_fail(log,
                       "these brokers do not know the group protocol `consumer`, which comes with "
                       "Kafka 4.0: start with --group-protocol classic (%s)",
                       why);
    } else {
        kafka_log_fail(log, "kafka: %s", why);
    }
}

// From within poll and consume calls, on the engine's thread.
static void on_log_error(rd_kafka_t *rk, int code, const char *reason, void *opaque) {
    UNUSED(rk);
    struct kafka_log *log = opaque;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        if (log->now.brokers_up) {
            log_warn("broker", "no broker can be reached (%s); waiting for one", reason);
        }
        log->now.brokers_up = false;
        return;
    }
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        kafka_log_fatal(log);
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
        {"fetch.wait.max.ms", "100"},
        {"check.crcs", "true"},
        // When this much waits the library looks again after so many milliseconds: by default
        // after a second, by when nothing would wait any more. More of it is slower, as messages
        // have left the processor's cache by the time that they are read.
        {"queued.min.messages", "10000000"},
        {"queued.max.messages.kbytes", "8192"},
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
    return kafka_conf_set(conf, "group.id", log->group, err);
}

static bool configure_group(struct kafka_log *log, rd_kafka_conf_t *conf, struct error *err) {
    if (log->by_brokers) { // they have the times, and share partitions out
        return kafka_conf_set(conf, "group.protocol", "consumer", err);
    }
    int64_t session_ms = log->options.session_timeout_ms, tenth_ms = session_ms / 10;
    // A member hears by the answer to one that others have come or gone. What moves stands still
    // until then.
    int64_t heartbeat_ms = tenth_ms < KAFKA_HEARTBEAT_MS ? tenth_ms : KAFKA_HEARTBEAT_MS;
    return kafka_conf_set(conf, "partition.assignment.strategy", "cooperative-sticky", err) &&
           kafka_conf_set_int(conf, "session.timeout.ms", session_ms, err) &&
           kafka_conf_set_int(conf, "heartbeat.interval.ms", heartbeat_ms, err);
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

// Makes the consumer. `conf` is given away.
static bool make_consumer(struct kafka_log *log, rd_kafka_conf_t *conf, struct error *err) {
    char why[256];
    if (!configure_group(log, conf, err)) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    log->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (log->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return error_set(err, ERROR_FATAL, "kafka: %s", why);
    }
    return true;
}

static bool join_group(struct kafka_log *log, struct error *err) {
    rd_kafka_poll_set_consumer(log->rk);
    log->queue = rd_kafka_queue_get_consumer(log->rk);
    return subscribe(log, err);
}

bool kafka_log_join(struct kafka_log *log, rd_kafka_conf_t *conf, struct error *err) {
    if (!kafka_identity_open(log, rd_kafka_conf_dup(conf), err) || !configure_log(log, conf, err)) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    rd_kafka_conf_set_opaque(conf, log);
    rd_kafka_conf_set_error_cb(conf, on_log_error);
    rd_kafka_conf_set_rebalance_cb(conf, kafka_group_rebalance);
    bool automatic = log->options.group_protocol == KAFKA_GROUP_AUTO;
    log->by_brokers = log->options.group_protocol == KAFKA_GROUP_CONSUMER ||
                      (automatic && rd_kafka_version() >= BY_BROKERS_FROM);
    log->conf_classic = automatic && log->by_brokers ? rd_kafka_conf_dup(conf) : NULL;
    return make_consumer(log, conf, err) && find_topic(log, err) && join_group(log, err);
}

void kafka_log_join_again(struct kafka_log *log) {
    struct error err = {0};
    if (!log->join_classic) {
        return;
    }
    log_info("broker", "these brokers do not share out a group's partitions themselves, as those "
                       "from Kafka 4.0 on do: its members do (group protocol classic)");
    rd_kafka_conf_t *conf = log->conf_classic;
    log->conf_classic = NULL;
    kafka_log_leave(log);
    log->join_classic = log->by_brokers = false;
    if (!make_consumer(log, conf, &err) || !join_group(log, &err)) {
        kafka_log_fail(log, "%s", err.text);
    }
}

void kafka_log_leave(struct kafka_log *log) {
    if (log->rk != NULL) {
        rd_kafka_consumer_close(log->rk);
        if (log->queue != NULL) {
            rd_kafka_queue_destroy(log->queue);
        }
        rd_kafka_destroy(log->rk);
    }
    log->rk = NULL;
    log->queue = NULL;
    if (log->conf_classic != NULL) {
        rd_kafka_conf_destroy(log->conf_classic);
        log->conf_classic = NULL;
    }
}
