// SPDX-License-Identifier: MIT
// Commits of tallies in played stores: what is merged, and what becomes of a commit when stores
// fail, answers are lost, or others take partitions over.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tally_testing.h"
#include "tally_world.h"

// A shop whose partition 3 is claimed, with a tally of the sample for it.
struct counting {
    struct tally_world w;
    struct tally_stores stores;
    struct tally_sample sample;
    struct buf bytes;
    struct position_move move;
    struct error err;
    int64_t batch_id;
};

static void begin(struct counting *c) {
    *c = (struct counting){0};
    world_make(&c->w);
    sample_make(&c->sample);
    c->stores = world_stores(&c->w, c->sample.zone);
    struct position_claim claim = {0};
    assert_int_equal(
        tally_stores_claim(&c->stores, "sales", "id", SAMPLE_PARTITION, false, &claim, &c->err),
        TALLY_OK);
    free(claim.refused);
    assert_int_equal(claim.lane, SAMPLE_LANE);
    c->sample.tally.move.epoch_us = claim.epoch_us;
    c->move = c->sample.tally.move;
    c->move.window = (struct id_window_start){0, 0}; // the tally knows better
}

static void end(struct counting *c) {
    tally_stores_free(&c->stores);
    sample_free(&c->sample);
    buf_free(&c->bytes);
}

static enum tally_result commit_moves(struct counting *c, const struct position_move *moves,
                                      size_t n_moves, const struct text *tallies,
                                      size_t n_tallies) {
    struct tally_merge m = {0};
    enum tally_result result = TALLY_FAILED;
    if (tally_merge_read(&m, c->stores.zone, moves, n_moves, tallies, n_tallies, &c->err)) {
        result = tally_stores_commit(&c->stores, "sales", &m, &c->batch_id, &c->err);
    }
    tally_merge_free(&m);
    return result;
}

static enum tally_result commit(struct counting *c) {
    buf_clear(&c->bytes);
    assert_true(tally_write(&c->sample.tally, &c->bytes));
    struct text bytes = buf_text(&c->bytes);
    return commit_moves(c, &c->move, 1, &bytes, 1);
}

static void is_counted_once(const struct counting *c) {
    assert_int_equal(c->w.next_offset[SAMPLE_PARTITION], 107);
    assert_int_equal(c->w.window[SAMPLE_PARTITION].offset, 90);
    assert_int_equal(c->w.orders, 3);
    assert_int_equal(c->w.refunds, 1);
    assert_int_equal(c->w.total_e4, 3 * 250000 - 250000);
    assert_int_equal(c->w.gross_e4[currency_number("USD")], 750000);
    assert_int_equal(c->w.n_recent, 2);
    assert_int_equal(c->w.n_changes, 1);
    assert_int_equal(c->w.n_rejected, 2);
    assert_int_equal(c->w.last_batch_id, 1);
    assert_int_equal(c->batch_id, 1);
}

static void a_commit_counts_all_of_a_tally(void **state) {
    (void)state;
    struct counting c;
    begin(&c);
    assert_int_equal(commit(&c), TALLY_OK);
    is_counted_once(&c);
    assert_int_equal(c.w.n_written, 1);
    assert_int_equal(c.w.written_epoch_us, c.move.epoch_us);
    assert_int_equal(c.w.refunds_of_shop_a, 0); // its order is not known
    end(&c);
}

static void the_same_commit_again_is_fenced_and_changes_nothing(void **state) {
    (void)state;
    struct counting c;
    begin(&c);
    assert_int_equal(commit(&c), TALLY_OK);
    assert_int_equal(commit(&c), TALLY_FENCED);
    c.batch_id = 1;
    is_counted_once(&c);
    end(&c);
}

static void a_refund_counts_where_its_order_did_if_that_stands_before_it(void **state) {
    (void)state;
    const struct {
        int64_t position;
        int64_t counted;
    } at[] = {{log_position(SAMPLE_LANE, 101), 1},
              {log_position(SAMPLE_LANE, 103), 0}, // later in the same log
              {log_position(SAMPLE_LANE + 1, 500), 1}};
    for (size_t i = 0; i < 3; i++) {
        struct counting c;
        begin(&c);
        c.w.has_order = true;
        c.w.order_position = at[i].position;
        assert_int_equal(commit(&c), TALLY_OK);
        assert_int_equal(c.w.refunds_of_shop_a, at[i].counted);
        assert_int_equal(c.w.n_changes_of_shop_a, at[i].counted);
        is_counted_once(&c);
        end(&c);
    }
}

