#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Spark: a task that hangs is never copied to another executor of the same machine, whatever spark.speculation says.
#
# Versions: PySpark 4.0.0 (PyPI), Java 17 or later, master local-cluster[2,1,1024]: two workers and executors of one core.
# Expected: with spark.speculation=true, of eight tasks of which seven end at once and one hangs in its first attempt,
#   that one is started again in the other executor, which has nothing to do, and the job ends.
# Seen (2026-11-29): the driver marks the task as speculatable and starts no copy, however long it hangs and however idle the
#   other executor is: a copy goes to another *host* only, and the executors are one (TaskSetManager). Nothing above the
#   level INFO says so. Several workers on one large machine, the usual way to test a cluster on one's own, therefore
#   have no speculation at all; where one host name stands for all machines neither.
# Output (the seconds vary):
#   the first attempt hangs for 40 s: the job took 41 s, 1 attempt at the task, it was marked as speculatable
# What helps: workers that are hosts of their own to Spark; on one machine start-worker.sh --host 127.0.0.2 for the second.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check pyspark==4.0.0 </dev/null
cat >log4j2.properties <<'LOG'
rootLogger.level = warn
rootLogger.appenderRef.file.ref = file
appender.file.type = File
appender.file.name = file
appender.file.fileName = ${sys:told}
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %m%n
logger.tasks.name = org.apache.spark.scheduler.TaskSetManager
logger.tasks.level = info
LOG
cat >job.py <<'PY'
import pathlib
import sys
import time

from pyspark import TaskContext
from pyspark.sql import SparkSession

HANGS_S = 40
attempts = pathlib.Path(sys.argv[1])
attempts.mkdir()


def task(partition, _):
    if partition == 0:
        (attempts / str(TaskContext.get().taskAttemptId())).touch()
        if TaskContext.get().attemptNumber() == 0:
            time.sleep(HANGS_S)
    return [partition]


spark = SparkSession.builder.getOrCreate()
rdd = spark.sparkContext.parallelize(range(8), 8)
rdd.mapPartitions(lambda rows: rows).count()  # both executors are up
began = time.monotonic()
assert sorted(rdd.mapPartitionsWithIndex(task).collect()) == list(range(8))
print(int(time.monotonic() - began), len(list(attempts.iterdir())))
spark.stop()
PY
export SPARK_LOCAL_IP=127.0.0.1 PYSPARK_PYTHON=$dir/venv/bin/python
# local-cluster looks for Spark's jars where a distribution has them; the package has them there, too.
SPARK_HOME=$(echo "$dir"/venv/lib/python3*/site-packages/pyspark)
export SPARK_HOME
timeout 300 venv/bin/spark-submit --master 'local-cluster[2,1,1024]' \
    --conf spark.driver.host=127.0.0.1 --conf spark.ui.enabled=false --conf spark.speculation=true --conf spark.speculation.quantile=0.5 \
    --conf spark.speculation.multiplier=1.5 --conf spark.speculation.minTaskRuntime=500ms \
    --driver-java-options "-Dlog4j2.configurationFile=file:$dir/log4j2.properties -Dtold=$dir/told.log" \
    job.py "$dir/attempts" >said.txt 2>submit.log </dev/null || { tail -n 20 submit.log; exit 1; }
read -r seconds n <<<"$(tail -n 1 said.txt)"
marked=$(grep -c 'as speculatable' told.log || true)
echo "the first attempt hangs for 40 s: the job took $seconds s, $n attempt at the task, it was $([ "$marked" -gt 0 ] || echo 'not ')marked as speculatable"
if [ "$seconds" -lt 39 ] || [ "$n" -ne 1 ] || [ "$marked" -eq 0 ]; then
    echo "this has changed"
    exit 1
fi
