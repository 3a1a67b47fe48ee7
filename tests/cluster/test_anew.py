# SPDX-License-Identifier: MIT
"""What is a duplicate, and which topic it is, whatever topics, stamps, tables and transactions do: on the real
servers, with the processor stopped, running, and started again."""

import json
import re
import time

import kafka as kafka_python
import pytest

import harness
import pipeline

pytestmark = pytest.mark.timeout(300)


def line_of(order_id, **fields):
    return json.dumps(harness.order(order_id, **fields)).encode()


def messages(first, n):
    return [(str(k).encode(), line_of(k, total="2.00")) for k in range(first, first + n)]


def make_anew(one, partitions):
    before = one.kafka.admin().describe_topics([one.name])[0].get("topic_id")
    one.kafka.admin().delete_topics([one.name])

    def made():
        try:
            one.kafka.create_topic(one.name, partitions)
        except Exception as problem:  # it is on its way out still
            assert "exist" in str(problem).lower(), problem
            return False
        return True

    harness.wait_until(made, 60, "the topic made anew")
    assert before is None or one.kafka.admin().describe_topics([one.name])[0].get("topic_id") != before


def command(one, name):
    done = harness.run(name, "--aggregates", one.mysql.url(one.name), "--raw", one.raw, env=one.env)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


def ended_with_the_reason(one, processor):
    harness.wait_until(lambda: processor.process.poll() is not None, 60, f"its end\n{processor.log}")
    assert processor.process.returncode == 1, processor.log
    lines = [line for line in processor.log.splitlines() if " error " in line and "made anew" in line]
    assert len(lines) == 1, processor.log
    assert "--skip-gap" in lines[0], lines
    assert len(re.findall(r"\b[A-Za-z0-9_-]{22}\b", lines[0])) >= 2, lines  # both ids


def goes_on_with_both_topics(one, n_old, n_new, total):
    one.processor("--skip-gap")
    one.wait_drained()
    harness.wait_until(lambda: one.state()["accepted"] == n_old + n_new, 60, f"all orders\n{one.logs()}")
    assert f"{n_old + n_new} orders, 0 adjustments" in command(one, "verify")
    one.stop()
    command(one, "rebuild")
    command(one, "verify")
    assert sum(sums["total"] for sums in one.tables()["sales_totals"].values()) == total


def test_a_topic_made_anew_and_longer_than_the_old_position_stops_the_processor(shop):
    one = shop(partitions=2)
    one.kafka.produce(one.name, messages(0, 100))
    processor = one.processor()
    one.wait_drained()
    processor.stop()
    make_anew(one, 2)
    one.kafka.produce(one.name, messages(1000, 600))
    before = one.tables(), one.positions(), one.state()
    stuck = one.processor(wait=False)
    ended_with_the_reason(one, stuck)
    assert (one.tables(), one.positions(), one.state()) == before
    goes_on_with_both_topics(one, 100, 600, 700 * 20_000)


def test_a_topic_made_anew_while_it_is_read_stops_the_processor_and_nothing_of_it_counts(shop):
    one = shop(partitions=1)
    one.kafka.produce(one.name, messages(0, 100))
    processor = one.processor()
    one.wait_drained()
    make_anew(one, 1)
    one.kafka.produce(one.name, messages(1000, 600))
    ended_with_the_reason(one, processor)
    assert one.positions() == {0: 100}
    assert one.state()["accepted"] == 100
    goes_on_with_both_topics(one, 100, 600, 700 * 20_000)


def test_another_topic_into_the_same_aggregates_verifies_and_rebuilds(shop):
    one = shop(partitions=2)
    first, second = one.broker, one.kafka.create_topic(f"{one.name}-second", 3)
    topics = one.name, f"{one.name}-second"

    def count(broker, topic, numbered, total):
        one.kafka.produce(topic, numbered)
        one.broker = broker
        processor = one.processor()
        harness.wait_until(lambda: one.state()["accepted"] >= total, 60, f"all orders\n{one.logs()}")
        assert one.state()["accepted"] == total
        assert f"{total} orders, 0 adjustments" in command(one, "verify")
        processor.stop()
        before = one.tables()
        assert f"from {total} orders and 0 adjustments: 0 cells changed" in command(one, "rebuild")
        assert one.tables() == before
        assert sum(sums["total"] for sums in before["sales_totals"].values()) == total * 20_000
        assert f"{total} orders, 0 adjustments" in command(one, "verify")

    count(first, topics[0], messages(0, 100), 100)
    count(second, topics[1], messages(1000, 50), 150)  # its offsets are below those of the first
    count(first, topics[0], messages(2000, 30), 180)
    one.broker = second
    processor = one.processor()
    one.kafka.produce(topics[1], messages(1000, 5))  # counted from this topic
    harness.wait_until(lambda: one.state()["duplicate"] == 5, 60, f"repeats\n{one.logs()}")
    processor.stop()
    rows = one.mysql.sql("SELECT topic, sum(next_offset) FROM pipeline_positions WHERE next_offset >= 0 GROUP BY topic",
                         database=one.name)  # fmt: skip
    assert {topic: int(n) for topic, n in rows} == {topics[0]: 130, topics[1]: 55}
    lanes = one.mysql.sql("SELECT topic, lane FROM pipeline_lanes", database=one.name)
    assert len({lane for _, lane in lanes}) == len(lanes) == 5, "a position has to tell the topic"
    assert len({row.position for row in one.raw_rows().values()}) == 180


