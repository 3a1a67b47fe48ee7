// SPDX-License-Identifier: MIT
// The connection to /v1/stream. The browser's EventSource connects again by itself and sends the last
// id; what it does not do is done here: try again after an answer it takes as final (the server was
// starting, a proxy said 502), tell when that answer was that a key is needed, and notice a line that is
// open but silent.
import { openStream, STREAM_URL, type OpenStream } from "./open_stream";
import type { Message } from "./types";

export type Connection = "connecting" | "live" | "reconnecting";

// The server says something at least every 15 seconds.
const SILENCE_MS = 40_000;
const AGAIN_MS = 2_000;

export interface Listener {
    snapshot(message: Message): void;
    change(message: Message): void;
    connection(state: Connection): void;
    /** a key is needed, and there is none that is good; nothing is tried until it is opened again */
    refused(): void;
}

/** Takes the connection that the page's first lines have opened. Gives what opens it again. */
export function listen(listener: Listener): () => void {
    let source: EventSource | undefined;
    let silence: number | undefined;
    let again: number | undefined;

    function heard(): void {
        window.clearTimeout(silence);
        silence = window.setTimeout(reopen, SILENCE_MS);
    }

    function reopen(): void {
        listener.connection("reconnecting");
        take(openStream());
    }

    // Of an answer EventSource does not tell which it was.
    async function tryAgain(closed: EventSource): Promise<void> {
        window.clearTimeout(silence);
        const status = await fetch(STREAM_URL, { method: "HEAD" }).then((response) => response.status, () => 0);
        if (source !== closed) {
            return; // opened again meanwhile
        }
        if (status === 401 || status === 403) {
            listener.refused();
        } else {
            again = window.setTimeout(() => take(openStream()), AGAIN_MS);
        }
    }

    function hear(event: MessageEvent<string>): void {
        heard();
        const message = JSON.parse(event.data) as Message;
        if (event.type === "snapshot") {
            listener.snapshot(message);
        } else {
            listener.change(message);
        }
        listener.connection("live");
    }

    function failed(opened: EventSource): void {
        listener.connection("reconnecting");
        if (opened.readyState === EventSource.CLOSED) {
            window.clearTimeout(again);
            void tryAgain(opened);
        }
    }

    function take(opened: OpenStream): void {
        source?.close();
        window.clearTimeout(again);
        source = opened.source;
        heard();
        opened.hear = hear;
        opened.kept.splice(0).forEach(hear);
        opened.source.addEventListener("error", () => failed(opened.source));
        if (opened.source.readyState === EventSource.CLOSED) {
            failed(opened.source);
        }
    }

    take(window.salestideStream ?? openStream());
    window.salestideStream = undefined;
    // A page that comes back from the browser's cache or from sleep should not wait for a timer.
    window.addEventListener("pageshow", (event) => {
        if (event.persisted) {
            reopen();
        }
    });
    window.addEventListener("online", reopen);
    return reopen;
}
