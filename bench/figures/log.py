# SPDX-License-Identifier: MIT
"""A backlog in Kafka becomes exact sums in MySQL: `salestide process` beside Spark Structured Streaming, on the same
topic, broker and database server, one after the other. Every program's sums must be the ones that chDB finds in the
file that the topic was made of, to the last digit, or the run ends.

Speed is from the first to the last commit: starting is not in it, and neither are the orders of the first commit. CPU
is the program's own, over the same time."""

import datetime
import decimal
import json
import shutil
import sys

from tools import lab, processes, profile
from tools.results import Figure, Series, verdict

DATABASE, TOPIC = "sales", "sales"
SPARK_BATCH, SPARK_BATCHES = 1_000_000, 10  # most orders of a micro-batch, and least micro-batches
TIMEOUT_S = 1200
SUMS = "SELECT source, state, orders, total FROM sales_totals"
PEER_TABLES = (
    "CREATE TABLE peer_sums (source VARCHAR(100), state VARCHAR(100), orders BIGINT NOT NULL, "
    "total DECIMAL(19,4) NOT NULL, PRIMARY KEY (source, state)) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    "CREATE TABLE peer_batches (batch_id BIGINT PRIMARY KEY, committed_at DATETIME(3) NOT NULL, received BIGINT NOT NULL)",
)


class Orders:
    """A file of orders, and what it adds up to."""

    def __init__(self, setup, n):
        self.n = n
        self.path = setup.tmp / "backlog.ndjson"
        rate = 1000  # of the shop; the backlog ends about now, so that no minute of it is past its retention
        start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=self.n / rate)
        with open(self.path, "wb") as out:
            processes.run([processes.PROGRAM, "generate", "--count", self.n, "--rate", rate, "--seed", 1,
                           "--with-customer-fields", "--start", start.strftime("%Y-%m-%dT%H:%M:%SZ")], stdout=out)  # fmt: skip
        self.bytes = self.path.stat().st_size
        told = processes.run([sys.executable, processes.ROOT / "bench/peers/chdb_sums.py", self.path])
        found = json.loads(told.out.splitlines()[-1])
        self.sums = {k: (orders, decimal.Decimal(total)) for k, (orders, total) in found["sums"].items()}
        if found["events"] != self.n or len(self.sums) < 2:
            raise SystemExit(f"bench: the backlog holds {found['events']} orders of {len(self.sums)} groups")

    def check(self, who, rows, counted):
        sums = {f"{source}/{state}": (int(orders), total) for source, state, orders, total in rows}
        if sums != self.sums or counted != self.n:
            wrong = [k for k in sums.keys() | self.sums.keys() if sums.get(k) != self.sums.get(k)]
            raise SystemExit(f"bench: {who} counted {counted} of {self.n} orders, and {len(wrong)} of "
                             f"{len(self.sums)} sums are wrong, as {[(k, sums.get(k), self.sums.get(k)) for k in wrong[:3]]}")  # fmt: skip


class Backlog(Orders):
    """The file's orders in a topic; the file is gone then."""

    def __init__(self, setup, servers, n):
        super().__init__(setup, n)
        self.url = servers.load(self.path, TOPIC)
        self.path.unlink()


class Round:
    """What one run of a program used."""

    def __init__(self, watched, commits, started_s):
        span = commits.span
        self.orders_s = commits.orders_s
        self.start_s = span[0] - started_s
        self.n_commits = len(commits.rows)
        wall_s = span[1] - span[0]
        self.cpu_s_million = watched.used(lambda s: s.cpu_s, *span) / commits.counted * 1e6
        self.cores = watched.used(lambda s: s.cpu_s, *span) / wall_s
        self.server_cores = {name: watched.used(lambda s, name=name: s.servers_cpu_s[name], *span) / wall_s
                             for name in watched.servers}  # fmt: skip
        self.rss_mb = watched.rss_mb()


def salestide(setup, servers, backlog, raw="none", tell=None, options=()):
    aggregates = servers.new_database(DATABASE, raw)
    with servers.process(setup, DATABASE, backlog.url, aggregates, *options, raw=raw, tell=tell) as watched:
        started_s = watched.started_s
        watched.wait_until(lambda: lab.commits(servers.mysql, DATABASE).orders >= backlog.n, TIMEOUT_S)
        watched.stop()
    found = lab.commits(servers.mysql, DATABASE)
    backlog.check("salestide process", servers.mysql.sql(SUMS, database=DATABASE), found.orders)
    return Round(watched, found, started_s)


