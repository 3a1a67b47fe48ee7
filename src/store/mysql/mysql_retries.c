// SPDX-License-Identifier: MIT
// Retries of rejected events in MySQL or MariaDB: a row in rejected_retries, and the verdict as the
// status of the rejected event, in one transaction. Rows of events that are no longer kept go when
// another is put. A connection that was lost is made again with the next one.
#include "base/mem.h"
#include "store/mysql/mysql_reader.h"
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

static bool run_written(struct mysql_retries *r, struct error *err) {
    return r->sql.failed ? error_set(err, ERROR_RETRIABLE, "out of memory")
                         : mysql_run(r->connection, buf_text(&r->sql), "noting a retry", err);
}

static bool write_rows(struct mysql_retries *r, int64_t id, int64_t retried_ms, const char *verdict,
                       struct error *err) {
    static const char expire[] = "DELETE FROM rejected_retries WHERE id < "
                                 "(SELECT coalesce(min(id), 0) FROM rejected_events)";
    buf_clear(&r->sql);
    buf_printf(&r->sql, "REPLACE INTO rejected_retries (id, retried_at, verdict) VALUES (%lld, ",
               (long long)id);
    sql_put_instant(&r->sql, retried_ms);
    buf_put_str(&r->sql, ", ");
    sql_put_text(&r->sql, text_of(verdict));
    buf_put_char(&r->sql, ')');
    if (!mysql_run(r->connection, TEXT_LIT("START TRANSACTION"), "noting a retry", err) ||
        !run_written(r, err)) {
        return false;
    }
    buf_clear(&r->sql);
    buf_put_str(&r->sql, "UPDATE rejected_events SET status = ");
    sql_put_text(&r->sql, text_of(verdict));
    buf_printf(&r->sql, " WHERE id = %lld", (long long)id);
    return run_written(r, err) &&
           mysql_run(r->connection, (struct text){expire, sizeof expire - 1}, "noting a retry",
                     err) &&
           mysql_run(r->connection, TEXT_LIT("COMMIT"), "noting a retry", err);
}

static bool retries_put(struct rejected_retries *base, int64_t id, int64_t retried_ms,
                        const char *verdict, struct error *err) {
    struct mysql_retries *r = mysql_retries_of(base);
    for (int attempt = 0; attempt < 3; attempt++) { // putting it twice is putting it once
        if (r->connection == NULL && !mysql_connection_open(&r->address, MYSQL_ROLE_WRITER,
                                                            TIMEOUT_MS, &r->connection, err)) {
            r->connection = NULL;
            return false;
        }
        if (write_rows(r, id, retried_ms, verdict, err)) {
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

static void retries_close(struct rejected_retries *base) {
    struct mysql_retries *r = mysql_retries_of(base);
    mysql_connection_close(r->connection);
    buf_free(&r->sql);
    free(r);
}

static const struct rejected_retries_ops ops = {.put = retries_put, .close = retries_close};

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
