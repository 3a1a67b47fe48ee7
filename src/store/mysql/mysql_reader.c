// SPDX-License-Identifier: MIT
// Reading aggregates in MySQL or MariaDB.
//
// A question is one statement, its rows bounded by LIMIT. Those of sums are many, and handed over
// as they come: the server reads the next ones meanwhile. The others, and products that have to be
// sorted here, are fetched whole first. begin opens a transaction with a consistent snapshot, which
// ends with end; a question outside of one is a snapshot of its own.
//
// How it fails: see mysql_link.h. Within a snapshot a lost connection is the end of it; the caller
// begins anew.
#include "store/mysql/mysql_reader.h"

#include "base/mem.h"
#include "store/mysql/mysql_decode.h"
#include "store/mysql/mysql_link.h"
#include "store/mysql/mysql_newest.h"
#include "store/mysql/mysql_reader_sql.h"
#include "store/mysql/mysql_schema.h"
#include "store/mysql/mysql_sql.h"
#include "store/mysql/mysql_store.h"
#include "store/sales_query.h"
#include <stdlib.h>

#define ADDING_UP "adding up sales"

struct mysql_reader {
    struct sales_reader base;
    struct mysql_link link;
    struct raw_opener raw_opener;
    struct raw_reader *raw; // NULL: not opened yet, or failed
    struct buf sql;         // scratch
};

static struct mysql_reader *mysql_reader_of(struct sales_reader *r) {
    return (struct mysql_reader *)r;
}

static bool is_written(struct mysql_reader *r, struct error *err) {
    if (!r->sql.failed) {
        return true;
    }
    buf_free(&r->sql);
    return error_set(err, ERROR_RETRIABLE, "out of memory");
}

// The rows of what was written into r->sql; NULL: err tells.
static MYSQL_RES *ask_written(struct mysql_reader *r, const char *doing, struct error *err) {
    return is_written(r, err) ? mysql_link_rows(&r->link, buf_text(&r->sql), doing, err) : NULL;
}

// --- Rows

static struct text text_or(const struct mysql_values *v, int column, struct text known) {
    return column < 0 ? known : mysql_text_at(v, (unsigned)column);
}

static bool read_sales_row(const struct mysql_values *v, const struct mysql_sales_columns *c,
                           const struct sales_query *q, struct sales_row *out) {
    *out = (struct sales_row){
        .bucket = c->bucket >= 0             ? (int32_t)mysql_int_at(v, (unsigned)c->bucket)
                  : q->bucket != BUCKET_NONE ? q->from
                                             : 0,
        .source = text_or(v, c->source, TEXT_NONE),
        .state = text_or(v, c->state, TEXT_NONE),
        .product_id = c->product < 0 ? IDENT_NONE : mysql_ident_at(v, (unsigned)c->product),
        .currency = text_or(v, c->currency, q->filters[SALES_CURRENCY].values[0])};
    return mysql_measures_at(v, (unsigned)c->measures, sales_query_of_products(q), &out->sum);
}

// --- Sales

static int compare_products(const void *left, const void *right) {
    return sales_row_compare(left, right);
}

// At most max_rows of them, sorted here.
static bool each_product(MYSQL_RES *rows, const struct sales_query *q, sales_row_fn each,
                         void *user, struct error *err) {
    struct mysql_sales_columns columns = mysql_sales_columns(q);
    size_t n = (size_t)mysql_num_rows(rows);
    struct sales_row *all = try_alloc((n + 1) * sizeof *all);
    bool ok = all != NULL || error_set(err, ERROR_RETRIABLE, "out of memory");
    for (size_t i = 0; ok && i < n; i++) {
        struct mysql_values v; // of rows that stay until the result is freed
        ok = mysql_next(rows, &v) &&
             (read_sales_row(&v, &columns, q, &all[i]) || mysql_no_amount(err));
    }
    if (ok) {
        qsort(all, n, sizeof *all, compare_products);
        for (size_t i = 0; i < n && each(user, &all[i]); i++) {
        }
    }
    free(all);
    return ok;
}

static bool sorted_products(struct mysql_reader *r, const struct sales_query *q, sales_row_fn each,
                            void *user, struct error *err) {
    MYSQL_RES *rows = ask_written(r, ADDING_UP, err);
    if (rows == NULL) {
        return false;
    }
    bool ok = (int64_t)mysql_num_rows(rows) > q->max_rows ? sales_query_too_long(q, err)
                                                          : each_product(rows, q, each, user, err);
    mysql_free_result(rows);
    return ok;
}

