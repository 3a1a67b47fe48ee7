# SPDX-License-Identifier: MIT
"""axe-core finds no serious fault on the page: at three sizes, light and dark, with and without orders, and in what
opens over it."""

import pytest

import harness
from live_page import DESK, PHONE, SOON_MS, WALL, as_table, instant, midday_zone, order, post, wait_for_figure

AXE = harness.ROOT / "web/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def faults(page, within="body"):
    """Colours, rule, what it is about, and where: all that is serious or worse, light and dark."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text("utf-8"))
    faulty = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = page.evaluate("([within, rules]) => axe.run(within, { runOnly: rules, resultTypes: ['violations'] })", [within, RULES])
        assert found["passes"], "no rule was asked"
        faulty += [(scheme, fault["id"], fault["help"], node["html"][:120]) for fault in found["violations"]
                   if fault["impact"] in ("serious", "critical") for node in fault["nodes"]]  # fmt: skip
    return faulty


@pytest.mark.parametrize("viewport", [PHONE, DESK, WALL], ids=["phone", "desk", "wall"])
def test_no_serious_fault_is_found_on_the_page(server, open_page, viewport):
    one = server("--timezone", midday_zone())
    page = open_page(one, viewport=viewport, refusals=[422])
    page.wait_for_selector("#empty", state="visible")
    assert faults(page) == [], "before the first order"
    states = ["CA", "TX", "NY", "FL", "WA", "OR"]
    post(one, *[order(i, state=states[i % 6], source=f"Source {i % 4}", product_id=i % 8, total=f"{i}.50") for i in range(1, 31)],
         order(31, created_at=instant(86400 + 3600)), order(1, event="refunded", event_id="r", total="1.00"),
         order(32, currency="CAD"))  # fmt: skip
    one.post(order(33, total="-1")).problem(422)
    wait_for_figure(page, "orders", "30")
    page.wait_for_selector("[data-panel=feed] tr.back")
    page.wait_for_selector(".compared .up, .compared .down", timeout=2 * SOON_MS)
    assert faults(page) == [], "with orders"
    as_table(page)
    assert faults(page, "[data-panel=time]") == [], "the chart as a table"
    page.focus("[data-panel=feed] tbody tr button")
    page.keyboard.press("Enter")
    page.wait_for_selector("#order[open] td")
    assert faults(page, "#order") == [], "an order"
    page.keyboard.press("Escape")
    page.click("[data-panel=pipeline] button:text('Details')")
    page.wait_for_selector("#pipeline-details dd")
    assert faults(page, "footer") == [], "the pipeline's details"
    page.click("[data-panel=pipeline] a")
    page.click("#rejected li button")
    page.click("#rejected button:text('Edit')")
    page.wait_for_selector("#rejected textarea")
    assert faults(page, "#rejected") == [], "a rejected event"
    page.keyboard.press("Escape")
    page.click("#rules-open")
    page.click("#rules-new")
    assert faults(page, "#rules") == [], "a rule of alerts"


def test_no_serious_fault_is_found_where_people_sign_in(server, browser):
    one = server("--require-keys")
    context = browser.new_context(viewport=PHONE, reduced_motion="reduce")
    page = context.new_page()
    page.goto(one.url)
    page.fill("#sign-in-key", "wrong")
    page.click("#sign-in-submit")
    page.wait_for_function("() => document.querySelector('#sign-in-answer').textContent !== ''")
    assert faults(page) == []
    context.close()


def test_a_fault_that_is_made_is_found(server, open_page):
    page = open_page(server())
    page.evaluate("document.querySelector('#filter-source').removeAttribute('aria-label')")
    assert [(scheme, rule) for scheme, rule, _, _ in faults(page)] == [("light", "select-name"), ("dark", "select-name")]
