# SPDX-License-Identifier: MIT
"""What today is compared with: the headline beside the same time yesterday and a week ago, to the minute, and the chart's
lines of these days with the usual range behind them. The server's clock is the test's."""

import datetime
import decimal
import zoneinfo

import pytest

import harness
from live_page import SOON_MS, of_all, order, post, wait_for_figure

ZONE = "America/New_York"
FIGURES = ["revenue", "orders", "units", "aov", "refunds"]


def shop_time(text, fold=0):
    """An instant as the shop's clocks show it; fold 1: the second time they do."""
    return datetime.datetime.fromisoformat(text).replace(tzinfo=zoneinfo.ZoneInfo(ZONE), fold=fold).astimezone(datetime.timezone.utc)


def at(order_id, moment, total, **fields):
    return order(order_id, created_at=moment.isoformat(), total=total, subtotal=total, **fields)


def just_before(moment):
    return moment - datetime.timedelta(seconds=1)


def compared(page):
    """figure -> what stands below it, as (text, whether it is good news)."""
    return page.evaluate(
        """names => Object.fromEntries(names.map(name => {
            const parts = document.querySelector(`[data-figure=${name}]`).parentElement.querySelectorAll(".compared em");
            return [name, [...parts].map(em => [em.textContent, em.firstElementChild.className])];
        }))""",
        FIGURES,
    )


def wait_for_compared(page, wanted):
    """Of some figures; see compared()."""
    found = {}

    def is_there():
        found.update({name: parts for name, parts in compared(page).items() if name in wanted})
        return found == wanted

    try:
        harness.wait_until(is_there, 2 * SOON_MS / 1000)
    except AssertionError:
        assert found == wanted


def narrow_to(page, source):
    page.evaluate("source => { location.hash = `#source=${source}`; }", source)
    page.wait_for_function("source => document.querySelector('#filter-source').value === `=${source}` && "
                           "!document.body.classList.contains('waiting')", arg=source)  # fmt: skip


def test_each_figure_is_compared_to_the_minute(clock, server, open_page):
    now = shop_time("2026-05-13T15:30:00")
    yesterday, week = shop_time("2026-05-12T15:30:00"), shop_time("2026-05-06T15:30:00")
    clock.set(now + datetime.timedelta(seconds=5))
    one = server("--timezone", ZONE, env=clock.environment)
    post(one, at(1, shop_time("2026-05-13T00:00:00"), "20.00", quantity=3), at(2, now, "10.00", quantity=1),
         at(1, now, "6.00", event="refunded", event_id="r", quantity=0),
         at(3, shop_time("2026-05-12T00:00:00"), "8.00", quantity=2), at(4, just_before(yesterday), "8.00", quantity=6),
         at(5, yesterday, "500.00", quantity=1), at(6, just_before(shop_time("2026-05-12T00:00:00")), "9000.00"),
         at(7, just_before(week), "63.00", quantity=2), at(7, just_before(week), "3.00", event="refunded", event_id="r", quantity=0),
         at(8, week, "700.00", quantity=16), at(9, week, "6.00", event="refunded", event_id="r", quantity=0))  # fmt: skip
    pages = [open_page(one), open_page(one, view="#source=GOOGLE")]  # pushed, and asked for
    for page in pages:
        for name, text in {"revenue": "$24.00", "orders": "2", "units": "4", "aov": "$15.00", "refunds": "$6.00"}.items():
            wait_for_figure(page, name, text)
        wait_for_compared(page, {
            "revenue": [["+50.0% yesterday", "up"], ["−60.0% week", "down"]],
            "orders": [["0.0% yesterday", "same"], ["+100% week", "up"]],
            "units": [["−50.0% yesterday", "down"], ["+100% week", "up"]],
            "aov": [["+87.5% yesterday", "up"], ["−76.2% week", "down"]],
            "refunds": [["– yesterday", "same"], ["+100% week", "down"]],
        })  # fmt: skip
    # A minute later what was sold in that minute of the other days counts, though today nothing has happened.
    clock.set(now + datetime.timedelta(seconds=60))
    for page in pages:
        wait_for_compared(page, {
            "revenue": [["−95.3% yesterday", "down"], ["−96.8% week", "down"]],
            "orders": [["−33.3% yesterday", "down"], ["0.0% week", "same"]],
            "units": [["−55.6% yesterday", "down"], ["−77.8% week", "down"]],
            "aov": [["−91.3% yesterday", "down"], ["−96.1% week", "down"]],
            "refunds": [["– yesterday", "same"], ["−33.3% week", "up"]],
        })  # fmt: skip


