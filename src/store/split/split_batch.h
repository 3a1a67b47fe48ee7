// SPDX-License-Identifier: MIT
// What a batch over a log gathers for the aggregates' transaction beside the cube: rejected events,
// the newest orders and what was taken back of orders, gross sums. Everything is copied, since a
// log's submissions are given back as they are judged: at once, or (orders) when that is told.
// Memory is the heap's and may be refused: the batch has failed then. One thread.
#pragma once
#include "base/arena.h"
#include "store/aggregates.h"
#include "sums/currency.h"

enum { SPLIT_RECENT_MAX = 1000 };

struct recent_event; // a copy that owns its texts
struct recent_order; // borrowed

// The newest of what was ever put into it.
struct split_newest {
    struct recent_event *ring; // SPLIT_RECENT_MAX; NULL until there is one
    size_t n;                  // ever put into the ring
    struct stored_event *list; // of fill
};

// Orders that are not copied yet: most of those are not among the newest by the time.
struct split_borrowed {
    struct recent_order *ring; // SPLIT_RECENT_MAX; NULL until there is one
    size_t n;                  // put into the ring since all were copied
};

struct split_batch {
    struct arena arena; // of rejected events; its heap is used for all
    struct rejected_event *rejected;
    size_t n_rejected, cap_rejected;
    struct split_newest orders, changes; // changes: cancellations and refunds
    struct split_borrowed borrowed;
    int64_t *gross_e4;         // by currency_number, of this batch
    struct gross_delta *gross; // those that are not 0, their sums as of fill
    size_t n_gross, cap_gross;
};

// What an event adds to gross sums, and in which currency.
struct split_gross {
    int32_t currency; // currency_number
    int64_t e4;
};
static inline struct split_gross split_gross_of(const struct order *o) {
    return (struct split_gross){currency_number(o->currency), currency_gross_of(o)};
}

// False when memory is refused: nothing is owned then. `heap` is borrowed.
MUST_CHECK bool split_batch_init(struct split_batch *b, const struct mem_heap *heap);
void split_batch_free(struct split_batch *b);
void split_batch_clear(struct split_batch *b);

// Whether the sums of the event's currency stay far enough below 2^63: stored_e4 are those of the
// aggregates, to which other processes may be adding at the same time. `before`: a batch that is
// not in them yet and comes before this one; NULL: none.
bool split_batch_fits(const struct split_batch *b, const struct split_batch *before,
                      const int64_t *stored_e4, const struct split_gross *gross);
// Likewise, of the gross sum of a whole batch.
bool split_gross_fits(int64_t stored_e4, int64_t batch_e4);
// The gross sum of an accepted event. False when memory is refused.
MUST_CHECK bool split_batch_add(struct split_batch *b, const struct split_gross *gross);
// An accepted placed order, which may be among the newest. It is borrowed, with its texts as they
// are now, until split_batch_own. False when memory is refused.
MUST_CHECK bool split_batch_add_order(struct split_batch *b, const struct order *o,
                                      const struct stamp *at);
// What was borrowed is copied, if it still matters. False when memory is refused.
MUST_CHECK bool split_batch_own(struct split_batch *b);
// Likewise an accepted cancellation or refund, copied at once. False when memory is refused.
MUST_CHECK bool split_batch_add_change(struct split_batch *b, const struct stored_event *event);
// False when memory is refused.
MUST_CHECK bool split_batch_add_rejected(struct split_batch *b, const struct event *e,
                                         int32_t partition, bool refused);
// Sets rejected, recent, changes and gross of `out`, which borrows them until the next call here.
// All is owned.
void split_batch_fill(struct split_batch *b, struct aggregates_batch *out);

// A copy of an event whose texts lie one after the other in `at`, which has split_event_bytes; its
// items are in items_json alone.
size_t split_event_bytes(const struct stored_event *event);
void split_event_copy(const struct stored_event *event, char *at, struct stored_event *out);
