// SPDX-License-Identifier: MIT
// A rule of alerts between its words, as they stand in the file, and the fields of a form. What a rule may say is
// known to the server alone (docs/dashboard.md); here words are only put into fields and back.

export interface AlertRule {
    what: What;
    direction: "over" | "under";
    limit: string;
    window: string;
    for: string;
    clear: string;
    clear_for: string;
}
export type What = "orders" | "refunds" | "rejected" | "silence" | "lag";

export interface Kind {
    /** the first of its words */
    word: string;
    /** what it is called in the form */
    label: string;
    /** what stands behind the limit */
    unit: string;
    may_be_under: boolean;
    /** what holds where nothing is said; undefined: there is no such field */
    window: string | undefined;
    for: string | undefined;
    /** for a new rule */
    example: Partial<AlertRule>;
}

export const KINDS: Record<What, Kind> = {
    orders: {
        word: "orders", label: "Orders beside the usual", unit: "% of usual", may_be_under: true, window: "15m", for: "5m",
        example: { direction: "under", limit: "50", clear: "70" },
    },
    silence: { word: "no", label: "No orders for", unit: "", may_be_under: false, window: undefined, for: undefined, example: { limit: "30m" } },
    refunds: { word: "refunds", label: "Refunded share", unit: "% of sales", may_be_under: false, window: "1h", for: "5m", example: { limit: "10" } },
    rejected: { word: "rejected", label: "Rejected share", unit: "% of events", may_be_under: false, window: "10m", for: "1m", example: { limit: "5" } },
    lag: { word: "lag", label: "Messages behind", unit: "messages", may_be_under: false, window: undefined, for: "1m", example: { limit: "100000" } },
};
export const WHATS = Object.keys(KINDS) as What[];

export function exampleOf(what: What): AlertRule {
    return { what, direction: "over", limit: "", window: "", for: "", clear: "", clear_for: "", ...KINDS[what].example };
}

/** undefined: it is no rule that the form can show */
export function ruleOf(text: string): AlertRule | undefined {
    const words = text.split(/[\s,]+/).filter((word) => word !== "");
    const take = (word: string): boolean => words[0] === word && words.shift() !== undefined;
    const next = (): string => (words.shift() ?? "").replace(/%$/, "");
    const what = WHATS.find((each) => take(KINDS[each].word));
    if (what === undefined) {
        return undefined;
    }
    const rule: AlertRule = { ...exampleOf(what), limit: "", clear: "" };
    if (what === "silence") {
        take("orders");
        take("for");
        rule.limit = next();
    } else {
        rule.direction = take("under") ? "under" : "over";
        take("over");
        rule.limit = next();
        take("of");
        take("usual");
        rule.window = take("in") ? next() : "";
        rule.for = take("for") ? next() : "";
    }
    if (take("clear")) {
        rule.clear = take("over") || take("under") ? next() : "";
        rule.clear_for = take("for") ? next() : "";
    }
    return words.length === 0 ? rule : undefined;
}

/** "orders under 50% of usual in 15m for 5m, clear over 70%" */
export function wordsOf(rule: AlertRule): string {
    const kind = KINDS[rule.what];
    // A word each, and no comment: the server says what is wrong with it.
    const word = (value: string): string => value.replace(/[\s,#=]+/g, "");
    const share = (value: string): string => word(value) + (kind.unit.startsWith("%") && /\d$/.test(word(value)) ? "%" : "");
    const optional = (before: string, value: string): string => (word(value) === "" ? "" : ` ${before} ${value}`);
    const direction = kind.may_be_under ? rule.direction : "over";
    const clears = `${optional(direction === "under" ? "over" : "under", share(rule.clear))}${optional("for", word(rule.clear_for))}`;
    const fires =
        rule.what === "silence"
            ? `no orders for ${word(rule.limit)}`
            : `${kind.word} ${direction} ${share(rule.limit)}${rule.what === "orders" ? " of usual" : ""}` +
              `${optional("in", word(rule.window))}${optional("for", word(rule.for))}`;
    return clears === "" ? fires : `${fires}, clear${clears}`;
}

/** The lines of a file of rules, with what is said about them behind a #. */
export class RuleLines {
    private readonly lines: string[];

    constructor(text: string) {
        this.lines = text.split("\n");
    }

    rules(): { name: string; rule: string }[] {
        return this.lines.flatMap((line) => {
            const [words] = RuleLines.parts(line);
            const equals = words.indexOf("=");
            const name = (equals < 0 ? words : words.slice(0, equals)).trim();
            return name === "" ? [] : [{ name, rule: equals < 0 ? "" : words.slice(equals + 1).trim() }];
        });
    }

    /** Puts a rule in the place of the one of a name, or behind all; none: takes that one out. */
    with(name: string | undefined, rule: { name: string; rule: string } | undefined): string {
        const lines = [...this.lines];
        const at = name === undefined ? -1 : lines.findIndex((line) => RuleLines.parts(line)[0].split("=")[0]!.trim() === name);
        const line = rule === undefined ? undefined : `${rule.name} = ${rule.rule}`;
        if (at >= 0) {
            const comment = RuleLines.parts(lines[at]!)[1];
            lines.splice(at, 1, ...(line === undefined ? [] : [`${line}${comment === "" ? "" : ` ${comment}`}`]));
        } else if (line !== undefined) {
            lines.splice(lines[lines.length - 1] === "" ? lines.length - 1 : lines.length, 0, line);
        }
        const text = lines.join("\n");
        return text === "" || text.endsWith("\n") ? text : `${text}\n`;
    }

    private static parts(line: string): [words: string, comment: string] {
        const at = line.indexOf("#");
        return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at).trimEnd()];
    }
}
