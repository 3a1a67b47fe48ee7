#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Cassandra's avg() of a decimal rounds at every row: the same thousand rows average 0.00 or 1.00 by their order.
#
# Versions: Apache Cassandra 5.0.9 on Java 17 (from Maven, which has to be there), cassandra-driver 3.30.1.
# Expected: sum(x) / count(x), rounded once, at the end, to the digits of the column or more.
# Seen (2026-11-28): the average so far is kept with as many decimals as the values have, and rounded when a row
#   comes in. Late rows of many move it by less than half of the last digit, so they count for nothing, and the
#   error does not go away. sum() and count() of the same rows are exact. More decimals in the first value make
#   the error smaller, not zero.
# Output:
#   500 x 0.00, then 500 x 1.00: avg 0.00, sum / count 0.50
#   500 x 1.00, then 500 x 0.00: avg 1.00, sum / count 0.50
#   1000 prices from 10.00 to 19.99: avg 14.99, sum / count 14.995
#   the first, one 0 of them as 0.0000: avg 0.4993, sum / count 0.5000
# What helps: sum(total) and count(total), and dividing oneself.
set -eu
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" || true; wait "$server" || true; }; rm -rf "$dir"' EXIT
cd "$dir"
mkdir conf data tmp
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>findings</groupId><artifactId>server</artifactId><version>1</version><packaging>pom</packaging>
<dependencies><dependency><groupId>org.apache.cassandra</groupId><artifactId>cassandra-all</artifactId>
<version>5.0.9</version></dependency></dependencies></project>
XML
timeout 900 mvn --batch-mode --quiet org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    -DoutputDirectory=lib -DincludeScope=runtime >maven.log 2>&1 </dev/null || { tail maven.log; exit 1; }
python3 -m venv venv
timeout 300 venv/bin/pip --quiet --disable-pip-version-check install cassandra-driver==3.30.1
read -r port storage <<<"$(python3 -c 'import socket
s = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*[one.getsockname()[1] for one in s])')"
cat >conf/cassandra.yaml <<YAML
cluster_name: findings
num_tokens: 1
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
data_file_directories: [$dir/data/data]
commitlog_directory: $dir/data/commitlog
saved_caches_directory: $dir/data/saved_caches
hints_directory: $dir/data/hints
cdc_raw_directory: $dir/data/cdc_raw
commitlog_sync: periodic
commitlog_sync_period: 10000ms
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{seeds: "127.0.0.1:$storage"}]
listen_address: 127.0.0.1
rpc_address: 127.0.0.1
storage_port: $storage
native_transport_port: $port
start_native_transport: true
endpoint_snitch: SimpleSnitch
memtable_heap_space: 64MiB
memtable_offheap_space: 64MiB
file_cache_size: 32MiB
auto_snapshot: false
YAML
echo '<configuration><root level="OFF"/></configuration>' >conf/logback.xml
modules=()
for name in java.base/{jdk.internal.misc,jdk.internal.ref,sun.nio.ch,java.lang.ref,java.lang.reflect} \
    java.management.rmi/com.sun.jmx.remote.internal.rmi java.rmi/sun.rmi.{registry,server,transport.tcp} \
    java.sql/java.sql jdk.unsupported/sun.misc; do
    modules+=("--add-exports=$name=ALL-UNNAMED")
done
for name in java.base/{java.lang.module,jdk.internal.{loader,ref,reflect,math,module,util.jar},sun.nio.ch} \
    java.base/java.{io,lang,lang.reflect,util,util.concurrent,util.concurrent.atomic,nio,net} \
    java.rmi/sun.rmi.transport.tcp jdk.management/com.sun.management.internal; do
    modules+=("--add-opens=$name=ALL-UNNAMED")
done
timeout --kill-after=20 900 java -Xms768m -Xmx768m -XX:MaxDirectMemorySize=256M -XX:+UseSerialGC \
    -Xss512k -XX:+PerfDisableSharedMem \
    "${modules[@]}" -javaagent:"$(echo "$dir"/lib/jamm-*.jar)" -Djdk.attach.allowAttachSelf=true \
    -Dcassandra.config="file://$dir/conf/cassandra.yaml" -Dcassandra.storagedir="$dir/data" \
    -Dcassandra.logdir="$dir" -Dcassandra-foreground=yes -Djava.io.tmpdir="$dir/tmp" \
    -Dcassandra.skip_wait_for_gossip_to_settle=0 -Dcassandra.ring_delay_ms=0 -Dcassandra.shutdown_announce_in_ms=0 \
    -Dlogback.configurationFile="file://$dir/conf/logback.xml" -cp "$dir/conf:$dir/lib/*" \
    org.apache.cassandra.service.CassandraDaemon >server.log 2>&1 </dev/null &
server=$!
timeout 180 venv/bin/python - "$port" <<'PY'
import decimal
import sys
import time

import cassandra.cluster
import cassandra.policies

end = time.monotonic() + 120
while True:
    cluster = cassandra.cluster.Cluster(
        ["127.0.0.1"], port=int(sys.argv[1]), protocol_version=5, execution_profiles={
            cassandra.cluster.EXEC_PROFILE_DEFAULT: cassandra.cluster.ExecutionProfile(
                load_balancing_policy=cassandra.policies.RoundRobinPolicy(), request_timeout=30)})  # fmt: skip
    try:
        session = cluster.connect()
        break
    except cassandra.cluster.NoHostAvailable:
        cluster.shutdown()
        if time.monotonic() > end:
            sys.exit("the server does not answer")
        time.sleep(0.5)
session.execute("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
session.execute("CREATE TABLE k.sale (shop text, n int, total decimal, PRIMARY KEY (shop, n))")
insert = session.prepare("INSERT INTO k.sale (shop, n, total) VALUES (?, ?, ?)")
shops = {
    "500 x 0.00, then 500 x 1.00": ["0.00"] * 500 + ["1.00"] * 500,
    "500 x 1.00, then 500 x 0.00": ["1.00"] * 500 + ["0.00"] * 500,
    "1000 prices from 10.00 to 19.99": [f"{1000 + n}e-2" for n in range(1000)],
    "the first, one 0 of them as 0.0000": ["0.0000"] + ["0.00"] * 499 + ["1.00"] * 500,
}
seen = []
for shop, totals in shops.items():
    for n, total in enumerate(totals):
        session.execute(insert, (shop, n, decimal.Decimal(total)))
    (row,) = session.execute(
        "SELECT avg(total) AS a, sum(total) AS s, count(total) AS c FROM k.sale WHERE shop = %s", [shop])
    print(f"{shop}: avg {row.a}, sum / count {row.s / row.c}")
    if row.c != len(totals) or row.s != sum(map(decimal.Decimal, totals)):
        sys.exit("changed: sum() and count() are wrong as well")
    seen.append(str(row.a))
(row,) = session.execute("SELECT release_version AS v FROM system.local")
cluster.shutdown()
if seen != ["0.00", "1.00", "14.99", "0.4993"]:
    sys.exit("changed: other averages than were seen")
print(f"holds: avg() of a decimal in Cassandra {row.v} rounds at every row")
PY
