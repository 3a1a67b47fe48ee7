// SPDX-License-Identifier: MIT
// Rankings, newest orders and other currencies.
import { byId, make, setRows, setText, show } from "./dom";
import { count, counted, exactMoney, money, roughly, ShopTime } from "./format";
import type { State } from "./state";
import type { Amount, Currency, Order, Ranking } from "./types";

interface Ranked {
    key: string;
    name: string;
    note: string;
    orders: number;
    total: Amount;
    others: boolean;
}

function ranked<Row>(ranking: Ranking<Row>, many: string, toRanked: (row: Row) => Ranked): Ranked[] {
    const rows = ranking.rows.map(toRanked);
    if (ranking.others !== null) {
        const [n, orders, , total] = ranking.others;
        rows.push({ key: "others", name: `${count(n)} more ${many}`, note: "", orders, total, others: true });
    }
    return rows;
}

function fillRanking(id: string, rows: Ranked[], none: string, currency: string): void {
    const most = Math.max(0, ...rows.filter((row) => !row.others).map((row) => roughly(row.total)));
    setRows(
        byId(id),
        rows,
        (row) => row.key,
        () =>
            make(
                "tr",
                "",
                make("td", "name", make("span", "label"), make("span", "bar")),
                make("td", "number"),
                make("td", "number"),
            ),
        (element, row) => {
            const [name, orders, total] = Array.from(element.children) as [HTMLElement, Element, HTMLElement];
            const [label, bar] = Array.from(name.children) as [Element, HTMLElement];
            element.classList.toggle("others", row.others);
            setText(label, row.name);
            name.title = row.note === "" ? row.name : `${row.name} (${row.note})`;
            const share = most > 0 && !row.others ? Math.max(0, roughly(row.total) / most) : 0;
            bar.style.setProperty("--share", share.toFixed(4));
            setText(orders, count(row.orders));
            setText(total, money(row.total, currency));
            total.title = exactMoney(row.total, currency);
        },
    );
    setText(byId(`${id}-none`), none);
    show(byId(`${id}-none`), none !== "");
    byId(id).closest("table")!.hidden = rows.length === 0;
}

function whyNone<Row>(ranking: Ranking<Row>, many: string): string {
    if (ranking.too_many) {
        return `Too many ${many} today to rank them here; /v1/sales has them all.`;
    }
    return ranking.rows.length === 0 ? "Nothing sold yet today." : "";
}

export function fillRankings(state: State, currency: string): void {
    const { sources, states, products } = state;
    const group = ([name, orders, , total]: [string, number, number, Amount]): Ranked => ({
        key: `=${name}`,
        name,
        note: "",
        orders,
        total,
        others: false,
    });
    if (sources !== undefined) {
        fillRanking("sources", ranked(sources, "sources", group), whyNone(sources, "sources"), currency);
    }
    if (states !== undefined) {
        fillRanking("states", ranked(states, "states", group), whyNone(states, "states"), currency);
    }
    if (products !== undefined) {
        const rows = ranked(products, "products", ([id, title, category, orders, , total]) => ({
            key: `=${id}`,
            name: title ?? `Product ${id}`,
            note: category ?? "",
            orders,
            total,
            others: false,
        }));
        fillRanking("products", rows, whyNone(products, "products"), currency);
    }
}

function productOf(order: Order): string {
    if (order.product_id === "") {
        return "";
    }
    const first = order.title ?? `Product ${order.product_id}`;
    return order.more_products > 0 ? `${first} + ${count(order.more_products)} more` : first;
}

let ordersShown = false;

export function fillOrders(state: State, time: ShopTime): void {
    setRows(
        byId("orders"),
        state.recent,
        (order) => String(order.position),
        () =>
            make(
                "tr",
                "",
                make("td", "time"),
                make("td", "id", make("span", "label"), make("span", "narrow")),
                make("td", "wide"),
                make("td", "wide"),
                make("td", "wide"),
                make("td", "number"),
            ),
        (row, order, isNew) => {
            const cells = Array.from(row.children) as HTMLElement[];
            const [when, id, product, source, from, total] = cells as [HTMLElement, ...HTMLElement[]] & HTMLElement[];
            const productText = productOf(order);
            setText(when, time.ofOrder(order.created_ms, state.day));
            setText(id!.children[0]!, order.order_id);
            setText(id!.children[1]!, productText); // where there is no room for a column of its own
            id!.title = order.order_id;
            setText(product!, productText);
            product!.title = `${productText}, ${counted(order.quantity, "unit", "units")}`;
            setText(source!, order.source);
            setText(from!, order.state);
            setText(total!, money(order.total, order.currency));
            total!.title = exactMoney(order.total, order.currency);
            row.classList.toggle("fresh", isNew && ordersShown);
        },
    );
    ordersShown = true;
    show(byId("orders-none"), state.recent.length === 0);
    byId("orders").closest("table")!.hidden = state.recent.length === 0;
}

export function fillCurrencies(state: State): void {
    const currencies = state.currencies;
    show(byId("currencies-card"), currencies !== undefined && currencies.rows.length > 0);
    if (currencies === undefined) {
        return;
    }
    setRows(
        byId("currencies"),
        currencies.rows,
        (row: Currency) => row.currency,
        () => make("tr", "", make("td", ""), ...Array.from({ length: 4 }, () => make("td", "number"))),
        (element, row) => {
            const texts = [
                row.currency,
                count(row.today.orders),
                money(row.today.total, row.currency),
                count(row.all_time.orders),
                money(row.all_time.total, row.currency),
            ];
            texts.forEach((text, i) => setText(element.children[i]!, text));
        },
    );
    show(byId("currencies-more"), currencies.more);
}
