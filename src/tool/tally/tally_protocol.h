// SPDX-License-Identifier: MIT
// What `salestide tally` is asked and answers, as lines of JSON: see docs/spark.md. Pure.
//
//     {"do":"claim","topic":"sales","topic_id":"...","partitions":[0,1],"anew":false}
//     {"do":"state"}
//     {"do":"commit","topic":"sales","moves":[{"partition":0,"from":-1,"to":9,"epoch_us":5,"lane":0,
//      "window_offset":0,"window_ms":0}],"bytes":[123]}      and then 123 bytes, a tally
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "store/aggregates.h"

enum {
    TALLY_LINE_MAX_BYTES = 16 * 1024 * 1024,
    TALLY_TOPIC_MAX = 249, // characters of a topic's name
    TALLY_PARTITION_MAX = 1 << 20,
};
#define TALLY_BYTES_MAX (INT64_C(1) << 30) // of all tallies of a commit

enum tally_verb { TALLY_CLAIM, TALLY_STATE, TALLY_COMMIT };

struct tally_request {
    enum tally_verb verb;
    const char *topic, *topic_id; // of claim and commit; topic_id of claim: "" when not known
    bool anew;
    const int32_t *partitions; // of claim
    size_t n_partitions;
    const struct position_move *moves; // of commit; ascending by partition
    size_t n_moves;
    const size_t *bytes; // of commit: lengths of the tallies that follow, none of them 0
    size_t n_tallies;
};

enum tally_line {
    TALLY_LINE_OK,
    TALLY_LINE_BAD,  // the tallies that follow it, if any, are to be skipped
    TALLY_LINE_LOST, // it cannot be told where the next line begins
};
// All that `out` has is in `arena`. Unless OK `err` tells what is wrong; bytes and n_tallies are
// set when BAD too.
MUST_CHECK enum tally_line tally_request_read(struct text line, struct arena *arena,
                                              struct tally_request *out, struct error *err);

// --- Answers: each appends a line.

struct tally_ready {
    const struct store_settings *settings;
    bool raw;
};
void tally_put_ready(struct buf *out, const struct tally_ready *ready);
// One claim of a list: between begin and end, with commas put by itself.
void tally_put_claims_begin(struct buf *out);
void tally_put_claim(struct buf *out, int32_t partition, const struct position_claim *claim,
                     struct id_window_start history);
void tally_put_claims_end(struct buf *out);
void tally_put_state(struct buf *out, const struct aggregates_state *state, int64_t now_ms);
void tally_put_committed(struct buf *out, int64_t batch_id);
void tally_put_failed(struct buf *out, const char *message);
void tally_put_fenced(struct buf *out, const char *message);
