// SPDX-License-Identifier: MIT
// Cells to columns: count the rows, lay all columns into one allocation, the widest first so that
// each is aligned, and fill them in one pass over the cells.
//
// Fails when memory is refused.
#include "sums/cube_columns.h"

#include "sums/cube_internal.h"

_Static_assert((int)CUBE_MEASURES == (int)CUBE_N_MEASURES, "a column for each measure");
_Static_assert(offsetof(struct measures, total_e4) == CUBE_TOTAL_E4 * sizeof(int64_t) &&
                   offsetof(struct measures, refunded_total_e4) ==
                       CUBE_REFUNDED_TOTAL_E4 * sizeof(int64_t),
               "in the order of struct measures");

enum {
    ROW_BYTES =
        CUBE_MEASURES * sizeof(int64_t) + sizeof(int32_t) + sizeof(uint32_t) + sizeof(uint8_t)
};

static bool is_of(const struct cube_cell *cell, unsigned tables) {
    return (tables & CUBE_TABLE_BIT(cell->table)) != 0;
}

static size_t count_rows(const struct cube *c, unsigned tables) {
    size_t n = 0;
    for (size_t i = 0; i < c->n_cells; i++) {
        n += is_of(&c->cells[i], tables);
    }
    return n;
}

bool cube_columns_of(const struct cube *c, unsigned tables, const struct mem_heap *heap,
                     struct cube_columns *out) {
    const size_t n = count_rows(c, tables);
    cube_settle(c);
    int64_t *measures = heap_alloc(heap, n * ROW_BYTES);
    if (measures == NULL) {
        return false;
    }
    int32_t *bucket = (int32_t *)(measures + CUBE_MEASURES * n);
    uint32_t *dim = (uint32_t *)(bucket + n);
    uint8_t *table = (uint8_t *)(dim + n);
    *out = (struct cube_columns){.n_rows = n,
                                 .bucket = bucket,
                                 .dim = dim,
                                 .table = table,
                                 .groups = c->groups.at,
                                 .products = c->products.at,
                                 .n_groups = c->groups.n,
                                 .n_products = c->products.n,
                                 .heap = heap,
                                 .memory = measures};
    for (size_t k = 0; k < CUBE_MEASURES; k++) {
        out->measures[k] = measures + k * n;
    }
    size_t row = 0;
    for (size_t i = 0; i < c->n_cells; i++) {
        const struct cube_cell *cell = &c->cells[i];
        if (!is_of(cell, tables)) {
            continue;
        }
        int64_t of_cell[CUBE_MEASURES];
        memcpy(of_cell, &cell->sum, sizeof of_cell);
        for (size_t k = 0; k < CUBE_MEASURES; k++) {
            measures[k * n + row] = of_cell[k];
        }
        bucket[row] = cell->bucket;
        dim[row] = cell->dim;
        table[row] = cell->table;
        row++;
    }
    return true;
}

void cube_columns_free(struct cube_columns *columns) {
    heap_free(columns->heap, columns->memory);
    *columns = (struct cube_columns){0};
}
