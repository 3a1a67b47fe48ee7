// SPDX-License-Identifier: MIT
// The Kafka source. One take:
//
// 1. Partitions that wait for the store are claimed, when it can be asked (kafka_group.c).
// 2. The library's queue is asked for messages; rebalances are served within that call. When there
//    was one, what came with it is thrown away and read again from where each partition stood: the
//    messages may be of a partition's earlier time here.
// 3. Messages become submissions (kafka_slice.c).
//
// While the store is down (hold) the queue is still served, so that this member stays in the group,
// but the partitions are paused. rewind seeks each to what the store holds.
//
// How it fails: brokers that are away are waited for, by the library. What will not go away by
// itself (messages deleted before they were counted, no permission) ends the source: one line says
// what to do.
#include "broker/kafka_log_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

// MESSAGES_MAX, of one take: what is parsed is judged while it is still in the core's cache.
enum { MESSAGES_MAX = 2000, LONGEST_POLL_MS = 200 };
#define COMMIT_EVERY_NS INT64_C(1000000000)

// --- Problems

void kafka_log_problem(struct kafka_log *log, const char *text) {
    snprintf(log->now.problem, sizeof log->now.problem, "%s", text != NULL ? text : "");
}

void kafka_log_fail(struct kafka_log *log, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(log->now.problem, sizeof log->now.problem, format, args);
    va_end(args);
    log_error("broker", "%s", log->now.problem);
    log->failed = true;
}

