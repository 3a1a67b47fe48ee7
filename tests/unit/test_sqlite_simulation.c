// SPDX-License-Identifier: MIT
// The simulation of log_simulation.h over the real SQLite stores: one file of aggregates and one of
// raw orders, which two members share through these doors. The doors roll the dice: a call fails
// before anything is stored, or after it, or is not answered.
#include "log_simulation.h"

#include "base/log.h"
#include "shop_sql.h"
#include "store/sqlite/sqlite_aggregates.h"
#include "store/sqlite/sqlite_raw.h"

struct files {
    struct shop sums, raw; // their directories
    struct aggregates *aggregates;
    struct raw_store *raw_store;
};

static struct files *files_of(struct world *w) {
    return w->real;
}

// --- Aggregates

struct door {
    struct aggregates base;
    struct world *w;
};

static struct world *behind(struct aggregates *a) {
    return ((struct door *)a)->w;
}

static enum store_result door_claim(struct aggregates *a, const struct position_wish *wish,
                                    struct position_claim *out, bool *lost, struct error *err) {
    struct world *w = behind(a);
    struct aggregates *real = files_of(w)->aggregates;
    if (fails(w)) {
        error_set(err, ERROR_RETRIABLE, "a claim that fails");
        return STORE_RETRY;
    }
    enum store_result result = real->ops->claim(real, wish, out, lost, err);
    if (result == STORE_OK && out->other_id[0] == '\0' && !*lost) {
        w->next_offset[wish->partition] = out->next_offset;
        w->topic_of[wish->partition] = atoi(wish->topic.id);
        w->lane[wish->partition] = out->lane;
    }
    return result;
}

static enum commit_result real_commit(struct world *w, const struct aggregates_batch *b,
                                      struct batch_summary *summary, struct error *err) {
    struct aggregates *real = files_of(w)->aggregates;
    enum commit_result result = real->ops->commit(real, b, summary, err);
    for (size_t i = 0; result == COMMIT_OK && i < b->n_moves; i++) {
        w->next_offset[b->moves[i].partition] = b->moves[i].to;
    }
    if (result == COMMIT_FENCED) {
        w->n_fenced++;
        error_set(err, ERROR_RETRIABLE, SAYS_FENCED);
    }
    // The other member's failure has closed the file: this one finds it so and opens it again.
    assert_true(result == COMMIT_OK || result == COMMIT_FENCED || result == COMMIT_RETRY);
    return result;
}

static enum commit_result door_commit(struct aggregates *a, const struct aggregates_batch *b,
                                      struct batch_summary *summary, struct error *err) {
    struct world *w = behind(a);
    if (dies_first(w, err)) {
        return COMMIT_RETRY;
    }
    if (!fails(w)) {
        return real_commit(w, b, summary, err);
    }
    enum commit_result result;
    switch (roll(w, 3)) {
    case 0:
        w->n_retries++;
        error_set(err, ERROR_RETRIABLE, SAYS_RETRY);
        return COMMIT_RETRY;
    case 1:
        w->n_doubts_lost++;
        error_set(err, ERROR_RETRIABLE, SAYS_DOUBT_LOST);
        return COMMIT_DOUBT;
    default:
        result = real_commit(w, b, summary, err);
        if (result != COMMIT_OK) {
            return result;
        }
        w->n_doubts_committed++;
        error_set(err, ERROR_RETRIABLE, SAYS_DOUBT_COMMITTED);
        return COMMIT_DOUBT;
    }
}

static void door_state(struct aggregates *a, struct aggregates_state *out) {
    struct aggregates *real = files_of(behind(a))->aggregates;
    real->ops->state(real, out);
}

static enum store_result door_reopen(struct aggregates *a, struct error *err) {
    struct aggregates *real = files_of(behind(a))->aggregates;
    if (fails(behind(a))) {
        error_set(err, ERROR_RETRIABLE, "still down");
        return STORE_RETRY;
    }
    return real->ops->reopen(real, err);
}

