// SPDX-License-Identifier: MIT
// What the server says on /v1/stream. Amounts are decimal texts with four digits after the point; they
// are formatted, never added.

export type Amount = string;

export interface Sum {
    orders: number;
    units: number;
    cancelled_orders: number;
    refunds: number;
    refunded_total: Amount;
    total: Amount;
}

/** name, orders, units, total */
export type GroupRow = [string, number, number, Amount];
/** id, title, category, orders, units, total */
export type ProductRow = [string, string | null, string | null, number, number, Amount];

export interface Ranking<Row> {
    rows: Row[];
    /** how many more there are, and their orders, units and total */
    others: [number, number, number, Amount] | null;
    too_many: boolean;
}

export interface Order {
    position: number;
    created_ms: number;
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
    last_commit_ms?: number;
    keys_required?: boolean;
}

/** A snapshot has all sections (those of figures only once the store could be read), a change some. */
export interface Message {
    now_ms: number;
    shop?: { currency: string; timezone: string };
    orders_per_second?: number;
    store?: { ok: boolean; problem: string | null };
    viewers?: number;
    health?: Health;
    day?: { date: string; start_ms: number; end_ms: number };
    today?: Sum;
    last_hour?: { orders: number; total: Amount };
    last_minute?: number;
    all_time?: Sum;
    sources?: Ranking<GroupRow>;
    states?: Ranking<GroupRow>;
    products?: Ranking<ProductRow>;
    currencies?: { rows: Currency[]; more: boolean };
    counts?: {
        received: number;
        accepted: number;
        duplicate: number;
        rejected: number;
        batches: number;
        warnings: Record<string, number>;
    };
    minutes?: MinuteRow[];
    recent?: Order[];
}
