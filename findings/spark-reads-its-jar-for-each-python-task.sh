#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# PySpark: before every task a Python worker reads the directory of Spark's own jar, entry by entry, in Python.
#
# Versions: PySpark 4.0.0 (PyPI), Python 3.11, Java 17 or later, master local[1].
# Expected: a worker process that is kept for the next task (spark.python.worker.reuse, on by default) starts it at once.
# Seen (2026-11-29): tens of milliseconds of its CPU for each task that does nothing. Spark puts spark-core_2.13-4.0.0.jar (5,261
#   entries) and pyspark.zip (1,220) on the workers' PYTHONPATH; worker.py calls importlib.invalidate_caches() before each
#   task, and zipimport answers by reading both directories anew. Many small tasks, as a stream has, pay it each time.
# Output (of a busy machine; reading both directories takes 25 ms of a core that has nothing else to do):
#   a task that does nothing takes 128 ms of the worker's CPU; 15 ms when the worker has forgotten its importers of archives
# What helps: a task that takes them out of sys.path_importer_cache: the next one has nothing to read. Python makes them again
#   when it wants to import something, from what zipimport remembers.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check pyspark==4.0.0 </dev/null
cat >job.py <<'PY'
import statistics
import sys
import time
import zipimport

from pyspark import SparkContext

TASKS = 40


def forget(_):
    for path, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimport.zipimporter):
            del sys.path_importer_cache[path]
    return [time.process_time()]


def task(_):
    return [time.process_time()]


def cost_ms(function):
    """Of the worker from one task to the next."""
    at = spark.parallelize(range(TASKS), TASKS).mapPartitions(function).collect()
    return statistics.median(b - a for a, b in zip(at, at[1:])) * 1000


spark = SparkContext("local[1]")
cost_ms(task)
print(round(cost_ms(task)), round(cost_ms(forget)))
PY
read -r as_it_is forgotten < <(venv/bin/python job.py 2>log.txt) || { tail -n 5 log.txt >&2; exit 1; }
echo "a task that does nothing takes $as_it_is ms of the worker's CPU; $forgotten ms when the worker has forgotten its importers of archives"
[ "$as_it_is" -gt $((2 * forgotten)) ]
