// SPDX-License-Identifier: MIT
// The watch over other servers: what is down is known, named, and forgotten when it is back. Waits
// are bounded; nothing depends on how fast the machine is.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "live/watch.h"
#include <stdatomic.h>

enum { PATIENCE_MS = 20000 };

struct server {
    atomic_bool up;
    atomic_long n_asked;
};

static bool ask(void *user, struct error *err) {
    struct server *s = user;
    atomic_fetch_add(&s->n_asked, 1);
    return atomic_load(&s->up) || error_set(err, ERROR_RETRIABLE, "nobody answers");
}

static bool wait_for(struct watch *w, bool up, char *problem) {
    for (int waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms++) {
        if (watch_all_up(w, problem) == up) {
            return true;
        }
        usleep(1000);
    }
    return false;
}

static struct watch *start(const struct watched *items, size_t n) {
    struct error err = {0};
    struct watch *w = watch_start(items, n, 1, &err);
    assert_non_null(w);
    return w;
}

static void what_is_down_is_named_until_it_is_back(void **state) {
    UNUSED(state);
    struct server mysql = {true, 0}, cassandra = {true, 0};
    const struct watched items[] = {{"mysql", ask, &mysql, false},
                                    {"cassandra", ask, &cassandra, false}};
    struct watch *w = start(items, 2);
    char problem[WATCH_PROBLEM_BYTES] = "";
    assert_true(watch_all_up(w, problem));
    atomic_store(&cassandra.up, false);
    assert_true(wait_for(w, false, problem));
    assert_string_equal(problem, "cassandra: nobody answers");
    struct buf metrics = {0};
    watch_metrics(w, &metrics);
    buf_put_char(&metrics, '\0');
    assert_non_null(strstr(metrics.at, "\nsalestide_dependency_up{dependency=\"mysql\"} 1\n"));
    assert_non_null(strstr(metrics.at, "\nsalestide_dependency_up{dependency=\"cassandra\"} 0\n"));
    buf_free(&metrics);
    atomic_store(&cassandra.up, true);
    assert_true(wait_for(w, true, problem));
    watch_stop(w);
    long n = atomic_load(&mysql.n_asked);
    usleep(10 * 1000);
    assert_int_equal(atomic_load(&mysql.n_asked), n); // nobody is asked any more
}

static void what_is_down_at_the_start_is_known_at_once(void **state) {
    UNUSED(state);
    struct server mysql = {false, 0};
    const struct watched items[] = {{"mysql", ask, &mysql, false}};
    struct watch *w = start(items, 1);
    char problem[WATCH_PROBLEM_BYTES];
    assert_false(watch_all_up(w, problem));
    assert_string_equal(problem, "mysql: nobody answers");
    watch_stop(w);
    watch_stop(NULL);
}

// Holds up who asks it.
static bool ask_slow(void *user, struct error *err) {
    struct server *s = user;
    while (!atomic_load(&s->up)) {
        usleep(1000);
    }
    return ask(user, err);
}

static void what_is_asked_later_does_not_hold_up_the_start(void **state) {
    UNUSED(state);
    struct server mysql = {true, 0}, kafka = {false, 0};
    const struct watched items[] = {{"mysql", ask, &mysql, false},
                                    {"kafka", ask_slow, &kafka, true}};
    struct watch *w = start(items, 2);
    char problem[WATCH_PROBLEM_BYTES];
    assert_int_equal(atomic_load(&mysql.n_asked), 1);
    assert_false(watch_all_up(w, problem));
    assert_string_equal(problem, "kafka: ");
    atomic_store(&kafka.up, true);
    assert_true(wait_for(w, true, problem));
    watch_stop(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_down_is_named_until_it_is_back),
        cmocka_unit_test(what_is_down_at_the_start_is_known_at_once),
        cmocka_unit_test(what_is_asked_later_does_not_hold_up_the_start),
    };
    log_set_level(LOG_ERROR + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
