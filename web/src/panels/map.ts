// SPDX-License-Identifier: MIT
// Where orders come from: a grid of the US's states, one tile each, so that a small state can be seen as well; a
// ranked bar where states are not those of the US. A click narrows the page to a state. The grid is one stop of the
// Tab key; the arrow keys go from tile to tile, Enter chooses.
import { add, roughly } from "../amount";
import { csvLink, csvOf } from "../csv";
import { make, makeSvg, setRows, setText, show } from "../dom";
import type { Figures } from "../figures";
import { count, exactMoney, wholeMoney } from "../format";
import type { Draw, Page } from "../page";
import type { State } from "../state";
import type { MapRow } from "../types";
import { codeOf, TILES } from "../us_states";
import { MOST_STATES } from "../view";

const STEP = 38;
const SIDE = 35;
const RANKED = 12;
const NEW_MS = 5_000;

interface Tile {
    box: SVGElement;
    title: SVGElement;
    group: SVGElement;
}

const WAYS: Readonly<Record<string, readonly [down: number, right: number]>> = {
    ArrowUp: [-1, 0],
    ArrowDown: [1, 0],
    ArrowLeft: [0, -1],
    ArrowRight: [0, 1],
};

/** The nearest tile that way, as straight as can be; undefined: there is none. */
function beside(from: string, [down, right]: readonly [number, number]): string | undefined {
    const [row, column] = TILES[from]!;
    const far = Object.entries(TILES).flatMap(([code, [otherRow, otherColumn]]) => {
        const [rows, columns] = [otherRow - row, otherColumn - column];
        const ahead = rows * down + columns * right;
        const aside = Math.abs(rows * right) + Math.abs(columns * down);
        return ahead > aside ? [{ code, far: ahead + 3 * aside }] : [];
    });
    return far.sort((a, b) => a.far - b.far)[0]?.code;
}

function walkByKeys(svg: SVGElement, tiles: Map<string, Tile>, choose: (code: string) => void): void {
    let at = "CA";
    const stop = (code: string): void => {
        tiles.get(at)!.group.setAttribute("tabindex", "-1");
        at = code;
        tiles.get(at)!.group.setAttribute("tabindex", "0");
    };
    stop(at);
    svg.addEventListener("focusin", ({ target }) => {
        const code = (target as Element).getAttribute("data-state");
        if (code !== null) {
            stop(code);
        }
    });
    svg.addEventListener("keydown", (event) => {
        const way = WAYS[event.key];
        if (way !== undefined) {
            tiles.get(beside(at, way) ?? at)!.group.focus();
        } else if (event.key === "Enter" || event.key === " ") {
            choose(at);
        } else {
            return;
        }
        event.preventDefault();
    });
}

function makeTiles(svg: SVGElement, choose: (code: string) => void): Map<string, Tile> {
    const tiles = new Map<string, Tile>();
    for (const [code, [row, column]] of Object.entries(TILES)) {
        const box = makeSvg("rect", { width: SIDE, height: SIDE, rx: 4, class: "tile" });
        const title = makeSvg("title", {});
        const text = makeSvg("text", { x: SIDE / 2, y: 21.5, "text-anchor": "middle" }, code);
        const place = { transform: `translate(${column * STEP},${row * STEP})`, "data-state": code };
        const group = makeSvg("g", { ...place, role: "button", tabindex: -1 }, title, box, text);
        group.addEventListener("click", () => choose(code));
        svg.append(group);
        tiles.set(code, { box, title, group });
    }
    walkByKeys(svg, tiles, choose);
    return tiles;
}

const UNKNOWN = "(unknown)";

interface Place {
    /** its spellings, the one with the highest revenue first */
    names: string[];
    orders: number;
    total: string;
}

/** Rows of states by their code, all spellings of one added up; the others are not of the US, or of no state at all. */
function byCode(rows: MapRow[]): { us: Map<string, Place>; usOrders: number; elsewhere: number; unknown: number } {
    const us = new Map<string, Place>();
    let [usOrders, elsewhere, unknown] = [0, 0, 0];
    for (const [name, , orders, , total] of [...rows].sort((a, b) => roughly(b[4]) - roughly(a[4]))) {
        const code = name === null ? undefined : codeOf(name);
        if (name === UNKNOWN) {
            unknown += orders;
        } else if (code === undefined || name === null) {
            elsewhere += orders;
        } else {
            const known = us.get(code) ?? { names: [], orders: 0, total: "0.0000" };
            us.set(code, { names: [...known.names, name], orders: known.orders + orders, total: add(known.total, total) });
            usOrders += orders;
        }
    }
    return { us, usOrders, elsewhere, unknown };
}

