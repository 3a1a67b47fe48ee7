// SPDX-License-Identifier: MIT
// The parts of `verify` and `rebuild` that deal with raw rows that are damaged or gone.
#pragma once
#include "store/sqlite/sqlite_util.h"

enum { DAMAGE_BYTES = 256 };

// What is wrong with the file itself or the rows of the raw tables, in words; "": nothing was
// found. Inside the caller's transaction. False: it could not be looked at.
MUST_CHECK bool audit_sqlite_damage(sqlite3 *db, char out[static DAMAGE_BYTES], struct error *err);
// Inside the caller's transaction: makes the raw events that are there (n_events of them) all there
// ever were. Positions close up, the counts forget those that are gone, and the next start of a
// writer indexes all order ids anew, so that a lost order may be sent again.
MUST_CHECK bool audit_sqlite_accept_loss(sqlite3 *db, int64_t n_events, struct error *err);
