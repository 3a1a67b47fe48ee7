# SPDX-License-Identifier: MIT
"""The live page is true and it is live: each panel shows what was posted, to the digit."""

import decimal
import subprocess
import time

import pytest

import harness
from live_page import (PHONE, SOON_MS, as_table, exact, instant, matrix, midday_zone, of_all, order, post, products, rows, tile, total_of,
                       wait_for_figure, wait_for_text)  # fmt: skip


def test_a_posted_order_changes_every_panel(server, open_page):
    one = server()
    page = open_page(one)
    post(one, order("A-1", total="19.90", subtotal="19.90", quantity=2))
    wait_for_figure(page, "revenue", "$19.90")
    wait_for_figure(page, "orders", "1")
    wait_for_figure(page, "units", "2")
    wait_for_figure(page, "aov", "$19.90")
    wait_for_figure(page, "refunds", "$0.00")
    assert tile(page, "TX") == "TX: 19.90 USD, 1 orders"
    assert tile(page, "CA") == "CA: no orders"
    assert matrix(page)["GOOGLE", "TX"] == decimal.Decimal("19.90")
    page.wait_for_selector("[data-panel=products] li")
    assert products(page) == [("Product 1", decimal.Decimal("19.90"))]
    assert rows(page, "feed")[0][1:] == ["A-1", "Product 1", "GOOGLE · TX", "$19.90"]
    assert as_table(page)[0][1:3] == ["1", "$19.90"]
    post(one, order("A-2", total="0.10", subtotal="0.10", source="TWITTER", state="CA"))
    wait_for_figure(page, "revenue", "$20.00")
    wait_for_figure(page, "aov", "$10.00")
    wait_for_text(page, "[data-panel=feed] tbody tr:first-child .id", "A-2")
    assert rows(page, "time")[0][1:3] == ["2", "$20.00"]
    assert matrix(page)["TWITTER", "CA"] == decimal.Decimal("0.10")
    assert page.text_content("[data-panel=map] small") == "an order just now: CA"


def test_a_refund_and_a_cancellation_take_back_and_are_marked(server, open_page):
    one = server()
    page = open_page(one)
    post(one, order("A", total="50.00"), order("B", total="30.00"))
    wait_for_figure(page, "revenue", "$80.00")
    post(one, order("A", event="refunded", event_id="r1", total="20.00"), order("B", event="cancelled", total="30.00"))
    wait_for_figure(page, "revenue", "$30.00")
    wait_for_figure(page, "orders", "1")
    wait_for_figure(page, "refunds", "$20.00")
    wait_for_figure(page, "aov", "$50.00")
    wait_for_text(page, "[data-pipeline=cancelled]", "1")
    marked = of_all(page, "[data-panel=feed] tr.back", "all => all.map(r => [...r.cells].map(c => c.textContent))")
    assert sorted(row[1:] for row in marked) == [
        ["A", "Product 1, refunded", "GOOGLE · TX", "−$20.00"], ["B", "Product 1, cancelled", "GOOGLE · TX", "−$30.00"]]  # fmt: skip


def test_a_late_order_lands_in_its_own_minute(server, open_page):
    one = server()
    page = open_page(one, view="#chart=minutes")
    post(one, order("now", total="1"))
    wait_for_figure(page, "orders", "1")
    minute = instant(17 * 60)
    post(one, order("late", created_at=minute, total="7"))
    wait_for_text(page, "[data-panel=feed] tbody tr:first-child .id", "late")
    assert len(as_table(page)) == 60

    def sold():
        return [row[:3] for row in rows(page, "time") if row[1] != "0"]

    harness.wait_until(lambda: len(sold()) == 2, what="the late order's minute")  # what is old may come a second later
    assert sold()[0][1:] == ["1", "$1.00"]
    assert sold()[1] == [minute[11:16], "1", "$7.00"]


