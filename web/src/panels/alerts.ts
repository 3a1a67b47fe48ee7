// SPDX-License-Identifier: MIT
// What fires, above the pipeline's row, and how many in the head; nothing while nothing does. Starts and ends are
// spoken, values that change meanwhile are not.
import { byId, make, setRows, setText, show } from "../dom";
import { counted } from "../format";
import type { Draw, Page } from "../page";
import { DAY_MS } from "../shop_time";
import type { Alert } from "../types";

function makeRow(): HTMLElement {
    return make("li", "", make("b", "down"), " ", make("span", ""), " ", make("span", "muted"));
}

function since(alert: Alert, page: Page): string {
    const at = alert.since_ms ?? page.now_ms();
    return page.now_ms() - at < DAY_MS ? page.time.ofMinute(at) : page.time.dayAndMinute(at);
}

export function alerts(section: HTMLElement, page: Page): Draw {
    const list = make("ul", "");
    const spoken = make("p", "unseen");
    list.setAttribute("aria-label", "Alerts that fire");
    spoken.id = "alerts-spoken";
    spoken.setAttribute("role", "status");
    spoken.setAttribute("aria-live", "polite");
    section.append(list, spoken);
    const badge = byId("alerts-badge");
    badge.addEventListener("click", () => section.scrollIntoView({ block: "center" }));
    let known = new Set<string>();
    return (_figures, state) => {
        const firing = (state.alerts?.rules ?? []).filter((alert) => alert.firing);
        setRows(list, firing, (alert) => alert.name, makeRow, (row, alert) => {
            const [name, value, rule] = row.children as unknown as [Element, Element, Element];
            setText(name, alert.name);
            setText(value, alert.value ?? "not known now");
            setText(rule, `since ${since(alert, page)} · ${alert.rule}`);
        });
        show(list, firing.length > 0);
        setText(badge, counted(firing.length, "alert", "alerts"));
        show(badge, firing.length > 0);
        const news = [
            ...firing.filter(({ name }) => !known.has(name)).map(({ name, value }) => `Alert ${name}: ${value ?? "fires"}.`),
            ...[...known].filter((name) => !firing.some((alert) => alert.name === name)).map((name) => `Alert ${name} is over.`),
        ];
        if (news.length > 0) {
            setText(spoken, news.join(" "));
            known = new Set(firing.map(({ name }) => name));
        }
    };
}