// Rows on their way to the caller.
struct passing {
    const struct sales_query *q;
    struct mysql_sales_columns columns;
    sales_row_fn each;
    void *user;
    int64_t n;
    enum { PASSING_OK, PASSING_NO_AMOUNT, PASSING_TOO_LONG } problem;
};

static bool pass_row(void *user, const struct mysql_values *v) {
    struct passing *p = user;
    struct sales_row row;
    p->problem = ++p->n > p->q->max_rows                       ? PASSING_TOO_LONG
                 : !read_sales_row(v, &p->columns, p->q, &row) ? PASSING_NO_AMOUNT
                                                               : PASSING_OK;
    return p->problem == PASSING_OK && p->each(p->user, &row);
}

static bool groups_as_they_come(struct mysql_reader *r, const struct sales_query *q,
                                sales_row_fn each, void *user, struct error *err) {
    struct passing p = {.q = q, .columns = mysql_sales_columns(q), .each = each, .user = user};
    if (!is_written(r, err) || !mysql_link_each(&r->link, buf_text(&r->sql), ADDING_UP,
                                                q->deadline_ns, pass_row, &p, err)) {
        return false;
    }
    return p.problem == PASSING_TOO_LONG    ? sales_query_too_long(q, err)
           : p.problem == PASSING_NO_AMOUNT ? mysql_no_amount(err)
                                            : true;
}

static bool reader_sales(struct sales_reader *base, const struct sales_query *q, sales_row_fn each,
                         void *user, struct error *err) {
    struct mysql_reader *r = mysql_reader_of(base);
    if (!sales_query_check(q, err)) {
        return false;
    }
    buf_clear(&r->sql);
    mysql_sales_sql(&r->sql, q);
    bool sorted_here = q->by_product && !q->any_order;
    return (sorted_here ? sorted_products : groups_as_they_come)(r, q, each, user, err);
}

// --- Orders

static bool reader_order(struct sales_reader *base, struct ident order_id, stored_event_fn each,
                         void *user, struct error *err) {
    struct mysql_reader *r = mysql_reader_of(base);
    if (r->raw == NULL && !r->raw_opener.open(r->raw_opener.user, &r->raw, err)) {
        r->raw = NULL;
        return false;
    }
    if (r->raw->ops->order(r->raw, order_id, each, user, err)) {
        return true;
    }
    r->raw->ops->close(r->raw); // the next question opens another
    r->raw = NULL;
    return false;
}

static bool reader_recent(struct sales_reader *base, int64_t after_position, int64_t limit,
                          stored_event_fn each, void *user, struct error *err) {
    struct mysql_reader *r = mysql_reader_of(base);
    buf_clear(&r->sql);
    mysql_newest_orders_sql(&r->sql, after_position, limit);
    MYSQL_RES *rows = ask_written(r, "reading the newest orders", err);
    return rows != NULL && mysql_newest_orders_each(rows, each, user, err);
}

// No table, of an earlier program, or no right to it.
static bool is_not_there(const struct mysql_reader *r) {
    return r->link.connection != NULL && r->link.connection->fault == MYSQL_FAULT_USAGE;
}

static bool reader_recent_changes(struct sales_reader *base, int64_t after_position, int64_t limit,
                                  stored_event_fn each, void *user, bool *kept, struct error *err) {
    struct mysql_reader *r = mysql_reader_of(base);
    buf_clear(&r->sql);
    mysql_newest_changes_sql(&r->sql, after_position, limit);
    MYSQL_RES *rows = ask_written(r, "reading the newest changes", err);
    *kept = rows != NULL;
    return rows != NULL ? mysql_newest_changes_each(rows, each, user, err) : is_not_there(r);
}

// --- The rest

