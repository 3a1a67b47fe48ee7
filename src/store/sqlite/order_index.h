// SPDX-License-Identifier: MIT
// Which order ids are known, and at which position of order_rows: exact, for ever, and fast with
// random ids too. See order_index.c for how. The judging thread calls all but
// order_index_displace, order_index_write and order_index_find_waiting.
#pragma once
#include "store/sqlite/sqlite_util.h"
#include "store/sqlite/waiting_ids.h"

struct order_index;

// A slot: where an identifier lives in the index. Integers are their own slot (>= 0); a text's
// first slot is its hash (< 0), and order_index_next_slot gives the ones to try when it is taken by
// another.
int64_t order_index_slot(struct ident order_id);
int64_t order_index_next_slot(int64_t slot);

// For tests: fewer bits of hash make collisions; 63 is the normal case.
void order_index_set_hash_bits(int bits);
// For tests: shorter runs, with smaller blocks, and a smaller first filter, so that few ids go all
// the way; 0 is the normal case.
void order_index_set_sizes(size_t run_shortest, size_t bloom_smallest);

// Reads back the ids of rows at `indexed_below` and after. `directory`/`vfs`: for the background
// connection that fills the filter. NULL and `err` on failure. Borrows `db`.
MUST_CHECK struct order_index *order_index_open(sqlite3 *db, const char *directory, const char *vfs,
                                                int64_t indexed_below, struct error *err);
void order_index_close(struct order_index *ix); // waits for its thread; NULL is fine

void order_index_prefetch(const struct order_index *ix, int64_t slot);
// *position: of the row at this slot, 0 when the slot is free. False: only the runs know
// (order_lookup_find), through a connection that sees all committed batches but perhaps the newest,
// which may still be on its way.
MUST_CHECK bool order_index_find(const struct order_index *ix, int64_t slot, int64_t *position);
// The slot is free and becomes this row's; positions come in increasing order.
MUST_CHECK enum store_result order_index_add(struct order_index *ix, int64_t slot, int64_t position,
                                             struct error *err);

// What a batch does for the index: a stretch of waiting ids that it writes into their run, and how
// much it merges.
struct index_stretch {
    const struct extent *at; // of the index, until its next plan
    size_t n;
    bool ends;             // the run comes into use
    int64_t indexed_below; // the new value to store
    size_t n_merged;
};
// When a batch has been judged and the one before it is committed: what it will write, in
// proportion to the ids added since the last call.
void order_index_plan(struct order_index *ix, struct index_stretch *out);
// Inside that batch's transaction, on whichever thread has the writing connection; others may find
// and add meanwhile.
MUST_CHECK enum store_result
order_index_write(struct order_index *ix, const struct index_stretch *stretch, struct error *err);
// Likewise: the text at this position is not at its first slot.
MUST_CHECK enum store_result order_index_displace(struct order_index *ix, int64_t slot,
                                                  int64_t position, struct error *err);
// Inside a transaction (orderly shutdown): writes everything, but for a few ids where there are
// many runs already.
MUST_CHECK enum store_result order_index_drain_all(struct order_index *ix, int64_t *indexed_below,
                                                   struct error *err);

// For readers on other threads: position of an id that may be in no run yet; 0 when not waiting.
int64_t order_index_find_waiting(struct order_index *ix, int64_t slot);
