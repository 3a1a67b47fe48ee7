// SPDX-License-Identifier: MIT
// The door itself, with questions of the test's own behind it: what one of them does to the others.
// Its clock is the test's.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "http/http_server.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { QUESTIONS_AT_ONCE = 3, PATIENCE_S = 20 };

static struct {
    char directory[32];
    struct http_server *http;
    sigset_t signals;
    pthread_t loop;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int n_slow; // slow questions that are being answered
    bool let_go;
    atomic_llong offset_ms; // of the clock
} door;

// --- What is behind the door

static int64_t door_now_ms(void *user) {
    (void)user;
    return clock_now_ms(clock_system());
}
static int64_t door_monotonic_ns(void *user) {
    (void)user;
    return clock_monotonic_ns(clock_system()) + atomic_load(&door.offset_ms) * 1000000;
}
static const struct clock_source door_clock = {door_now_ms, door_monotonic_ns, NULL};

static enum question_result parse_any(const struct question_facts *facts, struct text segment,
                                      const struct question_param *params, size_t n_params, void *q,
                                      char detail[static QUESTION_DETAIL_BYTES]) {
    (void)facts;
    (void)segment;
    (void)params;
    (void)n_params;
    (void)q;
    (void)detail;
    return QUESTION_OK;
}

static enum question_result ask_slow(struct sales_reader *reader,
                                     const struct question_facts *facts, const void *q,
                                     struct question_answer *out,
                                     char detail[static QUESTION_DETAIL_BYTES], struct error *err) {
    (void)reader;
    (void)facts;
    (void)q;
    (void)detail;
    (void)err;
    pthread_mutex_lock(&door.lock);
    door.n_slow++;
    pthread_cond_broadcast(&door.changed);
    while (!door.let_go) {
        pthread_cond_wait(&door.changed, &door.lock);
    }
    door.n_slow--;
    pthread_mutex_unlock(&door.lock);
    buf_put_str(&out->body, "\"slow\"");
    return QUESTION_OK;
}

static enum question_result ask_quick(struct sales_reader *reader,
                                      const struct question_facts *facts, const void *q,
                                      struct question_answer *out,
                                      char detail[static QUESTION_DETAIL_BYTES],
                                      struct error *err) {
    (void)reader;
    (void)facts;
    (void)q;
    (void)detail;
    (void)err;
    buf_put_str(&out->body, "\"quick\"");
    return QUESTION_OK;
}

static const struct question_kind kinds[] = {
    {.path = "/slow", .bytes = 1, .parse = parse_any, .ask = ask_slow},
    {.path = "/quick", .bytes = 1, .parse = parse_any, .ask = ask_quick},
};
static const struct http_questions questions = {kinds, COUNT_OF(kinds)};

static void close_reader(struct sales_reader *reader) {
    free(reader);
}
static bool open_reader(void *user, struct sales_reader **out, struct error *err) {
    static const struct sales_reader_ops ops = {.close = close_reader};
    (void)user;
    (void)err;
    *out = mem_zalloc(1, sizeof **out);
    (*out)->ops = &ops;
    return true;
}
static bool is_ready(void *user, char problem[static INTAKE_PROBLEM_BYTES]) {
    (void)user;
    (void)problem;
    return true;
}
static void put_metrics(void *user, struct buf *out) {
    (void)user;
    (void)out;
}

// --- The door and its clients

static void *loop_main(void *unused) {
    (void)unused;
    http_run(door.http, &door.signals);
    return NULL;
}

