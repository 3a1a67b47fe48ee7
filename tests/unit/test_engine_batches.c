// SPDX-License-Identifier: MIT
// The engine's batches, on the real store in virtual time: what is counted, what belongs to a
// batch, and how it goes on when the store fails.
#include "shop.h"

#include "base/log.h"
#include "fault_vfs.h"

static struct submission *one(struct order o) {
    return shop_submission(&o, 1);
}

static void expect_rejected(const struct event *e, const char *code) {
    assert_int_equal(e->verdict, VERDICT_REJECTED);
    assert_non_null(e->why);
    assert_string_equal(e->why->code, code);
}

static struct store_counts counts_of(struct shop *shop) {
    struct engine_status status;
    engine_status(shop->engine, &status);
    const struct store_counts *c = &status.counts;
    assert_int_equal(c->received, c->accepted + c->duplicate + c->rejected);
    return status.counts;
}

static void expect_counts(struct shop *shop, int64_t accepted, int64_t duplicate,
                          int64_t rejected) {
    struct store_counts c = counts_of(shop);
    assert_int_equal(c.accepted, accepted);
    assert_int_equal(c.duplicate, duplicate);
    assert_int_equal(c.rejected, rejected);
}

// --- Counts

static void warnings_of_accepted_events_are_counted(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    struct order o[6];
    for (int i = 0; i < 6; i++) {
        o[i] = shop_order(&shop, i, 10000);
    }
    o[0].warnings = WARN_AMOUNT_ROUNDED | WARN_TOTAL_MISMATCH; // the parser's
    o[1].warnings = WARN_TOTAL_MISMATCH | WARN_QUANTITY_ZERO;
    o[2].created_ms = shop.now_ms - 600001; // the engine's: late by more than ten minutes
    o[3].created_ms = shop.now_ms - 600000;
    o[4].created_ms = shop.now_ms + INT64_C(24) * 3600 * 1000 + 1;
    o[5] = o[0]; // a duplicate warns of nothing
    struct submission *s = shop_submission(o, 6);
    assert_int_equal(shop_send(&shop, s), SETTLE_DURABLE);
    submission_free(s);
    o[0].total_e4++; // nor does a conflict
    shop_refuse(&shop, o[0], REJECT_CONFLICT);
    const int64_t want[ORDER_WARNING_KINDS] = {1, 2, 1, 1, 1};
    shop_restart(&shop);
    struct store_counts c = counts_of(&shop);
    for (int i = 0; i < ORDER_WARNING_KINDS; i++) {
        assert_int_equal(c.warnings[i], want[i]);
    }
    shop_remove(&shop);
}

static bool put_rejected(void *user, const struct rejected_row *row) {
    char *at = user;
    size_t len = strlen(at);
    snprintf(at + len, 512 - len, "%.*s %.*s %.*s %.*s; ", TEXT_ARG(row->field),
             TEXT_ARG(row->code), TEXT_ARG(row->message), TEXT_ARG(row->raw));
    return true;
}

static void events_that_the_parser_rejected_are_counted_and_kept(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    struct submission *s = one(shop_order(&shop, 1, 10000));
    struct event *bad = submission_add(s);
    bad->raw = TEXT_LIT("{\"order_id\":1}");
    struct rejection why = {.field = "total", .code = REJECT_MISSING, .message = "is missing"};
    assert_true(submission_reject(s, bad, &why));
    assert_int_equal(shop_send(&shop, s), SETTLE_DURABLE);
    assert_int_equal(s->events[0].verdict, VERDICT_ACCEPTED);
    expect_rejected(&s->events[1], REJECT_MISSING);
    submission_free(s);
    struct order other = shop_order(&shop, 1, 10001);
    shop_refuse(&shop, other, REJECT_CONFLICT);
    expect_counts(&shop, 1, 0, 2);
    char have[512] = "";
    struct sales_reader *r = shop_reader(&shop);
    struct error err;
    assert_true(r->ops->rejected(r, INT64_MAX, 10, put_rejected, have, &err));
    r->ops->close(r);
    assert_string_equal(have, "order_id conflict this placed event is known already with other "
                              "amounts, customer or products {}; "
                              "total missing is missing {\"order_id\":1}; ");
    shop_verify(&shop, 1, 0);
    shop_remove(&shop);
}

