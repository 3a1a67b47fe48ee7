# SPDX-License-Identifier: MIT
"""An order with what was taken back of it: a click in the feed shows each event as it came in and every sum that it has
changed, as GET /v1/orders/{id}/trace tells it, to the last digit."""

import datetime
import decimal
import zoneinfo

from live_page import midday_zone, order, post, rows, wait_for_figure, wait_for_text

ZONE = midday_zone()
TABLES = {"total": "in all", "minute": "minute", "hour": "hour", "day": "day", "product": "product and day"}
AMOUNTS = ("subtotal", "discount", "shipping", "tax", "total", "refunded_total")
NOT_SUMS = ("table", "bucket", "source", "state", "currency", "product_id")


def shown(page, title):
    """The events in the dialog, as (heading, {field: text}, rows of its table)."""
    wait_for_text(page, "#order-title", title)
    page.wait_for_selector("#order[open] tbody tr")
    return page.evaluate("""() => [...document.querySelectorAll("#order-content h3")].map(h3 => {
        const [list, scroll] = [h3.nextElementSibling, h3.nextElementSibling.nextElementSibling];
        return [h3.textContent,
                Object.fromEntries([...list.children].map(div => [div.children[0].textContent, div.children[1].textContent])),
                [...scroll.querySelectorAll("tbody tr")].map(row => [...row.cells].map(cell => cell.textContent))];
    })""")  # fmt: skip


def money(text):
    """ "-1234.5000" -> "−$1,234.50"; no digit that is stored is lost."""
    whole, _, part = f"{abs(decimal.Decimal(text)):,}".partition(".")
    return f"{'−' if text.startswith('-') else '+'}${whole}.{part.rstrip('0').ljust(2, '0')}"


def bucket(cell):
    if cell["bucket"] is None:
        return ""
    at = datetime.datetime.fromisoformat(cell["bucket"])
    if at.tzinfo is None:
        return f"{at:%b} {at.day}"
    at = at.astimezone(zoneinfo.ZoneInfo(ZONE))
    return f"{at:%b} {at.day}, {at:%H:%M}"


def added(cell):
    parts = []
    for name, value in cell.items():
        if name not in NOT_SUMS and decimal.Decimal(value) != 0:
            text = money(value) if name in AMOUNTS else f"{'+' if value > 0 else '−'}{abs(value):,}"
            parts.append(f"{name.replace('_', ' ')} {text}")
    return ", ".join(parts)


def row_of(cell):
    of = f"product {cell['product_id']}" if cell["table"] == "product" else f"{cell['source']} · {cell['state']}"
    return [TABLES[cell["table"]], bucket(cell), of, added(cell)]


def as_traced(trace):
    """What the dialog has to show of an answer of the API."""
    return [[f"{one['event']['event']}, and the sums that it changed",
             {name.replace("_", " "): str(value) for name, value in one["event"].items() if value not in (None, "") and name != "items"},
             [row_of(cell) for cell in one["cells"]]] for one in trace["events"]]  # fmt: skip


def open_order(page, order_id, of="tr"):
    page.click(f"[data-panel=feed] tbody {of}:has(td[title='{order_id}']) .amount")


def test_an_order_shows_its_adjustments_and_every_sum_that_they_changed(server, open_page):
    one = server("--timezone", ZONE)
    page = open_page(one)
    items = [{"product_id": 7, "quantity": 2, "subtotal": "1000.0000"}, {"product_id": 8, "quantity": 1, "subtotal": "34.5678"}]
    several = order("A/1", total="1100.5678", subtotal="1034.5678", discount="10", shipping="55", tax="21", items=items, customer_id=9)
    del several["product_id"], several["quantity"]
    post(one, several, order("B 2", total="30.00", subtotal="30.00", state="CA", source="TWITTER"), order("C", total="5.00"))
    wait_for_figure(page, "orders", "3")
    post(one, order("A/1", event="refunded", event_id="part", total="100.0078", subtotal="100.0078", product_id=7),
         order("A/1", event="refunded", event_id="more", total="0.5600", subtotal="0.5600", product_id=8, quantity=0),
         order("B 2", event="cancelled", total="30.00", subtotal="30.00", state="CA", source="TWITTER"))  # fmt: skip
    wait_for_figure(page, "orders", "2")
    wait_for_figure(page, "refunds", "$100.57")
    page.wait_for_function("() => document.querySelectorAll('[data-panel=feed] tr.back').length === 3")
    for order_id, of, events in (("A/1", "tr:not(.back)", ["placed", "refunded", "refunded"]), ("B 2", "tr.back", ["placed", "cancelled"]),
                                 ("C", "tr", ["placed"])):  # fmt: skip
        open_order(page, order_id, of)
        trace = one.get(f"/v1/orders/{order_id.replace('/', '%2F').replace(' ', '%20')}/trace").json()
        assert [event["event"]["event"] for event in trace["events"]] == events
        found = shown(page, f"Order {order_id}")
        for event, (_, fields, cells) in zip(trace["events"], found, strict=True):
            assert {"order id", "created at", "total"} <= fields.keys()
            assert {cell[0] for cell in cells} == set(TABLES.values()), "sums of every kind"
            if event["event"].get("items"):
                assert fields.pop("items").count("product_id") == 2
        assert [list(one) for one in found] == as_traced(trace)
        page.keyboard.press("Escape")
        page.wait_for_selector("#order", state="hidden")
    # As texts that the test knows.
    open_order(page, "A/1", "tr.back")
    placed, part, more = (cells for _, _, cells in shown(page, "Order A/1"))
    assert placed[0] == ["in all", "", "GOOGLE · TX", "orders +1, units +3, subtotal +$1,034.5678, discount +$10.00, shipping +$55.00, "
                         "tax +$21.00, total +$1,100.5678"]  # fmt: skip
    assert [row[2:] for row in placed if row[0] == "product and day"] == [
        ["product 7", "orders +1, units +2, total +$1,000.00"], ["product 8", "orders +1, units +1, total +$34.5678"]]
    assert part[0][3] == "units −1, subtotal −$100.0078, total −$100.0078, refunded total +$100.0078, refunds +1"
    assert more[0][3] == "subtotal −$0.56, total −$0.56, refunded total +$0.56, refunds +1"
