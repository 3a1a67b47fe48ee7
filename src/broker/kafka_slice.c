// SPDX-License-Identifier: MIT
// From Kafka's messages to submissions.
//
// 1. Messages of one partition that follow each other become one slice: a submission whose events
//    borrow the messages' values, which are kept until it is settled.
// 2. Each value is one order event; it is parsed, and its digests are taken. What is no order is a
//    rejected event, what has no value (a tombstone) is counted and skipped.
// 3. The submission moves its partition past its last message.
//
// A message of a partition that is not active, or before what is expected next, is dropped: it will
// come, or has come, at its place.
//
// How it fails: out of memory ends the process; the log has everything.
#include "broker/kafka_log_internal.h"
#include "broker/kafka_rejected.h"

#include "base/log.h"
#include "base/mem.h"
#include <inttypes.h>
#include <stdlib.h>

enum { FREE_SLICES_KEPT = 64, CHECK_PARTITION_EVERY = 16 };

struct kafka_slice {
    struct submission *submission;
    struct kafka_log *log;
    struct kafka_slice *next; // in the freelist
    rd_kafka_message_t **messages;
    size_t n_messages, cap_messages;
};

static void free_slice(struct kafka_slice *slice) {
    submission_free(slice->submission);
    free(slice->messages);
    free(slice);
}

static void on_settled(struct submission *s, enum settle_result result) {
    struct kafka_slice *slice = s->user;
    struct kafka_log *log = slice->log;
    struct log_partition *p = &log->partitions[s->log.partition];
    // What was committed the store tells. That history was remembered only we know.
    if (result == SETTLE_TRY_LATER && s->log.history && s->log.first_offset < p->expected) {
        p->expected = s->log.first_offset;
    }
    for (size_t i = 0; i < slice->n_messages; i++) {
        rd_kafka_message_destroy(slice->messages[i]);
    }
    if (log->n_free_slices >= FREE_SLICES_KEPT) {
        free_slice(slice);
        return;
    }
    slice->n_messages = 0;
    s->n_events = 0;
    arena_reset(&s->arena);
    slice->next = log->free_slices;
    log->free_slices = slice;
    log->n_free_slices++;
}

void kafka_slices_free(struct kafka_log *log) {
    while (log->free_slices != NULL) {
        struct kafka_slice *slice = log->free_slices;
        log->free_slices = slice->next;
        free_slice(slice);
    }
    log->n_free_slices = 0;
}