static bool reader_rejected(struct sales_reader *base, int64_t before_id, int64_t limit,
                            rejected_row_fn each, void *user, struct error *err) {
    struct mysql_reader *r = mysql_reader_of(base);
    buf_clear(&r->sql);
    buf_printf(
        &r->sql,
        "SELECT e.id, " SQL_MS_OF(
            "arrived_at") ", field, code, message, "
                          "coalesce(event_raw, event), event_bytes, " SQL_MS_OF(
                              "t.retried_at") ", t.verdict, t.sent_hash "
                                              "FROM rejected_events e LEFT JOIN rejected_retries t "
                                              "ON t.id = e.id AND "
                                              "t.retried_at = (SELECT max(retried_at) FROM "
                                              "rejected_retries WHERE id = e.id) "
                                              "WHERE e.id < %lld AND coalesce(t.verdict, '') <> "
                                              "'replaced' "
                                              "ORDER BY e.id DESC LIMIT %lld",
        (long long)before_id, (long long)limit);
    MYSQL_RES *rows = ask_written(r, "reading rejected events", err);
    if (rows == NULL) {
        return false;
    }
    bool go_on = true;
    struct mysql_values v;
    while (go_on && mysql_next(rows, &v)) {
        struct rejected_row found = {.id = mysql_int_at(&v, 0),
                                     .arrival_ms = mysql_int_at(&v, 1),
                                     .field = mysql_text_at(&v, 2),
                                     .code = mysql_text_at(&v, 3),
                                     .message = mysql_text_at(&v, 4),
                                     .raw = mysql_text_at(&v, 5),
                                     .retried_ms = mysql_int_at(&v, 7),
                                     .retried_verdict = mysql_text_at(&v, 8),
                                     .sent_hash = (uint64_t)mysql_int_at(&v, 9)};
        found.raw_bytes = mysql_int_at(&v, 6);
        found.raw_cut = found.raw_bytes > (int64_t)found.raw.len;
        go_on = each(user, &found);
    }
    mysql_free_result(rows);
    return true;
}

static bool reader_rejected_codes(struct sales_reader *base, int64_t newest, rejected_code_fn each,
                                  void *user, struct error *err) {
    struct mysql_reader *r = mysql_reader_of(base);
    buf_clear(&r->sql);
    buf_printf(&r->sql,
               "SELECT code, COUNT(*) FROM (SELECT code FROM rejected_events ORDER BY id DESC "
               "LIMIT %lld) newest GROUP BY code ORDER BY 2 DESC, 1",
               (long long)newest);
    MYSQL_RES *rows = ask_written(r, "counting rejected events", err);
    if (rows == NULL) {
        return false;
    }
    struct mysql_values v;
    while (mysql_next(rows, &v) && each(user, mysql_text_at(&v, 0), mysql_int_at(&v, 1))) {
    }
    mysql_free_result(rows);
    return true;
}

static bool read_state(struct mysql_connection *c, const char *doing, void *user,
                       struct error *err) {
    UNUSED(doing);
    return mysql_state_read(c, user, err);
}

static bool reader_counts(struct sales_reader *base, struct store_counts *counts,
                          int64_t *last_batch_id, struct error *err) {
    struct aggregates_state state;
    if (!mysql_link_ask(&mysql_reader_of(base)->link, read_state, "reading the counts", &state,
                        err)) {
        return false;
    }
    *counts = state.counts;
    *last_batch_id = state.last_batch_id;
    return true;
}

static bool reader_batch_committed(struct sales_reader *base, int64_t batch_id,
                                   int64_t *committed_ms, struct error *err) {
    struct mysql_reader *r = mysql_reader_of(base);
    buf_clear(&r->sql);
    buf_printf(&r->sql,
               "SELECT " SQL_MS_OF("committed_at") " FROM pipeline_batches WHERE batch_id = %lld",
               (long long)batch_id);
    MYSQL_RES *rows = ask_written(r, "reading when a batch was committed", err);
    if (rows == NULL) {
        return false;
    }
    struct mysql_values v;
    *committed_ms = mysql_next(rows, &v) ? mysql_int_at(&v, 0) : 0;
    mysql_free_result(rows);
    return true;
}

static bool reader_positions(struct sales_reader *base, const char *topic, counted_position_fn each,
                             void *user, struct error *err) {
    struct mysql_reader *r = mysql_reader_of(base);
    buf_clear(&r->sql);
    buf_put_str(&r->sql, "SELECT `partition`, next_offset, topic_id FROM pipeline_positions WHERE "
                         "next_offset >= 0 AND topic = ");
    sql_put_text(&r->sql, text_of(topic));
    MYSQL_RES *rows = ask_written(r, "reading how far partitions were counted", err);
    if (rows == NULL) {
        return false;
    }
    struct mysql_values v;
    bool go_on = true;
    while (go_on && mysql_next(rows, &v)) {
        struct counted_position found = {.partition = (int32_t)mysql_int_at(&v, 0),
                                         .next_offset = mysql_int_at(&v, 1),
                                         .topic_id = mysql_text_at(&v, 2)};
        go_on = each(user, &found);
    }
    mysql_free_result(rows);
    return true;
}

