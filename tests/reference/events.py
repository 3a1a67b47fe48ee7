# SPDX-License-Identifier: MIT
"""Makes up order events to compare the program and the reference on.

Everything follows from one seed and one instant, so a failure is made again from the two numbers
that are printed. Most events are good and plainly spelled; the rest are every oddity that the
contract names: retries, conflicts, changes to orders that are unknown or not there yet, odd
spellings of amounts, times and ids, and bad events of every kind and field.
"""

import csv
import datetime
import json
import random
import uuid

from . import instants, rules

MINUTE_MS = 60_000
DAY_MS = 86_400_000
# From the arrival: late, future, and the ends of minutes and hours that are kept.
BORDERS_MS = (-10 * MINUTE_MS, DAY_MS, -15 * DAY_MS, -400 * DAY_MS)
CURRENCIES = ["USD"] * 12 + ["EUR", "EUR", "GBP", "JPY", "BHD"]
SOURCES = ["GOOGLE", "TWITTER", "FACEBOOK", "AFFILIATE", "ORGANIC", "münchen-newsletter", "🛒 mobile app",
           'the "best" shop', "back\\slash", "日本語", "(unknown)", "a,b;c", "x" * 100, "é" * 100]  # fmt: skip
STATES = ["CA", "ca", "TX", "NY", "WA", "Île-de-France", "📍", "O'Brien County", "NE\u2028W", "ẞ"]
ODD_AMOUNTS = ["0", "-0", "0.0", "-0.0000", "0e99", "-0e-7", "1e2", "1E+2", "12.5e1", "100e-2", "1.005",
               "0.00005", "0.00015", "0.00025", "1.00005", "2.99995", "0.00004999999999999999999999",
               "0.0000500000000000000000001", "7e-5", "1e-400", "1e-99999999999999999999", "3.14159265358979",
               "00.5" [1:], "123456789.123456789", "0.1", "0.30000000000000004", "10.10",
               "9" * 8 + "." + "9" * 19, "1234567890123456789e-10", "0." + "0" * 300 + "1"]  # fmt: skip
HUGE_AMOUNTS = ["999999999999.9999", "999999999999.99985", "999999999999.99994999", "999999999999",
                "9.999999999999999e11", "1e11", "0.9999999999999999E12", "9999999999999999e-4"]  # fmt: skip
# Huge amounts in one currency, few enough that no sum can overflow: overflow has a test of its own.
HUGE_CURRENCY = "XTS"
HUGE_COUNT_MAX = 60

BAD_AMOUNTS = ["-1", "-0.00001", "1e12", "999999999999.99995", "1000000000000", "1e999999999999999999999",
               "-1e-99999999999999999999", "123456789012345678901234567890"]  # fmt: skip
NOT_AMOUNTS = ["", "  ", "abc", "NaN", "Infinity", "-Infinity", "0x10", "1,5", ".", "+", "++1", "1e",
               "1e+", "--1", "1 2", "$1", "1_000", "１２", "1.2.3", "-", "e5", "1e5.0", "null", "∞"]  # fmt: skip
WRONG_TYPES = ["true", "false", "[]", "{}", "[1]", '{"a":1}']
NOT_JSON = ["{", "}", "{]", '{"order_id":}', "{'order_id':1}", '{"order_id":1,}', "nul", "NaN", '{"a":NaN}',
            '{"a":Infinity}', '{"a":01}', '{"a":+1}', '{"a":1.}', '{"a":.5}', '{"a":0x1}', '{"a":"\\x41"}',
            '{"a":"\\u12"}', '{"a":"\t"}', '{"a":tru}', "{} {}", '{"a" 1}', '{"a":1 "b":2}', '"unfinished',
            '{"a":[1,]}', '{"a":[1 2]}', "{,}", "/*x*/{}", '{"a":1}//', "hello", "order_id,total", '{a:1}',
            '{"a":1}}', '[1', '{"a":"\\ud8"}', '{"a":--1}', '{"a":1e}']  # fmt: skip
