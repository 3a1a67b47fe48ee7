// SPDX-License-Identifier: MIT
// The live page's figures and events, in virtual time: what a snapshot says, what a change says.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "live/live_rate.h"
#include "live_page.h"

static void an_empty_store_has_zeros_and_no_rows(void **state) {
    struct page *p = *state;
    assert_true(refresh(p));
    read_event(p, true);
    assert_memory_equal(p->event.at, "retry: 1000\nid: 5\nevent: snapshot\ndata: {", 41);
    expect(p, "/shop", "{\"currency\":\"USD\",\"timezone\":\"UTC\",\"locale\":null}");
    expect(p, "/now_ms", "1769860800000");
    expect(p, "/day",
           "{\"date\":\"2026-01-31\",\"start_ms\":1769817600000,\"end_ms\":1769904000000}");
    expect(p, "/today",
           "{\"orders\":0,\"units\":0,\"cancelled_orders\":0,\"refunds\":0,"
           "\"refunded_total\":\"0.0000\",\"total\":\"0.0000\",\"aov\":null}");
    expect(p, "/last_hour", "{\"orders\":0,\"total\":\"0.0000\"}");
    expect(p, "/minutes", "[]");
    expect(p, "/recent", "[]");
    expect(p, "/sources", "{\"rows\":[],\"others\":null,\"too_many\":false}");
    expect(p, "/orders_per_second", "0.0");
    expect(p, "/health", "{\"ready\":true}");
    expect(p, "/store", "{\"ok\":true,\"problem\":null}");
}

static void a_snapshot_holds_every_figure_of_the_store(void **state) {
    struct page *p = *state;
    struct order o = an_order(1, NOON_MS - MINUTE_MS, 123450000);
    commit(p, &o);
    o = an_order(2, NOON_MS, 100);
    o.source = TEXT_LIT("TWITTER");
    o.state = TEXT_LIT("CA");
    o.product_id = (struct ident){.num = -1, .text = TEXT_LIT("sku")};
    commit(p, &o);
    o = an_order(3, NOON_MS - 3 * DAY_MS, 70000);
    commit(p, &o);
    assert_true(refresh(p));
    read_event(p, true);
    expect(p, "/today/orders", "2");
    expect(p, "/today/total", "\"12345.0100\"");
    expect(p, "/today/units", "4");
    expect(p, "/all_time/orders", "3");
    expect(p, "/all_time/total", "\"12352.0100\"");
    expect(p, "/last_hour", "{\"orders\":2,\"total\":\"12345.0100\"}");
    expect(p, "/last_minute", "29497680");
    expect(p, "/minutes", "[[29497679,1,\"12345.0000\"],[29497680,1,\"0.0100\"]]");
    expect(p, "/sources/rows", "[[\"GOOGLE\",1,2,\"12345.0000\"],[\"TWITTER\",1,2,\"0.0100\"]]");
    expect(p, "/states/rows", "[[\"TX\",1,2,\"12345.0000\"],[\"CA\",1,2,\"0.0100\"]]");
    expect(p, "/products/rows",
           "[[\"7\",null,null,1,2,\"12345.0000\",null],[\"sku\",null,null,1,2,\"0.0100\",null]]");
    expect(p, "/recent/0/order_id", "\"3\"");
    expect(p, "/recent/1/order_id", "\"2\"");
    expect(p, "/recent/1/total", "\"0.0100\"");
    expect(p, "/recent/1/product_id", "\"sku\"");
    expect(p, "/recent/2/order_id", "\"1\"");
    expect(p, "/recent/3", NULL);
    expect(p, "/counts/accepted", "3");
    expect(p, "/counts/batches", "3");
}

static void a_change_holds_new_values_of_what_changed_only(void **state) {
    struct page *p = *state;
    struct order o = an_order(1, NOON_MS - 10 * MINUTE_MS, 10000);
    commit(p, &o);
    assert_true(refresh(p));
    o = an_order(2, NOON_MS, 20000);
    commit(p, &o);
    assert_true(refresh(p));
    read_event(p, false);
    assert_memory_equal(p->event.at, "id: 5\nevent: change\ndata: {", 26);
    expect(p, "/today/total", "\"3.0000\""); // the sum, not the increment
    expect(p, "/minutes", "[[29497680,1,\"2.0000\"]]");
    expect(p, "/recent/0/order_id", "\"2\"");
    expect(p, "/recent/1", NULL);
    expect(p, "/sources/rows", "[[\"GOOGLE\",2,4,\"3.0000\"]]");
    expect(p, "/shop", NULL);
    expect(p, "/day", NULL);
    expect(p, "/health", NULL);
    expect(p, "/now_ms", "1769860800000");
}