static void door_close(struct aggregates *a) {
    free(a);
}

static struct aggregates *new_door(struct world *w) {
    static const struct aggregates_ops ops = {.name = "door",
                                              .claim = door_claim,
                                              .commit = door_commit,
                                              .state = door_state,
                                              .reopen = door_reopen,
                                              .close = door_close};
    struct door *d = calloc(1, sizeof *d);
    *d = (struct door){{&ops}, w};
    return &d->base;
}

// --- Raw orders

static struct world *behind_raw(struct raw_store *r) {
    return ((struct fake_raw *)r)->w;
}

static enum store_result raw_fails(struct error *err) {
    error_set(err, ERROR_RETRIABLE, "raw orders fail");
    return STORE_RETRY;
}

static enum store_result door_add(struct raw_store *r, const struct stored_event *e,
                                  int64_t epoch_us, struct error *err) {
    struct world *w = behind_raw(r);
    struct raw_store *real = files_of(w)->raw_store;
    enum store_result result = real->ops->add(real, e, epoch_us, err);
    return w->fail_per_mille > 0 && roll(w, 5000) == 0 ? raw_fails(err) : result;
}

static enum store_result door_flush(struct raw_store *r, struct error *err) {
    struct world *w = behind_raw(r);
    struct raw_store *real = files_of(w)->raw_store;
    if (fails(w) && roll(w, 2) == 0) {
        return raw_fails(err);
    }
    enum store_result result = real->ops->flush(real, err);
    return fails(w) ? raw_fails(err) : result;
}

static enum store_result door_find(struct raw_store *r, const struct ident *ids, size_t n,
                                   raw_found_fn each, void *user, struct error *err) {
    struct world *w = behind_raw(r);
    struct raw_store *real = files_of(w)->raw_store;
    enum store_result result = real->ops->find(real, ids, n, each, user, err);
    return fails(w) ? raw_fails(err) : result;
}

static enum store_result door_raw_reopen(struct raw_store *r, struct error *err) {
    struct raw_store *real = files_of(behind_raw(r))->raw_store;
    return real->ops->reopen(real, err);
}

static void door_raw_close(struct raw_store *r) { // also a kill: what was not flushed is gone
    struct error err = {0};
    assert_int_equal(door_raw_reopen(r, &err), STORE_OK);
    free(r);
}

static struct raw_store *new_raw_door(struct world *w) {
    static const struct raw_store_ops ops = {.name = "door",
                                             .fits = raw_fits,
                                             .add = door_add,
                                             .flush = door_flush,
                                             .find = door_find,
                                             .reopen = door_raw_reopen,
                                             .close = door_raw_close};
    struct fake_raw *f = calloc(1, sizeof *f);
    *f = (struct fake_raw){{&ops}, w};
    return &f->base;
}

// --- A world of files

static void make_files(struct world *w) {
    struct files *f = calloc(1, sizeof *f);
    struct error err = {0};
    struct store_settings settings;
    shop_make_directory(f->sums.directory);
    shop_make_directory(f->raw.directory);
    struct sqlite_options options = {.directory = f->sums.directory, .clock = &w->clock};
    if (!sqlite_aggregates_open(&options, &f->aggregates, &settings, &err) ||
        !sqlite_raw_open(f->raw.directory, NULL, &f->raw_store, &err)) {
        fail_msg("%s", err.text);
    }
    w->real = f;
    w->new_aggregates = new_door;
    w->new_raw = new_raw_door;
}

static bool read_row(void *user, const struct stored_event *e) {
    struct world *w = user;
    if (e->order.kind == ORDER_PLACED) {
        int64_t id = e->order.order_id.num;
        assert_false(w->rows[id].there);
        w->rows[id].there = true;
        w->rows[id].position = e->position;
        w->rows[id].total_e4 = e->order.total_e4;
    }
    return true;
}

static int64_t sum_of(const struct files *f, const char *column) {
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT sum(%s) FROM total_cells", column);
    return shop_sql(&f->sums, sql);
}

