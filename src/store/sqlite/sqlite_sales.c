// SPDX-License-Identifier: MIT
// Sums of sales from cells.
//
// 1. A table of cells has a statement or some, prepared once: it gives the cells of a range in the
//    order of their keys, with the measures that the table has.
// 2. sqlite_fold.c adds them up by what is asked for. What a cell's id stands for it finds once an
//    id, and then also whether the filters want it.
// 3. Cells of groups that filters by source or state leave out are not read off. Products are many
//    and wanted ones few, so each wanted product is looked up in each day. Where there is one day
//    alone each cell comes with its product, since none comes twice.
//
// Fails when a statement cannot be prepared or stepped: the caller knows about time-outs.
#include "store/sqlite/sqlite_sales.h"

#include "store/sales_query.h"
#include "store/sqlite/sqlite_fold.h"
#include "store/sqlite/sqlite_schema.h"

// Those of the filter ?3, found by their index.
#define NAMED_PRODUCTS                                                                             \
    "SELECT id, product_id, currency FROM sales_products WHERE product_id IN (SELECT value FROM "  \
    "json_each(?3))"
// The days of the range that have cells, each found from the one before; NULL after the last.
#define FIRST_DAY_FROM(key)                                                                        \
    "(SELECT cell >> 32 FROM product_cells WHERE cell >= " key " ORDER BY cell LIMIT 1)"
#define DAYS                                                                                       \
    "WITH RECURSIVE days(n) AS (SELECT " FIRST_DAY_FROM("?1") " UNION ALL SELECT " FIRST_DAY_FROM( \
        "(n + 1) << 32") " FROM days WHERE n < ?2 >> 32), named AS MATERIALIZED (" NAMED_PRODUCTS  \
                         ") "

// Those of the filters ?3 and ?4.
#define WANTED(column, n) "(" n " IS NULL OR " column " IN (SELECT value FROM json_each(" n ")))"
#define WANTED_GROUPS                                                                              \
    " AND cell & 4294967295 IN (SELECT id FROM sales_groups WHERE " WANTED(                        \
        "source", "?3") " AND " WANTED("state", "?4") ")"

static enum sqlite_cells_form form_of(const struct sales_query *q) {
    if (sales_query_of_products(q)) {
        return q->filters[SALES_PRODUCT].n > 0 ? CELLS_OF_NAMED
               : sales_query_is_one_bucket(q)  ? CELLS_WITH_NAMES
                                               : CELLS_ALONE;
    }
    bool narrowed = q->filters[SALES_SOURCE].n > 0 || q->filters[SALES_STATE].n > 0;
    return narrowed ? CELLS_OF_GROUPS : CELLS_ALONE;
}

static bool with_names(enum sqlite_cells_form form) {
    return form == CELLS_WITH_NAMES || form == CELLS_OF_NAMED;
}

