// SPDX-License-Identifier: MIT
// Partial sums of one whole brought together: what parallel workers have added up.
//
// 1. The other cube's dimensions get numbers in this one.
// 2. Each of its cells is found here, made if new.
// 3. Once all are there, their measures are added.
//
// Fails for want of memory in 1 and 2, or in 3 when a sum would leave 64 bits: then what was added
// is taken back, and the new cells go.
#include "sums/cube_internal.h"

// Where the other cube's numbers are in this one. One allocation.
struct merging {
    uint32_t *groups, *products; // by number there
    uint32_t *cells;             // by index there
};

static bool map_dims(struct dims *into, const struct dims *from, uint32_t *map) {
    for (uint32_t i = 0; i < from->n; i++) {
        if (!dims_number(into, from->hashes[i], &from->at[i], &map[i])) {
            return false;
        }
    }
    return true;
}

static bool map_cells(struct cube *into, const struct cube *from, struct merging *m) {
    if (!map_dims(&into->groups, &from->groups, m->groups) ||
        !map_dims(&into->products, &from->products, m->products)) {
        return false;
    }
    for (size_t i = 0; i < from->n_cells; i++) {
        const struct cube_cell *cell = &from->cells[i];
        uint32_t dim = cell->table == CUBE_PRODUCT ? m->products[cell->dim] : m->groups[cell->dim];
        if (!cube_cell_index(into, cell->table, cell->bucket, dim, &m->cells[i])) {
            return false;
        }
    }
    return true;
}

static bool add_cells(struct cube *into, const struct cube *from, const struct merging *m) {
    bool surely = into->bound + from->bound <= CUBE_BOUND_MAX;
    for (size_t i = 0; i < from->n_cells; i++) {
        struct measures *sum = &into->cells[m->cells[i]].sum;
        if (LIKELY(surely || measures_fit(sum, &from->cells[i].sum))) {
            measures_add(sum, &from->cells[i].sum);
            continue;
        }
        while (i-- > 0) {
            measures_take_back(&into->cells[m->cells[i]].sum, &from->cells[i].sum);
        }
        return false;
    }
    into->bound = surely ? into->bound + from->bound : CUBE_BOUND_MAX;
    return true;
}

enum cube_result cube_merge(struct cube *into, const struct cube *from) {
    CHECK(into != from);
    cube_settle(into);
    cube_settle(from);
    const size_t n_cells = into->n_cells;
    const size_t n_dims = (size_t)from->groups.n + from->products.n;
    uint32_t *maps = heap_alloc(into->heap, (n_dims + from->n_cells) * sizeof *maps);
    if (maps == NULL) {
        return CUBE_NO_MEMORY;
    }
    struct merging m = {maps, maps + from->groups.n, maps + n_dims};
    enum cube_result result = !map_cells(into, from, &m)   ? CUBE_NO_MEMORY
                              : !add_cells(into, from, &m) ? CUBE_OVERFLOW
                                                           : CUBE_OK;
    if (result != CUBE_OK) {
        cube_drop_cells(into, n_cells);
    }
    heap_free(into->heap, maps);
    return result;
}
