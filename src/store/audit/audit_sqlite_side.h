// SPDX-License-Identifier: MIT
// Which side of a data directory was changed, when its cells and its raw orders differ.
#pragma once
#include "store/audit/audit_laws.h"
#include "store/sqlite/sqlite_schema.h"

// SQL of a sum that wraps, where SQLite's own would fail: stored cells may hold anything.
#define AUDIT_SUM(m)                                                                               \
    "(((sum(" #m " >> 32) + (sum(" #m " & 4294967295) >> 32)) << 32) | (sum(" #m " & 4294967295) " \
    "& 4294967295))"

// After audit_sqlite_scan has filled temp.*_cells from raw orders that are complete. Adds to `w`
// the sums that speak against the raw orders (see laws_witness); none: they are believed.
MUST_CHECK bool audit_sqlite_side(sqlite3 *db, const struct pipeline_state *state,
                                  struct laws_witness *w, struct error *err);
