// SPDX-License-Identifier: MIT
// Digests of an order event, for memories that cannot keep whole events: of its identity (order_id,
// event, event_id) and of its content (what order_same_content compares). Pure.
#pragma once
#include "order/order.h"

struct order_identity {
    uint64_t high, low; // 128 bits of XXH3
};
struct order_digest {
    struct order_identity identity;
    uint64_t content;
};

// Equal for equal identities; a placed order's event_id is no part of it.
struct order_identity order_identity_digest(const struct order *o);
// The identity of the placed order with this id.
struct order_identity order_placed_digest(struct ident order_id);
// Of an event as it came: equal when order_same_content is true.
uint64_t order_content_digest(const struct order *o);
static inline struct order_digest order_digest(const struct order *o) {
    return (struct order_digest){order_identity_digest(o), order_content_digest(o)};
}
