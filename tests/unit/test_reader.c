// SPDX-License-Identifier: MIT
// The sales reader on the real store: every grouping and bucket against sums made from the events
// one by one, time ranges, limits, snapshots, and look-ups of orders.
#include "reader_history.h"
#include "shop_sql.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/day_reader.h"

static void every_grouping_and_bucket_adds_up(void **state) {
    (void)state;
    struct history *h = history_make();
    struct sales_reader *r = shop_reader(&h->shop);
    expect_every_answer(h, r);
    r->ops->close(r);
    int n_orders = 0;
    for (int i = 0; i < EVENTS; i++) {
        n_orders += h->events[i].kind == ORDER_PLACED;
    }
    shop_verify(&h->shop, n_orders, EVENTS - n_orders);
    history_remove(h);
}

static bool count_row(void *user, const struct sales_row *row) {
    (void)row;
    ++*(int *)user;
    return true;
}

static bool count_one(void *user, const struct sales_row *row) {
    (void)row;
    ++*(int *)user;
    return false;
}

static const struct sales_query BY_HOUR = {
    .by_source = true, .bucket = BUCKET_HOUR, .from = INT32_MIN, .to = INT32_MAX, .max_rows = 5000};

static void more_rows_than_asked_for_are_refused(void **state) {
    (void)state;
    struct history *h = history_make();
    struct sales_reader *r = shop_reader(&h->shop);
    struct sales_query q = BY_HOUR;
    struct error err = {0};
    int n = 0, again = 0;
    assert_true(r->ops->sales(r, &q, count_row, &n, &err));
    assert_true(n > 10);
    q.max_rows = n - 1;
    assert_false(r->ops->sales(r, &q, count_row, &again, &err));
    assert_int_equal(err.cls, ERROR_USAGE);
    assert_non_null(strstr(err.text, "shorter time range"));
    assert_int_equal(again, n - 1);
    q.max_rows = n; // exactly; and the reader works on
    again = 0;
    assert_true(r->ops->sales(r, &q, count_row, &again, &err));
    assert_int_equal(again, n);
    q.max_rows = 1; // a caller that has enough
    again = 0;
    assert_true(r->ops->sales(r, &q, count_one, &again, &err));
    assert_int_equal(again, 1);
    r->ops->close(r);
    history_remove(h);
}

static void products_have_no_minutes_and_no_sources(void **state) {
    (void)state;
    struct history *h = history_make();
    struct sales_reader *r = shop_reader(&h->shop);
    const struct sales_query bad[] = {
        {.by_product = true, .bucket = BUCKET_MINUTE, .max_rows = 10},
        {.by_product = true, .bucket = BUCKET_HOUR, .max_rows = 10},
        {.by_product = true, .by_source = true, .bucket = BUCKET_DAY, .max_rows = 10},
        {.by_product = true, .by_state = true, .max_rows = 10}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct error err = {0};
        int n = 0;
        assert_false(r->ops->sales(r, &bad[i], count_row, &n, &err));
        assert_int_equal(err.cls, ERROR_USAGE);
        assert_int_equal(n, 0);
    }
    r->ops->close(r);
    history_remove(h);
}

// --- Orders

struct list {
    char text[1024];
    int n, max;
};

// "3:placed 1:refunded/r " and so on: position, kind and event id.
static bool put_event(void *user, const struct stored_event *event) {
    struct list *l = user;
    size_t len = strlen(l->text);
    snprintf(l->text + len, sizeof l->text - len, "%lld:%s%s%.*s ", (long long)event->position,
             order_kind_name(event->order.kind), event->order.event_id.at != NULL ? "/" : "",
             TEXT_ARG(event->order.event_id));
    return ++l->n != l->max;
}

static void expect_order(struct shop *shop, struct ident id, const char *want) {
    for (int with_writer = 0; with_writer < 2; with_writer++) {
        struct sales_reader *r;
        struct store_settings settings;
        struct error err = {0};
        struct list l = {0};
        assert_true(sqlite_reader_open(shop->directory, with_writer ? shop->store : NULL, 10000, &r,
                                       &settings, &err));
        assert_true(r->ops->order(r, id, put_event, &l, &err));
        assert_string_equal(l.text, want);
        r->ops->close(r);
    }
}

