// SPDX-License-Identifier: MIT
// Applies a cube's deltas to the tables of aggregates, in an order that is the same for every
// instance, so that two that touch the same cells wait for each other instead of deadlocking.
#pragma once
#include "store/mysql/mysql_rows.h"
#include "sums/cube.h"

struct mysql_cells;
MUST_CHECK struct mysql_cells *mysql_cells_new(void);
void mysql_cells_free(struct mysql_cells *s); // NULL is fine

// Sorts the cube's cells by table, bucket and the bytes of their texts; those below the floors are
// left out. Pure. The order borrows from the cube.
void mysql_cells_sort(struct mysql_cells *s, struct cube *cube, int32_t minute_floor,
                      int32_t hour_floor);
size_t mysql_cells_n(const struct mysql_cells *s);
const struct cube_cell *mysql_cells_at(const struct mysql_cells *s, size_t i);

// Adds each sorted cell's deltas to its row, made if new.
MUST_CHECK bool mysql_cells_apply(const struct mysql_cells *s, struct mysql_connection *c,
                                  struct cube *cube, struct buf *sql, struct error *err);
