// SPDX-License-Identifier: MIT
// The loader's sink over an intake that is played: what is not taken is offered again, in order,
// and every unit goes through the states of its table.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/mem.h"
#include "tool/load/load_intake.h"
#include <stdio.h>
#include <stdlib.h>

enum { OFFERS_MAX = 16 };

// The intake: settles at once, what comes first n_refused times with "try later".
static struct {
    int n_refused, n_offers;
    char first_ids[OFFERS_MAX + 1]; // of each offer: the first event's order_id; g: it is to go on
    bool drained, freed;
} played;

static bool play_offer(void *self, struct submission *s) {
    (void)self;
    assert_true(played.n_offers < OFFERS_MAX && s->n_events > 0);
    played.first_ids[played.n_offers] = (char)('0' + s->events[0].order.order_id.num);
    played.n_offers++;
    bool refused = played.n_refused > 0;
    played.n_refused -= refused;
    for (size_t i = 0; i < s->n_events && !refused; i++) {
        s->events[i].verdict = VERDICT_ACCEPTED;
    }
    s->settled(s, refused ? SETTLE_TRY_LATER : SETTLE_DURABLE);
    return true;
}

static void play_go_on(void *user) {
    (void)user;
    assert_true(played.n_offers < OFFERS_MAX);
    played.first_ids[played.n_offers++] = 'g';
}

static bool play_ready(void *user, char problem[static INTAKE_PROBLEM_BYTES]) {
    (void)user;
    snprintf(problem, INTAKE_PROBLEM_BYTES, "the disk is full");
    return false;
}

static void play_drain(void *user) {
    (void)user;
    played.drained = true;
}

static void play_free(void *user) {
    (void)user;
    played.freed = true;
}

// --- The moves that were made

static struct buf moves;

static void take_move(const struct state_table *t, const void *owner, uint8_t from, uint8_t to) {
    (void)owner;
    if (t == &load_unit_table) {
        buf_printf(&moves, "%s>%s ", t->rows[from].name, t->rows[to].name);
    }
}

// --- One load

static atomic_bool stop;
static struct load_report *report;
static struct load_sink *sink;
static const struct order_rules rules = {.currency = "USD", .max_depth = ORDER_DEPTH_MAX};

static int open_sink(void **state) {
    (void)state;
    static const struct intake_ops ops = {.name = "played", .offer_wait = play_offer};
    memset(&played, 0, sizeof played);
    stop = 0;
    report = load_report_new(clock_system(), "load");
    const struct load_intake_parts parts = {.intake = {&ops, NULL},
                                            .rules = &rules,
                                            .what = "the store",
                                            .ready = play_ready,
                                            .go_on = play_go_on,
                                            .drain = play_drain,
                                            .free = play_free};
    const struct load_target target = {report, &stop};
    sink = load_intake_new(&parts, &target);
    buf_clear(&moves);
    state_trace(take_move);
    return 0;
}

static int close_sink(void **state) {
    (void)state;
    sink->ops->close(sink);
    assert_true(played.drained && played.freed);
    state_trace(NULL);
    load_report_free(report);
    buf_free(&moves);
    return 0;
}

static void put(int id) {
    struct load_block *block = load_block_new(200);
    struct error err = {0};
    int n = snprintf(block->bytes, 200,
                     "{\"order_id\":%d,\"created_at\":\"2024-05-01T00:00:00Z\",\"product_id\":1,"
                     "\"quantity\":1,\"total\":1}",
                     id);
    assert_true(sink->ops->json(sink, (struct text){block->bytes, (size_t)n}, block,
                                (struct load_place){"x", id}, &err));
    load_block_drop(block);
}

static void expect_moves(const char *want) {
    buf_put_char(&moves, '\0');
    assert_string_equal(moves.at, want);
}

static void expect_accepted(int64_t want) {
    int64_t accepted, duplicate, rejected;
    load_report_counts(report, &accepted, &duplicate, &rejected);
    assert_int_equal(accepted, want);
    assert_int_equal(duplicate + rejected, 0);
}

static void a_unit_that_is_settled_is_used_again(void **state) {
    (void)state;
    struct error err = {0};
    put(1);
    put(2); // of another block: the first one goes
    assert_true(sink->ops->finish(sink, &err));
    expect_accepted(2);
    expect_moves("spare>filling filling>under way under way>spare "
                 "spare>filling filling>under way under way>spare ");
}

