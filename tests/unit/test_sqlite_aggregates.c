// SPDX-License-Identifier: MIT
// Aggregates of a log in a SQLite file: claims, commits and their fences, what is dropped, every
// failure of the disk, and that a directory is only used as it was made.
#include "shop_sql.h"

#include "base/log.h"
#include "base/mem.h"
#include "fault_vfs.h"
#include "store/sqlite/sqlite_aggregates.h"
#include "store/sqlite/sqlite_raw.h"
#include "store/sqlite/sqlite_schema.h"
#include "sums/currency.h"

static const int64_t DAY_MS = INT64_C(86400000);

// A shop whose store is never opened: a directory, a clock and rules, and these beside it.
struct world {
    struct shop shop;
    struct aggregates *a;
    struct store_settings settings;
    struct cube *cube;
    int64_t next_id;
};

static bool try_open(struct world *w, struct error *err) {
    struct sqlite_options options = {.directory = w->shop.directory,
                                     .settings = w->settings,
                                     .vfs = w->shop.vfs,
                                     .clock = &w->shop.clock};
    return sqlite_aggregates_open(&options, &w->a, &w->settings, err);
}

static void open_world(struct world *w) {
    struct error err = {0};
    if (!try_open(w, &err)) {
        fail_msg("%s", err.text);
    }
}

static void make_world(struct world *w, const char *vfs) {
    *w = (struct world){0};
    shop_make(&w->shop, vfs);
    w->cube = mem_must(cube_new(w->shop.zone, NULL));
    open_world(w);
}

static void close_world(struct world *w) {
    w->a->ops->close(w->a);
    w->a = NULL;
}

static void remove_world(struct world *w) {
    if (w->a != NULL) {
        close_world(w);
    }
    cube_free(w->cube);
    shop_remove(&w->shop);
}

static enum store_result claim_any(struct world *w, const char *topic, int32_t partition,
                                   int64_t held_epoch_us, struct position_claim *out, bool *lost,
                                   struct error *err) {
    const struct position_wish wish = {{topic, "one"}, partition, held_epoch_us, false};
    return w->a->ops->claim(w->a, &wish, out, lost, err);
}

static struct position_claim claim(struct world *w, int32_t partition, int64_t held_epoch_us) {
    struct position_claim c;
    struct error err = {0};
    bool lost;
    assert_int_equal(claim_any(w, "sales", partition, held_epoch_us, &c, &lost, &err), STORE_OK);
    assert_false(lost);
    free(c.refused);
    return c;
}

// A batch of one order of 1.00, one rejected event, and one move.
static enum commit_result commit_one(struct world *w, const struct position_move *move,
                                     int64_t order_id, struct error *err) {
    struct order o = shop_order(&w->shop, order_id, 10000);
    struct stored_event recent = {o, w->shop.now_ms, log_position(move->partition, move->from)};
    struct rejected_event rejected = {.position = log_position(move->partition, move->to - 1),
                                      .arrival_ms = w->shop.now_ms,
                                      .code = TEXT_LIT("missing"),
                                      .message = TEXT_LIT("no total"),
                                      .raw = TEXT_LIT("\xff{"),
                                      .raw_bytes = 2};
    struct gross_delta gross = {currency_number("USD"), currency_gross_of(&o)};
    int32_t minute_floor = (int32_t)(w->shop.now_ms / 60000) - 15 * 24 * 60;
    int32_t hour_floor = (int32_t)(w->shop.now_ms / 3600000) - 400 * 24;
    assert_int_equal(cube_add(w->cube, &o, minute_floor, hour_floor, &(uint32_t){0}), CUBE_OK);
    struct aggregates_batch batch = {.topic = "sales",
                                     .moves = move,
                                     .n_moves = 1,
                                     .cube = w->cube,
                                     .rejected = &rejected,
                                     .n_rejected = 1,
                                     .recent = &recent,
                                     .n_recent = 1,
                                     .gross = &gross,
                                     .n_gross = 1,
                                     .minute_floor = minute_floor,
                                     .hour_floor = hour_floor};
    struct batch_summary summary = {
        .committed_ms = w->shop.now_ms,
        .counts = {.received = 2, .accepted = 1, .rejected = 1, .skipped = 1}};
    enum commit_result result = w->a->ops->commit(w->a, &batch, &summary, err);
    if (result == COMMIT_OK) {
        cube_clear(w->cube);
    } else {
        cube_clear(w->cube);
        cube_forget(w->cube);
    }
    return result;
}

