// SPDX-License-Identifier: MIT
// A shop as the kernel knows it: what all tasks share. Immutable while they use it.
#pragma once
#include "base/heap.h"
#include "kernel/window_kept.h"
#include "order/order.h"
#include "order/zone.h"
#include "sums/customers.h"
#include <salestide/arrow.h>

struct salestide_shop {
    const struct mem_heap *heap; // of it and of all that is made with it; NULL: the process's own
    struct order_rules rules;
    struct zone *zone;
    struct customers *customers; // NULL: none
    int64_t late_limit_ms;       // INT64_MAX: nothing is late
    struct window_kept *kept;    // from one task to the next; the one thing that they change
};

// salestide_shop_new with memory of another heap, which is borrowed: for tests.
MUST_CHECK int32_t shop_new(const struct salestide_shop_options *options,
                            const struct mem_heap *heap, struct salestide_shop **out,
                            struct salestide_error *err);
