// SPDX-License-Identifier: MIT
// recent_orders and recent_changes: the newest of each, for people and for the live page. Cells
// have no single events, and raw orders are elsewhere; so each batch puts its newest here, in its
// transaction, and drops what is behind the newest thousand. Ids grow in the order of commits.
//
// How it fails: as any statement of the transaction does. An amount that cannot be read fails the
// question.
#include "store/mysql/mysql_newest.h"

#include "store/mysql/mysql_decode.h"
#include "store/mysql/mysql_reader_sql.h"
#include "store/mysql/mysql_rows.h"
#include "store/mysql/mysql_sql.h"

enum { NEWEST_KEPT = 1000 };

// --- Writing

static void put_order(struct buf *sql, const struct stored_event *e) {
    const struct order *o = &e->order;
    sql_put_ident(sql, o->order_id);
    buf_put_char(sql, ',');
    sql_put_instant(sql, o->created_ms);
    buf_put_char(sql, ',');
    sql_put_ident(sql, o->customer_id);
    buf_put_char(sql, ',');
    sql_put_amount(sql, o->discount_e4);
    buf_put_char(sql, ',');
    sql_put_ident(sql, o->product_id);
    buf_printf(sql, ",%lld,", (long long)o->quantity);
    sql_put_amount(sql, o->subtotal_e4);
    buf_put_char(sql, ',');
    sql_put_amount(sql, o->tax_e4);
    buf_put_char(sql, ',');
    sql_put_instant(sql, e->arrival_ms);
    buf_put_char(sql, ',');
    sql_put_amount(sql, o->total_e4);
    buf_put_char(sql, ',');
    sql_put_text(sql, o->source);
    buf_put_char(sql, ',');
    sql_put_text(sql, o->state);
    buf_put_char(sql, ',');
    sql_put_text(sql, text_of(o->currency));
    buf_put_char(sql, ',');
    sql_put_amount(sql, o->shipping_e4);
    buf_put_char(sql, ',');
    sql_put_text(sql, o->items_json);
    buf_printf(sql, ",%lld", (long long)e->position);
}

static bool put_orders(struct mysql_connection *c, const struct aggregates_batch *batch,
                       struct buf *sql, struct error *err) {
    struct mysql_rows rows = {
        .c = c,
        .sql = sql,
        .head = "INSERT INTO recent_orders (order_id, created_at, customer_id, discount, "
                "product_id, quantity, subtotal, tax, `timestamp`, total, source, state, currency, "
                "shipping, items, position) VALUES ",
        .tail = "",
        .doing = "storing recent orders",
        .limit_bytes = mysql_rows_limit(c)};
    for (size_t i = 0; i < batch->n_recent; i++) {
        mysql_row_begin(&rows);
        put_order(rows.sql, &batch->recent[i]);
        if (!mysql_row_end(&rows, err)) {
            return false;
        }
    }
    return mysql_rows_flush(&rows, err);
}

static void put_change(struct buf *sql, const struct stored_event *e) {
    const struct order *o = &e->order;
    sql_put_text(sql, text_of(order_kind_name(o->kind)));
    buf_put_char(sql, ',');
    sql_put_ident(sql, o->order_id);
    buf_put_char(sql, ',');
    sql_put_text(sql, o->event_id);
    buf_put_char(sql, ',');
    sql_put_instant(sql, o->created_ms);
    buf_put_char(sql, ',');
    sql_put_instant(sql, e->arrival_ms);
    buf_put_char(sql, ',');
    sql_put_amount(sql, o->total_e4);
    buf_put_char(sql, ',');
    sql_put_text(sql, o->source);
    buf_put_char(sql, ',');
    sql_put_text(sql, o->state);
    buf_put_char(sql, ',');
    sql_put_text(sql, text_of(o->currency));
    buf_printf(sql, ",%lld", (long long)e->position);
}

static bool put_changes(struct mysql_connection *c, const struct aggregates_batch *batch,
                        struct buf *sql, struct error *err) {
    struct mysql_rows rows = {
        .c = c,
        .sql = sql,
        .head = "INSERT INTO recent_changes (event, order_id, event_id, created_at, `timestamp`, "
                "total, source, state, currency, position) VALUES ",
        .tail = "",
        .doing = "storing recent changes",
        .limit_bytes = mysql_rows_limit(c)};
    for (size_t i = 0; i < batch->n_changes; i++) {
        mysql_row_begin(&rows);
        put_change(rows.sql, &batch->changes[i]);
        if (!mysql_row_end(&rows, err)) {
            return false;
        }
    }
    return mysql_rows_flush(&rows, err);
}

static bool drop_older(struct mysql_connection *c, const char *table, struct buf *sql,
                       struct error *err) {
    buf_printf(sql,
               "DELETE FROM %s WHERE id < (SELECT id FROM (SELECT id FROM %s ORDER BY id DESC "
               "LIMIT 1 OFFSET %d) newest)",
               table, table, NEWEST_KEPT - 1);
    return mysql_send(c, sql, "dropping older events", err);
}

