// SPDX-License-Identifier: MIT
// Two batches in flight, on the real engine and store: while one is committed on the store's thread
// the next is judged. It must end as if one had come after the other, whatever fails in between.
#include "shop_sql.h"

#include "base/log.h"
#include "fault_vfs.h"
#include "store/sqlite/sqlite_checkpoint.h"
#include <sys/stat.h>

enum { HISTORY = 40, HISTORY_MOST = 20, VERDICTS = HISTORY * HISTORY_MOST };

// A shop whose engine goes ahead as soon as anything waits.
static void use_engine(struct shop *shop, size_t batch_max_events, size_t ahead_least_events) {
    const struct engine_options options = {.clock = &shop->clock,
                                           .batch_max_events = batch_max_events,
                                           .ahead_least_events = ahead_least_events};
    engine_free(shop->engine);
    shop->engine = engine_new(shop->store, queue_source(shop->queue), &shop->rules, NULL, &options);
}

static void open_ahead(struct shop *shop, const char *vfs, size_t batch_max_events) {
    fault_vfs_reset();
    shop_make(shop, vfs);
    shop_open(shop);
    use_engine(shop, batch_max_events, 1);
}

static struct submission *one(struct order o) {
    return shop_submission(&o, 1);
}

static int64_t failures_of(struct shop *shop) {
    struct engine_status status;
    engine_status(shop->engine, &status);
    return status.commit_failures;
}

static int64_t ahead_of(struct shop *shop) {
    struct engine_status status;
    engine_status(shop->engine, &status);
    return status.batches_ahead;
}

// --- What is seen of the batch before

static void a_batch_knows_the_one_that_is_still_on_its_way(void **state) {
    (void)state;
    struct shop shop;
    struct submission *s[5];
    int result[5];
    open_ahead(&shop, NULL, 1);
    struct order placed = shop_order(&shop, 1, 10000), other = shop_order(&shop, 1, 10001);
    struct order refund = shop_refund(&shop, 1, "r1", 6000), second = refund;
    second.event_id = TEXT_LIT("r2");
    const struct order sent[5] = {placed, placed, other, refund, second};
    for (int i = 0; i < 5; i++) {
        s[i] = one(sent[i]);
        shop_offer(&shop, s[i], &result[i]);
    }
    for (int i = 0; i < 5; i++) {
        assert_int_equal(result[i], -1); // until the next one was judged, or nothing waits
        assert_int_equal(engine_step(shop.engine, 0), ENGINE_WORKED);
        for (int k = 0; k < i; k++) {
            assert_int_equal(result[k], SETTLE_DURABLE);
        }
    }
    assert_int_equal(result[4], SETTLE_DURABLE); // nothing waited: at once
    assert_int_equal(ahead_of(&shop), 4);
    const int verdicts[5] = {VERDICT_ACCEPTED, VERDICT_DUPLICATE, VERDICT_REJECTED,
                             VERDICT_ACCEPTED, VERDICT_ACCEPTED};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(s[i]->events[0].verdict, verdicts[i]);
        submission_free(s[i]);
    }
    struct store_counts counts;
    shop.store->ops->counts(shop.store, &counts);
    assert_int_equal(counts.doubts[0].n, 0);
    assert_int_equal(counts.doubts[1].n, 1); // both together are more than was sold
    shop_verify(&shop, 1, 2);
    shop_remove(&shop);
}

static int64_t adjustments_in_the_file(const struct shop *shop) {
    char path[128];
    sqlite3 *db;
    sqlite3_stmt *stmt;
    int64_t n = 0;
    snprintf(path, sizeof path, "%s/sales.db", shop->directory);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT count(*) FROM adjustment_rows", -1, &stmt, NULL), SQLITE_OK);
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        n = sqlite3_column_int64(stmt, 0);
    }
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return n;
}

