#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# PySpark: after every task a Python worker looks for garbage through all that was ever imported.
#
# Versions: PySpark 4.0.0 and PyArrow 26.0.1 (PyPI), Python 3.11, Java 17 or later, master local[1].
# Expected: a worker process that is kept for the next task (spark.python.worker.reuse, on by default) is ready as soon as it
#   has given its rows.
# Seen (2026-11-30): daemon.py calls gc.collect() after each task. That is a look at every object that can refer to others, of
#   which pandas and PyArrow alone leave hundreds of thousands: tens of milliseconds of the worker's CPU, which the next task
#   waits for. A micro-batch of a few hundred rows on a topic of many partitions consists of little else.
# Output:
#   a task that does nothing takes 23 ms of a worker's CPU once pandas and PyArrow are loaded; 8 ms with gc.freeze()
# What helps: gc.freeze() in the worker's first task. What is there by then is set aside for good; garbage made later is found.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check pyspark==4.0.0 pyarrow==26.0.1 pandas==2.2.3 </dev/null
cat >job.py <<'PY'
import gc
import statistics
import time

from pyspark import SparkContext

TASKS = 40


def settle():
    """What both kinds of tasks do: the other cost around a task is out of the way (spark-reads-its-jar-for-each-python-task.sh)."""
    import sys
    import zipimport

    import pandas  # noqa: F401
    import pyarrow.dataset  # noqa: F401

    for path, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimport.zipimporter):
            del sys.path_importer_cache[path]


def task(_):
    settle()
    return [time.process_time()]


def frozen(_):
    settle()
    if not gc.get_freeze_count():
        gc.freeze()
    return [time.process_time()]


def cost_ms(function):
    """Of the worker from one task to the next."""
    at = spark.parallelize(range(TASKS), TASKS).mapPartitions(function).collect()
    return statistics.median(b - a for a, b in zip(at, at[1:])) * 1000


spark = SparkContext("local[1]")
cost_ms(task)
print(round(cost_ms(task)), round(cost_ms(frozen)))
PY
read -r as_it_is frozen < <(PYSPARK_PYTHON=venv/bin/python venv/bin/python job.py 2>log.txt) || { tail -n 5 log.txt >&2; exit 1; }
echo "a task that does nothing takes $as_it_is ms of a worker's CPU once pandas and PyArrow are loaded; $frozen ms with gc.freeze()"
[ "$as_it_is" -gt $((2 * frozen)) ]
