// SPDX-License-Identifier: MIT
// A range of a partition, from the brokers to Arrow columns: see include/salestide/reader.h.
//
// 1. A range begins: librdkafka is told to fetch from its first offset on. Connections and what it
//    knows of the cluster stay from one range to the next.
// 2. What has come is put into columns, until they are large enough or the range is at its end. A
//    short range is taken off the brokers in one go, so that hardly more than it is fetched.
// 3. The end: a message at `to` or beyond, the message before it, or the partition's end at or
//    beyond it (the last offsets may be marks of transactions). Fetching is stopped at once.
//
// How it fails: nothing comes for timeout_ms, the brokers refuse, or messages of the range are
// gone. The range is left then; what was put into columns is dropped.
#include "reader/reader.h"

#include "base/clock.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum {
    TAKEN_AT_ONCE = 1000, // messages
    WAIT_MS = 100,        // for one, between two looks at the time
    BATCH_ROWS = 128 * 1024,
    BATCH_BYTES = 32 << 20,
    // What is allocated for a row at first: fewer steps of growing.
    ROWS_EXPECTED = 64 * 1024,
};

int32_t salestide_reader_abi(void) {
    return SALESTIDE_READER_ABI;
}

const char *salestide_reader_version(void) {
    return SALESTIDE_VERSION;
}

static bool check_options(const struct salestide_reader_options *o) {
    return o != NULL && o->size_bytes >= sizeof *o && o->topic != NULL && o->topic[0] != '\0' &&
           o->timeout_ms > 0 && (o->n_settings == 0 || (o->names != NULL && o->values != NULL));
}

int32_t salestide_reader_new(const struct salestide_reader_options *options,
                             struct salestide_reader **out, struct salestide_error *err) {
    kernel_begin(err);
    *out = NULL;
    if (!check_options(options)) {
        return kernel_answer(err, SALESTIDE_INVALID,
                             "reader: options want a topic, settings and a time-out");
    }
    struct salestide_reader *r = heap_zalloc(NULL, 1, sizeof *r);
    if (r == NULL) {
        return kernel_no_memory(err);
    }
    r->partition = -1;
    r->timeout_ms = options->timeout_ms;
    int32_t result = reader_open_client(r, options, err);
    if (result == SALESTIDE_OK) {
        r->topic = rd_kafka_topic_new(r->rk, options->topic, NULL);
        if (r->topic == NULL) {
            result = kernel_answer(err, SALESTIDE_INVALID, "the topic %s: %s", options->topic,
                                   rd_kafka_err2str(rd_kafka_last_error()));
        }
    }
    if (result != SALESTIDE_OK) {
        salestide_reader_free(r);
        return result;
    }
    *out = r;
    return SALESTIDE_OK;
}

// Whatever was read, the range is over. What the library has fetched beyond goes.
static void leave_range(struct salestide_reader *r) {
    if (r->partition >= 0) {
        rd_kafka_consume_stop(r->topic, r->partition);
    }
    r->partition = -1;
    r->next = r->to;
}

void salestide_reader_free(struct salestide_reader *r) {
    if (r == NULL) {
        return;
    }
    if (r->topic != NULL) {
        leave_range(r);
        rd_kafka_topic_destroy(r->topic);
    }
    if (r->rk != NULL) {
        rd_kafka_destroy(r->rk);
    }
    out_table_free(&r->rows);
    heap_free(NULL, r);
}

int32_t salestide_reader_begin(struct salestide_reader *r, int32_t partition, int64_t from,
                               int64_t to, struct salestide_error *err) {
    kernel_begin(err);
    if (partition < 0 || from < 0 || to < from) {
        return kernel_answer(err, SALESTIDE_INVALID,
                             "reader: partition %" PRId32 ", offsets %" PRId64 " to %" PRId64
                             " are no range",
                             partition, from, to);
    }
    leave_range(r);
    r->trouble[0] = '\0';
    r->refused = false;
    r->next = from;
    r->to = to;
    if (from == to) {
        return SALESTIDE_OK;
    }
    if (rd_kafka_consume_start(r->topic, partition, from) != 0) {
        r->next = to;
        return kernel_answer(err, SALESTIDE_FAILED, "partition %" PRId32 " cannot be read: %s",
                             partition, rd_kafka_err2str(rd_kafka_last_error()));
    }
    r->partition = partition;
    return SALESTIDE_OK;
}

// --- What comes

