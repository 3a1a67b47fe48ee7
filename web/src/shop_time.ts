// SPDX-License-Identifier: MIT
// Times as the shop's clocks show them, and dates as plain texts YYYY-MM-DD.

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** Days since 1970-01-01 of a date, and back. */
export function dayNumber(date: string): number {
    return Date.parse(`${date}T00:00:00Z`) / DAY_MS;
}

export function dateOf(day: number): string {
    return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

export function addDays(date: string, days: number): string {
    return dateOf(dayNumber(date) + days);
}

export class ShopTime {
    private readonly second: Intl.DateTimeFormat;
    private readonly minute: Intl.DateTimeFormat;
    private readonly hour: Intl.DateTimeFormat;
    private readonly full: Intl.DateTimeFormat;
    private readonly parts: Intl.DateTimeFormat;
    private readonly day = new Intl.DateTimeFormat(undefined, { timeZone: "UTC", weekday: "long", day: "numeric", month: "long" });
    private readonly weekday = new Intl.DateTimeFormat(undefined, { timeZone: "UTC", weekday: "long" });
    private readonly shortDay = new Intl.DateTimeFormat(undefined, { timeZone: "UTC", day: "numeric", month: "short" });

    constructor(readonly zone: string) {
        const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
        this.minute = dateFormat(zone, clock);
        this.second = dateFormat(zone, { ...clock, second: "2-digit" });
        this.hour = dateFormat(zone, { hour: "2-digit", hourCycle: "h23" });
        this.full = dateFormat(zone, { ...clock, day: "numeric", month: "short" });
        this.parts = dateFormat(zone, { ...clock, second: "2-digit", year: "numeric", month: "2-digit", day: "2-digit" });
    }

    /** "New York" of "America/New_York" */
    get place(): string {
        return (this.zone.split("/").pop() ?? this.zone).replace(/_/g, " ");
    }

    ofSecond(ms: number): string {
        return this.second.format(ms);
    }

    ofMinute(ms: number): string {
        return this.minute.format(ms);
    }

    ofHour(ms: number): string {
        return this.hour.format(ms);
    }

    dayAndMinute(ms: number): string {
        return this.full.format(ms);
    }

    ofDay(date: string): string {
        return this.day.format(dayNumber(date) * DAY_MS);
    }

    ofWeekday(date: string): string {
        return this.weekday.format(dayNumber(date) * DAY_MS);
    }

    ofShortDay(date: string): string {
        return this.shortDay.format(dayNumber(date) * DAY_MS);
    }

    /** The first instant of a date. Twice, since the offset of the guess may be that of the other side of a clock change. */
    startOfDay(date: string): number {
        const wanted = dayNumber(date) * DAY_MS;
        const guess = wanted - this.offset(wanted);
        return wanted - this.offset(guess);
    }

    /** What the clocks here are ahead of UTC. */
    private offset(ms: number): number {
        const at = Object.fromEntries(this.parts.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
        const shown = Date.UTC(at["year"]!, at["month"]! - 1, at["day"]!, at["hour"]!, at["minute"]!, at["second"]!);
        return shown - Math.floor(ms / 1000) * 1000;
    }
}

// A browser that does not know the zone shows UTC.
function dateFormat(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
    try {
        return new Intl.DateTimeFormat(undefined, { ...options, timeZone: zone });
    } catch {
        return new Intl.DateTimeFormat(undefined, { ...options, timeZone: "UTC" });
    }
}