NOT_OBJECTS = ["1", "null", "true", "[]", '"text"', "[{}]", "-0", "1e5", '"{}"', "[[1]]"]
BAD_TIMES = ["", "yesterday", "2024", "2024-01", "2024-1-1", "2024-13-01", "2024-00-10", "2024-02-30",
             "2023-02-29", "1900-02-29", "2100-02-29T00:00:00Z", "2024-01-32", "2024-01-00",
             "2024-01-01T24:00:00Z", "2024-01-01T23:60:00Z", "2024-01-01T23:59:61Z", "2024-01-01T00:0Z",
             "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00.1234567890Z", "2024-01-01T00:00:00+010",
             "2024-01-01T00:00:00+1", "2024-01-01T00:00:00+24:00", "2024-01-01T00:00:00+01:60",
             "2024-01-01T00:00:00  Z", "2024-01-01Z", "2024-01-01T", "2024/01/01", "01.02.2024",
             "2024-01-01T00:00:00,Z", "20240101T000000Z", "2024-W01-1", "2024-001", "1704067200",
             "2024-01-01T00:00:00CET", "２０２４-01-01", "2024-01-01T1:00:00Z", "+2024-01-01", "2024-01-01  10:00:00",
             "12024-01-01T00:00:00Z", "2024-01-01T00:00:00-", "2024-01-01T-1:00:00Z",
             "2024-01-01t00:00:00", "2024-01-01t00:00:00.5"]  # fmt: skip
FAR_TIMES = ["1969-12-31T23:59:59Z", "1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00+00:01",
             "2201-01-01T00:00:00Z", "2200-12-31T23:59:60Z", "2200-12-31T23:59:59-00:01", "9999-12-31T23:59:59Z",
             "0001-01-01", "0000-01-01T00:00:00Z", "1900-01-01", "1969-07-20"]  # fmt: skip
EDGE_TIMES = ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000001Z", "1969-12-31T23:59:00-00:01",
              "2200-12-31T23:59:59.999999999Z", "2200-12-31T23:59:59Z", "2201-01-01T00:00:00+00:01",
              "2000-02-29", "2024-02-29T23:59:60Z", "2016-12-31T23:59:60Z", "2016-12-31T23:59:60.999Z",
              "2015-06-30T18:59:60-05:00", "2024-12-31T23:59:59.9999Z", "2024-01-01t00:00:00z",
              "2024-01-01 00:00:00Z", "2024-01-01T00:00:00-00:00", "2024-01-01T00:00:00+23:59",
              "2024-01-01T00:00:00-23:59", "2024-06-15T12:00:00.1Z", "2024-06-15T12:00:00.12+02:00",
              "2024-06-15T12:00:00.123456Z", "2024-06-15 12:00:00.999999999", "1999-12-31T23:59:59",
              "2024-06-15 12:00", "2024-06-15T12:00Z", "2024-06-15 12:00:00 +0200", "2024-06-15 12:00:00.5+00",
              "2024-06-15 12:00:00 UTC", "2024-06-15T12:00:00,25-0330", "2038-01-19T03:14:08Z", "2100-07-01T12:00:00", "2199-01-01", "2024-02-29"]  # fmt: skip
SPACES = ["", "", "", " ", "\\t", "\\n ", "  ", "\\r\\n", "\\f", "\\u000b"]
ASCII = "".join(chr(c) for c in range(0x20, 0x7F))


def quote(text, rng=None):
    """A JSON string; with `rng` spelled in one of the many ways."""
    if rng is None or rng.random() < 0.9:
        return json.dumps(text, ensure_ascii=rng is not None and rng.random() < 0.5)
    out = []
    for c in text:
        roll = rng.random()
        if roll < 0.15:
            units = c.encode("utf-16-be")
            escape = "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
            out.append(escape.upper().replace("\\U", "\\u") if roll < 0.05 else escape)
        elif c == "/" and roll < 0.5:
            out.append("\\/")
        else:
            out.append(json.dumps(c, ensure_ascii=False)[1:-1])
    return '"' + "".join(out) + '"'


