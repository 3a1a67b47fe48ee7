// SPDX-License-Identifier: MIT
// Adds cells up by what a question asks for, as they come in the order of their keys. One thread.
#pragma once
#include "store/sales_reader.h"
#include "store/sqlite/sqlite_util.h"

// What is read, bound: `cells` has the columns cell, the table's measures (of products orders,
// units and total) and, with with_names, product_id and currency, in the order of cell. `names`
// finds source, state and currency of a group ?1, or product_id and currency of a product.
struct sqlite_cells_read {
    sqlite3_stmt *cells, *names;
    bool with_names;
};

// Steps through the cells and hands the sums over, as sales_reader_ops.sales; filters by source,
// state and currency are held here. *failed: a step failed, and the connection tells why; else err
// is set when it is false.
MUST_CHECK bool sqlite_fold_cells(const struct sqlite_cells_read *read, const struct sales_query *q,
                                  sales_row_fn each, void *user, bool *failed, struct error *err);
