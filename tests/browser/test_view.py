# SPDX-License-Identifier: MIT
"""The page is narrowed by its filters, and a link shows the same view again."""

import base64
import csv
import datetime
import decimal
import urllib.parse

import pytest

from live_page import as_table, exact, instant, matrix, of_all, of_one, order, post, products, rows, wait_for_figure, wait_for_text

NOON = datetime.datetime(2026, 5, 12, 12, tzinfo=datetime.timezone.utc)


@pytest.fixture
def shop(server):
    one = server()
    post(one, order(1, total="10", source="GOOGLE", state="TX", product_id=1),
         order(2, total="20", source="GOOGLE", state="CA", product_id=2),
         order(3, total="40", source="TWITTER", state="TX", product_id=1),
         order(4, total="80", source="TWITTER", state="NY", product_id=2, created_at=instant(86400)))  # fmt: skip
    return one


def test_filters_narrow_every_panel_and_stay_live(shop, open_page):
    page = open_page(shop)
    wait_for_figure(page, "revenue", "$70.00")
    page.select_option("#filter-source", "=GOOGLE")
    wait_for_figure(page, "revenue", "$30.00")
    assert page.url.endswith("/#source=GOOGLE")
    assert matrix(page)["GOOGLE", "All"] == 30
    assert ("TWITTER", "All") not in matrix(page)
    assert {row[3] for row in rows(page, "feed")} == {"GOOGLE · TX", "GOOGLE · CA"}
    assert "whole shop only" in page.text_content("[data-panel=products] .none")
    page.select_option("#filter-state", "=TX")
    wait_for_figure(page, "revenue", "$10.00")
    assert as_table(page)[0][1:3] == ["1", "$10.00"]
    post(shop, order(5, total="5", source="GOOGLE", state="TX"), order(6, total="100", source="TWITTER", state="TX"))
    wait_for_figure(page, "revenue", "$15.00")
    wait_for_figure(page, "orders", "2")


def test_a_link_shows_the_same_view_and_back_goes_back(shop, open_page):
    page = open_page(shop)
    wait_for_figure(page, "revenue", "$70.00")
    page.select_option("#filter-source", "=TWITTER")
    wait_for_figure(page, "revenue", "$40.00")
    page.select_option("#filter-state", "=TX")
    page.click("[data-panel=time] button:text('30 days')")
    wait_for_text(page, "[data-panel=time] h2 span", "Revenue by day")
    link = page.url
    other = open_page(shop, view=link.split("/")[-1])
    wait_for_figure(other, "revenue", "$40.00")
    wait_for_text(other, "[data-panel=time] h2 span", "Revenue by day")
    assert other.input_value("#filter-source") == "=TWITTER"
    assert other.input_value("#filter-state") == "=TX"
    for _ in range(3):
        page.go_back()
    wait_for_figure(page, "revenue", "$70.00")
    wait_for_text(page, "[data-panel=time] h2 span", "Revenue by hour")
    page.wait_for_function("() => document.querySelector('#filter-source').value === ''")
    assert page.url.endswith("/")


def test_filters_offer_what_was_sold_in_the_last_30_days_and_in_the_period_shown(shop, open_page):
    post(shop, order(5, source="OLD", state="WA", created_at=instant(20 * 86400)),
         order(6, source="OLDER", state="OR", created_at=instant(60 * 86400)))  # fmt: skip
    names = "([id, wanted]) => [...document.querySelector(id).options].map(o => o.text).join() === wanted"
    page = open_page(shop)
    page.wait_for_function(names, arg=["#filter-source", "All sources,GOOGLE,OLD,TWITTER"])
    page.wait_for_function(names, arg=["#filter-state", "All states,CA,NY,TX,WA"])
    first = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=70)).date()
    page = open_page(shop, view=f"#from={first}&to={first + datetime.timedelta(days=20)}&source=FROM A LINK")
    page.wait_for_function(names, arg=["#filter-source", "All sources,FROM A LINK,GOOGLE,OLD,OLDER,TWITTER"])
    assert page.input_value("#filter-source") == "=FROM A LINK"


def test_a_period_shows_its_sums_and_those_of_the_time_before(shop, open_page):
    page = open_page(shop, view="#period=yesterday")
    wait_for_figure(page, "revenue", "$80.00")
    page.select_option("#filter-period", "7d")
    wait_for_figure(page, "revenue", "$150.00")
    (all_of_it,) = shop.get("/v1/sales?by=").json()["rows"]
    assert exact(page, "revenue") == decimal.Decimal(all_of_it["total"])
    assert [row[2] for row in as_table(page)][:2] == ["$70.00", "$80.00"]
    assert products(page) == [("Product 2", 100), ("Product 1", 50)]


