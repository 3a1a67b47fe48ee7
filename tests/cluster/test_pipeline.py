# SPDX-License-Identifier: MIT
"""HTTP or a foreign producer -> Kafka -> processors -> Cassandra and MariaDB, against the reference.

CLUSTER_EVENTS is how many events the differential test takes.
"""

import datetime
import json
import time

import pytest

import harness
import pipeline
from reference import events
from servers import kafka as kafka_server
from servers.cassandra import Cassandra
from servers.kafka import Kafka
from servers.mysql import MariaDb

N_EVENTS = harness.number_of("CLUSTER_EVENTS", 20_000)
SEED = harness.number_of("DIFFERENTIAL_SEED", 1)


def line_of(order_id, **fields):
    return json.dumps(harness.order(order_id, **fields), ensure_ascii=False).encode()


@pytest.mark.timeout(300 + N_EVENTS // 100)
def test_two_processors_make_of_every_kind_of_event_what_the_reference_and_sqlite_make_of_it(shop, tmp_path):
    one = shop()
    door = one.ingest()
    one.processor()
    one.processor()
    now_ms = int(time.time() * 1000)
    made_by = f"seed {SEED}, now_ms {now_ms}"
    texts = list(events.Generator(SEED, now_ms, one.timezone).events(N_EVENTS))
    counts = pipeline.post_all(door, texts[: N_EVENTS // 2], chunk=200)
    assert sum(counts.values()) == N_EVENTS // 2, (counts, made_by)
    one.kafka.produce_lines(one.name, pipeline.keyed(texts[N_EVENTS // 2 :], one.currency, one.timezone))
    expected = one.check()
    assert len(expected.raw) > N_EVENTS // 3, made_by
    assert len(expected.rejected) > N_EVENTS // 40, made_by
    same_as_sqlite(one, texts, tmp_path)


def same_as_sqlite(one, texts, tmp_path):
    """The embedded pipeline makes the same aggregates of the same events. (Those too large for a broker's
    message are too large for it as well.)"""
    file = tmp_path / "events.ndjson"
    file.write_bytes(b"\n".join(texts) + b"\n")
    done = harness.run("load", file, "--data", tmp_path / "sqlite", "--currency", one.currency, "--timezone", one.timezone)
    assert done.returncode == 1, done.stderr  # some were rejected
    found, wanted = one.tables(), pipeline.as_texts(harness.stored_aggregates(tmp_path / "sqlite"))
    here, there = one.state(), harness.stored_counts(tmp_path / "sqlite")
    for table in pipeline.KEYS:
        floor = {"sales_by_minute": "minute_floor", "sales_by_hour": "hour_floor"}.get(table)
        floor = floor and max(here[floor], there[floor])
        different = harness.differences(pipeline.above(found[table], floor), pipeline.above(wanted[table], floor))
        assert not different, f"{table}:\n" + "\n".join(different)


def test_messages_of_foreign_producers_count_and_bad_ones_are_kept_as_rejected(shop):
    one = shop(partitions=3)
    good = [line_of(number, total=f"{number}.25") for number in range(300)]
    bad = [b"{", b"hello", b"\xff\xfe", b"[]", line_of("x" * 65), line_of(1, total="-3")]
    one.kafka.produce(one.name, [(None, value) for value in good])  # without a key, anywhere
    one.kafka.produce(one.name, [(b"a strange key", value) for value in bad])
    one.kafka.produce(one.name, [(b"7", None), (None, b""), (b"8", b"")])  # a tombstone and nothing at all
    processor = one.processor()
    expected = one.check()
    assert (len(expected.raw), len(expected.rejected), expected.skipped) == (300, len(bad), 3)
    assert one.state()["received"] == 300 + len(bad)
    said = harness.must_run("verify", "--aggregates", one.mysql.url(one.name), "--raw", one.raw, env=one.env)
    assert "306 events received: 300 accepted, 0 duplicate, 6 rejected; 3 messages without an event skipped\n" in said
    assert processor.metric("salestide_skipped_total") == 3
    assert processor.get("/readyz").status == 200


def test_names_keep_their_case_quotes_and_emoji(shop):
    one = shop(partitions=2)
    one.processor()
    names = ["ca", "CA", "Ca", "O'Brien", 'the "best"', "back\\slash", "🛒 emoji", "日本", "é", "e\u0301", "a%_b", ";--"]
    door = one.ingest()
    orders = [line_of(f"{n}-{k}", source=name, state=name, product_id=name, total=f"{k + 1}.0001")
              for n, name in enumerate(names) for k in range(3)]  # fmt: skip
    assert pipeline.post_all(door, orders)["accepted"] == len(orders)
    one.check()
    totals = one.tables()["sales_totals"]
    assert {key[0] for key in totals} == set(names)
    assert {sums["orders"] for sums in totals.values()} == {3}


def test_orders_of_a_customer_are_found_newest_first(shop):
    one = shop(partitions=3)
    one.processor()
    orders = [line_of(number, customer_id=number % 2, created_at=f"2024-05-{day:02}T10:00:00Z")
              for number, day in enumerate([3, 9, 1, 7, 5, 20, 11, 2])]  # fmt: skip
    one.kafka.produce(one.name, [(str(n).encode(), value) for n, value in enumerate(orders)])
    one.check()
    rows = one.cassandra.cql(f"SELECT order_id, created_at FROM {one.name}.orders_by_customer WHERE customer_id = %s", ("0",))
    days = [datetime.datetime.fromtimestamp(pipeline.ms_of(r.created_at) / 1000, datetime.timezone.utc).day for r in rows]
    assert days == [11, 5, 3, 1]
    assert [int(r.order_id) for r in rows] == [6, 4, 0, 2]


def test_the_same_order_counts_once_across_a_restart_a_rebalance_and_a_kill(shop):
    one = shop(partitions=2)
    keyed = [(str(n).encode(), line_of(n, total=f"{n}.10")) for n in range(40)]

    def again():
        one.kafka.produce(one.name, keyed)
        one.wait_drained()
        assert one.state()["accepted"] == len(keyed)

    first = one.processor()
    again()
    again()  # while it runs
    first.stop()
    first = one.processor()
    again()  # after a restart
    second = one.processor()
    again()  # after or while partitions move to a second one
    second.kill()
    again()  # after its kill
    first.kill()
    one.kafka.produce(one.name, keyed)  # while nobody processes
    one.processor()
    one.wait_drained()
    expected = one.check()
    assert len(expected.raw) == len(keyed)
    assert expected.reference.counts["duplicate"] == 5 * len(keyed)


def test_a_conflict_is_rejected_also_when_another_processor_took_the_order(shop):
    one = shop(partitions=1)
    first = one.processor()
    one.kafka.produce(one.name, [(b"1", line_of(1, total="1.00"))])
    one.wait_drained()
    first.stop()
    one.processor()
    one.kafka.produce(one.name, [(b"1", line_of(1, total="2.00")), (b"1", line_of(1, total="1.00"))])
    expected = one.check()
    assert expected.reference.counts == {"accepted": 1, "rejected": 1, "duplicate": 1}


def test_everything_over_tls_and_with_passwords(shop, tmp_path, certs):
    with Kafka(tmp_path / "kafka", secure=("SASL_SSL",), certs=certs) as kafka, \
            Cassandra(tmp_path / "cassandra", heap_mb=512, passwords=True, certs=certs) as cassandra, \
            MariaDb(tmp_path / "mariadb", {"require_secure_transport": "ON"}, certs) as mariadb:  # fmt: skip
        cassandra.create_user("sales", "of cassandra")
        secrets = {"SALESTIDE_KAFKA_PASSWORD": kafka_server.PASSWORD, "SALESTIDE_CASSANDRA_PASSWORD": "of cassandra"}
        to_kafka = ["--kafka-tls", "--kafka-ca", certs.ca, "--kafka-user", kafka_server.USER, "--kafka-sasl", "scram-sha-256"]
        to_stores = ["--cassandra-tls", "--cassandra-ca", certs.ca, "--mysql-tls", "verify", "--mysql-ca", certs.ca]
        one = shop(kafka=kafka, cassandra=cassandra, mysql=mariadb, env=secrets, set_up_options=to_stores, cassandra_user="sales")
        one.broker = kafka.url(one.name, "SASL_SSL")
        door = one.ingest(*to_kafka)
        one.processor(*to_kafka, *to_stores)
        orders = [line_of(n, total=f"{n}.33") for n in range(200)]
        assert pipeline.post_all(door, orders)["accepted"] == 200
        assert len(one.check().raw) == 200
        one.stop()


@pytest.mark.mysql8
def test_mysql8_gives_the_same_by_caching_sha2_password(shop, mysql8):
    one = shop(mysql=mysql8)
    now_ms = int(time.time() * 1000)
    door = one.ingest()
    one.processor()
    one.processor()
    texts = list(events.Generator(SEED + 7, now_ms, one.timezone).events(3000))
    pipeline.post_all(door, texts, chunk=200)
    assert len(one.check().raw) > 1000
    assert mysql8.sql("SELECT plugin FROM mysql.user WHERE user = 'sales'") == [("caching_sha2_password",)]


DAMAGES = [
    *(f"UPDATE {table} SET {column} = {column} + {step} LIMIT 1"
      for table in ("sales_totals", "sales_by_minute", "sales_by_hour", "sales_by_day")
      for column, step in (("orders", 1), ("units", 1), ("total", 0.0001), ("refunded_total", 0.0001))),
    *(f"DELETE FROM {table} WHERE total <> 0 LIMIT 1" for table in pipeline.KEYS),
    "UPDATE sales_by_product SET total = total - 0.0001 LIMIT 1",
    "UPDATE sales_by_day SET bucket = bucket + INTERVAL 1000 DAY ORDER BY total DESC LIMIT 1",
    "UPDATE total_sales_by_source_state SET total_sum_amount = total_sum_amount + 0.0001 LIMIT 1",
    "UPDATE pipeline_state SET duplicate = duplicate + 1, received = received + 1",
    "UPDATE pipeline_state SET late = late + 1",
    "DELETE FROM rejected_events LIMIT 1",
    "UPDATE rejected_events SET code = 'conflict' WHERE code <> 'conflict' LIMIT 1",
    "DELETE FROM pipeline_batches ORDER BY batch_id DESC LIMIT 1",
    "UPDATE recent_orders SET total = total + 1 LIMIT 1",
    "DELETE FROM recent_orders LIMIT 1",
]  # fmt: skip


def test_the_laws_of_this_suite_notice_every_kind_of_damage(shop):
    one = shop(partitions=2)
    texts = list(events.Generator(SEED + 3, int(time.time() * 1000), one.timezone).events(600))
    one.kafka.produce_lines(one.name, pipeline.keyed(texts, one.currency, one.timezone))
    one.processor()
    notices_damage(one, one.check())


def notices_damage(one, expected):
    for damage in DAMAGES:
        one.mysql.sql("START TRANSACTION")
        one.mysql.sql(damage, database=one.name)
        assert one.mysql.sql("SELECT ROW_COUNT()") == [(1,)], damage
        try:
            with pytest.raises(AssertionError):
                one.check(expected)
                pytest.fail(f"nobody noticed: {damage}", pytrace=False)
        finally:
            one.mysql.sql("ROLLBACK")
    one.check(expected)
    order_id = next(raw.identity[0] for raw in expected.raw.values() if raw.identity[1] == "placed")
    where = f"WHERE order_id = '{order_id.replace(chr(39), chr(39) * 2)}'"
    ((state,),) = one.cassandra.cql(f"SELECT state FROM {one.name}.orders {where}")
    for new, problem in (("elsewhere", AssertionError), (state, None)):
        one.cassandra.cql(f"UPDATE {one.name}.orders SET state = %s {where}", (new,))
        if problem:
            with pytest.raises(problem, match="raw rows"):
                one.check(expected)
        else:
            one.check(expected)
    one.cassandra.cql(f"DELETE FROM {one.name}.orders {where}")
    with pytest.raises(AssertionError, match="raw rows"):
        one.check(expected)
