# SPDX-License-Identifier: MIT
"""The kernel between PyArrow's arrays: every type it takes, exact values back, and memory given back."""

import ctypes
import datetime
import decimal
import gc
import mmap
import pathlib
import random
import struct
import threading

import pyarrow as pa
import pytest

from reference import engine, events, rules

ARRIVAL_MS = 1_795_255_200_000
GOOD = b'{"order_id":%d,"created_at":"2026-11-21T10:00:00Z","product_id":"mug","quantity":2,"total":"31.9"}'


ZONES = pathlib.Path("/usr/share/zoneinfo")


def goods(n):
    return [GOOD % i for i in range(n)]


def test_columns_have_the_types_that_the_header_says(shop, messages):
    rows = shop.orders(messages(goods(1)))
    instant, money = pa.timestamp("us", "UTC"), pa.decimal128(19, 4)
    texts = ["event", "event_id", "order_id", "customer_id", "product_id", "currency", "source", "state", "items",
             "verdict", "code", "field", "message"]  # fmt: skip
    wanted = {
        **dict.fromkeys(texts, pa.utf8()),
        **dict.fromkeys(("position", "offset", "quantity", "epoch_us"), pa.int64()),
        **dict.fromkeys(("partition", "warnings"), pa.int32()),
        **dict.fromkeys(("arrival", "created_at"), instant),
        **dict.fromkeys(("subtotal", "discount", "shipping", "tax", "total"), money),
    }
    assert {field.name: field.type for field in rows.schema} == wanted
    rows.validate(full=True)


@pytest.mark.parametrize("timezone", ["UTC", "America/New_York", "Europe/Berlin"])
def test_every_field_is_the_references(kernel, messages, tmp_path, timezone):
    generator = events.Generator(11, ARRIVAL_MS, timezone)
    generator.customers(tmp_path / "customers.csv")
    texts = list(generator.events(4000))
    tzif = b"" if timezone == "UTC" else (ZONES / timezone).read_bytes()
    shop = kernel.shop("USD", timezone, tzif, engine.LATE_MS)
    shop.customers_csv("customers.csv", (tmp_path / "customers.csv").read_bytes())
    reference = engine.Reference("USD", timezone, engine.read_customers(tmp_path / "customers.csv"))
    rows = shop.orders(messages(texts))
    rows.validate(full=True)
    n_orders = 0
    kept = [(i, text) for i, text in enumerate(texts) if text]  # what is empty is no message
    assert rows.column("offset").to_pylist() == [i for i, _ in kept]
    for (_, text), row in zip(kept, rows.to_pylist(), strict=True):
        try:
            order = rules.parse_event(text, "USD", reference.zone)
        except rules.Faulty as faulty:
            assert row["verdict"] == "rejected", text
            assert engine.Verdict("rejected", faulty.faults).allows(row["field"], row["code"]), (text, row)
            assert row["order_id"] is None and row["total"] is None
            continue
        n_orders += 1
        reference.resolve(order, None)
        assert row["verdict"] == "new", (text, row)
        told = (row["order_id"], row["event"], row["event_id"], row["customer_id"], row["currency"], row["source"], row["state"])
        customer = None if order.customer_id is None else str(order.customer_id)
        assert told == (str(order.order_id), order.event, order.event_id, customer, order.currency, order.source, order.state), text
        assert row["quantity"] == order.quantity
        assert round(row["created_at"].timestamp() * 1000) == order.created_ms
        for name, amount_e4 in order.amounts.items():
            assert row[name] == decimal.Decimal(amount_e4).scaleb(-4), (text, name)
    assert n_orders > 1000 and n_orders < len(texts) - 100


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.utf8(), pa.large_utf8()])
def test_values_may_be_bytes_or_text_small_or_large(shop, messages, kind):
    values = pa.array([GOOD % 5, None, b"", GOOD % 6], pa.binary()).cast(kind)
    rows = shop.orders(messages([b""] * 4, value=values))
    assert rows.column("order_id").to_pylist() == ["5", "6"]
    assert rows.column("offset").to_pylist() == [0, 3]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_may_have_any_unit(shop, messages, unit):
    time = datetime.datetime(2026, 11, 21, 9, 59, 58, tzinfo=datetime.UTC)
    for zone in (None, "UTC", "Asia/Kolkata"):
        rows = shop.orders(messages(goods(1), timestamp=pa.array([time], pa.timestamp(unit, zone))))
        assert rows.column("arrival").to_pylist() == [time]


