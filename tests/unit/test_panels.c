// SPDX-License-Identifier: MIT
// Panels of rows, and what stands beside today, in virtual time.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "live/panels.h"
#include "live_page.h"

#define NOON_HOUR "491628" // since 1970, UTC

static struct order in(int64_t id, int64_t created_ms, int64_t total_e4, const char *source,
                       const char *state) {
    struct order o = an_order(id, created_ms, total_e4);
    o.source = text_of(source);
    o.state = text_of(state);
    return o;
}

static void commit_in(struct page *p, int64_t id, int64_t created_ms, int64_t total_e4,
                      const char *source, const char *state) {
    struct order o = in(id, created_ms, total_e4, source, state);
    commit(p, &o);
}

// After the parts that rest.
static void refresh_all(struct page *p) {
    p->clock.ms += 6 * SECOND_MS;
    refresh(p);
    p->clock.ms += 6 * SECOND_MS;
    refresh(p);
}

static void every_panel_has_a_name_and_either_rows_or_a_type(void **state) {
    UNUSED(state);
    for (size_t i = 0; i < PANELS; i++) {
        const struct panel *p = &panels[i];
        assert_non_null(p->name);
        assert_true(strlen(p->what) > 3);
        assert_int_equal(panel_has_rows(p), p->type == NULL);
        assert_int_equal(panel_has_rows(p), p->columns[0] != COLUMN_NONE);
        assert_true(!panel_has_rows(p) || (p->n_keys > 0 && p->columns[p->n_keys] != COLUMN_NONE));
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(p->name, panels[j].name);
        }
    }
}

static void an_order_changes_the_rows_that_it_belongs_to(void **state) {
    struct page *p = *state;
    commit_in(p, 1, NOON_MS, 10000, "GOOGLE", "TX");
    commit_in(p, 2, NOON_MS - HOUR_MS, 20000, "EMAIL", "CA");
    commit_in(p, 3, NOON_MS - DAY_MS, 40000, "EMAIL", "CA");
    assert_true(refresh(p));
    read_event(p, true);
    expect(p, "/batch", "3");
    expect(p, "/map",
           "{\"all\":true,\"rows\":[[\"CA\",0,1,2,\"2.0000\"],[\"TX\",0,1,2,\"1.0000\"]],"
           "\"too_many\":false}");
    expect(p, "/matrix/rows", "[[\"EMAIL\",\"CA\",1,\"2.0000\"],[\"GOOGLE\",\"TX\",1,\"1.0000\"]]");
    expect(p, "/hours/rows",
           "[[491627,1,2,\"2.0000\",0,\"0.0000\"],[" NOON_HOUR ",1,2,\"1.0000\",0,\"0.0000\"]]");
    expect(p, "/share/rows",
           "[[491627,\"EMAIL\",1,\"2.0000\"],[" NOON_HOUR ",\"GOOGLE\",1,\"1.0000\"]]");
    expect(p, "/days/rows",
           "[[20483,1,2,\"4.0000\",0,\"0.0000\"],[20484,2,4,\"3.0000\",0,\"0.0000\"]]");
    expect(p, "/hours_before/rows", "[[1,12,1,\"4.0000\"]]");
    commit_in(p, 4, NOON_MS, 50000, "GOOGLE", "TX");
    assert_true(refresh(p));
    read_event(p, false);
    expect(p, "/map", "{\"all\":false,\"rows\":[[\"TX\",0,2,4,\"6.0000\"]],\"too_many\":false}");
    expect(p, "/matrix/rows", "[[\"GOOGLE\",\"TX\",2,\"6.0000\"]]");
    expect(p, "/hours",
           "{\"all\":false,\"rows\":[[" NOON_HOUR ",2,4,\"6.0000\",0,\"0.0000\"]],"
           "\"too_many\":false}");
    expect(p, "/share/rows", "[[" NOON_HOUR ",\"GOOGLE\",2,\"6.0000\"]]");
    expect(p, "/hours_before", NULL);
    expect(p, "/today_before", NULL);
}

