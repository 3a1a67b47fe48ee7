# SPDX-License-Identifier: MIT
"""A backlog in Kafka becomes exact sums in MySQL: `salestide process` beside Flink SQL and Spark Structured Streaming, on
the same topic, broker and database server, by turns; on a smaller one beside Flink SQL that knows duplicates. Every
program's sums must be the ones that chDB finds in the file that the topic was made of, to the last digit, or the run ends.

Speed is from the first to the last commit: starting is not in it, and neither are the orders of the first commit. CPU
is the program's own, over the same time."""

import datetime
import decimal
import json
import shutil
import sys

from tools import flink, lab, processes, profile
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

    def __init__(self, setup, servers, n, topic=TOPIC):
        super().__init__(setup, n)
        self.topic = topic
        self.url = servers.load(self.path, topic)
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
    command = spark_command(setup, servers, kind, backlog.topic, spark_batch(backlog.n))
    with lab.Watched(command, setup.tmp / "spark.log", servers.pids()) as watched:
        started_s = watched.started_s
        watched.wait_until(lambda: False, TIMEOUT_S, end=True)
        watched.stop()
    found = lab.commits(servers.mysql, "peer", "peer_batches")
    backlog.check(f"Spark, {kind},", servers.mysql.sql("SELECT * FROM peer_sums", database="peer"), found.orders)
    return Round(watched, found, started_s)


def flink_sql(setup, servers, backlog, kind):
    watched, commits, rows = flink.run(setup, servers, kind, backlog.topic, TIMEOUT_S)
    backlog.check(f"Flink, {kind},", rows, commits.orders)
    return Round(watched, commits, watched.started_s)


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


def by_turns(n, kinds):
    """{kind: [Round]}: each program once, and so n times."""
    found = {kind: [] for kind in kinds}
    for _ in range(n):
        for kind, run in kinds.items():
            found[kind].append(run())
    return found


def add_ratio(figure, what, ours, peer):
    """`ours` and `peer` are (orders/s, CPU)."""
    figure.row(f"ratio of medians to {what}", verdict(ours[0].median / peer[0].median),
               f"1/{peer[1].median / ours[1].median:.1f}", "", "")  # fmt: skip


def without_duplicates(setup, servers, figure):
    """Beside peers that look for no duplicates."""
    backlog = Backlog(setup, servers, setup.log_orders)
    salestide(setup, servers, backlog)  # warms the page cache
    found = by_turns(setup.log_rounds, {
        "salestide": lambda: salestide(setup, servers, backlog), "flink sums": lambda: flink_sql(setup, servers, backlog, "sums"),
        "spark tuned": lambda: spark(setup, servers, backlog, "tuned")})  # fmt: skip
    plain = [spark(setup, servers, backlog, "plain")]
    ours = add_row(figure, "salestide", "salestide process, exactly once, duplicates known", found["salestide"])
    figure.keep("salestide memory", max(r.rss_mb for r in found["salestide"]))
    version = setup.versions["pyspark"]
    for key, what, short in (
        ("flink sums", f"Flink SQL {flink.VERSION}, mini-batch, no duplicates known", "Flink SQL"),
        ("spark tuned", f"Spark {version}, tuned, no duplicates known", "Spark tuned"),
    ):
        add_ratio(figure, short, ours, add_row(figure, key, what, found[key]))
    add_row(figure, "spark plain", f"Spark {version}, plain, one round", plain)
    figure.keep("orders", backlog.n)
    figure.limit(f"{backlog.n:,} orders of {backlog.bytes / backlog.n:.0f} bytes in {lab.PARTITIONS} partitions of one "
                 f"broker on the same {setup.cores} cores; every program's {len(backlog.sums)} sums and counts are "
                 "those that chDB finds in the file.")  # fmt: skip
    limit(setup, figure, "`salestide process`", found["salestide"])
    limit(setup, figure, "Flink SQL", found["flink sums"])
    limit(setup, figure, "Spark, tuned,", found["spark tuned"])
    if profile.available():
        samples = setup.tmp / "log.perf"
        salestide(setup, servers, backlog, tell=profile.command(samples))
        figure.limit(f"`salestide process` by perf, {profile.sentence(samples)}.")


def with_duplicates(setup, servers, figure):
    """Beside Flink that keeps every identity. Its state is large, so the backlog is smaller."""
    backlog = Backlog(setup, servers, setup.log_dedupe_orders, "sales_smaller")
    found = by_turns(setup.log_rounds, {
        "salestide smaller": lambda: salestide(setup, servers, backlog),
        **{f"flink {kind}": lambda kind=kind: flink_sql(setup, servers, backlog, kind)
           for kind in ("dedupe-hashmap", "dedupe-rocksdb")}})  # fmt: skip
    few = f"{backlog.n:,} orders: "
    ours = add_row(figure, "salestide smaller", few + "salestide process", found["salestide smaller"])
    for kind, state in (("dedupe-hashmap", "on the heap"), ("dedupe-rocksdb", "in RocksDB")):
        peer = add_row(figure, f"flink {kind}", f"{few}Flink SQL that knows duplicates, state {state}", found[f"flink {kind}"])
        add_ratio(figure, f"it, state {state}", ours, peer)


def measure(setup):
    figure = Figure("log", ("program", "orders/s", "CPU, a million orders", "peak memory", "commits"))
    with lab.Lab(setup) as servers:
        without_duplicates(setup, servers, figure)
        with_duplicates(setup, servers, figure)
    return figure