SPRING = [
    ("2026-03-08T05:00", [("2026-03-08T04:59:59", "30"), ("2026-03-07T03:59:59", "20"), ("2026-03-07T04:00:00", "500"),
                          ("2026-03-01T03:59:59", "40"), ("2026-03-01T04:00:00", "700")], ["+50.0% yesterday", "−25.0% week"]),
    ("2026-03-09T05:00", [("2026-03-09T04:59:59", "30"), ("2026-03-08T05:59:59", "30"), ("2026-03-08T06:00:00", "500"),
                          ("2026-03-02T04:59:59", "10"), ("2026-03-02T05:00:00", "700")], ["−50.0% yesterday", "+200% week"]),
]  # fmt: skip
AUTUMN = [
    ("2026-11-01T05:00", [("2026-11-01T03:59:59", "20"), ("2026-11-01T04:00:00", "10"), ("2026-10-31T05:59:59", "20"),
                          ("2026-10-31T06:00:00", "500"), ("2026-10-25T05:59:59", "40"), ("2026-10-25T06:00:00", "700")],
     ["+50.0% yesterday", "−25.0% week"]),
    ("2026-11-02T05:00", [("2026-11-02T04:59:59", "30"), ("2026-10-26T04:59:59", "10"), ("2026-10-26T05:00:00", "700")],
     ["+50.0% yesterday", "+200% week"]),
]  # fmt: skip


@pytest.mark.parametrize("days", [SPRING, AUTUMN], ids=["spring", "autumn"])
def test_where_clocks_change_as_much_time_has_passed_on_both_days(clock, server, open_page, days):
    one, pages = None, []
    for now, orders, texts in days:
        clock.set(shop_time(f"{now}:05"))
        one = one or server("--timezone", ZONE, env=clock.environment)
        post(one, *[at(when, shop_time(when), total) for when, total in orders])
        pages = pages or [open_page(one), open_page(one, view="#source=GOOGLE")]
        for page in pages:
            wait_for_figure(page, "revenue", "$30.00")
            wait_for_compared(page, {"revenue": [[text, "up" if text[0] == "+" else "down"] for text in texts]})


def test_the_hour_that_a_day_has_twice_is_compared_too(clock, server, open_page):
    clock.set(shop_time("2026-11-01T01:30:05", fold=1))
    one = server("--timezone", ZONE, env=clock.environment)
    post(one, at(1, shop_time("2026-11-01T01:29:59"), "10.00"), at(2, shop_time("2026-11-01T01:29:59", fold=1), "20.00"),
         at(3, shop_time("2026-10-31T02:29:59"), "20.00"), at(4, shop_time("2026-10-31T02:30:00"), "30.00"),
         at(5, shop_time("2026-10-31T23:59:59"), "10.00"))  # fmt: skip
    page = open_page(one)
    wait_for_figure(page, "revenue", "$30.00")
    wait_for_compared(page, {"revenue": [["+50.0% yesterday", "up"]]})
    # More time has passed than the other day had: it is all of it.
    clock.set(shop_time("2026-11-01T23:30:05"))
    whole = {"revenue": [["−50.0% all yesterday", "down"]], "refunds": [["– all yesterday", "same"]]}
    wait_for_compared(page, whole)
    narrow_to(page, "GOOGLE")
    wait_for_compared(page, whole)


