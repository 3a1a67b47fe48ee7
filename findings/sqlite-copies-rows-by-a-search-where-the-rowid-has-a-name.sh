#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A named rowid (INTEGER PRIMARY KEY) makes the copy of a table into one of the same shape search twice for each row.
#
# Version: SQLite 3.46.1, as PyPI's apsw 3.46.1.0 has it.
# Expected: `id INTEGER PRIMARY KEY` is another name for the rowid and costs nothing; INSERT INTO t SELECT * FROM s,
#   which takes rows over without looking at their columns, appends them to the end of t either way.
# Seen (2026-11-30): with the name each row's number is first looked for in t (NotExists), from the root down, and its
#   place once more when it is put there, although it is larger than all before. Without, the next number is taken
#   (NewRowid) and the end of the table is known from the row before.
# Output (the last two, of 1,000,000 rows of eight columns in memory, are another each time):
#   with a name      Rowid NotExists Halt RowCell Insert Next
#   without          NewRowid RowCell Insert Next
#   with a name      a row takes 0.25 microseconds
#   without          a row takes 0.07 microseconds
# What helps: a table that rows are copied into by the million does without the name, if its rows have no gaps:
#   VACUUM numbers such rows anew.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
timeout 300 "$dir/venv/bin/pip" --quiet --disable-pip-version-check install apsw==3.46.1.0
timeout 120 "$dir/venv/bin/python" - <<'PY'
import sys
import time

import apsw

ROWS = 1_000_000
columns = ", ".join(f"c{n} INTEGER" for n in range(7))
copy = "INSERT INTO main.t SELECT * FROM source.t"
steps, took_us = {}, {}
for name, first in (("with a name", "id INTEGER PRIMARY KEY"), ("without", "id")):
    db = apsw.Connection(":memory:")
    db.execute(f"ATTACH ':memory:' AS source; CREATE TABLE main.t ({first}, {columns}); CREATE TABLE source.t ({first}, {columns})")
    values = ", ".join(f"i * {n + 3}" for n in range(7))
    db.execute(f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) INSERT INTO source.t SELECT NULL, {values} FROM n")
    plan = [row[1] for row in db.execute("EXPLAIN " + copy)]
    steps[name] = plan[plan.index("Rewind") + 1 : plan.index("Next") + 1]
    started = time.process_time()
    db.execute(copy)
    took_us[name] = (time.process_time() - started) / ROWS * 1e6
    if db.execute("SELECT count(*), max(rowid) FROM main.t").fetchall() != [(ROWS, ROWS)]:
        sys.exit("changed: rows are not all there")
for name, found in steps.items():
    print(f"{name:16} {' '.join(found)}")
for name, us in took_us.items():
    print(f"{name:16} a row takes {us:.2f} microseconds")
if "NotExists" not in steps["with a name"] or {"NotExists", "MakeRecord"} & set(steps["without"]) or "RowCell" not in steps["without"]:
    sys.exit("changed: rows are copied in other steps than they were")
print(f"holds: with SQLite {apsw.sqlite_lib_version()} the number of a row is searched for where it has a name")
PY
