# SPDX-License-Identifier: MIT
"""Tables in MariaDB as earlier programs made them, all under schema version 1: tests/data/mysql has a dump of each form, written by
`setup` and `process` of the last commit that made it, after the five messages below. Each program of today says in a line what to do;
`setup` brings them forward with every sum, and counting goes on in the same topic."""

import base64
import decimal
import json
import uuid

import kafka as kafka_python
import pytest

import harness
from servers import mysql as mysql_server

FIXTURES = sorted((harness.ROOT / "tests/data/mysql").glob("*.sql"))
ENV = {"SALESTIDE_MYSQL_PASSWORD": mysql_server.PASSWORD}
ZONE = ("--timezone", "America/New_York")
FIRST_ARRIVAL_MS = 1_769_990_400_000
PLACE = {"created_at": "2026-01-31T10:00:00-05:00", "source": "GOOGLE", "state": "CA"}
MUG = {**PLACE, "product_id": "mug", "quantity": 2, "subtotal": "25.00", "shipping": "4.90", "tax": "2.00", "total": "31.90"}
EVENTS = [
    {"order_id": 1, "customer_id": 7, **MUG},
    {"order_id": "A-2", "customer_id": "ann", **PLACE, "source": "BING", "state": "NY", "currency": "EUR", "subtotal": "15.50", "total": "15.50",
     "items": [{"product_id": "mug", "quantity": 1, "subtotal": "12.50"}, {"product_id": 9, "quantity": 3, "subtotal": "3.00"}]},
    {"order_id": 3, **MUG, "created_at": "2026-01-31T12:00:00-05:00", "state": "NY", "product_id": 9, "quantity": 1, "subtotal": "1.00",
     "shipping": "0", "tax": "0", "total": "1.00"},
    {"order_id": 1, "customer_id": 7, **MUG},
    {"order_id": 4, **MUG, "subtotal": "0", "shipping": "0", "tax": "0", "total": "-1"},
]  # fmt: skip
KEPT_FOR_EVER = ("sales_totals", "sales_by_day", "sales_by_product", "currency_gross", "total_sales_by_source_state")
TAKEN = ("sales_by_hour", "sales_by_minute", "recent_orders", "rejected_events", "rejected_retries", "pipeline_batches", "pipeline_state", *KEPT_FOR_EVER)


def said(done):
    return (done.stdout + done.stderr).decode()


def produce(kafka, topic, events):
    """Of one partition, as ingest would have sent them at that time."""
    producer = kafka_python.KafkaProducer(bootstrap_servers=kafka.bootstrap().split(","), acks="all")
    for n, event in enumerate(events):
        producer.send(topic, key=str(event["order_id"]).encode(), value=json.dumps(event).encode(), partition=1,
                      timestamp_ms=FIRST_ARRIVAL_MS + n * 1000).get(60)  # fmt: skip
    producer.close(timeout=10)


@pytest.fixture(params=FIXTURES, ids=lambda one: one.stem)
def older(request, kafka, mariadb, own_name):
    """(database's URL, topic's URL): a dump restored, and the topic that it was counted from."""
    broker = kafka.create_topic(own_name, 2)
    produce(kafka, own_name, EVENTS)
    topic_id = kafka.admin().describe_topics([own_name])[0]["topic_id"]
    text = request.param.read_text("utf-8").replace("{topic}", own_name).replace("{topic_id}", kafka_text(topic_id))
    url = mariadb.create_database(own_name)
    for statement in text.split(";\n"):
        if statement.strip():
            mariadb.sql(statement, database=own_name)
    return url, broker


def kafka_text(topic_id):
    """A topic's id as Kafka's own tools write it."""
    return base64.urlsafe_b64encode(uuid.UUID(str(topic_id)).bytes).decode().rstrip("=")


def rows(mariadb, name, tables):
    return {table: mariadb.sql(f"SELECT * FROM {table} ORDER BY 1, 2", database=name) for table in tables}


def shape(mariadb, name):
    """{table or view: its columns in any order, keys}, without defaults, which columns that were added have."""
    columns = mariadb.sql("SELECT table_name, column_name, column_type, is_nullable FROM information_schema.columns WHERE table_schema = %s "
                          "ORDER BY 1, 2", (name,))  # fmt: skip
    keys = mariadb.sql("SELECT table_name, index_name = 'PRIMARY', seq_in_index, column_name FROM information_schema.statistics "
                       "WHERE table_schema = %s ORDER BY 1, 2, 3", (name,))  # fmt: skip
    return columns, keys


