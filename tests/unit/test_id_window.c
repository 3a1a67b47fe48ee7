// SPDX-License-Identifier: MIT
// The window of identities against a plain model: a list of what came when.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "engine/id_window.h"
#include <stdlib.h>

enum { WINDOW_MS = 100000, STEP_MS = WINDOW_MS / 100 };

static struct order_digest digest_of(uint64_t id, uint64_t content) {
    struct order_digest d = {.content = hash_u64(content + 1)};
    hash_bytes_128(&id, sizeof id, &d.identity.high, &d.identity.low);
    return d;
}

static struct id_budget plenty = {.max_bytes = (size_t)1 << 30};

static struct id_window *window(void) {
    return id_window_new(WINDOW_MS, &plenty);
}

// As a store does.
static enum known_as see(struct id_window *w, uint64_t id, uint64_t content, int64_t at_ms) {
    struct order_digest d = digest_of(id, content);
    enum known_as known = id_window_known(w, &d, at_ms);
    if (known == KNOWN_NEW) {
        id_window_add(w, &d);
    }
    return known;
}

static void what_came_is_known_with_its_content(void **state) {
    (void)state;
    struct id_window *w = window();
    assert_int_equal(see(w, 1, 7, 1000), KNOWN_NEW);
    assert_int_equal(see(w, 1, 7, 1001), KNOWN_SAME);
    assert_int_equal(see(w, 1, 8, 1002), KNOWN_OTHER);
    assert_int_equal(see(w, 1, 7, 1003), KNOWN_SAME);
    assert_int_equal(see(w, 2, 7, 1003), KNOWN_NEW);
    assert_int_equal(id_window_facts(w).n_ids, 2);
    id_window_free(w);
    assert_int_equal(plenty.used_bytes, 0);
}

static void what_is_older_than_the_window_is_new_again(void **state) {
    (void)state;
    struct id_window *w = window();
    assert_int_equal(see(w, 1, 7, STEP_MS), KNOWN_NEW);
    assert_int_equal(see(w, 1, 7, STEP_MS + WINDOW_MS), KNOWN_SAME); // not before its end
    assert_int_equal(see(w, 1, 7, STEP_MS + WINDOW_MS + WINDOW_MS), KNOWN_SAME); // it came again
    assert_int_equal(see(w, 1, 7, STEP_MS + 4 * WINDOW_MS + STEP_MS), KNOWN_NEW);
    id_window_free(w);
}

static void an_early_arrival_does_not_turn_time_back(void **state) {
    (void)state;
    struct id_window *w = window();
    assert_int_equal(see(w, 1, 7, 5 * WINDOW_MS), KNOWN_NEW);
    assert_int_equal(see(w, 2, 7, 1), KNOWN_NEW); // a producer's clock is off
    assert_int_equal(see(w, 2, 7, 5 * WINDOW_MS + WINDOW_MS - STEP_MS), KNOWN_SAME);
    assert_int_equal(see(w, 1, 7, 5 * WINDOW_MS + WINDOW_MS - STEP_MS), KNOWN_SAME);
    id_window_free(w);
}

static void a_failed_batch_leaves_nothing_behind(void **state) {
    (void)state;
    struct id_window *w = window();
    for (uint64_t id = 0; id < 3000; id++) {
        assert_int_equal(see(w, id, id, 1000), KNOWN_NEW);
    }
    id_window_keep(w);
    for (uint64_t id = 3000; id < 60000; id++) { // the table grows meanwhile
        assert_int_equal(see(w, id, id, 1000), KNOWN_NEW);
    }
    id_window_undo(w);
    assert_int_equal(id_window_facts(w).n_ids, 3000);
    for (uint64_t id = 0; id < 60000; id++) {
        assert_int_equal(see(w, id, id, 1000), id < 3000 ? KNOWN_SAME : KNOWN_NEW);
    }
    id_window_free(w);
}

