// SPDX-License-Identifier: MIT
// The cube: one batch's signed deltas, by cell.
//
// 1. An event's (source, state, currency) is looked up in the dictionary of groups, each of its
//    products in the dictionary of products: dense numbers.
// 2. Each table's cell is found by the 64-bit key (table, bucket, number) in a hash table, made if
//    new, and the event's signed measures are added.
// 3. The store walks the cells, applies them, and the cube is cleared for the next batch.
//
// Dictionaries outlive a batch, so that a store's own keys are found without a look-up; they are
// dropped when they grow past DIMS_MAX (a shop with unbounded sources must not grow memory) or
// after a rollback. Nothing here fails except for want of memory.
#include "sums/cube.h"

#include "base/hash.h"
#include "base/mem.h"
#include <assert.h>
#include <stdlib.h>

enum {
    DIMS_MAX = 200000,
    CELLS_KEEP = 65536, // capacity kept between batches
    MINUTE_MS = 60 * 1000,
    HOUR_MS = 60 * MINUTE_MS,
};

// Open addressing from a hash to an index + 1 (0: empty slot), a power of two in size.
struct slots {
    uint32_t *at;
    uint32_t mask;
};

struct dims {
    struct cube_dim *at;
    uint64_t *hashes;
    uint32_t n, cap;
    struct slots slots;
};

struct cube {
    const struct zone *zone;
    struct dims groups, products;
    struct cube_cell *cells;
    uint64_t *keys; // of cells
    size_t n_cells, cap_cells;
    struct slots cell_slots;
};

static void slots_init(struct slots *s, uint32_t n_slots) {
    s->at = mem_zalloc(n_slots, sizeof *s->at);
    s->mask = n_slots - 1;
}

static void slots_put(struct slots *s, uint64_t hash, uint32_t index) {
    uint32_t i = (uint32_t)hash & s->mask;
    while (s->at[i] != 0) {
        i = (i + 1) & s->mask;
    }
    s->at[i] = index + 1;
}

struct cube *cube_new(const struct zone *zone) {
    struct cube *c = mem_zalloc(1, sizeof *c);
    c->zone = zone;
    slots_init(&c->groups.slots, 1024);
    slots_init(&c->products.slots, 1024);
    slots_init(&c->cell_slots, 4096);
    return c;
}

static void dims_free(struct dims *d) {
    for (uint32_t i = 0; i < d->n; i++) { // the texts are the dictionary's own copies
        free((char *)(uintptr_t)d->at[i].source.at);
        free((char *)(uintptr_t)d->at[i].state.at);
        free((char *)(uintptr_t)d->at[i].product_id.text.at);
    }
    free(d->at);
    free(d->hashes);
    free(d->slots.at);
    *d = (struct dims){0};
}

void cube_free(struct cube *c) {
    if (c == NULL) {
        return;
    }
    dims_free(&c->groups);
    dims_free(&c->products);
    free(c->cells);
    free(c->keys);
    free(c->cell_slots.at);
    free(c);
}

static bool dim_equal(const struct cube_dim *a, const struct cube_dim *b) {
    return ident_equal(a->product_id, b->product_id) && text_equal(a->source, b->source) &&
           text_equal(a->state, b->state) && memcmp(a->currency, b->currency, 4) == 0;
}

static struct text keep_text(struct text t) {
    return t.at == NULL ? t : (struct text){mem_strndup(t.at, t.len), t.len};
}

static uint32_t dims_add(struct dims *d, uint64_t hash, const struct cube_dim *value) {
    if (d->n == d->cap) {
        d->cap = d->cap ? d->cap * 2 : 256;
        d->at = mem_realloc(d->at, d->cap * sizeof *d->at);
        d->hashes = mem_realloc(d->hashes, d->cap * sizeof *d->hashes);
    }
    if ((d->n + 1) * 2 > d->slots.mask) {
        uint32_t n_slots = (d->slots.mask + 1) * 2;
        free(d->slots.at);
        slots_init(&d->slots, n_slots);
        for (uint32_t i = 0; i < d->n; i++) {
            slots_put(&d->slots, d->hashes[i], i);
        }
    }
    uint32_t index = d->n++;
    d->at[index] = *value;
    d->at[index].source = keep_text(value->source);
    d->at[index].state = keep_text(value->state);
    d->at[index].product_id.text = keep_text(value->product_id.text);
    d->at[index].store_id = -1;
    d->hashes[index] = hash;
    slots_put(&d->slots, hash, index);
    return index;
}

