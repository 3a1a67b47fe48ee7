// SPDX-License-Identifier: MIT
// Forgetting a customer in MySQL or MariaDB.
//
// 1. recent_orders: one UPDATE by customer_id; it has the newest 1,000 orders.
// 2. rejected_events: read some hundred at a time from the oldest on; those that name the customer
//    lose text, key and message. Each UPDATE is a transaction of its own, so that nobody waits.
//
// How it fails: one line; what was blanked stays so, and doing it all again is right.
#include "store/mysql/mysql_forget.h"

#include "store/mysql/mysql_decode.h"
#include "store/mysql/mysql_sql.h"
#include <stdio.h>

enum { STEP_ROWS = 200, TIMEOUT_MS = 30000 };

static const char doing[] = "forgetting a customer";

static bool run_text(struct mysql_connection *c, struct buf *sql, int64_t *n, struct error *err) {
    bool ok = sql->failed ? error_set(err, ERROR_RETRIABLE, "out of memory")
                          : mysql_run(c, buf_text(sql), doing, err);
    buf_clear(sql);
    if (ok && n != NULL) {
        *n += mysql_rows(c);
    }
    return ok;
}

static bool forget_recent(struct mysql_connection *c, struct ident customer, struct buf *sql,
                          int64_t *n, struct error *err) {
    buf_put_str(sql, "UPDATE recent_orders SET customer_id = '' WHERE customer_id = ");
    sql_put_ident(sql, customer);
    return run_text(c, sql, n, err);
}

static bool blank_event(struct mysql_connection *c, int64_t id, struct buf *sql, int64_t *n,
                        struct error *err) {
    char event[FORGOTTEN_EVENT_MAX_BYTES];
    int len = snprintf(event, sizeof event, FORGOTTEN_EVENT_FORMAT, (long long)id);
    buf_put_str(sql, "UPDATE rejected_events SET event_raw = NULL, event_key = NULL, message = '" //
                FORGOTTEN_MESSAGE "', event = ");
    sql_put_text(sql, text_of(event));
    buf_printf(sql, ", event_bytes = %d WHERE id = %lld", len, (long long)id);
    return run_text(c, sql, n, err);
}

// Those of one step that name the customer, by their ids; *after: how far it has come.
static bool find_events(struct mysql_connection *c, struct ident customer, struct buf *sql,
                        int64_t *after, int64_t ids[static STEP_ROWS], size_t *n_ids, bool *more,
                        struct error *err) {
    struct mysql_values v;
    buf_printf(sql,
               "SELECT id, event, event_raw, message, event_key FROM rejected_events WHERE id > "
               "%lld ORDER BY "
               "id LIMIT %d",
               (long long)*after, STEP_ROWS);
    MYSQL_RES *rows = sql->failed ? NULL : mysql_ask(c, buf_text(sql), doing, err);
    bool ok = rows != NULL || (sql->failed && error_set(err, ERROR_RETRIABLE, "out of memory"));
    buf_clear(sql);
    *n_ids = 0;
    *more = false;
    while (ok && mysql_next(rows, &v)) {
        *after = mysql_int_at(&v, 0);
        *more = true;
        if (rejected_names(mysql_text_at(&v, 1), mysql_text_at(&v, 3), customer) ||
            customer_named(mysql_text_at(&v, 2), customer) ||
            customer_named(mysql_text_at(&v, 4), customer)) {
            ids[(*n_ids)++] = *after;
        }
    }
    mysql_free_result(rows);
    return ok;
}

static bool forget_rejected(struct mysql_connection *c, struct ident customer,
                            const atomic_bool *stop, struct buf *sql, int64_t *n,
                            struct error *err) {
    int64_t after = 0, ids[STEP_ROWS];
    bool ok = true, more = true;
    while (ok && more) {
        size_t n_ids = 0;
        ok = !atomic_load(stop) ||
             error_set(err, ERROR_USAGE, "stopped in the middle: run it again to forget the rest");
        ok = ok && find_events(c, customer, sql, &after, ids, &n_ids, &more, err);
        for (size_t i = 0; ok && i < n_ids; i++) {
            ok = blank_event(c, ids[i], sql, n, err);
        }
    }
    return ok;
}

bool mysql_forget(const struct mysql_address *address, struct ident customer,
                  const atomic_bool *stop, struct forgotten *out, struct error *err) {
    struct mysql_connection *c;
    struct buf sql = {0};
    if (!mysql_connection_open(address, MYSQL_ROLE_WRITER, TIMEOUT_MS, &c, err)) {
        return false;
    }
    bool ok = forget_recent(c, customer, &sql, &out->recent, err) &&
              forget_rejected(c, customer, stop, &sql, &out->rejected, err);
    mysql_connection_close(c);
    buf_free(&sql);
    return ok;
}