static void nothing_new_is_no_change(void **state) {
    struct page *p = *state;
    struct order o = an_order(1, NOON_MS, 10000);
    commit(p, &o);
    assert_true(refresh(p));
    for (int i = 0; i < 20; i++) {
        p->clock.ms += SECOND_MS;
        assert_false(refresh(p));
    }
    p->health = "{\"ready\":false}";
    assert_true(refresh(p));
    read_event(p, false);
    expect(p, "/health", "{\"ready\":false}");
    expect(p, "/today", NULL);
}

static void without_news_the_store_is_asked_for_its_counts_only(void **state) {
    struct page *p = *state;
    struct order first = an_order(1, NOON_MS, 10000), second = an_order(2, NOON_MS, 20000);
    commit(p, &first);
    refresh(p);
    int64_t n_begins = p->fake->n_begins, n_sales = p->fake->n_sales;
    for (int i = 0; i < 10; i++) {
        assert_false(refresh(p));
    }
    assert_int_equal(p->fake->n_begins, n_begins);
    assert_int_equal(p->fake->n_sales, n_sales);
    fake_commit(p->fake, &second); // by another process: not announced
    assert_true(refresh(p));
    assert_int_equal(p->fake->n_begins, n_begins + 1);
    read_event(p, false);
    expect(p, "/today/orders", "2");
}

static void a_refund_takes_back_and_is_not_a_new_order(void **state) {
    struct page *p = *state;
    struct order o = an_order(1, NOON_MS, 500000);
    commit(p, &o);
    assert_true(refresh(p));
    o.kind = ORDER_REFUNDED;
    o.event_id = TEXT_LIT("r1");
    o.total_e4 = 500000;
    o.created_ms = NOON_MS;
    commit(p, &o);
    assert_true(refresh(p));
    read_event(p, false);
    expect(p, "/today/total", "\"0.0000\"");
    expect(p, "/today/orders", "1");
    expect(p, "/today/refunds", "1");
    expect(p, "/today/refunded_total", "\"50.0000\"");
    expect(p, "/minutes", "[[29497680,1,\"0.0000\"]]");
    expect(p, "/recent", NULL);
}

static void today_begins_again_at_the_shops_midnight_without_events(void **state) {
    struct page *p = *state; // New York: midnight is 05:00 UTC
    int64_t midnight_ms = NOON_MS - 12 * HOUR_MS + 5 * HOUR_MS + DAY_MS;
    p->clock.ms = midnight_ms - SECOND_MS;
    struct order o = an_order(1, midnight_ms - 2 * SECOND_MS, 10000);
    commit(p, &o);
    assert_true(refresh(p));
    read_event(p, true);
    expect(p, "/day/date", "\"2026-01-31\"");
    expect(p, "/day/end_ms", "1769922000000");
    expect(p, "/today/orders", "1");
    p->clock.ms = midnight_ms;
    assert_true(refresh(p));
    read_event(p, false);
    expect(p, "/day",
           "{\"date\":\"2026-02-01\",\"start_ms\":1769922000000,\"end_ms\":1770008400000}");
    expect(p, "/today/orders", "0");
    expect(p, "/today/total", "\"0.0000\"");
    expect(p, "/sources/rows", "[]");
    expect(p, "/products/rows", "[]");
    expect(p, "/last_hour", NULL); // still in the hour
    expect(p, "/all_time", NULL);
}

static void a_minute_leaves_the_hour_without_events(void **state) {
    struct page *p = *state;
    struct order o = an_order(1, NOON_MS, 10000);
    commit(p, &o);
    assert_true(refresh(p));
    p->clock.ms = NOON_MS + 59 * MINUTE_MS + 59 * SECOND_MS;
    assert_true(refresh(p));
    read_event(p, true);
    expect(p, "/last_hour/orders", "1");
    p->clock.ms = NOON_MS + HOUR_MS;
    assert_true(refresh(p));
    read_event(p, false);
    expect(p, "/last_hour", "{\"orders\":0,\"total\":\"0.0000\"}");
    expect(p, "/last_minute", "29497740");
    expect(p, "/today", NULL);
}