def test_every_figure_equals_what_the_query_api_says(server, open_page):
    one = server("--timezone", "America/New_York")
    sources = ["GOOGLE", "TWITTER", "ORGANIC", "", "FACEBOOK"]
    states = ["TX", "CA", "NY", "", "WA", "OR", "MT"]
    orders = [
        order(
            i,
            total=f"{i * 37 % 1000}.{i * 13 % 10000:04d}",
            source=sources[i % 5],
            state=states[i % 7],
            product_id=i % 23,
            quantity=i % 4,
        )
        for i in range(1, 501)
    ]
    orders += [order(7, event="cancelled", total="12.5000"), order(8, event="refunded", event_id="r", total="3.0001")]
    orders += [order(900, created_at="2020-02-29T12:00:00Z", total="1000000.0001")]
    post(one, *orders)
    page = open_page(one)
    wait_for_figure(page, "orders", "499")
    page.wait_for_selector("[data-panel=products] li")

    def ask(query):
        return one.get(f"/v1/sales?{query}").json()["rows"]

    date = page.evaluate("new Date().toLocaleDateString('en-CA', {timeZone: 'America/New_York'})")
    (today,) = ask(f"by=&from={date}")
    for figure, name in (("revenue", "total"), ("orders", "orders"), ("units", "units"), ("refunds", "refunded_total")):
        assert exact(page, figure) == decimal.Decimal(today[name]), figure
    worth = decimal.Decimal(today["total"]) + decimal.Decimal(today["refunded_total"])
    assert exact(page, "aov") == (worth / today["orders"]).quantize(decimal.Decimal("0.0001"), decimal.ROUND_HALF_EVEN)
    shown = matrix(page)
    for row in ask(f"by=source,state&from={date}"):
        assert shown[row["source"], row["state"]] == decimal.Decimal(row["total"]), row
    for row in ask(f"by=source&from={date}"):
        assert shown[row["source"], "All"] == decimal.Decimal(row["total"]), row
    for row in ask(f"by=state&from={date}"):
        if row["state"] != "(unknown)":
            assert tile(page, row["state"]).startswith(f"{row['state']}: {row['total'].rstrip('0')}"), row
    want = sorted(ask(f"by=product&from={date}"), key=lambda row: -decimal.Decimal(row["total"]))
    assert products(page) == [(f"Product {row['product_id']}", decimal.Decimal(row["total"])) for row in want[:7]]
    hours = [row for row in as_table(page) if row[1] != "0"]
    want = ask(f"by=&bucket=hour&from={date}")
    assert [int(row[1]) for row in hours] == [row["orders"] for row in reversed(want)]
    assert total_of(want) == exact(page, "revenue")


def test_currencies_are_never_added_and_one_is_chosen(server, open_page):
    one = server("--currency", "EUR")
    page = open_page(one)
    post(one, order(1, total="10.00"), order(2, total="7", currency="JPY"), order(3, total="1", currency="USD"))
    wait_for_figure(page, "revenue", "€10.00")
    wait_for_figure(page, "orders", "1")
    offered = of_all(page, "#filter-currency option", "all => all.map(o => o.textContent)")
    assert offered == ["EUR", "JPY · ¥7 today", "USD · $1.00 today"]
    page.select_option("#filter-currency", "JPY")
    wait_for_figure(page, "revenue", "¥7")
    wait_for_figure(page, "orders", "1")
    wait_for_text(page, "[data-panel=products] li b", "¥7")
    assert [row[4] for row in rows(page, "feed")] == ["¥7"]
    assert page.url.endswith("#currency=JPY")


def test_no_digit_of_a_large_amount_is_lost(server, open_page):
    one = server()
    post(one, *[order(i, total="999999999999.9999") for i in range(1, 10)])
    page = open_page(one, viewport=PHONE)
    wait_for_figure(page, "revenue", "$9,000,000,000,000.00")
    assert exact(page, "revenue") == 9 * decimal.Decimal("999999999999.9999")
    assert page.get_attribute("[data-figure=revenue]", "title") == "8999999999999.9991 USD"
    assert matrix(page)["GOOGLE", "All"] == 9 * decimal.Decimal("999999999999.9999")


def test_the_page_connects_again_after_a_restart(server, open_page):
    one = server()
    page = open_page(one, disconnects=True)
    post(one, order(1, total="1"))
    wait_for_figure(page, "orders", "1")
    one.kill()
    page.wait_for_selector("#connection[data-state=reconnecting]")
    assert page.text_content("#connection-text").startswith("Reconnecting, stale since ")
    assert page.text_content("[data-figure=orders]") == "1", "the last figures stay"
    again = server(listen=f"127.0.0.1:{one.port}")
    post(again, order(2, total="2"))
    page.wait_for_selector("#connection[data-state=live]")
    wait_for_figure(page, "orders", "2")
    wait_for_figure(page, "revenue", "$3.00")
    assert page.text_content("#connection-text") == "Live"
    post(again, order(3, total="3"))
    wait_for_figure(page, "revenue", "$6.00")


