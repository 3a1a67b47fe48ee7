// SPDX-License-Identifier: MIT
// The live page: events of /v1/stream become a state, the state and what the page is narrowed to become figures,
// each panel of the table draws them. Drawing is merged to at most ten times a second, and to none while the page
// is hidden.
import { drawAlertRules, openAlertRules, setUpAlertRules } from "./alert_rules";
import { Asked } from "./asked";
import { Controls, setUpWall } from "./controls";
import { byId, make, setUpDialog } from "./dom";
import { figuresOf, type Figures } from "./figures";
import { writeAs } from "./format";
import { fillFirstRun, setUpFirstRun } from "./first_run";
import { askingOf, readShares, readView as askView } from "./narrow";
import { openOrder } from "./order";
import type { Draw, Page } from "./page";
import { panels } from "./panels";
import { openRejected, setUpRejected } from "./rejected";
import { ShopTime } from "./shop_time";
import { askForKey, drawSignOut, setUpSignIn } from "./sign_in";
import { applyChange, applySnapshot, type State } from "./state";
import { drawStatus, setConnection, setHeard } from "./status";
import { listen } from "./stream";
import { changeView, isNarrowed, readView, writeView, type View } from "./view";

const DRAW_MS = 100;

let state: State | undefined;
let figures: Figures | undefined;
let drawnAt = -DRAW_MS;
let asked = false;
let opening = true; // until everything was drawn once

/** What of an address does not hold is taken out of it, so that it says what is shown. */
function viewOfAddress(): View {
    const view = readView(location.hash);
    if (location.hash !== "") {
        history.replaceState(null, "", writeView(view));
    }
    return view;
}

const page: Page = {
    view: viewOfAddress(),
    time: new ShopTime("UTC"),
    now_ms: () => Date.now() + (state?.clock_ahead_ms ?? 0),
    change(change) {
        page.view = changeView(page.view, change);
        history.pushState(null, "", writeView(page.view));
        draw();
    },
    openOrder: (id) => void openOrder(id, page.time),
    openAlertRules: () => void openAlertRules(),
    openRejected: () => void openRejected(page.time, state?.health),
    redraw: askToDraw,
};

const narrowed = new Asked(askView, askToDraw);
const shares = new Asked(readShares, askToDraw);
// All at once, before anything is painted, so that each has its room from the beginning.
const draws = panels.map(({ name, row, create, ticks = false }): { draw: Draw; ticks: boolean } => {
    const section = make("section", `panel ${name}`);
    section.dataset["panel"] = name;
    byId(`row-${row}`).append(section);
    return { draw: create(section, page), ticks };
});
const controls = new Controls(page);

/** Of the view: pushed by the stream, or asked for. */
function currentFigures(now: State): Figures {
    const currency = page.view.currency ?? now.shop?.currency ?? "USD";
    const key = JSON.stringify([page.view, now.day?.date]);
    const { view, time } = page;
    // The server's minute: what an hour is compared with and the last 60 minutes go on without a batch, too.
    const news = `${now.batch ?? 0}/${now.last_minute ?? 0}`;
    const asking = (): ReturnType<typeof askingOf> => askingOf(view, currency, state ?? now, time);
    if (!isNarrowed(view)) {
        narrowed.stop();
        const pushed = figuresOf(now, view.chart, currency, time);
        if (view.chart !== "hours" && now.day !== undefined) {
            shares.want(key, news, asking);
            pushed.share = shares.answer;
        }
        return pushed;
    }
    if (now.day !== undefined) {
        narrowed.want(key, news, asking);
    }
    const nothing = { sum: undefined, compared: [], course: undefined, trend: [], share: undefined, map: undefined, matrix: undefined, products: undefined };
    return narrowed.answer ?? { currency, ...nothing, none: {} };
}

/** What a drawing is made of, the figures that one looks at first in front. */
const steps: readonly ((figures: Figures, state: State) => void)[] = [
    (now, at) => {
        draws[0]!.draw(now, at);
        fillFirstRun(at); // which says whether there is room for other panels
    },
    (now, at) => controls.draw(now, at),
    ...draws.slice(1).map(({ draw }) => draw),
    (_, at) => {
        drawAlertRules(at);
        drawSignOut(at);
        drawStatus(at, page, narrowed.problem);
    },
];

/** The steps from one on, with the browser's own work in between: a page that opens does not hang. */
function drawInSteps(i: number): void {
    const step = steps[i];
    opening = step !== undefined;
    if (step !== undefined && figures !== undefined && state !== undefined) {
        step(figures, state);
        window.setTimeout(() => drawInSteps(i + 1));
    }
}

let writtenAs = "";

/** Formats are made anew only when the shop is another than it was. */
function writeAsTheShop({ shop }: State): void {
    const { timezone = "UTC", locale = null } = shop ?? {};
    const as = JSON.stringify([timezone, locale]);
    if (as !== writtenAs) {
        writtenAs = as;
        page.time = new ShopTime(timezone, writeAs(locale));
    }
}

function draw(): void {
    asked = false;
    if (state === undefined) {
        return;
    }
    const first = drawnAt < 0;
    drawnAt = performance.now();
    writeAsTheShop(state);
    const now = (figures = currentFigures(state));
    document.body.classList.toggle("waiting", isNarrowed(page.view) && narrowed.answer === undefined);
    if (!first) {
        steps.forEach((step) => step(now, state!));
        opening = false;
        return;
    }
    // The first figures are painted before anything else is worked out.
    steps[0]!(now, state);
    window.requestAnimationFrame(() => window.requestAnimationFrame(() => drawInSteps(1)));
}

function askToDraw(): void {
    if (!asked) {
        asked = true;
        const wait_ms = drawnAt + DRAW_MS - performance.now();
        if (wait_ms > 0) {
            window.setTimeout(() => window.requestAnimationFrame(draw), wait_ms);
        } else {
            window.requestAnimationFrame(draw);
        }
    }
}

window.addEventListener("popstate", () => {
    page.view = viewOfAddress();
    askToDraw();
});

// Its target would take the place of the view in the address.
byId("skip").addEventListener("click", (event) => {
    event.preventDefault();
    byId("main").focus();
});

setUpDialog("order");
setUpDialog("rejected");
setUpDialog("rules");
setUpRejected();
setUpAlertRules();
setUpFirstRun();
setUpWall();

const listenAgain = listen({
    snapshot(message) {
        state = applySnapshot(message);
        setHeard(message.now_ms);
        if (drawnAt < 0) {
            draw();
        } else {
            askToDraw();
        }
    },
    change(message) {
        if (state !== undefined) {
            state = applyChange(state, message);
            setHeard(message.now_ms);
            askToDraw();
        }
    },
    connection(connection) {
        setConnection(connection);
        if (state === undefined || !opening) {
            drawStatus(state, page, narrowed.problem);
        }
    },
    refused: () => askForKey(state),
});
setUpSignIn(listenAgain);

// Time passes without news, too.
window.setInterval(() => {
    if (state !== undefined && figures !== undefined && !opening && !document.hidden) {
        for (const panel of draws) {
            if (panel.ticks) {
                panel.draw(figures, state);
            }
        }
        drawStatus(state, page, narrowed.problem);
    }
}, 1000);
