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

const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
const OF_INSTANTS = {
    minute: CLOCK,
    second: { ...CLOCK, second: "2-digit" },
    hour: { hour: "2-digit", hourCycle: "h23" },
    full: { ...CLOCK, day: "numeric", month: "short" },
    parts: { ...CLOCK, second: "2-digit", year: "numeric", month: "2-digit", day: "2-digit" },
} as const;
const OF_DATES = {
    day: { weekday: "long", day: "numeric", month: "long" },
    weekday: { weekday: "long" },
    shortDay: { day: "numeric", month: "short" },
    dated: { day: "numeric", month: "short", year: "numeric" },
} as const;

export class ShopTime {
    /** Made when they are needed: each takes a while. */
    private readonly formats = new Map<string, Intl.DateTimeFormat>();

    constructor(
        readonly zone: string,
        /** undefined: the browser's own */
        readonly locale?: string,
    ) {}

    private format(name: keyof typeof OF_INSTANTS | keyof typeof OF_DATES): Intl.DateTimeFormat {
        let format = this.formats.get(name);
        if (format === undefined) {
            const [zone, options] = name in OF_DATES
                ? ["UTC", OF_DATES[name as keyof typeof OF_DATES]] as const
                : [this.zone, OF_INSTANTS[name as keyof typeof OF_INSTANTS]] as const;
            // What is reckoned with is of digits that Number() reads.
            format = dateFormat(name === "parts" ? "en-US" : this.locale, zone, options);
            this.formats.set(name, format);
        }
        return format;
    }

    /** "New York" of "America/New_York"; "UTC−4" of "Etc/GMT+4", whose name counts the other way round */
    get place(): string {
        const [, west, hours] = /^Etc\/GMT([+-])(\d+)$/.exec(this.zone) ?? [];
        if (hours !== undefined && hours !== "0") {
            return `UTC${west === "+" ? "−" : "+"}${hours}`;
        }
        return (this.zone.split("/").pop() ?? this.zone).replace(/_/g, " ");
    }

    ofSecond(ms: number): string {
        return this.format("second").format(ms);
    }

    ofMinute(ms: number): string {
        return this.format("minute").format(ms);
    }

    /** "09", and nothing beside it, as some languages have ("09 Uhr") */
    ofHour(ms: number): string {
        return this.format("hour").formatToParts(ms).find(({ type }) => type === "hour")?.value ?? "";
    }

    /** 0 to 23 */
    hourOf(ms: number): number {
        return Math.floor(this.minuteOf(ms) / 60);
    }

    /** of the day's clock */
    minuteOf(ms: number): number {
        const { hour = 0, minute = 0 } = this.partsOf(ms);
        return 60 * hour + minute;
    }

    dayAndMinute(ms: number): string {
        return this.format("full").format(ms);
    }

    ofDay(date: string): string {
        return this.format("day").format(dayNumber(date) * DAY_MS);
    }

    ofWeekday(date: string): string {
        return this.format("weekday").format(dayNumber(date) * DAY_MS);
    }

    ofShortDay(date: string): string {
        return this.format("shortDay").format(dayNumber(date) * DAY_MS);
    }

    /** With its year, where the day alone could be of several. */
    ofDatedDay(date: string): string {
        return this.format("dated").format(dayNumber(date) * DAY_MS);
    }

    /** The first instant of a date. Twice, since the offset of the guess may be that of the other side of a clock change. */
    startOfDay(date: string): number {
        const wanted = dayNumber(date) * DAY_MS;
        const guess = wanted - this.offset(wanted);
        return wanted - this.offset(guess);
    }

    private partsOf(ms: number): Record<string, number> {
        return Object.fromEntries(this.format("parts").formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
    }

    /** What the clocks here are ahead of UTC. */
    private offset(ms: number): number {
        const at = this.partsOf(ms);
        const shown = Date.UTC(at["year"]!, at["month"]! - 1, at["day"]!, at["hour"]!, at["minute"]!, at["second"]!);
        return shown - Math.floor(ms / 1000) * 1000;
    }
}

// A browser that does not know the zone shows UTC.
function dateFormat(locale: string | undefined, zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
    try {
        return new Intl.DateTimeFormat(locale, { ...options, timeZone: zone });
    } catch {
        return new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" });
    }
}
