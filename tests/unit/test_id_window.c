// SPDX-License-Identifier: MIT
// The window of identities: against a plain model, with stamps in any order, failed batches and
// kills at any point; and what it promises of arrivals.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "id_window_model.h"

static struct id_budget plenty = {.max_bytes = (size_t)1 << 30};

static struct id_window *window(void) {
    return window_of(&plenty, (struct id_window_start){0, 0});
}

static int64_t next_offset; // of `see`

// As a store does.
static enum known_as see(struct id_window *w, uint64_t id, uint64_t content, int64_t at_ms) {
    struct order_digest d = digest_of(id, content);
    enum known_as known = known_of(w, &d, next_offset++, at_ms);
    if (known == KNOWN_NEW) {
        assert_true(id_window_add(w, &d));
    }
    return known;
}

// Two blocks of messages that nobody asks for again: time is theirs.
static void pass_blocks(struct id_window *w, int64_t at_ms) {
    for (int i = 0; i < 2 * BLOCK + 1; i++) {
        assert_true(id_window_pass(w, next_offset++, at_ms));
    }
}

static void what_came_is_known_with_its_content(void **state) {
    (void)state;
    next_offset = 0;
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
    next_offset = 0;
    struct id_window *w = window();
    pass_blocks(w, 1);
    assert_int_equal(see(w, 1, 7, STEP_MS), KNOWN_NEW);
    pass_blocks(w, STEP_MS + WINDOW_MS);
    assert_int_equal(see(w, 1, 7, STEP_MS + WINDOW_MS), KNOWN_SAME); // not before its end
    pass_blocks(w, STEP_MS + 2 * WINDOW_MS);
    assert_int_equal(see(w, 1, 7, STEP_MS + 2 * WINDOW_MS), KNOWN_SAME); // it came again
    pass_blocks(w, 2 * STEP_MS + 2 * WINDOW_MS); // after it: it is as old as that at least
    pass_blocks(w, 4 * STEP_MS + 3 * WINDOW_MS);
    assert_int_equal(see(w, 1, 7, 4 * STEP_MS + 3 * WINDOW_MS), KNOWN_NEW);
    id_window_free(w);
}

static void a_few_messages_ahead_of_time_forget_nothing(void **state) {
    (void)state;
    next_offset = 0;
    struct id_window *w = window();
    pass_blocks(w, 1000);
    assert_int_equal(see(w, 1, 7, 1000), KNOWN_NEW);
    for (int i = 0; i < BLOCK - 1; i++) {
        assert_true(id_window_pass(w, next_offset++, INT64_C(1) << 52));
    }
    pass_blocks(w, 1001);
    assert_int_equal(see(w, 1, 7, 1001), KNOWN_SAME);
    id_window_free(w);
}

static void stamps_of_1970_and_stamps_that_stand_still_forget_nothing(void **state) {
    (void)state;
    next_offset = 0;
    struct id_window *w = window();
    for (uint64_t id = 0; id < 10000; id++) {
        assert_int_equal(see(w, id, id, 1), KNOWN_NEW);
    }
    for (uint64_t id = 0; id < 10000; id++) {
        assert_int_equal(see(w, id, id, 1), KNOWN_SAME);
    }
    id_window_free(w);
}

static void a_failed_batch_leaves_nothing_behind(void **state) {
    (void)state;
    next_offset = 0;
    struct id_window *w = window();
    for (uint64_t id = 0; id < 3000; id++) {
        assert_int_equal(see(w, id, id, 1000), KNOWN_NEW);
    }
    id_window_keep(w);
    int64_t kept = next_offset;
    for (uint64_t id = 3000; id < 60000; id++) { // the table grows meanwhile, and time goes on
        assert_int_equal(see(w, id, id, (int64_t)id * 100), KNOWN_NEW);
    }
    id_window_undo(w);
    assert_int_equal(id_window_facts(w).n_ids, 3000);
    next_offset = kept;
    for (uint64_t id = 0; id < 60000; id++) {
        assert_int_equal(see(w, id, id, 1000), id < 3000 ? KNOWN_SAME : KNOWN_NEW);
    }
    id_window_free(w);
}