class Generator:
    """events() gives the NDJSON lines as bytes; read_customers-able rows come from customers()."""

    def __init__(self, seed, now_ms, timezone="America/New_York"):
        self.rng = random.Random(seed)
        self.now_ms = now_ms
        self.zone = instants.zone(timezone)
        self.walls = list(odd_walls(self.zone))
        self.next_id = 1000
        self.placed = []  # {field: raw JSON} of good placed events, in order
        self.changes = []  # likewise of cancellations and refunds
        self.later = []  # placed events whose cancellation or refund already went out
        self.n_huge = 0
        self.bad_turn = 0
        self.bad_kinds = list(self.every_bad())

    # --- customers

    def customers(self, path, n=3000):
        rng = self.rng
        with open(path, "w", newline="", encoding="utf-8") as file:
            out = csv.writer(file, quoting=csv.QUOTE_MINIMAL)
            out.writerow(["name", "state", "customer_id", "source"])
            for i in range(n):
                key = i if i % 5 else f"cust-{i}"
                state = rng.choice(["", "", *STATES]) if i % 7 else " TX "
                source = rng.choice(["", *SOURCES])
                out.writerow([rng.choice(["Ann", "line\nbreak", 'quo"te', "com,ma"]), state, key, source])
            out.writerow(["again", "ZZ", "7", "LAST-ROW-HOLDS"])

    # --- values, as raw JSON

    def new_order_id(self):
        rng, roll = self.rng, self.rng.random()
        self.next_id += 1
        n = self.next_id
        if roll < 0.55:
            return str(n) if rng.random() < 0.7 else quote(self.padded(str(n)), rng)
        if roll < 0.75:
            return quote(str(uuid.UUID(int=rng.getrandbits(128))), rng)
        if roll < 0.80:
            return quote(f"00{n}")
        if roll < 0.84:
            return quote((f"{n}-" + "".join(rng.choice(ASCII[1:]) for _ in range(64)))[:64], rng)
        if roll < 0.87:
            return quote(f'he said "{n}"', rng)
        if roll < 0.90:
            return quote(f"-{n}")
        if roll < 0.93:
            return quote(f"{n}.0")
        if roll < 0.96:
            return str(rules.INT_MAX - n)
        return quote(str(rules.INT_MAX + n))  # digits past int64 are a text

    def padded(self, text):
        return self.rng.choice(["", "", "", " ", "\t", "\n "]) + text + self.rng.choice(["", "", " ", "\r\n"])

    def amount(self, value_e4):
        """One of the spellings of an amount."""
        rng = self.rng
        plain = f"{value_e4 // 10_000}.{value_e4 % 10_000:04d}"
        roll = rng.random()
        if roll < 0.5:
            plain = plain.rstrip("0").rstrip(".")
        elif roll < 0.55:
            plain = f"{value_e4}e-4"
        elif roll < 0.6:
            plain = f"{value_e4 / 10:.1f}E-3"
        elif roll < 0.63:
            plain += "0" * rng.randrange(1, 40)
        return plain if rng.random() < 0.8 else quote(self.padded(plain))

    def some_amount(self):
        rng = self.rng
        if rng.random() < 0.06:
            odd = rng.choice(ODD_AMOUNTS)
            return odd if rng.random() < 0.5 else quote(odd)
        cents = int(rng.lognormvariate(8, 1.5)) % 10**8
        return self.amount(cents * 100 if rng.random() < 0.9 else cents * 100 + rng.randrange(100))

    def time(self):
        """created_at: mostly recent, some old, some edges; never near a border that moves with the arrival."""
        while True:
            made = self.any_time()
            at_ms = instants.parse(json.loads(made), self.zone)
            if min(abs(at_ms - self.now_ms - border_ms) for border_ms in BORDERS_MS) > 20 * MINUTE_MS:
                return made

    def any_time(self):
        rng, roll = self.rng, self.rng.random()
        if roll < 0.04:
            return quote(rng.choice(EDGE_TIMES))
        if roll < 0.10:
            return quote(rng.choice(self.walls) + rng.choice(["", ".5", ".999999999"]))
        if roll < 0.65:
            at = self.now_ms - rng.randrange(30 * MINUTE_MS, 14 * DAY_MS)
        elif roll < 0.68:
            at = self.now_ms + rng.randrange(30 * MINUTE_MS, 20 * 60 * MINUTE_MS)
        elif roll < 0.70:
            at = self.now_ms + rng.randrange(26 * 60 * MINUTE_MS, 900 * DAY_MS)
        elif roll < 0.90:
            at = self.now_ms - rng.randrange(16 * DAY_MS, 398 * DAY_MS)
        else:
            at = rng.randrange(0, self.now_ms - 402 * DAY_MS)
        return quote(self.spell_time(at))

    def spell_time(self, at_ms):
        rng, roll = self.rng, self.rng.random()
        separator = rng.choice("TTTT ")
        digits = rng.choice([0, 0, 0, 3, 3, *range(1, 10)])
        fraction = "." + f"{at_ms % 1000:03d}{rng.randrange(10**6):06d}"[:digits] if digits else ""
        if roll < 0.06:
            return wall_of(at_ms).strftime("%Y-%m-%d")
        if roll < 0.55:
            return wall_of(at_ms).strftime(f"%Y-%m-%d{rng.choice('TTt ')}%H:%M:%S") + fraction + rng.choice("ZZZz")
        if roll < 0.75:
            return wall_of(at_ms).strftime(f"%Y-%m-%d{separator}%H:%M:%S") + fraction
        minutes = rng.choice([0, 60, -300, 330, 345, -570, rng.randrange(-1439, 1440)])
        local = wall_of(at_ms + minutes * MINUTE_MS)
        if local.year < 1970:
            return wall_of(at_ms).strftime("%Y-%m-%dT%H:%M:%SZ")
        sign, off = ("-", -minutes) if minutes < 0 else (rng.choice("++-") if minutes == 0 else "+", minutes)
        return local.strftime(f"%Y-%m-%d{separator}%H:%M:%S") + f"{fraction}{sign}{off // 60:02d}:{off % 60:02d}"

    def customer(self):
        rng, i = self.rng, self.rng.randrange(3300)
        if i % 5 == 0:
            return quote(f"cust-{i}", rng)
        return str(i) if rng.random() < 0.6 else quote(self.padded(str(i)))

    def product(self):
        rng, roll = self.rng, self.rng.random()
        n = int(rng.paretovariate(0.7)) % 400
        if roll < 0.75:
            return str(n) if rng.random() < 0.8 else quote(self.padded(str(n)))
        if roll < 0.80:
            return quote(f"0{n % 20}")
        return quote(rng.choice(["SKU-1", "Tasse „blau“", "🧦", "a" * 100, "ü" * 100, "🧦" * 100, 'q"', "-5",
                                 "1.0", str(2**63), "\\", "/", "<script>"]), rng)  # fmt: skip

    def quantity(self):
        rng, roll = self.rng, self.rng.random()
        n = 0 if roll < 0.01 else 1_000_000 if roll < 0.012 else 1 + int(rng.expovariate(0.7))
        text = f"{n}.{'0' * rng.randrange(1, 4)}" if rng.random() < 0.05 else str(n)
        return text if rng.random() < 0.85 else quote(self.padded(text))

    def items(self):
        rng = self.rng
        zero = rng.random() < 0.02  # then every line is
        lines = []
        for _ in range(200 if rng.random() < 0.01 else rng.randrange(1, 7)):
            line = {"product_id": self.product(), "quantity": "0" if zero else str(rng.randrange(1, 9))}
            if rng.random() < 0.9:
                line["subtotal"] = self.some_amount()
            elif rng.random() < 0.3:
                line["subtotal"] = "null"
            if rng.random() < (0.1 if "subtotal" in line else 0.6):
                line["unit_price"] = "null" if rng.random() < 0.1 else self.some_amount()
            if rng.random() < 0.05:
                line["note"] = '{"gift":[true,null]}'
            lines.append(self.spell(line))
        return "[" + ",".join(lines) + "]"

    def unknown(self):
        rng = self.rng
        return rng.choice([
            '{"nested":{"deep":[[[[{"er":[1,2.5e300,"x"]}]]]]}}', '"\\u0000 is fine where nobody looks"',
            "[" * 25 + "]" * 25, "1e400", "-0", '""', "[]", "{}", '{"a":{"a":{"a":1}}}', '"\\ud83d\\ude00"',
            '[{"k":1},{"k":2}]', "123456789012345678901234567890", "null", "true", '"' + "y" * 2000 + '"',
            '{"":1}', '"}{][,:"',
        ])  # fmt: skip

    def spell(self, fields):
        """An object from {key: raw JSON}: members in any order, white space here and there."""
        rng = self.rng
        members = list(fields.items())
        gap = "" if rng.random() < 0.8 else rng.choice([" ", "  ", "\t"])
        if rng.random() < 0.3:
            rng.shuffle(members)
        return "{" + f",{gap}".join(f"{quote(k, rng)}:{gap}{v}{gap}" for k, v in members) + "}"

    # --- events, as {field: raw JSON}

    def good(self):
        rng = self.rng
        fields = {"order_id": self.new_order_id(), "created_at": self.time()}
        if rng.random() < 0.15:
            fields["event"] = quote(rng.choice(["placed", " placed "]), rng)
        if rng.random() < 0.04:  # a placed order is known by its order_id alone
            fields["event_id"] = quote(rng.choice(["e-1", " e-1 ", "7", "x" * 64]), rng)
        if rng.random() < 0.8:
            fields["customer_id"] = self.customer()
        elif rng.random() < 0.2:
            fields["customer_id"] = "null"
        if rng.random() < 0.2:
            fields["items"] = self.items()
        else:
            fields["product_id"], fields["quantity"] = self.product(), self.quantity()
            if rng.random() < 0.02:
                fields["items"] = "null"
        self.add_amounts(fields)
        if rng.random() < 0.4:
            fields["currency"] = quote(self.padded(rng.choice(CURRENCIES)))
        for name, values in (("source", SOURCES), ("state", STATES)):
            roll = rng.random()
            if roll < 0.2:
                fields[name] = quote(self.padded(rng.choice(values)), rng)
            elif roll < 0.24:
                fields[name] = rng.choice(["null", '""', '"  "'])
        if self.n_huge < HUGE_COUNT_MAX and rng.random() < 0.001:
            self.n_huge += 1
            huge = rng.choice(HUGE_AMOUNTS)
            fields.update(currency=quote(HUGE_CURRENCY), total=huge if rng.random() < 0.5 else quote(huge))
        if rng.random() < 0.1:
            fields[rng.choice(["note", "Total", "ORDER_ID", "meta", "", "order_id ", "ключ", "a" * 300])] = self.unknown()
        return fields

    def add_amounts(self, fields):
        rng = self.rng
        if rng.random() < 0.4:  # amounts that fit together, some off by up to two cents
            parts = {name: rng.randrange(10**6) for name in ("subtotal", "shipping", "tax")}
            parts["discount"] = rng.randrange(parts["subtotal"] + 1)
            total = parts["subtotal"] - parts["discount"] + parts["shipping"] + parts["tax"]
            if rng.random() < 0.05:  # a voucher worth more than the goods: the total is below zero
                parts["discount"] += total + rng.randrange(1, 10**5)
                total = parts["subtotal"] - parts["discount"] + parts["shipping"] + parts["tax"]
            total += rng.choice([0, 0, 0, 99, 100, 101, 200, -99, -100, -101])
            fields.update({name: self.amount(value) for name, value in parts.items()})
            fields["total"] = ("-" if total < 0 else "") + f"{abs(total) // 10_000}.{abs(total) % 10_000:04d}"
            if rng.random() < 0.3:
                fields["total"] = quote(fields["total"])
            return
        fields["total"] = self.some_amount()
        for name in ("subtotal", "discount", "shipping", "tax"):
            roll = rng.random()
            if roll < 0.6:
                fields[name] = self.some_amount()
            elif roll < 0.63:
                fields[name] = "null"

    def change(self, of):
        """A cancellation or refund of a placed event's fields."""
        rng = self.rng
        fields = dict(of)
        fields["created_at"] = self.time()
        fields["event"] = quote(rng.choice(["cancelled", "refunded", "refunded"]))
        fields.pop("event_id", None)
        if "refunded" in fields["event"] or rng.random() < 0.3:
            fields["event_id"] = quote(f"r-{rng.randrange(10**6)}")
        if rng.random() < 0.5:
            fields["total"] = self.some_amount()
        for name in ("source", "state", "customer_id"):
            if rng.random() < 0.5:
                fields.pop(name, None)
        if rng.random() < 0.3:
            fields["source"] = quote("not the order's")
        return fields

    def retry(self, of):
        """The same content, perhaps at another time, from another source, otherwise spelled."""
        rng = self.rng
        fields = dict(of)
        if rng.random() < 0.5:
            fields["created_at"] = self.time()
        if rng.random() < 0.3:
            fields["source"] = quote("another")
        if rng.random() < 0.3:
            fields["state"] = quote("another")
        if rng.random() < 0.05 and "event" not in fields:
            fields["event_id"] = quote(f"again-{rng.randrange(9)}")
        order_id = json.loads(fields["order_id"], parse_int=str)
        fields["order_id"] = quote(self.padded(order_id), rng)  # 7 becomes "7"
        return fields

    def conflict(self, of):
        rng = self.rng
        fields = dict(of)
        choices = ["total", "customer_id", "currency", "subtotal", "discount", "shipping", "tax"]
        choices += ["items"] if fields.get("items", "null") != "null" else ["product_id", "quantity"]
        name = rng.choice(choices)
        fields[name] = {
            "customer_id": quote(f"someone-{rng.randrange(10**9)}"), "currency": quote("CHF"),
            "product_id": quote(f"other-{rng.randrange(10**9)}"), "quantity": str(900_000 + rng.randrange(10**5)),
            "items": '[{"product_id":"other","quantity":77}]',
        }.get(name, f"{rng.randrange(10**6, 10**7)}.77")  # fmt: skip
        return fields

    def every_bad(self):
        """Each a function that makes one bad event's text; taken in turn, so that all of them come."""
        def with_field(name, raw):
            return lambda: self.spell({**self.plain(), name: raw})

        def without(name):
            return lambda: self.spell({k: v for k, v in self.plain().items() if k != name})

        for text in NOT_JSON:
            yield lambda text=text: text
        for text in NOT_OBJECTS:
            yield lambda text=text: text
        for name in ("order_id", "created_at", "total", "product_id", "quantity"):
            yield without(name)
            yield with_field(name, "null")
        for name in rules.FIELDS:
            for raw in WRONG_TYPES:
                if name != "items" or raw[0] != "[":
                    yield with_field(name, raw)
        for name in rules.AMOUNTS:
            for raw in BAD_AMOUNTS:
                yield with_field(name, raw)
                yield with_field(name, quote(raw))
            for raw in NOT_AMOUNTS:
                yield with_field(name, quote(raw))
        for raw in BAD_TIMES + FAR_TIMES:
            yield with_field("created_at", quote(raw))
        yield with_field("created_at", "1704067200")
        for raw in ("-1", "1.5", "1e2", "1000001", "9" * 40, "-" + "9" * 40, "-0", '"-1"', '"1.5"', '""', '" "',
                    '"ten"', '"1000001"', '"++1"', '"0x1"', '"1e2"', '"00.7"', '"１"'):  # fmt: skip
            yield with_field("quantity", raw)
        for name in ("order_id", "customer_id"):
            for raw in ("-1", "1.5", "1e3", str(2**63), "9" * 30, '""', '"  "', quote("x" * 65), '"é"', '"a\\u0000b"',
                        '"a\\nb"', '"a\\u007fb"', '"🛒"', '"a\tb"'.replace("\t", "\\t")):  # fmt: skip
                yield with_field(name, raw)
        for raw in ("-1", "1.5", str(2**63), quote("x" * 101), quote("🧦" * 101), '"a\\u0000b"', '"a\\u001fb"',
                    '"a\\u007fb"'):  # fmt: skip
            yield with_field("product_id", raw)
        for raw in ('""', '"Placed"', '"returned"', '"placed\\u0000"', "1", '"refund"'):
            yield with_field("event", raw)
        yield with_field("event", '"refunded"')  # without event_id
        for raw in ("7", '""', quote("x" * 65), '"é"', '"a\\u0000"' + "", '"a\\tb"'):
            yield lambda raw=raw: self.spell({**self.plain(), "event": '"refunded"', "event_id": raw})
        for raw in ('"us$"', '"US"', '"USDX"', '"U D"', '"€€€"', '""', '"US1"', "840", '"U\\u0000D"'):
            yield with_field("currency", raw)
        for name in ("source", "state"):
            for raw in ("1", quote("x" * 101), quote("é" * 101), '"a\\u0000b"', '"a\\u001fb"', '"a\\nb"', '"a\\u007fb"'):
                yield with_field(name, raw)
        yield from self.every_bad_items()
        yield from self.every_bad_whole()

    def every_bad_items(self):
        def with_items(raw, **more):
            def make():
                fields = self.plain()
                del fields["product_id"], fields["quantity"]
                return self.spell({**fields, **more, "items": raw})
            return make

        line = '{"product_id":1,"quantity":1,"subtotal":2}'
        for bad in ('{"quantity":1}', '{"product_id":1}', '{"product_id":1,"quantity":null}', "{}", "1", "null", '"x"', "[]",
                    '{"product_id":1,"quantity":-1}', '{"product_id":1,"quantity":1.5}',
                    '{"product_id":1,"quantity":1000001}', '{"product_id":1,"quantity":1,"subtotal":-1}',
                    '{"product_id":1,"quantity":1,"subtotal":"x"}', '{"product_id":1,"quantity":1,"subtotal":1e12}',
                    '{"product_id":true,"quantity":1}', '{"product_id":1,"quantity":1,"unit_price":"x"}',
                    '{"product_id":1,"quantity":1,"unit_price":-1}', '{"product_id":1,"quantity":1,"unit_price":{}}',
                    '{"product_id":1,"quantity":2,"unit_price":6e11}', '{"product_id":1,"quantity":2,"unit_price":1,"unit_price":1}',
                    '{"product_id":1,"quantity":1,"quantity":2}', '{"product_id":"a\\u0000","quantity":1}',
                    '{"product_id":1,"quantity":1,"x":{"y":1,"y":1}}'):  # fmt: skip
            yield with_items(f"[{bad}]")
            yield with_items(f"[{line},{line},{bad},{line}]")
        yield with_items("[]")
        yield with_items("[" + ",".join([line] * 201) + "]")
        yield with_items(f"[{line}]", product_id="1")
        yield with_items(f"[{line}]", quantity="1")
        yield with_items(f"[{line}]", product_id="1", quantity="1")
        yield with_items(f"[{line}]", product_id='"x"', quantity='"-1"')

    def every_bad_whole(self):
        def with_raw(raw):
            return lambda: self.spell(self.plain())[:-1] + "," + raw + "}"

        yield with_raw('"total":1')
        yield with_raw('"order_id":1')
        yield with_raw('"tot\\u0061l":1')
        yield with_raw('"x":1,"x":1')
        yield with_raw('"x":{"y":{"z":1,"z":1}}')
        yield with_raw('"x":[0,{"z":1,"z":1}]')
        yield with_raw('"":1,"":1')
        yield with_raw(f'"{"k" * 300}":1,"{"k" * 300}":1')
        yield with_raw('"x":"\\ud800"')
        yield with_raw('"source":"\\ud83d"')
        yield with_raw('"state":"\\ude00\\ud83d"')
        yield with_raw('"\\udfff":1')
        yield with_raw('"x":' + "[" * 40 + "]" * 40)
        yield with_raw('"x":' + '{"a":' * 40 + "1" + "}" * 40)
        yield with_raw('"x":' + "[" * 5000 + "]" * 5000)
        yield with_raw('"x":"' + "z" * (1024 * 1024) + '"')
        yield lambda: "[" * 100_000
        yield lambda: '{"a":' * 50_000
        for raw in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80"):
            yield lambda raw=raw: self.spell(self.plain()).encode()[:-1] + b',"source":"' + raw + b'"}'
        yield lambda: self.spell(self.plain()).encode()[:-1] + b',"x":"\x00"}'
        yield lambda: self.spell({**self.plain(), "total": "NaN"})
        yield lambda: self.spell({**self.plain(), "total": "-Infinity"})
        yield lambda: self.spell({**self.plain(), "total": "0x10"})
        yield lambda: self.spell({**self.plain(), "total": "1."})
        yield lambda: self.spell({**self.plain(), "quantity": "01"})
        yield lambda: self.spell({"total": '"x"', "quantity": "-1"})  # several faults at once

    def plain(self):
        self.next_id += 1
        return {"order_id": str(self.next_id), "created_at": '"2024-05-01T10:00:00Z"', "product_id": "1",
                "quantity": "1", "total": "10"}  # fmt: skip

    def bad(self):
        made = self.bad_kinds[self.bad_turn % len(self.bad_kinds)]()
        self.bad_turn += 1
        return made

    # --- the stream

    def event(self):
        rng, roll = self.rng, self.rng.random()
        if roll < 0.12 and self.placed:
            again = rng.choice(self.placed if rng.random() < 0.7 or not self.changes else self.changes)
            return self.spell(self.retry(again))
        if roll < 0.16 and self.placed:
            again = rng.choice(self.placed if rng.random() < 0.7 or not self.changes else self.changes)
            return self.spell(self.conflict(again))
        if roll < 0.26 and self.placed:
            fields = self.change(rng.choice(self.placed))
            self.changes.append(fields)
            return self.spell(fields)
        if roll < 0.28:  # of an order that is not there, and perhaps never will be
            order = self.good()
            fields = self.change(order)
            self.changes.append(fields)
            if rng.random() < 0.5:
                self.later.append(order)
            return self.spell(fields)
        if roll < 0.36:
            return self.bad()
        if roll < 0.38 and self.later:
            fields = self.later.pop(rng.randrange(len(self.later)))
        else:
            fields = self.good()
        self.placed.append(fields)
        return self.spell(fields)

    def events(self, n):
        for _ in range(n):
            made = self.event()
            yield made if isinstance(made, bytes) else made.encode("utf-8", "surrogatepass")


def wall_of(ms):
    return datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=ms)


def odd_walls(zone):
    """Local readings in and around each change of the zone's clocks, in four years."""
    for year in (1975, 2007, 2024, 2150):
        at = datetime.datetime(year, 1, 1)
        while at.year == year:
            later = at + datetime.timedelta(minutes=15)
            if at.replace(tzinfo=zone).utcoffset() != later.replace(tzinfo=zone).utcoffset():
                for minutes in range(-75, 150, 15):
                    yield (at + datetime.timedelta(minutes=minutes)).strftime("%Y-%m-%d %H:%M:%S")
            at = later
    yield from ("2024-03-10T02:30:00", "2024-11-03T01:30:00")
