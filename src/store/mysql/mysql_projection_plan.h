// SPDX-License-Identifier: MIT
// How total_sales_by_source_state is written, given the table that is there: ours, or one that a
// user made, such as (source VARCHAR(100), state VARCHAR(100), total_sum_amount double,
// processed_at VARCHAR(100), batch_id int). Pure.
#pragma once
#include "store/mysql/mysql_catalog.h"

enum processed_as {
    PROCESSED_DATETIME, // '2026-01-31 12:00:00.123', cut to the column's fraction or date
    PROCESSED_RFC3339,  // '2026-01-31T12:00:00.123Z'
    PROCESSED_SECONDS,  // '2026-01-31 12:00:00' in a text too short for more
    PROCESSED_MS,       // a count of milliseconds since 1970
};

struct projection_plan {
    bool keyed;           // a unique key on source and state, bytewise: rows are upserted by it
    bool partial_charset; // source or state cannot hold every character: such groups are left out
    char source_charset[33], state_charset[33];
    bool amount_as_text; // total_sum_amount is a text
    enum processed_as processed;
    int64_t batch_id_max; // larger ones stay at it
    char notes[400];      // what is lost in the types found, for one line of the log; "" nothing
};

// ERROR_USAGE says which column cannot hold what, and what to do. `where`: the database.
MUST_CHECK bool projection_plan_make(const struct found_table *found, const char *where,
                                     struct projection_plan *out, struct error *err);
