// SPDX-License-Identifier: MIT
// verify and rebuild of aggregates on a real server, against raw orders that the test holds: each
// broken law is named, rebuild mends what can be made again, and neither minds a running processor.
#include "mysql_lab.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/audit/audit_cluster.h"
#include "store/audit/audit_mysql.h"

enum { ORDERS = 12, ADJUSTMENTS = 2, RAW = ORDERS + ADJUSTMENTS, PER_COMMIT = 4 };

static const struct order_item ITEMS[] = {{{7, TEXT_NONE}, 1, 1000}, {{-1, {"tea", 3}}, 4, 500}};

// A shop on two partitions, and its raw orders as another store would give them.
struct world {
    struct lab lab;
    struct instance partitions[2];
    struct raw_reader raw;
    struct stored_event events[RAW + 1];
    size_t n_events;
    void (*on_scan)(struct world *w); // may happen while raw orders are read
    char out[16384];                  // what verify or rebuild printed
    struct audit_report report;
};

static bool raw_scan(struct raw_reader *r, raw_event_fn each, void *user, struct error *err) {
    struct world *w = (struct world *)((char *)r - offsetof(struct world, raw));
    UNUSED(err);
    if (w->on_scan != NULL) {
        w->on_scan(w);
    }
    for (size_t i = w->n_events; i > 0 && each(user, &w->events[i - 1]); i--) { // in no good order
    }
    return true;
}

static const struct raw_reader_ops raw_ops = {.scan = raw_scan};

static struct order made_up(int i) {
    struct order o = lab_order(100 + i, i % 3 == 0 ? "GOOGLE" : "it's \xF0\x9F\x98\x80",
                               i % 2 == 0 ? "CA" : "ca", 10000 + i);
    o.product_id = i % 2 == 0 ? (struct ident){i, TEXT_NONE} : (struct ident){-1, TEXT_LIT("mug")};
    o.created_ms -= (int64_t)i * 3600000;
    o.discount_e4 = i;
    if (i == 3) {
        memcpy(o.currency, "EUR", 4);
    }
    if (i == 4 || i == ORDERS + 1) {
        o.product_id = IDENT_NONE;
        o.items = ITEMS;
        o.n_items = COUNT_OF(ITEMS);
        o.quantity = 5;
    }
    if (i >= ORDERS) {
        o.order_id.num = 100 + (i - ORDERS) * 4;
        o.kind = i == ORDERS ? ORDER_CANCELLED : ORDER_REFUNDED;
        o.event_id = i == ORDERS ? TEXT_NONE : TEXT_LIT("r1");
    }
    return o;
}

static void keep_raw(struct world *w, const struct order *o, int32_t partition, int64_t offset) {
    w->events[w->n_events++] = (struct stored_event){
        .order = *o, .arrival_ms = LAB_NOW_MS, .position = log_position(partition, offset)};
}

static void commit(struct instance *in, const struct gross_delta *gross, size_t n_gross,
                   int64_t minute_floor) {
    struct error err = {0};
    in->gross.delta_e4 = 0;
    const struct aggregates_batch more = {
        .gross = gross, .n_gross = n_gross, .minute_floor = (int32_t)minute_floor};
    if (instance_try_commit(in, more, &err) != COMMIT_OK) {
        fail_msg("%s", err.text);
    }
}

static void place_all(struct world *w) {
    for (int i = 0; i < RAW; i++) {
        struct instance *in = &w->partitions[i % 2];
        struct order o = made_up(i);
        struct gross_delta gross = {currency_number(o.currency), currency_gross_of(&o)};
        keep_raw(w, &o, in->partition, in->next_offset < 0 ? 0 : in->next_offset);
        instance_add(in, &o);
        commit(in, &gross, 1, 0);
    }
}

static void world_make(struct world *w) {
    *w = (struct world){.raw = {&raw_ops}};
    lab_open(&w->lab);
    instance_open(&w->lab, &w->partitions[0], 0);
    instance_open(&w->lab, &w->partitions[1], 7);
    place_all(w);
}

static void world_end(struct world *w) {
    instance_close(&w->partitions[0]);
    instance_close(&w->partitions[1]);
    lab_close(&w->lab);
}

static int64_t verify(struct world *w, struct raw_reader *raw) {
    struct error err = {0};
    struct audit_aggregates *a = audit_mysql_new(&w->lab.direct);
    memset(w->out, 0, sizeof w->out);
    FILE *out = fmemopen(w->out, sizeof w->out, "w");
    assert_non_null(out);
    bool ok = audit_cluster_verify(a, raw, out, &w->report, &err);
    fclose(out);
    a->ops->close(a);
    if (!ok) {
        fail_msg("verify could not run: %s", err.text);
    }
    return w->report.problems;
}

