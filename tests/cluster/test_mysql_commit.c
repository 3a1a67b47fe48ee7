// SPDX-License-Identifier: MIT
// Claims and commits against a real server: every number is read back by SQL.
#include "mysql_lab.h"

static void a_batch_is_in_every_table_when_it_is_committed(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    lab_open(&lab);
    instance_open(&lab, &in, 3);
    assert_int_equal(in.claim.next_offset, -1);
    struct order o = lab_order(1, "GOOGLE", "CA", 123456);
    o.discount_e4 = 10000;
    instance_add(&in, &o);
    o = lab_order(1, "GOOGLE", "CA", 3456);
    o.kind = ORDER_REFUNDED;
    o.quantity = 1;
    instance_add(&in, &o);
    instance_commit(&in);
    assert_int_equal(in.summary.batch_id, 1);
#define MEASURES "1|1|12.0000|1.0000|0.0000|0.0000|12.0000|0|1|0.3456"
    ASSERT_ASK(&lab, "SELECT * FROM sales_totals", "GOOGLE|CA|USD|" MEASURES);
    ASSERT_ASK(&lab, "SELECT * FROM sales_by_minute",
               "2026-01-01 12:00:00|GOOGLE|CA|USD|" MEASURES);
    ASSERT_ASK(&lab, "SELECT * FROM sales_by_hour", "2026-01-01 12:00:00|GOOGLE|CA|USD|" MEASURES);
    ASSERT_ASK(&lab, "SELECT * FROM sales_by_day", "2026-01-01|GOOGLE|CA|USD|" MEASURES);
    ASSERT_ASK(&lab, "SELECT * FROM sales_by_product", "2026-01-01|7|USD|1|1|12.0000");
    ASSERT_ASK(&lab, "SELECT * FROM total_sales_by_source_state",
               "GOOGLE|CA|12.0000|2026-01-01 12:00:00.000|1");
    ASSERT_ASK(&lab, "SELECT * FROM sales_day_changes", "2026-01-01|2026-01-01 12:00:00.000|2");
    ASSERT_ASK(&lab, "SELECT topic, `partition`, next_offset FROM pipeline_positions", "sales|3|2");
    ASSERT_ASK(&lab, "SELECT * FROM currency_gross", "USD|12.6912");
    ASSERT_ASK(&lab,
               "SELECT batch_id, committed_at, received, accepted, minute_max - minute_min "
               "FROM pipeline_batches",
               "1|2026-01-01 12:00:00.000|2|2|0");
    ASSERT_ASK(&lab,
               "SELECT received, accepted, duplicate, rejected, last_batch_id "
               "FROM pipeline_state",
               "2|2|0|0|1");
    instance_close(&in);
    lab_close(&lab);
}

static void batches_add_up_and_the_state_follows(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    struct aggregates_state now;
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    for (int i = 0; i < 20; i++) {
        struct order o = lab_order(i, i % 2 ? "A" : "B", "TX", 1);
        instance_add(&in, &o);
        in.summary.counts.warnings[2] = 1;
        instance_commit(&in);
    }
    in.a->ops->state(in.a, &now);
    assert_int_equal(now.counts.accepted, 20);
    assert_int_equal(now.counts.warnings[2], 20);
    assert_int_equal(now.last_batch_id, 20);
    assert_int_equal(now.gross_e4[currency_number("USD")], 20);
    ASSERT_ASK(&lab, "SELECT source, orders, total FROM sales_totals ORDER BY source",
               "A|10|0.0010\nB|10|0.0010");
    ASSERT_ASK(&lab,
               "SELECT source, total_sum_amount, batch_id FROM total_sales_by_source_state "
               "ORDER BY source",
               "A|0.0010|20\nB|0.0010|19");
    instance_reopen(&in);
    struct aggregates_state again;
    in.a->ops->state(in.a, &again);
    assert_memory_equal(&again.counts, &now.counts, sizeof now.counts);
    assert_int_equal(again.gross_e4[currency_number("USD")], 20);
    instance_close(&in);
    lab_close(&lab);
}

