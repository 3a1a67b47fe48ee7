// SPDX-License-Identifier: MIT
// One event into the cube.
//
// 1. Its (source, state, currency) and its products get their numbers: from the hints, where others
//    of the same were added not long ago (cube_hints.h), else from the dictionaries.
// 2. Its cells are found likewise, made if new.
// 3. Once all cells are there the event's signed measures are added: to the path of its group's
//    cells, which get them when they are asked for, and to each product's.
//
// Fails for want of memory in 1 and 2, or in 3 when a sum would leave 64 bits: then what was added
// is taken back, the new cells go, and all sums are as they were.
#include "sums/cube_internal.h"

enum {
    PARTS_MAX = CUBE_TABLES - 1 + ORDER_ITEMS_MAX, // cells that one event touches
    MINUTE_MS = 60 * 1000,
    HOUR_MS = 60 * MINUTE_MS,
};

// --- Numbers of dimensions

// Texts longer than their ends are compared with those of the dictionary.
static bool is_group(const struct cube *c, const struct group_hint *h, uint64_t source_ends,
                     uint64_t state_ends, const struct order *o) {
    if (h->number == 0 || h->source_ends != source_ends || h->state_ends != state_ends ||
        h->source_len != o->source.len || h->state_len != o->state.len ||
        memcmp(h->currency, o->currency, 4) != 0) {
        return false;
    }
    const struct cube_dim *group = &c->groups.at[h->number - 1];
    return (h->source_len <= sizeof source_ends || text_equal(group->source, o->source)) &&
           (h->state_len <= sizeof state_ends || text_equal(group->state, o->state));
}

static bool group_number(struct cube *c, const struct order *o, uint32_t *number) {
    uint64_t source_ends = text_ends(o->source), state_ends = text_ends(o->state);
    struct group_hint *h = &c->hints->groups[group_hint_place(source_ends, state_ends)];
    if (LIKELY(is_group(c, h, source_ends, state_ends, o))) {
        *number = h->number - 1;
        return true;
    }
    struct cube_dim value = {.source = o->source, .state = o->state, .product_id = IDENT_NONE};
    memcpy(value.currency, o->currency, 4);
    if (!dims_number(&c->groups, group_hash(&value), &value, number)) {
        return false;
    }
    if (o->source.len <= UINT16_MAX && o->state.len <= UINT16_MAX) {
        *h = (struct group_hint){.source_ends = source_ends,
                                 .state_ends = state_ends,
                                 .source_len = (uint16_t)o->source.len,
                                 .state_len = (uint16_t)o->state.len,
                                 .number = *number + 1};
        memcpy(h->currency, o->currency, 4);
    }
    return true;
}

static bool product_number(struct cube *c, struct ident product_id, const char *currency,
                           uint32_t *number) {
    struct cube_dim value = {.product_id = product_id};
    memcpy(value.currency, currency, 4);
    return dims_number(&c->products, product_hash(&value), &value, number);
}

// --- Adding an event

// Where it is called its result stays in registers: written to memory field by field and read back
// two fields at a time, as additions do, it would have to wait until it is there.
static inline __attribute__((always_inline)) struct measures measures_of(const struct order *o) {
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
    uint32_t n_tables;      // cells[0 .. n_tables - 1] take the whole, the others a product's part
    uint32_t n_parts;       // of cells
    struct path_hint *path; // of the first ones
    uint32_t cells[PARTS_MAX]; // indexes
};

static bool find_part(struct cube *c, struct adding *a, enum cube_table table, int32_t bucket,
                      uint32_t dim) {
    return cube_cell_index(c, table, bucket, dim, &a->cells[a->n_parts++]);
}

static bool renew_product_hint(struct cube *c, struct product_hint *h, struct ident product_id,
                               const char *currency) {
    uint32_t number;
    if (!product_number(c, product_id, currency, &number)) {
        return false;
    }
    *h = (struct product_hint){.id = product_id.num, .number = number + 1};
    memcpy(h->currency, currency, 4);
    return true;
}