// An error in place of a message.
static void on_message_error(struct kafka_log *log, const rd_kafka_message_t *m) {
    if (rd_kafka_fatal_error(log->rk, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        kafka_log_fatal(log);
        return;
    }
    switch (m->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        return;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        if (!partition_is(&log->partitions[m->partition], PARTITION_ACTIVE)) {
            return;
        }
        if (!kafka_identity_still(log)) {
            return;
        }
        kafka_log_fail(log,
                       "partition %" PRId32 " of %s: offset %" PRId64
                       " is gone: messages were deleted before they were counted (%s). Raise the "
                       "topic's retention; start with --skip-gap to go on without them",
                       m->partition, log->topic, log->partitions[m->partition].expected,
                       rd_kafka_message_errstr(m));
        return;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART: // also for a moment, of a broker just started
        snprintf(log->now.problem, sizeof log->now.problem,
                 "the topic %s does not exist (any more): it is waited for", log->topic);
        log_warn("broker", "%s", log->now.problem);
        return;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        kafka_log_fail(log, "kafka: not permitted to read %s as group %s: %s", log->topic,
                       log->group, rd_kafka_message_errstr(m));
        return;
    default:
        log_warn("broker", "%s: %s", log->topic, rd_kafka_message_errstr(m));
        kafka_log_problem(log, rd_kafka_message_errstr(m));
    }
}

// --- Taking

static void throw_away(rd_kafka_message_t **messages, size_t n) {
    for (size_t i = 0; i < n; i++) {
        rd_kafka_message_destroy(messages[i]);
    }
}

// Active partitions, into a list of log->n_partitions.
static size_t list_active(const struct kafka_log *log, int32_t *list) {
    size_t n = 0;
    for (int32_t i = 0; i < log->n_partitions; i++) {
        if (partition_is(&log->partitions[i], PARTITION_ACTIVE)) {
            list[n++] = i;
        }
    }
    return n;
}

static bool seek_active(struct kafka_log *log, struct error *err) {
    int32_t *active = mem_zalloc((size_t)log->n_partitions + 1, sizeof *active);
    size_t n = list_active(log, active);
    bool ok = n == 0 || kafka_group_seek(log, active, n, err);
    free(active);
    return ok;
}

// The first message, waiting for it, and all that is there then: the library would wait until its
// array is full.
static size_t read_queue(struct kafka_log *log, size_t max, int timeout_ms) {
    max = max < MESSAGES_MAX ? max : MESSAGES_MAX;
    ssize_t first = rd_kafka_consume_batch_queue(log->queue, timeout_ms, log->messages, 1);
    if (first <= 0 || max <= 1) {
        return first > 0;
    }
    ssize_t more = rd_kafka_consume_batch_queue(log->queue, 0, log->messages + 1, max - 1);
    return more > 0 ? (size_t)more + 1 : 1;
}

static size_t ask_queue(struct kafka_log *log, size_t max, int timeout_ms) {
    log->rebalanced = log->dropped = false;
    size_t n = read_queue(log, max, timeout_ms);
    size_t n_messages = 0;
    for (size_t i = 0; i < n; i++) {
        if (log->messages[i]->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            on_message_error(log, log->messages[i]);
        } else {
            n_messages++;
        }
    }
    if (n_messages > 0) {
        log->now.brokers_up = true;
        kafka_log_problem(log, NULL);
    }
    if (log->held || log->failed || log->rebalanced) {
        throw_away(log->messages, n);
        // Also for the end of a partition alone: it is told once.
        if ((n > 0 || log->dropped) && log->rebalanced && !log->held && !log->failed) {
            struct error err = {0};
            if (!seek_active(log, &err)) {
                kafka_group_lose_place(log, err.text);
            }
        }
        return 0;
    }
    return n;
}

// Of members that share out by themselves the library looks whether a heartbeat is due when its
// thread is awake, which is twice a second as long as nobody asks it anything.
static void have_heartbeat_sent(struct kafka_log *log) {
    int64_t now_ns = clock_monotonic_ns(log->options.clock);
    if (log->by_brokers || log->rk == NULL || now_ns < log->wake_at_ns) {
        return;
    }
    log->wake_at_ns = now_ns + KAFKA_HEARTBEAT_MS * INT64_C(1000000);
    rd_kafka_topic_partition_list_t *list = NULL;
    if (rd_kafka_assignment(log->rk, &list) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_topic_partition_list_destroy(list);
    }
}

static enum source_result log_take(void *self, size_t max_events, int timeout_ms,
                                   struct submission **list) {
    struct kafka_log *log = self;
    *list = NULL;
    if (atomic_load_explicit(&log->stop, memory_order_relaxed)) {
        return SOURCE_END;
    }
    kafka_log_join_again(log);
    have_heartbeat_sent(log);
    kafka_group_claim_waiting(log);
    size_t n = 0;
    if (!log->failed) {
        timeout_ms = log->ahead != NULL ? 0 : timeout_ms;
        n = ask_queue(log, max_events, timeout_ms < LONGEST_POLL_MS ? timeout_ms : LONGEST_POLL_MS);
    }
    if (n == 0) {
        kafka_identity_watch(log);
    }
    *list = kafka_slices(log, log->messages, n);
    kafka_log_publish(log);
    return log->failed && *list == NULL ? SOURCE_FAILED : SOURCE_OK;
}

// --- What the engine tells

static void pause_all(struct kafka_log *log, bool pause) {
    rd_kafka_topic_partition_list_t *list = NULL;
    if (rd_kafka_assignment(log->rk, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }
    if (list->cnt > 0 && pause) {
        rd_kafka_pause_partitions(log->rk, list);
    } else if (list->cnt > 0) {
        rd_kafka_resume_partitions(log->rk, list);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static void log_hold(void *self) {
    struct kafka_log *log = self;
    log->held = true;
    kafka_slices_drop(log);
    pause_all(log, true);
}

static bool log_rewind(void *self, struct error *err) {
    struct kafka_log *log = self;
    // By then the group has taken away what another member has been given.
    int64_t again_at_ns =
        clock_monotonic_ns(log->options.clock) + log->options.session_timeout_ms * INT64_C(1000000);
    for (int32_t i = 0; i < log->n_partitions; i++) {
        struct log_partition *p = &log->partitions[i];
        struct log_claim held;
        bool was_active = partition_is(p, PARTITION_ACTIVE);
        log->options.store->ops->held(log->options.store, i, &held);
        kafka_partition_rewind(p, &held, again_at_ns);
        log->now.fences += was_active && partition_is(p, PARTITION_LOST);
    }
    log->held = false;
    pause_all(log, false);
    if (!seek_active(log, err)) {
        log_hold(log);
        return false;
    }
    return true;
}

static void log_ask(void *self) {
    kafka_identity_ask(self);
}

static bool log_confirm(void *self, struct error *err) {
    return kafka_identity_confirm(self, err);
}

// About so many: the library's queue also has what is no message.
static size_t log_waits(void *self) {
    const struct kafka_log *log = self;
    size_t n = log->held || log->failed ? 0 : rd_kafka_queue_length(log->queue);
    for (const struct submission *s = log->ahead; s != NULL; s = s->next) {
        n += ((const struct kafka_slice *)s->user)->n_messages;
    }
    return n;
}

// For tools that show lag. Nothing here depends on it.
static void log_committed(void *self) {
    struct kafka_log *log = self;
    int64_t now_ns = clock_monotonic_ns(log->options.clock);
    if (now_ns < log->commit_at_ns) {
        return;
    }
    log->commit_at_ns = now_ns + COMMIT_EVERY_NS;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    for (int32_t i = 0; i < log->n_partitions; i++) {
        struct log_claim held;
        log->options.store->ops->held(log->options.store, i, &held);
        if (partition_is(&log->partitions[i], PARTITION_ACTIVE) && !held.lost &&
            held.counted_offset >= 0) {
            rd_kafka_topic_partition_list_add(list, log->topic, i)->offset = held.counted_offset;
        }
    }
    rd_kafka_resp_err_t code =
        list->cnt > 0 ? rd_kafka_commit(log->rk, list, 1) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        log_debug("broker", "lag tools will see old positions: %s", rd_kafka_err2str(code));
    }
    rd_kafka_topic_partition_list_destroy(list);
}

// --- Life

bool kafka_log_open(const struct kafka_log_options *options, struct kafka_log **out,
                    struct error *err) {
    struct kafka_log *log = mem_zalloc(1, sizeof *log);
    log->retention_ms = -1;
    log->options = *options;
    log->topic = mem_strndup(options->topic, strlen(options->topic));
    log->group = mem_strndup(options->group, strlen(options->group));
    log->messages = mem_zalloc(MESSAGES_MAX, sizeof(rd_kafka_message_t *));
    log->now.brokers_up = true;
    pthread_mutex_init(&log->lock, NULL);
    if (!kafka_parse_start(options->rules, options->value_format, &log->parse, err)) {
        rd_kafka_conf_destroy(options->conf);
        kafka_log_close(log);
        return false;
    }
    if (!kafka_log_join(log, options->conf, err)) {
        kafka_log_close(log);
        return false;
    }
    *out = log;
    return true;
}

void kafka_log_close(struct kafka_log *log) {
    if (log == NULL) {
        return;
    }
    kafka_slices_drop(log);
    kafka_log_leave(log);
    kafka_identity_close(log);
    kafka_slices_free(log);
    kafka_parse_stop(log->parse);
    pthread_mutex_destroy(&log->lock);
    free(log->messages);
    free(log->partitions);
    free(log->partition_facts);
    free(log->topic);
    free(log->group);
    free(log);
}

void kafka_log_stop(struct kafka_log *log) {
    atomic_store(&log->stop, true);
}

struct source kafka_log_source(struct kafka_log *log) {
    static const struct source_ops ops = {
        .name = "kafka",
        .is_log = true,
        .take = log_take,
        .waits = log_waits,
        .hold = log_hold,
        .rewind = log_rewind,
        .ask = log_ask,
        .confirm = log_confirm,
        .committed = log_committed,
    };
    return (struct source){&ops, log};
}
