// SPDX-License-Identifier: MIT
// Alerts in virtual time, over a store in memory: each kind of rule fires, does not flap, clears,
// and is told once at its start and once at its end, whoever restarts.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "alerts/alert_news.h"
#include "base/log.h"
#include "live_testing.h"

enum { TURN_MS = 10000, HEARD_BYTES = 400 };

struct world {
    struct virtual_clock clock;
    struct zone *zone;
    struct fake_reader *store;
    struct alert_measures *measures;
    struct alert_board board;
    struct alert_told told;
    char directory[40];
    int64_t next_id, lag;
    char heard[HEARD_BYTES]; // "start quiet, end quiet"
    struct alert_message news[ALERT_NEWS_MAX];
};

static struct world *w;

static int set_up_in(const char *zone) {
    w = mem_zalloc(1, sizeof *w);
    virtual_clock_set(&w->clock, NOON_MS);
    w->zone = open_zone(zone);
    w->store = fake_reader_new(w->zone);
    w->measures = alert_measures_new(w->zone, "USD");
    w->lag = -1;
    snprintf(w->directory, sizeof w->directory, "/tmp/salestide-alerts-XXXXXX");
    alert_told_init(&w->told, w->directory);
    return mkdtemp(w->directory) != NULL ? 0 : -1;
}

static int set_up(void **state) {
    UNUSED(state);
    return set_up_in("UTC");
}

static int set_up_new_york(void **state) {
    UNUSED(state);
    return set_up_in("America/New_York");
}

static void remove_file(const char *name) {
    char path[64];
    snprintf(path, sizeof path, "%s/%s", w->directory, name);
    unlink(path);
}

static int tear_down(void **state) {
    UNUSED(state);
    alert_told_free(&w->told);
    remove_file("alerts.told");
    remove_file("alerts.lock");
    assert_int_equal(rmdir(w->directory), 0);
    alert_measures_free(w->measures);
    fake_reader_free(w->store);
    zone_free(w->zone);
    free(w);
    return 0;
}

// --- What happens

static void use_rules(const char *lines) {
    struct alert_rules *rules = mem_zalloc(1, sizeof *rules);
    struct alert_mistake mistake;
    if (!alert_rules_read(text_of(lines), true, rules, &mistake)) {
        fail_msg("%s", mistake.why.text);
    }
    alert_board_set(&w->board, rules);
    free(rules);
}

static void hear(const struct alert_message *m) {
    size_t len = strlen(w->heard);
    snprintf(w->heard + len, sizeof w->heard - len, "%s%s %s%s", len > 0 ? ", " : "",
             m->start ? "start" : "end", m->name, m->removed ? " (removed)" : "");
}

// A turn, as the thread of alerts does it.
static void turn(void) {
    struct alert_needs needs = {0};
    struct error err = {0};
    struct alert_now now = {w->clock.ms, virtual_monotonic_ns(&w->clock)};
    for (size_t i = 0; i < w->board.n; i++) {
        alert_needs_add(&needs, &w->board.at[i].rule);
    }
    bool ok = alert_measures_read(w->measures, &w->store->reader, &needs, now.utc_ms, &err);
    assert_int_equal(ok, !w->store->fail);
    alert_measures_set_lag(w->measures, w->lag);
    bool tells = alert_news_begin(&w->board, &w->told, now);
    for (size_t i = 0; i < w->board.n; i++) {
        struct alert_value value;
        alert_measures_value(w->measures, &w->board.at[i].rule, &value);
        (void)alert_step(&w->board.at[i], &value, now);
    }
    size_t n = tells ? alert_news_take(&w->board, &w->told, now, w->news) : 0;
    if (n > 0) {
        alert_told_save(&w->told);
    }
    for (size_t i = 0; i < n; i++) {
        hear(&w->news[i]);
    }
}

static void pass(int64_t ms) {
    int64_t end_ms = w->clock.ms + ms;
    while (w->clock.ms < end_ms) {
        w->clock.ms += TURN_MS < end_ms - w->clock.ms ? TURN_MS : end_ms - w->clock.ms;
        turn();
    }
}

