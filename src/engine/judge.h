// SPDX-License-Identifier: MIT
// What the engine does with the events of a batch between the store's begin and commit. One thread.
#pragma once
#include "base/clock.h"
#include "engine/clock_course.h"
#include "engine/store.h"
#include "sums/customers.h"

// All of it is borrowed.
struct judge {
    struct store *store;               // its log part is used for submissions that come from a log
    struct cube *cube;                 // of the batch in work
    const struct customers *customers; // NULL: none
    const struct clock_source *clock;
    int64_t late_limit_ms;
    int32_t minute_floor, hour_floor; // of the batch in work
    struct clock_course course;       // how far the clock is believed
};

// Once all but the last three is set: the course of the clock begins here.
void judge_init(struct judge *j);

// Judges submissions: sets verdicts, adds to the store, the cube and the batch's counts. Not OK:
// the batch has failed, some of them are judged.
MUST_CHECK enum store_result judge_all(struct judge *j, struct submission *list,
                                       struct batch_summary *batch, struct error *err);
// Undoes the judgements of the first n_judged events, not those of the parser, so that the
// submissions can be sent again as they came.
void judge_forget(struct submission *list, size_t n_judged);
