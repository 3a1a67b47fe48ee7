-- SPDX-License-Identifier: MIT
-- All orders of a data directory as NDJSON, in order of arrival, cancellations and refunds last:
--     sqlite3 data/sales.db <scripts/export-orders.sql >orders.ndjson
-- They load anywhere (`salestide load orders.ndjson --to ...`) and count as the same orders there.
-- A customer who was forgotten ('') is left out, as a guest is: no order may come with an empty one.
-- Amounts go through a double, which is exact up to 15 digits (99,999,999,999.9999).
SELECT json_object(
    'order_id', order_id, 'created_at', created_at, 'customer_id', nullif(customer_id, ''),
    'product_id', product_id, 'quantity', iif(items IS NULL, quantity, NULL), 'items', json(items),
    'subtotal', subtotal, 'discount', discount, 'shipping', shipping, 'tax', tax, 'total', total,
    'currency', currency, 'source', source, 'state', state)
FROM orders ORDER BY position;
SELECT json_object(
    'order_id', order_id, 'event', event, 'event_id', nullif(event_id, ''), 'created_at', created_at,
    'customer_id', nullif(customer_id, ''), 'product_id', product_id,
    'quantity', iif(items IS NULL, quantity, NULL), 'items', json(items),
    'subtotal', subtotal, 'discount', discount, 'shipping', shipping, 'tax', tax, 'total', total,
    'currency', currency, 'source', source, 'state', state)
FROM order_adjustments ORDER BY position;
