// SPDX-License-Identifier: MIT
// What the page is narrowed to. It stands in the address, behind the #, so that a link shows the same and the back
// button goes back, and no server or proxy has to know of it.
import { addDays } from "./shop_time";

export type Period = "today" | "yesterday" | "7d" | "30d" | "range";
export type ChartKind = "minutes" | "hours" | "days";

export interface View {
    source: string | undefined;
    /** any of these; none: all. A click on the map takes all spellings of a state */
    states: readonly string[];
    /** never with a source or states: sums by product are of the whole shop */
    product: string | undefined;
    /** undefined: the shop's */
    currency: string | undefined;
    period: Period;
    /** for a range: dates, or instants */
    from: string | undefined;
    to: string | undefined;
    chart: ChartKind;
}

/** As many as /v1/sales takes. */
export const MOST_STATES = 16;

const PERIODS: readonly string[] = ["yesterday", "7d", "30d"];
const CHARTS: readonly string[] = ["minutes", "days"];

export function readView(hash: string): View {
    const query = new URLSearchParams(hash.replace(/^#/, ""));
    const text = (name: string): string | undefined => query.get(name) ?? undefined;
    const instant = (name: string): string | undefined => {
        const value = query.get(name) ?? "";
        const ms = Date.parse(value);
        if (/^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(ms)) {
            return value;
        }
        return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
    };
    const [from, to] = [instant("from"), instant("to")];
    const isRange = from !== undefined && to !== undefined && from < to && from.length === to.length;
    const period = query.get("period") ?? "";
    const chart = query.get("chart") ?? "";
    const currency = text("currency");
    // What stands last was chosen last.
    const last = [...query.keys()].reverse().find((name) => name === "product" || name === "source" || name === "state");
    const ofProduct = last === "product";
    return {
        source: ofProduct ? undefined : text("source"),
        states: ofProduct ? [] : [...new Set(query.getAll("state"))].slice(0, MOST_STATES),
        product: ofProduct ? text("product") : undefined,
        currency: currency !== undefined && /^[A-Z]{3}$/.test(currency) ? currency : undefined,
        period: isRange ? "range" : PERIODS.includes(period) ? (period as Period) : "today",
        from: isRange ? from : undefined,
        to: isRange ? to : undefined,
        chart: CHARTS.includes(chart) ? (chart as ChartKind) : "hours",
    };
}

/** One parameter for each value that there is. */
export function queryOf(values: Readonly<Record<string, string | readonly string[] | undefined>>): URLSearchParams {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(values)) {
        for (const one of value === undefined ? [] : typeof value === "string" ? [value] : value) {
            query.append(name, one);
        }
    }
    return query;
}

/** A product takes the place of source and states, and they of it: of both at once there are no sums. */
export function changeView(view: View, change: Partial<View>): View {
    const changed = { ...view, ...change };
    if (change.product !== undefined) {
        return { ...changed, source: undefined, states: [] };
    }
    const ofPlace = change.source !== undefined || (change.states ?? []).length > 0;
    return ofPlace ? { ...changed, product: undefined } : changed;
}

export function writeView(view: View): string {
    const { source, states: state, product, currency, from, to } = view;
    const query = queryOf({ source, state, product, currency, from, to });
    if (view.period !== "today" && view.period !== "range") {
        query.set("period", view.period);
    }
    if (view.chart !== "hours") {
        query.set("chart", view.chart);
    }
    const text = query.toString();
    return text === "" ? location.pathname : `#${text}`;
}

/** Whether the stream's own panels, which are of the whole shop and today, do not show it. */
export function isNarrowed(view: View): boolean {
    return (
        view.source !== undefined ||
        view.states.length > 0 ||
        view.product !== undefined ||
        view.currency !== undefined ||
        view.period !== "today"
    );
}

/** The first date and the one after the last; for a range its instants. */
export function boundsOf(view: View, today: string): [from: string, to: string] {
    switch (view.period) {
        case "yesterday":
            return [addDays(today, -1), today];
        case "7d":
            return [addDays(today, -6), addDays(today, 1)];
        case "30d":
            return [addDays(today, -29), addDays(today, 1)];
        case "range":
            return [view.from ?? today, view.to ?? today];
        default:
            return [today, addDays(today, 1)];
    }
}

export const PERIOD_NAMES: Record<Period, string> = {
    today: "Today",
    yesterday: "Yesterday",
    "7d": "7 days",
    "30d": "30 days",
    range: "Range",
};