static void an_order_ahead_of_the_clock_comes_into_view_in_its_minute(void **state) {
    struct page *p = *state;
    struct order o = an_order(1, NOON_MS + 2 * MINUTE_MS, 10000);
    commit(p, &o);
    assert_true(refresh(p));
    read_event(p, true);
    expect(p, "/minutes", "[]");
    expect(p, "/today/orders", "1");
    p->clock.ms = NOON_MS + 2 * MINUTE_MS;
    assert_true(refresh(p));
    read_event(p, false);
    expect(p, "/minutes", "[[29497682,1,\"1.0000\"]]");
}

static void a_late_order_lands_in_its_own_minute_within_a_second(void **state) {
    struct page *p = *state;
    assert_true(refresh(p));
    p->clock.ms += 10; // the whole hour was just read
    struct order o = an_order(1, NOON_MS - 30 * MINUTE_MS, 10000);
    commit(p, &o);
    assert_true(refresh(p));
    assert_true(live_state_due_ns(p->state) <=
                clock_monotonic_ns(&p->clock.source) + SECOND_MS * MS_NS);
    p->clock.ms += SECOND_MS;
    assert_true(refresh(p));
    read_event(p, false);
    expect(p, "/minutes", "[[29497650,1,\"1.0000\"]]");
    expect(p, "/last_hour/orders", "1");
}

static void a_batch_of_another_process_is_seen_as_a_whole(void **state) {
    struct page *p = *state;
    assert_true(refresh(p));
    struct order o = an_order(1, NOON_MS - 30 * MINUTE_MS, 10000);
    fake_commit(p->fake, &o); // not announced
    p->clock.ms += SECOND_MS;
    assert_true(refresh(p));
    read_event(p, false);
    expect(p, "/today/orders", "1");
    expect(p, "/minutes", "[[29497650,1,\"1.0000\"]]");
    expect(p, "/products/rows", "[[\"7\",null,null,1,2,\"1.0000\",null]]");
}

// The store is read while the engine goes on committing: a batch may be seen before it is
// announced.
static void a_batch_seen_before_it_is_announced_is_not_missed(void **state) {
    struct page *p = *state;
    assert_true(refresh(p));
    struct order o = an_order(1, NOON_MS, 10000);
    commit(p, &o);
    struct order late = an_order(2, NOON_MS - 40 * MINUTE_MS, 10000);
    struct batch_summary b = fake_commit(p->fake, &late);
    assert_true(refresh(p)); // sees both, has heard of the first
    live_touch(&p->touched, (struct live_touched){b.batch_id, b.minute_min, b.minute_max});
    o = an_order(3, NOON_MS, 10000);
    commit(p, &o);
    refresh(p);
    p->clock.ms += SECOND_MS;
    refresh(p);
    read_event(p, true);
    expect(p, "/minutes", "[[29497640,1,\"1.0000\"],[29497680,2,\"2.0000\"]]");
}

static void take_3_ms(void *user, const struct sales_query *q) {
    UNUSED(q);
    ((struct virtual_clock *)user)->extra_ns += 3 * MS_NS;
}

// Today is never more than all time, the parts never less than the whole, however slow reading is.
static void sums_of_one_event_are_of_one_snapshot(void **state) {
    struct page *p = *state;
    p->fake->on_query = take_3_ms;
    p->fake->on_query_user = &p->clock;
    for (int i = 1; i <= 200; i++) {
        struct order o = an_order(i, p->clock.ms, 10000);
        commit(p, &o);
        p->clock.ms += i % 7;
        refresh(p);
        read_event(p, true);
        char want[16];
        snprintf(want, sizeof want, "%d", i);
        expect(p, "/today/orders", want);
        expect(p, "/all_time/orders", want);
        expect(p, "/last_hour/orders", want);
        expect(p, "/sources/rows/0/1", want);
        expect(p, "/states/rows/0/1", want);
        expect(p, "/counts/accepted", want);
        expect(p, "/recent/0/position", want);
    }
}