// The commit has ended, but nobody has said so yet: the file and the batch both have the first one.
static void what_a_batch_takes_back_counts_once_when_the_file_has_it_already(void **state) {
    (void)state;
    struct shop shop;
    struct submission *s[2];
    int result[2];
    open_ahead(&shop, NULL, 1);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)), VERDICT_ACCEPTED);
    s[0] = one(shop_refund(&shop, 1, "r1", 6000));
    s[1] = one(shop_refund(&shop, 1, "r2", 4000));
    for (int i = 0; i < 2; i++) {
        shop_offer(&shop, s[i], &result[i]);
    }
    assert_int_equal(engine_step(shop.engine, 0), ENGINE_WORKED);
    for (int tries = 0; tries < 60000 && adjustments_in_the_file(&shop) == 0; tries++) {
        usleep(1000);
    }
    assert_int_equal(adjustments_in_the_file(&shop), 1);
    assert_int_equal(result[0], -1);
    assert_int_equal(engine_step(shop.engine, 0), ENGINE_WORKED);
    struct store_counts counts;
    shop.store->ops->counts(shop.store, &counts);
    assert_int_equal(counts.doubts[1].n, 0); // all of it was sold
    for (int i = 0; i < 2; i++) {
        assert_int_equal(result[i], SETTLE_DURABLE);
        assert_int_equal(s[i]->events[0].verdict, VERDICT_ACCEPTED);
        submission_free(s[i]);
    }
    shop_verify(&shop, 1, 2);
    shop_remove(&shop);
}

// --- The same as one after the other

struct played {
    int verdicts[VERDICTS];
    size_t n;
    char *tables;
};

static uint64_t roll(uint64_t *dice) {
    *dice = *dice * UINT64_C(6364136223846793005) + 1442695040888963407;
    return *dice >> 33;
}

static struct order any_order(const struct shop *shop, uint64_t *dice) {
    static const char *const sources[3] = {"GOOGLE", "FACEBOOK", "ORGANIC"};
    struct order o = shop_order(shop, (int64_t)(roll(dice) % 60), (int64_t)(roll(dice) % 3) * 5000);
    o.kind = roll(dice) % 3 == 0 ? (enum order_kind)(roll(dice) % 3) : ORDER_PLACED;
    o.source = text_of(sources[roll(dice) % 3]);
    memcpy(o.currency, roll(dice) % 8 == 0 ? "EUR" : "USD", 4);
    if (roll(dice) % 4 == 0) {
        o.order_id =
            (struct ident){-1, roll(dice) % 2 == 0 ? TEXT_LIT("a-text") : TEXT_LIT("b-text")};
    }
    if (o.kind != ORDER_PLACED) {
        o.event_id = roll(dice) % 2 == 0 ? TEXT_LIT("a") : TEXT_LIT("b");
    }
    return o;
}

static struct submission *any_submission(const struct shop *shop, uint64_t *dice) {
    struct order orders[HISTORY_MOST];
    size_t n = 1 + roll(dice) % (HISTORY_MOST - 1);
    for (size_t i = 0; i < n; i++) {
        orders[i] = any_order(shop, dice);
    }
    struct submission *s = shop_submission(orders, n);
    if (roll(dice) % 4 == 0) {
        struct rejection why = {.field = "total", .code = REJECT_MISSING, .message = "is missing"};
        assert_true(submission_reject(s, &s->events[n - 1], &why));
    }
    return s;
}

// All that is in the file but how far its index is.
static char *dump(const struct shop *shop) {
    static const char *const what[] = {ORDER_ROWS_DUMPED, "adjustment_rows", "rejected_rows",
                                       "order_doubts",    "total_cells",     "minute_cells",
                                       "hour_cells",      "day_cells",       "product_cells",
                                       "sales_groups",    "sales_products",  "batch_rows",
                                       "day_changes",     "currency_gross",  "pipeline_positions"};
    return shop_sql_dump(shop, what, sizeof what / sizeof *what);
}

static void play_history(uint64_t seed, size_t ahead_least_events, struct played *out) {
    struct shop shop;
    struct submission *s[HISTORY];
    int result[HISTORY];
    uint64_t dice = seed;
    shop_make(&shop, NULL);
    shop_open(&shop);
    use_engine(&shop, 30, ahead_least_events);
    for (int i = 0; i < HISTORY; i++) {
        s[i] = any_submission(&shop, &dice);
        shop_offer(&shop, s[i], &result[i]);
    }
    while (engine_step(shop.engine, 0) == ENGINE_WORKED) {
    }
    *out = (struct played){0};
    for (int i = 0; i < HISTORY; i++) {
        assert_int_equal(result[i], SETTLE_DURABLE);
        for (size_t k = 0; k < s[i]->n_events; k++) {
            out->verdicts[out->n++] = (int)s[i]->events[k].verdict;
        }
        submission_free(s[i]);
    }
    struct audit_report report;
    char said[4096];
    if (shop_audit(&shop, said, sizeof said, &report) != 0) {
        fail_msg("seed %llu: %s", (unsigned long long)seed, said);
    }
    out->tables = dump(&shop);
    shop_remove(&shop);
}

