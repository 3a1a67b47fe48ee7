# SPDX-License-Identifier: MIT
"""HTTP to Kafka, acks=all, one order a request, beside fastify + kafkajs with batching. Broker, servers and wrk share
the cores; rounds alternate; both servers run all the time, one of them idle."""

import sys

from figures.http import HEAD, explain
from tools import processes, wrk
from tools.results import Figure, Series, verdict

PARTITIONS = 6


def add_rows(figure, label, rounds, peers):
    speed, peer = Series(r.orders_s for r in rounds), Series(r.orders_s for r in peers)
    figure.keep(f"salestide {label}", speed)
    figure.keep(f"fastify {label}", peer)
    for who, series, all_rounds in (("salestide ingest", speed, rounds), ("fastify + kafkajs", peer, peers)):
        figure.row(label, who, series.text(), Series(r.p50_ms for r in all_rounds).text("{:.1f}", "ms"),
                   Series(r.p99_ms for r in all_rounds).text("{:.1f}", "ms"),
                   f"{Series(r.server_cores for r in all_rounds).median:.2f} + "
                   f"{Series(r.client_cores for r in all_rounds).median:.2f}",
                   Series(r.server_us for r in all_rounds).text("{:.1f}", "µs"))  # fmt: skip
    figure.row(label, "ratio of medians", verdict(speed.median / peer.median), "", "", "", "")


def measure(setup):
    sys.path.insert(0, str(processes.ROOT / "tests"))
    from servers.kafka import Kafka

    figure = Figure("kafka_ingest", ("connections", "server", *HEAD))
    with Kafka(setup.tmp / "kafka", jit_tiers=4) as kafka:
        kafka.create_topic("sales", PARTITIONS)
        with (processes.Ingest(setup.tmp / "ingest", kafka, "sales") as ours,
              processes.FastifyKafkajs(setup.tmp / "fastify", kafka, "sales") as theirs):  # fmt: skip
            for connections in setup.connections:
                rounds, peers = [], []
                for server in (ours, theirs):  # warms them up, and the broker
                    wrk.run(server, "one_order.lua", connections, 2, 1)
                for _ in range(setup.rounds):
                    rounds.append(wrk.run(ours, "one_order.lua", connections, setup.seconds, 1))
                    peers.append(wrk.run(theirs, "one_order.lua", connections, setup.seconds, 1))
                add_rows(figure, f"{connections:,}", rounds, peers)
            middle = setup.connections[len(setup.connections) // 2]
            explain(setup, figure, ours, f"{middle:,} connections",
                    lambda: wrk.run(ours, "one_order.lua", middle, setup.seconds, 1))  # fmt: skip
            produced = ours.accepted() + theirs.accepted()
        found = sum(kafka.end_offsets("sales").values())
        if found != produced:
            raise SystemExit(f"bench: {produced} orders were acknowledged, the topic has {found}")
    return figure
