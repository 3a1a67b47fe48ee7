// SPDX-License-Identifier: MIT
// Rows of one order brought together, wherever they stand in a file (--group-by order_id). The file
// is read twice: the first pass counts the rows of each order, the second hands an order over when
// its last row has come. So no order is ever built from a part of its rows, and only orders whose
// rows lie apart wait in memory. One owner at a time.
#pragma once
#include "base/error.h"
#include "format/csv.h"
#include "format/csv_fields.h"

struct csv_line {
    int64_t line;
    struct text raw;
};

// All rows of one order.
struct csv_group {
    const struct csv_line *lines; // the first ORDER_ITEMS_MAX + 1 of them
    size_t n_lines;
    const char *problem;  // why it must be rejected as a whole; NULL: it may be an order
    int64_t problem_line; // of the row that is to blame; 0: not known
};

struct csv_groups;
// Borrows both. NULL when memory is refused.
MUST_CHECK struct csv_groups *csv_groups_new(const struct csv_binding *binding,
                                             const struct mem_heap *heap);
void csv_groups_free(struct csv_groups *g); // NULL is fine

// First pass: every row of the file, good or bad. False: out of memory.
MUST_CHECK bool csv_groups_count(struct csv_groups *g, const struct csv_row *row,
                                 struct error *err);
// Between the passes.
void csv_groups_counted(struct csv_groups *g);

enum csv_group_step {
    GROUP_WAITS, // more rows of this order are to come
    GROUP_READY, // *out is an order; it lives until the next call
    GROUP_NONE,  // the row has no order_id: it is an event of its own
    GROUP_FAILED // err: out of memory, or the file is not the one that was counted
};
// Second pass: the same rows again.
MUST_CHECK enum csv_group_step csv_groups_add(struct csv_groups *g, const struct csv_row *row,
                                              struct csv_group *out, struct error *err);
size_t csv_groups_waiting(const struct csv_groups *g); // orders begun and not handed over
