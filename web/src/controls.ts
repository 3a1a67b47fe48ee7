// SPDX-License-Identifier: MIT
// What narrows the page: selects that read as words in its head. The browser's own controls, so that keyboards,
// phones and screen readers know them.
import { byId, make, setText, show } from "./dom";
import type { Figures } from "./figures";
import { money } from "./format";
import { namesSince } from "./narrow";
import type { Page } from "./page";
import { addDays, DAY_MS, type ShopTime } from "./shop_time";
import type { State } from "./state";
import { boundsOf, PERIOD_NAMES, type Period, type View } from "./view";

interface Option {
    value: string;
    text: string;
}

const NAMES_SHOWN = 250;
const NAMES_DAYS = 30;
const FIRST_DAY = "1970-01-02"; // that can be asked for in every zone
const NAMES_AFTER_MS = 2_000; // the figures come first
const NAMES_AGAIN_MS = 60_000;

function fill(select: HTMLSelectElement, options: Option[], value: string): void {
    const wanted = JSON.stringify(options);
    // Not while it is open: the browser would close it.
    if (select.dataset["options"] !== wanted && document.activeElement !== select) {
        select.dataset["options"] = wanted;
        select.replaceChildren(...options.map((option) => new Option(option.text, option.value)));
    }
    if (select.value !== value) {
        select.value = value;
    }
    select.classList.toggle("set", select.selectedIndex > 0);
}

// A value is told from "all" and "several" by a sign before it.
const SEVERAL = "several";

function namesFor(all: string, names: Iterable<string>, value: string | undefined): [Option[], string] {
    const others = [...new Set(names)].filter((name) => name !== value).sort().slice(0, NAMES_SHOWN - 1);
    const known = value === undefined ? others : [...others, value].sort();
    return [
        [{ value: "", text: all }, ...known.map((name) => ({ value: `=${name}`, text: name }))],
        value === undefined ? "" : `=${value}`,
    ];
}

function remember(names: Set<string>, name: string | null): void {
    if (name !== null) {
        names.add(name);
    }
}

const chosen = (value: string): string | undefined => (value === "" ? undefined : value.slice(1));

/** "Nov 28, 09:00 – 12:00", "Nov 20 – Nov 24", "Dec 1, 2025 – Nov 29, 2026" */
function rangeName(from: string, to: string, time: ShopTime, today: string): string {
    if (from.length === 10) {
        const last = addDays(to, -1);
        const isOfThisYear = [from, last].every((date) => date.slice(0, 4) === today.slice(0, 4));
        const name = (date: string): string => (isOfThisYear ? time.ofShortDay(date) : time.ofDatedDay(date));
        return from === last ? name(from) : `${name(from)} – ${name(last)}`;
    }
    const [first, end] = [Date.parse(from), Date.parse(to)];
    const sameDay = end - first < DAY_MS && time.minuteOf(first) < time.minuteOf(end);
    return `${time.dayAndMinute(first)} – ${sameDay ? time.ofMinute(end) : time.dayAndMinute(end)}`;
}

function periods(view: View, page: Page, today: string): Option[] {
    const options: Option[] = (["today", "yesterday", "7d", "30d"] as const).map((value) => ({ value, text: PERIOD_NAMES[value] }));
    if (view.period === "range" && view.from !== undefined && view.to !== undefined) {
        options.push({ value: "range", text: rangeName(view.from, view.to, page.time, today) });
    }
    return options;
}

function currencies(state: State): Option[] {
    const shop = state.shop?.currency ?? "USD";
    const others = (state.currencies?.rows ?? []).map(({ currency, today }) => ({
        value: currency,
        text: today.orders !== 0 ? `${currency} · ${money(today.total, currency)} today` : currency,
    }));
    return [{ value: shop, text: shop }, ...others];
}

export class Controls {
    private readonly source = byId("filter-source") as HTMLSelectElement;
    private readonly state = byId("filter-state") as HTMLSelectElement;
    private readonly period = byId("filter-period") as HTMLSelectElement;
    private readonly currency = byId("filter-currency") as HTMLSelectElement;
    private readonly product = byId("filter-product") as HTMLButtonElement;
    private readonly sources = new Set<string>();
    private readonly states = new Set<string>();

    private namesSince = "";

