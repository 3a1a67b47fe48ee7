// SPDX-License-Identifier: MIT
// Messages that wait for the webhook, in virtual time: their order, pauses between tries, and what
// is given up when.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alerts/alert_message.h"
#include "alerts/alert_outbox.h"

#define SECOND_NS INT64_C(1000000000)

static struct alert_outbox box;
static struct buf copy;

static int set_up(void **state) {
    UNUSED(state);
    box = (struct alert_outbox){.first = 0};
    return 0;
}

static int tear_down(void **state) {
    UNUSED(state);
    outbox_free(&box);
    buf_free(&copy);
    return 0;
}

static void put(int number, int64_t now_ns) {
    struct buf body = {0};
    buf_printf(&body, "m%d", number);
    outbox_put(&box, &body, now_ns);
    assert_null(body.at); // taken over
}

// The number of the message that is due; -1: none is.
static int due(int64_t now_ns, uint64_t *number) {
    if (!outbox_take(&box, now_ns, &copy, number)) {
        return -1;
    }
    buf_put_char(&copy, '\0');
    return atoi(copy.at + 1);
}

static void messages_leave_in_the_order_in_which_they_came(void **state) {
    UNUSED(state);
    uint64_t number;
    assert_true(outbox_due_ns(&box) == INT64_MAX);
    put(1, 0);
    put(2, 0);
    assert_int_equal(outbox_due_ns(&box), 0);
    assert_int_equal(due(0, &number), 1);
    assert_true(outbox_done(&box, number, OUTBOX_SENT, 0, 0));
    assert_int_equal(due(0, &number), 2);
    assert_true(outbox_done(&box, number, OUTBOX_SENT, 0, 0));
    assert_int_equal(due(0, &number), -1);
    assert_int_equal(box.sent, 2);
    assert_int_equal(box.failed + box.dropped, 0);
}

static void pauses_between_tries_double_up_to_a_minute_and_end_with_success(void **state) {
    UNUSED(state);
    static const int64_t pauses_s[] = {1, 2, 4, 8, 16, 32, 60, 60};
    int64_t now_ns = 0;
    uint64_t number;
    put(1, 0);
    put(2, 0);
    for (size_t i = 0; i < COUNT_OF(pauses_s); i++) {
        assert_int_equal(due(now_ns, &number), 1); // the second one waits behind it
        assert_false(outbox_done(&box, number, OUTBOX_RETRY, 0, now_ns));
        assert_int_equal(outbox_due_ns(&box), now_ns + pauses_s[i] * SECOND_NS);
        assert_int_equal(due(outbox_due_ns(&box) - 1, &number), -1);
        now_ns = outbox_due_ns(&box);
    }
    assert_int_equal(due(now_ns, &number), 1);
    assert_true(outbox_done(&box, number, OUTBOX_SENT, 0, now_ns));
    assert_int_equal(due(now_ns, &number), 2);
    assert_false(outbox_done(&box, number, OUTBOX_RETRY, 0, now_ns));
    assert_int_equal(outbox_due_ns(&box), now_ns + SECOND_NS); // from the first again
    assert_int_equal(box.failed, 9);
}

static void a_receiver_that_asks_for_a_pause_gets_it_up_to_ten_minutes(void **state) {
    UNUSED(state);
    uint64_t number;
    put(1, 0);
    assert_int_equal(due(0, &number), 1);
    assert_false(outbox_done(&box, number, OUTBOX_RETRY, 30000, 0));
    assert_int_equal(outbox_due_ns(&box), 30 * SECOND_NS);
    assert_int_equal(due(30 * SECOND_NS, &number), 1);
    assert_false(outbox_done(&box, number, OUTBOX_RETRY, INT64_C(7200000), 30 * SECOND_NS));
    assert_int_equal(outbox_due_ns(&box), 630 * SECOND_NS);
}

static void a_message_that_is_refused_goes_and_the_next_one_follows_at_once(void **state) {
    UNUSED(state);
    uint64_t number;
    put(1, 0);
    put(2, 0);
    assert_int_equal(due(0, &number), 1);
    assert_true(outbox_done(&box, number, OUTBOX_REFUSED, 0, 5));
    assert_int_equal(due(5, &number), 2);
    assert_int_equal(box.dropped, 1);
    assert_int_equal(box.failed, 1);
}

