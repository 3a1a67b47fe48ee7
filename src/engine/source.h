// SPDX-License-Identifier: MIT
// Where the engine's input comes from: one const struct of functions, like a store. The HTTP door
// and the loader share the bounded queue (engine/queue.h); a broker is another.
#pragma once
#include "engine/submission.h"

enum source_result { SOURCE_OK, SOURCE_END };

struct source {
    const struct source_ops *ops;
    void *self;
};

struct source_ops {
    const char *name;
    // Waits up to timeout_ms for input, then hands over a list (linked by `next`, in order of
    // arrival) of whole submissions with about max_events events in sum (at least one submission,
    // whatever its size), or NULL when nothing came. SOURCE_END: closed and drained, *list is NULL.
    enum source_result (*take)(void *self, size_t max_events, int timeout_ms,
                               struct submission **list);
};
