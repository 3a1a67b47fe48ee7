# SPDX-License-Identifier: MIT
"""One event: from its text to an Order or to the faults it has.

An event with several faults may be refused for any of them, so all are collected as (field, code);
most events of the generator have exactly one. A field of None stands for "any field name is fine".
"""

import dataclasses
import decimal
import json
import re

from . import instants, money

SPACE = " \t\n\v\f\r"
ZERO_DECIMALS = re.compile(r"(.*[0-9])\.0+", re.DOTALL)
WRITTEN_WHOLE = re.compile(r"\+?0*([0-9]+)")
DIGITS = re.compile(r"0|[1-9][0-9]*")
INT_MAX = 2**63 - 1
QUANTITY_MAX = 1_000_000
MAX_DEPTH = 32
EVENT_MAX_BYTES = 1024 * 1024
REQUIRED = ("order_id", "created_at", "total")
AMOUNTS = ("subtotal", "discount", "shipping", "tax", "total")
FIELDS = ("order_id", "event", "event_id", "created_at", "customer_id", "product_id", "quantity",
          "items", *AMOUNTS, "currency", "source", "state")  # fmt: skip


@dataclasses.dataclass
class Order:
    order_id: object  # int or str: an identifier's canonical form
    created_ms: int
    event: str = "placed"
    event_id: str | None = None
    customer_id: object = None
    product_id: object = None
    quantity: int = 0
    items: tuple = ()  # of (product_id, quantity, subtotal_e4)
    amounts: dict = dataclasses.field(default_factory=lambda: dict.fromkeys(AMOUNTS, 0))
    currency: str = "USD"
    source: str | None = None
    state: str | None = None
    warnings: set = dataclasses.field(default_factory=set)

    @property
    def identity(self):
        # A placed order is unique by its order_id alone.
        return (self.order_id, self.event, self.event_id if self.event != "placed" else None)

    @property
    def content(self):
        return (self.customer_id, self.product_id, self.quantity, self.items, self.currency,
                *self.amounts.values())  # fmt: skip


class Number(str):
    """A JSON number's digits as they were spelled."""


class Members(list):
    """A JSON object as its (key, value) pairs, duplicates included."""


class Faulty(Exception):
    """An event that is refused as a whole: the only faults to name."""

    def __init__(self, *faults):
        super().__init__(*faults)
        self.faults = list(faults)


