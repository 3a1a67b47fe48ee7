// SPDX-License-Identifier: MIT
// Where what a panel shows is to be had as CSV: the same question to /v1/sales, which makes it safe for spreadsheets.
import { make } from "./dom";
import type { Figures } from "./figures";
import type { State } from "./state";
import { HOUR_MS } from "./shop_time";
import { boundsOf, queryOf, type View } from "./view";

export function csvLink(name: string): HTMLAnchorElement {
    const link = make("a", "quiet csv", "CSV");
    link.setAttribute("download", `salestide-${name}.csv`);
    link.setAttribute("aria-label", `${name} as CSV`);
    return link;
}

/** Of all that the view has, by source and state or by product. */
export function csvOf(by: "source,state" | "product", view: View, { currency }: Figures, state: State): string {
    const [from, to] = boundsOf(view, state.day?.date ?? "");
    const narrow = by === "product" ? { product_id: view.product } : { source: view.source, state: view.states };
    // Parts of days are kept by the minute and the hour.
    const bucket = from.length === 10 ? undefined : Date.parse(to) - Date.parse(from) > 3 * HOUR_MS ? "hour" : "minute";
    return `v1/sales?${queryOf({ by, from, to, currency, ...narrow, bucket, format: "csv" })}`;
}