    constructor(private readonly page: Page) {
        const on = (select: HTMLSelectElement, change: (value: string) => Partial<View>): void =>
            select.addEventListener("change", () => {
                page.change(change(select.value));
                select.blur();
            });
        on(this.source, (value) => ({ source: chosen(value) }));
        on(this.state, (value) => (value === SEVERAL ? {} : { states: value === "" ? [] : [value.slice(1)] }));
        on(this.period, (value) => ({ period: value as Period, from: undefined, to: undefined }));
        on(this.currency, (value) => ({ currency: this.currency.selectedIndex === 0 ? undefined : value }));
        this.product.addEventListener("click", () => page.change({ product: undefined }));
    }

    /** Several are one more choice, for as long as they are chosen. */
    private statesFor(states: readonly string[]): [Option[], string] {
        const [options, value] = namesFor("All states", this.states, states.length === 1 ? states[0] : undefined);
        return states.length < 2 ? [options, value] : [[...options, { value: SEVERAL, text: states.join(", ") }], SEVERAL];
    }

    /** Those of the last 30 days and of the period shown, which today's push may not have. Once for each begin. */
    private wantNames(today: string): void {
        const [from] = boundsOf(this.page.view, today);
        const wanted = [addDays(from.slice(0, 10), -1), addDays(today, 1 - NAMES_DAYS)].sort()[0] ?? today;
        const since = wanted < FIRST_DAY ? FIRST_DAY : wanted;
        if (this.namesSince !== "" && this.namesSince <= since) {
            return;
        }
        this.namesSince = since;
        const read = (): void => {
            namesSince(since)
                .then(({ sources, states }) => {
                    sources.forEach((name) => this.sources.add(name));
                    states.forEach((name) => this.states.add(name));
                    this.fillNames();
                })
                .catch(() => window.setTimeout(read, NAMES_AGAIN_MS));
        };
        window.setTimeout(read, NAMES_AFTER_MS);
    }

    private fillNames(): void {
        const { view } = this.page;
        fill(this.source, ...namesFor("All sources", this.sources, view.source));
        fill(this.state, ...this.statesFor(view.states));
    }

    draw(figures: Figures, state: State): void {
        const { view } = this.page;
        for (const [source, place] of [...(state.matrix?.rows ?? []), ...(figures.matrix ?? [])]) {
            remember(this.sources, source);
            remember(this.states, place);
        }
        for (const [place] of [...(state.map?.rows ?? []), ...(figures.map ?? [])]) {
            remember(this.states, place);
        }
        if (state.day !== undefined) {
            this.wantNames(state.day.date);
        }
        this.fillNames();
        fill(this.period, periods(view, this.page, state.day?.date ?? ""), view.period);
        const offered = currencies(state);
        const currency = view.currency ?? offered[0]!.value;
        if (!offered.some(({ value }) => value === currency)) {
            offered.push({ value: currency, text: currency });
        }
        fill(this.currency, offered, currency);
        show(this.product, view.product !== undefined);
        if (view.product !== undefined) {
            const title = state.products?.rows.find(([id]) => id === view.product)?.[1] ?? `Product ${view.product}`;
            this.product.replaceChildren(make("span", "", title), " ×");
            this.product.setAttribute("aria-label", `Product ${title}: show all products again`);
        }
    }
}

/** The wall: the whole screen, without what one clicks. Left with the same key or Escape. */
export function setUpWall(): void {
    const button = byId("wall");
    const isWall = (): boolean => document.body.classList.contains("wall");
    const set = (on: boolean): void => {
        document.body.classList.toggle("wall", on);
        button.setAttribute("aria-pressed", String(on));
        setText(button, on ? "Leave" : "Wall");
    };
    const toggle = (): void => {
        const on = !isWall();
        set(on);
        if (on) {
            // Where a browser refuses the whole screen, the page itself is the wall.
            document.documentElement.requestFullscreen?.().catch(() => undefined);
        } else if (document.fullscreenElement !== null) {
            void document.exitFullscreen();
        }
    };
    button.addEventListener("click", toggle);
    document.addEventListener("fullscreenchange", () => {
        if (document.fullscreenElement === null) {
            set(false);
        }
    });
    document.addEventListener("keydown", (event) => {
        const typing = event.target instanceof Element && event.target.closest("input, select, textarea, dialog") !== null;
        if (typing || event.ctrlKey || event.altKey || event.metaKey) {
            return;
        }
        if (event.key === "w") {
            toggle();
        } else if (event.key === "Escape" && isWall() && document.fullscreenElement === null) {
            set(false);
        }
    });
}
