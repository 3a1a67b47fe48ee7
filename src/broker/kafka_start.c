// SPDX-License-Identifier: MIT
// Where in the log to begin, for partitions that this process has just taken over.
//
// 1. The log's oldest and newest offsets are asked. A new partition begins at the oldest message.
//    What the store wants next must be there: if it was deleted, or the log ends before it (the
//    topic was made anew), orders would be missing, so that is an error.
// 2. Duplicates of what comes next may be of messages up to the window's length older than it: its
//    time is read from the log (by a second, groupless consumer that fetches that one message), and
//    reading begins at the first message of that stretch. Up to what the store wants next it is
//    history: identities alone.
//
// How it fails: the brokers do not answer in time (RETRIABLE); messages are gone (FATAL), unless
// the user has said that they may be skipped.
#include "broker/kafka_config.h"
#include "broker/kafka_log_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include <inttypes.h>
#include <stdlib.h>

struct start {
    int32_t partition;
    int64_t low, high; // the log: first offset, and the one past its last message
    int64_t next;      // wanted
    int64_t next_ms;   // its arrival
    bool known;        // next_ms
};

static bool ask_watermarks(struct kafka_log *log, struct start *s, struct error *err) {
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
        log->rk, log->topic, s->partition, &s->low, &s->high, KAFKA_CALL_TIMEOUT_MS);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ||
           error_set(err, ERROR_RETRIABLE, "kafka: partition %" PRId32 " of %s cannot be asked: %s",
                     s->partition, log->topic, rd_kafka_err2str(code));
}

// False: messages that the store has not seen are gone.
static bool check_gap(struct kafka_log *log, struct start *s, struct error *err) {
    if (s->next >= s->low && s->next <= s->high) {
        return true;
    }
    bool cut = s->next < s->low;
    if (log->options.skip_gap) {
        log_warn("broker",
                 "partition %" PRId32 " of %s: offsets %" PRId64 " to %" PRId64
                 " are gone and skipped, as --skip-gap says",
                 s->partition, log->topic, s->next, cut ? s->low - 1 : s->high);
        log->now.skipped_gaps++;
        s->next = s->low;
        return true;
    }
    if (cut) {
        return error_set(err, ERROR_FATAL,
                         "partition %" PRId32 " of %s begins at offset %" PRId64 ", but %" PRId64
                         " is next: %" PRId64 " messages were deleted before they were counted. "
                         "Raise the topic's retention; start with --skip-gap to go on without them",
                         s->partition, log->topic, s->low, s->next, s->low - s->next);
    }
    return error_set(err, ERROR_FATAL,
                     "partition %" PRId32 " of %s ends at offset %" PRId64 ", but %" PRId64
                     " is next: the topic was made anew or lost messages. Take another topic or "
                     "other aggregates; --skip-gap goes on at the topic's oldest message",
                     s->partition, log->topic, s->high, s->next);
}

// --- The arrival of the next message

// The end of a partition in its place: after `next` there are only marks of transactions, or one
// that has not ended. It is now, then.
static void see_message(struct start *starts, size_t n, const rd_kafka_message_t *m,
                        size_t *n_missing) {
    for (size_t i = 0; i < n; i++) {
        if (starts[i].partition == m->partition && !starts[i].known) {
            int64_t arrival_ms = m->err == RD_KAFKA_RESP_ERR_NO_ERROR
                                     ? rd_kafka_message_timestamp(m, NULL)
                                     : starts[i].next_ms;
            // A producer's clock that is ahead does not move the window.
            starts[i].next_ms = arrival_ms < starts[i].next_ms ? arrival_ms : starts[i].next_ms;
            starts[i].known = true;
            --*n_missing;
        }
    }
}

static void probe(struct kafka_log *log, rd_kafka_t *rk, struct start *starts, size_t n) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    size_t n_missing = 0;
    for (size_t i = 0; i < n; i++) {
        if (!starts[i].known) {
            rd_kafka_topic_partition_list_add(list, log->topic, starts[i].partition)->offset =
                starts[i].next;
            n_missing++;
        }
    }
    int64_t until_ns =
        clock_monotonic_ns(log->options.clock) + (int64_t)KAFKA_CALL_TIMEOUT_MS * INT64_C(1000000);
    rd_kafka_assign(rk, list);
    while (n_missing > 0 && clock_monotonic_ns(log->options.clock) < until_ns) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 100);
        if (m != NULL) {
            if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR ||
                m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
                see_message(starts, n, m, &n_missing);
            }
            rd_kafka_message_destroy(m);
        }
    }
    rd_kafka_assign(rk, NULL);
    rd_kafka_topic_partition_list_destroy(list);
}

