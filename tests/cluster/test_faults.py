# SPDX-License-Identifier: MIT
"""What breaks while orders come in, and the laws afterwards: nothing acknowledged is lost, nothing counts
twice, and every sum is that of the topic. FAULT_SEED makes the orders; it is printed.
"""

import json
import os
import random
import signal
import time

import pytest

import harness
import ledger
import load
import pipeline
from reference import events
from servers import mysql as mysql_server
from servers.kafka import Kafka
from servers.proxy import Proxy

SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 10**9))
SESSION_S = pipeline.SESSION_TIMEOUT_S
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def books():
    print(f"FAULT_SEED={SEED}")
    return ledger.Ledger(SEED)


def settle(one, books):
    """The end of each test: all that was acknowledged is processed, once."""
    expected = one.check()
    one.check_books(books)
    assert expected.reference.counts["accepted"] >= len(books.acknowledged) > 0
    return expected


def is_missed(processor, name):
    answer = processor.get("/readyz")
    return answer.status == 503 and name.encode() in answer.body


# --- the processors


def test_the_other_processor_goes_on_when_one_is_killed(shop, books):
    one = shop()
    door, first, _ = one.ingest(), one.processor(), one.processor()
    with load.orders(door, books) as acknowledged:
        acknowledged(500)
        one.wait_moving()
        first.kill()
        acknowledged(500)
    settle(one, books)


def test_all_processors_killed_and_started_again_lose_and_double_nothing(shop, books):
    one = shop()
    door = one.ingest()
    rng = random.Random(SEED)
    with load.orders(door, books) as acknowledged:
        for _ in range(4):
            both = one.processor(), one.processor()
            acknowledged(300)
            one.wait_moving(one.n_done())
            time.sleep(rng.uniform(0, 0.3))
            for processor in both:
                processor.kill()
        acknowledged(200)
    one.processor()
    settle(one, books)


@pytest.mark.parametrize("nth", [1, 3])
@pytest.mark.parametrize(
    "point", ["engine-before-commit", "split-after-raw", "split-after-commit", "engine-after-commit", "engine-before-settle"]
)
def test_a_kill_between_raw_rows_aggregates_and_their_answer_changes_nothing(shop, books, point, nth):
    one = shop(partitions=2)
    door = one.ingest()
    program = harness.binary("SALESTIDE_FAULT_BIN", "build/faults/salestide")
    with load.orders(door, books) as acknowledged:
        acknowledged(100)
        doomed = one.processor(program=program, env={"SALESTIDE_FAULT": f"{point}:{nth}"}, wait=False)
        harness.wait_until(lambda: doomed.process.poll() is not None, 60, f"the kill at {point}")
        assert doomed.process.returncode == -signal.SIGKILL, doomed.log
    one.processor()
    settle(one, books)


# With a backlog batches are judged while the one before is on its way to MySQL.
@pytest.mark.parametrize(("point", "nth"), [
    ("engine-handed-over", 1), ("engine-judged-ahead", 2), ("aggregates-after-commit", 3),
    *(pytest.param(point, nth, marks=pytest.mark.full)
      for point, nth in (("engine-handed-over", 3), ("engine-judged-ahead", 4), ("aggregates-after-cells", 3),
                         ("aggregates-before-commit", 3), ("split-after-raw", 4), ("split-after-commit", 3),
                         ("engine-before-commit", 4))),
])  # fmt: skip
def test_a_kill_with_two_batches_in_flight_changes_nothing(shop, point, nth):
    one = shop(partitions=2)
    texts = list(events.Generator(SEED, int(time.time() * 1000), one.timezone).events(6_000))
    one.kafka.produce_lines(one.name, pipeline.keyed(texts, one.currency, one.timezone))
    program = harness.binary("SALESTIDE_FAULT_BIN", "build/faults/salestide")
    small = ("--log-batch-events", "300")
    doomed = one.processor(*small, program=program, env={"SALESTIDE_FAULT": f"{point}:{nth}"}, wait=False)
    harness.wait_until(lambda: doomed.process.poll() is not None, 60, f"the kill at {point}")
    assert doomed.process.returncode == -signal.SIGKILL, doomed.log
    one.processor(*small)
    assert len(one.check().raw) > 2500


