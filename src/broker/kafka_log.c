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
#include "broker/kafka_config.h"
#include "broker/kafka_topic.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

// MESSAGES_MAX, of one take: what is parsed is judged while it is still in the core's cache.
enum { MESSAGES_MAX = 2000, LONGEST_POLL_MS = 500, TOPIC_TIMEOUT_MS = 5000 };
#define COMMIT_EVERY_NS INT64_C(1000000000)
#define FACTS_EVERY_NS INT64_C(200000000)

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

// From within poll and consume calls, on the engine's thread.
static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque) {
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

// An error in place of a message.
static void on_message_error(struct kafka_log *log, const rd_kafka_message_t *m) {
    switch (m->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        return;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        if (log->partitions[m->partition].state != PARTITION_ACTIVE) {
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
        if (log->partitions[i].state == PARTITION_ACTIVE) {
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

static void note_state(struct kafka_log *log) {
    bool catching_up = false;
    for (int32_t i = 0; i < log->n_partitions; i++) {
        struct log_partition *p = &log->partitions[i];
        bool reading = p->state == PARTITION_ACTIVE && p->expected < p->history_until;
        catching_up = catching_up || reading;
        if (p->state == PARTITION_ACTIVE && !reading && p->history_from < p->history_until) {
            int64_t took_ns = clock_monotonic_ns(log->options.clock) - p->history_began_ns;
            log_info("broker",
                     "partition %" PRId32 ": %" PRId64 " messages read again in %.1f s, going on",
                     i, p->history_until - p->history_from, (double)took_ns / 1e9);
            p->history_from = p->history_until;
        }
    }
    log->now.catching_up = catching_up;
}

static void publish(struct kafka_log *log) {
    int64_t now_ns = clock_monotonic_ns(log->options.clock);
    bool offsets = now_ns >= log->facts_at_ns;
    note_state(log);
    pthread_mutex_lock(&log->lock);
    log->facts = log->now;
    if (offsets) {
        log->facts_at_ns = now_ns + FACTS_EVERY_NS;
        if (log->cap_partition_facts < (size_t)log->n_partitions) {
            log->cap_partition_facts = (size_t)log->n_partitions;
            log->partition_facts = mem_realloc(
                log->partition_facts, log->cap_partition_facts * sizeof *log->partition_facts);
        }
        log->now.n_partitions = 0;
        for (int32_t i = 0; i < log->n_partitions; i++) {
            struct log_claim held;
            int64_t low, high;
            log->options.store->ops->held(log->options.store, i, &held);
            if (log->partitions[i].state == PARTITION_NONE) {
                continue;
            }
            bool known = rd_kafka_get_watermark_offsets(log->rk, log->topic, i, &low, &high) ==
                             RD_KAFKA_RESP_ERR_NO_ERROR &&
                         high >= 0;
            log->partition_facts[log->now.n_partitions++] = (struct kafka_partition_facts){
                i, held.lost ? -1 : held.next_offset, known ? high : -1};
        }
    }
    log->facts.n_partitions = log->now.n_partitions;
    pthread_mutex_unlock(&log->lock);
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
        if ((n_messages > 0 || log->dropped) && log->rebalanced && !log->held && !log->failed) {
            struct error err = {0};
            if (!seek_active(log, &err)) {
                kafka_group_lose_place(log, err.text);
            }
        }
        return 0;
    }
    return n;
}

static enum source_result log_take(void *self, size_t max_events, int timeout_ms,
                                   struct submission **list) {
    struct kafka_log *log = self;
    *list = NULL;
    if (atomic_load_explicit(&log->stop, memory_order_relaxed)) {
        return SOURCE_END;
    }
    kafka_group_claim_waiting(log);
    size_t n = 0;
    if (!log->failed) {
        timeout_ms = log->ahead != NULL ? 0 : timeout_ms;
        n = ask_queue(log, max_events, timeout_ms < LONGEST_POLL_MS ? timeout_ms : LONGEST_POLL_MS);
    }
    *list = kafka_slices(log, log->messages, n);
    publish(log);
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
    for (int32_t i = 0; i < log->n_partitions; i++) {
        struct log_partition *p = &log->partitions[i];
        if (p->state != PARTITION_ACTIVE) {
            continue;
        }
        struct log_claim held;
        log->options.store->ops->held(log->options.store, i, &held);
        if (held.lost) {
            p->state = PARTITION_LOST;
            log->now.fences++;
            continue;
        }
        // A new partition begins where the log did, as does one whose gap was skipped.
        int64_t next = held.next_offset > p->begin ? held.next_offset : p->begin;
        // What was taken for history when the partition came back within a batch is none any more
        // when that batch has failed.
        p->history_until = next < p->history_until ? next : p->history_until;
        // Identities read back so far are still known: history goes on at the first that is not.
        if (p->expected > p->history_until || next > p->history_until) {
            p->expected = p->history_until = p->history_from = next;
        }
    }
    log->held = false;
    pause_all(log, false);
    if (!seek_active(log, err)) {
        log_hold(log);
        return false;
    }
    return true;
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
        if (log->partitions[i].state == PARTITION_ACTIVE && !held.lost && held.next_offset >= 0) {
            rd_kafka_topic_partition_list_add(list, log->topic, i)->offset = held.next_offset;
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

static bool configure(struct kafka_log *log, rd_kafka_conf_t *conf, struct error *err) {
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

static bool join_group(struct kafka_log *log, rd_kafka_conf_t *conf, struct error *err) {
    char why[256];
    log->probe_conf = rd_kafka_conf_dup(conf);
    rd_kafka_conf_set_opaque(conf, log);
    rd_kafka_conf_set_error_cb(conf, on_error);
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

bool kafka_log_open(const struct kafka_log_options *options, struct kafka_log **out,
                    struct error *err) {
    struct kafka_log *log = mem_zalloc(1, sizeof *log);
    log->options = *options;
    log->topic = mem_strndup(options->topic, strlen(options->topic));
    log->group = mem_strndup(options->group, strlen(options->group));
    log->messages = mem_zalloc(MESSAGES_MAX, sizeof(rd_kafka_message_t *));
    log->now.brokers_up = true;
    pthread_mutex_init(&log->lock, NULL);
    if (!configure(log, options->conf, err) ||
        !kafka_parse_start(options->rules, &log->parse, err)) {
        rd_kafka_conf_destroy(options->conf);
        kafka_log_close(log);
        return false;
    }
    if (!join_group(log, options->conf, err)) {
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
    if (log->rk != NULL) {
        rd_kafka_consumer_close(log->rk); // partitions are handed over from within
        if (log->queue != NULL) {
            rd_kafka_queue_destroy(log->queue);
        }
        rd_kafka_destroy(log->rk);
    }
    if (log->probe_conf != NULL) {
        rd_kafka_conf_destroy(log->probe_conf);
    }
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
        .hold = log_hold,
        .rewind = log_rewind,
        .committed = log_committed,
    };
    return (struct source){&ops, log};
}

void kafka_log_facts(struct kafka_log *log, struct kafka_log_facts *out,
                     struct kafka_partition_facts *partitions, size_t cap) {
    pthread_mutex_lock(&log->lock);
    *out = log->facts;
    out->n_partitions = out->n_partitions < cap ? out->n_partitions : cap;
    if (out->n_partitions > 0) {
        memcpy(partitions, log->partition_facts, out->n_partitions * sizeof *partitions);
    }
    pthread_mutex_unlock(&log->lock);
}