static void an_order_comes_with_its_adjustments_in_order(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    struct ident text = {-1, TEXT_LIT("order-1")};
    struct order o = shop_order(&shop, 0, 10000);
    o.order_id = text;
    struct order orders[] = {shop_order(&shop, 1, 10000), shop_refund(&shop, 1, "b", 1),
                             shop_refund(&shop, 2, "x", 1), shop_refund(&shop, 1, "a", 2), o};
    struct submission *s = shop_submission(orders, COUNT_OF(orders));
    assert_int_equal(shop_send(&shop, s), SETTLE_DURABLE);
    submission_free(s);
    assert_int_equal(shop_place(&shop, shop_cancellation(&shop, 1, 10000)), VERDICT_ACCEPTED);
    for (int i = 0; i < 2; i++) { // waiting in memory, then in the index
        expect_order(&shop, (struct ident){1, TEXT_NONE},
                     "1:placed 1:refunded/b 3:refunded/a 4:cancelled ");
        expect_order(&shop, text, "2:placed ");
        expect_order(&shop, (struct ident){2, TEXT_NONE}, "2:refunded/x ");
        expect_order(&shop, (struct ident){3, TEXT_NONE}, "");
        expect_order(&shop, (struct ident){-1, TEXT_LIT("order-2")}, "");
        shop_restart(&shop);
    }
    shop_remove(&shop);
}

static void a_caller_that_has_enough_gets_no_more(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    struct order orders[] = {shop_order(&shop, 1, 10000), shop_refund(&shop, 1, "a", 1),
                             shop_refund(&shop, 1, "b", 1)};
    struct submission *s = shop_submission(orders, 3);
    assert_int_equal(shop_send(&shop, s), SETTLE_DURABLE);
    submission_free(s);
    struct sales_reader *r = shop_reader(&shop);
    for (int max = 1; max <= 3; max++) {
        struct list l = {.max = max};
        struct error err = {0};
        assert_true(r->ops->order(r, (struct ident){1, TEXT_NONE}, put_event, &l, &err));
        assert_int_equal(l.n, max);
    }
    r->ops->close(r);
    shop_remove(&shop);
}

static bool keep_event(void *user, const struct stored_event *event) {
    struct stored_event *out = user;
    assert_int_equal(event->order.n_items, 0); // only their text
    assert_string_equal(event->order.items_json.at, ITEMS_JSON);
    *out = *event;
    return true;
}

static void a_stored_order_is_read_as_it_came(void **state) {
    (void)state;
    struct shop shop;
    struct stored_event have = {0};
    struct error err = {0};
    shop_make(&shop, NULL);
    shop_open(&shop);
    struct order o = shop_order(&shop, 1, 10000);
    o.customer_id = (struct ident){-1, TEXT_LIT("ann")};
    o.discount_e4 = 1;
    o.shipping_e4 = 2;
    o.tax_e4 = 3;
    o.product_id = IDENT_NONE;
    o.items = ITEMS;
    o.n_items = COUNT_OF(ITEMS);
    o.items_json = TEXT_LIT(ITEMS_JSON);
    o.created_ms -= 1234567;
    assert_int_equal(shop_place(&shop, o), VERDICT_ACCEPTED);
    struct sales_reader *r = shop_reader(&shop);
    assert_true(r->ops->order(r, o.order_id, keep_event, &have, &err));
    assert_int_equal(have.position, 1);
    assert_int_equal(have.arrival_ms, shop.now_ms);
    assert_int_equal(have.order.created_ms, o.created_ms);
    assert_int_equal(have.order.quantity, o.quantity);
    assert_int_equal(have.order.subtotal_e4, 10000);
    assert_int_equal(have.order.discount_e4, 1);
    assert_int_equal(have.order.shipping_e4, 2);
    assert_int_equal(have.order.tax_e4, 3);
    assert_int_equal(have.order.total_e4, 10000);
    assert_string_equal(have.order.currency, "USD");
    assert_false(ident_present(have.order.product_id));
    r->ops->close(r);
    shop_remove(&shop);
}

