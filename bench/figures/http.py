# SPDX-License-Identifier: MIT
"""HTTP: one order a request at several numbers of connections, and 1,000 orders a request, beside FastAPI + pydantic
without any storage. wrk runs on the same cores; rounds alternate; both servers run all the time, one of them idle."""

from tools import processes, profile, wrk
from tools.results import Figure, Series, verdict

BATCH, BATCH_CONNECTIONS = 1000, 8


def explain(setup, figure, server, what, load):
    """A round of its own under perf."""
    samples = setup.tmp / "http.perf"
    with profile.of_process(server.pid, samples):
        result = load()
    threads = ", ".join(f"{name} {cores:.2f}" for cores, name in result.threads)
    steal = result.stolen_cores / setup.cores
    figure.limit(f"{what}: the server takes {result.server_cores:.2f} cores (its threads: {threads}), wrk "
                 f"{result.client_cores:.2f}, everything on the machine {result.machine_cores:.2f} of {setup.cores}"
                 f"{f' (and the host keeps {steal:.0%} to itself)' if steal >= 0.01 else ''}.")  # fmt: skip
    if profile.available():
        figure.limit(f"{what}, the server by perf, {profile.sentence(samples)}.")


def add_rows(figure, label, rounds, peers, peer_label):
    speed, peer = Series(r.orders_s for r in rounds), Series(r.orders_s for r in peers)
    figure.keep(f"salestide {label}", speed)
    figure.keep(f"fastapi {label}", peer)
    for who, series, all_rounds in (("salestide, durable", speed, rounds), (peer_label, peer, peers)):
        figure.row(label, who, series.text(), Series(r.p50_ms for r in all_rounds).text("{:.1f}", "ms"),
                   Series(r.p99_ms for r in all_rounds).text("{:.1f}", "ms"),
                   f"{Series(r.server_cores for r in all_rounds).median:.2f} + "
                   f"{Series(r.client_cores for r in all_rounds).median:.2f}",
                   Series(r.server_us for r in all_rounds).text("{:.1f}", "µs"))  # fmt: skip
    figure.row(label, "ratio of medians", verdict(speed.median / peer.median), "", "", "", "")


HEAD = ("orders/s", "median latency", "99th percentile", "cores: server + wrk", "server's CPU, an order")


def single(setup):
    figure = Figure("http_single", ("connections", "server", *HEAD))
    peer_label = f"FastAPI {setup.versions['fastapi']}, no storage"
    with processes.Salestide(setup.tmp / "http") as ours, processes.FastApi(setup.tmp / "http") as theirs:
        for connections in setup.connections:
            rounds, peers = [], []
            wrk.run(ours, "one_order.lua", connections, 1, 1)  # warms up
            for _ in range(setup.rounds):
                rounds.append(wrk.run(ours, "one_order.lua", connections, setup.seconds, 1))
                peers.append(wrk.run(theirs, "one_order.lua", connections, setup.seconds, 1))
            add_rows(figure, f"{connections:,}", rounds, peers, peer_label)
        middle = setup.connections[len(setup.connections) // 2]
        explain(setup, figure, ours, f"{middle:,} connections",
                lambda: wrk.run(ours, "one_order.lua", middle, setup.seconds, 1))  # fmt: skip
        figure.limit(f"Resident memory of the server after it: {processes.memory_mb(ours.pid):.0f} MB.")
    verify(setup, "http")
    return figure


def batch(setup):
    figure = Figure("http_batch", ("request", "server", *HEAD))
    label = f"{BATCH:,} orders as NDJSON"
    peer_label = f"FastAPI {setup.versions['fastapi']}, no storage"
    with processes.Salestide(setup.tmp / "batch") as ours, processes.FastApi(setup.tmp / "batch") as theirs:
        rounds, peers = [], []
        wrk.run(ours, "many_orders.lua", BATCH_CONNECTIONS, 1, BATCH)
        for _ in range(setup.rounds):
            rounds.append(wrk.run(ours, "many_orders.lua", BATCH_CONNECTIONS, setup.seconds, BATCH))
            peers.append(wrk.run(theirs, "many_orders.lua", BATCH_CONNECTIONS, setup.seconds, BATCH,
                                 "/v1/orders/ndjson"))  # fmt: skip
        add_rows(figure, label, rounds, peers, peer_label)
        explain(setup, figure, ours, f"{BATCH_CONNECTIONS} connections",
                lambda: wrk.run(ours, "many_orders.lua", BATCH_CONNECTIONS, setup.seconds, BATCH))  # fmt: skip
        figure.limit(f"Resident memory of the server after it: {processes.memory_mb(ours.pid):.0f} MB.")
    verify(setup, "batch")
    return figure


def verify(setup, name):
    """What was measured has to be right too."""
    processes.run([processes.PROGRAM, "verify", "--data", setup.tmp / name / "data"], timeout_s=300)