static void other_currencies_are_in_no_row(void **state) {
    struct page *p = *state;
    for (int i = 0; i < 3; i++) {
        struct order o = an_order(i, NOON_MS - i * DAY_MS, 10000);
        memcpy(o.currency, "EUR", 4);
        commit(p, &o);
    }
    assert_true(refresh(p));
    read_event(p, true);
    static const char *const rows[] = {"/map/rows",  "/matrix/rows", "/hours/rows",
                                       "/days/rows", "/share/rows",  "/hours_before/rows"};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        expect(p, rows[i], "[]");
    }
    expect(p, "/today_before/yesterday/orders", "0");
}

static void late_orders_find_their_hours_and_days(void **state) {
    struct page *p = *state;
    refresh_all(p);
    commit_in(p, 1, NOON_MS - 5 * HOUR_MS, 10000, "A", "CA");
    commit_in(p, 2, NOON_MS - 21 * DAY_MS, 20000, "A", "CA");
    commit_in(p, 3, NOON_MS - 29 * DAY_MS, 40000, "A", "CA");
    commit_in(p, 4, NOON_MS - 30 * DAY_MS, 80000, "A", "CA"); // before what is shown
    refresh_all(p);
    read_event(p, true);
    expect(p, "/hours/rows", "[[491623,1,2,\"1.0000\",0,\"0.0000\"]]");
    expect(p, "/hours_before/rows", "[[21,12,1,\"2.0000\"]]");
    expect(p, "/days/rows",
           "[[20455,1,2,\"4.0000\",0,\"0.0000\"],[20463,1,2,\"2.0000\",0,\"0.0000\"],"
           "[20484,1,2,\"1.0000\",0,\"0.0000\"]]");
}

static void today_stands_beside_the_same_time_of_other_days(void **state) {
    struct page *p = *state;
    commit_in(p, 1, NOON_MS, 10000, "A", "CA");
    commit_in(p, 2, NOON_MS - DAY_MS - MINUTE_MS, 20000, "A", "CA");
    commit_in(p, 3, NOON_MS - DAY_MS + MINUTE_MS, 40000, "A", "CA"); // after noon
    commit_in(p, 4, NOON_MS - 7 * DAY_MS - HOUR_MS, 80001, "A", "CA");
    commit_in(p, 5, NOON_MS - 7 * DAY_MS - HOUR_MS, 80000, "A", "CA");
    assert_true(refresh(p));
    read_event(p, true);
    expect(p, "/today/aov", "\"1.0000\"");
    expect(p, "/today_before/yesterday",
           "{\"orders\":1,\"units\":2,\"cancelled_orders\":0,\"refunds\":0,\"refunded_total\":"
           "\"0.0000\",\"total\":\"2.0000\",\"aov\":\"2.0000\",\"until_ms\":1769774400000}");
    expect(p, "/today_before/week/total", "\"16.0001\"");
    expect(p, "/today_before/week/aov", "\"8.0000\""); // 8.00005, to the even digit
    p->clock.ms = NOON_MS + 2 * MINUTE_MS;
    assert_true(refresh(p));
    read_event(p, false);
    expect(p, "/today_before/yesterday/total", "\"6.0000\"");
    expect(p, "/today_before/yesterday/until_ms", "1769774520000");
    // One that comes late counts too.
    commit_in(p, 6, NOON_MS - DAY_MS - HOUR_MS, 10000, "A", "CA");
    refresh_all(p);
    read_event(p, true);
    expect(p, "/today_before/yesterday/total", "\"7.0000\"");
}

static void an_average_is_before_refunds_and_without_orders_there_is_none(void **state) {
    struct page *p = *state;
    commit_in(p, 1, NOON_MS, 30000, "A", "CA");
    commit_in(p, 2, NOON_MS, 10000, "A", "CA");
    struct order refund = in(1, NOON_MS, 30000, "A", "CA");
    refund.kind = ORDER_REFUNDED;
    refund.event_id = TEXT_LIT("r");
    commit(p, &refund);
    assert_true(refresh(p));
    read_event(p, true);
    expect(p, "/today/total", "\"1.0000\"");
    expect(p, "/today/aov", "\"2.0000\"");
    expect(p, "/changes/0/event", "\"refunded\"");
    expect(p, "/changes/0/order_id", "\"1\"");
    expect(p, "/changes/0/total", "\"3.0000\"");
    expect(p, "/changes/1", NULL);
    for (int64_t id = 1; id <= 2; id++) {
        struct order cancellation = in(id, NOON_MS, 10000, "A", "CA");
        cancellation.kind = ORDER_CANCELLED;
        commit(p, &cancellation);
    }
    assert_true(refresh(p));
    read_event(p, false);
    expect(p, "/today/aov", "null");
    expect(p, "/changes/0/event", "\"cancelled\"");
    expect(p, "/changes/0/order_id", "\"2\"");
    expect(p, "/changes/2", NULL); // only what is new
    expect(p, "/recent", NULL);
}

