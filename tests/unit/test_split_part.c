// SPDX-License-Identifier: MIT
// A partition of the split store, event by event: what it tells the log, which batches move it, and
// that events of it never leave a batch that goes on.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/split/split_part.h"
#include <string.h>

struct room {
    struct id_budget budget;
    struct split_part p;
};

static struct room new_room(void) {
    return (struct room){{.max_bytes = 1 << 20}, SPLIT_PART_NEW};
}

static void claim(struct room *r, int64_t next_offset, int64_t epoch_us) {
    struct id_window *w =
        id_window_new(&(struct id_window_options){.window_ms = 3600000, .budget = &r->budget},
                      (struct id_window_start){0, 0});
    assert_non_null(w);
    split_part_claimed(
        &r->p, &(struct position_claim){.next_offset = next_offset, .epoch_us = epoch_us}, w);
}

static enum known_as known(struct room *r, const struct order_digest *d) {
    enum known_as as;
    assert_true(id_window_known(r->p.window, d, 0, 0, &as));
    return as;
}

static enum split_again again(struct room *r, int64_t next_offset, int64_t epoch_us, bool lost) {
    return split_part_again(
        &r->p, &(struct position_claim){.next_offset = next_offset, .epoch_us = epoch_us}, lost);
}

static void expect(const struct room *r, const char *state, int64_t next_offset, bool lost) {
    struct log_claim held;
    split_part_held(&r->p, &held);
    assert_string_equal(state_name(&split_part_table, r->p.state), state);
    assert_int_equal(held.next_offset, next_offset);
    assert_int_equal(held.lost, lost);
}

static struct order_digest digest(uint64_t n) {
    return (struct order_digest){{n, n * 7919}, n};
}

static void commit(struct room *r) {
    split_part_sent(&r->p);
    split_part_committed(&r->p);
}

static void end(struct room *r) {
    split_part_free(&r->p);
    assert_true(split_part_is(&r->p, SPLIT_PART_FREE));
    assert_int_equal(r->budget.used_bytes, 0); // every window is given back
}

static void a_batch_moves_it_on(void **state) {
    (void)state;
    struct room r = new_room();
    expect(&r, "free", -1, true);
    claim(&r, -1, 10);
    expect(&r, "held", -1, false);
    split_part_advanced(&r.p, 5);
    split_part_advanced(&r.p, 9);
    expect(&r, "moved", 9, false);
    assert_true(split_part_in_batch(&r.p));
    commit(&r);
    expect(&r, "held", 9, false);
    assert_false(split_part_in_batch(&r.p));
    split_part_released(&r.p);
    expect(&r, "free", -1, true);
    end(&r);
}

static void a_batch_that_never_was_is_undone_with_its_identities(void **state) {
    (void)state;
    struct room r = new_room();
    struct order_digest a = digest(1), b = digest(2);
    claim(&r, 3, 10);
    assert_true(id_window_add(r.p.window, &a));
    split_part_advanced(&r.p, 4);
    commit(&r);
    assert_true(id_window_add(r.p.window, &b)); // of a slice that was not judged to its end
    split_part_undone(&r.p);
    expect(&r, "held", 4, false);
    assert_int_equal(known(&r, &a), KNOWN_SAME);
    assert_int_equal(known(&r, &b), KNOWN_NEW);
    end(&r);
}

static void given_up_within_a_batch_its_commit_still_counts(void **state) {
    (void)state;
    struct room r = new_room();
    claim(&r, 3, 10);
    split_part_advanced(&r.p, 7);
    split_part_released(&r.p);
    expect(&r, "released", -1, true);
    assert_int_equal(r.p.epoch_us, 10); // of the claim that the batch began with
    assert_int_equal(r.p.moved_to, 7);
    split_part_released(&r.p); // told twice
    expect(&r, "released", -1, true);
    commit(&r);
    expect(&r, "free", -1, true);
    end(&r);
}

static void back_within_the_batch_it_goes_on(void **state) {
    (void)state;
    struct room r = new_room();
    struct order_digest a = digest(1);
    claim(&r, 3, 10);
    assert_true(id_window_add(r.p.window, &a));
    split_part_advanced(&r.p, 7);
    split_part_released(&r.p);
    claim(&r, 3, 12);
    expect(&r, "moved", 7, false);
    assert_int_equal(r.p.epoch_us, 12);
    assert_int_equal(known(&r, &a), KNOWN_SAME);
    commit(&r);
    expect(&r, "held", 7, false);
    end(&r);
}