static void it_ends_as_if_one_batch_had_come_after_the_other(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct played ahead, serial;
        play_history(seed, 1, &ahead);
        play_history(seed, SIZE_MAX, &serial);
        assert_int_equal(ahead.n, serial.n);
        assert_memory_equal(ahead.verdicts, serial.verdicts, sizeof ahead.verdicts);
        assert_string_equal(ahead.tables, serial.tables);
        free(ahead.tables);
        free(serial.tables);
    }
}

// --- The write-ahead log

// Refunds ask the file for their orders, so each batch that is judged holds a snapshot of it.
static void the_log_starts_over_while_every_batch_asks(void **state) {
    (void)state;
    enum {
        BATCHES = 150,
        IN_ONE = 100,
        START = 8,
        HELP = 16,
        WARN = 262144,
        MOST = 400,
        PAGE = 4096
    };
    struct shop shop;
    struct submission *s[BATCHES];
    struct order o[IN_ONE];
    int result[BATCHES];
    char path[128];
    struct stat log;
    checkpointer_set_pages(START, HELP, WARN);
    open_ahead(&shop, NULL, IN_ONE);
    for (int i = 0; i < BATCHES; i++) {
        for (int k = 0; k < IN_ONE; k++) {
            int id = i * IN_ONE + k;
            o[k] = k % 10 == 9 && i > 1 ? shop_refund(&shop, id - 2 * IN_ONE - 1, "r", 5000)
                                        : shop_order(&shop, id, 10000);
        }
        s[i] = shop_submission(o, IN_ONE);
        shop_offer(&shop, s[i], &result[i]);
    }
    while (engine_step(shop.engine, 0) == ENGINE_WORKED) {
    }
    snprintf(path, sizeof path, "%s/sales.db-wal", shop.directory);
    assert_int_equal(stat(path, &log), 0);
    if (log.st_size > (off_t)MOST * PAGE) {
        fail_msg("the log has %lld pages", (long long)log.st_size / PAGE);
    }
    for (int i = 0; i < BATCHES; i++) {
        assert_int_equal(result[i], SETTLE_DURABLE);
        submission_free(s[i]);
    }
    shop_remove(&shop);
    checkpointer_set_pages(2000, 16000, 262144);
}

// --- The end

static void the_end_finds_a_batch_on_its_way_and_others_waiting(void **state) {
    (void)state;
    struct shop shop;
    struct submission *s[4];
    int result[4];
    open_ahead(&shop, NULL, 1);
    for (int i = 0; i < 4; i++) {
        s[i] = one(shop_order(&shop, i, 10000));
        shop_offer(&shop, s[i], &result[i]);
    }
    assert_int_equal(engine_step(shop.engine, 0), ENGINE_WORKED);
    assert_int_equal(result[0], -1);
    intake_close(queue_intake(shop.queue));
    assert_true(engine_run(shop.engine));
    for (int i = 0; i < 4; i++) {
        assert_int_equal(result[i], SETTLE_DURABLE);
        submission_free(s[i]);
    }
    shop_verify(&shop, 4, 0);
    shop_remove(&shop);
}

static void an_engine_that_is_freed_settles_what_is_on_its_way(void **state) {
    (void)state;
    struct shop shop;
    struct submission *s[2];
    int result[2];
    open_ahead(&shop, NULL, 1);
    for (int i = 0; i < 2; i++) {
        s[i] = one(shop_order(&shop, i, 10000));
        shop_offer(&shop, s[i], &result[i]);
    }
    assert_int_equal(engine_step(shop.engine, 0), ENGINE_WORKED);
    use_engine(&shop, 1, 1);
    assert_int_equal(result[0], SETTLE_DURABLE);
    assert_int_equal(engine_step(shop.engine, 0), ENGINE_WORKED);
    assert_int_equal(result[1], SETTLE_DURABLE);
    submission_free(s[0]);
    submission_free(s[1]);
    shop_verify(&shop, 2, 0);
    shop_remove(&shop);
}

