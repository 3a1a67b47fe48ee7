#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# PySpark: a session makes a directory `artifacts` where the program was started, whatever spark.local.dir says.
#
# Versions: PySpark 4.0.0 (PyPI), Python 3.11, Java 17 or later, master local[1].
# Expected: what a session keeps for itself goes below spark.local.dir, or the system's temporary directory.
# Seen (2026-11-29): with a working directory that its user cannot write (/ for a service, a container whose root is read-only) the
#   first job ends with "Failed to create directory artifacts/...". From a directory that can be written, the same job runs.
# Output:
#   from a directory of its own: 3 rows
#   from one that it cannot write: Failed to create directory artifacts
# What helps: a working directory that can be written (systemd's WorkingDirectory=, a Dockerfile's WORKDIR /tmp).
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv --copies "$dir/venv"
"$dir/venv/bin/python" -m pip install --quiet --disable-pip-version-check pyspark==4.0.0 </dev/null
mkdir "$dir/own" "$dir/others"
cat >"$dir/job.py" <<'PY'
from pyspark.sql import SparkSession

spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
print(spark.range(3).count(), "rows")
PY
as_user=()
if [ "$(id -u)" = 0 ]; then # root can write everywhere
    chown 65534 "$dir/own"
    as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
fi
chmod 755 "$dir"
chmod 555 "$dir/others"
run() { (cd "$1" && HOME=$1 "${as_user[@]}" "$dir/venv/bin/python" "$dir/job.py" 2>"$dir/log.txt") || true; }
own=$(run "$dir/own")
others=$(run "$dir/others")
echo "from a directory of its own: $own"
said=$(grep -o -m 1 'Failed to create directory artifacts' "$dir/log.txt" || true)
echo "from one that it cannot write: ${others:-$said}"
[ "$own" = "3 rows" ] && [ -n "$said" ]
