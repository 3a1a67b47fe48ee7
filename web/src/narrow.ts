// SPDX-License-Identifier: MIT
// Figures of a view that the stream does not push: asked of /v1/sales whenever the stream names a new batch or
// the shop's minute changes. An answer that has not changed costs a 304. Sums over groups and buckets are added exactly.
import { add, average } from "./amount";
import {
    courseOfDays,
    courseOfHours,
    courseOfMinutes,
    slotOf,
    type Compared,
    type Course,
    type Figures,
    type Share,
    type Slot,
} from "./figures";
import { addDays, dateOf, DAY_MS, dayNumber, HOUR_MS, MINUTE_MS, type ShopTime } from "./shop_time";
import { mergeMinutes, type State } from "./state";
import type { Amount, DaysRow, HoursBeforeRow, HoursRow, MapRow, MatrixRow, ProductRow, Ranking, Sum } from "./types";
import { boundsOf, queryOf, type View } from "./view";

interface Measures {
    orders: number;
    units: number;
    total: Amount;
    refunded_total?: Amount;
    cancelled_orders?: number;
    refunds?: number;
}

interface SalesRow extends Measures {
    bucket?: string;
    source?: string;
    state?: string;
    product_id?: string | number | null;
    others?: number;
    rank_before?: number | null;
    before?: Measures;
}

interface Answer {
    rows: SalesRow[];
    compare?: { until: string | null };
}

type Query = Readonly<Record<string, string | readonly string[]>>;

const CACHED = 64;
const answers = new Map<string, { etag: string; answer: Answer }>();

async function ask(query: Query): Promise<Answer> {
    const url = `v1/sales?${queryOf({ ...query, format: "json" })}`;
    const known = answers.get(url);
    const headers: HeadersInit = known === undefined ? {} : { "If-None-Match": known.etag };
    const response = await fetch(url, { headers });
    if (response.status === 304 && known !== undefined) {
        return known.answer;
    }
    const body: unknown = await response.json();
    if (!response.ok) {
        throw new Error((body as { detail?: string }).detail ?? `the server answered ${response.status}`);
    }
    const answer = body as Answer;
    answers.delete(url);
    answers.set(url, { etag: response.headers.get("ETag") ?? "", answer });
    if (answers.size > CACHED) {
        answers.delete(answers.keys().next().value ?? "");
    }
    return answer;
}

const ZERO: Required<Measures> = {
    orders: 0,
    units: 0,
    total: "0.0000",
    refunded_total: "0.0000",
    cancelled_orders: 0,
    refunds: 0,
};

function plus(a: Required<Measures>, b: Measures): Required<Measures> {
    return {
        orders: a.orders + b.orders,
        units: a.units + b.units,
        total: add(a.total, b.total),
        refunded_total: add(a.refunded_total, b.refunded_total ?? "0.0000"),
        cancelled_orders: a.cancelled_orders + (b.cancelled_orders ?? 0),
        refunds: a.refunds + (b.refunds ?? 0),
    };
}

function sumOf(rows: Measures[]): Sum {
    const sum = rows.reduce(plus, ZERO);
    return { ...sum, aov: average(add(sum.total, sum.refunded_total), sum.orders) };
}

function bucketNumber(row: SalesRow, length_ms: number): number {
    return Date.parse(row.bucket ?? "") / length_ms;
}

function timed<Row extends HoursRow | DaysRow>(answer: Answer, length_ms: number): Row[] {
    return answer.rows.map((row) => {
        const { orders, units, total, refunds = 0, refunded_total = "0.0000" } = row;
        return [bucketNumber(row, length_ms), orders, units, total, refunds, refunded_total] as Row;
    });
}

export interface Asking {
    view: View;
    currency: string;
    time: ShopTime;
    now_ms: number;
    day: NonNullable<State["day"]>;
    /** today's products by id: answers of /v1/sales have no titles */
    titles: Map<string, string>;
    /** what narrows every question: of sums by source and state, or by product */
    filter: Query;
}

