// SPDX-License-Identifier: MIT
// Steps from each version of the schema to the next.
//
// 1. A transaction begins, and the version is read in it.
// 2. Each step that is missing changes tables; sums and rows stay.
// 3. Views are made anew, as those of an earlier program may name what is gone.
// 4. The version is written and all of it committed.
//
// How it fails: as a whole; the file is as it was, and the program that made it still reads it. A
// new step: a function, a row in steps[], SCHEMA_VERSION, a fixture in tests/data/schema.
#include "store/sqlite/sqlite_migrate.h"

#include "base/log.h"
#include "store/sqlite/order_runs.h"
#include "store/sqlite/sqlite_doubts.h"
#include "store/sqlite/sqlite_views.h"
#include <stdio.h>

static bool has_column(sqlite3 *db, const char *table, const char *column, bool *out,
                       struct error *err) {
    char sql[160];
    int64_t n;
    snprintf(sql, sizeof sql, "SELECT count(*) FROM pragma_table_info('%s') WHERE name = '%s'",
             table, column);
    if (!sqlite_int(db, sql, 0, &n, err)) {
        return false;
    }
    *out = n > 0;
    return true;
}

static bool add_if_missing(sqlite3 *db, const char *table, const char *column, const char *sql,
                           struct error *err) {
    bool has;
    return has_column(db, table, column, &has, err) && (has || sqlite_run(db, sql, err));
}

// Version 1 grew while it was the only one: a file may have any of these already. A lane was the
// partition; what was skipped was not counted.
static bool to_2(sqlite3 *db, enum sqlite_holds holds, struct error *err) {
    static const char add_lanes_sql[] =
        "ALTER TABLE pipeline_positions ADD COLUMN topic_id TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE pipeline_positions ADD COLUMN lane INTEGER NOT NULL DEFAULT -1;"
        "ALTER TABLE pipeline_positions ADD COLUMN window_offset INTEGER NOT NULL DEFAULT -1;"
        "ALTER TABLE pipeline_positions ADD COLUMN window_ms INTEGER NOT NULL DEFAULT 0;"
        "UPDATE pipeline_positions SET lane = partition WHERE topic <> 'embedded';"
        "INSERT OR IGNORE INTO pipeline_lanes SELECT lane, topic, partition, '', -1 "
        "FROM pipeline_positions WHERE lane >= 0;";
    if (holds == SQLITE_HOLDS_RAW) {
        return true;
    }
    return sqlite_run(db, sqlite_retries_sql, err) &&
           add_if_missing(db, "rejected_retries", "sent_hash",
                          "ALTER TABLE rejected_retries ADD COLUMN sent_hash INTEGER", err) &&
           add_if_missing(
               db, "pipeline_state", "skipped",
               "ALTER TABLE pipeline_state ADD COLUMN skipped INTEGER NOT NULL DEFAULT 0", err) &&
           sqlite_run(db, sqlite_lanes_sql, err) &&
           add_if_missing(db, "pipeline_positions", "window_ms", add_lanes_sql, err);
}

// What was committed before is noted of all days with the next batch; doubts are counted from now
// on.
static bool to_3(sqlite3 *db, enum sqlite_holds holds, struct error *err) {
    return holds == SQLITE_HOLDS_RAW ||
           (sqlite_run(db, sqlite_day_changes_sql, err) && sqlite_doubts_make(db, err));
}

// The index is made anew from the rows when the store opens. Which texts were not at their first
// slot nobody has noted so far.
static bool to_4(sqlite3 *db, enum sqlite_holds holds, struct error *err) {
    return holds == SQLITE_HOLDS_RAW ||
           (sqlite_run(db, order_runs_sql, err) &&
            sqlite_run(db,
                       "DROP TABLE order_index;"
                       "ALTER TABLE pipeline_state ADD COLUMN displaced_from INTEGER NOT NULL "
                       "DEFAULT 1;"
                       "UPDATE pipeline_state SET indexed_below = 1, displaced_from = "
                       "(SELECT coalesce(max(position), 0) + 1 FROM order_rows)",
                       err));
}

