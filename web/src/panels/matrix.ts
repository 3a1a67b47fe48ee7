// SPDX-License-Identifier: MIT
// Revenue by source and state as a heat table. A heading sorts: a state's its column, a source's its row.
import { add, roughly } from "../amount";
import { csvLink, csvOf } from "../csv";
import { make, makeCell, makeHead, makeRow, setText, show } from "../dom";
import { count, exactMoney, oneDecimal } from "../format";
import type { Draw, Page } from "../page";
import type { MatrixRow } from "../types";

const ROWS = 6;
const COLUMNS = 8;

interface Sorting {
    /** null: by what all are worth */
    row: string | null;
    column: string | null;
}

interface Table {
    sources: string[];
    states: string[];
    cell(source: string | null, state: string | null): string;
}

const key = (source: string | null, state: string | null): string => JSON.stringify([source, state]);

/** The largest groups, and sums over all groups; what is behind the largest ones is in the sums only. */
function tableOf(rows: MatrixRow[], sorting: Sorting): Table {
    const cells = new Map<string, string>();
    const put = (k: string, total: string): void => void cells.set(k, add(cells.get(k) ?? "0.0000", total));
    const [sources, states] = [new Set<string>(), new Set<string>()];
    for (const [source, state, , total] of rows) {
        if (source !== null) {
            sources.add(source);
            put(key(source, null), total);
        }
        if (state !== null) {
            states.add(state);
            put(key(null, state), total);
        }
        if (source !== null && state !== null) {
            put(key(source, state), total);
        }
        put(key(null, null), total);
    }
    const cell = (source: string | null, state: string | null): string => cells.get(key(source, state)) ?? "0.0000";
    const largest = (names: Set<string>, total: (name: string) => string, n: number): string[] =>
        [...names].sort((a, b) => roughly(total(b)) - roughly(total(a)) || (a < b ? -1 : 1)).slice(0, n);
    const top = {
        sources: largest(sources, (source) => cell(source, null), ROWS),
        states: largest(states, (state) => cell(null, state), COLUMNS),
    };
    if (sorting.column !== null) {
        top.sources.sort((a, b) => roughly(cell(b, sorting.column)) - roughly(cell(a, sorting.column)));
    }
    if (sorting.row !== null) {
        top.states.sort((a, b) => roughly(cell(sorting.row, b)) - roughly(cell(sorting.row, a)));
    }
    return { ...top, cell };
}

function scaleOf(most: number): [divisor: number, name: string] {
    const scales: [number, string][] = [[1e9, "billions"], [1e6, "millions"], [1e3, "thousands"]];
    return scales.find(([divisor]) => most >= 10 * divisor) ?? [1, ""];
}

export function matrix(section: HTMLElement, page: Page): Draw {
    const [note, table, none] = [make("small", ""), make("table", "cards"), make("p", "none")];
    const csv = csvLink("sources-and-states");
    section.append(make("h2", "", "Source × state ", note, csv), table, none);
    table.setAttribute("role", "table");
    table.setAttribute("aria-label", "Revenue by source and state");
    const sorting: Sorting = { row: null, column: null };
    let drawn = "";

    function heading(name: string, scope: "row" | "col", chosen: boolean, sort: () => void): HTMLTableCellElement {
        const button = make("button", "", name);
        button.type = "button";
        button.title = `${name}: sort by it`;
        button.addEventListener("click", () => {
            sort();
            page.redraw();
        });
        const th = make("th", "", button);
        th.scope = scope;
        th.setAttribute("role", scope === "col" ? "columnheader" : "rowheader");
        if (scope === "col") {
            th.ariaSort = chosen ? "descending" : "none";
        }
        return th;
    }

    /** Only when its groups or their order changed; else the cells are filled where they are. */
    function build({ sources, states }: Table): void {
        const head = makeHead(
            makeCell("corner", "Sort by"),
            ...states.map((state) => heading(state, "col", sorting.column === state, () => (sorting.column = state))),
            heading("All", "col", sorting.column === null, () => (sorting.column = sorting.row = null)),
        );
        const body = make("tbody", "");
        body.setAttribute("role", "rowgroup");
        for (const source of sources) {
            const cells = states.map((state) => makeCell("cell", state));
            body.append(makeRow(heading(source, "row", false, () => (sorting.row = source)), ...cells, makeCell("sum", "All")));
        }
        const focus = table.contains(document.activeElement) ? document.activeElement?.textContent : undefined;
        table.replaceChildren(head, body);
        if (focus !== undefined) {
            [...table.querySelectorAll("button")].find((button) => button.textContent === focus)?.focus();
        }
    }

    return (figures, state) => {
        const { matrix: rows, currency, none: { matrix: why } } = figures;
        if (rows === undefined && why === undefined) {
            return;
        }
        const found = tableOf(rows ?? [], sorting);
        const { sources, states, cell } = found;
        setText(none, why ?? (sources.length === 0 ? "Nothing sold yet." : ""));
        show(none, none.textContent !== "");
        show(table, sources.length > 0);
        show(csv, sources.length > 0);
        csv.setAttribute("href", csvOf("source,state", page.view, figures, state));
        const shape = JSON.stringify([sources, states, sorting]);
        if (shape !== drawn) {
            drawn = shape;
            build(found);
        }
        table.style.setProperty("--columns", String(states.length));
        const values = sources.flatMap((source) => states.map((state) => roughly(cell(source, state))));
        const most = Math.max(0, ...values);
        const largest = Math.max(0, ...sources.map((source) => roughly(cell(source, null))));
        const [divisor, scale] = scaleOf(largest);
        setText(note, scale);
        const text = (amount: string): string => {
            const value = roughly(amount);
            return value === 0 ? "·" : divisor === 1 || largest >= 1000 * divisor ? count(Math.round(value / divisor)) : oneDecimal(value / divisor);
        };
        const body = table.tBodies[0];
        sources.forEach((source, i) => {
            [...states, null].forEach((state, j) => {
                const td = body?.rows[i]?.cells[j + 1];
                if (td !== undefined) {
                    const amount = cell(source, state);
                    setText(td, text(amount));
                    td.title = exactMoney(amount, currency);
                    td.style.setProperty("--w", (most > 0 ? Math.max(0, roughly(amount) / most) : 0).toFixed(3));
                }
            });
        });
    };
}
