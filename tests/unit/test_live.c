// SPDX-License-Identifier: MIT
// The live page's thread: commits become events for every viewer, soon, in order, whatever happens
// to the store. Waits are bounded; nothing depends on how fast the machine is.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "live/live.h"
#include "live_testing.h"
#include <stdatomic.h>

enum { PATIENCE_MS = 20000, TIME_FRESH_MS = 1000 };

struct shop {
    struct zone *zone;
    struct fake_reader *fake;
    struct fake_reader *products; // of its own connection; NULL: none
    atomic_int refused_opens;     // so often opening it fails
    atomic_bool held;             // its question for products does not end
    atomic_long n_held;           // questions that have waited
    struct live *live;
    struct clock_source clock; // the machine's, moved ahead by `ahead_ms`
    atomic_llong ahead_ms;
    atomic_llong passed_ns; // and the monotonic one by this
    atomic_long n_changed;  // calls of `changed`
    atomic_long queue;      // shown in health
    atomic_bool watched;    // set before there are viewers
    atomic_bool slow;       // the viewers' side does not say that it is done
};

static int64_t shop_now_ms(void *user) {
    struct shop *s = user;
    return clock_now_ms(clock_system()) + atomic_load(&s->ahead_ms);
}

static int64_t shop_monotonic_ns(void *user) {
    struct shop *s = user;
    return clock_monotonic_ns(clock_system()) + atomic_load(&s->passed_ns);
}

static void on_changed(void *user) {
    struct shop *s = user;
    atomic_fetch_add(&s->n_changed, 1);
    if (atomic_load(&s->watched) && !atomic_load(&s->slow)) {
        live_served(s->live);
    }
}

// Before that `live` may not be known yet.
static void watch(struct shop *s, int64_t viewers) {
    atomic_store(&s->watched, true);
    live_set_viewers(s->live, viewers);
}

static void put_health(void *user, int64_t last_commit_ms, struct buf *json) {
    buf_printf(json, "{\"queue_events\":%ld", atomic_load(&((struct shop *)user)->queue));
    if (last_commit_ms != 0) {
        buf_printf(json, ",\"last_commit_ms\":%lld", (long long)last_commit_ms);
    }
    buf_put_char(json, '}');
}

static bool open_products(void *user, struct sales_reader **out, struct error *err) {
    struct shop *s = user;
    if (atomic_fetch_sub(&s->refused_opens, 1) > 0) {
        return error_set(err, ERROR_RETRIABLE, "the store is not there");
    }
    *out = &s->products->reader;
    return true;
}

static void start(struct shop *s, const char *products_path) {
    struct live_options options = {.reader = &s->fake->reader,
                                   .open_products = s->products != NULL ? open_products : NULL,
                                   .open_user = s,
                                   .zone = s->zone,
                                   .currency = "USD",
                                   .products_path = products_path,
                                   .clock = &s->clock,
                                   .changed = on_changed,
                                   .changed_user = s,
                                   .health = put_health,
                                   .health_user = s};
    struct error err;
    s->live = live_start(&options, &err);
    if (s->live == NULL) {
        fail_msg("%s", err.text);
    }
}

static int open_shop(void **state) {
    struct shop *s = mem_zalloc(1, sizeof *s);
    s->zone = open_zone("America/New_York");
    s->fake = fake_reader_new(s->zone);
    s->clock = (struct clock_source){shop_now_ms, shop_monotonic_ns, s};
    *state = s;
    return 0;
}

static int close_shop(void **state) {
    struct shop *s = *state;
    atomic_store(&s->held, false);
    live_stop(s->live);
    assert_int_equal(s->fake->closed, s->live != NULL);
    fake_reader_free(s->fake);
    if (s->products != NULL) {
        assert_true(s->products->closed);
        fake_reader_free(s->products);
    }
    zone_free(s->zone);
    free(s);
    return 0;
}

static void commit(struct shop *s, int64_t id, int64_t total_e4) {
    struct order o = an_order(id, shop_now_ms(s), total_e4);
    struct batch_summary batch = fake_commit(s->fake, &o);
    if (s->live != NULL) {
        live_notify(s->live, &batch);
    }
}

// The viewer's next event, within the patience; release it.
static const struct stream_event *next_event(struct shop *s, uint64_t *last_id) {
    for (int waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms++) {
        const struct stream_event *e = live_next(s->live, last_id);
        if (e != NULL) {
            assert_int_equal(e->id, *last_id);
            return e;
        }
        usleep(1000);
    }
    fail_msg("no event within %d ms", PATIENCE_MS);
    return NULL;
}

