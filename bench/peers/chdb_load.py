# SPDX-License-Identifier: MIT
"""chDB (ClickHouse in the process) loads the file that Salestide loads: chdb_load.py FILE DIRECTORY THREADS.

Raw orders in a ReplacingMergeTree, sums by minute, source and state kept by a materialized view in a
SummingMergeTree, as ClickHouse's manual tells. Prints one JSON object: seconds from the first statement to the end of
the INSERT (import and start of chDB not counted), the sum of all totals, the number of raw rows.
"""

import json
import sys
import time

from chdb import session

SIGN = "if(event IN ('cancelled', 'refunded'), -1, 1)"
COUNTED = "multiIf(event = 'cancelled', -1, event = 'refunded', 0, 1)"
COLUMNS = """order_id UInt64, event LowCardinality(String), event_id String, created_at DateTime64(3, 'UTC'),
    customer_id UInt64, product_id UInt64, quantity Int64, subtotal Decimal(19, 4), discount Decimal(19, 4),
    shipping Decimal(19, 4), tax Decimal(19, 4), total Decimal(19, 4), source LowCardinality(String),
    state LowCardinality(String)"""
AMOUNTS = ("subtotal", "discount", "shipping", "tax", "total")


def statements(path, threads):
    sums = ", ".join(f"{name} Decimal(38, 4)" for name in AMOUNTS)
    adds = ", ".join(f"sum({name} * {SIGN}) AS {name}" for name in AMOUNTS)
    yield "CREATE DATABASE shop ENGINE = Atomic"
    yield f"""CREATE TABLE shop.orders ({COLUMNS}) ENGINE = ReplacingMergeTree
        ORDER BY (order_id, event, event_id)"""
    yield f"""CREATE TABLE shop.sales_by_minute (minute DateTime('UTC'), source LowCardinality(String),
        state LowCardinality(String), orders Int64, units Int64, {sums})
        ENGINE = SummingMergeTree ORDER BY (minute, source, state)"""
    yield f"""CREATE MATERIALIZED VIEW shop.add_up TO shop.sales_by_minute AS
        SELECT toStartOfMinute(created_at) AS minute, source, state, sum({COUNTED}) AS orders,
               sum(quantity * {SIGN}) AS units, {adds}
        FROM shop.orders GROUP BY minute, source, state"""
    yield f"""INSERT INTO shop.orders SELECT * FROM file('{path}', 'JSONEachRow', '{COLUMNS.replace("'", "''")}')
        SETTINGS date_time_input_format = 'best_effort', max_threads = {threads}, max_insert_threads = {threads},
                 input_format_defaults_for_omitted_fields = 0"""


def main():
    path, directory, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    chdb = session.Session(directory)
    chdb.query("SELECT 1")
    started = time.monotonic()
    for statement in statements(path, threads):
        chdb.query(statement)
    seconds = time.monotonic() - started
    total = chdb.query("SELECT sum(total) FROM shop.sales_by_minute", "TSV").data().strip()
    rows = chdb.query("SELECT count() FROM shop.orders FINAL", "TSV").data().strip()
    version = chdb.query("SELECT version()", "TSV").data().strip()
    print(json.dumps({"seconds": seconds, "total": total, "rows": int(rows), "clickhouse": version}))


main()
