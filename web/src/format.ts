// SPDX-License-Identifier: MIT
// Numbers, money and time for people, as the shop writes them (its locale; without one as the browser does). Money
// stays text until Intl.NumberFormat, which takes decimal texts digit for digit.
import type { Amount } from "./types";

const formats = new Map<string, Intl.NumberFormat>();
let locale: string | undefined;

/** From now on; one that the browser does not know leaves it at its own. Gives the one in force. */
export function writeAs(tag: string | null): string | undefined {
    try {
        locale = Intl.getCanonicalLocales(tag ?? [])[0];
    } catch {
        locale = undefined;
    }
    formats.clear();
    return locale;
}

function numbers(options: Intl.NumberFormatOptions): Intl.NumberFormat {
    const key = JSON.stringify(options);
    let format = formats.get(key);
    if (format === undefined) {
        format = new Intl.NumberFormat(locale, options);
        formats.set(key, format);
    }
    return format;
}

export function money(amount: Amount, currency: string): string {
    return numbers({ style: "currency", currency }).format(amount as Intl.StringNumericLiteral);
}

/** The same to the last digit: "$12.345". */
export function fullMoney(amount: Amount, currency: string): string {
    return numbers({ style: "currency", currency, maximumFractionDigits: 4 }).format(amount as Intl.StringNumericLiteral);
}

/** "$1.98M": where the whole amount has no room. */
export function compactMoney(amount: Amount, currency: string): string {
    const format = numbers({ style: "currency", currency, notation: "compact", maximumFractionDigits: 2 });
    return format.format(amount as Intl.StringNumericLiteral);
}

/** In lists, where cents say nothing: "$120,521", but "$0.30". */
export function wholeMoney(amount: Amount, currency: string): string {
    const large = Math.abs(Number(amount)) >= 1000;
    return large
        ? numbers({ style: "currency", currency, maximumFractionDigits: 0, minimumFractionDigits: 0 }).format(
              amount as Intl.StringNumericLiteral,
          )
        : money(amount, currency);
}

/** For axes only: "$1.2K", "$3", "$0.30". */
export function roughMoney(amount: number, currency: string): string {
    const compact = Number.isInteger(amount) || Math.abs(amount) >= 1000;
    return numbers({
        style: "currency",
        currency,
        ...(compact ? { notation: "compact", minimumFractionDigits: 0, maximumFractionDigits: 1 } : {}),
    })
        .format(amount)
        .replace("-", "−");
}

/** The amount as stored, without zeros that say nothing: "12.345 USD". */
export function exactMoney(amount: Amount, currency: string): string {
    const format = numbers({ minimumFractionDigits: 2, maximumFractionDigits: 4, useGrouping: false });
    return `${format.format(amount as Intl.StringNumericLiteral)} ${currency}`;
}

export function count(n: number): string {
    return numbers({}).format(n);
}

export function compactCount(n: number): string {
    return numbers({ notation: "compact", maximumFractionDigits: 2 }).format(n);
}

export function oneDecimal(n: number): string {
    return numbers({ minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(n);
}

/** "34%": of a whole. */
export function percent(part: number): string {
    return numbers({ style: "percent", maximumFractionDigits: part > 0 && part < 0.01 ? 1 : 0 }).format(part);
}

export function counted(n: number, one: string, many: string): string {
    return `${count(n)} ${n === 1 ? one : many}`;
}

export function rate(perSecond: number): string {
    return perSecond >= 100 ? count(Math.round(perSecond)) : numbers({ maximumFractionDigits: 1 }).format(perSecond);
}

/** "+12.4%", "+140%"; from ten times on "×12". */
export function change(now: number, before: number): string | undefined {
    if (before === 0) {
        return undefined;
    }
    const ratio = (now - before) / Math.abs(before);
    if (ratio >= 9 && before > 0) {
        return `×${count(Math.round(now / before))}`;
    }
    // The sign of typography, which is as wide as the plus.
    const digits = Math.abs(ratio) < 0.9995 ? 1 : 0;
    const format = numbers({ style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay: "exceptZero" });
    return format.format(ratio).replace("-", "−");
}

/** "now", "4 s", "3 min": how long ago, in few signs. */
export function since(ms: number): string {
    const s = Math.max(0, Math.floor(ms / 1000));
    if (s < 1) {
        return "now";
    }
    if (s < 100) {
        return `${s} s`;
    }
    if (s < 6000) {
        return `${Math.floor(s / 60)} min`;
    }
    return s < 172800 ? `${Math.floor(s / 3600)} h` : `${count(Math.floor(s / 86400))} d`;
}

/** "4 ms", "1.3 s", "5 min" */
export function lasting(ms: number): string {
    if (ms < 1000) {
        return `${Math.round(ms)} ms`;
    }
    return ms < 60_000 ? `${oneDecimal(ms / 1000)} s` : since(ms);
}
