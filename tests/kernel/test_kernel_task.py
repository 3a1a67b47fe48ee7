# SPDX-License-Identifier: MIT
"""A task of the kernel between PyArrow's arrays: verdicts and sums are the reference's, digit for digit."""

import datetime
import decimal
import pathlib

import pyarrow as pa
import pytest

from reference import engine, events, rules

ARRIVAL_MS = 1_795_255_200_000
DAY_MS = 86_400_000
ZONES = pathlib.Path("/usr/share/zoneinfo")
ORDER = b'{"order_id":%d,"created_at":"2026-11-21T10:00:00Z","product_id":"mug","quantity":2,"total":"%s"}'


def options(directory, **more):
    usual = {
        "partition": 0, "lane": 1, "from_offset": 0, "epoch_us": 5, "now_ms": ARRIVAL_MS,
        "minute_floor": ARRIVAL_MS // 60_000 - engine.MINUTES_KEPT, "hour_floor": ARRIVAL_MS // 3_600_000 - engine.HOURS_KEPT,
        "gross_json": None, "has_raw": 0, "window_dir": str(directory), "topic_id": "topic", "window_ms": DAY_MS,
        "window_offset": 0, "window_time_ms": 0, "window_max_bytes": 1 << 28, "lock_wait_ms": 1000,
    }  # fmt: skip
    return usual | more


class OfOneRange(engine.Reference):
    """What a task makes of events: it does not look up the order that one takes back. Where raw orders are kept, whoever
    commits does that, and the sums are without what is taken back."""

    def __init__(self, has_raw, *args):
        super().__init__(*args)
        self.has_raw = has_raw

    def resolve(self, order, known):
        super().resolve(order, None)

    def add(self, order, arrival_ms):
        if order.event == "placed" or not self.has_raw:
            super().add(order, arrival_ms)


AMOUNTS = {*rules.AMOUNTS, "refunded_total"}
TABLES = {"sales_totals": ("total", None), "sales_by_minute": ("minute", 60), "sales_by_hour": ("hour", 3600), "sales_by_day": ("day", None)}


def by_key(rows, key, measures):
    """{key of a row: its measures as they came}; no two rows have the same."""
    found = {tuple(row[name] for name in key): {name: row[name] for name in measures} for row in rows}
    assert len(found) == len(rows)
    return found


def as_columns(cells):
    return {name: decimal.Decimal(value).scaleb(-4) if name in AMOUNTS else value for name, value in cells.items()}


def sums_of(reference):
    """{(table, bucket, day, source, state, currency): measures}, as the columns of sums have them."""
    wanted, epoch = {}, datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    for name, (table, length_s) in TABLES.items():
        for key, cells in reference.tables()[name].items():
            at = day = None
            if length_s:
                at = epoch + datetime.timedelta(seconds=key[0] * length_s)
            elif table == "day":
                day = epoch.date() + datetime.timedelta(days=key[0])
                at = datetime.datetime.combine(day, datetime.time(), reference.zone).astimezone(datetime.UTC)
            wanted[table, at, day, *key[-3:]] = as_columns(cells)
    return wanted


def products_of(reference):
    return {(datetime.date(1970, 1, 1) + datetime.timedelta(days=day), str(product), currency): as_columns(cells)
            for (day, product, currency), cells in reference.tables()["sales_by_product"].items()}  # fmt: skip


@pytest.mark.parametrize(("timezone", "has_raw"), [("UTC", 1), ("America/New_York", 0)])
def test_verdicts_and_sums_are_the_references(kernel, messages, tmp_path, timezone, has_raw):
    generator = events.Generator(12, ARRIVAL_MS, timezone)
    generator.customers(tmp_path / "customers.csv")
    texts = [text for text in generator.events(6000) if text]
    reference = OfOneRange(has_raw, "USD", timezone, engine.read_customers(tmp_path / "customers.csv"))
    wanted = [reference.submit_json(text, ARRIVAL_MS) for text in texts]
    tzif = b"" if timezone == "UTC" else (ZONES / timezone).read_bytes()
    shop = kernel.shop("USD", timezone, tzif, engine.LATE_MS)
    shop.customers_csv("customers.csv", (tmp_path / "customers.csv").read_bytes())
    batch = messages(texts)
    rows = []
    with shop.task(**options(tmp_path / "windows", has_raw=has_raw)) as task:
        for start in range(0, len(texts), 700):
            out = task.push(batch.slice(start, 700), wants_rows=True)
            out.validate(full=True)
            rows += out.to_pylist()
        sums, products = task.sums(), task.products()
        assert len(task.tally(len(texts))) > 0
    assert [row["verdict"] for row in rows] == [w.verdict for w in wanted]
    assert {row["epoch_us"] for row in rows} == {5}
    assert [row["position"] for row in rows] == [1 << 48 | i for i in range(len(texts))]
    assert all(w.allows(row["field"], row["code"]) for w, row in zip(wanted, rows, strict=True) if w.faults)

    sums.validate(full=True)
    products.validate(full=True)
    found = by_key(sums.to_pylist(), ("table", "bucket", "day", "source", "state", "currency"), engine.MEASURES)
    assert found == sums_of(reference)
    assert len({key[3] for key in found}) > 10 and len({key[4] for key in found}) > 10
    found = by_key(products.to_pylist(), ("day", "product_id", "currency"), engine.PRODUCT_MEASURES)
    assert found == products_of(reference)


def test_the_window_goes_from_task_to_task(kernel, messages, tmp_path):
    shop = kernel.shop("USD", "UTC", b"", 0)
    first = messages([ORDER % (1, b"5"), ORDER % (2, b"5")])
    with shop.task(**options(tmp_path)) as task:
        assert task.push(first) is None
        task.tally(2)
    again = messages([ORDER % (1, b"5"), ORDER % (2, b"6"), ORDER % (3, b"5")], offset=pa.array([2, 3, 4]))
    for _ in range(2):  # tried again it is the same
        with shop.task(**options(tmp_path, from_offset=2)) as task:
            assert not task.needs_history
            rows = task.push(again, wants_rows=True)
            assert rows.column("verdict").to_pylist() == ["duplicate", "rejected", "accepted"]
            assert rows.column("code").to_pylist() == [None, "conflict", None]


def test_a_task_refuses_what_is_not_its_own(binding, kernel, messages, tmp_path):
    shop = kernel.shop("USD", "UTC", b"", 0)
    other = messages([ORDER % (1, b"5")], partition=pa.array([1], pa.int32()))
    with shop.task(**options(None, window_dir=None, topic_id=None)) as task:
        with pytest.raises(binding.KernelError, match="row 0 is of partition 1, expected 0"):
            task.push(other)
    backwards = messages([ORDER % (1, b"5"), ORDER % (2, b"5")], offset=pa.array([5, 4]))
    with shop.task(**options(None, window_dir=None, topic_id=None)) as task:
        with pytest.raises(binding.KernelError) as failed:
            task.push(backwards)
        assert failed.value.result == binding.INVALID
