// SPDX-License-Identifier: MIT
// Customers by id, for an order's source and state. Immutable once loaded: a reload makes a new one
// and the engine swaps it between two batches, so a change affects later orders only.
#pragma once
#include "base/error.h"
#include "order/order.h"

struct customers;
struct customer {
    struct text source, state; // absent when the file has none
};

// Reads a CSV with a header row: customer_id, source, state in any order, other columns ignored. An
// id that comes twice: the last row holds. On failure nothing is kept and `err` names file and row.
MUST_CHECK bool customers_load(const char *path, struct customers **out, struct error *err);
void customers_free(struct customers *c); // NULL is fine
// NULL when the id is not known (or `c` is NULL). Borrowed from `c`.
const struct customer *customers_find(const struct customers *c, struct ident customer_id);
size_t customers_count(const struct customers *c);
