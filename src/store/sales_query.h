// SPDX-License-Identifier: MIT
// What every reader has to know of a sales question (store/sales_reader.h), whatever its store.
// Pure.
#pragma once
#include "base/arena.h"
#include "store/sales_reader.h"

// ERROR_USAGE for what no store keeps.
MUST_CHECK bool sales_query_check(const struct sales_query *q, struct error *err);
// The error of an answer with more than max_rows; answers false.
bool sales_query_too_long(const struct sales_query *q, struct error *err);

bool sales_query_all_time(const struct sales_query *q); // the totals, no days
// Whether it is about sales by product, which have few measures, whether or not it groups by them.
bool sales_query_of_products(const struct sales_query *q);
enum cube_table sales_query_table(const struct sales_query *q);
// Whether each cell of the table is a row of its own: grouped by everything that the table is by.
bool sales_query_is_cells(const struct sales_query *q);
// Whether all of it is in one bucket of its table.
bool sales_query_is_one_bucket(const struct sales_query *q);

// The order of rows in an answer: bucket, source, state, product (numbers before texts), currency.
int sales_row_compare(const struct sales_row *a, const struct sales_row *b);
int sales_text_compare(struct text a, struct text b); // by bytes
uint64_t sales_row_hash(const struct sales_row *r);   // of what is compared
// Copies its texts; false: no memory, some may be copied.
MUST_CHECK bool sales_row_keep(struct arena *texts, struct sales_row *row);

// Sums wrap: the engine has refused what could push one past 64 bits.
static inline int64_t sales_plus(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a + (uint64_t)b);
}
void sales_sum_add(struct measures *sum, const struct measures *more);
void sales_sum_subtract(struct measures *sum, const struct measures *less);
bool sales_sum_is_zero(const struct measures *sum);
