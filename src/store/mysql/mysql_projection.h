// SPDX-License-Identifier: MIT
// total_sales_by_source_state: the table that dashboards of this kind of pipeline already read. A
// projection of sales_totals in the shop's currency: its rows are set from the exact totals, in the
// same transaction, and never added to, so that no rounding ever adds up.
#pragma once
#include "engine/store.h"
#include "store/mysql/mysql_cells.h"
#include "store/mysql/mysql_projection_plan.h"

struct projection;
// Looks at the table that is there and decides how to write into it. `tell`: logs what its types
// lose. ERROR_USAGE: it cannot be used, and what to do. Free it with projection_free.
MUST_CHECK bool projection_bind(struct mysql_connection *c, const char *currency, bool tell,
                                struct projection **out, struct error *err);
void projection_free(struct projection *p); // NULL is fine

// Sets the rows of the groups that the sorted cells touch, after the cells were applied. The caller
// holds the lock on pipeline_state: one writer at a time. Keeps in store_id of the cube's groups
// what it knows about their rows.
MUST_CHECK bool projection_set(struct projection *p, struct mysql_connection *c,
                               const struct mysql_cells *cells, struct cube *cube,
                               const struct batch_summary *summary, struct buf *sql,
                               struct error *err);
