#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# HDFS: closing a small file takes about 0.4 s on an idle cluster, now and then or mostly; Spark's checkpoints wait for it.
#
# Versions: Apache Hadoop 3.4.2 (NameNode, DataNode, client) on Java 17 (from Maven, which has to be there).
# Expected: writing and closing a file of some bytes takes as long as its round trips: a few ms on loopback.
# Seen (2026-11-28): close() asks the NameNode whether the file is complete. A DataNode tells the NameNode of a
#   block when the client has already been told, so the first answer often is "not yet"; then the client sleeps
#   dfs.client.block.write.locateFollowingBlock.initial.delay.ms, whose default is 400, before it asks again.
#   Whether a file takes 20 ms or 420 depends on who is first. What writes several small files for each step, as the
#   checkpoints of Spark Structured Streaming do, is slower by a second, and no log says what is waited for.
#   The obvious cure, a delay of 5, brings a trap: there are 5 tries, each with double the delay, so the client's
#   patience shrinks from 12 s to 0.16 s, and when a DataNode is busy for a moment, close() fails: Unable to close file
#   because the last block ... does not have enough number of replicas.
# Output (numbers vary with the machine and with what else it does):
#   initial.delay.ms 400 (default): 40 files, median 34 ms, 18 took 400 ms or more
#   initial.delay.ms 5: 40 files, median 18 ms, 0 took 400 ms or more
#   a DataNode that tells of blocks once a second, initial.delay.ms 5: 6 of 8 files could not be closed
#   a DataNode that tells of blocks once a second, initial.delay.ms 5, retries 12: 0 of 8 files could not be closed
# What helps: on the client, both of (for Spark with spark.hadoop. before them)
#   dfs.client.block.write.locateFollowingBlock.initial.delay.ms=5
#   dfs.client.block.write.locateFollowingBlock.retries=12          20 s together
set -eu
dir=$(mktemp -d)
servers=()
stop() {
    for one in "${servers[@]}"; do
        kill "$one" 2>/dev/null || true
        wait "$one" || true
    done
    rm -rf "$dir"
}
trap stop EXIT
cd "$dir"
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>findings</groupId><artifactId>server</artifactId><version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.apache.hadoop</groupId><artifactId>hadoop-common</artifactId><version>3.4.2</version></dependency>
<dependency><groupId>org.apache.hadoop</groupId><artifactId>hadoop-hdfs</artifactId><version>3.4.2</version></dependency>
<dependency><groupId>org.apache.hadoop</groupId><artifactId>hadoop-hdfs-client</artifactId><version>3.4.2</version></dependency>
</dependencies></project>
XML
timeout 900 mvn --batch-mode --quiet org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    -DoutputDirectory=lib -DincludeScope=runtime >maven.log 2>&1 </dev/null || { tail maven.log; exit 1; }
read -r rpc web data <<<"$(python3 -c 'import socket
s = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*[one.getsockname()[1] for one in s])')"
mkdir -p conf/webapps/{hdfs,datanode,static} files tmp
cat >conf/core-site.xml <<XML
<configuration><property><name>fs.defaultFS</name><value>hdfs://127.0.0.1:$rpc</value></property></configuration>
XML
{
    echo '<configuration>'
    while read -r name value; do
        echo "<property><name>dfs.$name</name><value>$value</value></property>"
    done <<PROPERTIES
replication 1
namenode.name.dir file://$dir/data/name
datanode.data.dir file://$dir/data/blocks
namenode.rpc-address 127.0.0.1:$rpc
namenode.http-address 127.0.0.1:$web
datanode.address 127.0.0.1:$data
datanode.http.address 127.0.0.1:0
datanode.ipc.address 127.0.0.1:0
datanode.hostname 127.0.0.1
client.use.datanode.hostname true
namenode.datanode.registration.ip-hostname-check false
permissions.enabled false
PROPERTIES
    echo '</configuration>'
} >conf/hdfs-site.xml
printf '%s\n' log4j.rootLogger=WARN,console log4j.appender.console=org.apache.log4j.ConsoleAppender \
    log4j.appender.console.layout=org.apache.log4j.PatternLayout >conf/log4j.properties