static void stores_that_fail_are_tried_again(void **state) {
    (void)state;
    struct counting c;
    begin(&c);
    c.w.flushes[0] = PLAY_RETRY;
    c.w.commits[0] = c.w.commits[1] = PLAY_RETRY;
    assert_int_equal(commit(&c), TALLY_OK);
    is_counted_once(&c);
    assert_int_equal(c.w.n_reopened, 3);
    assert_int_equal(c.w.n_paused, 3);
    end(&c);
}

static void what_will_not_go_away_is_told_at_once(void **state) {
    (void)state;
    struct counting c;
    begin(&c);
    c.w.commits[0] = PLAY_ERROR;
    assert_int_equal(commit(&c), TALLY_FAILED);
    assert_int_equal(c.w.n_reopened, 0);
    assert_int_equal(c.w.orders, 0);
    end(&c);
}

static void a_store_that_stays_away_is_given_up(void **state) {
    (void)state;
    struct counting c;
    begin(&c);
    c.stores.give_up_ms = 0;
    c.w.commits[0] = PLAY_RETRY;
    assert_int_equal(commit(&c), TALLY_FAILED);
    assert_int_equal(c.w.orders, 0);
    end(&c);
}

static void a_commit_in_doubt_that_was_done_counts_once(void **state) {
    (void)state;
    struct counting c;
    begin(&c);
    c.w.commits[0] = PLAY_DOUBT_DONE;
    c.w.claims[1] = PLAY_RETRY; // the question is asked twice
    assert_int_equal(commit(&c), TALLY_OK);
    is_counted_once(&c);
    assert_int_equal(c.w.n_commits, 1);
    end(&c);
}

static void a_commit_in_doubt_that_was_not_done_is_done_again(void **state) {
    (void)state;
    struct counting c;
    begin(&c);
    c.w.commits[0] = PLAY_DOUBT_UNDONE;
    assert_int_equal(commit(&c), TALLY_OK);
    is_counted_once(&c);
    assert_int_equal(c.w.n_commits, 2);
    end(&c);
}

// The claim that settles a doubt raises the epoch; whoever commits goes on with its own.
static void the_epoch_that_was_told_holds_after_a_doubt(void **state) {
    (void)state;
    struct counting c;
    begin(&c);
    c.w.commits[0] = PLAY_DOUBT_DONE;
    assert_int_equal(commit(&c), TALLY_OK);
    struct position_move next = c.move;
    next.from = 107;
    next.to = 110;
    assert_int_equal(commit_moves(&c, &next, 1, NULL, 0), TALLY_OK);
    assert_int_equal(c.w.next_offset[SAMPLE_PARTITION], 110);
    end(&c);
}

static void a_partition_that_others_take_over_in_doubt_is_fenced(void **state) {
    (void)state;
    struct counting c;
    begin(&c);
    c.w.commits[0] = PLAY_DOUBT_UNDONE;
    c.w.taken_over = SAMPLE_PARTITION;
    assert_int_equal(commit(&c), TALLY_FENCED);
    assert_int_equal(c.w.orders, 0);
    assert_int_equal(commit(&c), TALLY_FAILED); // it is to be claimed first
    end(&c);
}

// Of one transaction over two partitions the one that is still ours tells what became of both.
static void a_doubt_is_settled_by_any_partition_of_the_batch(void **state) {
    (void)state;
    for (int turn = 0; turn < 4; turn++) {
        const bool done = turn % 2 == 1, first = turn < 2; // the partition that is lost
        const int32_t lost = first ? 1 : 6;
        struct counting c;
        begin(&c);
        struct position_claim claim = {0};
        assert_int_equal(tally_stores_claim(&c.stores, "sales", "id", lost, false, &claim, &c.err),
                         TALLY_OK);
        free(claim.refused);
        const struct position_move other = {lost, 100, 105, claim.epoch_us, claim.lane, {50, 0}};
        const struct position_move moves[] = {first ? other : c.move, first ? c.move : other};
        assert_true(tally_write(&c.sample.tally, &c.bytes));
        struct text bytes = buf_text(&c.bytes);
        c.w.commits[0] = done ? PLAY_DOUBT_DONE : PLAY_DOUBT_UNDONE;
        c.w.taken_over = lost;
        assert_int_equal(commit_moves(&c, moves, 2, &bytes, 1), done ? TALLY_OK : TALLY_FENCED);
        assert_int_equal(c.w.orders, done ? 3 : 0);
        assert_int_equal(c.w.n_commits, 1);
        end(&c);
    }
}

