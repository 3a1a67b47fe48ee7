# SPDX-License-Identifier: MIT
"""Two builds of Salestide by turns in one run: this one and the one before (BEFORE of bench/run.sh). What else the machine
does hits both, so each figure is the median of the ratios of rounds that followed each other."""

import contextlib
import json
import os
import pathlib
import shutil
import statistics

from figures import load_file, log, start_size
from tools import lab, processes, wrk
from tools.results import Figure, Series

CONNECTIONS = 256
RATE = 1000  # of the orders on the stream, a second
STARTS = 6  # as many pairs of them as of others: each takes 20 ms, now and then twice that


def load(setup):
    """Its sum is the same each time, and that of its raw orders."""
    data = setup.tmp / "load"
    done = load_file.load(setup.tmp / "orders.ndjson", data)
    processes.run([processes.PROGRAM, "verify", "--data", data])
    if setup.found.setdefault("load", load_file.salestide_sum(data)) != load_file.salestide_sum(data):
        raise SystemExit("bench: the two builds make different sums of one file")
    shutil.rmtree(data)
    n = setup.file_orders
    return {"load: orders/s": n / done.wall_s, "load: CPU, µs an order": done.cpu_s / n * 1e6,
            "load: peak memory, MB": done.rss_mb}  # fmt: skip


def posts(setup):
    with served(setup, "posts") as server:
        wrk.run(server, "one_order.lua", CONNECTIONS, 1, 1)  # warms up
        done = wrk.run(server, "one_order.lua", CONNECTIONS, setup.seconds, 1)
    processes.run([processes.PROGRAM, "verify", "--data", setup.tmp / "posts" / "data"])
    return {"one order a request: orders/s": done.orders_s, "one order a request: server's CPU, µs": done.server_us,
            "one order a request: 99th percentile, ms": done.p99_ms}  # fmt: skip


def start(setup, rest=None):
    shutil.rmtree(setup.tmp / "start", ignore_errors=True)
    (setup.tmp / "start").mkdir()
    return {"start to first answer, ms": start_size.first_answer_ms(setup, setup.tmp / "start", rest)}


def rest(setup):
    memory = []
    start(setup, lambda pid: memory.append(processes.memory_mb(pid)))
    return {"memory at rest, MB": memory[0]}


def stream(setup):
    """One viewer at 1,000 orders/s."""
    with served(setup, "stream") as server:
        done = processes.run([setup.programs / "bench_stream", server.port, RATE, setup.stream_seconds, 1])
    found = json.loads(done.out)
    if found["answered"] != found["orders"] or found["right_viewers"] != 1:
        raise SystemExit(f"bench: the viewer is not right at the end: {found}")
    return {"POST to its answer: 99th percentile, ms": found["answer_ms"]["p99"],
            "POST to the event on the stream: median, ms": found["arrival_ms"]["p50"],
            "POST to the event on the stream: 99th percentile, ms": found["arrival_ms"]["p99"]}  # fmt: skip


@contextlib.contextmanager
def served(setup, name):
    shutil.rmtree(setup.tmp / name, ignore_errors=True)
    with processes.Salestide(setup.tmp / name) as server:
        yield server


@contextlib.contextmanager
def program(path):
    """What all figures run meanwhile."""
    ours, processes.PROGRAM = processes.PROGRAM, path
    try:
        yield
    finally:
        processes.PROGRAM = ours


def by_turns(setup, measure, old, new, n):
    """[(old's figures, new's)]: which of the two is first changes each time."""
    rounds = []
    for k in range(n + 1):
        found = {}
        for path in (old, new) if k % 2 == 0 else (new, old):
            with program(path):
                found[path] = measure(setup)
        rounds.append((found[old], found[new]))
    return rounds[1:]  # the first warms up


def add_rows(figure, rounds):
    for name in rounds[0][0]:
        before, after = ([r[side][name] for r in rounds] for side in (0, 1))
        ratios = Series(b / a for a, b in zip(before, after, strict=True))
        figure.keep(name, {"old": before, "new": after, "ratio": ratios.json()})
        figure.row(name, f"{statistics.median(before):,.4g}", f"{statistics.median(after):,.4g}", ratios.text("{:.3f}"))


def add_backlog(setup, figure, old, new):
    """Kafka to MySQL. The sums of both are those of the file."""
    with lab.Lab(setup) as servers:
        backlog = log.Backlog(setup, servers, setup.log_orders)

        def measure(setup):
            one = log.salestide(setup, servers, backlog)
            return {"Kafka to MySQL: orders/s": one.orders_s, "Kafka to MySQL: CPU, s a million orders": one.cpu_s_million,
                    "Kafka to MySQL: peak memory, MB": one.rss_mb}  # fmt: skip

        add_rows(figure, by_turns(setup, measure, old, new, setup.log_rounds))


def measure(setup):
    old, new = pathlib.Path(os.environ["BEFORE_PROGRAM"]).resolve(), processes.PROGRAM
    figure = Figure("before", ("figure", "before", "now", "now / before"))
    load_file.make_file(setup)
    for one in (load, posts, rest):
        add_rows(figure, by_turns(setup, one, old, new, setup.rounds))
    add_rows(figure, by_turns(setup, start, old, new, STARTS * setup.rounds))
    add_rows(figure, by_turns(setup, stream, old, new, 2 * setup.rounds))  # the longest of some seconds tell less
    (setup.tmp / "orders.ndjson").unlink()
    add_backlog(setup, figure, old, new)
    figure.keep("name", os.environ.get("BEFORE_NAME", ""))
    figure.limit(f"Before: {figure.data['name']}. Ratios are medians of {setup.rounds} pairs, of {STARTS * setup.rounds} starts, of {2 * setup.rounds} for times "
                 f"after a POST, of {setup.log_rounds} from Kafka to MySQL; {setup.file_orders:,} orders loaded, {setup.log_orders:,} in Kafka, {CONNECTIONS} connections, "
                 f"{RATE:,} orders/s on the stream.")  # fmt: skip
    return figure
