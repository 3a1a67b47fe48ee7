// SPDX-License-Identifier: MIT
// Partitions come and go with the consumer group's rebalances. The library calls
// kafka_group_rebalance from within the source's take, on the engine's thread.
//
// Coming: the brokers are asked which topic it is (kafka_identity.c), the store to take each
// partition over, which fences the owner before, the log where to begin (kafka_start.c); then the
// partition is read. When the store is down, or the brokers do not answer, the partition waits,
// assigned at the log's end with nothing handed over, and is claimed again every second. So is one
// that another process had taken over, when the group leaves it here for longer than a session.
//
// Going: the store lets go of the partition. If a batch with events of it is in work, its commit
// may still get through; once the next owner has claimed the partition it cannot, and the batch is
// done again without it.
#include "broker/kafka_log_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include <inttypes.h>
#include <stdlib.h>

#define CLAIM_AGAIN_NS INT64_C(1000000000)
enum { SEEK_TRIES = 20, SEEK_PAUSE_MS = 100 };

static void make_partitions(struct kafka_log *log, int32_t partition) {
    if (partition < log->n_partitions) {
        return;
    }
    log->partitions =
        mem_realloc(log->partitions, ((size_t)partition + 1) * sizeof *log->partitions);
    for (; log->n_partitions <= partition; log->n_partitions++) {
        log->partitions[log->n_partitions] = (struct log_partition){0};
    }
}

static void count_topic_partitions(struct kafka_log *log) {
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(log->rk, log->topic, NULL);
    if (topic == NULL) { // it stays not known: no key counts as foreign
        return;
    }
    if (rd_kafka_metadata(log->rk, 0, topic, &metadata, KAFKA_CALL_TIMEOUT_MS) ==
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        log->topic_partitions = metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(topic);
}

// Which topic is there now. Partitions that are read were claimed of the same one.
static bool see_topic(struct kafka_log *log, struct error *err) {
    char id[LOG_TOPIC_ID_BYTES];
    bool any = false;
    if (!kafka_identity_now(log, id, err)) {
        return false;
    }
    for (int32_t i = 0; i < log->n_partitions; i++) {
        any = any || partition_is(&log->partitions[i], PARTITION_ACTIVE);
    }
    if (any && log->topic_id[0] != '\0' && id[0] != '\0' && strcmp(id, log->topic_id) != 0) {
        kafka_identity_changed(log, id);
        return error_set(err, ERROR_RETRIABLE, "%s", log->now.problem);
    }
    memcpy(log->topic_id, id, sizeof id);
    if (id[0] == '\0' && !log->no_id_told) {
        log->no_id_told = true;
        log_warn("broker",
                 "topic %s: the brokers tell no id of it (before Kafka 2.8, or not permitted to "
                 "describe it): if it is made anew, that is noticed only while it is shorter than "
                 "what was counted",
                 log->topic);
    }
    return true;
}

static void tell_begin(const struct kafka_log *log, int32_t partition) {
    const struct log_partition *p = &log->partitions[partition];
    log_info("broker",
             "partition %" PRId32 " of %s is ours: next is offset %" PRId64 ", %" PRId64
             " messages before it are read again for their ids",
             partition, log->topic, p->history_until, p->history_until - p->history_from);
}

// Claims partitions and finds where they begin. False: they wait.
static bool take_over(struct kafka_log *log, const int32_t *partitions, size_t n) {
    struct error err = {0};
    bool ok = !log->held && !log->failed && kafka_log_ask_topic(log, &err) && see_topic(log, &err);
    for (size_t i = 0; ok && i < n; i++) {
        ok = kafka_start_partition(log, partitions[i], &err);
    }
    if (ok) {
        for (size_t i = 0; i < n; i++) {
            kafka_partition_taken_over(&log->partitions[partitions[i]]);
            tell_begin(log, partitions[i]);
        }
        return true;
    }
    if (err.cls == ERROR_FATAL) {
        kafka_log_fail(log, "%s", err.text);
    } else if (!log->held && !log->failed &&
               strcmp(err.text, log->now.problem) != 0) { // once, not every second
        log_warn("broker", "partitions cannot be taken over yet: %s", err.text);
        kafka_log_problem(log, err.text);
    }
    log->claim_at_ns = clock_monotonic_ns(log->options.clock) + CLAIM_AGAIN_NS;
    return false;
}

// --- Coming

static void assign(struct kafka_log *log, rd_kafka_topic_partition_list_t *list) {
    int32_t *partitions = mem_zalloc((size_t)list->cnt + 1, sizeof *partitions);
    for (int i = 0; i < list->cnt; i++) {
        partitions[i] = list->elems[i].partition;
        make_partitions(log, partitions[i]);
        kafka_partition_given(&log->partitions[partitions[i]]);
    }
    bool ours = list->cnt > 0 && take_over(log, partitions, (size_t)list->cnt);
    if (ours) {
        kafka_log_problem(log, NULL); // what kept them from coming
    }
    for (int i = 0; i < list->cnt; i++) {
        list->elems[i].offset =
            ours ? log->partitions[partitions[i]].expected : RD_KAFKA_OFFSET_END;
    }
    rd_kafka_error_t *error = rd_kafka_incremental_assign(log->rk, list);
    if (error != NULL) {
        log_error("broker", "partitions cannot be read: %s", rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
    }
    // The library keeps a pause over being unassigned: one of an earlier time here has to end.
    if (log->held) {
        rd_kafka_pause_partitions(log->rk, list);
    } else {
        rd_kafka_resume_partitions(log->rk, list);
    }
    free(partitions);
    count_topic_partitions(log);
    log->now.assigned = true;
}

// --- Going

static void unassign(struct kafka_log *log, rd_kafka_topic_partition_list_t *list) {
    bool lost = rd_kafka_assignment_lost(log->rk);
    for (int i = 0; i < list->cnt; i++) {
        int32_t partition = list->elems[i].partition;
        make_partitions(log, partition);
        log->options.store->ops->release(log->options.store, partition);
        kafka_partition_taken_away(&log->partitions[partition]);
        log_info("broker", "partition %" PRId32 " of %s is %s", partition, log->topic,
                 lost ? "no longer ours: this process was silent for too long" : "handed over");
    }
    rd_kafka_error_t *error = rd_kafka_incremental_unassign(log->rk, list);
    if (error != NULL) {
        rd_kafka_error_destroy(error);
    }
}

void kafka_group_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                           rd_kafka_topic_partition_list_t *list, void *opaque) {
    UNUSED(rk);
    struct kafka_log *log = opaque;
    log->rebalanced = true;
    log->now.rebalances++;
    kafka_slices_drop(log);
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        assign(log, list);
    } else {
        unassign(log, list);
    }
}