class Reader:
    """Collects faults and values of one event."""

    def __init__(self, currency, zone):
        self.zone = zone
        self.order = Order(order_id=None, created_ms=None, currency=currency)
        self.faults = []
        self.seen = set()

    def fault(self, field, *codes):
        self.faults.extend((field, code) for code in codes)

    # --- values: each returns None after a fault

    def text(self, field, value, longest, printable):
        """A trimmed string; "" is left to the caller."""
        if not isinstance(value, str) or isinstance(value, Number):
            return self.fault(field, "wrong_type")
        value = value.strip(SPACE)
        bad = [c for c in value if c < " " or c == "\x7f" or (printable and c > "~")]
        if bad:
            self.fault(field, "bad_character")
        if len(value) > longest:
            self.fault(field, "too_long")
        elif printable and len(value.encode("utf-8", "surrogatepass")) > longest:
            self.fault(field, "too_long")  # also true of it, when it is counted in bytes
        return None if bad or len(value) > longest else value

    def ident(self, field, value, longest, printable):
        if isinstance(value, Number):
            if not DIGITS.fullmatch(value):
                whole = DIGITS.fullmatch(value.removeprefix("-"))
                return self.fault(field, "malformed", *(["negative", "out_of_range"] if whole else []))
            if int(value) > INT_MAX:
                return self.fault(field, "out_of_range")
            return int(value)
        value = self.text(field, value, longest, printable)
        if value == "":
            return self.fault(field, "empty")
        if value and DIGITS.fullmatch(value) and int(value) <= INT_MAX:
            return int(value)
        return value

    def product(self, field, value):
        if isinstance(value, str) and not isinstance(value, Number) and value.strip(SPACE) == "":
            return "(unknown)"
        return self.ident(field, value, 100, printable=False)

    def amount(self, field, value):
        if not isinstance(value, str):
            return self.fault(field, "wrong_type")
        spelled = value if isinstance(value, Number) else value.strip(SPACE)
        try:
            amount_e4, lost = money.parse(spelled, signed=field == "total", written=not isinstance(value, Number))
        except money.BadAmount as bad:
            also = ["empty"] if spelled == "" else ["negative"] if field == "total" and spelled.startswith("-") else []
            return self.fault(field, *bad.codes, *also)
        if lost:
            self.order.warnings.add("amount_rounded")
        return amount_e4

    def quantity(self, field, value):
        if not isinstance(value, str):
            return self.fault(field, "wrong_type")
        spelled = value if isinstance(value, Number) else value.strip(SPACE)
        if whole := ZERO_DECIMALS.fullmatch(spelled):
            spelled = whole[1]
        if not isinstance(value, Number) and (plain := WRITTEN_WHOLE.fullmatch(spelled)):
            spelled = plain[1]
        if spelled == "":
            return self.fault(field, "malformed", "empty")
        if spelled == "-0":
            return self.fault(field, "malformed", "negative")
        if DIGITS.fullmatch(spelled.removeprefix("-")) is None:
            return self.fault(field, "malformed")
        if spelled.startswith("-"):
            return self.fault(field, "negative")
        if len(spelled) > 20 or int(spelled) > QUANTITY_MAX:
            return self.fault(field, "out_of_range")
        return int(spelled)

    # --- fields

    def set(self, field, value):
        """One field that is present and not null."""
        self.seen.add(field)
        order = self.order
        if field in AMOUNTS:
            order.amounts[field] = self.amount(field, value)
        elif field in ("order_id", "customer_id"):
            setattr(order, field, self.ident(field, value, 64, printable=True))
        elif field == "product_id":
            order.product_id = self.product(field, value)
        elif field == "event_id":
            order.event_id = self.text(field, value, 64, printable=True)
            if order.event_id == "":
                self.fault(field, "empty")
        elif field == "quantity":
            order.quantity = self.quantity(field, value)
        elif field == "items":
            self.items(value)
        elif field in ("source", "state"):
            setattr(order, field, self.text(field, value, 100, printable=False) or None)
        elif field == "event":
            self.event(value)
        elif field == "created_at":
            self.created_at(value)
        elif field == "currency":
            self.currency(value)

    def event(self, value):
        if not isinstance(value, str) or isinstance(value, Number):
            return self.fault("event", "wrong_type")
        value = value.strip(SPACE)
        if value not in ("placed", "cancelled", "refunded"):
            self.fault("event", "unknown_value", *(["empty"] if value == "" else []))
        self.order.event = value

    def created_at(self, value):
        if not isinstance(value, str) or isinstance(value, Number):
            return self.fault("created_at", "wrong_type")
        value = value.strip(SPACE)
        try:
            self.order.created_ms = instants.parse(value, self.zone)
        except instants.BadInstant as bad:
            self.fault("created_at", *bad.codes, *(["empty"] if value == "" else []))

    def currency(self, value):
        if not isinstance(value, str) or isinstance(value, Number):
            return self.fault("currency", "wrong_type")
        value = value.strip(SPACE)
        if re.fullmatch(r"[A-Za-z]{3}", value) is None:
            return self.fault("currency", "malformed", *(["empty"] if value == "" else []))
        self.order.currency = value.upper()

    def items(self, value):
        if not isinstance(value, list) or isinstance(value, Members):
            return self.fault("items", "wrong_type")
        if not value:
            return self.fault("items", "empty", "out_of_range")
        if len(value) > 200:
            return self.fault("items", "too_long", "out_of_range")
        self.order.items = tuple(self.item(f"items[{i}]", item) for i, item in enumerate(value))

    def item(self, path, members):
        if not isinstance(members, Members):
            return self.fault(path, "wrong_type", "not_an_object")
        found = {key: value for key, value in members if value is not None}
        for field in ("product_id", "quantity"):
            if field not in found:
                self.fault(f"{path}.{field}", "missing")
        product = quantity = None
        subtotal = 0
        if "product_id" in found:
            product = self.product(f"{path}.product_id", found["product_id"])
        if "quantity" in found:
            quantity = self.quantity(f"{path}.quantity", found["quantity"])
        if "subtotal" in found:
            subtotal = self.amount(f"{path}.subtotal", found["subtotal"])
        elif "unit_price" in found:
            subtotal = self.price_times(path, found["unit_price"], quantity)
        return (product, quantity, subtotal)

    def price_times(self, path, value, quantity):
        """What the pieces of a line come to, by the price of one."""
        field = f"{path}.unit_price"
        if not isinstance(value, str):
            return self.fault(field, "wrong_type")
        spelled = value if isinstance(value, Number) else value.strip(SPACE)
        try:
            money.parse(spelled, written=not isinstance(value, Number))
        except money.BadAmount as bad:
            return self.fault(field, *bad.codes, *(["empty"] if spelled == "" else []))
        mantissa, e, exponent = spelled.lower().partition("e")
        with decimal.localcontext(prec=len(mantissa) + 20):
            product = f"{abs(decimal.Decimal(mantissa)) * (quantity or 0):f}"
        return self.amount(f"{path}.subtotal", product + e + exponent)

    def finish(self):
        """The order, when nothing is wrong; else raises Faulty."""
        order = self.order
        for field in REQUIRED:
            if field not in self.seen:
                self.fault(field, "missing")
        if "items" in self.seen:
            if "product_id" in self.seen or "quantity" in self.seen:
                self.fault(None, "ambiguous")
        else:
            for field in ("product_id", "quantity"):
                if field not in self.seen:
                    self.fault(field, "missing")
        if order.event == "refunded" and "event_id" not in self.seen:
            self.fault("event_id", "missing")
        amounts = order.amounts
        if None not in amounts.values():
            derived = amounts["subtotal"] - amounts["discount"] + amounts["shipping"] + amounts["tax"]
            if amounts["total"] < 0 <= derived:
                self.fault("total", "negative")
        if self.faults:
            raise Faulty(*self.faults)
        if order.items:
            order.quantity = sum(quantity for _, quantity, _ in order.items)
        if order.quantity == 0:
            order.warnings.add("quantity_zero")
        amounts = order.amounts
        derived = amounts["subtotal"] - amounts["discount"] + amounts["shipping"] + amounts["tax"]
        if amounts["total"] < 0 <= derived:  # only a discount may push a total below zero
            raise Faulty(("total", "negative"))
        if abs(amounts["total"] - derived) > 100:
            order.warnings.add("total_mismatch")
        return order