def spark_command(setup, servers, kind, topic, batch=None):
    """The peer on empty tables, up to what is there now in batches of so many, or without an end."""
    servers.mysql.drop_database("peer")
    servers.mysql.create_database("peer")
    for statement in PEER_TABLES:
        servers.mysql.sql(statement, database="peer")
    work = setup.tmp / "spark"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    what = {"bootstrap": servers.kafka.bootstrap(), "topic": topic, "work": str(work), "batch": batch, "jars": spark_jars(),
            "mysql": {"host": "127.0.0.1", "port": servers.mysql.port, "user": lab.USER, "password": lab.PASSWORD,
                      "database": "peer"}}  # fmt: skip
    return [sys.executable, processes.ROOT / "bench/peers/spark_sales.py", kind, json.dumps(what)]


def spark_jars():
    """Its connector for Kafka; the one for Cassandra is of no use to it."""
    jars = [str(path) for path in sorted((processes.ROOT / "build/spark-jars").glob("*.jar")) if "kafka" in path.name or "pool2" in path.name]
    if not jars:
        raise SystemExit("bench: build/spark-jars has no connector for Kafka; run: make spark-deps")
    return jars


def spark_batch(n):
    return min(SPARK_BATCH, n // SPARK_BATCHES)


def spark(setup, servers, backlog, kind):
    command = spark_command(setup, servers, kind, TOPIC, spark_batch(backlog.n))
    with lab.Watched(command, setup.tmp / "spark.log", servers.pids()) as watched:
        started_s = watched.started_s
        watched.wait_until(lambda: False, TIMEOUT_S, end=True)
        watched.stop()
    found = lab.commits(servers.mysql, "peer", "peer_batches")
    backlog.check(f"Spark, {kind},", servers.mysql.sql("SELECT * FROM peer_sums", database="peer"), found.orders)
    return Round(watched, found, started_s)


def add_row(figure, key, what, rounds):
    speed, cpu = Series(r.orders_s for r in rounds), Series(r.cpu_s_million for r in rounds)
    figure.keep(key, speed)
    figure.keep(f"{key} cpu", cpu)
    figure.keep(f"{key} rounds", [vars(r) for r in rounds])
    figure.row(what, speed.text(), cpu.text("{:.2f}", "s"), f"{max(r.rss_mb for r in rounds):,.0f} MB",
               f"{Series(r.n_commits for r in rounds).median:,.0f}")  # fmt: skip
    return speed, cpu


def limit(setup, figure, what, rounds):
    middle = sorted(rounds, key=lambda r: r.orders_s)[len(rounds) // 2]
    parts = ", ".join(f"{name} {cores:.2f}" for name, cores in middle.server_cores.items())
    figure.limit(f"{what} takes {middle.cores:.2f} of {setup.cores} cores between first and last commit, {parts}.")


def measure(setup):
    figure = Figure("log", ("program", "orders/s", "CPU, a million orders", "peak memory", "commits"))
    with lab.Lab(setup) as servers:
        backlog = Backlog(setup, servers, setup.log_orders)
        salestide(setup, servers, backlog)  # warms the page cache
        ours, tuned = [], []
        for _ in range(setup.log_rounds):
            ours.append(salestide(setup, servers, backlog))
            tuned.append(spark(setup, servers, backlog, "tuned"))
        plain = [spark(setup, servers, backlog, "plain")]
        speed, cpu = add_row(figure, "salestide", "salestide process, exactly once, duplicates known", ours)
        version = setup.versions["pyspark"]
        peer, peer_cpu = add_row(figure, "spark tuned", f"Spark {version}, tuned", tuned)
        add_row(figure, "spark plain", f"Spark {version}, plain, one round", plain)
        figure.row("ratio of medians to Spark tuned", verdict(speed.median / peer.median),
                   f"1/{peer_cpu.median / cpu.median:.1f}", "", "")  # fmt: skip
        figure.keep("orders", backlog.n)
        figure.limit(f"{backlog.n:,} orders of {backlog.bytes / backlog.n:.0f} bytes in {lab.PARTITIONS} partitions of one "
                     f"broker on the same {setup.cores} cores; every program's {len(backlog.sums)} sums and counts are "
                     "those that chDB finds in the file.")  # fmt: skip
        limit(setup, figure, "`salestide process`", ours)
        limit(setup, figure, "Spark, tuned,", tuned)
        if profile.available():
            samples = setup.tmp / "log.perf"
            salestide(setup, servers, backlog, tell=profile.command(samples))
            figure.limit(f"`salestide process` by perf, {profile.sentence(samples)}.")
    return figure