// --- Later

// The group had a session's time to take away what another process has taken over, and did not:
// that other one is gone, or was this one with a claim that was never answered.
static void claim_lost_again(struct kafka_log *log, int32_t partition) {
    if (!rd_kafka_assignment_lost(log->rk) &&
        kafka_partition_again(&log->partitions[partition],
                              clock_monotonic_ns(log->options.clock))) {
        log_warn("broker",
                 "partition %" PRId32 " of %s was lost and is still this member's: it is taken "
                 "over again",
                 partition, log->topic);
    }
}

void kafka_group_claim_waiting(struct kafka_log *log) {
    if (log->held || clock_monotonic_ns(log->options.clock) < log->claim_at_ns) {
        return;
    }
    int32_t *waiting = mem_zalloc((size_t)log->n_partitions + 1, sizeof *waiting);
    size_t n = 0;
    for (int32_t i = 0; i < log->n_partitions; i++) {
        claim_lost_again(log, i);
        if (partition_is(&log->partitions[i], PARTITION_WAITING)) {
            waiting[n++] = i;
        }
    }
    if (n > 0 && take_over(log, waiting, n)) {
        struct error err = {0};
        kafka_log_problem(log, NULL);
        if (!kafka_group_seek(log, waiting, n, &err)) {
            log_warn("broker", "%s", err.text);
            for (size_t i = 0; i < n; i++) {
                kafka_partition_place_lost(&log->partitions[waiting[i]]);
            }
        }
    }
    free(waiting);
}

// One round for those that are not there yet; the library refuses while a partition's fetcher is
// still being set up.
static size_t seek_round(struct kafka_log *log, rd_kafka_topic_partition_list_t *list,
                         rd_kafka_resp_err_t *code) {
    rd_kafka_error_t *error = rd_kafka_seek_partitions(log->rk, list, KAFKA_CALL_TIMEOUT_MS);
    if (error != NULL) {
        *code = rd_kafka_error_code(error);
        rd_kafka_error_destroy(error);
        return (size_t)list->cnt;
    }
    for (int i = list->cnt - 1; i >= 0; i--) {
        if (list->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_topic_partition_list_del_by_idx(list, i);
        } else {
            *code = list->elems[i].err;
        }
    }
    return (size_t)list->cnt;
}

bool kafka_group_seek(struct kafka_log *log, const int32_t *partitions, size_t n,
                      struct error *err) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n + 1);
    for (size_t i = 0; i < n; i++) {
        rd_kafka_topic_partition_list_add(list, log->topic, partitions[i])->offset =
            log->partitions[partitions[i]].expected;
    }
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    size_t n_left = n;
    for (int i = 0; n_left > 0 && i < SEEK_TRIES; i++) {
        if (i > 0) {
            clock_sleep_ms(SEEK_PAUSE_MS);
        }
        n_left = seek_round(log, list, &code);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return n_left == 0 ||
           error_set(err, ERROR_RETRIABLE, "kafka: %zu partitions of %s cannot be sought: %s",
                     n_left, log->topic, rd_kafka_err2str(code));
}

void kafka_group_lose_place(struct kafka_log *log, const char *why) {
    log_warn("broker", "%s; its partitions are taken over again", why);
    for (int32_t i = 0; i < log->n_partitions; i++) {
        kafka_partition_place_lost(&log->partitions[i]);
    }
    log->claim_at_ns = 0;
}