bool mysql_newest_put(struct mysql_connection *c, const struct aggregates_batch *batch,
                      struct buf *sql, struct error *err) {
    return put_orders(c, batch, sql, err) && put_changes(c, batch, sql, err) &&
           (batch->n_recent == 0 || drop_older(c, "recent_orders", sql, err)) &&
           (batch->n_changes == 0 || drop_older(c, "recent_changes", sql, err));
}

// --- Reading

static void set_currency(struct order *o, struct text currency) {
    memcpy(o->currency, currency.at, currency.len < 3 ? currency.len : 3);
}

#define ORDER_COLUMNS                                                                              \
    "id, order_id, " SQL_MS_OF("created_at") ", customer_id, product_id, quantity, subtotal, "     \
                                             "discount, shipping, tax, total, " SQL_MS_OF(         \
                                                 "`timestamp`") ", items, source, state, currency"

static bool read_order(const struct mysql_values *v, struct stored_event *out) {
    struct order *o = &out->order;
    *out = (struct stored_event){.position = mysql_int_at(v, 0), .arrival_ms = mysql_int_at(v, 11)};
    o->kind = ORDER_PLACED;
    o->order_id = mysql_ident_at(v, 1);
    o->created_ms = mysql_int_at(v, 2);
    o->customer_id = mysql_ident_at(v, 3);
    o->product_id = mysql_ident_at(v, 4);
    o->quantity = mysql_int_at(v, 5);
    o->items_json = mysql_text_at(v, 12);
    o->source = mysql_text_at(v, 13);
    o->state = mysql_text_at(v, 14);
    set_currency(o, mysql_text_at(v, 15));
    int64_t *const amounts[] = {&o->subtotal_e4, &o->discount_e4, &o->shipping_e4, &o->tax_e4,
                                &o->total_e4};
    for (unsigned i = 0; i < COUNT_OF(amounts); i++) {
        if (!mysql_amount_at(v, 6 + i, amounts[i])) {
            return false;
        }
    }
    return true;
}

#define CHANGE_COLUMNS                                                                             \
    "id, event, order_id, event_id, " SQL_MS_OF("created_at") ", " SQL_MS_OF(                      \
        "`timestamp`") ", "                                                                        \
                       "total, source, state, currency"

static bool read_change(const struct mysql_values *v, struct stored_event *out) {
    struct order *o = &out->order;
    *out = (struct stored_event){.position = mysql_int_at(v, 0), .arrival_ms = mysql_int_at(v, 5)};
    bool refunded = text_equal(mysql_text_at(v, 1), text_of(order_kind_name(ORDER_REFUNDED)));
    o->kind = refunded ? ORDER_REFUNDED : ORDER_CANCELLED;
    o->order_id = mysql_ident_at(v, 2);
    o->event_id = mysql_text_at(v, 3);
    o->created_ms = mysql_int_at(v, 4);
    o->source = mysql_text_at(v, 7);
    o->state = mysql_text_at(v, 8);
    set_currency(o, mysql_text_at(v, 9));
    return mysql_amount_at(v, 6, &o->total_e4);
}

static void newest_sql(struct buf *sql, const char *columns, const char *table, int64_t after,
                       int64_t limit) {
    buf_printf(sql, "SELECT %s FROM %s WHERE id > %lld ORDER BY id DESC LIMIT %lld", columns, table,
               (long long)after, (long long)limit);
}

void mysql_newest_orders_sql(struct buf *sql, int64_t after, int64_t limit) {
    newest_sql(sql, ORDER_COLUMNS, "recent_orders", after, limit);
}

void mysql_newest_changes_sql(struct buf *sql, int64_t after, int64_t limit) {
    newest_sql(sql, CHANGE_COLUMNS, "recent_changes", after, limit);
}

typedef bool (*read_fn)(const struct mysql_values *v, struct stored_event *out);

static bool pass_each(MYSQL_RES *rows, read_fn read, stored_event_fn each, void *user,
                      struct error *err) {
    bool ok = true, go_on = true;
    struct mysql_values v;
    while (ok && go_on && mysql_next(rows, &v)) {
        struct stored_event event;
        ok = read(&v, &event) || mysql_no_amount(err);
        go_on = ok && each(user, &event);
    }
    mysql_free_result(rows);
    return ok;
}

bool mysql_newest_orders_each(MYSQL_RES *rows, stored_event_fn each, void *user,
                              struct error *err) {
    return pass_each(rows, read_order, each, user, err);
}

bool mysql_newest_changes_each(MYSQL_RES *rows, stored_event_fn each, void *user,
                               struct error *err) {
    return pass_each(rows, read_change, each, user, err);
}
