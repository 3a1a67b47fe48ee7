// SPDX-License-Identifier: MIT
// State machines as tables: allowed moves are made and told, forbidden ones and broken invariants
// end the process (seen from a child).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/state.h"
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DOOR_CLOSED, DOOR_OPEN, DOOR_GONE, DOOR_STATES };

struct door {
    struct state state;
    int people; // within; none while it is closed
};

static bool door_holds(const void *owner, uint8_t now) {
    const struct door *d = owner;
    return now != DOOR_CLOSED || d->people == 0;
}

static const struct state_row door_rows[DOOR_STATES] = {
    [DOOR_CLOSED] = {"closed", STATE_BIT(DOOR_OPEN) | STATE_BIT(DOOR_GONE)},
    [DOOR_OPEN] = {"open", STATE_BIT(DOOR_CLOSED)},
    [DOOR_GONE] = {"gone", 0},
};
static const struct state_table door_table = {"door", door_rows, DOOR_STATES, door_holds};

static int n_told;
static uint8_t told_from, told_to;

static void told(const struct state_table *t, const void *owner, uint8_t from, uint8_t to) {
    assert_ptr_equal(t, &door_table);
    assert_non_null(owner);
    n_told++;
    told_from = from;
    told_to = to;
}

static void allowed_moves_are_made_and_told(void **unused) {
    (void)unused;
    struct door d = {.state = {DOOR_CLOSED}};
    n_told = 0;
    state_trace(told);
    state_move(&door_table, &d.state, DOOR_OPEN, &d);
    state_trace(NULL);
    assert_int_equal(n_told, 1);
    assert_int_equal(told_from, DOOR_CLOSED);
    assert_int_equal(told_to, DOOR_OPEN);
    assert_string_equal(state_name(&door_table, d.state), "open");
    assert_false(state_may_move(&door_table, d.state, DOOR_GONE));
    state_move(&door_table, &d.state, DOOR_CLOSED, &d);
    assert_int_equal(n_told, 1);
    assert_true(state_may_move(&door_table, d.state, DOOR_GONE));
}

// How a child ends that makes this move.
static int signal_of(struct door d, uint8_t to) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(STDERR_FILENO); // the line is not for this test's log
        signal(SIGABRT, SIG_DFL);
        state_move(&door_table, &d.state, to, &d);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void a_move_that_the_table_does_not_allow_ends_the_process(void **unused) {
    (void)unused;
    assert_int_equal(signal_of((struct door){.state = {DOOR_CLOSED}}, DOOR_OPEN), 0);
    assert_int_equal(signal_of((struct door){.state = {DOOR_OPEN}}, DOOR_GONE), SIGABRT);
    assert_int_equal(signal_of((struct door){.state = {DOOR_GONE}}, DOOR_GONE), SIGABRT);
}

static void an_invariant_that_does_not_hold_ends_the_process(void **unused) {
    (void)unused;
    assert_int_equal(signal_of((struct door){{DOOR_OPEN}, 0}, DOOR_CLOSED), 0);
    assert_int_equal(signal_of((struct door){{DOOR_OPEN}, 1}, DOOR_CLOSED), SIGABRT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allowed_moves_are_made_and_told),
        cmocka_unit_test(a_move_that_the_table_does_not_allow_ends_the_process),
        cmocka_unit_test(an_invariant_that_does_not_hold_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
