// SPDX-License-Identifier: MIT
// What waits in a topic that others count.
//
// 1. ask: metadata tell how many partitions there are; then the topic's id, and the offset of each
//    partition's beginning and end are asked for, of all partitions at once.
// 2. count: positions of the tables take their place; what was deleted from the log before it was
//    counted does not wait.
// 3. since: of each partition with something to wait for the message at its position is read, by
//    the library's simple consumer. What was found is kept as long as the position stays; that
//    there is nothing but marks of transactions is not, since more may have come.
//
// How it fails: brokers that do not answer in time end the round, with what the library complained
// of last. A partition without a leader, or whose first message does not come in time, is not
// known, and since when something waits then is not either.
#include "broker/kafka_waiting.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "broker/kafka_topic_id.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The library's thread begins to fetch when it is next awake, which may take a second.
enum { ANSWER_MS = 3000, FIRST_MESSAGES_MS = 3000 };

// The first message of a partition that is not counted.
struct first_message {
    int64_t offset; // that it was looked for at; -1: at none
    int64_t stamp_ms;
    bool read; // by this round
};

struct kafka_waiting {
    const char *topic;
    rd_kafka_t *rk;
    rd_kafka_topic_t *rkt;
    struct kafka_asker asker;
    char trouble[256]; // what the library said last; "": nothing in this round
    char topic_id[LOG_TOPIC_ID_BYTES];
    size_t n, cap; // partitions
    struct kafka_partition_facts *at;
    struct first_message *first;
    atomic_bool halted;
};

// --- The client

// From rd_kafka_poll.
static void note_trouble(rd_kafka_t *rk, int code, const char *reason, void *user) {
    UNUSED(rk);
    struct kafka_waiting *w = user;
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || w->trouble[0] == '\0') { // it says less
        snprintf(w->trouble, sizeof w->trouble, "%s", reason);
    }
}

static bool configure(rd_kafka_conf_t *conf, struct error *err) {
    static const char *const fixed[][2] = {
        {"isolation.level", "read_committed"},
        {"enable.auto.commit", "false"},
        {"auto.offset.reset", "error"},
        {"enable.partition.eof", "true"}, // tells that nothing follows but marks of transactions
        {"fetch.wait.max.ms", "100"},
        // One message of each is wanted.
        {"queued.min.messages", "1"},
        {"fetch.queue.backoff.ms", "5"}, // else the next look at a partition waits for a second
        {"fetch.message.max.bytes", "65536"},
        {"fetch.max.bytes", "1048576"},
    };
    for (size_t i = 0; i < COUNT_OF(fixed); i++) {
        if (!kafka_conf_set(conf, fixed[i][0], fixed[i][1], err)) {
            return false;
        }
    }
    return true;
}

bool kafka_waiting_open(const struct kafka_settings *settings, struct kafka_waiting **out,
                        struct error *err) {
    char why[300] = "";
    rd_kafka_conf_t *conf = kafka_conf_new(settings, err);
    if (conf == NULL) {
        return false;
    }
    if (!configure(conf, err)) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    struct kafka_waiting *w = mem_zalloc(1, sizeof *w);
    rd_kafka_conf_set_opaque(conf, w);
    rd_kafka_conf_set_error_cb(conf, note_trouble);
    w->topic = settings->topic;
    w->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (w->rk == NULL) { // e.g. a certificate that cannot be read
        rd_kafka_conf_destroy(conf);
        free(w);
        return error_set(err, ERROR_USAGE, "kafka: %s", why);
    }
    w->rkt = rd_kafka_topic_new(w->rk, w->topic, NULL);
    w->asker = kafka_asker_new(w->rk);
    if (w->rkt == NULL) {
        kafka_waiting_close(w);
        return error_set(err, ERROR_USAGE, "topic %.300s: %s", settings->topic,
                         rd_kafka_err2str(rd_kafka_last_error()));
    }
    *out = w;
    return true;
}

void kafka_waiting_close(struct kafka_waiting *w) {
    if (w == NULL) {
        return;
    }
    kafka_asker_free(&w->asker);
    if (w->rkt != NULL) {
        rd_kafka_topic_destroy(w->rkt);
    }
    rd_kafka_destroy(w->rk);
    free(w->at);
    free(w->first);
    free(w);
}

// --- 1. The topic

