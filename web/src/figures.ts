// SPDX-License-Identifier: MIT
// What the panels draw, wherever it comes from: the stream's panels (whole shop, today) or answers of
// /v1/sales (narrow.ts). One shape, so that a panel is written once.
import { roughly } from "./amount";
import { dateOf, DAY_MS, HOUR_MS, MINUTE_MS, type ShopTime } from "./shop_time";
import type { State } from "./state";
import type { Amount, Before, DaysRow, HoursBeforeRow, HoursRow, MapRow, MatrixRow, MinuteRow, ProductRow, Ranking, Sum } from "./types";
import type { ChartKind } from "./view";

/** One bucket of a chart. */
export interface Slot {
    at_ms: number;
    end_ms: number;
    orders: number;
    units: number;
    total: Amount;
    refunds: number;
    refunded_total: Amount;
    /** not over yet; not begun yet */
    open: boolean;
    future: boolean;
    /** the same bucket of the time before, and a week ago */
    ghost?: Amount | undefined;
    week?: Amount | undefined;
    /** between which the last four same weekdays were */
    low?: Amount | undefined;
    high?: Amount | undefined;
}

export interface Course {
    bucket: "minute" | "hour" | "day";
    slots: Slot[];
    title: string;
    /** worked out when it is drawn: the name of a weekday takes the browser as long as all the rest */
    note(): string;
    /** what the dashed line is */
    ghost: string;
}

export interface Compared {
    label: string;
    sum: Sum | Before;
    /** it could not be cut at the same time of the day */
    whole: boolean;
}

/** What a source has sold in a bucket; null: the others behind the largest. */
export interface Share {
    at_ms: number;
    source: string | null;
    total: Amount;
}

export interface Figures {
    currency: string;
    sum: Sum | undefined;
    compared: Compared[];
    course: Course | undefined;
    /** what the sparklines show */
    trend: Slot[];
    share: Share[] | undefined;
    map: MapRow[] | undefined;
    matrix: MatrixRow[] | undefined;
    products: Ranking<ProductRow> | undefined;
    /** why a panel cannot have anything */
    none: { share?: string; map?: string; matrix?: string; products?: string; refunds?: string };
}

interface Day {
    date: string;
    start_ms: number;
    end_ms: number;
}

export function slotOf(at_ms: number, length_ms: number, now_ms: number): Slot {
    return {
        at_ms,
        end_ms: at_ms + length_ms,
        orders: 0,
        units: 0,
        total: "0.0000",
        refunds: 0,
        refunded_total: "0.0000",
        open: at_ms <= now_ms && now_ms < at_ms + length_ms,
        future: at_ms > now_ms,
    };
}

function fill(slot: Slot, row: HoursRow | DaysRow | undefined): void {
    if (row !== undefined) {
        [, slot.orders, slot.units, slot.total, slot.refunds, slot.refunded_total] = row;
    }
}

export function courseOfHours(day: Day, rows: HoursRow[], before: HoursBeforeRow[], now_ms: number, time: ShopTime): Course {
    const first = Math.floor(day.start_ms / HOUR_MS);
    const n = Math.ceil(day.end_ms / HOUR_MS) - first;
    const known = new Map(rows.map((row) => [row[0], row]));
    const past = new Map(before.map((row) => [`${row[0]}/${row[1]}`, row[3]]));
    const weeks = [7, 14, 21, 28].filter((ago) => before.some((row) => row[0] === ago));
    const [yesterday, week] = [before.some((row) => row[0] === 1), weeks.includes(7)];
    const slots = Array.from({ length: n }, (_, nth) => {
        const slot = slotOf((first + nth) * HOUR_MS, HOUR_MS, now_ms);
        fill(slot, known.get(first + nth));
        const of = (ago: number): Amount => past.get(`${ago}/${nth}`) ?? "0.0000";
        slot.ghost = yesterday ? of(1) : undefined;
        slot.week = week ? of(7) : undefined;
        if (weeks.length > 1) {
            const usual = weeks.map(of).sort((a, b) => roughly(a) - roughly(b));
            [slot.low, slot.high] = [usual[0], usual.at(-1)];
        }
        return slot;
    });
    const note = (): string => {
        const said = ["today"];
        if (yesterday) {
            said.push("yesterday dashed");
        }
        if (week) {
            said.push("last week dotted");
        }
        if (weeks.length > 1) {
            said.push(`a usual ${time.ofWeekday(day.date)} behind`);
        }
        return said.join(", ");
    };
    return { bucket: "hour", slots, title: "Revenue by hour", note, ghost: "yesterday" };
}

