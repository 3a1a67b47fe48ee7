#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# librdkafka: messages of 200 bytes are refused as too large, where the topic takes 100,000.
#
# Versions: confluent-kafka 2.16.1 (librdkafka 2.16.0), Apache Kafka 4.3.1 on Java 17 (from Maven, which has to be
#   there).
# Expected: a topic's max.message.bytes is held against a message, or, since brokers mean a batch by it, the client
#   divides a batch that was refused and sends the parts. Kafka's Java client does (seen: 2,000 of 2,000 delivered, in
#   the same topic with batch.size=1000000, and "splitting and retrying" in its log).
# Seen (2026-11-28): librdkafka gathers up to batch.size (1,000,000 bytes unless told otherwise), whatever
#   the topic takes, and fails every message of a refused batch for good, each with "message size too large". It takes
#   load to see it: one message by itself, or a slow test, is delivered.
# Output:
#   2000 messages of 200 bytes, defaults: {'MSG_SIZE_TOO_LARGE': 2000}
#   1 messages of 200 bytes, defaults: {'delivered': 1}
#   2000 messages of 200 bytes, {'batch.size': 90000}: {'delivered': 2000}
# What helps: batch.size below the smallest max.message.bytes of the topics that are written to, as in the last line.
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
import collections
import sys
import time

from confluent_kafka import KafkaException, Producer, libversion
from confluent_kafka.admin import AdminClient, NewTopic

MESSAGES, BYTES, LIMIT = 2000, 200, 100_000
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
topic = NewTopic("orders", 1, 1, config={"max.message.bytes": str(LIMIT)})
admin.create_topics([topic])["orders"].result(10)


def send(messages, **more):
    outcome = collections.Counter()
    producer = Producer({**settings, "linger.ms": 500, **more})
    for _ in range(messages):
        producer.produce("orders", b"x" * BYTES, on_delivery=lambda e, _: outcome.update([e.name() if e else "delivered"]))
    left = producer.flush(60)
    print(f"{messages} messages of {BYTES} bytes, {more or 'defaults'}: {dict(outcome)}")
    return dict(outcome) if not left else {}


together, alone = send(MESSAGES), send(1)
small = send(MESSAGES, **{"batch.size": LIMIT * 9 // 10})
if together != {"MSG_SIZE_TOO_LARGE": MESSAGES} or alone != {"delivered": 1} or small != {"delivered": MESSAGES}:
    sys.exit("changed: see what was delivered")
print(f"holds: librdkafka {libversion()[0]} refuses {BYTES} bytes as too large for a topic that takes {LIMIT}")
PY
