// SPDX-License-Identifier: MIT
// The types of the stream's messages in TypeScript, from the table of panels.
#include "live/panels.h"

#include <stdio.h>

static const char head[] =
    "// SPDX-License-Identifier: MIT\n"
    "// What the server says on /v1/stream. Made by `make docs` from src/live/panels.c: change "
    "that\n"
    "// instead. Amounts are decimal texts with four digits after the point; they are formatted,\n"
    "// never added.\n"
    "\n"
    "export type Amount = string;\n"
    "\n"
    "export interface Sum {\n"
    "    orders: number;\n"
    "    units: number;\n"
    "    cancelled_orders: number;\n"
    "    refunds: number;\n"
    "    refunded_total: Amount;\n"
    "    total: Amount;\n"
    "    /** average value of an order, before refunds; null: there is none */\n"
    "    aov: Amount | null;\n"
    "}\n"
    "\n"
    "/** until_ms: where it was cut; null: it could not be, this is the whole day */\n"
    "export type Before = Sum & { until_ms: number | null };\n"
    "\n"
    "/**\n"
    " * Rows that have keys, their first members. `all`: these are all there are, rows known "
    "before\n"
    " * are gone; else each replaces the row with the same keys, or is new.\n"
    " */\n"
    "export interface Rows<Row> {\n"
    "    all: boolean;\n"
    "    rows: Row[];\n"
    "    /** more groups than are read: there are no rows */\n"
    "    too_many: boolean;\n"
    "}\n"
    "\n"
    "/** name, orders, units, total */\n"
    "export type GroupRow = [string, number, number, Amount];\n"
    "/** id, title, category, orders, units, total, rank of yesterday (null: it was not sold) */\n"
    "export type ProductRow = [\n"
    "    string,\n"
    "    string | null,\n"
    "    string | null,\n"
    "    number,\n"
    "    number,\n"
    "    Amount,\n"
    "    number | null,\n"
    "];\n"
    "\n"
    "export interface Ranking<Row> {\n"
    "    rows: Row[];\n"
    "    /** how many more there are, and their orders, units and total */\n"
    "    others: [number, number, number, Amount] | null;\n"
    "    too_many: boolean;\n"
    "}\n"
    "\n"
    "export interface Order {\n"
    "    /** in order of acceptance */\n"
    "    position: number;\n"
    "    created_ms: number;\n"
    "    received_ms: number;\n"
    "    order_id: string;\n"
    "    source: string;\n"
    "    state: string;\n"
    "    product_id: string;\n"
    "    title: string | null;\n"
    "    more_products: number;\n"
    "    quantity: number;\n"
    "    currency: string;\n"
    "    total: Amount;\n"
    "}\n"
    "\n"
    "/** what took something back from an order; positions are counted for themselves */\n"
    "export interface Change {\n"
    "    position: number;\n"
    "    event: \"cancelled\" | \"refunded\";\n"
    "    created_ms: number;\n"
    "    received_ms: number;\n"
    "    order_id: string;\n"
    "    source: string;\n"
    "    state: string;\n"
    "    currency: string;\n"
    "    total: Amount;\n"
    "}\n"
    "\n"
    "/** minute since 1970, orders, total */\n"
    "export type MinuteRow = [number, number, Amount];\n"
    "\n"
    "export interface Currency {\n"
    "    currency: string;\n"
    "    today: Sum;\n"
    "    all_time: Sum;\n"
    "}\n"
    "\n"
    "export interface Health {\n"
    "    ready?: boolean;\n"
    "    problem?: string | null;\n"
    "    queue_events?: number;\n"
    "    queue_capacity?: number;\n"
    "    /** of the newest batch in the figures, whoever wrote it */\n"
    "    last_commit_ms?: number;\n"
    "    /** age at its commit of the oldest event of the newest batch that this process wrote */\n"
    "    freshness_ms?: number;\n"
    "    /** over a log: partition, messages that are not counted yet; null: not known now */\n"
    "    lag?: [number, number][] | null;\n"
    "    /** of what others count: stamp of the oldest of them; null: there is none */\n"
    "    waiting_since_ms?: number | null;\n"
    "    keys_required?: boolean;\n"
    "    /** rules of alerts can be read and changed here */\n"
    "    rules?: boolean;\n"
    "}\n"
    "\n"
    "export interface Alert {\n"
    "    name: string;\n"
    "    /** as it was written, without its name */\n"
    "    rule: string;\n"
    "    state: \"ok\" | \"pending\" | \"firing\" | \"clearing\";\n"
    "    /** state is firing or clearing */\n"
    "    firing: boolean;\n"
    "    /** since when it is beyond its limit; null: it is not */\n"
    "    since_ms: number | null;\n"
    "    /** for people; null: not known */\n"
    "    value: string | null;\n"
    "}\n"
    "\n"
    "export interface Alerts {\n"
    "    /** how many fire */\n"
    "    active: number;\n"
    "    rules: Alert[];\n"
    "}\n"
    "\n"
    "export interface Pipeline {\n"
    "    /** events that were judged, whatever became of them, over the last 10 seconds */\n"
    "    received_per_second: number;\n"
    "    accepted_per_second: number;\n"
    "    /** the newest 1,000 rejected events: code, events */\n"
    "    rejected_by: [string, number][];\n"
    "}\n"
    "\n"
    "export interface Counts {\n"
    "    received: number;\n"
    "    accepted: number;\n"
    "    duplicate: number;\n"
    "    rejected: number;\n"
    "    batches: number;\n"
    "    warnings: Record<string, number>;\n"
    "    /** ids of the newest orders that more was taken back of than was sold, or that are not "
    "known, by kind */\n"
    "    doubtful_orders: Record<string, string[]>;\n"
    "}\n";

