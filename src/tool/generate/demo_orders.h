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

// All amounts in cents.
struct demo_order {
    uint64_t id;       // increasing, or the first half of a UUID
    uint64_t id_low;   // its second half
    uint32_t customer; // 0: a guest
    uint16_t product;
    uint8_t source, state;
    uint32_t quantity;
    uint32_t subtotal, discount, shipping, tax;
    bool taken_back;
    int64_t placed_ms; // UTC
};
enum demo_kind { DEMO_PLACED, DEMO_CANCELLED, DEMO_REFUNDED };
struct demo_event {
    enum demo_kind kind;
    struct demo_order order; // as it was placed
    struct demo_order back;  // what of it is taken back
    int64_t created_ms;      // UTC
};

struct demo_orders;
MUST_CHECK struct demo_orders *demo_orders_new(const struct demo_options *options);
void demo_orders_free(struct demo_orders *d);
// The next event, created at created_ms. About 2 % take money back and 1 %
// cancel, always an earlier order of this stream and never one twice.
void demo_orders_draw(struct demo_orders *d, int64_t created_ms, struct demo_event *e);
// The same, appended as one line.
void demo_orders_next(struct demo_orders *d, int64_t created_ms, struct buf *out);
