// SPDX-License-Identifier: MIT
// What a cube is made of. Inside src/sums only.
#pragma once
#include "base/arena.h"
#include "base/check.h"
#include "base/hash.h"
#include "sums/cube.h"
#include "sums/cube_hints.h"

enum {
    CUBE_N_MEASURES = sizeof(struct measures) / sizeof(int64_t),
    CUBE_DIMS_LIMIT = 1 << 29,  // 29 bits of a cell's key
    CUBE_CELLS_LIMIT = 1 << 30, // twice as many slots fit into 32 bits
};

// Open addressing from a hash to an index + 1 (0: empty slot), a power of two in size. Without
// memory of its own (mask 0) there is one slot, which is empty and is never put into.
struct slots {
    uint32_t *at;
    uint32_t mask;
};
void slots_init(struct slots *s); // without memory
void slots_free(const struct mem_heap *heap, struct slots *s);
// n_slots empty ones instead of those that were; false: they are as they were.
MUST_CHECK bool slots_renew(const struct mem_heap *heap, struct slots *s, uint32_t n_slots);
static inline void slots_put(struct slots *s, uint64_t hash, uint32_t index) {
    uint32_t i = (uint32_t)hash & s->mask;
    while (s->at[i] != 0) {
        i = (i + 1) & s->mask;
    }
    s->at[i] = index + 1;
}

// A dictionary: dimension values and their numbers.
struct dims {
    struct cube_dim *at;
    uint64_t *hashes;
    uint32_t n, cap;
    struct slots slots;
    struct arena texts; // of all values; its heap is used for all
};
void dims_init(struct dims *d, const struct mem_heap *heap);
void dims_free(struct dims *d);
// Adds a value that is not there; its texts are copied. False when memory is refused: nothing has
// changed then.
MUST_CHECK bool dims_add(struct dims *d, uint64_t hash, const struct cube_dim *value,
                         uint32_t *index);
bool dims_find(const struct dims *d, uint64_t hash, const struct cube_dim *value, uint32_t *index);
MUST_CHECK static inline bool dims_number(struct dims *d, uint64_t hash,
                                          const struct cube_dim *value, uint32_t *index) {
    return dims_find(d, hash, value, index) || dims_add(d, hash, value, index);
}
uint64_t group_hash(const struct cube_dim *group);
uint64_t product_hash(const struct cube_dim *product);

struct cube {
    const struct mem_heap *heap;
    const struct zone *zone;
    struct zone_span day; // of the event before
    struct dims groups, products;
    struct cube_cell *cells;
    uint64_t *keys; // of cells
    size_t n_cells, cap_cells;
    struct slots cell_slots;
    struct cube_hints *hints; // NULL until the first event: parts that are only merged have none
    uint64_t generation;      // 1, and one more whenever cells are taken out
    // No measure of any cell is further from 0: the sum of what all events could move one by. While
    // it stays within CUBE_BOUND_MAX nothing can overflow and nothing is asked cell by cell; from
    // there on, and once others could write into a cell, every addition is.
    uint64_t bound;
};
#define CUBE_BOUND_MAX ((uint64_t)INT64_MAX)

// Whether the cell of this index, which may be any number, is this one.
static inline bool cube_cell_is(const struct cube *c, uint32_t index, enum cube_table table,
                                int32_t bucket, uint32_t dim) {
    return index < c->n_cells && c->cells[index].bucket == bucket && c->cells[index].dim == dim &&
           c->cells[index].table == table;
}
// The index of this cell, made empty when it is new. False when memory is refused: nothing has
// changed then.
MUST_CHECK bool cube_cell_index(struct cube *c, enum cube_table table, int32_t bucket, uint32_t dim,
                                uint32_t *index);
// Takes the newest cells out again, so that n_cells are left.
void cube_drop_cells(struct cube *c, size_t n_cells);

// Adds to the cells what waits in their paths: before they are read, written otherwise, or taken
// out. What is written lies behind the cube's pointers, so a cube that is only read is settled too.
void cube_settle(const struct cube *c);

// Adds where it lies. Wraps; whoever adds knows that it does not, or has asked measures_fit.
static inline void measures_add(struct measures *sum, const struct measures *delta) {
    sum->orders = (int64_t)((uint64_t)sum->orders + (uint64_t)delta->orders);
    sum->units = (int64_t)((uint64_t)sum->units + (uint64_t)delta->units);
    sum->subtotal_e4 = (int64_t)((uint64_t)sum->subtotal_e4 + (uint64_t)delta->subtotal_e4);
    sum->discount_e4 = (int64_t)((uint64_t)sum->discount_e4 + (uint64_t)delta->discount_e4);
    sum->shipping_e4 = (int64_t)((uint64_t)sum->shipping_e4 + (uint64_t)delta->shipping_e4);
    sum->tax_e4 = (int64_t)((uint64_t)sum->tax_e4 + (uint64_t)delta->tax_e4);
    sum->total_e4 = (int64_t)((uint64_t)sum->total_e4 + (uint64_t)delta->total_e4);
    sum->cancelled_orders =
        (int64_t)((uint64_t)sum->cancelled_orders + (uint64_t)delta->cancelled_orders);
    sum->refunds = (int64_t)((uint64_t)sum->refunds + (uint64_t)delta->refunds);
    sum->refunded_total_e4 =
        (int64_t)((uint64_t)sum->refunded_total_e4 + (uint64_t)delta->refunded_total_e4);
}

// Adds to the cells what waits in this path of theirs.
static inline void path_settle(const struct cube *c, struct path_hint *path) {
    for (int k = 0; k < path->n_cells && path->waits; k++) {
        measures_add(&c->cells[path->cells[k]].sum, &path->sum);
    }
    path->sum = (struct measures){0};
    path->waits = false;
}

// Takes back what measures_add has added.
static inline void measures_take_back(struct measures *sum, const struct measures *delta) {
    sum->orders = (int64_t)((uint64_t)sum->orders - (uint64_t)delta->orders);
    sum->units = (int64_t)((uint64_t)sum->units - (uint64_t)delta->units);
    sum->subtotal_e4 = (int64_t)((uint64_t)sum->subtotal_e4 - (uint64_t)delta->subtotal_e4);
    sum->discount_e4 = (int64_t)((uint64_t)sum->discount_e4 - (uint64_t)delta->discount_e4);
    sum->shipping_e4 = (int64_t)((uint64_t)sum->shipping_e4 - (uint64_t)delta->shipping_e4);
    sum->tax_e4 = (int64_t)((uint64_t)sum->tax_e4 - (uint64_t)delta->tax_e4);
    sum->total_e4 = (int64_t)((uint64_t)sum->total_e4 - (uint64_t)delta->total_e4);
    sum->cancelled_orders =
        (int64_t)((uint64_t)sum->cancelled_orders - (uint64_t)delta->cancelled_orders);
    sum->refunds = (int64_t)((uint64_t)sum->refunds - (uint64_t)delta->refunds);
    sum->refunded_total_e4 =
        (int64_t)((uint64_t)sum->refunded_total_e4 - (uint64_t)delta->refunded_total_e4);
}

// Whether no sum would leave 64 bits.
MUST_CHECK static inline bool measures_fit(const struct measures *sum,
                                           const struct measures *delta) {
    int64_t a[CUBE_N_MEASURES], b[CUBE_N_MEASURES], next;
    bool overflow = false;
    memcpy(a, sum, sizeof a);
    memcpy(b, delta, sizeof b);
    for (int i = 0; i < CUBE_N_MEASURES; i++) {
        overflow |= __builtin_add_overflow(a[i], b[i], &next);
    }
    return !overflow;
}
