// SPDX-License-Identifier: MIT
// A look at a topic through the admin API:
//
// 1. Describe its configuration. That answers whether it exists without making it: a plain metadata
//    request of a producer would create it on clusters that allow that.
// 2. Missing and wished for: create it.
// 3. Ask for its metadata until every partition has a leader: a topic just made has none for a
//    moment.
//
// How it fails: no answer within the time is UNREACHABLE, and the caller tries again; whatever the
// cluster says no to is one line. Without the right to describe configurations (an ACL), or without
// an answer of the controller, the look goes on without them.
#include "broker/kafka_topic.h"

#include "base/clock.h"
#include "base/log.h"
#include "order/order.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ASK_MS = 10,
    LEAST_MS = 100, // for an answer
    LEADER_WAIT_MS = 50,
    MAX_MESSAGE_BYTES = 2 * ORDER_EVENT_MAX_BYTES, // of a topic made here: any event fits
    ENVELOPE_BYTES = 512,                          // around an event in the broker's accounts
};

struct look {
    rd_kafka_t *rk;
    const char *topic;
    int64_t until_ms; // monotonic
    rd_kafka_queue_t *answers;
    bool exists; // for certain, though not every broker may know yet
    bool quiet;  // events of `rk` are not served
};

static const struct kafka_topic_facts nothing_known = {
    .min_isr = -1, .max_message_bytes = -1, .retention_ms = -1, .retention_bytes = -1};

static int64_t now_ms(void) {
    return clock_monotonic_ns(clock_system()) / 1000000;
}

static int left_ms(const struct look *l) {
    int64_t left = l->until_ms - now_ms();
    return left > 0 ? (int)left : 0;
}

static enum kafka_topic_result unreachable(const struct look *l, struct error *err) {
    error_set(err, ERROR_RETRIABLE, "no broker answers about the topic %s", l->topic);
    return KAFKA_TOPIC_UNREACHABLE;
}

static bool is_unreachable(rd_kafka_resp_err_t code) {
    switch (code) {
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__DESTROY:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
        return true;
    default:
        return false;
    }
}

// This user may not ask, or this broker is older than the question.
static bool is_not_told(rd_kafka_resp_err_t code) {
    return code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE;
}

static enum kafka_topic_result missing(const struct look *l, struct error *err) {
    error_set(err, ERROR_USAGE, "the topic %s does not exist: make it, or say --create-topic",
              l->topic);
    return KAFKA_TOPIC_MISSING;
}

// The next answer of the admin API; NULL: none within the time.
static rd_kafka_event_t *wait_for_answer(const struct look *l) {
    for (;;) {
        rd_kafka_event_t *answer = rd_kafka_queue_poll(l->answers, ASK_MS);
        if (!l->quiet) {
            rd_kafka_poll(l->rk, 0);
        }
        if (answer != NULL || left_ms(l) == 0) {
            return answer;
        }
    }
}

static rd_kafka_AdminOptions_t *options_for(const struct look *l, rd_kafka_admin_op_t op) {
    char why[200];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(l->rk, op);
    int ms = left_ms(l) > LEAST_MS ? left_ms(l) : LEAST_MS;
    if (rd_kafka_AdminOptions_set_request_timeout(options, ms, why, sizeof why) != 0) {
        log_debug("broker", "%s", why); // the library's own time-out holds then
    }
    return options;
}

// --- 1. Is it there?

static void read_configuration(const rd_kafka_ConfigResource_t *resource,
                               struct kafka_topic_facts *facts) {
    size_t n = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &n);
    const struct {
        const char *name;
        int64_t *value;
    } numbers[] = {{"min.insync.replicas", &facts->min_isr},
                   {"max.message.bytes", &facts->max_message_bytes},
                   {"retention.ms", &facts->retention_ms},
                   {"retention.bytes", &facts->retention_bytes}};
    facts->told = true;
    for (size_t i = 0; i < n; i++) {
        const char *name = rd_kafka_ConfigEntry_name(entries[i]);
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        if (value != NULL && strcmp(name, "cleanup.policy") == 0) {
            facts->compacted = strstr(value, "compact") != NULL;
        }
        for (size_t k = 0; value != NULL && k < COUNT_OF(numbers); k++) {
            if (strcmp(name, numbers[k].name) == 0) {
                *numbers[k].value = strtoll(value, NULL, 10);
            }
        }
    }
}

