# SPDX-License-Identifier: MIT
"""--group-protocol: who shares out a topic's partitions, the members of a group or the brokers; and brokers that
cannot; and that partitions go on while others move."""

import re
import signal

import pytest

import harness
from servers.kafka import Kafka
from servers.shared import shared

N = 300
HANDED_OVER = re.compile(r"partition (\d+) of \S+ is handed over")


@pytest.fixture(scope="module")
def older(tmp_path_factory):
    """A broker that does not share out partitions, as all before Kafka 4.0."""
    yield from shared(Kafka(tmp_path_factory.mktemp("older"), properties={"group.coordinator.rebalance.protocols": "classic"}))


def orders(first):
    for k in range(first, first + N):
        yield b"%d" % k, b'{"order_id":%d,"amount":"1.50","currency":"USD","created_at":"2026-01-02T03:04:05Z"}' % k


def counts(one, protocol, first=1):
    """A process of this protocol counts what is put into the topic."""
    process = one.processor("--group-protocol", protocol, "--group", one.name)
    one.kafka.produce_lines(one.name, orders(first))
    one.wait_drained()
    return process


def type_of_group(one):
    (found,) = (group for group in one.kafka.admin().list_groups() if group["group_id"] == one.name)
    return found["group_type"].lower()


@pytest.mark.parametrize(("protocol", "kind"), [("auto", "consumer"), ("classic", "classic"), ("consumer", "consumer")])
def test_brokers_share_partitions_out_where_they_can_and_are_asked_to(shop, protocol, kind):
    one = shop(partitions=2)
    process = counts(one, protocol)
    assert type_of_group(one) == kind
    assert "its members do" not in process.log


def test_auto_goes_by_the_members_where_brokers_cannot(shop, older):
    one = shop(kafka=older, partitions=2)
    process = counts(one, "auto")
    assert process.log.count("its members do (group protocol classic)") == 1
    assert " error " not in process.log
    process.stop()
    counts(one, "auto", first=N + 1)


def test_consumer_with_brokers_that_cannot_ends_with_a_line_that_says_so(shop, older):
    one = shop(kafka=older, partitions=2)
    done = harness.run("process", "--broker", one.broker, "--raw", one.raw, "--aggregates", one.mysql.url(one.name), "--listen",
                       "127.0.0.1:0", "--group-protocol", "consumer", timeout=90, env=one.env)  # fmt: skip
    assert done.returncode == 1
    lines = [line for line in done.stderr.decode().splitlines() if " error " in line]
    assert len(lines) == 1, done.stderr
    assert "do not know the group protocol `consumer`" in lines[0]
    assert "--group-protocol classic" in lines[0]


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_partitions_that_stay_are_counted_while_those_that_move_stand_still(shop, protocol):
    one = shop()
    stays = counts(one, protocol)
    joins = one.processor("--group-protocol", protocol, "--group", one.name, wait=False)
    harness.wait_until(lambda: HANDED_OVER.search(stays.log), 60, "partitions that move")
    joins.signal(signal.SIGSTOP)  # what was handed over waits for it
    try:
        one.kafka.produce_lines(one.name, orders(N + 1))
        ends = one.kafka.end_offsets(one.name)

        def those_that_stay_are_counted():
            moved, found = {int(p) for p in HANDED_OVER.findall(stays.log)}, one.positions()
            assert 0 < len(moved) < len(ends)
            return all(found[p] == end for p, end in ends.items() if p not in moved)

        harness.wait_until(those_that_stay_are_counted, 60, f"orders of partitions that stay\n{stays.log}")
    finally:
        joins.signal(signal.SIGCONT)
    one.wait_drained()
    one.check_counts(one.expected())
