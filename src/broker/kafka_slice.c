// SPDX-License-Identifier: MIT
// From Kafka's messages to submissions.
//
// 1. Messages of one partition that follow each other become slices of bounded size: submissions
//    whose events borrow the messages' values, which are kept until they are settled.
// 2. Each slice moves its partition past its last message. What has no value (a tombstone) is
//    counted and skipped.
// 3. A few messages are parsed at once (kafka_parse.c). Of many the slices go ahead: they are
//    parsed while the engine judges those before them, and handed over by the next take.
//
// A message of a partition that is not active, or before what is expected next, is dropped: it will
// come, or has come, at its place. When partitions move, or the store fails, slices ahead are
// dropped, and read again from where their partitions were before them.
//
// How it fails: out of memory ends the process; the log has everything.
#include "broker/kafka_log_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "format/log_message.h"
#include <inttypes.h>
#include <stdlib.h>

// AHEAD_MIN: fewer messages are parsed sooner than another thread is woken.
enum { FREE_SLICES_KEPT = 64, SLICE_MESSAGES = 500, AHEAD_MIN = 256 };
#define DAY_MS INT64_C(86400000)

static void free_slice(struct kafka_slice *slice) {
    submission_free(slice->submission);
    free(slice->messages);
    free(slice);
}

static void recycle(struct kafka_slice *slice) {
    struct kafka_log *log = slice->log;
    for (size_t i = 0; i < slice->n_messages; i++) {
        rd_kafka_message_destroy(slice->messages[i]);
    }
    if (log->n_free_slices >= FREE_SLICES_KEPT) {
        free_slice(slice);
        return;
    }
    slice->n_messages = 0;
    slice->submission->n_events = 0;
    arena_reset(&slice->submission->arena);
    slice->next = log->free_slices;
    log->free_slices = slice;
    log->n_free_slices++;
}

static void on_settled(struct submission *s, enum settle_result result) {
    struct kafka_slice *slice = s->user;
    struct log_partition *p = &slice->log->partitions[s->log.partition];
    // What was committed the store tells. That history was remembered only we know.
    if (result == SETTLE_TRY_LATER && s->log.history && s->log.first_offset < p->expected) {
        p->expected = s->log.first_offset;
    }
    recycle(slice);
}

void kafka_slices_free(struct kafka_log *log) {
    while (log->free_slices != NULL) {
        struct kafka_slice *slice = log->free_slices;
        log->free_slices = slice->next;
        free_slice(slice);
    }
    log->n_free_slices = 0;
}

static struct kafka_slice *new_slice(struct kafka_log *log) {
    struct kafka_slice *slice = log->free_slices;
    if (slice != NULL) {
        log->free_slices = slice->next;
        log->n_free_slices--;
        return slice;
    }
    slice = mem_zalloc(1, sizeof *slice);
    slice->log = log;
    slice->submission = submission_new(NULL);
    if (slice->submission == NULL) {
        kafka_out_of_memory();
    }
    return slice;
}

static void keep_message(struct kafka_slice *slice, rd_kafka_message_t *m) {
    if (slice->n_messages == slice->cap_messages) {
        slice->cap_messages = slice->cap_messages == 0 ? 64 : slice->cap_messages * 2;
        slice->messages =
            mem_realloc(slice->messages, slice->cap_messages * sizeof(rd_kafka_message_t *));
    }
    slice->messages[slice->n_messages++] = m;
}

static void warn_of_times(struct kafka_log *log, const struct kafka_slice *slice) {
    if (slice->n_odd_times == 0 || log->told_odd_time) {
        return;
    }
    log->told_odd_time = true;
    const rd_kafka_message_t *m = slice->odd_time;
    log_warn(
        "broker",
        "a message of %s has the timestamp %" PRId64 " ms (partition %" PRId32 ", offset %" PRId64
        "), which is not between 1970 and 9999: it counts as arrived at the "
        "nearest time that is. Have the producer give milliseconds since 1970, not other units "
        "(salestide_kafka_odd_timestamps_total counts on)",
        log->topic, rd_kafka_message_timestamp(m, NULL), m->partition, m->offset);
}

