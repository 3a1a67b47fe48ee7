// SPDX-License-Identifier: MIT
// Where the engine's input comes from: one const struct of functions, like a store. The HTTP door
// and the loader share the bounded queue (engine/queue.h); a log is another (broker/kafka_log.h).
#pragma once
#include "engine/submission.h"

enum source_result {
    SOURCE_OK,
    SOURCE_END,
    SOURCE_FAILED, // logs only: will not go away by itself; the source has said why
};

struct source {
    const struct source_ops *ops;
    void *self;
};

struct source_ops {
    const char *name;
    // A log: it keeps what it hands over, so a batch may be long. A submission is settled as soon
    // as it is judged (SETTLE_JUDGED), and when the batch fails, rewind has it handed over again.
    bool is_log;
    // Waits up to timeout_ms for input, then hands over a list (linked by `next`, in order of
    // arrival) of whole submissions with about max_events events in sum (at least one submission,
    // whatever its size), or NULL when nothing came. SOURCE_END: closed and drained, *list is NULL.
    enum source_result (*take)(void *self, size_t max_events, int timeout_ms,
                               struct submission **list);
    // Events that wait to be taken, about. NULL: that is not known.
    size_t (*waits)(void *self);
    // Logs only. The store is down: hand nothing over until rewind, but go on being taken from, so
    // that the broker does not give this process up.
    void (*hold)(void *self);
    // Logs only. The store was open again or another batch failed: go on at what it holds
    // (log_store_ops.held). False: it could not, `err` says why.
    MUST_CHECK bool (*rewind)(void *self, struct error *err);
    // Logs only. A batch is about to be committed: begins to find out whether all that was handed
    // over is of the log that the store has claimed. Must not block.
    void (*ask)(void *self);
    // Waits for what was asked, for a bounded time. False: it is not (the source ends then), or
    // that could not be told in time; nothing may be committed, `err` says why.
    MUST_CHECK bool (*confirm)(void *self, struct error *err);
    // Logs only. A batch was committed. Must not block.
    void (*committed)(void *self);
};
