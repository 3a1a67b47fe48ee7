// SPDX-License-Identifier: MIT
// What pointer and keys do on the chart: say what a bucket was worth, and choose a range by dragging over it, or by
// Shift and the arrow keys and then Enter. A range is of whole buckets, the first and the last that were pointed at
// among them; it may be a single one.
import { roughly } from "./amount";
import { make, show } from "./dom";
import { isManyDays, nameOf, type Course, type Slot } from "./figures";
import { counted, fullMoney } from "./format";
import type { Page } from "./page";
import type { Plot } from "./plot";
import { addDays, dateOf, DAY_MS, type ShopTime } from "./shop_time";

const DRAG_PX = 5; // less is a click

function linesOf(slot: Slot, course: Course, currency: string, time: ShopTime): string[] {
    const lines = [nameOf(slot, course.bucket, time, isManyDays(course)) + (slot.open ? ", not over" : "")];
    if (!slot.future) {
        lines.push(`${fullMoney(slot.total, currency)} · ${counted(slot.orders, "order", "orders")}`);
    }
    if (slot.ghost !== undefined) {
        lines.push(`${course.ghost} ${fullMoney(slot.ghost, currency)}`);
    }
    if (slot.week !== undefined) {
        lines.push(`last week ${fullMoney(slot.week, currency)}`);
    }
    if (slot.low !== undefined && slot.high !== undefined) {
        lines.push(`usual ${fullMoney(slot.low, currency)} – ${fullMoney(slot.high, currency)}`);
    }
    return lines;
}

export class Cursor {
    private readonly tip = make("div", "tip");
    private course: Course | undefined;
    private currency = "";
    /** the bucket that is pointed at, and the one where dragging began */
    private at: number | undefined;
    private from: number | undefined;
    /** where the button went down, and whether the pointer has gone on from there */
    private downX: number | undefined;
    private dragged = false;

    constructor(
        private readonly box: HTMLElement,
        private readonly plot: Plot,
        private readonly page: Page,
    ) {
        this.tip.hidden = true;
        box.append(this.tip);
        box.addEventListener("pointerdown", (event) => this.begin(event));
        box.addEventListener("pointermove", (event) => this.move(event));
        box.addEventListener("pointerup", () => (this.dragged ? this.end() : this.letGo()));
        box.addEventListener("pointerleave", () => this.point(undefined));
        box.addEventListener("blur", () => this.forget());
        box.addEventListener("keydown", (event) => this.key(event));
    }

    /** What lies under it now. */
    over(course: Course, currency: string): void {
        this.course = course;
        this.currency = currency;
        if (this.at !== undefined) {
            this.point(this.at);
        }
    }

    private get isLine(): boolean {
        return this.course?.bucket === "hour";
    }

    private point(i: number | undefined): void {
        this.at = i;
        const slot = i === undefined ? undefined : this.course?.slots[i];
        const value = slot === undefined || slot.future ? 0 : roughly(slot.total);
        const place = this.plot.mark(slot === undefined ? undefined : i, this.isLine, value);
        show(this.tip, place !== undefined);
        if (slot === undefined || this.course === undefined || place === undefined) {
            return;
        }
        const lines = linesOf(slot, this.course, this.currency, this.page.time);
        this.tip.replaceChildren(...lines.map((line) => make("span", "", line)));
        const width = this.tip.offsetWidth;
        const left = place.x + 14 + width > this.box.clientWidth ? place.x - 14 - width : place.x + 14;
        this.tip.style.setProperty("left", `${Math.max(0, left)}px`);
    }

    // With a finger one scrolls.
    private begin(event: PointerEvent): void {
        if (event.pointerType === "mouse" && event.button === 0) {
            this.from = this.plot.slotAt(event.clientX, this.isLine);
            [this.downX, this.dragged] = [event.clientX, false];
            this.box.setPointerCapture(event.pointerId);
        }
    }

    private move(event: PointerEvent): void {
        this.point(this.plot.slotAt(event.clientX, this.isLine));
        this.dragged ||= this.downX !== undefined && Math.abs(event.clientX - this.downX) >= DRAG_PX;
        if (this.from !== undefined && this.at !== undefined && this.dragged) {
            this.plot.brush(this.from, this.at, this.isLine);
        }
    }

    private end(): void {
        const [a, b] = [this.from, this.at];
        this.letGo();
        if (a !== undefined && b !== undefined) {
            this.choose(Math.min(a, b), Math.max(a, b));
        }
    }

    private choose(a: number, b: number): void {
        const [first, last] = [this.course?.slots[a], this.course?.slots[b]];
        if (first === undefined || last === undefined) {
            return;
        }
        const day = this.course?.bucket === "day";
        this.page.change({
            period: "range",
            from: day ? dateOf(first.at_ms / DAY_MS) : new Date(first.at_ms).toISOString(),
            to: day ? addDays(dateOf(last.at_ms / DAY_MS), 1) : new Date(last.end_ms).toISOString(),
        });
    }

    private letGo(): void {
        this.from = this.downX = undefined;
        this.dragged = false;
        this.plot.brush(undefined, 0, this.isLine);
    }

    private forget(): void {
        this.letGo();
        this.point(undefined);
    }

    private key(event: KeyboardEvent): void {
        const slots = this.course?.slots ?? [];
        const last = slots.length - 1;
        const now = slots.findIndex((slot) => slot.open);
        const start = now < 0 ? last : now;
        const to = { ArrowLeft: (this.at ?? start + 1) - 1, ArrowRight: (this.at ?? -1) + 1, Home: 0, End: last }[event.key];
        if (to !== undefined) {
            event.preventDefault();
            const at = Math.max(0, Math.min(last, to));
            this.from = event.shiftKey ? (this.from ?? this.at ?? at) : undefined;
            this.plot.brush(this.from, at, this.isLine);
            this.point(at);
        } else if (event.key === "Enter") {
            this.end();
        } else if (event.key === "Escape") {
            this.forget();
        }
    }
}
