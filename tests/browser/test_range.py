# SPDX-License-Identifier: MIT
"""A range of hours that is chosen on the chart, by mouse and by keyboard: the whole page follows but for the feed, the
address has it, the back button takes it back, and a reload shows it again."""

import datetime
import decimal

import pytest

from live_page import SOON_MS, as_table, exact, matrix, of_one, order, post, products, rows, tile, total_of, wait_for_figure, wait_for_text

NOON = datetime.datetime(2026, 5, 12, 12, tzinfo=datetime.timezone.utc)
FROM, TO = NOON - datetime.timedelta(hours=4), NOON - datetime.timedelta(hours=2)
ADDRESS = "from=2026-05-12T08%3A00%3A00.000Z&to=2026-05-12T10%3A00%3A00.000Z"
RANGE = "from=2026-05-12T08:00:00Z&to=2026-05-12T10:00:00Z&bucket=minute"


def at(order_id, moment, total, source="GOOGLE", state="TX", **fields):
    return order(order_id, created_at=moment.isoformat(), total=total, subtotal=total, source=source, state=state, **fields)


@pytest.fixture
def shop(clock, server):
    """At half past noon, with orders at the edges of the range and around it."""
    clock.set(NOON + datetime.timedelta(minutes=30))
    one = server(env=clock.environment)
    minute, second = datetime.timedelta(minutes=1), datetime.timedelta(seconds=1)
    post(one, at(1, FROM, "10.25", product_id=1), at(2, FROM + 30 * minute, "20.50", "TWITTER", "CA", product_id=2, quantity=3),
         at(3, TO - second, "40.00", "TWITTER", "NY", product_id=2), at(1, TO - minute, "4.00", event="refunded", event_id="r"),
         at(4, FROM - second, "100.00", product_id=3), at(5, TO, "200.00", state="WA", product_id=4), at(6, NOON, "400.00", "OTHER", "FL"),
         # The time before the range, and after it the begin of it.
         at(7, FROM - 30 * minute, "33.00"), at(8, NOON - datetime.timedelta(hours=26), "9.00"))  # fmt: skip
    return one


def x_of_hour(page, hour):
    """Where on the chart an hour of the day is, by its first and last point."""
    left, right = of_one(page, ".plot .grid", "e => { const line = e.getBoundingClientRect(); return [line.left, line.right]; }")
    return left + (right - left) * hour / 23


def by_mouse(page):
    y = of_one(page, ".plot", "e => e.getBoundingClientRect().y + 60")
    page.mouse.move(x_of_hour(page, 9), y)
    page.mouse.down()
    page.mouse.move(x_of_hour(page, 8), y, steps=4)
    assert of_one(page, ".plot .brush", "e => Number(e.getAttribute('width'))") > 0, "what is chosen is marked meanwhile"
    page.mouse.up()


def by_keyboard(page):
    page.focus("[data-panel=time] .chart")
    page.keyboard.press("Home")
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    assert page.text_content(".tip span") == "08:00"
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")


def look_at_today(page):
    wait_for_text(page, "[data-panel=headline] h2", "Revenue today")
    wait_for_figure(page, "revenue", "$799.75")
    wait_for_text(page, "[data-panel=time] h2 span", "Revenue by hour")
    wait_for_text(page, "[data-panel=map] [data-state=WA] title", "WA: 200.00 USD, 1 orders")


