// SPDX-License-Identifier: MIT
// What the store drops as time goes by, in virtual time: minute cells after 15 days, hour cells
// after 400, rejected events after 30 days or a million, batches after 10,000. The laws hold all
// the while, and sums below the floors are not shown.
#include "shop_sql.h"

#include "log_taken.h"

static const int64_t MINUTE_MS = 60000, HOUR_MS = 3600000, DAY_MS = INT64_C(86400000);

static bool add_orders(void *user, const struct sales_row *row) {
    *(int64_t *)user += row->sum.orders;
    return true;
}

// Orders in all buckets of a kind, as the reader shows them.
static int64_t orders_by(struct shop *shop, enum sales_bucket bucket) {
    struct sales_query q = {
        .bucket = bucket, .from = INT32_MIN, .to = INT32_MAX, .max_rows = 100000};
    struct sales_reader *r = shop_reader(shop);
    struct error err = {0};
    int64_t n = 0;
    assert_true(r->ops->sales(r, &q, add_orders, &n, &err));
    r->ops->close(r);
    return n;
}

static void expect_orders(struct shop *shop, int64_t by_minute, int64_t by_hour, int64_t by_day) {
    assert_int_equal(orders_by(shop, BUCKET_MINUTE), by_minute);
    assert_int_equal(orders_by(shop, BUCKET_HOUR), by_hour);
    assert_int_equal(orders_by(shop, BUCKET_DAY), by_day);
    assert_int_equal(orders_by(shop, BUCKET_NONE), by_day);
}

// A duplicate moves time on without adding to a sum.
static void touch(struct shop *shop) {
    assert_int_equal(shop_place(shop, shop_order(shop, 1, 10000)), VERDICT_DUPLICATE);
}

static void minutes_are_kept_for_fifteen_days(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)), VERDICT_ACCEPTED);
    shop_pass(&shop, 15 * DAY_MS);
    touch(&shop);
    expect_orders(&shop, 1, 1, 1); // still
    shop_verify(&shop, 1, 0);
    shop_pass(&shop, MINUTE_MS);
    touch(&shop);
    expect_orders(&shop, 0, 1, 1);
    assert_int_equal(shop_sql(&shop, "SELECT count(*) FROM minute_cells"), 0);
    shop_verify(&shop, 1, 0);
    shop_remove(&shop);
}

static void hours_are_kept_for_four_hundred_days(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)), VERDICT_ACCEPTED);
    shop_pass(&shop, 400 * DAY_MS);
    touch(&shop);
    expect_orders(&shop, 0, 1, 1);
    shop_pass(&shop, HOUR_MS);
    touch(&shop);
    expect_orders(&shop, 0, 0, 1); // days and totals for ever
    assert_int_equal(shop_sql(&shop, "SELECT count(*) FROM hour_cells"), 0);
    shop_verify(&shop, 1, 0);
    shop_remove(&shop);
}

static void an_order_below_the_floor_is_in_days_and_totals_only(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    struct order late = shop_order(&shop, 1, 10000), later = shop_order(&shop, 2, 10000);
    late.created_ms -= 15 * DAY_MS + MINUTE_MS;
    later.created_ms -= 400 * DAY_MS + HOUR_MS;
    assert_int_equal(shop_place(&shop, late), VERDICT_ACCEPTED);
    expect_orders(&shop, 0, 1, 1);
    assert_int_equal(shop_place(&shop, later), VERDICT_ACCEPTED);
    expect_orders(&shop, 0, 1, 2);
    shop_verify(&shop, 2, 0);
    shop_remove(&shop);
}

// --- A clock that is ahead for a while

static int64_t minute_floor(const struct shop *shop) {
    return shop_sql(shop, "SELECT minute_floor FROM pipeline_state");
}

static int64_t hour_floor(const struct shop *shop) {
    return shop_sql(shop, "SELECT hour_floor FROM pipeline_state");
}

static void expect_floors_of(const struct shop *shop, int64_t now_ms) {
    assert_int_equal(minute_floor(shop), now_ms / MINUTE_MS - 15 * 24 * 60);
    assert_int_equal(hour_floor(shop), now_ms / HOUR_MS - 400 * 24);
}