static void a_new_day_begins_with_no_rows(void **state) {
    struct page *p = *state;
    commit_in(p, 1, NOON_MS, 10000, "A", "CA");
    assert_true(refresh(p));
    p->clock.ms = NOON_MS + 12 * HOUR_MS;
    assert_true(refresh(p));
    read_event(p, false);
    expect(p, "/map", "{\"all\":true,\"rows\":[],\"too_many\":false}");
    expect(p, "/matrix/rows", "[]");
    expect(p, "/hours", "{\"all\":true,\"rows\":[],\"too_many\":false}");
    expect(p, "/share/rows", "[]");
    expect(p, "/hours_before/rows", "[[1,12,1,\"1.0000\"]]");
    expect(p, "/today_before/yesterday/orders", "0"); // at midnight
    expect(p, "/days", NULL);                         // yesterday is as it was
}

static void behind_the_largest_there_are_others(void **state) {
    struct page *p = *state;
    static char names[100][16];
    for (int i = 0; i < 100; i++) {
        snprintf(names[i], sizeof names[i], "S%02d", i);
        commit_in(p, i, NOON_MS, (i + 1) * 10000, names[i], names[i]);
    }
    assert_true(refresh(p));
    read_event(p, true);
    expect(p, "/map/rows/0", "[null,20,20,40,\"210.0000\"]"); // 1 + ... + 20
    expect(p, "/map/rows/1", "[\"S20\",0,1,2,\"21.0000\"]");
    expect(p, "/map/rows/81", NULL);
    expect(p, "/share/rows/0", "[" NOON_HOUR ",null,92,\"4278.0000\"]");
    expect(p, "/share/rows/9", NULL);
    expect(p, "/matrix/rows/0", "[null,null,60,\"1830.0000\"]");
    // One of the others becomes one of the largest: the rows are sent as a whole.
    commit_in(p, 1000, NOON_MS, 1000000, "S00", "S00");
    assert_true(refresh(p));
    read_event(p, false);
    expect(p, "/map/all", "true");
    expect(p, "/map/rows/0", "[null,20,20,40,\"230.0000\"]");
    commit_in(p, 1001, NOON_MS, 10000, "S01", "S01"); // still one of the others
    assert_true(refresh(p));
    read_event(p, false);
    expect(p, "/map", "{\"all\":false,\"rows\":[[null,20,21,42,\"231.0000\"]],\"too_many\":false}");
}

static void too_many_groups_leave_the_panels_that_have_few(void **state) {
    struct page *p = *state;
    enum { MANY = FAKE_GROUPS_MAX + 1 };
    char(*names)[16] = mem_zalloc(MANY, sizeof *names);
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "S%d", i);
        commit_in(p, i, NOON_MS, 10000, names[i], "TX");
    }
    assert_true(refresh(p));
    read_event(p, true);
    expect(p, "/matrix", "{\"all\":true,\"rows\":[],\"too_many\":true}");
    expect(p, "/share/too_many", "true");
    expect(p, "/map/rows", "[[\"TX\",0,4097,8194,\"4097.0000\"]]");
    expect(p, "/hours/rows", "[[" NOON_HOUR ",4097,8194,\"4097.0000\",0,\"0.0000\"]]");
    free(names);
}

static void rows_stay_while_the_store_is_away(void **state) {
    struct page *p = *state;
    commit_in(p, 1, NOON_MS, 10000, "A", "CA");
    assert_true(refresh(p));
    p->fake->fail = true;
    commit_in(p, 2, NOON_MS, 10000, "A", "CA");
    assert_true(refresh(p));
    read_event(p, false);
    expect(p, "/map", NULL);
    read_event(p, true);
    expect(p, "/map/rows", "[[\"CA\",0,1,2,\"1.0000\"]]");
    p->fake->fail = false;
    assert_true(refresh(p));
    read_event(p, true);
    expect(p, "/map/rows", "[[\"CA\",0,2,4,\"2.0000\"]]");
    expect(p, "/hours/rows", "[[" NOON_HOUR ",2,4,\"2.0000\",0,\"0.0000\"]]");
}

