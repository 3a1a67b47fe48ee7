# SPDX-License-Identifier: MIT
"""What fires is seen on the page and heard by those who do not see it, and goes when it is over; rules are made there."""

import harness
import hosts
from harness import NDJSON, lines
from live_page import PHONE, SOON_MS, assert_in_frame, contrast, of_all, of_one, order, picture, wait_for_text

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
    shown = of_all(page, "[data-panel=alerts] li > *", "all => all.map(e => e.textContent)")
    assert shown == ["bad-events", "30.0% rejected (3 of 10 in 1h)",
                     f"since {since} · rejected over 20% in 1h for 0, clear under 10%"]  # fmt: skip
    assert spoken(page) == "Alert bad-events: 30.0% rejected (3 of 10 in 1h)."
    wait_for_text(page, "[data-pipeline=alerts]", "1")
    warning = of_one(page, "[data-panel=alerts] b", "e => getComputedStyle(e).color")
    assert warning == of_one(page, "[data-pipeline=alerts]", "e => getComputedStyle(e).color")
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


def part(name):
    return f"#rules [data-part={name}]"


def rules_in(page):
    return of_all(page, "#rules-list .said", "all => all.map(e => [e.children[0].textContent, e.children[1].textContent])")


def sentence(page):
    return page.text_content("#rules .sentence")


def test_a_rule_is_made_on_the_page_fires_clears_and_goes(server, open_page):
    one = server()
    page = open_page(one)
    page.click("#rules-open")
    wait_for_text(page, "#rules-none", "No rule yet. A rule fires when orders stay away, refunds pile up or events are rejected.")
    page.click("#rules-new")
    assert sentence(page) == "… = orders under 50% of usual, clear over 70%"
    page.fill(part("name"), "bad")
    page.select_option(part("what"), "rejected")
    assert page.locator(part("direction")).count() == 0, "too few rejected events are no trouble"
    page.fill(part("limit"), "20")
    page.fill(part("for"), "0")
    page.fill(part("clear"), "10%")
    assert sentence(page) == "bad = rejected over 20% for 0, clear under 10%"
    picture(page, "alert-rule")
    page.keyboard.press("Enter")
    wait_for_text(page, "#rules-answer", "Saved.", 4 * SOON_MS)
    assert rules_in(page) == [["bad", "rejected over 20% for 0, clear under 10%"]]
    assert (one.data / "alerts.rules").read_text() == "bad = rejected over 20% for 0, clear under 10%\n"
    page.wait_for_selector("#rules .how:text('ok · 0.0% rejected')")
    one.post(lines(*[order(i) for i in range(7)], *[order(100 + i, total="-1") for i in range(3)]), NDJSON)
    page.wait_for_selector("#rules .how:text('firing · 30.0% rejected (3 of 10 in 10m)')", timeout=SOON_MS)
    page.wait_for_selector("[data-panel=alerts] li", timeout=SOON_MS)
    one.post(lines(*[order(1000 + i) for i in range(21)]), NDJSON)
    page.wait_for_selector("[data-panel=alerts] ul", state="hidden", timeout=SOON_MS)
    page.click("#rules button:text('Edit')")
    page.fill(part("name"), "rejects")
    page.fill(part("limit"), "5")
    page.fill(part("clear"), "")
    page.click("#rules button:text('Save')")
    page.wait_for_selector("#rules b.down:text('rejects')", timeout=SOON_MS)
    assert rules_in(page) == [["rejects", "rejected over 5% for 0"]]
    page.keyboard.press("Escape")
    wait_for_text(page, "[data-pipeline=alerts]", "1")
    page.click("[data-panel=pipeline] a[href='v1/alerts']")
    page.click("#rules button:text('Remove')")
    page.click("#rules button:text('Remove for good')")
    wait_for_text(page, "#rules-answer", "Removed.", 4 * SOON_MS)
    page.wait_for_selector("[data-panel=alerts] ul", state="hidden", timeout=SOON_MS)
    assert one.get("/v1/alerts").json() == {"active": 0, "rules": []}