static void add(enum order_kind kind, int64_t at_ms, int64_t total_e4) {
    struct order o = an_order(++w->next_id, at_ms, total_e4);
    o.kind = kind;
    (void)fake_commit(w->store, &o);
}

// So many orders at the begin of each minute.
static void add_orders(int64_t from_ms, int64_t minutes, int a_minute) {
    for (int64_t i = 0; i < minutes * a_minute; i++) {
        add(ORDER_PLACED, from_ms + i / a_minute * MINUTE_MS, 100000);
    }
}

// So many minutes pass, with so many orders in each.
static void sell(int64_t minutes, int a_minute) {
    for (int64_t i = 0; i < minutes; i++) {
        add_orders(w->clock.ms, 1, a_minute);
        pass(MINUTE_MS);
    }
}

// This process ends and the next one begins.
static void restart(void) {
    alert_told_free(&w->told);
    alert_told_init(&w->told, w->directory);
    w->board = (struct alert_board){.n = 0};
    alert_measures_free(w->measures);
    w->measures = alert_measures_new(w->zone, "USD");
}

// What was told since it was last asked.
static void expect_heard(const char *want) {
    assert_string_equal(w->heard, want);
    w->heard[0] = '\0';
}

static void expect_text(const char *name, const char *want) {
    const struct alert *a = alert_board_find(&w->board, name);
    assert_non_null(a);
    assert_int_equal(a->value.known, want != NULL);
    assert_string_equal(a->value.text, want != NULL ? want : "");
}

static void expect_state(const char *name, enum alert_state want) {
    assert_int_equal(alert_board_find(&w->board, name)->state.now, want);
}

// --- No orders

static void no_orders_fires_when_the_time_is_over_and_ends_with_the_next_order(void **state) {
    UNUSED(state);
    use_rules("quiet = no orders for 30m\n");
    pass(60 * MINUTE_MS);
    expect_text("quiet", NULL); // there never was an order
    add(ORDER_PLACED, w->clock.ms, 100000);
    pass(30 * MINUTE_MS);
    expect_heard("");
    expect_text("quiet", "no order for 30m");
    pass(TURN_MS);
    expect_heard("start quiet");
    pass(60 * MINUTE_MS);
    expect_heard(""); // once
    assert_int_equal(alert_board_find(&w->board, "quiet")->fired, 1);
    add(ORDER_PLACED, w->clock.ms, 100000);
    turn();
    expect_heard("end quiet");
    pass(20 * MINUTE_MS);
    expect_heard("");
}

static void a_refund_is_no_order(void **state) {
    UNUSED(state);
    use_rules("quiet = no orders for 30m\n");
    add(ORDER_PLACED, w->clock.ms, 100000);
    pass(20 * MINUTE_MS);
    add(ORDER_REFUNDED, w->clock.ms, 100000);
    pass(11 * MINUTE_MS);
    expect_heard("start quiet");
}

// --- Orders against the usual

// One order a minute from 10:00 to 16:00 of the same weekday, so many weeks before.
static void add_usual(int first_week, int last_week, int a_minute) {
    for (int week = first_week; week <= last_week; week++) {
        add_orders(NOON_MS - week * 7 * DAY_MS - 2 * HOUR_MS, 360, a_minute);
    }
}

static void
fewer_orders_than_usual_fire_after_the_time_and_clear_above_the_other_limit(void **state) {
    UNUSED(state);
    add_usual(1, 4, 4);
    add_orders(NOON_MS - HOUR_MS, 60, 4);
    use_rules("slow = orders under 50% of usual in 10m for 5m, clear over 75%\n");
    turn();
    expect_text("slow", "100.0% of usual (40 orders in 10m, usual 40.0)");
    sell(10, 2); // exactly half is not under it
    expect_text("slow", "50.0% of usual (20 orders in 10m, usual 40.0)");
    expect_state("slow", ALERT_OK);
    sell(4, 0);
    expect_text("slow", "30.0% of usual (12 orders in 10m, usual 40.0)");
    expect_state("slow", ALERT_PENDING);
    expect_heard("");
    sell(6, 0);
    expect_heard("start slow");
    expect_text("slow", "0.0% of usual (0 orders in 10m, usual 40.0)");
    sell(30, 2); // half of the usual: above the limit, and not above 75%
    expect_heard("");
    expect_state("slow", ALERT_FIRING);
    sell(9, 4);
    expect_text("slow", "95.0% of usual (38 orders in 10m, usual 40.0)");
    expect_state("slow", ALERT_CLEARING);
    expect_heard("");
    sell(5, 4);
    expect_heard("end slow");
    sell(30, 4);
    expect_heard("");
}

