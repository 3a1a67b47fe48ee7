// SPDX-License-Identifier: MIT
// What `salestide tally` is asked and answers: one line of JSON a message. Offsets, epochs and
// lanes are JSON integers, gross sums texts. Pure.
//
//     at first  {"ready":true,"version":"0.1.0","currency":"USD","timezone":"UTC",
//                "late_limit_ms":600000,"raw":true}
//
//     claim     {"do":"claim","topic":"sales","topic_id":"...","partitions":[0],"anew":false}
//               {"claims":[{"partition":0,"next_offset":-1,"epoch_us":5,"lane":0,"window_offset":0,
//                "window_ms":0,"refused":[7],"other_id":""}]}
//               The partitions are taken over. next_offset -1: nothing is counted of it. The log is
//               to be read from window_offset on, at which the partition's time is window_ms;
//               refused are offsets from there on that leave no identity. other_id not "": what is
//               counted is of the topic with this id, and the partition is not claimed; anew takes
//               it nevertheless, as a new one.
//
//     state     {"do":"state"}
//               {"minute_floor":0,"hour_floor":0,"now_ms":1,"last_batch_id":0,
//                "gross":{"USD":"12345"}}
//               As of the newest claim or commit; sums are ten-thousandths.
//
//     commit {"do":"commit","topic":"sales","moves":[{"partition":0,"from":-1,"to":9,"epoch_us":5,
//                "lane":0,"window_offset":0,"window_ms":0}],"bytes":[123]} and then 123 bytes
//               {"result":"ok","batch_id":1}
//               Every partition that moves, and a tally (store/tally.h) of each that has events,
//               with the same range, epoch and lane; a tally's own window goes before the move's.
//
//     else      {"result":"fenced","message":"..."}   another has taken a partition over: claim
//               {"result":"failed","message":"..."}   the message tells; nothing was stored, unless
//                                                     it says that this is not known
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
    const int32_t *partitions; // of claim; ascending
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
