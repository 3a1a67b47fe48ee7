// SPDX-License-Identifier: MIT
// What judging asks of committed rows, through one connection. One thread at a time.
#pragma once
#include "engine/store.h"
#include "store/sqlite/order_runs.h"

struct sqlite_lookup {
    struct order_lookup ids; // its list is of one snapshot: order_lookup_forget
    sqlite3_stmt *order, *adjustment, *taken;
};
// Prepares the statements; on failure what was prepared stays for close.
MUST_CHECK bool sqlite_lookup_open(sqlite3 *db, struct sqlite_lookup *l, struct error *err);
void sqlite_lookup_close(struct sqlite_lookup *l);

// The placed order at a position. Texts and items are in `arena`. Not there: the file is damaged.
MUST_CHECK enum store_result sqlite_lookup_order(struct sqlite_lookup *l, int64_t position,
                                                 struct arena *arena, struct stored_event *out,
                                                 struct error *err);
// The adjustment with the identity of `o`.
MUST_CHECK enum store_result sqlite_lookup_adjustment(struct sqlite_lookup *l,
                                                      const struct order *o, struct arena *arena,
                                                      struct stored_event *out, bool *found,
                                                      struct error *err);
// What the adjustments at positions before `below` have taken back of an order, in one currency.
MUST_CHECK enum store_result sqlite_lookup_taken(struct sqlite_lookup *l, const struct order *o,
                                                 int64_t below, int64_t *total_e4,
                                                 struct error *err);
