# SPDX-License-Identifier: MIT
"""The Java that Kafka, Cassandra, Hadoop and Spark run on: 17, wherever it is."""

import functools
import glob
import shutil
import subprocess


@functools.cache
def java_17():
    for candidate in (shutil.which("java"), *sorted(glob.glob("/usr/lib/jvm/*17*/bin/java"))):
        if candidate is None:
            continue
        done = subprocess.run([candidate, "-version"], capture_output=True, timeout=60, check=False)
        if b'version "17.' in done.stderr:
            return candidate
    raise AssertionError("there is no Java 17; run: scripts/install-deps.sh servers")


def tiers(n):
    """How far the JVM compiles. A server that lives for a test stops at 1: the compiler behind that would take a third
    of all its CPU. One that is measured takes all 4."""
    return f"-XX:TieredStopAtLevel={n}"
