# SPDX-License-Identifier: MIT
"""Raw rows into Cassandra, one node on the same cores: our client (bench_rows.c) beside DataStax' C++ driver, called from C
and from Python, and its driver for Python, by turns, each into new tables. What is in the tables at the end is counted and
added up, to the last digit."""

import collections
import decimal
import json
import sys

from tools import lab, processes
from tools.results import Figure, Series, verdict

KEYSPACE = "sales_rows"
OURS = "salestide"
PEERS = {"cpp": "DataStax' C++ driver of acsylla {acsylla}, from C", "acsylla": "acsylla {acsylla}, from Python",
         "cassandra-driver": "cassandra-driver {cassandra-driver}, from Python"}  # fmt: skip
# Of its rows only the number is looked at: it stores each amount as another (findings/acsylla-stores-decimals-as-their-text.sh).
WRONG_AMOUNTS = ("acsylla",)
TABLES = ("orders", "order_adjustments", "orders_by_customer")


def make_file(setup):
    path = setup.tmp / "rows.ndjson"
    with open(path, "wb") as out:
        processes.run([processes.PROGRAM, "generate", "--count", setup.cassandra_orders, "--rate", 1000, "--seed", 1,
                       "--with-customer-fields"], stdout=out)  # fmt: skip
    return path


def wanted(path):
    """{table: (rows, sum of their totals)}"""
    found = collections.Counter()
    sums = collections.defaultdict(decimal.Decimal)
    with open(path, "rb") as lines:
        for line in lines:
            event = json.loads(line, parse_float=decimal.Decimal)
            placed = event.get("event", "placed") == "placed"
            tables = ["orders" if placed else "order_adjustments"] + ["orders_by_customer"] * (placed and "customer_id" in event)
            found.update(tables)
            for table in tables:
                sums[table] += event["total"]
    return {table: (found[table], sums[table]) for table in TABLES}


def stored(servers):
    found = {}
    for table in TABLES:
        totals = [row[0] for row in servers.cassandra.session().execute(f"SELECT total FROM {KEYSPACE}.{table}")]
        found[table] = (len(totals), sum(totals, decimal.Decimal()))
    return found


def one(servers, client, path, right):
    servers.cassandra.cql(f"DROP KEYSPACE IF EXISTS {KEYSPACE}")
    address = f"cassandra://{servers.cassandra.host}:{servers.cassandra.port}/{KEYSPACE}"
    servers.new_database("rows", address)  # makes the keyspace's tables too
    port = servers.cassandra.port
    command = ([processes.ROOT / "build/bench/bench_rows", address, path] if client == OURS else
               [sys.executable, processes.ROOT / "bench/peers/cassandra_rows.py", client, port, KEYSPACE, path])  # fmt: skip
    done = processes.run(command, timeout_s=1800)
    found = stored(servers)
    if client in WRONG_AMOUNTS:
        found, right = ({table: n for table, (n, _) in tables.items()} for tables in (found, right))
    if found != right:
        raise SystemExit(f"bench: {client} wrote {found}, and the file has {right}")
    return json.loads(next(line for line in done.out.splitlines() if line.startswith("{")))  # ours has a log, too


def build_cpp_driver():
    out = processes.ROOT / "build/bench-peers/cpp_driver.so"
    out.parent.mkdir(parents=True, exist_ok=True)
    processes.run(["gcc", "-std=c17", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", out,
                   processes.ROOT / "bench/peers/cpp_driver.c"])  # fmt: skip


def measure(setup):
    figure = Figure("cassandra_rows", ("client", "rows/s", "CPU, a million rows", "our rows/s and CPU over it"))
    build_cpp_driver()
    path = make_file(setup)
    right = wanted(path)
    found = {client: [] for client in (OURS, *PEERS)}
    with lab.Lab(setup, cassandra=True, kafka=False) as servers:
        one(servers, OURS, path, right)  # Cassandra compiles what it runs often
        for _ in range(setup.log_rounds):
            for client, rounds in found.items():
                rounds.append(one(servers, client, path, right))
    speed = {client: Series(r["rows"] / r["wall_s"] for r in rounds) for client, rounds in found.items()}
    cpu = {client: Series(r["cpu_s"] / r["rows"] * 1e6 for r in rounds) for client, rounds in found.items()}
    for client, what in {OURS: "salestide", **PEERS}.items():
        figure.keep(client, speed[client])
        figure.keep(f"{client} cpu", cpu[client])
        over = "" if client == OURS else (f"{verdict(speed[OURS].median / speed[client].median)}; "
                                          f"{verdict(cpu[OURS].median / cpu[client].median)}")  # fmt: skip
        figure.row(what.format(**setup.versions), speed[client].text(), cpu[client].text("{:.2f}", "s"), over)
    figure.keep("rows", sum(n for n, _ in right.values()))
    figure.limit(f"{figure.data['rows']:,} rows of {setup.cassandra_orders:,} orders in three tables, prepared statements, consistency ONE, 1,024 "
                 "unanswered at most; orders are read and made into values before, which is in no figure.")  # fmt: skip
    return figure
