// SPDX-License-Identifier: MIT
// Two batches in flight over a log, with the real engine, the split store and its thread, and
// SQLite for both halves. It must end as if one had come after the other, whatever fails in
// between. What may happen with several members is in test_split_simulation.c.
#include "log_simulation.h"

#include "base/log.h"
#include "fault_vfs.h"
#include "shop_sql.h"
#include "store/sqlite/sqlite_aggregates.h"
#include "store/sqlite/sqlite_raw.h"

struct place {
    struct world w;
    struct shop sums, raw; // their directories
    struct member member;
    const char *vfs;
};

static struct aggregates *open_sums(struct world *w) {
    struct place *p = w->real;
    struct error err = {0};
    struct store_settings settings;
    struct aggregates *out;
    const struct sqlite_options options = {
        .directory = p->sums.directory, .vfs = p->vfs, .clock = &w->clock};
    if (!sqlite_aggregates_open(&options, &out, &settings, &err)) {
        fail_msg("%s", err.text);
    }
    return out;
}

static struct raw_store *open_raw(struct world *w) {
    struct place *p = w->real;
    struct error err = {0};
    struct raw_store *out;
    if (!sqlite_raw_open(p->raw.directory, NULL, &out, &err)) {
        fail_msg("%s", err.text);
    }
    return out;
}

static void assign_all(struct place *p) {
    for (int i = 0; i < PARTITIONS; i++) {
        assert_true(member_assign(&p->member, i));
    }
}

static void use_ahead(struct place *p, size_t batch_max_events, size_t ahead_least_events) {
    const struct engine_options options = {.clock = &p->w.clock,
                                           .batch_max_events = batch_max_events,
                                           .ahead_least_events = ahead_least_events};
    engine_free(p->member.engine);
    p->member.engine =
        engine_new(p->member.store, member_source(&p->member), &p->w.rules, NULL, &options);
}

static struct place *make_place(uint64_t seed, int n_messages, const char *vfs) {
    struct place *p = calloc(1, sizeof *p);
    struct error err = {0};
    fault_vfs_reset();
    p->vfs = vfs;
    p->w = (struct world){.now_ms = INT64_C(1767268800000),
                          .dice = seed,
                          .topic_number = 1,
                          .window_ms = INT64_C(24) * 3600 * 1000,
                          .window_bytes = (size_t)64 << 20};
    p->w.clock = (struct clock_source){world_now_ms, world_monotonic_ns, &p->w};
    assert_true(zone_open("UTC", &p->w.zone, &err));
    p->w.rules = (struct order_rules){.zone = p->w.zone, .currency = "USD", .max_depth = 32};
    p->w.real = p;
    p->w.new_aggregates = open_sums;
    p->w.new_raw = open_raw;
    shop_make_directory(p->sums.directory);
    shop_make_directory(p->raw.directory);
    const struct filling filling = {.n_messages = n_messages};
    (void)fill_log(&p->w, &filling);
    member_start(&p->member, &p->w, 0);
    return p;
}

static void remove_place(struct place *p) {
    char command[200];
    snprintf(command, sizeof command, "rm -rf %s %s", p->sums.directory, p->raw.directory);
    assert_int_equal(system(command), 0);
    zone_free(p->w.zone);
    free(p);
}

static struct engine_status status_of(struct place *p) {
    struct engine_status s;
    engine_status(p->member.engine, &s);
    return s;
}

static bool is_judged(const struct place *p) {
    for (int i = 0; i < PARTITIONS; i++) {
        if (p->member.expected[i] < p->w.log_end[i]) {
            return false;
        }
    }
    return true;
}

// Until everything of the log is judged and nothing is on its way.
static void play(struct place *p) {
    for (int idle = 0, steps = 0; idle < 3; steps++) {
        assert_true(steps < 5000);
        enum engine_step_result result = engine_step(p->member.engine, 0);
        idle = result == ENGINE_IDLE && is_judged(p) ? idle + 1 : 0;
        if (result == ENGINE_STORE_DOWN) {
            p->w.now_ns += INT64_C(10) * 1000 * 1000 * 1000; // past any back-off
        }
    }
}

