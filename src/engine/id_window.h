// SPDX-License-Identifier: MIT
// The identities of a log's partition within the dedupe window, in memory: 16 bytes each. Known is
// what came, again or for the first time, within window_ms of arrival time before; what is known is
// a pure function of that stretch of the log, so it can be read back from there.
//
// An entry holds 84 bits of the identity's digest and 36 bits of the content's: among 33 million
// identities (512 MiB) two collide with a chance of 3 in 10^11.
//
// Time is the partition's own: the latest arrival seen. It moves in steps of a 100th of the window,
// so an identity is known for at least window_ms and at most 1 % longer.
//
// What a batch adds is undone when the batch fails. One thread.
#pragma once
#include "engine/store.h"
#include "order/order_digest.h"

// Memory that all windows of a process share.
struct id_budget {
    size_t max_bytes, used_bytes;
};

struct id_window;
// Borrows `budget`. Dies when out of memory.
MUST_CHECK struct id_window *id_window_new(int64_t window_ms, struct id_budget *budget);
void id_window_free(struct id_window *w); // NULL is fine

void id_window_prefetch(const struct id_window *w, const struct order_digest *d);
// Asks, and counts as "came again" for what is known. arrival_ms moves the partition's time.
enum known_as id_window_known(struct id_window *w, const struct order_digest *d,
                              int64_t arrival_ms);
// Adds what is not known. When the budget is used up the oldest identities are forgotten.
void id_window_add(struct id_window *w, const struct order_digest *d);

// Adds what is not known and was committed before: it stays whatever becomes of the batch.
void id_window_restore(struct id_window *w, const struct order_digest *d);

// Ends a batch: what it added stays, or is taken out again.
void id_window_keep(struct id_window *w);
void id_window_undo(struct id_window *w);

struct id_window_facts {
    size_t n_ids, bytes;
    int64_t covered_ms; // the window in force: window_ms, or less after the budget was used up
};
struct id_window_facts id_window_facts(const struct id_window *w);
