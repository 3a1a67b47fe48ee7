# SPDX-License-Identifier: MIT
"""DuckDB loads the file that Salestide loads, in bulk: duckdb_load.py FILE DIRECTORY THREADS.

Raw orders into a table by one statement, `read_json` with a type for each column; sums by source and state by one GROUP BY
over it; a checkpoint, so that all of it is in the file. Prints one JSON object: seconds from the first statement to the
end of the checkpoint (import of DuckDB not counted), the sum of all totals, the number of raw rows.
"""

import json
import pathlib
import sys
import time

import duckdb

AMOUNTS = ("subtotal", "discount", "shipping", "tax", "total")
COLUMNS = {"order_id": "BIGINT", "event": "VARCHAR", "event_id": "VARCHAR", "created_at": "TIMESTAMPTZ", "customer_id": "BIGINT",
           "product_id": "BIGINT", "quantity": "BIGINT", **dict.fromkeys(AMOUNTS, "DECIMAL(19, 4)"), "source": "VARCHAR",
           "state": "VARCHAR"}  # fmt: skip
TAKEN_BACK = "event IN ('cancelled', 'refunded')"


def statements(path):
    columns = ", ".join(f"{name}: '{kind}'" for name, kind in COLUMNS.items())
    adds = ", ".join(f"sum(CASE WHEN {TAKEN_BACK} THEN -{name} ELSE {name} END) AS {name}" for name in AMOUNTS)
    yield f"CREATE TABLE orders AS SELECT * FROM read_json('{path}', format = 'newline_delimited', columns = {{{columns}}})"
    yield f"""CREATE TABLE sums AS SELECT source, state, {adds},
        sum(CASE event WHEN 'cancelled' THEN -1 WHEN 'refunded' THEN 0 ELSE 1 END) AS orders FROM orders GROUP BY source, state"""
    yield "CHECKPOINT"


def main():
    path, directory, threads = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
    directory.mkdir()
    db = duckdb.connect(directory / "orders.duckdb", config={"threads": threads})
    started = time.monotonic()
    for statement in statements(path):
        db.execute(statement)
    seconds = time.monotonic() - started
    (total,) = db.execute("SELECT sum(total) FROM sums").fetchone()
    (rows,) = db.execute("SELECT count(*) FROM orders").fetchone()
    db.close()
    print(json.dumps({"seconds": seconds, "total": str(total), "rows": rows, "version": duckdb.__version__}))


main()
