# SPDX-License-Identifier: MIT
"""`salestide dashboard --broker` beside another writer: how many messages of each partition wait to be
counted, and for how long the oldest has, whoever counts them and wherever the sums are."""

import contextlib
import json
import time

import kafka as kafka_python
import pytest

import harness
from harness import order
from hosts import Dashboard, Process
from mysql_copy import ENV, Database, events_of

PATIENCE_S = 60


@pytest.fixture
def started(tmp_path):
    """Starts hosts: started(Process, "--option", ...); all that still run have to stop cleanly."""
    running = []

    def start(host, *options):
        one = host(tmp_path, *options, env=ENV)
        running.append(one)
        return one

    yield start
    try:
        for one in running:
            if one.process.returncode is None:
                one.stop()
    finally:
        for one in running:
            one.kill()


class Shop:
    """A topic of three partitions, and a place for its sums."""

    def __init__(self, kafka, name, aggregates):
        self.kafka, self.name, self.n_sent = kafka, name, 0
        self.topic = kafka.create_topic(name, partitions=3)
        self.writer = ("--broker", self.topic, "--raw", "none", "--aggregates", aggregates)
        self.shows = ("--broker", self.topic, "--aggregates", aggregates)

    def send(self, n, partition, stamp_ms=None):
        sender = kafka_python.KafkaProducer(bootstrap_servers=self.kafka.bootstrap().split(","), acks="all")
        try:
            for self.n_sent in range(self.n_sent + 1, self.n_sent + n + 1):
                sender.send(self.name, key=str(self.n_sent).encode(), value=json.dumps(order(self.n_sent)).encode(),
                            partition=partition, timestamp_ms=stamp_ms)  # fmt: skip
            sender.flush(timeout=60)
        finally:
            sender.close(timeout=10)


@pytest.fixture(params=["mysql", "sqlite"])
def shop(request, kafka, own_name):
    if request.param == "mysql":
        return Shop(kafka, own_name, Database(request.getfixturevalue("mariadb"), own_name).url)
    return Shop(kafka, own_name, "sqlite")


@pytest.fixture
def mysql_shop(kafka, own_name, mariadb):
    return Shop(kafka, own_name, Database(mariadb, own_name).url)


def metrics(one):
    return harness.metrics(one.get("/metrics").body.decode())


def lag(one):
    """{partition: messages} of its metrics; None: it does not know."""
    found = metrics(one)
    assert ("salestide_kafka_lag_messages" in found) == (found["salestide_kafka_lag_known"] == {(): 1})
    return {int(dict(labels)["partition"]): n for labels, n in found.get("salestide_kafka_lag_messages", {}).items()} or None


def wait_for_lag(one, wanted):
    harness.wait_until(lambda: lag(one) == wanted, PATIENCE_S, f"lag {wanted}\n{one.log}")


def health(one):
    """Of the page, as a viewer that comes now is told."""
    with contextlib.closing(one.connection(timeout=20)) as connection:
        connection.request("GET", "/v1/stream")
        name, data = next(events_of(connection.getresponse()))
    assert name == "snapshot"
    return data["health"]


def wait_for_health(one, **wanted):
    harness.wait_until(lambda: wanted.items() <= health(one).items(), PATIENCE_S, f"{wanted} on the page\n{one.log}")


def test_what_waits_is_told_of_each_partition_until_it_is_counted(shop, started):
    shop.send(4, 0)
    shop.send(2, 1)
    writer = started(Process, *shop.writer)
    one = started(Dashboard, *shop.shows)
    wait_for_lag(one, {0: 0, 1: 0, 2: 0})
    wait_for_health(one, lag=[[0, 0], [1, 0], [2, 0]], waiting_since_ms=None)
    assert metrics(one)["salestide_kafka_waiting_seconds"] == {(): 0}
    writer.stop()
    now_ms = int(time.time() * 1000)
    shop.send(5, 0, now_ms - 50_000)
    shop.send(1, 2, now_ms - 100_000)
    shop.send(6, 2, now_ms - 200_000)  # an older one behind the first does not count
    wait_for_lag(one, {0: 5, 1: 0, 2: 7})
    wait_for_health(one, lag=[[0, 5], [1, 0], [2, 7]], waiting_since_ms=now_ms - 100_000)
    (seconds,) = metrics(one)["salestide_kafka_waiting_seconds"].values()
    assert 100 <= seconds < 100 + 2 * PATIENCE_S
    assert metrics(one)["salestide_kafka_next_offset"] == {(("partition", str(p)),): n for p, n in enumerate((4, 2, 0))}
    started(Process, *shop.writer)
    wait_for_lag(one, {0: 0, 1: 0, 2: 0})
    wait_for_health(one, lag=[[0, 0], [1, 0], [2, 0]], waiting_since_ms=None)


