// SPDX-License-Identifier: MIT
// Adds cells up by what a question asks for, as they come in the order of their keys. One thread.
#pragma once
#include "store/sales_reader.h"
#include "store/sqlite/sqlite_util.h"

// Steps through `cells` (columns: cell, the measures, and of products their id and currency; bound,
// in the order of cell) and hands the sums over, as sales_reader_ops.sales. `groups_names` is the
// statement that finds source, state and currency of a group ?1. *failed: a step failed, and the
// connection tells why; else err is set when it is false.
MUST_CHECK bool sqlite_fold_cells(sqlite3_stmt *cells, sqlite3_stmt *groups_names,
                                  const struct sales_query *q, sales_row_fn each, void *user,
                                  bool *failed, struct error *err);