hadoop=(java -Xmx256m -Djava.net.preferIPv4Stack=true "-Djava.io.tmpdir=$dir/tmp" "-Dhadoop.log.dir=$dir"
    --add-opens=java.base/java.lang=ALL-UNNAMED -cp "$dir/conf:$dir/lib/*")
package=org.apache.hadoop.hdfs.server
timeout 60 "${hadoop[@]}" $package.namenode.NameNode -format -nonInteractive >format.log 2>&1 </dev/null ||
    { tail format.log; exit 1; }
timeout --kill-after=20 900 "${hadoop[@]}" $package.namenode.NameNode >namenode.log 2>&1 </dev/null &
servers+=($!)
start_datanode() { # OPTION...
    local live='import json, sys, urllib.request
bean = json.load(urllib.request.urlopen(sys.argv[1], timeout=5))["beans"][0]
sys.exit(bean["NumLiveDataNodes"] != 1)'
    timeout --kill-after=20 900 "${hadoop[@]}" $package.datanode.DataNode "$@" >datanode.log 2>&1 </dev/null &
    servers+=($!)
    for _ in $(seq 120); do
        sleep 0.5
        ! python3 -c "$live" "http://127.0.0.1:$web/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState" \
            2>/dev/null || return 0
    done
    tail namenode.log datanode.log
    exit 1
}
start_datanode
for number in $(seq 40); do
    echo "$number" >"files/$number"
done
# One client that puts the files one after the other.
shell() { timeout 120 "${hadoop[@]}" org.apache.hadoop.fs.FsShell "$@" >>shell.log 2>&1; }
well() { "$@" || { tail shell.log; exit 1; }; }
setting=dfs.client.block.write.locateFollowingBlock
well shell -mkdir /default /short /late
well shell -put files/* /default
well shell -D $setting.initial.delay.ms=5 -put files/* /short
timeout 60 python3 - "http://127.0.0.1:$web/webhdfs/v1" <<'PY'
import json
import statistics
import sys
import urllib.request


def milliseconds(folder):
    """From the creation of each file, which is its access time as long as nobody reads it, to its close."""
    with urllib.request.urlopen(f"{sys.argv[1]}{folder}?op=LISTSTATUS&user.name=findings", timeout=30) as answer:
        found = json.load(answer)["FileStatuses"]["FileStatus"]
    return [one["modificationTime"] - one["accessTime"] for one in found]


slow = []
for folder, name in (("/default", "400 (default)"), ("/short", "5")):
    took = milliseconds(folder)
    slow.append(sum(ms >= 400 for ms in took))
    print(f"initial.delay.ms {name}: {len(took)} files, median {statistics.median(took):.0f} ms, {slow[-1]} took 400 ms or more")
if slow[0] < 5 or slow[1] > slow[0] / 4:
    sys.exit("changed: the default is not slower by 400 ms any more, or the setting does not help (or the machine is very busy)")
PY
# As a DataNode does that has much to do: it tells of new blocks later.
kill "${servers[1]}"
wait "${servers[1]}" || true
unset 'servers[1]'
start_datanode -D dfs.blockreport.incremental.intervalMsec=1000
for _ in $(seq 30); do # the NameNode has not noticed: it is there again when it takes a file
    ! shell -put -f files/1 /late || break
done
late="a DataNode that tells of blocks once a second"
: >shell.log
code=0
shell -D $setting.initial.delay.ms=5 -put files/{2..9} /late || code=$?
failed=$(grep -c '^put: Unable to close file because the last block' shell.log || true)
echo "$late, initial.delay.ms 5: $failed of 8 files could not be closed"
if [ "$code" -ne 1 ] || [ "$failed" -lt 4 ]; then
    tail shell.log
    echo "changed: short delays do not make it give up"
    exit 1
fi
well shell -D $setting.initial.delay.ms=5 -D $setting.retries=12 -put files/{12..19} /late
echo "$late, initial.delay.ms 5, retries 12: 0 of 8 files could not be closed"
echo "holds: a client of HDFS 3.4.2 sleeps 400 ms at the close of many small files; with shorter delays it soon gives up"
