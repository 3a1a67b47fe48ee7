# SPDX-License-Identifier: MIT
"""What the chart draws of a course: a late order lands in the minute, the hour or the day that it is dated to, and the
bucket that is not over looks unfinished. The server's clock is the test's."""

import datetime

import pytest

from live_page import SOON_MS, of_all, of_one, order, post, wait_for_figure, wait_for_text

NOW = datetime.datetime(2026, 5, 12, 12, 30, 5, tzinfo=datetime.timezone.utc)


def at(order_id, total, **ago):
    return order(order_id, created_at=(NOW - datetime.timedelta(**ago)).isoformat(), total=total)


@pytest.fixture
def one(clock, server):
    clock.set(NOW)
    return server(env=clock.environment)


def bars(page):
    """Those with a height, as {how many buckets ago: (part of the highest, whether it is drawn as open)}."""
    found = of_all(page, ".plot .bar", "all => all.map(bar => [Number(bar.getAttribute('height')), bar.matches('.open')])")  # fmt: skip
    most = max(height for height, _ in found) or 1
    return {len(found) - 1 - i: (round(height / most, 2), is_open) for i, (height, is_open) in enumerate(found) if height > 0}


def said(page, ago):
    """What the chart says of a bucket; 0: the one that is not over."""
    page.focus("[data-panel=time] .chart")
    page.keyboard.press("Escape")
    for _ in range(ago + 1):
        page.keyboard.press("ArrowLeft")
    return of_all(page, ".tip span", "all => all.map(e => e.textContent)")


def style(page, selector):
    return of_one(page, selector, "e => { const s = getComputedStyle(e); return [s.fill, s.stroke, s.strokeDasharray]; }")


@pytest.mark.parametrize(("chart", "ago", "names"), [
    ("minutes", {"minutes": 17}, ["12:30, not over", "12:13"]),
    ("days", {"days": 17}, ["May 12, not over", "Apr 25"]),
])  # fmt: skip
def test_a_late_order_is_drawn_in_its_own_bar(one, open_page, chart, ago, names):
    page = open_page(one, view=f"#chart={chart}")
    post(one, at("now", "10.00"))
    wait_for_figure(page, "revenue", "$10.00")
    page.wait_for_function("() => Number(document.querySelector('.plot .bar:last-of-type').getAttribute('height')) > 1")
    assert bars(page) == {0: (1, True)}
    post(one, at("late", "40.00", **ago))
    page.wait_for_function("() => [...document.querySelectorAll('.plot .bar')].filter(bar => bar.getAttribute('height') > 1).length === 2",
                           timeout=SOON_MS)  # fmt: skip
    assert bars(page) == {17: (1, False), 0: (0.25, True)}, "each to its scale"
    assert page.locator(".plot .bar.open").count() == 1
    assert said(page, 0) == [names[0], "$10.00 · 1 order"]
    assert said(page, 17) == [names[1], "$40.00 · 1 order"]
    open_fill, _, _ = style(page, ".plot .bar.open")
    assert open_fill != style(page, ".plot .bar:not(.open)")[0], "pale"
    post(one, at("late too", "2.50", **ago))
    wait_for_text(page, "#chart-text", f"3 orders; the best {chart[:-1]} was {names[1]} with $42.50.")
    assert said(page, 17) == [names[1], "$42.50 · 2 orders"]


def heights(page, line):
    """Of the points of a line, above the axis: in parts of the way to the highest tick."""
    ys, zero, top = page.evaluate(
        """line => {
            const grid = [...document.querySelectorAll(".plot .grid")].map(e => Number(e.getAttribute("y1")));
            const points = [...document.querySelector(`.plot .${line}`).getAttribute("d").matchAll(/([\\d.]+),([\\d.]+)/g)];
            return [points.map(m => Number(m[2])), grid[0], grid.at(-1)];
        }""",
        line,
    )
    return [round((zero - y) / (zero - top), 2) for y in ys]


def test_a_late_order_is_drawn_in_its_own_hour_and_the_running_one_is_dotted(one, open_page):
    page = open_page(one)
    post(one, at("now", "20.00"), at("before", "40.00", hours=1))
    wait_for_figure(page, "revenue", "$60.00")
    page.wait_for_function("() => document.querySelector('#chart-text').textContent.startsWith('2 orders')", timeout=SOON_MS)
    assert heights(page, "line:not(.open)") == [0] * 11 + [1], "hours that are over"
    assert heights(page, "line.open") == [1, 0.5], "from the last of them to the one that is not"
    dot = of_one(page, ".plot .dot", "dot => [dot.getAttribute('cx'), dot.getAttribute('cy')].map(Number)")
    end = of_one(page, ".plot .line.open", "line => line.getAttribute('d').split('L').at(-1).split(',').map(Number)")
    assert [round(v) for v in dot] == [round(v) for v in end], "the running one has a dot"
    assert style(page, ".plot .line.open")[2] != "none"
    assert style(page, ".plot .line:not(.open)")[2] == "none"
    post(one, at("late", "30.00", hours=5))
    page.wait_for_function("() => document.querySelector('#chart-text').textContent.startsWith('3 orders')", timeout=SOON_MS)
    assert heights(page, "line:not(.open)") == [0] * 7 + [0.75] + [0] * 3 + [1]
    assert said(page, 0)[:2] == ["12:00, not over", "$20.00 · 1 order"]
    assert said(page, 5)[:2] == ["07:00", "$30.00 · 1 order"]
    page.keyboard.press("End")
    assert of_all(page, ".tip span", "all => all.map(e => e.textContent)") == ["23:00"], "what has not begun has no sum"
