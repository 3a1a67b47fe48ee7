// SPDX-License-Identifier: MIT
// The placed orders that a batch accepted, gathered in memory and handed to SQLite as one table: a
// single INSERT ... SELECT writes them all, without a bind, step and reset for each row.
#pragma once
#include "base/arena.h"
#include "store/sqlite/sqlite_util.h"
#include "sums/cube.h"

struct pending_order {
    struct order order; // no array of items
    int64_t arrival_ms;
    uint32_t group; // number in the batch's cube
};

struct pending_orders {
    struct pending_order *at;
    size_t n, cap;
    struct arena texts;
};

// What is being written: the orders of a batch whose cube has the ids of all its groups.
struct pending_written {
    const struct pending_orders *orders;
    struct cube *cube;
};

// Makes what is being written readable as the table pending_orders of this connection. Borrows `w`.
MUST_CHECK bool pending_register(sqlite3 *db, struct pending_written *w, struct error *err);
// Copies an event of any kind, its texts into `texts`, but for source and state: those are the
// group's, which lives longer than the batch. False when memory is refused.
MUST_CHECK bool pending_copy(struct pending_order *out, struct arena *texts,
                             const struct order *from, const struct cube_dim *group,
                             int64_t arrival_ms);
// The same of a placed order, at the end. False when memory is refused.
MUST_CHECK bool pending_add(struct pending_orders *p, const struct order *from,
                            const struct cube_dim *group, int64_t arrival_ms);
void pending_clear(struct pending_orders *p); // for the next batch
void pending_free(struct pending_orders *p);

// Appends all of them to order_rows, at the next positions.
#define PENDING_INSERT                                                                             \
    "INSERT INTO order_rows SELECT NULL, order_id, created_ms, customer_id, product_id, "          \
    "quantity, "                                                                                   \
    "subtotal_e4, discount_e4, shipping_e4, tax_e4, total_e4, group_id, arrival_ms, items "        \
    "FROM pending_orders"