struct seen {
    int64_t batches;
    struct store_counts sum;
    struct batch_summary last;
};

static void on_committed(void *user, const struct batch_summary *batch) {
    struct seen *seen = user;
    assert_int_equal(batch->batch_id, ++seen->batches);
    seen->sum.received += batch->counts.received;
    seen->sum.accepted += batch->counts.accepted;
    seen->sum.duplicate += batch->counts.duplicate;
    seen->sum.rejected += batch->counts.rejected;
    seen->last = *batch;
}

static void use_options(struct shop *shop, struct engine_options options) {
    engine_free(shop->engine);
    options.clock = &shop->clock;
    shop->engine = engine_new(shop->store, queue_source(shop->queue), &shop->rules, NULL, &options);
}

static void everything_received_is_counted_as_one_of_three(void **state) {
    (void)state;
    struct shop shop;
    struct seen seen = {0};
    uint64_t dice = 1;
    int64_t n_sent = 0;
    shop_make(&shop, NULL);
    shop_open(&shop);
    use_options(&shop, (struct engine_options){.committed = on_committed, .committed_user = &seen});
    for (int batch = 0; batch < 60; batch++) {
        int n = 1 + batch % 20;
        struct order orders[20];
        for (int i = 0; i < n; i++) {
            dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407;
            orders[i] = shop_order(&shop, (int64_t)(dice >> 60), (int64_t)(dice >> 50 & 3));
            orders[i].kind = (enum order_kind)((dice >> 40) % 3);
            orders[i].event_id = dice >> 30 & 1 ? TEXT_LIT("a") : TEXT_LIT("b");
            orders[i].created_ms += (int64_t)(dice >> 20 & 0xffff) * 1000;
        }
        struct submission *s = shop_submission(orders, (size_t)n);
        assert_int_equal(shop_send(&shop, s), SETTLE_DURABLE);
        submission_free(s);
        n_sent += n;
        struct store_counts c = counts_of(&shop);
        assert_int_equal(c.received, n_sent);
        assert_int_equal(seen.sum.received, n_sent);
        assert_int_equal(seen.sum.accepted, c.accepted);
        assert_int_equal(seen.sum.duplicate, c.duplicate);
        assert_int_equal(seen.sum.rejected, c.rejected);
        shop.now_ms += 60000;
    }
    struct store_counts c = counts_of(&shop);
    assert_true(c.accepted > 20 && c.duplicate > 20 && c.rejected > 20);
    shop_restart(&shop);
    assert_int_equal(counts_of(&shop).received, n_sent);
    struct audit_report report;
    char out[4096];
    assert_int_equal(shop_audit(&shop, out, sizeof out, &report), 0);
    assert_int_equal(report.orders + report.adjustments, c.accepted);
    shop_remove(&shop);
}

static void a_batch_tells_the_minutes_it_touched(void **state) {
    (void)state;
    struct shop shop;
    struct seen seen = {0};
    shop_make(&shop, NULL);
    shop_open(&shop);
    use_options(&shop, (struct engine_options){.committed = on_committed, .committed_user = &seen});
    int32_t minute = (int32_t)(shop.now_ms / 60000);
    struct order orders[3];
    for (int i = 0; i < 3; i++) {
        orders[i] = shop_order(&shop, i, 10000);
        orders[i].created_ms += (int64_t)(i - 1) * 5 * 60000;
    }
    struct submission *s = shop_submission(orders, 3);
    assert_int_equal(shop_send(&shop, s), SETTLE_DURABLE);
    submission_free(s);
    assert_int_equal(seen.last.minute_min, minute - 5);
    assert_int_equal(seen.last.minute_max, minute + 5);
    assert_int_equal(seen.last.committed_ms, shop.now_ms);
    assert_int_equal(shop_place(&shop, orders[0]), VERDICT_DUPLICATE);
    assert_true(seen.last.minute_min > seen.last.minute_max); // none
    shop_remove(&shop);
}

