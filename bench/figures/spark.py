# SPDX-License-Identifier: MIT
"""The job inside Spark (spark/submit.sh) beside Spark SQL, on the same topic, broker and database server, by turns, all
with local[2]; and the kernel alone, from Python on one core. Every sum and count is the one that chDB finds in the file,
to the last digit, or the run ends. What is measured is as in log.py: first commit to last, and the CPU of the driver, the
JVM, the Python workers and `salestide tally` together."""

import decimal
import json
import shutil

from figures import log
from tools import lab, processes
from tools.results import Figure, Series, verdict

DATABASE = "inside_spark"
KERNEL_ORDERS = 1_000_000


def salestide_command(servers, topic, database, work, checkpoint, *options):
    """The job on empty tables. Without further options it has no end."""
    aggregates = servers.new_database(database)
    return [processes.ROOT / "spark/submit.sh", "--master", "local[2]", "--broker", servers.kafka.url(topic), "--raw", "none",
            "--aggregates", aggregates, "--mysql-password-file", servers.password_file, "--checkpoint", checkpoint,
            "--window-dir", work / "windows", *options]  # fmt: skip


def salestide(setup, servers, backlog):
    work = setup.tmp / "inside"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    command = salestide_command(servers, log.TOPIC, DATABASE, work, work / "checkpoint", "--available-now", "--max-offsets",
                                log.spark_batch(backlog.n))  # fmt: skip
    with lab.Watched(command, setup.tmp / "inside.log", servers.pids()) as watched:
        started_s = watched.started_s
        watched.wait_until(lambda: False, log.TIMEOUT_S, end=True)
        watched.stop()
    found = lab.commits(servers.mysql, DATABASE)
    backlog.check("the job inside Spark", servers.mysql.sql(log.SUMS, database=DATABASE), found.orders)
    return log.Round(watched, found, started_s)


def kernel(setup, orders):
    """Orders a second of one core, in rounds."""
    done = processes.run([processes.ROOT / "build/spark-venv/bin/python", processes.ROOT / "bench/kernel_ffi.py",
                          orders.path, setup.tmp / "windows", setup.rounds])  # fmt: skip
    found = json.loads(done.out.splitlines()[-1])
    for one in found["rounds"]:
        rows = [(source, state, n, decimal.Decimal(total)) for source, state, n, total in one["sums"]]
        orders.check("the kernel alone", rows, one["orders"])
    return [one["orders"] / one["cpu_s"] for one in found["rounds"]]


def measure(setup):
    figure = Figure("spark", ("program", "orders/s", "CPU, a million orders", "peak memory", "commits"))
    orders = log.Orders(setup, KERNEL_ORDERS)
    alone = Series(kernel(setup, orders))
    orders.path.unlink()
    with lab.Lab(setup) as servers:
        backlog = log.Backlog(setup, servers, setup.spark_orders)
        log.salestide(setup, servers, backlog)  # warms the page cache
        kinds = {"salestide": [], "dedupe": [], "tuned": []}
        for _ in range(setup.log_rounds):
            for kind, rounds in kinds.items():
                rounds.append(salestide(setup, servers, backlog) if kind == "salestide" else log.spark(setup, servers, backlog, kind))
    version = setup.versions["pyspark"]
    speed, cpu = log.add_row(figure, "salestide", f"the kernel inside Spark {version}, exactly once, duplicates known", kinds["salestide"])
    named = {"dedupe": f"Spark SQL {version}, tuned, dropDuplicatesWithinWatermark", "tuned": f"Spark SQL {version}, tuned, no duplicates known"}
    for kind, name in named.items():
        peer, peer_cpu = log.add_row(figure, kind, name, kinds[kind])
        figure.row(f"ratio of medians to it ({kind})", verdict(speed.median / peer.median), verdict(cpu.median / peer_cpu.median), "", "")
    figure.keep("kernel", alone)
    figure.row("the kernel alone, called from Python, duplicates known, one core", alone.text(), f"{1e6 / alone.median:.2f} s", "", "")
    figure.keep("orders", backlog.n)
    figure.limit(f"{backlog.n:,} orders of {backlog.bytes / backlog.n:.0f} bytes in {lab.PARTITIONS} partitions of one broker on the same "
                 f"{setup.cores} cores, batches of at most {log.spark_batch(backlog.n):,}; every program's {len(backlog.sums)} sums and "
                 "counts are those that chDB finds in the file.")  # fmt: skip
    log.limit(setup, figure, "The job inside Spark", kinds["salestide"])
    log.limit(setup, figure, "Spark SQL with dropDuplicatesWithinWatermark", kinds["dedupe"])
    log.limit(setup, figure, "Spark SQL without", kinds["tuned"])
    return figure