// Each is a group of its own.
static const char *const TEXTS[] = {
    "ca",
    "CA",
    "Ca",
    "caf\xC3\xA9",
    "cafe\xCC\x81", // the same to the eye
    "O'Brien",
    "back\\slash",
    "quote\"and'both\\'",
    "\xF0\x9F\x98\x80", // an emoji
    "\xF0\x9F\x98\x81", // another
    "a",
    "a\xC2\xA0", // ends in U+00A0, which is no ASCII white space
    "\xE3\x80\x80"
    "a", // begins with an ideographic space
    "a_b",
    "a%b",
    "-- x",
    "\xC3\x9F", // sharp s and ss
    "ss",
    "stra\xC3\x9F"
    "e",
    "strasse",
    "\xE2\x80\x8D", // a zero-width joiner alone
    "`name`",
    "(unknown)",
};

static void texts_are_kept_byte_by_byte_and_never_merged(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT_OF(TEXTS); i++) {
            struct order o = lab_order((int64_t)i, TEXTS[i], TEXTS[COUNT_OF(TEXTS) - 1 - i], 10000);
            o.product_id = (struct ident){-1, text_of(TEXTS[i])};
            instance_add(&in, &o);
        }
        instance_commit(&in);
    }
    char wide[401]; // 100 characters of four bytes: the longest key
    for (int i = 0; i < 100; i++) {
        memcpy(wide + (ptrdiff_t)4 * i, "\xF0\x9F\x98\x82", 4);
    }
    wide[400] = '\0';
    struct order o = lab_order(99, wide, wide, 20000);
    o.product_id = (struct ident){-1, text_of(wide)};
    instance_add(&in, &o);
    instance_commit(&in);
    char expected[64];
    snprintf(expected, sizeof expected, "%zu|%zu|2.0000", COUNT_OF(TEXTS) + 1,
             COUNT_OF(TEXTS) * 2 + 1);
    static const char *const tables[] = {"sales_totals", "sales_by_minute", "sales_by_hour",
                                         "sales_by_day", "sales_by_product"};
    for (size_t t = 0; t < COUNT_OF(tables); t++) {
        char sql[128];
        snprintf(sql, sizeof sql, "SELECT COUNT(*), SUM(orders), MIN(total) FROM %s", tables[t]);
        ASSERT_ASK(&lab, sql, expected);
    }
    for (size_t i = 0; i < COUNT_OF(TEXTS); i++) {
        struct buf sql = {0};
        buf_put_str(&sql, "SELECT total_sum_amount, HEX(source) FROM total_sales_by_source_state "
                          "WHERE source = ");
        sql_put_bytes(&sql, text_of(TEXTS[i]));
        buf_put_char(&sql, '\0');
        char want[256];
        size_t n = (size_t)snprintf(want, sizeof want, "2.0000|");
        for (const char *at = TEXTS[i]; *at != '\0'; at++) {
            n += (size_t)snprintf(want + n, sizeof want - n, "%02X", (unsigned char)*at);
        }
        ASSERT_ASK(&lab, sql.at, want);
        buf_free(&sql);
    }
    instance_close(&in);
    lab_close(&lab);
}

// A program of an earlier version counts, and notes no days.
static void a_batch_after_one_that_noted_nothing_notes_all_days(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    struct order o = lab_order(1, "A", "TX", 1);
    instance_add(&in, &o);
    instance_commit(&in);
    lab_do(&lab, "UPDATE pipeline_state SET accepted = accepted + 5");
    for (int i = 2; i < 4; i++) {
        o = lab_order(i, "A", "TX", 1);
        instance_add(&in, &o);
        instance_commit(&in);
        ASSERT_ASK(&lab, "SELECT day, accepted FROM sales_day_changes ORDER BY day",
                   i == 2 ? "1000-01-01|7\n2026-01-01|7" : "1000-01-01|7\n2026-01-01|8");
    }
    instance_close(&in);
    lab_close(&lab);
}

