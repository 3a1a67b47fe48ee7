// SPDX-License-Identifier: MIT
// What to do when no order was ever sent: the command that sends one, and on this machine a button that does.
import { byId, setText, show } from "./dom";
import type { State } from "./state";

function demoOrder(): string {
    const created_at = `${new Date().toISOString().slice(0, 19)}Z`;
    const [order_id, product_id, quantity, total] = [`demo-${Date.now()}`, 7, 1, "19.90"];
    return JSON.stringify({ order_id, created_at, product_id, quantity, subtotal: total, total, source: "Demo", state: "CA" });
}

export function setUpFirstRun(): void {
    const [button, answer] = [byId("empty-demo"), byId("empty-answer")];
    button.addEventListener("click", () => {
        const headers = { "Content-Type": "application/json" };
        fetch("v1/orders", { method: "POST", headers, body: demoOrder() }).then(
            (response) => setText(answer, response.ok ? "" : `The server answered ${response.status}.`),
            () => setText(answer, "The server does not answer."),
        );
    });
}

export function fillFirstRun(state: State): void {
    const empty = state.counts !== undefined && state.counts.accepted === 0;
    show(byId("empty"), empty);
    document.body.classList.toggle("first-run", empty);
    if (!empty) {
        return;
    }
    const keys = state.health?.keys_required === true;
    const key = keys ? ` \\\n  -H 'Authorization: Bearer KEY'` : "";
    const order = `{"order_id": 1, "created_at": "'$(date -u +%FT%TZ)'", "product_id": 7, "quantity": 1, "total": "19.90"}`;
    setText(
        byId("empty-command"),
        `curl ${new URL("v1/orders", location.origin + location.pathname).href} \\\n  -H 'Content-Type: application/json'${key} \\\n  -d '${order}'`,
    );
    show(byId("empty-key"), keys);
    const here = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(location.hostname);
    show(byId("empty-demo"), here && !keys && state.health?.queue_events !== undefined);
}
