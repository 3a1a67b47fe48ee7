# SPDX-License-Identifier: MIT
"""A file of NDJSON becomes durable, deduplicated and added up: `salestide load` beside chDB with a materialized view,
alternating, each round into a new directory. Both must give the same sum, to the last digit."""

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


def chdb(path, data, threads):
    shutil.rmtree(data, ignore_errors=True)
    done = processes.run([sys.executable, processes.ROOT / "bench/peers/chdb_load.py", path, data, threads])
    return done, json.loads(done.out.splitlines()[-1])


def measure(setup):
    figure = Figure("load_file", ("program", "orders/s", "CPU, an order", "peak memory", "on disk"))
    path, n = make_file(setup), setup.file_orders
    ours, theirs = setup.tmp / "load", setup.tmp / "chdb"
    load(path, ours)  # warms the page cache
    rounds, peers = [], []
    for _ in range(setup.rounds):
        rounds.append(load(path, ours))
        done, result = chdb(path, theirs, setup.cores)
        peers.append((done, result))
        if (wanted := decimal.Decimal(result["total"])) != (found := salestide_sum(ours)) or result["rows"] != n:
            raise SystemExit(f"bench: the sums differ: salestide {found}, chDB {wanted} of {result['rows']} rows")
    speed, peer_speed = Series(n / d.wall_s for d in rounds), Series(n / r["seconds"] for _, r in peers)
    figure.keep("salestide", speed)
    figure.keep("chdb", peer_speed)
    figure.keep("orders", n)
    figure.keep("bytes", path.stat().st_size)
    figure.keep("sum", str(found))
    for name, series, done, directory in (
        ("salestide load", speed, rounds, ours),
        (f"chDB {setup.versions['chdb']} (ClickHouse {peers[0][1]['clickhouse']})", peer_speed, [d for d, _ in peers],
         theirs),
    ):  # fmt: skip
        figure.row(name, series.text(), Series(d.cpu_s / n * 1e6 for d in done).text("{:.2f}", "µs"),
                   f"{max(d.rss_mb for d in done):,.0f} MB", f"{size_mb(directory):,.0f} MB")  # fmt: skip
    figure.row("ratio of medians", verdict(speed.median / peer_speed.median), "", "", "")
    cores = Series(d.cpu_s / d.wall_s for d in rounds)
    limit(setup, figure, path, ours, cores)
    processes.run([processes.PROGRAM, "verify", "--data", ours])
    return figure


def limit(setup, figure, path, data, cores):
    figure.limit(f"{setup.file_orders:,} orders, {path.stat().st_size / setup.file_orders:.0f} bytes each; both sums "
                 f"{figure.data['sum']}. `salestide load` keeps {cores.median:.1f} of "
                 f"{setup.cores} cores busy.")  # fmt: skip
    if profile.available():
        samples = setup.tmp / "load.perf"
        load(path, data, profile.command(samples))
        figure.limit(f"`salestide load` by perf, {profile.sentence(samples)}.")


def size_mb(directory):
    return sum(f.stat().st_size for f in directory.rglob("*") if f.is_file()) / 1e6
