// SPDX-License-Identifier: MIT
// The header of a log's message with which a door hands on an event that it has rejected:
//     salestide-rejected   {"field":"total","code":"negative","message":"..."}
#pragma once
#include "base/buf.h"
#include "order/order.h"

#define REJECTED_HEADER "salestide-rejected"

// The header's value.
void rejected_header_put(struct buf *out, struct text field, struct text code, struct text message);
// The reason in a header's value, which may be any bytes. False: it cannot be read, or is absent.
// Nothing is allocated.
MUST_CHECK bool rejected_header_read(struct text value, struct rejection *why);