static bool fail(struct kafka_waiting *w, rd_kafka_resp_err_t code, struct error *err) {
    rd_kafka_poll(w->rk, 0);
    return error_set(err, ERROR_RETRIABLE, "no answer about the topic %s: %s", w->topic,
                     w->trouble[0] != '\0' ? w->trouble : rd_kafka_err2str(code));
}

static void make_room(struct kafka_waiting *w, size_t n) {
    if (n > w->cap) {
        w->at = mem_realloc(w->at, n * sizeof *w->at);
        w->first = mem_realloc(w->first, n * sizeof *w->first);
        for (size_t i = w->cap; i < n; i++) {
            w->first[i] = (struct first_message){.offset = -1};
        }
        w->cap = n;
    }
    w->n = n;
    for (size_t i = 0; i < n; i++) {
        w->at[i] = (struct kafka_partition_facts){
            .partition = (int32_t)i, .next_offset = -1, .end_offset = -1};
    }
}

static bool find_partitions(struct kafka_waiting *w, struct error *err) {
    const struct rd_kafka_metadata *found = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(w->rk, 0, w->rkt, &found, ANSWER_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return fail(w, code, err);
    }
    const struct rd_kafka_metadata_topic *t = found->topic_cnt > 0 ? found->topics : NULL;
    code = t == NULL ? RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART : t->err;
    size_t n = code == RD_KAFKA_RESP_ERR_NO_ERROR ? (size_t)t->partition_cnt : 0;
    rd_kafka_metadata_destroy(found);
    make_room(w, n);
    return n > 0 ||
           error_set(err, ERROR_RETRIABLE, "the topic %s: %s", w->topic, rd_kafka_err2str(code));
}

// RD_KAFKA_OFFSET_BEGINNING or _END in the place of a time, as the protocol has it.
static bool ask_offsets(struct kafka_waiting *w, int64_t which, struct error *err) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)w->n);
    for (size_t i = 0; i < w->n; i++) {
        rd_kafka_topic_partition_list_add(list, w->topic, (int32_t)i)->offset = which;
    }
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(w->rk, list, ANSWER_MS);
    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *p = &list->elems[i];
        struct kafka_partition_facts *f = &w->at[p->partition];
        int64_t offset = p->err == RD_KAFKA_RESP_ERR_NO_ERROR ? p->offset : -1;
        *(which == RD_KAFKA_OFFSET_END ? &f->end_offset : &f->next_offset) = offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR || fail(w, code, err);
}

static bool ask_id(struct kafka_waiting *w, struct error *err) {
    char id[LOG_TOPIC_ID_BYTES];
    kafka_topic_id_send(&w->asker, w->topic);
    if (!kafka_topic_id_take(&w->asker, w->topic, id, err)) {
        return false;
    }
    if (strcmp(id, w->topic_id) != 0) { // its messages are others
        memcpy(w->topic_id, id, sizeof id);
        for (size_t i = 0; i < w->cap; i++) {
            w->first[i].offset = -1;
        }
    }
    return true;
}

void kafka_waiting_halt(struct kafka_waiting *w) {
    atomic_store(&w->halted, true);
}

static bool goes_on(struct kafka_waiting *w, struct error *err) {
    return !atomic_load(&w->halted) || error_set(err, ERROR_RETRIABLE, "stopped");
}

// Where a partition begins is told with where it ends, or neither is known of it.
static void drop_halves(struct kafka_waiting *w) {
    for (size_t i = 0; i < w->n; i++) {
        if (w->at[i].next_offset < 0) {
            w->at[i].end_offset = -1;
        }
    }
}

bool kafka_waiting_ask(struct kafka_waiting *w, struct error *err) {
    w->trouble[0] = '\0';
    rd_kafka_poll(w->rk, 0);
    if (!find_partitions(w, err) || !goes_on(w, err) || !ask_id(w, err) || !goes_on(w, err) ||
        !ask_offsets(w, RD_KAFKA_OFFSET_BEGINNING, err) || !goes_on(w, err) ||
        !ask_offsets(w, RD_KAFKA_OFFSET_END, err)) {
        return false;
    }
    drop_halves(w);
    return goes_on(w, err);
}

// --- 2. What was counted

