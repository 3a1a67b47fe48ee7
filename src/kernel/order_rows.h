// SPDX-License-Identifier: MIT
// Rows of orders as Arrow columns (include/salestide/arrow.h says which). One owner at a time.
#pragma once
#include "base/heap.h"
#include "kernel/arrow_in.h"
#include "order/order.h"
#include <salestide/arrow.h>

struct order_rows;
// NULL: memory is refused. `heap` is borrowed, also by what is exported.
MUST_CHECK struct order_rows *order_rows_new(const struct mem_heap *heap);
void order_rows_free(struct order_rows *rows); // NULL is fine
// So many rows will come at most: saves growing step by step. Before the first one.
void order_rows_expect(struct order_rows *rows, size_t n);

// One more row; everything is copied. `o`: NULL when the message could not be read as an order,
// else with source and state resolved. `verdict` is a static text; `why`: NULL unless rejected.
// False: the rows can only be freed; order_rows_problem says why.
MUST_CHECK bool order_rows_add(struct order_rows *rows, const struct message *m, int64_t position,
                               const struct order *o, const char *verdict,
                               const struct rejection *why, int64_t arrival_ms, int64_t epoch_us);
// After add has answered false: a static text that says what would not fit; NULL: memory is
// refused.
const char *order_rows_problem(const struct order_rows *rows);
size_t order_rows_count(const struct order_rows *rows);

// Hands the rows over: both structs are filled and the caller's, to be released or moved on by any
// thread, and there are no rows left. False: memory is refused; the structs are untouched and the
// rows as they were.
MUST_CHECK bool order_rows_export(struct order_rows *rows, struct ArrowSchema *schema,
                                  struct ArrowArray *array);
