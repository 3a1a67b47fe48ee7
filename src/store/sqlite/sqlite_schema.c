// SPDX-License-Identifier: MIT
// The file format of the embedded store, an ordinary SQLite database that any tool may read.
//
// Raw, in order of arrival, so that appending never touches old pages:
//   order_rows       a row for each accepted placed order; its position is its rowid: 1, 2, 3, ...
//                    without gaps. No column is an alias of it, so that SQLite appends a batch
//                    without a search for each rowid; column `reserved` stands where one was, and
//                    is NULL. VACUUM numbers such rowids anew, in order from 1: they stay as they
//                    are, as there are no gaps
//   adjustment_rows  a row for each accepted cancellation or refund; column position, likewise
//   order_runs       the index order_id -> position: sorted runs, in order_blocks (order_runs.h), a
//                    while behind the rows (order_index.c), and order_displaced: texts whose hash
//                    another one had before; pipeline_state.displaced_from says from which position
//                    on it has all
// Aggregates: cells keyed by an integer, bucket << 32 | id of the group or product, so that an
// upsert touches one short row and a time range is a range of keys:
//   total_cells, minute_cells, hour_cells, day_cells (groups), product_cells (products; by day)
//   sales_groups, sales_products   the dictionaries of those ids
//   day_changes      when the sums of a day last changed (see day_change in sales_reader.h)
// The rest: rejected_rows, rejected_retries (what became of those), pipeline_state (one row: counts
// and floors), pipeline_positions, pipeline_lanes and pipeline_refused (of a log), pipeline_batches
// (newest 10,000), currency_gross (overflow guard), settings, shop_clock (local times, for views),
// order_doubts (orders of which more was taken back than was sold, or that are not known).
// Amounts are integers of ten-thousandths in columns *_e4; instants are UTC milliseconds in *_ms.
// Views (sqlite_views.c) give the plain names of the design with plain numbers; bi_* of them are
// for BI tools (sqlite_bi_views.c).
//
// A file that holds aggregates alone (setting `holds`) has the same tables; its order_rows are the
// newest 1,000 orders, for the view recent_orders, its adjustment_rows likewise. They do not begin
// at 1, so a VACUUM would give them other positions beneath a program that goes on from the highest
// one: there the column is `position`, the alias of the rowid. One that holds raw orders alone has
// settings and
//   raw_orders, raw_adjustments   in order of writing, unique by identity, with the position in the
//                                 log and the epoch of their writer
#include "store/sqlite/sqlite_schema.h"

#include "store/settings.h"
#include "store/sqlite/order_runs.h"
#include "store/sqlite/sqlite_doubts.h"
#include "store/sqlite/sqlite_migrate.h"
#include "store/sqlite/sqlite_shop_clock.h"
#include "store/sqlite/sqlite_views.h"
#include <stdio.h>
#include <string.h>

const char *const cells_table_names[CUBE_TABLES] = {"total_cells", "minute_cells", "hour_cells",
                                                    "day_cells", "product_cells"};

#define CELLS(name)                                                                                \
    "CREATE TABLE " name " (cell INTEGER PRIMARY KEY, orders INTEGER NOT NULL, "                   \
    "units INTEGER NOT NULL, subtotal_e4 INTEGER NOT NULL, discount_e4 INTEGER NOT NULL, "         \
    "shipping_e4 INTEGER NOT NULL, tax_e4 INTEGER NOT NULL, total_e4 INTEGER NOT NULL, "           \
    "cancelled_orders INTEGER NOT NULL, refunds INTEGER NOT NULL, "                                \
    "refunded_total_e4 INTEGER NOT NULL);"

const char sqlite_temp_cells_sql[] = CELLS("temp.total_cells") CELLS("temp.minute_cells")
    CELLS("temp.hour_cells") CELLS("temp.day_cells") CELLS("temp.product_cells");

const char sqlite_day_changes_sql[] =
    "CREATE TABLE day_changes (day INTEGER PRIMARY KEY, changed_ms INTEGER NOT NULL, "
    "accepted INTEGER NOT NULL);";