static void a_clock_that_is_ahead_for_seconds_moves_no_floor(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    struct order old = shop_order(&shop, 1, 10000);
    old.created_ms -= 10 * DAY_MS;
    assert_int_equal(shop_place(&shop, old), VERDICT_ACCEPTED);
    int64_t start_ms = shop.now_ms;
    shop.now_ms += 20 * DAY_MS;
    assert_int_equal(shop_place(&shop, shop_order(&shop, 2, 10000)), VERDICT_ACCEPTED);
    expect_floors_of(&shop, start_ms);
    shop.now_ms = start_ms;
    shop_pass(&shop, 2000);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 3, 10000)), VERDICT_ACCEPTED);
    expect_floors_of(&shop, shop.now_ms);
    expect_orders(&shop, 3, 3, 3);
    shop_verify(&shop, 3, 0);
    shop_remove(&shop);
}

static void floors_follow_a_jump_that_lasts(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)), VERDICT_ACCEPTED);
    int64_t start_ms = shop.now_ms;
    shop.now_ms += 30 * DAY_MS; // the machine slept
    touch(&shop);
    expect_floors_of(&shop, start_ms);
    shop_pass(&shop, 59 * MINUTE_MS);
    touch(&shop);
    expect_floors_of(&shop, start_ms + 59 * MINUTE_MS);
    shop_pass(&shop, MINUTE_MS);
    touch(&shop);
    expect_floors_of(&shop, shop.now_ms);
    shop_verify(&shop, 1, 0);
    shop_remove(&shop);
}

// As an earlier program, or a start with a wrong clock, leaves it: floors far ahead, the cells
// below them dropped or never written.
static void make_suffered(struct shop *shop) {
    shop_make(shop, NULL);
    shop_open(shop);
    for (int i = 0; i < 40; i++) { // through all of both retentions, and beyond
        struct order o = shop_order(shop, 1 + i, 10000 + i);
        o.created_ms -= i < 20 ? i * DAY_MS : (i - 5) * 20 * DAY_MS;
        o.source = i % 3 == 0 ? TEXT_LIT("BING") : o.source;
        assert_int_equal(shop_place(shop, o), VERDICT_ACCEPTED);
    }
    assert_int_equal(shop_place(shop, shop_cancellation(shop, 1, 10000)), VERDICT_ACCEPTED);
    assert_int_equal(shop_place(shop, shop_refund(shop, 3, "r", 500)), VERDICT_ACCEPTED);
}

static void expect_rebuild_changes_nothing(const struct shop *shop) {
    struct audit_report report;
    struct error err = {0};
    int64_t changed;
    FILE *quiet = fopen("/dev/null", "w");
    assert_non_null(quiet);
    assert_true(audit_rebuild(shop->directory, false, quiet, &changed, &report, &err));
    fclose(quiet);
    assert_int_equal(changed, 0);
}

static void a_directory_that_has_suffered_a_clock_ahead_is_healed_at_start(void **state) {
    (void)state;
    struct shop shop;
    make_suffered(&shop);
    int64_t right_ms = shop.now_ms;
    shop_verify(&shop, 40, 2);
    int64_t n_minutes = orders_by(&shop, BUCKET_MINUTE), n_hours = orders_by(&shop, BUCKET_HOUR);
    shop_close(&shop);
    shop.now_ms += 20 * DAY_MS;
    shop_open(&shop); // with a clock that is wrong from the start on
    touch(&shop);
    expect_floors_of(&shop, shop.now_ms);
    assert_int_equal(orders_by(&shop, BUCKET_MINUTE), 0);
    shop.now_ms = right_ms;
    struct log_taken taken = log_taken_begin(LOG_WARN);
    enum verdict first = shop_place(&shop, shop_order(&shop, 100, 70000));
    enum verdict second = shop_place(&shop, shop_order(&shop, 100, 70000));
    char *told = log_taken_end(&taken);
    assert_int_equal(first, VERDICT_ACCEPTED);
    assert_int_equal(second, VERDICT_DUPLICATE);
    assert_int_equal(log_taken_count(told,
                                     " warn store: the clock has been put back, or it was far "
                                     "ahead before: "),
                     1);
    assert_int_equal(log_taken_count(told, "\n"), 1); // once is enough
    free(told);
    assert_int_equal(orders_by(&shop, BUCKET_MINUTE), 0); // not mended yet
    taken = log_taken_begin(LOG_WARN);
    shop_restart(&shop);
    told = log_taken_end(&taken);
    assert_int_equal(log_taken_count(told, " warn store: the clock was ahead once: rows by minute "
                                           "were kept from 2026-01-06T12:00:00"),
                     1);
    assert_non_null(strstr(told, "; from 2025-12-17T12:00:00"));
    assert_non_null(strstr(told, "added up again from the raw orders\n"));
    assert_int_equal(log_taken_count(told, "\n"), 1);
    free(told);
    expect_floors_of(&shop, right_ms);
    shop_verify(&shop, 41, 2);
    assert_int_equal(orders_by(&shop, BUCKET_MINUTE), n_minutes + 1);
    assert_int_equal(orders_by(&shop, BUCKET_HOUR), n_hours + 1);
    taken = log_taken_begin(LOG_WARN);
    shop_restart(&shop); // healed once is healed
    told = log_taken_end(&taken);
    assert_string_equal(told, "");
    free(told);
    expect_floors_of(&shop, right_ms);
    struct order o = shop_order(&shop, 101, 1);
    o.created_ms -= 10 * DAY_MS;
    assert_int_equal(shop_place(&shop, o), VERDICT_ACCEPTED); // and so it goes on
    assert_int_equal(orders_by(&shop, BUCKET_MINUTE), n_minutes + 2);
    shop_verify(&shop, 42, 2);
    shop_close(&shop);
    expect_rebuild_changes_nothing(&shop);
    shop_open(&shop);
    shop_remove(&shop);
}

