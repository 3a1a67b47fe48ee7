# SPDX-License-Identifier: MIT
"""The live page on tables in MySQL, in Chromium: what `serve` and then `process` read from Kafka and commit there changes
every panel, on the page of `dashboard` as on that of `serve`."""

import datetime
import decimal
import re

import pytest

import chromium
import harness
import hosts
from live_page import (DESK, as_table, exact, matrix, midday_zone, order, post, products, rows, tile, total_of, wait_for_figure,
                  wait_for_text)  # fmt: skip
from mysql_copy import ENV, Dashboard, Database

COMMITTED_MS = 60_000  # a group joins the broker first


class Process(hosts.Process):
    def own_options(self):
        return []


@pytest.fixture
def open_page():
    complaints = []
    with chromium.started() as browser:
        context = browser.new_context(viewport=DESK, locale="en-US", reduced_motion="reduce")

        def open_one(server):
            page = context.new_page()
            page.on("console", lambda message: message.type in ("error", "warning") and complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.goto(server.url)
            page.wait_for_selector("#connection[data-state=live]")
            return page

        yield open_one
        context.close()
    assert not complaints


@pytest.fixture
def started():
    running = []

    def add(one):
        running.append(one)
        return one

    yield add
    try:
        for one in reversed(running):
            one.stop()
    finally:
        for one in running:
            one.kill()


def look_at(page, server, batch):
    """Every panel, beside what the API of the same process says; batch: how the last row tells of the newest one."""
    date = server.get("/v1/sales?by=&bucket=day").json()["rows"][-1]["bucket"]
    found = {by: server.get(f"/v1/sales?by={by}&from={date}").json()["rows"] for by in ("", "source,state", "product", "state")}
    assert exact(page, "revenue") == total_of(found[""])
    shown = matrix(page)
    for row in found["source,state"]:
        assert shown[row["source"], row["state"]] == decimal.Decimal(row["total"])
    for row in found["state"]:
        assert row["state"] == "(unknown)" or tile(page, row["state"]) == f"{row['state']}: {row['total'][:-2]} USD, {row['orders']} orders"
    ranked = sorted(found["product"], key=lambda row: -decimal.Decimal(row["total"]))
    wanted = [(f"Product {row['product_id']}", decimal.Decimal(row["total"])) for row in ranked]
    harness.wait_until(lambda: products(page) == wanted, 20, f"{wanted} among products")  # they are read once a second
    assert re.fullmatch(batch, page.text_content(".fact:has([data-pipeline=fresh])").strip())


def test_what_is_committed_to_mysql_changes_every_panel(kafka, mariadb, own_name, tmp_path, started, open_page):
    database = Database(mariadb, own_name, timezone=midday_zone())
    stores = ["--broker", kafka.create_topic(own_name, 2), "--raw", "none", "--aggregates", mariadb.url(own_name), "--group", own_name,
              "--session-timeout", "3s"]  # fmt: skip
    serve = started(harness.Server(tmp_path, *stores, env=ENV))
    reader = started(Dashboard(tmp_path, database))
    pages = {reader: open_page(reader), serve: open_page(serve)}
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    earlier = now - datetime.timedelta(hours=2)
    post(serve, order("A", total="20.00", product_id=1, created_at=earlier.isoformat()),
         order("B", total="30.50", product_id=2, state="CA", source="TWITTER", created_at=now.isoformat()))  # fmt: skip
    for page in pages.values():
        wait_for_figure(page, "revenue", "$50.50", COMMITTED_MS)
        wait_for_figure(page, "orders", "2", COMMITTED_MS)
    # Another process of the group takes over some of the topic.
    started(Process(tmp_path, *stores, env=ENV))
    post(serve, *[order(f"C{i}", total="1.25", product_id=3, state="NY", created_at=now.isoformat()) for i in range(8)],
         order("A", event="refunded", event_id="r", total="5.00", quantity=0, created_at=now.isoformat()))  # fmt: skip
    serve.post({"order_id": 9}).problem(422)
    for server, page in pages.items():
        for name, text in {"revenue": "$55.50", "orders": "10", "units": "10", "refunds": "$5.00", "aov": "$6.05"}.items():
            wait_for_figure(page, name, text, COMMITTED_MS)
        wait_for_text(page, "[data-panel=map] [data-state=NY] title", "NY: 10.00 USD, 8 orders", COMMITTED_MS)
        wait_for_text(page, "[data-pipeline=rejected]", "1", COMMITTED_MS)
        page.wait_for_function("() => document.querySelectorAll('[data-panel=feed] tbody tr').length === 7")
        page.wait_for_selector("[data-panel=feed] tr.back")
        assert {row[1] for row in rows(page, "feed")} <= {"A", *(f"C{i}" for i in range(8))}
        assert [row[1:3] for row in as_table(page) if row[1] != "0"] == [["9", "$35.50"], ["1", "$20.00"]]
        look_at(page, server, r"last batch (now|\d+ (s|min) ago)" if server is reader else r"fresh [\d.]+ (ms|s|min)")
        assert not page.is_visible("#problem")
        page.close()
