# SPDX-License-Identifier: MIT
"""Messages of producers that are not ours: each is counted once, or kept as rejected, or skipped and counted;
`process` says once when a topic is not keyed by order_id. check() judges every message by the reference.
"""

import json
import subprocess
import time

import kafka as kafka_python
import pytest

import harness
import pipeline

WARNING = "are not keyed by order_id"


def line_of(order_id, **fields):
    return json.dumps(harness.order(order_id, **fields), ensure_ascii=False).encode()


def n_warnings(processor):
    return processor.log.count(WARNING)


def producer(kafka, **options):
    return kafka_python.KafkaProducer(bootstrap_servers=kafka.bootstrap().split(","), acks="all", **options)


def kcat(kafka, topic, lines, *options):
    done = subprocess.run(["kcat", "-P", "-b", kafka.bootstrap(), "-t", topic, "-K", "\t", *options],
                          input=b"".join(b"%s\t%s\n" % one for one in lines), capture_output=True, timeout=120,
                          check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")


def test_ours_and_a_foreign_producer_that_keys_alike_give_no_warning(shop):
    one = shop(partitions=3)
    door, processor = one.ingest(), one.processor()
    pipeline.post_all(door, [line_of(n) for n in range(200)])
    one.kafka.produce(one.name, [(str(n).encode(), line_of(n)) for n in range(200, 400)])  # murmur2, as Java's
    assert len(one.check().raw) == 400
    assert processor.metric("salestide_kafka_foreign_keys_total") == 0
    assert n_warnings(processor) == 0


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("without a key", lambda n: (None, line_of(n))),
        ("keyed by another field", lambda n: (b"customer-%d" % (n % 5), line_of(n))),
    ],
)
def test_messages_not_keyed_by_order_id_are_counted_and_one_warning_says_what_it_means(shop, how, message):
    one = shop(partitions=3)
    processor = one.processor()
    one.kafka.produce(one.name, [message(n) for n in range(300)])
    assert len(one.check().raw) == 300, how
    assert processor.metric("salestide_kafka_foreign_keys_total") == 300
    one.kafka.produce(one.name, [message(n) for n in range(300, 310)])
    one.check()
    assert processor.metric("salestide_kafka_foreign_keys_total") == 310
    assert n_warnings(processor) == 1
    assert "twice" in processor.log


def test_a_producer_with_another_partitioner_is_noticed(shop):
    one = shop(partitions=4)
    processor = one.processor()
    keyed = [(str(n).encode(), line_of(n)) for n in range(400)]
    kcat(one.kafka, one.name, keyed, "-X", "topic.partitioner=consistent")  # CRC32: librdkafka's own
    assert len(one.check().raw) == 400
    assert processor.metric("salestide_kafka_foreign_keys_total") > 0  # every 16th message is looked at
    assert n_warnings(processor) == 1


def test_an_order_in_two_partitions_counts_in_both_as_the_warning_says(shop):
    one = shop(partitions=2)
    processor = one.processor()
    one.kafka.produce(one.name, [(None, line_of(1), 0), (None, line_of(1), 1), (None, line_of(1), 0)])
    one.wait_drained()
    state = one.state()
    assert (state["accepted"], state["duplicate"], state["rejected"]) == (2, 1, 0)
    assert n_warnings(processor) == 1


STRANGE = {
    "a tombstone": None,
    "an empty value": b"",
    "white space": b" \n\t ",
    "an array of orders": json.dumps([harness.order(1), harness.order(2)]).encode(),
    "a text": b'"hello"',
    "a number": b"17",
    "null": b"null",
    "not JSON": b"order_id=1&total=2",
    "CSV": b"1,2,3.00",
    "two documents": line_of(901) + line_of(902),
    "cut off": line_of(903)[:-5],
    "invalid UTF-8 in a text": line_of(904, source="x?").replace(b"x?", b"x\xff"),
    "UTF-16": line_of(905).decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + line_of(906),
    "NUL bytes": line_of(907) + b"\0\0",
    "a number that is none": line_of(908).replace(b'"quantity": ', b'"quantity": NaN, "q": '),
    "a field twice": line_of(909)[:-1] + b', "order_id": 910}',
    "deep": line_of(911)[:-1] + b', "x": ' + b"[" * 500 + b"]" * 500 + b"}",
    "other fields": line_of(912, unknown={"a": [1, 2]}),
    "Avro's wire format": b"\0\0\0\0\x07" + b"\x02\x06abc",
    "a megabyte of text": b"x" * 1_000_000,
    "an order of a megabyte": line_of(913, note="y" * 990_000),
}


