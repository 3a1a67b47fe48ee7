// SPDX-License-Identifier: MIT
// What the server says on /v1/stream. Made by `make docs` from src/live/panels.c: change that
// instead. Amounts are decimal texts with four digits after the point; they are formatted,
// never added.

export type Amount = string;

export interface Sum {
    orders: number;
    units: number;
    cancelled_orders: number;
    refunds: number;
    refunded_total: Amount;
    total: Amount;
    /** average value of an order, before refunds; null: there is none */
    aov: Amount | null;
}

/** until_ms: where it was cut; null: it could not be, this is the whole day */
export type Before = Sum & { until_ms: number | null };

/**
 * Rows that have keys, their first members. `all`: these are all there are, rows known before
 * are gone; else each replaces the row with the same keys, or is new.
 */
export interface Rows<Row> {
    all: boolean;
    rows: Row[];
    /** more groups than are read: there are no rows */
    too_many: boolean;
}

/** name, orders, units, total */
export type GroupRow = [string, number, number, Amount];
/** id, title, category, orders, units, total, rank of yesterday (null: it was not sold) */
export type ProductRow = [
    string,
    string | null,
    string | null,
    number,
    number,
    Amount,
    number | null,
];

export interface Ranking<Row> {
    rows: Row[];
    /** how many more there are, and their orders, units and total */
    others: [number, number, number, Amount] | null;
    too_many: boolean;
}

export interface Order {
    /** in order of acceptance */
    position: number;
    created_ms: number;
    received_ms: number;
    order_id: string;
    source: string;
    state: string;
    product_id: string;
    title: string | null;
    more_products: number;
    quantity: number;
    currency: string;
    total: Amount;
}

/** what took something back from an order; positions are counted for themselves */
export interface Change {
    position: number;
    event: "cancelled" | "refunded";
    created_ms: number;
    received_ms: number;
    order_id: string;
    source: string;
    state: string;
    currency: string;
    total: Amount;
}

/** minute since 1970, orders, total */
export type MinuteRow = [number, number, Amount];

export interface Currency {
    currency: string;
    today: Sum;
    all_time: Sum;
}

export interface Health {
    ready?: boolean;
    problem?: string | null;
    queue_events?: number;
    queue_capacity?: number;
    /** of the newest batch in the figures, whoever wrote it */
    last_commit_ms?: number;
    /** age at its commit of the oldest event of the newest batch that this process wrote */
    freshness_ms?: number;
    /** over a log: partition, messages that are not counted yet; null: not known now */
    lag?: [number, number][] | null;
    /** of what others count: stamp of the oldest of them; null: there is none */
    waiting_since_ms?: number | null;
    keys_required?: boolean;
    /** rules of alerts can be read and changed here */
    rules?: boolean;
}

export interface Alert {
    name: string;
    /** as it was written, without its name */
    rule: string;
    state: "ok" | "pending" | "firing" | "clearing";
    /** state is firing or clearing */
    firing: boolean;
    /** since when it is beyond its limit; null: it is not */
    since_ms: number | null;
    /** for people; null: not known */
    value: string | null;
}

export interface Alerts {
    /** how many fire */
    active: number;
    rules: Alert[];
}

export interface Pipeline {
    /** events that were judged, whatever became of them, over the last 10 seconds */
    received_per_second: number;
    accepted_per_second: number;
    /** the newest 1,000 rejected events: code, events */
    rejected_by: [string, number][];
}

export interface Counts {
    received: number;
    accepted: number;
    duplicate: number;
    rejected: number;
    batches: number;
    warnings: Record<string, number>;
    /** ids of the newest orders that more was taken back of than was sold, or that are not known, by kind */
    doubtful_orders: Record<string, string[]>;
}

/** key: the first member */
export type HoursRow = [
    hour: number,
    orders: number,
    units: number,
    total: Amount,
    refunds: number,
    refunded_total: Amount,
];

