# SPDX-License-Identifier: MIT
"""The views for BI tools in sales.db: what docs/data-dictionary.md says of them, local times, what an older file gets."""

import datetime
import shutil
import sqlite3
import zoneinfo

import pytest

import data_dictionary
import harness
from harness import order

UTC = datetime.timezone.utc
ZONE = "America/New_York"
# Around both changes of the clock, an hour that comes twice, ends of years, before the first row's beginning in
# local time, and the last year.
INSTANTS = ["1970-01-01T00:00:00Z", "1974-01-06T06:59:59.999Z", "1974-01-06T07:00:00Z", "2024-02-29T23:59:59.999Z",
            "2026-01-01T04:59:59Z", "2026-01-01T05:00:00Z", "2026-03-08T06:59:59.999Z", "2026-03-08T07:00:00Z",
            "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "2100-07-01T12:00:00.001Z", "2200-12-31T23:59:59Z"]  # fmt: skip


def utc(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def now():
    return datetime.datetime.now(UTC)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    one = harness.Server(tmp_path_factory.mktemp("bi"), "--timezone", ZONE)
    try:
        orders = [order(f"A-{n}", created_at=at, customer_id=f"c-{n}", state="CA" if n % 2 else "Bavaria") for n, at in enumerate(INSTANTS)]
        orders += [order(1, customer_id=7, tax="0.07", total="10.07", created_at=harness.instants.show(int(now().timestamp() * 1000)))]
        assert one.post(orders).json()["accepted"] == len(orders)
        assert one.post([order("A-3", event="refunded", event_id="r", total="4.00", created_at=INSTANTS[3])]).json()["accepted"] == 1
        items = [{"product_id": "x", "quantity": 1, "subtotal": "4.00"}, {"product_id": "y", "quantity": 1, "subtotal": "6.00"}]
        several = {k: v for k, v in order("S").items() if k not in {"product_id", "quantity"}}
        assert one.post([{**several, "items": items}]).json()["accepted"] == 1
        assert one.post(order(9, total="nonsense")).status == 422
        yield one
    finally:
        one.stop()


def rows_of(data, sql):
    with harness.database(data) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute(sql)]


def test_the_dictionary_has_every_view_and_column_and_its_types(shop):
    said = data_dictionary.read()
    with harness.database(shop.data) as db:
        names = {row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'view' AND name LIKE 'bi\\_%' ESCAPE '\\'")}
        assert set(said) == names
        for view, columns in said.items():
            assert [column for column, _, _ in columns] == [row[1] for row in db.execute(f"PRAGMA table_info({view})")], view
            for column, _, types in columns:
                found = {row[0] for row in db.execute(f"SELECT DISTINCT typeof({column}) FROM {view}")}
                assert found, (view, "is empty")
                assert found <= types, (view, column, found)


def test_local_times_are_those_of_the_zone(shop):
    found = {row["order_id"]: row for row in rows_of(shop.data, "SELECT * FROM bi_recent_orders")}
    for n, at in enumerate(INSTANTS):
        for zone, column in ((UTC, "created_at_utc"), (zoneinfo.ZoneInfo(ZONE), "created_at_local")):
            wanted = utc(at).astimezone(zone).replace(tzinfo=None).isoformat(" ", "milliseconds")
            assert found[f"A-{n}"][column] == wanted, (at, column)
    hours = rows_of(shop.data, "SELECT DISTINCT hour_utc, hour_local FROM bi_sales_by_hour")
    assert hours
    for row in hours:
        assert utc(row["hour_utc"] + "Z").astimezone(zoneinfo.ZoneInfo(ZONE)).strftime("%F %T") == row["hour_local"]


def test_views_have_the_figures_of_the_others(shop):
    def totals(view, key):
        sql = f"SELECT {key} AS at, source, state, currency, orders, units, subtotal, tax, total, refunds, refunded_total FROM {view} ORDER BY 1, 2, 3, 4"
        return [tuple(row.values()) for row in rows_of(shop.data, sql)]

    assert totals("bi_sales_by_day", "day") == totals("sales_by_day", "bucket")
    assert totals("bi_sales_by_hour", "replace(hour_utc, ' ', 'T') || 'Z'") == totals("sales_by_hour", "bucket")
    assert totals("bi_sales_by_minute", "replace(minute_utc, ' ', 'T') || 'Z'") == totals("sales_by_minute", "bucket")
    assert totals("bi_sales_totals", "0") == totals("sales_totals", "0")
    assert rows_of(shop.data, "SELECT * FROM bi_sales_by_product") == rows_of(shop.data, "SELECT * FROM sales_by_product")
    codes = rows_of(shop.data, "SELECT DISTINCT state, state_iso FROM bi_sales_totals ORDER BY 1")
    assert [tuple(row.values()) for row in codes] == [("(unknown)", None), ("Bavaria", None), ("CA", "US-CA")]


def test_today_and_the_clock_are_the_shops(shop):
    (row,) = rows_of(shop.data, "SELECT * FROM bi_shop")
    assert (row["currency"], row["time_zone"]) == ("USD", ZONE)
    assert abs(utc(row["now_utc"] + "Z") - now()) < datetime.timedelta(minutes=1)
    local = utc(row["now_utc"] + "Z").astimezone(zoneinfo.ZoneInfo(ZONE))
    assert (row["now_local"], row["today"]) == (local.strftime("%F %T"), local.strftime("%F"))
    # The days of which an order was placed while the test began, whatever midnight does meanwhile.
    days = rows_of(shop.data, "SELECT t.day, s.today, (SELECT max(day) FROM bi_sales_by_day WHERE day <= s.today) AS newest FROM bi_shop s LEFT JOIN bi_sales_today t")
    assert all(row["day"] in (None, row["today"]) for row in days)
    if days[0]["newest"] == days[0]["today"]:
        assert days[0]["day"] == days[0]["today"]
    (row,) = rows_of(shop.data, "SELECT * FROM bi_pipeline")
    (batch,) = rows_of(shop.data, f"SELECT * FROM bi_batches WHERE batch_id = {row['last_batch_id']}")
    assert batch["committed_at_utc"] == row["last_batch_at_utc"]
    assert 0 <= row["seconds_since_last_batch"] < 600
    assert row["received"] == row["accepted"] + row["duplicate"] + row["rejected"]


def test_a_file_of_an_earlier_program_or_of_other_rules_gets_its_local_times(shop, tmp_path):
    """Without the table, with a row too few, with another offset: each is mended by the next start."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    with harness.database(shop.data) as source, sqlite3.connect(data / "sales.db") as copy:
        source.backup(copy)
    before = rows_of(data, "SELECT * FROM bi_recent_orders")
    for damage in ("DROP TABLE shop_clock; DROP VIEW bi_recent_orders; DROP VIEW bi_shop", "DELETE FROM shop_clock WHERE utc_year = 2026",
                   "UPDATE shop_clock SET change_2 = change_2 + 1 WHERE utc_year = 2026", "UPDATE shop_clock SET offset_s = 0",
                   "INSERT INTO shop_clock (utc_year, offset_s) VALUES (1969, 0)"):  # fmt: skip
        with sqlite3.connect(data / "sales.db") as db:
            db.executescript(damage)
        server = harness.Server(tmp_path, data=data)
        server.stop()
        assert rows_of(data, "SELECT * FROM bi_recent_orders") == before, damage
        assert rows_of(data, "SELECT count(*) AS n FROM shop_clock") == [{"n": 231}], damage
    shutil.rmtree(data)