def test_strange_values_are_rejected_or_skipped_and_the_next_order_counts(shop):
    one = shop(partitions=2, topic_config={"max.message.bytes": "4000000"})
    one.processor()
    sender = producer(one.kafka, max_request_size=4_000_000)
    try:
        for n, value in enumerate(STRANGE.values()):
            sender.send(one.name, key=b"k", value=value)
            sender.send(one.name, key=str(n).encode(), value=line_of(f"after-{n}"))
        sender.flush(timeout=60)
    finally:
        sender.close(timeout=10)
    expected = one.check()
    assert expected.skipped == 2
    accepted = {key[0] for key in expected.raw}
    assert {f"after-{n}" for n in range(len(STRANGE))} <= accepted
    assert {"912", "913"} <= accepted
    assert len(expected.rejected) + len(accepted) + expected.reference.counts["duplicate"] == 2 * len(STRANGE) - 2


def test_headers_change_nothing(shop):
    one = shop(partitions=1)
    one.processor()
    sender = producer(one.kafka)
    try:
        for n, headers in enumerate([[("a", b"1")], [("a", b"1"), ("a", b"2"), ("traceparent", b"\xff\0")], [("", b"")],
                                     [("salestide-rejected", b"no JSON")], [("salestide-rejected", b"[]")],
                                     [("big", b"z" * 100_000)], [(f"h{i}", b"v") for i in range(500)]]):  # fmt: skip
            sender.send(one.name, key=str(n).encode(), value=line_of(n), headers=headers)
            sender.send(one.name, value=line_of(100 + n), headers=headers)  # as a door's rejected have no key
        sender.flush(timeout=60)
    finally:
        sender.close(timeout=10)
    assert len(one.check().raw) == 14


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_compressed_batches_are_read(shop, codec):
    one = shop(partitions=2)
    one.processor()
    keyed = [(str(n).encode(), line_of(n, source=f"of {codec}")) for n in range(2000)]
    kcat(one.kafka, one.name, keyed, "-z", codec, "-X", "topic.partitioner=murmur2_random", "-X", "linger.ms=200")
    one.wait_drained()
    assert one.state()["accepted"] == 2000
    assert {key[0] for key in one.tables()["sales_totals"]} == {f"of {codec}"}


def test_what_a_transaction_took_back_never_counts(shop):
    one = shop(partitions=1)
    processor = one.processor()
    sender = producer(one.kafka, transactional_id=f"{one.name}-shop", enable_idempotence=True)
    try:
        sender.init_transactions()
        for n in range(6):
            sender.begin_transaction()
            for k in range(50):
                number = n * 50 + k
                sender.send(one.name, key=str(number).encode(), value=line_of(number, total=f"{n + 1}.00"))
            sender.flush(timeout=60)
            if n % 2 == 0:
                sender.commit_transaction()
            else:
                sender.abort_transaction()
        # The last one is open: nobody may read on before it ends.
        sender.begin_transaction()
        sender.send(one.name, key=b"9999", value=line_of(9999))
        sender.flush(timeout=60)
        harness.wait_until(lambda: one.state()["accepted"] == 150, 60, f"150 orders\n{one.logs()}")
        time.sleep(1)
        assert one.state()["accepted"] == 150
        sender.commit_transaction()
    finally:
        sender.close(timeout=10)
    harness.wait_until(lambda: one.state()["accepted"] == 151, 60, f"151 orders\n{one.logs()}")
    totals = one.tables()["sales_totals"]
    assert sum(sums["total"] for sums in totals.values()) == (50 * (1 + 3 + 5)) * 10_000 + e4_of(line_of(9999))
    processor.stop()  # and what is committed is not counted again, whatever markers stand in the log
    again = one.processor()
    harness.wait_until(lambda: again.get("/readyz").status == 200, 30, f"readyz with a marker at the end\n{one.logs()}")
    one.kafka.produce(one.name, [(b"10000", line_of(10000)), (b"0", line_of(0, total="1.00"))])
    harness.wait_until(lambda: one.state()["received"] == 153, 60, f"153 events\n{one.logs()}")
    state = one.state()
    assert (state["accepted"], state["duplicate"], state["rejected"]) == (152, 1, 0)