@pytest.mark.parametrize(("point", "nth"), [("engine-handed-over", 1), ("engine-judged-ahead", 2)])
def test_a_processor_that_is_told_to_stop_under_a_backlog_commits_what_it_has_judged(shop, point, nth):
    """SIGTERM comes when a batch was handed over, and with it 1,000 messages or more wait behind it."""
    one = shop(partitions=2)
    texts = list(events.Generator(SEED, int(time.time() * 1000), one.timezone).events(6_000))
    one.kafka.produce_lines(one.name, pipeline.keyed(texts, one.currency, one.timezone))
    program = harness.binary("SALESTIDE_FAULT_BIN", "build/faults/salestide")
    first = one.processor("--log-batch-events", "300", program=program, env={"SALESTIDE_FAULT": f"{point}:{nth}:stop"},
                          wait=False)  # fmt: skip
    harness.wait_until(lambda: first.process.poll() is not None, 60, f"the end at {point}")
    assert first.process.returncode == 0, first.log
    assert 0 < one.n_done() < sum(one.kafka.end_offsets(one.name).values())
    one.processor()
    assert len(one.check().raw) > 2500


def test_a_processor_that_slept_past_its_session_cannot_commit_what_another_has_taken(shop, books):
    one = shop()
    door, sleeper = one.ingest(), one.processor()
    with load.orders(door, books) as acknowledged:
        acknowledged(300)
        one.wait_moving()
        before = one.epochs()
        sleeper.signal(signal.SIGSTOP)
        other = one.processor()
        acknowledged(300)
        # A transaction that it had open keeps its locks until the server gives it up or it goes on.
        harness.wait_until(lambda: any(epoch != before.get(p) for p, epoch in one.epochs().items()), 60,
                           "the take-over by the other")  # fmt: skip
        one.wait_moving(one.n_done(), timeout_s=60)
        sleeper.signal(signal.SIGCONT)
        acknowledged(300)
        one.wait_moving(one.n_done())
    settle(one, books)
    for processor in (sleeper, other):
        assert processor.process.poll() is None, processor.log
        harness.wait_until(lambda p=processor: p.get("/readyz").status == 200, 30, f"readiness\n{processor.log}")


@pytest.mark.parametrize("protocol", ["classic", pytest.param("consumer", marks=pytest.mark.full)])
def test_partitions_that_move_in_the_middle_of_batches_count_once(shop, books, protocol):
    one = shop()
    door = one.ingest()
    rng = random.Random(SEED)
    staying = one.processor("--group-protocol", protocol)
    with load.orders(door, books, n_clients=3) as acknowledged:
        for turn in range(4):
            visitor = one.processor("--group-protocol", protocol)
            acknowledged(200)
            time.sleep(rng.uniform(0, 0.2))
            if turn % 2:
                visitor.stop()
            else:
                visitor.kill()
    expected = settle(one, books)
    assert len(expected.raw) > 500
    assert staying.process.poll() is None


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_partitions_that_move_under_a_backlog_count_once(shop, protocol):
    """Messages are parsed ahead of those that are judged: what is ahead goes with its partition."""
    one = shop(partitions=3)
    rng = random.Random(SEED)
    texts = list(events.Generator(SEED, int(time.time() * 1000), one.timezone).events(12_000))
    one.kafka.produce_lines(one.name, pipeline.keyed(texts, one.currency, one.timezone))
    small = ("--log-batch-events", "300", "--group-protocol", protocol)  # many commits
    staying = one.processor(*small)
    visits = 0
    while not one.is_drained() and visits < 6:
        visitor = one.processor(*small)
        time.sleep(rng.uniform(0, 0.3))
        if visits % 2:
            visitor.stop()
        else:
            visitor.kill()
        visits += 1
    assert visits >= 2
    assert len(one.check().raw) > 5000
    assert staying.process.poll() is None


@pytest.mark.parametrize("name", ["mysql:", "Cassandra"])
def test_a_server_that_goes_while_nothing_comes_is_missed(shop, books, name):
    one = shop(partitions=1)
    is_mysql = name == "mysql:"
    with Proxy(one.mysql.port if is_mysql else one.cassandra.port) as proxy:
        if not is_mysql:
            one.raw = f"cassandra://127.0.0.1:{proxy.port}/{one.name}"
        door, processor = one.ingest(), one.processor(mysql_port=proxy.port if is_mysql else None)
        proxy.refuse()
        proxy.cut()
        harness.wait_until(lambda: is_missed(processor, name), 30, "readyz to tell")
        proxy.accept()
        harness.wait_until(lambda: processor.get("/readyz").status == 200, 30, f"readiness\n{processor.log}")
        with load.orders(door, books) as acknowledged:
            acknowledged(50)
        settle(one, books)
        processor.stop()