static void currencies_are_never_added_together(void **state) {
    struct page *p = *state;
    struct order o = an_order(1, NOON_MS, 10000);
    commit(p, &o);
    o = an_order(2, NOON_MS, 990000);
    memcpy(o.currency, "EUR", 4);
    commit(p, &o);
    o = an_order(3, NOON_MS - 2 * DAY_MS, 5);
    memcpy(o.currency, "JPY", 4);
    commit(p, &o);
    assert_true(refresh(p));
    read_event(p, true);
    expect(p, "/today/total", "\"1.0000\"");
    expect(p, "/today/orders", "1");
    expect(p, "/all_time/total", "\"1.0000\"");
    expect(p, "/last_hour", "{\"orders\":1,\"total\":\"1.0000\"}");
    expect(p, "/sources/rows", "[[\"GOOGLE\",1,2,\"1.0000\"]]");
    expect(p, "/products/rows/0/5", "\"1.0000\"");
    expect(p, "/currencies/rows/0/currency", "\"EUR\"");
    expect(p, "/currencies/rows/0/today/total", "\"99.0000\"");
    expect(p, "/currencies/rows/1/currency", "\"JPY\"");
    expect(p, "/currencies/rows/1/today/orders", "0");
    expect(p, "/currencies/rows/1/all_time/total", "\"0.0005\"");
    expect(p, "/currencies/rows/2", NULL);
    expect(p, "/currencies/more", "false");
}

static void a_ranking_is_by_total_and_sums_up_the_rest(void **state) {
    struct page *p = *state;
    static char names[30][16];
    for (int i = 0; i < 30; i++) {
        snprintf(names[i], sizeof names[i], "S%02d", i);
        struct order o = an_order(i, NOON_MS, (i * 7 % 30 + 1) * 10000); // all different
        o.source = text_of(names[i]);
        commit(p, &o);
    }
    assert_true(refresh(p));
    read_event(p, true);
    expect(p, "/today/total", "\"465.0000\"");
    expect(p, "/sources/rows/0/3", "\"30.0000\"");
    expect(p, "/sources/rows/0/0", "\"S17\"");
    expect(p, "/sources/rows/9/3", "\"21.0000\"");
    expect(p, "/sources/rows/10", NULL);
    expect(p, "/sources/others", "[20,20,40,\"210.0000\"]"); // 1 + ... + 20
}

static void too_many_sources_are_said_and_the_sums_still_right(void **state) {
    struct page *p = *state;
    enum { MANY = FAKE_GROUPS_MAX + 1 };
    char(*names)[16] = mem_zalloc(MANY, sizeof *names);
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "S%d", i);
        struct order o = an_order(i, NOON_MS, 10000);
        o.source = text_of(names[i]);
        commit(p, &o);
    }
    assert_true(refresh(p));
    read_event(p, true);
    expect(p, "/sources", "{\"rows\":[],\"others\":null,\"too_many\":true}");
    expect(p, "/today/orders", "4097");
    expect(p, "/today/total", "\"4097.0000\"");
    expect(p, "/states/rows", "[[\"TX\",4097,8194,\"4097.0000\"]]");
    free(names);
}

static void only_the_newest_twenty_orders_are_kept(void **state) {
    struct page *p = *state;
    struct order o;
    for (int i = 1; i <= 15; i++) {
        o = an_order(i, NOON_MS, 10000);
        commit(p, &o);
    }
    assert_true(refresh(p));
    for (int i = 16; i <= 30; i++) {
        o = an_order(i, NOON_MS, 10000);
        commit(p, &o);
    }
    assert_true(refresh(p));
    read_event(p, false);
    expect(p, "/recent/0/order_id", "\"30\"");
    expect(p, "/recent/14/order_id", "\"16\"");
    expect(p, "/recent/15", NULL);
    read_event(p, true);
    expect(p, "/recent/0/order_id", "\"30\"");
    expect(p, "/recent/19/order_id", "\"11\"");
    expect(p, "/recent/20", NULL);
    for (int i = 31; i <= 80; i++) { // more at once than are kept
        o = an_order(i, NOON_MS, 10000);
        commit(p, &o);
    }
    assert_true(refresh(p));
    read_event(p, false);
    expect(p, "/recent/0/order_id", "\"80\"");
    expect(p, "/recent/19/order_id", "\"61\"");
}

