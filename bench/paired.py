#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Two builds of Salestide side by side, by turns in one run: is the new one slower?

    git worktree add /tmp/before COMMIT && make -C /tmp/before
    bench/paired.py /tmp/before/build/salestide [build/salestide]     about five minutes

Prints for each figure the median of both and the median of the ratios, new over old, of rounds that followed each
other: what else the machine does hits both. ROUNDS=n (7) rounds of each. Orders loaded are 2 million; of one order a
request 256 connections send for 3 seconds. ONLY=stream: these alone (load, posts, start, stream). Everything is on 127.0.0.1 and in a temporary folder.
"""

import json
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from figures import start_size  # noqa: E402
from tools import processes, wrk  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "7"))
ORDERS, CONNECTIONS, SECONDS = 2_000_000, 256, 3


def load(program, tmp):
    data = tmp / "load"
    shutil.rmtree(data, ignore_errors=True)
    done = processes.run([program, "load", tmp / "orders.ndjson", "--data", data])
    return {"load: orders/s": ORDERS / done.wall_s, "load: CPU, µs an order": done.cpu_s / ORDERS * 1e6,
            "load: peak memory, MB": done.rss_mb}  # fmt: skip


def posts(program, tmp):
    processes.PROGRAM = program
    shutil.rmtree(tmp / "serve", ignore_errors=True)
    with processes.Salestide(tmp / "serve") as server:
        wrk.run(server, "one_order.lua", CONNECTIONS, 1, 1)  # warms up
        done = wrk.run(server, "one_order.lua", CONNECTIONS, SECONDS, 1)
    return {"one order a request: orders/s": done.orders_s, "one order a request: server's CPU, µs": done.server_us,
            "one order a request: 99th percentile, ms": done.p99_ms}  # fmt: skip


class Place:
    def __init__(self, tmp):
        self.tmp = tmp


def start(program, tmp):
    processes.PROGRAM = program
    shutil.rmtree(tmp / "start", ignore_errors=True)
    (tmp / "start").mkdir()
    memory = []
    ms = start_size.first_answer_ms(Place(tmp), tmp / "start", lambda pid: memory.append(processes.memory_mb(pid)))
    return {"start to first answer, ms": ms, "memory at rest, MB": memory[0]}


def stream(program, tmp):
    """One viewer at 1,000 orders/s, by build/bench/bench_stream (make build/bench/bench_stream)."""
    processes.PROGRAM = program
    shutil.rmtree(tmp / "stream", ignore_errors=True)
    with processes.Salestide(tmp / "stream") as server:
        done = processes.run([processes.ROOT / "build/bench/bench_stream", server.port, 1000, SECONDS, 1])
    found = json.loads(done.out)
    return {"POST to its answer: 99th percentile, ms": found["answer_ms"]["p99"],
            "POST to the event on the stream: median, ms": found["arrival_ms"]["p50"],
            "POST to the event on the stream: 99th percentile, ms": found["arrival_ms"]["p99"]}  # fmt: skip


MEASURES = {"load": load, "posts": posts, "start": start, "stream": stream}


def by_turns(measure, old, new, tmp):
    """[(old's figures, new's)]: which of the two is first changes each time."""
    rounds = []
    for k in range(ROUNDS + 1):
        order = (old, new) if k % 2 == 0 else (new, old)
        found = {program: measure(program, tmp) for program in order}
        rounds.append((found[old], found[new]))
    return rounds[1:]  # the first warms up


def main():
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    old = pathlib.Path(sys.argv[1]).resolve()
    new = pathlib.Path(sys.argv[2] if len(sys.argv) == 3 else processes.ROOT / "build/salestide").resolve()
    tmp = pathlib.Path(tempfile.mkdtemp(prefix="salestide-paired-"))
    chosen = [MEASURES[name] for name in os.environ.get("ONLY", ",".join(MEASURES)).split(",")]
    started = time.monotonic()
    print("| figure | old | new | new / old (lowest to highest) |\n|---|---|---|---|")
    try:
        if load in chosen:
            with open(tmp / "orders.ndjson", "wb") as out:
                processes.run([new, "generate", "--count", ORDERS, "--rate", 1000, "--seed", 1, "--with-customer-fields"],
                              stdout=out)  # fmt: skip
        for measure in chosen:
            rounds = by_turns(measure, old, new, tmp)
            for name in rounds[0][0]:
                before, after = ([r[side][name] for r in rounds] for side in (0, 1))
                ratios = [b / a for a, b in zip(before, after, strict=True)]
                print(f"| {name} | {statistics.median(before):,.4g} | {statistics.median(after):,.4g} | "
                      f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}) |", flush=True)  # fmt: skip
    finally:
        shutil.rmtree(tmp, ignore_errors=True)
    print(f"{ROUNDS} rounds of each, {time.monotonic() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