static void commits_are_timed(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(shop_place(&shop, shop_order(&shop, i, 10000)), VERDICT_ACCEPTED);
    }
    struct engine_status status;
    engine_status(shop.engine, &status);
    assert_int_equal(status.commits, 3);
    assert_int_equal(status.last_commit_ms, shop.now_ms);
    for (int i = 0; i < METRIC_BOUNDS; i++) { // virtual time stood still
        assert_int_equal(status.commit.le[i], 3);
    }
    assert_int_equal(status.commit.sum_us, 0);
    assert_true(status.store_ready);
    assert_string_equal(status.problem, "");
    shop_remove(&shop);
}

// --- Batches and the end

static void a_batch_takes_about_its_number_of_events(void **state) {
    (void)state;
    struct shop shop;
    struct submission *s[3];
    int result[3];
    shop_make(&shop, NULL);
    shop_open(&shop);
    use_options(&shop, (struct engine_options){.batch_max_events = 8});
    for (int i = 0; i < 3; i++) {
        struct order orders[4];
        for (int k = 0; k < 4; k++) {
            orders[k] = shop_order(&shop, i * 4 + k, 10000);
        }
        s[i] = shop_submission(orders, 4);
        shop_offer(&shop, s[i], &result[i]);
    }
    assert_int_equal(engine_step(shop.engine, 0), ENGINE_WORKED);
    assert_int_equal(result[0], SETTLE_DURABLE);
    assert_int_equal(result[1], SETTLE_DURABLE);
    assert_int_equal(result[2], -1);
    assert_int_equal(engine_step(shop.engine, 0), ENGINE_WORKED);
    assert_int_equal(result[2], SETTLE_DURABLE);
    assert_int_equal(engine_step(shop.engine, 0), ENGINE_IDLE);
    for (int i = 0; i < 3; i++) {
        submission_free(s[i]);
    }
    shop_verify(&shop, 12, 0);
    shop_remove(&shop);
}

static void an_empty_submission_is_settled_too(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    struct submission *s = submission_new(NULL);
    assert_int_equal(shop_send(&shop, s), SETTLE_DURABLE);
    submission_free(s);
    expect_counts(&shop, 0, 0, 0);
    shop_remove(&shop);
}

static void the_engine_runs_until_its_source_ends(void **state) {
    (void)state;
    struct shop shop;
    struct submission *s[3];
    int result[3];
    shop_make(&shop, NULL);
    shop_open(&shop);
    use_options(&shop, (struct engine_options){.batch_max_events = 1});
    for (int i = 0; i < 3; i++) {
        s[i] = one(shop_order(&shop, i, 10000));
        shop_offer(&shop, s[i], &result[i]);
    }
    intake_close(queue_intake(shop.queue));
    engine_run(shop.engine);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(result[i], SETTLE_DURABLE);
        submission_free(s[i]);
    }
    assert_int_equal(engine_step(shop.engine, 0), ENGINE_END);
    shop_verify(&shop, 3, 0);
    shop_remove(&shop);
}

// A log of which the test says what comes when, and how long the engine waits for it.
struct script {
    struct shop *shop;
    struct moment {
        int64_t passes_ms; // until take returns
        struct submission *gives;
    } moments[8];
    size_t n_taken;
    int waits_ms[8];
};

static enum source_result script_take(void *self, size_t max_events, int timeout_ms,
                                      struct submission **list) {
    struct script *s = self;
    UNUSED(max_events);
    assert_true(s->n_taken < COUNT_OF(s->moments));
    const struct moment *m = &s->moments[s->n_taken];
    s->waits_ms[s->n_taken++] = timeout_ms;
    shop_pass(s->shop, m->passes_ms);
    *list = m->gives;
    return SOURCE_OK;
}

static void nothing_to_do(void *self) {
    UNUSED(self);
}

static bool it_is_that_log(void *self, struct error *err) {
    UNUSED(self);
    UNUSED(err);
    return true;
}

static const struct source_ops script_ops = {.name = "script",
                                             .is_log = true,
                                             .take = script_take,
                                             .hold = nothing_to_do,
                                             .rewind = it_is_that_log,
                                             .ask = nothing_to_do,
                                             .confirm = it_is_that_log,
                                             .committed = nothing_to_do};

