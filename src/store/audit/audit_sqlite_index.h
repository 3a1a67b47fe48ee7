// SPDX-License-Identifier: MIT
// The part of `verify` that holds order_index against the rows it points to.
#pragma once
#include "store/sqlite/sqlite_util.h"

// *n_wrong: entries that do not lead from an order id to its row. Inside the caller's transaction.
MUST_CHECK bool audit_sqlite_index(sqlite3 *db, int64_t *n_wrong, struct error *err);