static int32_t gone_wrong(const struct salestide_reader *r, const rd_kafka_message_t *m,
                          struct salestide_error *err) {
    if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        return kernel_answer(err, SALESTIDE_FAILED,
                             "partition %" PRId32 ": messages from offset %" PRId64
                             " on were deleted before they were counted (%s)",
                             r->partition, r->next, rd_kafka_message_errstr(m));
    }
    return kernel_answer(err, SALESTIDE_FAILED, "partition %" PRId32 " cannot be read: %s",
                         r->partition, rd_kafka_message_errstr(m));
}

static int32_t take_one(struct salestide_reader *r, const rd_kafka_message_t *m,
                        struct salestide_error *err) {
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        r->next = m->offset >= r->to ? r->to : r->next;
        return SALESTIDE_OK;
    }
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return gone_wrong(r, m, err);
    }
    if (m->offset < r->next) {
        return SALESTIDE_OK; // of a batch of the log that begins before the range
    }
    if (m->offset >= r->to) {
        r->next = r->to;
        return SALESTIDE_OK;
    }
    if (!reader_put(r, m)) {
        return kernel_no_memory(err);
    }
    r->next = m->offset + 1;
    return SALESTIDE_OK;
}

// How many messages or marks have come, none of them after WAIT_MS; -1: *result is why.
static ssize_t take_some(struct salestide_reader *r, int32_t *result, struct salestide_error *err) {
    rd_kafka_message_t *some[TAKEN_AT_ONCE];
    ssize_t n = rd_kafka_consume_batch(r->topic, r->partition, 0, some, TAKEN_AT_ONCE);
    if (n == 0) {
        some[0] = rd_kafka_consume(r->topic, r->partition, WAIT_MS);
        n = some[0] != NULL;
    }
    *result = n < 0 ? kernel_answer(err, SALESTIDE_FAILED, "partition %" PRId32 " cannot be read",
                                    r->partition)
                    : SALESTIDE_OK;
    for (ssize_t i = 0; i < n; i++) {
        if (*result == SALESTIDE_OK && r->next < r->to) {
            *result = take_one(r, some[i], err);
        }
        rd_kafka_message_destroy(some[i]);
    }
    return *result == SALESTIDE_OK ? n : -1;
}

static bool is_full(const struct salestide_reader *r) {
    return r->rows.n_rows >= BATCH_ROWS || r->n_bytes >= BATCH_BYTES;
}

static int32_t fill(struct salestide_reader *r, struct salestide_error *err) {
    const struct clock_source *clock = clock_system();
    int64_t last_ns = clock_monotonic_ns(clock);
    int32_t result = SALESTIDE_OK;
    while (r->next < r->to && !is_full(r)) {
        ssize_t n = take_some(r, &result, err);
        if (n < 0) {
            return result;
        }
        if (n > 0) {
            last_ns = clock_monotonic_ns(clock);
            continue;
        }
        rd_kafka_poll(r->rk, 0); // what the library has to say
        if (r->refused) {
            return kernel_answer(err, SALESTIDE_FAILED, "kafka: %s", r->trouble);
        }
        if (clock_monotonic_ns(clock) - last_ns > r->timeout_ms * INT64_C(1000000)) {
            return kernel_answer(err, SALESTIDE_FAILED,
                                 "kafka: partition %" PRId32 ", offset %" PRId64
                                 ": nothing came for %d s%s%s",
                                 r->partition, r->next, r->timeout_ms / 1000,
                                 r->trouble[0] != '\0' ? ": " : "", r->trouble);
        }
    }
    return SALESTIDE_OK;
}

int32_t salestide_reader_next(struct salestide_reader *r, struct ArrowSchema *schema,
                              struct ArrowArray *rows, struct salestide_error *err) {
    kernel_begin(err);
    *schema = (struct ArrowSchema){0};
    *rows = (struct ArrowArray){0};
    int32_t result = SALESTIDE_OK;
    out_table_free(&r->rows);
    r->n_bytes = 0;
    if (!out_table_init(&r->rows, reader_columns, READER_COLUMNS, NULL)) {
        result = kernel_no_memory(err);
    } else {
        r->rows.expected_rows = r->to - r->next < ROWS_EXPECTED ? r->to - r->next : ROWS_EXPECTED;
        result = fill(r, err);
    }
    if (result != SALESTIDE_OK || r->next == r->to) {
        leave_range(r);
    }
    if (result == SALESTIDE_OK && !out_table_export(&r->rows, schema, rows)) {
        leave_range(r);
        result = kernel_no_memory(err);
    }
    return result;
}
