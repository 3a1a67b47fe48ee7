#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs the job that counts a topic's orders inside Spark, with the pinned packages of `make spark-deps`.
# usage: submit.sh [--master MASTER] OPTION... [-- SPARK-SUBMIT'S OPTION...]      submit.sh --help tells them
# MASTER: local[*] (default), local[2], spark://HOST:PORT, yarn (with HADOOP_CONF_DIR). SIGTERM ends it after the batch in work.
#
# The driver is this process, in Python: PySpark starts spark-submit below it. So a signal reaches the driver, and
# when the driver is killed the JVM ends too.
# $SALESTIDE_SPARK_VENV, $SALESTIDE_SPARK_JARS: where those packages are, if not in build/ or below lib/salestide/ of where
# it was installed.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)

die() { printf 'submit.sh: %s\n' "$*" >&2; exit 2; }
first_folder() { # FOLDER...: the first that exists
    local folder
    for folder in "$@"; do
        [ ! -d "$folder" ] || { (cd "$folder" && pwd); return; }
    done
    return 1
}
venv=$(first_folder "${SALESTIDE_SPARK_VENV:-$here/../build/spark-venv}" "$here/../../../lib/salestide/spark-venv") ||
    die "there is no PySpark at ${SALESTIDE_SPARK_VENV:-$here/../build/spark-venv}; run: make spark-deps"
jars=$(first_folder "${SALESTIDE_SPARK_JARS:-$here/../build/spark-jars}" "$here/../../../lib/salestide/spark-jars") ||
    die "there are no connectors at ${SALESTIDE_SPARK_JARS:-$here/../build/spark-jars}; run: make spark-deps"

master='local[*]'
ours=() sparks=()
while [ $# -gt 0 ]; do
    case $1 in
    --master) [ $# -gt 1 ] || die "--master wants a master, as in local[2]"; master=$2; shift ;;
    --master=*) master=${1#*=} ;;
    --) shift; sparks=("$@"); break ;;
    *) ours+=("$1") ;;
    esac
    shift
done

join() { # SEPARATOR WORD...
    local IFS=$1
    shift
    printf '%s' "$*"
}
settings=(
    # A client of HDFS that asks too early whether a block is there waits 400 ms; checkpoints are many small files. With a
    # shorter wait it needs more tries, each twice as long, to be as patient (findings/hdfs-closing-a-small-file-sleeps-400-ms.sh).
    spark.hadoop.dfs.client.block.write.locateFollowingBlock.initial.delay.ms=5
    spark.hadoop.dfs.client.block.write.locateFollowingBlock.retries=12
    # With spark.speculation: Spark copies a slow task once others of its stage have ended. One partition whose window is read
    # again is a stage of one task, which nothing would copy off a machine that hangs.
    spark.speculation.task.duration.threshold=60s
    spark.sql.shuffle.partitions=2
    spark.ui.enabled=false
    spark.ui.showConsoleProgress=false
)
case $master in
local*) # nobody else has to reach the driver
    export SPARK_LOCAL_IP=${SPARK_LOCAL_IP:-127.0.0.1}
    settings+=(spark.driver.host=127.0.0.1 spark.driver.bindAddress=127.0.0.1)
    ;;
spark://127.* | spark://localhost:*)
    export SPARK_LOCAL_IP=${SPARK_LOCAL_IP:-127.0.0.1}
    settings+=(spark.driver.host=127.0.0.1 spark.driver.bindAddress=127.0.0.1)
    ;;
esac
spark=(--master "$master" --jars "$(join , "$jars"/*.jar)")
for one in "${settings[@]}"; do
    spark+=(--conf "$one")
done
spark+=(--driver-java-options "-Dlog4j2.configurationFile=file:$here/log4j2.properties" "${sparks[@]}" pyspark-shell)
SPARK_HOME=$(echo "$venv"/lib/python3*/site-packages/pyspark)
PYSPARK_PYTHON=${PYSPARK_PYTHON:-$venv/bin/python}
PYSPARK_DRIVER_PYTHON=$venv/bin/python
PYSPARK_SUBMIT_ARGS=$(printf '%q ' "${spark[@]}")
export SPARK_HOME PYSPARK_PYTHON PYSPARK_DRIVER_PYTHON PYSPARK_SUBMIT_ARGS
exec "$venv/bin/python" "$here/salestide_spark.py" "${ours[@]}"
