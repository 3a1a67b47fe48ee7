// SPDX-License-Identifier: MIT
// Time limits: order of expiry, arming again, disarming.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/http_deadline.h"

static struct deadlines all;

static int set_up(void **state) {
    UNUSED(state);
    memset(&all, 0, sizeof all);
    all.of[DEADLINE_HEADERS].after_ms = 100;
    all.of[DEADLINE_BODY].after_ms = 300;
    all.of[DEADLINE_IDLE].after_ms = 1000;
    return 0;
}

static void without_deadlines_there_is_nothing_to_wait_for(void **state) {
    UNUSED(state);
    enum deadline_kind kind;
    assert_int_equal(deadline_wait_ms(&all, 5), -1);
    assert_null(deadline_expired(&all, INT64_MAX, &kind));
}

static void the_next_one_is_the_earliest_of_all_kinds(void **state) {
    UNUSED(state);
    struct deadline idle = {0}, body = {0}, headers = {0};
    enum deadline_kind kind;
    deadline_arm(&all, &idle, DEADLINE_IDLE, 0);
    deadline_arm(&all, &body, DEADLINE_BODY, 0);
    deadline_arm(&all, &headers, DEADLINE_HEADERS, 250);
    assert_int_equal(deadline_wait_ms(&all, 250), 50);
    assert_null(deadline_expired(&all, 299, &kind));
    assert_ptr_equal(deadline_expired(&all, 300, &kind), &body);
    assert_int_equal(kind, DEADLINE_BODY);
    assert_ptr_equal(deadline_expired(&all, 5000, &kind), &headers);
    assert_ptr_equal(deadline_expired(&all, 5000, &kind), &idle);
    assert_int_equal(deadline_wait_ms(&all, 5000), -1);
}

static void what_has_expired_is_due_at_once(void **state) {
    UNUSED(state);
    struct deadline d = {0};
    deadline_arm(&all, &d, DEADLINE_BODY, 0);
    assert_int_equal(deadline_wait_ms(&all, 999), 0);
    deadline_disarm(&all, &d);
}

static void arming_again_moves_to_the_end_and_may_change_the_kind(void **state) {
    UNUSED(state);
    struct deadline a = {0}, b = {0};
    enum deadline_kind kind;
    deadline_arm(&all, &a, DEADLINE_BODY, 0);
    deadline_arm(&all, &b, DEADLINE_BODY, 10);
    deadline_arm(&all, &a, DEADLINE_BODY, 20);
    assert_ptr_equal(deadline_expired(&all, 310, &kind), &b);
    deadline_arm(&all, &a, DEADLINE_HEADERS, 30);
    assert_ptr_equal(deadline_expired(&all, 130, &kind), &a);
    assert_int_equal(kind, DEADLINE_HEADERS);
}

static void disarming_from_anywhere_leaves_the_others(void **state) {
    UNUSED(state);
    for (int gone = 0; gone < 3; gone++) {
        struct deadline d[3] = {{0}, {0}, {0}};
        enum deadline_kind kind;
        for (int i = 0; i < 3; i++) {
            deadline_arm(&all, &d[i], DEADLINE_IDLE, i);
        }
        deadline_disarm(&all, &d[gone]);
        deadline_disarm(&all, &d[gone]); // twice is fine
        for (int i = 0; i < 3; i++) {
            if (i != gone) {
                assert_ptr_equal(deadline_expired(&all, 2000, &kind), &d[i]);
            }
        }
        assert_null(deadline_expired(&all, 2000, &kind));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_deadlines_there_is_nothing_to_wait_for, set_up),
        cmocka_unit_test_setup(the_next_one_is_the_earliest_of_all_kinds, set_up),
        cmocka_unit_test_setup(what_has_expired_is_due_at_once, set_up),
        cmocka_unit_test_setup(arming_again_moves_to_the_end_and_may_change_the_kind, set_up),
        cmocka_unit_test_setup(disarming_from_anywhere_leaves_the_others, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