// --- Failures

static void fail_from_now(enum fault_call call, int code) {
    fault.code = code;
    fault.fail_for = 1000000;
    fault.fail_at[call] = fault.passed[call] + 1;
}

static void when_a_commit_fails_the_batch_judged_meanwhile_falls_with_it(void **state) {
    (void)state;
    struct shop shop;
    struct submission *s[2];
    int result[2];
    open_ahead(&shop, "fault", 2);
    struct order orders[2] = {shop_order(&shop, 1, 10000), shop_order(&shop, 2, 10000)};
    // A duplicate and a conflict, if the first were stored, and one that adds to its own sums.
    struct order again[3] = {orders[0], shop_order(&shop, 2, 9999), shop_order(&shop, 3, 10000)};
    s[0] = shop_submission(orders, 2);
    s[1] = shop_submission(again, 3);
    fail_from_now(FAULT_WRITE, SQLITE_FULL);
    shop_offer(&shop, s[0], &result[0]);
    shop_offer(&shop, s[1], &result[1]);
    assert_int_equal(engine_step(shop.engine, 0), ENGINE_WORKED);
    assert_int_equal(result[0], -1);
    assert_int_equal(engine_step(shop.engine, 0), ENGINE_STORE_DOWN);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(result[i], SETTLE_TRY_LATER);
        for (size_t k = 0; k < s[i]->n_events; k++) {
            assert_int_equal(s[i]->events[k].verdict, VERDICT_NEW);
            assert_null(s[i]->events[k].why);
        }
    }
    assert_int_equal(failures_of(&shop), 2);
    fault_vfs_reset();
    shop_pass(&shop, 10000);
    for (int i = 1; i >= 0; i--) { // the other way round, two in flight again
        shop_offer(&shop, s[i], &result[i]);
    }
    while (engine_step(shop.engine, 0) == ENGINE_WORKED) {
    }
    assert_int_equal(result[0], SETTLE_DURABLE);
    assert_int_equal(result[1], SETTLE_DURABLE);
    assert_int_equal(s[1]->events[0].verdict, VERDICT_ACCEPTED);
    assert_int_equal(s[1]->events[1].verdict, VERDICT_ACCEPTED);
    assert_int_equal(s[1]->events[2].verdict, VERDICT_ACCEPTED);
    assert_int_equal(s[0]->events[0].verdict, VERDICT_DUPLICATE);
    assert_int_equal(s[0]->events[1].verdict, VERDICT_REJECTED);
    submission_free(s[0]);
    submission_free(s[1]);
    shop_verify(&shop, 3, 0);
    shop_remove(&shop);
}

static void a_batch_that_cannot_be_judged_does_not_take_the_one_before_with_it(void **state) {
    (void)state;
    struct shop shop;
    struct submission *s[2];
    int result[2];
    open_ahead(&shop, "fault", 1);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)), VERDICT_ACCEPTED);
    s[0] = one(shop_order(&shop, 2, 10000));
    s[1] = one(shop_refund(&shop, 1, "r1", 10000)); // asks the file
    shop_offer(&shop, s[0], &result[0]);
    shop_offer(&shop, s[1], &result[1]);
    assert_int_equal(engine_step(shop.engine, 0), ENGINE_WORKED);
    fail_from_now(FAULT_OPEN, SQLITE_CANTOPEN);
    assert_int_equal(engine_step(shop.engine, 0), ENGINE_STORE_DOWN);
    assert_int_equal(result[0], SETTLE_DURABLE);
    assert_int_equal(result[1], SETTLE_TRY_LATER);
    assert_int_equal(s[1]->events[0].verdict, VERDICT_NEW);
    assert_int_equal(failures_of(&shop), 1);
    assert_int_equal(ahead_of(&shop), 0);
    fault_vfs_reset();
    shop_pass(&shop, 10000);
    assert_int_equal(shop_send(&shop, s[1]), SETTLE_DURABLE);
    assert_int_equal(s[1]->events[0].verdict, VERDICT_ACCEPTED);
    submission_free(s[0]);
    submission_free(s[1]);
    shop_verify(&shop, 2, 1);
    shop_remove(&shop);
}

// --- The sweep

