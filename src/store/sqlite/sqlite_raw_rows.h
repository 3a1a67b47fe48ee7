// SPDX-License-Identifier: MIT
// The columns that row_read (sqlite_rows.h) expects, of a file that holds raw orders alone.
#pragma once

#define RAW_SELECT_COLUMNS                                                                         \
    "position, order_id, created_ms, customer_id, product_id, quantity, subtotal_e4, "             \
    "discount_e4, shipping_e4, tax_e4, total_e4, arrival_ms, items, source, state, currency"
#define RAW_ORDER_SELECT "SELECT " RAW_SELECT_COLUMNS " FROM raw_orders "
#define RAW_ADJUSTMENT_SELECT "SELECT " RAW_SELECT_COLUMNS ", event, event_id FROM raw_adjustments "