static bool try_rebuild(struct world *w, int64_t *changed, struct error *err) {
    struct audit_aggregates *a = audit_mysql_new(&w->lab.direct);
    memset(w->out, 0, sizeof w->out);
    FILE *out = fmemopen(w->out, sizeof w->out, "w");
    assert_non_null(out);
    bool ok = audit_cluster_rebuild(a, &w->raw, false, out, changed, &w->report, err);
    fclose(out);
    a->ops->close(a);
    return ok;
}

static void expect_sound(struct world *w) {
    if (verify(w, &w->raw) != 0) {
        fail_msg("%s", w->out);
    }
    assert_int_equal(w->report.orders, ORDERS);
    assert_int_equal(w->report.adjustments, ADJUSTMENTS);
    assert_true(w->report.cells > 40);
}

static void expect_said(const struct world *w, const char *words) {
    if (strstr(w->out, words) == NULL) {
        fail_msg("does not say '%s':\n%s", words, w->out);
    }
}

static void sound_aggregates_are_told_in_figures(void **state) {
    UNUSED(state);
    struct world w;
    world_make(&w);
    expect_sound(&w);
    assert_int_equal(w.report.groups, 5);
    expect_said(&w, "EUR: 1 groups, 1 orders, total 1.0003\n");
    expect_said(&w, "USD: 4 groups, 10 orders, total ");
    assert_null(strstr(w.out, "problem"));
    world_end(&w);
}

static void raw_orders_past_the_positions_do_not_count_yet(void **state) {
    UNUSED(state);
    struct world w;
    world_make(&w);
    struct order o = made_up(1);
    keep_raw(&w, &o, 7, 7); // written for a batch that is not committed
    expect_sound(&w);
    w.events[w.n_events - 1].position = log_position(3, 0); // of a partition that is not known yet
    expect_sound(&w);
    w.events[w.n_events - 1].position = log_position(7, 6); // below: it should have been counted
    assert_true(verify(&w, &w.raw) > 0);
    expect_said(&w, "problem: accepted is 14, but 13 orders and 2 adjustments are stored");
    world_end(&w);
}

static const struct {
    const char *sql, *words;
    bool mended; // by rebuild
} tampers[] = {
    {"UPDATE sales_totals SET total = total + 0.0001 WHERE currency = 'EUR'",
     "problem: sales_totals: all time, GOOGLE, ca, EUR: is not what raw orders add up to", true},
    {"UPDATE sales_by_minute SET units = units - 1 ORDER BY bucket DESC LIMIT 1",
     "problem: sales_by_minute: 2026-01-01T12:00:00.000Z, GOOGLE, CA, USD: is not", true},
    {"DELETE FROM sales_by_hour ORDER BY bucket DESC LIMIT 1",
     "problem: sales_by_hour: 2026-01-01T12:00:00.000Z, GOOGLE, CA, USD: raw orders give it", true},
    {"INSERT INTO sales_by_day SELECT '2025-02-28', source, state, currency, orders, units, "
     "subtotal, discount, shipping, tax, total, cancelled_orders, refunds, refunded_total FROM "
     "sales_totals LIMIT 1",
     "problem: sales_by_day: 2025-02-28, ", true},
    {"UPDATE sales_by_product SET product_id = 'Mug' WHERE product_id = 'mug' AND currency = 'USD'",
     "product Mug, USD: is stored, but no raw order gives it", true},
    {"DELETE FROM sales_by_product", "sales_by_product: ", true},
    {"DELETE FROM sales_totals",
     "problem: total_sales_by_source_state: 4 rows are of no source and state that has sales",
     true},
    {"UPDATE currency_gross SET gross = 1 WHERE currency = 'USD'",
     "problem: gross sum of USD is 10000 e-4, raw orders give ", true},
    {"DELETE FROM currency_gross WHERE currency = 'EUR'", "problem: gross sum of EUR is 0 e-4",
     true},
    {"UPDATE total_sales_by_source_state SET total_sum_amount = 0.0001 WHERE state = 'CA' AND "
     "source = 'GOOGLE'",
     "problem: total_sales_by_source_state: GOOGLE, CA (0.0001): is not what", true},
    {"DELETE FROM total_sales_by_source_state WHERE state = 'ca'",
     "problem: total_sales_by_source_state: GOOGLE, ca (none): raw orders give it", true},
    {"UPDATE pipeline_state SET received = received + 1", "problem: received 15 is not", false},
    {"UPDATE pipeline_state SET accepted = accepted + 1, received = received + 1",
     "problem: accepted is 15, but 12 orders and 2 adjustments are stored", false},
    {"UPDATE pipeline_state SET rejected = 1, received = received + 1",
     "problem: rejected events kept: 0, but it should be 1", false},
    {"DELETE FROM pipeline_batches WHERE batch_id = 14",
     "problem: newest batch: 13, but it should be 14", false},
    {"UPDATE pipeline_positions SET next_offset = 6 WHERE `partition` = 0",
     "problem: accepted is 14, but ", false},
};

