// SPDX-License-Identifier: MIT
#include "store/mysql/mysql_reader_sql.h"

#include "store/mysql/mysql_sql.h"

enum { LAST_DAY = 200000 }; // in the year 2517: past every order's

#define HOURS_A_DAY 24
#define MINUTES_A_DAY (24 * 60)
#define UNIX_DAY "719528" // TO_DAYS('1970-01-01')

const struct mysql_cells_table mysql_cells_tables[CUBE_TABLES] = {
    [CUBE_TOTALS] = {"sales_totals", NULL, "0"},
    [CUBE_MINUTE] = {"sales_by_minute", "bucket", "TIMESTAMPDIFF(MINUTE, '1970-01-01', bucket)"},
    [CUBE_HOUR] = {"sales_by_hour", "bucket", "TIMESTAMPDIFF(HOUR, '1970-01-01', bucket)"},
    [CUBE_DAY] = {"sales_by_day", "bucket", "TO_DAYS(bucket) - " UNIX_DAY},
    [CUBE_PRODUCT] = {"sales_by_product", "day", "TO_DAYS(day) - " UNIX_DAY},
};

void mysql_put_bucket(struct buf *out, enum cube_table table, int32_t number) {
    switch (table) {
    case CUBE_MINUTE:
        sql_put_minute(out, number);
        break;
    case CUBE_HOUR:
        sql_put_hour(out, number);
        break;
    default:
        sql_put_day(out, number);
        break;
    }
}

// What lies outside of all orders there can be is no condition: a date of MySQL has its limits too.
static void put_range(struct buf *out, const struct sales_query *q, enum cube_table table) {
    int32_t last = table == CUBE_MINUTE ? LAST_DAY * MINUTES_A_DAY
                   : table == CUBE_HOUR ? LAST_DAY * HOURS_A_DAY
                                        : LAST_DAY;
    const char *bucket = mysql_cells_tables[table].bucket;
    if (q->from > last || q->to < -1 || q->from >= q->to) {
        buf_put_str(out, " AND FALSE");
        return;
    }
    // Of one bucket it is the beginning of a key, which no row has to be held against.
    bool one = q->to == q->from + 1 && q->from > -1 && q->to <= last;
    if (q->from > -1) { // days west of Greenwich begin at -1
        buf_printf(out, " AND %s %s ", bucket, one ? "=" : ">=");
        mysql_put_bucket(out, table, q->from);
    }
    if (q->to <= last && !one) {
        buf_printf(out, " AND %s < ", bucket);
        mysql_put_bucket(out, table, q->to);
    }
}

// Products are many and wanted ones few: the table of sums by product has a key that begins with
// the product. Groups are few: the range is read, and those of others are left out.
static void put_filters(struct buf *out, const struct sales_query *q) {
    static const char *const columns[SALES_FIELDS] = {"source", "state", "product_id", "currency"};
    for (int f = 0; f < SALES_FIELDS; f++) {
        const struct sales_filter *filter = &q->filters[f];
        for (size_t i = 0; i < filter->n; i++) {
            buf_printf(out, i == 0 ? " AND %s IN (" : ", ", columns[f]);
            sql_put_text(out, filter->values[i]);
        }
        buf_put_str(out, filter->n > 0 ? ")" : "");
    }
}

static void put_measures(struct buf *out, bool by_product, bool summed) {
    static const char *const names[] = {"orders",   "units",         "subtotal", "discount",
                                        "shipping", "tax",           "total",    "cancelled_orders",
                                        "refunds",  "refunded_total"};
    static const char *const of_products[] = {"orders", "units", "total"};
    const char *const *list = by_product ? of_products : names;
    size_t n = by_product ? COUNT_OF(of_products) : COUNT_OF(names);
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, summed ? "%sSUM(%s)" : "%s%s", i > 0 ? ", " : "", list[i]);
    }
}

// What is the same in each row is neither asked for nor grouped by: thousands of rows are common.
// Rows of one currency that come bucket by bucket, or are all of one sum, are added up as they are
// read then, without a table of the server's own.
struct mysql_sales_columns mysql_sales_columns(const struct sales_query *q) {
    const bool is_there[] = {q->bucket != BUCKET_NONE && !sales_query_is_one_bucket(q),
                             q->by_source, q->by_state, q->by_product,
                             q->filters[SALES_CURRENCY].n != 1};
    struct mysql_sales_columns c = {-1, -1, -1, -1, -1, 0};
    int *const columns[] = {&c.bucket, &c.source, &c.state, &c.product, &c.currency};
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        *columns[i] = is_there[i] ? c.measures++ : -1;
    }
    return c;
}

// What a row is of, each with this before it; false: nothing, so that all rows are one.
static bool put_keys(struct buf *out, const struct sales_query *q, const char *bucket,
                     const char *before) {
    struct mysql_sales_columns c = mysql_sales_columns(q);
    const char *const keys[] = {c.bucket >= 0 ? bucket : NULL, c.source >= 0 ? "source" : NULL,
                                c.state >= 0 ? "state" : NULL, c.product >= 0 ? "product_id" : NULL,
                                c.currency >= 0 ? "currency" : NULL};
    bool any = false;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        if (keys[i] != NULL) {
            buf_printf(out, "%s%s", any ? ", " : before, keys[i]);
            any = true;
        }
    }
    return any;
}

void mysql_sales_sql(struct buf *out, const struct sales_query *q) {
    enum cube_table table = sales_query_table(q);
    bool cells = sales_query_is_cells(q);
    const struct mysql_cells_table *t = &mysql_cells_tables[table];
    buf_put_str(out, put_keys(out, q, t->number, "SELECT ") ? ", " : "SELECT ");
    put_measures(out, sales_query_of_products(q), !cells);
    buf_printf(out, " FROM %s WHERE TRUE", t->table);
    if (t->bucket != NULL) {
        put_range(out, q, table);
    }
    if (table == CUBE_MINUTE) {
        buf_put_str(out, " AND bucket >= " SQL_MINUTE_FLOOR);
    } else if (table == CUBE_HOUR) {
        buf_put_str(out, " AND bucket >= " SQL_HOUR_FLOOR);
    }
    put_filters(out, q);
    if (!cells && !put_keys(out, q, t->bucket, " GROUP BY ")) {
        buf_put_str(out, " HAVING COUNT(*) > 0"); // no rows are no sum, not an empty one
    }
    if (!q->by_product && !q->any_order) {
        put_keys(out, q, t->bucket, " ORDER BY ");
    }
    buf_printf(out, " LIMIT %lld", (long long)q->max_rows + 1);
}

// The first row tells whether all who write note them: the newest note counts every event.
void mysql_day_changes_sql(struct buf *out, int32_t from, int32_t to) {
    buf_put_str(out, "SELECT NULL, 0, (SELECT COALESCE(MAX(accepted), 0) FROM sales_day_changes) = "
                     "(SELECT accepted FROM pipeline_state WHERE id = 1) UNION ALL "
                     "SELECT TO_DAYS(day) - " UNIX_DAY
                     ", " SQL_MS_OF("changed_at") ", accepted "
                                                  "FROM sales_day_changes WHERE (day >= ");
    sql_put_day(out, from);
    buf_put_str(out, " AND day < ");
    sql_put_day(out, to);
    buf_put_str(out, ") OR day = ");
    sql_put_day(out, DAY_CHANGE_ALL);
}
