# SPDX-License-Identifier: MIT
"""The views for BI tools in MariaDB and MySQL: what docs/data-dictionary.md says of them, and local times."""

import datetime
import re
import zoneinfo

import pytest

import data_dictionary
import harness
from servers import mysql as mysql_server

ZONE = zoneinfo.ZoneInfo("America/New_York")
UTC = datetime.timezone.utc
INSTANTS = ["1970-01-01 00:00:00.000", "1974-01-06 06:59:59.999", "1974-01-06 07:00:00.000", "2026-01-01 04:59:59.000",
            "2026-03-08 06:59:59.999", "2026-03-08 07:00:00.000", "2026-11-01 05:30:00.000", "2026-11-01 06:30:00.000",
            "2100-07-01 12:00:00.001", "2200-12-31 23:59:59.000"]  # fmt: skip


def set_up(server, name, timezone=ZONE.key):
    url = server.create_database(name)
    harness.must_run("setup", "--aggregates", url, "--timezone", timezone, env={"SALESTIDE_MYSQL_PASSWORD": mysql_server.PASSWORD})
    return name


def local(at):
    return at.replace(tzinfo=UTC).astimezone(ZONE).replace(tzinfo=None)


def holds_its_dictionary(server, name):
    set_up(server, name)
    said = data_dictionary.read()
    found = {}
    for view, column, kind in server.sql(
        "SELECT table_name, column_name, column_type FROM information_schema.columns WHERE table_schema = %s AND table_name LIKE 'bi\\_%%' "
        "ORDER BY table_name, ordinal_position", [name]):  # fmt: skip
        kind = (kind if isinstance(kind, str) else kind.decode()).split(" /*")[0]  # MariaDB marks what it computes
        found.setdefault(view, []).append((column, re.sub(r"^(bigint|int)\(\d+\)", r"\1", kind)))
    assert found == {view: [(column, mysql) for column, mysql, _ in columns] for view, columns in said.items()}


def test_the_dictionary_has_every_view_and_column_and_its_types(mariadb, own_name):
    holds_its_dictionary(mariadb, own_name)


@pytest.mark.mysql8
def test_the_dictionary_has_every_view_and_column_and_its_types_on_mysql8(mysql8, own_name):
    holds_its_dictionary(mysql8, own_name)


def shows_the_shops_local_times(server, name):
    set_up(server, name)
    for n, at in enumerate(INSTANTS):
        server.sql("INSERT INTO recent_orders SET order_id = %s, created_at = %s, discount = 0, quantity = 1, subtotal = 1, tax = 0, timestamp = '2026-01-01', "
                   "total = 1, source = 'A', state = 'CA', currency = 'USD', shipping = 0, position = 1", [str(n), at], database=name)  # fmt: skip
        server.sql("INSERT INTO sales_by_hour SELECT TIMESTAMPADD(HOUR, TIMESTAMPDIFF(HOUR, '1970-01-01', %s), '1970-01-01'), 'A', %s, 'USD', 1, 1, 1, 0, 0, 0, 1, 0, 0, 0",
                   [at, str(n)])  # fmt: skip
    for view, column in (("bi_recent_orders", "created_at"), ("bi_sales_by_hour", "hour")):
        rows = server.sql(f"SELECT {column}_utc, {column}_local, state_iso FROM {view}")
        assert len(rows) == len(INSTANTS)
        for at, shown, _ in rows:
            assert shown == local(at), at
    assert {row[2] for row in server.sql("SELECT created_at_utc, total, state_iso FROM bi_recent_orders")} == {"US-CA"}
    (now, shown, today) = server.sql("SELECT now_utc, now_local, today FROM bi_shop")[0]
    assert abs(now.replace(tzinfo=UTC) - datetime.datetime.now(UTC)) < datetime.timedelta(minutes=1)
    assert (shown, today) == (local(now), local(now).date())


def test_local_times_are_those_of_the_zone(mariadb, own_name):
    shows_the_shops_local_times(mariadb, own_name)


@pytest.mark.mysql8
def test_local_times_are_those_of_the_zone_on_mysql8(mysql8, own_name):
    shows_the_shops_local_times(mysql8, own_name)


def test_today_has_the_rows_of_the_shops_date(mariadb, own_name):
    set_up(mariadb, own_name)
    for days in (-1, 0, 1):
        mariadb.sql("INSERT INTO sales_by_day SELECT today + INTERVAL %s DAY, 'A', %s, 'USD', 1, 1, 1, 0, 0, 0, 1, 0, 0, 0 FROM bi_shop", [days, str(days)])
    rows = mariadb.sql("SELECT t.state, s.today = d.bucket FROM bi_sales_today t JOIN sales_by_day d ON d.state = t.state JOIN bi_shop s")
    assert len(rows) == 1
    assert rows[0][1] == 1  # also when midnight was in between


def test_setup_brings_other_rules_of_the_zone_in(mariadb, own_name):
    set_up(mariadb, own_name)
    before = mariadb.sql("SELECT * FROM shop_clock", database=own_name)
    assert len(before) == 231
    mariadb.sql("UPDATE shop_clock SET offset_s = 0, change_1 = NULL")
    mariadb.sql("DELETE FROM shop_clock WHERE utc_year = 2000")
    url = mariadb.url(own_name)
    harness.must_run("setup", "--aggregates", url, env={"SALESTIDE_MYSQL_PASSWORD": mysql_server.PASSWORD})
    assert mariadb.sql("SELECT * FROM shop_clock") == before


def test_a_question_about_a_few_minutes_reads_no_others(mariadb, own_name):
    """Local times must not make the server fill a temporary table with the whole view."""
    set_up(mariadb, own_name)
    plan = mariadb.sql("EXPLAIN SELECT minute_local, SUM(total) FROM bi_sales_by_minute WHERE minute_utc >= '2026-01-01' GROUP BY 1", database=own_name)
    assert not [row for row in plan if "DERIVED" in row[1]], plan
    assert {row[3] for row in plan if row[2] == "sales_by_minute"} == {"range"}, plan
