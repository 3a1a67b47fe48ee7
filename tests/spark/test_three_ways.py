# SPDX-License-Identifier: MIT
"""The same events through the embedded pipeline (SQLite), the program on Kafka, and Spark: three times the same, to the
last digit. Every kind of event that tests/reference makes up, in transactions of which some are taken back, with
timestamps in disorder. The job in Spark is killed in the middle.

In the short form most events are what `salestide generate` makes, which takes seconds, with repetitions; no raw rows.

(No archive here: the days of these orders are thousands, and it has a file for each.)
"""

import dataclasses
import json
import random
import time

import kafka as kafka_python
import pytest

import harness
import pipeline
import test_combinations
from reference import events
from spark_shop import WAIT_S
from test_job import SEED, counts_of, same_as_process

N_EVENTS = harness.number_of("SPARK_THREE_WAYS_EVENTS", 100_000)
N_OF_EVERY_KIND = 5000  # of these in the short form
N_FULL_EVENTS = harness.number_of("SPARK_THREE_WAYS_FULL_EVENTS", 1_000_000)
PER_TRANSACTION = 2000
DISORDER_MS = 8 * 60_000  # events that are made up keep a greater distance from every border of time


def made_up(one, n, now_ms):
    return list(pipeline.keyed(events.Generator(SEED, now_ms, one.timezone).events(n), one.currency, one.timezone))


def mostly_ordinary(one, n, now_ms):
    """Keyed alike. Every tenth of the ordinary ones is a repetition of one before."""
    rng = random.Random(SEED)
    lines = harness.run("generate", "--seed", SEED, "--count", (n - N_OF_EVERY_KIND) * 9 // 10).stdout.splitlines()
    for _ in range(n - N_OF_EVERY_KIND - len(lines)):
        at = rng.randrange(1, len(lines))
        lines.insert(at, lines[rng.randrange(at)])
    ordinary = [(str(json.loads(line)["order_id"]).encode(), line) for line in lines]
    rare = made_up(one, N_OF_EVERY_KIND, now_ms)
    at = sorted(rng.randrange(len(ordinary)) for _ in rare)
    for place, each in zip(reversed(at), reversed(rare), strict=True):
        ordinary.insert(place, each)
    return ordinary


def produce_in_transactions(one, messages, now_ms):
    """As a shop that takes back every fifth transaction, in which its orders had other amounts."""
    rng = random.Random(SEED)
    sender = kafka_python.KafkaProducer(bootstrap_servers=one.kafka.bootstrap().split(","), acks="all", linger_ms=5, batch_size=1 << 17,
                                        transactional_id=one.name, enable_idempotence=True)  # fmt: skip

    def transaction(some, end):
        sender.begin_transaction()
        for key, value in some:
            sender.send(one.name, key=key, value=value, timestamp_ms=now_ms - rng.randrange(DISORDER_MS))
        sender.flush(timeout=300)
        end()

    try:
        sender.init_transactions()
        for at in range(0, len(messages), PER_TRANSACTION):
            group = messages[at : at + PER_TRANSACTION]
            if at // PER_TRANSACTION % 5 == 0:
                wrong = [(key, json.dumps(harness.order(key.decode(), total="666.66")).encode()) for key, _ in group[::10] if key]
                transaction(wrong, sender.abort_transaction)
            transaction(group, sender.commit_transaction)
    finally:
        sender.close(timeout=10)


def load(one, messages, directory):
    """Into SQLite. Returns the data directory."""
    file, data = directory / "events.ndjson", directory / "sqlite"
    with open(file, "wb") as out:
        out.writelines(value + b"\n" for _, value in messages)
    done = harness.run("load", file, "--data", data, "--currency", one.currency, "--timezone", one.timezone, timeout=1200)
    assert done.returncode == 1, done.stderr  # some were rejected
    return data


def unstamped(raw_rows):
    """Without when and where they were read, which a file does not have."""
    return {identity: dataclasses.replace(row, arrival_ms=0, position=0) for identity, row in raw_rows.items()}


def stored_raw(data):
    found = {}
    for order_id, event, event_id, created_ms, customer, product, quantity, items, *amounts in harness.stored_events(data):
        *amounts, source, state, currency = amounts
        identity = (pipeline.text_of(order_id), event, event_id)
        lines = pipeline.items_of(items)
        found[identity] = pipeline.Raw(identity, created_ms, 0, 0, pipeline.text_of(customer), pipeline.text_of(product), quantity,
                                       tuple(lines) if lines else None, tuple(amounts), (source, state, currency))  # fmt: skip
    return found


def must_be_same(what, found, wanted):
    different = harness.differences(found, wanted)
    assert not different, f"{what}:\n" + "\n".join(different)


def same_as_sqlite(one, data):
    here, there = one.state(), harness.stored_counts(data)
    assert counts_of(here) == counts_of(there)
    found, wanted = one.tables(), pipeline.as_texts(harness.stored_aggregates(data))
    if one.raw == "none":  # where an order was from that is taken back is known by its raw row
        found, wanted = test_combinations.without_places(found), test_combinations.without_places(wanted)
    for table in pipeline.KEYS:
        floor = {"sales_by_minute": "minute_floor", "sales_by_hour": "hour_floor"}.get(table)
        floor = floor and max(here[floor], there[floor])
        must_be_same(table, pipeline.above(found[table], floor), pipeline.above(wanted[table], floor))
    if one.raw != "none":
        must_be_same("raw rows", unstamped(one.raw_rows()), stored_raw(data))


def three_ways(one, messages, now_ms):
    n = len(messages)
    data = load(one, messages, one.directory)
    produce_in_transactions(one, messages, now_ms)
    job = one.job("--max-offsets", n // 8)
    one.wait_moving(beyond=n // 3, timeout_s=WAIT_S)
    job.kill()
    assert not one.is_drained(), "all was counted before the kill"
    one.run_job(timeout_s=3600)
    assert one.is_drained()
    same_as_sqlite(one, data)
    native = same_as_process(one, timeout_s=1200)
    if one.raw == "none":
        return
    must_be_same("raw rows", native.raw_rows(), one.raw_rows())
    said = harness.must_run("verify", "--raw", one.raw, "--aggregates", one.mysql.url(one.name), env=one.env, timeout=1200)
    assert "differ" not in said, said


@pytest.mark.timeout(2400)
def test_sqlite_the_program_and_spark_make_the_same_of_what_a_shop_sends_through_a_kill(shop):
    now_ms = int(time.time() * 1000)
    one = shop()
    three_ways(one, mostly_ordinary(one, N_EVENTS, now_ms), now_ms)
    state = one.state()
    assert state["accepted"] > N_EVENTS * 8 // 10 and state["duplicate"] > N_EVENTS // 20, state


@pytest.mark.full
@pytest.mark.timeout(2400)
def test_sqlite_the_program_and_spark_make_the_same_of_every_kind_of_event_through_a_kill(shop):
    now_ms = int(time.time() * 1000)
    one = shop(raw=True)
    three_ways(one, made_up(one, N_EVENTS, now_ms), now_ms)
    assert len(one.check().raw) > N_EVENTS // 3


@pytest.mark.full
@pytest.mark.timeout(7200)
def test_sqlite_the_program_and_spark_make_the_same_of_a_million_events(shop):
    now_ms = int(time.time() * 1000)
    one = shop(raw=True)
    three_ways(one, made_up(one, N_FULL_EVENTS, now_ms), now_ms)
