#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# kafka-python: after one message with a refused timestamp its producer sends nothing more, and blames timestamps.
#
# Versions: kafka-python 3.0.12, Apache Kafka 4.3.1 on Java 17 (from Maven, which has to be there).
# Expected: the send of a message that the topic refuses (here an hour ahead of the broker's clock, where one minute
#   is allowed) fails, and the next one has nothing to do with it.
# Seen (2026-11-28): the producer is idempotent unless told otherwise, and such a one is over after that: every later
#   send, whatever its own timestamp, partition or topic, fails with the old InvalidTimestampError, as if it were
#   about this message. So a clock that was ahead for a moment stops a sender until it is started again, and one looks
#   at timestamps that are right.
# Output:
#   idempotent (default), now: delivered
#   idempotent (default), an hour ahead: InvalidTimestampError
#   idempotent (default), now: InvalidTimestampError (one or more records ...)
#   idempotent (default), 3 s later: InvalidTimestampError (one or more records ...)
#   idempotent (default), another partition: InvalidTimestampError (one or more records ...)
#   idempotent (default), another topic: InvalidTimestampError (one or more records ...)
#   enable_idempotence=False, now: delivered
#   enable_idempotence=False, an hour ahead: InvalidTimestampError
#   enable_idempotence=False, now: delivered
#   enable_idempotence=False, 3 s later: delivered
#   enable_idempotence=False, another partition: delivered
#   enable_idempotence=False, another topic: delivered
#   idempotent, made anew: delivered
# What helps: making the producer anew when a send fails so.
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
timeout 300 venv/bin/pip --quiet --disable-pip-version-check install kafka-python==3.0.12
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

import kafka
from kafka.admin import KafkaAdminClient, NewTopic

end = time.monotonic() + 60
while True:
    try:
        admin = KafkaAdminClient(bootstrap_servers=sys.argv[1])
        break
    except kafka.errors.KafkaError as e:
        if time.monotonic() > end:
            sys.exit(f"the broker does not answer: {e}")
        time.sleep(0.5)
limit = {"message.timestamp.after.max.ms": "60000"}
admin.create_topics([NewTopic(name=t, num_partitions=2, replication_factor=1, topic_configs=limit) for t in ("orders", "other")])


WHAT = ["now", "an hour ahead", "now", "3 s later", "another partition", "another topic"]


def send(producer, ahead_s=0, topic="orders", partition=0):
    try:
        producer.send(topic, b"x", partition=partition, timestamp_ms=int(time.time() + ahead_s) * 1000).get(15)
        return "delivered"
    except kafka.errors.KafkaError as e:
        return type(e).__name__ + (" (one or more records ...)" if "One or more records" in str(e) else "")


def outcomes(name, **more):
    producer = kafka.KafkaProducer(bootstrap_servers=sys.argv[1], **more)
    found = [send(producer), send(producer, ahead_s=3600), send(producer)]
    time.sleep(3)
    found += [send(producer), send(producer, partition=1), send(producer, topic="other")]
    producer.close(5)
    for what, one in zip(WHAT, found):
        print(f"{name}, {what}: {one}")
    return [one == "delivered" for one in found]


idempotent = outcomes("idempotent (default)")
plain = outcomes("enable_idempotence=False", enable_idempotence=False)
anew = kafka.KafkaProducer(bootstrap_servers=sys.argv[1])
again = send(anew)
anew.close(5)
print(f"idempotent, made anew: {again}")
if idempotent != [True] + [False] * 5 or plain != [True, False] + [True] * 4 or again != "delivered":
    sys.exit("changed: see what was delivered")
print(f"holds: the idempotent producer of kafka-python {kafka.__version__} sends nothing after one refused timestamp")
PY
