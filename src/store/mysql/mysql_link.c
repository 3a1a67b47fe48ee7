// SPDX-License-Identifier: MIT
// How it fails: a statement over its time is ended by the server (ERROR_RETRIABLE, "ask for less");
// rights and tables are ERROR_RETRIABLE too, since no other question would mend them; a lost
// connection is closed.
#include "store/mysql/mysql_link.h"

#include "base/clock.h"
#include <mysqld_error.h>
#include <sys/socket.h>

#define MS_NS INT64_C(1000000)
#define BACK_OFF_FIRST_NS INT64_C(100000000)
#define BACK_OFF_LONGEST_NS INT64_C(3000000000)

// The connection, made again if it was lost; NULL: err tells.
static struct mysql_connection *connection_of(struct mysql_link *l, struct error *err) {
    if (l->connection != NULL) {
        return l->connection;
    }
    if (clock_monotonic_ns(clock_system()) < l->next_try_ns) {
        *err = l->problem;
        return NULL;
    }
    struct mysql_connection *c = NULL;
    if (mysql_connection_open(&l->address, MYSQL_ROLE_READER, l->timeout_ms, &c, err)) {
        l->back_off_ns = 0;
        l->connection = c;
        return c;
    }
    l->back_off_ns = l->back_off_ns == 0 ? BACK_OFF_FIRST_NS : l->back_off_ns * 2;
    l->back_off_ns = l->back_off_ns < BACK_OFF_LONGEST_NS ? l->back_off_ns : BACK_OFF_LONGEST_NS;
    l->next_try_ns = clock_monotonic_ns(clock_system()) + l->back_off_ns;
    // Nothing that a user of this process could mend by asking otherwise.
    err->cls = ERROR_RETRIABLE;
    l->problem = *err;
    return NULL;
}

static void drop_connection(struct mysql_link *l) {
    mysql_connection_close(l->connection);
    l->connection = NULL;
}

static bool too_late(const struct mysql_link *l, const char *doing, struct error *err) {
    return error_set(err, ERROR_RETRIABLE,
                     "%s took longer than %d ms: ask for less (a shorter time range)", doing,
                     l->timeout_ms);
}

// After a failed statement. True: it may be asked again.
static bool take_failure(struct mysql_link *l, const char *doing, struct error *err) {
    unsigned number = mysql_errno(l->connection->handle);
    if (number == ER_STATEMENT_TIMEOUT || number == 3024) { // MariaDB's, MySQL's
        return too_late(l, doing, err);
    }
    if (l->connection->fault == MYSQL_FAULT_USAGE) {
        err->cls = ERROR_RETRIABLE; // rights or tables, not the question
    }
    if (l->connection->fault != MYSQL_FAULT_LOST) {
        return false;
    }
    drop_connection(l);
    return !l->in_snapshot && number != 0; // 0: given up without an answer, as the next would be
}

bool mysql_link_ask(struct mysql_link *l, mysql_question_fn question, const char *doing, void *user,
                    struct error *err) {
    for (int attempt = 0; attempt < 2; attempt++) {
        if (l->in_snapshot && l->connection == NULL) {
            return error_set(err, ERROR_RETRIABLE, "the connection was lost while %s", doing);
        }
        struct mysql_connection *c = connection_of(l, err);
        if (c == NULL) {
            return false;
        }
        if (question(c, doing, user, err)) {
            return true;
        }
        if (!take_failure(l, doing, err)) {
            return false;
        }
    }
    return false;
}

struct rows_question {
    struct text sql;
    MYSQL_RES *rows;
};

static bool fetch_rows(struct mysql_connection *c, const char *doing, void *user,
                       struct error *err) {
    struct rows_question *q = user;
    q->rows = mysql_ask(c, q->sql, doing, err);
    return q->rows != NULL;
}

MYSQL_RES *mysql_link_rows(struct mysql_link *l, struct text sql, const char *doing,
                           struct error *err) {
    struct rows_question q = {sql, NULL};
    return mysql_link_ask(l, fetch_rows, doing, &q, err) ? q.rows : NULL;
}

// --- Rows as they come

static bool begin_rows(struct mysql_connection *c, const char *doing, void *user,
                       struct error *err) {
    struct rows_question *q = user;
    q->rows = mysql_ask_unfetched(c, q->sql, doing, err);
    return q->rows != NULL;
}

// The server is told by the end of the connection: to hear all of it out is what takes too long.
static void hang_up(struct mysql_link *l, MYSQL_RES *rows) {
    int rc = shutdown(mysql_get_socket(l->connection->handle), SHUT_RDWR);
    UNUSED(rc); // it may be broken already
    mysql_free_result(rows);
    drop_connection(l);
}

enum { ROWS_A_LOOK = 16 }; // at the clock

bool mysql_link_each(struct mysql_link *l, struct text sql, const char *doing, int64_t deadline_ns,
                     mysql_row_fn each, void *user, struct error *err) {
    struct rows_question q = {sql, NULL};
    int64_t until_ns = clock_monotonic_ns(clock_system()) + l->timeout_ms * MS_NS;
    until_ns = deadline_ns != 0 && deadline_ns < until_ns ? deadline_ns : until_ns;
    if (!mysql_link_ask(l, begin_rows, doing, &q, err)) {
        return false;
    }
    struct mysql_values v;
    bool go_on = true;
    // To the end, also when it has enough: the connection is of use again after that.
    for (uint64_t n = 1; mysql_next(q.rows, &v); n++) {
        if (n % ROWS_A_LOOK == 0 && clock_monotonic_ns(clock_system()) > until_ns) {
            hang_up(l, q.rows);
            return !go_on || too_late(l, doing, err);
        }
        go_on = go_on && each(user, &v);
    }
    bool failed = mysql_errno(l->connection->handle) != 0;
    if (failed) {
        mysql_failed(l->connection, doing, err);
    }
    mysql_free_result(q.rows);
    if (failed) {
        bool again = take_failure(l, doing, err);
        UNUSED(again); // the caller's to say: it has rows
    }
    return !failed || !go_on;
}

static bool start_snapshot(struct mysql_connection *c, const char *doing, void *user,
                           struct error *err) {
    UNUSED(user);
    return mysql_run(c, TEXT_LIT("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"), doing,
                     err);
}

bool mysql_link_begin(struct mysql_link *l, struct error *err) {
    l->in_snapshot = false;
    l->in_snapshot = mysql_link_ask(l, start_snapshot, "beginning a snapshot", NULL, err);
    return l->in_snapshot;
}

void mysql_link_end(struct mysql_link *l) {
    if (l->in_snapshot && l->connection != NULL &&
        mysql_real_query(l->connection->handle, "COMMIT", 6) != 0) {
        drop_connection(l); // the snapshot goes with it
    }
    l->in_snapshot = false;
}

void mysql_link_close(struct mysql_link *l) {
    drop_connection(l);
    explicit_bzero(l->address.password, sizeof l->address.password);
}
