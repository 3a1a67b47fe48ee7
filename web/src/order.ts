// SPDX-License-Identifier: MIT
// One order in a dialog: what was said of it, event by event, and every sum that each has changed.
import { byId, make, makeCell, makeRow, makeTable, setText } from "./dom";
import { count, fullMoney } from "./format";
import type { ShopTime } from "./shop_time";

type Fields = Record<string, string | number | null>;

interface Cell extends Fields {
    table: string;
    bucket: string | null;
    currency: string;
}

interface Trace {
    events: { event: Fields; cells: Cell[] }[];
}

const MONEY: readonly string[] = ["subtotal", "discount", "shipping", "tax", "total", "refunded_total"];
const TABLES: Record<string, string> = { total: "in all", minute: "minute", hour: "hour", day: "day", product: "product and day" };

function fieldsOf(event: Fields): HTMLElement {
    const list = make("dl", "");
    for (const [name, value] of Object.entries(event)) {
        if (value !== null && value !== "") {
            const text = typeof value === "object" ? JSON.stringify(value) : String(value);
            list.append(make("div", "", make("dt", "", name.replace(/_/g, " ")), make("dd", "", text)));
        }
    }
    return list;
}

function bucketOf(cell: Cell, time: ShopTime): string {
    if (cell.bucket === null) {
        return "";
    }
    return cell.bucket.length === 10 ? time.ofShortDay(cell.bucket) : time.dayAndMinute(Date.parse(cell.bucket));
}

/** "orders +1, total +$19.90" */
function addedBy(cell: Cell): string {
    const parts: string[] = [];
    for (const [name, value] of Object.entries(cell)) {
        const isMoney = MONEY.includes(name) && typeof value === "string";
        if ((!isMoney && (typeof value !== "number" || name === "product_id")) || Number(value) === 0) {
            continue;
        }
        const text = isMoney ? fullMoney(value, cell.currency) : count(Number(value));
        parts.push(`${name.replace(/_/g, " ")} ${Number(value) > 0 ? "+" : ""}${text}`);
    }
    return parts.join(", ").replace(/-/g, "−");
}

function cellsOf(cells: Cell[], time: ShopTime): HTMLElement {
    const columns = ["Sum", "Bucket", "Of", "Added"];
    const body = make("tbody", "");
    for (const cell of cells) {
        const group = cell.table === "product" ? `product ${cell["product_id"]}` : `${cell["source"]} · ${cell["state"]}`;
        const texts = [TABLES[cell.table] ?? cell.table, bucketOf(cell, time), group, addedBy(cell)];
        body.append(makeRow(...texts.map((text, i) => makeCell("", columns[i]!, text))));
    }
    return makeTable("", columns, body);
}

export async function openOrder(id: string, time: ShopTime): Promise<void> {
    const [dialog, title, content] = [byId("order") as HTMLDialogElement, byId("order-title"), byId("order-content")];
    setText(title, `Order ${id}`);
    content.replaceChildren(make("p", "none", "Asking …"));
    dialog.dataset["order"] = id;
    if (!dialog.open) {
        dialog.showModal();
    }
    let parts: Node[];
    try {
        const response = await fetch(`v1/orders/${encodeURIComponent(id)}/trace`);
        const body: unknown = await response.json();
        if (!response.ok) {
            throw new Error((body as { detail?: string }).detail ?? `the server answered ${response.status}`);
        }
        parts = (body as Trace).events.flatMap(({ event, cells }) => [
            make("h3", "", `${event["event"] ?? "event"}, and the sums that it changed`),
            fieldsOf(event),
            make("div", "scroll", cellsOf(cells, time)),
        ]);
    } catch (error) {
        parts = [make("p", "none", `This order cannot be shown: ${error instanceof Error ? error.message : String(error)}`)];
    }
    if (dialog.dataset["order"] === id) {
        content.replaceChildren(...parts);
    }
}