function filterOf(view: View, currency: string): Query {
    if (view.product !== undefined) {
        return { by: "product", product_id: view.product, currency };
    }
    return {
        by: "",
        currency,
        ...(view.source !== undefined ? { source: view.source } : {}),
        state: view.states,
    };
}

async function hoursToday(a: Asking): Promise<Course> {
    const { date, start_ms, end_ms } = a.day;
    const of = (from: string): Promise<Answer> => ask({ ...a.filter, bucket: "hour", from, to: addDays(from, 1) });
    const [today, ...past] = await Promise.all([0, 1, 7, 14, 21, 28].map((ago) => of(addDays(date, -ago))));
    const before = past.flatMap((answer, i) => {
        const ago = [1, 7, 14, 21, 28][i]!;
        const first = Math.floor(a.time.startOfDay(addDays(date, -ago)) / HOUR_MS);
        return answer.rows.map((row): HoursBeforeRow => [ago, bucketNumber(row, HOUR_MS) - first, row.orders, row.total]);
    });
    return courseOfHours({ date, start_ms, end_ms }, timed<HoursRow>(today!, HOUR_MS), before, a.now_ms, a.time);
}

/** What the sparklines show of today, whatever the chart does. */
async function trendToday(a: Asking): Promise<Slot[]> {
    const { date, start_ms, end_ms } = a.day;
    const answer = await ask({ ...a.filter, bucket: "hour", from: date, to: addDays(date, 1) });
    return courseOfHours({ date, start_ms, end_ms }, timed<HoursRow>(answer, HOUR_MS), [], a.now_ms, a.time).slots;
}

async function minutesNow(a: Asking): Promise<Course> {
    const last = Math.floor(a.now_ms / MINUTE_MS);
    const instant = (minute: number): string => new Date(minute * MINUTE_MS).toISOString();
    const answer = await ask({ ...a.filter, bucket: "minute", from: instant(last - 59), to: instant(last + 1) });
    const rows = answer.rows.map((row): [number, number, Amount] => [bucketNumber(row, MINUTE_MS), row.orders, row.total]);
    return courseOfMinutes(mergeMinutes([], rows, last), a.now_ms);
}

async function daysUntil(a: Asking, last: string, n: number): Promise<Course> {
    const answer = await ask({ ...a.filter, bucket: "day", from: addDays(last, 1 - n), to: addDays(last, 1) });
    return courseOfDays(last, timed<DaysRow>(answer, DAY_MS), a.now_ms, n);
}

const BEFORE = { today: "", yesterday: "day before", "7d": "7 days before", "30d": "30 days before", range: "time before" } as const;

const LENGTHS = { minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS } as const;

function bucketOf(view: View, span_ms: number, isDates: boolean): Course["bucket"] {
    if (isDates && (view.product !== undefined || span_ms > 2 * DAY_MS)) {
        return "day";
    }
    return isDates || span_ms > 3 * HOUR_MS ? "hour" : "minute";
}

/** Of any period: its buckets, those of as long a time before it, and both as sums. */
async function ofRange(a: Asking, from: string, to: string): Promise<{ course: Course; sum: Sum; compared: Compared[] }> {
    const isDates = from.length === 10;
    const span_ms = Date.parse(to) - Date.parse(from);
    const bucket = bucketOf(a.view, span_ms, isDates);
    const length_ms = LENGTHS[bucket];
    const back = isDates ? addDays(from, -(dayNumber(to) - dayNumber(from))) : new Date(Date.parse(from) - span_ms).toISOString();
    const answer = await ask({ ...a.filter, bucket, from, to, compare: back });
    const start_ms = isDates && bucket !== "day" ? a.time.startOfDay(from) : Date.parse(from);
    const end_ms = isDates && bucket !== "day" ? a.time.startOfDay(to) : Date.parse(to);
    const known = new Map(answer.rows.map((row) => [Date.parse(row.bucket ?? ""), row]));
    const slots: Slot[] = [];
    for (let at_ms = Math.floor(start_ms / length_ms) * length_ms; at_ms < end_ms; at_ms += length_ms) {
        const slot = slotOf(at_ms, length_ms, bucket === "day" ? Date.parse(`${a.day.date}T12:00:00Z`) : a.now_ms);
        const row = known.get(at_ms);
        const { orders, units, total, refunds, refunded_total } = plus(ZERO, row ?? ZERO);
        slots.push(Object.assign(slot, { orders, units, total, refunds, refunded_total, ghost: row?.before?.total ?? "0.0000" }));
    }
    const ghost = BEFORE[a.view.period];
    const title = `Revenue by ${bucket}`;
    const before = answer.rows.flatMap((row) => (row.before === undefined ? [] : [row.before]));
    return {
        course: { bucket, slots, title, note: () => `the ${ghost} dashed`, ghost },
        sum: sumOf(answer.rows),
        compared: [{ label: ghost, sum: sumOf(before), whole: false }],
    };
}

