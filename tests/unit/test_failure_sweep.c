// SPDX-License-Identifier: MIT
// The failure sweep: the same small history of orders is played again and again, and each time the
// next write, fsync, truncate, open or allocation on the commit path fails, until none is left to
// fail. Whatever fails, what was answered as durable is there, nothing is there twice, and the shop
// recovers without being started again.
#include "index_rows.h"

#include "base/log.h"
#include "base/mem.h"
#include "fault_vfs.h"
#include "store/sqlite/order_index.h"

enum { N_STEPS = 3, PER_STEP = 12 };

// Sends one step of the history until it is durable, as a client would on 503.
static void send_until_durable(struct shop *shop, int step) {
    struct order orders[PER_STEP];
    for (int i = 0; i < PER_STEP; i++) {
        orders[i] = shop_order(shop, (int64_t)step * PER_STEP + i, 10000 + i);
    }
    orders[0].kind = step > 0 ? ORDER_REFUNDED : ORDER_PLACED;
    orders[0].event_id = step > 0 ? TEXT_LIT("r1") : TEXT_NONE;
    for (int tries = 0; tries < 50; tries++) {
        struct submission *s = shop_submission(orders, PER_STEP);
        enum settle_result result = shop_send(shop, s);
        bool ok = true;
        for (size_t i = 0; i < s->n_events; i++) {
            // After a failed fsync the batch may have reached the disk all the same: then the retry
            // finds duplicates. Anything else would be wrong.
            ok = ok && (s->events[i].verdict == VERDICT_ACCEPTED ||
                        s->events[i].verdict == VERDICT_DUPLICATE);
        }
        submission_free(s);
        if (result == SETTLE_DURABLE) {
            assert_true(ok);
            return;
        }
        shop->now_ns += INT64_C(10) * 1000 * 1000 * 1000; // past any back-off
    }
    fail_msg("step %d was never stored", step);
}

// Plays the history with the n-th call failing; false when it has no n-th call.
static bool play(enum fault_call call, long n, long fail_for, int code, bool torn) {
    struct shop shop;
    shop_make(&shop, "fault");
    fault_vfs_reset();
    shop_open(&shop);
    fault.code = code;
    fault.torn = torn;
    fault.fail_for = fail_for;
    fault.fail_at[call] = fault.passed[call] + n;
    for (int step = 0; step < N_STEPS; step++) {
        send_until_durable(&shop, step);
    }
    bool hit = fault.hit;
    fault_vfs_reset();
    shop_close(&shop);
    shop_open(&shop); // and once more from what is on disk
    shop_verify(&shop, (int64_t)N_STEPS * PER_STEP - (N_STEPS - 1), N_STEPS - 1);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10001)), VERDICT_DUPLICATE);
    shop_remove(&shop);
    return hit;
}

static void sweep(enum fault_call call, long fail_for, int code, bool torn, long at_least) {
    long n = 1;
    while (play(call, n, fail_for, code, torn)) {
        n++;
    }
    print_message("failed each of %ld calls\n", n - 1);
    assert_true(n - 1 >= at_least);
}

static void every_write_may_find_the_disk_full(void **state) {
    (void)state;
    sweep(FAULT_WRITE, 1, SQLITE_FULL, false, 50);
}

static void every_write_may_be_torn(void **state) {
    (void)state;
    sweep(FAULT_WRITE, 1, SQLITE_IOERR_WRITE, true, 50);
}

static void a_disk_may_stay_full_for_a_while(void **state) {
    (void)state;
    sweep(FAULT_WRITE, 25, SQLITE_FULL, false, 50);
}

static void every_fsync_may_fail(void **state) {
    (void)state;
    sweep(FAULT_SYNC, 1, SQLITE_IOERR_FSYNC, false, N_STEPS);
}

static void fsync_may_fail_several_times(void **state) {
    (void)state;
    sweep(FAULT_SYNC, 4, SQLITE_IOERR_FSYNC, false, N_STEPS);
}

// --- The index of order ids, with runs so short that many are written and merged.

enum { INDEX_STEPS = 30, INDEX_STEPS_MOST = 300, INDEX_EVERY = 29, RUNS_MERGED = 9 };

static struct order order_of_text(const struct shop *shop, int n, char id[static 32]) {
    struct order o = shop_order(shop, n, 10000);
    snprintf(id, 32, "order-%d", n);
    o.order_id = (struct ident){-1, text_of(id)};
    return o;
}

static void send_texts_until_durable(struct shop *shop, int step) {
    struct order orders[PER_STEP];
    char ids[PER_STEP][32];
    for (int i = 0; i < PER_STEP; i++) {
        orders[i] = order_of_text(shop, step * PER_STEP + i, ids[i]);
    }
    for (int tries = 0; tries < 50; tries++) {
        struct submission *s = shop_submission(orders, PER_STEP);
        enum settle_result result = shop_send(shop, s);
        submission_free(s);
        if (result == SETTLE_DURABLE) {
            usleep(step < INDEX_STEPS ? 300 : 3000); // the thread that sorts is through, most often
            return;
        }
        shop_pass(shop, 10000); // past any back-off
    }
    fail_msg("step %d was never stored", step);
}