static enum kafka_topic_result describe(struct look *l, struct kafka_topic_facts *facts,
                                        struct error *err) {
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, l->topic);
    if (resource == NULL) {
        error_set(err, ERROR_USAGE, "\"%.300s\" is no name of a topic", l->topic);
        return KAFKA_TOPIC_REFUSED;
    }
    rd_kafka_AdminOptions_t *options = options_for(l, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_DescribeConfigs(l->rk, &resource, 1, options, l->answers);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_event_t *answer = wait_for_answer(l);
    if (answer == NULL) {
        return unreachable(l, err);
    }
    size_t n = 0;
    rd_kafka_resp_err_t code = rd_kafka_event_error(answer);
    const rd_kafka_ConfigResource_t **found = NULL;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        found = rd_kafka_DescribeConfigs_result_resources(
            rd_kafka_event_DescribeConfigs_result(answer), &n);
        code = n > 0 ? rd_kafka_ConfigResource_error(found[0]) : RD_KAFKA_RESP_ERR_UNKNOWN;
    }
    enum kafka_topic_result result = KAFKA_TOPIC_OK;
    l->exists = code == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (l->exists) {
        read_configuration(found[0], facts);
    } else if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        result = missing(l, err);
    } else if (is_unreachable(code)) {
        result = unreachable(l, err);
    } else if (!is_not_told(code)) {
        result = KAFKA_TOPIC_REFUSED;
        error_set(err, ERROR_USAGE, "topic %s: %s", l->topic, rd_kafka_err2str(code));
    }
    rd_kafka_event_destroy(answer);
    return result;
}

// --- 2. Make it

static rd_kafka_NewTopic_t *new_topic(const struct look *l, const struct kafka_topic_wish *wish,
                                      struct error *err) {
    char why[200] = "", bytes[32];
    rd_kafka_NewTopic_t *t =
        rd_kafka_NewTopic_new(l->topic, wish->partitions, wish->replication, why, sizeof why);
    if (t == NULL) {
        error_set(err, ERROR_USAGE, "cannot create the topic %s: %s", l->topic, why);
        return NULL;
    }
    snprintf(bytes, sizeof bytes, "%d", MAX_MESSAGE_BYTES);
    const char *const configs[][2] = {
        {"max.message.bytes", bytes},
        {"cleanup.policy", "delete"}, // whatever is the cluster's own: each message counts
        {"min.insync.replicas", wish->replication >= 3 ? "2" : NULL},
    };
    for (size_t i = 0; i < COUNT_OF(configs); i++) {
        rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
        if (configs[i][1] != NULL) {
            code = rd_kafka_NewTopic_set_config(t, configs[i][0], configs[i][1]);
        }
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
            error_set(err, ERROR_FATAL, "cannot create the topic %s with %s: %s", l->topic,
                      configs[i][0], rd_kafka_err2str(code));
            rd_kafka_NewTopic_destroy(t);
            return NULL;
        }
    }
    return t;
}

static enum kafka_topic_result create(struct look *l, const struct kafka_topic_wish *wish,
                                      struct kafka_topic_facts *facts, struct error *err) {
    rd_kafka_NewTopic_t *t = new_topic(l, wish, err);
    if (t == NULL) {
        return KAFKA_TOPIC_REFUSED;
    }
    rd_kafka_AdminOptions_t *options = options_for(l, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_CreateTopics(l->rk, &t, 1, options, l->answers);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy(t);
    rd_kafka_event_t *answer = wait_for_answer(l);
    if (answer == NULL) {
        return unreachable(l, err);
    }
    rd_kafka_resp_err_t code = rd_kafka_event_error(answer);
    const char *text = rd_kafka_event_error_string(answer);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        size_t n = 0;
        const rd_kafka_topic_result_t **made =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(answer), &n);
        code = n > 0 ? rd_kafka_topic_result_error(made[0]) : RD_KAFKA_RESP_ERR_UNKNOWN;
        text = n > 0 ? rd_kafka_topic_result_error_string(made[0]) : NULL;
    }
    enum kafka_topic_result result = KAFKA_TOPIC_OK;
    facts->created = code == RD_KAFKA_RESP_ERR_NO_ERROR;
    l->exists = facts->created || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS;
    if (is_unreachable(code)) {
        result = unreachable(l, err);
    } else if (!l->exists) {
        result = KAFKA_TOPIC_REFUSED; // e.g. fewer brokers than --replication
        error_set(err, ERROR_USAGE,
                  "cannot create the topic %s (--partitions %d --replication %d): %.250s", l->topic,
                  wish->partitions, wish->replication,
                  text != NULL ? text : rd_kafka_err2str(code));
    }
    rd_kafka_event_destroy(answer);
    return result;
}

// --- 3. What it is

static bool read_metadata(const struct rd_kafka_metadata_topic *t,
                          struct kafka_topic_facts *facts) {
    if (t->err != RD_KAFKA_RESP_ERR_NO_ERROR || t->partition_cnt == 0) {
        return false;
    }
    facts->partitions = t->partition_cnt;
    facts->replication = t->partitions[0].replica_cnt;
    bool led = true;
    for (int i = 0; i < t->partition_cnt; i++) {
        const struct rd_kafka_metadata_partition *p = &t->partitions[i];
        led = led && p->leader >= 0;
        if (p->replica_cnt < facts->replication) {
            facts->replication = p->replica_cnt;
        }
    }
    return led;
}

