# SPDX-License-Identifier: MIT
"""The live page stays in its frame at every size, light and dark; it can be read, and walked through by keyboard.
Its pictures stay in build/check/pictures."""

import decimal
import urllib.parse

import pytest

import harness
from live_page import (DESK, PHONE, SOON_MS, TABLET, WALL, as_table, assert_in_frame, contrast, instant, midday_zone, month, of_all, order,
                       picture, post, resize, wait_for_figure, wait_for_text)  # fmt: skip

SIZES = (PHONE, TABLET, DESK, WALL)
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])
LAYOUT_SHIFT_MOST = 0.05
PAGE_BYTES_MOST = 400_000


@SCHEMES
def test_the_page_fits_the_window(server, open_page, scheme):
    one = server("--timezone", midday_zone())
    page = open_page(one, color_scheme=scheme)

    def look(name):
        for viewport in SIZES:
            resize(page, viewport)
            assert_in_frame(page)
            picture(page, f"{name}-{viewport['width']}-{scheme}")

    page.wait_for_selector("#empty", state="visible")
    look("empty")
    post(one, *[order(i, total=f"{i}.50", product_id=i % 9, state=["TX", "CA", "NY"][i % 3]) for i in range(1, 31)])
    wait_for_figure(page, "orders", "30")
    page.wait_for_selector("[data-panel=products] li:nth-child(7)")
    look("thirty")
    month(one)
    page.wait_for_function("() => Number(document.querySelector('[data-figure=orders]').dataset.exact) > 300", timeout=SOON_MS)
    page.wait_for_selector(".compared .up, .compared .down", timeout=2 * SOON_MS)
    look("month")


def test_long_names_and_amounts_stay_in_the_frame(server, open_page):
    one = server()
    long_id, long_name = "X" * 64, "W" * 100
    post(one, *[order(i, total="123456.78", state=f"S{i}", source=f"SOURCE {i}", product_id=i) for i in range(1, 40)],
         order(long_id, total="888888888.88", source=long_name, state="a " * 49 + "b", product_id=long_name),
         order(41, total="1", currency="JPY"))  # fmt: skip
    page = open_page(one)
    wait_for_figure(page, "orders", "40")
    page.wait_for_selector("[data-panel=products] li")
    for viewport in SIZES:
        resize(page, viewport)
        assert_in_frame(page)
        picture(page, f"long-{viewport['width']}")
    as_table(page)
    for viewport in SIZES:
        resize(page, viewport)
        assert_in_frame(page)


@pytest.mark.parametrize("total", ["99999.99", "8888888.88", "13168333.69", "888888888.88", "999999999999.99"])
def test_a_figure_stands_whole_on_one_line(server, open_page, total):
    one = server()
    post(one, order(1, total=total))
    page = open_page(one)
    for viewport in SIZES:
        resize(page, viewport)
        wait_for_figure(page, "revenue", f"${decimal.Decimal(total):,}")
        assert_in_frame(page)
        broken = of_all(
            page, "[data-figure]", "all => all.filter(e => e.getClientRects().length !== 1 || e.scrollHeight > e.clientHeight + 2).map(e => e.dataset.figure)")
        assert broken == [], viewport


def test_a_figure_without_room_is_compact_and_whole_on_hover(server, open_page):
    one = server("--currency", "CHF")
    page = open_page(one, viewport=PHONE)
    post(one, order(1, total="888888888888.88"))
    wait_for_figure(page, "aov", "CHF\u00a0888.89B")
    assert page.get_attribute("[data-figure=aov]", "title") == "888888888888.88 CHF"


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_nothing_jumps_while_the_page_fills(server, browser, viewport):
    one = server()
    month(one)
    context = browser.new_context(viewport=viewport, locale="en-US")
    context.add_init_script(
        """window.shifted = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.shifted += entry.value)))
            .observe({ type: "layout-shift", buffered: true });""")  # fmt: skip
    page = context.new_page()
    received = []
    page.on("response", lambda answer: received.append(answer))
    page.goto(one.url + "/")
    page.wait_for_selector("[data-panel=products] li")
    page.wait_for_selector("[data-panel=time] .line, [data-panel=time] .bar", state="attached")
    page.wait_for_timeout(300)
    assert page.evaluate("window.shifted") <= LAYOUT_SHIFT_MOST
    size = sum(int(answer.headers.get("content-length", 0)) for answer in received)
    assert 0 < size <= PAGE_BYTES_MOST
    # One answer has all that draws; the stream is asked for while it is read.
    asked = {urllib.parse.urlsplit(answer.url).path for answer in received}
    assert asked - {"/favicon.svg"} == {"/", "/v1/stream"}
    context.close()


