# SPDX-License-Identifier: MIT
"""Webhooks: an order as Shopify posts and signs it, beside the same order at /v1/orders, on the same connections to the
same server, by turns. Small is what counts and nothing else; large has the size of what a shop sends."""

from tools import processes, wrk
from tools.results import Figure, Series, verdict

from figures.http import HEAD, verify

SECRET = "bench-secret"
PATH = "/v1/webhooks/shopify"
BODY_BYTES = {"small": 0, "large": 6000}


def add_secret(setup):
    path = setup.tmp / "secret"
    path.write_text(SECRET + "\n")
    processes.run([processes.PROGRAM, "webhook", "add", "shopify", "--data", setup.tmp / "webhooks" / "data",
                   "--secret-file", path])  # fmt: skip


def post(setup, server, connections, size):
    return wrk.run(server, "webhook.lua", connections, setup.seconds, 1, PATH, [SECRET, BODY_BYTES[size]])


def rows(figure, label, rounds):
    """The rounds of each kind; the orders come first."""
    speeds = {kind: Series(r.orders_s for r in found) for kind, found in rounds.items()}
    for kind, found in rounds.items():
        figure.keep(f"{kind} {label}", speeds[kind])
        figure.row(label, kind, speeds[kind].text(), Series(r.p50_ms for r in found).text("{:.1f}", "ms"),
                   Series(r.p99_ms for r in found).text("{:.1f}", "ms"),
                   f"{Series(r.server_cores for r in found).median:.2f} + "
                   f"{Series(r.client_cores for r in found).median:.2f}",
                   Series(r.server_us for r in found).text("{:.1f}", "µs"))  # fmt: skip
    orders, *webhooks = speeds
    for kind in webhooks:
        pairs = Series(b / a for a, b in zip(speeds[orders].values, speeds[kind].values, strict=True))
        figure.keep(f"ratio {kind} {label}", pairs)
        figure.row(label, f"{kind} over {orders}, median of pairs", verdict(pairs.median), "", "", "", "")


def measure(setup):
    figure = Figure("webhooks", ("connections", "posts", *HEAD))
    with processes.Salestide(setup.tmp / "webhooks") as server:
        add_secret(setup)
        for connections in setup.connections:
            rounds = {"orders": [], **{f"{size} webhooks": [] for size in BODY_BYTES}}
            wrk.run(server, "one_order.lua", connections, 1, 1)  # warms up, and the secret is noticed
            for _ in range(setup.rounds):
                rounds["orders"].append(wrk.run(server, "one_order.lua", connections, setup.seconds, 1))
                for size in BODY_BYTES:
                    rounds[f"{size} webhooks"].append(post(setup, server, connections, size))
            rows(figure, f"{connections:,}", rounds)
    verify(setup, "webhooks")
    return figure