// Rows stay as they are: the column that was an alias of the rowid has always been NULL in them. So
// the text of the table alone is another one, and SQLite has to read it anew, here and in other
// connections, which the schema's number tells.
static const char take_alias_sql[] =
    "UPDATE sqlite_schema SET sql = replace(sql, '(position INTEGER PRIMARY KEY,', '(reserved,') "
    "WHERE type = 'table' AND name = 'order_rows' "
    "AND instr(sql, '(position INTEGER PRIMARY KEY,') > 0";

// What users have made over the table may name the alias: then no order could be stored.
static bool name_users(sqlite3 *db, struct error *err) {
    sqlite3_stmt *find;
    if (!sqlite_prepare(db,
                        "SELECT type, name FROM sqlite_schema WHERE tbl_name = 'order_rows' AND "
                        "(type = 'index' AND sql LIKE '%position%' OR type = 'trigger' AND "
                        "(sql LIKE '%new.position%' OR sql LIKE '%old.position%'))",
                        &find, err)) {
        return false;
    }
    bool found = sqlite3_step(find) == SQLITE_ROW;
    if (found) {
        error_set(
            err, ERROR_FATAL,
            "the %s %s names order_rows.position, which is rowid from this version on: drop it "
            "and start again",
            (const char *)sqlite3_column_text(find, 0), (const char *)sqlite3_column_text(find, 1));
    }
    sqlite3_finalize(find);
    return !found;
}

static bool take_alias(sqlite3 *db, struct error *err) {
    char number_sql[64];
    int64_t number;
    if (!name_users(db, err) || !sqlite_int(db, "PRAGMA schema_version", 0, &number, err) ||
        !sqlite_run(db, take_alias_sql, err)) {
        return false;
    }
    if (sqlite3_changes(db) != 1) {
        return error_set(
            err, ERROR_FATAL,
            "the table order_rows is not as an earlier salestide made it: undo what has "
            "changed it, or restore sales.db from a copy");
    }
    snprintf(number_sql, sizeof number_sql, "PRAGMA schema_version = %lld", (long long)number + 1);
    return sqlite_run(db, number_sql, err);
}

// A file of aggregates keeps the alias (sqlite_schema.c).
static bool to_5(sqlite3 *db, enum sqlite_holds holds, struct error *err) {
    if (holds != SQLITE_HOLDS_ALL) {
        return true;
    }
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL); // else it may not
    bool ok = sqlite_run(db, "PRAGMA writable_schema = ON", err) && take_alias(db, err);
    return sqlite_run(db, "PRAGMA writable_schema = RESET", ok ? err : &(struct error){0}) && ok;
}

// steps[v] brings version v to v + 1.
static bool (*const steps[SCHEMA_VERSION])(sqlite3 *db, enum sqlite_holds holds,
                                           struct error *err) = {NULL, to_2, to_3, to_4, to_5};

static bool run_steps(sqlite3 *db, enum sqlite_holds holds, int64_t *from, struct error *err) {
    bool ok = sqlite_int(db, "PRAGMA user_version", 0, from, err);
    for (int64_t v = *from; ok && v > 0 && v < SCHEMA_VERSION; v++) {
        ok = steps[v](db, holds, err);
    }
    return ok;
}

bool sqlite_migrate(sqlite3 *db, enum sqlite_holds holds, struct error *err) {
    int64_t from = 0;
    char version_sql[64];
    if (!sqlite_int(db, "PRAGMA user_version", 0, &from, err) || from == SCHEMA_VERSION) {
        return from == SCHEMA_VERSION;
    }
    snprintf(version_sql, sizeof version_sql, "PRAGMA user_version = %d; COMMIT", SCHEMA_VERSION);
    if (!sqlite_run(db, "BEGIN IMMEDIATE", err)) {
        return false;
    }
    if (run_steps(db, holds, &from, err) && sqlite_views_refresh(db, holds, err) &&
        sqlite_run(db, version_sql, err)) {
        log_info("store", "%s was of schema version %lld and is of version %d now",
                 sqlite3_db_filename(db, "main"), (long long)from, SCHEMA_VERSION);
        return true;
    }
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}
