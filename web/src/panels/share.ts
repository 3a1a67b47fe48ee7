// SPDX-License-Identifier: MIT
// Which share of revenue each source has had over time, as a band under the chart, hour by hour below the chart's
// own hours. Widths are rough here: they are shares.
import { add, roughly } from "../amount";
import { csvLink, csvOfCourse } from "../csv";
import { make, makeSvg, setText, show } from "../dom";
import type { Course, Figures, Share } from "../figures";
import { percent } from "../format";
import type { Draw, Page } from "../page";

/** Of the largest first; "others" are the faintest. */
const STRENGTHS = [0.92, 0.7, 0.54, 0.41, 0.31, 0.23, 0.17, 0.12];
const OTHERS = 0.06;
const NAMED = 5;

interface Band {
    source: string | null;
    strength: number;
    /** of the whole time */
    part: number;
    /** of each slot; undefined: nothing was sold then */
    parts: (number | undefined)[];
}

function bandsOf(course: Course, shares: Share[]): Band[] {
    const index = new Map(course.slots.map((slot, i) => [slot.at_ms, i]));
    const totals = new Map<string | null, string>();
    const cells = new Map<string | null, number[]>();
    const sold = course.slots.map(() => 0);
    for (const { at_ms, source, total } of shares) {
        const i = index.get(at_ms);
        if (i === undefined) {
            continue;
        }
        totals.set(source, add(totals.get(source) ?? "0.0000", total));
        const row = cells.get(source) ?? course.slots.map(() => 0);
        cells.set(source, row);
        row[i] = (row[i] ?? 0) + Math.max(0, roughly(total)); // what was taken back has no share
        sold[i] = (sold[i] ?? 0) + Math.max(0, roughly(total));
    }
    const worth = (source: string | null): number => Math.max(0, roughly(totals.get(source) ?? "0"));
    const all = [...totals.keys()].reduce((sum, source) => sum + worth(source), 0);
    const largest = [...totals.keys()].sort((a, b) => Number(a === null) - Number(b === null) || worth(b) - worth(a));
    return largest.map((source, k) => ({
        source,
        strength: source === null ? OTHERS : (STRENGTHS[k] ?? OTHERS),
        part: all > 0 ? worth(source) / all : 0,
        parts: sold.map((n, i) => (n > 0 ? (cells.get(source)?.[i] ?? 0) / n : undefined)),
    }));
}

/** Runs of slots in which something was sold. */
function runsOf(parts: (number | undefined)[]): [first: number, last: number][] {
    const runs: [number, number][] = [];
    parts.forEach((part, i) => {
        const run = runs.at(-1);
        if (part !== undefined && run !== undefined && run[1] === i - 1) {
            run[1] = i;
        } else if (part !== undefined) {
            runs.push([i, i]);
        }
    });
    return runs;
}

/** The slots of a line are points, those of bars have a width. */
function edgesOf(i: number, isLine: boolean, isAlone: boolean): number[] {
    if (!isLine) {
        return [i, i + 1];
    }
    return isAlone ? [Math.max(0, i - 0.3), i + 0.3] : [i];
}

function pathOf(low: number[], high: number[], runs: [number, number][], isLine: boolean): string {
    const shapes = runs.map(([first, last]) => {
        const slots = Array.from({ length: last - first + 1 }, (_, n) => first + n);
        const along = (values: number[]): string[] =>
            slots.flatMap((i) => edgesOf(i, isLine, first === last).map((x) => `${x},${(1 - values[i]!).toFixed(4)}`));
        return `M${[...along(high), ...along(low).reverse()].join("L")}Z`;
    });
    return shapes.join("");
}

function nameOf(band: Band): string {
    return band.source ?? "others";
}

function drawBands(svg: SVGElement, course: Course, bands: Band[]): void {
    const isLine = course.bucket === "hour";
    const width = Math.max(1, isLine ? course.slots.length - 1 : course.slots.length);
    const runs = runsOf(bands[0]?.parts ?? []);
    let low = course.slots.map(() => 0);
    const paths = bands.map((band) => {
        const high = low.map((from, i) => Math.min(1, from + (band.parts[i] ?? 0)));
        const title = makeSvg("title", {}, `${nameOf(band)}: ${percent(band.part)}`);
        const path = makeSvg("path", { d: pathOf(low, high, runs, isLine) }, title);
        path.style.setProperty("--o", String(band.strength));
        low = high;
        return path;
    });
    svg.setAttribute("viewBox", `0 0 ${width} 1`);
    svg.replaceChildren(...paths);
}

function legendOf(bands: Band[]): HTMLElement[] {
    return bands.slice(0, NAMED).map((band) => {
        const swatch = make("i", "");
        swatch.style.setProperty("--o", String(band.strength));
        return make("span", "", swatch, `${nameOf(band)} ${percent(band.part)}`);
    });
}

export function share(section: HTMLElement, page: Page): Draw {
    const [legend, none] = [make("small", ""), make("p", "none")];
    const svg = makeSvg("svg", { class: "bands", role: "img", preserveAspectRatio: "none" });
    const csv = csvLink("sources");
    show(csv, false);
    section.append(make("h2", "", "Share by source ", legend, csv), svg, none);
    return ({ course, share: shares, currency, none: { share: why } }: Figures) => {
        if ((course === undefined || shares === undefined) && why === undefined) {
            return;
        }
        const bands = why !== undefined || course === undefined ? [] : bandsOf(course, shares ?? []).filter(({ part }) => part > 0);
        const texts = bands.map((band) => `${nameOf(band)} ${percent(band.part)}`);
        svg.setAttribute("aria-label", `Share of revenue by source: ${texts.length > 0 ? texts.join(", ") : "nothing sold"}`);
        if (course !== undefined) {
            drawBands(svg, course, bands);
            csv.setAttribute("href", csvOfCourse("source", course, page.view, currency));
        }
        show(csv, bands.length > 0);
        legend.replaceChildren(...legendOf(bands));
        setText(none, why ?? (bands.length === 0 ? "Nothing sold yet." : ""));
        show(none, none.textContent !== "");
    };
}
