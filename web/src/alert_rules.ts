// SPDX-License-Identifier: MIT
// The rules of alerts in a dialog: what each says and how it stands; made, changed and taken out by whoever holds an
// ingest key. They are lines of a file: what people wrote between them stays.
import { alertForm, type Complaint } from "./alert_form";
import { RuleLines, ruleOf, WHATS } from "./alert_rule";
import { byId, make, makeButton, setText, show } from "./dom";
import { keyField, withKey } from "./ingest_key";
import type { State } from "./state";

interface Problem {
    title?: string;
    detail?: string;
    rule?: string | null;
    part?: string;
    message?: string;
}

const PATH = "v1/alerts/rules";

let lines = new RuleLines("");
let tag = "";
let state: State | undefined;

async function read(): Promise<string | undefined> {
    try {
        const response = await fetch(PATH, { cache: "no-store" });
        if (!response.ok) {
            const { detail, title } = (await response.json()) as Problem;
            return `The rules cannot be read: ${detail ?? title}.`;
        }
        lines = new RuleLines(await response.text());
        tag = response.headers.get("ETag") ?? "";
        return undefined;
    } catch {
        return "The server does not answer.";
    }
}

/** Whether a complaint is of this rule, or of a line that was there before. */
function complaintOf(status: number, { title, detail, rule, part, message }: Problem, name: string | undefined): Complaint {
    if (status === 422 && rule === name && message !== undefined) {
        return { part, said: `Not saved: ${message}.` };
    }
    return { part: undefined, said: `Not saved: ${detail ?? title ?? `the server answered ${status}`}.` };
}

async function write(text: string, name: string | undefined): Promise<Complaint | undefined> {
    try {
        const headers = withKey({ "Content-Type": "text/plain; charset=utf-8", "If-Match": tag });
        const response = await fetch(PATH, { method: "PUT", headers, body: text });
        if (response.ok) {
            lines = new RuleLines(text);
            tag = response.headers.get("ETag") ?? "";
            return undefined;
        }
        if (response.status === 412) {
            const problem = await read();
            const again = name === undefined ? "Not removed: somebody has changed the rules meanwhile." :
                "Not saved: somebody has changed the rules meanwhile. Yours goes beside theirs when you save again.";
            return { part: undefined, said: problem ?? again };
        }
        return complaintOf(response.status, (await response.json()) as Problem, name);
    } catch {
        return { part: undefined, said: "Not saved: the server does not answer." };
    }
}

/** In place of `of`, a row of the list, or behind all rows. */
function openForm(of: HTMLElement | undefined, name: string | undefined, words: string): void {
    const rule = ruleOf(words);
    const whats = WHATS.filter((what) => what !== "lag" || state?.health?.lag !== undefined);
    const edited = name === undefined || rule === undefined ? undefined : { name, rule };
    const form = alertForm(
        edited,
        whats,
        async (newName, newWords) => {
            const complaint = await write(lines.with(name, { name: newName, rule: newWords }), newName);
            if (complaint === undefined) {
                draw("Saved.");
                focusOn(newName);
            }
            return complaint;
        },
        () => {
            draw("");
            focusOn(name);
        },
    );
    show(byId("rules-new"), false);
    of === undefined ? byId("rules-list").append(make("li", "", form)) : of.replaceChildren(form);
    form.querySelector<HTMLElement>(name === undefined ? "[data-part=name]" : "[data-part=limit]")?.focus();
}

function focusOn(name: string | undefined): void {
    const row = [...byId("rules-list").children].find((each) => (each as HTMLElement).dataset["name"] === name);
    (row?.querySelector("button") ?? byId("rules-new")).focus();
}

function rowOf({ name, rule }: { name: string; rule: string }): HTMLElement {
    const row = make("li", "");
    row.dataset["name"] = name;
    const remove = makeButton("quiet", "Remove", () => {
        if (remove.dataset["sure"] === undefined) {
            remove.dataset["sure"] = "";
            setText(remove, "Remove for good");
            return;
        }
        void write(lines.with(name, undefined), undefined).then((complaint) => {
            draw(complaint?.said ?? "Removed.");
            byId("rules-new").focus();
        });
    });
    const edit = makeButton("quiet", "Edit", () => openForm(row, name, rule));
    edit.setAttribute("aria-label", `Edit ${name}`);
    edit.hidden = ruleOf(rule) === undefined;
    row.append(make("div", "said", make("b", "", name), " ", make("span", "", rule), " ", make("span", "muted how")), make("div", "tabs", edit, remove));
    return row;
}

/** How each stands, as far as it is in force. */
function drawStates(): void {
    for (const row of byId("rules-list").children) {
        const [how, name] = [row.querySelector(".how"), row.querySelector("b")];
        const alert = state?.alerts?.rules.find((each) => each.name === name?.textContent);
        if (how !== null && name !== null) {
            setText(how, alert === undefined ? "not in force yet" : `${alert.state}${alert.value === null ? "" : ` · ${alert.value}`}`);
            name.classList.toggle("down", alert?.firing === true);
        }
    }
}

function draw(said: string): void {
    const rows = lines.rules().map(rowOf);
    byId("rules-list").replaceChildren(...rows);
    setText(byId("rules-none"), rows.length === 0 ? "No rule yet. A rule fires when orders stay away, refunds pile up or events are rejected." : "");
    setText(byId("rules-answer"), said);
    show(byId("rules-new"), true);
    drawStates();
}

export async function openAlertRules(): Promise<void> {
    const dialog = byId("rules") as HTMLDialogElement;
    byId("rules-key").replaceChildren(...keyField(state?.health));
    byId("rules-list").replaceChildren();
    setText(byId("rules-none"), "Asking …");
    setText(byId("rules-answer"), "");
    show(byId("rules-new"), false); // until it is known what there is
    if (!dialog.open) {
        dialog.showModal();
    }
    lines = new RuleLines(""); // none that may be old, when they cannot be read
    tag = "";
    const problem = await read();
    draw(problem ?? "");
    if (problem !== undefined) {
        setText(byId("rules-none"), ""); // nobody knows
        show(byId("rules-new"), false);
    }
}

export function setUpAlertRules(): void {
    byId("rules-new").addEventListener("click", () => openForm(undefined, undefined, ""));
    byId("rules-open").addEventListener("click", () => void openAlertRules());
}

export function drawAlertRules(now: State): void {
    state = now;
    const open = byId("rules-open");
    open.classList.remove("away"); // its room was kept
    show(open, now.health?.rules === true);
    if ((byId("rules") as HTMLDialogElement).open) {
        drawStates();
    }
}