static int64_t of_total(const struct place *p, const char *what) {
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT %s", what);
    return shop_sql(&p->sums, sql);
}

// The sums are those of a plain reading of the log; so are raw orders.
static void check_place(const struct place *p) {
    const struct expected want =
        read_log(&p->w, (struct expected){0}, p->w.log_end, STAMPS_OF_ARRIVAL);
    assert_int_equal(of_total(p, "sum(orders) FROM total_cells"), want.orders);
    assert_int_equal(of_total(p, "sum(total_e4) FROM total_cells"), want.total_e4);
    assert_int_equal(of_total(p, "sum(units) FROM total_cells"), want.units);
    assert_int_equal(of_total(p, "accepted FROM pipeline_state"), want.accepted);
    assert_int_equal(of_total(p, "duplicate FROM pipeline_state"), want.duplicate);
    assert_int_equal(of_total(p, "rejected FROM pipeline_state"), want.rejected);
    assert_int_equal(of_total(p, "count(*) FROM rejected_rows"), want.rejected);
    assert_int_equal(of_total(p, "sum(accepted) FROM batch_rows"), want.accepted);
    assert_int_equal(shop_sql(&p->raw, "SELECT count(*) FROM raw_orders"), want.orders);
    for (int i = 0; i < PARTITIONS; i++) {
        char sql[96];
        snprintf(sql, sizeof sql, "next_offset FROM pipeline_positions WHERE partition = %d", i);
        assert_int_equal(of_total(p, sql), p->w.log_end[i]);
    }
}

// --- The same as one after the other

static char *played(uint64_t seed, size_t ahead_least_events) {
    static const char *const tables[] = {
        ORDER_ROWS_DUMPED, "rejected_rows",  "total_cells",    "minute_cells",    "hour_cells",
        "day_cells",       "product_cells",  "sales_groups",   "batch_rows",      "sales_products",
        "day_changes",     "currency_gross", "pipeline_lanes", "pipeline_refused"};
    struct place *p = make_place(seed, 1200, NULL);
    use_ahead(p, 30, ahead_least_events);
    assign_all(p);
    play(p);
    assert_int_equal(status_of(p).commit_failures, 0);
    member_stop(&p->member);
    check_place(p);
    char *out = shop_sql_dump(&p->sums, tables, sizeof tables / sizeof *tables);
    remove_place(p);
    return out;
}

static void it_ends_as_if_one_batch_had_come_after_the_other(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        char *ahead = played(seed, 1), *serial = played(seed, SIZE_MAX);
        assert_string_equal(ahead, serial);
        free(ahead);
        free(serial);
    }
}

// --- A batch on its way

// As many steps as end with one on its way.
static void step_until_on_its_way(struct place *p) {
    use_ahead(p, 30, 1);
    assign_all(p);
    for (int i = 0; i < 3; i++) {
        (void)engine_step(p->member.engine, 0);
    }
}

static void positions_that_are_told_are_those_of_committed_batches(void **state) {
    (void)state;
    struct place *p = make_place(3, 1200, NULL);
    step_until_on_its_way(p);
    struct log_claim held;
    int64_t judged = 0, counted = 0;
    for (int i = 0; i < PARTITIONS; i++) {
        p->member.store->log->ops->held(p->member.store->log, i, &held);
        judged += held.next_offset > 0 ? held.next_offset : 0;
        counted += held.counted_offset > 0 ? held.counted_offset : 0;
    }
    assert_true(judged > counted);
    assert_true(counted > 0);
    play(p);
    member_stop(&p->member);
    check_place(p);
    remove_place(p);
}