static int set_up(void **state) {
    (void)state;
    static const struct order_rules rules = {.currency = "USD"};
    struct error err = {0};
    snprintf(door.directory, sizeof door.directory, "/tmp/test_http_door.XXXXXX");
    assert_non_null(mkdtemp(door.directory));
    sigemptyset(&door.signals);
    sigaddset(&door.signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &door.signals, NULL);
    pthread_mutex_init(&door.lock, NULL);
    pthread_cond_init(&door.changed, NULL);
    door.let_go = false;
    atomic_store(&door.offset_ms, 0);
    const struct http_options options = {
        .listen = "127.0.0.1:0",
        .directory = door.directory,
        .limits = {.inflight_bytes = 1024 * 1024,
                   .headers_ms = 60000,
                   .body_ms = 60000,
                   .idle_ms = 60000,
                   .connections = 64},
        .rules = &rules,
        .timezone = "UTC",
        .clock = &door_clock,
        .ready = is_ready,
        .metrics = put_metrics,
        .questions = &questions,
        .open_reader = open_reader,
    };
    if (!http_new(&options, &door.http, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(pthread_create(&door.loop, NULL, loop_main, NULL), 0);
    return 0;
}

static void let_go(void) {
    pthread_mutex_lock(&door.lock);
    door.let_go = true;
    pthread_cond_broadcast(&door.changed);
    pthread_mutex_unlock(&door.lock);
}

static int tear_down(void **state) {
    (void)state;
    let_go();
    kill(getpid(), SIGTERM);
    pthread_join(door.loop, NULL);
    http_free(door.http);
    rmdir(door.directory);
    return 0;
}

// Asks and does not wait.
static int ask(const char *path) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    char text[128];
    to.sin_port = htons((uint16_t)atoi(strrchr(http_url(door.http), ':') + 1));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    int n = snprintf(text, sizeof text,
                     "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    assert_int_equal(send(fd, text, (size_t)n, MSG_NOSIGNAL), n);
    return fd;
}

// The answer up to the connection's end; fails when none comes in time.
static const char *answer_of(int fd) {
    static char text[4096];
    size_t len = 0;
    ssize_t n;
    while (len < sizeof text - 1 &&
           (n = recvfrom(fd, text + len, sizeof text - 1 - len, 0, NULL, NULL)) > 0) {
        len += (size_t)n;
    }
    text[len] = '\0';
    close(fd);
    assert_true(len > 0);
    return text;
}

static void wait_for_slow(int n) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&door.lock);
    while (door.n_slow < n) {
        if (pthread_cond_timedwait(&door.changed, &door.lock, &until) != 0) {
            fail_msg("%d slow questions run, %d should", door.n_slow, n);
        }
    }
    pthread_mutex_unlock(&door.lock);
}

static void a_slow_question_does_not_hold_up_others(void **state) {
    (void)state;
    int slow[QUESTIONS_AT_ONCE - 1];
    for (int i = 0; i < QUESTIONS_AT_ONCE - 1; i++) {
        slow[i] = ask("/slow");
        wait_for_slow(i + 1);
        for (int k = 0; k < 5; k++) {
            assert_non_null(strstr(answer_of(ask("/quick")), "\"quick\""));
        }
    }
    let_go();
    for (int i = 0; i < QUESTIONS_AT_ONCE - 1; i++) {
        assert_non_null(strstr(answer_of(slow[i]), "\"slow\""));
    }
}

static void a_question_that_waits_too_long_is_answered_503(void **state) {
    (void)state;
    int slow[QUESTIONS_AT_ONCE];
    for (int i = 0; i < QUESTIONS_AT_ONCE; i++) {
        slow[i] = ask("/slow");
        wait_for_slow(i + 1);
    }
    int late = ask("/quick");
    assert_non_null(strstr(answer_of(ask("/healthz")), " 200 ")); // the loop has taken it by now
    atomic_store(&door.offset_ms, 6000);
    let_go();
    for (int i = 0; i < QUESTIONS_AT_ONCE; i++) {
        assert_non_null(strstr(answer_of(slow[i]), "\"slow\""));
    }
    const char *answer = answer_of(late);
    assert_non_null(strstr(answer, " 503 "));
    assert_non_null(strstr(answer, "waited"));
    assert_non_null(strstr(answer_of(ask("/quick")), "\"quick\""));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_slow_question_does_not_hold_up_others),
        TEST(a_question_that_waits_too_long_is_answered_503),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
