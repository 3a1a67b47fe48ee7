# SPDX-License-Identifier: MIT
"""Orders for the live page, and what the page shows of them, for the tests in browser/."""

import datetime
import decimal
import random

import harness

WALL = {"width": 2560, "height": 1440}
DESK = {"width": 1440, "height": 900}
TABLET = {"width": 800, "height": 1000}
PHONE = {"width": 390, "height": 844}
PICTURES = harness.ROOT / "build/check/pictures"
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


def month(shop):
    """A month of orders, more in the day than at night."""
    rng = random.Random(1)
    sources, states = ["Organic", "Google", "Facebook", "Affiliate", "Twitter"], ["CA", "TX", "FL", "NY", "PA", "NC", "OH", "IL", "WA"]
    orders = []
    for i in range(6000):
        ago = min(rng.expovariate(1 / 6), 29.9) * 86400
        total = f"{rng.uniform(8, 130):.2f}"
        orders.append(order(1_000_000 + i, created_at=instant(ago), total=total, subtotal=total, product_id=int(rng.expovariate(0.3)),
                            source=sources[int(rng.triangular(0, 5, 0))], state=states[int(rng.triangular(0, 9, 0))]))  # fmt: skip
    orders += [order(1_000_001, event="refunded", event_id="r", total="5.00")]
    post(shop, *orders)


def wait_for_text(page, selector, text, timeout_ms=SOON_MS):
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.textContent === text", arg=[selector, text],
        timeout=timeout_ms)  # fmt: skip


def wait_for_figure(page, name, text, timeout_ms=SOON_MS):
    wait_for_text(page, f"[data-figure={name}]", text, timeout_ms)


def exact(page, figure):
    return decimal.Decimal(page.get_attribute(f"[data-figure={figure}]", "data-exact"))


def of_all(page, selector, script, arg=None):
    """What script makes of all elements that selector finds. In one step: Playwright's eval_on_selector finds first and
    evaluates later, and a chart that is drawn meanwhile has other elements, so those found have no size any more."""
    return page.evaluate(f"([selector, arg]) => ({script})([...document.querySelectorAll(selector)], arg)", [selector, arg])


def of_one(page, selector, script):
    """The same of the first of them, which must be there."""
    return page.evaluate(f"(selector) => ({script})(document.querySelector(selector))", selector)


def rows(page, panel):
    """Texts of a table's cells."""
    return of_all(page, f"[data-panel={panel}] tbody tr", "rows => rows.map(r => [...r.cells].map(c => c.textContent))")


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
    shown = of_all(page, "[data-panel=products] li", "all => all.map(li => [li.querySelector('.name').textContent, li.querySelector('b').title])")
    return [(name, decimal.Decimal(amount.split()[0])) for name, amount in shown]


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


# --- How it looks


def picture(page, name):
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


def resize(page, viewport):
    """Until the figures have been fitted into their new room."""
    page.set_viewport_size(viewport)
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-figure]')].every(e => e.dataset.fitted?.endsWith(`/${e.clientWidth}`))",
        timeout=SOON_MS)  # fmt: skip


def assert_in_frame(page):
    wide = page.evaluate(
        """() => [...document.querySelectorAll("body *")]
            .filter((e) => !e.closest(".scroll, pre, .unseen, dialog") && e.getBoundingClientRect().right > innerWidth + 0.5)
            .map((e) => e.outerHTML.slice(0, 100))"""
    )
    assert wide == [], f"wider than the window: {wide}"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    over = page.evaluate(
        """() => {
            const boxes = [...document.querySelectorAll(".panel, header > *, .figure, .tools, .time h2")]
                .filter((e) => e.getBoundingClientRect().height > 0)
                .map((e) => ({ e, r: e.getBoundingClientRect() }));
            const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
            return boxes.flatMap(({ e, r }, i) => boxes.slice(i + 1)
                .filter((o) => !e.contains(o.e) && !o.e.contains(e) && meet(r, o.r))
                .map((o) => `${e.className || e.id} and ${o.e.className || o.e.id}`));
        }"""
    )
    assert over == [], f"one lies over the other: {over}"
    cut = of_all(page, "[data-figure]", "all => all.filter(e => e.scrollWidth > e.clientWidth).map(e => e.dataset.figure)")
    assert cut == [], f"cut: {cut}"


def contrast(page, selector):
    """Of a text against what is behind it, as WCAG 2 counts it. A panel may be filled a second after the others."""
    page.wait_for_selector(selector, state="attached", timeout=SOON_MS)
    return page.evaluate(
        """(selector) => {
            const rgba = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return n.length > 3 ? n : [...n, 1]; };
            const over = (top, below) => top.slice(0, 3).map((v, i) => v * top[3] + below[i] * (1 - top[3]));
            const luminance = (rgb) => rgb
                .map((v) => v / 255)
                .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
                .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
            const element = document.querySelector(selector);
            const layers = [];
            for (let e = element; e !== null; e = e.parentElement) {
                layers.unshift(rgba(getComputedStyle(e).backgroundColor));
            }
            // Letters of a tile of the map stand on its rectangle.
            const svg = element instanceof SVGElement;
            if (svg) {
                layers.push(rgba(getComputedStyle(element.previousElementSibling).fill));
            }
            const back = layers.reduce((below, layer) => over(layer, below), [255, 255, 255]);
            const text = over(rgba(getComputedStyle(element)[svg ? "fill" : "color"]), back);
            const [a, b] = [luminance(text), luminance(back)];
            return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        }""",
        selector,
    )