static const char *column_type(enum panel_column c, const struct panel *p) {
    static const char *const buckets[PANEL_SPANS] = {
        [SPAN_HOURS] = "hour: number", [SPAN_DAYS] = "day: number", [SPAN_BEFORE] = "nth: number"};
    switch (c) {
    case COLUMN_DAYS_AGO:
        return "days_ago: number";
    case COLUMN_BUCKET:
        return buckets[p->span];
    case COLUMN_SOURCE:
        return "source: string | null";
    case COLUMN_STATE:
        return "state: string | null";
    case COLUMN_OTHERS:
        return "others: number";
    case COLUMN_ORDERS:
        return "orders: number";
    case COLUMN_UNITS:
        return "units: number";
    case COLUMN_TOTAL:
        return "total: Amount";
    case COLUMN_REFUNDS:
        return "refunds: number";
    case COLUMN_REFUNDED:
        return "refunded_total: Amount";
    case COLUMN_NONE:
        break;
    }
    return "";
}

// "hours_before" is HoursBeforeRow.
static void put_row_name(struct buf *out, const struct panel *p) {
    bool upper = true;
    for (const char *at = p->name; *at != '\0'; at++) {
        if (*at == '_') {
            upper = true;
            continue;
        }
        buf_put_char(out, upper ? (char)(*at - 'a' + 'A') : *at);
        upper = false;
    }
    buf_put_str(out, "Row");
}

static void put_row_type(struct buf *out, const struct panel *p) {
    buf_printf(out, "\n/** key: the first %s */\nexport type ",
               p->n_keys == 1 ? "member" : "two members");
    put_row_name(out, p);
    buf_put_str(out, " = [\n");
    for (int i = 0; i < PANEL_COLUMNS_MAX && p->columns[i] != COLUMN_NONE; i++) {
        buf_printf(out, "    %s,\n", column_type(p->columns[i], p));
    }
    buf_put_str(out, "];\n");
}

// What the page merges by, so that it has no list of its own.
static void put_merging(struct buf *out) {
    buf_put_str(out, "\n/** Panels of rows that are merged, and how many of a row's first members "
                     "are its key. */\nexport const KEYED = {\n");
    for (size_t i = 0; i < PANELS; i++) {
        if (panel_has_rows(&panels[i])) {
            buf_printf(out, "    %s: %d,\n", panels[i].name, panels[i].n_keys);
        }
    }
    buf_printf(
        out,
        "} as const;\n/** as many as `minutes` tells of */\nexport const MINUTES = %d;\n"
        "/** as many as are kept of `recent` and of `changes` */\nexport const NEWEST = %d;\n",
        LIVE_MINUTES, LIVE_RECENT);
}

void panels_types(struct buf *out) {
    buf_put_str(out, head);
    for (size_t i = 0; i < PANELS; i++) {
        if (panel_has_rows(&panels[i])) {
            put_row_type(out, &panels[i]);
        }
    }
    buf_put_str(out,
                "\n/** A snapshot has all panels (those of figures only once the store could be "
                "read), a change some. */\nexport interface Message {\n    /** the server's "
                "clock */\n    now_ms: number;\n");
    for (size_t i = 0; i < PANELS; i++) {
        const struct panel *p = &panels[i];
        buf_printf(out, "    /** %s */\n    %s?: ", p->what, p->name);
        if (panel_has_rows(p)) {
            buf_put_str(out, "Rows<");
            put_row_name(out, p);
            buf_put_str(out, ">");
        } else {
            buf_put_str(out, p->type);
        }
        buf_put_str(out, ";\n");
    }
    buf_put_str(out, "}\n");
    put_merging(out);
}
