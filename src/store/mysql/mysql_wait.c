// SPDX-License-Identifier: MIT
// Waiting for the server's answer.
//
// 1. The statement is sent; the socket is watched until its answer begins to come, in steps.
// 2. After a first step the wait is on record (store/store_wait.h), from where /readyz has it, and
//    at its time a line is in the log.
// 3. The answer is read by libmariadb, whose own time-out is for the pauses within it.
//
// How it fails: no answer within the time, or the process is to stop and a grace is over: the
// connection is of no use then. Whether the statement was carried out nobody knows: for a COMMIT
// the positions tell.
#include "store/mysql/mysql_wait.h"

#include "base/clock.h"
#include "store/store_wait.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>

enum {
    STEP_MS = 250,
    STOP_GRACE_MS = 2000,
    ALIVE_MS = 8000,
    ALIVE_TOLD_MS = 2000,
};

static int64_t now_ns(void) {
    return clock_monotonic_ns(clock_system());
}

static int64_t ms_since(int64_t ns) {
    return (now_ns() - ns) / 1000000;
}

static void begin_wait(struct mysql_connection *c, const char *doing, int64_t since_ns,
                       int told_ms) {
    char what[STORE_WAIT_TEXT_BYTES];
    snprintf(what, sizeof what,
             "%.250s does not answer: %.60s waits, for a lock of another session or for the server",
             c->name, doing);
    store_wait_begin(c->wait, what, since_ns, told_ms);
}

// Something can be read, or the connection is broken: reading tells which.
static bool is_answered(struct mysql_connection *c, int step_ms) {
    struct pollfd fd = {.fd = mysql_get_socket(c->handle), .events = POLLIN};
    int n = poll(&fd, 1, step_ms);
    return n > 0 || (n < 0 && errno != EINTR);
}

static bool give_up(struct mysql_connection *c, const char *doing, int64_t since_ns,
                    struct error *err) {
    c->fault = MYSQL_FAULT_LOST;
    return error_set(err, ERROR_RETRIABLE, "%s at %s: no answer for %lld s", doing, c->name,
                     (long long)(ms_since(since_ns) / 1000));
}

static bool wait_in_steps(struct mysql_connection *c, const char *doing, int limit_ms,
                          int64_t since_ns, struct error *err) {
    int64_t stopped_ns = 0;
    while (!is_answered(c, STEP_MS)) {
        store_wait_tick(c->wait);
        if (stopped_ns == 0 && store_wait_is_stopped(c->wait)) {
            stopped_ns = now_ns();
        }
        if (ms_since(since_ns) >= limit_ms ||
            (stopped_ns != 0 && ms_since(stopped_ns) >= STOP_GRACE_MS)) {
            return give_up(c, doing, since_ns, err);
        }
    }
    return true;
}

static bool wait_for_answer(struct mysql_connection *c, const char *doing, int limit_ms,
                            int told_ms, struct error *err) {
    int64_t since_ns = now_ns();
    if (is_answered(c, STEP_MS)) {
        return true; // nearly always
    }
    begin_wait(c, doing, since_ns, told_ms);
    bool ok = wait_in_steps(c, doing, limit_ms, since_ns, err);
    store_wait_end(c->wait);
    return ok;
}

static bool query(struct mysql_connection *c, struct text sql, const char *doing, int limit_ms,
                  int told_ms, struct error *err) {
    if (mysql_send_query(c->handle, sql.at, sql.len) != 0) {
        mysql_failed(c, doing, err);
        return false;
    }
    if (!wait_for_answer(c, doing, limit_ms, told_ms, err)) {
        return false;
    }
    if (mysql_read_query_result(c->handle) != 0) {
        mysql_failed(c, doing, err);
        return false;
    }
    return true;
}

bool mysql_query_waiting(struct mysql_connection *c, struct text sql, const char *doing,
                         struct error *err) {
    return query(c, sql, doing, c->answer_ms, STORE_WAIT_TOLD_MS, err);
}

bool mysql_is_alive(struct mysql_connection *c, struct error *err) {
    return query(c, TEXT_LIT("DO 0"), "asking for a sign of life", ALIVE_MS, ALIVE_TOLD_MS, err);
}

void mysql_lock_wait_begin(struct mysql_connection *c, const char *doing, int64_t since_ns) {
    begin_wait(c, doing, since_ns, STORE_WAIT_TOLD_MS);
    store_wait_tick(c->wait);
}