// Tables of many megabytes, whose front goes while they are copied.
static void a_table_that_grows_large_keeps_all_that_came(void **state) {
    (void)state;
    enum { MANY = 1500000 };
    next_offset = 0;
    struct id_budget budget = {.max_bytes = (size_t)96 << 20};
    struct id_window *w = window_of(&budget, (struct id_window_start){0, 0});
    for (uint64_t id = 0; id < MANY; id++) {
        assert_int_equal(see(w, id, id, 1000), KNOWN_NEW);
        if (id % 100000 == 0) {
            id_window_keep(w);
        }
    }
    assert_int_equal(id_window_facts(w).n_ids, MANY);
    assert_true(id_window_facts(w).bytes < MANY * (size_t)ID_WINDOW_ENTRY_BYTES * 2);
    for (uint64_t id = 0; id < MANY; id++) {
        assert_int_equal(see(w, id, id, 1000), KNOWN_SAME);
    }
    id_window_free(w);
    assert_int_equal(budget.used_bytes, 0);
}

// None takes room that the others need: with a half of the budget filled all are known.
static void many_windows_share_a_budget(void **state) {
    (void)state;
    enum { WINDOWS = 48, EACH = 20000 };
    next_offset = 0;
    struct id_budget budget = {.max_bytes = (size_t)WINDOWS * EACH * ID_WINDOW_ENTRY_BYTES * 2};
    struct id_window *windows[WINDOWS];
    for (int i = 0; i < WINDOWS; i++) {
        windows[i] = window_of(&budget, (struct id_window_start){0, 0});
    }
    for (uint64_t id = 0; id < EACH; id++) {
        for (int i = 0; i < WINDOWS; i++) {
            assert_int_equal(see(windows[i], id, id, 1000), KNOWN_NEW);
            assert_true(budget.used_bytes <= budget.max_bytes);
        }
    }
    for (int i = 0; i < WINDOWS; i++) {
        assert_int_equal(id_window_facts(windows[i]).n_ids, EACH);
        assert_int_equal(id_window_facts(windows[i]).covered_ms, WINDOW_MS);
        id_window_free(windows[i]);
    }
    assert_int_equal(budget.used_bytes, 0);
}

static void run_log(const struct record *log, struct dice *dice, struct id_budget *budget) {
    struct id_window *w = window_of(budget, (struct id_window_start){log[0].offset, 0});
    int64_t start = 0;
    int at = 0, committed = 0, batch = 0;
    while (at < LOG) {
        const struct record *r = &log[at];
        struct order_digest d = digest_of(r->id, r->content);
        enum known_as have = known_of(w, &d, r->offset, r->at_ms);
        if (have != r->verdict) {
            fail_msg("message %d: %d, not %d", at, (int)have, (int)r->verdict);
        }
        if (have == KNOWN_NEW && !r->refused) {
            assert_true(id_window_add(w, &d));
        }
        at++;
        if (++batch < (int)roll(dice, 3000)) {
            continue;
        }
        batch = 0;
        if (roll(dice, 4) == 0) {
            id_window_undo(w);
            at = committed;
        } else {
            id_window_keep(w);
            committed = at;
            assert_true(id_window_start(w).offset >= start);
            start = id_window_start(w).offset;
        }
        if (roll(dice, 30) == 0) {
            id_window_undo(w);
            w = read_back(w, budget, log, committed);
            at = committed;
        }
    }
    id_window_free(w);
}

static void kills_and_failed_batches_change_no_verdict(void **state) {
    (void)state;
    struct record *log = calloc(LOG, sizeof *log);
    assert_non_null(log);
    for (uint64_t seed = 1; seed <= 24; seed++) {
        struct dice dice = {seed};
        struct id_budget budget = {.max_bytes = (size_t)1 << (20 + seed % 3 * 4)};
        fill_log(log, &dice, &budget);
        run_log(log, &dice, &budget);
        assert_int_equal(budget.used_bytes, 0);
    }
    free(log);
}

// Judges one message as a store does.
static void judge(struct id_window *w, const struct record *r) {
    struct order_digest d = digest_of(r->id, r->content);
    enum known_as have = known_of(w, &d, r->offset, r->at_ms);
    if (have != r->verdict) {
        fail_msg("offset %lld: %d, not %d", (long long)r->offset, (int)have, (int)r->verdict);
    }
    if (have == KNOWN_NEW && !r->refused) {
        assert_true(id_window_add(w, &d));
    }
}

