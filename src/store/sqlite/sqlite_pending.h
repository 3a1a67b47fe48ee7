// SPDX-License-Identifier: MIT
// The placed orders that a batch accepted, gathered in memory and handed to SQLite as one table: a
// single INSERT ... SELECT writes them all, without a bind, step and reset for each row.
#pragma once
#include "base/arena.h"
#include "store/sqlite/sqlite_util.h"
#include "sums/cube.h"

struct pending_order {
    struct order order; // texts in pending_orders.texts; no array of items
    int64_t group_id, arrival_ms;
};

struct pending_orders {
    struct pending_order *at;
    size_t n, cap;
    struct arena texts;
};

// Makes `p` readable as the table pending_orders of this connection. Borrows `p`.
MUST_CHECK bool pending_register(sqlite3 *db, struct pending_orders *p, struct error *err);
// Copies the order with its texts, but for source and state: those are the group's, which lives
// longer than the batch. False when memory is refused.
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