static void a_dip_that_is_over_before_its_time_says_nothing(void **state) {
    UNUSED(state);
    add_usual(1, 4, 4);
    add_orders(NOON_MS - HOUR_MS, 60, 4);
    use_rules("slow = orders under 50% of usual in 5m for 5m\n");
    for (int i = 0; i < 3; i++) {
        sell(4, 0);
        expect_state("slow", ALERT_PENDING);
        sell(8, 4);
        expect_state("slow", ALERT_OK);
    }
    expect_heard("");
}

static void what_swings_around_the_limit_does_not_flap(void **state) {
    UNUSED(state);
    add_usual(1, 4, 4);
    add_orders(NOON_MS - HOUR_MS, 60, 4);
    use_rules("slow = orders under 50% of usual in 2m for 1m, clear over 75% for 3m\n");
    sell(6, 1);
    expect_heard("start slow");
    for (int i = 0; i < 10; i++) { // two minutes up, two minutes down
        sell(2, 4);
        sell(2, 1);
    }
    expect_heard("");
    sell(6, 4);
    expect_heard("end slow");
}

static void more_orders_than_usual_fire_too(void **state) {
    UNUSED(state);
    add_usual(1, 4, 1);
    add_orders(NOON_MS - HOUR_MS, 60, 1);
    use_rules("rush = orders over 300% of usual in 5m for 0, clear under 200%\n");
    sell(5, 3);
    expect_heard(""); // 300% is not over it
    sell(1, 4);
    expect_heard("start rush");
    expect_text("rush", "320.0% of usual (16 orders in 5m, usual 5.0)");
    sell(5, 1);
    expect_heard("end rush");
}

static void usual_is_the_mean_of_those_of_the_last_four_weeks_that_had_an_order(void **state) {
    UNUSED(state);
    add_usual(1, 1, 1);
    add_usual(3, 3, 2);
    add_usual(5, 6, 50); // too long ago
    add_orders(NOON_MS - 6 * DAY_MS, 60, 50);
    use_rules("slow = orders under 50% of usual in 10m for 0\n");
    turn();
    expect_text("slow", "0.0% of usual (0 orders in 10m, usual 15.0)");
    expect_heard("start slow");
}

static void a_shop_without_a_usual_is_not_judged(void **state) {
    UNUSED(state);
    add_orders(NOON_MS - HOUR_MS, 10, 1);
    use_rules("slow = orders under 50% of usual in 10m for 0\n"
              "rush = orders over 50% of usual in 10m for 0\n");
    sell(20, 1);
    expect_text("slow", NULL);
    expect_text("rush", NULL);
    expect_heard("");
}

static void an_hour_in_which_nothing_is_usual_is_not_judged(void **state) {
    UNUSED(state);
    add_usual(1, 4, 1);                  // until 16:00
    w->clock.ms = NOON_MS + 5 * HOUR_MS; // 17:00
    use_rules("rush = orders over 300% of usual in 10m for 0\n");
    sell(5, 9);
    expect_text("rush", NULL);
    expect_heard("");
}