static void an_epoch_that_another_has_raised_is_fenced(void **state) {
    (void)state;
    struct counting c;
    begin(&c);
    c.w.epoch_us[SAMPLE_PARTITION]++;
    assert_int_equal(commit(&c), TALLY_FENCED);
    assert_int_equal(c.w.orders, 0);
    end(&c);
}

static void a_claim_makes_epochs_from_before_worthless(void **state) {
    (void)state;
    struct counting c;
    begin(&c);
    struct position_claim claim = {0};
    assert_int_equal(
        tally_stores_claim(&c.stores, "sales", "id", SAMPLE_PARTITION, false, &claim, &c.err),
        TALLY_OK);
    free(claim.refused);
    assert_int_equal(commit(&c), TALLY_FENCED);
    assert_int_equal(c.w.n_commits, 0);
    end(&c);
}

static void sums_past_their_margin_are_refused(void **state) {
    (void)state;
    struct counting c;
    begin(&c);
    c.w.gross_e4[currency_number("USD")] = INT64_MAX - (INT64_C(1) << 60);
    assert_int_equal(commit(&c), TALLY_FAILED);
    assert_non_null(strstr(c.err.text, "sums in USD"));
    assert_int_equal(c.w.n_commits, 0);
    end(&c);
}

static void without_a_raw_store_nothing_can_be_looked_up(void **state) {
    (void)state;
    struct counting c;
    begin(&c);
    c.stores.raw = NULL;
    assert_int_equal(commit(&c), TALLY_FAILED);
    c.sample.tally.n_adjustments = 0;
    c.sample.tally.changes = &c.sample.adjustment; // they are in the cube
    c.sample.tally.n_changes = 1;
    assert_int_equal(commit(&c), TALLY_OK);
    assert_int_equal(c.w.n_changes, 1);
    end(&c);
}

static void tallies_that_are_of_no_move_are_refused(void **state) {
    (void)state;
    struct counting c;
    begin(&c);
    assert_true(tally_write(&c.sample.tally, &c.bytes));
    struct text twice[] = {buf_text(&c.bytes), buf_text(&c.bytes)};
    struct position_move move = c.move;
    move.to++;
    assert_int_equal(commit_moves(&c, &move, 1, twice, 1), TALLY_FAILED);
    assert_non_null(strstr(c.err.text, "none of the moves"));
    move = c.move;
    move.partition++;
    assert_int_equal(commit_moves(&c, &move, 1, twice, 1), TALLY_FAILED);
    move = c.move;
    move.lane++;
    assert_int_equal(commit_moves(&c, &move, 1, twice, 1), TALLY_FAILED);
    move = c.move;
    move.epoch_us++;
    assert_int_equal(commit_moves(&c, &move, 1, twice, 1), TALLY_FAILED);
    assert_non_null(strstr(c.err.text, "none of the moves"));
    assert_int_equal(commit_moves(&c, &c.move, 1, twice, 2), TALLY_FAILED);
    assert_non_null(strstr(c.err.text, "two tallies"));
    assert_int_equal(c.w.n_commits + c.w.orders, 0);
    end(&c);
}

