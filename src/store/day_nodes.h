// SPDX-License-Identifier: MIT
// The sums of a range of days as nodes (day_cache.h) that are right in the store's snapshot: those
// that are kept, and for the others the store is asked.
#pragma once
#include "store/day_cache.h"

// One question. The first five are the caller's, the rest is zeroed.
struct day_nodes {
    struct sales_reader *inner;  // in a snapshot; it knows day_changes
    struct day_cache *cache;     // entered
    const struct sales_query *q; // of its days, at least one; BUCKET_DAY: single days are wanted
    enum day_kind kind;
    bool give_up; // out: there is no answer this way, though nothing is wrong with the store

    const struct day_node **held; // in order of days
    size_t n_held;
    uint64_t *marks;   // [i]: of the days from q->from on, below q->from + i
    uint64_t all_days; // a mark of all days, in each
};

// False: the store's error. What is held is let go in any case.
MUST_CHECK bool day_nodes_get(struct day_nodes *a, struct error *err);
void day_nodes_let_go(struct day_nodes *a);
