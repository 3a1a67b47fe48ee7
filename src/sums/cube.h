// SPDX-License-Identifier: MIT
// The cube: signed deltas of one batch on every aggregate. An accepted event adds one delta to each
// table; a store applies the deltas in the transaction that stores the event. One thread.
#pragma once
#include "order/order.h"

// The measures of one cell. A cancelled or refunded event subtracts units and amounts.
struct measures {
    int64_t orders; // placed - cancelled
    int64_t units;
    int64_t subtotal_e4, discount_e4, shipping_e4, tax_e4, total_e4;
    int64_t cancelled_orders, refunds;
    int64_t refunded_total_e4; // >= 0
};

enum cube_table { CUBE_TOTALS, CUBE_MINUTE, CUBE_HOUR, CUBE_DAY, CUBE_PRODUCT, CUBE_TABLES };

// A dimension value that cells refer to by its number: (source, state, currency) for all tables but
// CUBE_PRODUCT, (product, currency) there. Numbers are dense from 0 and live until cube_forget.
struct cube_dim {
    struct text source, state; // group dimension
    struct ident product_id;   // product dimension
    char currency[4];
    uint32_t number;  // its own, of the cube that it is in
    int64_t store_id; // the store's own key; -1 until the store sets it
};

struct cube_cell {
    uint8_t table;  // enum cube_table
    uint32_t dim;   // index into groups or products
    int32_t bucket; // minutes, hours since 1970 UTC; the shop's day number; 0 for totals
    struct measures sum;
};

struct cube;
// Borrows both. `zone` may be NULL when cells are put and no event is added. NULL when memory is
// refused.
MUST_CHECK struct cube *cube_new(const struct zone *zone, const struct mem_heap *heap);
void cube_free(struct cube *c); // NULL is fine

enum cube_result {
    CUBE_OK,
    CUBE_NO_MEMORY,
    CUBE_OVERFLOW, // some sum would leave 64 bits, or an order has more than ORDER_ITEMS_MAX lines
};

// Adds one accepted event, as order_finish makes them, with source and state resolved. Buckets
// below the floors are left out (they are past their retention). *group is the number of the
// event's group. Unless CUBE_OK no sum has changed and no cell is new: the cube may be used on. (It
// may know more dimensions.)
MUST_CHECK enum cube_result cube_add(struct cube *c, const struct order *o, int32_t minute_floor,
                                     int32_t hour_floor, uint32_t *group);
// Hints that this event will be added soon: some events before it, and some more before that.
void cube_prefetch_sums(const struct cube *c, const struct order *o);
void cube_prefetch_names(const struct cube *c, const struct order *o);
// Adds all cells of `from`, another cube of the same zone: partial sums of one whole, in any order,
// give the sums of the whole. `from` may be freed afterwards. Unless CUBE_OK as above.
MUST_CHECK enum cube_result cube_merge(struct cube *into, const struct cube *from);

size_t cube_n_cells(const struct cube *c);
// Valid until the next cube_add, cube_merge, cube_cell or cube_clear.
const struct cube_cell *cube_cells(const struct cube *c);
// All dimensions by their numbers, those that no cell has too. Valid likewise.
const struct cube_dim *cube_groups(const struct cube *c, uint32_t *n);
const struct cube_dim *cube_products(const struct cube *c, uint32_t *n);
// `dim` is the number of a cell of this cube, or what cube_add gave. Valid likewise.
struct cube_dim *cube_group(struct cube *c, uint32_t dim);
struct cube_dim *cube_product(struct cube *c, uint32_t dim);
// The cell of this table, bucket and dimension (store_id does not count), made empty when it is
// new. Valid as cube_cells is. NULL when memory is refused.
MUST_CHECK struct measures *cube_cell(struct cube *c, enum cube_table table, int32_t bucket,
                                      const struct cube_dim *dim);
// Likewise; NULL when there is none.
const struct measures *cube_find(const struct cube *c, enum cube_table table, int32_t bucket,
                                 const struct cube_dim *dim);
// Drops the cells, keeps dimensions (unless they are too many).
void cube_clear(struct cube *c);
// Drops dimensions too: after a rollback, when store ids may be void.
void cube_forget(struct cube *c);
