// SPDX-License-Identifier: MIT
// The newest orders, and what was taken back. A click tells all that one order has changed.
import { csvLink, csvUrlOf, type Column } from "../csv";
import { make, makeButton, makeCell, makeRow, makeTable, setRows, setText, show } from "../dom";
import { count, exactMoney, money, since } from "../format";
import type { Draw, Page } from "../page";
import type { State } from "../state";
import type { Change, Order } from "../types";
import type { View } from "../view";

const SHOWN = 7;
const LIT = 2; // of those that come at once; all of them would be a flicker

interface Entry {
    key: string;
    received_ms: number;
    created_ms: number;
    id: string;
    event: "placed" | "cancelled" | "refunded";
    title: string;
    what: string;
    source: string;
    state: string;
    currency: string;
    total: string;
    back: boolean;
    product: string;
}

function titleOf(order: Order): string {
    if (order.product_id === "") {
        return "";
    }
    const first = order.title ?? `Product ${order.product_id}`;
    return order.more_products > 0 ? `${first} + ${count(order.more_products)} more` : first;
}

function ofOrder(order: Order): Entry {
    const { position, order_id: id, product_id: product } = order;
    const title = titleOf(order);
    return { ...order, key: `o${position}`, event: "placed", id, title, what: title, product, back: false };
}

function ofChange(change: Change, placed: Map<string, Order>): Entry {
    const order = placed.get(change.order_id);
    const title = order === undefined ? "" : titleOf(order);
    const what = title === "" ? `Order ${change.event}` : `${title}, ${change.event}`;
    const total = change.total.startsWith("-") ? change.total : `-${change.total}`;
    const product = order?.product_id ?? "";
    return { ...change, key: `c${change.position}`, id: change.order_id, title, what, total, product, back: true };
}

const instant = (ms: number): string => new Date(ms).toISOString();

/** All that the page knows of them, not only what has room. */
const COLUMNS: readonly Column<Entry>[] = [
    { name: "received_at", plain: ({ received_ms }) => instant(received_ms) },
    { name: "created_at", plain: ({ created_ms }) => instant(created_ms) },
    { name: "event", plain: ({ event }) => event },
    { name: "order_id", text: ({ id }) => id },
    { name: "source", text: ({ source }) => source },
    { name: "state", text: ({ state }) => state },
    { name: "product_id", text: ({ product }) => product },
    { name: "product", text: ({ title }) => title },
    { name: "currency", text: ({ currency }) => currency },
    { name: "total", plain: ({ total }) => total },
];

function passes(entry: Entry, view: View): boolean {
    return (
        (view.source === undefined || view.source === entry.source) &&
        (view.states.length === 0 || view.states.includes(entry.state)) &&
        (view.product === undefined || view.product === entry.product) &&
        (view.currency === undefined || view.currency === entry.currency)
    );
}

// Orders that were sent together came in at once; and what is taken back was there before.
function newestFirst(a: Entry, b: Entry): number {
    return b.received_ms - a.received_ms || b.created_ms - a.created_ms || Number(b.back) - Number(a.back);
}

function entriesOf(state: State, view: View): Entry[] {
    const placed = new Map(state.recent.map((order) => [order.order_id, order]));
    return [...state.recent.map(ofOrder), ...state.changes.map((change) => ofChange(change, placed))]
        .filter((entry) => passes(entry, view))
        .sort(newestFirst);
}

function shortId(id: string): string {
    return id.length > 8 ? `…${id.slice(-7)}` : id;
}

function createRow(open: (id: string) => void): HTMLElement {
    const id = make("button", "id");
    id.type = "button";
    const cells = [["ago", ""], ["number", "Order", id], ["what", ""], ["from", "From"], ["amount", "Amount"]] as const;
    const row = makeRow(...cells.map(([name, label, ...children]) => makeCell(name, label, ...children)));
    row.addEventListener("click", () => open(row.dataset["order"] ?? ""));
    return row;
}

export function feed(section: HTMLElement, page: Page): Draw {
    const pause = makeButton("quiet", "pause", () => {
        paused = !paused;
        pause.setAttribute("aria-pressed", String(paused));
        setText(pause, paused ? "go on" : "pause");
        page.redraw();
    });
    pause.setAttribute("aria-pressed", "false");
    const body = make("tbody", "");
    const none = make("p", "none");
    const table = makeTable("", ["Ago", "Order", "Product", "From", "Amount"], body);
    const csv = csvLink("newest-orders");
    csv.setAttribute("href", "data:text/csv,");
    // Before a click, and before the menu that saves what a link leads to.
    for (const event of ["click", "contextmenu"]) {
        csv.addEventListener(event, () => csv.setAttribute("href", csvUrlOf(COLUMNS, entries)));
    }
    table.setAttribute("aria-label", "Newest orders");
    section.append(make("h2", "", "Newest orders ", pause, csv), table, none);
    let paused = false;
    let first = true;
    let entries: Entry[] = [];

    return (_figures, state) => {
        if (state.last_minute === undefined) {
            return;
        }
        if (!paused) {
            entries = entriesOf(state, page.view);
        }
        const shown = entries.slice(0, SHOWN);
        show(none, shown.length === 0);
        show(csv, shown.length > 0);
        const texts = shown.map((entry) => money(entry.total, entry.currency).replace("-", "−"));
        table.style.setProperty("--amount", String(Math.max(0, ...texts.map((text) => text.length))));
        table.style.setProperty("--id", String(Math.max(3, ...shown.map(({ id }) => shortId(id).length))));
        setText(none, state.recent.length === 0 ? "None yet." : "None among the newest.");
        const known = new Set(([...body.children] as HTMLElement[]).map((row) => row.dataset["key"]));
        const calm = shown.filter(({ key }) => !known.has(key)).length <= LIT;
        setRows(
            body,
            shown,
            (entry) => entry.key,
            () => createRow((id) => page.openOrder(id)),
            (row, entry, isNew) => {
                const [ago, id, what, from, amount] = Array.from(row.children) as HTMLElement[];
                row.dataset["order"] = entry.id;
                row.classList.toggle("back", entry.back);
                row.classList.toggle("new", isNew && !first && calm);
                const age_ms = page.now_ms() - entry.received_ms;
                setText(ago!, since(age_ms));
                ago!.toggleAttribute("data-ago", age_ms >= 1000);
                ago!.title = `ordered ${page.time.dayAndMinute(entry.created_ms)}`;
                setText(id!.firstElementChild!, shortId(entry.id));
                id!.title = entry.id;
                setText(what!, entry.what);
                what!.title = entry.what;
                setText(from!, [entry.source, entry.state].filter((part) => part !== "").join(" · "));
                from!.title = from!.textContent ?? "";
                setText(amount!, money(entry.total, entry.currency).replace("-", "−"));
                amount!.title = exactMoney(entry.total, entry.currency);
            },
        );
        first = false;
    };
}