def test_a_slice_is_read_as_the_rows_it_has(shop, messages):
    values = [None if i % 7 == 3 else text for i, text in enumerate(goods(100))]
    keys = pa.array([None if i % 2 else b"%d" % i for i in range(100)], pa.binary())
    reason = b'{"field":"total","code":"negative","message":"m"}'
    headers = pa.array(
        [[("x", b"y"), ("salestide-rejected", reason)] if i % 5 == 0 else [] if i % 5 == 1 else None for i in range(100)],
        pa.list_(pa.struct([("key", pa.utf8()), ("value", pa.binary())])),
    )
    whole = messages(values, key=keys, headers=headers, partition=pa.array([3] * 100, pa.int32()))
    of_whole = shop.orders(whole).to_pylist()
    assert {row["partition"] for row in of_whole} == {3}
    assert [row["offset"] for row in of_whole if row["verdict"] == "rejected"] == [5, 15, 25, 35, 55, 65, 75, 85, 95]
    for start, n in ((0, 100), (1, 9), (63, 8), (8, 64), (99, 1), (50, 0)):
        rows = shop.orders(whole.slice(start, n)).to_pylist()
        assert rows == [row for row in of_whole if start <= row["offset"] < start + n]


def test_large_lists_and_texts_of_headers_are_read_too(shop, messages):
    reason = b'{"field":"total","code":"negative","message":"m"}'
    headers = pa.array(
        [[("salestide-rejected", reason)], None],
        pa.large_list(pa.struct([("key", pa.large_utf8()), ("value", pa.large_binary())])),
    )
    rows = shop.orders(messages(goods(2), key=pa.array([None, None], pa.binary()), headers=headers))
    assert rows.column("code").to_pylist() == ["negative", None]


def test_no_rows_give_no_rows(shop, messages):
    rows = shop.orders(messages([]))
    rows.validate(full=True)
    assert rows.num_rows == 0 and rows.num_columns == 26


def test_identities_are_one_for_each_event_and_go_beside_the_messages(shop, messages):
    batch = messages([*goods(3), *goods(2), None, None, b"no order"])
    ids = shop.identities(batch)
    assert ids.type == pa.binary() and ids.null_count == 0 and {len(i) for i in ids.to_pylist()} == {16}
    assert ids.to_pylist()[:2] == ids.to_pylist()[3:5]
    assert len(set(ids.to_pylist())) == 6
    assert batch.append_column("identity", ids).validate(full=True) is None
    assert shop.identities(messages([])).to_pylist() == []
    sliced = shop.identities(batch.slice(3, 2))
    assert sliced.to_pylist() == ids.to_pylist()[3:5]


def test_chunks_of_a_table_are_batches(shop, messages):
    table = pa.Table.from_batches([messages(goods(10)), messages(goods(5))])
    ids = [i for batch in table.to_batches(4) for i in shop.orders(batch).column("order_id").to_pylist()]
    assert ids == [str(i) for i in (*range(10), *range(5))]


def test_pointers_serve_as_well_as_capsules(binding, kernel, shop, messages):
    room = [ctypes.create_string_buffer(128) for _ in range(4)]
    schema, array, out_schema, out_array = (ctypes.addressof(r) for r in room)
    messages(goods(3))._export_to_c(array, schema)
    kernel.call("salestide_orders", shop.handle, *map(ctypes.c_void_p, (schema, array, out_schema, out_array)))
    rows = pa.RecordBatch._import_from_c(out_array, out_schema)
    assert rows.column("order_id").to_pylist() == ["0", "1", "2"]


def test_a_column_lives_on_without_its_batch_and_shop(kernel, messages):
    shop = kernel.shop("USD", "UTC", b"", 0)
    column = shop.orders(messages(goods(1000))).column("order_id")
    del shop
    gc.collect()
    assert column.to_pylist() == [str(i) for i in range(1000)]


