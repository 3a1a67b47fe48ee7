// SPDX-License-Identifier: MIT
// Cancellations and refunds that take back more than was sold, or of orders that are not known:
// counted by kind, with the ids of the newest orders. In the transaction of the batch. One thread.
#pragma once
#include "engine/store.h"
#include <sqlite3.h>

// order_doubts, where it is not there yet.
MUST_CHECK bool sqlite_doubts_make(sqlite3 *db, struct error *err);
// What was counted.
MUST_CHECK bool sqlite_doubts_read(sqlite3 *db, struct store_doubt out[static ORDER_DOUBT_KINDS],
                                   struct error *err);

// Statements of a writer. Zeroed: none.
struct sqlite_doubts {
    sqlite3_stmt *add, *drop;
};
MUST_CHECK bool sqlite_doubts_open(sqlite3 *db, struct sqlite_doubts *d, struct error *err);
void sqlite_doubts_close(struct sqlite_doubts *d);
// In the transaction of a batch. False: the database failed.
MUST_CHECK bool sqlite_doubts_add(struct sqlite_doubts *d, int kind, struct ident order_id);
