# SPDX-License-Identifier: MIT
"""What was accepted, and everything added up from it."""

import collections
import csv
import dataclasses

from . import instants, rules

UNKNOWN = "(unknown)"
LATE_MS = 10 * 60 * 1000
FUTURE_MS = 24 * 60 * 60 * 1000
MINUTES_KEPT = 15 * 24 * 60
HOURS_KEPT = 400 * 24
GROSS_MAX = 2**63 - 1
MEASURES = ("orders", "units", *rules.AMOUNTS, "cancelled_orders", "refunds", "refunded_total")
PRODUCT_MEASURES = ("orders", "units", "total")


@dataclasses.dataclass
class Verdict:
    verdict: str  # accepted, duplicate, rejected
    faults: list = dataclasses.field(default_factory=list)  # of (field or None, code): any of these
    order: rules.Order | None = None  # when accepted: with source and state resolved

    def allows(self, field, code):
        return any(c == code and f in (None, field) for f, c in self.faults)


def read_customers(path):
    """{customer_id: (source, state)}, None where the file has none; the last row of an id holds."""
    customers = {}
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = row["customer_id"].strip(rules.SPACE)
            if rules.DIGITS.fullmatch(key) and int(key) <= rules.INT_MAX:
                key = int(key)
            customers[key] = tuple(row[c].strip(rules.SPACE) or None for c in ("source", "state"))
    return customers


