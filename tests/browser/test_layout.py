# SPDX-License-Identifier: MIT
"""Where the panels stand: a row of five figures, time beside the map, three lists, the pipeline as one row at the foot;
on a phone one column in the same order. Light and dark."""

import pytest

from live_page import (DESK, PHONE, SOON_MS, WALL, assert_in_frame, instant, midday_zone, of_all, of_one, order, post, resize,
                       wait_for_figure)  # fmt: skip

PANELS = ["headline", "time", "share", "map", "matrix", "products", "feed", "pipeline"]
FIGURES = ["revenue", "orders", "units", "aov", "refunds"]
SCHEMES = {"light": "rgb(251, 250, 247)", "dark": "rgb(14, 20, 19)"}


@pytest.fixture
def page(server, open_page):
    one = server("--timezone", midday_zone())
    states = ["TX", "CA", "NY", "FL", "WA", "PA", "OH", "IL"]
    post(one, *[order(i, total=f"{i}.50", product_id=i % 9, state=states[i % 8], source=f"Source {i % 6}") for i in range(1, 61)],
         order("y", created_at=instant(86400 + 3600)), order(1, event="refunded", event_id="r", total="1.00"))  # fmt: skip
    found = open_page(one)
    wait_for_figure(found, "orders", "60")
    found.wait_for_selector("[data-panel=feed] tbody tr:nth-child(7)")
    found.wait_for_selector("[data-panel=products] li:nth-child(7)")
    found.wait_for_selector(".compared .up, .compared .down", timeout=2 * SOON_MS)
    return found


def each_size(page, viewport):
    """Light and dark, with the boxes of panels and figures: name -> (left, top, right, bottom) in CSS pixels."""
    for scheme, background in SCHEMES.items():
        page.emulate_media(color_scheme=scheme)
        resize(page, viewport)
        page.wait_for_function("width => innerWidth === width && document.querySelector('.plot').viewBox.baseVal.width === "
                               "document.querySelector('.chart').clientWidth", arg=viewport["width"], timeout=SOON_MS)  # fmt: skip
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == background
        assert_in_frame(page)
        yield page.evaluate("""() => Object.fromEntries(
            [...document.querySelectorAll("[data-panel], .figure, header, footer, .fact:not([hidden])")].map(e => {
                const { left, top, right, bottom } = e.getBoundingClientRect();
                const named = e.matches(".figure, .fact") ? e.querySelector("[data-figure], [data-pipeline]") : e;
                return [named.dataset.panel ?? named.dataset.figure ?? named.dataset.pipeline ?? e.localName,
                        [left, top + scrollY, right, bottom + scrollY]];
            }))""")  # fmt: skip


def width(box):
    return box[2] - box[0]


def one_row(boxes):
    """From left to right without overlap; gives whether they begin at the same height."""
    assert all(a[2] <= b[0] for a, b in zip(boxes, boxes[1:], strict=False)), boxes
    return max(box[1] for box in boxes) - min(box[1] for box in boxes) <= 1


def below(upper, lower):
    return all(a[3] <= b[1] + 1 for a in upper for b in lower)


def assert_as_on_a_desk(boxes):
    frame = boxes["headline"]
    assert one_row([boxes[name] for name in FIGURES])
    assert one_row([boxes["time"], boxes["map"]])
    assert boxes["share"][0] == boxes["time"][0], "share stands below time"
    assert boxes["share"][2] == boxes["time"][2]
    assert boxes["time"][3] <= boxes["share"][1] + 1
    lists = [boxes[name] for name in ("matrix", "products", "feed")]
    assert one_row(lists)
    figures, over = [boxes[name] for name in FIGURES], [boxes[name] for name in ("time", "share", "map")]
    rows = [[boxes["header"]], figures, over, lists, [boxes["footer"]]]
    assert all(below(a, b) for a, b in zip(rows, rows[1:], strict=False))
    assert boxes["time"][0] == boxes["matrix"][0] == boxes["pipeline"][0] == frame[0], "all begin at one edge"
    assert abs(boxes["map"][2] - frame[2]) <= 1
    assert abs(boxes["feed"][2] - frame[2]) <= 1
    for box in lists:
        assert 0.25 <= width(box) / width(frame) <= 0.4, "about a third each"


def test_on_a_desk_time_has_two_thirds_and_lists_a_third_each(page):
    for boxes in each_size(page, DESK):
        assert_as_on_a_desk(boxes)
        assert abs(width(boxes["time"]) / width(boxes["map"]) - 2) <= 0.01
        facts = [box for name, box in boxes.items() if name in ("rate", "fresh", "behind", "cancelled", "duplicate", "rejected", "late")]
        assert len(facts) == 7
        assert one_row(facts), "the pipeline is one row"


def test_on_a_wall_it_is_the_same_and_larger(page):
    (desk, *_) = each_size(page, DESK)
    for boxes in each_size(page, WALL):
        assert_as_on_a_desk(boxes)
        # The map is no wider than it is at its height; the chart has the rest.
        assert 2 <= width(boxes["time"]) / width(boxes["map"]) <= 3
        assert boxes["footer"][3] <= WALL["height"]
        assert width(boxes["headline"]) >= 0.9 * WALL["width"]
        assert all(boxes[name][3] - boxes[name][1] > 1.4 * (desk[name][3] - desk[name][1]) for name in PANELS)


def test_on_a_phone_all_stands_in_one_column_in_the_same_order(page):
    (desk, *_) = each_size(page, DESK)
    chart = of_one(page, ".chart", "e => e.clientHeight")
    for boxes in each_size(page, PHONE):
        column = [boxes["header"], *(boxes[name] for name in PANELS)]
        assert all(below([a], [b]) for a, b in zip(column, column[1:], strict=False)), boxes
        full = width(boxes["headline"])
        assert full == PHONE["width"] - 32
        assert all((box[0], width(box)) == (16, full) for box in column)
        assert width(boxes["revenue"]) == full
        assert one_row([boxes["orders"], boxes["units"]])
        assert one_row([boxes["aov"], boxes["refunds"]])
        assert below([boxes["revenue"]], [boxes["orders"], boxes["units"]])
        assert below([boxes["orders"], boxes["units"]], [boxes["aov"], boxes["refunds"]])
        assert of_one(page, ".chart", "e => e.clientHeight") >= chart, "the chart keeps its height"
    in_order = of_all(page, "[data-panel]", "all => all.map(e => e.dataset.panel)")
    assert [name for name in in_order if name != "alerts"] == PANELS, "and readers hear them in that order"
    assert desk.keys() == boxes.keys()