static void what_was_not_taken_is_offered_again_in_the_order_of_the_file(void **state) {
    (void)state;
    struct error err = {0};
    played.n_refused = 1;
    put(1);
    put(2);
    put(3);
    assert_true(sink->ops->finish(sink, &err));
    expect_accepted(3);
    assert_string_equal(played.first_ids, "1g123");
    expect_moves("spare>filling filling>under way under way>try later " // the first
                 "spare>filling try later>under way under way>spare "   // again, before the second
                 "filling>under way under way>spare "
                 "spare>filling filling>under way under way>spare ");
}

static void each_time_the_intake_is_told_that_all_comes_again(void **state) {
    (void)state;
    struct error err = {0};
    played.n_refused = 3;
    put(1);
    put(2);
    assert_true(sink->ops->finish(sink, &err));
    expect_accepted(2);
    assert_string_equal(played.first_ids, "1g1g1g12");
}

static void a_wish_to_stop_gives_up_what_is_not_taken(void **state) {
    (void)state;
    struct error err = {0};
    played.n_refused = OFFERS_MAX;
    put(1);
    stop = 1;
    assert_false(sink->ops->finish(sink, &err));
    assert_non_null(strstr(err.text, "the store takes no orders: the disk is full"));
    expect_accepted(0);
    expect_moves("spare>filling filling>under way under way>try later ");
}

static bool refuse(void *user, size_t n_bytes) {
    (void)user;
    (void)n_bytes;
    return true;
}

// The unit's memory was another one's before: an event that was not read to its end must not go on.
static void an_event_for_which_there_is_no_memory_is_not_offered(void **state) {
    (void)state;
    static const char *const texts[] = {
        "{\"order_id\":5,\"created_at\":\"2024-05-01T00:00:00Z\",\"product_id\":1,\"quantity\":-1,"
        "\"total\":1}",
        "{\"order_id\":6,\"created_at\":\"2024-05-01T00:00:00Z\",\"total\":1,"
        "\"items\":[{\"product_id\":1,\"quantity\":1,\"price\":1}]}"};
    static const char whole[] =
        "{\"order_id\":7,\"created_at\":\"2024-05-01T00:00:00Z\",\"product_id\":1,\"quantity\":1,"
        "\"total\":1}";
    struct error err = {0};
    int64_t taken = 0;
    for (; taken < 2000; taken++) { // so that the unit has room for events, but not for their texts
        assert_true(sink->ops->json(sink, text_of(whole), NULL, (struct load_place){"x", 1}, &err));
    }
    assert_true(sink->ops->finish(sink, &err));
    for (size_t i = 0; i < COUNT_OF(texts) * 2; i++) {
        int n_offers = played.n_offers;
        mem_set_fail_hook(refuse, NULL); // what the unit's memory has room for yet is taken
        while (
            sink->ops->json(sink, text_of(texts[i / 2]), NULL, (struct load_place){"x", 5}, &err)) {
            taken++;
        }
        mem_set_fail_hook(NULL, NULL);
        assert_string_equal(err.text, "out of memory");
        assert_true(sink->ops->finish(sink, &err));
        assert_in_range(played.n_offers, n_offers, n_offers + 1);
        put(1); // of another block
        assert_true(sink->ops->finish(sink, &err));
    }
    assert_true(taken > 2000);
    int64_t accepted, duplicate, rejected;
    load_report_counts(report, &accepted, &duplicate, &rejected);
    assert_int_equal(accepted + rejected, taken + 4);
    assert_int_equal(duplicate, 0);
}

static void a_unit_makes_no_other_moves(void **state) {
    (void)state;
    static const uint32_t may[LOAD_UNIT_STATES] = {
        [LOAD_UNIT_SPARE] = STATE_BIT(LOAD_UNIT_FILLING),
        [LOAD_UNIT_FILLING] = STATE_BIT(LOAD_UNIT_UNDER_WAY),
        [LOAD_UNIT_UNDER_WAY] = STATE_BIT(LOAD_UNIT_SPARE) | STATE_BIT(LOAD_UNIT_TRY_LATER),
        [LOAD_UNIT_TRY_LATER] = STATE_BIT(LOAD_UNIT_UNDER_WAY)};
    assert_int_equal(load_unit_table.n_rows, LOAD_UNIT_STATES);
    for (uint8_t from = 0; from < LOAD_UNIT_STATES; from++) {
        assert_int_equal(load_unit_table.rows[from].moves, may[from]);
    }
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_sink, close_sink)
    const struct CMUnitTest tests[] = {
        TEST(a_unit_that_is_settled_is_used_again),
        TEST(what_was_not_taken_is_offered_again_in_the_order_of_the_file),
        TEST(each_time_the_intake_is_told_that_all_comes_again),
        TEST(a_wish_to_stop_gives_up_what_is_not_taken),
        TEST(an_event_for_which_there_is_no_memory_is_not_offered),
        TEST(a_unit_makes_no_other_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
