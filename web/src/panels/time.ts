// SPDX-License-Identifier: MIT
// Revenue over time: today by hour beside what is usual, the last hour by minute, the month by day, or the range
// that was chosen. What it draws is also said in words and as a table. Dragging over it narrows the page.
import { roughly } from "../amount";
import { csvOfCourse } from "../csv";
import { make, makeButton, makeCell, makeRow, makeTable, setRows, setText, show } from "../dom";
import { isManyDays, nameOf, type Course, type Slot } from "../figures";
import { count, counted, fullMoney, roughMoney } from "../format";
import type { Draw, Page } from "../page";
import { Cursor } from "../cursor";
import { Plot, type Labels } from "../plot";
import { savePng } from "../png";
import { dateOf, DAY_MS, type ShopTime } from "../shop_time";
import type { ChartKind, View } from "../view";

const KINDS: readonly [ChartKind, string][] = [
    ["minutes", "60 minutes"],
    ["hours", "Today"],
    ["days", "30 days"],
];

const BUCKETS: Record<Course["bucket"], ChartKind> = { minute: "minutes", hour: "hours", day: "days" };

function labelsOf(course: Course, currency: string, time: ShopTime): Labels {
    const many = isManyDays(course);
    // As wide as a date is in the shop's language, with some air; of some of them, since each takes a while.
    const dates = course.bucket === "day" ? course.slots.filter((_, i) => i % 10 === 0) : [];
    const ofDay = Math.max(5, ...dates.map((slot) => 0.62 * nameOf(slot, "day", time).length + 1));
    return {
        y: (value) => roughMoney(value, currency),
        x: (slot, i, every) => {
            if (course.bucket === "hour") {
                const hour = time.hourOf(slot.at_ms);
                const by = [3, 6, 12, 24].find((n) => n * every > (n === 24 && many ? 5 : 3)) ?? 24;
                if (many) {
                    return hour === 0 ? time.ofShortDay(dateOf(Math.floor((slot.at_ms + DAY_MS / 2) / DAY_MS))) : undefined;
                }
                return hour % by === 0 ? time.ofHour(slot.at_ms) : undefined;
            }
            if (course.bucket === "minute") {
                const minute = Math.round(slot.at_ms / 60_000);
                const by = [5, 10, 15, 30].find((n) => n * every > 5) ?? 60;
                return minute % by === 0 ? time.ofMinute(slot.at_ms) : undefined;
            }
            const by = [1, 2, 5, 7, 10, 14, 30, 60, 90].find((n) => n * every > ofDay) ?? Math.ceil(ofDay / every);
            return (course.slots.length - 1 - i) % by === 0 ? nameOf(slot, "day", time) : undefined;
        },
    };
}

function wordsOf(course: Course, currency: string, time: ShopTime): string {
    const sold = course.slots.filter((slot) => !slot.future && slot.orders > 0);
    const best = sold.reduce<Slot | undefined>(
        (most, slot) => (most === undefined || roughly(slot.total) > roughly(most.total) ? slot : most),
        undefined,
    );
    return best === undefined
        ? "No orders here yet."
        : `${counted(sold.reduce((n, slot) => n + slot.orders, 0), "order", "orders")}; the best ${course.bucket} was ` +
              `${nameOf(best, course.bucket, time, isManyDays(course))} with ${fullMoney(best.total, currency)}.`;
}

type Kinds = { kind: ChartKind; button: HTMLButtonElement }[];

function makeKinds(tabs: HTMLElement, page: Page): Kinds {
    tabs.setAttribute("role", "group");
    tabs.setAttribute("aria-label", "Period of the chart");
    return KINDS.map(([kind, name]) => {
        const button = makeButton("quiet", name, () =>
            page.change({ chart: kind, period: "today", from: undefined, to: undefined }),
        );
        tabs.append(button);
        return { kind, button };
    });
}

const COLUMNS = ["When", "Orders", "Revenue", "Before"];

function makeScroll(body: HTMLElement): HTMLElement {
    const scroll = make("div", "chart scroll", makeTable("", COLUMNS, body));
    scroll.hidden = true;
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", "The chart as a table");
    return scroll;
}

function fillTable(body: HTMLElement, course: Course, currency: string, time: ShopTime): void {
    const many = isManyDays(course);
    setRows(
        body,
        course.slots.filter((slot) => !slot.future).reverse(),
        (slot) => String(slot.at_ms),
        () => makeRow(...COLUMNS.map((name, i) => makeCell("", i === 0 ? "" : name))),
        (row, slot) => {
            const before = slot.ghost === undefined ? "" : fullMoney(slot.ghost, currency);
            const texts = [nameOf(slot, course.bucket, time, many), count(slot.orders), fullMoney(slot.total, currency), before];
            texts.forEach((text, i) => setText(row.children[i]!, text));
        },
    );
}

/** What is drawn is marked: a product has days only, whatever was chosen. */
function markKind(kinds: Kinds, course: Course | undefined, view: View): void {
    const drawn = course === undefined ? view.chart : BUCKETS[course.bucket];
    for (const { kind, button } of kinds) {
        button.setAttribute("aria-pressed", String(view.period === "today" && drawn === kind));
    }
}

export function time(section: HTMLElement, page: Page): Draw {
    const [title, note, tabs] = [make("span", ""), make("small", ""), make("div", "tabs")];
    const kinds = makeKinds(tabs, page);
    const asTable = makeButton("quiet", "Table", () => {
        asTable.setAttribute("aria-pressed", String(asTable.getAttribute("aria-pressed") !== "true"));
        page.redraw();
    });
    asTable.setAttribute("aria-pressed", "false");
    const csv = make("a", "quiet", "CSV");
    csv.setAttribute("download", "salestide.csv");
    const png = makeButton("quiet", "PNG", () => savePng(plot.svg, "salestide.png"));
    const box = make("div", "chart");
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", "Chart; the arrow keys walk through it, with Shift they mark a range, Enter chooses it");
    const plot = new Plot(box);
    const cursor = new Cursor(box, plot, page);
    const [body, words] = [make("tbody", ""), make("p", "unseen")];
    words.id = "chart-text";
    plot.svg.setAttribute("aria-labelledby", "chart-text");
    const scroll = makeScroll(body);
    const tools = make("div", "tools", tabs, make("div", "tabs", asTable, csv, png));
    section.append(make("div", "head", make("h2", "", title, " ", note), tools), box, scroll, words);
    new ResizeObserver(() => page.redraw()).observe(box);

    return ({ course, currency }) => {
        const isTable = asTable.getAttribute("aria-pressed") === "true";
        markKind(kinds, course, page.view);
        show(scroll, isTable);
        show(box, !isTable);
        if (course === undefined) {
            return;
        }
        setText(title, course.title);
        setText(note, course.note());
        setText(words, wordsOf(course, currency, page.time));
        csv.setAttribute("href", csvOfCourse("", course, page.view, currency));
        if (isTable) {
            fillTable(body, course, currency, page.time);
        } else {
            plot.draw(course, labelsOf(course, currency, page.time));
            cursor.over(course, currency);
            const inset = plot.inset();
            if (inset !== undefined) { // what stands below has its hours below these
                section.parentElement?.style.setProperty("--plot-left", `${inset.left}px`);
                section.parentElement?.style.setProperty("--plot-right", `${inset.right}px`);
            }
        }
    };
}