static void the_newest_orders_come_first(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    for (int i = 1; i <= 5; i++) {
        assert_int_equal(shop_place(&shop, shop_order(&shop, i, 10000)), VERDICT_ACCEPTED);
        assert_int_equal(shop_place(&shop, shop_refund(&shop, i, "a", 1)), VERDICT_ACCEPTED);
    }
    const struct {
        int64_t after, limit;
        int max;
        const char *want;
    } cases[] = {{0, 10, 0, "5:placed 4:placed 3:placed 2:placed 1:placed "},
                 {3, 10, 0, "5:placed 4:placed "},
                 {0, 2, 0, "5:placed 4:placed "},
                 {0, 10, 1, "5:placed "},
                 {5, 10, 0, ""},
                 {0, 0, 0, ""}};
    struct sales_reader *r = shop_reader(&shop);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct list l = {.max = cases[i].max};
        struct error err = {0};
        assert_true(r->ops->recent(r, cases[i].after, cases[i].limit, put_event, &l, &err));
        assert_string_equal(l.text, cases[i].want);
    }
    r->ops->close(r);
    shop_remove(&shop);
}

// --- Rejected events

static bool put_rejected(void *user, const struct rejected_row *row) {
    struct list *l = user;
    size_t len = strlen(l->text);
    snprintf(l->text + len, sizeof l->text - len, "%lld%s ", (long long)row->id,
             row->raw_cut ? " cut" : "");
    assert_true(text_equal(row->code, TEXT_LIT(REJECT_MISSING)));
    assert_int_equal(row->arrival_ms, INT64_C(1767268800000));
    return ++l->n != l->max;
}

static void rejected_events_are_read_page_by_page(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    size_t n_long = ORDER_REJECTED_TEXT_MAX_BYTES + 1;
    char *text = mem_alloc(n_long);
    memset(text, 'x', n_long);
    struct submission *s = submission_new(NULL);
    for (int i = 0; i < 7; i++) {
        struct rejection why = {.field = "total", .code = REJECT_MISSING, .message = "is missing"};
        struct event *e = submission_add(s);
        e->raw = (struct text){text, n_long - (i == 3 ? 0 : 1)};
        assert_true(submission_reject(s, e, &why));
    }
    assert_int_equal(shop_send(&shop, s), SETTLE_DURABLE);
    submission_free(s);
    free(text);
    const struct {
        int64_t before, limit;
        int max;
        const char *want;
    } pages[] = {{INT64_MAX, 3, 0, "7 6 5 "},
                 {5, 3, 0, "4 cut 3 2 "},
                 {2, 3, 0, "1 "},
                 {1, 3, 0, ""},
                 {INT64_MAX, 3, 2, "7 6 "}};
    struct sales_reader *r = shop_reader(&shop);
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        struct list l = {.max = pages[i].max};
        struct error err = {0};
        assert_true(r->ops->rejected(r, pages[i].before, pages[i].limit, put_rejected, &l, &err));
        assert_string_equal(l.text, pages[i].want);
    }
    r->ops->close(r);
    shop_remove(&shop);
}

// --- Snapshots, counts and time-outs

static int64_t accepted(struct sales_reader *r, int64_t *last_batch_id) {
    struct store_counts counts;
    struct error err = {0};
    assert_true(r->ops->counts(r, &counts, last_batch_id, &err));
    return counts.accepted;
}