export function courseOfMinutes(rows: MinuteRow[], now_ms: number): Course {
    const slots = rows.map(([minute, orders, total]) => ({ ...slotOf(minute * MINUTE_MS, MINUTE_MS, now_ms), orders, total }));
    // The newest minute is the server's, whatever this machine's clock says.
    slots.forEach((slot, i) => Object.assign(slot, { open: i === slots.length - 1, future: false }));
    return { bucket: "minute", slots, title: "Revenue by minute", note: () => "last 60 minutes", ghost: "" };
}

export function courseOfDays(today: string, rows: DaysRow[], now_ms: number, n = 30): Course {
    const last = Date.parse(`${today}T00:00:00Z`) / DAY_MS;
    const known = new Map(rows.map((row) => [row[0], row]));
    const slots = Array.from({ length: n }, (_, i) => {
        const day = last - n + 1 + i;
        const slot = slotOf(day * DAY_MS, DAY_MS, now_ms);
        fill(slot, known.get(day));
        return Object.assign(slot, { open: day === last, future: false });
    });
    return { bucket: "day", slots, title: "Revenue by day", note: () => "last 30 days", ghost: "" };
}

export function isManyDays(course: Course): boolean {
    const [first, last] = [course.slots[0], course.slots.at(-1)];
    return first !== undefined && last !== undefined && last.end_ms - first.at_ms > 1.5 * DAY_MS;
}

/** How a bucket is called. Days are numbered in UTC, since they are dates already. */
export function nameOf(slot: Slot, bucket: Course["bucket"], time: ShopTime, manyDays = false): string {
    if (bucket === "day") {
        return time.ofShortDay(dateOf(slot.at_ms / DAY_MS));
    }
    return manyDays ? time.dayAndMinute(slot.at_ms) : time.ofMinute(slot.at_ms);
}

function compared(state: State): Compared[] {
    const before = state.today_before;
    return before === undefined
        ? []
        : [
              { label: "yesterday", sum: before.yesterday, whole: before.yesterday.until_ms === null },
              { label: "week", sum: before.week, whole: before.week.until_ms === null },
          ];
}

/** Of the whole shop and today: what the stream pushes. */
export function figuresOf(state: State, chart: ChartKind, currency: string, time: ShopTime): Figures {
    const now_ms = Date.now() + state.clock_ahead_ms;
    const hours =
        state.day !== undefined && state.hours !== undefined
            ? courseOfHours(state.day, state.hours.rows, state.hours_before?.rows ?? [], now_ms, time)
            : undefined;
    let course = hours;
    if (chart === "minutes") {
        course = state.last_minute !== undefined ? courseOfMinutes(state.minutes, now_ms) : undefined;
    } else if (chart === "days") {
        course = state.day && state.days ? courseOfDays(state.day.date, state.days.rows, now_ms) : undefined;
    }
    const tooMany = "Too many groups to show here; /v1/sales has them all.";
    return {
        currency,
        sum: state.today,
        compared: compared(state),
        course,
        trend: hours?.slots ?? [],
        // Of other buckets they are asked for: main.ts.
        share: chart === "hours" ? state.share?.rows.map(([hour, source, , total]) => ({ at_ms: hour * HOUR_MS, source, total })) : undefined,
        map: state.map?.rows,
        matrix: state.matrix?.rows,
        products: state.products,
        none: {
            ...(state.share?.too_many === true ? { share: tooMany } : {}),
            ...(state.map?.too_many === true ? { map: tooMany } : {}),
            ...(state.matrix?.too_many === true ? { matrix: tooMany } : {}),
            ...(state.products?.too_many === true ? { products: "Too many products to rank; /v1/sales has them all." } : {}),
        },
    };
}
