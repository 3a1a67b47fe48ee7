#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a container of the Spark image runs: a part of a standalone cluster, or the job on it.
# usage: spark.sh master | worker MASTER | submit OPTION...      submit's options are those of spark/submit.sh
# SPARK_HOST is the name by which the others of the cluster reach this container; its own without.
set -euo pipefail
spark=$(echo /usr/local/lib/salestide/spark-venv/lib/python3*/site-packages/pyspark)
export SPARK_HOME=$spark PYSPARK_PYTHON=/usr/local/lib/salestide/spark-venv/bin/python SPARK_LOCAL_DIRS=/tmp
host=${SPARK_HOST:-$(hostname)}
kind=${1:-submit}
[ $# -eq 0 ] || shift
case $kind in
master)
    exec "$spark/bin/spark-class" org.apache.spark.deploy.master.Master --host "$host" --port 7077 --webui-port 8080
    ;;
worker)
    exec "$spark/bin/spark-class" org.apache.spark.deploy.worker.Worker --host "$host" --port 7078 --webui-port 8081 \
        --cores "${SPARK_CORES:-1}" --memory "${SPARK_MEMORY:-1g}" --work-dir /tmp/work "$@"
    ;;
submit)
    case " $* " in
    *" -- "*) ;;
    *) set -- "$@" -- ;;
    esac
    exec salestide-spark "$@" --conf "spark.driver.host=$host" --conf spark.driver.bindAddress=0.0.0.0 \
        --conf "spark.executor.memory=${SPARK_EXECUTOR_MEMORY:-640m}"
    ;;
*)
    echo "spark: master, worker MASTER or submit OPTION..., not \"$kind\"" >&2
    exit 2
    ;;
esac