static void a_clock_behind_by_years_heals_nothing(void **state) {
    (void)state;
    struct shop shop;
    make_suffered(&shop);
    int64_t right_ms = shop.now_ms;
    shop_close(&shop);
    shop.now_ms = 1000; // a machine without a battery
    shop_open(&shop);
    expect_floors_of(&shop, right_ms);
    shop_verify(&shop, 40, 2);
    shop_remove(&shop);
}

static void many_old_cells_go_in_steps_and_are_never_shown(void **state) {
    (void)state;
    enum { CELLS = 5000 }; // more than two steps of one commit
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    struct submission *s = submission_new(NULL);
    for (int i = 0; i < CELLS; i++) {
        struct event *e = submission_add(s);
        e->order = shop_order(&shop, 1 + i, 10000);
        e->order.created_ms = shop.now_ms - i * MINUTE_MS;
        e->order.product_id.num = 7;
        e->raw = TEXT_LIT("{}");
    }
    assert_int_equal(shop_send(&shop, s), SETTLE_DURABLE);
    submission_free(s);
    expect_orders(&shop, CELLS, CELLS, CELLS);
    shop_pass(&shop, 20 * DAY_MS);
    int n_commits = 0;
    for (int64_t left = CELLS; left > 0; n_commits++) {
        struct order again = shop_order(&shop, 1, 10000);
        again.product_id.num = 7;
        assert_int_equal(shop_place(&shop, again), VERDICT_DUPLICATE);
        expect_orders(&shop, 0, CELLS, CELLS);
        assert_int_equal(shop_sql(&shop, "SELECT count(*) FROM sales_by_minute"), 0); // nor a view
        shop_verify(&shop, CELLS, 0);
        int64_t have = shop_sql(&shop, "SELECT count(*) FROM minute_cells");
        assert_in_range(left - have, 1, 2000);
        left = have;
    }
    assert_int_equal(n_commits, 3);
    shop_remove(&shop);
}

// --- Rejected events

static void reject_one(struct shop *shop) {
    shop_refuse(shop, shop_order(shop, 1, 10001), REJECT_CONFLICT);
}

static void rejected_events_are_kept_for_thirty_days(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)), VERDICT_ACCEPTED);
    for (int i = 0; i < 3; i++) {
        reject_one(&shop);
    }
    shop_pass(&shop, 30 * DAY_MS);
    reject_one(&shop);
    assert_int_equal(shop_sql(&shop, "SELECT count(*) FROM rejected_rows"), 4);
    shop_pass(&shop, 1);
    reject_one(&shop);
    shop_sql_expect(&shop, "SELECT group_concat(id) FROM rejected_rows", "4,5");
    shop_sql_expect(&shop, "SELECT rejected, rejected_expired FROM pipeline_state", "5|3");
    shop_verify(&shop, 1, 0);
    shop_remove(&shop);
}