def look_at_range(page, shop, feed):
    """All of it: as numbers that the test knows, and as the API says."""
    wait_for_text(page, "[data-panel=headline] h2", "Revenue of the range")
    for name, text in {"revenue": "$66.75", "orders": "3", "units": "4", "aov": "$23.58", "refunds": "$4.00"}.items():
        wait_for_figure(page, name, text)
    found = shop.get(f"/v1/sales?by=&{RANGE}").json()["rows"]
    assert exact(page, "revenue") == total_of(found)
    assert exact(page, "orders") == sum(row["orders"] for row in found)
    assert page.text_content("[data-panel=headline] .compared em") == "−49.8% time before"  # of 133.00, in the two hours before
    wait_for_text(page, "[data-panel=map] [data-state=WA] title", "WA: no orders")
    assert [tile(page, state) for state in ("TX", "CA", "NY", "FL")] == [
        "TX: 6.25 USD, 1 orders", "CA: 20.50 USD, 1 orders", "NY: 40.00 USD, 1 orders", "FL: no orders"]  # fmt: skip
    assert matrix(page) == {key: decimal.Decimal(total) for key, total in {
        ("TWITTER", "NY"): "40.00", ("TWITTER", "CA"): "20.50", ("TWITTER", "TX"): "0", ("TWITTER", "All"): "60.50",
        ("GOOGLE", "NY"): "0", ("GOOGLE", "CA"): "0", ("GOOGLE", "TX"): "6.25", ("GOOGLE", "All"): "6.25"}.items()}  # fmt: skip
    said = page.get_attribute("[data-panel=share] svg", "aria-label").partition(": ")[2]
    assert said == "TWITTER 91%, GOOGLE 9%"
    assert page.text_content("[data-panel=products] .none") == "Sums by product are kept by day: choose whole days."
    assert products(page) == []
    assert page.text_content("#filter-period option:checked") == "May 12, 08:00 – 10:00"
    assert [row[1:] for row in rows(page, "feed")] == feed, "the feed follows no period"
    assert page.evaluate("location.hash") == f"#{ADDRESS}"


def look_at_chart(page):
    shown = as_table(page)
    assert len(shown) == 120
    assert [row[:3] for row in shown if row[2] != "$0.00"] == [
        ["09:59", "1", "$36.00"], ["08:30", "1", "$20.50"], ["08:00", "1", "$10.25"]]  # fmt: skip
    assert [row for row in shown if row[3] != "$0.00"] == [["09:59", "1", "$36.00", "$100.00"], ["09:30", "0", "$0.00", "$33.00"]]


@pytest.mark.parametrize("choose", [by_mouse, by_keyboard])
def test_the_whole_page_follows_a_range_of_hours(shop, open_page, choose):
    page = open_page(shop)
    look_at_today(page)
    page.wait_for_selector(".plot .dot", state="attached")
    page.wait_for_selector("[data-panel=feed] tbody tr:nth-child(7)")
    feed = [row[1:] for row in rows(page, "feed")]
    assert len(feed) == 7
    choose(page)
    look_at_range(page, shop, feed)
    page.go_back()
    look_at_today(page)
    assert page.evaluate("location.hash") == ""
    page.go_forward()
    look_at_range(page, shop, feed)
    page.reload()
    page.wait_for_selector("#connection[data-state=live]")
    look_at_range(page, shop, feed)
    look_at_chart(page)
    # What comes in is dated into the range, or beside it.
    post(shop, at("in", FROM + datetime.timedelta(minutes=1), "0.25"), at("out", TO, "7.00"))
    wait_for_figure(page, "revenue", "$67.00")
    wait_for_figure(page, "orders", "4")
    wait_for_text(page, "[data-panel=feed] tbody tr .id", "out")


def test_products_follow_a_range_of_whole_days(shop, open_page):
    page = open_page(shop, view="#chart=days")
    page.wait_for_selector(".plot .bar", state="attached")
    wait_for_text(page, "[data-panel=products] li .name", "Product 1")
    page.focus("[data-panel=time] .chart")
    for key in ("End", "ArrowLeft", "Shift+ArrowLeft", "Enter"):
        page.keyboard.press(key)
    wait_for_figure(page, "revenue", "$9.00")
    page.wait_for_function("() => document.querySelectorAll('[data-panel=products] li').length === 1", timeout=SOON_MS)
    assert products(page) == [("Product 1", 9)]
    assert page.evaluate("location.hash") == "#from=2026-05-10&to=2026-05-12&chart=days"
