#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A view of an SQLite file gives other figures when DuckDB reads it, without an error.
#
# Versions: DuckDB 1.5.5 with its sqlite extension 1.5.5, SQLite of the Python that runs this.
# Expected: a view belongs to the file, so everybody who reads the file sees the same rows in it.
# Seen (2026-11-28): the extension takes the view's text out of the file, and DuckDB runs that text by its
#   own rules. `/` of two integers is a division of floats, LIKE minds upper and lower case, a cast rounds
#   where SQLite cuts, and a text equals a number. Each is a legal query on both sides, so nothing is said:
#   figures differ and rows are missing. The tables below the view agree.
# Output:
#   the table                  SQLite [(1, 250, 'CA'), (2, 199, 'ca'), (3, -250, 'NY')] DuckDB [(1, 250, 'CA'), (2, 199, 'ca'), (3, -250, 'NY')]
#   cents / 100                SQLite [2, 1, -2] DuckDB [2.5, 1.99, -2.5]
#   LIKE 'ca%'                 SQLite [1, 2] DuckDB [2]
#   CAST(2.7 AS INT)           SQLite [2] DuckDB [3]
#   '1' = 1                    SQLite [] DuckDB [1]
# What helps: words that mean the same to both, as in the last two views.
#   1.0 * cents / 100          SQLite [2.5, 1.99, -2.5] DuckDB [2.5, 1.99, -2.5]
#   lower(state) LIKE 'ca%'    SQLite [1, 2] DuckDB [1, 2]
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
timeout 300 "$dir/venv/bin/pip" --quiet --disable-pip-version-check install \
    duckdb==1.5.5 duckdb-extension-sqlite-scanner==1.5.5
timeout 60 "$dir/venv/bin/python" - "$dir" <<'PY'
import pathlib
import sqlite3
import sys

import duckdb

folder = pathlib.Path(sys.argv[1])
views = {
    "cents / 100": "SELECT cents / 100 AS x FROM sale ORDER BY id",
    "LIKE 'ca%'": "SELECT id AS x FROM sale WHERE state LIKE 'ca%' ORDER BY id",
    "CAST(2.7 AS INT)": "SELECT CAST(2.7 AS INTEGER) AS x",
    "'1' = 1": "SELECT 1 AS x WHERE '1' = 1",
    "1.0 * cents / 100": "SELECT 1.0 * cents / 100 AS x FROM sale ORDER BY id",
    "lower(state) LIKE 'ca%'": "SELECT id AS x FROM sale WHERE lower(state) LIKE 'ca%' ORDER BY id",
}
ALIKE = 2  # the last ones
own = sqlite3.connect(folder / "shop.db")
own.execute("CREATE TABLE sale (id INTEGER PRIMARY KEY, cents INTEGER, state TEXT)")
own.execute("INSERT INTO sale VALUES (1, 250, 'CA'), (2, 199, 'ca'), (3, -250, 'NY')")
for number, text in enumerate(views.values()):
    own.execute(f"CREATE VIEW v{number} AS {text}")
own.commit()

other = duckdb.connect()
(extension,) = (folder / "venv").rglob("sqlite_scanner.duckdb_extension*")
other.execute("SET autoinstall_known_extensions = false")
other.execute(f"LOAD '{extension}'")
other.execute(f"ATTACH '{folder / 'shop.db'}' AS shop (TYPE sqlite, READ_ONLY)")

tables = [c.execute(f"SELECT * FROM {t} ORDER BY id").fetchall() for c, t in ((own, "sale"), (other, "shop.sale"))]
print(f"{'the table':26} SQLite {tables[0]} DuckDB {tables[1]}")
differ = []
for number, name in enumerate(views):
    a = [x for (x,) in own.execute(f"SELECT x FROM v{number}")]
    b = [x for (x,) in other.execute(f"SELECT x FROM shop.v{number}").fetchall()]
    b = [int(x) if x == int(x) else float(x) for x in b]
    print(f"{name:26} SQLite {a} DuckDB {b}")
    differ.append(a != b)
if tables[0] != tables[1] or differ != [True] * (len(views) - ALIKE) + [False] * ALIKE:
    sys.exit("changed: other views differ than did")
print(f"holds: {sum(differ)} of {len(views)} views give other rows in DuckDB {duckdb.__version__} "
      f"than in SQLite {sqlite3.sqlite_version}")
PY
