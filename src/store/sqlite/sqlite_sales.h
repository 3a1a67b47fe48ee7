// SPDX-License-Identifier: MIT
// Sums of sales from a store's cells: the questions of sqlite_reader.c that are about them.
#pragma once
#include "base/buf.h"
#include "store/sales_reader.h"
#include "store/sqlite/sqlite_util.h"

// How cells are read: by themselves, each with its product's names, those of named products, or
// those of sources and states.
enum sqlite_cells_form {
    CELLS_ALONE,
    CELLS_WITH_NAMES,
    CELLS_OF_NAMED,
    CELLS_OF_GROUPS,
    CELLS_FORMS
};

// A reader's statements, made at their first use. A zeroed struct is valid: none yet.
struct sqlite_sales {
    sqlite3_stmt *cells[CUBE_TABLES][CELLS_FORMS];
    sqlite3_stmt *groups_names, *products_names, *day_changes;
    struct buf filters[2]; // scratch, bound while a statement runs
};
void sqlite_sales_close(struct sqlite_sales *s);

// As sales_reader_ops.day_changes; *failed as below.
MUST_CHECK bool sqlite_sales_day_changes(struct sqlite_sales *s, sqlite3 *db, int32_t from,
                                         int32_t to, day_change_fn each, void *user, bool *complete,
                                         bool *failed, struct error *err);

// As sales_reader_ops.sales. *failed: a step or the preparing failed, and the connection tells why;
// else err is set when it is false.
MUST_CHECK bool sqlite_sales_ask(struct sqlite_sales *s, sqlite3 *db, const struct sales_query *q,
                                 sales_row_fn each, void *user, bool *failed, struct error *err);