async function comparedToday(a: Asking): Promise<{ sum: Sum; compared: Compared[] }> {
    const { date } = a.day;
    const of = (compare: string): Promise<Answer> => ask({ ...a.filter, from: date, to: addDays(date, 1), compare });
    const [yesterday, week] = await Promise.all([of(addDays(date, -1)), of(addDays(date, -7))]);
    const before = (label: string, { rows, compare }: Answer): Compared => ({
        label,
        sum: sumOf(rows.flatMap((row) => (row.before === undefined ? [] : [row.before]))),
        whole: compare?.until === null,
    });
    return { sum: sumOf(yesterday.rows), compared: [before("yesterday", yesterday), before("week", week)] };
}

/** By source and state, whatever is chosen of them: what is left out is left out here, so that others can be chosen. */
async function groups(a: Asking, from: string, to: string): Promise<{ map: MapRow[]; matrix: MatrixRow[] }> {
    const span_ms = Date.parse(to) - Date.parse(from);
    const bucket: Query = from.length === 10 ? {} : { bucket: span_ms > 3 * HOUR_MS ? "hour" : "minute" };
    const answer = await ask({ by: "source,state", currency: a.currency, from, to, ...bucket });
    const states = new Map<string, MapRow>();
    const cells = new Map<string, MatrixRow>();
    for (const { source = "", state = "", orders, units, total } of answer.rows) {
        if (a.view.source !== undefined && a.view.source !== source) {
            continue;
        }
        const [, , n, pieces, worth] = states.get(state) ?? [state, 0, 0, 0, "0.0000"];
        states.set(state, [state, 0, n + orders, pieces + units, add(worth, total)]);
        if (a.view.states.length === 0 || a.view.states.includes(state)) {
            const key = JSON.stringify([source, state]);
            const [, , m, sum] = cells.get(key) ?? [source, state, 0, "0.0000"];
            cells.set(key, [source, state, m + orders, add(sum, total)]);
        }
    }
    return { map: [...states.values()], matrix: [...cells.values()] };
}

async function products(a: Asking, from: string, to: string): Promise<Ranking<ProductRow>> {
    const days = dayNumber(to) - dayNumber(from);
    const answer = await ask({ by: "product", currency: a.currency, from, to, compare: addDays(from, -days), top: "10" });
    const rows: ProductRow[] = [];
    let others: Ranking<ProductRow>["others"] = null;
    for (const row of answer.rows) {
        if (row.product_id === null || row.product_id === undefined) {
            others = [row.others ?? 0, row.orders, row.units, row.total];
        } else {
            const id = String(row.product_id);
            rows.push([id, a.titles.get(id) ?? null, null, row.orders, row.units, row.total, row.rank_before ?? null]);
        }
    }
    return { rows, others, too_many: false };
}