// A partition without a leader is waited for, but only so long: the others can be used.
static enum kafka_topic_result
look_at_partitions(const struct look *l, struct kafka_topic_facts *facts, struct error *err) {
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(l->rk, l->topic, NULL);
    bool led = false, unknown = false;
    if (rkt == NULL) {
        error_set(err, ERROR_USAGE, "topic %.300s: %s", l->topic,
                  rd_kafka_err2str(rd_kafka_last_error()));
        return KAFKA_TOPIC_REFUSED;
    }
    while (!led && !unknown && left_ms(l) > 0) {
        const struct rd_kafka_metadata *found = NULL;
        if (rd_kafka_metadata(l->rk, 0, rkt, &found, left_ms(l)) == RD_KAFKA_RESP_ERR_NO_ERROR) {
            const struct rd_kafka_metadata_topic *t = found->topic_cnt > 0 ? found->topics : NULL;
            led = t != NULL && read_metadata(t, facts);
            unknown = !l->exists && t != NULL && t->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
            rd_kafka_metadata_destroy(found);
        }
        if (!led && !unknown) {
            rd_kafka_poll(l->rk, LEADER_WAIT_MS);
        }
    }
    rd_kafka_topic_destroy(rkt);
    return unknown ? missing(l, err) : facts->partitions > 0 ? KAFKA_TOPIC_OK : unreachable(l, err);
}

bool kafka_topic_describe(rd_kafka_t *rk, const char *topic, int timeout_ms, bool quiet,
                          struct kafka_topic_facts *facts, struct error *err) {
    struct look l = {.rk = rk,
                     .quiet = quiet,
                     .topic = topic,
                     .until_ms = now_ms() + timeout_ms,
                     .answers = rd_kafka_queue_new(rk)};
    *facts = nothing_known;
    enum kafka_topic_result result = describe(&l, facts, err);
    rd_kafka_queue_destroy(l.answers);
    return result == KAFKA_TOPIC_OK;
}

// Its configuration, which not every broker knows yet; what cannot be read stays unknown.
static void describe_new(struct look *l, struct kafka_topic_facts *facts) {
    struct error ignored;
    while (describe(l, facts, &ignored) == KAFKA_TOPIC_MISSING && left_ms(l) > 0) {
        rd_kafka_poll(l->rk, LEADER_WAIT_MS);
    }
    l->exists = true;
}

enum kafka_topic_result kafka_topic_prepare(rd_kafka_t *rk, const char *topic,
                                            const struct kafka_topic_wish *wish, int timeout_ms,
                                            struct kafka_topic_facts *facts, struct error *err) {
    struct look l = {.rk = rk,
                     .topic = topic,
                     .until_ms = now_ms() + timeout_ms,
                     .answers = rd_kafka_queue_new(rk)};
    *facts = nothing_known;
    l.until_ms -= timeout_ms / 2;
    enum kafka_topic_result result = describe(&l, facts, err);
    l.until_ms += timeout_ms / 2;
    if (result == KAFKA_TOPIC_OK || result == KAFKA_TOPIC_UNREACHABLE) {
        // Also when the controller, which alone describes, has no time: orders do not need it.
        result = look_at_partitions(&l, facts, err);
    }
    if (result == KAFKA_TOPIC_MISSING && wish->create) {
        result = create(&l, wish, facts, err);
        if (result == KAFKA_TOPIC_OK) {
            result = look_at_partitions(&l, facts, err);
            describe_new(&l, facts);
        }
    }
    rd_kafka_queue_destroy(l.answers);
    return result;
}

void kafka_topic_tell(const char *topic, const struct kafka_topic_wish *wish,
                      const struct kafka_topic_facts *f) {
    char isr[64] = "";
    if (f->min_isr >= 0) {
        snprintf(isr, sizeof isr, ", min.insync.replicas %lld", (long long)f->min_isr);
    }
    log_info("broker", "topic %s%s: %d partitions, replication %d%s", topic,
             f->created ? " created" : "", f->partitions, f->replication, isr);
    if (wish->create && !f->created &&
        (wish->partitions != f->partitions || wish->replication != f->replication)) {
        log_info("broker",
                 "topic %s was there before: --partitions and --replication are only "
                 "for one that is made",
                 topic);
    }
    if (f->replication < 3 || (f->min_isr >= 0 && f->min_isr < 2)) {
        log_warn("broker",
                 "topic %s: an acknowledged order can be lost with one broker; that takes "
                 "replication 3 and min.insync.replicas 2 at least",
                 topic);
    } else if (f->min_isr < 0) {
        log_warn("broker",
                 "topic %s: its configuration could not be read; make sure that "
                 "min.insync.replicas is 2 at least, or an acknowledged order can be lost",
                 topic);
    }
    if (f->compacted) {
        log_warn("broker",
                 "topic %s is compacted (cleanup.policy): orders that come again count again after "
                 "a restart, and `process` refuses it; set cleanup.policy=delete",
                 topic);
    }
    if (f->max_message_bytes >= 0 &&
        f->max_message_bytes < ORDER_EVENT_MAX_BYTES + ENVELOPE_BYTES) {
        log_warn("broker",
                 "topic %s takes messages of up to %lld bytes: longer events, which may have %d, "
                 "are rejected as too_large (max.message.bytes)",
                 topic, (long long)f->max_message_bytes, ORDER_EVENT_MAX_BYTES);
    }
}