static bool is_snapshot(const struct stream_event *e) {
    return memmem(e->bytes, e->len, "\nevent: snapshot\n", 17) != NULL;
}

// Reads events until one says that `path` is `want`.
static void wait_for(struct shop *s, uint64_t *last_id, const char *path, const char *want) {
    for (int i = 0; i < PATIENCE_MS; i++) {
        const struct stream_event *e = next_event(s, last_id);
        yyjson_doc *doc = event_json((struct text){e->bytes, e->len});
        yyjson_val *v = yyjson_doc_ptr_get(doc, path);
        char *got = v != NULL ? yyjson_val_write(v, 0, NULL) : NULL;
        bool found = got != NULL && strcmp(got, want) == 0;
        free(got);
        yyjson_doc_free(doc);
        live_release(e);
        if (found) {
            return;
        }
    }
    fail_msg("%s never became %s", path, want);
}

static void a_new_viewer_gets_a_snapshot_then_changes_with_growing_ids(void **state) {
    struct shop *s = *state;
    start(s, NULL);
    watch(s, 1);
    uint64_t last_id = 0;
    const struct stream_event *e = next_event(s, &last_id);
    assert_true(is_snapshot(e));
    assert_true(e->id >> 20 > 1700000000000); // ms since 1970: above every earlier run
    uint64_t first = e->id;
    live_release(e);
    commit(s, 1, 10000);
    wait_for(s, &last_id, "/today/orders", "1");
    assert_true(last_id > first);
    commit(s, 2, 20000);
    wait_for(s, &last_id, "/today/total", "\"3.0000\"");
    for (int i = 0; i < PATIENCE_MS && atomic_load(&s->n_changed) < 3; i++) {
        usleep(1000); // it is told after the event can be had
    }
    assert_true(atomic_load(&s->n_changed) >= 3);
}

static void a_viewer_that_comes_back_gets_what_it_missed(void **state) {
    struct shop *s = *state;
    start(s, NULL);
    watch(s, 1);
    uint64_t last_id = 0;
    live_release(next_event(s, &last_id));
    uint64_t away_since = last_id;
    commit(s, 1, 10000);
    wait_for(s, &last_id, "/today/orders", "1");
    const struct stream_event *e = next_event(s, &away_since);
    assert_false(is_snapshot(e));
    live_release(e);
    uint64_t other_run = away_since - (UINT64_C(100000) << 20);
    e = next_event(s, &other_run);
    assert_true(is_snapshot(e));
    live_release(e);
}

static void many_commits_become_few_events_and_none_is_missed(void **state) {
    struct shop *s = *state;
    start(s, NULL);
    watch(s, 1000); // 20 ms between two reads
    uint64_t last_id = 0;
    live_release(next_event(s, &last_id));
    uint64_t first = last_id;
    int64_t start_ms = shop_now_ms(s);
    for (int i = 1; i <= 2000; i++) {
        commit(s, i, 10000);
        if (i % 10 == 0) {
            usleep(1000);
        }
    }
    wait_for(s, &last_id, "/all_time/orders", "2000");
    int64_t took_ms = shop_now_ms(s) - start_ms;
    assert_true(last_id - first <= (uint64_t)(took_ms / 20 + 3));
    wait_for(s, &(uint64_t){0}, "/all_time/total", "\"2000.0000\"");
}

// Half a second apart at the most, whatever the viewers' side does.
static void while_viewers_are_sent_an_event_commits_gather(void **state) {
    struct shop *s = *state;
    start(s, NULL);
    uint64_t last_id = 0;
    live_release(next_event(s, &last_id));
    atomic_store(&s->slow, true);
    watch(s, 1);
    int64_t start_ms = shop_now_ms(s);
    uint64_t first = last_id;
    for (int i = 1; i <= 400; i++) {
        commit(s, i, 10000);
        usleep(1000);
    }
    wait_for(s, &last_id, "/all_time/orders", "400");
    int64_t took_ms = shop_now_ms(s) - start_ms;
    assert_true(last_id - first <= (uint64_t)(took_ms / 500 + 3)); // 5 ms apart they were 80
    live_served(s->live);
    atomic_store(&s->slow, false);
    commit(s, 401, 10000);
    wait_for(s, &last_id, "/all_time/orders", "401");
}