CHANGES = {  # source: today, the same time yesterday, what is said of it
    "A": ("24.00", "16.00", "+50.0% yesterday"),
    "B": ("15.00", "16.00", "−6.3% yesterday"),
    "C": ("10.01", "10.00", "+0.1% yesterday"),
    "D": ("19.99", "10.00", "+99.9% yesterday"),
    "E": ("20.00", "10.00", "+100% yesterday"),
    "F": ("99.90", "10.00", "+899% yesterday"),
    "G": ("100.00", "10.00", "×10 yesterday"),
    "H": ("124560.00", "100.00", "×1,246 yesterday"),
    "I": (None, "10.00", "−100% yesterday"),
    "J": ("10.00", None, None),
    "K": (None, None, None),
}


def test_a_change_is_said_exactly_and_none_where_there_was_nothing(clock, server, open_page):
    now, then = shop_time("2026-05-13T15:30:00"), shop_time("2026-05-12T15:00:00")
    clock.set(now + datetime.timedelta(seconds=5))
    one = server("--timezone", ZONE, env=clock.environment)
    post(one, *[at(f"{day}-{source}", moment, total, source=source)
                for source, (today, yesterday, _) in CHANGES.items()
                for day, moment, total in (("today", now, today), ("then", then, yesterday)) if total is not None],
         at("later", shop_time("2026-05-12T18:00:00"), "10.00", source="K"),
         # Nothing was sold and something given back: that is no day to compare with. More was given back than sold: it is.
         at("back", then, "5.00", source="L", event="refunded", event_id="r", quantity=0), at("L", now, "5.00", source="L"),
         at("M", then, "1.00", source="M"), at("M", then, "2.00", source="M", event="refunded", event_id="r", quantity=0),
         at("M2", now, "12.00", source="M"))  # fmt: skip
    said = {}
    page = open_page(one)
    for source, (today, _, _) in {**CHANGES, "L": ("5.00", None, None), "M": ("12.00", None, None)}.items():
        narrow_to(page, source)
        wait_for_figure(page, "revenue", f"${decimal.Decimal(today or '0.00'):,}")
        said[source] = compared(page)["revenue"]
    wanted = {source: [] if text is None else [text] for source, (_, _, text) in CHANGES.items()}
    assert {source: [text for text, _ in parts] for source, parts in said.items()} == {**wanted, "L": [], "M": ["+1,300% yesterday"]}
    assert {source: parts[0][1] for source, parts in said.items() if parts} == {
        **dict.fromkeys("ACDEFGHM", "up"), "B": "down", "I": "down"}  # fmt: skip


# --- The chart


def drawn(page, line):
    """The amounts that a line of the chart goes through, by the axis beside it."""
    ticks, points = page.evaluate(
        """line => [
            [...document.querySelectorAll(".plot .grid")].map(grid =>
                [Number(grid.getAttribute("y1")), grid.nextElementSibling.textContent]),
            [...document.querySelector(`.plot .${line}`).getAttribute("d").matchAll(/([\\d.]+),([\\d.]+)/g)].map(m => Number(m[2])),
        ]""",
        line,
    )
    (low_y, low), (high_y, high) = [(y, float(text.replace("$", ""))) for y, text in (ticks[0], ticks[-1])]
    return [round(low + (y - low_y) * (high - low) / (high_y - low_y)) for y in points]


def said_by_hour(page):
    """Hour -> the lines that the chart says of it, walked through by keyboard."""
    page.focus("[data-panel=time] .chart")
    page.keyboard.press("Home")
    found = {}
    while True:
        hour, *lines = of_all(page, ".tip span", "all => all.map(e => e.textContent)")
        if hour in found:
            return found
        found[hour] = lines
        page.keyboard.press("ArrowRight")


def by_hour(n, values):
    return [values.get(hour, 0) for hour in range(n)]


