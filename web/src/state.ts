// SPDX-License-Identifier: MIT
// The page's copy of the figures. Sections of a message replace those before; minutes and newest
// orders are merged by their keys, so it does no harm to hear something twice.
import type { Message, MinuteRow, Order } from "./types";

export const MINUTES = 60;
const RECENT = 20;

export interface State extends Message {
    minutes: MinuteRow[];
    recent: Order[];
    /** the server's clock minus this machine's, in ms */
    clock_ahead_ms: number;
}

export function applySnapshot(message: Message): State {
    return merge({ minutes: [], recent: [] }, message);
}

export function applyChange(state: State, message: Message): State {
    return merge(state, message);
}

function merge(old: Pick<State, "minutes" | "recent"> & Partial<Message>, message: Message): State {
    const merged = { ...old, ...message };
    return {
        ...merged,
        minutes: mergeMinutes(old.minutes, message.minutes ?? [], merged.last_minute ?? 0),
        recent: mergeOrders(old.recent, message.recent ?? []),
        clock_ahead_ms: message.now_ms - Date.now(),
    };
}

/** Exactly the last 60 minutes, oldest first; those nobody spoke of are zero. */
function mergeMinutes(old: MinuteRow[], fresh: MinuteRow[], last: number): MinuteRow[] {
    const known = new Map<number, MinuteRow>();
    for (const row of [...old, ...fresh]) {
        known.set(row[0], row);
    }
    return Array.from({ length: MINUTES }, (_, i): MinuteRow => {
        const minute = last - MINUTES + 1 + i;
        return known.get(minute) ?? [minute, 0, "0.0000"];
    });
}

function mergeOrders(old: Order[], fresh: Order[]): Order[] {
    const known = new Map<number, Order>();
    for (const order of [...old, ...fresh]) {
        known.set(order.position, order);
    }
    return [...known.values()].sort((a, b) => b.position - a.position).slice(0, RECENT);
}