// Random ids, repeats, time that creeps, leaps and stands still; the model knows when each came
// last, in steps of time.
static void a_million_events_are_judged_as_by_a_plain_list(void **state) {
    (void)state;
    enum { IDS = 60000, EVENTS = 1000000 };
    struct id_window *w = window();
    int64_t *last_step = malloc(IDS * sizeof *last_step);
    int64_t at_ms = 1, step = 0;
    uint64_t dice = 42;
    for (int i = 0; i < IDS; i++) {
        last_step[i] = -1;
    }
    for (int i = 0; i < EVENTS; i++) {
        dice = hash_u64(dice + 0x9e3779b97f4a7c15u);
        uint64_t id = dice % IDS;
        uint64_t roll = dice >> 32;
        at_ms += roll % 1000 == 0 ? (int64_t)(roll / 1000 % (3 * WINDOW_MS))
                 : roll % 50 == 1 ? (int64_t)(roll / 50 % (2 * STEP_MS))
                                  : 0;
        step = at_ms / STEP_MS;
        bool known = last_step[id] >= 0 && step - last_step[id] <= 100;
        enum known_as want = known ? KNOWN_SAME : KNOWN_NEW;
        enum known_as have = see(w, id, id, at_ms);
        if (have != want) {
            fail_msg("event %d: id %d last came %d steps ago: %d, not %d", i, (int)id,
                     (int)(step - last_step[id]), (int)have, (int)want);
        }
        last_step[id] = step;
        if (roll % 97 == 0) {
            id_window_keep(w);
        }
    }
    free(last_step);
    id_window_free(w);
}

static void the_budget_is_kept_and_the_window_gets_shorter(void **state) {
    (void)state;
    struct id_budget tight = {.max_bytes = 1024 * 1024}; // 65,536 entries
    struct id_window *w = id_window_new(WINDOW_MS, &tight);
    int64_t at_ms = 1;
    for (uint64_t id = 0; id < 400000; id++) {
        assert_int_equal(see(w, id, id, at_ms), KNOWN_NEW);
        at_ms += id % 10 == 0;
        assert_true(tight.used_bytes <= tight.max_bytes);
    }
    struct id_window_facts facts = id_window_facts(w);
    assert_true(facts.covered_ms < WINDOW_MS);
    assert_true(facts.covered_ms > 0);
    // Those within the window in force are known.
    uint64_t covered = (uint64_t)facts.covered_ms * 10 - 10 * STEP_MS;
    for (uint64_t id = 400000 - covered; id < 400000; id += 7) {
        assert_int_equal(see(w, id, id, at_ms), KNOWN_SAME);
    }
    id_window_free(w);
    assert_int_equal(tight.used_bytes, 0);
}

static void more_than_the_budget_in_one_moment_stays_within_it(void **state) {
    (void)state;
    struct id_budget tight = {.max_bytes = 256 * 1024};
    struct id_window *w = id_window_new(WINDOW_MS, &tight);
    for (uint64_t id = 0; id < 100000; id++) {
        assert_int_equal(see(w, id, id, 1000), KNOWN_NEW);
        assert_true(tight.used_bytes <= tight.max_bytes);
    }
    assert_int_equal(id_window_facts(w).covered_ms, 0);
    assert_int_equal(see(w, 99999, 99999, 1000), KNOWN_SAME);
    id_window_undo(w);
    id_window_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_came_is_known_with_its_content),
        cmocka_unit_test(what_is_older_than_the_window_is_new_again),
        cmocka_unit_test(an_early_arrival_does_not_turn_time_back),
        cmocka_unit_test(a_failed_batch_leaves_nothing_behind),
        cmocka_unit_test(a_million_events_are_judged_as_by_a_plain_list),
        cmocka_unit_test(the_budget_is_kept_and_the_window_gets_shorter),
        cmocka_unit_test(more_than_the_budget_in_one_moment_stays_within_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
