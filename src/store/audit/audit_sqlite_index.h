// SPDX-License-Identifier: MIT
// The part of `verify` and `rebuild` that holds the index of order ids against the rows it points
// to.
#pragma once
#include "store/sqlite/sqlite_util.h"
#include <stdio.h>

struct audit_index {
    int64_t n_ids;
    int64_t n_wrong;                  // that do not lead from an order id to its row
    int64_t n_damaged, first_damaged; // blocks; the number of one
};
// Inside the caller's transaction.
MUST_CHECK bool audit_sqlite_index(sqlite3 *db, struct audit_index *out, struct error *err);
// Likewise: empties it, so that the next start of a writer makes it anew from the rows.
MUST_CHECK bool audit_sqlite_forget_index(sqlite3 *db, struct error *err);
// Likewise, when it does not lead to the orders before `indexed_below`, and says so in a line.
MUST_CHECK bool audit_sqlite_mend_index(sqlite3 *db, int64_t indexed_below, FILE *out,
                                        struct error *err);
