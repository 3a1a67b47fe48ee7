// SPDX-License-Identifier: MIT
// Inside of the split store, for its own files: not for other layers.
#pragma once
#include "store/split/split_batch.h"
#include "store/split/split_origins.h"
#include "store/split/split_part.h"
#include "store/split/split_store.h"

struct split_store {
    struct store base; // first: a struct store * is a struct split_store *
    struct log_store log;
    struct split_options options;
    char *topic;
    bool down, in_doubt;
    struct split_part *parts; // by partition
    int32_t n_parts;
    struct id_budget budget;
    struct split_batch batch;
    struct split_origins origins;
    struct aggregates_state state;
    int32_t minute_floor, hour_floor; // with the batch in work
    int64_t latest_ms;                // an arrival after this is of a clock that is ahead
};

// The part of a position; only asked for partitions that were claimed.
static inline struct split_part *split_part_of(struct split_store *s, const struct stamp *at) {
    return &s->parts[log_position_partition(at->position)];
}

// A message of a clock that is ahead is as old as the clock of this process lets it be.
static inline int64_t split_believed(const struct split_store *s, int64_t arrival_ms) {
    return arrival_ms < s->latest_ms ? arrival_ms : s->latest_ms;
}

// --- split_log.c: engine/log_store.h
MUST_CHECK struct log_store *split_log_init(struct log_store *log); // returns it
// After a failure: which partitions are still ours, and what became of a batch in doubt.
MUST_CHECK enum store_result split_log_reopen(struct split_store *s, struct error *err);
