// SPDX-License-Identifier: MIT
// The views of sales.db, as any SQLite tool reads them: plain names, plain numbers, readable times.
#include "shop_sql.h"

#include "base/log.h"

static void add_order(struct shop *shop, struct order o) {
    assert_int_equal(shop_place(shop, o), VERDICT_ACCEPTED);
}

// A little history in a shop of New York: two placed orders, a cancellation and a refund.
static void make_history(struct shop *shop) {
    static const struct order_item items[] = {{{7, TEXT_NONE}, 1, 10000},
                                              {{-1, {"tea", 3}}, 2, 25000}};
    shop_make(shop, NULL);
    shop_set_zone(shop, "America/New_York");
    shop_open(shop);
    struct order o = shop_order(shop, 1, 125000);
    o.created_ms -= 12 * 3600 * 1000 - 1; // 00:00:00.001 UTC: still the day before in New York
    o.customer_id.num = 42;
    o.discount_e4 = 1;
    o.shipping_e4 = 50000;
    o.tax_e4 = 9999;
    add_order(shop, o);
    shop->now_ms += 999;
    struct order lines = shop_order(shop, 0, 35000);
    lines.order_id = (struct ident){-1, TEXT_LIT("A-2")};
    lines.product_id = IDENT_NONE;
    lines.items = items;
    lines.n_items = 2;
    lines.items_json = TEXT_LIT("[{\"product_id\":7,\"quantity\":1,\"subtotal\":\"1.0000\"},"
                                "{\"product_id\":\"tea\",\"quantity\":2,\"subtotal\":\"2.5000\"}]");
    lines.quantity = 3;
    lines.state = TEXT_LIT("NY");
    add_order(shop, lines);
    add_order(shop, shop_cancellation(shop, 1, 125000));
    struct order back = shop_refund(shop, 9, "r1", 10000);
    memcpy(back.currency, "EUR", 4);
    back.product_id.num = 7;
    add_order(shop, back);
    shop_refuse(shop, shop_order(shop, 1, 1), REJECT_CONFLICT);
}

static void orders_have_plain_names_and_numbers(void **state) {
    (void)state;
    struct shop shop;
    make_history(&shop);
    shop_sql_expect(&shop,
                    "SELECT order_id, created_at, customer_id, discount, product_id, quantity, "
                    "subtotal, tax, timestamp, total, source, state, currency, shipping, items, "
                    "position FROM orders WHERE order_id = 1",
                    "1|2026-01-01T00:00:00.001Z|42|0.0001|1|2|12.5|0.9999|2026-01-01T12:00:00.000Z|"
                    "12.5|GOOGLE|CA|USD|5.0||1");
    shop_sql_expect(&shop, "SELECT timestamp, product_id, items FROM orders WHERE order_id = 'A-2'",
                    "2026-01-01T12:00:00.999Z||"
                    "[{\"product_id\":7,\"quantity\":1,\"subtotal\":\"1.0000\"},"
                    "{\"product_id\":\"tea\",\"quantity\":2,\"subtotal\":\"2.5000\"}]");
    shop_sql_expect(&shop, "SELECT count(*), max(position) FROM orders", "2|2");
    shop_sql_expect(&shop, "SELECT group_concat(order_id) FROM recent_orders", "A-2,1");
    shop_remove(&shop);
}

static void adjustments_name_their_event(void **state) {
    (void)state;
    struct shop shop;
    make_history(&shop);
    shop_sql_expect(&shop,
                    "SELECT group_concat(order_id || ':' || event || ':' || event_id || ':' || "
                    "total || ':' || currency, ' ') FROM order_adjustments",
                    "1:cancelled::12.5:USD 9:refunded:r1:1.0:EUR");
    shop_remove(&shop);
}

static void totals_are_by_source_state_and_currency(void **state) {
    (void)state;
    struct shop shop;
    make_history(&shop);
    // orders, units, subtotal, discount, shipping, tax, total, cancelled, refunds, refunded
    const char *const columns = "source, state, currency, orders, units, subtotal, discount, "
                                "shipping, tax, total, cancelled_orders, refunds, refunded_total";
    char sql[512];
    snprintf(sql, sizeof sql, "SELECT %s FROM sales_totals WHERE state = 'CA' AND currency = 'USD'",
             columns);
    shop_sql_expect(&shop, sql, "GOOGLE|CA|USD|0|0|0.0|0.0001|5.0|0.9999|0.0|1|0|0.0");
    snprintf(sql, sizeof sql, "SELECT %s FROM sales_totals WHERE state = 'NY'", columns);
    shop_sql_expect(&shop, sql, "GOOGLE|NY|USD|1|3|3.5|0.0|0.0|0.0|3.5|0|0|0.0");
    snprintf(sql, sizeof sql, "SELECT %s FROM sales_totals WHERE currency = 'EUR'", columns);
    shop_sql_expect(&shop, sql, "GOOGLE|CA|EUR|0|-2|-1.0|0.0|0.0|0.0|-1.0|0|1|1.0");
    shop_sql_expect(&shop, "SELECT count(*) FROM sales_totals", "3");
    shop_remove(&shop);
}

