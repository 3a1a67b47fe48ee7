# SPDX-License-Identifier: MIT
"""A file of NDJSON becomes durable, deduplicated and added up: `salestide load` beside chDB with a materialized view and
beside DuckDB's bulk load, by turns, each round into a new directory. All must give the same sum, to the last digit."""

import decimal
import json
import shutil
import sqlite3
import sys

from tools import processes, profile
from tools.results import Figure, Series, verdict


def salestide_sum(data):
    with sqlite3.connect(f"file:{data / 'sales.db'}?mode=ro", uri=True) as db:
        ((total_e4, groups),) = db.execute("SELECT sum(total_e4), count(*) FROM total_cells").fetchall()
    db.close()
    assert groups > 1
    return decimal.Decimal(total_e4).scaleb(-4)


def make_file(setup):
    path = setup.tmp / "orders.ndjson"
    with open(path, "wb") as out:
        processes.run([processes.PROGRAM, "generate", "--count", setup.file_orders, "--rate", 1000, "--seed", 1,
                       "--with-customer-fields"], stdout=out)  # fmt: skip
    return path


def load(path, data, prefix=()):
    shutil.rmtree(data, ignore_errors=True)
    return processes.run([*prefix, processes.PROGRAM, "load", path, "--data", data])


PEERS = {"chdb": "chdb_load.py", "duckdb": "duckdb_load.py"}


def peer(name, path, data, threads):
    shutil.rmtree(data, ignore_errors=True)
    done = processes.run([sys.executable, processes.ROOT / "bench/peers" / PEERS[name], path, data, threads])
    return done, json.loads(done.out.splitlines()[-1])


def check(name, result, n, found):
    if decimal.Decimal(result["total"]) != found or result["rows"] != n:
        raise SystemExit(f"bench: the sums differ: salestide {found}, {name} {result['total']} of {result['rows']} rows")


def by_turns(setup, path):
    """(rounds of ours, {peer: its rounds}, the sum that all have found)."""
    rounds, peers = [], {name: [] for name in PEERS}
    load(path, setup.tmp / "load")  # warms the page cache
    for _ in range(setup.rounds):
        rounds.append(load(path, setup.tmp / "load"))
        found = salestide_sum(setup.tmp / "load")
        for name, theirs in peers.items():
            theirs.append(peer(name, path, setup.tmp / name, setup.cores))
            check(name, theirs[-1][1], setup.file_orders, found)
    return rounds, peers, found


def add_row(figure, key, what, speed, done, directory):
    n = figure.data["orders"]
    cpu = Series(d.cpu_s / n * 1e6 for d in done)
    figure.keep(key, speed)
    figure.keep(f"{key} cpu", cpu)
    figure.row(what, speed.text(), cpu.text("{:.2f}", "µs"), f"{max(d.rss_mb for d in done):,.0f} MB",
               f"{size_mb(directory):,.0f} MB")  # fmt: skip


def measure(setup):
    figure = Figure("load_file", ("program", "orders/s", "CPU, an order", "peak memory", "on disk"))
    path, n = make_file(setup), setup.file_orders
    figure.keep("orders", n)
    figure.keep("bytes", path.stat().st_size)
    rounds, peers, found = by_turns(setup, path)
    figure.keep("sum", str(found))
    ours = setup.tmp / "load"
    add_row(figure, "salestide", "salestide load", Series(n / d.wall_s for d in rounds), rounds, ours)
    for name, what in (("chdb", f"chDB {setup.versions['chdb']} (ClickHouse {peers['chdb'][0][1]['clickhouse']})"),
                       ("duckdb", f"DuckDB {setup.versions['duckdb']}, bulk load, no duplicates known")):  # fmt: skip
        speed = Series(n / result["seconds"] for _, result in peers[name])
        add_row(figure, name, what, speed, [done for done, _ in peers[name]], setup.tmp / name)
        ratios = [figure.data["salestide" + of]["median"] / figure.data[name + of]["median"] for of in ("", " cpu")]
        figure.row(f"ratio of medians to {what.split()[0]}", *map(verdict, ratios), "", "")
    limit(setup, figure, path, ours, Series(d.cpu_s / d.wall_s for d in rounds))
    processes.run([processes.PROGRAM, "verify", "--data", ours])
    return figure


def limit(setup, figure, path, data, cores):
    figure.limit(f"{setup.file_orders:,} orders, {path.stat().st_size / setup.file_orders:.0f} bytes each; all sums "
                 f"{figure.data['sum']}. `salestide load` keeps {cores.median:.1f} of "
                 f"{setup.cores} cores busy.")  # fmt: skip
    if profile.available():
        samples = setup.tmp / "load.perf"
        load(path, data, profile.command(samples))
        figure.limit(f"`salestide load` by perf, {profile.sentence(samples)}.")


def size_mb(directory):
    return sum(f.stat().st_size for f in directory.rglob("*") if f.is_file()) / 1e6