// One batch waits for its commit (marked .. at `judged`) while the next one is judged. The first
// becomes known or falls at any point of the second, and then takes it with it.
static void run_log_two_batches(const struct record *log, struct dice *dice,
                                struct id_budget *budget) {
    struct id_window *w = window_of(budget, (struct id_window_start){log[0].offset, 0});
    int at = 0, committed = 0, judged = -1; // judged: of the marked one; -1: there is none
    while (at < LOG) {
        judge(w, &log[at++]);
        uint64_t what = roll(dice, 2000);
        if (judged >= 0 && what < 2) { // its commit ends, well or not, with the next one in work
            if (what == 0) {
                id_window_keep_marked(w);
                committed = judged;
            } else {
                id_window_undo(w);
                at = committed;
            }
            judged = -1;
        } else if (judged < 0 && what < 4) { // handed over
            id_window_mark(w);
            judged = at;
        } else if (judged < 0 && what < 5) { // the one in work cannot be judged
            id_window_undo(w);
            at = committed;
        } else if (what == 5) { // killed
            id_window_undo(w);
            w = read_back(w, budget, log, committed);
            at = committed;
            judged = -1;
        }
    }
    id_window_free(w);
}

static void two_batches_that_fall_or_stay_change_no_verdict(void **state) {
    (void)state;
    struct record *log = calloc(LOG, sizeof *log);
    assert_non_null(log);
    for (uint64_t seed = 1; seed <= 24; seed++) {
        struct dice dice = {seed};
        struct id_budget budget = {.max_bytes = (size_t)1 << (20 + seed % 3 * 4)};
        fill_log(log, &dice, &budget);
        run_log_two_batches(log, &dice, &budget);
        assert_int_equal(budget.used_bytes, 0);
    }
    free(log);
}

// More identities than there is memory for, in two batches at once: the second is undone after the
// first was kept, then both.
static void a_budget_that_ends_within_the_second_of_two_batches_forgets_the_oldest(void **state) {
    (void)state;
    next_offset = 0;
    struct id_budget tight = {.max_bytes = 256 * 1024}; // 16,384 entries
    struct id_window *w = window_of(&tight, (struct id_window_start){0, 0});
    uint64_t id = 0;
    for (int round = 0; round < 40; round++) {
        for (int i = 0; i < 1000; i++, id++) {
            assert_int_equal(see(w, id, id, 1000 + (int64_t)id), KNOWN_NEW);
        }
        id_window_mark(w);
        int64_t offset = next_offset;
        for (uint64_t next = id; next < id + 30000; next++) { // evicts the first batch, and itself
            assert_int_equal(see(w, next, next, 1000 + (int64_t)next), KNOWN_NEW);
            assert_true(tight.used_bytes <= tight.max_bytes);
        }
        if (round % 2 == 0) {
            id_window_keep_marked(w);
        }
        id_window_undo(w);
        assert_true(id_window_facts(w).n_ids < 16384);
        next_offset = round % 2 == 0 ? offset : offset - 1000;
        id = (uint64_t)next_offset;
        assert_int_equal(see(w, id, id, 1000 + (int64_t)id), KNOWN_NEW);
        id++;
    }
    id_window_free(w);
    assert_int_equal(tight.used_bytes, 0);
}

// Stamps are arrivals, up to a second of disorder; some messages are ahead of time. Whatever comes
// again within the window of true time is known.
static void what_arrived_within_the_window_is_known(void **state) {
    (void)state;
    int64_t *last_ms = calloc(IDS, sizeof *last_ms);
    assert_non_null(last_ms);
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct dice dice = {seed};
        struct id_window *w = window();
        int64_t now_ms = INT64_C(1700000000000);
        int n_new_again = 0;
        memset(last_ms, 0, IDS * sizeof *last_ms);
        for (int64_t i = 0; i < 200000; i++) {
            now_ms += roll(&dice, 3000) == 0 ? (int64_t)roll(&dice, 16 * WINDOW_MS)
                                             : (int64_t)roll(&dice, seed % 3 * 100 + 1);
            int64_t stamp_ms = now_ms - (int64_t)roll(&dice, 1000);
            stamp_ms += roll(&dice, 50) == 0 ? (int64_t)roll(&dice, 900 * INT64_C(1000000)) : 0;
            uint64_t id = roll(&dice, IDS);
            struct order_digest d = digest_of(id, 0);
            enum known_as known = known_of(w, &d, i, stamp_ms);
            if (known == KNOWN_NEW) {
                assert_true(now_ms - last_ms[id] > WINDOW_MS - 1000);
                n_new_again += last_ms[id] > 0;
                assert_true(id_window_add(w, &d));
            }
            last_ms[id] = now_ms;
            if (i % 100 == 0) {
                id_window_keep(w);
            }
        }
        assert_true(seed % 3 == 0 || n_new_again > 0); // it does forget
        id_window_free(w);
    }
    free(last_ms);
}

