// SPDX-License-Identifier: MIT
// Key figures, pipeline health, and what to do when there is nothing to show yet.
import { byId, setText, show } from "./dom";
import { ago, count, counted, exactMoney, money, rate, ShopTime } from "./format";
import type { State } from "./state";
import type { Amount, Sum } from "./types";

function setMoney(id: string, amount: Amount, currency: string): void {
    const element = byId(id);
    const text = money(amount, currency);
    setText(element, text);
    element.title = exactMoney(amount, currency);
    element.dataset["exact"] = amount;
    element.dataset["long"] = text.length > 17 ? "very" : text.length > 12 ? "yes" : "no";
}

function refunded(sum: Sum, currency: string): string {
    return sum.refunds === 0
        ? "no refunds"
        : `after ${money(sum.refunded_total, currency)} in ${counted(sum.refunds, "refund", "refunds")}`;
}

function cancelled(sum: Sum): string {
    const units = counted(sum.units, "unit", "units");
    return sum.cancelled_orders === 0 ? units : `${units}, ${count(sum.cancelled_orders)} cancelled`;
}

export function fillFigures(state: State, currency: string, time: ShopTime): void {
    if (state.day !== undefined) {
        setText(byId("day"), `${time.ofDay(state.day.date)} · ${time.zone}`);
    }
    if (state.today !== undefined) {
        setMoney("today-total", state.today.total, currency);
        setText(byId("today-total-note"), refunded(state.today, currency));
        setText(byId("today-orders"), count(state.today.orders));
        setText(byId("today-orders-note"), cancelled(state.today));
    }
    if (state.last_hour !== undefined) {
        setMoney("hour-total", state.last_hour.total, currency);
        setText(byId("hour-orders"), counted(state.last_hour.orders, "order", "orders"));
    }
    if (state.all_time !== undefined) {
        setMoney("all-total", state.all_time.total, currency);
        setText(byId("all-orders"), counted(state.all_time.orders, "order", "orders"));
    }
    if (state.orders_per_second !== undefined) {
        setText(byId("rate"), rate(state.orders_per_second));
    }
}

export function fillHealth(state: State): void {
    const health = state.health ?? {};
    const ready = health.ready !== false && state.store?.ok !== false;
    const element = byId("health-ready");
    setText(element, ready ? "Ready" : "Not ready");
    element.dataset["state"] = ready ? "good" : "bad";
    if (health.queue_events !== undefined) {
        const of = health.queue_capacity !== undefined ? ` of ${count(health.queue_capacity)}` : "";
        setText(byId("health-queue"), count(health.queue_events) + of);
    }
    const counts = state.counts;
    if (counts !== undefined) {
        const { late = 0, ...others } = counts.warnings;
        setText(byId("count-accepted"), count(counts.accepted));
        setText(byId("count-duplicate"), count(counts.duplicate));
        setText(byId("count-rejected"), count(counts.rejected));
        setText(byId("count-late"), count(late));
        const warnings = byId("count-warnings");
        setText(warnings, count(Object.values(others).reduce((sum, n) => sum + n, 0)));
        warnings.title = Object.entries(others)
            .map(([name, n]) => `${name.replace(/_/g, " ")}: ${count(n)}`)
            .join("\n");
    }
    if (state.viewers !== undefined) {
        setText(byId("viewers"), count(state.viewers));
    }
    fillProblem(state);
    fillCommitAge(state);
}

/** Also once a second without news: time passes. */
export function fillCommitAge(state: State): void {
    const at_ms = state.health?.last_commit_ms;
    if (at_ms !== undefined) {
        const now_ms = Date.now() + state.clock_ahead_ms;
        setText(byId("health-commit"), at_ms > 0 ? ago(now_ms - at_ms) : "none since the start");
    }
}

function fillProblem(state: State): void {
    let text = "";
    if (state.health?.ready === false) {
        text = `Orders cannot be stored now: ${state.health.problem ?? "the pipeline is not ready"}`;
    } else if (state.store?.ok === false) {
        text = `The figures are not up to date: ${state.store.problem ?? "the store cannot be read"}`;
    }
    setText(byId("problem"), text);
    show(byId("problem"), text !== "");
}

export function fillEmpty(state: State): void {
    const empty = state.counts !== undefined && state.counts.accepted === 0;
    show(byId("empty"), empty);
    if (empty) {
        const keys = state.health?.keys_required === true;
        const key = keys ? ` \\\n  -H 'Authorization: Bearer KEY'` : "";
        const order = `{"order_id": 1, "created_at": "'$(date -u +%FT%TZ)'", "product_id": 7, "quantity": 1, "total": "19.90"}`;
        setText(
            byId("empty-command"),
            `curl ${new URL("v1/orders", location.origin + location.pathname).href} \\\n  -H 'Content-Type: application/json'${key} \\\n  -d '${order}'`,
        );
        show(byId("empty-key"), keys);
    }
}