// Reads the time of each `next`; where the log has no message there yet it is now.
static bool ask_times(struct kafka_log *log, struct start *starts, size_t n, struct error *err) {
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        starts[i].known = starts[i].next >= starts[i].high || starts[i].next <= starts[i].low;
        starts[i].next_ms = clock_now_ms(log->options.clock);
        any = any || !starts[i].known;
    }
    if (!any) {
        return true;
    }
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(log->probe_conf);
    if (!kafka_conf_set(conf, "enable.partition.eof", "true", err)) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return error_set(err, ERROR_RETRIABLE, "kafka: %s", why);
    }
    rd_kafka_poll_set_consumer(rk);
    probe(log, rk, starts, n);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    for (size_t i = 0; i < n; i++) {
        if (!starts[i].known) {
            return error_set(err, ERROR_RETRIABLE,
                             "kafka: offset %" PRId64 " of partition %" PRId32
                             " of %s could not be read within %d s",
                             starts[i].next, starts[i].partition, log->topic,
                             KAFKA_CALL_TIMEOUT_MS / 1000);
        }
    }
    return true;
}

// --- The first message of the window

static bool ask_window(struct kafka_log *log, struct start *starts, size_t n, struct error *err) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    for (size_t i = 0; i < n; i++) {
        int64_t since_ms = starts[i].next_ms - log->options.window_ms;
        rd_kafka_topic_partition_list_add(list, log->topic, starts[i].partition)->offset =
            since_ms > 0 ? since_ms : 0;
    }
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(log->rk, list, KAFKA_CALL_TIMEOUT_MS);
    bool ok = code == RD_KAFKA_RESP_ERR_NO_ERROR;
    for (size_t i = 0; ok && i < n; i++) {
        struct log_partition *p = &log->partitions[starts[i].partition];
        const rd_kafka_topic_partition_t *answer = &list->elems[i];
        ok = answer->err == RD_KAFKA_RESP_ERR_NO_ERROR;
        code = answer->err;
        int64_t from = answer->offset >= 0 ? answer->offset : starts[i].next; // none so young
        from = from < starts[i].next ? from : starts[i].next;
        from = from > starts[i].low ? from : starts[i].low;
        p->expected = p->history_from = from;
        p->history_until = starts[i].next;
        p->history_began_ns = clock_monotonic_ns(log->options.clock);
        if (from < starts[i].next && from == starts[i].low && from > 0) {
            log_info("broker",
                     "partition %" PRId32 " of %s: the log may begin (offset %" PRId64
                     ") after the window of duplicates does; a repetition of an order older than "
                     "the log would count again",
                     starts[i].partition, log->topic, from);
        }
    }
    rd_kafka_topic_partition_list_destroy(list);
    return ok || error_set(err, ERROR_RETRIABLE, "kafka: %s cannot be asked for times: %s",
                           log->topic, rd_kafka_err2str(code));
}

bool kafka_start_offsets(struct kafka_log *log, const int32_t *partitions, size_t n,
                         struct error *err) {
    struct start *starts = mem_zalloc(n + 1, sizeof *starts);
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        struct start *s = &starts[i];
        s->partition = partitions[i];
        ok = ask_watermarks(log, s, err);
        s->next = log->partitions[s->partition].history_until;
        s->next = s->next >= 0 ? s->next : s->low; // new
        ok = ok && check_gap(log, s, err);
    }
    if (log->options.window_ms > 0) {
        ok = ok && ask_times(log, starts, n, err) && ask_window(log, starts, n, err);
    } else {
        for (size_t i = 0; ok && i < n; i++) {
            struct log_partition *p = &log->partitions[starts[i].partition];
            p->expected = p->history_from = p->history_until = starts[i].next;
        }
    }
    free(starts);
    return ok;
}
