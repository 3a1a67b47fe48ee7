// SPDX-License-Identifier: MIT
// The cube: one batch's signed deltas, by cell.
//
// 1. An event's (source, state, currency) and each of its products have dense numbers, by
//    dictionaries (cube_dims.c).
// 2. Each table's cell is found by the 64-bit key (table, bucket, number) in a hash table, made if
//    new. The event's measures are added to each (cube_add.c).
//    Those of its group get them together, later (cube_hints.h).
// 3. The store walks the cells, applies them, and the cube is cleared for the next batch.
//
// Dictionaries outlive a batch, so that a store's own keys are found without a look-up; they are
// dropped when they grow past DIMS_MAX (a shop with unbounded sources must not grow memory) or
// after a rollback.
//
// Fails for want of memory in steps 1 and 2: all sums are as they were then.
#include "sums/cube_internal.h"

enum {
    DIMS_MAX = 200000,
    FIRST_CELLS = 1024,
    FIRST_CELL_SLOTS = 4096,
    CELLS_KEEP = 65536, // capacity kept between batches
};

struct cube *cube_new(const struct zone *zone, const struct mem_heap *heap) {
    struct cube *c = heap_zalloc(heap, 1, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    c->heap = heap;
    c->zone = zone;
    c->generation = 1;
    dims_init(&c->groups, heap);
    dims_init(&c->products, heap);
    slots_init(&c->cell_slots);
    return c;
}

static void free_cells(struct cube *c) {
    heap_free(c->heap, c->cells);
    heap_free(c->heap, c->keys);
    slots_free(c->heap, &c->cell_slots);
    c->cells = NULL;
    c->keys = NULL;
    c->n_cells = c->cap_cells = 0;
}

void cube_free(struct cube *c) {
    if (c == NULL) {
        return;
    }
    dims_free(&c->groups);
    dims_free(&c->products);
    free_cells(c);
    heap_free(c->heap, c->hints);
    heap_free(c->heap, c);
}

// --- Cells

static bool grow_cell_slots(struct cube *c, size_t cap) {
    uint32_t n_slots = cap * 2 > FIRST_CELL_SLOTS ? (uint32_t)(cap * 2) : FIRST_CELL_SLOTS;
    if (n_slots <= (size_t)c->cell_slots.mask + 1) {
        return true;
    }
    if (!slots_renew(c->heap, &c->cell_slots, n_slots)) {
        return false;
    }
    for (size_t i = 0; i < c->n_cells; i++) {
        slots_put(&c->cell_slots, hash_u64(c->keys[i]), (uint32_t)i);
    }
    return true;
}

static bool cells_grow(struct cube *c) {
    size_t cap = c->cap_cells > 0 ? c->cap_cells * 2 : FIRST_CELLS;
    struct cube_cell *cells = NULL;
    if (cap <= CUBE_CELLS_LIMIT) {
        cells = heap_realloc(c->heap, c->cells, cap * sizeof *cells);
    }
    if (cells == NULL) {
        return false;
    }
    c->cells = cells;
    uint64_t *keys = heap_realloc(c->heap, c->keys, cap * sizeof *keys);
    if (keys == NULL) {
        return false;
    }
    c->keys = keys;
    if (!grow_cell_slots(c, cap)) {
        return false;
    }
    c->cap_cells = cap;
    return true;
}

// 3 bits of table, 32 of bucket, 29 of dimension: exact, so equal keys are equal cells.
static uint64_t cell_key_of(enum cube_table table, int32_t bucket, uint32_t dim) {
    return (uint64_t)table << 61 | (uint64_t)(uint32_t)bucket << 29 | dim;
}

static inline bool find_cell(const struct cube *c, uint64_t key, uint64_t hash, uint32_t *index) {
    for (uint32_t i = (uint32_t)hash & c->cell_slots.mask; c->cell_slots.at[i] != 0;
         i = (i + 1) & c->cell_slots.mask) {
        *index = c->cell_slots.at[i] - 1;
        if (c->keys[*index] == key) {
            return true;
        }
    }
    return false;
}

bool cube_cell_index(struct cube *c, enum cube_table table, int32_t bucket, uint32_t dim,
                     uint32_t *index) {
    uint64_t key = cell_key_of(table, bucket, dim), hash = hash_u64(key);
    if (find_cell(c, key, hash, index)) {
        return true;
    }
    if (c->n_cells == c->cap_cells && !cells_grow(c)) {
        return false;
    }
    *index = (uint32_t)c->n_cells++;
    c->cells[*index] = (struct cube_cell){.table = (uint8_t)table, .dim = dim, .bucket = bucket};
    c->keys[*index] = key;
    slots_put(&c->cell_slots, hash, *index);
    return true;
}

// The newest went into the slots last: no other cell lies behind it in its run of slots.
void cube_drop_cells(struct cube *c, size_t n_cells) {
    cube_settle(c);
    c->generation += c->n_cells > n_cells;
    while (c->n_cells > n_cells) {
        c->n_cells--;
        uint32_t i = (uint32_t)hash_u64(c->keys[c->n_cells]) & c->cell_slots.mask;
        while (c->cell_slots.at[i] != (uint32_t)c->n_cells + 1) {
            i = (i + 1) & c->cell_slots.mask;
        }
        c->cell_slots.at[i] = 0;
    }
}

void cube_settle(const struct cube *c) {
    struct cube_hints *h = c->hints;
    for (uint32_t i = 0; h != NULL && i < h->n_waiting; i++) {
        path_settle(c, &h->paths[h->waiting[i]]);
    }
    if (h != NULL) {
        h->n_waiting = 0;
    }
}

// --- Cells by their names

struct measures *cube_cell(struct cube *c, enum cube_table table, int32_t bucket,
                           const struct cube_dim *dim) {
    uint32_t n, index;
    cube_settle(c);
    c->bound = CUBE_BOUND_MAX; // what will be written is not known
    bool known = table == CUBE_PRODUCT ? dims_number(&c->products, product_hash(dim), dim, &n)
                                       : dims_number(&c->groups, group_hash(dim), dim, &n);
    return known && cube_cell_index(c, table, bucket, n, &index) ? &c->cells[index].sum : NULL;
}

const struct measures *cube_find(const struct cube *c, enum cube_table table, int32_t bucket,
                                 const struct cube_dim *dim) {
    uint32_t n, index;
    cube_settle(c);
    bool known = table == CUBE_PRODUCT ? dims_find(&c->products, product_hash(dim), dim, &n)
                                       : dims_find(&c->groups, group_hash(dim), dim, &n);
    uint64_t key = known ? cell_key_of(table, bucket, n) : 0;
    return known && find_cell(c, key, hash_u64(key), &index) ? &c->cells[index].sum : NULL;
}

size_t cube_n_cells(const struct cube *c) {
    return c->n_cells;
}

const struct cube_cell *cube_cells(const struct cube *c) {
    cube_settle(c);
    return c->cells;
}

const struct cube_dim *cube_groups(const struct cube *c, uint32_t *n) {
    *n = c->groups.n;
    return c->groups.at;
}

const struct cube_dim *cube_products(const struct cube *c, uint32_t *n) {
    *n = c->products.n;
    return c->products.at;
}

struct cube_dim *cube_group(struct cube *c, uint32_t dim) {
    CHECK(dim < c->groups.n);
    return &c->groups.at[dim];
}

struct cube_dim *cube_product(struct cube *c, uint32_t dim) {
    CHECK(dim < c->products.n);
    return &c->products.at[dim];
}

// --- Between batches

static void clear_cells(struct cube *c) {
    cube_settle(c); // no path may wait for cells that are gone
    if (c->cap_cells > CELLS_KEEP) {
        free_cells(c);
    } else if (c->n_cells * 8 < c->cell_slots.mask) { // few cells: empty just their slots
        for (size_t i = 0; i < c->n_cells; i++) {
            uint32_t slot = (uint32_t)hash_u64(c->keys[i]) & c->cell_slots.mask;
            while (c->cell_slots.at[slot] != 0) {
                c->cell_slots.at[slot] = 0;
                slot = (slot + 1) & c->cell_slots.mask;
            }
        }
    } else if (c->n_cells > 0) {
        memset(c->cell_slots.at, 0, ((size_t)c->cell_slots.mask + 1) * sizeof *c->cell_slots.at);
    }
    c->n_cells = 0;
    c->generation++;
    c->bound = 0;
}

void cube_forget(struct cube *c) {
    clear_cells(c);
    dims_free(&c->groups);
    dims_free(&c->products);
    heap_free(c->heap, c->hints); // they have numbers of these
    c->hints = NULL;
}

void cube_clear(struct cube *c) {
    clear_cells(c);
    if (c->groups.n > DIMS_MAX || c->products.n > DIMS_MAX) {
        cube_forget(c);
    }
}