def test_the_headline_is_drawn_before_the_other_panels(server, browser):
    one = server()
    post(one, order(1, total="12.50"))
    context = browser.new_context(viewport=DESK, locale="en-US")
    context.add_init_script("""
        new MutationObserver((_, observer) => {
            if (/[0-9]/.test(document.querySelector("[data-figure=revenue]")?.textContent ?? "")) {
                observer.disconnect();
                window.others = document.querySelectorAll("[data-panel=products] li, [data-panel=feed] tbody tr, .plot .line").length;
            }
        }).observe(document, { subtree: true, childList: true, characterData: true });""")
    page = context.new_page()
    page.goto(one.url + "/")
    page.wait_for_selector("[data-panel=feed] tbody tr")
    wait_for_figure(page, "revenue", "$12.50")
    assert page.evaluate("window.others") == 0
    wait_for_text(page, "#connection-text", "Live")
    context.close()


@SCHEMES
def test_the_page_can_be_read_and_walked_through(server, open_page, scheme):
    one = server("--timezone", midday_zone())
    page = open_page(one, color_scheme=scheme)
    weights = {"CA": "100", "TX": "61", "NY": "60", "FL": "55", "WA": "30", "OR": "3"}
    post(one, *[order(state, state=state, total=total) for state, total in weights.items()],
         order("y", created_at=instant(86400 + 3600), total="1000"), order("CA", state="CA", event="refunded", event_id="r", total="1"))  # fmt: skip
    page.wait_for_selector("[data-panel=feed] tr.back")
    page.wait_for_selector(".compared .down", timeout=2 * SOON_MS)
    texts = ["[data-figure=revenue]", ".compared .down", ".compared i", "#connection", "#day", ".panel h2", ".panel h2 small", "nav select",
             ".feed .ago", ".feed tr.back .amount", ".feed tr:first-child .what", "[data-panel=pipeline] .fact", ".links a", ".matrix .cell",
             ".matrix th button", ".rank", ".tabs .quiet"]  # fmt: skip
    texts += [f"[data-state={state}] text" for state in [*weights, "AK"]]
    for selector in texts:
        assert contrast(page, selector) >= 4.5, selector
    for landmark in ("header", "main", "footer", "h1", "nav"):
        assert page.locator(landmark).count() == 1, landmark
    live = of_all(page, "[aria-live]", "all => all.map(e => e.id)")
    assert live == ["connection", "alerts-spoken"], "only the connection and alerts speak up by themselves"
    assert page.evaluate("document.documentElement.lang") == "en"
    unnamed = of_all(page, "section[aria-labelledby], figure, dialog, select, svg[role=img], [role=region], [role=group]",
        "all => all.filter(e => !e.ariaLabel && !document.getElementById(e.getAttribute('aria-labelledby'))).length")
    assert unnamed == 0
    nameless = of_all(page, "button, a[href]", "all => all.filter(e => e.textContent.trim() === '' && !e.hidden).length")
    assert nameless == 0
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the figures"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    assert page.url.endswith("/"), "the view stays in the address"


def test_the_chart_says_in_words_and_in_a_table_what_it_draws(server, open_page):
    one = server()
    page = open_page(one, view="#chart=minutes")
    post(one, order(1, total="1234.50"), order(2, total="0.50"))
    page.wait_for_function(
        "() => document.querySelector('#chart-text').textContent.startsWith('2 orders; the best minute was ')",
        timeout=SOON_MS)  # fmt: skip
    assert page.get_attribute(".plot", "role") == "img"
    page.wait_for_function("() => document.querySelectorAll('.plot .bar.open').length === 1", timeout=SOON_MS)  # the minute that is not over
    page.wait_for_function(
        "() => Math.max(...[...document.querySelectorAll('.plot .bar')].map(b => b.getBoundingClientRect().height)) > 20",
        timeout=SOON_MS)  # fmt: skip
    page.focus(".chart")
    page.keyboard.press("End")
    assert "not over" in page.text_content(".tip")
    shown = as_table(page)
    assert len(shown) == 60
    assert sum(int(row[1]) for row in shown) == 2


def test_hovering_the_chart_says_the_exact_amount(server, open_page):
    one = server()
    page = open_page(one)
    post(one, order(1, total="1234.56"))
    wait_for_figure(page, "orders", "1")
    page.hover(".plot .dot", force=True)
    wait_for_text(page, ".tip span:nth-child(2)", "$1,234.56 · 1 order")


def right_of(page, selector):
    """Where the rightmost of them ends."""
    return of_all(page, selector, "all => Math.max(...all.map(e => e.getBoundingClientRect().right))")


def test_the_wall_hides_the_controls(server, open_page):
    one = server()
    post(one, order(1))
    page = open_page(one, viewport=WALL)
    wait_for_figure(page, "orders", "1")
    assert page.is_visible(".tools")
    page.keyboard.press("w")
    page.wait_for_selector("body.wall")
    assert not page.is_visible(".tools")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight"), "the wall is one screen"
    assert abs(right_of(page, "#connection") - right_of(page, "header")) <= 1, "no room is kept for what is hidden"
    assert abs(right_of(page, ".where .tile") - right_of(page, "[data-panel=map]")) <= 1, "the map fills its panel"
    picture(page, "wall")
    page.keyboard.press("w")
    page.wait_for_selector("body:not(.wall)")
    assert page.is_visible(".tools")
