// SPDX-License-Identifier: MIT
// Five figures: each with its change against the same time before, and a small line of how it went.
import { add, average, roughly } from "../amount";
import { csvLink, csvOf } from "../csv";
import { make, makeSvg, setText, show } from "../dom";
import type { Compared, Slot } from "../figures";
import { change, compactCount, compactMoney, count, exactMoney, money } from "../format";
import type { Draw, Page } from "../page";
import type { Sum } from "../types";
import type { Period } from "../view";

interface Figure {
    name: string;
    label: string;
    /** null: there is none; money as an amount, the rest as a number */
    of(sum: Sum): string | number | null;
    /** undefined: this bucket has none */
    at(slot: Slot): number | undefined;
    moreIsWorse?: boolean;
}

const FIGURES: readonly Figure[] = [
    { name: "revenue", label: "Revenue", of: (sum) => sum.total, at: (slot) => roughly(slot.total) },
    { name: "orders", label: "Orders", of: (sum) => sum.orders, at: (slot) => slot.orders },
    { name: "units", label: "Units", of: (sum) => sum.units, at: (slot) => slot.units },
    {
        name: "aov",
        label: "Average order",
        of: (sum) => sum.aov,
        at: (slot) => {
            const each = average(add(slot.total, slot.refunded_total), slot.orders);
            return each === null ? undefined : roughly(each);
        },
    },
    {
        name: "refunds",
        label: "Refunds",
        of: (sum) => sum.refunded_total,
        at: (slot) => roughly(slot.refunded_total),
        moreIsWorse: true,
    },
];

const LABELS: Record<Period, string> = {
    today: "Revenue today",
    yesterday: "Revenue yesterday",
    "7d": "Revenue of 7 days",
    "30d": "Revenue of 30 days",
    range: "Revenue of the range",
};

interface Shown {
    full: string;
    compact(): string;
    exact: string;
}

function shown(value: string | number | null, currency: string): Shown {
    if (value === null) {
        return { full: "–", compact: () => "–", exact: "there is none yet" };
    }
    return typeof value === "number"
        ? { full: count(value), compact: () => compactCount(value), exact: count(value) }
        : { full: money(value, currency), compact: () => compactMoney(value, currency), exact: exactMoney(value, currency) };
}

const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
const ROLL_MS = 260;
const changed = new WeakMap<HTMLElement, number>();

/** Whether it has stood still for long enough to be read: one that changes all the time would never stand. */
function stoodStill(element: HTMLElement): boolean {
    const [now, last] = [performance.now(), changed.get(element) ?? 0];
    changed.set(element, now);
    return now - last > 3 * ROLL_MS;
}

/** The part that changed rolls in; what stays does not move, since all digits are equally wide. */
function roll(element: HTMLElement, text: string): void {
    const old = element.textContent ?? "";
    if (old === text) {
        return;
    }
    let same = 0;
    while (same < text.length && old[same] === text[same]) {
        same++;
    }
    element.textContent = text.slice(0, same);
    const rest = make("span", "", text.slice(same));
    element.append(rest);
    if (stoodStill(element) && !calm.matches && old.length === text.length && typeof rest.animate === "function") {
        rest.className = "rolling";
        rest.animate([{ transform: "translateY(0.3em)", opacity: 0.3 }, { transform: "none", opacity: 1 }], {
            duration: ROLL_MS,
            easing: "ease-out",
        });
    }
}

// Full digits in the large or a smaller size when they fit, else compact with the rest on hover.
const FITS = ["full", "small", "smaller"] as const;

type Value = [element: HTMLElement, shown: Shown];

/** What it depends on whether a figure has room. */
function roomOf([element, { full, compact }]: Value): string {
    return `${full.length}/${element.dataset["compact"] === "true" ? compact().length : 0}/${element.clientWidth}`;
}

