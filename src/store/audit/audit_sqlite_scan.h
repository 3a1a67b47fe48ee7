// SPDX-License-Identifier: MIT
// Adds up all raw events of a data directory again into temporary tables of the same shape as the
// stored ones. Inside the caller's transaction; memory is bounded.
#pragma once
#include "order/zone.h"
#include "store/audit/audit_recount.h"
#include "store/sqlite/sqlite_schema.h"

// Fills temp.total_cells, ... (made here) and *out. Floors as in `state`. *gaps: positions that are
// missing.
MUST_CHECK bool audit_sqlite_scan(sqlite3 *db, const struct zone *zone,
                                  const struct pipeline_state *state, struct recount *out,
                                  int64_t *gaps, struct error *err);
