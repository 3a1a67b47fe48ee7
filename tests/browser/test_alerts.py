# SPDX-License-Identifier: MIT
"""What fires is seen on the page and heard by those who do not see it, and goes when it is over."""

import harness
from harness import NDJSON, lines
from live_page import PHONE, SOON_MS, assert_in_frame, contrast, order, picture, wait_for_text

RULES = "bad-events = rejected over 20% in 1h for 0, clear under 10%\nbehind-the-usual = orders under 50% of usual\n"
IN_SIGHT = "e => e.getBoundingClientRect().top >= 0 && e.getBoundingClientRect().bottom <= innerHeight"


def spoken(page):
    return page.text_content("#alerts-spoken[aria-live=polite]")


def test_an_alert_fires_and_clears_on_the_page(server, open_page, tmp_path):
    (tmp_path / "rules").write_text(RULES)
    one = server("--alerts", tmp_path / "rules")
    harness.wait_until(lambda: one.get("/v1/alerts").json()["rules"][0]["value"], 20, "the first look")
    page = open_page(one)
    phone = open_page(one, viewport=PHONE)
    wait_for_text(page, "[data-pipeline=alerts]", "0")
    assert not page.is_visible("[data-panel=alerts] ul")
    assert not page.is_visible("#alerts-badge")
    assert spoken(page) == ""
    one.post(lines(*[order(i) for i in range(7)], *[order(100 + i, total="-1") for i in range(3)]), NDJSON)
    page.wait_for_selector("[data-panel=alerts] li", timeout=SOON_MS)
    since = page.evaluate("new Date(%d).toISOString().slice(11, 16)" % one.get("/v1/alerts").json()["rules"][0]["since_ms"])
    shown = page.eval_on_selector_all("[data-panel=alerts] li > *", "all => all.map(e => e.textContent)")
    assert shown == ["bad-events", "30.0% rejected (3 of 10 in 1h)",
                     f"since {since} · rejected over 20% in 1h for 0, clear under 10%"]  # fmt: skip
    assert spoken(page) == "Alert bad-events: 30.0% rejected (3 of 10 in 1h)."
    wait_for_text(page, "[data-pipeline=alerts]", "1")
    warning = page.eval_on_selector("[data-panel=alerts] b", "e => getComputedStyle(e).color")
    assert warning == page.eval_on_selector("[data-pipeline=alerts]", "e => getComputedStyle(e).color")
    phone.wait_for_selector("[data-panel=alerts] li", timeout=SOON_MS)
    for each, name in ((page, "desk"), (phone, "phone")):
        assert_in_frame(each)
        picture(each, f"alert-{name}")
    assert phone.text_content("#alerts-badge") == "1 alert"
    assert not phone.evaluate("(%s)(document.querySelector('.alerts'))" % IN_SIGHT)
    phone.click("#alerts-badge")
    phone.wait_for_function("(%s)(document.querySelector('.alerts'))" % IN_SIGHT)
    for selector in ("#alerts-badge", ".alerts b", ".alerts span", ".alerts .muted"):
        assert contrast(page, selector) >= 4.5, selector
    one.post(lines(*[order(1000 + i) for i in range(20)]), NDJSON)
    page.wait_for_selector("[data-panel=alerts] ul", state="hidden", timeout=SOON_MS)
    assert not page.is_visible("#alerts-badge")
    assert spoken(page) == "Alert bad-events is over."
    wait_for_text(page, "[data-pipeline=alerts]", "0")


def test_a_page_of_a_server_without_rules_says_nothing_of_alerts(server, open_page):
    one = server()
    page = open_page(one)
    wait_for_text(page, "[data-pipeline=rejected]", "0")
    assert not page.is_visible("[data-pipeline=alerts]")
    assert not page.is_visible("[data-panel=alerts] ul")
