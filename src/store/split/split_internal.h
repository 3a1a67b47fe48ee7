// SPDX-License-Identifier: MIT
// Inside of the split store, for its own files: not for other layers.
#pragma once
#include "store/commit_thread.h"
#include "store/split/split_batch.h"
#include "store/split/split_floors.h"
#include "store/split/split_origins.h"
#include "store/split/split_part.h"
#include "store/split/split_store.h"

// The batch that goes to its commit, from commit_begin to commit_finish. While it is given to the
// thread, this and the aggregates are the thread's.
struct split_sent {
    struct split_batch *gathered; // not yet in the state; else NULL
    struct aggregates_batch batch;
    struct position_move *moves; // of it; owned
    struct batch_summary *summary;
    bool given, ended;
    enum commit_result result; // once it has ended
    struct error failure;
};

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
    struct split_origins origins;
    struct split_floors floors; // with all batches that are not over
    struct aggregates_state state;
    int64_t *gross_e4; // of the state: a copy, since the aggregates' own change as they commit
    struct split_batch batches[2];
    struct split_batch *work;       // the one that is judged, or will be
    struct split_gross asked_gross; // of the event that `fits` was asked for last
    struct split_sent sent;
    struct commit_thread committer;
};

static inline struct split_store *split_store_of(struct store *s) {
    return (struct split_store *)s;
}

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

// --- split_commit.c: store_ops
MUST_CHECK enum store_result split_commit_begin(struct store *base, struct cube *cube,
                                                struct batch_summary *summary, bool *aside,
                                                struct error *err);
MUST_CHECK enum store_result split_commit_finish(struct store *base, struct error *err);
void split_rollback(struct store *base);
void split_commit_run(void *user); // what the committing thread does
// Waits for the batch that is on its way, if there is one, and takes over what became of it:
// before the aggregates are asked for anything else. False: it has failed, of which commit_finish
// will tell.
MUST_CHECK bool split_commit_settle(struct split_store *s);
// Reads the aggregates' state, from where floors go on: after a failure they may be lower.
void split_read_state(struct split_store *s);

// --- split_log.c: engine/log_store.h
MUST_CHECK struct log_store *split_log_init(struct log_store *log); // returns it
// After a failure: which partitions are still ours, and what became of a batch in doubt.
MUST_CHECK enum store_result split_log_reopen(struct split_store *s, struct error *err);