static void back_after_others_counted_on_its_batch_keeps_the_old_epoch(void **state) {
    (void)state;
    struct room r = new_room();
    claim(&r, 3, 10);
    split_part_advanced(&r.p, 7);
    split_part_released(&r.p);
    claim(&r, 9, 14);
    expect(&r, "doomed", -1, true);
    assert_true(split_part_in_batch(&r.p));
    assert_int_equal(r.p.epoch_us, 10);
    assert_int_equal(r.p.committed, 3);
    claim(&r, 9, 15); // asked again before the batch has ended
    expect(&r, "doomed", -1, true);
    split_part_undone(&r.p);
    expect(&r, "lost", -1, true);
    claim(&r, 9, 16);
    expect(&r, "held", 9, false);
    end(&r);
}

// What was judged must not stay in the cube of a batch that does not move the partition.
static void doomed_and_given_up_its_events_still_fail_the_batch(void **state) {
    (void)state;
    struct room r = new_room();
    claim(&r, 3, 10);
    split_part_advanced(&r.p, 7);
    split_part_released(&r.p);
    claim(&r, 9, 14);
    split_part_released(&r.p);
    expect(&r, "released", -1, true);
    assert_true(split_part_in_batch(&r.p));
    assert_int_equal(r.p.epoch_us, 10);
    assert_int_equal(r.p.committed, 3);
    split_part_undone(&r.p);
    expect(&r, "free", -1, true);
    end(&r);
}