static int64_t runs_begun(const struct shop *shop) {
    return shop_sql(shop, "SELECT coalesce(max(run), 0) FROM order_runs");
}

// As long as it takes until runs were merged: the thread that sorts is as fast as the machine is.
// *n_runs: that were begun; without a failure when n is 0.
static bool play_index(enum fault_call call, long n, int code, int64_t *n_runs) {
    struct shop shop;
    char id[32];
    shop_make(&shop, "fault");
    fault_vfs_reset();
    shop_open(&shop);
    fault.code = code;
    fault.fail_for = 1;
    fault.fail_at[call] = n > 0 ? fault.passed[call] + n : 0;
    int step = 0;
    for (; step < INDEX_STEPS || (step < INDEX_STEPS_MOST && runs_begun(&shop) < RUNS_MERGED);
         step++) {
        send_texts_until_durable(&shop, step);
    }
    bool hit = fault.hit;
    fault_vfs_reset();
    shop_restart(&shop);
    shop_verify(&shop, (int64_t)step * PER_STEP, 0);
    for (int i = 0; i < step * PER_STEP; i += 7) {
        assert_int_equal(shop_place(&shop, order_of_text(&shop, i, id)), VERDICT_DUPLICATE);
    }
    shop_close(&shop);
    *n_runs = runs_begun(&shop);
    shop_remove(&shop);
    return hit;
}

static void sweep_index(enum fault_call call, int code) {
    int64_t n_runs, most = 0;
    long n = 1;
    for (; play_index(call, n, code, &n_runs); n += INDEX_EVERY) {
        most = n_runs > most ? n_runs : most;
    }
    print_message("failed %ld calls, with %lld runs\n", (n - 1) / INDEX_EVERY, (long long)most);
    assert_true(n > 10 * INDEX_EVERY);
    assert_true(most >= RUNS_MERGED); // some were merged
}

static void writes_of_runs_and_merges_may_fail(void **state) {
    (void)state;
    order_index_set_sizes(8, 64);
    sweep_index(FAULT_WRITE, SQLITE_FULL);
    order_index_set_sizes(0, 0);
}

struct refusal {
    long n, at;
    bool hit;
};

static bool refuse_nth(void *user, size_t n_bytes) {
    struct refusal *r = user;
    (void)n_bytes;
    bool now = ++r->n == r->at;
    r->hit = r->hit || now;
    return now;
}

static void every_allocation_on_the_commit_path_may_fail(void **state) {
    (void)state;
    struct refusal refusal = {.hit = true};
    long at = 1;
    for (; refusal.hit; at++) {
        struct shop shop;
        shop_make(&shop, NULL);
        shop_open(&shop);
        struct order orders[3] = {shop_order(&shop, 1, 10000), shop_order(&shop, 2, 20000),
                                  shop_order(&shop, 1, 99)};
        orders[1].order_id = (struct ident){-1, TEXT_LIT("text-id")};
        struct submission *s = shop_submission(orders, 3);
        refusal = (struct refusal){.at = at};
        mem_set_fail_hook(refuse_nth, &refusal);
        enum settle_result result = shop_send(&shop, s);
        mem_set_fail_hook(NULL, NULL);
        assert_true(result == SETTLE_DURABLE || refusal.hit);
        shop.now_ns += INT64_C(10) * 1000 * 1000 * 1000;
        if (result != SETTLE_DURABLE) {
            assert_int_equal(s->events[0].verdict, VERDICT_NEW);
            assert_int_equal(shop_send(&shop, s), SETTLE_DURABLE);
        }
        assert_int_equal(s->events[0].verdict, VERDICT_ACCEPTED);
        assert_int_equal(s->events[1].verdict, VERDICT_ACCEPTED);
        assert_int_equal(s->events[2].verdict, VERDICT_REJECTED);
        submission_free(s);
        shop_verify(&shop, 2, 0);
        shop_remove(&shop);
    }
    assert_true(at > 3); // there were allocations to fail
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_write_may_find_the_disk_full),
        cmocka_unit_test(every_write_may_be_torn),
        cmocka_unit_test(a_disk_may_stay_full_for_a_while),
        cmocka_unit_test(writes_of_runs_and_merges_may_fail),
        cmocka_unit_test(every_fsync_may_fail),
        cmocka_unit_test(fsync_may_fail_several_times),
        cmocka_unit_test(every_allocation_on_the_commit_path_may_fail),
    };
    log_set_level(LOG_ERROR + 1);
    fault_vfs_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