# --- Cassandra


def test_cassandra_killed_and_started_again_misses_no_raw_row(shop, books):
    one = shop()
    door, processor, _ = one.ingest(), one.processor(), one.processor()
    with load.orders(door, books) as acknowledged:
        acknowledged(300)
        one.wait_moving()
        one.cassandra.kill9()
        acknowledged(300)  # ingest does not need it
        harness.wait_until(lambda: is_missed(processor, "Cassandra"), 60, "readyz to tell")
        one.cassandra.start()
        acknowledged(100)
    settle(one, books)
    assert processor.get("/readyz").status == 200


def test_cassandra_that_is_silent_for_a_while_misses_no_raw_row(shop, books):
    one = shop()
    door, _ = one.ingest(), one.processor()
    with load.orders(door, books) as acknowledged:
        acknowledged(300)
        one.wait_moving()
        one.cassandra.sigstop()
        acknowledged(200)
        time.sleep(12)  # longer than a request may take
        one.cassandra.sigcont()
        acknowledged(100)
    settle(one, books)


def test_a_contact_point_that_goes_is_left_for_the_next_one(shop, books):
    one = shop(partitions=2)
    with Proxy(one.cassandra.port) as first, Proxy(one.cassandra.port) as second:
        one.raw = f"cassandra://127.0.0.1:{first.port},127.0.0.1:{second.port}/{one.name}"
        door, processor = one.ingest(), one.processor()
        with load.orders(door, books) as acknowledged:
            acknowledged(100)
            one.wait_moving()
            for proxy in (first, second, first, second):  # from the second turn on surely the one in use
                proxy.refuse()
                proxy.cut()
                one.wait_moving(one.n_done())
                assert processor.get("/readyz").status == 200, processor.log
                proxy.accept()
        settle(one, books)
        assert processor.log.count(": connected") >= 4, processor.log
        assert "given up" not in processor.log
        processor.stop()


# --- MySQL


def test_mysql_killed_and_started_again_counts_everything_once(shop, books):
    one = shop()
    door, processor, _ = one.ingest(), one.processor(), one.processor()
    with load.orders(door, books) as acknowledged:
        acknowledged(300)
        one.wait_moving()
        one.mysql.kill9()
        acknowledged(300)
        harness.wait_until(lambda: is_missed(processor, "mysql:"), 60, "readyz to tell")
        one.mysql.start()
        acknowledged(100)
    settle(one, books)
    assert processor.get("/readyz").status == 200


def test_rows_that_others_lock_only_delay_a_batch(shop, books):
    one = shop()
    door, processor = one.ingest(), one.processor()
    with load.orders(door, books) as acknowledged:
        acknowledged(300)
        one.wait_moving()
        with one.mysql.connect(one.name) as holder, holder.cursor() as cursor:
            cursor.execute("SELECT * FROM sales_totals FOR UPDATE")
            held_since = one.n_done()
            acknowledged(100)
            began = time.monotonic()
            harness.wait_until(lambda: is_missed(processor, "storing a batch waits, for a lock"), 20, "readyz to tell")
            assert 3 < time.monotonic() - began < 9
            assert "storing a batch waits, for a lock of another session" in processor.log
            assert processor.metric("salestide_store_wait_seconds") >= 5
            # A writer waits 5 s for a lock, then does its transaction again.
            harness.wait_until(lambda: "trying the batch again" in processor.log, 20, "another try")
            assert one.n_done() == held_since
            holder.rollback()
        one.wait_moving(held_since)
    settle(one, books)
    assert processor.process.poll() is None
    assert "lock" in processor.log.lower()
    assert processor.metric("salestide_store_wait_seconds") == 0
    assert processor.get("/readyz").status == 200


