# SPDX-License-Identifier: MIT
"""Instants: the accepted spellings of created_at, by Python's datetime and zoneinfo."""

import datetime
import re
import zoneinfo

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1)
FIRST_MS = 0
LAST_MS = int((datetime.datetime(2201, 1, 1) - EPOCH).total_seconds()) * 1000 - 1
SPELLING = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:([Tt ])([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?(?: ?(?:([Zz]|UTC|GMT)|([+-])([0-9]{2})(?::?([0-9]{2}))?))?)?"
)


class BadInstant(Exception):
    def __init__(self, *codes):
        super().__init__(*codes)
        self.codes = codes


def parse(text, zone):
    """UTC milliseconds since 1970 of a spelling; without an offset it is read in `zone`."""
    match = SPELLING.fullmatch(text)
    if match is None or not text.isascii():
        raise BadInstant("malformed")
    year, month, day, separator, hour, minute, second, fraction, z, sign, off_h, off_m = match.groups()
    if separator == "t" and not (z or sign):
        raise BadInstant("malformed")  # a small t is RFC 3339's alone, which has an offset
    seconds = int(second or 0)
    if seconds > 60:
        raise BadInstant("malformed", "out_of_range")
    leap = seconds == 60
    try:
        wall = datetime.datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), 0 if leap else seconds
        )
    except ValueError:  # no such date or time; also year 0000, which is out of range besides
        raise BadInstant("malformed", "out_of_range") from None
    if z:
        offset = datetime.timedelta(0)
    elif sign:
        off_m = off_m or "0"
        if int(off_h) > 23 or int(off_m) > 59:
            raise BadInstant("malformed", "out_of_range")
        offset = datetime.timedelta(hours=int(off_h), minutes=int(off_m))
        offset = -offset if sign == "-" else offset
    else:
        offset = wall.replace(tzinfo=zone, fold=0).utcoffset()
    since = wall - EPOCH - offset
    utc_ms = since // datetime.timedelta(milliseconds=1)
    if leap:
        utc_ms += 60_000  # the next minute's start; a fraction of it is dropped
    elif fraction:
        utc_ms += int(fraction.ljust(9, "0")) // 1_000_000
    if not FIRST_MS <= utc_ms <= LAST_MS:
        raise BadInstant("out_of_range")
    return utc_ms


def show(utc_ms):
    at = EPOCH + datetime.timedelta(milliseconds=utc_ms)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{utc_ms % 1000:03d}Z"


def day_of(utc_ms, zone):
    """The shop's date of an instant, as days since 1970-01-01."""
    at = (EPOCH + datetime.timedelta(milliseconds=utc_ms)).replace(tzinfo=UTC).astimezone(zone)
    return (at.date() - EPOCH.date()).days


def date_text(day):
    return (EPOCH.date() + datetime.timedelta(days=day)).isoformat()


def zone(name):
    return zoneinfo.ZoneInfo(name)
