# SPDX-License-Identifier: MIT
"""One round of wrk against a server, checked: every answer 2xx, and the server counted what wrk counted."""

import dataclasses
import datetime
import itertools
import json
import time

from tools import processes

LUA = processes.ROOT / "bench" / "lua"
numbers = itertools.count(1)  # each round has ids of its own


@dataclasses.dataclass
class Round:
    orders_s: float
    p50_ms: float
    p99_ms: float
    server_cores: float
    client_cores: float
    machine_cores: float  # busy, with everything that runs
    stolen_cores: float  # kept by the host of a virtual machine
    threads: list  # [(cores, name)] of the server, busiest first

    @property
    def server_us(self):
        """CPU time of the server for an order: hardly depends on what else the machine does."""
        return self.server_cores / self.orders_s * 1e6


def used(server):
    """CPU seconds so far."""
    machine, stolen = processes.machine_busy_s()
    return {"server": processes.cpu_s(server.pid), "machine": machine, "stolen": stolen,
            "threads": processes.threads_cpu_s(server.pid)}  # fmt: skip


def threads(before, after, wall_s):
    found = [((seconds - before.get(thread, 0)) / wall_s, thread[1]) for thread, seconds in after.items()]
    return sorted((t for t in found if t[0] >= 0.01), reverse=True)


def run(server, script, connections, seconds, orders_each, path="/v1/orders", more=()):
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    before, used_before, started = server.accepted(), used(server), time.monotonic()
    done = processes.run(["wrk", "--threads", 1, "--connections", connections, "--duration", f"{seconds}s",
                          "--timeout", "10s", "--script", script, f"http://127.0.0.1:{server.port}{path}", "--",
                          next(numbers) * 100_000_000, now, path, *more], cwd=LUA, timeout_s=seconds + 60)  # fmt: skip
    wall_s, used_after = time.monotonic() - started, used(server)
    cores = {key: (used_after[key] - used_before[key]) / wall_s for key in ("server", "machine", "stolen")}
    lines = [line for line in done.out.splitlines() if line.startswith("RESULT ")]
    if len(lines) != 1:
        raise SystemExit(f"bench: wrk gave no result:\n{done.out}")
    result = json.loads(lines[0].removeprefix("RESULT "))
    if result["not_2xx"] or result["broken"] or not result["requests"]:
        raise SystemExit(f"bench: wrk saw failures: {result}")
    check_count(server, before, result["requests"], connections, orders_each)
    return Round(result["requests"] * orders_each / result["seconds"], result["p50_ms"], result["p99_ms"],
                 cores["server"], done.cpu_s / done.wall_s, cores["machine"], cores["stolen"],
                 threads(used_before["threads"], used_after["threads"], wall_s))  # fmt: skip


def check_count(server, before, requests, connections, orders_each):
    """Accepted is what wrk saw answered, and at most one request more for each connection: wrk leaves without waiting
    for those."""
    deadline, last = time.monotonic() + 5, None
    while (now := server.accepted()) != last and time.monotonic() < deadline:
        last = now
        time.sleep(0.2)
    accepted, other = now - before, server.not_accepted()
    if not requests * orders_each <= accepted <= (requests + connections) * orders_each or other:
        raise SystemExit(f"bench: wrk saw {requests} answers to {orders_each} orders each, but the server accepted "
                         f"{accepted} orders and refused or knew {other}")  # fmt: skip