def test_a_partition_that_was_lost_and_stays_is_named(shop):
    one = shop(partitions=2)
    processor = one.processor("--session-timeout", "60s")  # before that it is not taken over again

    def produce(first, partition):
        one.kafka.produce(one.name, [(b"", json.dumps(harness.order(first + n)).encode(), partition) for n in range(10)])

    def standing():
        return [processor.metric("salestide_kafka_standing_still", partition=str(p)) for p in (0, 1)]

    produce(0, 0)
    produce(100, 1)
    one.wait_drained()
    assert processor.get("/readyz").status == 200
    assert standing() == [0, 0]
    # As a process that is no member of the group takes a partition over.
    one.mysql.sql("UPDATE pipeline_positions SET epoch = epoch + 1000000 WHERE `partition` = 1", database=one.name)
    produce(200, 1)
    named = f"partitions 1 of {one.name} stand still: another process has counted on"
    harness.wait_until(lambda: is_missed(processor, named), 30, f"readyz to tell\n{processor.log}")
    harness.wait_until(lambda: standing() == [0, 1], 10, "the metric to tell")
    produce(300, 0)
    harness.wait_until(lambda: one.positions() == {0: 20, 1: 10}, 30, f"the other partition\n{processor.log}")
    assert is_missed(processor, named)
    processor.stop()
    again = one.processor()
    one.wait_drained()
    harness.wait_until(lambda: again.get("/readyz").status == 200, 30, f"readiness\n{again.log}")
    harness.wait_until(lambda: [again.metric("salestide_kafka_standing_still", partition=str(p)) for p in (0, 1)] == [0, 0], 10)
    assert one.state()["accepted"] == 40


def test_a_transaction_that_is_the_victim_of_a_deadlock_is_done_again(shop, books):
    one = shop(partitions=1)
    door, processor = one.ingest(), one.processor()
    one.mysql.sql("CREATE TABLE ballast (id INT PRIMARY KEY AUTO_INCREMENT, v INT)", database=one.name)
    deadlocks_before = n_deadlocks(one.mysql)
    with load.orders(door, books) as acknowledged:
        acknowledged(200)
        one.wait_moving()
        with one.mysql.connect(one.name) as holder, holder.cursor() as cursor:
            # The lighter transaction is the victim: make this one heavy.
            cursor.executemany("INSERT INTO ballast (v) VALUES (%s)", [(n,) for n in range(5000)])
            cursor.execute("SELECT * FROM sales_by_day FOR UPDATE")
            acknowledged(100)
            harness.wait_until(lambda: is_waiting(one.mysql), 20, "the processor's wait for the lock",
                               mysql_server.TRANSACTIONS_SHOWN_EVERY_S)  # fmt: skip
            cursor.execute("SELECT * FROM pipeline_positions FOR UPDATE")  # closes the circle, and wins
            holder.rollback()
        assert n_deadlocks(one.mysql) > deadlocks_before, "there was no deadlock: the test shows nothing"
        one.wait_moving(one.n_done())
    settle(one, books)
    assert processor.process.poll() is None


def n_deadlocks(mysql):
    ((_, n),) = mysql.sql("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'")
    return int(n)