const char sqlite_retries_sql[] =
    "CREATE TABLE IF NOT EXISTS rejected_retries (id INTEGER NOT NULL, "
    "retried_ms INTEGER NOT NULL, verdict TEXT NOT NULL, sent_hash INTEGER, "
    "PRIMARY KEY (id, retried_ms)) WITHOUT ROWID;";

// Columns that order_rows and adjustment_rows share.
#define EVENT_COLUMNS                                                                              \
    "created_ms INTEGER NOT NULL, customer_id, product_id, quantity INTEGER NOT NULL, "            \
    "subtotal_e4 INTEGER NOT NULL, discount_e4 INTEGER NOT NULL, shipping_e4 INTEGER NOT NULL, "   \
    "tax_e4 INTEGER NOT NULL, total_e4 INTEGER NOT NULL, group_id INTEGER NOT NULL, "              \
    "arrival_ms INTEGER NOT NULL, items TEXT"

#define RAW_COLUMNS                                                                                \
    "position INTEGER NOT NULL, created_ms INTEGER NOT NULL, customer_id, product_id, "            \
    "quantity INTEGER NOT NULL, subtotal_e4 INTEGER NOT NULL, discount_e4 INTEGER NOT NULL, "      \
    "shipping_e4 INTEGER NOT NULL, tax_e4 INTEGER NOT NULL, total_e4 INTEGER NOT NULL, "           \
    "arrival_ms INTEGER NOT NULL, items TEXT, source TEXT NOT NULL, state TEXT NOT NULL, "         \
    "currency TEXT NOT NULL, epoch_us INTEGER NOT NULL"

// Of pipeline_positions: which topic of that name, the number of its partition in positions, and
// from where the log has to be read again (-1: not known), with the partition's time there.
#define LANE_COLUMNS                                                                               \
    "topic_id TEXT NOT NULL DEFAULT '', lane INTEGER NOT NULL DEFAULT -1, "                        \
    "window_offset INTEGER NOT NULL DEFAULT -1, window_ms INTEGER NOT NULL DEFAULT 0"

// Lanes that were given, next_offset where one has ended; rejected events of them that leave no
// identity.
const char sqlite_lanes_sql[] =
    "CREATE TABLE IF NOT EXISTS pipeline_lanes (lane INTEGER PRIMARY KEY, topic TEXT NOT NULL, "
    "partition INTEGER NOT NULL, topic_id TEXT NOT NULL, next_offset INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS pipeline_refused (lane INTEGER NOT NULL, "
    "\"offset\" INTEGER NOT NULL, PRIMARY KEY (lane, \"offset\")) WITHOUT ROWID;";

// clang-format off
#define ORDER_ROWS(first) "CREATE TABLE order_rows (" first ", order_id NOT NULL, " EVENT_COLUMNS ");"
static const char all_orders_sql[] = ORDER_ROWS("reserved");
static const char newest_orders_sql[] = ORDER_ROWS("position INTEGER PRIMARY KEY");

