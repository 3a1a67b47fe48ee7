# SPDX-License-Identifier: MIT
"""The job in Spark, local[2], against the reference and against the program itself on the same topic."""

import random
import time

import pytest

import harness
import pipeline
from reference import events

SEED = harness.number_of("DIFFERENTIAL_SEED", 1)
N_EVENTS = harness.number_of("SPARK_EVENTS", 5000)


def produce(one, n, seed=SEED):
    texts = list(events.Generator(seed, int(time.time() * 1000), one.timezone).events(n))
    one.kafka.produce_lines(one.name, pipeline.keyed(texts, one.currency, one.timezone))


def same_as_process(one):
    """What the program makes of the topic, but for when which batch was."""
    native = one.process_into(f"{one.name}_native")
    assert native.tables() == one.tables()
    counts = ("received", "accepted", "duplicate", "rejected", *pipeline.WARNINGS)
    assert {name: native.state()[name] for name in counts} == {name: one.state()[name] for name in counts}
    rejected = "SELECT `partition`, position, code, field, message, event, event_bytes, event_key FROM rejected_events ORDER BY position"
    assert one.mysql.sql(rejected, database=native.name) == one.mysql.sql(rejected, database=one.name)


def without_raw(one, expected):
    """Laws of a pipeline that keeps no raw orders: where an order was from that is taken back later is not known."""
    import test_combinations

    one.check_counts(expected)
    found, wanted = (test_combinations.without_places(t) for t in (one.tables(), pipeline.as_texts(expected.reference.tables())))
    for table in pipeline.KEYS:
        floor = {"sales_by_minute": one.state()["minute_floor"], "sales_by_hour": one.state()["hour_floor"]}.get(table)
        different = harness.differences(pipeline.above(found[table], floor), pipeline.above(wanted[table], floor))
        assert not different, f"{table}:\n" + "\n".join(different)
    one.check_rejected(expected)


@pytest.mark.timeout(600)
def test_what_spark_counts_is_what_the_reference_and_the_program_count(shop):
    one = shop()
    produce(one, N_EVENTS)
    one.run_job("--max-offsets", str(N_EVENTS // 3))
    assert one.is_drained()
    without_raw(one, one.expected())
    same_as_process(one)