static void a_full_box_gives_up_its_oldest_even_while_it_is_sent(void **state) {
    UNUSED(state);
    uint64_t number;
    for (int i = 0; i < OUTBOX_MAX; i++) {
        put(i, 0);
    }
    assert_int_equal(due(0, &number), 0);
    put(OUTBOX_MAX, 0); // makes room
    assert_int_equal(outbox_waiting(&box), OUTBOX_MAX);
    assert_int_equal(box.dropped, 1);
    assert_true(outbox_done(&box, number, OUTBOX_SENT, 0, 0)); // of the one that is gone
    assert_int_equal(outbox_waiting(&box), OUTBOX_MAX);
    assert_int_equal(due(0, &number), 1);
}

static void news_of_yesterday_is_given_up(void **state) {
    UNUSED(state);
    const int64_t day_ns = 24 * 3600 * SECOND_NS;
    uint64_t number;
    put(1, 0);
    put(2, SECOND_NS);
    assert_int_equal(due(day_ns, &number), 1);
    assert_int_equal(due(day_ns + 1, &number), 2);
    assert_int_equal(box.dropped, 1);
}

// --- What they say

static void expect_message(const struct alert_message *m, const char *want) {
    struct buf out = {0};
    alert_message_put(m, &out);
    buf_put_char(&out, '\0');
    assert_string_equal(out.at, want);
    buf_free(&out);
}

static void messages_have_a_text_for_people_and_fields_for_programs(void **state) {
    UNUSED(state);
    struct alert_message m = {.name = "quiet",
                              .rule = "no orders for 30m",
                              .value = "no order for 30m",
                              .start = true,
                              .since_ms = INT64_C(1769860800000),
                              .at_ms = INT64_C(1769860800500)};
    expect_message(&m, "{\"text\":\"Alert quiet: no order for 30m. The rule: no orders for 30m\","
                       "\"alert\":\"quiet\",\"event\":\"start\",\"rule\":\"no orders for 30m\","
                       "\"value\":\"no order for 30m\",\"since\":\"2026-01-31T12:00:00.000Z\","
                       "\"at\":\"2026-01-31T12:00:00.500Z\"}");
    m.start = false;
    m.at_ms += 25 * 60000 + 59000;
    memcpy(m.value, "no order for 2s", 16);
    expect_message(&m, "{\"text\":\"Alert quiet is over after 25m: no order for 2s\","
                       "\"alert\":\"quiet\",\"event\":\"end\",\"rule\":\"no orders for 30m\","
                       "\"value\":\"no order for 2s\",\"since\":\"2026-01-31T12:00:00.000Z\","
                       "\"at\":\"2026-01-31T12:25:59.500Z\"}");
}

static void the_end_of_a_rule_that_is_gone_says_so(void **state) {
    UNUSED(state);
    const struct alert_message m = {
        .name = "quiet", .removed = true, .since_ms = 1000, .at_ms = 91000};
    expect_message(&m,
                   "{\"text\":\"Alert quiet is over after 90s: its rule was removed\","
                   "\"alert\":\"quiet\",\"event\":\"end\",\"rule\":\"\",\"value\":\"\","
                   "\"since\":\"1970-01-01T00:00:01.000Z\",\"at\":\"1970-01-01T00:01:31.000Z\"}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages_leave_in_the_order_in_which_they_came, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            pauses_between_tries_double_up_to_a_minute_and_end_with_success, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_receiver_that_asks_for_a_pause_gets_it_up_to_ten_minutes,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_message_that_is_refused_goes_and_the_next_one_follows_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_box_gives_up_its_oldest_even_while_it_is_sent,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(news_of_yesterday_is_given_up, set_up, tear_down),
        cmocka_unit_test(messages_have_a_text_for_people_and_fields_for_programs),
        cmocka_unit_test(the_end_of_a_rule_that_is_gone_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
