// SPDX-License-Identifier: MIT
// An order as JSON, as POST /v1/orders takes it: reading it back gives the same order. Pure.
#pragma once
#include "base/buf.h"
#include "order/order.h"

struct order_spelling {
    struct text created_at; // written as it is; absent: from created_ms, in UTC
    bool no_currency;       // leave it out: the reader's default
};
// One line, without a line end. `how` may be NULL.
void order_write(struct buf *out, const struct order *o, const struct order_spelling *how);
