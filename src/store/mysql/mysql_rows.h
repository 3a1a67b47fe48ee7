// SPDX-License-Identifier: MIT
// An INSERT of many rows, sent in statements of bounded length. A row is begun, its values are put
// into `sql` with commas between them, and ended.
#pragma once
#include "store/mysql/mysql_connection.h"
#include "store/mysql/mysql_sql.h"

struct mysql_rows {
    struct mysql_connection *c;
    struct buf *sql;    // scratch, empty between statements
    const char *head;   // "INSERT INTO t (a, b) VALUES "
    const char *tail;   // " ON DUPLICATE KEY UPDATE ...", or ""
    const char *doing;  // for an error's line
    size_t limit_bytes; // a statement is sent once it is that long
};

// How long statements are best, given what the server takes.
size_t mysql_rows_limit(const struct mysql_connection *c);
void mysql_row_begin(struct mysql_rows *r);
MUST_CHECK bool mysql_row_end(struct mysql_rows *r, struct error *err);
MUST_CHECK bool mysql_rows_flush(struct mysql_rows *r, struct error *err); // the rest
// Sends what `sql` holds and empties it. False, too, when memory for it was refused (c->fault is
// then MYSQL_FAULT_BUSY).
MUST_CHECK bool mysql_send(struct mysql_connection *c, struct buf *sql, const char *doing,
                           struct error *err);
// The same for a statement that gives rows, as mysql_ask.
MUST_CHECK MYSQL_RES *mysql_send_question(struct mysql_connection *c, struct buf *sql,
                                          const char *doing, struct error *err);