def parse_event(text, currency, zone):
    """The Order of one JSON event (bytes); raises Faulty."""
    if len(text) > EVENT_MAX_BYTES:
        raise Faulty(("", "too_large"))
    document = read_json(text)
    if not isinstance(document, Members):
        raise Faulty(("", "not_an_object"))
    reader = Reader(currency, zone)
    find_duplicate_keys(reader, "", document)
    for field, value in document:
        if field in FIELDS and value is not None:
            reader.set(field, value)
    return reader.finish()


def parse_cells(cells, currency, zone):
    """The Order of one CSV row given as {column: cell}; an empty cell is an absent field, but for the product."""
    reader = Reader(currency, zone)
    for field, cell in cells.items():
        if field in FIELDS and (cell.strip(SPACE) != "" or field == "product_id"):
            reader.set(field, cell)
    return reader.finish()


def read_json(text):
    if depth_of(text) > MAX_DEPTH:
        raise Faulty((None, "too_deep"), (None, "not_json"))
    try:
        document = json.loads(text.decode("utf-8"), object_pairs_hook=Members, parse_float=Number,
                              parse_int=Number, parse_constant=no_constant)  # fmt: skip
    except ValueError:
        raise Faulty(("", "not_json")) from None
    if has_lone_surrogate(document):
        raise Faulty((None, "not_json"), (None, "bad_character"))
    return document


def no_constant(name):
    raise ValueError(name)


def depth_of(text):
    """How deeply arrays and objects nest, strings skipped."""
    at_most = text.count(b"[") + text.count(b"{")
    if at_most <= MAX_DEPTH:
        return at_most  # few enough that it does not matter how they nest
    depth = deepest = 0
    for mark in re.finditer(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', text, re.S):
        if mark[0] in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark[0] in b"]}":
            depth -= 1
    return deepest


def has_lone_surrogate(value):
    if isinstance(value, Members):
        return any(has_lone_surrogate(key) or has_lone_surrogate(item) for key, item in value)
    if isinstance(value, list):
        return any(has_lone_surrogate(item) for item in value)
    return isinstance(value, str) and not value.isascii() and re.search("[\ud800-\udfff]", value) is not None


def find_duplicate_keys(reader, path, value):
    if isinstance(value, Members):
        keys = set()
        for key, item in value:
            here = f"{path}.{key}" if path else key
            if key in keys:
                fits = len(here.encode()) < 48 and here.isprintable()
                reader.fault(here if fits else None, "duplicate_key")
            keys.add(key)
            find_duplicate_keys(reader, here, item)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            find_duplicate_keys(reader, f"{path}[{i}]", item)
