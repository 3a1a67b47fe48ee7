// SPDX-License-Identifier: MIT
// Revenue per minute as bars. Drawn on a canvas; the same is said in words below it, and in a table on
// demand. Numbers are rough here: they decide heights of bars, the tool tip shows the exact text.
import { BarChart } from "echarts/charts";
import { GridComponent, TooltipComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { byId, make, setRows, setText } from "./dom";
import { count, counted, money, roughMoney, roughly, ShopTime } from "./format";
import type { State } from "./state";
import type { MinuteRow } from "./types";

echarts.use([BarChart, GridComponent, TooltipComponent, CanvasRenderer]);

export class MinuteChart {
    private readonly chart: echarts.ECharts;
    private readonly details = byId("chart-details") as HTMLDetailsElement;
    private rows: MinuteRow[] = [];
    private currency = "USD";
    private time = new ShopTime("UTC");

    constructor() {
        const element = byId("chart");
        this.chart = echarts.init(element, null, { renderer: "canvas" });
        new ResizeObserver(() => this.chart.resize()).observe(element);
        window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.style());
        this.details.addEventListener("toggle", () => this.fillTable());
        this.style();
    }

    update(state: State, time: ShopTime): void {
        this.rows = state.minutes;
        this.currency = state.shop?.currency ?? this.currency;
        this.time = time;
        this.fillBars();
        this.fillText(state);
        this.fillTable();
    }

    private style(): void {
        const css = getComputedStyle(document.documentElement);
        const color = (name: string): string => css.getPropertyValue(name).trim();
        const text = { color: color("--muted"), fontFamily: css.fontFamily, fontSize: 12 };
        this.chart.setOption({
            animation: false,
            grid: { left: 4, right: 4, top: 12, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
            xAxis: {
                type: "category",
                data: [],
                axisTick: { show: false },
                axisLine: { lineStyle: { color: color("--line") } },
                axisLabel: { ...text, interval: (index: number) => (this.rows[index]?.[0] ?? 1) % 10 === 0, hideOverlap: true },
            },
            yAxis: {
                type: "value",
                splitNumber: 4,
                splitLine: { lineStyle: { color: color("--line") } },
                axisLabel: { ...text, formatter: (value: number) => roughMoney(value, this.currency) },
            },
            tooltip: {
                trigger: "axis",
                renderMode: "richText", // on the canvas: no HTML, no style attributes
                confine: true,
                axisPointer: { type: "shadow", shadowStyle: { color: color("--hover") } },
                backgroundColor: color("--surface"),
                borderColor: color("--line"),
                textStyle: { ...text, color: color("--ink") },
                formatter: (params: unknown) => this.tip(params),
            },
            series: [
                {
                    type: "bar",
                    data: [],
                    barCategoryGap: "22%",
                    itemStyle: { color: color("--accent"), borderRadius: [2, 2, 0, 0] },
                },
            ],
        });
        this.fillBars();
    }

    /** The last minute is still running: its bar is paler. */
    private fillBars(): void {
        const last = this.rows.length - 1;
        this.chart.setOption({
            xAxis: { data: this.rows.map(([minute]) => this.time.ofMinute(minute)) },
            series: [
                {
                    data: this.rows.map(([, , total], i) => ({
                        value: roughly(total),
                        itemStyle: { opacity: i === last ? 0.55 : 1 },
                    })),
                },
            ],
        });
    }

    private tip(params: unknown): string {
        const index = (params as { dataIndex: number }[])[0]?.dataIndex ?? -1;
        const row = this.rows[index];
        if (row === undefined) {
            return "";
        }
        const [minute, orders, total] = row;
        return `${this.time.ofMinute(minute)}\n${money(total, this.currency)}\n${counted(orders, "order", "orders")}`;
    }

    private fillText(state: State): void {
        const best = this.rows.reduce<MinuteRow | undefined>(
            (most, row) => (row[1] > 0 && (most === undefined || roughly(row[2]) > roughly(most[2])) ? row : most),
            undefined,
        );
        const hour = state.last_hour;
        setText(
            byId("chart-text"),
            best === undefined || hour === undefined
                ? "No orders in the last 60 minutes."
                : `${money(hour.total, this.currency)} from ${counted(hour.orders, "order", "orders")}; ` +
                      `the best minute was ${this.time.ofMinute(best[0])} with ${money(best[2], this.currency)}.`,
        );
    }

    private fillTable(): void {
        if (!this.details.open) {
            return;
        }
        setRows(
            byId("chart-table"),
            [...this.rows].reverse(),
            ([minute]) => String(minute),
            () => make("tr", "", make("td", ""), make("td", "number"), make("td", "number")),
            (row, [minute, orders, total]) => {
                const texts = [this.time.ofMinute(minute), count(orders), money(total, this.currency)];
                texts.forEach((text, i) => setText(row.children[i]!, text));
            },
        );
    }
}
