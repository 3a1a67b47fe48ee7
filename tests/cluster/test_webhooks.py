# SPDX-License-Identifier: MIT
"""Webhooks in front of Kafka: the doors ask no store, and what is counted behind the topic is what the shops' books say.

WEBHOOK_ORDERS is how many orders each shop has.
"""

from decimal import Decimal

import pytest
import webhook_shops as shops
from webhook_posting import add_secret, pour

import harness

N_ORDERS = harness.number_of("WEBHOOK_ORDERS", 60)


def totals_of(one):
    rows = one.mysql.sql("SELECT currency, SUM(orders), SUM(units), SUM(total) FROM sales_totals GROUP BY currency",
                         database=one.name)  # fmt: skip
    return {currency: (int(orders), int(units), Decimal(total)) for currency, orders, units, total in rows}


def hears(door):
    ping = shops.hook_of("stripe", None, {"type": "ping"})
    harness.wait_until(lambda: door.request("POST", shops.PATHS["stripe"], ping.body, shops.headers_of(ping)).status == 200,
                       5, "seeing the secrets")  # fmt: skip


@pytest.mark.timeout(300 + N_ORDERS)
def test_three_shops_in_front_of_kafka_leave_what_their_books_say(shop):
    """By a door of its own, and by one that counts too."""
    one = shop(partitions=3)
    one.processor()
    doors = one.ingest(), one.serve()
    wanted, all_hooks = {}, []
    for system in shops.SECRETS:
        for door in doors:
            add_secret(door.data, system)
        hooks, net = shops.deliveries(system, N_ORDERS, seed=7)
        all_hooks += hooks
        wanted |= {c: (net.orders[c], net.units[c], net.totals[c]) for c in net.orders}
    for half, door in enumerate(doors):
        hears(door)
        pour(door, all_hooks[half::2])
    pour(doors[0], all_hooks[::7])
    one.check()
    assert totals_of(one) == wanted
    kept = shops.hook_of("woocommerce", "order.deleted", {"id": 1})
    assert doors[0].request("POST", shops.PATHS["woocommerce"], kept.body, shops.headers_of(kept)).json()["rejected"] == 1
    assert len(one.check().rejected) == 1
    harness.must_run("verify", "--raw", one.raw, "--aggregates", one.mysql.url(one.name), env=one.env)
