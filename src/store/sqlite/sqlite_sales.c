// SPDX-License-Identifier: MIT
// Sums of sales from cells.
//
// 1. A query's kind (grouping, bucket, all time, filtered or not) has one statement, which is
//    prepared once; range, filters and limit are its parameters. A filter is a JSON array.
// 2. Cells of the range are read in the order of their keys, joined with their names and added up
// by
//    what is asked for. (To add up by integer ids first is slower: few cells share bucket and id.)
//    With filters only cells of the wanted ids are taken: groups are few, so the
//    range is scanned and others are left out; products are many and wanted ones few, so each
//    wanted product is looked up in each day.
//
// Fails when a statement cannot be prepared or stepped: the caller knows about time-outs.
#include "store/sqlite/sqlite_sales.h"

#include "store/sales_query.h"
#include "store/sqlite/sqlite_schema.h"

#define WANTED(column, n) "(" n " IS NULL OR " column " IN (SELECT value FROM json_each(" n ")))"
// The ids of groups or products that pass the filters ?4 to ?7, in the order of enum sales_field.
#define WANTED_GROUPS                                                                              \
    "SELECT id FROM sales_groups WHERE " WANTED("source", "?4") " AND " WANTED(                    \
        "state", "?5") " AND " WANTED("currency", "?7")
#define WANTED_PRODUCTS "SELECT id FROM sales_products WHERE " WANTED("currency", "?7")
// Those of the filter ?6, found by their index.
#define NAMED_PRODUCTS                                                                             \
    "SELECT id, product_id, currency FROM sales_products WHERE product_id IN (SELECT value FROM "  \
    "json_each(?6)) AND " WANTED("currency", "?7")
// The days of the range that have cells, each found from the one before; NULL after the last.
#define FIRST_DAY_FROM(key)                                                                        \
    "(SELECT cell >> 32 FROM product_cells WHERE cell >= " key " ORDER BY cell LIMIT 1)"
#define DAYS                                                                                       \
    "WITH RECURSIVE days(n) AS (SELECT " FIRST_DAY_FROM("?1") " UNION ALL SELECT " FIRST_DAY_FROM( \
        "(n + 1) << 32") " FROM days WHERE n < ?2 >> 32), named AS MATERIALIZED (" NAMED_PRODUCTS  \
                         ") "

// The cells of the range that pass the filters, with their names: `FROM ... WHERE ...`.
static void put_cells(struct buf *sql, const struct sales_query *q) {
    const char *table = cells_table_names[sales_query_table(q)];
    bool of_products = sales_query_of_products(q);
    if (of_products && q->filters[SALES_PRODUCT].n > 0) {
        buf_printf(sql,
                   " FROM days CROSS JOIN named d CROSS JOIN %s ON cell = (days.n << 32) + d.id "
                   "WHERE cell >= ?1 AND cell < ?2",
                   table);
        return;
    }
    // CROSS JOIN: names are looked up for cells, never the other way round.
    buf_printf(sql,
               " FROM %s CROSS JOIN %s d ON d.id = cell & 4294967295 WHERE cell >= ?1 AND "
               "cell < ?2",
               table, of_products ? "sales_products" : "sales_groups");
    if (q->bucket == BUCKET_MINUTE || q->bucket == BUCKET_HOUR) {
        buf_printf(sql, " AND cell >= (SELECT %s << 32 FROM pipeline_state)",
                   q->bucket == BUCKET_MINUTE ? "minute_floor" : "hour_floor");
    }
    if (sales_query_is_filtered(q)) {
        buf_printf(sql, " AND cell & 4294967295 IN (%s)",
                   of_products ? WANTED_PRODUCTS : WANTED_GROUPS);
    }
}

// Columns: bucket, source, state, product, currency, then the measures.
static void put_sales(struct buf *sql, const struct sales_query *q) {
    static const char *const measures[] = {
        "orders", "units",    "subtotal_e4",      "discount_e4", "shipping_e4",
        "tax_e4", "total_e4", "cancelled_orders", "refunds",     "refunded_total_e4"};
    bool cells = sales_query_is_cells(q);
    buf_put_str(sql, q->filters[SALES_PRODUCT].n > 0 ? DAYS : "");
    buf_printf(sql, "SELECT %s, %s, %s, %s, d.currency",
               q->bucket == BUCKET_NONE ? "0" : "cell >> 32", q->by_source ? "d.source" : "NULL",
               q->by_state ? "d.state" : "NULL", q->by_product ? "d.product_id" : "NULL");
    for (size_t i = 0; i < COUNT_OF(measures); i++) {
        buf_printf(sql, cells ? ", %s" : ", sum(%s)", measures[i]);
    }
    put_cells(sql, q);
    buf_put_str(sql, cells ? "" : " GROUP BY 1, 2, 3, 4, 5");
    buf_put_str(sql, q->any_order ? " LIMIT ?3" : " ORDER BY 1, 2, 3, 4, 5 LIMIT ?3");
}

// What decides about the statement, in SALES_KINDS.
static size_t kind_of(const struct sales_query *q) {
    size_t filtered = q->filters[SALES_PRODUCT].n > 0 ? 2 : sales_query_is_filtered(q) ? 1 : 0;
    return (size_t)q->bucket << 8 | (size_t)q->by_product << 7 | (size_t)q->by_state << 6 |
           (size_t)q->by_source << 5 | filtered << 3 | (size_t)sales_query_all_time(q) << 2 |
           (size_t)sales_query_is_cells(q) << 1 | (size_t)q->any_order;
}

