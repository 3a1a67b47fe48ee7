// SPDX-License-Identifier: MIT
// What `salestide forget` leaves of a customer, the same in every store: raw rows with
// IDENT_FORGOTTEN, kept rejected events with these texts. Rows stay, so that every sum and count
// does.
#pragma once
#include "format/customer_named.h"

#define FORGOTTEN_MESSAGE "the customer of this event was forgotten"
// The text of a rejected event, by its id: it stays JSON, and no two are the same text
// (store/rejected_texts.h).
#define FORGOTTEN_EVENT_FORMAT "{\"forgotten\":%lld}"
enum { FORGOTTEN_EVENT_MAX_BYTES = 48 };

// Whether a rejected event names the customer. Its message quotes values of a text of which the end
// may not be kept; there an integer would be found among amounts.
static inline bool rejected_names(struct text event, struct text message, struct ident customer) {
    return customer_named(event, customer) ||
           (customer.num < 0 && customer_named(message, customer));
}

struct forgotten {
    int64_t orders, adjustments; // raw rows that named the customer
    int64_t recent;              // rows of newest orders beside aggregates
    int64_t rejected;            // rejected events
};
