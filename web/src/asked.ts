// SPDX-License-Identifier: MIT
// Asking again whenever the stream tells of news: one question at a time, a rest after each, a longer one after a
// failure. What was asked of an earlier view is thrown away.

const GAP_MS = 1_000;
const AGAIN_MS = 5_000;

/** Keeps one answer, made of one or more, up to date. */
export class Asked<Asking, Answer> {
    answer: Answer | undefined;
    problem: string | undefined;
    private shown = "";
    private wanted = "";
    private running = false;
    private timer: number | undefined;
    private restUntil = 0;
    private last: (() => Asking) | undefined;

    constructor(
        private readonly read: (asking: Asking) => Promise<Answer>,
        private readonly onNews: () => void,
    ) {}

    /** The view as its key, what its answer depends on besides, and how it is asked; news alone waits for its turn. */
    want(viewKey: string, news: string, asking: () => Asking): void {
        if (viewKey !== this.shown) {
            this.shown = viewKey;
            this.answer = undefined;
            this.problem = undefined;
            this.restUntil = 0;
        }
        const wanted = `${viewKey}#${news}`;
        this.last = asking;
        if (wanted !== this.wanted) {
            this.wanted = wanted;
            this.run();
        }
    }

    stop(): void {
        window.clearTimeout(this.timer);
        this.shown = this.wanted = "";
        this.answer = undefined;
        this.problem = undefined;
        this.last = undefined;
    }

    private run(): void {
        if (this.running || this.last === undefined) {
            return;
        }
        window.clearTimeout(this.timer);
        const rest_ms = this.restUntil - performance.now();
        if (rest_ms > 0) {
            this.timer = window.setTimeout(() => this.run(), rest_ms);
            return;
        }
        this.running = true;
        const [shown, wanted] = [this.shown, this.wanted];
        let wait_ms = GAP_MS;
        this.read(this.last())
            .then((answer) => {
                if (shown === this.shown) {
                    this.answer = answer;
                    this.problem = undefined;
                }
            })
            .catch((error: unknown) => {
                wait_ms = AGAIN_MS;
                if (shown === this.shown) {
                    this.problem = error instanceof Error ? error.message : String(error);
                }
            })
            .finally(() => {
                this.running = false;
                this.restUntil = shown === this.shown ? performance.now() + wait_ms : 0;
                this.onNews();
                if (wanted !== this.wanted || this.problem !== undefined) {
                    this.run();
                }
            });
    }
}