def test_ten_thousand_orders_at_five_hundred_a_second_are_equal_to_the_query_api_at_their_end(server, open_page):
    one = server()
    page = open_page(one)
    start = time.monotonic()
    seen = set()
    for batch in range(100):
        post(one, *[order(f"{batch}-{i}", total=f"{(i * 7919) % 500}.{i % 10000:04d}", quantity=1 + i % 3, source=f"Source {i % 5}",
                          state=["CA", "TX", "NY", "FL"][i % 4]) for i in range(100)])  # fmt: skip
        seen.add(exact(page, "orders"))
        time.sleep(max(0, start + (batch + 1) / 5 - time.monotonic()))
    assert len(seen) > 20, "the page moves meanwhile"
    page.wait_for_function("() => document.querySelector('[data-figure=orders]').dataset.exact === '10000'", timeout=4 * SOON_MS)
    (all_of_it,) = one.get("/v1/sales?by=").json()["rows"]
    assert exact(page, "revenue") == decimal.Decimal(all_of_it["total"])
    assert exact(page, "units") == all_of_it["units"]
    shown = matrix(page)
    for row in one.get("/v1/sales?by=source,state").json()["rows"]:
        assert shown[row["source"], row["state"]] == decimal.Decimal(row["total"]), row


def test_text_of_an_order_is_never_markup(server, open_page):
    one = server()
    page = open_page(one)
    evil = "<img src=x onerror=\"document.title='owned'\"><b>x</b>"
    hostile_id = "<script>document.title='owned'</script>"
    post(one, order(hostile_id, source=evil, state=evil, product_id=evil))
    page.wait_for_selector("[data-panel=products] li")
    page.wait_for_selector("[data-panel=feed] tbody tr")
    assert (evil, evil) in matrix(page)
    assert products(page)[0][0] == f"Product {evil}"
    assert rows(page, "feed")[0][3] == f"{evil} · {evil}"
    assert page.get_attribute("[data-panel=feed] tbody td:nth-child(2)", "title") == hostile_id
    page.wait_for_function("name => [...document.querySelector('#filter-source').options].some(o => o.value === '=' + name)", arg=evil)
    page.select_option("#filter-source", f"={evil}")
    wait_for_figure(page, "orders", "1")
    page.click("[data-panel=feed] .id")
    page.wait_for_selector("#order h3")
    assert page.text_content("#order-title") == f"Order {hostile_id}"
    assert page.locator("main img, dialog img, dialog script, dialog b, main script, header img").count() == 0
    assert page.title() == "Salestide"


def test_an_empty_shop_is_told_how_to_send_its_first_order(server, open_page):
    one = server()
    page = open_page(one)
    page.wait_for_selector("#empty", state="visible")
    command = page.text_content("#empty-command")
    assert command.startswith(f"curl {one.url}/v1/orders")
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=30, check=False)
    assert b'"accepted":1' in done.stdout, done
    page.wait_for_selector("#empty", state="hidden")
    wait_for_figure(page, "revenue", "$19.90")


def test_an_empty_shop_sends_a_demo_order_by_a_button(server, open_page):
    one = server()
    page = open_page(one)
    page.click("#empty-demo")
    page.wait_for_selector("#empty", state="hidden")
    wait_for_figure(page, "revenue", "$19.90")


def test_products_are_shown_by_name(server, open_page, tmp_path):
    names = tmp_path / "products.csv"
    names.write_text('product_id,title,category\n7,"Paper wallet, brown",Gizmo\n')
    one = server("--products", names)
    page = open_page(one)
    lines = [{"product_id": 7, "quantity": 1, "subtotal": "1"}, {"product_id": 8, "quantity": 1, "subtotal": "2"}]
    many = order(2, total="3", items=lines)
    del many["product_id"], many["quantity"]
    post(one, order(1, product_id=7, total="5"), many)
    wait_for_text(page, "[data-panel=feed] tbody tr:first-child .what", "Paper wallet, brown + 1 more")
    wait_for_text(page, "[data-panel=products] li:nth-child(2) .name", "Product 8")
    assert [name for name, _ in products(page)] == ["Paper wallet, brown", "Product 8"]


