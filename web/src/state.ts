// SPDX-License-Identifier: MIT
// The page's copy of what the server said. A panel of a message replaces the one before; rows are merged by
// their keys, so it does no harm to hear something twice.
import { KEYED, MINUTES, NEWEST, type Change, type Message, type MinuteRow, type Order, type Rows } from "./types";

export interface State extends Message {
    minutes: MinuteRow[];
    recent: Order[];
    changes: Change[];
    /** the server's clock minus this machine's, in ms */
    clock_ahead_ms: number;
}

export function applySnapshot(message: Message): State {
    return merge({ minutes: [], recent: [], changes: [] }, message);
}

export function applyChange(state: State, message: Message): State {
    return merge(state, message);
}

type Lists = Pick<State, "minutes" | "recent" | "changes"> & { clock_ahead_ms?: number };

function merge(old: Lists & Partial<Message>, message: Message): State {
    const merged = { ...old, ...message };
    for (const [name, n] of Object.entries(KEYED) as [keyof typeof KEYED, number][]) {
        if (message[name] !== undefined) {
            Object.assign(merged, { [name]: mergeRows(old[name], message[name], n) });
        }
    }
    return {
        ...merged,
        minutes: mergeMinutes(old.minutes, message.minutes ?? [], merged.last_minute ?? 0),
        recent: mergeNewest(old.recent, message.recent ?? []),
        changes: mergeNewest(old.changes, message.changes ?? []),
        // A message that waited on its way makes the difference too small, never too large.
        clock_ahead_ms: Math.max(old.clock_ahead_ms ?? -Infinity, message.now_ms - Date.now()),
    };
}

function mergeRows(old: Rows<unknown[]> | undefined, fresh: Rows<unknown[]>, keys: number): Rows<unknown[]> {
    if (fresh.all || old === undefined) {
        return fresh;
    }
    const known = new Map<string, unknown[]>();
    for (const row of [...old.rows, ...fresh.rows]) {
        known.set(JSON.stringify(row.slice(0, keys)), row);
    }
    return { ...fresh, rows: [...known.values()] };
}

/** Exactly the last 60 minutes, oldest first; those nobody spoke of are zero. */
export function mergeMinutes(old: MinuteRow[], fresh: MinuteRow[], last: number): MinuteRow[] {
    const known = new Map<number, MinuteRow>();
    for (const row of [...old, ...fresh]) {
        known.set(row[0], row);
    }
    return Array.from({ length: MINUTES }, (_, i): MinuteRow => {
        const minute = last - MINUTES + 1 + i;
        return known.get(minute) ?? [minute, 0, "0.0000"];
    });
}

function mergeNewest<Row extends { position: number }>(old: Row[], fresh: Row[]): Row[] {
    const known = new Map<number, Row>();
    for (const row of [...old, ...fresh]) {
        known.set(row.position, row);
    }
    return [...known.values()].sort((a, b) => b.position - a.position).slice(0, NEWEST);
}
