// SPDX-License-Identifier: MIT
// How the pipeline itself does, as one quiet row.
import { make, makeButton, setRows, setText, show } from "../dom";
import { count, counted, lasting, rate, since } from "../format";
import type { Draw, Page } from "../page";
import type { State } from "../state";

interface Found {
    /** what stands before the number and behind it */
    before?: string;
    value: string;
    after: string;
    bad?: boolean;
    /** what more there is to say: on hover, and below the row when it is opened */
    note?: string;
    list?: [name: string, value: string][];
}

interface Fact {
    name: string;
    /** what a click opens, by itself and for those who want a tab of its own */
    opens?: { at: string; by(page: Page): void };
    /** undefined: this process does not know */
    of(state: State, now_ms: number): Found | undefined;
}

/** Of so many partitions each is told. */
const LISTED = 64;

function spaced(name: string): string {
    return name.replace(/_/g, " ");
}

function listOf(pairs: [string, number][]): [string, string][] {
    return pairs.filter(([, n]) => n > 0).map(([name, n]) => [spaced(name), count(n)]);
}

function hintOf({ note, list = [] }: Found): string {
    return [...(note === undefined ? [] : [note]), ...list.map(([name, value]) => `${name}: ${value}`)].join("\n");
}

/** Of what `since` says. */
function ago(value: string): string {
    return value === "now" ? "just now" : `${value} ago`;
}

/** Those that are behind, in their order; the most when there are many. */
function behind({ health }: State): Found | undefined {
    const { lag, queue_events, queue_capacity } = health ?? {};
    if (lag === null) {
        return { before: "lag", value: "not known", after: "", note: "the brokers, or the tables, do not tell now" };
    }
    if (lag !== undefined) {
        const messages = lag.reduce((sum, [, n]) => sum + n, 0);
        const after = `behind on ${count(lag.length)} ${lag.length === 1 ? "partition" : "partitions"}`;
        const most = [...lag].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, LISTED).sort((a, b) => a[0] - b[0]);
        const list = most.map(([partition, n]): [string, string] => [`partition ${count(partition)}`, count(n)]);
        const note = most.length < lag.length ? `messages that wait, of the ${count(LISTED)} with the most` : "messages that wait, by partition";
        return { value: count(messages), after, note, list };
    }
    const note = queue_capacity === undefined ? {} : { note: `the queue holds ${count(queue_capacity)}` };
    return queue_events === undefined ? undefined : { value: count(queue_events), after: "waiting", ...note };
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
                      note: `accepted over the last 10 seconds${pipeline === undefined ? "" : `; ${rate(pipeline.received_per_second)}/s came in`}`,
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
                return { before: "fresh", value: lasting(waited), after: "", note: `how long the oldest message that is not counted has waited; ${written}` };
            }
            if (batch === undefined) {
                return undefined;
            }
            if (freshness_ms === undefined) {
                const note = "when the newest batch was written; how long its orders had waited by then this process does not know";
                return { before: "last batch", value: batch, after: batch === "now" ? "" : "ago", note };
            }
            const note = `how long the oldest order of the newest batch had waited; it was written ${ago(batch)}`;
            return { before: "fresh", value: lasting(freshness_ms), after: "", note };
        },
    },
    { name: "behind", of: behind },
    { name: "cancelled", of: ({ today }) => today && { value: count(today.cancelled_orders), after: "cancelled", note: "today" } },
    {
        name: "duplicate",
        of: ({ counts }) =>
            counts && {
                value: count(counts.duplicate),
                after: "known already",
                note: `duplicates since the store was made, of ${counted(counts.received, "event", "events")}`,
            },
    },
    {
        name: "rejected",
        opens: { at: "v1/rejected", by: (page) => page.openRejected() },
        of: ({ counts, pipeline }) =>
            counts && {
                value: count(counts.rejected),
                after: "rejected",
                note: `since the store was made; the newest ${count(1000)} by reason`,
                list: listOf(pipeline?.rejected_by ?? []),
                bad: counts.rejected > 0,
            },
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
                      list: alerts.rules.map(({ name, state, value }) => [name, value === null ? state : `${state}, ${value}`]),
                      bad: alerts.active > 0,
                  },
    },
    {
        name: "late",
        of: ({ counts }) =>
            counts && { value: count(counts.warnings["late"] ?? 0), after: "late", note: "accepted long after they were made, since the store was made" },
    },
    {
        name: "warnings",
        of: ({ counts }) => {
            if (counts === undefined) {
                return undefined;
            }
            const { late: _late, ...others } = counts.warnings;
            const n = Object.values(others).reduce((sum, more) => sum + more, 0);
            const ids = Object.entries(counts.doubtful_orders).filter(([, orders]) => orders.length > 0);
            const orders = ids.map(([kind, these]): [string, string] => [`${spaced(kind)}, newest`, these.join(", ")]);
            const list = [...listOf(Object.entries(others)), ...orders];
            return n === 0 ? undefined : { value: count(n), after: n === 1 ? "warning" : "warnings", note: "since the store was made", list };
        },
    },
];

/** One fact in full, below the row. */
function fillGroup(group: HTMLElement, { before = "", value, after, note = "", list = [] }: Found): void {
    const [title, text, pairs] = Array.from(group.children) as [HTMLElement, HTMLElement, HTMLElement];
    setText(title, [before, value, after].filter((part) => part !== "").join(" "));
    group.setAttribute("aria-label", title.textContent ?? "");
    setText(text, note);
    show(text, note !== "");
    show(pairs, list.length > 0);
    setRows(
        pairs,
        list,
        ([name]) => name,
        () => make("div", "", make("dt", ""), make("dd", "")),
        (row, [name, said]) => {
            setText(row.children[0]!, name);
            setText(row.children[1]!, said);
        },
    );
}

function makeGroup(): HTMLElement {
    const group = make("div", "", make("b", ""), make("p", ""), make("dl", ""));
    group.setAttribute("role", "group");
    return group;
}

/** What a mouse is told on hover, for fingers, keyboards and screen readers: a button that opens it below the row. */
function makeDetails(page: Page): { button: HTMLElement; box: HTMLElement } {
    const box = make("div", "details");
    box.id = "pipeline-details";
    box.hidden = true;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", "Details of the pipeline");
    const button = makeButton("quiet", "Details", () => {
        const isOpen = button.getAttribute("aria-expanded") === "true";
        button.setAttribute("aria-expanded", String(!isOpen));
        show(box, !isOpen);
        page.redraw();
    });
    button.setAttribute("aria-expanded", "false");
    button.setAttribute("aria-controls", box.id);
    button.hidden = true; // with the first facts: alone it would stand elsewhere
    return { button, box };
}

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
    const { button, box } = makeDetails(page);
    section.append(button, box);
    return (_figures, state) => {
        const told: { name: string; found: Found }[] = [];
        for (const { fact, part, before, value, after } of parts) {
            const found = fact.of(state, page.now_ms());
            part.hidden = found === undefined;
            if (found !== undefined) {
                setText(before, found.before ?? "");
                setText(value, found.value);
                setText(after, found.after);
                part.title = hintOf(found);
                value.classList.toggle("down", found.bad === true);
                told.push({ name: fact.name, found });
            }
        }
        show(button, told.length > 0);
        if (!box.hidden) {
            setRows(box, told, ({ name }) => name, makeGroup, (group, { found }) => fillGroup(group, found));
        }
    };
}
