// SPDX-License-Identifier: MIT
#include "store/mysql/mysql_rows.h"

// Past this length a statement is parsed no faster by row, and keeps others waiting.
enum { STATEMENT_BYTES = 256 * 1024 };

size_t mysql_rows_limit(const struct mysql_connection *c) {
    // A row may be as long as a rejected event: there is room for one after the limit is reached.
    size_t half = c->max_packet_bytes / 2;
    return half < STATEMENT_BYTES ? half : STATEMENT_BYTES;
}

// A statement that is not whole must never be sent: without its last condition it means something
// else.
static bool is_whole(struct mysql_connection *c, struct buf *sql, const char *doing,
                     struct error *err) {
    if (!sql->failed) {
        return true;
    }
    c->fault = MYSQL_FAULT_BUSY;
    buf_free(sql);
    return error_set(err, ERROR_RETRIABLE, "out of memory while %s", doing);
}

bool mysql_send(struct mysql_connection *c, struct buf *sql, const char *doing, struct error *err) {
    bool ok = is_whole(c, sql, doing, err) && mysql_run(c, buf_text(sql), doing, err);
    buf_clear(sql);
    return ok;
}

MYSQL_RES *mysql_send_question(struct mysql_connection *c, struct buf *sql, const char *doing,
                               struct error *err) {
    MYSQL_RES *rows = is_whole(c, sql, doing, err) ? mysql_ask(c, buf_text(sql), doing, err) : NULL;
    buf_clear(sql);
    return rows;
}

void mysql_row_begin(struct mysql_rows *r) {
    buf_put_str(r->sql, r->sql->len == 0 ? r->head : ",");
    buf_put_char(r->sql, '(');
}

bool mysql_row_end(struct mysql_rows *r, struct error *err) {
    buf_put_char(r->sql, ')');
    return r->sql->len < r->limit_bytes || mysql_rows_flush(r, err);
}

bool mysql_rows_flush(struct mysql_rows *r, struct error *err) {
    if (r->sql->len == 0 && !r->sql->failed) {
        return true;
    }
    buf_put_str(r->sql, r->tail);
    return mysql_send(r->c, r->sql, r->doing, err);
}
