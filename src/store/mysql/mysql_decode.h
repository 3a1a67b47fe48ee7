// SPDX-License-Identifier: MIT
// Values of the aggregates' tables as MySQL gives them: texts. Pure.
#pragma once
#include "engine/store.h"
#include "store/mysql/mysql_connection.h"

// A row that was fetched, with the lengths of its columns. Borrowed from the result.
struct mysql_values {
    MYSQL_ROW row;
    const unsigned long *lengths;
};
// The next row; false: there is none, or (of a result that is not fetched whole) the connection
// failed.
MUST_CHECK static inline bool mysql_next(MYSQL_RES *rows, struct mysql_values *out) {
    out->row = mysql_fetch_row(rows);
    out->lengths = out->row != NULL ? mysql_fetch_lengths(rows) : NULL;
    return out->row != NULL;
}

static inline struct text mysql_text_at(const struct mysql_values *v, unsigned i) {
    return mysql_column(v->row, v->lengths, i);
}
static inline int64_t mysql_int_at(const struct mysql_values *v, unsigned i) {
    return mysql_column_int(v->row, i);
}
struct ident mysql_ident_at(const struct mysql_values *v, unsigned i); // absent when NULL
// A decimal; 0 when NULL. False when it does not fit into 64 bits of ten-thousandths.
MUST_CHECK bool mysql_amount_at(const struct mysql_values *v, unsigned i, int64_t *out_e4);
// Measures from column `first` on: of a group (SQL_MEASURES), or orders, units, total of a product.
// False as above.
MUST_CHECK bool mysql_measures_at(const struct mysql_values *v, unsigned first, bool of_product,
                                  struct measures *out);
// The error of those that answer false; answers false.
bool mysql_no_amount(struct error *err);
