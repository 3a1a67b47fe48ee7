// SPDX-License-Identifier: MIT
// The ring of events: who gets a change and who a snapshot.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "live/live_ring.h"

#define START UINT64_C(1000)
static const char long_text[4096] = "a snapshot is longer than the changes";

static struct live_ring ring;

static int empty_ring(void **state) {
    UNUSED(state);
    live_ring_start(&ring, START);
    return 0;
}

static int free_ring(void **state) {
    UNUSED(state);
    live_ring_free(&ring);
    return 0;
}

static void put_sized(uint64_t id, size_t change_bytes, size_t snapshot_bytes) {
    live_ring_put(&ring, live_event_new(id, (struct text){long_text, change_bytes}),
                  live_event_new(id, (struct text){long_text, snapshot_bytes}));
}

static void put_first(void) {
    live_ring_put(&ring, NULL, live_event_new(START + 1, (struct text){long_text, 4000}));
}

// What a viewer that has seen last_id gets next.
static void expect_next(uint64_t last_id, uint64_t want_id, bool want_snapshot) {
    bool snapshot;
    const struct stream_event *e = live_ring_next(&ring, last_id, &snapshot);
    assert_non_null(e);
    assert_int_equal(e->id, want_id);
    assert_int_equal(snapshot, want_snapshot);
    live_release(e);
}

static void expect_nothing(uint64_t last_id) {
    bool snapshot;
    assert_null(live_ring_next(&ring, last_id, &snapshot));
}

static void there_is_nothing_before_the_first_event(void **state) {
    UNUSED(state);
    expect_nothing(0);
    expect_nothing(START);
}

static void a_new_viewer_gets_the_snapshot_then_each_change(void **state) {
    UNUSED(state);
    put_first();
    expect_next(0, START + 1, true);
    expect_nothing(START + 1);
    put_sized(START + 2, 10, 4000);
    put_sized(START + 3, 10, 4000);
    expect_next(START + 1, START + 2, false);
    expect_next(START + 2, START + 3, false);
    expect_nothing(START + 3);
    expect_next(0, START + 3, true);
}

static void an_id_of_another_run_gets_the_snapshot(void **state) {
    UNUSED(state);
    put_first();
    put_sized(START + 2, 10, 4000);
    expect_next(START - 1, START + 2, true);
    expect_next(START, START + 2, true);
    expect_next(START + 3, START + 2, true);
    expect_next(UINT64_MAX, START + 2, true);
}

static void a_viewer_too_far_behind_gets_the_snapshot(void **state) {
    UNUSED(state);
    put_first();
    uint64_t newest = START + 1 + LIVE_RING_EVENTS + 88;
    for (uint64_t id = START + 2; id <= newest; id++) {
        put_sized(id, 1, 4000);
    }
    uint64_t oldest = newest - LIVE_RING_EVENTS + 1;
    expect_next(oldest - 1, oldest, false); // the last one that can still follow
    expect_next(oldest - 2, newest, true);
    expect_next(START + 1, newest, true);
}

static void what_is_missed_is_never_longer_than_the_snapshot(void **state) {
    UNUSED(state);
    put_first();
    put_sized(START + 2, 600, 1000);
    expect_next(START + 1, START + 2, false);
    put_sized(START + 3, 300, 1000);
    expect_next(START + 1, START + 2, false); // 900 bytes of changes
    put_sized(START + 4, 300, 1000);
    expect_next(START + 1, START + 4, true); // 1,200 bytes
    expect_next(START + 2, START + 3, false);
    put_sized(START + 5, 2000, 1000);
    expect_next(START + 4, START + 5, false); // one change is taken whatever its size
}

static void an_event_lives_as_long_as_somebody_sends_it(void **state) {
    UNUSED(state);
    put_first();
    bool snapshot;
    const struct stream_event *held = live_ring_next(&ring, 0, &snapshot);
    for (uint64_t id = START + 2; id <= START + 2000; id++) {
        put_sized(id, 1, 4000);
    }
    assert_int_equal(held->len, 4000);
    assert_memory_equal(held->bytes, long_text, 30); // under ASan: still there
    live_release(held);
}

static void a_snapshot_can_be_told_anew_and_nobody_gets_it_twice(void **state) {
    UNUSED(state);
    put_first();
    put_sized(START + 2, 10, 4000);
    live_ring_renew(&ring, live_event_new(START + 2, (struct text){long_text, 3000}));
    bool snapshot;
    const struct stream_event *e = live_ring_next(&ring, 0, &snapshot);
    assert_int_equal(e->len, 3000);
    live_release(e);
    expect_nothing(START + 2);
    expect_next(START + 1, START + 2, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(there_is_nothing_before_the_first_event, empty_ring,
                                        free_ring),
        cmocka_unit_test_setup_teardown(a_new_viewer_gets_the_snapshot_then_each_change, empty_ring,
                                        free_ring),
        cmocka_unit_test_setup_teardown(an_id_of_another_run_gets_the_snapshot, empty_ring,
                                        free_ring),
        cmocka_unit_test_setup_teardown(a_viewer_too_far_behind_gets_the_snapshot, empty_ring,
                                        free_ring),
        cmocka_unit_test_setup_teardown(what_is_missed_is_never_longer_than_the_snapshot,
                                        empty_ring, free_ring),
        cmocka_unit_test_setup_teardown(an_event_lives_as_long_as_somebody_sends_it, empty_ring,
                                        free_ring),
        cmocka_unit_test_setup_teardown(a_snapshot_can_be_told_anew_and_nobody_gets_it_twice,
                                        empty_ring, free_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
