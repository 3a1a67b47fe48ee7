// SPDX-License-Identifier: MIT
// What judging (engine/judge.h) asks of a store, for one range of one partition: a window of
// identities in place of a store's memory, and lists in place of tables. There is no commit: what
// was gathered becomes a tally. One thread at a time.
#pragma once
#include "engine/log_store.h"
#include "kernel/window_use.h"
#include "store/split/split_batch.h"
#include "store/split/split_floors.h"
#include "store/split/split_refused.h"

struct task_store {
    struct store base; // first: a struct store * is a struct task_store *
    struct log_store log;
    struct window_use window;
    struct split_refused refused; // owned
    struct split_batch batch;     // its heap is used for all
    struct split_floors floors;
    int64_t *stored_gross_e4; // by currency_number, as the task was told; owned
    int32_t partition;
    bool has_raw;                   // cancellations and refunds go into the list, not the cube
    int64_t asked_position;         // of the event that was asked for last
    struct split_gross asked_gross; // of the one that should fit: judging asks just before it adds
    struct stored_event *adjustments;
    size_t n_adjustments, cap_adjustments;
    struct arena texts; // of adjustments
};

// Empty and zeroed sums; the rest is the caller's to set, the window's too. False when memory is
// refused: task_store_free it.
MUST_CHECK bool task_store_init(struct task_store *s, const struct mem_heap *heap);
void task_store_free(struct task_store *s); // also of zeros; closes the window