static void use_script(struct shop *shop, struct script *script) {
    const struct engine_options options = {.batch_max_events = 1000, .clock = &shop->clock};
    engine_free(shop->engine);
    script->shop = shop;
    shop->engine =
        engine_new(shop->store, (struct source){&script_ops, script}, &shop->rules, NULL, &options);
}

static struct submission *of_log(struct shop *shop, int64_t id, int *result) {
    struct submission *s = one(shop_order(shop, id, 10000));
    *result = -1;
    s->user = result;
    s->settled = shop_settled;
    s->arrival_ms = shop->now_ms;
    return s;
}

static void a_batch_of_a_log_waits_for_more_an_eighth_of_its_age_in_all(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    int result[2];
    struct submission *first = of_log(&shop, 1, &result[0]);
    struct submission *second = of_log(&shop, 2, &result[1]);
    struct script script = {.moments = {{0, first}, // the first one is waited for as asked
                                        {30, NULL},
                                        {2, second}, // within the 3 ms of 30
                                        {1, NULL},   // of 33 ms 4, less those 2
                                        {2, NULL}}};
    use_script(&shop, &script);
    assert_int_equal(engine_step(shop.engine, 77), ENGINE_WORKED);
    const int want_ms[] = {77, 0, 3, 0, 2};
    assert_int_equal(script.n_taken, COUNT_OF(want_ms));
    assert_memory_equal(script.waits_ms, want_ms, sizeof want_ms);
    assert_int_equal(result[0], SETTLE_JUDGED);
    assert_int_equal(result[1], SETTLE_JUDGED);
    expect_counts(&shop, 2, 0, 0);
    submission_free(first);
    submission_free(second);
    shop_remove(&shop);
}

static void a_young_batch_of_a_log_waits_for_nothing(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    int result;
    struct submission *only = of_log(&shop, 1, &result);
    struct script script = {.moments = {{0, only}, {7, NULL}}};
    use_script(&shop, &script);
    assert_int_equal(engine_step(shop.engine, 77), ENGINE_WORKED);
    assert_int_equal(script.n_taken, 2);
    assert_int_equal(script.waits_ms[1], 0);
    expect_counts(&shop, 1, 0, 0);
    submission_free(only);
    shop_remove(&shop);
}

// --- The store fails

static void fail_from_now(enum fault_call call, long n_calls, int code) {
    fault.code = code;
    fault.fail_for = n_calls;
    fault.fail_at[call] = fault.passed[call] + 1;
}

static bool store_ready(struct shop *shop, const char *problem) {
    struct engine_status status;
    engine_status(shop->engine, &status);
    if (strstr(status.problem, problem) == NULL) {
        fail_msg("the problem '%s' does not say '%s'", status.problem, problem);
    }
    return status.store_ready;
}

static void a_batch_that_cannot_be_stored_is_told_to_try_later(void **state) {
    (void)state;
    struct shop shop;
    fault_vfs_reset();
    shop_make(&shop, "fault");
    shop_open(&shop);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)), VERDICT_ACCEPTED);
    struct order orders[] = {shop_order(&shop, 2, 10000), shop_order(&shop, 1, 10000),
                             shop_order(&shop, 1, 10001)};
    struct submission *s = shop_submission(orders, 3);
    struct event *bad = submission_add(s);
    struct rejection why = {.field = "total", .code = REJECT_MISSING, .message = "is missing"};
    assert_true(submission_reject(s, bad, &why));
    fail_from_now(FAULT_WRITE, 1000000, SQLITE_FULL);
    assert_int_equal(shop_send(&shop, s), SETTLE_TRY_LATER);
    assert_false(store_ready(&shop, "disk"));
    for (int i = 0; i < 3; i++) { // nobody is told anything
        assert_int_equal(s->events[i].verdict, VERDICT_NEW);
        assert_null(s->events[i].why);
    }
    expect_rejected(&s->events[3], REJECT_MISSING); // but what the parser said stays
    expect_counts(&shop, 1, 0, 0);
    // While the store is down everything is answered at once.
    shop.now_ns += 50 * 1000000;
    assert_int_equal(shop_send(&shop, s), SETTLE_TRY_LATER);
    assert_int_equal(engine_step(shop.engine, 0), ENGINE_STORE_DOWN);
    // Room again: the very same submission is judged as if nothing had been.
    fault_vfs_reset();
    shop.now_ns += 60 * 1000000;
    assert_int_equal(shop_send(&shop, s), SETTLE_DURABLE);
    assert_true(store_ready(&shop, ""));
    const enum verdict want[] = {VERDICT_ACCEPTED, VERDICT_DUPLICATE, VERDICT_REJECTED,
                                 VERDICT_REJECTED};
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        assert_int_equal(s->events[i].verdict, want[i]);
    }
    submission_free(s);
    expect_counts(&shop, 2, 1, 2);
    struct engine_status status;
    engine_status(shop.engine, &status);
    assert_int_equal(status.commit_failures, 1);
    assert_int_equal(status.commits, 2);
    shop_verify(&shop, 2, 0);
    shop_remove(&shop);
}

