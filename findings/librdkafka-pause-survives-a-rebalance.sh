#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A partition that was paused, went to another member and came back is still paused in librdkafka.
#
# Versions: confluent-kafka 2.16.1 (librdkafka 2.16.0), against the mock cluster that librdkafka brings; the
#   same was seen with a real Kafka 4.3.1, by the strategies range and cooperative-sticky.
# Expected: pausing is part of what a member has with a partition. Once that is revoked, and later assigned
#   again, it begins afresh, as the documentation of Kafka's Java client says of that one.
# Seen (2026-11-28): a member of a group pauses its partitions; a second one comes, takes some, and leaves; the
#   first is assigned them again and its callback is told so, but no message arrives any more: no error, no
#   log line, and the group looks healthy. Only resume() ends it. One rebalance in a moment of back-pressure
#   is enough, and a program that forgets what it had paused when partitions are revoked stands still.
# Output:
#   assigned [0, 1, 2, 3], revoked [0, 1, 2, 3], assigned [0, 1], revoked [0, 1], assigned [0, 1, 2, 3], revoked [0, 1, 2, 3]
#   without resume() in the callback: 0 of 4; after resume(): 4 more
#   assigned [0, 1, 2, 3], revoked [0, 1, 2, 3], assigned [0, 1], revoked [0, 1], assigned [0, 1, 2, 3], revoked [0, 1, 2, 3]
#   with resume() in the callback: 4 of 4; after resume(): 0 more
# What helps: assign() and resume() in the callback of assignment, as the second half does.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
timeout 300 "$dir/venv/bin/pip" --quiet --disable-pip-version-check install confluent-kafka==2.16.1
timeout 120 "$dir/venv/bin/python" - <<'PY'
import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition, libversion

TOPIC, PARTITIONS = "orders", 4  # of a topic that the mock cluster makes by itself
ALL = list(range(PARTITIONS))


def numbers(partitions):
    return sorted(p.partition for p in partitions)


def fill(producer, text):
    for partition in ALL:
        producer.produce(TOPIC, text, partition=partition)
    producer.flush(10)


def count(consumer, text, seconds):
    """Messages of this text that arrive within a time; no longer than until there is one of each partition."""
    end, n = time.monotonic() + seconds, 0
    while time.monotonic() < end and n < PARTITIONS:
        message = consumer.poll(0.1)
        n += message is not None and message.value() == text
    return n


def until(condition, *members):
    end = time.monotonic() + 30
    while not condition():
        if time.monotonic() > end:
            sys.exit("changed: the group did not get where it was to go")
        for member in members:
            member.poll(0.05)


def scenario(helped):
    """How many of the later messages arrive by themselves, and how many more after resume()."""
    # The producer's handle is the cluster: one broker on 127.0.0.1.
    producer = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    brokers = ",".join(f"{b.host}:{b.port}" for b in producer.list_topics(timeout=10).brokers.values())
    settings = {"bootstrap.servers": brokers, "group.id": "g", "auto.offset.reset": "earliest",
                "enable.auto.commit": False, "session.timeout.ms": 6000, "heartbeat.interval.ms": 300,
                "partition.assignment.strategy": "range"}  # fmt: skip
    first, second, events = Consumer(settings), Consumer(settings), []

    def assigned(consumer, partitions):
        events.append(f"assigned {numbers(partitions)}")
        if helped:
            consumer.assign(partitions)
            consumer.resume(partitions)

    fill(producer, b"early")
    first.subscribe([TOPIC], on_assign=assigned, on_revoke=lambda _, p: events.append(f"revoked {numbers(p)}"))
    if count(first, b"early", 30) != PARTITIONS:
        sys.exit("changed: the first member does not read all partitions")
    first.pause(first.assignment())
    second.subscribe([TOPIC])
    until(lambda: len(first.assignment()) == len(second.assignment()) == PARTITIONS / 2, first, second)
    second.close()
    until(lambda: numbers(first.assignment()) == ALL, first)
    fill(producer, b"later")
    alone = count(first, b"later", 6)
    first.resume([TopicPartition(TOPIC, p) for p in ALL])
    after = count(first, b"later", 10) if alone < PARTITIONS else 0
    first.close()
    print(", ".join(events))
    print(f"{'with' if helped else 'without'} resume() in the callback: {alone} of {PARTITIONS}; after resume(): {after} more")
    return alone, after


if scenario(False) != (0, PARTITIONS) or scenario(True) != (PARTITIONS, 0):
    sys.exit("changed: see the counts above")
print(f"holds: librdkafka {libversion()[0]} hands out nothing of a partition that was paused before it moved")
PY