def test_a_timestamp_in_microseconds_counts_at_the_last_time_that_tables_take_and_stops_nobody(shop):
    one = shop(partitions=2, topic_config={"message.timestamp.after.max.ms": str(2**62)})
    processor = one.processor()
    sender = producer(one.kafka)
    try:
        for n in range(20):
            stamp_ms = int(time.time() * 1000)
            sender.send(one.name, key=str(n).encode(), value=line_of(n),
                        timestamp_ms=stamp_ms * 1000 if n % 5 == 0 else stamp_ms)  # fmt: skip
        sender.send(one.name, key=b"x", value=b"no order", timestamp_ms=int(time.time() * 1e6))
        sender.flush(timeout=60)
    finally:
        sender.close(timeout=10)
    one.check()
    assert processor.metric("salestide_kafka_odd_timestamps_total") == 5
    assert processor.log.count("is not between 1970 and 9999") == 1
    harness.must_run("verify", "--raw", one.raw, "--aggregates", one.mysql.url(one.name), env=one.env)
    processor.stop()
    harness.must_run("rebuild", "--raw", one.raw, "--aggregates", one.mysql.url(one.name), env=one.env)
    one.check()


def test_an_order_stamped_further_back_than_the_topic_keeps_is_counted_and_one_warning_says_what_comes(shop):
    one = shop(partitions=1, topic_config={"retention.ms": str(7 * 86_400_000)})
    sender = producer(one.kafka)
    try:  # what is deleted is what is in front: the new order keeps the old ones in their segment
        for n, age_days in enumerate([0, 40, 39, 1]):
            sender.send(one.name, key=str(n).encode(), value=line_of(n),
                        timestamp_ms=int(time.time() * 1000) - age_days * 86_400_000)  # fmt: skip
        sender.flush(timeout=60)
    finally:
        sender.close(timeout=10)
    processor = one.processor()
    assert len(one.check().raw) == 4
    assert processor.log.count("is stamped 40 days ago (partition 0, offset 1), and the topic keeps 7") == 1
    assert processor.log.count("LogAppendTime") == 1


def e4_of(line):
    return pipeline.e4(json.loads(line)["total"])


def test_timestamps_of_foreign_clocks_are_taken_as_they_are_but_move_nothing_of_others(shop):
    one = shop(partitions=1, topic_config={"message.timestamp.after.max.ms": str(2**62)})
    processor = one.processor()
    now_ms, day_ms = int(time.time() * 1000), 86_400_000
    stamps = [now_ms, now_ms - 3 * day_ms, 1, 0, now_ms + 3650 * day_ms, now_ms - 3650 * day_ms, now_ms + 2 * day_ms]
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())

    def send(numbers_and_stamps):
        sender = producer(one.kafka)
        try:
            for n, stamp in numbers_and_stamps:
                sender.send(one.name, key=str(n).encode(), value=line_of(n, created_at=created), timestamp_ms=stamp)
            sender.flush(timeout=60)
        finally:
            sender.close(timeout=10)
        one.wait_drained()

    send(enumerate(stamps))
    send((n, now_ms) for n in range(len(stamps)))  # all are known still
    state = one.state()
    assert (state["accepted"], state["duplicate"], state["rejected"]) == (len(stamps), len(stamps), 0)
    assert state["minute_floor"] <= now_ms // 60_000
    rows = one.raw_rows()
    assert sorted(row.arrival_ms for row in rows.values()) == sorted(max(stamp, 1) for stamp in stamps)
    processor.stop()
    one.processor()
    send((n, now_ms) for n in range(len(stamps)))  # also after a restart, from the log
    state = one.state()
    assert (state["accepted"], state["duplicate"]) == (len(stamps), 2 * len(stamps))
    assert sum(sums["orders"] for sums in one.tables()["sales_by_minute"].values()) == len(stamps)