def test_what_is_wrong_with_a_rule_is_marked_where_it_stands(server, open_page, tmp_path):
    (tmp_path / "rules").write_text("# night and day\nquiet  = no orders  for 30m # since June\n\nslow = orders under 50% of usual, clear over 70%\n")
    one = server("--alerts", tmp_path / "rules")
    page = open_page(one, viewport=PHONE, refusals=[422, 412])
    page.click("#rules-open")
    page.click("#rules li:nth-child(2) button:text('Edit')")
    values = of_all(page, "#rules [data-part]", "all => all.map(e => [e.dataset.part, e.value])")
    assert values == [["name", "slow"], ["what", "orders"], ["direction", "under"], ["limit", "50"], ["window", ""], ["for", ""],
                      ["clear", "70"], ["clear_for", ""]]  # fmt: skip
    assert_in_frame(page)
    picture(page, "alert-rule-phone")
    for name, value, said in (("limit", "half", 'want a share as in 50% or 2.5%, 10000% at most, not "half"'),
                              ("window", "90s", 'want whole minutes, not "90s"'),
                              ("for", "2 days", 'want a time as in 30s, 10m or 2h, from 0 to 1d, not "2days"'),
                              ("clear", "40", 'want a share to clear over that is not below the first, not "40%"'),
                              ("name", "quiet", "there is a rule of the name quiet already")):  # fmt: skip
        before = page.input_value(part(name))
        page.fill(part(name), value)
        page.click("#rules button:text('Save')")
        page.wait_for_selector(f"{part(name)}[aria-invalid=true]")
        assert page.text_content("#rules form .answer") == f"Not saved: {said}."
        assert page.evaluate("document.activeElement.dataset.part") == name
        page.fill(part(name), before)
    page.select_option(part("direction"), "over")
    page.fill(part("clear"), "")
    one.request("PUT", "/v1/alerts/rules", (tmp_path / "rules").read_bytes() + b"by-another = no orders for 1h\n", {"Content-Type": "text/plain"})
    page.click("#rules button:text('Save')")
    page.wait_for_selector("#rules form .answer:text('somebody has changed the rules meanwhile')")
    page.click("#rules button:text('Save')")
    wait_for_text(page, "#rules-answer", "Saved.", 4 * SOON_MS)
    assert (tmp_path / "rules").read_text() == ("# night and day\nquiet  = no orders  for 30m # since June\n\n"
                                                "slow = orders over 50% of usual\nby-another = no orders for 1h\n")  # fmt: skip
    page.click("#rules li:first-child button:text('Edit')")
    page.fill(part("clear_for"), "5m")
    page.click("#rules button:text('Save')")
    wait_for_text(page, "#rules-answer", "Saved.", 4 * SOON_MS)
    assert (tmp_path / "rules").read_text().splitlines()[1] == "quiet = no orders for 30m, clear for 5m # since June"


def test_rules_are_changed_with_an_ingest_key_where_keys_are_needed(server, open_page):
    one = server("--require-keys")
    keys = hosts.new_keys(one.data)
    page = open_page(one, key=keys["read"], refusals=[403])
    page.click("#rules-open")
    page.click("#rules-new")
    page.fill(part("name"), "slow")
    page.fill("#rules-key input", keys["read"])
    page.click("#rules button:text('Save')")
    wait_for_text(page, "#rules form .answer", "Not saved: changing alerts needs a key of scope ingest.", 4 * SOON_MS)
    page.fill("#rules-key input", keys["ingest"])
    page.click("#rules button:text('Save')")
    wait_for_text(page, "#rules-answer", "Saved.", 4 * SOON_MS)


def test_a_page_of_a_server_without_rules_says_nothing_of_alerts_that_fire(server, open_page):
    one = server()
    page = open_page(one)
    wait_for_text(page, "[data-pipeline=rejected]", "0")
    assert not page.is_visible("[data-pipeline=alerts]")
    assert not page.is_visible("[data-panel=alerts] ul")