static inline __attribute__((always_inline)) bool
find_product(struct cube *c, struct adding *a, struct ident product_id, int32_t day) {
    const char *currency = a->o->currency;
    if (product_id.num < 0) {
        uint32_t number;
        return product_number(c, product_id, currency, &number) &&
               find_part(c, a, CUBE_PRODUCT, day, number);
    }
    struct product_hint *h = &c->hints->products[product_hint_place(product_id.num)];
    if (UNLIKELY(h->number == 0 || h->id != product_id.num ||
                 memcmp(h->currency, currency, 4) != 0) &&
        !renew_product_hint(c, h, product_id, currency)) {
        return false;
    }
    if (UNLIKELY(!cube_cell_is(c, h->cell, CUBE_PRODUCT, day, h->number - 1)) &&
        !cube_cell_index(c, CUBE_PRODUCT, day, h->number - 1, &h->cell)) {
        return false;
    }
    a->cells[a->n_parts++] = h->cell;
    return true;
}

__attribute__((noinline)) static bool find_items(struct cube *c, struct adding *a, int32_t day) {
    const struct order *o = a->o;
    for (uint32_t i = 0; i < o->n_items; i++) {
        if (!find_product(c, a, o->items[i].product_id, day)) {
            return false;
        }
    }
    return true;
}

static bool find_group_parts(struct cube *c, struct adding *a, uint32_t group, int32_t day,
                             int32_t minute_floor, int32_t hour_floor) {
    // created_ms is never negative, so division floors.
    int32_t minute = (int32_t)(a->o->created_ms / MINUTE_MS);
    int32_t hour = (int32_t)(a->o->created_ms / HOUR_MS);
    uint8_t kept = (uint8_t)((minute >= minute_floor) | (hour >= hour_floor) << 1);
    struct path_hint *path = &c->hints->paths[path_hint_place(group, minute)];
    a->path = path;
    if (LIKELY(path->generation == c->generation && path->group == group &&
               path->minute == minute && path->day == day && path->kept == kept)) {
        a->n_parts = path->n_cells;
        memcpy(a->cells, path->cells, sizeof path->cells);
        return true;
    }
    if (!find_part(c, a, CUBE_TOTALS, 0, group) ||
        (minute >= minute_floor && !find_part(c, a, CUBE_MINUTE, minute, group)) ||
        (hour >= hour_floor && !find_part(c, a, CUBE_HOUR, hour, group)) ||
        !find_part(c, a, CUBE_DAY, day, group)) {
        return false;
    }
    if (path->waits) {
        path_settle(c, path);
        path->waits = true; // it is in the list
    }
    path->generation = c->generation;
    path->minute = minute;
    path->day = day;
    path->group = group;
    path->kept = kept;
    path->n_cells = (uint8_t)a->n_parts;
    memcpy(path->cells, a->cells, sizeof path->cells);
    return true;
}

static bool find_parts(struct cube *c, struct adding *a, uint32_t group, int32_t minute_floor,
                       int32_t hour_floor) {
    if (UNLIKELY((uint64_t)a->o->created_ms - (uint64_t)c->day.from_ms >= c->day.n_ms)) {
        c->day = zone_day_span(c->zone, a->o->created_ms);
    }
    const int32_t day = c->day.day;
    bool ok = find_group_parts(c, a, group, day, minute_floor, hour_floor);
    a->n_tables = a->n_parts;
    return ok &&
           (a->o->n_items == 0 ? find_product(c, a, a->o->product_id, day) : find_items(c, a, day));
}

// What a product's cell takes: of the order's line with this number, or of its only product. Its
// other measures are 0.
static struct measures product_part(const struct order *o, uint32_t line) {
    const struct measures whole = measures_of(o);
    if (o->n_items == 0) {
        return (struct measures){
            .orders = whole.orders, .units = whole.units, .total_e4 = whole.total_e4};
    }
    int64_t sign = o->kind == ORDER_PLACED ? 1 : -1;
    return (struct measures){.orders = product_seen(o, line) ? 0 : whole.orders,
                             .units = sign * o->items[line].quantity,
                             .total_e4 = sign * o->items[line].subtotal_e4};
}

// What the k-th of its cells takes.
static struct measures part_of(const struct adding *a, uint32_t k) {
    return k < a->n_tables ? measures_of(a->o) : product_part(a->o, k - a->n_tables);
}