def test_a_broker_that_is_killed_leaves_the_lag_not_known_until_it_is_back(mysql_shop, started, tmp_path):
    (tmp_path / "alerts").write_text("behind = lag over 2\n")
    mysql_shop.send(3, 1)
    one = started(Dashboard, *mysql_shop.shows, "--alerts", tmp_path / "alerts")
    wait_for_lag(one, {0: 0, 1: 3, 2: 0})
    rule = lambda: one.get("/v1/alerts").json()["rules"][0]  # noqa: E731
    harness.wait_until(lambda: rule()["value"] == "3 messages are not counted yet", PATIENCE_S, "the alert's value")
    mysql_shop.kafka.kill9()
    try:
        harness.wait_until(lambda: lag(one) is None, PATIENCE_S, f"it is not known\n{one.log}")
        wait_for_health(one, lag=None)
        assert "waiting_since_ms" not in health(one)
        harness.wait_until(lambda: rule()["value"] is None, PATIENCE_S, "the alert's value is not known")
        assert one.get("/v1/sales").status == one.get("/readyz").status == 200, "nobody else waits for it"
        again = started(Dashboard, *mysql_shop.shows)  # a start without any broker
        wait_for_health(again, lag=None)
    finally:
        mysql_shop.kafka.revive()
    mysql_shop.send(1, 1)
    for each in (one, again):
        wait_for_lag(each, {0: 0, 1: 4, 2: 0})
        assert (each.log.count("kafka is down"), each.log.count("kafka is up again")) == (1, 1), each.log
    assert "no answer about the topic" in one.log


def test_positions_of_a_topic_that_was_made_anew_are_not_those_of_this_one(mysql_shop, started):
    mysql_shop.send(9, 0)
    writer = started(Process, *mysql_shop.writer)
    one = started(Dashboard, *mysql_shop.shows)
    wait_for_lag(one, {0: 0, 1: 0, 2: 0})
    writer.stop()
    mysql_shop.kafka.admin().delete_topics([mysql_shop.name])
    harness.wait_until(lambda: lag(one) is None, PATIENCE_S, f"it is not known of a topic that is not there\n{one.log}")
    mysql_shop.kafka.create_topic(mysql_shop.name, partitions=2)
    mysql_shop.send(5, 0)
    wait_for_lag(one, {0: 5, 1: 0})
    mysql_shop.kafka.delete_records(mysql_shop.name, {0: 2})
    wait_for_lag(one, {0: 3, 1: 0})


def test_messages_of_a_transaction_wait_neither_while_it_is_open_nor_when_it_was_aborted(mysql_shop, started):
    one = started(Dashboard, *mysql_shop.shows)
    sender = kafka_python.KafkaProducer(bootstrap_servers=mysql_shop.kafka.bootstrap().split(","), acks="all",
                                        transactional_id=f"{mysql_shop.name}-shop", enable_idempotence=True)  # fmt: skip
    then_ms = int(time.time() * 1000) - 10_000
    try:
        sender.init_transactions()
        sender.begin_transaction()
        for n in range(3):
            sender.send(mysql_shop.name, value=b"{}", partition=0, timestamp_ms=then_ms - 1000 * n)
        sender.flush(timeout=60)
        mysql_shop.send(1, 1, then_ms)
        wait_for_lag(one, {0: 0, 1: 1, 2: 0})
        sender.abort_transaction()
        wait_for_lag(one, {0: 4, 1: 1, 2: 0})  # with its mark: until the writer has passed them
        wait_for_health(one, waiting_since_ms=then_ms)
    finally:
        sender.close(timeout=10)
    started(Process, *mysql_shop.writer)
    wait_for_lag(one, {0: 0, 1: 0, 2: 0})


def test_without_a_broker_nothing_is_said_of_the_lag(mysql_shop, started):
    one = started(Dashboard, *mysql_shop.shows[2:])
    assert not {"lag", "waiting_since_ms"} & health(one).keys()
    assert not {name for name in metrics(one) if "lag" in name or "waiting" in name}
