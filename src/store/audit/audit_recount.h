// SPDX-License-Identifier: MIT
// Raw events added up again, one at a time, independently of the stored aggregates: what `verify`
// and `rebuild` of every store share.
#pragma once
#include "engine/store.h"
#include "sums/cube.h"
#include "sums/currency.h"

struct recount {
    int64_t orders, adjustments;    // raw events read
    int64_t impossible;             // of them with what no order can have; not added up
    int64_t gross_e4[N_CURRENCIES]; // by currency_number
};

// Adds a raw event, read from where placed orders are kept (or not), to `cube` and to `r`. Cells
// below the floors are left out. False when memory is refused.
MUST_CHECK bool recount_add(struct recount *r, struct cube *cube, const struct stored_event *event,
                            bool placed, int32_t minute_floor, int32_t hour_floor);