static void an_order_with_items_names_the_first_and_counts_the_rest(void **state) {
    struct page *p = *state;
    struct order o = an_order(1, NOON_MS, 10000);
    o.product_id = IDENT_NONE;
    o.items_json = TEXT_LIT("[{\"product_id\":\"a\\\"{b\",\"quantity\":1,\"subtotal\":\"1.0000\"},"
                            "{\"product_id\":7,\"quantity\":1,\"subtotal\":\"0.0000\"}]");
    commit(p, &o);
    o = an_order(2, NOON_MS, 10000);
    o.product_id = IDENT_NONE;
    o.items_json = TEXT_LIT("[{\"product_id\":9,\"quantity\":5,\"subtotal\":\"1.0000\"}]");
    commit(p, &o);
    assert_true(refresh(p));
    read_event(p, true);
    expect(p, "/recent/1/product_id", "\"a\\\"{b\"");
    expect(p, "/recent/1/more_products", "1");
    expect(p, "/recent/0/product_id", "\"9\"");
    expect(p, "/recent/0/more_products", "0");
}

static void texts_of_orders_stay_text(void **state) {
    struct page *p = *state;
    struct order o = an_order(1, NOON_MS, 10000);
    o.source = TEXT_LIT("</script>\"\\ \xC3\xA4\xF0\x9F\x9B\x92");
    o.state = TEXT_LIT("\n\ndata: {}"); // cannot be, and would forge an event
    commit(p, &o);
    assert_true(refresh(p));
    read_event(p, true); // checks that the data is one line
    expect(p, "/recent/0/source", "\"</script>\\\"\\\\ \xC3\xA4\xF0\x9F\x9B\x92\"");
    expect(p, "/states/rows/0/0", "\"\\n\\ndata: {}\"");
}

static void a_store_that_is_away_keeps_the_figures_and_says_so(void **state) {
    struct page *p = *state;
    struct order o = an_order(1, NOON_MS, 10000);
    commit(p, &o);
    assert_true(refresh(p));
    p->fake->fail = true;
    o = an_order(2, NOON_MS - 20 * MINUTE_MS, 10000);
    commit(p, &o);
    assert_true(refresh(p));
    read_event(p, true);
    expect(p, "/store", "{\"ok\":false,\"problem\":\"the fake store is away\"}");
    expect(p, "/today/orders", "1");
    assert_false(refresh(p)); // the same again
    p->fake->fail = false;
    p->clock.ms += SECOND_MS;
    assert_true(refresh(p)); // and nothing of what was announced is lost
    read_event(p, true);
    expect(p, "/store/ok", "true");
    expect(p, "/today/orders", "2");
    expect(p, "/minutes", "[[29497660,1,\"1.0000\"],[29497680,1,\"1.0000\"]]");
}

static void a_store_that_was_never_read_gives_no_zeros(void **state) {
    struct page *p = *state;
    p->fake->fail = true;
    assert_true(refresh(p));
    read_event(p, true);
    expect(p, "/store/ok", "false");
    expect(p, "/shop/currency", "\"USD\"");
    expect(p, "/today", NULL);
    expect(p, "/minutes", NULL);
    expect(p, "/recent", NULL);
    p->fake->fail = false;
    assert_true(refresh(p));
    read_event(p, false);
    expect(p, "/today/orders", "0");
    read_event(p, true);
    expect(p, "/minutes", "[]");
}

static void products_take_50_ms(void *user, const struct sales_query *q) {
    ((struct virtual_clock *)user)->extra_ns += q->by_product ? 50 * MS_NS : 0;
}

static void what_is_slow_to_read_rests(void **state) {
    struct page *p = *state;
    p->fake->on_query = products_take_50_ms;
    p->fake->on_query_user = &p->clock;
    assert_true(refresh(p));
    int64_t spent_before_ns = p->clock.extra_ns;
    for (int i = 1; i <= 1000; i++) { // 10 seconds
        struct order o = an_order(i, p->clock.ms, 10000);
        commit(p, &o);
        p->clock.ms += 10;
        assert_true(refresh(p));
        read_event(p, true);
        char want[16];
        snprintf(want, sizeof want, "%d", i);
        expect(p, "/today/orders", want); // the quick parts do not wait
    }
    int64_t queries = (p->clock.extra_ns - spent_before_ns) / (50 * MS_NS);
    assert_in_range(queries, 1, 3);
    p->clock.ms += 6 * SECOND_MS;
    refresh(p);
    read_event(p, true);
    expect(p, "/products/rows/0/3", "1000"); // and the last word comes without a commit
}

