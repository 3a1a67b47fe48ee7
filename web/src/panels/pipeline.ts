// SPDX-License-Identifier: MIT
// How the pipeline itself does, as one quiet row.
import { make, setText } from "../dom";
import { count, lasting, rate, since } from "../format";
import type { Draw, Page } from "../page";
import type { State } from "../state";

interface Fact {
    name: string;
    /** what stands before the number and behind it; undefined: this process does not know */
    /** what a click opens, by itself and for those who want a tab of its own */
    opens?: { at: string; by(page: Page): void };
    of(state: State, now_ms: number): { before?: string; value: string; after: string; hint?: string; bad?: boolean } | undefined;
}

function list(pairs: [string, number][]): string {
    return pairs.filter(([, n]) => n > 0).map(([name, n]) => `${name.replace(/_/g, " ")}: ${count(n)}`).join("\n");
}

/** Of what `since` says. */
function ago(value: string): string {
    return value === "now" ? "just now" : `${value} ago`;
}

function behind(state: State): ReturnType<Fact["of"]> {
    const { lag, queue_events, queue_capacity } = state.health ?? {};
    if (lag === null) {
        return { before: "lag", value: "not known", after: "", hint: "the brokers, or the tables, do not tell now" };
    }
    if (lag !== undefined) {
        const messages = lag.reduce((sum, [, n]) => sum + n, 0);
        const after = `behind on ${count(lag.length)} ${lag.length === 1 ? "partition" : "partitions"}`;
        return { value: count(messages), after, hint: list(lag.map(([partition, n]) => [`partition ${partition}`, n])) };
    }
    const hint = queue_capacity === undefined ? "" : `the queue holds ${count(queue_capacity)}`;
    return queue_events === undefined ? undefined : { value: count(queue_events), after: "waiting", hint };
}

const FACTS: readonly Fact[] = [
    {
        name: "rate",
        of: ({ orders_per_second: n, pipeline }) =>
            n === undefined
                ? undefined
                : {
                      value: rate(n),
                      after: "orders/s",
                      hint: `over the last 10 seconds${pipeline === undefined ? "" : `; ${rate(pipeline.received_per_second)}/s came in`}`,
                  },
    },
    {
        name: "fresh",
        of: ({ health }, now_ms) => {
            const { last_commit_ms, freshness_ms, waiting_since_ms } = health ?? {};
            const batch = last_commit_ms === undefined ? undefined : since(now_ms - last_commit_ms);
            const written = batch === undefined ? "no batch was written yet" : `the newest batch was written ${ago(batch)}`;
            if (waiting_since_ms !== undefined) {
                const waited = waiting_since_ms === null ? 0 : Math.max(0, now_ms - waiting_since_ms);
                return { before: "fresh", value: lasting(waited), after: "", hint: `how long the oldest message that is not counted has waited; ${written}` };
            }
            if (batch === undefined) {
                return undefined;
            }
            if (freshness_ms === undefined) {
                const hint = "when the newest batch was written; how long its orders had waited by then this process does not know";
                return { before: "last batch", value: batch, after: batch === "now" ? "" : "ago", hint };
            }
            return { before: "fresh", value: lasting(freshness_ms), after: "", hint: written };
        },
    },
    { name: "behind", of: behind },
    { name: "cancelled", of: ({ today }) => today && { value: count(today.cancelled_orders), after: "cancelled", hint: "today" } },
    {
        name: "duplicate",
        of: ({ counts }) => counts && { value: count(counts.duplicate), after: "known already", hint: "duplicates since the store was made" },
    },
    {
        name: "rejected",
        opens: { at: "v1/rejected", by: (page) => page.openRejected() },
        of: ({ counts, pipeline }) =>
            counts && { value: count(counts.rejected), after: "rejected", hint: list(pipeline?.rejected_by ?? []), bad: counts.rejected > 0 },
    },
    {
        name: "alerts",
        opens: { at: "v1/alerts", by: (page) => page.openAlertRules() },
        of: ({ alerts }) =>
            alerts === undefined || alerts.rules.length === 0
                ? undefined
                : {
                      value: count(alerts.active),
                      after: alerts.active === 1 ? "alert" : "alerts",
                      hint: alerts.rules.map(({ name, state, value }) => `${name}: ${state}${value === null ? "" : `, ${value}`}`).join("\n"),
                      bad: alerts.active > 0,
                  },
    },
    { name: "late", of: ({ counts }) => counts && { value: count(counts.warnings["late"] ?? 0), after: "late" } },
    {
        name: "warnings",
        of: ({ counts }) => {
            if (counts === undefined) {
                return undefined;
            }
            const { late: _late, ...others } = counts.warnings;
            const n = Object.values(others).reduce((sum, more) => sum + more, 0);
            const ids = Object.entries(counts.doubtful_orders).filter(([, orders]) => orders.length > 0);
            const orders = ids.map(([kind, these]) => `${kind.replace(/_/g, " ")}, newest: ${these.join(", ")}`);
            const hint = [list(Object.entries(others)), ...orders].filter((line) => line !== "").join("\n");
            return n === 0 ? undefined : { value: count(n), after: n === 1 ? "warning" : "warnings", hint };
        },
    },
];

export function pipeline(section: HTMLElement, page: Page): Draw {
    section.setAttribute("aria-label", "Pipeline");
    const parts = FACTS.map((fact) => {
        const [before, value, after] = [make("span", ""), make("b", "", "–"), make("span", "")];
        const link = fact.opens === undefined ? undefined : make("a", "", value, " ", after);
        link?.setAttribute("href", fact.opens?.at ?? "");
        link?.addEventListener("click", (event) => {
            if (!event.ctrlKey && !event.metaKey && !event.shiftKey) {
                event.preventDefault();
                fact.opens?.by(page);
            }
        });
        const part = make("span", "fact", ...(link === undefined ? [before, " ", value, " ", after] : [link]));
        value.dataset["pipeline"] = fact.name;
        part.hidden = true;
        section.append(part);
        return { fact, part, before, value, after };
    });
    return (_figures, state) => {
        for (const { fact, part, before, value, after } of parts) {
            const found = fact.of(state, page.now_ms());
            part.hidden = found === undefined;
            if (found !== undefined) {
                setText(before, found.before ?? "");
                setText(value, found.value);
                setText(after, found.after);
                part.title = found.hint ?? "";
                value.classList.toggle("down", found.bad === true);
            }
        }
    };
}