static void another_claim_fences_the_first_owner(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance first, second;
    struct error err = {0};
    lab_open(&lab);
    instance_open(&lab, &first, 5);
    struct order o = lab_order(1, "A", "TX", 10000);
    instance_add(&first, &o);
    instance_commit(&first);
    instance_open(&lab, &second, 5);
    assert_int_equal(second.next_offset, 1);
    assert_true(second.claim.epoch_us > first.claim.epoch_us);
    instance_add(&first, &o);
    assert_int_equal(instance_try_commit(&first, (struct aggregates_batch){0}, &err),
                     COMMIT_FENCED);
    char epoch[32];
    snprintf(epoch, sizeof epoch, "%lld", (long long)second.claim.epoch_us);
    ASSERT_SAYS(&err, "partition 5", LAB_TOPIC, "next offset 1", epoch);
    instance_add(&second, &o);
    instance_commit(&second);
    ASSERT_ASK(&lab, "SELECT orders FROM sales_totals", "2");
    // With the epoch it held, the first owner is told that it has lost the partition.
    bool lost = false;
    struct position_claim claim;
    assert_int_equal(lab_claim(first.a, 5, first.claim.epoch_us, &claim, &lost, &err), STORE_OK);
    assert_true(lost);
    assert_int_equal(lab_claim(second.a, 5, second.claim.epoch_us, &claim, &lost, &err), STORE_OK);
    assert_false(lost);
    assert_int_equal(claim.next_offset, 2);
    instance_close(&first);
    instance_close(&second);
    lab_close(&lab);
}

static void a_batch_that_was_committed_is_not_committed_again(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    struct error err = {0};
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    struct order o = lab_order(1, "A", "TX", 10000);
    instance_add(&in, &o);
    instance_commit(&in);
    in.next_offset = -1; // as if it did not know
    instance_add(&in, &o);
    assert_int_equal(instance_try_commit(&in, (struct aggregates_batch){0}, &err), COMMIT_FENCED);
    ASSERT_SAYS(&err, "expected next offset -1", "found 1");
    ASSERT_ASK(&lab, "SELECT orders FROM sales_totals", "1");
    ASSERT_ASK(&lab, "SELECT COUNT(*) FROM pipeline_batches", "1");
    instance_close(&in);
    lab_close(&lab);
}

// --- Two instances at once

struct worker {
    struct instance in;
    int n_batches;
    const char *failed;
    char why[600];
};

static void *work(void *user) {
    struct worker *w = user;
    for (int i = 0; i < w->n_batches; i++) {
        struct error err = {0};
        for (int k = 0; k < 40; k++) {
            char state[16];
            snprintf(state, sizeof state, "S%d", (k * 7 + w->in.partition * 3 + i) % 25);
            struct order o = lab_order(i * 40 + k, k % 2 ? "GOOGLE" : "DIRECT", state, 10001);
            o.created_ms = LAB_NOW_MS + (int64_t)60000 * (i % 3);
            instance_add(&w->in, &o);
        }
        enum commit_result result = instance_try_commit(&w->in, (struct aggregates_batch){0}, &err);
        if (result != COMMIT_OK) {
            snprintf(w->why, sizeof w->why, "%d: %s", (int)result, err.text);
            w->failed = w->why;
            return NULL;
        }
    }
    return NULL;
}

static void instances_that_touch_the_same_cells_wait_for_each_other(void **state) {
    UNUSED(state);
    enum { WORKERS = 3, BATCHES = 60 };
    struct lab lab;
    struct worker workers[WORKERS] = {0};
    pthread_t threads[WORKERS];
    lab_open(&lab);
    for (int i = 0; i < WORKERS; i++) {
        instance_open(&lab, &workers[i].in, i);
        workers[i].n_batches = BATCHES;
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
        if (workers[i].failed != NULL) {
            fail_msg("instance %d: %s", i, workers[i].failed);
        }
        instance_close(&workers[i].in);
    }
    static const char *const tables[] = {"sales_totals", "sales_by_minute", "sales_by_hour",
                                         "sales_by_day"};
    for (size_t t = 0; t < COUNT_OF(tables); t++) {
        char sql[128];
        snprintf(sql, sizeof sql, "SELECT SUM(orders), SUM(total) FROM %s", tables[t]);
        ASSERT_ASK(&lab, sql, "7200|7200.7200");
    }
    ASSERT_ASK(&lab, "SELECT COUNT(*), MIN(batch_id), MAX(batch_id) FROM pipeline_batches",
               "180|1|180");
    ASSERT_ASK(&lab, "SELECT received, last_batch_id FROM pipeline_state", "7200|180");
    ASSERT_ASK(&lab, "SELECT gross FROM currency_gross", "7200.7200");
    ASSERT_ASK(&lab,
               "SELECT COUNT(*) FROM total_sales_by_source_state t JOIN sales_totals s "
               "USING (source, state) WHERE t.total_sum_amount <> s.total",
               "0");
    ASSERT_ASK(&lab, "SELECT COUNT(*), SUM(total_sum_amount) FROM total_sales_by_source_state",
               "50|7200.7200");
    lab_close(&lab);
}

