// SPDX-License-Identifier: MIT
// Raw rows: how an event is written to and read from order_rows and adjustment_rows. The column
// order is fixed here for the writer, the reader and the audit alike.
#pragma once
#include "store/sqlite/sqlite_util.h"

// Columns every SELECT of raw events gives, from table alias r joined with sales_groups g.
#define ORDER_SELECT_FROM                                                                          \
    "SELECT r.rowid, r.order_id, r.created_ms, r.customer_id, r.product_id, r.quantity, "          \
    "r.subtotal_e4, r.discount_e4, r.shipping_e4, r.tax_e4, r.total_e4, r.arrival_ms, r.items, "   \
    "g.source, g.state, g.currency FROM order_rows r JOIN sales_groups g ON g.id = r.group_id "
#define ADJUSTMENT_SELECT_FROM                                                                     \
    "SELECT r.position, r.order_id, r.created_ms, r.customer_id, r.product_id, r.quantity, "       \
    "r.subtotal_e4, r.discount_e4, r.shipping_e4, r.tax_e4, r.total_e4, r.arrival_ms, r.items, "   \
    "g.source, g.state, g.currency, r.event, r.event_id "                                          \
    "FROM adjustment_rows r JOIN sales_groups g ON g.id = r.group_id "
#define ADJUSTMENT_INSERT ADJUSTMENT_PUT("INSERT")
#define ADJUSTMENT_PUT(verb)                                                                       \
    verb " INTO adjustment_rows (position, order_id, created_ms, customer_id, product_id, "        \
         "quantity, subtotal_e4, discount_e4, shipping_e4, tax_e4, total_e4, group_id, "           \
         "arrival_ms, "                                                                            \
         "items, event, event_id) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16)"

// Binds parameters 1 to 16 as in ADJUSTMENT_INSERT, of an event of any kind; borrows the texts of
// `o`. (Placed orders of the embedded store: sqlite_pending.h)
void event_bind(sqlite3_stmt *insert, const struct order *o, int64_t position, int64_t group_id,
                int64_t arrival_ms);
// Reads the current row. Texts borrow from the statement until its next step or reset, unless
// `arena` is given: then they are copied into it. Items are parsed into `arena` (needed for
// products; without an arena only items_json is set). False when memory is refused.
MUST_CHECK bool row_read(sqlite3_stmt *select, enum order_kind table_kind, struct arena *arena,
                         struct stored_event *out);
