// SPDX-License-Identifier: MIT
// Where an accepted event is counted: its source and state. Pure; the texts that an order gets
// borrow from what they were found in.
#pragma once
#include "order/order.h"
#include "sums/customers.h"

// Where an order came from.
struct origin {
    struct text source, state;
};

// Sets source and state of `o`: those of the order that it takes something back from, where that is
// known (`placed`; NULL: `o` is placed itself, or its order is not known); else the event's own,
// else the customer's (`customers` may be NULL), else "(unknown)".
void origin_resolve(struct order *o, const struct origin *placed,
                    const struct customers *customers);