// The statement of this kind of query, prepared at its first use; NULL: err says why.
static sqlite3_stmt *sales_stmt(struct sqlite_sales *s, sqlite3 *db, const struct sales_query *q,
                                struct error *err) {
    size_t kind = kind_of(q);
    if (s->statements[kind] == NULL) {
        struct buf sql = {0};
        put_sales(&sql, q);
        buf_put_char(&sql, '\0');
        bool ok = sql.failed ? error_set(err, ERROR_RETRIABLE, "out of memory")
                             : sqlite_prepare(db, sql.at, &s->statements[kind], err);
        buf_free(&sql);
        if (!ok) {
            return NULL;
        }
    }
    return s->statements[kind];
}

// --- Parameters

static void put_filter(struct buf *json, enum sales_field field,
                       const struct sales_filter *filter) {
    buf_clear(json);
    for (size_t i = 0; i < filter->n; i++) {
        struct text value = filter->values[i];
        buf_put_char(json, i == 0 ? '[' : ',');
        if (field == SALES_PRODUCT && ident_of_text(value).num >= 0) {
            buf_put_text(json, value); // as it is stored: an integer
        } else {
            buf_put_json(json, value);
        }
    }
    buf_put_char(json, ']');
}

static bool bind_filters(struct sqlite_sales *s, sqlite3_stmt *stmt, const struct sales_query *q) {
    bool ok = true;
    for (int f = 0; f < SALES_FIELDS; f++) {
        if (q->filters[f].n == 0) {
            sqlite3_bind_null(stmt, 4 + f);
            continue;
        }
        put_filter(&s->filters[f], (enum sales_field)f, &q->filters[f]);
        ok = ok && !s->filters[f].failed;
        sqlite_bind_text(stmt, 4 + f, buf_text(&s->filters[f]));
    }
    return ok;
}

static void bind_range(sqlite3_stmt *stmt, const struct sales_query *q) {
    bool totals = sales_query_table(q) == CUBE_TOTALS;
    int64_t from = totals ? 0 : cell_key(q->from, 0);
    int64_t to = totals || q->to == INT32_MAX ? INT64_MAX : cell_key(q->to, 0);
    sqlite3_bind_int64(stmt, 1, from);
    sqlite3_bind_int64(stmt, 2, to);
    sqlite3_bind_int64(stmt, 3, q->max_rows + 1);
}

// --- Rows

static void read_measures(sqlite3_stmt *stmt, int first, struct measures *m) {
    m->orders = sqlite3_column_int64(stmt, first);
    m->units = sqlite3_column_int64(stmt, first + 1);
    m->subtotal_e4 = sqlite3_column_int64(stmt, first + 2);
    m->discount_e4 = sqlite3_column_int64(stmt, first + 3);
    m->shipping_e4 = sqlite3_column_int64(stmt, first + 4);
    m->tax_e4 = sqlite3_column_int64(stmt, first + 5);
    m->total_e4 = sqlite3_column_int64(stmt, first + 6);
    m->cancelled_orders = sqlite3_column_int64(stmt, first + 7);
    m->refunds = sqlite3_column_int64(stmt, first + 8);
    m->refunded_total_e4 = sqlite3_column_int64(stmt, first + 9);
}

static bool each_sales_row(sqlite3_stmt *stmt, const struct sales_query *q, sales_row_fn each,
                           void *user, bool *failed, struct error *err) {
    int rc = SQLITE_DONE;
    int64_t n = 0;
    bool go_on = true;
    while (go_on && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (++n > q->max_rows) {
            return sales_query_too_long(q, err);
        }
        struct sales_row row = {.bucket = sqlite3_column_int(stmt, 0),
                                .source = sqlite_column_text(stmt, 1),
                                .state = sqlite_column_text(stmt, 2),
                                .product_id = sqlite_column_ident(stmt, 3),
                                .currency = sqlite_column_text(stmt, 4)};
        read_measures(stmt, 5, &row.sum);
        go_on = each(user, &row);
    }
    *failed = go_on && rc != SQLITE_DONE;
    return !*failed;
}

bool sqlite_sales_ask(struct sqlite_sales *s, sqlite3 *db, const struct sales_query *q,
                      sales_row_fn each, void *user, bool *failed, struct error *err) {
    *failed = false;
    if (!sales_query_check(q, err)) {
        return false;
    }
    sqlite3_stmt *stmt = sales_stmt(s, db, q, err);
    if (stmt == NULL) {
        return false;
    }
    bind_range(stmt, q);
    bool ok = bind_filters(s, stmt, q) || error_set(err, ERROR_RETRIABLE, "out of memory");
    ok = ok && each_sales_row(stmt, q, each, user, failed, err);
    sqlite3_reset(stmt);
    return ok;
}

void sqlite_sales_close(struct sqlite_sales *s) {
    for (size_t i = 0; i < SALES_KINDS; i++) {
        sqlite3_finalize(s->statements[i]);
    }
    for (int f = 0; f < SALES_FIELDS; f++) {
        buf_free(&s->filters[f]);
    }
    *s = (struct sqlite_sales){0};
}