static void of_the_newest_orders_and_changes_of_all_the_last_to_arrive_stay(void **state) {
    (void)state;
    struct counting c;
    begin(&c);
    static struct stored_event recent[TALLY_RECENT_MAX], changes[TALLY_RECENT_MAX];
    struct tally t = c.sample.tally;
    struct position_move moves[2];
    struct text tallies[2];
    struct buf bytes[2] = {{0}};
    for (int p = 0; p < 2; p++) {
        t.move = (struct position_move){p, 0, 5000, 5, p, {0, 0}};
        moves[p] = t.move;
        for (int i = 0; i < TALLY_RECENT_MAX; i++) {
            recent[i] = c.sample.recent[0];
            recent[i].position = log_position(p, i);
            recent[i].arrival_ms = 2 * i + p; // by turns
            changes[i] = c.sample.adjustment;
            changes[i].position = log_position(p, TALLY_RECENT_MAX + i);
            changes[i].arrival_ms = recent[i].arrival_ms;
        }
        t.recent = recent;
        t.changes = changes;
        t.n_recent = t.n_changes = TALLY_RECENT_MAX;
        t.n_rejected = t.n_adjustments = 0;
        t.summary.counts = (struct store_counts){.received = 4000, .accepted = 4000};
        assert_true(tally_write(&t, &bytes[p]));
        tallies[p] = buf_text(&bytes[p]);
    }
    struct tally_merge m = {0};
    assert_true(tally_merge_read(&m, c.stores.zone, moves, 2, tallies, 2, &c.err));
    assert_int_equal(m.n_recent, TALLY_RECENT_MAX);
    assert_int_equal(m.n_changes, TALLY_RECENT_MAX);
    for (int i = 0; i < TALLY_RECENT_MAX; i++) {
        assert_int_equal(m.recent[i].arrival_ms, TALLY_RECENT_MAX + i);
        assert_int_equal(m.changes[i].arrival_ms, TALLY_RECENT_MAX + i);
    }
    assert_int_equal(m.summary.counts.received, 8000);
    assert_int_equal(m.n_gross, 2);
    tally_merge_free(&m);
    buf_free(&bytes[0]);
    buf_free(&bytes[1]);
    end(&c);
}

// --- Memory

struct refusing {
    long n_asked, refuse_at;
};

static bool refuse_one(void *user, size_t n_bytes) {
    struct refusing *r = user;
    (void)n_bytes;
    return ++r->n_asked == r->refuse_at;
}

static void refused_memory_fails_a_commit_or_delays_it_and_stores_nothing_twice(void **state) {
    (void)state;
    struct refusing refusing = {0};
    size_t n_failed = 0;
    do {
        struct counting c;
        begin(&c);
        c.w.has_order = true;
        buf_clear(&c.bytes);
        assert_true(tally_write(&c.sample.tally, &c.bytes));
        struct text bytes = buf_text(&c.bytes);
        refusing = (struct refusing){0, refusing.refuse_at + 1};
        mem_set_fail_hook(refuse_one, &refusing);
        enum tally_result result = commit_moves(&c, &c.move, 1, &bytes, 1);
        mem_set_fail_hook(NULL, NULL);
        if (result == TALLY_OK) {
            is_counted_once(&c);
        } else {
            n_failed++;
            assert_int_equal(result, TALLY_FAILED);
            assert_int_equal(c.w.orders + c.w.last_batch_id, 0);
            assert_true(c.err.text[0] != '\0');
        }
        end(&c);
    } while (refusing.n_asked >= refusing.refuse_at);
    assert_in_range(n_failed, 10, 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_commit_counts_all_of_a_tally),
        cmocka_unit_test(the_same_commit_again_is_fenced_and_changes_nothing),
        cmocka_unit_test(a_refund_counts_where_its_order_did_if_that_stands_before_it),
        cmocka_unit_test(stores_that_fail_are_tried_again),
        cmocka_unit_test(what_will_not_go_away_is_told_at_once),
        cmocka_unit_test(a_store_that_stays_away_is_given_up),
        cmocka_unit_test(a_commit_in_doubt_that_was_done_counts_once),
        cmocka_unit_test(a_commit_in_doubt_that_was_not_done_is_done_again),
        cmocka_unit_test(the_epoch_that_was_told_holds_after_a_doubt),
        cmocka_unit_test(a_partition_that_others_take_over_in_doubt_is_fenced),
        cmocka_unit_test(a_doubt_is_settled_by_any_partition_of_the_batch),
        cmocka_unit_test(an_epoch_that_another_has_raised_is_fenced),
        cmocka_unit_test(a_claim_makes_epochs_from_before_worthless),
        cmocka_unit_test(sums_past_their_margin_are_refused),
        cmocka_unit_test(without_a_raw_store_nothing_can_be_looked_up),
        cmocka_unit_test(tallies_that_are_of_no_move_are_refused),
        cmocka_unit_test(of_the_newest_orders_and_changes_of_all_the_last_to_arrive_stay),
        cmocka_unit_test(refused_memory_fails_a_commit_or_delays_it_and_stores_nothing_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