/** By source, in the buckets of a course. */
async function shares(a: Asking, course: Course): Promise<Share[]> {
    const [first, last] = [course.slots[0], course.slots.at(-1)];
    if (first === undefined || last === undefined) {
        return [];
    }
    const isDay = course.bucket === "day";
    const [from, to] = isDay
        ? [dateOf(first.at_ms / DAY_MS), addDays(dateOf(last.at_ms / DAY_MS), 1)]
        : [new Date(first.at_ms).toISOString(), new Date(last.end_ms).toISOString()];
    const answer = await ask({ ...a.filter, by: "source", bucket: course.bucket, from, to, top: "8" });
    return answer.rows.map((row) => ({ at_ms: Date.parse(row.bucket ?? ""), source: row.source ?? null, total: row.total }));
}

/** Where the stream pushes figures and shares of other buckets. */
export async function readShares(a: Asking): Promise<Share[]> {
    const { view, day } = a;
    return shares(a, await (view.chart === "days" ? daysUntil(a, day.date, 30) : minutesNow(a)));
}

/** What was sold by and to where from a date on, of all currencies, the largest: what one can narrow by. */
export async function namesSince(from: string): Promise<{ sources: string[]; states: string[] }> {
    const named = async (by: "source" | "state"): Promise<string[]> => {
        const { rows } = await ask({ by, from, top: "250" });
        return rows.flatMap((row) => row[by] ?? []);
    };
    const [sources, states] = await Promise.all([named("source"), named("state")]);
    return { sources, states };
}

const NOT_BY_PRODUCT = "Sums by product are kept for the whole shop only, not by source and state.";
const NOT_BY_HOUR = "Sums by product are kept by day: choose whole days.";

/** Everything of a view that the stream does not push. */
export async function readView(a: Asking): Promise<Figures> {
    const { view } = a;
    const [from, to] = boundsOf(view, a.day.date);
    const ofProduct = view.product !== undefined;
    const dates = from.length === 10;
    if (ofProduct && !dates) {
        throw new Error("sums by product are kept by day: choose whole days, or all products");
    }
    const isToday = view.period === "today";
    const course = async (): Promise<Course> => {
        if (ofProduct || view.chart === "days") {
            return daysUntil(a, a.day.date, 30);
        }
        return view.chart === "minutes" ? minutesNow(a) : hoursToday(a);
    };
    const figures = async (): Promise<Pick<Figures, "sum" | "compared" | "course" | "trend">> => {
        if (!isToday) {
            const found = await ofRange(a, from, to);
            return { ...found, trend: found.course.slots };
        }
        const ofHours = view.chart === "hours" || ofProduct; // of products no hours are kept
        const [sums, drawn, hours] = await Promise.all([comparedToday(a), course(), ofHours ? undefined : trendToday(a)]);
        return { ...sums, course: drawn, trend: hours ?? (ofProduct ? [] : drawn.slots) };
    };
    const byProduct = view.source === undefined && view.states.length === 0 && dates;
    const [main, where, ranked] = await Promise.all([
        figures(),
        ofProduct ? undefined : groups(a, from, to),
        byProduct ? products(a, from, to) : undefined,
    ]);
    return {
        currency: a.currency,
        ...main,
        share: ofProduct || main.course === undefined ? undefined : await shares(a, main.course),
        map: where?.map,
        matrix: where?.matrix,
        products: ranked,
        none: {
            ...(ofProduct ? { share: NOT_BY_PRODUCT, map: NOT_BY_PRODUCT, matrix: NOT_BY_PRODUCT, refunds: "not kept by product" } : {}),
            ...(byProduct ? {} : { products: dates ? NOT_BY_PRODUCT : NOT_BY_HOUR }),
        },
    };
}

export function askingOf(view: View, currency: string, state: State, time: ShopTime): Asking {
    const titles = new Map<string, string>();
    for (const [id, title] of state.products?.rows ?? []) {
        titles.set(id, title ?? `Product ${id}`);
    }
    for (const order of state.recent) {
        if (order.title !== null) {
            titles.set(order.product_id, order.title);
        }
    }
    const now_ms = Date.now() + state.clock_ahead_ms;
    const day = state.day ?? { date: dateOf(Math.floor(now_ms / DAY_MS)), start_ms: 0, end_ms: 0 };
    return { view, currency, time, now_ms, day, titles, filter: filterOf(view, currency) };
}
