// SPDX-License-Identifier: MIT
// The tables and views of sales.db, its settings, and how a connection is set up.
#pragma once
#include "store/sqlite/sqlite_connect.h"

// PRAGMA user_version. A change that what is there does not have raises it and gets a step in
// sqlite_migrate.c; a fixture of each version is in tests/data/schema.
enum { SCHEMA_VERSION = 5 };

// What the newest commit left: one row of pipeline_state.
struct pipeline_state {
    struct store_counts counts;
    int64_t last_batch_id;
    int32_t minute_floor, hour_floor;
    int64_t indexed_below; // order rows with a smaller position are in runs of the index
};

// A store of this version; for who writes also a new file, or one of an earlier version, which
// sqlite_schema_prepare brings forward. Another program's database, and a newer one, is left as it
// is: ERROR_USAGE.
MUST_CHECK bool sqlite_version_check(sqlite3 *db, bool writes, struct error *err);

// What a file is for, said by its setting `holds` (none: all of it). Each use refuses the others.
enum sqlite_holds {
    SQLITE_HOLDS_ALL,  // the embedded store
    SQLITE_HOLDS_SUMS, // aggregates; raw orders are elsewhere, the newest few stand in order_rows
    SQLITE_HOLDS_RAW,  // raw orders; aggregates, and with them the settings, are elsewhere
};

// Writer only: makes a new file, or brings an earlier one to this version; fixes the settings;
// empty ones in *settings are filled with what is in force. ERROR_USAGE when the store was made
// with others or for another use.
MUST_CHECK bool sqlite_schema_prepare(sqlite3 *db, enum sqlite_holds holds,
                                      struct store_settings *settings, struct error *err);
// Any connection: ERROR_USAGE when this is no store of ours; check: or not one for this use.
MUST_CHECK bool sqlite_holds_read(sqlite3 *db, enum sqlite_holds *out, struct error *err);
MUST_CHECK bool sqlite_holds_check(sqlite3 *db, enum sqlite_holds want, struct error *err);
// Any connection: whether it has aggregates, and the settings in force.
MUST_CHECK bool sqlite_settings_read(sqlite3 *db, struct store_settings *settings,
                                     struct error *err);
MUST_CHECK bool sqlite_state_read(sqlite3 *db, struct pipeline_state *state, struct error *err);

// Columns of a cells table after `cell`, in this order everywhere.
#define MEASURE_COLUMNS                                                                            \
    "orders, units, subtotal_e4, discount_e4, shipping_e4, tax_e4, total_e4, cancelled_orders, "   \
    "refunds, refunded_total_e4"
enum { N_MEASURES = 10 };
// Tables that came later than others.
extern const char sqlite_retries_sql[], sqlite_lanes_sql[], sqlite_day_changes_sql[];
// SQL that makes the empty temporary tables temp.total_cells, ...: an audit's second set.
extern const char sqlite_temp_cells_sql[];
// By enum cube_table. A cell's key is bucket << 32 | id of its sales_groups or sales_products row.
extern const char *const cells_table_names[CUBE_TABLES];

static inline int64_t cell_key(int32_t bucket, int64_t dim_id) {
    return (int64_t)((uint64_t)(uint32_t)bucket << 32) + dim_id;
}