enum { STEPS = 3, PER_STEP = 8 };

// Each step repeats two orders of the step before and takes one back.
static struct submission *step_of(const struct shop *shop, int step) {
    struct order orders[PER_STEP];
    for (int i = 0; i < PER_STEP; i++) {
        orders[i] = shop_order(shop, (int64_t)step * PER_STEP + i, 10000 + i);
    }
    if (step > 0) {
        orders[0] = shop_order(shop, (int64_t)(step - 1) * PER_STEP + 3, 10003);
        orders[1] = shop_order(shop, (int64_t)(step - 1) * PER_STEP + 4, 10004);
        orders[2] = shop_refund(shop, (int64_t)(step - 1) * PER_STEP + 5, "r", 10005);
    }
    return shop_submission(orders, PER_STEP);
}

static bool all_durable(const int result[STEPS]) {
    for (int i = 0; i < STEPS; i++) {
        if (result[i] != SETTLE_DURABLE) {
            return false;
        }
    }
    return true;
}

static void send_all_until_durable(struct shop *shop) {
    struct submission *s[STEPS];
    int result[STEPS];
    for (int i = 0; i < STEPS; i++) {
        s[i] = step_of(shop, i);
        result[i] = SETTLE_TRY_LATER;
    }
    for (int tries = 0; tries < 60 && !all_durable(result); tries++) {
        for (int i = 0; i < STEPS; i++) {
            if (result[i] != SETTLE_DURABLE) {
                shop_offer(shop, s[i], &result[i]);
            }
        }
        while (intake_events(queue_intake(shop->queue)) > 0 ||
               engine_step(shop->engine, 0) == ENGINE_WORKED) {
            engine_step(shop->engine, 0);
        }
        shop->now_ns += INT64_C(10) * 1000 * 1000 * 1000; // past any back-off
    }
    assert_true(all_durable(result));
    for (int i = 0; i < STEPS; i++) {
        for (int k = 0; k < PER_STEP; k++) {
            int verdict = (int)s[i]->events[k].verdict;
            assert_true(verdict == VERDICT_ACCEPTED || verdict == VERDICT_DUPLICATE);
        }
        submission_free(s[i]);
    }
}

static bool play_step(enum fault_call call, long n, int code) {
    struct shop shop;
    open_ahead(&shop, "fault", PER_STEP);
    fault.code = code;
    fault.fail_at[call] = fault.passed[call] + n;
    send_all_until_durable(&shop);
    bool hit = fault.hit;
    fault_vfs_reset();
    shop_close(&shop);
    shop_open(&shop); // and once more from what is on disk
    shop_verify(&shop, (int64_t)STEPS * PER_STEP - (STEPS - 1) * 3, STEPS - 1);
    shop_remove(&shop);
    return hit;
}

static void any_call_may_fail_in_either_of_two_batches(void **state) {
    (void)state;
    static const struct {
        enum fault_call call;
        int code;
        long at_least;
    } ways[] = {{FAULT_WRITE, SQLITE_FULL, 30},
                {FAULT_SYNC, SQLITE_IOERR_FSYNC, STEPS},
                {FAULT_OPEN, SQLITE_CANTOPEN, 1}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        long n = 1;
        while (play_step(ways[i].call, n, ways[i].code)) {
            n++;
        }
        print_message("failed each of %ld calls\n", n - 1);
        assert_true(n - 1 >= ways[i].at_least);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_knows_the_one_that_is_still_on_its_way),
        cmocka_unit_test(what_a_batch_takes_back_counts_once_when_the_file_has_it_already),
        cmocka_unit_test(it_ends_as_if_one_batch_had_come_after_the_other),
        cmocka_unit_test(the_log_starts_over_while_every_batch_asks),
        cmocka_unit_test(the_end_finds_a_batch_on_its_way_and_others_waiting),
        cmocka_unit_test(an_engine_that_is_freed_settles_what_is_on_its_way),
        cmocka_unit_test(when_a_commit_fails_the_batch_judged_meanwhile_falls_with_it),
        cmocka_unit_test(a_batch_that_cannot_be_judged_does_not_take_the_one_before_with_it),
        cmocka_unit_test(any_call_may_fail_in_either_of_two_batches),
    };
    log_set_level(LOG_ERROR + 1);
    fault_vfs_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