def test_an_order_tells_every_sum_that_it_changed(server, open_page):
    one = server()
    page = open_page(one)
    post(one, order("A/1", total="19.90"))
    page.click("[data-panel=feed] .id")
    page.wait_for_selector("#order[open] tbody tr")
    cells = of_all(page, "#order tbody tr", "rows => rows.map(r => [...r.cells].map(c => c.textContent))")
    assert {row[0] for row in cells} == {"in all", "minute", "hour", "day", "product and day"}
    assert all("total +$19.90" in row[3] and "orders +1" in row[3] for row in cells), cells
    page.keyboard.press("Escape")
    page.wait_for_selector("#order", state="hidden")


def test_the_feed_stands_still_while_it_is_paused(server, open_page):
    one = server()
    page = open_page(one)
    post(one, order("first"))
    wait_for_text(page, "[data-panel=feed] tbody tr:first-child .id", "first")
    page.click("[data-panel=feed] button:text('pause')")
    post(one, order("second"))
    wait_for_figure(page, "orders", "2")
    assert page.text_content("[data-panel=feed] tbody tr:first-child .id") == "first"
    page.click("[data-panel=feed] button:text('go on')")
    wait_for_text(page, "[data-panel=feed] tbody tr:first-child .id", "second")


def test_states_that_are_not_of_the_us_are_ranked(server, open_page):
    one = server()
    page = open_page(one)
    post(one, order(1, state="Bayern", total="5"), order(2, state="Hessen", total="9"), order(3, state="Bayern", total="1"))
    page.wait_for_selector("[data-panel=map] li")
    wait_for_figure(page, "orders", "3")
    shown = of_all(page, "[data-panel=map] li", "all => all.map(li => [...li.children].map(c => c.textContent).slice(0, 2))")
    assert shown == [["Hessen", "$9.00"], ["Bayern", "$6.00"]]
    assert not page.is_visible("[data-panel=map] svg")


def test_the_pipeline_is_shown_at_the_foot(server, open_page):
    one = server()
    page = open_page(one)
    post(one, order(1), order(2, created_at=instant(3 * 86400)))
    assert one.post(harness.lines(order(1)), harness.NDJSON).json()["duplicate"] == 1
    assert one.post({"order_id": 9}).status == 422
    for name, text in (("duplicate", "1"), ("rejected", "1"), ("late", "1"), ("behind", "0")):
        wait_for_text(page, f"[data-pipeline={name}]", text)
    page.wait_for_selector("[data-pipeline=fresh]", state="visible")
    assert page.get_attribute("[data-panel=pipeline] a", "href") == "v1/rejected"


def shares(page):
    """source -> percent, as the band under the chart says it."""
    said = page.get_attribute("[data-panel=share] svg", "aria-label").partition(": ")[2]
    return dict(part.rsplit(" ", 1) for part in said.split(", "))


@pytest.mark.parametrize("chart", ["hours", "minutes", "days"])
def test_the_share_of_each_source_is_shown_over_time(server, open_page, chart):
    one = server("--timezone", midday_zone())
    post(one, order(1, source="GOOGLE", total="60"), order(2, source="Twitter", total="30"), order(3, source="GOOGLE", total="10"))
    page = open_page(one, view="" if chart == "hours" else f"#chart={chart}")
    page.wait_for_selector("[data-panel=share] path", state="attached")
    assert shares(page) == {"GOOGLE": "70%", "Twitter": "30%"}
    post(one, order(4, source="Twitter", total="100"))
    page.wait_for_selector("[data-panel=share] h2 span:text('Twitter 65%')", timeout=SOON_MS)
    tops = of_all(page, "[data-panel=share] path title", "all => all.map(e => e.textContent)")
    assert tops == ["Twitter: 65%", "GOOGLE: 35%"]
    page.select_option("#filter-source", "=GOOGLE")
    page.wait_for_selector("[data-panel=share] h2 span:text('GOOGLE 100%')", timeout=SOON_MS)
