// SPDX-License-Identifier: MIT
// A task: one range of one partition of a log is judged as the native engine judges it
// (engine/judge.c), over a store of its own. For the kernel's own files; the public face is
// include/salestide/arrow.h. One thread at a time.
#pragma once
#include "base/buf.h"
#include "engine/judge.h"
#include "format/order_json.h"
#include "kernel/arrow_in.h"
#include "kernel/order_rows.h"
#include "kernel/shop.h"
#include "kernel/task_recent.h"
#include "kernel/task_store.h"

enum task_state {
    TASK_OPEN,
    TASK_TALLIED, // its range has ended
    TASK_FAILED,  // can only be freed
};

struct salestide_task {
    const struct mem_heap *heap;
    const struct salestide_shop *shop; // borrowed
    enum task_state state;
    int32_t partition, lane;
    int64_t from, epoch_us, now_ms;
    struct id_window_start told; // the window's start as of `from`
    bool remembers;              // messages below `from` are history for the window, not skipped
    int64_t seen;                // offset of the newest message; -1: none
    struct clock_source clock;   // answers now_ms
    struct task_store store;
    struct judge judge;
    struct cube *cube;
    struct batch_summary summary;
    struct order_json *parser;
    struct submission *slice; // used again
    struct task_recent recent;
    struct buf tally;
};

// --- task_open.c
// salestide_task_new checks what it was given and fills an empty task.
MUST_CHECK enum salestide_result task_open(struct salestide_task *t,
                                           const struct salestide_task_options *options,
                                           struct error *err);
// --- task_push.c
// Judges a batch of messages; `rows` NULL: none are wanted. Not OK: the task has failed.
MUST_CHECK enum salestide_result task_push(struct salestide_task *t, const struct messages *batch,
                                           struct order_rows *rows, struct error *err);
// --- task_tally.c
MUST_CHECK enum salestide_result task_tally(struct salestide_task *t, int64_t to,
                                            struct error *err);
