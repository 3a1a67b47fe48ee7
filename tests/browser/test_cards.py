# SPDX-License-Identifier: MIT
"""On a phone each row of a table is a card: all figures of the row are there, with their names, and nothing lies over
another or scrolls sideways. The pipeline's details open below its row by finger, keyboard and mouse."""

import pytest

import harness
from live_page import (DESK, PHONE, SOON_MS, as_table, assert_in_frame, instant, matrix, midday_zone, of_all, of_one, order, picture, post,
                       rows, wait_for_figure, wait_for_text)  # fmt: skip

STATES = ["CA", "TX", "FL", "NY", "PA", "NC", "OH", "IL", "WA"]

# What one can see of a card's parts: text, with what stands before and behind it, and where it is. Parts that are cut
# (an ellipsis, a hidden box) say so.
PARTS = """(cards, parts) => cards.map(card => [...card.querySelectorAll(parts)].map(part => {
    const { left, top, right, bottom, width, height } = part.getBoundingClientRect();
    const style = getComputedStyle(part);
    const said = name => { const text = getComputedStyle(part, name).content; return /^"/.test(text) ? JSON.parse(text) : text; };
    const beside = ["::before", "::after"].map(said).map(text => (text === "none" || text === "normal" ? "" : text));
    return {
        text: beside[0] + part.textContent + beside[1], left, top, right, bottom,
        seen: width > 0 && height > 0 && style.visibility === "visible" && style.clipPath === "none" && parseFloat(style.fontSize) >= 10,
        cut: part.scrollWidth > part.clientWidth + 1 && style.overflow !== "visible",
    };
}))"""


def cards(page, selector, parts):
    """The texts of each card's parts, which must be seen whole and not lie over each other."""
    found = of_all(page, selector, PARTS, parts)
    assert found and all(found), selector
    for card in found:
        for i, a in enumerate(card):
            assert a["seen"] and not a["cut"], a
            assert a["left"] >= 0 and a["right"] <= PHONE["width"] + 0.5, a
            for b in card[i + 1 :]:
                apart = a["right"] <= b["left"] + 1 or b["right"] <= a["left"] + 1 or a["bottom"] <= b["top"] + 1 or b["bottom"] <= a["top"] + 1
                assert apart, (a, b)
    return [[part["text"].strip() for part in card] for card in found]


@pytest.fixture
def shop(server, tmp_path):
    names = tmp_path / "products.csv"
    names.write_text("product_id,title,category\n" + "".join(f"{i},Copper table lamp {i},Lighting\n" for i in range(8)))
    one = server("--timezone", midday_zone(), "--products", names)
    post(one, *[order(7_000_000 + i, total=f"{1000 + i}.50", product_id=i % 8, quantity=2, source=["Organic", "FACEBOOK"][i % 2],
                      state=STATES[i % 9]) for i in range(90)],
         order(7_000_088, event="refunded", event_id="r", total="41.90"))  # fmt: skip
    return one


def test_every_row_of_a_table_is_a_card_on_a_phone(shop, open_page):
    page = open_page(shop, viewport=PHONE)
    wait_for_figure(page, "orders", "90")
    page.wait_for_selector("[data-panel=products] li:nth-child(7)")
    page.wait_for_selector("[data-panel=feed] tr.back")
    assert_in_frame(page)

    sources = cards(page, "[data-panel=matrix] tbody tr", "th, td")
    assert [card[0] for card in sources] == ["FACEBOOK", "Organic"]
    table = matrix(page)
    for card in sources:
        assert len(card) == 10, "its name, eight states, and all"
        states = [text.split()[0] for text in card[1:-1]]
        assert len(set(states)) == 8 and set(states) < set(STATES), "each sum says of which state it is"
        assert card[-1].split() == ["All", f"{table[card[0], 'All'] / 1000:.1f}"]

    products = cards(page, "[data-panel=products] li", "span, button, b")
    assert len(products) == 7
    assert products[0][1].startswith("Copper table lamp ") and products[0][2].startswith("$")
    assert products[0][3] in ("11 orders · 22 units · Lighting", "12 orders · 24 units · Lighting")

    feed = cards(page, "[data-panel=feed] tbody tr", "td")
    assert len(feed) == 7
    back = next(card for card in feed if "−" in card[4])
    assert back[1:] == ["Order 7000088", "Copper table lamp 0, refunded", "From Organic · IL", "Amount −$41.90"]
    assert all(card[0] == "now" or card[0].endswith(" ago") for card in feed)
    picture(page, "cards")


def test_the_chart_as_a_table_is_cards_on_a_phone(shop, open_page):
    page = open_page(shop, viewport=PHONE)
    post(shop, order("y", created_at=instant(86400), total="999999999999.99"))
    wait_for_figure(page, "orders", "90")
    as_table(page)
    page.wait_for_selector("[data-panel=time] td:nth-child(4):text('$999,999,999,999.99')")
    hours = cards(page, "[data-panel=time] tbody tr", "td")
    assert ["Orders 90", "Revenue $94,008.10"] in [card[1:3] for card in hours]
    assert any("Before $999,999,999,999.99" in card for card in hours)
    assert of_one(page, "[data-panel=time] .scroll", "e => e.scrollWidth <= e.clientWidth"), "it scrolls up and down only"


