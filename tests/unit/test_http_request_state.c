// SPDX-License-Identifier: MIT
// The states of a request: its ways through the door are allowed, all other moves end the process,
// and so does a state in which what it promises does not hold (both seen from a child).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/http_internal.h"
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// A request just read: connected, and nothing taken yet. `mhd` is only compared with NULL.
struct scene {
    struct http_server *server;
    struct connection connection;
    struct request r;
    struct submission submission;
};

static struct scene *scene_new(void) {
    struct scene *s = test_calloc(1, sizeof *s);
    s->server = test_calloc(1, sizeof *s->server);
    s->connection.server = s->server;
    s->connection.request = &s->r;
    s->r.server = s->server;
    s->r.connection = &s->connection;
    s->r.mhd = (struct MHD_Connection *)s;
    http_request_move(&s->r, REQUEST_READING);
    return s;
}

static void scene_free(struct scene *s) {
    test_free(s->server);
    test_free(s);
}

static void let_go(struct scene *s) {
    s->r.connection = NULL;
    s->r.mhd = NULL;
    s->r.submission = NULL;
    http_request_move(&s->r, REQUEST_FREE);
}

// Moves along `way`, then gives it back to the freelist.
static void goes(const enum request_state *way, size_t n) {
    struct scene *s = scene_new();
    for (size_t i = 0; i < n; i++) {
        if (way[i] == REQUEST_SUSPENDED || way[i] == REQUEST_PARKED) {
            s->r.submission = &s->submission;
        }
        if (way[i] == REQUEST_ORPHANED) {
            s->r.connection = NULL;
            s->r.mhd = NULL;
        }
        http_request_move(&s->r, way[i]);
        assert_int_equal(s->server->n_parked, request_is_parked(s->r.state) ? 1 : 0);
    }
    let_go(s);
    assert_int_equal(s->server->n_parked, 0);
    scene_free(s);
}
#define GOES(...)                                                                                  \
    goes((const enum request_state[]){__VA_ARGS__},                                                \
         sizeof((const enum request_state[]){__VA_ARGS__}) / sizeof(enum request_state))

static void every_way_of_a_request_is_allowed(void **unused) {
    (void)unused;
    GOES(REQUEST_ANSWERED);
    GOES(REQUEST_DRAINING);
    GOES(REQUEST_SUSPENDED, REQUEST_ANSWERED);
    GOES(REQUEST_PARKED, REQUEST_RETURNED, REQUEST_ANSWERED);
    GOES(REQUEST_PARKED, REQUEST_RETURNED, REQUEST_SUSPENDED, REQUEST_ANSWERED);
    GOES(REQUEST_PARKED, REQUEST_RETURNED);
    GOES(REQUEST_PARKED, REQUEST_ORPHANED);
}

// The allowed moves, once more and by hand: a row that is widened has to be widened here too.
static void no_other_move_is_allowed(void **unused) {
    (void)unused;
    static const char *const allowed[REQUEST_STATES] = {
        [REQUEST_FREE] = "reading",
        [REQUEST_READING] = "free draining suspended parked answered",
        [REQUEST_DRAINING] = "free",
        [REQUEST_SUSPENDED] = "answered",
        [REQUEST_PARKED] = "returned orphaned",
        [REQUEST_RETURNED] = "free suspended answered",
        [REQUEST_ORPHANED] = "free",
        [REQUEST_ANSWERED] = "free",
    };
    for (uint8_t from = 0; from < REQUEST_STATES; from++) {
        for (uint8_t to = 0; to < REQUEST_STATES; to++) {
            bool want = strstr(allowed[from], request_states.rows[to].name) != NULL;
            assert_int_equal(state_may_move(&request_states, (struct state){from}, to), want);
        }
    }
}

// Does `act` end the process by itself?
static bool ends(void (*act)(struct scene *s)) {
    struct scene *s = scene_new();
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        close(STDERR_FILENO);
        act(s);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    scene_free(s);
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static void answer_twice(struct scene *s) {
    http_request_move(&s->r, REQUEST_ANSWERED);
    http_request_move(&s->r, REQUEST_ANSWERED);
}
static void park_nothing(struct scene *s) {
    http_request_move(&s->r, REQUEST_PARKED);
}
static void keep_a_body_that_nobody_reads(struct scene *s) {
    s->r.body.at = s->r.body.small;
    s->r.body.cap = BODY_SMALL_BYTES;
    http_request_move(&s->r, REQUEST_DRAINING);
}
static void free_with_memory_charged(struct scene *s) {
    s->r.charged_bytes = 1;
    http_request_move(&s->r, REQUEST_ANSWERED);
    let_go(s);
}
static void orphan_with_a_connection(struct scene *s) {
    s->r.submission = &s->submission;
    http_request_move(&s->r, REQUEST_PARKED);
    http_request_move(&s->r, REQUEST_ORPHANED);
}
static void answer_once(struct scene *s) {
    http_request_move(&s->r, REQUEST_ANSWERED);
    let_go(s);
}

static void a_mistake_ends_the_process(void **unused) {
    (void)unused;
    assert_false(ends(answer_once));
    assert_true(ends(answer_twice));
    assert_true(ends(park_nothing));
    assert_true(ends(keep_a_body_that_nobody_reads));
    assert_true(ends(free_with_memory_charged));
    assert_true(ends(orphan_with_a_connection));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_of_a_request_is_allowed),
        cmocka_unit_test(no_other_move_is_allowed),
        cmocka_unit_test(a_mistake_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