static void the_store_is_tried_again_with_back_off(void **state) {
    (void)state;
    struct shop shop;
    fault_vfs_reset();
    shop_make(&shop, "fault");
    shop_open(&shop);
    struct submission *s = one(shop_order(&shop, 1, 10000));
    fail_from_now(FAULT_WRITE, 1000000, SQLITE_IOERR_WRITE);
    assert_int_equal(shop_send(&shop, s), SETTLE_TRY_LATER);
    fail_from_now(FAULT_OPEN, 1000000, SQLITE_CANTOPEN);
    // In virtual time, by 10 ms: when are the files opened?
    const int want_ms[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000};
    for (size_t i = 0; i < COUNT_OF(want_ms); i++) {
        long passed = fault.passed[FAULT_OPEN];
        int ms = 0;
        while (fault.passed[FAULT_OPEN] == passed) {
            ms += 10;
            shop.now_ns += 10 * 1000000;
            assert_int_equal(engine_step(shop.engine, 0), ENGINE_STORE_DOWN);
            assert_true(ms < 10000);
        }
        assert_int_equal(ms, want_ms[i]);
    }
    assert_false(store_ready(&shop, "opening the database"));
    struct engine_status status;
    engine_status(shop.engine, &status);
    assert_int_equal(status.commit_failures, 1); // an opening that fails is no commit
    fault_vfs_reset();
    shop.now_ns += INT64_C(5000) * 1000000;
    assert_int_equal(engine_step(shop.engine, 0), ENGINE_IDLE);
    assert_true(store_ready(&shop, ""));
    // The next failure begins with a short wait again.
    fail_from_now(FAULT_WRITE, 1000000, SQLITE_IOERR_WRITE);
    assert_int_equal(shop_send(&shop, s), SETTLE_TRY_LATER);
    fault_vfs_reset();
    shop.now_ns += 100 * 1000000;
    assert_int_equal(shop_send(&shop, s), SETTLE_DURABLE);
    submission_free(s);
    shop_verify(&shop, 1, 0);
    shop_remove(&shop);
}

