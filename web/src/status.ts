// SPDX-License-Identifier: MIT
// Whether what is shown is true now: the connection, and since when it is not; what the store or the pipeline
// complain of.
import { byId, setText, show } from "./dom";
import { count } from "./format";
import type { Page } from "./page";
import type { State } from "./state";
import type { Connection } from "./stream";

const TEXTS: Record<Connection, string> = { connecting: "Connecting", live: "Live", reconnecting: "Reconnecting" };

let connection: Connection = "connecting";
let heard_ms: number | undefined;

export function setConnection(state: Connection): void {
    connection = state;
    byId("connection").dataset["state"] = state;
    document.body.classList.toggle("stale", state === "reconnecting");
}

/** The server's time of the newest message. */
export function setHeard(now_ms: number): void {
    heard_ms = now_ms;
}

export function drawStatus(state: State | undefined, page: Page, problem: string | undefined): void {
    const since = connection === "reconnecting" && heard_ms !== undefined ? `, stale since ${page.time.ofSecond(heard_ms)}` : "";
    setText(byId("connection-text"), TEXTS[connection] + since);
    if (state === undefined) {
        return;
    }
    if (state.day !== undefined) {
        byId("day").lang = page.time.locale ?? document.documentElement.lang;
        setText(byId("day"), `${page.time.ofDay(state.day.date)} · ${page.time.place}`);
    }
    if (state.viewers !== undefined) {
        byId("connection").title = `${count(state.viewers)} live ${state.viewers === 1 ? "page" : "pages"} open`;
    }
    let text = problem === undefined ? "" : `This view cannot be shown: ${problem}`;
    if (state.health?.ready === false) {
        text = `Orders cannot be stored now: ${state.health.problem ?? "the pipeline is not ready"}`;
    } else if (state.store?.ok === false) {
        text = `The figures are not up to date: ${state.store.problem ?? "the store cannot be read"}`;
    }
    setText(byId("problem"), text);
    show(byId("problem"), text !== "");
}
