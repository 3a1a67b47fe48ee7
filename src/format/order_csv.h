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
    ORDER_CSV_LEFT_OUT, // by --skip, all of it
};

// The events that one row, or the rows of one order, come to: first what was placed (of return
// lines alone: what came back), then what was taken back of it.
enum order_csv_part { CSV_THE_ORDER, CSV_ITS_CANCELLATION, CSV_ITS_REFUND, CSV_ITS_RETURN };

// What one row, or the rows of one order, came to.
struct order_csv_event {
    struct order order;
    struct rejection why;   // when rejected
    struct text raw;        // the row's text, of several rows joined by line feeds; in the arena
    int64_t line;           // of the row that is at fault, else of the first
    struct text created_at; // its spelling in the file; in the arena
    bool names_currency;    // the file gives the currency; else it is the shop's
    size_t n_left_out;      // rows, by --skip
    uint32_t also;          // of CSV_THE_ORDER: a bit for each further part, in this order
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
// A further part of the same row or group, one of `also`.
MUST_CHECK enum order_csv_result order_csv_row_part(struct order_csv *c, const struct csv_row *row,
                                                    enum order_csv_part part, struct arena *arena,
                                                    struct order_csv_event *out);
MUST_CHECK enum order_csv_result order_csv_group_part(struct order_csv *c,
                                                      const struct csv_group *group,
                                                      enum order_csv_part part, struct arena *arena,
                                                      struct order_csv_event *out);