static void a_slow_viewer_gets_a_snapshot(void **state) {
    struct shop *s = *state;
    start(s, NULL);
    watch(s, 1);
    uint64_t fast = 0, slow = 0;
    live_release(next_event(s, &fast));
    live_release(next_event(s, &slow));
    for (int i = 1; i <= 40; i++) { // their bytes are many more than a snapshot has
        char want[16];
        snprintf(want, sizeof want, "%d", i);
        commit(s, i, 10000);
        wait_for(s, &fast, "/all_time/orders", want);
    }
    const struct stream_event *e = next_event(s, &slow);
    assert_true(is_snapshot(e));
    live_release(e);
    assert_int_equal(slow, fast);
}

static void the_first_viewer_after_a_pause_gets_fresh_figures(void **state) {
    struct shop *s = *state;
    start(s, NULL);
    uint64_t last_id = 0;
    live_release(next_event(s, &last_id));
    for (int i = 1; i <= 20; i++) { // nobody is looking: reads are seconds apart
        commit(s, i, 10000);
        // Later the newest read is older than a new viewer wants, however long it took.
        atomic_fetch_add(&s->passed_ns, MINUTE_MS * INT64_C(1000000));
        char want[16];
        snprintf(want, sizeof want, "%d", i);
        uint64_t viewer = 0;
        const struct stream_event *e = next_event(s, &viewer);
        assert_true(is_snapshot(e));
        yyjson_doc *doc = event_json((struct text){e->bytes, e->len});
        expect_json(doc, "/counts/accepted", want);
        yyjson_doc_free(doc);
        live_release(e);
    }
}

static void as_long_as_nobody_looks_the_store_is_seldom_read(void **state) {
    struct shop *s = *state;
    start(s, NULL);
    uint64_t last_id = 0;
    live_release(next_event(s, &last_id));
    for (int i = 1; i <= 3; i++) { // each wakes the thread, which may read at once or not for long
        atomic_fetch_add(&s->passed_ns, SECOND_MS * MS_NS);
        commit(s, i, 10000);
        usleep(100000);
    }
    uint64_t seen = last_id;
    const struct stream_event *e = live_next(s->live, &seen);
    assert_null(e); // nothing was told since
    atomic_fetch_add(&s->passed_ns, 3 * SECOND_MS * MS_NS);
    commit(s, 4, 10000);
    wait_for(s, &last_id, "/all_time/orders", "4");
}

static void a_new_viewer_is_told_the_time_also_when_nothing_happens(void **state) {
    struct shop *s = *state;
    start(s, NULL);
    watch(s, 1);
    uint64_t first = 0;
    live_release(next_event(s, &first));
    for (int i = 0; i < 8; i++) {
        atomic_fetch_add(&s->passed_ns, 3 * SECOND_MS * MS_NS);
        int64_t now_ms = atomic_fetch_add(&s->ahead_ms, 3 * SECOND_MS) + 3 * SECOND_MS +
                         clock_now_ms(clock_system());
        uint64_t viewer = 0;
        const struct stream_event *e = next_event(s, &viewer);
        assert_true(is_snapshot(e));
        yyjson_doc *doc = event_json((struct text){e->bytes, e->len});
        int64_t told_ms = yyjson_get_sint(yyjson_doc_ptr_get(doc, "/now_ms"));
        yyjson_doc_free(doc);
        live_release(e);
        assert_true(told_ms >= now_ms - TIME_FRESH_MS);
    }
}

static void the_shops_midnight_passes_without_a_commit(void **state) {
    struct shop *s = *state;
    // A minute before the next midnight in New York.
    int64_t now_ms = clock_now_ms(clock_system());
    int64_t midnight_ms = zone_day_start_ms(s->zone, zone_day(s->zone, now_ms) + 1);
    atomic_store(&s->ahead_ms, midnight_ms - MINUTE_MS - now_ms);
    start(s, NULL);
    watch(s, 1);
    uint64_t last_id = 0;
    live_release(next_event(s, &last_id));
    commit(s, 1, 10000);
    wait_for(s, &last_id, "/today/orders", "1");
    atomic_store(&s->ahead_ms, midnight_ms + SECOND_MS - clock_now_ms(clock_system()));
    wait_for(s, &last_id, "/today/orders", "0");
}

