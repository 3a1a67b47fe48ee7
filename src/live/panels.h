// SPDX-License-Identifier: MIT
// The panels of the live page: a table, one row for each part of the stream's messages. Most are
// rows of sums: which sums, by what, which columns; reading, changes and types follow from the row.
// The others say how they are written and what type that is.
#pragma once
#include "live/live_render.h"
#include "store/sales_reader.h"

// What is read together: sums of one range at their finest grain, which several panels add up.
enum panel_span {
    SPAN_NONE,  // of facts, not of sums
    SPAN_TODAY, // the shop's day
    SPAN_HOURS, // today by hour
    SPAN_DAYS,  // the last PANEL_DAYS days, today included, by day
    // By hour: yesterday, and the same weekday of the last four weeks. Hours count from that day's
    // start.
    SPAN_BEFORE,
    PANEL_SPANS,
};
enum { PANEL_DAYS = 30 };

enum panel_column {
    COLUMN_NONE,
    COLUMN_DAYS_AGO,
    COLUMN_BUCKET, // an hour since 1970 UTC, the shop's day number, or the n-th hour of a day
    COLUMN_SOURCE, // null: the others
    COLUMN_STATE,
    COLUMN_OTHERS, // how many groups the row is; 0: it is one
    COLUMN_ORDERS,
    COLUMN_UNITS,
    COLUMN_TOTAL,
    COLUMN_REFUNDS,
    COLUMN_REFUNDED,
};
enum { PANEL_COLUMNS_MAX = 6 };

// When a panel is brought up to date.
enum panel_cadence {
    CADENCE_COMMIT, // with every commit that is read
    CADENCE_REST,   // after commits, but not before what it cost has been rested from
    CADENCE_FACT,   // whenever the others are
};

struct panel {
    const char *name; // of the message's member
    const char *what; // for people who read the types
    // What is no rows of sums:
    const char *type; // in TypeScript
    void (*put)(struct buf *out, const struct live_facts *facts);
    enum panel_cadence cadence;
    // Rows of sums:
    enum panel_span span;
    // The largest today, by total; the others of a kind are added up. 0: there is no kind.
    int top_sources, top_states;
    enum panel_column columns[PANEL_COLUMNS_MAX];
    int n_keys; // columns that tell a row from the others
    bool by_source, by_state;
    bool of_figures; // no rows: left out until the store has been read
};

enum { PANELS = 28 };
extern const struct panel panels[PANELS];

static inline bool panel_has_rows(const struct panel *p) {
    return p->span != SPAN_NONE;
}

// The types of the stream's messages: web/src/types.ts.
void panels_types(struct buf *out);