static const char tables_sql[] =
    "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE adjustment_rows (position INTEGER PRIMARY KEY, order_id NOT NULL, "
        "event INTEGER NOT NULL, event_id TEXT NOT NULL, " EVENT_COLUMNS ");"
    "CREATE UNIQUE INDEX adjustment_identity ON adjustment_rows (order_id, event, event_id);"
    "CREATE TABLE sales_groups (id INTEGER PRIMARY KEY, source TEXT NOT NULL, "
        "state TEXT NOT NULL, currency TEXT NOT NULL, UNIQUE (source, state, currency));"
    "CREATE TABLE sales_products (id INTEGER PRIMARY KEY, product_id NOT NULL, "
        "currency TEXT NOT NULL, UNIQUE (product_id, currency));"
    CELLS("total_cells") CELLS("minute_cells") CELLS("hour_cells") CELLS("day_cells")
    CELLS("product_cells")
    "CREATE TABLE rejected_rows (id INTEGER PRIMARY KEY, arrival_ms INTEGER NOT NULL, "
        "field TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL, raw BLOB NOT NULL, "
        "raw_bytes INTEGER NOT NULL);"
    "CREATE TABLE pipeline_state (id INTEGER PRIMARY KEY CHECK (id = 1), received INTEGER, "
        "accepted INTEGER, duplicate INTEGER, rejected INTEGER, rejected_expired INTEGER, "
        "amounts_rounded INTEGER, total_mismatch INTEGER, quantity_zero INTEGER, late INTEGER, "
        "future INTEGER, last_batch_id INTEGER, minute_floor INTEGER, hour_floor INTEGER, "
        "indexed_below INTEGER, skipped INTEGER NOT NULL DEFAULT 0, "
        "displaced_from INTEGER NOT NULL DEFAULT 1);"
    "INSERT INTO pipeline_state VALUES (1, 0,0,0,0,0, 0,0,0,0,0, 0, 0, 0, 1, 0, 1);"
    "CREATE TABLE pipeline_positions (topic TEXT NOT NULL, partition INTEGER NOT NULL, "
        "next_offset INTEGER NOT NULL, epoch INTEGER NOT NULL, " LANE_COLUMNS ", "
        "PRIMARY KEY (topic, partition)) WITHOUT ROWID;"
    "INSERT INTO pipeline_positions (topic, partition, next_offset, epoch) "
        "VALUES ('embedded', 0, 0, 0);"
    "CREATE TABLE batch_rows (batch_id INTEGER PRIMARY KEY, committed_ms INTEGER NOT NULL, "
        "received INTEGER NOT NULL, accepted INTEGER NOT NULL, duplicate INTEGER NOT NULL, "
        "rejected INTEGER NOT NULL);"
    "CREATE TABLE currency_gross (currency TEXT PRIMARY KEY, gross_e4 INTEGER NOT NULL) "
        "WITHOUT ROWID;";

static const char raw_sql[] =
    "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE raw_orders (row INTEGER PRIMARY KEY, order_id NOT NULL UNIQUE, " RAW_COLUMNS ");"
    "CREATE TABLE raw_adjustments (row INTEGER PRIMARY KEY, order_id NOT NULL, "
        "event INTEGER NOT NULL, event_id TEXT NOT NULL, " RAW_COLUMNS ", "
        "UNIQUE (order_id, event, event_id));";
// clang-format on

// --- Versions

static bool refuse_version(sqlite3 *db, int64_t version, struct error *err) {
    const char *file = sqlite3_db_filename(db, "main");
    if (version <= 0) {
        return error_set(err, ERROR_USAGE,
                         "%s is a database, and not one of salestide (its schema version is %lld): "
                         "take another --data",
                         file, (long long)version);
    }
    if (version > SCHEMA_VERSION) {
        return error_set(err, ERROR_USAGE,
                         "%s has schema version %lld, of a newer salestide; this one reads version "
                         "%d: install the newer one again, or restore a backup from before it",
                         file, (long long)version, SCHEMA_VERSION);
    }
    return error_set(err, ERROR_USAGE,
                     "%s has schema version %lld, of an earlier salestide; it becomes version %d "
                     "when what writes there is started once (serve, load or process)",
                     file, (long long)version, SCHEMA_VERSION);
}

bool sqlite_version_check(sqlite3 *db, bool writes, struct error *err) {
    int64_t version = 0, n_tables = 0;
    if (!sqlite_int(db, "PRAGMA user_version", 0, &version, err) ||
        !sqlite_int(db, "SELECT count(*) FROM sqlite_schema", 0, &n_tables, err)) {
        return false;
    }
    bool is_new = version == 0 && n_tables == 0;
    bool older = version > 0 && version < SCHEMA_VERSION;
    return version == SCHEMA_VERSION || (writes && (is_new || older)) ||
           refuse_version(db, version, err);
}

// --- Settings

static bool setting_read(sqlite3 *db, const char *name, char *out, size_t cap, struct error *err) {
    sqlite3_stmt *stmt = NULL;
    if (!sqlite_prepare(db, "SELECT value FROM settings WHERE name = ?1", &stmt, err)) {
        return false;
    }
    sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        snprintf(out, cap, "%s", (const char *)sqlite3_column_text(stmt, 0));
    } else if (rc == SQLITE_DONE) {
        error_set(err, ERROR_FATAL, "the setting %s is missing in the database", name);
    } else {
        sqlite_failed(db, "reading the settings", err);
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW;
}

