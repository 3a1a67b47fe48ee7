#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One node of Cassandra, reachable by its address.
set -euo pipefail
address=$(hostname -i | cut -d' ' -f1)
sed "s/ADDRESS/$address/g; s/NAME/$CASSANDRA_CLUSTER_NAME/" /cassandra.yaml >/etc/cassandra/cassandra.yaml
modules=()
for m in jdk.internal.misc jdk.internal.ref sun.nio.ch; do
    modules+=("--add-exports=java.base/$m=ALL-UNNAMED")
done
for m in java.management.rmi/com.sun.jmx.remote.internal.rmi java.rmi/sun.rmi.registry java.rmi/sun.rmi.server \
    java.sql/java.sql java.base/java.lang.ref java.base/java.lang.reflect jdk.unsupported/sun.misc; do
    modules+=("--add-exports=$m=ALL-UNNAMED")
done
for m in java.base/{java.lang.module,jdk.internal.loader,jdk.internal.ref,jdk.internal.reflect,jdk.internal.math,jdk.internal.module,jdk.internal.util.jar,sun.nio.ch,java.io,java.lang,java.lang.reflect,java.util,java.util.concurrent,java.util.concurrent.atomic,java.nio,java.net} \
    jdk.management/com.sun.management.internal java.rmi/sun.rmi.transport.tcp; do
    modules+=("--add-opens=$m=ALL-UNNAMED")
done
# shellcheck disable=SC2086  # options are several words
exec java ${JVM_EXTRA_OPTS:-} -da -Xms"${MAX_HEAP_SIZE:-768m}" -Xmx"${MAX_HEAP_SIZE:-768m}" -XX:+UseSerialGC -Xss512k -Djava.net.preferIPv4Stack=true \
    "${modules[@]}" "-javaagent:$(echo /opt/cassandra/lib/jamm-*.jar)" -Djdk.attach.allowAttachSelf=true \
    -Dcassandra.config=file:///etc/cassandra/cassandra.yaml -Dcassandra.storagedir=/var/lib/cassandra \
    -Dcassandra.logdir=/tmp -Dcassandra-foreground=yes -Dio.netty.tryReflectionSetAccessible=true \
    -Dcassandra.jmx.local.port=7199 -Dcassandra.skip_wait_for_gossip_to_settle=0 -Dcassandra.ring_delay_ms=0 \
    -Dlogback.configurationFile=file:///logback.xml -cp '/etc/cassandra:/opt/cassandra/lib/*' \
    org.apache.cassandra.service.CassandraDaemon