void kafka_waiting_count(struct kafka_waiting *w, int32_t partition, struct text topic_id,
                         int64_t next_offset) {
    bool known = topic_id.len > 0 && w->topic_id[0] != '\0';
    if (partition < 0 || (size_t)partition >= w->n ||
        (known && !text_equal(topic_id, text_of(w->topic_id)))) {
        return;
    }
    struct kafka_partition_facts *f = &w->at[partition];
    f->next_offset = next_offset > f->next_offset ? next_offset : f->next_offset;
}

const struct kafka_partition_facts *kafka_waiting_partitions(const struct kafka_waiting *w,
                                                             size_t *n) {
    *n = w->n;
    return w->at;
}

// --- 3. Since when

static bool waits(const struct kafka_partition_facts *f) {
    return f->next_offset < f->end_offset;
}

// Begins to read where a message waits that was not seen yet. Returns how many come.
static size_t start_reading(struct kafka_waiting *w, rd_kafka_queue_t *queue) {
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++) {
        struct first_message *first = &w->first[i];
        int64_t at = w->at[i].next_offset;
        bool seen = first->offset == at && first->stamp_ms != KAFKA_WAITING_NONE;
        first->read = waits(&w->at[i]) && !seen &&
                      rd_kafka_consume_start_queue(w->rkt, (int32_t)i, at, queue) == 0;
        if (first->read) {
            first->offset = -1;
            n++;
        }
    }
    return n;
}

// One message, or that there is none: of a partition it counts once.
static bool take_first(struct kafka_waiting *w, const rd_kafka_message_t *m) {
    rd_kafka_timestamp_type_t type;
    if (m->rkt != w->rkt || m->partition < 0 || (size_t)m->partition >= w->n) {
        return false;
    }
    struct first_message *first = &w->first[m->partition];
    int64_t at = w->at[m->partition].next_offset;
    bool ended = m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    if (!first->read || first->offset == at || (m->err != RD_KAFKA_RESP_ERR_NO_ERROR && !ended)) {
        return false;
    }
    int64_t stamp_ms = ended ? -1 : rd_kafka_message_timestamp(m, &type);
    *first = (struct first_message){
        .offset = at,
        .stamp_ms = ended          ? KAFKA_WAITING_NONE
                    : stamp_ms > 0 ? stamp_ms
                                   : KAFKA_WAITING_UNKNOWN,
        .read = true,
    };
    return true;
}

static void read_first_messages(struct kafka_waiting *w) {
    rd_kafka_queue_t *queue = rd_kafka_queue_new(w->rk);
    size_t left = start_reading(w, queue);
    const struct clock_source *clock = clock_system();
    int64_t until_ns = clock_monotonic_ns(clock) + FIRST_MESSAGES_MS * INT64_C(1000000);
    while (left > 0) {
        int64_t left_ms = (until_ns - clock_monotonic_ns(clock)) / 1000000;
        rd_kafka_message_t *m = rd_kafka_consume_queue(queue, left_ms > 0 ? (int)left_ms : 0);
        if (m != NULL) {
            left -= take_first(w, m);
            rd_kafka_message_destroy(m);
        }
        if (left_ms <= 0) {
            break;
        }
    }
    for (size_t i = 0; i < w->n; i++) {
        if (w->first[i].read && rd_kafka_consume_stop(w->rkt, (int32_t)i) != 0) {
            log_debug("broker", "partition %zu cannot be left: %s", i,
                      rd_kafka_err2str(rd_kafka_last_error()));
        }
    }
    rd_kafka_queue_destroy(queue);
}

int64_t kafka_waiting_since_ms(struct kafka_waiting *w) {
    int64_t oldest_ms = KAFKA_WAITING_NONE;
    if (!atomic_load(&w->halted)) {
        read_first_messages(w);
    }
    for (size_t i = 0; i < w->n; i++) {
        const struct first_message *first = &w->first[i];
        if (w->at[i].end_offset < 0) {
            return KAFKA_WAITING_UNKNOWN;
        }
        if (!waits(&w->at[i])) {
            continue;
        }
        if (first->offset != w->at[i].next_offset || first->stamp_ms == KAFKA_WAITING_UNKNOWN) {
            return KAFKA_WAITING_UNKNOWN;
        }
        bool older = oldest_ms == KAFKA_WAITING_NONE || first->stamp_ms < oldest_ms;
        if (first->stamp_ms != KAFKA_WAITING_NONE && older) {
            oldest_ms = first->stamp_ms;
        }
    }
    return oldest_ms;
}
