// SPDX-License-Identifier: MIT
// The live page: events of /v1/stream become a state, the state becomes the document. Drawing is
// merged to at most ten times a second, and to none while the page is hidden.
import { MinuteChart } from "./chart";
import { byId, setText } from "./dom";
import { fillCommitAge, fillEmpty, fillFigures, fillHealth } from "./figures";
import { ShopTime } from "./format";
import { applyChange, applySnapshot, type State } from "./state";
import { listen, type Connection } from "./stream";
import { fillCurrencies, fillOrders, fillRankings } from "./tables";

const DRAW_MS = 100;

let state: State | undefined;
let time = new ShopTime("UTC");
let chart: MinuteChart | undefined;
let drawnAt = 0;
let asked = false;

function draw(): void {
    asked = false;
    drawnAt = performance.now();
    if (state === undefined) {
        return;
    }
    const shop = state.shop ?? { currency: "USD", timezone: "UTC" };
    if (shop.timezone !== time.zone) {
        time = new ShopTime(shop.timezone);
    }
    fillFigures(state, shop.currency, time);
    fillHealth(state);
    fillEmpty(state);
    if (state.last_minute !== undefined) {
        fillRankings(state, shop.currency);
        fillOrders(state, time);
        fillCurrencies(state);
        chart ??= new MinuteChart();
        chart.update(state, time);
    }
}

function askToDraw(): void {
    if (!asked) {
        asked = true;
        const wait_ms = Math.max(0, drawnAt + DRAW_MS - performance.now());
        window.setTimeout(() => window.requestAnimationFrame(draw), wait_ms);
    }
}

function showConnection(connection: Connection): void {
    const texts = { connecting: "Connecting", live: "Live", reconnecting: "Reconnecting" };
    byId("connection").dataset["state"] = connection;
    setText(byId("connection-text"), texts[connection]);
    document.body.classList.toggle("stale", connection === "reconnecting");
}

listen("v1/stream", {
    snapshot(message) {
        state = applySnapshot(message);
        askToDraw();
    },
    change(message) {
        if (state !== undefined) {
            state = applyChange(state, message);
            askToDraw();
        }
    },
    connection: showConnection,
});

window.setInterval(() => {
    if (state !== undefined) {
        fillCommitAge(state);
    }
}, 1000);
