#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# PySpark on Linux: a small task's rows reach its Python worker 40 ms after the task itself.
#
# Versions: PySpark 4.0.0 (PyPI), Python 3.11, Java 17 or later, Linux 5 or later, master local[1].
# Expected: rows that are already there go to the worker together with the function that is to have them, or right after it.
# Seen (2026-11-30, Linux 6.18): the JVM writes the function to the worker's socket, then the rows. The socket is one of TCP on
#   loopback without TCP_NODELAY: the second write waits in the JVM's system until the first is acknowledged, and the worker's
#   system puts that off for 40 ms, as the worker has nothing to say before it has its rows. It does not show while the worker
#   is busy for as long before it calls the function, as it is at first (spark-reads-its-jar-for-each-python-task.sh); without
#   that every task of a stream waits, however few its rows.
# Output:
#   the row comes 42 ms after the function; 0 ms when the worker's system acknowledges at once
# What helps: a function that sets TCP_QUICKACK on the worker's sockets before it asks for its first row.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check pyspark==4.0.0 </dev/null
cat >job.py <<'PY'
import os
import socket
import stat
import statistics
import sys
import time
import zipimport

from pyspark import SparkContext

JOBS = 25


def acknowledge():
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        try:
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                with socket.socket(fileno=os.dup(descriptor)) as one:
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        except OSError:
            pass  # the list's own is gone by now; not all sockets are TCP's


def forget_archives():
    """Else the worker is busy for as long before it calls the function (spark-reads-its-jar-for-each-python-task.sh)."""
    for path, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimport.zipimporter):
            del sys.path_importer_cache[path]


def waits(rows, at_once):
    """From when the worker has the function until it has a row."""
    forget_archives()
    if at_once:
        acknowledge()
    begin = time.monotonic()
    for _ in rows:
        yield time.monotonic() - begin


def wait_ms(at_once):
    one_row = spark.parallelize([1], 1)
    found = []
    for _ in range(JOBS):
        time.sleep(0.2)  # as between micro-batches
        found += one_row.mapPartitions(lambda rows: waits(rows, at_once)).collect()
    return statistics.median(found) * 1000


spark = SparkContext("local[1]")
wait_ms(False)
print(round(wait_ms(False)), round(wait_ms(True)))
PY
read -r as_it_is at_once < <(PYSPARK_PYTHON=venv/bin/python venv/bin/python job.py 2>log.txt) || { tail -n 5 log.txt >&2; exit 1; }
echo "the row comes $as_it_is ms after the function; $at_once ms when the worker's system acknowledges at once"
[ "$as_it_is" -ge 30 ] && [ "$at_once" -lt 10 ]