static bool setting_write(sqlite3 *db, const char *name, const char *value, struct error *err) {
    sqlite3_stmt *stmt = NULL;
    if (!sqlite_prepare(db, "INSERT INTO settings VALUES (?1, ?2)", &stmt, err)) {
        return false;
    }
    sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, value, -1, SQLITE_STATIC);
    bool ok = sqlite3_step(stmt) == SQLITE_DONE;
    if (!ok) {
        sqlite_failed(db, "writing the settings", err);
    }
    sqlite3_finalize(stmt);
    return ok;
}

// --- What a file is for

static const char *const holds_names[] = {"all", "aggregates", "raw orders"};

// Of any version.
static bool holds_read(sqlite3 *db, enum sqlite_holds *out, struct error *err) {
    int64_t has = 0;
    char value[SETTING_MAX_BYTES + 1];
    *out = SQLITE_HOLDS_ALL;
    if (!sqlite_int(db, "SELECT count(*) FROM settings WHERE name = 'holds'", 0, &has, err) ||
        (has > 0 && !setting_read(db, "holds", value, sizeof value, err))) {
        return false;
    }
    for (int i = 0; has > 0 && i < (int)COUNT_OF(holds_names); i++) {
        if (strcmp(value, holds_names[i]) == 0) {
            *out = (enum sqlite_holds)i;
            return true;
        }
    }
    return has == 0 || error_set(err, ERROR_USAGE, "%s holds %s: this program cannot read that",
                                 sqlite3_db_filename(db, "main"), value);
}

bool sqlite_holds_read(sqlite3 *db, enum sqlite_holds *out, struct error *err) {
    return sqlite_version_check(db, false, err) && holds_read(db, out, err);
}

static bool refuse_use(sqlite3 *db, enum sqlite_holds have, struct error *err) {
    static const char *const made_by[] = {
        "raw orders and aggregates in one (made by serve, load or process --raw sqlite "
        "--aggregates "
        "sqlite)",
        "aggregates alone, raw orders are elsewhere (made by process --aggregates sqlite with "
        "another --raw)",
        "raw orders alone, aggregates are elsewhere (made by process --raw sqlite with another "
        "--aggregates)",
    };
    return error_set(err, ERROR_USAGE, "%s holds %s: use it as it was made, or take another --data",
                     sqlite3_db_filename(db, "main"), made_by[have]);
}

bool sqlite_holds_check(sqlite3 *db, enum sqlite_holds want, struct error *err) {
    enum sqlite_holds have;
    return sqlite_holds_read(db, &have, err) && (have == want || refuse_use(db, have, err));
}

// Of any version.
static bool settings_read(sqlite3 *db, struct store_settings *settings, struct error *err) {
    for (int i = 0; i < N_SETTINGS; i++) {
        char value[SETTING_MAX_BYTES + 1];
        if (!setting_read(db, setting_names[i], value, sizeof value, err)) {
            return false;
        }
        setting_set(settings, i, value);
    }
    return true;
}

bool sqlite_settings_read(sqlite3 *db, struct store_settings *settings, struct error *err) {
    enum sqlite_holds have;
    return sqlite_holds_read(db, &have, err) &&
           (have != SQLITE_HOLDS_RAW || refuse_use(db, have, err)) &&
           settings_read(db, settings, err);
}

static bool settings_fix(sqlite3 *db, struct store_settings *s, struct error *err) {
    settings_fill(s);
    for (int i = 0; i < N_SETTINGS; i++) {
        char value[SETTING_MAX_BYTES + 1];
        setting_get(s, i, value);
        if (!setting_write(db, setting_names[i], value, err)) {
            return false;
        }
    }
    return true;
}

