// SPDX-License-Identifier: MIT
// What a panel is and what it may ask of the page around it.
import type { Figures } from "./figures";
import type { ShopTime } from "./shop_time";
import type { State } from "./state";
import type { View } from "./view";

export interface Page {
    view: View;
    time: ShopTime;
    /** the server's clock */
    now_ms(): number;
    /** narrows the page; a step for the back button */
    change(change: Partial<View>): void;
    openOrder(id: string): void;
    openRejected(): void;
    openAlertRules(): void;
    /** asks for a drawing soon */
    redraw(): void;
}

export type Draw = (figures: Figures, state: State) => void;

export interface Panel {
    /** its data-panel, and its place in the style sheet */
    name: string;
    row: "figures" | "over" | "detail" | "foot";
    /** makes what stays and gives what draws */
    create(section: HTMLElement, page: Page): Draw;
    /** drawn each second, since it says how long ago something was */
    ticks?: boolean;
}