static void product_names_go_with_products_and_orders(void **state) {
    struct page *p = *state;
    char path[] = "/tmp/salestide-live-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    fprintf(f, "product_id,title,category\n7,Paper wallet,Gizmo\n");
    fclose(f);
    struct products *products;
    struct error err;
    assert_true(products_load(path, &products, &err));
    unlink(path);
    struct order o = an_order(1, NOON_MS, 10000);
    commit(p, &o);
    assert_true(refresh(p));
    struct live_facts facts = {.figures = live_state_figures(p->state),
                               .book = live_state_book(p->state),
                               .products = products,
                               .zone = p->zone,
                               .currency = "USD",
                               .store_ok = true,
                               .health = text_of(p->health)};
    live_render_forget(p->render); // as after a reload
    assert_true(live_render_update(p->render, &facts));
    read_event(p, false);
    expect(p, "/products/rows", "[[\"7\",\"Paper wallet\",\"Gizmo\",1,2,\"1.0000\",null]]");
    expect(p, "/recent/0/title", "\"Paper wallet\"");
    products_free(products);
}

static void the_rate_is_over_ten_seconds(void **state) {
    UNUSED(state);
    struct live_rate r = {0};
    int64_t second_ns = SECOND_MS * MS_NS, now_ns = 5 * second_ns, count = 1000000;
    assert_int_equal(live_rate_tenths(&r, now_ns), 0);
    live_rate_sample(&r, now_ns, count); // what was there before does not count
    assert_int_equal(live_rate_tenths(&r, now_ns), 0);
    live_rate_sample(&r, now_ns + MS_NS, count + 50);
    assert_int_equal(live_rate_tenths(&r, now_ns + MS_NS), 500); // at least a second is taken
    for (int i = 0; i < 20000; i++) { // 1,000 orders/s, asked each 5 ms, for 100 s
        now_ns += 5 * MS_NS;
        count += 5;
        live_rate_sample(&r, now_ns, count);
    }
    assert_in_range(live_rate_tenths(&r, now_ns), 9990, 10010);
    live_rate_sample(&r, now_ns + 5 * second_ns, count);
    assert_in_range(live_rate_tenths(&r, now_ns + 5 * second_ns), 4900, 5100);
    for (int i = 6; i <= 11; i++) {
        live_rate_sample(&r, now_ns + i * second_ns, count);
    }
    assert_int_equal(live_rate_tenths(&r, now_ns + 11 * second_ns), 0);
}

#define TEST_UTC(f) cmocka_unit_test_setup_teardown(f, open_utc, close_page)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST_UTC(an_empty_store_has_zeros_and_no_rows),
        TEST_UTC(a_snapshot_holds_every_figure_of_the_store),
        TEST_UTC(a_change_holds_new_values_of_what_changed_only),
        TEST_UTC(nothing_new_is_no_change),
        TEST_UTC(without_news_the_store_is_asked_for_its_counts_only),
        TEST_UTC(a_refund_takes_back_and_is_not_a_new_order),
        cmocka_unit_test_setup_teardown(today_begins_again_at_the_shops_midnight_without_events,
                                        open_new_york, close_page),
        TEST_UTC(a_minute_leaves_the_hour_without_events),
        TEST_UTC(an_order_ahead_of_the_clock_comes_into_view_in_its_minute),
        TEST_UTC(a_late_order_lands_in_its_own_minute_within_a_second),
        TEST_UTC(a_batch_of_another_process_is_seen_as_a_whole),
        TEST_UTC(a_batch_seen_before_it_is_announced_is_not_missed),
        TEST_UTC(sums_of_one_event_are_of_one_snapshot),
        TEST_UTC(currencies_are_never_added_together),
        TEST_UTC(a_ranking_is_by_total_and_sums_up_the_rest),
        TEST_UTC(too_many_sources_are_said_and_the_sums_still_right),
        TEST_UTC(only_the_newest_twenty_orders_are_kept),
        TEST_UTC(an_order_with_items_names_the_first_and_counts_the_rest),
        TEST_UTC(texts_of_orders_stay_text),
        TEST_UTC(a_store_that_is_away_keeps_the_figures_and_says_so),
        TEST_UTC(a_store_that_was_never_read_gives_no_zeros),
        TEST_UTC(what_is_slow_to_read_rests),
        TEST_UTC(product_names_go_with_products_and_orders),
        cmocka_unit_test(the_rate_is_over_ten_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
