// SPDX-License-Identifier: MIT
// What the files of the reader share: see include/salestide/reader.h. One thread at a time.
#pragma once
#include "kernel/arrow_out.h"
#include "kernel/result.h"
#include <librdkafka/rdkafka.h>
#include <salestide/reader.h>

enum { READER_COLUMNS = 5 };

struct salestide_reader {
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    int32_t timeout_ms;

    // The range.
    int32_t partition; // that librdkafka reads now; -1: none
    int64_t next, to;  // at its end when next == to
    struct out_table rows;
    int64_t n_bytes; // of the rows

    // What the library says while it is polled, by our own thread.
    char trouble[256]; // "": none since the range began
    bool refused;      // the brokers do not let us in: waiting is of no use
};

// From options to a client that is connected to nothing yet. OK: r->rk is there.
MUST_CHECK int32_t reader_open_client(struct salestide_reader *r,
                                      const struct salestide_reader_options *options,
                                      struct salestide_error *err);
extern const struct out_column_kind reader_columns[READER_COLUMNS];
// A message of the range as a row. False: memory is refused, or the batch is too large.
MUST_CHECK bool reader_put(struct salestide_reader *r, const rd_kafka_message_t *m);