// A topic's retention goes by timestamps: a backfill that gives its messages the times of its
// orders has them deleted at once, counted or not.
static void warn_of_too_old(struct kafka_log *log, const struct kafka_slice *slice) {
    if (slice->too_old == NULL || log->told_too_old) {
        return;
    }
    log->told_too_old = true;
    const rd_kafka_message_t *m = slice->too_old;
    log_warn("broker",
             "a message of %s is stamped %" PRId64 " days ago (partition %" PRId32
             ", offset %" PRId64 "), and the topic keeps %" PRId64 " (retention.ms): its broker "
             "deletes such messages within minutes, counted or not, and a repetition of one counts "
             "again after a restart. Set message.timestamp.type=LogAppendTime or raise "
             "retention.ms before orders of the past are sent",
             log->topic,
             (clock_now_ms(clock_system()) - rd_kafka_message_timestamp(m, NULL)) / DAY_MS,
             m->partition, m->offset, log->retention_ms / DAY_MS);
}

// The wrong --value-format rejects all that comes: somebody should see it at the first one.
static void warn_of_other_form(struct kafka_log *log, const struct kafka_slice *slice) {
    if (slice->n_other_form == 0 || log->told_other_form) {
        return;
    }
    log->told_other_form = true;
    const rd_kafka_message_t *m = slice->other_form;
    log_warn("broker",
             "a message of %s is rejected (partition %" PRId32 ", offset %" PRId64
             "), as all of its form are: %s. With the right form they can be submitted again: "
             "salestide rejected retry --code " REJECT_FORM,
             log->topic, m->partition, m->offset, slice->other_why->message);
}

// What is handed over counts: what was dropped is read again. Warns of odd times and of foreign
// keys once.
static void count_slice(struct kafka_log *log, const struct kafka_slice *slice) {
    log->now.messages += (int64_t)slice->n_messages;
    log->now.bytes += slice->bytes;
    log->now.odd_timestamps += slice->n_odd_times;
    warn_of_times(log, slice);
    warn_of_too_old(log, slice);
    warn_of_other_form(log, slice);
    log->now.foreign_keys += slice->n_foreign;
    if (slice->n_foreign == 0 || log->told_foreign) {
        return;
    }
    log->told_foreign = true;
    const rd_kafka_message_t *m = slice->foreign;
    log_warn("broker",
             "messages of %s are not keyed by order_id (first: partition %" PRId32
             ", offset %" PRId64 "): a repeated order is known within its partition only, so the "
             "same order in two partitions counts twice; have the producer use order_id as key and "
             "the murmur2 partitioner (salestide_kafka_foreign_keys_total counts on)",
             log->topic, m->partition, m->offset);
}

static void take_message(struct kafka_slice *slice, rd_kafka_message_t *m) {
    struct submission *s = slice->submission;
    struct log_partition *p = &slice->log->partitions[m->partition];
    p->expected = m->offset + 1;
    s->log.next_offset = m->offset + 1;
    bool odd;
    int64_t arrival_ms = kafka_arrival_ms(m, &odd);
    if (UNLIKELY(odd)) {
        slice->odd_time = slice->n_odd_times++ == 0 ? m : slice->odd_time;
    } else if (UNLIKELY(arrival_ms < slice->kept_from_ms) && slice->too_old == NULL) {
        slice->too_old = m;
    }
    s->arrival_ms = arrival_ms > s->arrival_ms ? arrival_ms : s->arrival_ms;
    s->log.n_skipped += m->len == 0;
    keep_message(slice, m);
    slice->bytes += (int64_t)m->len;
}

static struct kafka_slice *begin_slice(struct kafka_log *log, const rd_kafka_message_t *m) {
    struct kafka_slice *slice = new_slice(log);
    struct submission *s = slice->submission;
    s->next = NULL;
    s->user = slice;
    s->settled = on_settled;
    s->arrival_ms = 0;
    slice->n_foreign = slice->n_other_form = slice->n_odd_times = slice->bytes = 0;
    slice->too_old = NULL;
    slice->kept_from_ms = log->retention_ms < 0 || log->told_too_old
                              ? INT64_MIN
                              : clock_now_ms(clock_system()) - log->retention_ms;
    slice->topic_partitions = log->topic_partitions;
    slice->lane = log->partitions[m->partition].lane;
    slice->expected_before = log->partitions[m->partition].expected;
    s->log = (struct log_slice){.partition = m->partition,
                                .first_offset = m->offset,
                                .history = m->offset < log->partitions[m->partition].history_until};
    return slice;
}

static bool is_wanted(const struct kafka_log *log, const rd_kafka_message_t *m) {
    return m->err == RD_KAFKA_RESP_ERR_NO_ERROR && m->partition < log->n_partitions &&
           partition_is(&log->partitions[m->partition], PARTITION_ACTIVE) &&
           m->offset >= log->partitions[m->partition].expected;
}