/** key: the first two members */
export type HoursBeforeRow = [
    days_ago: number,
    nth: number,
    orders: number,
    total: Amount,
];

/** key: the first member */
export type DaysRow = [
    day: number,
    orders: number,
    units: number,
    total: Amount,
    refunds: number,
    refunded_total: Amount,
];

/** key: the first two members */
export type ShareRow = [
    hour: number,
    source: string | null,
    orders: number,
    total: Amount,
];

/** key: the first member */
export type MapRow = [
    state: string | null,
    others: number,
    orders: number,
    units: number,
    total: Amount,
];

/** key: the first two members */
export type MatrixRow = [
    source: string | null,
    state: string | null,
    orders: number,
    total: Amount,
];

/** A snapshot has all panels (those of figures only once the store could be read), a change some. */
export interface Message {
    /** the server's clock */
    now_ms: number;
    /** the newest batch in these figures; answers of /v1/sales with another are older or newer */
    batch?: number;
    /** its currency, in which all is that does not say otherwise, its time zone, and how it writes numbers and dates (BCP 47; null: as the browser does) */
    shop?: { currency: string; timezone: string; locale: string | null };
    /** accepted events, over the last 10 seconds */
    orders_per_second?: number;
    /** whether the figures are up to date */
    store?: { ok: boolean; problem: string | null };
    /** open streams */
    viewers?: number;
    /** the pipeline's own parts; what a process does not have is left out */
    health?: Health;
    /** the rules of alerts, and what has become of each */
    alerts?: Alerts;
    /** what came in and what became of it */
    pipeline?: Pipeline;
    /** the shop's date that today means, its first instant and that of the next day */
    day?: { date: string; start_ms: number; end_ms: number };
    /** events by verdict, and warnings, since the store was made */
    counts?: Counts;
    /** the headline's figures */
    today?: Sum;
    /** the same, yesterday and a week ago, until the same time of the day */
    today_before?: { yesterday: Before; week: Before };
    /** since the store was made */
    all_time?: Sum;
    /** the sum of `minutes` */
    last_hour?: { orders: number; total: Amount };
    /** today and all time of other currencies */
    currencies?: { rows: Currency[]; more: boolean };
    /** the newest of `minutes`, which is not over, since 1970 UTC */
    last_minute?: number;
    /** today by hour; the last one is not over */
    hours?: Rows<HoursRow>;
    /** the n-th hours of yesterday (1 day ago), and of 7, 14, 21 and 28 days ago, all of them */
    hours_before?: Rows<HoursBeforeRow>;
    /** the last 30 days; the last one is not over */
    days?: Rows<DaysRow>;
    /** today by hour and source: the 8 largest sources, the others as null */
    share?: Rows<ShareRow>;
    /** today by state: the 80 largest, the others as null */
    map?: Rows<MapRow>;
    /** today by source and state: the 12 largest sources and 40 largest states, the others as null */
    matrix?: Rows<MatrixRow>;
    /** today's 10 largest */
    sources?: Ranking<GroupRow>;
    /** likewise */
    states?: Ranking<GroupRow>;
    /** today's 10 largest, at most a second old, with their rank of all of yesterday */
    products?: Ranking<ProductRow>;
    /** the last 60 minutes; those left out are zero. Rows replace those of their minute */
    minutes?: MinuteRow[];
    /** the newest 20 placed orders; rows replace those of their position */
    recent?: Order[];
    /** the newest 20 cancellations and refunds; likewise */
    changes?: Change[];
}

/** Panels of rows that are merged, and how many of a row's first members are its key. */
export const KEYED = {
    hours: 1,
    hours_before: 2,
    days: 1,
    share: 2,
    map: 1,
    matrix: 2,
} as const;
/** as many as `minutes` tells of */
export const MINUTES = 60;
/** as many as are kept of `recent` and of `changes` */
export const NEWEST = 20;
