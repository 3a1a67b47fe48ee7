// SPDX-License-Identifier: MIT
// The cube: one batch's signed deltas, by cell.
//
// 1. An event's (source, state, currency) is looked up in the dictionary of groups, each of its
//    products in the dictionary of products: dense numbers (cube_dims.c).
// 2. Each table's cell is found by the 64-bit key (table, bucket, number) in a hash table, made if
//    new.
// 3. Once all cells are there the event's signed measures are added to each.
// 4. The store walks the cells, applies them, and the cube is cleared for the next batch.
//
// Dictionaries outlive a batch, so that a store's own keys are found without a look-up; they are
// dropped when they grow past DIMS_MAX (a shop with unbounded sources must not grow memory) or
// after a rollback.
//
// Fails for want of memory in steps 1 and 2, or in 3 when a sum would leave 64 bits: then what was
// added is taken back, the new cells go, and all sums are as they were.
#include "sums/cube_internal.h"

enum {
    DIMS_MAX = 200000,
    FIRST_CELLS = 1024,
    FIRST_CELL_SLOTS = 4096,
    CELLS_KEEP = 65536,                            // capacity kept between batches
    PARTS_MAX = CUBE_TABLES - 1 + ORDER_ITEMS_MAX, // cells that one event touches
    MINUTE_MS = 60 * 1000,
    HOUR_MS = 60 * MINUTE_MS,
};