static void must_commit(struct world *w, int32_t partition, int64_t from, int64_t to,
                        int64_t epoch_us) {
    struct error err = {0};
    struct position_move move = {partition, from, to, epoch_us, partition, {from, 0}};
    if (commit_one(w, &move, w->next_id++, &err) != COMMIT_OK) {
        fail_msg("%s", err.text);
    }
}

static int64_t sql(struct world *w, const char *text) {
    return shop_sql(&w->shop, text);
}

static void expect_stored(struct world *w, int64_t n) {
    assert_int_equal(sql(w, "SELECT accepted FROM pipeline_state"), n);
    assert_int_equal(sql(w, "SELECT rejected FROM pipeline_state"), n);
    assert_int_equal(sql(w, "SELECT skipped FROM pipeline_state"), n);
    assert_int_equal(sql(w, "SELECT count(*) FROM rejected_rows"), n);
    assert_int_equal(sql(w, "SELECT count(*) FROM batch_rows"), n);
    assert_int_equal(sql(w, "SELECT count(*) FROM recent_orders"), n);
    static const char *const tables[] = {"total_cells", "minute_cells", "hour_cells", "day_cells",
                                         "product_cells"};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        char text[100];
        snprintf(text, sizeof text, "SELECT total(total_e4) FROM %s", tables[i]);
        assert_int_equal(sql(w, text), n * 10000);
    }
    struct aggregates_state state;
    w->a->ops->state(w->a, &state);
    assert_int_equal(state.counts.received, 2 * n);
    assert_int_equal(state.counts.skipped, n);
    assert_int_equal(state.last_batch_id, n);
    assert_int_equal(state.gross_e4[currency_number("USD")],
                     sql(w, "SELECT total(gross_e4) FROM currency_gross"));
}

// --- Positions

static void a_new_partition_begins_at_minus_one_and_epochs_only_grow(void **state) {
    (void)state;
    struct world w;
    make_world(&w, NULL);
    struct position_claim first = claim(&w, 3, 0), second = claim(&w, 3, 0);
    assert_int_equal(first.next_offset, -1);
    assert_int_equal(first.epoch_us, w.shop.now_ms * 1000);
    assert_int_equal(second.epoch_us, first.epoch_us + 1);
    w.shop.now_ms -= DAY_MS; // the machine's clock was put back
    assert_int_equal(claim(&w, 3, second.epoch_us).epoch_us, second.epoch_us + 1);
    assert_int_equal(claim(&w, 4, 0).next_offset, -1);
    struct position_claim c;
    struct error err = {0};
    bool lost;
    assert_int_equal(claim_any(&w, "sales", 3, first.epoch_us, &c, &lost, &err), STORE_OK);
    assert_true(lost);
    assert_int_equal(c.epoch_us, second.epoch_us + 1); // of whoever has it
    remove_world(&w);
}

static void a_commit_adds_up_and_moves_and_is_there_after_a_restart(void **state) {
    (void)state;
    struct world w;
    make_world(&w, NULL);
    struct position_claim c = claim(&w, 0, 0);
    must_commit(&w, 0, -1, 10, c.epoch_us);
    must_commit(&w, 0, 10, 25, c.epoch_us);
    expect_stored(&w, 2);
    close_world(&w);
    open_world(&w);
    expect_stored(&w, 2);
    c = claim(&w, 0, c.epoch_us);
    assert_int_equal(c.next_offset, 25);
    must_commit(&w, 0, 25, 26, c.epoch_us);
    expect_stored(&w, 3);
    shop_sql_expect(&w.shop, "SELECT raw = x'ff7b', raw_bytes, field FROM rejected_rows", "1|2|");
    shop_sql_expect(&w.shop, "SELECT group_concat(topic || partition) FROM pipeline_positions",
                    "sales0");
    remove_world(&w);
}

static struct position_claim claim_as(struct world *w, const char *topic, const char *id,
                                      bool anew) {
    const struct position_wish wish = {{topic, id}, 0, 0, anew};
    struct position_claim c;
    struct error err = {0};
    bool lost;
    assert_int_equal(w->a->ops->claim(w->a, &wish, &c, &lost, &err), STORE_OK);
    free(c.refused);
    return c;
}

