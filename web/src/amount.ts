// SPDX-License-Identifier: MIT
// Exact sums of amounts. An amount is a decimal text with four digits after the point; it is added as a
// whole number of ten-thousandths, which has no limit and no rounding.
import type { Amount } from "./types";

export function toE4(amount: Amount): bigint {
    return BigInt(amount.replace(".", ""));
}

export function fromE4(e4: bigint): Amount {
    const digits = (e4 < 0n ? -e4 : e4).toString().padStart(5, "0");
    return `${e4 < 0n ? "-" : ""}${digits.slice(0, -4)}.${digits.slice(-4)}`;
}

export function add(a: Amount, b: Amount): Amount {
    return fromE4(toE4(a) + toE4(b));
}

/** Rounded half to even at four decimals, as the server does it; null: there is nothing to share among. */
export function average(total: Amount, n: number): Amount | null {
    if (n <= 0) {
        return null;
    }
    const [sum, parts] = [toE4(total), BigInt(n)];
    let quotient = sum / parts;
    let rest = sum % parts;
    if (rest < 0n) {
        quotient -= 1n;
        rest += parts;
    }
    const twice = 2n * rest;
    return fromE4(twice > parts || (twice === parts && quotient % 2n !== 0n) ? quotient + 1n : quotient);
}

/** For the length of a bar or a share, never for a figure. */
export function roughly(amount: Amount): number {
    return Number(amount);
}