def is_waiting(mysql):
    return mysql.sql("SELECT trx_id FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_connection_that_is_cut_during_commit_counts_the_batch_once(shop, books, when):
    one = shop(partitions=2)
    with Proxy(one.mysql.port) as proxy:
        door, processor = one.ingest(), one.processor(mysql_port=proxy.port)
        with load.orders(door, books) as acknowledged:
            acknowledged(100)
            one.wait_moving()
            for turn in range(3):
                proxy.cut_at(b"\x03commit", when)
                acknowledged(100)
                harness.wait_until(lambda turn=turn: proxy.n_cut == turn + 1, 30, "the cut")
                one.wait_moving(one.n_done())
        settle(one, books)
        assert processor.process.poll() is None
        processor.stop()


def test_a_mysql_that_falls_silent_is_given_up_and_found_again(shop, books):
    one = shop(partitions=2)
    with Proxy(one.mysql.port) as proxy:
        door, processor = one.ingest(), one.processor(mysql_port=proxy.port)
        with load.orders(door, books) as acknowledged:
            acknowledged(100)
            one.wait_moving()
            proxy.freeze()
            acknowledged(100)
            time.sleep(5)
            proxy.thaw()
            proxy.cut()
            proxy.refuse()
            acknowledged(100)
            time.sleep(2)
            proxy.accept()
            one.wait_moving(one.n_done(), timeout_s=60)
        settle(one, books)
        processor.stop()


@pytest.mark.parametrize("how", ["while nothing comes", "under load"])
def test_a_mysql_that_hangs_is_named_and_keeps_nobody_from_stopping(shop, books, how):
    one = shop(partitions=1)
    door, processor = one.ingest(), one.processor()
    with load.orders(door, books) as acknowledged:
        acknowledged(100)
        one.wait_moving()
        if how == "under load":
            acknowledged(100)
            one.mysql.sigstop()
            acknowledged(100)
    if how != "under load":
        one.wait_drained()
        one.mysql.sigstop()
    try:
        began = time.monotonic()
        harness.wait_until(lambda: is_missed(processor, "mysql:"), 20, "readyz to tell")
        assert time.monotonic() - began < 10
        began = time.monotonic()
        processor.stop()
        assert time.monotonic() - began < 10
    finally:
        one.mysql.sigcont()
    one.processor()
    settle(one, books)


def test_positions_that_vanish_under_a_processor_stop_it_and_nothing_counts_twice(shop, books):
    one = shop(partitions=2)
    door, processor = one.ingest(), one.processor()
    with load.orders(door, books) as acknowledged:
        acknowledged(200)
    one.wait_drained()
    before, kept = one.tables(), one.positions()
    rows = one.mysql.sql("SELECT * FROM pipeline_positions", database=one.name)
    one.mysql.sql("DELETE FROM pipeline_positions", database=one.name)
    with load.orders(door, books) as acknowledged:
        acknowledged(100)
    assert processor.process.wait(60) == 1
    assert "vanished from pipeline_positions" in processor.log
    assert "has lost how far partition" in processor.log
    again = one.processor()
    assert again.process.wait(60) == 1
    assert "has lost how far partition" in again.log
    assert one.tables() == before
    assert one.positions() == {}
    for row in rows:
        one.mysql.sql(f"INSERT INTO pipeline_positions VALUES ({', '.join(['%s'] * len(row))})", row, database=one.name)
    assert one.positions() == kept
    one.processor()
    settle(one, books)


def test_a_single_row_of_positions_that_was_deleted_stops_the_next_process(shop, books):
    one = shop(partitions=3)
    door, processor = one.ingest(), one.processor()
    with load.orders(door, books) as acknowledged:
        acknowledged(200)
    one.wait_drained()
    processor.stop()
    before = one.tables()
    (row,) = one.mysql.sql("SELECT * FROM pipeline_positions WHERE `partition` = 1", database=one.name)
    one.mysql.sql("DELETE FROM pipeline_positions WHERE `partition` = 1", database=one.name)
    again = one.processor()
    assert again.process.wait(60) == 1
    assert "has lost how far partition 1" in again.log
    assert one.tables() == before
    one.mysql.sql(f"INSERT INTO pipeline_positions VALUES ({', '.join(['%s'] * len(row))})", row, database=one.name)
    one.processor()
    settle(one, books)


# --- Kafka


def test_a_broker_that_restarts_loses_no_acknowledged_order(shop, books):
    one = shop()
    door, processor = one.ingest(), one.processor()
    with load.orders(door, books) as acknowledged:
        acknowledged(300)
        one.kafka.kill9()
        time.sleep(3)
        one.kafka.revive()
        acknowledged(300)
    settle(one, books)
    assert processor.process.poll() is None


@pytest.mark.full
@pytest.mark.timeout(600)
def test_two_of_three_brokers_killed_in_turn_under_load_lose_nothing(shop, books, tmp_path):
    with Kafka(tmp_path / "kafka", brokers=3, heap_mb=384) as three:
        one = shop(kafka=three)
        door, *_ = one.ingest(), one.processor(), one.processor()
        with load.orders(door, books) as acknowledged:
            for broker in (2, 1):
                acknowledged(300)
                three.kill9(broker)
                acknowledged(300)
                three.revive(broker)
            acknowledged(300)
        settle(one, books)
        one.stop()


def test_a_position_that_is_no_longer_in_the_topic_stops_the_processor(shop):
    one = shop(partitions=1)
    keyed = [(str(n).encode(), harness.lines(harness.order(n)).strip()) for n in range(300)]
    one.kafka.produce(one.name, keyed[:100])
    processor = one.processor()
    one.wait_drained()
    processor.stop()
    one.kafka.produce(one.name, keyed[100:])
    records = one.kafka.consume(one.name)
    one.kafka.delete_records(one.name, {0: 150})
    before = one.tables(), one.positions(), one.state()
    stuck = one.processor(wait=False)
    harness.wait_until(lambda: stuck.process.poll() is not None, 60, f"its end\n{stuck.log}")
    assert stuck.process.returncode == 1, stuck.log
    for word in (one.name, "100", "150", "--skip-gap"):
        assert word in stuck.log, word
    assert (one.tables(), one.positions(), one.state()) == before
    one.processor("--skip-gap")
    one.wait_drained()
    left = [r for r in records if r.offset < 100 or r.offset >= 150]
    expected = pipeline.Expected(left, one.currency, one.timezone)
    assert len(expected.raw) == 250
    one.check(expected)
