// SPDX-License-Identifier: MIT
// Numbers, money and time for people, in the browser's language and the shop's time zone. Money stays
// text until Intl.NumberFormat, which takes decimal texts digit for digit.
import type { Amount } from "./types";

const formats = new Map<string, Intl.NumberFormat>();

function currencyFormat(currency: string, compact: boolean): Intl.NumberFormat {
    const key = currency + (compact ? "~" : "");
    let format = formats.get(key);
    if (format === undefined) {
        format = new Intl.NumberFormat(undefined, {
            style: "currency",
            currency,
            ...(compact ? { notation: "compact", maximumFractionDigits: 1 } : {}),
        });
        formats.set(key, format);
    }
    return format;
}

export function money(amount: Amount, currency: string): string {
    return currencyFormat(currency, false).format(amount as Intl.StringNumericLiteral);
}

/** For axes only: "$1.2K", "$3", "$0.30". */
export function roughMoney(amount: number, currency: string): string {
    return currencyFormat(currency, Number.isInteger(amount) || amount >= 1000).format(amount);
}

/** The amount as stored, without zeros that say nothing: "12.345 USD". */
export function exactMoney(amount: Amount, currency: string): string {
    return `${amount.replace(/(\.\d\d+?)0+$/, "$1")} ${currency}`;
}

/** For the length of a bar, never for a figure. */
export function roughly(amount: Amount): number {
    return Number(amount);
}

const whole = new Intl.NumberFormat();
export function count(n: number): string {
    return whole.format(n);
}

export function counted(n: number, one: string, many: string): string {
    return `${count(n)} ${n === 1 ? one : many}`;
}

const oneDecimal = new Intl.NumberFormat(undefined, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
export function rate(perSecond: number): string {
    return perSecond >= 1000 ? whole.format(Math.round(perSecond)) : oneDecimal.format(perSecond);
}

export function ago(ms: number): string {
    const s = Math.max(0, Math.round(ms / 1000));
    if (s < 2) {
        return "just now";
    }
    if (s < 120) {
        return `${s} s ago`;
    }
    if (s < 7200) {
        return `${Math.round(s / 60)} min ago`;
    }
    return s < 172800 ? `${Math.round(s / 3600)} h ago` : `${count(Math.round(s / 86400))} days ago`;
}

/** Times as the shop's clocks show them. */
export class ShopTime {
    private readonly clock: Intl.DateTimeFormat;
    private readonly minute: Intl.DateTimeFormat;
    private readonly day: Intl.DateTimeFormat;
    private readonly dayAndClock: Intl.DateTimeFormat;

    constructor(readonly zone: string) {
        this.clock = dateFormat(zone, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
        this.minute = dateFormat(zone, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
        this.day = dateFormat("UTC", { weekday: "long", day: "numeric", month: "long", year: "numeric" });
        this.dayAndClock = dateFormat(zone, {
            year: "numeric",
            month: "2-digit",
            day: "2-digit",
            hour: "2-digit",
            minute: "2-digit",
            hourCycle: "h23",
        });
    }

    ofMinute(minute: number): string {
        return this.minute.format(minute * 60_000);
    }

    /** With its date when it is not of today. */
    ofOrder(ms: number, today: { start_ms: number; end_ms: number } | undefined): string {
        const isToday = today !== undefined && ms >= today.start_ms && ms < today.end_ms;
        return (isToday ? this.clock : this.dayAndClock).format(ms);
    }

    /** `date` is YYYY-MM-DD, already the shop's. */
    ofDay(date: string): string {
        return this.day.format(Date.parse(`${date}T00:00:00Z`));
    }
}

// A browser that does not know the zone shows UTC, and says so in the label.
function dateFormat(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
    try {
        return new Intl.DateTimeFormat(undefined, { ...options, timeZone: zone });
    } catch {
        return new Intl.DateTimeFormat(undefined, { ...options, timeZone: "UTC", timeZoneName: "short" });
    }
}