def test_times_of_events_days_ago_or_ahead_move_no_window_across_a_restart(shop):
    one = shop(partitions=1)
    now_ms, day_ms = int(time.time() * 1000), 86_400_000

    def send(numbered):
        sender = kafka_python.KafkaProducer(bootstrap_servers=one.kafka.bootstrap().split(","), acks="all")
        try:
            for n, stamp in numbered:
                sender.send(one.name, key=str(n).encode(), value=line_of(n), timestamp_ms=stamp)
            sender.flush(timeout=60)
        finally:
            sender.close(timeout=10)
        one.wait_drained()

    # As a backfill writes: each message an hour after the one before, for twenty days, none of today.
    stamps = [now_ms - 40 * day_ms + n * day_ms // 24 for n in range(480)]
    processor = one.processor("--dedupe-window", "24h")
    send(enumerate(stamps))
    processor.stop()
    processor = one.processor("--dedupe-window", "24h")
    send((n, stamps[n] + 1000) for n in range(470, 480))  # seconds later
    assert (one.state()["accepted"], one.state()["duplicate"]) == (480, 10)
    processor.kill()
    processor = one.processor("--dedupe-window", "24h")
    send([(1000, now_ms + 50 * 60_000)])  # a clock ahead, further than the window
    send((n, stamps[n] + 2000) for n in range(470, 480))
    processor.kill()
    one.processor("--dedupe-window", "24h")
    send((n, stamps[n] + 3000) for n in range(475, 480))
    assert (one.state()["accepted"], one.state()["duplicate"]) == (481, 25)


def test_an_order_that_was_refused_counts_when_it_comes_again_after_the_table_was_mended_and_a_restart(shop):
    def make_tables(one):
        one.cassandra.create_keyspace(one.name)
        one.cassandra.cql(f"CREATE TABLE {one.name}.orders (order_id int PRIMARY KEY, created_at text, customer_id int, "
                          "discount float, product_id text, quantity int, subtotal float, tax float, timestamp text, "
                          "total float)")  # fmt: skip

    one = shop(partitions=1, made_by_hand=make_tables)
    processor = one.processor()
    one.kafka.produce(one.name, [(b"A-1", line_of("A-1")), *messages(0, 40)])
    one.wait_drained()
    assert (one.state()["accepted"], one.state()["rejected"]) == (40, 1)
    processor.stop()
    one.cassandra.cql(f"DROP TABLE {one.name}.orders")
    one.set_up()
    one.processor()
    one.kafka.produce(one.name, [(b"A-1", line_of("A-1")), *messages(0, 1), (b"A-1", line_of("A-1"))])
    one.wait_drained()
    state = one.state()
    assert (state["accepted"], state["duplicate"], state["rejected"]) == (41, 2, 1)


def lag_is_0(one, processor):
    return sum(processor.metric("salestide_kafka_lag_messages", partition=str(p)) for p in one.positions()) == 0


def ready_at(one, processor, end):
    harness.wait_until(lambda: processor.get("/readyz").status == 200, 30, f"readiness\n{processor.log}")
    harness.wait_until(lambda: one.positions() == {0: end}, 30, f"the position {end}\n{one.logs()}")
    harness.wait_until(lambda: lag_is_0(one, processor), 30, "no lag")


def test_a_partition_that_ends_in_an_aborted_transaction_is_ready_and_has_no_lag(shop):
    one = shop(partitions=1)
    sender = kafka_python.KafkaProducer(bootstrap_servers=one.kafka.bootstrap().split(","), acks="all",
                                        transactional_id=f"{one.name}-shop", enable_idempotence=True)  # fmt: skip

    def transaction(first, n, ends, end):
        sender.begin_transaction()
        for key, value in messages(first, n):
            sender.send(one.name, key=key, value=value)
        sender.flush(timeout=60)
        ends()
        harness.wait_until(lambda: one.kafka.end_offsets(one.name)[0] == end, 30, "the mark")

    try:
        sender.init_transactions()
        transaction(500, 1, sender.abort_transaction, 2)
        for _ in range(2):  # a partition with nothing else in it; then as history
            processor = one.processor()
            ready_at(one, processor, 2)
            processor.kill()
        processor = one.processor()
        transaction(0, 20, sender.commit_transaction, 23)
        transaction(600, 20, sender.abort_transaction, 44)
        ready_at(one, processor, 44)
    finally:
        sender.close(timeout=10)
    processor.kill()
    ready_at(one, one.processor(), 44)
    assert one.state()["accepted"] == 20