/** In rounds, each of which writes first and then measures: the browser lays the page out once a round. */
function fit(values: Value[]): void {
    const rooms = values.map(roomOf);
    let wide = values.filter(([element], i) => element.dataset["fitted"] !== rooms[i]);
    const fresh = new Set(wide);
    for (const isCompact of [false, true]) {
        wide.forEach(([element, { full, compact }]) => {
            element.dataset["compact"] = String(isCompact);
            setText(element, isCompact ? compact() : full);
        });
        for (const size of FITS) {
            wide.forEach(([element]) => (element.dataset["fit"] = size));
            wide = wide.filter(([element]) => element.scrollWidth > element.clientWidth);
        }
    }
    for (const value of values) {
        const [element, { full, compact, exact }] = value;
        if (!fresh.has(value)) {
            roll(element, element.dataset["compact"] === "true" ? compact() : full);
        }
        element.dataset["fitted"] = roomOf(value);
        element.title = exact;
    }
}

function numeric(value: string | number | null): number {
    return value === null ? 0 : Number(value);
}

function fillCompared(element: HTMLElement, figure: Figure, sum: Sum, compared: Compared[]): void {
    // With a day on which nothing was sold there is nothing to compare.
    const all = compared.filter(({ sum: before }) => before.orders !== 0);
    while (element.children.length > all.length) {
        element.lastElementChild!.remove();
    }
    all.forEach(({ label, sum: before, whole }, i) => {
        let part = element.children[i];
        if (part === undefined) {
            part = make("em", "", make("span", ""), make("i", ""));
            element.append(part, " ");
        }
        const [by, what] = Array.from(part.children) as [HTMLElement, HTMLElement];
        const [now, then] = [numeric(figure.of(sum)), numeric(figure.of(before))];
        const text = change(now, then);
        const better = figure.moreIsWorse === true ? now < then : now > then;
        setText(by, text ?? "–");
        by.className = text === undefined || now === then ? "same" : better ? "up" : "down";
        setText(what, whole ? ` all ${label}` : ` ${label}`);
        (part as HTMLElement).title = whole ? "against the whole day: it could not be cut at this time" : "";
    });
    element.classList.toggle("whole", all.some(({ whole }) => whole));
}

const [WIDTH, HEIGHT] = [120, 26];

function spark(figure: Figure, slots: Slot[]): string {
    // One that has just begun would look like a fall; it is drawn where there is nothing else yet.
    const over = slots.filter((slot) => !slot.future && !slot.open);
    const drawn = over.some((slot) => slot.orders !== 0) ? over : slots.filter((slot) => !slot.future);
    const values = drawn.flatMap((slot) => figure.at(slot) ?? []);
    const [most, least] = [Math.max(0, ...values), Math.min(0, ...values)];
    if (values.length < 2 || most === least) {
        return "";
    }
    const step = WIDTH / (values.length - 1);
    const y = (value: number): number => HEIGHT - 2 - ((HEIGHT - 4) * (value - least)) / (most - least);
    return `M${values.map((value, i) => `${(i * step).toFixed(1)},${y(value).toFixed(1)}`).join("L")}`;
}

export function headline(section: HTMLElement, page: Page): Draw {
    section.setAttribute("aria-label", "Key figures");
    const parts = FIGURES.map((figure) => {
        const [label, value, compared] = [make("h2", "", figure.label), make("p", "value", "–"), make("p", "compared", "")];
        const line = makeSvg("path", {});
        value.dataset["figure"] = figure.name;
        const svg = makeSvg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "spark", "aria-hidden": "true" }, line);
        section.append(make("div", "figure", make("div", "titled", label), value, compared, svg));
        return { figure, label, value, compared, line };
    });
    new ResizeObserver(() => page.redraw()).observe(section); // figures are as large as they fit
    const csv = csvLink("key-figures");
    show(csv, false);
    parts[0]!.label.after(csv);
    return (figures, state) => {
        const { sum, compared: before, currency, trend, none } = figures;
        setText(parts[0]!.label, LABELS[page.view.period]);
        if (sum === undefined) {
            return;
        }
        show(csv, true);
        csv.setAttribute("href", csvOf("", page.view, figures, state));
        const values = parts.map(({ figure, value, compared, line }): Value => {
            const missing = figure.name === "refunds" && none.refunds !== undefined;
            const amount = missing ? null : figure.of(sum);
            const text = shown(amount, currency);
            value.dataset["exact"] = amount === null ? "" : String(amount);
            fillCompared(compared, figure, sum, missing ? [] : before);
            line.setAttribute("d", missing ? "" : spark(figure, trend));
            return [value, missing ? { ...text, exact: none.refunds ?? "" } : text];
        });
        fit(values);
    };
}
