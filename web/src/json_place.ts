// SPDX-License-Identifier: MIT
// Where a field stands in a JSON text, so that it can be marked: what was rejected is mostly no text that a parser
// would take, so it is walked through as far as it goes.

export type Place = [start: number, end: number];

const SPACE = /[\s]*/y;
const STRING = /"(?:[^"\\]|\\[^])*"?/y;
const BARE = /[^\s,:{}[\]"]+/y;

function after(pattern: RegExp, text: string, at: number): number {
    pattern.lastIndex = at;
    return pattern.test(text) ? pattern.lastIndex : at;
}

const skipSpace = (text: string, at: number): number => after(SPACE, text, at);

/** Behind the value that begins here; where it began when there is none. */
function skipValue(text: string, from: number): number {
    let depth = 0;
    let at = from;
    while (at < text.length) {
        const c = text[at]!;
        if (c === "{" || c === "[") {
            depth++;
            at++;
        } else if (c === "}" || c === "]") {
            depth--;
            at++;
        } else if (c === '"') {
            at = after(STRING, text, at);
        } else if (depth > 0 && /[\s,:]/.test(c)) {
            at++;
        } else {
            const end = after(BARE, text, at);
            if (end === at) {
                return at; // a comma, a colon: there is no value
            }
            at = end;
        }
        if (depth <= 0) {
            return at;
        }
    }
    return at;
}

/** "items[2].quantity" as ["items", 2, "quantity"] */
function pathOf(field: string): (string | number)[] {
    return field.split(".").flatMap((part) => {
        const [, name = part, indices = ""] = /^([^[]*)((?:\[\d+\])*)$/.exec(part) ?? [];
        return [...(name === "" ? [] : [name]), ...[...indices.matchAll(/\d+/g)].map(([n]) => Number(n))];
    });
}

function nameIn(quoted: string): string {
    try {
        return String(JSON.parse(quoted));
    } catch {
        return "";
    }
}

/** The value of a member, or of an element, of the object or array that begins at `at`; of a name that comes twice the last. */
function memberOf(text: string, from: number, step: string | number): Place | undefined {
    let at = skipSpace(text, from);
    const isObject = text[at] === "{";
    if (isObject !== (typeof step === "string") || (!isObject && text[at] !== "[")) {
        return undefined;
    }
    let found: Place | undefined;
    for (let n = 0; at < text.length; n++) {
        let key: string | number = n;
        at = skipSpace(text, at + 1);
        if (isObject) {
            const end = after(STRING, text, at);
            key = nameIn(text.slice(at, end));
            at = skipSpace(text, end);
            if (text[at] !== ":") {
                return found;
            }
            at = skipSpace(text, at + 1);
        }
        const end = skipValue(text, at);
        if (key === step) {
            found = [at, end];
        }
        at = skipSpace(text, end);
        if (text[at] !== ",") {
            return found;
        }
    }
    return found;
}

/** Of the field's value; undefined: it is not there, or cannot be found. */
export function placeOf(text: string, field: string | null): Place | undefined {
    const path = pathOf(field ?? "");
    let place: Place | undefined = path.length === 0 ? undefined : [0, text.length];
    for (const step of path) {
        place = place && memberOf(text, place[0], step);
    }
    return place !== undefined && place[1] > place[0] ? place : undefined;
}