static void take_parts_back(struct cube *c, const struct adding *a, uint32_t n_parts) {
    while (n_parts > 0) {
        n_parts--;
        struct measures part = part_of(a, n_parts);
        measures_take_back(&c->cells[a->cells[n_parts]].sum, &part);
    }
}

// Of an event it is the product that is far: there are more of them than groups. Its hint leads to
// its cell, so they are asked for one after the other. Source and state often lie in the text that
// the event was read from.
void cube_prefetch_names(const struct cube *c, const struct order *o) {
    __builtin_prefetch(o->source.at);
    __builtin_prefetch(o->state.at);
    if (c->hints != NULL) {
        __builtin_prefetch(&c->hints->products[product_hint_place(o->product_id.num)]);
    }
}
void cube_prefetch_sums(const struct cube *c, const struct order *o) {
    if (c->hints == NULL) {
        return;
    }
    uint32_t index = c->hints->products[product_hint_place(o->product_id.num)].cell;
    if (index < c->n_cells) {
        const char *cell = (const char *)&c->cells[index];
        __builtin_prefetch(cell, 1);
        __builtin_prefetch(cell + sizeof c->cells[0] - 1, 1);
    }
    // Its group's hint is near; that leads to the sum of its group and minute.
    const struct group_hint *h =
        &c->hints->groups[group_hint_place(text_ends(o->source), text_ends(o->state))];
    const char *path =
        (const char *)&c->hints
            ->paths[path_hint_place(h->number - 1, (int32_t)(o->created_ms / MINUTE_MS))];
    __builtin_prefetch(path, 1);
    __builtin_prefetch(path + sizeof(struct path_hint) - 1, 1);
}

// Sum by sum; false when one would leave 64 bits: then none has changed.
static bool add_parts_checked(struct cube *c, const struct adding *a) {
    cube_settle(c);
    for (uint32_t k = 0; k < a->n_parts; k++) {
        struct measures part = part_of(a, k);
        struct measures *sum = &c->cells[a->cells[k]].sum;
        if (!measures_fit(sum, &part)) {
            take_parts_back(c, a, k);
            return false;
        }
        measures_add(sum, &part);
    }
    return true;
}

static void add_product(struct cube *c, uint32_t cell, int64_t orders, int64_t units,
                        int64_t total_e4) {
    struct measures *sum = &c->cells[cell].sum;
    sum->orders += orders;
    sum->units += units;
    sum->total_e4 += total_e4;
}

static void add_to_path(struct cube_hints *h, struct path_hint *path,
                        const struct measures *whole) {
    measures_add(&path->sum, whole);
    if (!path->waits) {
        path->waits = true;
        h->waiting[h->n_waiting++] = (uint16_t)(path - h->paths);
    }
}

static inline __attribute__((always_inline)) void add_parts(struct cube *c,
                                                            const struct adding *a) {
    const struct measures whole = measures_of(a->o);
    add_to_path(c->hints, a->path, &whole);
    if (a->o->n_items == 0) {
        add_product(c, a->cells[a->n_tables], whole.orders, whole.units, whole.total_e4);
        return;
    }
    for (uint32_t line = 0; line < a->o->n_items; line++) {
        struct measures part = product_part(a->o, line);
        add_product(c, a->cells[a->n_tables + line], part.orders, part.units, part.total_e4);
    }
}

// |x|, or one less.
static uint64_t magnitude(int64_t x) {
    return (uint64_t)(x ^ x >> 63);
}

// At least as much as this event moves any sum by, at most about twice that a line. (What is never
// below 0 needs no sign taken away: if it is all the same, it comes out as more than any bound.)
static uint64_t reach_of(const struct adding *a) {
    const struct order *o = a->o;
    uint64_t reach =
        (uint64_t)(o->quantity | o->subtotal_e4 | o->discount_e4 | o->shipping_e4 | o->tax_e4) |
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
    if (UNLIKELY(c->hints == NULL)) {
        c->hints = heap_zalloc(c->heap, 1, sizeof *c->hints);
        if (c->hints == NULL) {
            return CUBE_NO_MEMORY;
        }
    }
    struct adding a; // not zeroed as a whole: it is large
    a.o = o;
    a.n_tables = a.n_parts = 0;
    a.path = NULL;
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
