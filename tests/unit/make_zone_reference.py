#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes zone_reference.inc: what Python's zoneinfo says about clock changes, for test_zone.c.

    python3 tests/unit/make_zone_reference.py > tests/unit/zone_reference.inc

History (1970 to 2022) is asked of the system's time zone files. The future is not: laws change, and a
new tzdata must not break a test. So rules are asked as files made here, of one rule and nothing else;
test_zone.c makes the same files.
"""
import io
import struct
import zoneinfo
from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1)
EPOCH_UTC = datetime(1970, 1, 1, tzinfo=timezone.utc)

# Zone, and dates (UTC) on or shortly before which something happened to its clocks.
HISTORY = [
    ("America/New_York", ["1974-01-06", "1987-04-05", "2006-10-29", "2007-03-11", "2021-11-07"]),
    ("Asia/Kolkata", ["1999-01-01"]),
    ("Asia/Kathmandu", ["1985-12-31"]),  # +05:30 to +05:45
    ("Australia/Lord_Howe", ["1981-02-28", "2021-04-03", "2021-10-02"]),  # half an hour
    ("Africa/Casablanca", ["2018-10-28", "2019-05-05", "2019-06-09"]),  # negative summer time
    ("Africa/Monrovia", ["1972-01-07"]),  # +00:44:30, seconds in the offset
    ("America/Sao_Paulo", ["2018-02-17", "2018-11-04"]),  # at midnight
    ("America/Goose_Bay", ["2010-03-14", "2010-11-07"]),  # one minute past midnight
    ("America/Caracas", ["2007-12-09", "2016-05-01"]),
    ("Pacific/Apia", ["2011-09-24", "2011-12-30", "2012-03-31"]),  # a skipped day
    ("Pacific/Kwajalein", ["1993-08-21"]),  # likewise
    ("Europe/Dublin", ["1971-10-31", "2021-03-28", "2021-10-31"]),  # winter is the exception
    ("Europe/London", ["1971-10-31", "2021-03-28"]),
    ("Europe/Moscow", ["1991-03-30", "2011-03-26", "2014-10-25"]),
    ("Asia/Gaza", ["2021-03-26", "2021-10-28"]),
    ("Asia/Pyongyang", ["2015-08-14", "2018-05-04"]),
    ("Asia/Beirut", ["2022-03-26", "2022-10-29"]),  # at midnight
]
RULES = [
    "EST5EDT,M3.2.0,M11.1.0",
    "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",  # Lord Howe
    "IST-1GMT0,M10.5.0,M3.5.0/1",  # Dublin: "summer" time is winter's and behind
    "EET-2EEST,M3.4.4/50,M10.4.4/50",  # Gaza: two days after the fourth Thursday
    "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",  # Nuuk: the evening before
    "<-04>4<-03>,M9.1.6/24,M4.1.6/24",  # Santiago: at 24:00
    "XXX3EDT4,0/0,J365/23",  # summer time all the year
    "<+0545>-5:45",
    "AAA-12BBB,J60/0,J300/3",  # J60 is 1 March in every year
    "CCC3:15:30DDD,J58,J299/24:30:15",
    "MMM5NNN,M3.2.0/-0:30,M11.1.0",  # 23:30 to 00:30: midnight lies inside the gap
    "EEE-13FFF,J365/23,J1/20",  # across the turn of the year
]
RULE_YEARS = [2024, 2200]


def rule_file(rule):
    def block(version):
        header = struct.pack(">4sc15x6l", b"TZif", version, 0, 0, 0, 0, 1, 4)
        return header + struct.pack(">lBB4s", 0, 0, 0, b"XXX\0")

    return io.BytesIO(block(b"2") + block(b"2") + b"\n" + rule.encode() + b"\n")


def offset_s(zone, utc_s):
    return int((EPOCH_UTC + timedelta(seconds=utc_s)).astimezone(zone).utcoffset().total_seconds())


def utc_of_local_s(zone, local_s):
    local = (EPOCH + timedelta(seconds=local_s)).replace(tzinfo=zone)  # fold=0
    return local_s - int(local.utcoffset().total_seconds())


def changes(zone, from_s, to_s):
    """Instants of changed offsets, found by asking every quarter of an hour."""
    before = offset_s(zone, from_s)
    for at in range(from_s + 900, to_s + 1, 900):
        after = offset_s(zone, at)
        if after != before:
            low, high = at - 900, at
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset_s(zone, middle) == before else (low, middle)
            yield high, before, after
        before = after


def day_start_s(zone, day):
    """The first instant whose date is that day or, where it was skipped, a later one."""
    low, high = (day - 2) * 86400, (day + 2) * 86400
    for at in range(low, high, 900):  # the first quarter of an hour, then the second
        if (at + offset_s(zone, at)) // 86400 >= day:
            for second in range(at - 900, at + 1):
                if (second + offset_s(zone, second)) // 86400 >= day:
                    return second
    raise ValueError(day)


def rows_around(name, zone, at_s, before_s, after_s):
    yield "OFFSET", name, at_s - 1, before_s
    yield "OFFSET", name, at_s, after_s
    low, high = sorted((at_s + before_s, at_s + after_s))
    for local_s in (low - 1, low, (low + high) // 2, high - 1, high):
        yield "LOCAL", name, local_s, utc_of_local_s(zone, local_s)
    for day in sorted({low // 86400, (high - 1) // 86400, high // 86400}):
        yield "DAY_START", name, day, day_start_s(zone, day)


def seconds_of(date):
    return int((datetime.fromisoformat(date) - EPOCH).total_seconds())


def rows():
    for name, dates in HISTORY:
        zone = zoneinfo.ZoneInfo(name)
        for date in dates:
            at_s = seconds_of(date)
            yield "OFFSET", name, at_s, offset_s(zone, at_s)
            for change in changes(zone, at_s - 86400, at_s + 2 * 86400):
                yield from rows_around(name, zone, *change)
    for rule in RULES:
        zone = zoneinfo.ZoneInfo.from_file(rule_file(rule))
        for year in RULE_YEARS:
            from_s = seconds_of(f"{year}-01-01")
            to_s = min(seconds_of(f"{year}-12-31") + 86399, 7289654399)
            yield "OFFSET", rule, from_s, offset_s(zone, from_s)
            yield "OFFSET", rule, to_s, offset_s(zone, to_s)
            for change in changes(zone, from_s, to_s):
                yield from rows_around(rule, zone, *change)


def main():
    print("// SPDX-License-Identifier: MIT")
    print("// Written by make_zone_reference.py; change that instead.")
    print("// clang-format off")
    for kind, name, given, wanted in rows():
        print(f'{{{kind}, "{name}", {given}, {wanted}}},')


main()
