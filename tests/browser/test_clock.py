# SPDX-License-Identifier: MIT
"""The page goes on by itself across the shop's midnight and across both clock changes. The server's wall clock is the
test's (shifted_clock.c), so no hour of the real day matters; the browser's is months away from it, as the page follows
the server's."""

import datetime
import zoneinfo

import pytest

from live_page import SOON_MS, as_table, order, post, wait_for_figure, wait_for_text

ZONE = "America/New_York"
BEFORE_S = 1  # how long before the moment the clock is set to; it goes there by itself


def shop_time(text, fold=0):
    """An instant as the shop's clocks show it; fold 1: the second time they do."""
    return datetime.datetime.fromisoformat(text).replace(tzinfo=zoneinfo.ZoneInfo(ZONE), fold=fold).astimezone(datetime.timezone.utc)


def open_at(clock, server, open_page, moment):
    """A server that is five minutes before the moment, with an order of then, and its page."""
    clock.set(moment - datetime.timedelta(minutes=5))
    one = server("--timezone", ZONE, env=clock.environment)
    page = open_page(one)
    post(one, order("before", created_at=(moment - datetime.timedelta(minutes=6)).isoformat(), total="10.00"))
    wait_for_figure(page, "revenue", "$10.00")
    return one, page


def sold(page):
    """Hours that are in the table with orders: [when, orders]; newest first."""
    return [row[:2] for row in as_table(page) if row[1] != "0"]


def wait_for_hours(page, n):
    page.wait_for_function("n => document.querySelectorAll('[data-panel=time] tbody tr').length === n", arg=n, timeout=SOON_MS)


def test_at_the_shops_midnight_today_begins_anew(clock, server, open_page):
    moment = shop_time("2026-05-13T00:00:00")
    one, page = open_at(clock, server, open_page, moment)
    assert page.text_content("#day") == "Tuesday, May 12 · New York"
    assert [row[0] for row in as_table(page)][:2] == ["23:00", "22:00"]
    clock.set(moment - datetime.timedelta(seconds=BEFORE_S))
    wait_for_text(page, "#day", "Wednesday, May 13 · New York", SOON_MS)
    wait_for_figure(page, "revenue", "$0.00")
    assert [row[0] for row in as_table(page)] == ["00:00"]
    post(one, order("after", created_at=moment.isoformat(), total="5.00"),
         order("late", created_at=(moment - datetime.timedelta(seconds=1)).isoformat(), total="2.00"))  # fmt: skip
    wait_for_figure(page, "revenue", "$5.00")
    assert sold(page) == [["00:00", "1"]]
    days = one.get("/v1/sales?by=&bucket=day").json()["rows"]
    assert [(row["bucket"][:10], row["total"]) for row in days] == [("2026-05-12", "12.0000"), ("2026-05-13", "5.0000")]
    page.select_option("#filter-period", "yesterday")
    wait_for_figure(page, "revenue", "$12.00")


@pytest.mark.parametrize(("moment", "hours", "day_hours"), [
    (shop_time("2026-03-08T03:00:00"), [["03:00", "1"], ["01:00", "1"]], 23),
    (shop_time("2026-11-01T01:00:00", fold=1), [["01:00", "1"], ["01:00", "1"]], 25),
], ids=["spring", "autumn"])  # fmt: skip
def test_across_a_clock_change_each_hour_is_its_own(clock, server, open_page, moment, hours, day_hours):
    one, page = open_at(clock, server, open_page, moment)
    assert sold(page) == [hours[1]]
    n_hours = len(as_table(page))
    clock.set(moment - datetime.timedelta(seconds=BEFORE_S))
    wait_for_hours(page, n_hours + 1)
    post(one, order("after", created_at=moment.isoformat(), total="5.00"))
    wait_for_figure(page, "revenue", "$15.00")
    assert sold(page) == hours
    rows = one.get("/v1/sales?by=&bucket=hour").json()["rows"]
    assert [row["total"] for row in rows] == ["10.0000", "5.0000"]
    # To the end of that day, which is an hour shorter or longer than others.
    evening = moment.astimezone(zoneinfo.ZoneInfo(ZONE)).replace(hour=23, fold=0).astimezone(datetime.timezone.utc)
    clock.set(evening)
    wait_for_hours(page, day_hours)
    clock.set(evening + datetime.timedelta(seconds=3600 - BEFORE_S))
    wait_for_figure(page, "revenue", "$0.00")
    wait_for_figure(page, "orders", "0")


def test_a_narrowed_page_goes_on_with_the_minutes_though_nothing_is_counted(clock, server, open_page):
    moment = shop_time("2026-05-12T15:00:00")
    clock.set(moment - datetime.timedelta(minutes=10))
    one = server("--timezone", ZONE, env=clock.environment)

    def at(order_id, minutes, total, days_ago=0):
        return order(order_id, created_at=(moment + datetime.timedelta(minutes=minutes, days=-days_ago)).isoformat(), total=total)

    post(one, at("now", -11, "10.00"), at("yesterday", -11, "5.00", days_ago=1), at("yesterday, later", 2, "15.00", days_ago=1))
    hours, minutes = open_page(one, view="#source=GOOGLE"), open_page(one, view="#source=GOOGLE&chart=minutes")
    wait_for_text(hours, "[data-panel=headline] .compared em", "+100% yesterday", SOON_MS)
    assert [as_table(hours)[0][0], as_table(minutes)[0][0]] == ["14:00", "14:50"]
    assert sold(minutes) == [["14:49", "1"]]
    clock.set(moment + datetime.timedelta(minutes=5))
    wait_for_text(hours, "[data-panel=headline] .compared em", "−50.0% yesterday", SOON_MS)
    wait_for_text(hours, "[data-panel=time] tbody td", "15:00", SOON_MS)
    wait_for_text(minutes, "[data-panel=time] tbody td", "15:05", SOON_MS)
    assert sold(minutes) == [["14:49", "1"]]
    clock.set(moment + datetime.timedelta(minutes=60))
    wait_for_text(minutes, "[data-panel=time] tbody td", "16:00", SOON_MS)
    assert sold(minutes) == []


def test_a_zone_of_a_fixed_offset_is_named_by_what_its_clocks_show(server, open_page):
    page = open_page(server("--timezone", "Etc/GMT+4"))
    page.wait_for_function("() => document.querySelector('#day').textContent.endsWith(' · UTC−4')", timeout=SOON_MS)
