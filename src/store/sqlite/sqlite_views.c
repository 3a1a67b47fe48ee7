// SPDX-License-Identifier: MIT
// Views, and bringing those of an older file up to date: the text that SQLite keeps of each is
// compared with ours. Amounts are shown as floats, exact to the last digit up to 2^53
// ten-thousandths; the columns *_e4 of the tables are exact beyond.
#include "store/sqlite/sqlite_views.h"

#include "store/sqlite/sqlite_bi_views.h"
#include "store/sqlite/sqlite_view_sql.h"
#include <stdio.h>
#include <string.h>

// clang-format off
#define EVENT_NAME "CASE r.event WHEN 1 THEN 'cancelled' ELSE 'refunded' END"
#define EVENT_VIEW_COLUMNS(place, position)                                                        \
    INSTANT("r.created_ms") " AS created_at, r.customer_id, " AMOUNT("discount") ", "              \
    "r.product_id, r.quantity, " AMOUNT("subtotal") ", " AMOUNT("tax") ", "                        \
    INSTANT("r.arrival_ms") " AS timestamp, " AMOUNT("total") ", " place ".source, " place         \
    ".state, " place ".currency, "                                                                 \
    AMOUNT("shipping") ", r.items, r." position " AS position"
#define CELLS_VIEW(view, table, bucket, where)                                                     \
    "CREATE VIEW " view " AS SELECT " bucket " AS bucket, g.source, g.state, g.currency, "         \
    VIEW_MEASURES FROM_CELLS(table) where

static const char *const sales_views[] = {
    "CREATE VIEW orders AS SELECT r.order_id, " EVENT_VIEW_COLUMNS("g", "rowid")
        " FROM order_rows r JOIN sales_groups g ON g.id = r.group_id",
    "CREATE VIEW order_adjustments AS SELECT r.order_id, "
        EVENT_NAME " AS event, r.event_id, " EVENT_VIEW_COLUMNS("g", "position") " FROM adjustment_rows r JOIN sales_groups g ON g.id = r.group_id",
    "CREATE VIEW recent_orders AS SELECT * FROM orders ORDER BY position DESC LIMIT 1000",
    "CREATE VIEW sales_totals AS SELECT g.source, g.state, g.currency, "
        VIEW_MEASURES FROM_CELLS("total_cells"),
    CELLS_VIEW("sales_by_minute", "minute_cells", MINUTE, FROM_FLOOR("minute_floor")),
    CELLS_VIEW("sales_by_hour", "hour_cells", HOUR, FROM_FLOOR("hour_floor")),
    CELLS_VIEW("sales_by_day", "day_cells", DAY, ""),
    "CREATE VIEW sales_by_product AS SELECT " DAY " AS day, "
        "p.product_id, p.currency, orders, units, " AMOUNT("total")
        " FROM product_cells c JOIN sales_products p ON p.id = c.cell & 4294967295",
    // Raw texts are blobs, which DuckDB would escape: this one it is to show as SQLite does.
    "CREATE VIEW rejected_events AS SELECT id, "
        "strftime('%Y-%m-%dT%H:%M:%fZ', arrival_ms / 1000.0, 'unixepoch') AS arrived_at, "
        "field, code, message, CAST(raw AS TEXT) AS event FROM rejected_rows",
    "CREATE VIEW pipeline_batches AS SELECT batch_id, " INSTANT("committed_ms")
        " AS committed_at, received, accepted, duplicate, rejected FROM batch_rows",
    "CREATE VIEW sales_day_changes AS SELECT date(day * 86400, 'unixepoch') AS day, "
        INSTANT("changed_ms") " AS changed_at, accepted FROM day_changes",
    // The projection that dashboards of this kind of pipeline already read: the shop's currency
    // only.
    "CREATE VIEW total_sales_by_source_state AS SELECT g.source, g.state, "
        "c.total_e4 / 10000.0 AS total_sum_amount, "
        "(SELECT " INSTANT("committed_ms") " FROM batch_rows ORDER BY batch_id DESC LIMIT 1) "
        "AS processed_at, s.last_batch_id AS batch_id" FROM_CELLS("total_cells") ", "
        "pipeline_state s WHERE g.currency = "
        "(SELECT value FROM settings WHERE name = 'currency')",
    NULL};
static const char *const raw_views[] = {
    "CREATE VIEW orders AS SELECT r.order_id, " EVENT_VIEW_COLUMNS("r", "position") " FROM raw_orders r",
    "CREATE VIEW order_adjustments AS SELECT r.order_id, " EVENT_NAME " AS event, r.event_id, "
        EVENT_VIEW_COLUMNS("r", "position") " FROM raw_adjustments r",
    NULL};
// clang-format on

static struct text view_name(const char *sql) {
    const char *at = sql + strlen("CREATE VIEW ");
    return (struct text){at, strcspn(at, " ")};
}

// *same: the file has this view, with this text.
static bool compare_view(sqlite3 *db, const char *sql, bool *same, struct error *err) {
    sqlite3_stmt *stmt = NULL;
    if (!sqlite_prepare(db, "SELECT sql = ?2 FROM sqlite_schema WHERE type = 'view' AND name = ?1",
                        &stmt, err)) {
        return false;
    }
    sqlite_bind_text(stmt, 1, view_name(sql));
    sqlite3_bind_text(stmt, 2, sql, -1, SQLITE_STATIC);
    int rc = sqlite3_step(stmt);
    *same = rc == SQLITE_ROW && sqlite3_column_int(stmt, 0) != 0;
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        sqlite_failed(db, "reading the views", err);
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

static bool make_view(sqlite3 *db, const char *sql, struct error *err) {
    char drop[128];
    struct text name = view_name(sql);
    snprintf(drop, sizeof drop, "DROP VIEW IF EXISTS %.*s", TEXT_ARG(name));
    return sqlite_run(db, drop, err) && sqlite_run(db, sql, err);
}

// Makes those that differ; without `make` only tells whether there is one.
static bool each_view(sqlite3 *db, const char *const *views, bool make, bool *differs,
                      struct error *err) {
    *differs = false;
    for (bool same; *views != NULL; views++) {
        if (!compare_view(db, *views, &same, err)) {
            return false;
        }
        *differs = *differs || !same;
        if (!same && make && !make_view(db, *views, err)) {
            return false;
        }
    }
    return true;
}

// All that a file of this kind has.
static bool all_views(sqlite3 *db, enum sqlite_holds holds, bool make, bool *differs,
                      struct error *err) {
    bool bi_differ = false;
    bool ok = holds == SQLITE_HOLDS_RAW ? each_view(db, raw_views, make, differs, err)
                                        : each_view(db, sales_views, make, differs, err) &&
                                              each_view(db, sqlite_bi_views, make, &bi_differ, err);
    *differs = *differs || bi_differ;
    return ok;
}

bool sqlite_views_refresh(sqlite3 *db, enum sqlite_holds holds, struct error *err) {
    bool differs;
    if (sqlite3_get_autocommit(db) == 0) {
        return all_views(db, holds, true, &differs, err);
    }
    if (!all_views(db, holds, false, &differs, err)) {
        return false;
    }
    if (!differs) {
        return true;
    }
    if (sqlite_run(db, "BEGIN IMMEDIATE", err) && all_views(db, holds, true, &differs, err) &&
        sqlite_run(db, "COMMIT", err)) {
        return true;
    }
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}