static bool reader_floors(struct sales_reader *base, int32_t *minute_floor, int32_t *hour_floor,
                          struct error *err) {
    struct aggregates_state state;
    if (!mysql_link_ask(&mysql_reader_of(base)->link, read_state, "reading what is kept", &state,
                        err)) {
        return false;
    }
    *minute_floor = state.minute_floor;
    *hour_floor = state.hour_floor;
    return true;
}

static bool reader_day_changes(struct sales_reader *base, int32_t from, int32_t to,
                               day_change_fn each, void *user, bool *complete, struct error *err) {
    struct mysql_reader *r = mysql_reader_of(base);
    *complete = false;
    buf_clear(&r->sql);
    mysql_day_changes_sql(&r->sql, from, to);
    MYSQL_RES *rows = ask_written(r, "reading which days have changed", err);
    if (rows == NULL) {
        return is_not_there(r); // they are not known
    }
    struct mysql_values v;
    bool go_on = true;
    while (go_on && mysql_next(rows, &v)) {
        struct day_change change = {.day = (int32_t)mysql_int_at(&v, 0),
                                    .changed_ms = mysql_int_at(&v, 1),
                                    .accepted = mysql_int_at(&v, 2)};
        if (v.row[0] == NULL) {
            *complete = change.accepted != 0;
        } else {
            go_on = each(user, &change);
        }
    }
    mysql_free_result(rows);
    return true;
}

static bool reader_begin(struct sales_reader *base, struct error *err) {
    return mysql_link_begin(&mysql_reader_of(base)->link, err);
}

static void reader_end(struct sales_reader *base) {
    mysql_link_end(&mysql_reader_of(base)->link);
}

static void reader_close(struct sales_reader *base) {
    struct mysql_reader *r = mysql_reader_of(base);
    if (r->raw != NULL) {
        r->raw->ops->close(r->raw);
    }
    mysql_link_close(&r->link);
    buf_free(&r->sql);
    free(r);
}

static const struct sales_reader_ops reader_ops = {
    .order = reader_order,
    .sales = reader_sales,
    .recent = reader_recent,
    .recent_changes = reader_recent_changes,
    .rejected = reader_rejected,
    .rejected_codes = reader_rejected_codes,
    .counts = reader_counts,
    .batch_committed = reader_batch_committed,
    .positions = reader_positions,
    .floors = reader_floors,
    .day_changes = reader_day_changes,
    .begin = reader_begin,
    .end = reader_end,
    .close = reader_close,
};
static const struct sales_reader_ops reader_ops_without_raw = {
    .sales = reader_sales,
    .recent = reader_recent,
    .recent_changes = reader_recent_changes,
    .rejected = reader_rejected,
    .rejected_codes = reader_rejected_codes,
    .counts = reader_counts,
    .batch_committed = reader_batch_committed,
    .positions = reader_positions,
    .floors = reader_floors,
    .day_changes = reader_day_changes,
    .begin = reader_begin,
    .end = reader_end,
    .close = reader_close,
};

bool mysql_reader_open(const struct mysql_address *address, struct raw_opener raw, int timeout_ms,
                       struct sales_reader **out, struct store_settings *settings,
                       struct error *err) {
    struct mysql_reader *r = mem_zalloc(1, sizeof *r);
    r->base.ops = raw.open != NULL ? &reader_ops : &reader_ops_without_raw;
    r->raw_opener = raw;
    r->link = (struct mysql_link){.address = *address, .timeout_ms = timeout_ms};
    struct mysql_connection *c = NULL;
    bool ok = mysql_connection_open(address, MYSQL_ROLE_READER, timeout_ms, &c, err);
    r->link.connection = ok ? c : NULL;
    if (!ok || !mysql_settings_read(c, settings, err)) {
        reader_close(&r->base);
        return false;
    }
    *out = &r->base;
    return true;
}
