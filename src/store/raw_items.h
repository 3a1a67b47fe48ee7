// SPDX-License-Identifier: MIT
// The items of a raw row: the canonical JSON text that order_set_items wrote, read back.
#pragma once
#include "base/arena.h"
#include "order/order.h"

// Parses o->items_json (present) into `arena`: sets items and n_items. False when memory is refused
// or the text is not such a text.
MUST_CHECK bool raw_items_read(struct order *o, struct arena *arena);
