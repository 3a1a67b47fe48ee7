# SPDX-License-Identifier: MIT
"""`salestide forget` on Cassandra and MariaDB, beside a processor: no row names the customer, every sum stays."""

import json

import harness
import pipeline
from harness import order
from servers import mysql as mysql_server

WHO = "ann.smith-4711@example.com"
RAW_TABLES = ("orders", "order_adjustments", "orders_by_customer")


def forget(one, *options, who=WHO):
    return harness.must_run("forget", "--customer", who, "--aggregates", one.mysql.url(one.name), "--raw", one.raw, *options, env=one.env)


def customers(one, table):
    return [row.customer_id for row in one.cassandra.cql(f"SELECT customer_id FROM {one.name}.{table}")]


def test_a_customer_is_in_no_row_of_the_cluster_and_every_sum_is_as_it_was(shop):
    one = shop()
    door = one.ingest()
    one.processor()
    events = [order(k, customer_id=WHO if k % 5 == 0 else f"other-{k}", source="S", state="CA", created_at="2026-11-01T10:00:00Z") for k in range(500)]
    events += [order(k, event="refunded", event_id="r", customer_id=WHO, created_at="2026-11-01T11:00:00Z") for k in (5, 6)]
    bad = [order("b1", customer_id=WHO, total="-1"), order("b2", customer_id="other-2", total="-1")]
    pipeline.post_all(door, [json.dumps(each).encode() for each in events])
    pipeline.post_all(door, [json.dumps(each).encode() for each in bad])
    one.wait_drained()
    before, state = one.tables(), one.state()
    assert customers(one, "orders").count(WHO) == len(customers(one, "orders_by_customer")) - 400 == 100

    said = forget(one)
    assert "100 orders, 2 cancellations and refunds, 100 of the newest orders beside aggregates, 1 rejected events" in said
    for table in RAW_TABLES:
        assert WHO not in customers(one, table)
    assert customers(one, "orders").count("") == 100
    assert len(customers(one, "orders_by_customer")) == 400
    for table in ("recent_orders", "rejected_events"):
        rows = one.mysql.sql(f"SELECT * FROM {table}", database=one.name)
        assert WHO not in str(rows)
        assert "other-2" in str(rows)
    assert (one.tables(), one.state()) == (before, state)
    for command in ("verify", "rebuild"):
        harness.must_run(command, "--aggregates", one.mysql.url(one.name), "--raw", one.raw, env=one.env)
    assert one.tables() == before
    assert "0 orders, 0 cancellations and refunds, 0 of the newest orders beside aggregates, 0 rejected events" in forget(one)

    pipeline.post_all(door, [json.dumps(order(5, customer_id=WHO, source="S", state="CA", created_at="2026-11-01T10:00:00Z")).encode()])
    one.wait_drained()
    assert one.state()["duplicate"] == state["duplicate"] + 1
    assert WHO not in customers(one, "orders")


EVENT = ("created_at timestamp, customer_id {}, product_id text, quantity int, subtotal decimal, discount decimal, shipping decimal, tax decimal, "
         "total decimal, currency text, source text, state text, items text, \"timestamp\" timestamp, position bigint")  # fmt: skip


def make_tables_with_numbers(one):
    one.cassandra.create_keyspace(one.name)
    one.cassandra.cql(f"CREATE TABLE {one.name}.orders (order_id text PRIMARY KEY, {EVENT.format('bigint')})")
    one.cassandra.cql(f"CREATE TABLE {one.name}.order_adjustments (order_id text, event text, event_id text, {EVENT.format('int')}, "
                      "PRIMARY KEY ((order_id), event, event_id))")  # fmt: skip


def test_where_a_customer_is_a_number_the_column_becomes_null_and_every_sum_stays(shop):
    one = shop(made_by_hand=make_tables_with_numbers, partitions=2)
    door = one.ingest()
    one.processor()
    events = [order(k, customer_id=4711 if k % 5 == 0 else k, source="S", state="CA", created_at="2026-11-01T10:00:00Z") for k in range(200)]
    events += [order(k, event="refunded", event_id="r", customer_id=who, created_at="2026-11-01T11:00:00Z") for k, who in ((5, 4711), (6, 6))]
    pipeline.post_all(door, [json.dumps(each).encode() for each in events])
    one.wait_drained()
    before = one.tables()
    assert customers(one, "orders").count(4711) == 40
    assert sorted(customers(one, "order_adjustments")) == [6, 4711]

    said = forget(one, who=4711)
    assert "40 orders, 1 cancellations and refunds, 40 of the newest orders beside aggregates, 0 rejected events" in said
    assert sorted(customers(one, "orders"), key=str) == sorted([None] * 40 + [k for k in range(200) if k % 5], key=str)
    assert sorted(customers(one, "order_adjustments"), key=str) == [6, None]
    assert "4711" not in customers(one, "orders_by_customer")
    for command in ("verify", "rebuild"):
        harness.must_run(command, "--aggregates", one.mysql.url(one.name), "--raw", one.raw, env=one.env)
    assert one.tables() == before
    assert "0 orders, 0 cancellations and refunds, 0 of the newest orders beside aggregates, 0 rejected events" in forget(one, who=4711)


def test_raw_orders_in_a_file_beside_mysql_are_reached_by_raw_sqlite(mariadb, tmp_path, own_name):
    file = tmp_path / "orders.ndjson"
    file.write_bytes(harness.lines(order(1, customer_id=WHO), order(2, customer_id="bob")))
    mariadb.create_database(own_name)
    env = {"SALESTIDE_MYSQL_PASSWORD": mysql_server.PASSWORD}
    url = mariadb.url(own_name)
    harness.must_run("setup", "--aggregates", url, env=env)
    harness.must_run("load", file, "--data", tmp_path / "data")
    done = harness.run("forget", "--customer", WHO, "--aggregates", url, "--raw", "sqlite", "--data", tmp_path / "data", env=env)
    assert done.returncode == 0, done
    assert b"forgotten in " in done.stdout
    assert b" 1 orders, " in done.stdout