def test_yesterday_last_week_and_the_usual_range_are_drawn(clock, server, open_page):
    clock.set(shop_time("2026-05-13T12:30:05"))
    one = server("--timezone", ZONE, env=clock.environment)
    hours = {  # of each day, by how many days ago it was
        0: {9: 35, 12: 15}, 1: {0: 10, 9: 25, 23: 40}, 7: {9: 30, 13: 50}, 14: {9: 70}, 21: {9: 20, 20: 60}, 28: {9: 45, 13: 5},
        2: {9: 800}, 6: {9: 800}, 8: {9: 800}, 35: {9: 800}}  # fmt: skip
    post(one, *[at(f"{ago}-{hour}", shop_time(f"{datetime.date(2026, 5, 13) - datetime.timedelta(days=ago)}T{hour:02}:29:59"), str(total))
                for ago, totals in hours.items() for hour, total in totals.items()])  # fmt: skip
    for view in ("", "#source=GOOGLE"):  # pushed, and asked for
        page = open_page(one, view=view)
        wait_for_figure(page, "revenue", "$50.00")
        page.wait_for_selector("[data-panel=time] small:text-is('today, yesterday dashed, last week dotted, a usual Wednesday behind')")
        assert drawn(page, "ghost") == by_hour(24, hours[1])
        assert drawn(page, "week") == by_hour(24, hours[7])
        highest, lowest = by_hour(24, {9: 70, 13: 50, 20: 60}), by_hour(24, {9: 20})
        assert drawn(page, "band") == [*highest, *lowest[::-1]]
        assert drawn(page, "line:not(.open)") == by_hour(12, hours[0])
        said = said_by_hour(page)
        assert len(said) == 24
        assert said["09:00"] == ["$35.00 · 1 order", "yesterday $25.00", "last week $30.00", "usual $20.00 – $70.00"]
        assert said["12:00, not over"] == ["$15.00 · 1 order", "yesterday $0.00", "last week $0.00", "usual $0.00 – $0.00"]
        assert said["13:00"] == ["yesterday $0.00", "last week $50.00", "usual $0.00 – $50.00"], "not begun yet"
        assert said["23:00"] == ["yesterday $40.00", "last week $0.00", "usual $0.00 – $0.00"]


def test_hours_are_counted_from_midnight_where_clocks_change(clock, server, open_page):
    clock.set(shop_time("2026-11-01T12:30:05"))
    one = server("--timezone", ZONE, env=clock.environment)
    post(one, at(1, shop_time("2026-11-01T01:10:00"), "10.00"), at(2, shop_time("2026-11-01T01:10:00", fold=1), "20.00"),
         at(3, shop_time("2026-11-01T08:10:00"), "30.00"), at(4, shop_time("2026-10-31T09:10:00"), "50.00"),
         at(5, shop_time("2026-10-25T01:10:00"), "60.00"), at(6, shop_time("2026-10-25T02:10:00"), "70.00"))  # fmt: skip
    pages = [open_page(one), open_page(one, view="#source=GOOGLE")]
    for page in pages:
        wait_for_figure(page, "revenue", "$60.00")
        page.wait_for_selector("[data-panel=time] small:text-is('today, yesterday dashed, last week dotted')")
        assert drawn(page, "line:not(.open)") == by_hour(13, {1: 10, 2: 20, 9: 30}), "an hour more until noon"
        assert drawn(page, "ghost") == by_hour(25, {9: 50})
        assert drawn(page, "week") == by_hour(25, {1: 60, 2: 70})
        assert page.locator(".plot .band").count() == 0, "one Sunday alone is no range"
    clock.set(shop_time("2026-11-02T12:30:05"))
    for page in pages:
        page.wait_for_selector("[data-panel=time] small:text-is('today, yesterday dashed')", timeout=2 * SOON_MS)
        assert drawn(page, "ghost") == by_hour(24, {1: 10, 2: 20, 9: 30})
