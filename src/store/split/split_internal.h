// SPDX-License-Identifier: MIT
// Inside of the split store, for its own files: not for other layers.
#pragma once
#include "store/split/split_batch.h"
#include "store/split/split_floors.h"
#include "store/split/split_origins.h"
#include "store/split/split_part.h"
#include "store/split/split_store.h"

struct split_store {
    struct store base; // first: a struct store * is a struct split_store *
    struct log_store log;
    struct split_options options;
    char *topic, topic_id[LOG_TOPIC_ID_BYTES]; // of the newest claim
    bool down, in_doubt;
    struct split_part *parts; // by partition
    int32_t n_parts;
    int32_t *lanes; // partition by lane, of those claimed
    int32_t n_lanes;
    struct id_budget budget;
    struct split_batch batch;
    struct split_origins origins;
    struct aggregates_state state;
    struct split_floors floors; // with the batch in work
    struct cube *cube;          // lent, from commit_begin to commit_finish
    struct batch_summary *summary;
};

// The part of a position; only asked for partitions that were claimed.
static inline struct split_part *split_part_of(struct split_store *s, const struct stamp *at) {
    return &s->parts[s->lanes[log_position_lane(at->position)]];
}

// Whether `known` was asked of a rejected event: it could be parsed. In a log only such have one.
static inline bool split_was_asked(const struct event *e) {
    return (e->at.digest.identity.high | e->at.digest.identity.low) != 0;
}

// Memory was refused for a window: fills err, RETRY.
MUST_CHECK enum store_result split_out_of_window(struct error *err);

// --- split_log.c: engine/log_store.h
MUST_CHECK struct log_store *split_log_init(struct log_store *log); // returns it
// After a failure: which partitions are still ours, and what became of a batch in doubt.
MUST_CHECK enum store_result split_log_reopen(struct split_store *s, struct error *err);