static void calls_between_begin_and_end_see_one_snapshot(void **state) {
    (void)state;
    struct shop shop;
    int64_t batch = 0;
    shop_make(&shop, NULL);
    shop_open(&shop);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)), VERDICT_ACCEPTED);
    struct sales_reader *r = shop_reader(&shop);
    struct error err = {0};
    assert_true(r->ops->begin(r, &err));
    assert_int_equal(accepted(r, &batch), 1);
    assert_int_equal(batch, 1);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 2, 10000)), VERDICT_ACCEPTED);
    struct list l = {0};
    assert_int_equal(accepted(r, &batch), 1);
    assert_true(r->ops->recent(r, 0, 10, put_event, &l, &err));
    assert_string_equal(l.text, "1:placed ");
    l = (struct list){0};
    assert_true(r->ops->order(r, (struct ident){2, TEXT_NONE}, put_event, &l, &err));
    assert_string_equal(l.text, "");
    assert_int_equal(accepted(r, &batch), 1); // a look-up does not end the snapshot
    r->ops->end(r);
    assert_int_equal(accepted(r, &batch), 2);
    assert_int_equal(batch, 2);
    assert_true(r->ops->order(r, (struct ident){2, TEXT_NONE}, put_event, &l, &err));
    assert_string_equal(l.text, "2:placed ");
    r->ops->close(r);
    shop_remove(&shop);
}

static int64_t committed_ms(struct sales_reader *r, int64_t batch_id) {
    int64_t ms = -1;
    struct error err = {0};
    assert_true(r->ops->batch_committed(r, batch_id, &ms, &err));
    return ms;
}

static void a_batch_is_read_with_the_time_of_its_commit(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)), VERDICT_ACCEPTED);
    struct day_cache *cache = day_cache_new(1 << 20);
    struct sales_reader *r = day_reader_new(shop_reader(&shop), cache); // hands it through
    struct error err = {0};
    int64_t first_ms = shop.now_ms;
    assert_int_equal(committed_ms(r, 1), first_ms);
    assert_true(r->ops->begin(r, &err));
    assert_int_equal(committed_ms(r, 1), first_ms);
    shop_pass(&shop, 1234);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 2, 10000)), VERDICT_ACCEPTED);
    assert_int_equal(committed_ms(r, 2), 0); // not in this snapshot
    r->ops->end(r);
    assert_int_equal(committed_ms(r, 2), first_ms + 1234);
    assert_int_equal(committed_ms(r, 0), 0); // no batch
    r->ops->close(r);
    day_cache_free(cache);
    shop_remove(&shop);
}

static void a_query_that_takes_too_long_is_ended(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)), VERDICT_ACCEPTED);
    // 300,000 cells in the future, which no order gives.
    shop_sql(&shop,
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000) "
             "INSERT INTO minute_cells SELECT c.cell + (i << 32), 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 "
             "FROM minute_cells c, n");
    struct sales_reader *r;
    struct store_settings settings;
    struct error err = {0};
    assert_true(sqlite_reader_open(shop.directory, NULL, 1, &r, &settings, &err));
    struct sales_query q = {
        .bucket = BUCKET_MINUTE, .from = INT32_MIN, .to = INT32_MAX, .max_rows = INT32_MAX};
    int n = 0;
    assert_false(r->ops->sales(r, &q, count_row, &n, &err));
    assert_int_equal(err.cls, ERROR_RETRIABLE);
    assert_non_null(strstr(err.text, "longer than 1 ms"));
    q.to = (int32_t)(shop.now_ms / 60000) + 1; // a short one works on the same reader
    n = 0;
    assert_true(r->ops->sales(r, &q, count_row, &n, &err));
    assert_int_equal(n, 1);
    r->ops->close(r);
    shop_remove(&shop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_grouping_and_bucket_adds_up),
        cmocka_unit_test(more_rows_than_asked_for_are_refused),
        cmocka_unit_test(products_have_no_minutes_and_no_sources),
        cmocka_unit_test(an_order_comes_with_its_adjustments_in_order),
        cmocka_unit_test(a_caller_that_has_enough_gets_no_more),
        cmocka_unit_test(a_stored_order_is_read_as_it_came),
        cmocka_unit_test(the_newest_orders_come_first),
        cmocka_unit_test(rejected_events_are_read_page_by_page),
        cmocka_unit_test(calls_between_begin_and_end_see_one_snapshot),
        cmocka_unit_test(a_batch_is_read_with_the_time_of_its_commit),
        cmocka_unit_test(a_query_that_takes_too_long_is_ended),
    };
    log_set_level(LOG_ERROR + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
