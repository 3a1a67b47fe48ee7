// SPDX-License-Identifier: MIT
// shop_clock in SQLite: instants are seconds since 1970.
//
// 1. The years of the system's zone are held against the rows.
// 2. Where they differ (a new file, one of an earlier program, other rules of the zone since) all
//    rows are written again.
#include "store/sqlite/sqlite_shop_clock.h"

#include "engine/zone_file.h"
#include "store/shop_clock.h"

static const char table_sql[] =
    "CREATE TABLE IF NOT EXISTS shop_clock (utc_year INTEGER PRIMARY KEY, "
    "offset_s INTEGER NOT NULL, change_1 INTEGER, offset_1_s INTEGER, change_2 INTEGER, "
    "offset_2_s INTEGER, change_3 INTEGER, offset_3_s INTEGER, change_4 INTEGER, "
    "offset_4_s INTEGER)";

// Column 2 k + 2 is change k, the one after it its offset; NULL behind the last.
static bool is_row_of(sqlite3_stmt *row, const struct shop_clock_year *want) {
    bool same =
        sqlite3_column_int(row, 0) == want->year && sqlite3_column_int(row, 1) == want->offset_s;
    for (int k = 0; same && k < SHOP_CLOCK_CHANGES; k++) {
        bool has = sqlite3_column_type(row, 2 * k + 2) != SQLITE_NULL;
        same = has == (k < want->n_changes) &&
               (!has || (sqlite3_column_int64(row, 2 * k + 2) == want->changes[k].at_s &&
                         sqlite3_column_int(row, 2 * k + 3) == want->changes[k].offset_s));
    }
    return same;
}

static bool compare_all(sqlite3 *db, const struct zone *z, bool *same, struct error *err) {
    sqlite3_stmt *rows = NULL;
    if (!sqlite_prepare(db, "SELECT * FROM shop_clock ORDER BY utc_year", &rows, err)) {
        return false;
    }
    *same = true;
    int rc = SQLITE_DONE;
    struct shop_clock_year want;
    for (int y = SHOP_CLOCK_FIRST_YEAR; *same && y <= SHOP_CLOCK_LAST_YEAR; y++) {
        if (shop_clock_year_of(z, y, &want)) {
            rc = sqlite3_step(rows);
            *same = rc == SQLITE_ROW && is_row_of(rows, &want);
        }
    }
    bool ok = rc == SQLITE_ROW || rc == SQLITE_DONE;
    if (!ok) {
        sqlite_failed(db, "reading the shop's clock", err);
    }
    sqlite3_finalize(rows);
    return ok;
}

static bool insert_year(sqlite3_stmt *insert, const struct shop_clock_year *year) {
    sqlite3_clear_bindings(insert);
    sqlite3_bind_int(insert, 1, year->year);
    sqlite3_bind_int(insert, 2, year->offset_s);
    for (int k = 0; k < year->n_changes; k++) {
        sqlite3_bind_int64(insert, 2 * k + 3, year->changes[k].at_s);
        sqlite3_bind_int(insert, 2 * k + 4, year->changes[k].offset_s);
    }
    return sqlite_do(insert);
}

static bool write_all(sqlite3 *db, const struct zone *z, struct error *err) {
    sqlite3_stmt *insert = NULL;
    bool ok = sqlite_run(db, table_sql, err) && sqlite_run(db, "DELETE FROM shop_clock", err) &&
              sqlite_prepare(db, "INSERT INTO shop_clock VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
                             &insert, err);
    struct shop_clock_year year;
    for (int y = SHOP_CLOCK_FIRST_YEAR; ok && y <= SHOP_CLOCK_LAST_YEAR; y++) {
        ok = !shop_clock_year_of(z, y, &year) || insert_year(insert, &year);
        if (!ok) {
            sqlite_failed(db, "writing the shop's clock", err);
        }
    }
    sqlite3_finalize(insert);
    return ok;
}

static bool is_current(sqlite3 *db, const struct zone *z, bool *out, struct error *err) {
    int64_t there;
    *out = false;
    return sqlite_int(db,
                      "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND "
                      "name = 'shop_clock'",
                      0, &there, err) &&
           (there == 0 || compare_all(db, z, out, err));
}

static bool write_in_transaction(sqlite3 *db, const struct zone *z, struct error *err) {
    if (sqlite3_get_autocommit(db) == 0) {
        return write_all(db, z, err);
    }
    if (sqlite_run(db, "BEGIN IMMEDIATE", err) && write_all(db, z, err) &&
        sqlite_run(db, "COMMIT", err)) {
        return true;
    }
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

bool sqlite_shop_clock_refresh(sqlite3 *db, const char *timezone, struct error *err) {
    struct zone *z;
    bool current;
    if (!zone_open(timezone, &z, err)) {
        return false;
    }
    bool ok = is_current(db, z, &current, err) && (current || write_in_transaction(db, z, err));
    zone_free(z);
    return ok;
}