// --- Sizes

static void a_commit_of_300_000_cells_is_exact(void **state) {
    UNUSED(state);
    enum { PRODUCTS = 150000, MINUTES = 150000 };
    struct lab lab;
    struct instance in;
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    for (int i = 0; i < PRODUCTS; i++) { // a product and a minute each
        struct order o = lab_order(i, "A", "TX", 10000 + i);
        o.product_id.num = i;
        o.created_ms = LAB_NOW_MS - (int64_t)60000 * i;
        instance_add(&in, &o);
    }
    assert_true(cube_n_cells(in.cube) > PRODUCTS + MINUTES);
    instance_commit(&in);
    ASSERT_ASK(&lab, "SELECT COUNT(*), SUM(orders), SUM(total) FROM sales_by_minute",
               "150000|150000|1274992.5000");
    ASSERT_ASK(&lab,
               "SELECT COUNT(DISTINCT product_id), SUM(orders), SUM(total) "
               "FROM sales_by_product",
               "150000|150000|1274992.5000");
    ASSERT_ASK(&lab, "SELECT SUM(orders), SUM(total) FROM sales_by_day", "150000|1274992.5000");
    instance_close(&in);
    lab_close(&lab);
}

static void sums_go_up_to_the_end_of_64_bits_and_not_past_it(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in, other;
    struct error err = {0};
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    instance_open(&lab, &other, 1);
    const int64_t most = MONEY_LIMIT_E4 - 1; // of one amount
    int64_t sum = 0;
    struct order o = lab_order(1, "A", "TX", most);
    while (sum <= INT64_MAX - most) {
        sum += most;
        instance_add(&in, &o);
    }
    o.subtotal_e4 = o.total_e4 = INT64_MAX - sum;
    instance_add(&in, &o);
    instance_commit(&in);
    ASSERT_ASK(&lab, "SELECT total, subtotal FROM sales_totals",
               "922337203685477.5807|922337203685477.5807");
    ASSERT_ASK(&lab, "SELECT gross FROM currency_gross", "922337203685477.5807");
    ASSERT_ASK(&lab, "SELECT total_sum_amount FROM total_sales_by_source_state",
               "922337203685477.5807");
    // The other has not seen that sum: its batch is refused as a whole, and seen after reopen.
    o = lab_order(2, "A", "TX", 1);
    instance_add(&other, &o);
    assert_int_equal(instance_try_commit(&other, (struct aggregates_batch){0}, &err), COMMIT_RETRY);
    ASSERT_SAYS(&err, "USD", "64 bits");
    instance_reopen(&other);
    struct aggregates_state now;
    other.a->ops->state(other.a, &now);
    assert_int_equal(now.gross_e4[currency_number("USD")], INT64_MAX);
    ASSERT_ASK(&lab, "SELECT gross FROM currency_gross", "922337203685477.5807");
    ASSERT_ASK(&lab, "SELECT next_offset FROM pipeline_positions WHERE `partition` = 1", "-1");
    instance_close(&in);
    instance_close(&other);
    lab_close(&lab);
}

