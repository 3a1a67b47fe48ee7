// SPDX-License-Identifier: MIT
// Inside order_csv: the rows of one order, cut into values, for the event that is made of them
// (order_csv_group.c, order_csv_once.c).
#pragma once
#include "format/order_csv_internal.h"

// The work on one event of an order.
struct csv_assembly {
    struct order_csv *c;
    struct order_builder b;
    enum order_csv_part part;
    const struct csv_line *lines;
    size_t n_lines; // <= ORDER_ITEMS_MAX once they are cut
    struct arena *arena;
    struct order_csv_event *out;
    bool no_memory;
    bool mixed;     // some lines were sold, some came back
    bool came_back; // those that are taken did
    size_t n_rows;  // of c->rows, the lines that are taken
};

// What is known of a line. NO_LINE: left out since the cell is empty that a line has, as in the row
// that sums up an order.
enum { LEFT_OUT = 1, NOT_UTF8 = 2, BELOW_ZERO = 4, NO_LINE = 8 };

static inline struct text *csv_grid_row(struct order_csv *c, size_t row) {
    return c->grid + row * c->binding->n_sources;
}

// The fields that each line has of its own.
#define CSV_LINE_FIELDS                                                                            \
    (1u << FIELD_PRODUCT_ID | 1u << FIELD_QUANTITY | 1u << FIELD_SUBTOTAL | 1u << CSV_UNIT_PRICE)

bool csv_assembly_refused(struct csv_assembly *a); // memory was; always false
// out->raw: the lines joined, in the arena. False: memory was refused.
MUST_CHECK bool csv_join_lines(struct csv_assembly *a);
// Cuts them into the grid, the values as the rules know them, and marks those that --skip leaves
// out and those below zero. False: rejected, or no memory.
MUST_CHECK bool csv_cut_lines(struct csv_assembly *a);
// Sets what the order has once, from the lines that are taken (order_csv_once.c). False: rejected,
// or no memory.
MUST_CHECK bool csv_set_order_fields(struct csv_assembly *a);
// Takes the lines of the part.
void csv_take_lines(struct csv_assembly *a);
