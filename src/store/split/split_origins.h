// SPDX-License-Identifier: MIT
// Source and state of the placed orders that a batch's cancellations and refunds speak of: from the
// raw store, looked up all at once, and from the batch itself. One thread.
//
// An order counts as known only when it stands before the event in the log: raw rows may already
// hold what comes later (written before a crash), and a judgement must not depend on that.
#pragma once
#include "base/arena.h"
#include "store/raw_store.h"

struct wanted_order;
struct split_origins {
    struct arena arena;          // texts
    struct wanted_order *wanted; // open addressing by identity, n_slots (a power of two) or none
    size_t n, n_slots;
    struct ident *ids; // of those to look up
    size_t n_ids, cap_ids;
    bool unflushed; // the raw store was given rows since its last flush
    bool failed;    // memory was refused while answers came in
};

void split_origins_clear(struct split_origins *s);
void split_origins_free(struct split_origins *s);
// Notes an order to look up, whose id is borrowed until then. False when memory is refused.
MUST_CHECK bool split_origins_want(struct split_origins *s, struct ident order_id);
// Looks up all that were noted; unless OK they are to be noted again, after a clear.
MUST_CHECK enum store_result split_origins_look_up(struct split_origins *s, struct raw_store *raw,
                                                   struct error *err);
// Both, for what the events of these submissions need and was not looked up in this batch.
MUST_CHECK enum store_result split_origins_prepare(struct split_origins *s, struct raw_store *raw,
                                                   const struct submission *list,
                                                   struct error *err);
// An event was accepted by the batch. False when memory is refused.
MUST_CHECK bool split_origins_added(struct split_origins *s, const struct stored_event *event,
                                    const struct order_digest *digest);
// Borrowed until the next prepare or clear.
bool split_origins_find(const struct split_origins *s, struct ident order_id, int64_t position,
                        struct origin *out);