static void a_topic_made_anew_is_told_and_begins_a_lane_of_its_own(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    struct position_claim claim;
    struct error err = {0};
    bool lost;
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    assert_int_equal(in.claim.lane, 0);
    struct order o = lab_order(1, "ADS", "CA", 10000);
    instance_add(&in, &o);
    assert_int_equal(instance_try_commit(&in, (struct aggregates_batch){0}, &err), COMMIT_OK);
    assert_int_equal(lab_claim_as(in.a, "two", 0, 0, false, &claim, &lost, &err), STORE_OK);
    assert_string_equal(claim.other_id, "one");
    assert_int_equal(claim.next_offset, 1);
    instance_add(&in, &o); // nobody has taken it over
    assert_int_equal(instance_try_commit(&in, (struct aggregates_batch){0}, &err), COMMIT_OK);
    assert_int_equal(lab_claim_as(in.a, "two", 0, 0, true, &claim, &lost, &err), STORE_OK);
    assert_int_equal(claim.next_offset, -1);
    assert_int_equal(claim.lane, 1);
    assert_int_equal(lab_claim_as(in.a, "two", 0, 0, false, &claim, &lost, &err), STORE_OK);
    assert_int_equal(claim.lane, 1);
    assert_int_equal(lab_claim_as(in.a, "two", 1, 0, false, &claim, &lost, &err), STORE_OK);
    assert_int_equal(claim.lane, 2); // its own number is taken
    ASSERT_ASK(&lab,
               "SELECT group_concat(lane, topic_id, next_offset ORDER BY lane SEPARATOR ' ') FROM "
               "pipeline_lanes",
               "0one2 1two-1 2two-1");
    instance_close(&in);
    lab_close(&lab);
}

static void refused_events_and_the_windows_start_are_told_at_the_next_claim(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    struct error err = {0};
    bool lost;
    lab_open(&lab);
    instance_open(&lab, &in, 3);
    struct rejected_event rejected[3] = {0};
    for (int i = 0; i < 3; i++) {
        rejected[i] = (struct rejected_event){.position = log_position(in.claim.lane, 4 - i),
                                              .arrival_ms = LAB_NOW_MS,
                                              .refused = i != 1,
                                              .code = TEXT_LIT("out_of_range"),
                                              .message = TEXT_LIT("no"),
                                              .raw = TEXT_LIT("{}")};
    }
    struct position_move move = {3, -1, 6, in.claim.epoch_us, in.claim.lane, {1, 77}};
    struct aggregates_batch batch = {.topic = LAB_TOPIC,
                                     .moves = &move,
                                     .n_moves = 1,
                                     .cube = in.cube,
                                     .rejected = rejected,
                                     .n_rejected = 3};
    in.summary.counts.received = in.summary.counts.rejected = 3;
    in.summary.committed_ms = LAB_NOW_MS;
    assert_int_equal(in.a->ops->commit(in.a, &batch, &in.summary, &err), COMMIT_OK);
    const struct position_wish wish = {{LAB_TOPIC, "one"}, 3, 0, false};
    struct position_claim claim;
    assert_int_equal(in.a->ops->claim(in.a, &wish, &claim, &lost, &err), STORE_OK);
    assert_int_equal(claim.window.offset, 1);
    assert_int_equal(claim.window.time_ms, 77);
    assert_int_equal(claim.n_refused, 2);
    assert_int_equal(claim.refused[0], 2);
    assert_int_equal(claim.refused[1], 4);
    free(claim.refused);
    // The window has moved on: what is before it goes with the next one that is refused.
    move = (struct position_move){3, 6, 8, claim.epoch_us, claim.lane, {5, 78}};
    rejected[0].position = log_position(claim.lane, 7);
    batch.n_rejected = 1;
    in.summary.counts.received = in.summary.counts.rejected = 1;
    assert_int_equal(in.a->ops->commit(in.a, &batch, &in.summary, &err), COMMIT_OK);
    ASSERT_ASK(&lab, "SELECT group_concat(`offset`) FROM pipeline_refused", "7");
    instance_close(&in);
    lab_close(&lab);
}

// clang-format off
static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_topic_made_anew_is_told_and_begins_a_lane_of_its_own),
    cmocka_unit_test(refused_events_and_the_windows_start_are_told_at_the_next_claim),
    cmocka_unit_test(a_batch_is_in_every_table_when_it_is_committed),
    cmocka_unit_test(batches_add_up_and_the_state_follows),
    cmocka_unit_test(texts_are_kept_byte_by_byte_and_never_merged),
    cmocka_unit_test(a_batch_after_one_that_noted_nothing_notes_all_days),
    cmocka_unit_test(another_claim_fences_the_first_owner),
    cmocka_unit_test(a_batch_that_was_committed_is_not_committed_again),
    cmocka_unit_test(instances_that_touch_the_same_cells_wait_for_each_other),
    cmocka_unit_test(a_commit_of_300_000_cells_is_exact),
    cmocka_unit_test(sums_go_up_to_the_end_of_64_bits_and_not_past_it),
};
// clang-format on
LAB_MAIN(tests)
