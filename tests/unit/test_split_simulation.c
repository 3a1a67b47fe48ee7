// SPDX-License-Identifier: MIT
// The simulation of log_simulation.h over stores in memory. Of the seeds one half has one batch at
// a time, the other two in flight, whose commits are done at any point until they are waited for.
#include "log_simulation.h"

static void a_quiet_group_counts_everything_once(void **state) {
    (void)state;
    for (int ahead = 0; ahead < 2; ahead++) {
        struct troubles t =
            run(&(struct simulation){.seed = 1, .n_messages = 3000, .ahead = ahead == 1});
        assert_int_equal(t.fenced, 0);
        assert_true(ahead == 1 ? t.ahead > 10 : t.ahead == 0);
    }
}

static void partitions_that_move_count_once(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct troubles t = run(&(struct simulation){
            .seed = seed, .n_messages = 2000, .move_per_mille = 30, .ahead = seed % 2 == 0});
        assert_int_equal(t.retries + t.doubts_lost + t.doubts_committed, 0);
    }
}

static void failing_stores_moving_partitions_and_kills_count_once(void **state) {
    (void)state;
    struct troubles all = {0};
    for (uint64_t seed = 100; seed < 220; seed++) {
        struct troubles t = run(&(struct simulation){.seed = seed,
                                                     .n_messages = 1500,
                                                     .fail_per_mille = 60,
                                                     .move_per_mille = 20,
                                                     .ahead = seed % 2 == 0});
        add_troubles(&all, &t);
    }
    print_message("%d retries, %d + %d doubts, %d fenced, %d kills\n", (int)all.retries,
                  (int)all.doubts_lost, (int)all.doubts_committed, (int)all.fenced, (int)all.kills);
    assert_true(all.retries > 50 && all.doubts_lost > 50 && all.doubts_committed > 50);
    assert_true(all.fenced > 50 && all.kills > 50 && all.ahead > 500);
    expect_two_fell(&all.two_fell, 10);
}

static void partitions_that_come_back_within_a_batch_count_once(void **state) {
    (void)state;
    struct troubles all = {0};
    for (uint64_t seed = 300; seed < 400; seed++) {
        struct troubles t = run(&(struct simulation){.seed = seed,
                                                     .n_messages = 1500,
                                                     .fail_per_mille = seed % 2 ? 40 : 0,
                                                     .move_per_mille = 10,
                                                     .bounce = true,
                                                     .ahead = seed % 3 != 0});
        add_troubles(&all, &t);
    }
    print_message("%d fenced, %d ahead\n", (int)all.fenced, (int)all.ahead);
    assert_true(all.fenced > 20 && all.ahead > 500);
    expect_two_fell(&all.two_fell, 0);
}

// Topics made anew (often longer than the old positions, and nobody is told), stamps of any kind,
// offsets with holes, tables that refuse an order now and take its repetition later; and failures,
// fences, rebalances and kills all the while.
static void whatever_topics_stamps_and_tables_do_counts_once(void **state) {
    (void)state;
    struct troubles all = {0};
    for (uint64_t seed = 1000; seed < 1160; seed++) {
        struct troubles t = run(&(struct simulation){.seed = seed,
                                                     .n_messages = 800,
                                                     .fail_per_mille = seed % 4 == 0 ? 0 : 40,
                                                     .move_per_mille = 20,
                                                     .bounce = seed % 2 == 0,
                                                     .stamps = (enum stamps)(seed % STAMPS_KINDS),
                                                     .holes = seed % 3 == 0,
                                                     .refused = seed % 5 != 0,
                                                     .remakes = (int)(seed % 4),
                                                     .ahead = seed / 4 % 2 == 0});
        add_troubles(&all, &t);
    }
    print_message("%d kills, %d fenced, %d doubts, %d stopped\n", (int)all.kills, (int)all.fenced,
                  (int)all.doubts_committed, (int)all.stopped);
    assert_true(all.kills > 50 && all.fenced > 20 && all.doubts_committed > 50);
    assert_true(all.stopped > 100 && all.ahead > 500);
    expect_two_fell(&all.two_fell, 0);
}