static void every_broken_law_is_named_and_rebuild_mends_the_aggregates(void **state) {
    UNUSED(state);
    struct world w;
    for (size_t i = 0; i < COUNT_OF(tampers); i++) {
        struct error err = {0};
        int64_t changed = -1;
        world_make(&w);
        lab_do(&w.lab, tampers[i].sql);
        if (verify(&w, &w.raw) == 0) {
            fail_msg("not noticed: %s\n%s", tampers[i].sql, w.out);
        }
        expect_said(&w, tampers[i].words);
        if (tampers[i].mended) {
            if (!try_rebuild(&w, &changed, &err)) {
                fail_msg("%s: %s", tampers[i].sql, err.text);
            }
            expect_sound(&w);
            assert_true(try_rebuild(&w, &changed, &err));
            assert_int_equal(changed, 0);
            // The processors go on, with what they have in memory.
            struct order o = made_up(1);
            struct gross_delta gross = {currency_number(o.currency), currency_gross_of(&o)};
            keep_raw(&w, &o, 0, w.partitions[0].next_offset);
            instance_add(&w.partitions[0], &o);
            commit(&w.partitions[0], &gross, 1, 0);
            if (verify(&w, &w.raw) != 0) {
                fail_msg("after %s and a commit:\n%s", tampers[i].sql, w.out);
            }
        }
        world_end(&w);
    }
}

// Between the picture and the end of the raw orders.
static void commit_one_more(struct world *w) {
    struct order o = made_up(2);
    struct gross_delta gross = {currency_number(o.currency), currency_gross_of(&o)};
    struct instance *in = &w->partitions[0];
    keep_raw(w, &o, 0, in->next_offset);
    instance_add(in, &o);
    commit(in, &gross, 1, 0);
    w->on_scan = NULL;
}

static void a_commit_meanwhile_is_no_problem_for_verify_and_refuses_rebuild(void **state) {
    UNUSED(state);
    struct world w;
    struct error err = {0};
    int64_t changed;
    world_make(&w);
    w.on_scan = commit_one_more;
    expect_sound(&w);
    world_end(&w);

    world_make(&w);
    lab_do(&w.lab, "UPDATE sales_totals SET orders = 77");
    w.on_scan = commit_one_more;
    assert_false(try_rebuild(&w, &changed, &err));
    assert_int_equal(err.cls, ERROR_USAGE);
    ASSERT_SAYS(&err, "committed", "nothing was changed");
    ASSERT_ASK(&w.lab, "SELECT count(*) FROM sales_totals WHERE orders BETWEEN 77 AND 78", "5");
    assert_true(try_rebuild(&w, &changed, &err));
    assert_int_equal(changed, 5);
    assert_int_equal(verify(&w, &w.raw), 0);
    world_end(&w);
}

static void cells_past_their_retention_are_left_alone(void **state) {
    UNUSED(state);
    struct world w;
    world_make(&w);
    struct order o = made_up(0);
    struct gross_delta gross = {currency_number(o.currency), currency_gross_of(&o)};
    struct instance *in = &w.partitions[0];
    keep_raw(&w, &o, 0, in->next_offset);
    instance_add(in, &o);
    commit(in, &gross, 1, LAB_MINUTE - 90); // minutes before go, step by step
    assert_int_equal(verify(&w, &w.raw), 0);
    lab_do(&w.lab,
           "INSERT IGNORE INTO sales_by_minute SELECT '2020-01-01 00:00:00', source, state, "
           "currency, orders, units, subtotal, discount, shipping, tax, total, "
           "cancelled_orders, refunds, refunded_total FROM sales_totals");
    assert_int_equal(verify(&w, &w.raw), 0);
    world_end(&w);
}

static void without_raw_orders_the_aggregates_are_held_against_each_other(void **state) {
    UNUSED(state);
    struct world w;
    world_make(&w);
    if (verify(&w, NULL) != 0) {
        fail_msg("%s", w.out);
    }
    assert_int_equal(w.report.orders, ORDERS);
    assert_int_equal(w.report.adjustments, ADJUSTMENTS);
    lab_do(&w.lab, "UPDATE sales_by_day SET tax = tax + 1 LIMIT 1");
    assert_int_equal(verify(&w, NULL), 1);
    expect_said(&w, "problem: sales_totals: all time, ");
    world_end(&w);
}