// As for a loader: a cancellation that was offered behind its order must not be taken before it.
static void nothing_is_taken_after_a_failure_until_all_of_it_comes_again(void **state) {
    (void)state;
    struct shop shop;
    fault_vfs_reset();
    shop_make(&shop, "fault");
    shop_open(&shop);
    const struct engine_options options = {.clock = &shop.clock, .waits_for_go_on = true};
    engine_free(shop.engine);
    shop.engine = engine_new(shop.store, queue_source(shop.queue), &shop.rules, NULL, &options);
    struct submission *first = one(shop_order(&shop, 1, 10000));
    struct submission *second = one(shop_order(&shop, 2, 10000));
    engine_go_on(shop.engine); // nothing has failed yet: it says nothing about a later failure
    fail_from_now(FAULT_WRITE, 1000000, SQLITE_FULL);
    assert_int_equal(shop_send(&shop, first), SETTLE_TRY_LATER);
    fault_vfs_reset(); // the disk has room again, at once
    for (int i = 0; i < 3; i++) {
        shop.now_ns += INT64_C(10000) * 1000000;
        assert_int_equal(shop_send(&shop, second), SETTLE_TRY_LATER);
        assert_int_equal(engine_step(shop.engine, 0), ENGINE_STORE_DOWN);
    }
    engine_go_on(shop.engine);
    fail_from_now(FAULT_OPEN, 1000000, SQLITE_CANTOPEN);
    assert_int_equal(shop_send(&shop, first), SETTLE_TRY_LATER);
    fault_vfs_reset(); // between the two
    shop.now_ns += INT64_C(10000) * 1000000;
    assert_int_equal(shop_send(&shop, second), SETTLE_TRY_LATER);
    engine_go_on(shop.engine);
    assert_int_equal(shop_send(&shop, first), SETTLE_DURABLE);
    assert_int_equal(shop_send(&shop, second), SETTLE_DURABLE);
    assert_true(store_ready(&shop, ""));
    submission_free(first);
    submission_free(second);
    expect_counts(&shop, 2, 0, 0);
    shop_verify(&shop, 2, 0);
    shop_remove(&shop);
}

static bool count_event(void *user, const struct stored_event *event) {
    (void)event;
    ++*(int *)user;
    return true;
}

static void known_orders_are_found_while_the_store_is_down(void **state) {
    (void)state;
    struct shop shop;
    struct error err = {0};
    fault_vfs_reset();
    shop_make(&shop, "fault");
    shop_open(&shop);
    struct sales_reader *r = shop_reader(&shop);
    struct order text = shop_order(&shop, 1, 10000);
    text.order_id = (struct ident){-1, TEXT_LIT("A-1")};
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)), VERDICT_ACCEPTED);
    assert_int_equal(shop_place(&shop, text), VERDICT_ACCEPTED);
    fail_from_now(FAULT_WRITE, 1000000, SQLITE_FULL);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 2, 10000)), -1);
    const struct ident ids[] = {{1, TEXT_NONE}, text.order_id, {2, TEXT_NONE}};
    for (int i = 0; i < 3; i++) {
        int n = 0;
        assert_true(r->ops->order(r, ids[i], count_event, &n, &err));
        assert_int_equal(n, i < 2 ? 1 : 0);
    }
    fault_vfs_reset();
    r->ops->close(r);
    shop_remove(&shop);
}

static void a_store_that_is_down_can_be_closed(void **state) {
    (void)state;
    struct shop shop;
    fault_vfs_reset();
    shop_make(&shop, "fault");
    shop_open(&shop);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)), VERDICT_ACCEPTED);
    fail_from_now(FAULT_SYNC, 1000000, SQLITE_IOERR_FSYNC);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 2, 10000)), -1);
    shop_close(&shop);
    fault_vfs_reset();
    shop_open(&shop);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)), VERDICT_DUPLICATE);
    shop_remove(&shop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(warnings_of_accepted_events_are_counted),
        cmocka_unit_test(events_that_the_parser_rejected_are_counted_and_kept),
        cmocka_unit_test(everything_received_is_counted_as_one_of_three),
        cmocka_unit_test(a_batch_tells_the_minutes_it_touched),
        cmocka_unit_test(commits_are_timed),
        cmocka_unit_test(a_batch_takes_about_its_number_of_events),
        cmocka_unit_test(an_empty_submission_is_settled_too),
        cmocka_unit_test(the_engine_runs_until_its_source_ends),
        cmocka_unit_test(a_batch_of_a_log_waits_for_more_an_eighth_of_its_age_in_all),
        cmocka_unit_test(a_young_batch_of_a_log_waits_for_nothing),
        cmocka_unit_test(a_batch_that_cannot_be_stored_is_told_to_try_later),
        cmocka_unit_test(the_store_is_tried_again_with_back_off),
        cmocka_unit_test(nothing_is_taken_after_a_failure_until_all_of_it_comes_again),
        cmocka_unit_test(known_orders_are_found_while_the_store_is_down),
        cmocka_unit_test(a_store_that_is_down_can_be_closed),
    };
    log_set_level(LOG_ERROR + 1);
    fault_vfs_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
