// SPDX-License-Identifier: MIT
// Questions to MySQL as text, and its answers as values; no server.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/mysql/mysql_decode.h"
#include "store/mysql/mysql_reader_sql.h"

static void expect_sql(struct sales_query q, const char *want) {
    struct buf sql = {0};
    q.max_rows = 9;
    mysql_sales_sql(&sql, &q);
    assert_false(sql.failed);
    buf_put_char(&sql, '\0');
    assert_string_equal(sql.at, want);
    buf_free(&sql);
}

static void cells_are_read_off_and_groups_are_added_up(void **state) {
    UNUSED(state);
    expect_sql(
        (struct sales_query){
            .by_source = true, .by_state = true, .from = INT32_MIN, .to = INT32_MAX},
        "SELECT source, state, currency, orders, units, subtotal, discount, shipping, tax, total, "
        "cancelled_orders, refunds, refunded_total FROM sales_totals WHERE TRUE ORDER BY source, "
        "state, currency LIMIT 10");
    expect_sql((struct sales_query){.by_state = true, .from = INT32_MIN, .to = INT32_MAX},
               "SELECT state, currency, SUM(orders), SUM(units), SUM(subtotal), SUM(discount), "
               "SUM(shipping), SUM(tax), SUM(total), SUM(cancelled_orders), SUM(refunds), "
               "SUM(refunded_total) FROM sales_totals WHERE TRUE GROUP BY state, currency "
               "ORDER BY state, currency LIMIT 10");
    expect_sql((struct sales_query){.by_product = true, .from = 20454, .to = 20456},
               "SELECT product_id, currency, SUM(orders), SUM(units), SUM(total) "
               "FROM sales_by_product WHERE TRUE AND day >= '2026-01-01' AND day < '2026-01-03' "
               "GROUP BY product_id, currency LIMIT 10");
    expect_sql(
        (struct sales_query){
            .by_product = true, .bucket = BUCKET_DAY, .from = INT32_MIN, .to = 20455},
        "SELECT TO_DAYS(day) - 719528, product_id, currency, orders, units, total FROM "
        "sales_by_product WHERE TRUE AND day < '2026-01-02' LIMIT 10");
}

static void what_the_question_tells_is_no_column(void **state) {
    UNUSED(state);
    struct sales_query q = {.by_product = true, .bucket = BUCKET_DAY, .from = 20454, .to = 20455};
    q.filters[SALES_CURRENCY] = (struct sales_filter){1, {TEXT_LIT("USD")}};
    expect_sql(q, "SELECT product_id, orders, units, total FROM sales_by_product WHERE TRUE AND "
                  "day = '2026-01-01' AND currency IN ('USD') LIMIT 10");
    q.by_product = false;
    expect_sql(q, "SELECT SUM(orders), SUM(units), SUM(subtotal), SUM(discount), SUM(shipping), "
                  "SUM(tax), SUM(total), SUM(cancelled_orders), SUM(refunds), SUM(refunded_total) "
                  "FROM sales_by_day WHERE TRUE AND bucket = '2026-01-01' AND currency IN ('USD') "
                  "HAVING COUNT(*) > 0 LIMIT 10");
    q.to = 20456;
    struct mysql_sales_columns days = mysql_sales_columns(&q);
    assert_int_equal(days.bucket, 0);
    assert_int_equal(days.currency, -1);
    assert_int_equal(days.measures, 1);
    q.filters[SALES_CURRENCY] = (struct sales_filter){2, {TEXT_LIT("USD"), TEXT_LIT("EUR")}};
    q.by_state = true;
    struct mysql_sales_columns two = mysql_sales_columns(&q);
    assert_int_equal(two.source, -1);
    assert_int_equal(two.state, 1);
    assert_int_equal(two.currency, 2);
    assert_int_equal(two.measures, 3);
}

