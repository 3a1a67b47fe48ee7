#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A topic is deleted and made anew under a running consumer: librdkafka reads on at the old offset.
#
# Versions: confluent-kafka 2.16.1 (librdkafka 2.16.0), Apache Kafka 4.3.1 on Java 17 (from Maven, which has to be
#   there).
# Expected: each topic has an id of its own, which the broker tells. So a client sees that this is another topic
#   of the same name, and begins as auto.offset.reset says, or fails where that is `error`.
# Seen (2026-11-28): five messages were read of the old topic; the new one gets eight. The consumer delivers only
#   the last three of them, and there is no error in poll(), in error_cb or by auto.offset.reset=error, since offset 5
#   exists in the new topic too. Five messages are never delivered, and the position is at the end as if they
#   had been. The Java client's console consumer read all eight in three runs of the same. A consumer by
#   subscribe() noticed when the topic was away for 8 s; one by assign() did not within 10 s.
# Output:
#   subscribe, auto.offset.reset=earliest, the topic away for 0 s: new5 new6 new7; errors: none; position 8 of 8
#   assign, auto.offset.reset=earliest, the topic away for 0 s: new5 new6 new7; errors: none; position 8 of 8
#   assign, auto.offset.reset=error, the topic away for 0 s: new5 new6 new7; errors: none; position 8 of 8
#   assign, auto.offset.reset=error, the topic away for 5 s: new5 new6 new7; errors: none; position 8 of 8
# What helps: describe_topics() gives the id: here it differs each time. Keep it with the offsets, and compare.
set -eu
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" || true; wait "$server" || true; }; rm -rf "$dir"' EXIT
cd "$dir"
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>findings</groupId><artifactId>server</artifactId><version>1</version><packaging>pom</packaging>
<dependencies><dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
<version>4.3.1</version></dependency></dependencies></project>
XML
timeout 900 mvn --batch-mode --quiet org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    -DoutputDirectory=lib -DincludeScope=runtime >maven.log 2>&1 </dev/null || { tail maven.log; exit 1; }
python3 -m venv venv
timeout 300 venv/bin/pip --quiet --disable-pip-version-check install confluent-kafka==2.16.1
read -r port controller <<<"$(python3 -c 'import socket
s = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*[one.getsockname()[1] for one in s])')"
cat >server.properties <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=$dir/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
PROPERTIES
timeout 60 java -cp "$dir/lib/*" kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qg -c server.properties \
    >format.log 2>&1 || { tail format.log; exit 1; }
timeout --kill-after=20 900 java -Xms256m -Xmx512m -cp "$dir/lib/*" kafka.Kafka server.properties \
    >server.log 2>&1 </dev/null &
server=$!
timeout 240 venv/bin/python - "127.0.0.1:$port" <<'PY'
import sys
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicCollection, TopicPartition, libversion
from confluent_kafka.admin import AdminClient, NewTopic

settings = {"bootstrap.servers": sys.argv[1], "log_level": 0}
admin = AdminClient(settings)
end = time.monotonic() + 60
while True:
    try:
        admin.list_topics(timeout=2)
        break
    except KafkaException:
        if time.monotonic() > end:
            sys.exit("the broker does not answer")


def create(topic):
    end = time.monotonic() + 30
    while True:
        try:
            return admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(10)
        except KafkaException as e:  # the old one is not quite gone
            if time.monotonic() > end:
                raise e
            time.sleep(0.02)


def topic_id(topic):
    return str(admin.describe_topics(TopicCollection([topic]))[topic].result(10).topic_id)


def fill(topic, text, n):
    producer = Producer(settings)
    for i in range(n):
        producer.produce(topic, f"{text}{i}")
    if producer.flush(20):
        sys.exit("the broker does not take messages")


def read(consumer, n, seconds):
    found, end = [], time.monotonic() + seconds
    while time.monotonic() < end and len(found) < n:
        message = consumer.poll(0.1)
        if message is not None:
            found.append(message.error().name() if message.error() else message.value().decode())
    return found


def scenario(topic, how, reset, pause_s):
    errors = []
    consumer = Consumer({**settings, "group.id": topic, "enable.auto.commit": False, "auto.offset.reset": reset,
                         "error_cb": lambda e: errors.append(e.name())})  # fmt: skip
    create(topic)
    fill(topic, "old", 5)
    if how == "assign":
        consumer.assign([TopicPartition(topic, 0, 0)])
    else:
        consumer.subscribe([topic])
    if read(consumer, 5, 20) != [f"old{i}" for i in range(5)]:
        sys.exit("the old topic cannot be read")
    old_id = topic_id(topic)
    admin.delete_topics([topic])[topic].result(10)
    while_gone = read(consumer, 99, pause_s)
    create(topic)
    fill(topic, "new", 8)
    found = read(consumer, 8, 6)
    (position,) = consumer.position([TopicPartition(topic, 0)])
    consumer.close()
    print(f"{how}, auto.offset.reset={reset}, the topic away for {pause_s} s: "
          f"{' '.join(while_gone + found)}; errors: {errors or 'none'}; position {position.offset} of 8")
    if topic_id(topic) == old_id:
        sys.exit("changed: the new topic has the old one's id")
    return while_gone + found


cases = [("subscribe", "earliest", 0), ("assign", "earliest", 0), ("assign", "error", 0), ("assign", "error", 5)]
if any(scenario(f"t{n}", *case) != ["new5", "new6", "new7"] for n, case in enumerate(cases)):
    sys.exit("changed: see what was read")
print(f"holds: librdkafka {libversion()[0]} goes on at the old topic's offset, and says nothing")
PY
