#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# acsylla, a C++ driver of Cassandra for Python's asyncio, stores a decimal.Decimal as another number.
#
# Versions: acsylla 1.2.0, cassandra-driver 3.30.1 (PyPI), Apache Cassandra 5.0.9 on Java 17 (from Maven, which has to be there).
# Expected: what is bound to a column of type decimal is what any client reads there, as the column's type says.
# Seen (2026-11-30): the column's number, an integer of any length and a scale, is made of the letters of the text: 0.00 is sent
#   as the four letters "0.00" with scale 2, which others read as an integer of four bytes. There is no error. acsylla itself
#   reads its own rows back as they were: such a table looks right until somebody else, or the server's sum(), adds it up.
# Output:
#   bound 0.00: acsylla reads 0.00, cassandra-driver 8083333.60
#   bound 12.34: acsylla reads 12.34, cassandra-driver 2112952860.68
#   bound -1.5: acsylla reads -1.5, cassandra-driver 75819781.3
#   bound 70: acsylla reads 70, cassandra-driver 14128
# What helps: for decimals another client, or the C++ driver itself with the bytes of the integer.
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
timeout 300 venv/bin/pip --quiet --disable-pip-version-check install acsylla==1.2.0 cassandra-driver==3.30.1
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
timeout 180 venv/bin/python - "$port" 2>log.txt <<'PY'
import asyncio
import decimal
import sys
import time

import acsylla
import cassandra.cluster
import cassandra.policies

PORT = int(sys.argv[1])
VALUES = [decimal.Decimal(text) for text in ("0.00", "12.34", "-1.5", "70")]


def connected():
    end = time.monotonic() + 120
    while True:
        cluster = cassandra.cluster.Cluster(
            ["127.0.0.1"], port=PORT, protocol_version=5, execution_profiles={
                cassandra.cluster.EXEC_PROFILE_DEFAULT: cassandra.cluster.ExecutionProfile(
                    load_balancing_policy=cassandra.policies.RoundRobinPolicy(), request_timeout=30)})  # fmt: skip
        try:
            return cluster, cluster.connect()
        except cassandra.cluster.NoHostAvailable:
            cluster.shutdown()
            if time.monotonic() > end:
                sys.exit("the server does not answer")
            time.sleep(0.5)


async def write_and_read():
    """What acsylla itself has of its rows."""
    session = await acsylla.create_cluster(["127.0.0.1"], port=PORT).create_session()
    insert = await session.create_prepared("INSERT INTO k.sale (n, total) VALUES (?, ?)")
    for n, value in enumerate(VALUES):
        statement = insert.bind()
        statement.bind_dict({"n": n, "total": value})
        await session.execute(statement)
    select = await session.create_prepared("SELECT total FROM k.sale WHERE n = ?")
    found = []
    for n in range(len(VALUES)):
        statement = select.bind()
        statement.bind_dict({"n": n})
        try:
            found.append((await session.execute(statement)).first().total)
        except Exception as problem:
            found.append(type(problem).__name__)
    await session.close()
    return found


cluster, session = connected()
session.execute("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
session.execute("CREATE TABLE k.sale (n int PRIMARY KEY, total decimal)")
own = asyncio.run(write_and_read())
wrong = 0
for n, value in enumerate(VALUES):
    (row,) = session.execute("SELECT total FROM k.sale WHERE n = %s", [n])
    print(f"bound {value}: acsylla reads {own[n]}, cassandra-driver {row.total}")
    wrong += row.total != value
cluster.shutdown()
sys.exit(wrong != len(VALUES))
PY