static void a_topic_made_anew_is_told_and_begins_a_lane_of_its_own(void **state) {
    (void)state;
    struct world w;
    make_world(&w, NULL);
    struct position_claim c = claim_as(&w, "sales", "one", false);
    assert_int_equal(c.lane, 0);
    must_commit(&w, 0, -1, 10, c.epoch_us);
    struct position_claim other = claim_as(&w, "sales", "two", false);
    assert_string_equal(other.other_id, "one");
    assert_int_equal(other.next_offset, 10);
    must_commit(&w, 0, 10, 12, c.epoch_us); // nobody has taken it over
    struct position_claim anew = claim_as(&w, "sales", "two", true);
    assert_int_equal(anew.next_offset, -1);
    assert_int_equal(anew.lane, 1);
    assert_string_equal(anew.other_id, "");
    assert_int_equal(claim_as(&w, "sales", "two", false).lane, 1);
    assert_int_equal(claim_as(&w, "sales", "", false).lane, 1); // brokers that do not tell
    assert_string_equal(claim_as(&w, "sales", "one", false).other_id, "two");
    assert_int_equal(claim_as(&w, "more", "three", false).lane, 2); // its number is taken
    shop_sql_expect(&w.shop,
                    "SELECT group_concat(lane || topic || topic_id || next_offset, ' ') "
                    "FROM pipeline_lanes",
                    "0salesone12 1salestwo-1 2morethree-1");
    remove_world(&w);
}

