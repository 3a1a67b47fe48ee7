// SPDX-License-Identifier: MIT
// Customers by id, for an order's source and state: made of the rows of a batch in memory, or of
// the bytes of a CSV file. Immutable once they are in use: a reload makes a new one and the engine
// swaps it between two batches, so a change affects later orders only.
// (A file by its path: engine/customers_file.h.)
#pragma once
#include "base/error.h"
#include "base/heap.h"
#include "order/order.h"

struct customers;
struct customer {
    struct text source, state; // absent when the file has none
};

void customers_free(struct customers *c); // NULL is fine
// NULL when the id is not known (or `c` is NULL). Borrowed from `c`.
const struct customer *customers_find(const struct customers *c, struct ident customer_id);
size_t customers_count(const struct customers *c);

// --- From rows in memory

// NULL when memory is refused. `heap` is borrowed.
MUST_CHECK struct customers *customers_new(const struct mem_heap *heap);

// Columns of n_rows texts each, all borrowed for the call. `sources` and `states` may be NULL; a
// text that is absent or white space is none.
struct customer_rows {
    size_t n_rows;
    size_t first_row; // the number of the first one in messages, where these are a part of more
    const struct text *ids, *sources, *states;
};
// Adds rows by the rules of order.h, as those of a file are; an id that comes twice: the last row
// holds. Not while other threads look up. False: `err` names the row, from first_row on; those
// before it have been added.
MUST_CHECK bool customers_add(struct customers *c, const struct customer_rows *rows,
                              struct error *err);

// --- From the bytes of a CSV file

// Reads a header row with customer_id, source, state in any order, other columns ignored; then a
// customer a row. An id that comes twice: the last row holds. Bytes go in by chunks.
struct customers_input;
// `name` is the file's in messages; both are borrowed. NULL when memory is refused.
MUST_CHECK struct customers_input *customers_input_new(const char *name,
                                                       const struct mem_heap *heap);
void customers_input_free(struct customers_input *in); // NULL is fine
// Where to put the next bytes, and how many fit (never 0).
MUST_CHECK char *customers_input_room(struct customers_input *in, size_t *n_bytes);
// So many were put there; 0: the file has ended, then *out is the caller's (else it is NULL).
// False: `err` names file and line; nothing more may be fed.
MUST_CHECK bool customers_input_fed(struct customers_input *in, size_t n_bytes,
                                    struct customers **out, struct error *err);
// The same for bytes that are in memory as a whole.
MUST_CHECK bool customers_from_csv(const char *name, struct text bytes, const struct mem_heap *heap,
                                   struct customers **out, struct error *err);
