# SPDX-License-Identifier: MIT
"""One topic, read by `process` into every combination of stores there is: all make of it what the
reference makes of it, and each directory is used as it was made.
"""

import collections
import contextlib
import dataclasses
import pathlib
import sqlite3
import time

import pytest

import harness
import pipeline
from reference import events

SEED = harness.number_of("DIFFERENTIAL_SEED", 1)
N_EVENTS = 4000
COMBINATIONS = [(raw, aggregates) for aggregates in ("mysql", "sqlite") for raw in ("cassandra", "sqlite", "none")]
NO_EVENTS = [(b"7", None), (None, b""), (b"8", b"")]  # a tombstone and messages with nothing in them


@dataclasses.dataclass
class Stores:
    """Stores of one combination, for one reader of the topic."""

    topic: pipeline.Pipeline
    raw: str
    aggregates: str
    directory: pathlib.Path
    name: str

    def __post_init__(self):
        self.directory.mkdir()
        self.mysql, self.cassandra = self.topic.mysql, self.topic.cassandra
        self.data = self.directory / "data"
        self.options = ["--raw", self.raw, "--aggregates", self.aggregates, "--data", self.data]
        if self.raw == "cassandra":
            self.options[1] = f"cassandra://{self.cassandra.host}:{self.cassandra.port}/{self.name}"
        if self.aggregates == "mysql":
            self.mysql.create_database(self.name)
            self.options[3] = self.mysql.url(self.name)
        self.settings = ["--currency", self.topic.currency, "--timezone", self.topic.timezone]
        if self.raw == "cassandra" or self.aggregates == "mysql":
            harness.must_run("setup", *self.options[:4], *self.settings, env=self.topic.env)

    def processor(self, *options):
        one = pipeline.Processor(self.directory, "--broker", self.topic.broker, "--group", self.name, *self.options,
                                 "--session-timeout", "3s", *(self.settings if self.aggregates == "sqlite" else ()),
                                 *options, env=self.topic.env)  # fmt: skip
        self.topic.running.append(one)
        return one

    def positions(self):
        query = "SELECT `partition`, next_offset FROM pipeline_positions WHERE topic = '%s'" % self.topic.name
        if self.aggregates == "mysql":
            return dict(self.mysql.sql(query, database=self.name))
        with harness.database(self.data) as db:
            return dict(db.execute(query))

    def reading(self):
        """This combination's MySQL and Cassandra, for the questions of Pipeline. Its topic is another's."""
        other = object.__new__(pipeline.Pipeline)
        other.__dict__.update(mysql=self.mysql, cassandra=self.cassandra, name=self.name)
        return other

    def drain(self):
        ends = self.topic.kafka.end_offsets(self.topic.name)
        harness.wait_until(lambda: all(max(self.positions().get(p, 0), 0) == end for p, end in ends.items()), 120,
                           f"everything in {self.raw} and {self.aggregates}\n{self.topic.logs()}")  # fmt: skip

    def tables(self):
        if self.aggregates == "mysql":
            return pipeline.Pipeline.tables(self.reading())
        return pipeline.as_texts(harness.stored_aggregates(self.data))

    def state(self):
        return pipeline.Pipeline.state(self.reading()) if self.aggregates == "mysql" else harness.stored_counts(self.data)

    def n_rejected(self):
        if self.aggregates == "mysql":
            return self.mysql.sql("SELECT COUNT(*) FROM rejected_events", database=self.name)[0][0]
        with harness.database(self.data) as db:
            return db.execute("SELECT count(*) FROM rejected_events").fetchone()[0]

    def raw_totals(self):
        """{(order_id, event, event_id): total} in ten-thousandths; None when raw orders are not kept."""
        if self.raw == "none":
            return None
        if self.raw == "cassandra":
            rows = pipeline.Pipeline.raw_rows(self.reading()).values()
            return {row.identity: row.amounts[-1] for row in rows}
        orders, adjustments = ("order_rows", "adjustment_rows") if self.aggregates == "sqlite" else ("raw_orders", "raw_adjustments")
        kind = "CASE event WHEN 1 THEN 'cancelled' ELSE 'refunded' END"
        with contextlib.closing(sqlite3.connect(f"file:{self.data}/sales.db?mode=ro", uri=True)) as db:
            rows = db.execute(f"SELECT order_id, 'placed', NULL, total_e4 FROM {orders} UNION ALL "
                              f"SELECT order_id, {kind}, nullif(event_id, ''), total_e4 FROM {adjustments}").fetchall()  # fmt: skip
        found = {(str(row[0]), row[1], row[2]): row[3] for row in rows}
        assert len(found) == len(rows), "a raw event is there twice"
        return found

    def check(self, expected):
        self.drain()
        state = self.state()
        wanted = {"received": expected.reference.received, **expected.reference.counts}
        assert {name: state[name] for name in wanted} == wanted
        assert self.n_rejected() == len(expected.rejected)
        tables = pipeline.as_texts(expected.reference.tables())
        found = self.tables()
        if self.raw == "none":
            tables, found = without_places(tables), without_places(found)
        for table in pipeline.KEYS:
            floor = {"sales_by_minute": state["minute_floor"], "sales_by_hour": state["hour_floor"]}.get(table)
            different = harness.differences(pipeline.above(found[table], floor), pipeline.above(tables[table], floor))
            assert not different, f"{table}:\n" + "\n".join(different)
        raw = self.raw_totals()
        if raw is not None:
            different = harness.differences(raw, {key: one.amounts[-1] for key, one in expected.raw.items()})
            assert not different, "raw orders:\n" + "\n".join(different)


