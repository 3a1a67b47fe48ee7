// SPDX-License-Identifier: MIT
// A cube seen as columns: what a columnar format (Arrow) takes. Texts are not copied: a row has the
// number of its dimension, and the dimensions are the dictionary. Numbers are copied once, into one
// allocation, from the cells in which they lie together for the sake of adding.
#pragma once
#include "sums/cube.h"

// In the order of struct measures.
enum cube_measure {
    CUBE_ORDERS,
    CUBE_UNITS,
    CUBE_SUBTOTAL_E4,
    CUBE_DISCOUNT_E4,
    CUBE_SHIPPING_E4,
    CUBE_TAX_E4,
    CUBE_TOTAL_E4,
    CUBE_CANCELLED_ORDERS,
    CUBE_REFUNDS,
    CUBE_REFUNDED_TOTAL_E4,
    CUBE_MEASURES,
};

#define CUBE_TABLE_BIT(table) (1U << (table))

struct cube_columns {
    size_t n_rows; // cells, in order of their making
    // n_rows each; 8-byte aligned
    const int64_t *measures[CUBE_MEASURES]; // of products only orders, units and total are not 0
    const int32_t *bucket;
    const uint32_t *dim;  // number of a group; of a CUBE_PRODUCT row, of a product
    const uint8_t *table; // enum cube_table

    // Borrowed from the cube.
    const struct cube_dim *groups, *products;
    uint32_t n_groups, n_products;

    const struct mem_heap *heap; // of the one allocation, which `memory` is
    void *memory;
};

// The cells of some tables (CUBE_TABLE_BIT). Valid until the cube is changed or freed; the numbers
// live until cube_columns_free. False when memory is refused: nothing is owned then.
MUST_CHECK bool cube_columns_of(const struct cube *c, unsigned tables, const struct mem_heap *heap,
                                struct cube_columns *out);
void cube_columns_free(struct cube_columns *columns);
