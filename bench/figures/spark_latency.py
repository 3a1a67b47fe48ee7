# SPDX-License-Identifier: MIT
"""From POST to a row in MySQL through Spark: `salestide ingest` puts orders into Kafka (acks=all), the job inside Spark or
Spark SQL as people write it commits them to MySQL, and a client of the database asks without a pause how many there are.
An order counts from when it was due to be sent until an answer of the database has it: the k-th with the first count of
k or more, as batches take from all partitions what is there at one moment."""

import contextlib
import json
import shutil
import subprocess
import time

from figures import log, log_latency, spark
from tools import lab, processes
from tools.results import Figure, Series

RATE = log_latency.RATE
WARM_S = 15  # by then the JVM has compiled what runs all the time
START_S = 180  # a JVM on a busy machine
DRAIN_S = 60
COUNT = "SELECT CAST(COALESCE(SUM(received), 0) AS SIGNED), COUNT(*) FROM {}"
TOTAL = "SELECT COALESCE(SUM(orders), 0) FROM {}"


class Counter:
    """How many orders are committed, asked over and over: [(seconds of the monotonic clock, orders)] where it changed."""

    def __init__(self, mysql, database, table, sums):
        self.connection = mysql.connect(database, user="root", password="", autocommit=True)
        self.count, self.total = COUNT.format(table), TOTAL.format(sums)
        self.seen, self.commits = [(time.monotonic(), 0)], 0

    def ask(self, statement):
        with self.connection.cursor() as cursor:
            cursor.execute(statement)
            return list(map(int, cursor.fetchone()))

    def look(self):
        n, self.commits = self.ask(self.count)
        if n != self.seen[-1][1]:
            self.seen.append((time.monotonic(), n))

    def look_until(self, is_over, timeout_s, watched):
        deadline = time.monotonic() + timeout_s
        while not is_over():
            if watched.process.poll() is not None:
                watched.fail(f"ended with {watched.process.returncode}")
            if time.monotonic() > deadline:
                watched.fail(f"has counted only {self.seen[-1][1]} orders in time")
            self.look()
            time.sleep(log_latency.PAUSE_S)


def post(setup, port, seconds, before):
    return subprocess.Popen([setup.programs / "bench_stream", str(port), str(RATE), str(seconds), "0", "16", str(before)],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)  # fmt: skip


def run_orders(setup, ingest, counter, watched, seconds, before):
    """What the client saw of so many seconds of orders, until all of them are counted."""
    with post(setup, ingest.port, seconds, before) as poster:
        try:
            counter.look_until(lambda: poster.poll() is not None, seconds + START_S, watched)
            result = json.loads(poster.stdout.read())
            if result["answered"] != result["orders"]:
                raise SystemExit(f"bench: only {result['answered']} of {result['orders']} orders were answered in time: is the machine busy?")
            counter.look_until(lambda: counter.seen[-1][1] >= before + result["orders"], START_S if before == 0 else DRAIN_S, watched)
        finally:
            poster.kill()
    if counter.seen[-1][1] != before + result["orders"]:
        raise SystemExit(f"bench: {counter.seen[-1][1]} orders are counted of {before + result['orders']}")
    return result


def row_ms(counter, result, before):
    """Of each order, from when it was due until a count had it."""
    found = []
    for at_s, n in counter.seen:
        for k in range(len(found), n - before):
            found.append((at_s - (result["start_ns"] + k * result["interval_ns"]) / 1e9) * 1000)
    return found


def one_round(setup, servers, name, command, counter):
    ingest = processes.Ingest(setup.tmp / f"{name}-ingest", servers.kafka, name)
    with ingest, lab.Watched(command, setup.tmp / f"{name}.log", servers.pids()) as watched:
        warm = run_orders(setup, ingest, counter, watched, WARM_S, 0)
        before, commits, since_s = warm["orders"], counter.commits, time.time()
        result = run_orders(setup, ingest, counter, watched, setup.log_seconds, before)
        until_s = time.time()
        if counter.ask(counter.total) != [before + result["orders"]]:
            watched.fail(f"has summed {counter.ask(counter.total)} of {before + result['orders']} orders")
        result["row_ms"] = log_latency.times(row_ms(counter, result, before))
        result["commits_s"] = (counter.commits - commits) / (until_s - since_s)
        result["cores"] = watched.used(lambda s: s.cpu_s, since_s, until_s) / (until_s - since_s)
    return result


def peer(setup, servers, name):
    servers.kafka.create_topic(name, lab.PARTITIONS)
    command = log.spark_command(setup, servers, "plain", name)
    return one_round(setup, servers, name, command, Counter(servers.mysql, "peer", "peer_batches", "peer_sums"))


def salestide(setup, servers, name, checkpoint):
    servers.kafka.create_topic(name, lab.PARTITIONS)
    work = setup.tmp / name
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    command = spark.salestide_command(servers, name, name, work, checkpoint or work / "checkpoint")
    return one_round(setup, servers, name, command, Counter(servers.mysql, name, "pipeline_batches", "sales_totals"))


def measure(setup):
    figure = Figure("spark_latency", ("program", "median", "99th percentile", "longest", "commits/s", "cores"))
    version = setup.versions["pyspark"]
    names = {"local": f"the kernel inside Spark {version}, checkpoint on local disk",
             "hdfs": f"the kernel inside Spark {version}, checkpoint on HDFS",
             "plain": f"Spark SQL {version}, plain, checkpoint on local disk"}  # fmt: skip
    found = {key: [] for key in names}
    with contextlib.ExitStack() as stack:
        servers = stack.enter_context(lab.Lab(setup))
        hdfs = stack.enter_context(lab.Hdfs(setup.tmp / "hdfs"))
        for k in range(setup.spark_latency_rounds):
            one_of = {"local": lambda name: salestide(setup, servers, name, None),
                      "hdfs": lambda name, k=k: salestide(setup, servers, name, hdfs.url(f"/checkpoint{k}")),
                      "plain": lambda name: peer(setup, servers, name)}  # fmt: skip
            for key, run in one_of.items():
                found[key].append(run(f"{key}{k}"))
                print(f"  {names[key]}: {found[key][-1]['row_ms']}", flush=True)
    for key, name in names.items():
        times = {p: Series(r["row_ms"][p] for r in found[key]) for p in ("p50", "p99", "max")}
        figure.keep(key, {p: series.json() for p, series in times.items()})
        figure.row(name, *(series.text("{:,.0f}", "ms") for series in times.values()),
                   Series(r["commits_s"] for r in found[key]).text("{:.1f}"), Series(r["cores"] for r in found[key]).text("{:.2f}"))  # fmt: skip
    figure.keep("rounds", found)
    late = sum(r["late_sends"] for rounds in found.values() for r in rounds) / sum(r["orders"] for rounds in found.values() for r in rounds)
    figure.limit(f"{RATE:,} orders/s for {setup.log_seconds} s after {WARM_S} s that are not counted, to `salestide ingest` on the same "
                 f"{setup.cores} cores. Times count from when an order was due; {late:.1%} of the orders went out more than 1 ms "
                 "late. A batch begins when the one before is done: its cycle is the time.")  # fmt: skip
    return figure