static void a_store_that_is_away_comes_back_by_itself(void **state) {
    struct shop *s = *state;
    fake_set_fail(s->fake, true);
    start(s, NULL);
    watch(s, 1);
    uint64_t last_id = 0;
    wait_for(s, &last_id, "/store/ok", "false");
    commit(s, 1, 10000);
    fake_set_fail(s->fake, false);
    wait_for(s, &last_id, "/today/orders", "1");
    wait_for(s, &(uint64_t){0}, "/store/ok", "true");
    fake_set_fail(s->fake, true);
    commit(s, 2, 10000);
    wait_for(s, &last_id, "/store/problem", "\"the fake store is away\"");
    fake_set_fail(s->fake, false);
    wait_for(s, &last_id, "/today/orders", "2");
}

static void health_and_viewers_are_sent_when_they_change(void **state) {
    struct shop *s = *state;
    start(s, NULL);
    watch(s, 7);
    uint64_t last_id = 0;
    wait_for(s, &last_id, "/viewers", "7");
    atomic_store(&s->queue, 42);
    wait_for(s, &last_id, "/health", "{\"queue_events\":42}");
}

static void health_is_told_when_the_newest_batch_was_committed_whoever_wrote_it(void **state) {
    struct shop *s = *state;
    start(s, NULL);
    watch(s, 1);
    uint64_t last_id = 0;
    wait_for(s, &last_id, "/health", "{\"queue_events\":0}"); // no batch yet
    for (int64_t i = 1; i <= 2; i++) {
        struct order o = an_order(i, NOON_MS + i, 10000);
        struct batch_summary batch = fake_commit(s->fake, &o);
        if (i == 1) { // the other one nobody announces
            live_notify(s->live, &batch);
        }
        char want[64];
        snprintf(want, sizeof want, "{\"queue_events\":0,\"last_commit_ms\":%lld}",
                 (long long)(NOON_MS + i));
        wait_for(s, &last_id, "/health", want);
    }
}

static void write_products(const char *path, const char *content) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(content, f);
    assert_int_equal(fclose(f), 0);
}

static void products_are_read_again_on_demand_and_a_bad_file_changes_nothing(void **state) {
    struct shop *s = *state;
    char path[] = "/tmp/salestide-live-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_products(path, "product_id,title\n7,Old title\n");
    start(s, path);
    watch(s, 1);
    commit(s, 1, 10000);
    uint64_t last_id = 0;
    wait_for(s, &last_id, "/recent/0/title", "\"Old title\"");
    write_products(path, "product_id,title\n7,New title\n");
    live_reload_products(s->live);
    wait_for(s, &last_id, "/recent/0/title", "\"New title\"");
    write_products(path, "nonsense\n");
    live_reload_products(s->live);
    commit(s, 2, 10000);
    wait_for(s, &last_id, "/recent/0/title", "\"New title\"");
    unlink(path);
}

static void a_product_file_that_cannot_be_read_refuses_the_start(void **state) {
    struct shop *s = *state;
    struct live_options options = {.reader = &s->fake->reader,
                                   .zone = s->zone,
                                   .currency = "USD",
                                   .products_path = "/nonexistent.csv",
                                   .clock = &s->clock,
                                   .changed = on_changed,
                                   .changed_user = s};
    struct error err;
    assert_null(live_start(&options, &err));
    assert_int_equal(err.cls, ERROR_USAGE);
    assert_non_null(strstr(err.text, "/nonexistent.csv"));
    assert_true(s->fake->closed); // it was live's from the call on
    s->fake->closed = false;
}

static void hold_products(void *user, const struct sales_query *q) {
    struct shop *s = user;
    if (q->by_product) {
        atomic_fetch_add(&s->n_held, 1);
        while (atomic_load(&s->held)) {
            usleep(1000);
        }
    }
}

static void a_question_for_products_that_takes_its_time_holds_up_nothing_else(void **state) {
    struct shop *s = *state;
    uint64_t last_id = 0;
    s->products = fake_reader_new(s->zone);
    s->products->on_query = hold_products;
    s->products->on_query_user = s;
    struct order o = an_order(1, shop_now_ms(s), 10000);
    struct batch_summary known = fake_commit(s->products, &o);
    assert_int_equal(known.batch_id, 1);
    atomic_store(&s->held, true);
    commit(s, 1, 10000);
    start(s, NULL);
    watch(s, 1);
    wait_for(s, &last_id, "/today/orders", "1");
    for (int i = 0; i < PATIENCE_MS && atomic_load(&s->n_held) == 0; i++) {
        usleep(1000);
    }
    for (int64_t i = 2; i <= 5; i++) {
        char orders[8];
        snprintf(orders, sizeof orders, "%d", (int)i);
        commit(s, i, 10000);
        wait_for(s, &last_id, "/today/orders", orders);
    }
    assert_int_equal(atomic_load(&s->n_held), 1); // nobody has had an answer yet
    atomic_store(&s->held, false);
    wait_for(s, &last_id, "/products/rows/0/0", "\"7\"");
}