// The end of a partition that lies past what was expected next: what is between are marks of
// transactions, or messages of aborted ones, which nobody is handed.
static bool is_end_behind_marks(const struct kafka_log *log, const rd_kafka_message_t *m) {
    if (m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF || m->partition >= log->n_partitions) {
        return false;
    }
    const struct log_partition *p = &log->partitions[m->partition];
    return partition_is(p, PARTITION_ACTIVE) && p->expected >= p->history_until &&
           m->offset > p->expected;
}

// The partition's end is reached and its history is not: what is missing of it are such marks.
static void end_history(struct kafka_log *log, const rd_kafka_message_t *m) {
    if (m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF || m->partition >= log->n_partitions) {
        return;
    }
    struct log_partition *p = &log->partitions[m->partition];
    if (partition_catches_up(p) && m->offset >= p->history_until) {
        p->expected = p->history_until;
    }
}

// Whether the message still belongs to the slice.
static bool belongs(const struct kafka_log *log, const struct kafka_slice *slice,
                    const rd_kafka_message_t *m) {
    const struct submission *s = slice->submission;
    bool history = m->offset < log->partitions[m->partition].history_until;
    return s->log.partition == m->partition && s->log.history == history &&
           slice->n_messages < SLICE_MESSAGES;
}

int64_t kafka_arrival_ms(const rd_kafka_message_t *m, bool *odd) {
    int64_t stamp_ms = rd_kafka_message_timestamp(m, NULL), arrival_ms = log_arrival_ms(stamp_ms);
    if (odd != NULL) {
        *odd = arrival_ms != stamp_ms;
    }
    return arrival_ms;
}

// All of them, taken over, into submissions that are not parsed yet.
static struct submission *make_slices(struct kafka_log *log, rd_kafka_message_t **messages,
                                      size_t n) {
    struct submission *first = NULL, **tail = &first;
    struct kafka_slice *slice = NULL;
    for (size_t i = 0; i < n; i++) {
        rd_kafka_message_t *m = messages[i];
        end_history(log, m);
        bool marks = is_end_behind_marks(log, m);
        if (!marks && !is_wanted(log, m)) {
            rd_kafka_message_destroy(m);
            continue;
        }
        if (slice == NULL || !belongs(log, slice, m)) {
            slice = begin_slice(log, m);
            *tail = slice->submission;
            tail = &slice->submission->next;
        }
        if (marks) {
            slice->submission->log.next_offset = log->partitions[m->partition].expected = m->offset;
            rd_kafka_message_destroy(m);
        } else {
            take_message(slice, m);
        }
    }
    return first;
}

// --- Ahead

static struct submission **end_of(struct submission **list) {
    while (*list != NULL) {
        list = &(*list)->next;
    }
    return list;
}

// Cuts the list after half of its slices and returns the rest.
static struct submission *cut_half(struct submission *list) {
    struct submission *half = list;
    for (struct submission *s = list; s->next != NULL && s->next->next != NULL; s = s->next->next) {
        half = half->next;
    }
    struct submission *rest = half->next;
    half->next = NULL;
    return rest;
}

struct submission *kafka_slices(struct kafka_log *log, rd_kafka_message_t **messages, size_t n) {
    struct submission *list = log->ahead;
    if (list != NULL) {
        kafka_parse_end(log->parse);
        log->ahead = NULL;
    }
    struct submission *made = make_slices(log, messages, n);
    if (n >= AHEAD_MIN && made != NULL) {
        log->ahead = list == NULL ? cut_half(made) : made;
    }
    if (log->ahead != NULL) {
        kafka_parse_begin(log->parse, log->ahead);
    }
    if (made != log->ahead) {
        kafka_parse_now(log->parse, made);
        *end_of(&list) = made;
    }
    for (struct submission *s = list; s != NULL; s = s->next) {
        count_slice(log, s->user);
    }
    return list;
}

void kafka_slices_drop(struct kafka_log *log) {
    if (log->ahead == NULL) {
        return;
    }
    kafka_parse_abandon(log->parse);
    for (struct submission *s = log->ahead, *next; s != NULL; s = next) {
        next = s->next;
        struct kafka_slice *slice = s->user;
        struct log_partition *p = &log->partitions[s->log.partition];
        if (slice->expected_before < p->expected) {
            p->expected = slice->expected_before;
        }
        recycle(slice);
    }
    log->ahead = NULL;
    log->dropped = true;
}
