// SPDX-License-Identifier: MIT
// A connection for questions to MySQL or MariaDB that is made again when it is lost. One thread.
//
// When none can be made the next try is put off, at first for 0.1 s, then for twice as long up to
// 3 s, and what is asked meanwhile fails at once with the last error: callers may ask as often as
// they like.
#pragma once
#include "store/mysql/mysql_decode.h"

struct mysql_link {
    struct mysql_address address;
    int timeout_ms;
    struct mysql_connection *connection; // NULL: lost
    bool in_snapshot;                    // from begin to end, also when its connection is lost
    int64_t next_try_ns, back_off_ns;
    struct error problem; // why there is no connection
};

// One question to a connection: false with the connection's fault when it failed.
typedef bool (*mysql_question_fn)(struct mysql_connection *c, const char *doing, void *user,
                                  struct error *err);
// Asks; after a lost connection once more on a new one, unless in a snapshot, which cannot be had
// again. `doing`, for the line of an error.
MUST_CHECK bool mysql_link_ask(struct mysql_link *l, mysql_question_fn question, const char *doing,
                               void *user, struct error *err);
// The rows of a statement; NULL: err tells.
MUST_CHECK MYSQL_RES *mysql_link_rows(struct mysql_link *l, struct text sql, const char *doing,
                                      struct error *err);
// One row of an answer, valid until it returns; it asks nothing of this link, and waits for nobody:
// the server holds the rest. False: it has enough.
typedef bool (*mysql_row_fn)(void *user, const struct mysql_values *row);
// The rows of a statement as they come; when it fails, some may have been handed over, so that it
// is asked once more only while no answer has begun. deadline_ns, by the system's monotonic clock
// (0: none), or the link's own time-out ends it.
MUST_CHECK bool mysql_link_each(struct mysql_link *l, struct text sql, const char *doing,
                                int64_t deadline_ns, mysql_row_fn each, void *user,
                                struct error *err);
// A transaction with a consistent snapshot; questions until the end are of it.
MUST_CHECK bool mysql_link_begin(struct mysql_link *l, struct error *err);
void mysql_link_end(struct mysql_link *l);
void mysql_link_close(struct mysql_link *l);