static void ranges_become_times_of_the_buckets(void **state) {
    UNUSED(state);
    expect_sql((struct sales_query){.bucket = BUCKET_MINUTE, .from = 60, .to = 62},
               "SELECT TIMESTAMPDIFF(MINUTE, '1970-01-01', bucket), currency, SUM(orders), "
               "SUM(units), SUM(subtotal), SUM(discount), SUM(shipping), SUM(tax), SUM(total), "
               "SUM(cancelled_orders), SUM(refunds), SUM(refunded_total) FROM sales_by_minute "
               "WHERE TRUE AND bucket >= '1970-01-01 01:00:00' AND bucket < "
               "'1970-01-01 01:02:00' AND bucket >= " SQL_MINUTE_FLOOR
               " GROUP BY bucket, currency ORDER BY bucket, currency LIMIT 10");
}

static bool has(const struct sales_query *q, const char *words) {
    struct buf sql = {0};
    mysql_sales_sql(&sql, q);
    buf_put_char(&sql, '\0');
    bool found = strstr(sql.at, words) != NULL;
    buf_free(&sql);
    return found;
}

static void what_is_outside_of_all_orders_is_no_date_of_mysql(void **state) {
    UNUSED(state);
    for (int bucket = BUCKET_MINUTE; bucket <= BUCKET_DAY; bucket++) {
        struct sales_query q = {
            .bucket = (enum sales_bucket)bucket, .to = INT32_MAX, .max_rows = 1};
        q.from = INT32_MIN;
        assert_false(has(&q, "bucket >= '") || has(&q, "bucket < '") || has(&q, "FALSE"));
        q.to = INT32_MIN + 1;
        assert_true(has(&q, "FALSE"));
        q.to = INT32_MAX;
        q.from = INT32_MAX;
        assert_true(has(&q, "FALSE"));
        q.from = -1; // the first day west of Greenwich
        assert_false(has(&q, "bucket >= '"));
        q.to = 0;
        assert_false(has(&q, "bucket = '"));
        q.to = -2;
        assert_true(has(&q, "FALSE"));
        q.from = q.to = 5;
        assert_true(has(&q, "FALSE"));
    }
}

static void answers_become_exact_numbers(void **state) {
    UNUSED(state);
    char *row[] = {"3", "-4", "922337203685477.5807", "0.0001", "-0.5", "7", NULL,
                   "1", "2",  "-922337203685477.5808"};
    unsigned long lengths[COUNT_OF(row)];
    for (size_t i = 0; i < COUNT_OF(row); i++) {
        lengths[i] = row[i] != NULL ? strlen(row[i]) : 0;
    }
    const struct mysql_values v = {row, lengths};
    struct measures m;
    assert_true(mysql_measures_at(&v, 0, false, &m));
    const struct measures want = {3, -4, INT64_MAX, 1, -5000, 70000, 0, 1, 2, INT64_MIN};
    assert_memory_equal(&m, &want, sizeof m);
    assert_true(mysql_measures_at(&v, 0, true, &m)); // of a product: three of them
    const struct measures product = {.orders = 3, .units = -4, .total_e4 = INT64_MAX};
    assert_memory_equal(&m, &product, sizeof m);
    char *bad[] = {"922337203685477.5808", "1e5", "x", "1.00001", ""};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        unsigned long n = strlen(bad[i]);
        const struct mysql_values one = {&bad[i], &n};
        int64_t e4;
        assert_false(mysql_amount_at(&one, 0, &e4));
    }
}

static void identifiers_come_back_as_they_were(void **state) {
    UNUSED(state);
    char *row[] = {"7", "007", NULL, "9223372036854775808"};
    unsigned long lengths[] = {1, 3, 0, 19};
    const struct mysql_values v = {row, lengths};
    assert_int_equal(mysql_ident_at(&v, 0).num, 7);
    assert_true(text_equal(mysql_ident_at(&v, 1).text, TEXT_LIT("007")));
    assert_false(ident_present(mysql_ident_at(&v, 2)));
    assert_true(text_equal(mysql_ident_at(&v, 3).text, TEXT_LIT("9223372036854775808")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_read_off_and_groups_are_added_up),
        cmocka_unit_test(what_the_question_tells_is_no_column),
        cmocka_unit_test(ranges_become_times_of_the_buckets),
        cmocka_unit_test(what_is_outside_of_all_orders_is_no_date_of_mysql),
        cmocka_unit_test(answers_become_exact_numbers),
        cmocka_unit_test(identifiers_come_back_as_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
