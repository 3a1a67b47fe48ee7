// SPDX-License-Identifier: MIT
// Retries of rejected events in MySQL or MariaDB: a row in rejected_retries, and the verdict as the
// status of the rejected event, in one transaction. Rows of events that are no longer kept go when
// another is claimed. A connection that was lost is made again with the next one.
#include "base/mem.h"
#include "store/mysql/mysql_decode.h"
#include "store/mysql/mysql_reader.h"
#include "store/mysql/mysql_reader_sql.h"
#include "store/mysql/mysql_sql.h"
#include <stdlib.h>

enum { TIMEOUT_MS = 10 * 1000 };

struct mysql_retries {
    struct rejected_retries base;
    struct mysql_address address;
    struct mysql_connection *connection; // NULL: lost
    struct buf sql;
};

static struct mysql_retries *mysql_retries_of(struct rejected_retries *r) {
    return (struct mysql_retries *)r;
}

static const char doing[] = "noting a retry";

static bool run_written(struct mysql_retries *r, struct error *err) {
    bool ok = r->sql.failed ? error_set(err, ERROR_RETRIABLE, "out of memory")
                            : mysql_run(r->connection, buf_text(&r->sql), doing, err);
    buf_clear(&r->sql);
    return ok;
}

// One number; NULL: 0.
static bool ask_written(struct mysql_retries *r, int64_t *out, struct error *err) {
    MYSQL_RES *rows =
        r->sql.failed ? NULL : mysql_ask(r->connection, buf_text(&r->sql), doing, err);
    bool ok = rows != NULL || (r->sql.failed && error_set(err, ERROR_RETRIABLE, "out of memory"));
    buf_clear(&r->sql);
    struct mysql_values v;
    *out = ok && mysql_next(rows, &v) ? mysql_int_at(&v, 0) : 0;
    mysql_free_result(rows);
    return ok;
}

// What is to be noted of one event: a claim, or what became of it.
struct noted {
    const struct rejected_claim *claim;
    int64_t id, retried_ms;
    const char *verdict;
};

// Whoever notes something of an event has its row first, so that two take turns.
static bool lock_event(struct mysql_retries *r, int64_t id, struct error *err) {
    int64_t ignored;
    buf_printf(&r->sql, "SELECT id FROM rejected_events WHERE id = %lld FOR UPDATE", (long long)id);
    return mysql_begin(r->connection, doing, err) && ask_written(r, &ignored, err);
}

static bool insert_claim(struct mysql_retries *r, struct noted *n, struct error *err) {
    const struct rejected_claim *c = n->claim;
    int64_t newest_ms;
    n->retried_ms = 0;
    buf_printf(&r->sql,
               "SELECT " SQL_MS_OF("max(retried_at)") " FROM rejected_retries WHERE id = %lld",
               (long long)n->id);
    if (!ask_written(r, &newest_ms, err)) {
        return false;
    }
    if (newest_ms != c->seen_ms) {
        return true; // somebody was faster
    }
    n->retried_ms = c->now_ms > newest_ms ? c->now_ms : newest_ms + 1;
    buf_printf(&r->sql,
               "INSERT INTO rejected_retries (id, retried_at, verdict, sent_hash) VALUES (%lld, ",
               (long long)n->id);
    sql_put_instant(&r->sql, n->retried_ms);
    buf_printf(&r->sql, ", 'trying', %lld)", (long long)(int64_t)c->sent_hash);
    if (!run_written(r, err)) {
        return false;
    }
    buf_put_str(&r->sql, "DELETE FROM rejected_retries WHERE id < "
                         "(SELECT coalesce(min(id), 0) FROM rejected_events)");
    return run_written(r, err);
}

static bool write_verdict(struct mysql_retries *r, const struct noted *n, struct error *err) {
    if (n->verdict != NULL) {
        buf_put_str(&r->sql, "UPDATE rejected_retries SET verdict = ");
        sql_put_text(&r->sql, text_of(n->verdict));
    } else {
        buf_put_str(&r->sql, "DELETE FROM rejected_retries");
    }
    buf_printf(&r->sql, " WHERE id = %lld AND retried_at = ", (long long)n->id);
    sql_put_instant(&r->sql, n->retried_ms);
    return run_written(r, err);
}

// The event's status is that of its newest try.
static bool write_status(struct mysql_retries *r, int64_t id, struct error *err) {
    buf_printf(&r->sql,
               "UPDATE rejected_events SET status = coalesce((SELECT verdict FROM rejected_retries "
               "WHERE id = %lld ORDER BY retried_at DESC LIMIT 1), 'new') WHERE id = %lld",
               (long long)id, (long long)id);
    return run_written(r, err);
}

static bool write_noted(struct mysql_retries *r, struct noted *n, struct error *err) {
    *err = (struct error){0};
    buf_clear(&r->sql); // of an attempt that broke off
    return lock_event(r, n->id, err) &&
           (n->claim != NULL ? insert_claim(r, n, err) : write_verdict(r, n, err)) &&
           write_status(r, n->id, err) && mysql_end(r->connection, doing, err);
}

// Noting a verdict twice is noting it once. A claim whose commit went through unnoticed is seen as
// somebody else's: the event is left out for this time.
static bool note(struct mysql_retries *r, struct noted *n, struct error *err) {
    for (int attempt = 0; attempt < 3; attempt++) {
        if (r->connection == NULL && !mysql_connection_open(&r->address, MYSQL_ROLE_WRITER,
                                                            TIMEOUT_MS, &r->connection, err)) {
            r->connection = NULL;
            return false;
        }
        if (write_noted(r, n, err)) {
            return true;
        }
        bool again = err->cls == ERROR_RETRIABLE;
        mysql_connection_close(r->connection); // and with it the transaction
        r->connection = NULL;
        if (!again) {
            return false;
        }
    }
    return false;
}

static bool retries_claim(struct rejected_retries *base, const struct rejected_claim *c,
                          int64_t *retried_ms, struct error *err) {
    struct noted n = {.claim = c, .id = c->id};
    bool ok = note(mysql_retries_of(base), &n, err);
    *retried_ms = n.retried_ms;
    return ok;
}

static bool retries_put(struct rejected_retries *base, int64_t id, int64_t retried_ms,
                        const char *verdict, struct error *err) {
    struct noted n = {.id = id, .retried_ms = retried_ms, .verdict = verdict};
    return note(mysql_retries_of(base), &n, err);
}

static void retries_close(struct rejected_retries *base) {
    struct mysql_retries *r = mysql_retries_of(base);
    mysql_connection_close(r->connection);
    buf_free(&r->sql);
    free(r);
}

static const struct rejected_retries_ops ops = {
    .claim = retries_claim, .put = retries_put, .close = retries_close};

bool mysql_retries_open(const struct mysql_address *address, struct rejected_retries **out,
                        struct error *err) {
    struct mysql_retries *r = mem_zalloc(1, sizeof *r);
    r->base.ops = &ops;
    r->address = *address;
    if (!mysql_connection_open(address, MYSQL_ROLE_WRITER, TIMEOUT_MS, &r->connection, err)) {
        r->connection = NULL;
        retries_close(&r->base);
        return false;
    }
    *out = &r->base;
    return true;
}