static void a_projection_of_a_users_own_types_is_as_exact_as_they_are(void **state) {
    UNUSED(state);
    static const char *const types[] = {"double", "float", "bigint", "decimal(17,2)",
                                        "varchar(40)"};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        struct world w = {.raw = {&raw_ops}};
        char sql[256];
        lab_open_empty(&w.lab);
        snprintf(sql, sizeof sql,
                 "CREATE TABLE total_sales_by_source_state (source VARCHAR(100), state "
                 "VARCHAR(100), total_sum_amount %s, processed_at VARCHAR(100), batch_id int) "
                 "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                 types[i]);
        lab_do(&w.lab, sql);
        struct error err = {0};
        if (!lab_try_setup(&w.lab, &err)) {
            fail_msg("%s: %s", types[i], err.text);
        }
        instance_open(&w.lab, &w.partitions[0], 0);
        instance_open(&w.lab, &w.partitions[1], 7);
        place_all(&w);
        expect_sound(&w);
        lab_do(&w.lab, "UPDATE total_sales_by_source_state SET total_sum_amount = 77");
        assert_int_equal(verify(&w, &w.raw), 4);
        int64_t changed;
        assert_true(try_rebuild(&w, &changed, &err));
        expect_sound(&w);
        lab_do(&w.lab, "INSERT INTO total_sales_by_source_state SELECT * FROM "
                       "total_sales_by_source_state WHERE state = 'ca' LIMIT 1");
        assert_int_equal(verify(&w, &w.raw), 1);
        expect_said(&w, "1 rows are of no source and state that has sales, or a second one of it");
        world_end(&w);
    }
}

// Of another topic, and of one before it was made anew: each with a lane of its own.
static void orders_of_every_lane_count_up_to_its_own_end(void **state) {
    UNUSED(state);
    struct world w;
    world_make(&w);
    lab_do(&w.lab, "INSERT INTO pipeline_positions VALUES ('other', 0, 5, 1, '', 9, 0, 0)");
    lab_do(&w.lab, "INSERT INTO pipeline_lanes VALUES (9, 'other', 0, '', -1), "
                   "(10, 'other', 0, 'before', 3)");
    expect_sound(&w);
    struct order o = made_up(1);
    keep_raw(&w, &o, 7, 7);
    int64_t *position = &w.events[w.n_events - 1].position;
    *position = log_position(9, 5);
    expect_sound(&w);
    *position = log_position(10, 3);
    expect_sound(&w);
    *position = log_position(11, 0); // of no lane
    expect_sound(&w);
    *position = log_position(10, 2);
    assert_true(verify(&w, &w.raw) > 0);
    *position = log_position(9, 4);
    assert_true(verify(&w, &w.raw) > 0);
    world_end(&w);
}

static void topics_that_an_earlier_version_counted_together_cannot_be_told_apart(void **state) {
    UNUSED(state);
    struct world w;
    struct error err = {0};
    world_make(&w);
    lab_do(&w.lab, "INSERT INTO pipeline_positions VALUES ('other', 0, 5, 1, '', -1, -1, 0)");
    struct audit_aggregates *a = audit_mysql_new(&w.lab.direct);
    assert_false(audit_cluster_verify(a, &w.raw, stdout, &w.report, &err));
    assert_int_equal(err.cls, ERROR_USAGE);
    ASSERT_SAYS(&err, "partitions of more than one topic");
    a->ops->close(a);
    world_end(&w);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_aggregates_are_told_in_figures),
        cmocka_unit_test(raw_orders_past_the_positions_do_not_count_yet),
        cmocka_unit_test(every_broken_law_is_named_and_rebuild_mends_the_aggregates),
        cmocka_unit_test(a_commit_meanwhile_is_no_problem_for_verify_and_refuses_rebuild),
        cmocka_unit_test(cells_past_their_retention_are_left_alone),
        cmocka_unit_test(without_raw_orders_the_aggregates_are_held_against_each_other),
        cmocka_unit_test(a_projection_of_a_users_own_types_is_as_exact_as_they_are),
        cmocka_unit_test(orders_of_every_lane_count_up_to_its_own_end),
        cmocka_unit_test(topics_that_an_earlier_version_counted_together_cannot_be_told_apart),
    };
    log_set_level(LOG_ERROR + 1);
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
