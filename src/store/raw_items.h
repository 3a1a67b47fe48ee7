// SPDX-License-Identifier: MIT
// The items of a raw row: the canonical JSON text that order_set_items wrote, read back.
#pragma once
#include "base/arena.h"
#include "order/order.h"

enum raw_items {
    RAW_ITEMS_OK,
    RAW_ITEMS_BAD, // the text is not such a text
    RAW_ITEMS_NO_MEMORY,
};
// Parses o->items_json (present) into `arena`: sets items and n_items.
MUST_CHECK enum raw_items raw_items_read(struct order *o, struct arena *arena);
