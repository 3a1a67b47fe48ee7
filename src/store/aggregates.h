// SPDX-License-Identifier: MIT
// What the split store (store/split/split_store.h) asks of the place of aggregates when the input
// is a log: positions in the log, sums, rejected events and counts, all of a batch in one
// transaction. One const struct of functions. One thread at a time calls: the engine's, or for
// commit one that commits while the engine judges on. Questions are asked through
// store/sales_reader.h.
//
// Exactly once: a partition's owner has an epoch. Claiming a partition raises it; a commit compares
// (next_offset, epoch) of every partition it moves and fails when they are not what the owner saw.
// So an owner that was stalled, or a commit that was done already, can never be added twice.
#pragma once
#include "engine/log_store.h"
#include "window/id_window.h"

struct aggregates {
    const struct aggregates_ops *ops;
};

// Which partition is to be taken over.
struct position_wish {
    struct log_topic topic;
    int32_t partition;
    int64_t held_epoch_us; // 0: from whoever has it; else only if that is still its epoch
    bool anew;             // log_store_ops.claim
};

struct position_claim {
    int64_t next_offset; // first one that is not in the aggregates; -1: the partition is new
    int64_t epoch_us;    // ours from now on
    int32_t lane;        // of positions, see log_position
    struct id_window_start window; // as it was committed last; offset -1: nothing is known of it
    char other_id[LOG_TOPIC_ID_BYTES]; // not "": the row is of a topic with this id; not claimed
    // Offsets of its events from window.offset on that were rejected after they were asked for,
    // ascending; the caller frees the list.
    int64_t *refused;
    size_t n_refused;
};

// One partition's move by a batch: from .. to, exclusive.
struct position_move {
    int32_t partition;
    int64_t from, to; // from: -1 when the partition was new
    int64_t epoch_us;
    int32_t lane;
    struct id_window_start window; // as of `to`
};

struct rejected_event {
    int64_t position, arrival_ms;
    int32_t partition;
    bool refused; // it was asked for, and its identity is not known by it
    struct text field, code, message;
    struct text raw;       // at most ORDER_REJECTED_TEXT_MAX_BYTES, any bytes
    size_t raw_bytes;      // of the whole
    struct text event_key; // the message's key, absent when none
};

struct gross_delta {
    int32_t currency; // currency_number
    int64_t delta_e4; // >= 0
};

// All of a batch. Everything is borrowed for the call.
struct aggregates_batch {
    const char *topic;
    const struct position_move *moves; // ascending by partition; at least one
    size_t n_moves;
    struct cube *cube;
    const struct rejected_event *rejected;
    size_t n_rejected;
    const struct stored_event *recent; // the newest placed orders of the batch, oldest first
    size_t n_recent;
    const struct stored_event *changes; // the newest cancellations and refunds, likewise
    size_t n_changes;
    const struct gross_delta *gross;
    size_t n_gross;
    int32_t minute_floor, hour_floor; // as of this batch; the store keeps the highest seen
};

// As of the newest commit, claim or reopen.
struct aggregates_state {
    struct store_counts counts;
    int64_t last_batch_id;
    int32_t minute_floor, hour_floor;
    const int64_t *gross_e4; // N_CURRENCIES sums by currency_number; the store's, until the next
                             // call
};

enum commit_result {
    COMMIT_OK,
    COMMIT_RETRY,  // nothing was stored: reopen and hand the same input over again
    COMMIT_DOUBT,  // the connection broke while committing: claims tell after reopen
    COMMIT_FENCED, // another owner has taken a partition over; nothing was stored
    COMMIT_ERROR,  // will not go away by itself; nothing was stored
};

struct aggregates_ops {
    const char *name;
    // Takes a partition over; *lost tells that its epoch is not the one that was held. Waits for
    // another owner's commit. A row without a topic's id takes the one that is wished. STORE_OK
    // unless the store cannot be asked; only then `out` holds nothing to free.
    MUST_CHECK enum store_result (*claim)(struct aggregates *a, const struct position_wish *wish,
                                          struct position_claim *out, bool *lost,
                                          struct error *err);
    // Deadlocks and lock time-outs are tried again inside, a bounded number of times. On OK
    // summary->batch_id is filled; summary->counts are this batch's and are added to the store's.
    MUST_CHECK enum commit_result (*commit)(struct aggregates *a,
                                            const struct aggregates_batch *batch,
                                            struct batch_summary *summary, struct error *err);
    void (*state)(struct aggregates *a, struct aggregates_state *out);
    // Whether its server answers. NULL: there is none.
    MUST_CHECK enum store_result (*check)(struct aggregates *a, struct error *err);
    MUST_CHECK enum store_result (*reopen)(struct aggregates *a, struct error *err);
    void (*close)(struct aggregates *a); // frees a
};