static bool make_tables(sqlite3 *db, enum sqlite_holds holds, struct store_settings *settings,
                        struct error *err) {
    if (holds == SQLITE_HOLDS_RAW) {
        return sqlite_run(db, raw_sql, err) && sqlite_views_refresh(db, holds, err);
    }
    const char *without_door = "DELETE FROM pipeline_positions WHERE topic = 'embedded'";
    const char *orders = holds == SQLITE_HOLDS_ALL ? all_orders_sql : newest_orders_sql;
    return sqlite_run(db, tables_sql, err) && sqlite_run(db, orders, err) &&
           sqlite_run(db, order_runs_sql, err) && sqlite_run(db, sqlite_lanes_sql, err) &&
           sqlite_run(db, sqlite_retries_sql, err) && sqlite_run(db, sqlite_day_changes_sql, err) &&
           sqlite_doubts_make(db, err) && sqlite_views_refresh(db, holds, err) &&
           settings_fix(db, settings, err) &&
           sqlite_shop_clock_refresh(db, settings->timezone, err) &&
           (holds == SQLITE_HOLDS_ALL || sqlite_run(db, without_door, err));
}

// One that is there: it is for this use and has these settings, or is left as it is.
static bool adopt(sqlite3 *db, enum sqlite_holds holds, struct store_settings *settings,
                  struct error *err) {
    enum sqlite_holds have_holds;
    struct store_settings have;
    if (!holds_read(db, &have_holds, err) ||
        (have_holds != holds && !refuse_use(db, have_holds, err))) {
        return false;
    }
    if (holds == SQLITE_HOLDS_RAW) {
        return sqlite_migrate(db, holds, err) && sqlite_views_refresh(db, holds, err);
    }
    return settings_read(db, &have, err) && settings_compare(&have, settings, "--data", err) &&
           sqlite_migrate(db, holds, err) && sqlite_views_refresh(db, holds, err) &&
           sqlite_shop_clock_refresh(db, have.timezone, err);
}

bool sqlite_schema_prepare(sqlite3 *db, enum sqlite_holds holds, struct store_settings *settings,
                           struct error *err) {
    int64_t version = 0; // sqlite_connect has seen that the file is new or ours
    if (!sqlite_int(db, "PRAGMA user_version", 0, &version, err)) {
        return false;
    }
    if (version != 0) {
        return adopt(db, holds, settings, err);
    }
    char version_sql[64];
    snprintf(version_sql, sizeof version_sql, "PRAGMA user_version = %d; COMMIT;", SCHEMA_VERSION);
    if (sqlite_run(db, "BEGIN IMMEDIATE", err) && make_tables(db, holds, settings, err) &&
        (holds == SQLITE_HOLDS_ALL || setting_write(db, "holds", holds_names[holds], err)) &&
        sqlite_run(db, version_sql, err)) {
        return true;
    }
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

bool sqlite_state_read(sqlite3 *db, struct pipeline_state *state, struct error *err) {
    sqlite3_stmt *stmt = NULL;
    if (!sqlite_prepare(db,
                        "SELECT received, accepted, duplicate, rejected, rejected_expired, "
                        "amounts_rounded, total_mismatch, quantity_zero, late, future, "
                        "last_batch_id, minute_floor, hour_floor, indexed_below, skipped "
                        "FROM pipeline_state WHERE id = 1",
                        &stmt, err)) {
        return false;
    }
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        struct store_counts *c = &state->counts;
        c->received = sqlite3_column_int64(stmt, 0);
        c->accepted = sqlite3_column_int64(stmt, 1);
        c->duplicate = sqlite3_column_int64(stmt, 2);
        c->rejected = sqlite3_column_int64(stmt, 3);
        c->rejected_expired = sqlite3_column_int64(stmt, 4);
        for (int i = 0; i < ORDER_WARNING_KINDS; i++) {
            c->warnings[i] = sqlite3_column_int64(stmt, 5 + i);
        }
        state->last_batch_id = sqlite3_column_int64(stmt, 10);
        state->minute_floor = sqlite3_column_int(stmt, 11);
        state->hour_floor = sqlite3_column_int(stmt, 12);
        state->indexed_below = sqlite3_column_int64(stmt, 13);
        c->skipped = sqlite3_column_int64(stmt, 14);
    } else if (rc == SQLITE_DONE) {
        error_set(err, ERROR_FATAL, "pipeline_state is empty: the database is damaged");
    } else {
        sqlite_failed(db, "reading the state", err);
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW && sqlite_doubts_read(db, state->counts.doubts, err);
}