static void a_day_of_23_hours_is_held_against_the_same_hour_since_midnight(void **state) {
    UNUSED(state);
    // New York, Sunday 2026-03-08: clocks go from 2 to 3. 10:00 there is the 10th hour since
    // midnight, as 09:00 is of other Sundays.
    const int64_t ten_ms = INT64_C(1772978400000);
    for (int week = 1; week <= 4; week++) {
        int64_t sunday_ms = zone_day_start_ms(w->zone, zone_day(w->zone, ten_ms) - 7 * week);
        add_orders(sunday_ms + 9 * HOUR_MS, 60, 3);
        add_orders(sunday_ms + 10 * HOUR_MS, 60, 7);
    }
    w->clock.ms = ten_ms + 30 * MINUTE_MS;
    use_rules("slow = orders under 50% of usual in 10m for 0\n");
    turn();
    expect_text("slow", "0.0% of usual (0 orders in 10m, usual 30.0)");
    w->clock.ms += HOUR_MS;
    turn();
    expect_text("slow", "0.0% of usual (0 orders in 10m, usual 70.0)");
}

// --- Refunds

static void refunds_fire_by_their_share_of_what_was_sold(void **state) {
    UNUSED(state);
    use_rules("refunds = refunds over 10% in 1h for 2m, clear under 5%\n");
    sell(10, 1); // 100.00 in all
    add(ORDER_REFUNDED, w->clock.ms, 100000);
    sell(5, 0);
    expect_text("refunds", "10.0% refunded (10.00 of 100.00 USD in 1h)");
    expect_heard("");
    add(ORDER_REFUNDED, w->clock.ms, 5000);
    sell(1, 0);
    expect_state("refunds", ALERT_PENDING);
    sell(2, 0);
    expect_heard("start refunds");
    expect_text("refunds", "10.5% refunded (10.50 of 100.00 USD in 1h)");
    add_orders(w->clock.ms, 1, 10); // 5.25%
    pass(10 * MINUTE_MS);
    expect_heard("");
    sell(4, 1);
    expect_heard("end refunds");
}

static void refunds_of_a_time_in_which_nothing_was_sold_are_more_than_any_share(void **state) {
    UNUSED(state);
    use_rules("refunds = refunds over 10000% in 10m for 0\n");
    pass(MINUTE_MS);
    expect_text("refunds", "0.0% refunded (0.00 of 0.00 USD in 10m)");
    add(ORDER_REFUNDED, w->clock.ms, 10000);
    pass(MINUTE_MS);
    expect_heard("start refunds");
    expect_text("refunds", "more than sold refunded (1.00 of 0.00 USD in 10m)");
    pass(10 * MINUTE_MS);
    expect_heard("end refunds");
}

static void other_currencies_are_no_part_of_the_refunds(void **state) {
    UNUSED(state);
    struct order o = an_order(1, NOON_MS, 1000000);
    o.kind = ORDER_REFUNDED;
    memcpy(o.currency, "EUR", 4);
    use_rules("refunds = refunds over 1% in 10m for 0\n");
    (void)fake_commit(w->store, &o);
    pass(MINUTE_MS);
    expect_text("refunds", "0.0% refunded (0.00 of 0.00 USD in 10m)");
}

// --- Rejected, lag

static void receive(int64_t n, int64_t n_rejected) {
    w->store->counts.received += n;
    w->store->counts.rejected += n_rejected;
}

static void rejected_events_fire_by_their_share_of_the_window(void **state) {
    UNUSED(state);
    use_rules("rejected = rejected over 5% in 10m for 1m, clear under 1%\n");
    receive(1000, 500); // before the start: not known when
    turn();
    expect_text("rejected", "0.0% rejected (0 of 0 in 10m)");
    receive(100, 5);
    pass(5 * MINUTE_MS);
    expect_text("rejected", "5.0% rejected (5 of 100 in 10m)");
    expect_heard("");
    receive(1, 1);
    pass(MINUTE_MS);
    expect_heard("");
    pass(TURN_MS);
    expect_heard("start rejected");
    pass(4 * MINUTE_MS);
    expect_heard("");
    pass(8 * MINUTE_MS); // all of them are older than the window
    expect_text("rejected", "0.0% rejected (0 of 0 in 10m)");
    expect_heard("end rejected");
}

