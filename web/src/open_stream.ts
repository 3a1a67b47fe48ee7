// SPDX-License-Identifier: MIT
// One connection to /v1/stream; what comes before anybody listens is kept.

export interface OpenStream {
    source: EventSource;
    /** events that nobody has heard yet, oldest first */
    kept: MessageEvent<string>[];
    hear(event: MessageEvent<string>): void;
}

declare global {
    interface Window {
        /** the one of early.ts, until main.ts has taken it */
        salestideStream?: OpenStream | undefined;
    }
}

export const STREAM_URL = "v1/stream";

export function openStream(): OpenStream {
    const kept: MessageEvent<string>[] = [];
    const opened: OpenStream = { source: new EventSource(STREAM_URL), kept, hear: (event) => void kept.push(event) };
    for (const type of ["snapshot", "change"]) {
        opened.source.addEventListener(type, (event) => opened.hear(event as MessageEvent<string>));
    }
    return opened;
}