def test_a_state_of_the_map_and_a_product_narrow_by_a_click(shop, open_page):
    page = open_page(shop)
    wait_for_figure(page, "revenue", "$70.00")
    page.click("[data-panel=map] [data-state=CA]")
    wait_for_figure(page, "revenue", "$20.00")
    page.click("[data-panel=map] [data-state=CA]")
    wait_for_figure(page, "revenue", "$70.00")
    page.click("[data-panel=products] button:text('Product 1')")
    wait_for_figure(page, "revenue", "$50.00")
    assert page.text_content("[data-figure=refunds]") == "–"
    page.click("#filter-product")
    wait_for_figure(page, "revenue", "$70.00")


def test_all_spellings_of_a_state_are_one_tile_and_one_click(server, open_page):
    one = server()
    post(one, order(1, total="10", state="TX"), order(2, total="40", state="Texas"), order(3, total="5", state="tx"),
         order(4, total="100", state="CA"))  # fmt: skip
    page = open_page(one)
    wait_for_figure(page, "revenue", "$155.00")
    wait_for_text(page, "[data-panel=map] [data-state=TX] title", "TX: 55.00 USD, 3 orders, as Texas, TX, tx")
    assert page.text_content("[data-panel=map] small") == "", "none of them is elsewhere"
    page.click("[data-panel=map] [data-state=TX]")
    wait_for_figure(page, "revenue", "$55.00")
    assert page.url.endswith("/#state=Texas&state=TX&state=tx")
    other = open_page(one, view="#" + page.url.partition("#")[2])
    for narrowed in (page, other):
        wait_for_figure(narrowed, "revenue", "$55.00")
        wait_for_figure(narrowed, "orders", "3")
        narrowed.wait_for_selector("[data-panel=map] [data-state=TX][aria-pressed=true]")
        narrowed.wait_for_function("() => document.querySelector('#filter-state').selectedOptions[0].textContent === 'Texas, TX, tx'")
        assert matrix(narrowed)["GOOGLE", "All"] == 55
        assert len(rows(narrowed, "feed")) == 3
        for panel in ("time", "matrix"):
            query = urllib.parse.urlsplit(narrowed.get_attribute(f"[data-panel={panel}] a:text('CSV')", "href")).query
            assert urllib.parse.parse_qs(query)["state"] == ["Texas", "TX", "tx"]
    page.select_option("#filter-state", "=TX")
    wait_for_figure(page, "revenue", "$10.00")
    assert page.url.endswith("/#state=TX")
    other.click("[data-panel=map] [data-state=TX]")
    wait_for_figure(other, "revenue", "$155.00")
    assert other.url.endswith("/")


def test_a_product_and_a_source_take_the_place_of_each_other(shop, open_page):
    page = open_page(shop, view="#product=1&source=GOOGLE&state=TX")
    wait_for_figure(page, "revenue", "$10.00")
    assert page.url.endswith("/#source=GOOGLE&state=TX"), "the last one counts"
    assert not page.is_visible("#filter-product")
    page = open_page(shop, view="#source=GOOGLE&state=TX&product=1")
    wait_for_figure(page, "revenue", "$50.00")
    page.wait_for_selector("#filter-product", state="visible")
    assert page.url.endswith("/#product=1")
    assert [page.input_value("#filter-source"), page.input_value("#filter-state")] == ["", ""]
    page.select_option("#filter-source", "=GOOGLE")
    wait_for_figure(page, "revenue", "$30.00")
    page.wait_for_selector("#filter-product", state="hidden")
    assert page.url.endswith("/#source=GOOGLE")


def test_sparklines_show_todays_hours_whatever_the_chart_does(clock, server, open_page):
    clock.set(NOON + datetime.timedelta(minutes=30))
    one = server(env=clock.environment)
    post(one, *[order(ago, created_at=(NOON - datetime.timedelta(hours=ago)).isoformat(), total=total, product_id=1)
                for ago, total in ((1, "20.00"), (2, "30.00"), (3, "10.00"), (30, "500.00"), (60, "100.00"))])  # fmt: skip
    line = "[data-panel=headline] .spark path"
    page = open_page(one)
    page.wait_for_function("line => document.querySelector(line).getAttribute('d')", arg=line)  # empty until hours come
    of_today = page.get_attribute(line, "d")
    assert of_today.count("L") == 11, "midnight to noon"
    for view in ("#source=GOOGLE", "#source=GOOGLE&chart=minutes", "#source=GOOGLE&chart=days"):
        page = open_page(one, view=view)
        wait_for_figure(page, "orders", "3")
        page.wait_for_function("([line, d]) => document.querySelector(line).getAttribute('d') === d", arg=[line, of_today])
    page = open_page(one, view="#product=1")
    wait_for_figure(page, "orders", "3")
    page.wait_for_function("line => document.querySelector(line).getAttribute('d') === ''", arg=line)  # no hours are kept