static void lag_fires_and_clears_at_its_limits(void **state) {
    UNUSED(state);
    use_rules("behind = lag over 1000 for 1m, clear under 100 for 30s\n");
    pass(MINUTE_MS);
    expect_text("behind", NULL);
    w->lag = 1000;
    pass(5 * MINUTE_MS);
    expect_state("behind", ALERT_OK);
    w->lag = 1001;
    pass(MINUTE_MS);
    expect_heard("");
    pass(TURN_MS);
    expect_heard("start behind");
    expect_text("behind", "1001 messages are not counted yet");
    w->lag = 101;
    pass(10 * MINUTE_MS);
    expect_heard("");
    w->lag = 100;
    pass(30000);
    expect_heard("");
    pass(TURN_MS);
    expect_heard("end behind");
}

// --- What is not known

static void a_store_that_is_away_neither_fires_nor_clears(void **state) {
    UNUSED(state);
    use_rules("quiet = no orders for 10m\nlate = no orders for 60m\n");
    add(ORDER_PLACED, w->clock.ms, 100000);
    pass(11 * MINUTE_MS);
    expect_heard("start quiet");
    add(ORDER_PLACED, w->clock.ms, 100000);
    fake_set_fail(w->store, true);
    pass(120 * MINUTE_MS);
    expect_heard("");
    expect_text("late", NULL);
    fake_set_fail(w->store, false);
    turn();
    expect_heard("start late"); // quiet goes on: that there was an order between was not seen
    add(ORDER_PLACED, w->clock.ms, 100000);
    turn();
    expect_heard("end quiet, end late");
}

static void what_was_about_to_fire_begins_anew_when_the_store_was_away(void **state) {
    UNUSED(state);
    use_rules("refunds = refunds over 10% in 1h for 5m\n");
    add(ORDER_REFUNDED, w->clock.ms, 10000);
    pass(4 * MINUTE_MS);
    expect_state("refunds", ALERT_PENDING);
    fake_set_fail(w->store, true);
    pass(TURN_MS);
    expect_state("refunds", ALERT_OK);
    fake_set_fail(w->store, false);
    pass(4 * MINUTE_MS);
    expect_heard("");
    pass(2 * MINUTE_MS);
    expect_heard("start refunds");
}

static void
a_rule_that_comes_back_is_not_held_against_what_was_read_for_its_predecessor(void **state) {
    UNUSED(state);
    use_rules("quiet = no orders for 30m\n");
    add(ORDER_PLACED, w->clock.ms, 100000);
    pass(MINUTE_MS);
    use_rules("behind = lag over 1000\n");
    pass(60 * MINUTE_MS);
    add(ORDER_PLACED, w->clock.ms, 100000);
    use_rules("quiet = no orders for 30m\n");
    // As when rules change in the middle of a turn.
    struct alert_value value;
    alert_measures_value(w->measures, &w->board.at[0].rule, &value);
    assert_false(value.known);
    pass(MINUTE_MS);
    expect_heard("");
}

static void a_clock_that_is_not_set_is_said_and_nothing_is_judged(void **state) {
    UNUSED(state);
    const struct alert_needs needs = {.minutes = 1440, .usual = true};
    struct error err = {0};
    assert_false(alert_measures_read(w->measures, &w->store->reader, &needs, 3 * HOUR_MS, &err));
    assert_string_equal(err.text, "this machine's clock is not set");
    assert_true(alert_measures_read(w->measures, &w->store->reader, &needs, 8 * DAY_MS, &err));
}

// --- Rules that change, processes that change

static void a_rule_that_changes_keeps_its_state(void **state) {
    UNUSED(state);
    use_rules("quiet = no orders for 10m\n");
    add(ORDER_PLACED, w->clock.ms, 100000);
    pass(11 * MINUTE_MS);
    expect_heard("start quiet");
    use_rules("other = no orders for 24h\nquiet = no orders for 5m\n");
    pass(MINUTE_MS);
    expect_heard("");
    use_rules("quiet = no orders for 60m\n");
    turn();
    expect_heard("end quiet");
}

