// SPDX-License-Identifier: MIT
// Adds up all raw events again, independently of the stored aggregates, into temporary tables of
// the same shape, with the same cube. Inside the caller's transaction; memory is bounded.
#pragma once
#include "order/zone.h"
#include "store/currency.h"
#include "store/sqlite_schema.h"

struct recount {
    int64_t orders, adjustments;    // raw events read
    int64_t gaps;                   // positions that are missing
    int64_t impossible;             // raw events with what no order can have; not added up
    int64_t gross_e4[N_CURRENCIES]; // by currency_number
};

// Fills temp.total_cells, ... (made here) and *out. Floors as in `state`.
MUST_CHECK bool audit_recount(sqlite3 *db, const struct zone *zone,
                              const struct pipeline_state *state, struct recount *out,
                              struct error *err);