struct cube *cube_new(const struct zone *zone, const struct mem_heap *heap) {
    struct cube *c = heap_zalloc(heap, 1, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    c->heap = heap;
    c->zone = zone;
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
    heap_free(c->heap, c);
}

// --- Numbers of dimensions

static bool group_number(struct cube *c, const struct order *o, uint32_t *number) {
    struct cube_dim value = {.source = o->source, .state = o->state, .product_id = IDENT_NONE};
    memcpy(value.currency, o->currency, 4);
    return dims_number(&c->groups, group_hash(&value), &value, number);
}

static bool product_number(struct cube *c, struct ident product_id, const char *currency,
                           uint32_t *number) {
    struct cube_dim value = {.product_id = product_id};
    memcpy(value.currency, currency, 4);
    return dims_number(&c->products, product_hash(&value), &value, number);
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
    while (c->n_cells > n_cells) {
        c->n_cells--;
        uint32_t i = (uint32_t)hash_u64(c->keys[c->n_cells]) & c->cell_slots.mask;
        while (c->cell_slots.at[i] != (uint32_t)c->n_cells + 1) {
            i = (i + 1) & c->cell_slots.mask;
        }
        c->cell_slots.at[i] = 0;
    }
}

// --- Adding an event

static struct measures measures_of(const struct order *o) {
    int64_t sign = o->kind == ORDER_PLACED ? 1 : -1;
    return (struct measures){
        .orders = o->kind == ORDER_PLACED      ? 1
                  : o->kind == ORDER_CANCELLED ? -1
                                               : 0,
        .units = sign * o->quantity,
        .subtotal_e4 = sign * o->subtotal_e4,
        .discount_e4 = sign * o->discount_e4,
        .shipping_e4 = sign * o->shipping_e4,
        .tax_e4 = sign * o->tax_e4,
        .total_e4 = sign * o->total_e4,
        .cancelled_orders = o->kind == ORDER_CANCELLED,
        .refunds = o->kind == ORDER_REFUNDED,
        .refunded_total_e4 = o->kind == ORDER_REFUNDED ? o->total_e4 : 0,
    };
}

// True when an earlier line of the order has the same product: the order counts once per product.
static bool product_seen(const struct order *o, uint32_t line) {
    for (uint32_t i = 0; i < line; i++) {
        if (ident_equal(o->items[i].product_id, o->items[line].product_id)) {
            return true;
        }
    }
    return false;
}

// One event on its way: the cells that it touches and what it adds.
struct adding {
    const struct order *o;
    struct measures delta;
    uint32_t n_tables;         // cells[0 .. n_tables - 1] take `delta`, the others a product's part
    uint32_t n_parts;          // of cells
    uint32_t cells[PARTS_MAX]; // indexes
};

static bool find_part(struct cube *c, struct adding *a, enum cube_table table, int32_t bucket,
                      uint32_t dim) {
    return cube_cell_index(c, table, bucket, dim, &a->cells[a->n_parts++]);
}

static bool find_products(struct cube *c, struct adding *a, int32_t day) {
    const struct order *o = a->o;
    uint32_t product;
    if (o->n_items == 0) {
        return product_number(c, o->product_id, o->currency, &product) &&
               find_part(c, a, CUBE_PRODUCT, day, product);
    }
    for (uint32_t i = 0; i < o->n_items; i++) {
        if (!product_number(c, o->items[i].product_id, o->currency, &product) ||
            !find_part(c, a, CUBE_PRODUCT, day, product)) {
            return false;
        }
    }
    return true;
}

static bool find_parts(struct cube *c, struct adding *a, uint32_t group, int32_t minute_floor,
                       int32_t hour_floor) {
    // created_ms is never negative, so division floors.
    int32_t minute = (int32_t)(a->o->created_ms / MINUTE_MS);
    int32_t hour = (int32_t)(a->o->created_ms / HOUR_MS);
    int32_t day = zone_day(c->zone, a->o->created_ms);
    bool ok = find_part(c, a, CUBE_TOTALS, 0, group) &&
              (minute < minute_floor || find_part(c, a, CUBE_MINUTE, minute, group)) &&
              (hour < hour_floor || find_part(c, a, CUBE_HOUR, hour, group)) &&
              find_part(c, a, CUBE_DAY, day, group);
    a->n_tables = a->n_parts;
    return ok && find_products(c, a, day);
}

// What a product's cell takes: of the order's line with this number, or of its only product.
static struct measures product_part(const struct adding *a, uint32_t line) {
    const struct order *o = a->o;
    if (o->n_items == 0) {
        return (struct measures){
            .orders = a->delta.orders, .units = a->delta.units, .total_e4 = a->delta.total_e4};
    }
    int64_t sign = o->kind == ORDER_PLACED ? 1 : -1;
    return (struct measures){.orders = product_seen(o, line) ? 0 : a->delta.orders,
                             .units = sign * o->items[line].quantity,
                             .total_e4 = sign * o->items[line].subtotal_e4};
}

static void take_parts_back(struct cube *c, const struct adding *a, uint32_t n_parts) {
    while (n_parts > 0) {
        n_parts--;
        struct measures part =
            n_parts < a->n_tables ? a->delta : product_part(a, n_parts - a->n_tables);
        measures_take_back(&c->cells[a->cells[n_parts]].sum, &part);
    }
}

// Sum by sum; false when one would leave 64 bits: then none has changed.
static bool add_parts_checked(struct cube *c, const struct adding *a) {
    for (uint32_t k = 0; k < a->n_parts; k++) {
        struct measures part = k < a->n_tables ? a->delta : product_part(a, k - a->n_tables);
        struct measures *sum = &c->cells[a->cells[k]].sum;
        if (!measures_fit(sum, &part)) {
            take_parts_back(c, a, k);
            return false;
        }
        measures_add(sum, &part);
    }
    return true;
}

static void add_parts(struct cube *c, const struct adding *a) {
    for (uint32_t k = 0; k < a->n_tables; k++) {
        measures_add(&c->cells[a->cells[k]].sum, &a->delta);
    }
    for (uint32_t k = a->n_tables; k < a->n_parts; k++) {
        struct measures part = product_part(a, k - a->n_tables);
        struct measures *sum = &c->cells[a->cells[k]].sum;
        sum->orders += part.orders; // the others are 0
        sum->units += part.units;
        sum->total_e4 += part.total_e4;
    }
}

// |x|, or one less.
static uint64_t magnitude(int64_t x) {
    return (uint64_t)(x < 0 ? ~x : x);
}

// At least as much as this event moves any sum by, at most about twice that a line.
static uint64_t reach_of(const struct adding *a) {
    const struct order *o = a->o;
    uint64_t reach = magnitude(o->quantity) | magnitude(o->subtotal_e4) |
                     magnitude(o->discount_e4) | magnitude(o->shipping_e4) | magnitude(o->tax_e4) |
                     magnitude(o->total_e4);
    uint64_t lines = 0; // all may be of one product
    for (uint32_t i = 0; i < o->n_items && lines <= CUBE_BOUND_MAX; i++) {
        lines += (magnitude(o->items[i].quantity) | magnitude(o->items[i].subtotal_e4)) + 1;
    }
    reach = reach + 2 > lines ? reach + 2 : lines; // orders and the like move by 1
    return reach <= CUBE_BOUND_MAX ? reach : CUBE_BOUND_MAX + 1;
}

enum cube_result cube_add(struct cube *c, const struct order *o, int32_t minute_floor,
                          int32_t hour_floor, uint32_t *group) {
    CHECK(o->source.at != NULL && o->state.at != NULL);
    if (o->n_items > ORDER_ITEMS_MAX) {
        return CUBE_OVERFLOW;
    }
    struct adding a; // not zeroed as a whole: it is large
    a.o = o;
    a.delta = measures_of(o);
    a.n_tables = a.n_parts = 0;
    const size_t n_cells = c->n_cells;
    enum cube_result result = CUBE_NO_MEMORY;
    if (LIKELY(group_number(c, o, group) && find_parts(c, &a, *group, minute_floor, hour_floor))) {
        uint64_t bound = c->bound + reach_of(&a);
        if (LIKELY(bound <= CUBE_BOUND_MAX)) {
            add_parts(c, &a);
            c->bound = bound;
            return CUBE_OK;
        }
        c->bound = CUBE_BOUND_MAX;
        if (add_parts_checked(c, &a)) {
            return CUBE_OK;
        }
        result = CUBE_OVERFLOW;
    }
    cube_drop_cells(c, n_cells);
    return result;
}

// --- Cells by their names

struct measures *cube_cell(struct cube *c, enum cube_table table, int32_t bucket,
                           const struct cube_dim *dim) {
    uint32_t n, index;
    c->bound = CUBE_BOUND_MAX; // what will be written is not known
    bool known = table == CUBE_PRODUCT ? dims_number(&c->products, product_hash(dim), dim, &n)
                                       : dims_number(&c->groups, group_hash(dim), dim, &n);
    return known && cube_cell_index(c, table, bucket, n, &index) ? &c->cells[index].sum : NULL;
}

const struct measures *cube_find(const struct cube *c, enum cube_table table, int32_t bucket,
                                 const struct cube_dim *dim) {
    uint32_t n, index;
    bool known = table == CUBE_PRODUCT ? dims_find(&c->products, product_hash(dim), dim, &n)
                                       : dims_find(&c->groups, group_hash(dim), dim, &n);
    uint64_t key = known ? cell_key_of(table, bucket, n) : 0;
    return known && find_cell(c, key, hash_u64(key), &index) ? &c->cells[index].sum : NULL;
}

size_t cube_n_cells(const struct cube *c) {
    return c->n_cells;
}

const struct cube_cell *cube_cells(const struct cube *c) {
    return c->cells;
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
    c->bound = 0;
}

void cube_forget(struct cube *c) {
    clear_cells(c);
    dims_free(&c->groups);
    dims_free(&c->products);
}

void cube_clear(struct cube *c) {
    clear_cells(c);
    if (c->groups.n > DIMS_MAX || c->products.n > DIMS_MAX) {
        cube_forget(c);
    }
}