static void a_rule_that_is_removed_while_it_fires_has_its_end_told(void **state) {
    UNUSED(state);
    use_rules("quiet = no orders for 10m\n");
    add(ORDER_PLACED, w->clock.ms, 100000);
    pass(11 * MINUTE_MS);
    use_rules("");
    turn();
    turn();
    expect_heard("start quiet, end quiet (removed)");
}

static void a_restart_tells_nothing_again_and_the_end_once(void **state) {
    UNUSED(state);
    use_rules("quiet = no orders for 10m\n");
    add(ORDER_PLACED, w->clock.ms, 100000);
    pass(11 * MINUTE_MS);
    expect_heard("start quiet");
    int64_t since_ms = w->board.at[0].since_ms;
    for (int i = 0; i < 3; i++) {
        restart();
        use_rules("quiet = no orders for 10m\n");
        pass(2 * MINUTE_MS);
        expect_state("quiet", ALERT_FIRING);
        assert_true(w->board.at[0].since_ms == since_ms);
    }
    expect_heard("");
    add(ORDER_PLACED, w->clock.ms, 100000);
    turn();
    expect_heard("end quiet");
    restart();
    use_rules("quiet = no orders for 10m\n");
    pass(5 * MINUTE_MS);
    expect_heard("");
}

static void what_ended_while_nobody_ran_is_told_at_the_next_start(void **state) {
    UNUSED(state);
    use_rules("quiet = no orders for 10m\ngone = no orders for 5m\n");
    add(ORDER_PLACED, w->clock.ms, 100000);
    pass(11 * MINUTE_MS);
    expect_heard("start gone, start quiet");
    restart();
    add(ORDER_PLACED, w->clock.ms, 100000);
    use_rules("quiet = no orders for 10m\n");
    turn();
    expect_heard("end gone (removed), end quiet");
}

static void lines_that_nobody_wrote_are_none(void **state) {
    UNUSED(state);
    char path[64];
    snprintf(path, sizeof path, "%s/alerts.told", w->directory);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("\nquiet\nquiet x\n 5\nquiet 99999999999999999999\nquiet 5 6\n"
          "a-name-that-is-longer-than-any-name-there-is 5\nother 7\nquiet 5",
          f);
    fclose(f);
    use_rules("quiet = no orders for 10m\n");
    turn();
    expect_heard("end other (removed)");
}

static void of_two_processes_one_tells_and_the_other_takes_over(void **state) {
    UNUSED(state);
    struct alert_told other;
    struct alert_board *board = mem_zalloc(1, sizeof *board);
    alert_told_init(&other, w->directory);
    use_rules("quiet = no orders for 10m\n");
    add(ORDER_PLACED, w->clock.ms, 100000);
    pass(11 * MINUTE_MS);
    expect_heard("start quiet");
    struct alert_now now = {w->clock.ms, virtual_monotonic_ns(&w->clock)};
    *board = w->board;
    assert_false(alert_news_begin(board, &other, now));
    alert_told_free(&w->told); // the first one ends
    assert_true(alert_news_begin(board, &other, now));
    assert_int_equal(alert_news_take(board, &other, now, w->news), 0);
    const struct alert_value back = {.known = true, .den = 1};
    assert_true(alert_step(&board->at[0], &back, now));
    assert_int_equal(alert_news_take(board, &other, now, w->news), 1);
    assert_false(w->news[0].start);
    alert_told_free(&other);
    free(board);
}

static void a_directory_that_cannot_be_used_does_not_keep_alerts_from_being_told(void **state) {
    UNUSED(state);
    log_set_level(LOG_ERROR); // that it is said is not looked at here
    alert_told_init(&w->told, "/proc/none");
    use_rules("quiet = no orders for 10m\n");
    add(ORDER_PLACED, w->clock.ms, 100000);
    pass(15 * MINUTE_MS);
    expect_heard("start quiet");
    add(ORDER_PLACED, w->clock.ms, 100000);
    turn();
    expect_heard("end quiet");
    log_set_level(LOG_INFO);
}