static void put_cells(struct buf *sql, const struct sales_query *q) {
    enum cube_table table = sales_query_table(q);
    enum sqlite_cells_form form = form_of(q);
    buf_put_str(sql, form == CELLS_OF_NAMED ? DAYS : "");
    buf_printf(sql, "SELECT cell, %s%s FROM %s%s%s",
               table == CUBE_PRODUCT ? "orders, units, total_e4" : MEASURE_COLUMNS,
               with_names(form) ? ", d.product_id, d.currency" : "",
               form == CELLS_OF_NAMED ? "days CROSS JOIN named d CROSS JOIN " : "",
               cells_table_names[table],
               form == CELLS_OF_NAMED ? " ON cell = (days.n << 32) + d.id"
               : form == CELLS_WITH_NAMES
                   ? " CROSS JOIN sales_products d ON d.id = cell & 4294967295"
                   : "");
    buf_put_str(sql, " WHERE cell >= ?1 AND cell < ?2");
    if (table == CUBE_MINUTE || table == CUBE_HOUR) {
        buf_printf(sql, " AND cell >= (SELECT %s << 32 FROM pipeline_state)",
                   table == CUBE_MINUTE ? "minute_floor" : "hour_floor");
    }
    buf_put_str(sql, form == CELLS_OF_GROUPS ? WANTED_GROUPS " ORDER BY cell" : " ORDER BY cell");
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

// The statements of this question, prepared at their first use.
static bool statements_of(struct sqlite_sales *s, sqlite3 *db, const struct sales_query *q,
                          struct sqlite_cells_read *out, struct error *err) {
    bool of_products = sales_query_of_products(q);
    sqlite3_stmt **names = of_products ? &s->products_names : &s->groups_names;
    sqlite3_stmt **cells = &s->cells[sales_query_table(q)][form_of(q)];
    bool ok = (*names != NULL ||
               sqlite_prepare(db,
                              of_products
                                  ? "SELECT product_id, currency FROM sales_products WHERE id = ?1"
                                  : "SELECT source, state, currency FROM sales_groups WHERE id = "
                                    "?1",
                              names, err)) &&
              (*cells != NULL || prepare_cells(db, q, cells, err));
    *out = (struct sqlite_cells_read){*cells, *names, with_names(form_of(q))};
    return ok;
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

static bool bind_filter(struct sqlite_sales *s, sqlite3_stmt *stmt, int nth, enum sales_field field,
                        const struct sales_query *q) {
    if (q->filters[field].n == 0) {
        sqlite3_bind_null(stmt, 3 + nth);
        return true;
    }
    put_filter(&s->filters[nth], field, &q->filters[field]);
    sqlite_bind_text(stmt, 3 + nth, buf_text(&s->filters[nth]));
    return !s->filters[nth].failed;
}

static bool bind_filters(struct sqlite_sales *s, sqlite3_stmt *stmt, const struct sales_query *q) {
    switch (form_of(q)) {
    case CELLS_OF_NAMED:
        return bind_filter(s, stmt, 0, SALES_PRODUCT, q);
    case CELLS_OF_GROUPS:
        return bind_filter(s, stmt, 0, SALES_SOURCE, q) && bind_filter(s, stmt, 1, SALES_STATE, q);
    default:
        return true;
    }
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
    struct sqlite_cells_read read;
    *failed = false;
    if (!sales_query_check(q, err) || !statements_of(s, db, q, &read, err)) {
        return false;
    }
    bind_range(read.cells, q);
    bool ok = bind_filters(s, read.cells, q) || error_set(err, ERROR_RETRIABLE, "out of memory");
    ok = ok && sqlite_fold_cells(&read, q, each, user, failed, err);
    sqlite3_reset(read.cells);
    return ok;
}

// --- Changes

// The first row tells whether all who write note them: the newest note counts every event.
static const char day_changes_sql[] =
    "SELECT NULL, 0, (SELECT coalesce(max(accepted), 0) FROM day_changes) = "
    "(SELECT accepted FROM pipeline_state) UNION ALL "
    "SELECT day, changed_ms, accepted FROM day_changes WHERE (day >= ?1 AND day < ?2) OR "
    "day = ?3";

bool sqlite_sales_day_changes(struct sqlite_sales *s, sqlite3 *db, int32_t from, int32_t to,
                              day_change_fn each, void *user, bool *complete, bool *failed,
                              struct error *err) {
    *complete = *failed = false;
    if (s->day_changes == NULL && !sqlite_prepare(db, day_changes_sql, &s->day_changes, err)) {
        return false;
    }
    sqlite3_bind_int(s->day_changes, 1, from);
    sqlite3_bind_int(s->day_changes, 2, to);
    sqlite3_bind_int(s->day_changes, 3, DAY_CHANGE_ALL);
    int rc;
    bool go_on = true;
    while (go_on && (rc = sqlite3_step(s->day_changes)) == SQLITE_ROW) {
        struct day_change change = {.day = sqlite3_column_int(s->day_changes, 0),
                                    .changed_ms = sqlite3_column_int64(s->day_changes, 1),
                                    .accepted = sqlite3_column_int64(s->day_changes, 2)};
        if (sqlite3_column_type(s->day_changes, 0) == SQLITE_NULL) {
            *complete = change.accepted != 0;
        } else {
            go_on = each(user, &change);
        }
    }
    *failed = go_on && rc != SQLITE_DONE;
    sqlite3_reset(s->day_changes);
    return !*failed;
}

void sqlite_sales_close(struct sqlite_sales *s) {
    for (size_t i = 0; i < COUNT_OF(s->cells); i++) {
        for (size_t k = 0; k < COUNT_OF(s->cells[i]); k++) {
            sqlite3_finalize(s->cells[i][k]);
        }
    }
    sqlite3_finalize(s->groups_names);
    sqlite3_finalize(s->products_names);
    sqlite3_finalize(s->day_changes);
    for (size_t i = 0; i < COUNT_OF(s->filters); i++) {
        buf_free(&s->filters[i]);
    }
    *s = (struct sqlite_sales){0};
}
