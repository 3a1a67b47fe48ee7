// SPDX-License-Identifier: MIT
// Sums of sales from cells.
//
// 1. A table of cells, narrowed or not, has one statement, which is prepared once: it gives the
//    cells of a range in the order of their keys. Range and filters are its parameters; a filter is
//    a JSON array.
// 2. Groups are few, so with filters by source, state or currency the range is scanned and cells of
//    others are left out. Products are many and wanted ones few, so each wanted product is looked
//    up in each day.
// 3. sqlite_fold.c adds the cells up by what is asked for.
//
// Fails when a statement cannot be prepared or stepped: the caller knows about time-outs.
#include "store/sqlite/sqlite_sales.h"

#include "store/sales_query.h"
#include "store/sqlite/sqlite_fold.h"
#include "store/sqlite/sqlite_schema.h"

#define WANTED(column, n) "(" n " IS NULL OR " column " IN (SELECT value FROM json_each(" n ")))"
// The ids of groups or products that pass the filters ?3 to ?6, in the order of enum sales_field.
#define WANTED_GROUPS                                                                              \
    "SELECT id FROM sales_groups WHERE " WANTED("source", "?3") " AND " WANTED(                    \
        "state", "?4") " AND " WANTED("currency", "?6")
#define WANTED_PRODUCTS "SELECT id FROM sales_products WHERE " WANTED("currency", "?6")
// Those of the filter ?5, found by their index.
#define NAMED_PRODUCTS                                                                             \
    "SELECT id, product_id, currency FROM sales_products WHERE product_id IN (SELECT value FROM "  \
    "json_each(?5)) AND " WANTED("currency", "?6")
// The days of the range that have cells, each found from the one before; NULL after the last.
#define FIRST_DAY_FROM(key)                                                                        \
    "(SELECT cell >> 32 FROM product_cells WHERE cell >= " key " ORDER BY cell LIMIT 1)"
#define DAYS                                                                                       \
    "WITH RECURSIVE days(n) AS (SELECT " FIRST_DAY_FROM("?1") " UNION ALL SELECT " FIRST_DAY_FROM( \
        "(n + 1) << 32") " FROM days WHERE n < ?2 >> 32), named AS MATERIALIZED (" NAMED_PRODUCTS  \
                         ") "

// The cells of the range that pass the filters, by key.
static void put_cells(struct buf *sql, const struct sales_query *q) {
    enum cube_table table = sales_query_table(q);
    bool of_products = table == CUBE_PRODUCT, named = q->filters[SALES_PRODUCT].n > 0;
    buf_put_str(sql, named ? DAYS : "");
    buf_printf(sql, "SELECT cell, " MEASURE_COLUMNS "%s FROM %s%s%s",
               of_products ? ", d.product_id, d.currency" : "",
               named ? "days CROSS JOIN named d CROSS JOIN " : "", cells_table_names[table],
               named         ? " ON cell = (days.n << 32) + d.id"
               : of_products ? " CROSS JOIN sales_products d ON d.id = cell & 4294967295"
                             : "");
    buf_put_str(sql, " WHERE cell >= ?1 AND cell < ?2");
    if (table == CUBE_MINUTE || table == CUBE_HOUR) {
        buf_printf(sql, " AND cell >= (SELECT %s << 32 FROM pipeline_state)",
                   table == CUBE_MINUTE ? "minute_floor" : "hour_floor");
    }
    if (!named && sales_query_is_filtered(q)) {
        buf_printf(sql, " AND cell & 4294967295 IN (%s)",
                   of_products ? WANTED_PRODUCTS : WANTED_GROUPS);
    }
    buf_put_str(sql, " ORDER BY cell");
}

static bool prepare_cells(sqlite3 *db, const struct sales_query *q, sqlite3_stmt **out,
                          struct error *err) {
    struct buf sql = {0};
    put_cells(&sql, q);
    buf_put_char(&sql, '\0');
    bool ok = sql.failed ? error_set(err, ERROR_RETRIABLE, "out of memory")
                         : sqlite_prepare(db, sql.at, out, err);
    buf_free(&sql);
    return ok;
}

// The statement of this question's cells, prepared at its first use; NULL: err says why.
static sqlite3_stmt *cells_of(struct sqlite_sales *s, sqlite3 *db, const struct sales_query *q,
                              struct error *err) {
    int narrowed = q->filters[SALES_PRODUCT].n > 0 ? 2 : sales_query_is_filtered(q) ? 1 : 0;
    sqlite3_stmt **cells = &s->cells[sales_query_table(q)][narrowed];
    bool ok = s->groups_names != NULL ||
              sqlite_prepare(db, "SELECT source, state, currency FROM sales_groups WHERE id = ?1",
                             &s->groups_names, err);
    return ok && (*cells != NULL || prepare_cells(db, q, cells, err)) ? *cells : NULL;
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
            sqlite3_bind_null(stmt, 3 + f);
            continue;
        }
        put_filter(&s->filters[f], (enum sales_field)f, &q->filters[f]);
        ok = ok && !s->filters[f].failed;
        sqlite_bind_text(stmt, 3 + f, buf_text(&s->filters[f]));
    }
    return ok;
}

static void bind_range(sqlite3_stmt *stmt, const struct sales_query *q) {
    bool totals = sales_query_table(q) == CUBE_TOTALS;
    int64_t from = totals ? 0 : cell_key(q->from, 0);
    int64_t to = totals || q->to == INT32_MAX ? INT64_MAX : cell_key(q->to, 0);
    sqlite3_bind_int64(stmt, 1, from);
    sqlite3_bind_int64(stmt, 2, to);
}

bool sqlite_sales_ask(struct sqlite_sales *s, sqlite3 *db, const struct sales_query *q,
                      sales_row_fn each, void *user, bool *failed, struct error *err) {
    *failed = false;
    sqlite3_stmt *cells = sales_query_check(q, err) ? cells_of(s, db, q, err) : NULL;
    if (cells == NULL) {
        return false;
    }
    bind_range(cells, q);
    bool ok = bind_filters(s, cells, q) || error_set(err, ERROR_RETRIABLE, "out of memory");
    ok = ok && sqlite_fold_cells(cells, s->groups_names, q, each, user, failed, err);
    sqlite3_reset(cells);
    return ok;
}

void sqlite_sales_close(struct sqlite_sales *s) {
    for (size_t i = 0; i < COUNT_OF(s->cells); i++) {
        for (size_t k = 0; k < COUNT_OF(s->cells[i]); k++) {
            sqlite3_finalize(s->cells[i][k]);
        }
    }
    sqlite3_finalize(s->groups_names);
    for (int f = 0; f < SALES_FIELDS; f++) {
        buf_free(&s->filters[f]);
    }
    *s = (struct sqlite_sales){0};
}