static bool dims_find(const struct dims *d, uint64_t hash, const struct cube_dim *value,
                      uint32_t *index) {
    uint32_t i = (uint32_t)hash & d->slots.mask;
    for (; d->slots.at[i] != 0; i = (i + 1) & d->slots.mask) {
        *index = d->slots.at[i] - 1;
        if (d->hashes[*index] == hash && dim_equal(&d->at[*index], value)) {
            return true;
        }
    }
    return false;
}

static uint32_t dims_find_or_add(struct dims *d, uint64_t hash, const struct cube_dim *value) {
    uint32_t index;
    return dims_find(d, hash, value, &index) ? index : dims_add(d, hash, value);
}

static uint64_t group_hash(const struct cube_dim *g) {
    return hash_text(g->source, 1) ^ hash_u64(hash_text(g->state, 2)) ^
           hash_bytes(g->currency, 4, 3);
}

static uint64_t product_hash(const struct cube_dim *p) {
    struct ident id = p->product_id;
    return (id.num >= 0 ? hash_u64((uint64_t)id.num) : hash_text(id.text, 4)) ^
           hash_bytes(p->currency, 4, 3);
}

static uint32_t group_number(struct cube *c, const struct order *o) {
    struct cube_dim value = {.source = o->source, .state = o->state, .product_id = IDENT_NONE};
    memcpy(value.currency, o->currency, 4);
    return dims_find_or_add(&c->groups, group_hash(&value), &value);
}

static uint32_t product_number(struct cube *c, struct ident product_id, const char *currency) {
    struct cube_dim value = {.product_id = product_id};
    memcpy(value.currency, currency, 4);
    return dims_find_or_add(&c->products, product_hash(&value), &value);
}

static void cells_grow(struct cube *c) {
    c->cap_cells = c->cap_cells ? c->cap_cells * 2 : 1024;
    c->cells = mem_realloc(c->cells, c->cap_cells * sizeof *c->cells);
    c->keys = mem_realloc(c->keys, c->cap_cells * sizeof *c->keys);
    if (c->cap_cells * 2 > (size_t)c->cell_slots.mask + 1) {
        free(c->cell_slots.at);
        slots_init(&c->cell_slots, (uint32_t)c->cap_cells * 2);
        for (size_t i = 0; i < c->n_cells; i++) {
            slots_put(&c->cell_slots, hash_u64(c->keys[i]), (uint32_t)i);
        }
    }
}

// 3 bits of table, 32 of bucket, 29 of dimension: exact, so equal keys are equal cells.
static uint64_t cell_key_of(enum cube_table table, int32_t bucket, uint32_t dim) {
    return (uint64_t)table << 61 | (uint64_t)(uint32_t)bucket << 29 | dim;
}

static struct measures *find_cell(const struct cube *c, uint64_t key, uint64_t hash) {
    for (uint32_t i = (uint32_t)hash & c->cell_slots.mask; c->cell_slots.at[i] != 0;
         i = (i + 1) & c->cell_slots.mask) {
        uint32_t index = c->cell_slots.at[i] - 1;
        if (c->keys[index] == key) {
            return &c->cells[index].sum;
        }
    }
    return NULL;
}

static struct measures *cell(struct cube *c, enum cube_table table, int32_t bucket, uint32_t dim) {
    uint64_t key = cell_key_of(table, bucket, dim), hash = hash_u64(key);
    struct measures *known = find_cell(c, key, hash);
    if (known != NULL) {
        return known;
    }
    if (c->n_cells == c->cap_cells) {
        cells_grow(c);
    }
    size_t index = c->n_cells++;
    c->cells[index] = (struct cube_cell){.table = (uint8_t)table, .dim = dim, .bucket = bucket};
    c->keys[index] = key;
    slots_put(&c->cell_slots, hash, (uint32_t)index);
    return &c->cells[index].sum;
}

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

