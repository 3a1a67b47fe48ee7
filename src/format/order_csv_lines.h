// SPDX-License-Identifier: MIT
// Inside order_csv: the rows of one order, cut into values, for the event that is made of them
// (order_csv_group.c).
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

static inline struct text *csv_grid_row(struct order_csv *c, size_t row) {
    return c->grid + row * c->binding->n_sources;
}

bool csv_assembly_refused(struct csv_assembly *a); // memory was; always false
// out->raw: the lines joined, in the arena. False: memory was refused.
MUST_CHECK bool csv_join_lines(struct csv_assembly *a);
// Cuts them into the grid, the values as the rules know them, and marks those that --skip leaves
// out and those below zero. False: rejected, or no memory.
MUST_CHECK bool csv_cut_lines(struct csv_assembly *a);
// Takes the lines of the part.
void csv_take_lines(struct csv_assembly *a);