static void after_a_failure_the_store_tells_what_became_of_it(void **state) {
    (void)state;
    static const struct {
        bool moved, lost;
        int64_t next_offset;
        enum split_again want;
        const char *state;
        int64_t held;
    } cases[] = {
        {false, false, 3, SPLIT_STILL_OURS, "held", 3},
        {true, false, 3, SPLIT_STILL_OURS, "held", 3},
        {true, false, 7, SPLIT_DOUBT_COMMITTED, "held", 7},
        {true, true, 7, SPLIT_TAKEN_OVER, "lost", -1},
        {true, false, 8, SPLIT_TAKEN_OVER, "lost", -1},
        {false, true, 3, SPLIT_TAKEN_OVER, "lost", -1},
        {false, false, 8, SPLIT_TAKEN_OVER, "lost", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct room r = new_room();
        struct order_digest a = digest(1);
        claim(&r, 3, 10);
        if (cases[i].moved) {
            assert_true(id_window_add(r.p.window, &a));
            split_part_advanced(&r.p, 7);
            split_part_sent(&r.p);
        }
        assert_int_equal(again(&r, cases[i].next_offset, 20, cases[i].lost), cases[i].want);
        expect(&r, cases[i].state, cases[i].held, cases[i].held < 0);
        assert_false(split_part_in_batch(&r.p));
        assert_int_equal(known(&r, &a),
                         cases[i].want == SPLIT_DOUBT_COMMITTED ? KNOWN_SAME : KNOWN_NEW);
        end(&r);
    }
}

static void after_a_failure_what_was_given_up_goes_without_being_asked_for(void **state) {
    (void)state;
    for (int doomed = 0; doomed < 2; doomed++) {
        struct room r = new_room();
        claim(&r, 3, 10);
        split_part_advanced(&r.p, 7);
        split_part_released(&r.p);
        if (doomed == 1) {
            claim(&r, 9, 14);
        }
        split_part_not_asked(&r.p);
        expect(&r, doomed == 1 ? "lost" : "free", -1, true);
        split_part_not_asked(&r.p); // again, after a reopen that failed
        split_part_released(&r.p);
        expect(&r, "free", -1, true);
        end(&r);
    }
}

// --- Two batches

static void the_next_batch_goes_on_when_the_one_before_is_committed(void **state) {
    (void)state;
    struct room r = new_room();
    struct order_digest a = digest(1), b = digest(2);
    claim(&r, 3, 10);
    assert_true(id_window_add(r.p.window, &a));
    split_part_advanced(&r.p, 7);
    split_part_sent(&r.p);
    expect(&r, "moved", 7, false);
    assert_true(id_window_add(r.p.window, &b));
    split_part_advanced(&r.p, 9);
    expect(&r, "moved", 9, false);
    split_part_committed(&r.p);
    expect(&r, "moved", 9, false);
    assert_int_equal(r.p.committed, 7);
    split_part_undone(&r.p);
    expect(&r, "held", 7, false);
    assert_int_equal(known(&r, &a), KNOWN_SAME);
    assert_int_equal(known(&r, &b), KNOWN_NEW);
    end(&r);
}

static void when_the_one_before_falls_the_next_batch_falls_with_it(void **state) {
    (void)state;
    struct room r = new_room();
    struct order_digest a = digest(1), b = digest(2);
    claim(&r, 3, 10);
    assert_true(id_window_add(r.p.window, &a));
    split_part_advanced(&r.p, 7);
    split_part_sent(&r.p);
    assert_true(id_window_add(r.p.window, &b));
    split_part_advanced(&r.p, 9);
    split_part_undone(&r.p);
    expect(&r, "held", 3, false);
    assert_int_equal(known(&r, &a), KNOWN_NEW);
    assert_int_equal(known(&r, &b), KNOWN_NEW);
    end(&r);
}

static void given_up_it_stays_until_the_last_batch_with_events_of_it_is_over(void **state) {
    (void)state;
    struct room r = new_room();
    claim(&r, 3, 10);
    split_part_advanced(&r.p, 7);
    split_part_sent(&r.p);
    split_part_advanced(&r.p, 9);
    split_part_released(&r.p);
    split_part_committed(&r.p);
    expect(&r, "released", -1, true);
    assert_int_equal(r.p.committed, 7);
    claim(&r, 7, 12); // back, and nobody has counted on
    expect(&r, "moved", 9, false);
    split_part_released(&r.p);
    commit(&r);
    expect(&r, "free", -1, true);
    end(&r);
}

static void in_doubt_the_store_tells_and_the_next_batch_is_gone_either_way(void **state) {
    (void)state;
    for (int done = 0; done < 2; done++) {
        for (int next_too = 0; next_too < 2; next_too++) {
            struct room r = new_room();
            struct order_digest a = digest(1), b = digest(2);
            claim(&r, 3, 10);
            assert_true(id_window_add(r.p.window, &a));
            split_part_advanced(&r.p, 7);
            split_part_sent(&r.p);
            if (next_too == 1) {
                assert_true(id_window_add(r.p.window, &b));
                split_part_advanced(&r.p, 9);
            }
            split_part_doubted(&r.p);
            assert_true(split_part_in_batch(&r.p));
            assert_int_equal(again(&r, done == 1 ? 7 : 3, 20, false),
                             done == 1 ? SPLIT_DOUBT_COMMITTED : SPLIT_STILL_OURS);
            expect(&r, "held", done == 1 ? 7 : 3, false);
            assert_int_equal(known(&r, &a), done == 1 ? KNOWN_SAME : KNOWN_NEW);
            assert_int_equal(known(&r, &b), KNOWN_NEW);
            end(&r);
        }
    }
}

static void one_that_only_the_next_batch_moves_is_in_no_doubt(void **state) {
    (void)state;
    struct room r = new_room();
    claim(&r, 3, 10);
    split_part_advanced(&r.p, 9);
    split_part_doubted(&r.p);
    expect(&r, "held", 3, false);
    assert_false(split_part_in_batch(&r.p));
    end(&r);
}

static void events_of_a_part_never_leave_a_batch_that_goes_on(void **state) {
    (void)state;
    static const enum split_part_state never[][2] = {
        {SPLIT_PART_FREE, SPLIT_PART_MOVED},    {SPLIT_PART_LOST, SPLIT_PART_MOVED},
        {SPLIT_PART_MOVED, SPLIT_PART_FREE},    {SPLIT_PART_DOOMED, SPLIT_PART_FREE},
        {SPLIT_PART_DOOMED, SPLIT_PART_HELD}, // its batch cannot be committed
        {SPLIT_PART_RELEASED, SPLIT_PART_HELD},
    };
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        assert_false(
            state_may_move(&split_part_table, (struct state){(uint8_t)never[i][0]}, never[i][1]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_moves_it_on),
        cmocka_unit_test(a_batch_that_never_was_is_undone_with_its_identities),
        cmocka_unit_test(given_up_within_a_batch_its_commit_still_counts),
        cmocka_unit_test(back_within_the_batch_it_goes_on),
        cmocka_unit_test(back_after_others_counted_on_its_batch_keeps_the_old_epoch),
        cmocka_unit_test(doomed_and_given_up_its_events_still_fail_the_batch),
        cmocka_unit_test(after_a_failure_the_store_tells_what_became_of_it),
        cmocka_unit_test(events_of_a_part_never_leave_a_batch_that_goes_on),
        cmocka_unit_test(the_next_batch_goes_on_when_the_one_before_is_committed),
        cmocka_unit_test(when_the_one_before_falls_the_next_batch_falls_with_it),
        cmocka_unit_test(given_up_it_stays_until_the_last_batch_with_events_of_it_is_over),
        cmocka_unit_test(in_doubt_the_store_tells_and_the_next_batch_is_gone_either_way),
        cmocka_unit_test(one_that_only_the_next_batch_moves_is_in_no_doubt),
        cmocka_unit_test(after_a_failure_what_was_given_up_goes_without_being_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