static void read_files(struct world *w) {
    struct files *f = files_of(w);
    struct error err = {0};
    struct aggregates_state state;
    struct raw_reader *reader;
    f->aggregates->ops->state(f->aggregates, &state);
    w->counts = state.counts;
    w->orders = sum_of(f, "orders");
    w->units = sum_of(f, "units");
    w->total_e4 = sum_of(f, "total_e4");
    for (int p = 0; p < PARTITIONS; p++) {
        char sql[128];
        snprintf(sql, sizeof sql, "SELECT next_offset FROM pipeline_positions WHERE partition = %d",
                 p);
        assert_int_equal(shop_sql(&f->sums, sql), w->log_end[p]);
    }
    assert_int_equal(shop_sql(&f->sums, "SELECT count(*) FROM rejected_rows"),
                     w->counts.rejected - w->counts.rejected_expired);
    for (int lane = 0; lane < LANES; lane++) {
        char sql[128];
        snprintf(sql, sizeof sql, "SELECT max(0, next_offset) FROM pipeline_lanes WHERE lane = %d",
                 lane);
        w->ended[lane] = shop_sql(&f->sums, sql);
    }
    assert_true(sqlite_raw_reader_open(f->raw.directory, &reader, &err));
    assert_true(reader->ops->scan(reader, read_row, w, &err));
    reader->ops->close(reader);
    f->aggregates->ops->close(f->aggregates);
    f->raw_store->ops->close(f->raw_store);
    char command[200];
    snprintf(command, sizeof command, "rm -rf %s %s", f->sums.directory, f->raw.directory);
    assert_int_equal(system(command), 0);
    free(f);
}

static void a_quiet_group_counts_everything_once(void **state) {
    (void)state;
    struct troubles t = run(&(struct simulation){
        .seed = 1, .n_messages = 3000, .begin = make_files, .end = read_files});
    assert_int_equal(t.retries + t.doubts_lost + t.doubts_committed + t.kills, 0);
}

static void whatever_topics_stamps_and_tables_do_counts_once(void **state) {
    (void)state;
    struct troubles all = {0};
    for (uint64_t seed = 500; seed < 530; seed++) {
        struct troubles t = run(&(struct simulation){.seed = seed,
                                                     .n_messages = 600,
                                                     .fail_per_mille = 30,
                                                     .move_per_mille = 20,
                                                     .ahead = seed % 2 == 0,
                                                     .stamps = (enum stamps)(seed % STAMPS_KINDS),
                                                     .holes = seed % 3 == 0,
                                                     .refused = true,
                                                     .remakes = (int)(seed % 3),
                                                     .begin = make_files,
                                                     .end = read_files});
        add_troubles(&all, &t);
    }
    assert_true(all.kills > 10 && all.ahead > 100);
}

static void failing_stores_moving_partitions_and_kills_count_once(void **state) {
    (void)state;
    struct troubles all = {0};
    for (uint64_t seed = 300; seed < 330; seed++) {
        struct troubles t = run(&(struct simulation){.seed = seed,
                                                     .n_messages = 1500,
                                                     .fail_per_mille = 60,
                                                     .move_per_mille = 20,
                                                     .ahead = seed % 2 == 0,
                                                     .begin = make_files,
                                                     .end = read_files});
        add_troubles(&all, &t);
    }
    print_message("%d retries, %d + %d doubts, %d fenced, %d kills\n", (int)all.retries,
                  (int)all.doubts_lost, (int)all.doubts_committed, (int)all.fenced, (int)all.kills);
    assert_true(all.retries > 10 && all.doubts_lost > 10 && all.doubts_committed > 10);
    assert_true(all.fenced > 10 && all.kills > 10 && all.ahead > 100);
    expect_two_fell(&all.two_fell, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quiet_group_counts_everything_once),
        cmocka_unit_test(failing_stores_moving_partitions_and_kills_count_once),
        cmocka_unit_test(whatever_topics_stamps_and_tables_do_counts_once),
    };
    log_set_level(LOG_ERROR + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
