// SPDX-License-Identifier: MIT
// Draws one course of buckets as SVG, in pixels of the box it stands in, so that texts keep their size. A line
// for hours, bars for minutes and days; the bucket that is not over is dotted or pale. Numbers are rough here:
// they decide heights, the tool tip shows the exact text.
import { roughly } from "./amount";
import { makeSvg } from "./dom";
import type { Course, Slot } from "./figures";

export interface Labels {
    y(value: number): string;
    /** undefined: this slot has no label */
    x(slot: Slot, index: number, every: number): string | undefined;
}

interface Frame {
    left: number;
    right: number;
    top: number;
    bottom: number;
    least: number;
    most: number;
    slots: number;
}

const TICKS = 3;
/** Bars thinner than this have no room for a dotted edge. */
const THIN = 0.4;

/** 1, 2, 4, 5 or 10 times a power of ten. */
function niceStep(rough: number): number {
    const power = 10 ** Math.floor(Math.log10(rough));
    return [1, 2, 4, 5, 10].map((n) => n * power).find((step) => step >= rough) ?? 10 * power;
}

export class Plot {
    readonly svg = makeSvg("svg", { class: "plot", role: "img" });
    private readonly body = makeSvg("g", {});
    private readonly marker = makeSvg("g", { class: "marker" });
    private readonly chosen = makeSvg("rect", { class: "brush", y: 0, width: 0, height: 0 });
    private frame: Frame | undefined;
    private em = 11;

    constructor(private readonly box: HTMLElement) {
        this.svg.append(this.chosen, this.body, this.marker);
        box.append(this.svg);
    }

    draw(course: Course, labels: Labels): void {
        const { clientWidth: width, clientHeight: height } = this.box;
        if (width === 0 || height === 0) {
            return;
        }
        const { slots } = course;
        const isLine = course.bucket === "hour";
        const values = slots.flatMap((slot) => [
            slot.future ? 0 : roughly(slot.total),
            ...(slot.ghost === undefined ? [] : [roughly(slot.ghost)]),
            ...(slot.week === undefined ? [] : [roughly(slot.week)]),
            roughly(slot.low ?? "0"),
            roughly(slot.high ?? "0"),
        ]);
        const em = parseFloat(getComputedStyle(this.svg).fontSize);
        this.em = em;
        const step = niceStep(Math.max((Math.max(0, ...values) - Math.min(0, ...values)) / TICKS, 0.01));
        const least = Math.floor(Math.min(0, ...values) / step) * step;
        const most = Math.max(Math.ceil(Math.max(0, ...values) / step), 1) * step;
        const ticks = Array.from({ length: Math.round((most - least) / step) + 1 }, (_, i) => least + i * step);
        const texts = ticks.map(labels.y);
        const left = Math.ceil(Math.max(...texts.map((text) => text.length)) * em * 0.62 + em);
        const frame = { left, right: width - em, top: em, bottom: height - 2.2 * em, least, most, slots: slots.length };
        this.frame = frame;
        this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
        const parts: SVGElement[] = ticks.map((tick, i) =>
            makeSvg("g", {}, makeSvg("line", { class: "grid", x1: left, x2: frame.right, y1: this.y(tick), y2: this.y(tick) }),
                makeSvg("text", { x: left - 0.7 * em, y: this.y(tick) + 0.35 * em, "text-anchor": "end" }, texts[i]!)),
        );
        const every = (frame.right - left) / Math.max(1, slots.length) / em;
        slots.forEach((slot, i) => {
            const text = labels.x(slot, i, every);
            if (text !== undefined) {
                // One at the edge stands against it, not over it.
                const isLast = this.x(i, isLine) + text.length * em * 0.31 > width;
                const [x, anchor] = isLast ? [width - 1, "end"] : [this.x(i, isLine), "middle"];
                parts.push(makeSvg("text", { x, y: height - 0.4 * em, "text-anchor": anchor }, text));
            }
        });
        parts.push(...(isLine ? this.line(slots) : this.bars(slots)));
        this.body.replaceChildren(...parts);
    }

    /** How far the slots are from the edges of the box, in pixels. */
    inset(): { left: number; right: number } | undefined {
        return this.frame && { left: this.frame.left, right: this.em };
    }

    /** The slot under a place of the window; undefined outside of the frame. */
    slotAt(clientX: number, isLine: boolean): number | undefined {
        const frame = this.frame;
        if (frame === undefined) {
            return undefined;
        }
        const x = clientX - this.svg.getBoundingClientRect().left;
        const step = this.step(isLine);
        const i = isLine ? Math.round((x - frame.left) / step) : Math.floor((x - frame.left) / step);
        return x < frame.left - step ? undefined : Math.max(0, Math.min(frame.slots - 1, i));
    }

