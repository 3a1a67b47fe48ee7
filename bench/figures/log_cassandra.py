# SPDX-License-Identifier: MIT
"""The same as figure log with raw orders into Cassandra, one node on the same cores. The program's own CPU for a row is
what a run with --raw takes beyond one without, on the same topic."""

from figures import log
from tools import lab
from tools.results import Figure, Series

KEYSPACE = "sales"


def with_rows(setup, servers, backlog):
    servers.cassandra.cql(f"DROP KEYSPACE IF EXISTS {KEYSPACE}")
    url = f"cassandra://{servers.cassandra.host}:{servers.cassandra.port}/{KEYSPACE}"
    one = log.salestide(setup, servers, backlog, raw=url, options=("--cassandra-consistency", "ONE"))
    found = sum(count_rows(servers, table) for table in ("orders", "order_adjustments"))
    if found != backlog.n:
        raise SystemExit(f"bench: Cassandra holds {found} rows of {backlog.n} orders")
    return one


def count_rows(servers, table):
    return sum(1 for _ in servers.cassandra.session().execute(f"SELECT order_id FROM {KEYSPACE}.{table}"))


def measure(setup):
    figure = Figure("log_cassandra", ("raw orders", "orders/s", "CPU, a million orders", "peak memory"))
    with lab.Lab(setup, cassandra=True) as servers:
        backlog = log.Backlog(setup, servers, setup.raw_orders)
        without, rows = [], []
        for _ in range(setup.log_rounds):
            without.append(log.salestide(setup, servers, backlog))
            rows.append(with_rows(setup, servers, backlog))
        for key, what, rounds in (("none", "none", without), ("cassandra", "Cassandra 5, one node", rows)):
            speed, cpu = Series(r.orders_s for r in rounds), Series(r.cpu_s_million for r in rounds)
            figure.keep(key, speed)
            figure.keep(f"{key} cpu", cpu)
            figure.keep(f"{key} rounds", [vars(r) for r in rounds])
            figure.row(what, speed.text(), cpu.text("{:.2f}", "s"), f"{max(r.rss_mb for r in rounds):,.0f} MB")
        own = figure.data["cassandra cpu"]["median"] - figure.data["none cpu"]["median"]
        figure.keep("own cpu", own)
        figure.limit(f"{backlog.n:,} orders. A million raw rows cost `salestide process` {own:.2f} s of CPU beyond the sums.")
        log.limit(setup, figure, "With raw rows `salestide process`", rows)
    return figure
