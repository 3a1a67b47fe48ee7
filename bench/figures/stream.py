# SPDX-License-Identifier: MIT
"""From POST to the live page, by bench_stream.c: one viewer at 1,000 orders/s, 1,000 viewers at 200 orders/s, and
10,000 at 1,000 orders/s."""

import json

from tools import processes, profile
from tools.results import Figure, Series


def one_round(setup, server, rate, viewers):
    before = processes.cpu_s(server.pid)
    done = processes.run([setup.programs / "bench_stream", server.port, rate, setup.stream_seconds, viewers],
                         timeout_s=setup.stream_seconds + 130)  # fmt: skip
    result = json.loads(done.out)
    result["server_cores"] = (processes.cpu_s(server.pid) - before) / done.wall_s
    result["client_cores"] = done.cpu_s / done.wall_s
    if result["answered"] != result["orders"] or result["right_viewers"] != viewers:
        raise SystemExit(f"bench: not every viewer is right at the end: {result}")
    return result


def rounds(setup, figure, server, rate, viewers, n=None):
    found = [one_round(setup, server, rate, viewers) for _ in range(n or setup.rounds)]
    for what, key in (("POST to its answer", "answer_ms"), ("POST to the event on the stream", "arrival_ms")):
        figure.keep(key, {p: Series(r[key][p] for r in found).json() for p in ("p50", "p99", "max")})
        figure.row(what, *(Series(r[key][p] for r in found).text("{:.2f}", "ms") for p in ("p50", "p99", "max")))
    figure.keep("rounds", found)
    cores = [Series(r[k] for r in found).median for k in ("server_cores", "client_cores")]
    late = sum(r["late_sends"] for r in found) / sum(r["orders"] for r in found)
    figure.limit(f"{rate:,} orders/s for {setup.stream_seconds} s, {viewers:,} viewer{'s' * (viewers > 1)}: server "
                 f"{cores[0]:.2f} cores, client {cores[1]:.2f}. Times count from when an order was due; "
                 f"{late:.1%} of the orders went out more than 1 ms late.")  # fmt: skip
    return found


def latency(setup):
    figure = Figure("stream_latency", ("what", "median", "99th percentile", "longest"))
    with processes.Salestide(setup.tmp / "stream") as server:
        one_round(setup, server, 1000, 1)  # warms up
        commits = [server.metric(f"salestide_commit_duration_seconds_{k}") for k in ("sum", "count")]
        rounds(setup, figure, server, 1000, 1)
        commits = [server.metric(f"salestide_commit_duration_seconds_{k}") - then
                   for k, then in zip(("sum", "count"), commits, strict=True)]  # fmt: skip
        figure.limit(f"Events are at least 5 ms apart by design, so an order waits 2.5 ms for its event on average; a "
                     f"commit took {1000 * commits[0] / commits[1]:.2f} ms on average.")  # fmt: skip
    return figure


def many(setup, name, rate, n_viewers, apart_ms):
    figure = Figure(name, ("what", "median", "99th percentile", "longest"))
    with processes.Salestide(setup.tmp / name, "--max-viewers", n_viewers + 100) as server:
        # Ten thousand connections take seconds to come and go: three rounds of them are enough.
        found = rounds(setup, figure, server, rate, n_viewers, min(setup.rounds, 3 if n_viewers >= 10_000 else setup.rounds))
        events = Series(r["events"] / setup.stream_seconds for r in found)
        sent = Series(r["event_bytes"] / setup.stream_seconds / 1e6 for r in found)
        figure.limit(f"{events.median:,.0f} events/s, {sent.median:.1f} MB/s to all viewers together; every viewer was right at "
                     f"the end. With many viewers events are merged: at {n_viewers:,} they are at least {apart_ms} ms apart.")  # fmt: skip
        samples = setup.tmp / f"{name}.perf"
        with profile.of_process(server.pid, samples):
            one_round(setup, server, rate, n_viewers)
        memory_mb = processes.memory_mb(server.pid, "VmHWM")
        figure.keep("memory_mb", memory_mb)
        figure.limit(f"Resident memory with {n_viewers:,} viewers: at most {memory_mb:.0f} MB. "
                     f"The server by perf, {profile.sentence(samples)}.")  # fmt: skip
    return figure


def viewers(setup):
    return many(setup, "viewers", 200, 1000, 20)


def viewers_10000(setup):
    return many(setup, "viewers_10000", 1000, 10_000, 100)
