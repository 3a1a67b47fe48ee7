// SPDX-License-Identifier: MIT
// What a store does besides (engine/store.h) when its input is a log: it knows how far each
// partition was counted, and moves that on in the transaction of the batch. One const struct of
// functions. One thread (the engine's) calls.
//
// The embedded store has this part when it was opened for a log (sqlite_options.follows_log), the
// split store always.
#pragma once
#include "engine/store.h"

enum { LOG_TOPIC_ID_BYTES = 37 }; // a UUID in any spelling

// Which log: a topic made anew has another id.
struct log_topic {
    const char *name;
    const char *id; // "": the brokers do not tell
};

// A partition of a log in this store's hands.
struct log_claim {
    int64_t next_offset;    // first one that is not in the aggregates; -1: the partition is new
    int64_t counted_offset; // of held alone: likewise, without the batches that are not over
    bool lost;              // another process has taken it over
    // Of claim alone:
    int32_t lane;                      // of positions of its events: log_position
    int64_t history_offset;            // history is read from here on to next_offset
    char other_id[LOG_TOPIC_ID_BYTES]; // not "": it was not claimed, since next_offset is of a
                                       // topic with this id
};

struct log_store {
    const struct log_store_ops *ops;
};

struct log_store_ops {
    // Takes a partition over, between two batches or between two takes of one; held until release.
    // A batch on its way comes to its end first. out->lost: not now, events of it are in a batch
    // that will fail. `anew`: what was counted of the partition so far is of another log; that is
    // kept, and this one begins as a new partition.
    MUST_CHECK enum store_result (*claim)(struct log_store *s, const struct log_topic *topic,
                                          int32_t partition, bool anew, struct log_claim *out,
                                          struct error *err);
    // What is known of a held partition, without asking anybody: as of claim, commit or reopen;
    // with the moves of the batches that are not over.
    void (*held)(struct log_store *s, int32_t partition, struct log_claim *out);
    void (*release)(struct log_store *s, int32_t partition);
    // An event of the log before next_offset: its identity is known from now on, unless it was
    // rejected. NULL: the store knows every identity for ever.
    MUST_CHECK enum store_result (*remember)(struct log_store *s, const struct event *e,
                                             struct error *err);
    // The batch has judged everything of the partition below next_offset.
    void (*advance)(struct log_store *s, int32_t partition, int64_t next_offset);
};