// A window of ten minutes, and stamps that run over many: groups of identities die, what the log is
// read back from moves on, and what comes again after long counts again, whoever reads it when. The
// number of messages that begins a group is that of 1, 4 or 16 MiB.
static void windows_that_move_on_are_a_function_of_the_log(void **state) {
    (void)state;
    struct troubles all = {0};
    for (uint64_t seed = 2000; seed < 2120; seed++) {
        enum stamps stamps = STAMPS_OVER_WINDOWS + seed % (STAMPS_END - STAMPS_OVER_WINDOWS);
        struct troubles t =
            run(&(struct simulation){.seed = seed,
                                     .n_messages = 2000,
                                     .fail_per_mille = seed % 5 == 0 ? 0 : 40,
                                     .move_per_mille = 20,
                                     .bounce = seed % 2 == 0,
                                     .stamps = stamps,
                                     .holes = seed % 3 == 0,
                                     .refused = seed % 7 != 0,
                                     .remakes = (int)(seed / 2 % 3),
                                     .ahead = seed / 8 % 2 == 0,
                                     .window_ms = 600000,
                                     .window_bytes = (size_t)1 << (20 + 2 * (seed / 4 % 3))});
        add_troubles(&all, &t);
    }
    print_message("%d starts moved, %d claims behind, %d anew, %d repeated, %d kills, %d stopped, "
                  "%d replaced\n",
                  (int)all.starts_moved, (int)all.claims_behind, (int)all.anew, (int)all.repeated,
                  (int)all.kills, (int)all.stopped, (int)all.replaced);
    assert_true(all.starts_moved > 1000 && all.claims_behind > 1000);
    assert_true(all.anew > 1000 && all.repeated > 1000 && all.replaced < 100);
    assert_true(all.kills > 50 && all.fenced > 20 && all.stopped > 50);
}

// As --allow-compacted allows: between the first reading of a message and the next it is removed.
static void of_a_compacted_topic_each_message_is_judged_once(void **state) {
    (void)state;
    struct troubles all = {0};
    for (uint64_t seed = 3000; seed < 3060; seed++) {
        struct troubles t = run(&(struct simulation){.seed = seed,
                                                     .n_messages = 1200,
                                                     .fail_per_mille = seed % 4 == 0 ? 0 : 40,
                                                     .move_per_mille = 60,
                                                     .bounce = seed % 2 == 0,
                                                     .refused = seed % 3 == 0,
                                                     .vanish = true,
                                                     .ahead = seed / 4 % 2 == 0});
        add_troubles(&all, &t);
    }
    print_message("%d vanished, %d anew, %d kills\n", (int)all.vanished, (int)all.anew,
                  (int)all.kills);
    assert_true(all.vanished > 1000 && all.anew > 100 && all.kills > 20);
}

// Memory of a window is refused now and then: its table, its steps, its notes for an undo. These
// sizes are asked for by nobody else here who could not do without.
static struct {
    uint64_t dice;
    int n_refused;
} refusal;
static bool refuse_some(void *user, size_t n_bytes) {
    (void)user;
    bool of_window = n_bytes == 4096 * 16 || n_bytes == 64 * 32 || n_bytes == 1024 * 24;
    refusal.dice = hash_u64(refusal.dice + 1);
    bool refuse = of_window && refusal.dice % 4 == 0;
    refusal.n_refused += refuse;
    return refuse;
}

static void windows_without_memory_count_once(void **state) {
    (void)state;
    for (uint64_t seed = 500; seed < 540; seed++) {
        refusal.dice = seed;
        mem_set_fail_hook(refuse_some, NULL);
        (void)run(&(struct simulation){.seed = seed,
                                       .n_messages = 1500,
                                       .fail_per_mille = seed % 2 ? 40 : 0,
                                       .move_per_mille = 20,
                                       .bounce = seed % 4 == 0,
                                       .ahead = seed % 3 != 0});
        mem_set_fail_hook(NULL, NULL);
    }
    print_message("%d refused\n", refusal.n_refused);
    assert_true(refusal.n_refused > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quiet_group_counts_everything_once),
        cmocka_unit_test(partitions_that_move_count_once),
        cmocka_unit_test(partitions_that_come_back_within_a_batch_count_once),
        cmocka_unit_test(failing_stores_moving_partitions_and_kills_count_once),
        cmocka_unit_test(windows_without_memory_count_once),
        cmocka_unit_test(whatever_topics_stamps_and_tables_do_counts_once),
        cmocka_unit_test(windows_that_move_on_are_a_function_of_the_log),
        cmocka_unit_test(of_a_compacted_topic_each_message_is_judged_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