static void buckets_are_readable_times(void **state) {
    (void)state;
    struct shop shop;
    make_history(&shop);
    shop_sql_expect(&shop,
                    "SELECT group_concat(bucket || ' ' || state || ' ' || currency || ' ' || "
                    "orders || ' ' || total, ', ') FROM (SELECT * FROM sales_by_minute ORDER BY "
                    "bucket, state, currency)",
                    "2026-01-01T00:00:00Z CA USD 1 12.5, 2026-01-01T12:00:00Z CA EUR 0 -1.0, "
                    "2026-01-01T12:00:00Z CA USD -1 -12.5, 2026-01-01T12:00:00Z NY USD 1 3.5");
    shop_sql_expect(&shop,
                    "SELECT group_concat(bucket || ' ' || state || ' ' || total, ', ') FROM "
                    "(SELECT * FROM sales_by_hour WHERE currency = 'USD' ORDER BY bucket, state)",
                    "2026-01-01T00:00:00Z CA 12.5, 2026-01-01T12:00:00Z CA -12.5, "
                    "2026-01-01T12:00:00Z NY 3.5");
    shop_sql_expect(&shop, // the shop's days: the first order is of the evening before
                    "SELECT group_concat(bucket || ' ' || state || ' ' || total, ', ') FROM "
                    "(SELECT * FROM sales_by_day WHERE currency = 'USD' ORDER BY bucket, state)",
                    "2025-12-31 CA 12.5, 2026-01-01 CA -12.5, 2026-01-01 NY 3.5");
    shop_remove(&shop);
}

static void products_are_by_day_and_currency(void **state) {
    (void)state;
    struct shop shop;
    make_history(&shop);
    shop_sql_expect(&shop,
                    "SELECT group_concat(day || ' ' || product_id || ' ' || currency || ' ' || "
                    "orders || ' ' || units || ' ' || total, ', ') FROM (SELECT * FROM "
                    "sales_by_product ORDER BY day, product_id, currency)",
                    "2025-12-31 1 USD 1 2 12.5, 2026-01-01 1 USD -1 -2 -12.5, "
                    "2026-01-01 7 EUR 0 -2 -1.0, 2026-01-01 7 USD 1 1 1.0, "
                    "2026-01-01 tea USD 1 2 2.5");
    shop_remove(&shop);
}

static void the_pipeline_is_seen_at_work(void **state) {
    (void)state;
    struct shop shop;
    make_history(&shop);
    shop_sql_expect(&shop, "SELECT id, arrived_at, field, code, event FROM rejected_events",
                    "1|2026-01-01T12:00:00.999Z|order_id|conflict|{}");
    shop_sql_expect(&shop,
                    "SELECT batch_id, committed_at, received, accepted, duplicate, rejected "
                    "FROM pipeline_batches ORDER BY batch_id",
                    "5|2026-01-01T12:00:00.999Z|1|0|0|1");
    shop_sql_expect(&shop, "SELECT count(*) FROM pipeline_batches", "5");
    shop_sql_expect(&shop, "SELECT topic, partition, next_offset, epoch FROM pipeline_positions",
                    "embedded|0|5|0");
    shop_remove(&shop);
}

static void the_projection_is_in_the_shops_currency(void **state) {
    (void)state;
    struct shop shop;
    make_history(&shop);
    shop_sql_expect(&shop,
                    "SELECT group_concat(source || '|' || state || '|' || total_sum_amount || '|' "
                    "|| processed_at || '|' || batch_id, ' ') FROM (SELECT * FROM "
                    "total_sales_by_source_state ORDER BY state)",
                    "GOOGLE|CA|0.0|2026-01-01T12:00:00.999Z|5 "
                    "GOOGLE|NY|3.5|2026-01-01T12:00:00.999Z|5");
    shop_remove(&shop);
}

static void instants_keep_their_milliseconds(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    struct submission *s = submission_new(NULL);
    for (int i = 0; i < 1000; i++) {
        struct event *e = submission_add(s);
        e->order = shop_order(&shop, i, 10000);
        e->order.created_ms += (int64_t)i * 86400000 * 60 + i; // as far as 2190
        e->raw = TEXT_LIT("{}");
    }
    assert_int_equal(shop_send(&shop, s), SETTLE_DURABLE);
    submission_free(s);
    shop_sql_expect(&shop,
                    "SELECT count(*), min(created_at LIKE printf('%%12:00:00.%03dZ', order_id)) "
                    "FROM orders",
                    "1000|1");
    shop_sql_expect(&shop, "SELECT created_at FROM orders WHERE order_id = 999",
                    "2190-02-10T12:00:00.999Z");
    shop_verify(&shop, 1000, 0);
    shop_remove(&shop);
}

static void the_newest_thousand_orders_are_recent(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    struct submission *s = submission_new(NULL);
    for (int i = 0; i < 1005; i++) {
        struct event *e = submission_add(s);
        e->order = shop_order(&shop, 1 + i, 10000);
        e->raw = TEXT_LIT("{}");
    }
    assert_int_equal(shop_send(&shop, s), SETTLE_DURABLE);
    submission_free(s);
    shop_sql_expect(&shop, "SELECT count(*), min(order_id), max(order_id) FROM recent_orders",
                    "1000|6|1005");
    shop_remove(&shop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_have_plain_names_and_numbers),
        cmocka_unit_test(adjustments_name_their_event),
        cmocka_unit_test(totals_are_by_source_state_and_currency),
        cmocka_unit_test(buckets_are_readable_times),
        cmocka_unit_test(products_are_by_day_and_currency),
        cmocka_unit_test(the_pipeline_is_seen_at_work),
        cmocka_unit_test(the_projection_is_in_the_shops_currency),
        cmocka_unit_test(instants_keep_their_milliseconds),
        cmocka_unit_test(the_newest_thousand_orders_are_recent),
    };
    log_set_level(LOG_ERROR + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
