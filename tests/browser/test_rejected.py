# SPDX-License-Identifier: MIT
"""Rejected events on the page: the field that was wrong is marked, and the text is mended and sent again."""

import json

import harness
import hosts
from live_page import PHONE, SOON_MS, of_all, order, post, wait_for_figure, wait_for_text


def open_list(page, n):
    wait_for_text(page, "[data-pipeline=rejected]", str(n))
    page.click("[data-panel=pipeline] a")
    page.wait_for_selector("#rejected[open] li")


def mark(page):
    page.wait_for_selector("#rejected pre")
    return of_all(page, "#rejected mark", "all => all.map(e => e.textContent)")


def wait_for_selected(page, text):
    page.wait_for_function("""text => {
        const { value, selectionStart, selectionEnd } = document.activeElement;
        return value?.slice(selectionStart, selectionEnd) === text;
    }""", arg=text, timeout=SOON_MS)


def test_a_rejected_event_is_edited_and_sent_again(server, open_page):
    one = server()
    page = open_page(one, refusals=[422])
    bad = order(7, total="-3.00", note='a "total": 4 in a text', subtotal="5")
    one.post(bad).problem(422)
    open_list(page, 1)
    page.click("#rejected li button")
    assert mark(page) == ['"-3.00"']
    page.click("#rejected button:text('Edit')")
    wait_for_selected(page, '"-3.00"')
    page.keyboard.type('"nothing"')
    page.click("#rejected button:text('Send again')")
    page.wait_for_selector("#rejected li[data-id='2'] .answer:text('Rejected again: total')")
    wait_for_selected(page, '"nothing"')
    assert page.locator("#rejected li").count() == 1, "the new one has taken the place of the one before"
    page.keyboard.type('"5.00"')
    page.click("#rejected button:text('Send again')")
    wait_for_text(page, "#rejected .answer", "Accepted.")
    wait_for_figure(page, "revenue", "$5.00")
    assert one.get("/v1/orders/7").json()["order"]["total"] == "5.0000"
    page.keyboard.press("Escape")
    page.wait_for_selector("#rejected", state="hidden")


def test_the_field_is_marked_wherever_it_stands_and_nothing_where_it_is_not(server, open_page):
    one = server()
    page = open_page(one, viewport=PHONE)
    items = [{"product_id": 1, "quantity": 1}, {"product_id": 2, "quantity": "many", "subtotal": [1, {"quantity": 0}]}]
    nested = {key: value for key, value in order(1, items=items).items() if key not in ("product_id", "quantity")}
    missing = {key: value for key, value in order(2).items() if key != "total"}
    for bad in (nested, missing, b'{"order_id": 3, "note": "x", broken', order(4, created_at="yesterday <b>")):
        one.post(harness.lines(bad) if isinstance(bad, dict) else bad + b"\n", harness.NDJSON).problem(422)
    open_list(page, 4)
    want = {1: '"many"', 2: None, 3: None, 4: '"yesterday <b>"'}
    for event_id, text in want.items():
        page.click(f"#rejected li[data-id='{event_id}'] button")
        page.wait_for_selector(f"#rejected li[data-id='{event_id}'] pre")
        marks = of_all(page, f"#rejected li[data-id='{event_id}'] mark", "all => all.map(e => e.textContent)")
        assert marks == ([] if text is None else [text]), event_id
    assert page.locator("#rejected pre b").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_who_has_no_ingest_key_is_told_so(server, open_page):
    one = server("--require-keys")
    keys = {scope: harness.must_run("key", "new", "--scope", scope, "--data", one.data).split()[0] for scope in ("read", "ingest")}
    one.post(order(1, total=-1), headers={"Authorization": f"Bearer {keys['ingest']}"}).problem(422)
    page = open_page(one, key=keys["read"])
    open_list(page, 1)
    page.click("#rejected li button")
    page.click("#rejected button:text('Edit')")
    page.fill("#rejected textarea", json.dumps(order(1)))
    page.fill("#rejected input[type=password]", keys["ingest"])
    page.click("#rejected button:text('Send again')")
    wait_for_text(page, "#rejected .answer", "Accepted.")


def test_where_no_orders_are_taken_the_command_is_shown(server, open_page, tmp_path):
    one = server()
    post(one, order(2))
    one.post(order(1, total=-1)).problem(422)
    reader = hosts.Dashboard(tmp_path)
    page = open_page(reader)
    open_list(page, 1)
    page.click("#rejected li button")
    wait_for_text(page, "#rejected code", "salestide rejected edit 1", SOON_MS)
    assert page.locator("#rejected button:text('Edit')").count() == 0
    page.close()
    reader.stop()