static void the_budget_is_kept_and_the_window_gets_shorter(void **state) {
    (void)state;
    next_offset = 0;
    struct id_budget tight = {.max_bytes = 1024 * 1024}; // 65,536 entries
    struct id_window *w = window_of(&tight, (struct id_window_start){0, 0});
    int64_t at_ms = 1;
    for (uint64_t id = 0; id < 400000; id++) {
        assert_int_equal(see(w, id, id, at_ms), KNOWN_NEW);
        at_ms += id % 10 == 0;
        assert_true(tight.used_bytes <= tight.max_bytes);
        if (id % 500 == 0) {
            id_window_keep(w);
        }
    }
    struct id_window_facts facts = id_window_facts(w);
    assert_true(facts.covered_ms < WINDOW_MS);
    assert_true(facts.covered_ms > 0);
    assert_true(facts.n_ids >= 65536 / 2); // it forgets the oldest, not all
    assert_true(id_window_start(w).offset > 400000 - 65536);
    // Those within the window in force are known.
    uint64_t covered = (uint64_t)facts.covered_ms * 10 - 10 * STEP_MS;
    for (uint64_t id = 400000 - covered; id < 400000; id += 7) {
        assert_int_equal(see(w, id, id, at_ms), KNOWN_SAME);
    }
    id_window_free(w);
    assert_int_equal(tight.used_bytes, 0);
}

static void more_than_the_budget_in_one_moment_forgets_the_oldest_alone(void **state) {
    (void)state;
    next_offset = 0;
    struct id_budget tight = {.max_bytes = 256 * 1024}; // 16,384 entries
    struct id_window *w = window_of(&tight, (struct id_window_start){0, 0});
    for (uint64_t id = 0; id < 100000; id++) {
        assert_int_equal(see(w, id, id, 1000), KNOWN_NEW);
        assert_true(tight.used_bytes <= tight.max_bytes);
        for (uint64_t back = 0; back < 5000 && back <= id && id % 1000 == 0; back += 50) {
            struct order_digest d = digest_of(id - back, id - back);
            assert_int_equal(known_of(w, &d, 0, 1000), KNOWN_SAME);
        }
    }
    assert_int_equal(id_window_facts(w).covered_ms, 0);
    id_window_undo(w);
    assert_int_equal(id_window_facts(w).n_ids, 0);
    id_window_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_came_is_known_with_its_content),
        cmocka_unit_test(what_is_older_than_the_window_is_new_again),
        cmocka_unit_test(a_few_messages_ahead_of_time_forget_nothing),
        cmocka_unit_test(stamps_of_1970_and_stamps_that_stand_still_forget_nothing),
        cmocka_unit_test(a_failed_batch_leaves_nothing_behind),
        cmocka_unit_test(a_table_that_grows_large_keeps_all_that_came),
        cmocka_unit_test(many_windows_share_a_budget),
        cmocka_unit_test(kills_and_failed_batches_change_no_verdict),
        cmocka_unit_test(two_batches_that_fall_or_stay_change_no_verdict),
        cmocka_unit_test(a_budget_that_ends_within_the_second_of_two_batches_forgets_the_oldest),
        cmocka_unit_test(what_arrived_within_the_window_is_known),
        cmocka_unit_test(the_budget_is_kept_and_the_window_gets_shorter),
        cmocka_unit_test(more_than_the_budget_in_one_moment_forgets_the_oldest_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