static void out_of_memory(void) {
    log_error("broker", "out of memory while reading the log; nothing is lost, start again");
    abort();
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
    slice->submission = submission_new();
    if (slice->submission == NULL) {
        out_of_memory();
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

// A message that is keyed otherwise, or put elsewhere, than the order's id says: the same order may
// stand in several partitions, each of which knows only its own.
static bool is_foreign(const struct kafka_log *log, const rd_kafka_message_t *m,
                       const struct event *e) {
    char digits[24];
    struct text id = ident_text(e->order.order_id, digits);
    if (m->key == NULL || m->key_len != id.len || memcmp(m->key, id.at, id.len) != 0) {
        return true;
    }
    return log->topic_partitions > 0 && m->offset % CHECK_PARTITION_EVERY == 0 &&
           rd_kafka_msg_partitioner_murmur2(NULL, m->key, m->key_len, log->topic_partitions, NULL,
                                            NULL) != m->partition;
}

static void note_foreign(struct kafka_log *log, const rd_kafka_message_t *m) {
    log->now.foreign_keys++;
    if (log->told_foreign) {
        return;
    }
    log->told_foreign = true;
    log_warn("broker",
             "messages of %s are not keyed by order_id (first: partition %" PRId32
             ", offset %" PRId64 "): a repeated order is known within its partition only, so the "
             "same order in two partitions counts twice; have the producer use order_id as key and "
             "the murmur2 partitioner (salestide_kafka_foreign_keys_total counts on)",
             log->topic, m->partition, m->offset);
}

static void parse(struct kafka_log *log, struct submission *s, struct event *e,
                  const rd_kafka_message_t *m) {
    struct rejection why;
    e->raw = (struct text){m->payload, m->len};
    e->key = (struct text){m->key, m->key_len};
    if (m->key == NULL && kafka_rejected_read(m, &why)) { // a door has answered so already
        if (!submission_reject(s, e, &why)) {
            out_of_memory();
        }
        return;
    }
    switch (order_json_parse(log->parser, log->options.rules, e->raw, &s->arena, &e->order, &why)) {
    case ORDER_JSON_OK:
        e->at.digest = order_digest(&e->order);
        if (is_foreign(log, m, e)) {
            note_foreign(log, m);
        }
        return;
    case ORDER_JSON_NO_MEMORY:
        out_of_memory();
        return;
    case ORDER_JSON_REJECTED:
    case ORDER_JSON_BROKEN:
        if (!submission_reject(s, e, &why)) {
            out_of_memory();
        }
    }
}

static void take_message(struct kafka_slice *slice, rd_kafka_message_t *m) {
    struct submission *s = slice->submission;
    struct log_partition *p = &slice->log->partitions[m->partition];
    p->expected = m->offset + 1;
    s->log.next_offset = m->offset + 1;
    int64_t arrival_ms = rd_kafka_message_timestamp(m, NULL);
    arrival_ms = arrival_ms > 0 ? arrival_ms : 1; // a producer that gave none
    s->arrival_ms = arrival_ms > s->arrival_ms ? arrival_ms : s->arrival_ms;
    keep_message(slice, m);
    slice->log->now.messages++;
    slice->log->now.bytes += (int64_t)m->len;
    if (m->len == 0) {
        s->log.n_skipped++;
        return;
    }
    struct event *e = submission_add(s);
    if (e == NULL) {
        out_of_memory();
        return;
    }
    e->at.arrival_ms = arrival_ms;
    e->at.position = log_position(m->partition, m->offset);
    parse(slice->log, s, e, m);
}

static struct kafka_slice *begin_slice(struct kafka_log *log, const rd_kafka_message_t *m) {
    struct kafka_slice *slice = new_slice(log);
    struct submission *s = slice->submission;
    s->next = NULL;
    s->user = slice;
    s->settled = on_settled;
    s->arrival_ms = 0;
    s->log = (struct log_slice){.partition = m->partition,
                                .first_offset = m->offset,
                                .history = m->offset < log->partitions[m->partition].history_until};
    return slice;
}

static bool is_wanted(const struct kafka_log *log, const rd_kafka_message_t *m) {
    return m->err == RD_KAFKA_RESP_ERR_NO_ERROR && m->partition < log->n_partitions &&
           log->partitions[m->partition].state == PARTITION_ACTIVE &&
           m->offset >= log->partitions[m->partition].expected;
}

// The end of a partition that lies past what was expected next: what is between are marks of
// transactions, or messages of aborted ones, which nobody is handed.
static bool is_end_behind_marks(const struct kafka_log *log, const rd_kafka_message_t *m) {
    if (m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF || m->partition >= log->n_partitions) {
        return false;
    }
    const struct log_partition *p = &log->partitions[m->partition];
    return p->state == PARTITION_ACTIVE && p->expected >= p->history_until &&
           m->offset > p->expected;
}

// The partition's end is reached and its history is not: what is missing of it are such marks.
static void end_history(struct kafka_log *log, const rd_kafka_message_t *m) {
    if (m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF || m->partition >= log->n_partitions) {
        return;
    }
    struct log_partition *p = &log->partitions[m->partition];
    if (p->state == PARTITION_ACTIVE && p->expected < p->history_until &&
        m->offset >= p->history_until) {
        p->expected = p->history_until;
    }
}

// Whether the message still belongs to the slice.
static bool belongs(const struct kafka_log *log, const struct kafka_slice *slice,
                    const rd_kafka_message_t *m) {
    const struct submission *s = slice->submission;
    bool history = m->offset < log->partitions[m->partition].history_until;
    return s->log.partition == m->partition && s->log.history == history;
}

struct submission *kafka_slices(struct kafka_log *log, rd_kafka_message_t **messages, size_t n) {
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