def test_what_an_order_has_changed_and_what_was_rejected_are_cards_on_a_phone(shop, open_page):
    page = open_page(shop, viewport=PHONE, refusals=[422])
    wait_for_figure(page, "orders", "90")
    shop.post(order(8, total="-3.00")).problem(422)
    page.click("[data-panel=feed] tbody tr:first-child .what")
    page.wait_for_selector("#order[open] tbody tr")
    sums = cards(page, "#order tbody tr", "td")
    assert {card[0] for card in sums} == {"Sum in all", "Sum minute", "Sum hour", "Sum day", "Sum product and day"}
    assert all(card[2].startswith("Of ") and card[3].startswith("Added ") for card in sums)
    assert of_one(page, "#order", "e => e.scrollWidth <= e.clientWidth")
    page.keyboard.press("Escape")
    page.click("[data-panel=pipeline] a")
    page.wait_for_selector("#rejected[open] li")
    ((when, code, message),) = cards(page, "#rejected li .line", "span, b")
    assert code == "negative" and "total" in message and ":" in when
    assert of_one(page, "#rejected", "e => e.scrollWidth <= e.clientWidth")


def test_cards_are_still_tables_for_screen_readers(shop, open_page):
    page = open_page(shop, viewport=PHONE)
    page.wait_for_selector("[data-panel=feed] tbody tr")
    assert page.get_by_role("table", name="Newest orders").get_by_role("row").count() == 8
    assert page.get_by_role("table", name="Newest orders").get_by_role("columnheader", name="Amount").count() == 1
    table = page.get_by_role("table", name="Revenue by source and state")
    assert table.get_by_role("rowheader", name="Organic").count() == 1
    assert table.get_by_role("columnheader").count() == 9


def test_a_table_of_cards_is_sorted_by_its_headings(shop, open_page):
    page = open_page(shop, viewport=PHONE)
    wait_for_figure(page, "orders", "90")
    page.wait_for_selector("[data-panel=matrix] tbody tr:nth-child(2)")
    assert of_one(page, "[data-panel=matrix] .corner", "e => getComputedStyle(e, '::before').content") == '"Sort by "'
    first = page.text_content("[data-panel=matrix] tbody th")
    post(shop, order("much", total="9000", source="Organic" if first == "FACEBOOK" else "FACEBOOK", state="CA"),
         order("more", total="20000", source=first, state="TX"))  # fmt: skip
    wait_for_figure(page, "orders", "92")
    page.click("[data-panel=matrix] thead button:text('CA')")
    page.wait_for_selector("[data-panel=matrix] th[aria-sort=descending] >> text=CA")
    assert page.text_content("[data-panel=matrix] tbody th") != first


# --- The pipeline's details


def details(page):
    """What each fact says more: its words, and pairs of names and values."""
    return of_all(page, "#pipeline-details > div", """all => all.map(e => [
        e.children[0].textContent, e.children[1].textContent,
        [...e.querySelectorAll("dl > div")].map(pair => [...pair.children].map(part => part.textContent))])""")  # fmt: skip


@pytest.mark.parametrize("way", ["mouse", "keyboard", "finger"])
def test_the_pipelines_details_open_below_its_row(server, open_page, way):
    one = server()
    page = open_page(one, viewport=PHONE if way == "finger" else DESK, has_touch=way == "finger", refusals=[422])
    post(one, order(1), order(2, created_at=instant(3 * 86400)))
    assert one.post(harness.lines(order(1)), harness.NDJSON).json()["duplicate"] == 1
    one.post(order(9, total="-1")).problem(422)
    one.post(order(10, total="-2")).problem(422)
    one.post({"order_id": 11}).problem(422)
    wait_for_text(page, "[data-pipeline=rejected]", "3")
    button = page.get_by_role("button", name="Details")
    assert button.get_attribute("aria-expanded") == "false"
    assert not page.is_visible("#pipeline-details"), "quiet until it is asked"
    assert button.get_attribute("aria-controls") == "pipeline-details"
    if way == "keyboard":
        button.focus()
        page.keyboard.press("Enter")
    elif way == "finger":
        button.tap()
    else:
        button.click()
    box = page.get_by_role("region", name="Details of the pipeline")
    box.wait_for(state="visible")
    assert button.get_attribute("aria-expanded") == "true"
    page.wait_for_selector("#pipeline-details dl > div:nth-child(2)", timeout=SOON_MS)
    told = {words: (note, pairs) for words, note, pairs in details(page)}
    assert told["3 rejected"][1] == [["negative", "2"], ["missing", "1"]]
    assert told["1 known already"][0] == "duplicates since the store was made, of 6 events"
    assert "1 late" in told and "0 waiting" in told
    assert box.get_by_role("group", name="3 rejected").count() == 1
    top = of_one(page, "#pipeline-details", "e => e.getBoundingClientRect().top")
    assert top >= of_one(page, "[data-pipeline=late]", "e => e.getBoundingClientRect().bottom"), "it stands below the row"
    assert_in_frame(page)
    one.post(order(12, total="-1")).problem(422)
    page.wait_for_selector("#pipeline-details b:text('4 rejected')", timeout=SOON_MS)
    if way == "keyboard":
        page.keyboard.press("Space")
    else:
        button.click()
    box.wait_for(state="hidden")
    assert button.get_attribute("aria-expanded") == "false"
