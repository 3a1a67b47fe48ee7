# SPDX-License-Identifier: MIT
"""The views of sales.db in DuckDB, which runs their SQL by itself: names, types and figures as in SQLite."""

import pathlib
import time

import duckdb
import duckdb_ext
import pytest

import harness
from harness import order

AMOUNTS = {"subtotal", "discount", "shipping", "tax", "total", "refunded_total", "total_sum_amount"}
COUNTS = {"orders", "units", "cancelled_orders", "refunds", "quantity", "position", "batch_id"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    one = harness.Server(tmp_path_factory.mktemp("views"))
    try:
        orders = [
            order(1, created_at="2024-02-29T23:59:59.999Z", customer_id=42, subtotal="10.05", total="10.05"),
            order("A-2", created_at="2100-03-01T00:00:00.001Z", product_id="tea", quantity=3, state="NY"),
            order(3, created_at="1970-01-01T00:00:00Z", source="GOOGLE"),
            order(4, created_at="2026-01-01T12:34:56.789Z"),
        ]
        assert one.post([*orders, order(1, event="cancelled", total="10.05", subtotal="10.05", customer_id=42)]).json()[
            "accepted"] == 5  # fmt: skip
        assert one.post(order(9, total="nonsense")).status == 422
        one.post([order(n, created_at=harness.instants.show(now_ms() - n * 60_000)) for n in range(100, 110)])
        yield one
    finally:
        one.stop()


def now_ms():
    return int(time.time() * 1000)


@pytest.fixture(scope="module")
def duck(shop):
    connection = duckdb.connect()
    (extension,) = pathlib.Path(next(iter(duckdb_ext.__path__))).rglob("sqlite_scanner.duckdb_extension")
    connection.execute(f"LOAD '{extension}'")
    connection.execute(f"ATTACH '{shop.data / 'sales.db'}' AS shop (TYPE sqlite, READ_ONLY)")
    yield connection
    connection.close()


def plain(value):
    """Identifiers are numbers or texts, for which DuckDB has no type but bytes."""
    value = value.decode() if isinstance(value, bytes) else value
    return str(value) if isinstance(value, int) else value


VIEWS = ["orders", "order_adjustments", "recent_orders", "sales_totals", "sales_by_minute", "sales_by_hour",
         "sales_by_day", "sales_by_product", "rejected_events", "pipeline_batches",
         "total_sales_by_source_state", "bi_sales_totals", "bi_sales_by_minute", "bi_sales_by_hour", "bi_sales_by_day",
         "bi_sales_by_product", "bi_recent_orders", "bi_rejected_events", "bi_batches"]  # fmt: skip


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_shows_the_same_rows_in_both(shop, duck, view):
    with harness.database(shop.data) as db:
        wanted = sorted(tuple(map(plain, row)) for row in db.execute(f"SELECT * FROM {view}").fetchall())
    found = sorted(tuple(map(plain, row)) for row in duck.execute(f"SELECT * FROM shop.{view}").fetchall())
    assert wanted
    assert [tuple(map(repr, row)) for row in found] == [tuple(map(repr, row)) for row in wanted]


@pytest.mark.parametrize("view", [v for v in VIEWS if v != "rejected_events"])
def test_figures_are_numbers(duck, view):
    types = {row[0]: row[1] for row in duck.execute(f"DESCRIBE shop.{view}").fetchall()}
    for name, kind in types.items():
        if name in AMOUNTS:
            assert kind == "DOUBLE", types
        elif name in COUNTS:
            assert kind == "BIGINT", types


def test_sums_are_made_of_them(duck):
    assert duck.execute("SELECT sum(total) FROM shop.sales_by_day WHERE bucket = '2100-03-01'").fetchone() == (10.0,)
    days = duck.execute("SELECT bucket, orders FROM shop.sales_by_day WHERE bucket < '2025' ORDER BY 1").fetchall()
    assert days == [("1970-01-01", 1), ("2024-02-29", 1), ("2024-05-01", -1)]
