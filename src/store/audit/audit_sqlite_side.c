// SPDX-License-Identifier: MIT
// Sums on which two stored tables agree and that raw orders do not give (struct laws_witness).
//
// 1. A pair of tables is looked at only if one of the two differs from what raw gives: that is a
//    walk along both in key order, up to the first difference.
// 2. totals and days, hours and minutes: the cells of the coarser table that differ, as far as the
//    finer one adds up to them in every measure. Minutes have to be kept for the whole hour.
// 3. days and products: units by day and currency. Stored days and products give the same, and days
//    or products of raw do not. (Amounts of an order's lines do not add up to its total.)
// The first pair that speaks is told.
#include "store/audit/audit_sqlite_side.h"

// clang-format off
#define SUMS \
    AUDIT_SUM(orders) ", " AUDIT_SUM(units) ", " AUDIT_SUM(subtotal_e4) ", " \
    AUDIT_SUM(discount_e4) ", " AUDIT_SUM(shipping_e4) ", " AUDIT_SUM(tax_e4) ", " \
    AUDIT_SUM(total_e4) ", " AUDIT_SUM(cancelled_orders) ", " AUDIT_SUM(refunds) ", " \
    AUDIT_SUM(refunded_total_e4)
#define ID "(cell & 4294967295)"

// Cells of the coarse table from ?1 on, of the finer one from ?2 on; its key is `key`.
#define AGREE(coarse, key, fine) \
    "SELECT d.cell >> 32, g.source, g.state, g.currency FROM (SELECT cell, " MEASURE_COLUMNS \
    " FROM main." coarse " WHERE cell >= ?1 EXCEPT SELECT cell, " MEASURE_COLUMNS \
    " FROM temp." coarse " INTERSECT SELECT " key ", " SUMS " FROM main." fine \
    " WHERE cell >= ?2 GROUP BY 1) d LEFT JOIN main.sales_groups g " \
    "ON g.id = d.cell & 4294967295 ORDER BY d.cell"

#define UNITS(cells, names) \
    "SELECT cell >> 32 AS day, n.currency AS currency, " AUDIT_SUM(units) " AS units FROM " cells \
    " JOIN main." names " n ON n.id = " ID " GROUP BY 1, 2"
#define UNITS_AGREE(schema) \
    "SELECT * FROM (" UNITS(schema ".day_cells", "sales_groups") " INTERSECT " \
    UNITS(schema ".product_cells", "sales_products") ") WHERE units <> 0"
// clang-format on

static const struct pair {
    enum laws_pair pair;
    enum cube_table from, to; // one that differs from raw is why the pair is looked at
    const char *sql;
} pairs[] = {
    {LAWS_TOTALS_DAYS, CUBE_TOTALS, CUBE_TOTALS, AGREE("total_cells", ID, "day_cells")},
    {LAWS_DAYS_PRODUCTS, CUBE_DAY, CUBE_PRODUCT,
     "SELECT day, NULL, NULL, currency FROM (" UNITS_AGREE("main") " EXCEPT " UNITS_AGREE(
         "temp") ") ORDER BY day, currency"},
    {LAWS_HOURS_MINUTES, CUBE_HOUR, CUBE_HOUR,
     AGREE("hour_cells", "((((cell >> 32) / 60) << 32) | " ID ")", "minute_cells")},
};

// The first hour of which all minutes are kept.
static int32_t first_hour(const struct pipeline_state *state) {
    int32_t from = state->minute_floor > 0 ? state->minute_floor / 60 + 1 : 0;
    from = from > state->hour_floor ? from : state->hour_floor;
    return from < INT32_MAX / 60 ? from : INT32_MAX / 60;
}

static bool table_differs(sqlite3 *db, enum cube_table table, int64_t from, bool *out,
                          struct error *err) {
    const char *name = cells_table_names[table];
    char sql[768];
    int64_t differs;
    snprintf(sql, sizeof sql,
             "SELECT EXISTS (SELECT 1 FROM main.%s s LEFT JOIN temp.%s c ON c.cell = s.cell WHERE "
             "s.cell >= %lld AND (s.orders, s.units, s.subtotal_e4, s.discount_e4, s.shipping_e4, "
             "s.tax_e4, s.total_e4, s.cancelled_orders, s.refunds, s.refunded_total_e4) IS NOT "
             "(c.orders, c.units, c.subtotal_e4, c.discount_e4, c.shipping_e4, c.tax_e4, "
             "c.total_e4, c.cancelled_orders, c.refunds, c.refunded_total_e4))",
             name, name, (long long)from);
    if (!sqlite_int(db, sql, 0, &differs, err)) {
        return false;
    }
    *out = differs != 0;
    return true;
}

static struct cube_dim dim_at(sqlite3_stmt *stmt) {
    struct cube_dim dim = {.source = sqlite_column_text(stmt, 1),
                           .state = sqlite_column_text(stmt, 2)};
    struct text currency = sqlite_column_text(stmt, 3);
    memcpy(dim.currency, currency.len > 0 ? currency.at : "",
           currency.len < sizeof dim.currency ? currency.len : sizeof dim.currency - 1);
    return dim;
}

static bool ask_pair(sqlite3 *db, const struct pair *p, int32_t hour, struct laws_witness *w,
                     struct error *err) {
    sqlite3_stmt *stmt = NULL;
    if (!sqlite_prepare(db, p->sql, &stmt, err)) {
        return false;
    }
    if (sqlite3_bind_parameter_count(stmt) > 0) {
        sqlite3_bind_int64(stmt, 1, cell_key(hour, 0));
        sqlite3_bind_int64(stmt, 2, cell_key(hour * 60, 0));
    }
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct cube_dim dim = dim_at(stmt);
        laws_witness_add(w, p->pair, (int32_t)sqlite3_column_int64(stmt, 0), &dim);
    }
    if (rc != SQLITE_DONE) {
        sqlite_failed(db, "comparing aggregates with each other", err);
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_DONE;
}

bool audit_sqlite_side(sqlite3 *db, const struct pipeline_state *state, struct laws_witness *w,
                       struct error *err) {
    for (size_t i = 0; i < COUNT_OF(pairs) && w->n == 0; i++) {
        const struct pair *p = &pairs[i];
        int32_t hour = p->pair == LAWS_HOURS_MINUTES ? first_hour(state) : 0;
        bool differs = false;
        for (int table = p->from; !differs && table <= (int)p->to; table++) {
            if (!table_differs(db, (enum cube_table)table, cell_key(hour, 0), &differs, err)) {
                return false;
            }
        }
        if (differs && !ask_pair(db, p, hour, w, err)) {
            return false;
        }
    }
    return true;
}