static void run_sql(struct world *w, const char *text) {
    sqlite3 *db = shop_sql_open(&w->shop);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

// Nobody takes the partition: to begin at the log's oldest message would count it twice.
static void expect_no_claim(struct world *w, int32_t partition) {
    struct position_claim c;
    struct error err = {0};
    bool lost;
    assert_int_equal(claim_any(w, "sales", partition, 0, &c, &lost, &err), STORE_ERROR);
    assert_non_null(strstr(err.text, "has lost how far partition"));
    assert_int_equal(w->a->ops->reopen(w->a, &err), STORE_OK);
}

static void rows_that_were_deleted_are_no_new_partitions(void **state) {
    (void)state;
    const char *const deletes[] = {"DELETE FROM pipeline_positions",
                                   "DELETE FROM pipeline_positions WHERE partition = 0",
                                   "UPDATE pipeline_positions SET lane = -1, next_offset = -1 "
                                   "WHERE partition = 0"};
    for (size_t i = 0; i < COUNT_OF(deletes); i++) {
        struct world w;
        make_world(&w, NULL);
        struct position_claim c = claim(&w, 0, 0), other = claim(&w, 1, 0);
        must_commit(&w, 0, -1, 10, c.epoch_us);
        must_commit(&w, 1, -1, 10, other.epoch_us);
        run_sql(&w, deletes[i]);
        expect_no_claim(&w, 0);
        close_world(&w);
        open_world(&w);
        expect_no_claim(&w, 0);
        if (i != 0) {
            assert_int_equal(claim(&w, 1, 0).next_offset, 10); // which has its row
            assert_int_equal(claim(&w, 2, 0).next_offset, -1); // which is new
        }
        expect_stored(&w, 2);
        remove_world(&w);
    }
}

static void a_row_that_vanishes_under_its_owner_is_lost_and_is_not_claimed_again(void **state) {
    (void)state;
    struct world w;
    make_world(&w, NULL);
    struct position_claim c = claim(&w, 0, 0);
    must_commit(&w, 0, -1, 10, c.epoch_us);
    run_sql(&w, "DELETE FROM pipeline_positions; DELETE FROM pipeline_lanes");
    struct position_move move = {0, 10, 12, c.epoch_us, 0, {10, 0}};
    struct error err = {0};
    bool lost;
    assert_int_equal(commit_one(&w, &move, w.next_id++, &err), COMMIT_FENCED);
    assert_int_equal(w.a->ops->reopen(w.a, &err), STORE_OK);
    assert_int_equal(claim_any(&w, "sales", 0, c.epoch_us, &c, &lost, &err), STORE_OK);
    assert_true(lost);
    free(c.refused);
    expect_no_claim(&w, 0);
    expect_no_claim(&w, 1);
    expect_stored(&w, 1);
    assert_int_equal(sql(&w, "SELECT count(*) FROM pipeline_positions"), 0);
    remove_world(&w);
}

// Nothing was counted: there is nothing to count twice.
static void rows_deleted_before_anything_was_counted_are_made_again(void **state) {
    (void)state;
    struct world w;
    make_world(&w, NULL);
    claim(&w, 0, 0);
    run_sql(&w, "DELETE FROM pipeline_positions");
    assert_int_equal(claim(&w, 0, 0).next_offset, -1);
    remove_world(&w);
}

// What schemas before 4 have in place of the runs.
#define INDEX_OF_BEFORE                                                                            \
    "DROP TABLE order_runs; DROP TABLE order_blocks; DROP TABLE order_displaced; "                 \
    "CREATE TABLE order_index (key INTEGER PRIMARY KEY, position INTEGER NOT NULL, "               \
    "n INTEGER NOT NULL); "

static void positions_of_an_earlier_program_keep_their_partition_as_lane(void **state) {
    (void)state;
    struct world w;
    make_world(&w, NULL);
    must_commit(&w, 0, -1, 10, claim_as(&w, "sales", "", false).epoch_us);
    close_world(&w);
    run_sql(&w, "ALTER TABLE pipeline_state DROP COLUMN displaced_from; "
                "DROP TABLE pipeline_lanes; DROP TABLE pipeline_refused; "
                "ALTER TABLE pipeline_positions DROP COLUMN topic_id; "
                "ALTER TABLE pipeline_positions DROP COLUMN lane; "
                "ALTER TABLE pipeline_positions DROP COLUMN window_offset; "
                "ALTER TABLE pipeline_positions DROP COLUMN window_ms; "
                "UPDATE pipeline_positions SET partition = 7; "
                "DROP TABLE day_changes; DROP TABLE order_doubts; " INDEX_OF_BEFORE
                "PRAGMA user_version = 1");
    open_world(&w);
    const struct position_wish wish = {{"sales", "one"}, 7, 0, false};
    struct position_claim c;
    struct error err = {0};
    bool lost;
    assert_int_equal(w.a->ops->claim(w.a, &wish, &c, &lost, &err), STORE_OK);
    assert_int_equal(c.lane, 7);
    assert_int_equal(c.next_offset, 10);
    assert_int_equal(c.window.offset, -1); // not known
    free(c.refused);
    assert_int_equal(claim_as(&w, "sales", "one", false).lane, 0);
    shop_sql_expect(&w.shop, "SELECT topic_id FROM pipeline_positions WHERE partition = 7", "one");
    remove_world(&w);
}

static void expect_fenced(struct world *w, struct position_move move) {
    struct error err = {0};
    assert_int_equal(commit_one(w, &move, 999, &err), COMMIT_FENCED);
    assert_non_null(strstr(err.text, "is not ours any more"));
    assert_int_equal(w->a->ops->reopen(w->a, &err), STORE_OK);
    expect_stored(w, 1);
    assert_int_equal(sql(w, "SELECT next_offset FROM pipeline_positions WHERE partition = 0"), 10);
}

static void what_is_not_as_its_owner_saw_it_is_fenced_and_nothing_is_stored(void **state) {
    (void)state;
    struct world w;
    make_world(&w, NULL);
    struct position_claim c = claim(&w, 0, 0);
    must_commit(&w, 0, -1, 10, c.epoch_us);
    expect_fenced(&w,
                  (struct position_move){0, -1, 10, c.epoch_us, 0, {0, 0}}); // the same once more
    expect_fenced(&w, (struct position_move){0, 9, 12, c.epoch_us, 0, {0, 0}}); // from elsewhere
    expect_fenced(&w, (struct position_move){5, -1, 1, c.epoch_us, 5, {0, 0}}); // never claimed
    struct position_claim next = claim(&w, 0, 0);
    expect_fenced(&w,
                  (struct position_move){0, 10, 12, c.epoch_us, 0, {0, 0}}); // by the owner before
    must_commit(&w, 0, 10, 12, next.epoch_us);
    expect_stored(&w, 2);
    remove_world(&w);
}

static void a_batch_of_two_partitions_is_stored_whole_or_not_at_all(void **state) {
    (void)state;
    struct world w;
    make_world(&w, NULL);
    struct position_claim a = claim(&w, 0, 0), b = claim(&w, 1, 0);
    claim(&w, 1, 0); // somebody else has taken it over
    const struct position_move moves[2] = {{0, -1, 5, a.epoch_us, 0, {0, 0}},
                                           {1, -1, 5, b.epoch_us, 1, {0, 0}}};
    struct aggregates_batch batch = {
        .topic = "sales", .moves = moves, .n_moves = 2, .cube = w.cube};
    struct batch_summary summary = {.committed_ms = w.shop.now_ms};
    struct error err = {0};
    assert_int_equal(w.a->ops->commit(w.a, &batch, &summary, &err), COMMIT_FENCED);
    assert_int_equal(w.a->ops->reopen(w.a, &err), STORE_OK);
    assert_int_equal(claim(&w, 0, a.epoch_us).next_offset, -1);
    remove_world(&w);
}

// --- Retention

static void the_newest_thousand_orders_and_thirty_days_of_rejected_are_kept(void **state) {
    (void)state;
    struct world w;
    make_world(&w, NULL);
    int64_t epoch_us = claim(&w, 0, 0).epoch_us;
    for (int64_t i = 0; i < 1005; i++) {
        must_commit(&w, 0, i == 0 ? -1 : i, i + 1, epoch_us);
    }
    shop_sql_expect(&w.shop, "SELECT count(*), min(order_id), max(order_id) FROM recent_orders",
                    "1000|5|1004");
    w.shop.now_ms += 30 * DAY_MS + 1;
    for (int64_t i = 1005; i < 1100; i++) {
        must_commit(&w, 0, i, i + 1, epoch_us);
    }
    shop_sql_expect(&w.shop,
                    "SELECT (SELECT count(*) FROM rejected_rows) = rejected - rejected_expired, "
                    "rejected_expired >= 1005, rejected FROM pipeline_state",
                    "1|1|1100");
    shop_sql_expect(&w.shop, "SELECT count(*) FROM minute_cells", "1"); // the old are dropped
    shop_sql_expect(&w.shop, "SELECT sum(orders) FROM day_cells", "1100");
    shop_sql_expect(&w.shop, "SELECT sum(orders) FROM sales_totals", "1100");
    close_world(&w);
    open_world(&w);
    must_commit(&w, 0, 1100, 1101, epoch_us);
    shop_sql_expect(&w.shop, "SELECT max(order_id), max(id) FROM recent_orders, rejected_rows",
                    "1100|1101");
    remove_world(&w);
}

static bool put_change(void *user, const struct stored_event *e) {
    char *out = user, digits[24];
    struct text id = ident_text(e->order.order_id, digits);
    snprintf(out + strlen(out), 80, "%lld:%.*s %s %.*s ", (long long)e->position, TEXT_ARG(id),
             order_kind_name(e->order.kind), TEXT_ARG(e->order.source));
    return true;
}

// Of n orders, from this id on.
static void commit_changes(struct world *w, int64_t from, int64_t n, int64_t first_id,
                           int64_t epoch_us) {
    struct stored_event *changes = calloc((size_t)n, sizeof *changes);
    assert_non_null(changes);
    for (int64_t i = 0; i < n; i++) {
        changes[i] = (struct stored_event){shop_order(&w->shop, first_id + i, 5000),
                                           w->shop.now_ms + i, log_position(0, from + i)};
        changes[i].order.kind = i % 2 == 0 ? ORDER_REFUNDED : ORDER_CANCELLED;
        changes[i].order.event_id = i % 2 == 0 ? TEXT_LIT("r1") : TEXT_NONE;
    }
    const struct position_move move = {0, from, from + n, epoch_us, 0, {0, 0}};
    const struct aggregates_batch batch = {.topic = "sales",
                                           .moves = &move,
                                           .n_moves = 1,
                                           .cube = w->cube,
                                           .changes = changes,
                                           .n_changes = (size_t)n};
    struct batch_summary summary = {.committed_ms = w->shop.now_ms};
    struct error err = {0};
    if (w->a->ops->commit(w->a, &batch, &summary, &err) != COMMIT_OK) {
        fail_msg("%s", err.text);
    }
    free(changes);
}

static void the_newest_cancellations_and_refunds_are_read_as_changes(void **state) {
    (void)state;
    struct world w;
    struct error err = {0};
    struct sales_reader *r;
    struct store_settings settings;
    char text[400] = "";
    bool kept = false;
    make_world(&w, NULL);
    int64_t epoch_us = claim(&w, 0, 0).epoch_us;
    must_commit(&w, 0, -1, 1, epoch_us);
    commit_changes(&w, 1, 3, 1, epoch_us);
    assert_true(sqlite_reader_open(w.shop.directory, NULL, 1000, &r, &settings, &err));
    assert_null(r->ops->order); // raw orders are not kept there
    assert_true(r->ops->recent_changes(r, 1, 20, put_change, text, &kept, &err) && kept);
    assert_string_equal(text, "3:3 refunded GOOGLE 2:2 cancelled GOOGLE ");
    close_world(&w);
    open_world(&w);
    commit_changes(&w, 4, 1200, 4, epoch_us);
    commit_changes(&w, 1204, 2, 1204, epoch_us);
    commit_changes(&w, 1206, 1, 1204, epoch_us); // its identity was forgotten meanwhile
    text[0] = 0;
    assert_true(r->ops->recent_changes(r, 0, 2, put_change, text, &kept, &err) && kept);
    assert_string_equal(text, "1206:1204 refunded GOOGLE 1205:1205 cancelled GOOGLE ");
    shop_sql_expect(&w.shop, "SELECT count(*), min(position) FROM adjustment_rows", "999|207");
    r->ops->close(r);
    remove_world(&w);
}

// VACUUM numbers rowids that no column is an alias of anew, from 1: the newest orders would be
// older than all others for those who have read up to a position, and would be dropped too early.
static void a_vacuum_leaves_the_positions_of_the_newest_orders(void **state) {
    (void)state;
    struct world w;
    make_world(&w, NULL);
    int64_t epoch_us = claim(&w, 0, 0).epoch_us;
    must_commit(&w, 0, -1, 1, epoch_us);
    must_commit(&w, 0, 1, 2, epoch_us);
    close_world(&w);
    run_sql(&w, "UPDATE order_rows SET position = position + 5000; PRAGMA user_version = 4");
    open_world(&w);
    assert_int_equal(sql(&w, "PRAGMA user_version"), SCHEMA_VERSION);
    must_commit(&w, 0, 2, 3, epoch_us);
    run_sql(&w, "VACUUM");
    must_commit(&w, 0, 3, 4, epoch_us);
    shop_sql_expect(&w.shop, "SELECT group_concat(position) FROM recent_orders",
                    "5004,5003,5002,5001");
    close_world(&w);
    run_sql(&w, "VACUUM");
    open_world(&w);
    must_commit(&w, 0, 4, 5, epoch_us);
    shop_sql_expect(&w.shop, "SELECT count(*), max(position) FROM orders", "5|5005");
    remove_world(&w);
}

static void a_file_of_a_program_that_did_not_count_what_was_skipped_begins_at_0(void **state) {
    (void)state;
    struct world w;
    make_world(&w, NULL);
    struct position_claim c = claim(&w, 0, 0);
    must_commit(&w, 0, -1, 10, c.epoch_us);
    close_world(&w);
    run_sql(&w, "ALTER TABLE pipeline_state DROP COLUMN displaced_from; "
                "ALTER TABLE pipeline_state DROP COLUMN skipped; "
                "DROP TABLE day_changes; DROP TABLE order_doubts; " INDEX_OF_BEFORE
                "PRAGMA user_version = 1");
    open_world(&w);
    assert_int_equal(sql(&w, "SELECT skipped FROM pipeline_state"), 0);
    assert_int_equal(sql(&w, "SELECT received FROM pipeline_state"), 2);
    c = claim(&w, 0, c.epoch_us);
    must_commit(&w, 0, 10, 11, c.epoch_us);
    assert_int_equal(sql(&w, "SELECT skipped FROM pipeline_state"), 1);
    assert_int_equal(sql(&w, "SELECT received FROM pipeline_state"), 4);
    remove_world(&w);
}

// --- Failures

enum { N_COMMITS = 3 };

// Claims and commits with the n-th call of a kind failing, as the split store would go on after it.
// False: there is no n-th call.
static bool play(enum fault_call call, long n, long fail_for, int code, bool torn) {
    struct world w;
    struct error err = {0};
    fault_vfs_reset();
    make_world(&w, "fault");
    fault.code = code;
    fault.torn = torn;
    fault.fail_for = fail_for;
    fault.fail_at[call] = fault.passed[call] + n;
    struct position_claim c = {.next_offset = -1}, other = {.next_offset = -1};
    bool lost = false, is_open = true, must_claim = true;
    int64_t done = 0;
    for (int tries = 0; done < N_COMMITS; tries++) {
        assert_true(tries < 200);
        if (!is_open) {
            is_open = w.a->ops->reopen(w.a, &err) == STORE_OK;
            continue;
        }
        if (must_claim || tries % 3 == 0) { // after a failure it tells what was stored
            // Another partition first: what is in doubt of this one outlives that.
            struct position_claim next;
            is_open = claim_any(&w, "sales", 1, other.epoch_us, &next, &lost, &err) == STORE_OK;
            assert_false(lost);
            must_claim = true;
            if (!is_open) {
                continue;
            }
            other = next;
            is_open = claim_any(&w, "sales", 0, c.epoch_us, &next, &lost, &err) == STORE_OK;
            assert_false(lost);
            must_claim = !is_open;
            c = is_open ? next : c;
            done = is_open && c.next_offset > 0 ? c.next_offset : done;
            continue;
        }
        struct position_move move = {0, done == 0 ? -1 : done, done + 1, c.epoch_us, 0, {0, 0}};
        enum commit_result result = commit_one(&w, &move, done, &err);
        assert_true(result == COMMIT_OK || result == COMMIT_RETRY || result == COMMIT_DOUBT);
        is_open = result == COMMIT_OK;
        must_claim = !is_open;
        done += result == COMMIT_OK;
    }
    bool hit = fault.hit;
    fault_vfs_reset();
    expect_stored(&w, N_COMMITS);
    close_world(&w);
    open_world(&w);
    expect_stored(&w, N_COMMITS);
    remove_world(&w);
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
    sweep(FAULT_WRITE, 1, SQLITE_FULL, false, 20);
    sweep(FAULT_WRITE, 9, SQLITE_FULL, false, 20);
}

static void every_write_may_be_torn(void **state) {
    (void)state;
    sweep(FAULT_WRITE, 1, SQLITE_IOERR_WRITE, true, 20);
}

static void every_fsync_may_fail(void **state) {
    (void)state;
    sweep(FAULT_SYNC, 1, SQLITE_IOERR_FSYNC, false, N_COMMITS);
    sweep(FAULT_SYNC, 3, SQLITE_IOERR_FSYNC, false, N_COMMITS);
}

// --- What a directory is for

static void expect_refused(const struct error *err, const char *part) {
    assert_int_equal(err->cls, ERROR_USAGE);
    if (strstr(err->text, part) == NULL) {
        fail_msg("%s\n  does not say %s", err->text, part);
    }
    assert_null(strchr(err->text, '\n'));
}

static void a_directory_of_aggregates_is_no_embedded_store_and_no_raw_store(void **state) {
    (void)state;
    struct world w;
    struct error err = {0};
    struct raw_store *raw;
    struct raw_reader *raw_reader;
    struct sales_reader *reader;
    struct store_settings settings;
    struct audit_report report;
    make_world(&w, NULL);
    must_commit(&w, 0, -1, 1, claim(&w, 0, 0).epoch_us);
    struct world second = w;
    assert_false(try_open(&second, &err));
    expect_refused(&err, "another salestide process writes");
    close_world(&w);
    assert_false(shop_try_open(&w.shop, &err));
    expect_refused(&err, "holds aggregates alone");
    assert_false(audit_verify(w.shop.directory, stdout, &report, &err));
    expect_refused(&err, "holds aggregates alone");
    assert_false(sqlite_raw_open(w.shop.directory, NULL, &raw, &err));
    expect_refused(&err, "holds aggregates alone");
    assert_false(sqlite_raw_reader_open(w.shop.directory, &raw_reader, &err));
    expect_refused(&err, "holds aggregates alone");
    // What is in it can be shown.
    assert_true(sqlite_reader_open(w.shop.directory, NULL, 1000, &reader, &settings, &err));
    reader->ops->close(reader);
    open_world(&w); // nothing of this has changed it
    expect_stored(&w, 1);
    remove_world(&w);
}

struct found_positions {
    int n;
    int64_t next[2]; // by partition
    int most;
};

static bool note_position(void *user, const struct counted_position *p) {
    struct found_positions *f = user;
    assert_in_range(p->partition, 0, 1);
    assert_true(text_equal(p->topic_id, TEXT_LIT("one")));
    f->next[p->partition] = p->next_offset;
    return ++f->n < f->most;
}

static void a_reader_tells_how_far_partitions_were_counted(void **state) {
    (void)state;
    struct world w;
    struct error err = {0};
    struct sales_reader *reader;
    struct store_settings settings;
    struct position_claim other;
    bool lost;
    make_world(&w, NULL);
    must_commit(&w, 0, -1, 7, claim(&w, 0, 0).epoch_us);
    must_commit(&w, 1, -1, 3, claim(&w, 1, 0).epoch_us);
    (void)claim(&w, 2, 0); // nothing of it was counted
    assert_int_equal(claim_any(&w, "others", 0, 0, &other, &lost, &err), STORE_OK);
    free(other.refused);
    assert_true(sqlite_reader_open(w.shop.directory, NULL, 1000, &reader, &settings, &err));
    struct found_positions found = {.most = 9};
    assert_true(reader->ops->positions(reader, "sales", note_position, &found, &err));
    assert_int_equal(found.n, 2);
    assert_int_equal(found.next[0], 7);
    assert_int_equal(found.next[1], 3);
    found = (struct found_positions){.most = 1};
    assert_true(reader->ops->positions(reader, "sales", note_position, &found, &err));
    assert_int_equal(found.n, 1);
    found = (struct found_positions){0};
    assert_true(reader->ops->positions(reader, "others", note_position, &found, &err));
    assert_int_equal(found.n, 0);
    reader->ops->close(reader);
    remove_world(&w);
}

static void an_embedded_stores_directory_takes_no_aggregates_alone(void **state) {
    (void)state;
    struct world w = {0};
    struct error err = {0};
    struct raw_store *raw;
    shop_make(&w.shop, NULL);
    shop_open(&w.shop);
    assert_int_equal(shop_place(&w.shop, shop_order(&w.shop, 1, 10000)), VERDICT_ACCEPTED);
    shop_close(&w.shop);
    assert_false(try_open(&w, &err));
    expect_refused(&err, "holds raw orders and aggregates in one");
    assert_false(sqlite_raw_open(w.shop.directory, NULL, &raw, &err));
    expect_refused(&err, "holds raw orders and aggregates in one");
    shop_open(&w.shop);
    shop_verify(&w.shop, 1, 0);
    shop_remove(&w.shop);
}

static void other_settings_are_refused(void **state) {
    (void)state;
    struct world w;
    struct error err = {0};
    make_world(&w, NULL);
    assert_string_equal(w.settings.currency, "USD");
    close_world(&w);
    memcpy(w.settings.currency, "EUR", 4);
    assert_false(try_open(&w, &err));
    expect_refused(&err, "--currency USD, not EUR");
    w.settings = (struct store_settings){0};
    open_world(&w);
    assert_string_equal(w.settings.timezone, "UTC");
    remove_world(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_partition_begins_at_minus_one_and_epochs_only_grow),
        cmocka_unit_test(a_commit_adds_up_and_moves_and_is_there_after_a_restart),
        cmocka_unit_test(a_topic_made_anew_is_told_and_begins_a_lane_of_its_own),
        cmocka_unit_test(rows_that_were_deleted_are_no_new_partitions),
        cmocka_unit_test(a_row_that_vanishes_under_its_owner_is_lost_and_is_not_claimed_again),
        cmocka_unit_test(rows_deleted_before_anything_was_counted_are_made_again),
        cmocka_unit_test(positions_of_an_earlier_program_keep_their_partition_as_lane),
        cmocka_unit_test(a_file_of_a_program_that_did_not_count_what_was_skipped_begins_at_0),
        cmocka_unit_test(what_is_not_as_its_owner_saw_it_is_fenced_and_nothing_is_stored),
        cmocka_unit_test(a_batch_of_two_partitions_is_stored_whole_or_not_at_all),
        cmocka_unit_test(the_newest_thousand_orders_and_thirty_days_of_rejected_are_kept),
        cmocka_unit_test(the_newest_cancellations_and_refunds_are_read_as_changes),
        cmocka_unit_test(a_vacuum_leaves_the_positions_of_the_newest_orders),
        cmocka_unit_test(every_write_may_find_the_disk_full),
        cmocka_unit_test(every_write_may_be_torn),
        cmocka_unit_test(every_fsync_may_fail),
        cmocka_unit_test(a_directory_of_aggregates_is_no_embedded_store_and_no_raw_store),
        cmocka_unit_test(a_reader_tells_how_far_partitions_were_counted),
        cmocka_unit_test(an_embedded_stores_directory_takes_no_aggregates_alone),
        cmocka_unit_test(other_settings_are_refused),
    };
    log_set_level(LOG_ERROR + 1);
    fault_vfs_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
