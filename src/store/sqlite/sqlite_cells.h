// SPDX-License-Identifier: MIT
// Applies a cube's deltas to the cells tables, through the dictionaries of groups and products.
#pragma once
#include "store/sqlite/sqlite_util.h"
#include "sums/cube.h"

struct sqlite_cells;
// Prepares for the tables of `schema` ("main", or "temp" for an audit's second set). Borrows `db`.
MUST_CHECK struct sqlite_cells *sqlite_cells_new(sqlite3 *db, const char *schema,
                                                 struct error *err);
void sqlite_cells_free(struct sqlite_cells *c); // NULL is fine

// The id of a group or product in its dictionary (made if new), kept in dim->store_id.
MUST_CHECK enum store_result sqlite_group_id(struct sqlite_cells *c, struct cube_dim *dim,
                                             struct error *err);
MUST_CHECK enum store_result sqlite_product_id(struct sqlite_cells *c, struct cube_dim *dim,
                                               struct error *err);
// Adds every cell's deltas to its row, in key order.
MUST_CHECK enum store_result sqlite_cells_apply(struct sqlite_cells *c, struct cube *cube,
                                                struct error *err);
// The days whose sums the last apply has changed. Until the next apply.
const int32_t *sqlite_cells_days(const struct sqlite_cells *c, size_t *n);
