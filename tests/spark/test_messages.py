# SPDX-License-Identifier: MIT
"""What is in a topic beside plain orders: messages without a value, headers, timestamps of other units. The job makes of
them what the program makes of them, or says in one line what it cannot take."""

import json
import time

import kafka as kafka_python
import pytest

import harness
from test_job import same_as_process

NANOSECONDS = 1_700_000_000_123_456_789  # taken for milliseconds: past what Spark has microseconds for


def line_of(order_id, **fields):
    return json.dumps(harness.order(order_id, **fields), ensure_ascii=False).encode()


def send(one, messages):
    """(key, value, headers, timestamp in ms)"""
    sender = kafka_python.KafkaProducer(bootstrap_servers=one.kafka.bootstrap().split(","), acks="all")
    try:
        for key, value, headers, stamp_ms in messages:
            sender.send(one.name, key=key, value=value, headers=headers, timestamp_ms=stamp_ms)
        sender.flush(timeout=60)
    finally:
        sender.close(timeout=10)


@pytest.mark.full
@pytest.mark.timeout(2400)
def test_messages_without_a_value_with_headers_and_with_odd_timestamps_are_what_they_are_to_the_program(shop):
    one = shop(partitions=1, topic_config={"message.timestamp.after.max.ms": str(2**62)})
    now_ms = int(time.time() * 1000)
    door = [("salestide-rejected", b'{"code":"negative","field":"total","message":"it is no amount"}')]
    headers = [[], [("a", b"1"), ("a", b"2")], [("", b"")], door, [("salestide-rejected", b"no JSON")], [*door, ("salestide-rejected", b"[]")],
               [("big", b"z" * 100_000)], [(f"h{n}", b"v") for n in range(300)]]  # fmt: skip
    messages = []
    for n, some in enumerate(headers):
        for key in (str(n).encode(), None, b""):
            # (The client of these tests sends nothing that has neither key nor value.)
            messages += [(key or b"", None, some, now_ms), (key, b"", some, now_ms), (key, b"no order", some, now_ms),
                         (key, line_of(f"{n}-{key}"), some, now_ms)]  # fmt: skip
    stamps = [0, 1, now_ms - 3 * 86_400_000, now_ms * 1000, now_ms + 3650 * 86_400_000]
    messages += [(b"k", line_of(f"stamp-{n}"), [], stamp) for n, stamp in enumerate(stamps)]
    messages += [(b"k", line_of(f"stamp-{n}"), [], now_ms) for n, _ in enumerate(stamps)]  # all are known still
    send(one, messages)
    one.run_job("--max-offsets", "40")
    assert one.is_drained()
    n, state = 3 * len(headers), one.state()
    by_the_door = 1  # a good order without a key and with the door's header
    assert (state["rejected"], state["duplicate"]) == (n + by_the_door, len(stamps))
    assert state["accepted"] == n - by_the_door + len(stamps)
    same_as_process(one)


@pytest.mark.full
@pytest.mark.timeout(2400)
def test_a_timestamp_that_spark_has_no_number_for_counts_and_stops_a_job_whose_duplicates_are_sparks_in_a_line_that_says_so(shop):
    one = shop(partitions=1, topic_config={"message.timestamp.after.max.ms": str(2**62)})
    send(one, [(b"1", line_of(1), [], NANOSECONDS)])
    job = one.job("--available-now", "--dedupe", "spark", checkpoint="sparks")
    assert job.wait() == 1
    assert len(job.errors()) == 1, job.log
    assert "timestamp" in job.errors()[0]
    assert "salestide process" in job.errors()[0]
    assert one.n_done() == 0
    one.run_job()
    assert one.is_drained()
    same_as_process(one)