def without_places(tables):
    """Cells summed up over source and state: without raw orders nobody knows where an order came from that
    is taken back in a later batch, so that those sums stand under (unknown)."""
    found = {}
    for table, key in pipeline.KEYS.items():
        keep = [i for i, name in enumerate(key) if name not in ("source", "state")]
        cells = found[table] = {}
        for names, sums in tables[table].items():
            into = cells.setdefault(tuple(names[i] for i in keep), collections.Counter())
            into.update(sums)
    return found


@pytest.mark.timeout(600)
def test_one_topic_makes_the_same_aggregates_in_every_combination(shop, tmp_path):
    topic = shop(partitions=3)
    texts = list(events.Generator(SEED + 11, int(time.time() * 1000), topic.timezone).events(N_EVENTS))
    half = len(texts) // 2
    keyed = list(pipeline.keyed(texts, topic.currency, topic.timezone))
    topic.kafka.produce_lines(topic.name, keyed[:half])
    topic.kafka.produce(topic.name, NO_EVENTS)
    every = [Stores(topic, raw, aggregates, tmp_path / f"{raw}-{aggregates}", f"{topic.name}_{raw}_{aggregates}")
             for raw, aggregates in COMBINATIONS]  # fmt: skip
    expected = topic.expected()
    for one in every:
        first = one.processor()
        one.check(expected)
        skipped_is_told(first, expected, len(NO_EVENTS))
        first.kill()  # the second half after kill -9 and a start from what is stored
    topic.kafka.produce_lines(topic.name, keyed[half:])
    topic.kafka.produce(topic.name, NO_EVENTS)
    expected = topic.expected()
    assert len(expected.raw) > N_EVENTS // 3
    for one in every:
        second = one.processor()
        one.check(expected)
        skipped_is_told(second, expected, 2 * len(NO_EVENTS))  # also those before the kill
        second.stop()
    used_as_they_were_made(every)


def skipped_is_told(processor, expected, n):
    assert expected.skipped == n
    harness.wait_until(lambda: processor.metric("salestide_skipped_total") == n, 10, f"{n} skipped messages in /metrics")


def used_as_they_were_made(every):
    """A directory of one combination is refused by the others, and by serve and verify, in one line."""
    for one in every:
        if "sqlite" not in (one.raw, one.aggregates):
            continue
        together = one.raw == one.aggregates
        for command in ("verify", "serve"):
            if together and command == "serve":
                continue
            done = harness.run(command, "--data", one.data, *(["--listen", "127.0.0.1:0"] if command == "serve" else []))
            if together:
                assert done.returncode == 0, done.stderr
                continue
            assert done.returncode == 2, (one.raw, one.aggregates, command, done.stderr)
            assert len(done.stderr.strip().splitlines()) == 1, done.stderr
            what = "aggregates alone" if one.aggregates == "sqlite" else "raw orders alone"
            assert what in done.stderr.decode()
        other = ["--raw", "none", "--aggregates", "sqlite"] if one.raw == "sqlite" else ["--raw", "sqlite", "--aggregates", "sqlite"]
        done = harness.run("process", "--broker", one.topic.broker, "--data", one.data, *other, "--listen", "127.0.0.1:0")
        assert done.returncode == 2, done.stderr
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_a_second_process_on_a_data_directory_is_refused(shop, tmp_path):
    topic = shop(partitions=1)
    one = Stores(topic, "none", "sqlite", tmp_path / "one", f"{topic.name}_one")
    one.processor()
    done = harness.run("process", "--broker", topic.broker, *one.options, "--listen", "127.0.0.1:0")
    assert done.returncode == 2, done.stderr
    assert "another salestide process writes" in done.stderr.decode()
    topic.stop()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--raw", "none"], "--aggregates mysql://"),
        (["--aggregates", "sqlite"], "--raw cassandra://"),
        (["--raw", "none", "--aggregates", "cassandra://h/k"], "there are mysql://"),
        (["--raw", "mysql://u@h/d", "--aggregates", "sqlite"], "there are cassandra://"),
        (["--raw", "s3://bucket", "--aggregates", "mysql://u@h/d"], "there are cassandra://"),
        (["--raw", "none", "--aggregates", "none"], "there are mysql://"),
    ],
)
def test_a_combination_that_does_not_exist_is_refused_in_one_line(options, says, tmp_path):
    done = harness.run("process", "--broker", "kafka://127.0.0.1:1/sales", "--data", tmp_path / "data", *options)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr.decode()
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert not (tmp_path / "data").exists()