static void products_come_when_their_connection_could_be_opened_later(void **state) {
    struct shop *s = *state;
    uint64_t last_id = 0;
    s->products = fake_reader_new(s->zone);
    struct order o = an_order(1, shop_now_ms(s), 10000);
    struct batch_summary known = fake_commit(s->products, &o);
    assert_int_equal(known.batch_id, 1);
    atomic_store(&s->refused_opens, 2);
    commit(s, 1, 10000);
    start(s, NULL);
    watch(s, 1);
    wait_for(s, &last_id, "/today/orders", "1"); // which waits for none
    atomic_store(&s->passed_ns, INT64_C(10000000000));
    wait_for(s, &last_id, "/products/rows/0/0", "\"7\"");
    assert_true(atomic_load(&s->refused_opens) < 0);
}

static void nobody_connects_for_products_before_there_is_an_order(void **state) {
    struct shop *s = *state;
    uint64_t last_id = 0;
    s->products = fake_reader_new(s->zone);
    start(s, NULL);
    watch(s, 1);
    wait_for(s, &last_id, "/products/rows", "[]");
    assert_int_equal(atomic_load(&s->refused_opens), 0); // not asked for
    struct order o = an_order(1, shop_now_ms(s), 10000);
    struct batch_summary known = fake_commit(s->products, &o);
    assert_int_equal(known.batch_id, 1);
    commit(s, 1, 10000);
    wait_for(s, &last_id, "/products/rows/0/0", "\"7\"");
    assert_true(atomic_load(&s->refused_opens) < 0);
}

static void products_of_the_day_before_are_none_of_todays(void **state) {
    struct shop *s = *state;
    uint64_t last_id = 0;
    int64_t now_ms = clock_now_ms(clock_system());
    int64_t midnight_ms = zone_day_start_ms(s->zone, zone_day(s->zone, now_ms) + 1);
    atomic_store(&s->ahead_ms, midnight_ms - MINUTE_MS - now_ms);
    s->products = fake_reader_new(s->zone);
    s->products->on_query = hold_products;
    s->products->on_query_user = s;
    struct order o = an_order(1, shop_now_ms(s), 10000);
    struct batch_summary known = fake_commit(s->products, &o);
    assert_int_equal(known.batch_id, 1);
    commit(s, 1, 10000);
    start(s, NULL);
    watch(s, 1);
    wait_for(s, &last_id, "/products/rows/0/0", "\"7\"");
    atomic_store(&s->held, true); // those of the new day do not come
    atomic_store(&s->ahead_ms, midnight_ms + SECOND_MS - clock_now_ms(clock_system()));
    wait_for(s, &last_id, "/products/rows", "[]");
    atomic_store(&s->held, false);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_shop, close_shop)

int main(void) {
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        TEST(a_new_viewer_gets_a_snapshot_then_changes_with_growing_ids),
        TEST(a_viewer_that_comes_back_gets_what_it_missed),
        TEST(many_commits_become_few_events_and_none_is_missed),
        TEST(while_viewers_are_sent_an_event_commits_gather),
        TEST(a_slow_viewer_gets_a_snapshot),
        TEST(the_first_viewer_after_a_pause_gets_fresh_figures),
        TEST(as_long_as_nobody_looks_the_store_is_seldom_read),
        TEST(a_new_viewer_is_told_the_time_also_when_nothing_happens),
        TEST(the_shops_midnight_passes_without_a_commit),
        TEST(a_store_that_is_away_comes_back_by_itself),
        TEST(health_and_viewers_are_sent_when_they_change),
        TEST(health_is_told_when_the_newest_batch_was_committed_whoever_wrote_it),
        TEST(products_are_read_again_on_demand_and_a_bad_file_changes_nothing),
        TEST(a_question_for_products_that_takes_its_time_holds_up_nothing_else),
        TEST(products_come_when_their_connection_could_be_opened_later),
        TEST(nobody_connects_for_products_before_there_is_an_order),
        TEST(products_of_the_day_before_are_none_of_todays),
        TEST(a_product_file_that_cannot_be_read_refuses_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
