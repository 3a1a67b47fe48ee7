// SPDX-License-Identifier: MIT
// A partition of the topic, event by event: when it is read, where reading goes on after the store
// has failed, and when one that was lost is claimed again.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/kafka_partition.h"

enum { AGAIN_AT = 1000 };

static const char *name_of(const struct log_partition *p) {
    return state_name(&kafka_partition_table, p->state);
}

// The log begins at 10; 100 is next, read again from 80.
static struct log_partition active(void) {
    struct log_partition p = {0};
    kafka_partition_given(&p);
    p.begin = 10;
    p.expected = p.history_from = 80;
    p.history_until = 100;
    kafka_partition_taken_over(&p);
    return p;
}

static void rewind_to(struct log_partition *p, int64_t next_offset, bool lost) {
    kafka_partition_rewind(p, &(struct log_claim){.next_offset = next_offset, .lost = lost},
                           AGAIN_AT);
}

static void it_comes_is_read_and_goes(void **state) {
    (void)state;
    struct log_partition p = {0};
    assert_string_equal(name_of(&p), "none");
    assert_false(partition_stands_still(&p));
    kafka_partition_given(&p);
    assert_string_equal(name_of(&p), "waiting");
    assert_true(partition_stands_still(&p));
    assert_int_equal(p.expected, INT64_MAX); // nothing of it is wanted
    kafka_partition_given(&p);               // told twice
    assert_string_equal(name_of(&p), "waiting");
    p = active();
    assert_string_equal(name_of(&p), "active");
    assert_true(partition_catches_up(&p));
    assert_false(partition_stands_still(&p));
    kafka_partition_taken_away(&p);
    kafka_partition_taken_away(&p);
    assert_string_equal(name_of(&p), "none");
}

static void given_again_it_begins_anew(void **state) {
    (void)state;
    struct log_partition p = active();
    kafka_partition_given(&p);
    assert_string_equal(name_of(&p), "waiting");
    assert_int_equal(p.history_until, 0);
}

static void its_place_may_be_lost_only_while_it_is_read(void **state) {
    (void)state;
    struct log_partition p = active(), none = {0}, lost = active();
    kafka_partition_place_lost(&p);
    assert_string_equal(name_of(&p), "waiting");
    assert_int_equal(p.expected, INT64_MAX);
    kafka_partition_place_lost(&none);
    assert_string_equal(name_of(&none), "none");
    rewind_to(&lost, -1, true);
    kafka_partition_place_lost(&lost);
    assert_string_equal(name_of(&lost), "lost");
}

static void after_a_failure_reading_goes_on_where_the_store_is(void **state) {
    (void)state;
    static const struct {
        int64_t expected, held; // before
        int64_t expected_then, history_until_then;
    } cases[] = {
        {90, 100, 90, 100},   // history is read on
        {100, 100, 100, 100}, // it was at its end
        {150, 100, 100, 100}, // what was judged is handed over again
        {150, 120, 120, 120}, // all but what was committed
        {90, 95, 90, 95},     // what counted as history is none: that batch has failed
        {150, -1, 10, 10},    // a new one begins where the log did
        {150, 5, 10, 10},     // as does one whose gap was skipped
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct log_partition p = active();
        p.expected = cases[i].expected;
        rewind_to(&p, cases[i].held, false);
        assert_string_equal(name_of(&p), "active");
        assert_int_equal(p.expected, cases[i].expected_then);
        assert_int_equal(p.history_until, cases[i].history_until_then);
    }
}

static void a_lost_one_that_stays_is_claimed_again_in_time(void **state) {
    (void)state;
    struct log_partition p = active();
    assert_false(kafka_partition_again(&p, INT64_MAX)); // it is not lost
    rewind_to(&p, -1, true);
    assert_string_equal(name_of(&p), "lost");
    assert_true(partition_stands_still(&p));
    rewind_to(&p, 100, false); // the store was claimed by nobody since
    assert_string_equal(name_of(&p), "lost");
    assert_false(kafka_partition_again(&p, AGAIN_AT - 1));
    assert_string_equal(name_of(&p), "lost");
    assert_true(kafka_partition_again(&p, AGAIN_AT));
    assert_string_equal(name_of(&p), "waiting");
    assert_false(kafka_partition_again(&p, AGAIN_AT));
    assert_int_equal(p.again_at_ns, 0);
}

static void a_lost_one_may_be_taken_away_or_given_anew(void **state) {
    (void)state;
    struct log_partition p = active(), q = active();
    rewind_to(&p, -1, true);
    kafka_partition_taken_away(&p);
    assert_string_equal(name_of(&p), "none");
    assert_false(kafka_partition_again(&p, INT64_MAX));
    rewind_to(&q, -1, true);
    kafka_partition_given(&q);
    assert_string_equal(name_of(&q), "waiting");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_comes_is_read_and_goes),
        cmocka_unit_test(given_again_it_begins_anew),
        cmocka_unit_test(its_place_may_be_lost_only_while_it_is_read),
        cmocka_unit_test(after_a_failure_reading_goes_on_where_the_store_is),
        cmocka_unit_test(a_lost_one_that_stays_is_claimed_again_in_time),
        cmocka_unit_test(a_lost_one_may_be_taken_away_or_given_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
