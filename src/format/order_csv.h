// SPDX-License-Identifier: MIT
// Order events from rows of a CSV file: one row is one order, or (--group-by) one line of an order.
// The rules are order.h's; here is only how a row spells an order.
#pragma once
#include "format/csv.h"
#include "format/csv_fields.h"
#include "format/csv_groups.h"
#include "order/order.h"

enum order_csv_result {
    ORDER_CSV_OK,
    ORDER_CSV_REJECTED, // `why` is filled
    ORDER_CSV_NO_MEMORY,
};

// What one row, or the rows of one order, came to.
struct order_csv_event {
    struct order order;
    struct rejection why;   // when rejected
    struct text raw;        // the row's text, of several rows joined by line feeds; in the arena
    int64_t line;           // of the row that is at fault, else of the first
    struct text created_at; // its spelling in the file; in the arena
    bool names_currency;    // the file gives the currency; else it is the shop's
};

struct order_csv;
// Borrows rules and binding.
MUST_CHECK struct order_csv *order_csv_new(const struct order_rules *rules,
                                           const struct csv_binding *binding,
                                           const struct mem_heap *heap);
void order_csv_free(struct order_csv *c); // NULL is fine

// One row, good or bad. What the event needs of it is copied into `arena`.
MUST_CHECK enum order_csv_result order_csv_row(struct order_csv *c, const struct csv_row *row,
                                               struct arena *arena, struct order_csv_event *out);

// The rows of one order. A group with a problem is rejected as a whole.
MUST_CHECK enum order_csv_result order_csv_group(struct order_csv *c, const struct csv_group *group,
                                                 struct arena *arena, struct order_csv_event *out);
