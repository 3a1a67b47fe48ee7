// SPDX-License-Identifier: MIT
// The orders of the made-up shop: an endless stream of NDJSON lines, the same for the same seed.
// One owner at a time.
#pragma once
#include "base/buf.h"
#include "base/must.h"
#include <stdint.h>

struct demo_options {
    uint64_t seed;
    uint64_t first_id;    // of increasing ids
    bool random_ids;      // UUIDs instead
    bool customer_fields; // source and state in every event
};

struct demo_orders;
MUST_CHECK struct demo_orders *demo_orders_new(const struct demo_options *options);
void demo_orders_free(struct demo_orders *d);
// Appends the next event, created at created_ms, as one line. About 2 % take money back and 1 %
// cancel, always an earlier order of this stream and never one twice.
void demo_orders_next(struct demo_orders *d, int64_t created_ms, struct buf *out);