export function map(section: HTMLElement, page: Page): Draw {
    const note = make("small", "");
    const box = make("div", "where");
    const svg = makeSvg("svg", { viewBox: `0 0 ${11 * STEP + SIDE} ${7 * STEP + SIDE}`, role: "group", preserveAspectRatio: "xMinYMin meet" });
    const [list, none] = [make("ol", "bars"), make("p", "none")];
    box.append(svg, list, none);
    const csv = csvLink("states");
    section.append(make("h2", "", "Where ", note, csv), box);
    show(csv, false);
    let names = new Map<string, Place>();
    const isChosen = (code: string): boolean => page.view.states.some((name) => codeOf(name) === code);
    const tiles = makeTiles(svg, (code) => page.change({ states: isChosen(code) ? [] : (names.get(code)?.names ?? [code]).slice(0, MOST_STATES) }));
    const isOnly = (name: string | null): boolean => page.view.states.length === 1 && page.view.states[0] === name;
    let seen: number | undefined;
    let newest: { code: string; until_ms: number } | undefined;

    /** A soft flash where the newest order came from. */
    function flash(state: State): void {
        const order = state.recent[0];
        if (order === undefined || order.position === seen) {
            return;
        }
        const known = seen !== undefined;
        seen = order.position;
        const code = codeOf(order.state);
        if (known && code !== undefined) {
            newest = { code, until_ms: performance.now() + NEW_MS };
            const { group } = tiles.get(code)!;
            tiles.forEach((tile) => tile.group.classList.remove("hit")); // of the newest alone
            group.getBoundingClientRect(); // so that the flash begins again
            group.classList.add("hit");
            window.setTimeout(page.redraw, NEW_MS + 50);
        }
    }

    function drawTiles(figures: Figures, elsewhere: number, unknown: number): void {
        const most = Math.max(0, ...[...names.values()].map((place) => roughly(place.total)));
        for (const [code, { box: rect, title, group }] of tiles) {
            const place = names.get(code);
            const weight = most > 0 && place !== undefined ? Math.max(0, roughly(place.total) / most) : 0;
            rect.style.setProperty("--w", weight.toFixed(3));
            group.classList.toggle("strong", weight > 0.6);
            group.classList.toggle("chosen", isChosen(code));
            group.setAttribute("aria-pressed", String(isChosen(code)));
            const spelt = place !== undefined && place.names.length > 1 ? `, as ${place.names.join(", ")}` : "";
            const said = place === undefined ? "no orders" : `${exactMoney(place.total, figures.currency)}, ${count(place.orders)} orders${spelt}`;
            setText(title, `${code}: ${said}`);
        }
        const best = [...names].sort(([, a], [, b]) => roughly(b.total) - roughly(a.total)).slice(0, 5);
        const texts = best.map(([code, place]) => `${code} ${wholeMoney(place.total, figures.currency)}`);
        svg.setAttribute("aria-label", `Revenue by state: ${texts.length > 0 ? texts.join(", ") : "no orders yet"}`);
        const hit = newest !== undefined && performance.now() < newest.until_ms ? newest.code : undefined;
        if (hit === undefined) {
            tiles.forEach(({ group }) => group.classList.remove("hit"));
        }
        const others = [...(elsewhere > 0 ? [`${count(elsewhere)} elsewhere`] : []), ...(unknown > 0 ? [`${count(unknown)} of no state`] : [])];
        const other = others.join(", ");
        setText(note, hit !== undefined ? `an order just now: ${hit}` : other);
    }

    function drawBars(figures: Figures, rows: MapRow[]): void {
        const ranked = rows
            .filter((row) => row[0] !== null)
            .sort((a, b) => roughly(b[4]) - roughly(a[4]))
            .slice(0, RANKED);
        const most = Math.max(0, ...ranked.map((row) => roughly(row[4])));
        setRows(
            list,
            ranked,
            ([name]) => `=${name}`,
            ([name]) => {
                const button = make("button", "name");
                button.type = "button";
                button.addEventListener("click", () => page.change({ states: name === null || isOnly(name) ? [] : [name] }));
                return make("li", "", button, make("b", ""), make("i", ""));
            },
            (row, [name, , orders, , total]) => {
                const [label, amount, bar] = Array.from(row.children) as [HTMLElement, HTMLElement, HTMLElement];
                setText(label, name ?? "");
                label.setAttribute("aria-pressed", String(isOnly(name)));
                setText(amount, wholeMoney(total, figures.currency));
                row.title = `${exactMoney(total, figures.currency)}, ${count(orders)} orders`;
                bar.style.setProperty("--p", (most > 0 ? Math.max(0, roughly(total) / most) : 0).toFixed(4));
            },
        );
        const more = rows.reduce((n, row) => n + (row[0] === null ? row[1] : 1), 0) - ranked.length;
        setText(note, more > 0 ? `${count(more)} more` : "");
    }

    return (figures, state) => {
        flash(state);
        const why = figures.none.map;
        setText(none, why ?? "");
        const rows = figures.map;
        if (rows === undefined && why === undefined) {
            return;
        }
        const { us, usOrders, elsewhere, unknown } = byCode(rows ?? []);
        names = us;
        show(csv, (rows ?? []).length > 0);
        csv.setAttribute("href", csvOf("state", page.view, figures, state));
        // What has no state says nothing of where the shop sells, unless there is nothing else.
        const isUs = usOrders >= elsewhere && (usOrders > 0 || unknown === 0);
        svg.style.display = why === undefined && isUs ? "" : "none";
        show(list, why === undefined && !isUs);
        if (why !== undefined) {
            setText(note, "");
        } else if (isUs) {
            drawTiles(figures, elsewhere, unknown);
        } else {
            drawBars(figures, rows ?? []);
        }
    };
}