class Program(harness.Server):
    def __init__(self, command, *arguments, **more):
        self.command = command
        super().__init__(*arguments, env=ENV, **more)

    def own_options(self):
        return []


def test_there_is_a_dump_of_each_form():
    """Of a table or column that comes later a dump of the form before is wanted, too: docs/operations.md lists what each lacks."""
    assert [one.stem for one in FIXTURES] == ["before-changes", "before-day-changes", "before-lanes", "before-sent-hash", "before-shop-clock"]


def test_those_who_write_say_in_a_line_that_setup_has_to_run_and_readers_show_what_is_there(older, own_name, mariadb, tmp_path):
    url, broker = older
    before = shape(mariadb, own_name), rows(mariadb, own_name, TAKEN)
    for command in ("process", "serve"):
        done = harness.run(command, "--broker", broker, "--raw", "none", "--aggregates", url, "--listen", "127.0.0.1:0", env=ENV, timeout=60)
        lines = [line for line in said(done).splitlines() if line.startswith("salestide ")]
        assert (done.returncode, len(lines)) == (2, 1), said(done)
        # Not by an ALTER TABLE of one's own: positions need their lanes.
        assert "`salestide setup --aggregates URL`" in lines[0] and "ALTER" not in lines[0], lines
    page = Program("dashboard", tmp_path, "--aggregates", url)
    rows_of_sales = page.get("/v1/sales").json()["rows"]
    assert {(one["source"], one["currency"], one["total"]) for one in rows_of_sales} == \
        {("GOOGLE", "USD", "31.9000"), ("GOOGLE", "USD", "1.0000"), ("BING", "EUR", "15.5000")}  # fmt: skip
    rejected = page.get("/v1/rejected")
    assert rejected.status == 200 or (rejected.status == 503 and "`salestide setup --aggregates URL`" in rejected.json()["detail"]), rejected
    page.stop()
    for command in (["verify", "--raw", "none"], ["rejected", "list"]):
        done = harness.run(*command, "--aggregates", url, env=ENV, timeout=60)
        assert done.returncode == 0 or "`salestide setup --aggregates URL`" in said(done).splitlines()[-1], said(done)
    assert (shape(mariadb, own_name), rows(mariadb, own_name, TAKEN)) == before


def test_setup_brings_them_forward_and_counting_goes_on(older, kafka, own_name, mariadb, tmp_path):
    url, broker = older
    before = rows(mariadb, own_name, TAKEN)
    set_up = ("setup", "--raw", "none", *ZONE)
    for _ in range(2):
        harness.must_run(*set_up, "--aggregates", url, env=ENV)
        assert rows(mariadb, own_name, TAKEN) == before
    fresh = f"{own_name}_fresh"
    harness.must_run(*set_up, "--aggregates", mariadb.create_database(fresh), env=ENV)
    assert shape(mariadb, own_name) == shape(mariadb, fresh)
    # The same again, another with the same id, and a new one.
    produce(kafka, own_name, [*EVENTS[:3], {**EVENTS[2], "total": "2.00", "subtotal": "2.00"}, {"order_id": 5, **MUG}])
    one = Program("process", tmp_path, "--broker", broker, "--raw", "none", "--aggregates", url)
    harness.wait_until(lambda: mariadb.sql("SELECT received FROM pipeline_state", database=own_name) == [(10,)], 60, f"ten events\n{one.log}", 0.1)
    one.stop()
    assert mariadb.sql("SELECT accepted, duplicate, rejected FROM pipeline_state", database=own_name) == [(4, 4, 2)]
    after, grown = rows(mariadb, own_name, KEPT_FOR_EVER), []
    for table in KEPT_FOR_EVER:
        gone, come = (set(first[table]) - set(then[table]) for first, then in ((before, after), (after, before)))
        grown.append((len(gone), len(come)))
    assert grown == [(1, 1)] * len(KEPT_FOR_EVER)  # the one row of the new order
    assert mariadb.sql("SELECT orders, units, total FROM sales_totals WHERE source = 'GOOGLE' AND state = 'CA'", database=own_name) == \
        [(2, 4, decimal.Decimal("63.8000"))]  # fmt: skip
    assert "4 orders, 0 adjustments" in harness.must_run("verify", "--raw", "none", "--aggregates", url, env=ENV)