static void measures_add(struct measures *sum, const struct measures *delta) {
    sum->orders += delta->orders;
    sum->units += delta->units;
    sum->subtotal_e4 += delta->subtotal_e4;
    sum->discount_e4 += delta->discount_e4;
    sum->shipping_e4 += delta->shipping_e4;
    sum->tax_e4 += delta->tax_e4;
    sum->total_e4 += delta->total_e4;
    sum->cancelled_orders += delta->cancelled_orders;
    sum->refunds += delta->refunds;
    sum->refunded_total_e4 += delta->refunded_total_e4;
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

static void add_products(struct cube *c, const struct order *o, int32_t day,
                         const struct measures *delta) {
    if (o->n_items == 0) {
        struct measures *sum =
            cell(c, CUBE_PRODUCT, day, product_number(c, o->product_id, o->currency));
        sum->orders += delta->orders;
        sum->units += delta->units;
        sum->total_e4 += delta->total_e4;
        return;
    }
    int64_t sign = o->kind == ORDER_PLACED ? 1 : -1;
    for (uint32_t i = 0; i < o->n_items; i++) {
        const struct order_item *item = &o->items[i];
        struct measures *sum =
            cell(c, CUBE_PRODUCT, day, product_number(c, item->product_id, o->currency));
        sum->orders += product_seen(o, i) ? 0 : delta->orders;
        sum->units += sign * item->quantity;
        sum->total_e4 += sign * item->subtotal_e4;
    }
}

uint32_t cube_add(struct cube *c, const struct order *o, int32_t minute_floor, int32_t hour_floor) {
    assert(o->source.at != NULL && o->state.at != NULL);
    struct measures delta = measures_of(o);
    uint32_t group = group_number(c, o);
    // created_ms is never negative, so division floors.
    int32_t minute = (int32_t)(o->created_ms / MINUTE_MS);
    int32_t hour = (int32_t)(o->created_ms / HOUR_MS);
    int32_t day = zone_day(c->zone, o->created_ms);
    measures_add(cell(c, CUBE_TOTALS, 0, group), &delta);
    if (minute >= minute_floor) {
        measures_add(cell(c, CUBE_MINUTE, minute, group), &delta);
    }
    if (hour >= hour_floor) {
        measures_add(cell(c, CUBE_HOUR, hour, group), &delta);
    }
    measures_add(cell(c, CUBE_DAY, day, group), &delta);
    add_products(c, o, day, &delta);
    return group;
}

struct measures *cube_cell(struct cube *c, enum cube_table table, int32_t bucket,
                           const struct cube_dim *dim) {
    uint32_t n = table == CUBE_PRODUCT ? dims_find_or_add(&c->products, product_hash(dim), dim)
                                       : dims_find_or_add(&c->groups, group_hash(dim), dim);
    return cell(c, table, bucket, n);
}

const struct measures *cube_find(const struct cube *c, enum cube_table table, int32_t bucket,
                                 const struct cube_dim *dim) {
    uint32_t n;
    bool known = table == CUBE_PRODUCT ? dims_find(&c->products, product_hash(dim), dim, &n)
                                       : dims_find(&c->groups, group_hash(dim), dim, &n);
    uint64_t key = known ? cell_key_of(table, bucket, n) : 0;
    return known ? find_cell(c, key, hash_u64(key)) : NULL;
}

size_t cube_n_cells(const struct cube *c) {
    return c->n_cells;
}

struct cube_cell *cube_cells(struct cube *c) {
    return c->cells;
}

struct cube_dim *cube_group(struct cube *c, uint32_t dim) {
    assert(dim < c->groups.n);
    return &c->groups.at[dim];
}

struct cube_dim *cube_product(struct cube *c, uint32_t dim) {
    assert(dim < c->products.n);
    return &c->products.at[dim];
}

static void clear_cells(struct cube *c) {
    if (c->cap_cells > CELLS_KEEP) {
        free(c->cells);
        free(c->keys);
        free(c->cell_slots.at);
        c->cells = NULL;
        c->keys = NULL;
        c->cap_cells = 0;
        slots_init(&c->cell_slots, 4096);
    } else if (c->n_cells * 8 < c->cell_slots.mask) { // few cells: empty just their slots
        for (size_t i = 0; i < c->n_cells; i++) {
            uint32_t slot = (uint32_t)hash_u64(c->keys[i]) & c->cell_slots.mask;
            while (c->cell_slots.at[slot] != 0) {
                c->cell_slots.at[slot] = 0;
                slot = (slot + 1) & c->cell_slots.mask;
            }
        }
    } else {
        memset(c->cell_slots.at, 0, ((size_t)c->cell_slots.mask + 1) * sizeof *c->cell_slots.at);
    }
    c->n_cells = 0;
}

void cube_forget(struct cube *c) {
    clear_cells(c);
    dims_free(&c->groups);
    dims_free(&c->products);
    slots_init(&c->groups.slots, 1024);
    slots_init(&c->products.slots, 1024);
}

void cube_clear(struct cube *c) {
    clear_cells(c);
    if (c->groups.n > DIMS_MAX || c->products.n > DIMS_MAX) {
        cube_forget(c);
    }
}
