// SPDX-License-Identifier: MIT
// The loader's sink in front of an intake: the part that a data directory (load_store.c) and a
// Kafka topic (load_kafka.c) have in common.
#pragma once
#include "base/state.h"
#include "engine/intake.h"
#include "tool/load/load_sink.h"

// A unit of load, a submission and what belongs to it, goes
//
//     SPARE → FILLING → UNDER_WAY → SPARE
//                         ↑   ↓ nothing was stored
//                       TRY_LATER
//
// and is freed from wherever it is. In FILLING the parsing thread has it, UNDER_WAY the intake; the
// others are in a list, under the lock.
enum load_unit_state {
    LOAD_UNIT_SPARE,
    LOAD_UNIT_FILLING,
    LOAD_UNIT_UNDER_WAY,
    LOAD_UNIT_TRY_LATER,
    LOAD_UNIT_STATES,
};
extern const struct state_table load_unit_table; // for tests

struct load_intake_parts {
    struct intake intake;
    const struct order_rules *rules; // borrowed
    const char *what;                // "the store", for messages; static
    bool wants_json;                 // the text of a CSV event that is an order is made JSON
    // False: why orders are not taken just now, one line.
    bool (*ready)(void *user, char problem[static INTAKE_PROBLEM_BYTES]);
    // All that was told to try later is about to be offered again, in its order. NULL: the intake
    // need not know.
    void (*go_on)(void *user);
    void (*drain)(void *user); // closes the intake and waits until all is settled
    void (*free)(void *user);
    void *user;
};
// Owns `user` of the parts from then on. Dies when out of memory.
MUST_CHECK struct load_sink *load_intake_new(const struct load_intake_parts *parts,
                                             const struct load_target *target);