// A rebalance needs the aggregates while they commit: it waits, sees what became of the batch, and
// the batch is settled once.
static void a_partition_that_is_claimed_meanwhile_goes_on_behind_the_batch(void **state) {
    (void)state;
    struct place *p = make_place(4, 1200, NULL);
    step_until_on_its_way(p);
    for (int round = 0; round < 8; round++) {
        for (int i = 0; i < PARTITIONS; i++) {
            member_revoke(&p->member, i);
        }
        assign_all(p);
        for (int i = 0; i < PARTITIONS; i++) {
            struct log_claim held;
            p->member.store->log->ops->held(p->member.store->log, i, &held);
            assert_int_equal(held.next_offset, held.counted_offset);
        }
        (void)engine_step(p->member.engine, 0);
    }
    play(p);
    assert_int_equal(status_of(p).commit_failures, 0);
    member_stop(&p->member);
    check_place(p);
    remove_place(p);
}

static void fail_from_now(enum fault_call call, int code) {
    fault.code = code;
    fault.fail_for = 1000000;
    fault.fail_at[call] = fault.passed[call] + 1;
}

static void when_a_commit_fails_both_are_judged_again(void **state) {
    (void)state;
    struct place *p = make_place(5, 1200, "fault");
    step_until_on_its_way(p); // the third may be written already; the fourth is not
    int64_t before = status_of(p).commits;
    fail_from_now(FAULT_WRITE, SQLITE_FULL);
    while (engine_step(p->member.engine, 0) != ENGINE_STORE_DOWN) {
    }
    assert_int_equal(status_of(p).commit_failures, 2);
    assert_true(status_of(p).commits <= before + 1);
    // Not before the failure is known, and then of no use until it was undone.
    struct log_claim claim;
    struct error err = {0};
    const struct log_topic topic = {"sales", "1"};
    assert_int_equal(
        p->member.store->log->ops->claim(p->member.store->log, &topic, 0, false, &claim, &err),
        STORE_RETRY);
    fault_vfs_reset();
    play(p);
    member_stop(&p->member);
    check_place(p);
    remove_place(p);
}

static void the_end_finds_a_batch_on_its_way(void **state) {
    (void)state;
    struct place *p = make_place(6, 1200, NULL);
    step_until_on_its_way(p);
    int64_t before = status_of(p).commits;
    p->w.quiet = true; // as of a source that has ended
    assert_int_equal(engine_step(p->member.engine, 0), ENGINE_WORKED);
    assert_int_equal(status_of(p).commits, before + 1);
    assert_int_equal(engine_step(p->member.engine, 0), ENGINE_IDLE);
    p->w.quiet = false;
    play(p);
    member_stop(&p->member);
    check_place(p);
    remove_place(p);
}

// --- The sweep

static bool play_and_fail(enum fault_call call, long n, int code) {
    struct place *p = make_place(7, 100, "fault");
    use_ahead(p, 30, 1);
    assign_all(p);
    fault.code = code;
    fault.fail_at[call] = fault.passed[call] + n;
    play(p);
    bool hit = fault.hit;
    fault_vfs_reset();
    member_stop(&p->member);
    check_place(p);
    remove_place(p);
    return hit;
}

static void any_call_may_fail_in_either_of_two_batches(void **state) {
    (void)state;
    static const struct {
        enum fault_call call;
        int code;
        long at_least;
    } ways[] = {{FAULT_WRITE, SQLITE_FULL, 30}, {FAULT_SYNC, SQLITE_IOERR_FSYNC, 3}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        long n = 1;
        while (play_and_fail(ways[i].call, n, ways[i].code)) {
            n++;
        }
        print_message("failed each of %ld calls\n", n - 1);
        assert_true(n - 1 >= ways[i].at_least);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_ends_as_if_one_batch_had_come_after_the_other),
        cmocka_unit_test(positions_that_are_told_are_those_of_committed_batches),
        cmocka_unit_test(a_partition_that_is_claimed_meanwhile_goes_on_behind_the_batch),
        cmocka_unit_test(when_a_commit_fails_both_are_judged_again),
        cmocka_unit_test(the_end_finds_a_batch_on_its_way),
        cmocka_unit_test(any_call_may_fail_in_either_of_two_batches),
    };
    log_set_level(LOG_ERROR + 1);
    fault_vfs_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
