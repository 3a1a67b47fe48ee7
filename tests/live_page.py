# SPDX-License-Identifier: MIT
"""Orders for the live page, and what the page shows of them, for the tests in browser/."""

import datetime
import decimal

import harness

WALL = {"width": 2560, "height": 1440}
DESK = {"width": 1440, "height": 900}
TABLET = {"width": 800, "height": 1000}
PHONE = {"width": 390, "height": 844}
SOON_MS = 5_000  # far above what it takes, for machines that do other things as well


def instant(ago_s=0):
    at = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=ago_s)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def midday_zone():
    """A time zone in which it is about noon now, so that a test has half a day before and after it."""
    return f"Etc/GMT{datetime.datetime.now(datetime.timezone.utc).hour - 12:+d}"


def order(order_id, **fields):
    return harness.order(order_id, **{"created_at": instant(), "source": "GOOGLE", "state": "TX", **fields})


def post(server, *orders):
    answer = server.post(harness.lines(*orders), harness.NDJSON)
    assert answer.status == 202, answer
    assert answer.json()["accepted"] == len(orders), answer


def wait_for_text(page, selector, text, timeout_ms=SOON_MS):
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.textContent === text", arg=[selector, text],
        timeout=timeout_ms)  # fmt: skip


def wait_for_figure(page, name, text, timeout_ms=SOON_MS):
    wait_for_text(page, f"[data-figure={name}]", text, timeout_ms)


def exact(page, figure):
    return decimal.Decimal(page.get_attribute(f"[data-figure={figure}]", "data-exact"))


def rows(page, panel):
    """Texts of a table's cells."""
    return page.eval_on_selector_all(
        f"[data-panel={panel}] tbody tr", "rows => rows.map(r => [...r.cells].map(c => c.textContent))")


def matrix(page):
    """(source, state) -> exact amount; state "All": of the source."""
    return {(source, state): decimal.Decimal(amount.split()[0]) for source, state, amount in page.evaluate(
        """() => {
            const table = document.querySelector("[data-panel=matrix] table");
            const states = [...table.rows[0].cells].map(c => c.textContent);
            return [...table.tBodies[0].rows].flatMap(row => [...row.cells].slice(1)
                .map((cell, i) => [row.cells[0].textContent, states[i + 1], cell.title]));
        }""")}  # fmt: skip


def products(page):
    """(name, exact amount) by rank"""
    return [(name, decimal.Decimal(amount.split()[0])) for name, amount in page.eval_on_selector_all(
        "[data-panel=products] li", "all => all.map(li => [li.querySelector('.name').textContent, li.querySelector('b').title])")]  # fmt: skip


def tile(page, state):
    """What the map says of a state."""
    return page.text_content(f"[data-panel=map] [data-state={state}] title")


def as_table(page):
    """The chart as a table: [when, orders, revenue, before]; newest first."""
    if page.get_attribute("[data-panel=time] button:text('Table')", "aria-pressed") == "false":
        page.click("[data-panel=time] button:text('Table')")
    page.wait_for_selector("[data-panel=time] .scroll", state="visible")
    return rows(page, "time")


def total_of(found):
    return sum(decimal.Decimal(row["total"]) for row in found)