static void a_start_with_a_clock_ahead_drops_no_rejected_event(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)), VERDICT_ACCEPTED);
    reject_one(&shop);
    shop_close(&shop);
    int64_t right_ms = shop.now_ms;
    shop.now_ms += 60 * DAY_MS;
    shop_open(&shop);
    reject_one(&shop);
    shop_pass(&shop, 59 * MINUTE_MS);
    reject_one(&shop);
    shop_sql_expect(&shop, "SELECT group_concat(id) FROM rejected_rows", "1,2,3");
    shop.now_ms = right_ms; // set right while it runs
    reject_one(&shop);
    shop_pass(&shop, HOUR_MS);
    reject_one(&shop);
    shop_sql_expect(&shop, "SELECT group_concat(id) FROM rejected_rows", "1,2,3,4,5");
    shop_close(&shop);
    shop.now_ms += 31 * DAY_MS; // it stood still: no clock that is ahead
    shop_open(&shop);
    reject_one(&shop);
    shop_pass(&shop, HOUR_MS);
    reject_one(&shop); // by age, from the oldest on
    shop_sql_expect(&shop, "SELECT min(id) > 1, max(id) FROM rejected_rows", "1|7");
    shop_verify(&shop, 1, 0);
    shop_remove(&shop);
}

static void an_id_of_a_rejected_event_is_never_used_again(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)), VERDICT_ACCEPTED);
    reject_one(&shop);
    reject_one(&shop);
    shop_close(&shop);
    // As if all had expired.
    shop_sql(&shop, "DELETE FROM rejected_rows; UPDATE pipeline_state SET rejected_expired = 2");
    shop_open(&shop);
    reject_one(&shop);
    shop_sql_expect(&shop, "SELECT group_concat(id) FROM rejected_rows", "3");
    shop_verify(&shop, 1, 0);
    shop_remove(&shop);
}

static void the_newest_million_rejected_events_is_kept(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)), VERDICT_ACCEPTED);
    for (int i = 0; i < 3; i++) {
        reject_one(&shop);
    }
    shop_close(&shop);
    // As if a million less three had been rejected and were gone.
    shop_sql(&shop, "UPDATE pipeline_state SET rejected = 1000000, received = 1000001, "
                    "rejected_expired = 999997; "
                    "UPDATE pipeline_positions SET next_offset = 1000001");
    shop_open(&shop);
    reject_one(&shop); // 1,000,001: the first goes
    shop_sql_expect(&shop, "SELECT group_concat(id) FROM rejected_rows", "2,3,1000001");
    reject_one(&shop);
    shop_sql_expect(&shop, "SELECT group_concat(id) FROM rejected_rows", "3,1000001,1000002");
    shop_verify(&shop, 1, 0);
    shop_remove(&shop);
}

static void the_newest_ten_thousand_batches_are_kept(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)), VERDICT_ACCEPTED);
    shop_close(&shop);
    shop_sql(&shop, "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n LIMIT 10238) "
                    "INSERT INTO batch_rows SELECT i, 0, 0, 0, 0, 0 FROM n; "
                    "DELETE FROM batch_rows WHERE batch_id = 10239; "
                    "UPDATE pipeline_state SET last_batch_id = 10238");
    shop_open(&shop);
    touch(&shop); // 10,239: not a multiple of 256, so nothing is dropped
    shop_sql_expect(&shop, "SELECT count(*), min(batch_id) FROM batch_rows", "10239|1");
    touch(&shop); // 10,240 = 40 * 256
    shop_sql_expect(&shop, "SELECT count(*), min(batch_id) FROM batch_rows", "10000|241");
    shop_verify(&shop, 1, 0);
    shop_remove(&shop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minutes_are_kept_for_fifteen_days),
        cmocka_unit_test(hours_are_kept_for_four_hundred_days),
        cmocka_unit_test(an_order_below_the_floor_is_in_days_and_totals_only),
        cmocka_unit_test(a_clock_that_is_ahead_for_seconds_moves_no_floor),
        cmocka_unit_test(floors_follow_a_jump_that_lasts),
        cmocka_unit_test(a_directory_that_has_suffered_a_clock_ahead_is_healed_at_start),
        cmocka_unit_test(a_clock_behind_by_years_heals_nothing),
        cmocka_unit_test(many_old_cells_go_in_steps_and_are_never_shown),
        cmocka_unit_test(rejected_events_are_kept_for_thirty_days),
        cmocka_unit_test(a_start_with_a_clock_ahead_drops_no_rejected_event),
        cmocka_unit_test(an_id_of_a_rejected_event_is_never_used_again),
        cmocka_unit_test(the_newest_million_rejected_events_is_kept),
        cmocka_unit_test(the_newest_ten_thousand_batches_are_kept),
    };
    log_set_level(LOG_ERROR + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