class Reference:
    def __init__(self, currency="USD", timezone="UTC", customers=None):
        self.currency = currency
        self.zone = instants.zone(timezone)
        self.customers = customers or {}
        self.orders = {}  # order_id -> Order, placed events in order of acceptance
        self.adjustments = {}  # identity -> Order
        self.counts = collections.Counter()
        self.warnings = collections.Counter()
        self.rejected = []  # (text, faults) in order of arrival
        self.gross = collections.Counter()  # (currency, amount) -> sum of all ever accepted
        self.totals = collections.defaultdict(collections.Counter)  # (source, state, currency)
        self.minutes = collections.defaultdict(collections.Counter)  # (minute, source, state, currency)
        self.hours = collections.defaultdict(collections.Counter)
        self.days = collections.defaultdict(collections.Counter)
        self.products = collections.defaultdict(collections.Counter)  # (day, product_id, currency)

    # --- judging

    def submit_json(self, text, arrival_ms):
        """Judges one JSON event (bytes) as it would be answered."""
        try:
            order = rules.parse_event(text, self.currency, self.zone)
        except rules.Faulty as faulty:
            return self.reject(text, faulty.faults)
        return self.submit(text, order, arrival_ms)

    def submit_cells(self, cells, arrival_ms):
        try:
            order = rules.parse_cells(cells, self.currency, self.zone)
        except rules.Faulty as faulty:
            return self.reject(cells, faulty.faults)
        return self.submit(cells, order, arrival_ms)

    def submit(self, text, order, arrival_ms):
        known = self.orders.get(order.order_id)
        earlier = known if order.event == "placed" else self.adjustments.get(order.identity)
        if earlier is not None:
            if earlier.content != order.content:
                return self.reject(text, [(None, "conflict")])
            self.counts["duplicate"] += 1
            return Verdict("duplicate")
        gross = {name: self.gross[order.currency, name] + abs(value) for name, value in order.amounts.items()}
        if max(gross.values()) > GROSS_MAX:
            return self.reject(text, [(None, "overflow")])
        for name, value in gross.items():
            self.gross[order.currency, name] = value
        self.resolve(order, known)
        if order.event == "placed":
            self.orders[order.order_id] = order
        else:
            self.adjustments[order.identity] = order
        if order.created_ms < arrival_ms - LATE_MS:
            order.warnings.add("late")
        if order.created_ms > arrival_ms + FUTURE_MS:
            order.warnings.add("future")
        self.warnings.update(order.warnings)
        self.counts["accepted"] += 1
        self.add(order, arrival_ms)
        return Verdict("accepted", order=order)

    def reject(self, text, faults):
        self.counts["rejected"] += 1
        self.rejected.append((text, faults))
        return Verdict("rejected", faults)

    def resolve(self, order, known):
        if order.event != "placed" and known is not None:
            order.source, order.state = known.source, known.state
            return
        source, state = self.customers.get(order.customer_id, (None, None))
        order.source = order.source or source or UNKNOWN
        order.state = order.state or state or UNKNOWN

    # --- adding up

    def add(self, order, arrival_ms):
        sign = 1 if order.event == "placed" else -1
        delta = collections.Counter(
            orders={"placed": 1, "cancelled": -1, "refunded": 0}[order.event],
            units=sign * order.quantity,
            cancelled_orders=order.event == "cancelled",
            refunds=order.event == "refunded",
            refunded_total=order.amounts["total"] if order.event == "refunded" else 0,
            **{name: sign * value for name, value in order.amounts.items()},
        )
        minute, hour = order.created_ms // 60_000, order.created_ms // 3_600_000
        day = instants.day_of(order.created_ms, self.zone)
        group = (order.source, order.state, order.currency)
        add_to(self.totals[group], delta)
        if minute >= arrival_ms // 60_000 - MINUTES_KEPT:
            add_to(self.minutes[minute, *group], delta)
        if hour >= arrival_ms // 3_600_000 - HOURS_KEPT:
            add_to(self.hours[hour, *group], delta)
        add_to(self.days[day, *group], delta)
        lines = order.items or ((order.product_id, order.quantity, order.amounts["total"]),)
        for product, quantity, amount in lines:
            line = {"units": sign * quantity, "total": sign * amount}
            add_to(self.products[day, product, order.currency], line)
        for product in {product for product, _, _ in lines}:
            add_to(self.products[day, product, order.currency], {"orders": delta["orders"]})

    @property
    def received(self):
        return sum(self.counts.values())

    def tables(self):
        """Every aggregate table as {key: {measure: value}}."""
        wide = {"sales_totals": self.totals, "sales_by_minute": self.minutes,
                "sales_by_hour": self.hours, "sales_by_day": self.days}  # fmt: skip
        plain = {name: {k: {m: v[m] for m in MEASURES} for k, v in cells.items()}
                 for name, cells in wide.items()}  # fmt: skip
        plain["sales_by_product"] = {
            k: {m: v[m] for m in PRODUCT_MEASURES} for k, v in self.products.items()
        }
        return plain

    def sales(self, by=(), bucket=None, start=None, end=None, only=None):
        """What /v1/sales answers: {(bucket, source, state, product, currency): measures}, with None for
        what is not grouped by. start (inclusive) and end (exclusive) are bucket numbers; days without
        a bucket. only: {"source": {...}, ...}."""
        only = only or {}
        product = "product" in by or "product" in only
        if product:
            cells = ((key[0], None, None, key[1], key[2], sums) for key, sums in self.products.items())
        elif bucket is None and start is None and end is None:
            cells = ((None, k[0], k[1], None, k[2], sums) for k, sums in self.totals.items())
        else:
            table = {"minute": self.minutes, "hour": self.hours}.get(bucket, self.days)
            cells = ((k[0], k[1], k[2], None, k[3], sums) for k, sums in table.items())
        rows = collections.defaultdict(collections.Counter)
        for at, source, state, product_id, currency, sums in cells:
            if (start is not None and at < start) or (end is not None and at >= end):
                continue
            named = {"source": source, "state": state, "product": product_id, "currency": currency}
            if any(named[field] not in wanted for field, wanted in only.items()):
                continue
            key = (at if bucket else None, source if "source" in by else None, state if "state" in by else None,
                   product_id if "product" in by else None, currency)  # fmt: skip
            add_to(rows[key], sums)
        names = PRODUCT_MEASURES if product else MEASURES
        return {key: {name: sums[name] for name in names} for key, sums in rows.items()}

    def largest(self, top, by, bucket, start, end, only=None):
        """As sales, but with the `top` groups of each currency by total, and the rest of a bucket as a row
        "others", with their number: {key: (measures, others)}."""
        whole = self.sales(by, None, start, end, only) if bucket != "hour" else fold_buckets(
            self.sales(by, bucket, start, end, only))  # fmt: skip
        chosen = set()
        for currency in {key[4] for key in whole}:
            mine = [key for key in whole if key[4] == currency]
            mine.sort(key=lambda key: (-whole[key]["total"], -whole[key]["orders"], sort_key(key)))
            chosen.update(mine[:top])
        rows = {}
        for key, sums in self.sales(by, bucket, start, end, only).items():
            kept = (None, *key[1:]) in chosen
            at = key if kept else (key[0], "others", "others", "others", key[4])
            had, n = rows.get(at, (collections.Counter(), 0))
            add_to(had, sums)
            rows[at] = had, n + (not kept)
        return {key: (dict(sums), n) for key, (sums, n) in rows.items()}


def fold_buckets(rows):
    folded = collections.defaultdict(collections.Counter)
    for key, sums in rows.items():
        add_to(folded[(None, *key[1:])], sums)
    return folded


def sort_key(key):
    """Bytes of texts, and numbers before texts."""
    return [(0, part, b"") if isinstance(part, int) else (1, 0, (part or "").encode()) for part in key[1:]]


def add_to(sums, delta):
    """Counter.update, but it keeps zeros and negatives."""
    for name, value in delta.items():
        sums[name] += value
