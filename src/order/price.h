// SPDX-License-Identifier: MIT
// What so many pieces of a price come to. Pure functions, any thread.
#pragma once
#include "order/order.h"

// *out: quantity * price as a decimal text in `arena`, to be read as VALUE_TEXT. `price` is
// trimmed; `field` is its name for messages. False: it is no price, `why` is filled; or *no_memory.
MUST_CHECK bool price_times(struct text price, enum value_kind kind, int64_t quantity,
                            const char *field, struct arena *arena, struct rejection *why,
                            bool *no_memory, struct text *out);