def test_the_chart_says_sums_to_the_last_digit(server, open_page):
    one = server()
    post(one, order(1, total="12.3456"), order(2, total="0.0004"))
    page = open_page(one, view="#chart=days")
    wait_for_figure(page, "revenue", "$12.35")
    page.focus("[data-panel=time] .chart")
    page.keyboard.press("End")
    page.wait_for_selector(".tip span:text('$12.346 · 2 orders')")
    page.wait_for_function("() => document.querySelector('#chart-text').textContent.endsWith('with $12.346.')")
    assert as_table(page)[0][1:3] == ["2", "$12.346"]


def test_the_map_is_walked_and_a_state_chosen_by_keyboard(shop, open_page):
    page = open_page(shop)
    page.wait_for_selector("[data-panel=map] [data-state=CA][aria-pressed=false]")
    assert page.get_by_role("button", name="CA: ").count() == 1
    stops = of_all(page, "[data-panel=map] [tabindex='0']", "all => all.map(e => e.dataset.state)")
    assert stops == ["CA"], "one stop of the Tab key, not fifty"
    page.focus("[data-panel=map] [data-state=CA]")
    walked = []
    for key in ("ArrowRight", "ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
        walked.append(page.evaluate("document.activeElement.dataset.state"))
    assert walked == ["UT", "AZ", "NM", "CO", "UT", "CA", "CA", "OR"], "there is none to the left of California"
    while page.evaluate("document.activeElement.dataset.state") != "CA":
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_function("() => location.hash === '#state=CA'")
    page.wait_for_selector("[data-panel=map] [data-state=CA][aria-pressed=true]")
    assert page.evaluate("document.activeElement.dataset.state") == "CA", "the focus stays"
    page.keyboard.press("Space")
    page.wait_for_function("() => location.hash === ''")


def test_a_range_is_brushed_on_the_chart(shop, open_page):
    page = open_page(shop, view="#chart=days")
    wait_for_text(page, "[data-panel=time] h2 span", "Revenue by day")
    page.wait_for_selector(".plot .bar", state="attached")
    bars = of_all(page, ".plot .bar", "all => all.map(b => { const r = b.getBoundingClientRect(); return r.x + r.width / 2; })")
    y = of_one(page, ".plot", "e => e.getBoundingClientRect().y + 60")
    page.mouse.move(bars[-5], y)
    page.mouse.down()
    page.mouse.move(bars[-2], y, steps=4)
    page.mouse.up()
    wait_for_figure(page, "revenue", "$80.00")
    assert "from=" in page.url
    assert [row[2] for row in as_table(page)] == ["$80.00", "$0.00", "$0.00", "$0.00"]
    page.click("[data-panel=time] button:text('Today')")
    wait_for_figure(page, "revenue", "$70.00")


def test_a_range_is_chosen_on_the_chart_by_keyboard(shop, open_page):
    page = open_page(shop, view="#chart=days")
    page.wait_for_selector(".plot .bar", state="attached")
    page.focus(".chart")
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    assert "from=" not in page.url, "Escape has let go of it"
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Enter")
    wait_for_figure(page, "revenue", "$80.00")
    assert [row[2] for row in as_table(page)] == ["$80.00", "$0.00", "$0.00", "$0.00"]


def chosen_hours(page):
    """The range in the address, in hours since NOON."""
    query = dict(urllib.parse.parse_qsl(page.evaluate("location.hash").removeprefix("#")))
    return [(datetime.datetime.fromisoformat(query[name]) - NOON) / datetime.timedelta(hours=1) for name in ("from", "to")]


def test_a_range_of_hours_ends_with_the_last_of_them(clock, server, open_page):
    clock.set(NOON + datetime.timedelta(minutes=30))
    one = server(env=clock.environment)
    post(one, order(1, created_at=(NOON + datetime.timedelta(minutes=10)).isoformat(), total="10.00"))
    page = open_page(one)
    wait_for_figure(page, "revenue", "$10.00")

    def begin():
        page.click("[data-panel=time] button:text('Today')")
        page.wait_for_function("() => location.hash === ''")
        page.wait_for_selector(".plot .dot", state="attached")
        page.focus("[data-panel=time] .chart")

    for keys, hours in ((("End", "Shift+ArrowLeft"), [10, 12]), (("End", "Shift+ArrowRight"), [11, 12]),
                        (("Home", "Shift+ArrowRight", "Shift+ArrowLeft"), [-12, -11])):  # fmt: skip
        begin()
        for key in (*keys, "Enter"):
            page.keyboard.press(key)
        page.wait_for_function("() => location.hash !== ''")
        assert chosen_hours(page) == hours, keys
    begin()
    x, y = of_one(page, ".plot .dot", "dot => { const r = dot.getBoundingClientRect(); return [r.x + r.width / 2, r.y]; }")
    page.mouse.click(x, y)
    page.mouse.move(x - 5, y)
    page.mouse.down()
    page.mouse.move(x + 5, y, steps=4)
    page.mouse.up()
    wait_for_text(page, "[data-panel=headline] h2", "Revenue of the range")
    assert chosen_hours(page) == [0, 1], "the hour that was pointed at; not a click alone"
    wait_for_figure(page, "orders", "1")


def colours(page, png):
    """Of a picture's pixels, as a style sheet writes them."""
    return page.evaluate("""async (data) => {
        const picture = new Image();
        picture.src = `data:image/png;base64,${data}`;
        await picture.decode();
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [picture.width, picture.height];
        const context = canvas.getContext("2d");
        context.drawImage(picture, 0, 0);
        const bytes = context.getImageData(0, 0, canvas.width, canvas.height).data;
        const found = new Set();
        for (let i = 0; i < bytes.length; i += 4) {
            found.add(`rgb(${bytes.slice(i, i + 3).join(", ")})`);
        }
        return [...found];
    }""", base64.b64encode(png).decode())  # fmt: skip


def test_what_is_shown_is_exported(shop, open_page):
    page = open_page(shop, view="#source=GOOGLE")
    wait_for_figure(page, "revenue", "$30.00")
    with page.expect_download() as table:
        page.click("[data-panel=time] a:text('CSV')")
    lines = table.value.path().read_text().splitlines()
    assert lines[0].startswith("bucket,currency,orders"), lines[0]
    assert sum(decimal.Decimal(line.split(",")[lines[0].split(",").index("total")]) for line in lines[1:]) == 30
    for panel, by, sums in (("matrix", ["source", "state"], {("GOOGLE", "TX"): 10, ("GOOGLE", "CA"): 20}), ("products", ["product_id"], None)):
        page.hover(f"[data-panel={panel}]")
        if sums is None:
            page.select_option("#filter-source", "")
            wait_for_text(page, "[data-panel=products] li .name", "Product 1")
            sums = {("1",): 50, ("2",): 20}
        with page.expect_download() as table:
            page.click(f"[data-panel={panel}] .csv")
        found = list(csv.DictReader(table.value.path().open(encoding="utf-8")))
        assert {tuple(row[name] for name in by): decimal.Decimal(row["total"]) for row in found} == sums
    with page.expect_download() as picture:
        page.click("[data-panel=time] button:text('PNG')")
    png = picture.value.path().read_bytes()
    assert png.startswith(b"\x89PNG\r\n")
    accent = of_one(page, ".plot .dot", "dot => getComputedStyle(dot).fill")
    assert accent in colours(page, png), "it looks as on the page"


def test_a_heading_of_the_table_sorts_it(shop, open_page):
    page = open_page(shop)
    wait_for_figure(page, "revenue", "$70.00")

    def sources():
        return of_all(page, "[data-panel=matrix] tbody th", "all => all.map(th => th.textContent)")

    assert sources() == ["TWITTER", "GOOGLE"]
    page.click("[data-panel=matrix] thead button:text('CA')")
    page.wait_for_selector("[data-panel=matrix] th[aria-sort=descending] >> text=CA")
    assert sources() == ["GOOGLE", "TWITTER"]


def test_a_view_that_cannot_be_asked_says_why(shop, open_page):
    page = open_page(shop, view="#product=1&from=2026-01-01T10:00:00Z&to=2026-01-01T12:00:00Z")
    page.wait_for_selector("#problem", state="visible")
    assert "choose whole days" in page.text_content("#problem")
