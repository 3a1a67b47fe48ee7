# SPDX-License-Identifier: MIT
"""--dedupe spark: duplicates are what Spark's own state knows."""

import json
import shutil
import time

import pytest

import harness
import pipeline

WINDOW = ["--dedupe", "spark", "--dedupe-window", "1h"]


def orders(ids, **more):
    texts = [json.dumps(harness.order(n, **more)).encode() for n in ids]
    return list(pipeline.keyed(texts, "USD", "America/New_York"))


def produce_at(one, messages, stamp_ms):
    """With these stamps, which a producer may choose."""
    import kafka

    producer = kafka.KafkaProducer(bootstrap_servers=one.kafka.bootstrap().split(","), acks="all")
    for key, value in messages:
        producer.send(one.name, key=key, value=value, timestamp_ms=stamp_ms)
    producer.flush(timeout=60)
    producer.close(timeout=10)


def totals(one):
    return sum(cells["orders"] for cells in one.tables()["sales_totals"].values())


def newest_with_messages(checkpoint):
    """The number of the last batch that was not one of those without messages, which follow others for the sake of the state."""
    ends = {int(path.name): path.read_text("utf-8").splitlines()[-1] for path in (checkpoint / "offsets").glob("[0-9]*")}
    return max(n for n in ends if ends[n] != ends.get(n - 1))


def windows(one):
    """{partition: (where its window of duplicates begins, its time there)}"""
    return {p: rest for p, *rest in one.mysql.sql("SELECT `partition`, window_offset, window_ms FROM pipeline_positions ORDER BY 1",
                                                  database=one.name)}  # fmt: skip


def test_duplicates_count_once(shop):
    one = shop()
    one.kafka.produce(one.name, [*orders(range(100)), *orders(range(50)), (b"", b"no order"), (b"7", None)])
    one.run_job(*WINDOW)
    assert one.is_drained()
    assert totals(one) == 100
    state = one.state()
    assert (state["accepted"], state["duplicate"], state["rejected"], state["received"]) == (100, 0, 1, 101)


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_duplicates_within_a_batch_across_batches_and_without_the_checkpoint_count_once(shop):
    one = shop()
    one.kafka.produce(one.name, [*orders(range(100)), *orders(range(50)), (b"", b"no order"), (b"", b"no order"), (b"7", None)])
    one.run_job(*WINDOW)
    assert one.is_drained()
    assert totals(one) == 100
    state = one.state()
    assert (state["accepted"], state["duplicate"], state["rejected"], state["received"]) == (100, 0, 2, 102)
    began = windows(one)
    one.kafka.produce(one.name, [*orders(range(60, 160)), *orders([3], total="99.5"), *orders([200])])  # 3 says something else
    one.run_job(*WINDOW, "--max-offsets", "40")
    assert one.is_drained()
    assert totals(one) == 161
    before = one.state(), one.tables()
    again = newest_with_messages(one.directory / "checkpoint")
    for path in (one.directory / "checkpoint").glob("[co]*s/[0-9]*"):  # commits and offsets
        if int(path.name) >= again + (path.parent.name == "offsets"):
            path.unlink()
            (path.parent / f".{path.name}.crc").unlink()
    one.run_job(*WINDOW)  # Spark gives that batch again
    assert f"batch {again}: nothing that is not counted already" in one.jobs[-1].log
    assert (one.state(), one.tables()) == before
    shutil.rmtree(one.directory / "checkpoint")
    one.kafka.produce(one.name, orders(range(150, 170)))
    one.run_job(*WINDOW)  # what was counted is read again
    assert one.is_drained()
    assert totals(one) == 171
    assert windows(one) == began  # so a program that takes over knows no less
    one.kafka.produce(one.name, orders([5, 180, 300]))
    last = one.processor("--group", one.name)
    one.wait_drained()
    last.stop()
    assert totals(one) == 173
    assert one.state()["duplicate"] == 1
    job = one.job("--available-now")
    assert job.wait() == 2
    assert "the checkpoint is of a job with --dedupe spark" in job.errors()[0]


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_raw_orders_are_those_that_were_counted(shop):
    one = shop(raw=True)
    one.kafka.produce(one.name, [*orders(range(30)), *orders(range(20))])
    one.run_job(*WINDOW, "--archive", one.directory / "archive")
    one.kafka.produce(one.name, orders(range(20, 40)))
    one.run_job(*WINDOW, "--archive", one.directory / "archive")
    assert one.is_drained()
    assert totals(one) == 40
    assert len(list(one.cassandra.cql(f"SELECT order_id FROM {one.name}.orders"))) == 40
    text = harness.must_run("verify", "--raw", one.raw, "--aggregates", one.mysql.url(one.name), env=one.env)
    assert "differ" not in text, text


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_a_message_that_spark_drops_as_late_stops_the_job_before_the_commit(shop):
    one = shop(partitions=1)
    now_ms = int(time.time() * 1000)
    produce_at(one, orders(range(5)), now_ms)
    one.run_job(*WINDOW)
    before = one.state(), one.tables(), one.positions()
    produce_at(one, orders(range(10, 12)), now_ms)
    produce_at(one, orders(range(20, 23)), now_ms - 2 * 3600 * 1000)
    for _ in range(2):  # a restart does not get past it
        job = one.job("--available-now", *WINDOW)
        assert job.wait() == 1
        assert len(job.errors()) == 1, job.log
        assert "Spark's watermark has dropped 3 messages" in job.errors()[0]
        assert (one.state(), one.tables(), one.positions()) == before
    one.run_job(*WINDOW, checkpoint="another")
    assert one.is_drained()
    assert totals(one) == 10