    /** A thin line at a slot, and where on the box it is. */
    mark(i: number | undefined, isLine: boolean, value = 0): { x: number; y: number } | undefined {
        const frame = this.frame;
        if (i === undefined || frame === undefined) {
            this.marker.replaceChildren();
            return undefined;
        }
        const [x, y] = [this.x(i, isLine), this.y(value)];
        this.marker.replaceChildren(
            makeSvg("line", { x1: x, x2: x, y1: frame.top, y2: frame.bottom }),
            ...(isLine ? [makeSvg("circle", { cx: x, cy: y, r: 0.32 * this.em })] : []),
        );
        return { x, y };
    }

    /** From the beginning of one bucket to the end of another. A line's last point is at the edge, with no room for its bucket. */
    brush(from: number | undefined, to: number, isLine: boolean): void {
        const frame = this.frame;
        if (from === undefined || frame === undefined) {
            this.chosen.setAttribute("width", "0");
            return;
        }
        const [a, b] = [Math.min(from, to), Math.max(from, to)];
        const half = this.step(isLine) / 2;
        const [before, after] = isLine ? [0, 2 * half] : [half, half];
        const left = Math.min(this.x(a, isLine) - before, frame.right - half);
        const right = Math.min(this.x(b, isLine) + after, frame.right);
        for (const [name, value] of Object.entries({ x: left, width: right - left, y: frame.top, height: frame.bottom - frame.top })) {
            this.chosen.setAttribute(name, String(Math.max(0, value)));
        }
    }

    private step(isLine: boolean): number {
        const { left, right, slots } = this.frame!;
        return (right - left) / Math.max(1, isLine ? slots - 1 : slots);
    }

    private x(i: number, isLine: boolean): number {
        return this.frame!.left + (isLine ? i : i + 0.5) * this.step(isLine);
    }

    private y(value: number): number {
        const { top, bottom, least, most } = this.frame!;
        return bottom - ((bottom - top) * (value - least)) / (most - least);
    }

    private path(values: (number | undefined)[], name: string): SVGElement {
        const points = values.flatMap((value, i) =>
            value === undefined ? [] : [`${this.x(i, true).toFixed(1)},${this.y(value).toFixed(1)}`],
        );
        return makeSvg("path", { d: points.length > 0 ? `M${points.join("L")}` : "", class: name });
    }

    private line(slots: Slot[]): SVGElement[] {
        const parts: SVGElement[] = [];
        if (slots[0]?.high !== undefined) {
            const at = (value: number, i: number): string => `${this.x(i, true).toFixed(1)},${this.y(value).toFixed(1)}`;
            const over = slots.map((slot, i) => at(roughly(slot.high ?? "0"), i));
            const under = slots.map((slot, i) => at(roughly(slot.low ?? "0"), i)).reverse();
            parts.push(makeSvg("path", { d: `M${[...over, ...under].join("L")}Z`, class: "band" }));
        }
        const of = (amount: string | undefined): number | undefined => (amount === undefined ? undefined : roughly(amount));
        parts.push(this.path(slots.map((slot) => of(slot.week)), "week"), this.path(slots.map((slot) => of(slot.ghost)), "ghost"));
        const now = slots.findIndex((slot) => slot.open);
        const over = now < 0 ? slots.filter((slot) => !slot.future) : slots.slice(0, now);
        parts.push(this.path(over.map((slot) => roughly(slot.total)), "line"));
        if (now >= 0) {
            const last = slots.map((slot, i) => (i === now || i === now - 1 ? roughly(slot.total) : undefined));
            const [cx, cy] = [this.x(now, true), this.y(roughly(slots[now]!.total))];
            parts.push(this.path(last, "line open"), makeSvg("circle", { cx, cy, r: 0.36 * this.em, class: "dot" }));
        }
        return parts;
    }

    private bars(slots: Slot[]): SVGElement[] {
        const width = Math.max(1, this.step(false) * 0.74);
        const zero = this.y(0);
        const bars = slots.map((slot, i) => {
            const y = this.y(roughly(slot.total));
            const height = Math.max(slot.orders !== 0 ? 1 : 0, Math.abs(zero - y));
            const rounded = Math.min(2, width / 3, height);
            const at = { x: this.x(i, false) - width / 2, y: Math.min(y, zero), width, height, rx: rounded };
            return makeSvg("rect", { ...at, class: `bar${slot.open ? " open" : ""}${width < THIN * this.em ? " thin" : ""}` });
        });
        if (slots[0]?.ghost === undefined) {
            return bars;
        }
        const ghost = slots.map((slot, i) => `${this.x(i, false).toFixed(1)},${this.y(roughly(slot.ghost ?? "0")).toFixed(1)}`);
        const d = `M${ghost.join("L")}`;
        return [...bars, makeSvg("path", { d, class: "halo" }), makeSvg("path", { d, class: "ghost" })];
    }
}
