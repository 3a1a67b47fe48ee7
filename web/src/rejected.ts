// SPDX-License-Identifier: MIT
// Rejected events in a dialog: each with its reason, its text with the field marked that was wrong, and, for
// whoever holds an ingest key, the text to edit and send again.
import { byId, make, makeButton, setText } from "./dom";
import { keyField, withKey } from "./ingest_key";
import { placeOf } from "./json_place";
import type { ShopTime } from "./shop_time";
import type { Health } from "./types";

interface Rejected {
    id: number;
    received_at: string;
    field: string | null;
    code: string;
    message: string;
    raw: string | null;
    raw_cut: boolean;
    retried_at?: string;
    retried_verdict?: string;
}

interface Verdict {
    accepted?: number;
    duplicate?: number;
    errors?: { message: string }[];
    title?: string;
    detail?: string;
}

const PAGE = 50;

/** What is known of the server and of who sits here, while the dialog is open. */
let around: { time: ShopTime; health: Health | undefined } | undefined;

async function askRejected(before: number | undefined): Promise<{ rows: Rejected[]; next_before: number | null }> {
    const response = await fetch(`v1/rejected?limit=${PAGE}${before === undefined ? "" : `&before=${before}`}`);
    const body: unknown = await response.json();
    if (!response.ok) {
        throw new Error((body as Verdict).detail ?? `the server answered ${response.status}`);
    }
    return body as { rows: Rejected[]; next_before: number | null };
}

/** As it is submitted again and compared: one line. */
function asLine(text: string): string {
    return text.replace(/[\r\n]/g, " ").trim();
}

function markedText({ raw, field, raw_cut }: Rejected): HTMLElement {
    const text = raw ?? "";
    const place = placeOf(text, field);
    const pre = make("pre", "raw");
    pre.tabIndex = 0;
    if (place === undefined) {
        pre.append(text);
    } else {
        pre.append(text.slice(0, place[0]), make("mark", "", text.slice(...place)), text.slice(place[1]));
    }
    return raw_cut ? make("div", "", pre, make("p", "none", "Only the beginning of its text is kept.")) : pre;
}

function saidOf(status: number, body: Verdict): string {
    if (status === 202) {
        return (body.accepted ?? 0) > 0 ? "Accepted." : "It was known already: nothing was changed.";
    }
    const reason = body.errors?.[0]?.message ?? body.detail ?? body.title ?? `the server answered ${status}`;
    return status === 422 ? `Rejected again: ${reason}.` : `Not sent: ${reason}.`;
}

async function send(row: Rejected, text: string): Promise<{ status: number; said: string }> {
    const headers = withKey({ "Content-Type": "application/json" });
    try {
        const response = await fetch(`v1/rejected/${row.id}/retry`, { method: "POST", headers, body: text });
        return { status: response.status, said: saidOf(response.status, (await response.json()) as Verdict) };
    } catch {
        return { status: 0, said: "Not sent: the server does not answer." };
    }
}

function editor(row: Rejected): HTMLElement {
    const text = row.raw ?? "";
    const area = make("textarea", "");
    const answer = make("p", "answer");
    answer.setAttribute("role", "status");
    area.value = text;
    area.spellcheck = false;
    area.setAttribute("aria-label", "The event's text");
    area.rows = Math.min(14, Math.max(5, Math.ceil(text.length / 80), text.split("\n").length));
    const submit = make("button", "action", "Send again");
    const form = make("form", "", area, make("div", "tabs", ...keyField(around?.health), submit), answer);
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        submit.disabled = true;
        setText(answer, "Sending …");
        const sent = area.value;
        void send(row, sent).then(async ({ status, said }) => {
            submit.disabled = status === 202;
            setText(answer, said);
            if (status === 422) {
                await openAgain(sent, said);
            }
        });
    });
    return form;
}

/** In the place of one that was rejected again stands the new one, with the new reason. */
async function openAgain(sent: string, said: string): Promise<void> {
    const rows = await fillList();
    const item = rows.find(({ row }) => asLine(row.raw ?? "") === asLine(sent));
    if (item !== undefined) {
        item.open(true);
        const answer = item.element.querySelector(".answer");
        if (answer !== null) {
            setText(answer, said);
        }
    }
}

function detail(row: Rejected): HTMLElement {
    const box = make("div", "detail");
    if (row.retried_at !== undefined && around !== undefined) {
        const at = around.time.dayAndMinute(Date.parse(row.retried_at));
        box.append(make("p", "none", `Tried again ${at}: ${row.retried_verdict}`));
    }
    if (around?.health?.queue_events === undefined) {
        const command = make("code", "", `salestide rejected edit ${row.id}`);
        box.append(markedText(row), make("p", "none", "No orders are taken here. Beside the server that takes them: ", command));
        return box;
    }
    const edit = makeButton("action", "Edit and send again", () => {
        const form = editor(row);
        box.replaceChildren(form);
        const area = form.querySelector("textarea")!;
        area.focus();
        area.setSelectionRange(...(placeOf(area.value, row.field) ?? [0, 0]));
    });
    box.append(markedText(row), edit);
    return box;
}

interface Item {
    row: Rejected;
    element: HTMLElement;
    open(editing: boolean): void;
}

function itemOf(row: Rejected): Item {
    const when = around === undefined ? row.received_at : around.time.dayAndMinute(Date.parse(row.received_at));
    const [code, message] = [make("b", "", row.code.replace(/_/g, " ")), make("span", "", row.message)];
    const button = makeButton("line", "", () => {
        const isOpen = button.getAttribute("aria-expanded") === "true";
        return isOpen ? close() : open(false);
    });
    button.append(make("span", "muted", when), " ", code, " ", message);
    const element = make("li", "", button);
    element.dataset["id"] = String(row.id);
    const close = (): void => {
        button.setAttribute("aria-expanded", "false");
        element.replaceChildren(button);
    };
    const open = (editing: boolean): void => {
        button.setAttribute("aria-expanded", "true");
        element.replaceChildren(button, detail(row));
        if (editing) {
            element.querySelector<HTMLButtonElement>(".action")?.click();
        }
    };
    close();
    return { row, element, open };
}

/** The newest, or those before one. */
async function fillList(before?: number): Promise<Item[]> {
    const [list, more] = [byId("rejected-list"), byId("rejected-more")];
    let said = "";
    let items: Item[] = [];
    try {
        const { rows, next_before } = await askRejected(before);
        items = rows.map(itemOf);
        const elements = items.map(({ element }) => element);
        before === undefined ? list.replaceChildren(...elements) : list.append(...elements);
        said = list.childElementCount === 0 ? "Nothing is rejected." : "";
        more.dataset["before"] = String(next_before ?? "");
    } catch (error) {
        said = `These cannot be shown: ${error instanceof Error ? error.message : String(error)}`;
        more.dataset["before"] = "";
    }
    setText(byId("rejected-none"), said);
    more.hidden = more.dataset["before"] === "";
    return items;
}

export async function openRejected(time: ShopTime, health: Health | undefined): Promise<void> {
    const dialog = byId("rejected") as HTMLDialogElement;
    around = { time, health };
    byId("rejected-list").replaceChildren();
    setText(byId("rejected-none"), "Asking …");
    if (!dialog.open) {
        dialog.showModal();
    }
    await fillList();
}

export function setUpRejected(): void {
    byId("rejected-more").addEventListener("click", () => void fillList(Number(byId("rejected-more").dataset["before"])));
}
