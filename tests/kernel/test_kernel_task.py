# SPDX-License-Identifier: MIT
"""A task of the kernel between PyArrow's arrays: verdicts and sums are the reference's, digit for digit."""

import collections
import decimal

import pyarrow as pa
import pytest

from reference import engine, events

ARRIVAL_MS = 1_795_255_200_000
DAY_MS = 86_400_000
ORDER = b'{"order_id":%d,"created_at":"2026-11-21T10:00:00Z","product_id":"mug","quantity":2,"total":"%s"}'


def options(directory, **more):
    usual = {
        "partition": 0, "lane": 1, "from_offset": 0, "epoch_us": 5, "now_ms": ARRIVAL_MS,
        "minute_floor": ARRIVAL_MS // 60_000 - engine.MINUTES_KEPT, "hour_floor": ARRIVAL_MS // 3_600_000 - engine.HOURS_KEPT,
        "gross_json": None, "has_raw": 0, "window_dir": str(directory), "topic_id": "topic", "window_ms": DAY_MS,
        "window_offset": 0, "window_time_ms": 0, "window_max_bytes": 1 << 28, "lock_wait_ms": 1000,
    }  # fmt: skip
    return usual | more


def test_verdicts_and_sums_are_the_references(kernel, messages, tmp_path):
    generator = events.Generator(12, ARRIVAL_MS, "UTC")
    generator.customers(tmp_path / "customers.csv")
    texts = [text for text in generator.events(6000) if text]
    reference = engine.Reference("USD", "UTC", engine.read_customers(tmp_path / "customers.csv"))
    wanted = [reference.submit_json(text, ARRIVAL_MS) for text in texts]
    shop = kernel.shop("USD", "UTC", b"", engine.LATE_MS)
    shop.customers_csv("customers.csv", (tmp_path / "customers.csv").read_bytes())
    batch = messages(texts)
    rows = []
    with shop.task(**options(tmp_path / "windows")) as task:
        for start in range(0, len(texts), 700):
            out = task.push(batch.slice(start, 700), wants_rows=True)
            out.validate(full=True)
            rows += out.to_pylist()
        sums, products = task.sums().to_pylist(), task.products().to_pylist()
        assert len(task.tally(len(texts))) > 0
    assert [row["verdict"] for row in rows] == [w.verdict for w in wanted]
    assert {row["epoch_us"] for row in rows} == {5}
    assert [row["position"] for row in rows] == [1 << 48 | i for i in range(len(texts))]
    assert all(w.allows(row["field"], row["code"]) for w, row in zip(wanted, rows, strict=True) if w.faults)

    # Sources of what is taken back are looked up elsewhere: all of a currency together.
    amounts = {"subtotal", "discount", "shipping", "tax", "total", "refunded_total"}
    found, should = collections.defaultdict(collections.Counter), collections.defaultdict(collections.Counter)
    for row in sums:
        key = (row["table"], row["currency"], row["bucket"] and int(row["bucket"].timestamp()))
        found[key].update({name: int(row[name].scaleb(4)) if name in amounts else row[name] for name in engine.MEASURES})
    seconds = {"sales_totals": ("total", 0), "sales_by_minute": ("minute", 60), "sales_by_hour": ("hour", 3600), "sales_by_day": ("day", 86400)}
    for name, (table, length_s) in seconds.items():
        for key, cells in reference.tables()[name].items():
            should[table, key[-1], key[0] * length_s if length_s else None].update(cells)
    assert {k: {m: v for m, v in c.items() if v} for k, c in found.items() if any(c.values())} == \
        {k: {m: v for m, v in c.items() if v} for k, c in should.items() if any(c.values())}  # fmt: skip
    found = {(row["day"].toordinal() - 719163, row["product_id"], row["currency"]): (row["orders"], row["units"], row["total"]) for row in products}
    should = {(day, str(product), currency): (c["orders"], c["units"], decimal.Decimal(c["total"]).scaleb(-4))
              for (day, product, currency), c in reference.tables()["sales_by_product"].items()}  # fmt: skip
    assert found == should


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
