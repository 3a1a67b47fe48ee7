// SPDX-License-Identifier: MIT
// A partition of the topic in this member's hands, as a state machine, and where it is read. No
// broker and no store is asked here. The engine's thread.
//
//          given                 taken over
//   NONE ---------> WAITING <----------------> ACTIVE
//     ^                ^        place lost        | fenced
//     |                |                          v
//     +-- taken away --+--------- again -------- LOST
//        (from any)
#pragma once
#include "base/state.h"
#include "engine/log_store.h"

enum partition_state {
    PARTITION_NONE,    // not this member's
    PARTITION_WAITING, // the group's gift, but the store has not given its position yet
    PARTITION_ACTIVE,  // read and handed over
    PARTITION_LOST,    // another process has moved its position: the group will take it away
    PARTITION_STATES
};

struct log_partition {
    struct state state;
    int32_t lane;          // of positions of its events
    int64_t begin;         // of the log when it was claimed: where a new partition begins
    int64_t expected;      // offset of the next message to hand over, or later
    int64_t history_until; // before it: committed already, read for its identities only
    int64_t history_from;  // where reading began
    int64_t history_began_ns;
    int64_t again_at_ns; // monotonic; LOST: until then the group has time to take it away; else 0
};

extern const struct state_table kafka_partition_table;

static inline bool partition_is(const struct log_partition *p, enum partition_state state) {
    return p->state.now == state;
}
// Ours by the group's word, and not read: it waits for the store, or was lost.
static inline bool partition_stands_still(const struct log_partition *p) {
    return partition_is(p, PARTITION_WAITING) || partition_is(p, PARTITION_LOST);
}
// Its history is being read.
static inline bool partition_catches_up(const struct log_partition *p) {
    return partition_is(p, PARTITION_ACTIVE) && p->expected < p->history_until;
}

void kafka_partition_given(struct log_partition *p); // from any state: as a new one
// Claimed, and begin, expected, history_* are set.
void kafka_partition_taken_over(struct log_partition *p);
// Nobody knows where the library reads on: to be claimed and sought again.
void kafka_partition_place_lost(struct log_partition *p);
// The store has opened again and tells what it holds; lost: not this one. Sets where to read on.
void kafka_partition_rewind(struct log_partition *p, const struct log_claim *held,
                            int64_t again_at_ns);
// A lost one that the group has not taken away in time waits to be claimed again. True: it does.
bool kafka_partition_again(struct log_partition *p, int64_t now_ns);
void kafka_partition_taken_away(struct log_partition *p); // from any state
