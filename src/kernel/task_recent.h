// SPDX-License-Identifier: MIT
// The newest placed orders of a task. Which they are is known only at the end; so while messages
// are judged only their numbers are noted, at the end of a batch the messages of the newest are
// kept as they came, and at the end of the task those are read again. One thread at a time.
#pragma once
#include "format/order_json.h"
#include "kernel/arrow_in.h"
#include "kernel/shop.h"
#include "store/split/split_batch.h"

struct kept_message;
struct task_recent {
    const struct mem_heap *heap;
    uint32_t noted[SPLIT_RECENT_MAX]; // of the batch in work, a ring
    size_t n_noted;
    struct kept_message *kept; // SPLIT_RECENT_MAX of all batches, a ring; NULL: none yet
    size_t n_kept;             // ever put into the ring
    struct stored_event *events;
    struct arena texts; // of events
};

static inline void task_recent_note(struct task_recent *r, size_t number) {
    r->noted[r->n_noted++ % SPLIT_RECENT_MAX] = (uint32_t)number;
}
// The batch is over: what was noted is kept. False when memory is refused.
MUST_CHECK bool task_recent_keep(struct task_recent *r, const struct messages *batch);
// All that are kept as orders, oldest first; once. They borrow from `r`. False when memory is
// refused.
MUST_CHECK bool task_recent_read(struct task_recent *r, const struct salestide_shop *shop,
                                 struct order_json *parser, int32_t lane, size_t *n);
void task_recent_free(struct task_recent *r); // also of zeros