def test_memory_that_went_in_is_given_back(shop, messages):
    def once(bad):
        batch = messages(goods(2000), offset=pa.array([-1] * 2000, pa.int64()) if bad else pa.array(range(2000), pa.int64()))
        if not bad:
            return shop.orders(batch).num_rows
        with pytest.raises(Exception, match="offset"):
            shop.orders(batch)
        return 0

    once(False), once(True)
    gc.collect()
    before = pa.total_allocated_bytes()
    for _ in range(5):
        once(False), once(True)
    gc.collect()
    assert pa.total_allocated_bytes() == before


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"value": None}, "no column value"),
        ({"offset": None}, "no column offset"),
        ({"timestamp": None}, "no column timestamp"),
        ({"value": pa.array([1])}, "value: its format is 'l'"),
        ({"value": pa.array([b"x"]).dictionary_encode()}, "value: it is encoded by a dictionary"),
        ({"value": pa.array([b"x"], pa.binary_view())}, "value: its format is 'vz'"),
        ({"value": pa.array([b"x"], pa.binary(1))}, "value: its format is 'w:1'"),
        ({"offset": pa.array([1], pa.int32())}, "offset: its format is 'i'"),
        ({"offset": pa.array([None], pa.int64())}, "offset: it has nulls"),
        ({"offset": pa.array([2**48], pa.int64())}, "offset: one is negative, or"),
        ({"timestamp": pa.array([1.5])}, "timestamp: its format is 'g'"),
        ({"timestamp": pa.array([None], pa.timestamp("ms"))}, "timestamp: it has nulls"),
        ({"partition": pa.array([1], pa.int64())}, "partition: its format is 'l'"),
        ({"key": pa.array([1])}, "key: its format"),
        ({"headers": pa.array([None], pa.list_(pa.struct([("key", pa.utf8()), ("value", pa.binary())])))}, "no column key"),
        ({"key": pa.array([b""]), "headers": pa.array([{}], pa.map_(pa.utf8(), pa.binary()))}, "headers: its format is '[+]m'"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_in_a_line(binding, shop, messages, columns, why):
    with pytest.raises(binding.KernelError, match=why) as failed:
        shop.orders(messages([b"x"], **columns))
    assert failed.value.result == binding.INVALID
    assert "\n" not in str(failed.value)


def test_more_bytes_than_offsets_of_32_bits_reach_are_refused(binding, shop, messages):
    with mmap.mmap(-1, 2**31 + 4096) as room:  # only asked for, never touched
        offsets = pa.py_buffer(struct.pack("<qqqq", 1, 5, 5, 2**31 + 1))
        value = pa.LargeBinaryArray.from_buffers(pa.large_binary(), 3, [None, offsets, pa.py_buffer(room)])
        batch = messages([b""] * 3, value=value)
        with pytest.raises(binding.KernelError, match="2147483648 bytes; at most 2147483647 at a time"):
            shop.orders(batch)
        assert shop.orders(batch.slice(0, 2)).num_rows == 1  # the rest is not of it
        del value, batch, offsets
        gc.collect()


def test_customers_come_from_columns(binding, shop, messages):
    shop.customers(pa.RecordBatch.from_pydict({"customer_id": pa.array([7, 8]), "state": ["CA", None]}))
    shop.customers(pa.RecordBatch.from_pydict({"source": pa.array(["münchen"]), "customer_id": ["x"]}))
    order = b'{"order_id":1,"created_at":"2026-11-21T10:00:00Z","product_id":1,"quantity":1,"total":1,"customer_id":%s}'
    rows = shop.orders(messages([order % b"7", order % b'"8"', order % b'"x"', order % b"9"]))
    assert rows.column("state").to_pylist() == ["CA", "(unknown)", "(unknown)", "(unknown)"]
    assert rows.column("source").to_pylist() == ["(unknown)", "(unknown)", "münchen", "(unknown)"]
    with pytest.raises(binding.KernelError, match="row 1: customer_id is empty"):
        shop.customers(pa.RecordBatch.from_pydict({"customer_id": pa.array([1, None])}))


def test_a_library_of_another_abi_is_refused(binding, kernel, monkeypatch):
    monkeypatch.setattr(binding, "ABI", 2)
    with pytest.raises(binding.KernelError, match="ABI 1"):
        binding.Kernel(kernel.lib._name)


def test_threads_share_a_shop(shop, messages):
    batches = [messages(random.Random(i).sample(goods(500), 400)) for i in range(16)]
    wanted = [shop.orders(batch).column("order_id").to_pylist() for batch in batches]
    found = [None] * 16

    def work(i):
        for _ in range(5):
            found[i] = shop.orders(batches[i]).column("order_id").to_pylist()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == wanted
