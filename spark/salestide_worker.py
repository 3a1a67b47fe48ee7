# SPDX-License-Identifier: MIT
"""What a Python worker of Spark's spends around each task, and what a task does against it at its begin: `settle()`.

All of it together was half of a small batch's Spark job; the orders themselves take some milliseconds.

How it fails: not at all; where something is not to be had, a task is slower.
"""

import contextlib
import gc
import os
import socket
import stat
import sys
import zipimport

_settled = False


def settle():
    """At the begin of each task, before it asks for its input."""
    global _settled
    if not _settled:
        _settled = True
        set_aside()
    forget_archives()
    acknowledge()


def set_aside():
    """After each task PySpark has Python look for garbage, through all that PyArrow and its like have made: what is there before
    the first task stays for good, and need not be looked through (findings/spark-looks-for-garbage-after-each-python-task.sh)."""
    gc.collect()
    gc.freeze()


def forget_archives():
    """Before each task PySpark has Python forget what it knows of its path, and Spark has put a jar of its own and its zip there:
    the directories of both are read anew then, thousands of entries, which costs more than a task's orders do. What is not
    known is not forgotten; who imports from them finds them again (findings/spark-reads-its-jar-for-each-python-task.sh)."""
    for path, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimport.zipimporter):
            del sys.path_importer_cache[path]


def acknowledge():
    """Spark's JVM sends a task, and then its rows: these wait in its system until this one has acknowledged the task, which
    it puts off for 40 ms, as there is nothing to answer yet (findings/spark-rows-wait-40-ms-for-a-python-task.sh). Which
    descriptor is the JVM's PySpark does not tell; on others this changes nothing."""
    descriptors = []
    with contextlib.suppress(OSError):  # none is free to look with, or there is no /proc: it takes longer then
        descriptors = os.listdir("/proc/self/fd")
    for descriptor in map(int, descriptors):
        with contextlib.suppress(OSError):  # the list's own is gone; not all sockets are TCP's
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                with socket.socket(fileno=os.dup(descriptor)) as one:
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
