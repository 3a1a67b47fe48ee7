// SPDX-License-Identifier: MIT
// Whether the text of a rejected event names a customer. Such a text may be anything: JSON of an
// order, JSON that ends in the middle, lines of CSV whose header is not there.
#pragma once
#include "order/order.h"

// In doubt it does. Of JSON a text id counts wherever it stands as a word, an integer behind a key
// with "customer" in it, or as the first member, id, of such an object; of anything else either
// counts wherever it is a word. Nothing is allocated.
bool customer_named(struct text event, struct ident customer);
