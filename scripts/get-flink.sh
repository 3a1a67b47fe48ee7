#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Gets what `make bench` compares `salestide process` with as Flink SQL: Flink, its state in RocksDB, its connectors
# for Kafka and MySQL, from the Maven registry, into build/flink-jars. Made again when the list changes. Two callers at
# a time wait for each other. Java 17, Maven and the like come from `install-deps.sh servers`.
# usage: get-flink.sh
set -euo pipefail
cd "$(dirname "$0")/.."

flink_version=2.2.1
about=flink
. scripts/maven.sh

flat() { mv "$1"/lib/*.jar "$1" && rmdir "$1/lib"; }

mkdir -p build
# The connectors alone: what they ask for besides is another version of what Flink has.
get_whole "$PWD/build/flink-jars" "$PWD/build/flink-jars" "Flink" flat \
    "org.apache.flink:flink-clients:$flink_version" \
    "org.apache.flink:flink-streaming-java:$flink_version" \
    "org.apache.flink:flink-table-planner_2.12:$flink_version" \
    "org.apache.flink:flink-table-runtime:$flink_version" \
    "org.apache.flink:flink-table-api-java-bridge:$flink_version" \
    "org.apache.flink:flink-json:$flink_version" \
    "org.apache.flink:flink-connector-base:$flink_version" \
    "org.apache.flink:flink-statebackend-rocksdb:$flink_version" \
    "org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2:alone" \
    "org.apache.flink:flink-connector-jdbc-core:4.0.0-2.0:alone" \
    "org.apache.flink:flink-connector-jdbc-mysql:3.3.0-1.20:alone" \
    "com.mysql:mysql-connector-j:9.4.0:alone" \
    "org.slf4j:slf4j-simple:1.7.36"
