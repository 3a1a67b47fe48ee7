# SPDX-License-Identifier: MIT
"""What each panel shows is to be had as CSV, with the same sums, and safe to open in a spreadsheet."""

import csv
import decimal

import pytest

from live_page import instant, midday_zone, order, post, rows, wait_for_figure, wait_for_text

EVIL = ["=1+1", "+1", "-1", "@SUM(A1)", 'say "so", or']


@pytest.fixture
def shop(server):
    one = server("--timezone", midday_zone())
    post(one, order(1, total="10", source="GOOGLE", state="TX", product_id=1),
         order(2, total="20", source="GOOGLE", state="CA", product_id=2),
         order(3, total="40", source="TWITTER", state="TX", product_id=1),
         order(4, total="80", source="TWITTER", state="NY", product_id=2, created_at=instant(86400)))  # fmt: skip
    return one


def exported(page, panel):
    page.hover(f"[data-panel={panel}] h2 >> nth=0")
    with page.expect_download() as table:
        page.click(f"[data-panel={panel}] .csv")
    return list(csv.DictReader(table.value.path().open(encoding="utf-8", newline="")))


def sums(found, by):
    groups = {}
    for row in found:
        groups[row[by]] = groups.get(row[by], 0) + decimal.Decimal(row["total"])
    return groups


def test_headline_map_and_share_are_exported(shop, open_page):
    page = open_page(shop)
    wait_for_figure(page, "revenue", "$70.00")
    page.wait_for_selector("[data-panel=share] path", state="attached")
    (row,) = exported(page, "headline")
    assert (decimal.Decimal(row["total"]), row["orders"], row["units"]) == (70, "3", "3")
    assert decimal.Decimal(row["before_total"]) in (0, 80), "beside yesterday until this time"
    assert sums(exported(page, "map"), "state") == {"TX": 50, "CA": 20}
    share = exported(page, "share")
    assert sums(share, "source") == {"GOOGLE": 30, "TWITTER": 40}
    assert all(row["bucket"].endswith(":00:00Z") or row["bucket"].endswith("00.000Z") for row in share), share


def test_what_is_exported_is_narrowed_as_the_page_is(shop, open_page):
    page = open_page(shop, view="#source=GOOGLE&state=TX")
    wait_for_figure(page, "revenue", "$10.00")
    (row,) = exported(page, "headline")
    assert decimal.Decimal(row["total"]) == 10
    assert sums(exported(page, "map"), "state") == {"TX": 10, "CA": 20}, "the map shows all states of the source"
    assert sums(exported(page, "share"), "source") == {"GOOGLE": 10}
    assert [row["order_id"] for row in exported(page, "feed")] == ["1"]
    page.goto(page.url.partition("#")[0] + "#product=1&period=7d")
    wait_for_figure(page, "revenue", "$50.00")
    (row,) = exported(page, "headline")
    assert (row["product_id"], decimal.Decimal(row["total"])) == ("1", 50)
    assert not page.is_visible("[data-panel=map] .csv"), "there is none by product"
    assert not page.is_visible("[data-panel=share] .csv")


def test_the_feed_is_exported_with_all_that_the_page_knows_of_it(shop, open_page):
    page = open_page(shop)
    post(shop, *[order(f"A-{i}", total=f"{i}.25", product_id=9) for i in range(12)], order(1, event="refunded", event_id="r", total="3.00"))
    page.wait_for_selector("[data-panel=feed] tr.back")
    wait_for_figure(page, "orders", "15")
    found = exported(page, "feed")
    assert len(found) == 17, "more than the seven that have room"
    assert list(found[0]) == ["received_at", "created_at", "event", "order_id", "source", "state", "product_id", "product", "currency", "total"]
    (back,) = [row for row in found if row["event"] == "refunded"]
    assert (back["order_id"], back["total"], back["currency"]) == ("1", "-3.0000", "USD")
    assert sums([row for row in found if row["event"] == "placed"], "currency") == {"USD": 150 + sum(decimal.Decimal(f"{i}.25") for i in range(12))}
    page.click("[data-panel=feed] button:text('pause')")
    post(shop, order("late"))
    wait_for_figure(page, "orders", "16")
    assert exported(page, "feed") == found, "what is held still is what is exported"


def test_no_text_of_an_order_is_worked_out_by_a_spreadsheet(server, open_page):
    one = server("--timezone", midday_zone())
    post(one, *[order(f"{text[:4]}{i}", total="1", source=f"{text}s", state=f"{text}t") for i, text in enumerate(EVIL)])
    page = open_page(one)
    wait_for_figure(page, "orders", str(len(EVIL)))
    wait_for_text(page, "[data-panel=feed] tbody tr:first-child .amount", "$1.00")
    assert len(rows(page, "feed")) == len(EVIL)
    for panel, columns in (("feed", ("order_id", "source", "state")), ("map", ("state",)), ("share", ("source",))):
        page.hover(f"[data-panel={panel}] h2")
        with page.expect_download() as table:
            page.click(f"[data-panel={panel}] .csv")
        raw = table.value.path().read_bytes().decode()
        found = list(csv.DictReader(raw.splitlines(keepends=True)))
        assert len(found) == len(EVIL), raw
        for name in columns:
            cells = [row[name] for row in found]
            assert not any(cell[0] in "=+-@\t\r\n" for cell in cells), cells
            assert sum(cell.startswith("'") for cell in cells) == 4, "a text stays a text"
        assert "\r\n" in raw