// Whatever comes, in whatever order: changes lead to what a snapshot says, and that is what another
// page says that reads all of it at once.
static void changes_lead_to_what_a_page_that_reads_it_all_anew_says(void **state) {
    struct page *p = *state;
    static const char *const sources[] = {"A", "B", "C"}, *const states[] = {"CA", "TX", "NY",
                                                                             "WA"};
    uint32_t dice = 7;
    for (int i = 0; i < 300; i++) {
        dice = dice * 1664525 + 1013904223;
        unsigned x = dice >> 8;
        int64_t back_ms = x % 5 == 0   ? (int64_t)(x % 40) * DAY_MS
                          : x % 5 == 1 ? (int64_t)(x % 30) * HOUR_MS
                                       : 0;
        commit_in(p, i, p->clock.ms - back_ms, 10000 * (1 + x % 7), sources[x % 3], states[x % 4]);
        p->clock.ms += (int64_t)(x % 9) * 400 * SECOND_MS;
        refresh(p);
    }
    for (int i = 0; i < 8; i++) {
        refresh_all(p);
    }
    struct live_state *other =
        live_state_new(&p->fake->reader, p->zone, &p->clock.source, "USD", NULL);
    struct error err;
    assert_true(live_state_refresh(other, untouched, &err));
    read_event(p, true);
    yyjson_doc *mine = p->doc;
    p->doc = NULL;
    struct live_state *kept = p->state;
    live_render_free(p->render);
    p->render = live_render_new();
    p->state = other;
    refresh(p);
    read_event(p, true);
    static const char *const same[] = {"/today", "/today_before", "/last_hour", "/minutes",
                                       "/products"};
    for (size_t i = 0; i < COUNT_OF(same); i++) {
        char *want = yyjson_val_write(yyjson_doc_ptr_get(mine, same[i]), 0, NULL);
        expect(p, same[i], want);
        free(want);
    }
    // Rows may stand in another order.
    for (size_t i = 0; i < PANELS; i++) {
        char path[64];
        snprintf(path, sizeof path, "/%s/rows", panels[i].name);
        yyjson_val *a = yyjson_doc_ptr_get(mine, path), *b = yyjson_doc_ptr_get(p->doc, path);
        if (!panel_has_rows(&panels[i])) {
            continue;
        }
        assert_int_equal(yyjson_arr_size(a), yyjson_arr_size(b));
        size_t at, max;
        yyjson_val *row;
        yyjson_arr_foreach(a, at, max, row) {
            size_t k, n;
            yyjson_val *theirs;
            bool found = false;
            yyjson_arr_foreach(b, k, n, theirs) {
                found = found || yyjson_equals(row, theirs);
            }
            if (!found) {
                fail_msg("%s: row %zu differs", panels[i].name, at);
            }
        }
    }
    yyjson_doc_free(mine);
    live_state_free(other);
    p->state = kept;
}

#define TEST_UTC(f) cmocka_unit_test_setup_teardown(f, open_utc, close_page)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_panel_has_a_name_and_either_rows_or_a_type),
        TEST_UTC(an_order_changes_the_rows_that_it_belongs_to),
        TEST_UTC(other_currencies_are_in_no_row),
        TEST_UTC(late_orders_find_their_hours_and_days),
        TEST_UTC(today_stands_beside_the_same_time_of_other_days),
        TEST_UTC(an_average_is_before_refunds_and_without_orders_there_is_none),
        TEST_UTC(a_new_day_begins_with_no_rows),
        TEST_UTC(behind_the_largest_there_are_others),
        TEST_UTC(too_many_groups_leave_the_panels_that_have_few),
        TEST_UTC(rows_stay_while_the_store_is_away),
        TEST_UTC(changes_lead_to_what_a_page_that_reads_it_all_anew_says),
        cmocka_unit_test_setup_teardown(changes_lead_to_what_a_page_that_reads_it_all_anew_says,
                                        open_new_york, close_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
