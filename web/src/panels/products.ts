// SPDX-License-Identifier: MIT
// The products with the highest revenue, and what rank they had in the time before.
import { roughly } from "../amount";
import { csvLink, csvOf } from "../csv";
import { make, setRows, setText, show } from "../dom";
import { count, counted, exactMoney, wholeMoney } from "../format";
import type { Draw, Page } from "../page";
import type { ProductRow } from "../types";

const SHOWN = 7;

interface Ranked {
    row: ProductRow;
    rank: number;
}

function moved(rank: number, before: number | null): [text: string, said: string] {
    if (before === null) {
        return ["new", "not sold in the time before"];
    }
    const by = before - rank;
    if (by === 0) {
        return ["–", "as before"];
    }
    return by > 0 ? [`▲${count(by)}`, `up ${count(by)}`] : [`▼${count(-by)}`, `down ${count(-by)}`];
}

export function products(section: HTMLElement, page: Page): Draw {
    const [list, more, none] = [make("ol", "bars ranked"), make("small", ""), make("p", "none")];
    const csv = csvLink("products");
    section.append(make("h2", "", "Products ", more, csv), list, none);
    const choose = (id: string): void => page.change({ product: page.view.product === id ? undefined : id });
    return (figures, state) => {
        const { products: ranking, currency, none: { products: why } } = figures;
        if (ranking === undefined && why === undefined) {
            return;
        }
        const rows = (ranking?.rows ?? []).slice(0, SHOWN).map((row, i): Ranked => ({ row, rank: i + 1 }));
        const most = Math.max(0, ...rows.map(({ row }) => roughly(row[5])));
        setRows(
            list,
            rows,
            ({ row }) => `=${row[0]}`,
            ({ row: [id] }) => {
                const name = make("button", "name");
                name.type = "button";
                name.addEventListener("click", () => choose(id));
                // What a mouse is told on hover stands in a line of its own on a phone.
                return make("li", "", make("span", "rank"), name, make("b", ""), make("i", ""), make("span", "facts"));
            },
            (element, { row, rank }) => {
                const [id, title, category, orders, units, total, before] = row;
                const [change, name, amount, bar, facts] = Array.from(element.children) as [HTMLElement, HTMLElement, HTMLElement, HTMLElement, HTMLElement];
                const [text, said] = moved(rank, before);
                setText(change, text);
                change.title = said;
                setText(name, title ?? `Product ${id}`);
                name.title = `${title ?? `Product ${id}`}${category === null ? "" : ` (${category})`}`;
                name.setAttribute("aria-pressed", String(page.view.product === id));
                setText(amount, wholeMoney(total, currency));
                const counts = [counted(orders, "order", "orders"), counted(units, "unit", "units")];
                amount.title = [exactMoney(total, currency), ...counts].join(", ");
                setText(facts, [...counts, ...(category === null ? [] : [category])].join(" · "));
                bar.style.setProperty("--p", (most > 0 ? Math.max(0, roughly(total) / most) : 0).toFixed(4));
            },
        );
        const behind = (ranking?.rows.length ?? 0) - rows.length + (ranking?.others?.[0] ?? 0);
        show(csv, rows.length > 0);
        csv.setAttribute("href", csvOf("product", page.view, figures, state));
        setText(more, behind > 0 ? `${count(behind)} more` : "");
        setText(none, why ?? (rows.length === 0 ? "Nothing sold yet." : ""));
        show(none, none.textContent !== "");
    };
}
