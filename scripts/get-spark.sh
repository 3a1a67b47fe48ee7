#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Gets what `spark/submit.sh` runs: PySpark and what its job imports (spark/requirements.txt) into build/spark-venv,
# and Spark's connectors for Kafka and Cassandra, from the Maven registry, into build/spark-jars. Either is
# made again when its list changes. Two callers at a time wait for each other. Java 17, Maven and the like
# come from `install-deps.sh servers`.
# usage: get-spark.sh
set -euo pipefail
cd "$(dirname "$0")/.."

spark_version=4.0.0 # as in spark/requirements.txt: the newest whose connectors the registry has in full
cassandra_connector_version=3.5.1
about=spark
. scripts/maven.sh
. scripts/pinned.sh
# What PySpark has itself, in versions that go with it; two of one library on one class path are a lottery.
left_out=scala-library,scala-reflect,scala-collection-compat_2.13,scala-parallel-collections_2.13,slf4j-api,paranamer
left_out+=,hadoop-client-api,hadoop-client-runtime,commons-lang3,jsr305,lz4-java,snappy-java,metrics-core,spark-tags_2.13

flat() { mv "$1"/lib/*.jar "$1" && rmdir "$1/lib"; }

mkdir -p build
python_packages build/spark-venv spark/requirements.txt
get_whole "$PWD/build/spark-jars" "$PWD/build/spark-jars" "Spark's connectors" flat \
    "org.apache.spark:spark-sql-kafka-0-10_2.13:$spark_version" \
    "com.datastax.spark:spark-cassandra-connector_2.13:$cassandra_connector_version"
