// SPDX-License-Identifier: MIT
// Where what a panel shows is to be had as CSV: the same question to /v1/sales, which makes it safe for spreadsheets.
// What no question gives, the newest orders, is written here, as safely.
import { make } from "./dom";
import type { Course, Figures } from "./figures";
import type { State } from "./state";
import { addDays, dateOf, DAY_MS, dayNumber, HOUR_MS } from "./shop_time";
import { boundsOf, queryOf, type View } from "./view";

export function csvLink(name: string): HTMLAnchorElement {
    const link = make("a", "quiet csv", "CSV");
    link.setAttribute("download", `salestide-${name}.csv`);
    link.setAttribute("aria-label", `${name} as CSV`);
    return link;
}

/** Of the whole period in one sum, by state, by source and state, or by product. */
type By = "" | "state" | "source,state" | "product";

type Narrow = Record<string, string | readonly string[] | undefined>;

function narrowOf(by: By, view: View): Narrow {
    if (by === "product" || (by === "" && view.product !== undefined)) {
        return { by: "product", product_id: view.product };
    }
    // The map shows all states, whichever are chosen.
    return { by, source: view.source, ...(by === "state" ? {} : { state: view.states }) };
}

/** Of all that the view has. */
export function csvOf(by: By, view: View, { currency }: Figures, state: State): string {
    const [from, to] = boundsOf(view, state.day?.date ?? "");
    const span_ms = Date.parse(to) - Date.parse(from);
    const isDates = from.length === 10;
    // Parts of days are kept by the minute and the hour.
    const bucket = isDates ? undefined : span_ms > 3 * HOUR_MS ? "hour" : "minute";
    // The headline stands beside as long a time before it.
    const before = isDates ? addDays(from, dayNumber(from) - dayNumber(to)) : new Date(Date.parse(from) - span_ms).toISOString();
    const compare = by === "" && state.day !== undefined ? before : undefined;
    return `v1/sales?${queryOf({ ...narrowOf(by, view), from, to, currency, bucket, compare, format: "csv" })}`;
}

/** Of the buckets that a chart shows: in one, or by source. */
export function csvOfCourse(by: "" | "source", course: Course, view: View, currency: string): string {
    const [first, last] = [course.slots[0]!, course.slots.at(-1)!];
    const isDay = course.bucket === "day";
    const instant = (ms: number): string => new Date(ms).toISOString();
    const query = queryOf({
        ...(by === "" ? narrowOf("", view) : { by, source: view.source, state: view.states }),
        bucket: course.bucket,
        from: isDay ? dateOf(first.at_ms / DAY_MS) : instant(first.at_ms),
        to: isDay ? addDays(dateOf(last.at_ms / DAY_MS), 1) : instant(last.end_ms),
        currency,
        format: "csv",
    });
    return `v1/sales?${query}`;
}

/** As src/live/sales_rows.c writes a text: one that a spreadsheet would work out is kept a text by the ' before it. */
function cellOf(text: string): string {
    const isFormula = /^[=+\-@\t\r\n]/.test(text);
    return isFormula || /[",\r\n]/.test(text) ? `"${isFormula ? "'" : ""}${text.replace(/"/g, '""')}"` : text;
}

export interface Column<Row> {
    name: string;
    /** texts of people are made safe; amounts and times are not theirs */
    text?(row: Row): string;
    plain?(row: Row): string;
}

export function csvUrlOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
    const lines = rows.map((row) => columns.map(({ text, plain }) => plain?.(row) ?? cellOf(text?.(row) ?? "")).join(","));
    const csv = [columns.map(({ name }) => name).join(","), ...lines, ""].join("\r\n");
    return `data:text/csv;charset=utf-8,${encodeURIComponent(csv)}`;
}