static void without_rules_no_directory_is_touched(void **state) {
    UNUSED(state);
    char path[64];
    pass(MINUTE_MS);
    snprintf(path, sizeof path, "%s/alerts.lock", w->directory);
    assert_int_not_equal(access(path, F_OK), 0);
}

// --- What others see

static void the_board_is_shown_as_json_and_metrics(void **state) {
    UNUSED(state);
    struct buf out = {0};
    use_rules("quiet = no orders for 10m\nslow = orders under 50% of usual\n");
    add(ORDER_PLACED, w->clock.ms, 100000);
    pass(11 * MINUTE_MS);
    alert_board_json(&w->board, &out);
    buf_put_char(&out, '\0');
    assert_string_equal(
        out.at, "{\"active\":1,\"rules\":[{\"name\":\"quiet\",\"rule\":\"no orders for 10m\","
                "\"state\":\"firing\",\"firing\":true,\"since_ms\":1769861410000,"
                "\"value\":\"no order for 11m\"},"
                "{\"name\":\"slow\",\"rule\":\"orders under 50% of usual\",\"state\":\"ok\","
                "\"firing\":false,\"since_ms\":null,\"value\":null}]}");
    buf_clear(&out);
    alert_board_metrics(&w->board, &out);
    buf_put_char(&out, '\0');
    assert_non_null(strstr(out.at, "salestide_alert_active{rule=\"quiet\"} 1\n"));
    assert_non_null(strstr(out.at, "salestide_alert_active{rule=\"slow\"} 0\n"));
    assert_non_null(strstr(out.at, "salestide_alerts_fired_total{rule=\"quiet\"} 1\n"));
    buf_free(&out);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_WORLD(no_orders_fires_when_the_time_is_over_and_ends_with_the_next_order),
        IN_WORLD(a_refund_is_no_order),
        IN_WORLD(fewer_orders_than_usual_fire_after_the_time_and_clear_above_the_other_limit),
        IN_WORLD(a_dip_that_is_over_before_its_time_says_nothing),
        IN_WORLD(what_swings_around_the_limit_does_not_flap),
        IN_WORLD(more_orders_than_usual_fire_too),
        IN_WORLD(usual_is_the_mean_of_those_of_the_last_four_weeks_that_had_an_order),
        IN_WORLD(a_shop_without_a_usual_is_not_judged),
        IN_WORLD(an_hour_in_which_nothing_is_usual_is_not_judged),
        cmocka_unit_test_setup_teardown(
            a_day_of_23_hours_is_held_against_the_same_hour_since_midnight, set_up_new_york,
            tear_down),
        IN_WORLD(refunds_fire_by_their_share_of_what_was_sold),
        IN_WORLD(refunds_of_a_time_in_which_nothing_was_sold_are_more_than_any_share),
        IN_WORLD(other_currencies_are_no_part_of_the_refunds),
        IN_WORLD(rejected_events_fire_by_their_share_of_the_window),
        IN_WORLD(lag_fires_and_clears_at_its_limits),
        IN_WORLD(a_store_that_is_away_neither_fires_nor_clears),
        IN_WORLD(what_was_about_to_fire_begins_anew_when_the_store_was_away),
        IN_WORLD(a_rule_that_comes_back_is_not_held_against_what_was_read_for_its_predecessor),
        IN_WORLD(a_clock_that_is_not_set_is_said_and_nothing_is_judged),
        IN_WORLD(a_rule_that_changes_keeps_its_state),
        IN_WORLD(a_rule_that_is_removed_while_it_fires_has_its_end_told),
        IN_WORLD(a_restart_tells_nothing_again_and_the_end_once),
        IN_WORLD(what_ended_while_nobody_ran_is_told_at_the_next_start),
        IN_WORLD(lines_that_nobody_wrote_are_none),
        IN_WORLD(of_two_processes_one_tells_and_the_other_takes_over),
        IN_WORLD(a_directory_that_cannot_be_used_does_not_keep_alerts_from_being_told),
        IN_WORLD(without_rules_no_directory_is_touched),
        IN_WORLD(the_board_is_shown_as_json_and_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
