# SPDX-License-Identifier: MIT
"""The live page as a person sees it: it is true, it is live, and it stays in its frame."""

import datetime
import decimal
import subprocess

import pytest

import harness

DESK = {"width": 1440, "height": 900}
TABLET = {"width": 800, "height": 1000}
PHONE = {"width": 390, "height": 844}
SOON_MS = 5_000  # far above what it takes, for machines that do other things as well


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def order(order_id, **fields):
    return harness.order(order_id, **{"created_at": now(), "source": "GOOGLE", "state": "TX", **fields})


def post(server, *orders):
    answer = server.post(harness.lines(*orders), harness.NDJSON)
    assert answer.status == 202, answer
    assert answer.json()["accepted"] == len(orders), answer


def wait_for_text(page, selector, text, timeout_ms=SOON_MS):
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.textContent === text", arg=[selector, text],
        timeout=timeout_ms)  # fmt: skip


def exact(page, selector):
    return decimal.Decimal(page.get_attribute(selector, "data-exact"))


def rows(page, body):
    return page.eval_on_selector_all(f"#{body} tr", "rows => rows.map(r => [...r.cells].map(c => c.textContent))")


def test_a_posted_order_appears_on_the_open_page(server, open_page):
    one = server()
    page = open_page(one)
    post(one, order("A-1", total="19.90", subtotal="19.90"))
    wait_for_text(page, "#today-total", "$19.90")
    wait_for_text(page, "#today-orders", "1")
    wait_for_text(page, "#orders tr:first-child .id .label", "A-1")
    post(one, order("A-2", total="0.10", subtotal="0.10", source="TWITTER"))
    wait_for_text(page, "#today-total", "$20.00")
    wait_for_text(page, "#orders tr:first-child .id .label", "A-2")
    assert [row[0] for row in rows(page, "sources")] == ["GOOGLE", "TWITTER"]
    wait_for_text(page, "#count-accepted", "2")


def test_every_figure_equals_what_the_query_api_says(server, open_page):
    one = server("--timezone", "America/New_York")
    sources = ["GOOGLE", "TWITTER", "ORGANIC", "", "FACEBOOK"]
    states = ["TX", "CA", "NY", "", "WA", "OR", "MT"]
    orders = [
        order(
            i,
            total=f"{i * 37 % 1000}.{i * 13 % 10000:04d}",
            source=sources[i % 5],
            state=states[i % 7],
            product_id=i % 23,
            quantity=i % 4,
        )
        for i in range(1, 501)
    ]
    orders += [order(7, event="cancelled", total="12.5000"), order(8, event="refunded", event_id="r", total="3.0001")]
    orders += [order(900, created_at="2020-02-29T12:00:00Z", total="1000000.0001")]
    post(one, *orders)
    page = open_page(one)
    wait_for_text(page, "#count-accepted", "503")
    page.wait_for_function("() => document.querySelector('#products-none').hidden", timeout=SOON_MS)

    def ask(query):
        return one.get(f"/v1/sales?{query}").json()["rows"]

    date = page.evaluate("new Date().toLocaleDateString('en-CA', {timeZone: 'America/New_York'})")
    today, all_time = ask(f"by=source&bucket=day&from={date}"), ask("by=source")
    assert exact(page, "#today-total") == total_of(today)
    assert exact(page, "#all-total") == total_of(all_time) == total_of(today) + decimal.Decimal("1000000.0001")
    assert page.text_content("#today-orders") == f"{sum(row['orders'] for row in today):,}" == "499"
    for body, by, name in (("sources", "source", "{}"), ("states", "state", "{}"), ("products", "product", "Product {}")):
        want = ask(f"bucket=day&from={date}&by={by}")
        want.sort(key=lambda row: -decimal.Decimal(row["total"]))
        shown = rows(page, body)
        assert [row[0] for row in shown[:10]] == [name.format(row.get(by, row.get("product_id"))) for row in want[:10]]
        assert [row[1] for row in shown[:10]] == [f"{row['orders']:,}" for row in want[:10]]
        titles = page.eval_on_selector_all(f"#{body} tr", "rows => rows.map(r => r.cells[2].title)")
        amounts = [decimal.Decimal(title.split()[0]) for title in titles]
        assert amounts[:10] == [decimal.Decimal(row["total"]) for row in want[:10]]
        assert sum(amounts) == total_of(today), "what is not ranked is in the last row"


def total_of(found):
    return sum(decimal.Decimal(row["total"]) for row in found)


def test_other_currencies_stand_apart(server, open_page):
    one = server("--currency", "EUR")
    page = open_page(one)
    assert not page.is_visible("#currencies-card")
    post(one, order(1, total="10.00"), order(2, total="7", currency="JPY"), order(3, total="1", currency="USD"))
    wait_for_text(page, "#today-total", "€10.00")
    page.wait_for_selector("#currencies-card", state="visible")
    assert [row[:3] for row in rows(page, "currencies")] == [["JPY", "1", "¥7"], ["USD", "1", "$1.00"]]
    assert page.text_content("#today-orders") == "1"


def test_no_digit_of_a_large_amount_is_lost(server, open_page):
    one = server()
    post(one, *[order(i, total="999999999999.9999") for i in range(1, 10)])
    page = open_page(one, viewport=PHONE)
    wait_for_text(page, "#all-total", "$9,000,000,000,000.00")
    assert exact(page, "#all-total") == 9 * decimal.Decimal("999999999999.9999")
    assert page.get_attribute("#all-total", "title") == "8999999999999.9991 USD"
    assert_no_overflow(page)


def test_the_page_connects_again_after_a_restart(server, open_page):
    one = server()
    page = open_page(one, disconnects=True)
    post(one, order(1, total="1"))
    wait_for_text(page, "#today-orders", "1")
    one.kill()
    page.wait_for_selector("#connection[data-state=reconnecting]")
    assert page.text_content("#connection-text") == "Reconnecting"
    assert page.text_content("#today-orders") == "1", "the last figures stay"
    again = server(listen=f"127.0.0.1:{one.port}")
    post(again, order(2, total="2"))
    page.wait_for_selector("#connection[data-state=live]")
    wait_for_text(page, "#today-orders", "2")
    wait_for_text(page, "#today-total", "$3.00")
    post(again, order(3, total="3"))
    wait_for_text(page, "#today-total", "$6.00")


def test_text_of_an_order_is_never_markup(server, open_page):
    one = server()
    page = open_page(one)
    evil = "<img src=x onerror=\"document.title='owned'\"><b>x</b>"
    post(one, order("<script>document.title='owned'</script>", source=evil, state=evil, product_id=evil))
    page.wait_for_selector("#orders tr")
    page.wait_for_selector("#products tr")
    assert rows(page, "sources")[0][0] == evil
    assert rows(page, "products")[0][0] == f"Product {evil}"
    assert rows(page, "orders")[0][4] == evil
    assert page.text_content("#orders .id .label") == "<script>document.title='owned'</script>"
    assert page.locator("main img, main b, main script").count() == 0
    assert page.title() == "Salestide"


def test_an_empty_shop_is_told_how_to_send_its_first_order(server, open_page):
    one = server()
    page = open_page(one)
    page.wait_for_selector("#empty", state="visible")
    command = page.text_content("#empty-command")
    assert command.startswith(f"curl {one.url}/v1/orders")
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=30, check=False)
    assert b'"accepted":1' in done.stdout, done
    page.wait_for_selector("#empty", state="hidden")
    wait_for_text(page, "#today-total", "$19.90")


def test_products_are_shown_by_name(server, open_page, tmp_path):
    names = tmp_path / "products.csv"
    names.write_text('product_id,title,category\n7,"Paper wallet, brown",Gizmo\n')
    one = server("--products", names)
    page = open_page(one)
    lines = [{"product_id": 7, "quantity": 1, "subtotal": "1"}, {"product_id": 8, "quantity": 1, "subtotal": "2"}]
    many = order(2, total="3", items=lines)
    del many["product_id"], many["quantity"]
    post(one, order(1, product_id=7, total="5"), many)
    wait_for_text(page, "#orders tr:first-child td:nth-child(3)", "Paper wallet, brown + 1 more")
    wait_for_text(page, "#products tr:nth-child(2) .label", "Product 8")
    assert [row[0] for row in rows(page, "products")] == ["Paper wallet, brown", "Product 8"]


def test_the_chart_says_in_words_and_in_a_table_what_it_draws(server, open_page):
    one = server()
    page = open_page(one)
    post(one, order(1, total="1234.50"), order(2, total="0.50"))
    page.wait_for_function(
        "() => document.querySelector('#chart-text').textContent.startsWith('$1,235.00 from 2 orders')",
        timeout=SOON_MS)  # fmt: skip
    assert page.get_attribute("#chart", "role") == "img"
    page.click("#chart-details summary")
    page.wait_for_function("() => document.querySelectorAll('#chart-table tr').length === 60", timeout=SOON_MS)
    shown = rows(page, "chart-table")
    assert sum(int(row[1]) for row in shown) == 2
    painted = page.evaluate(
        """() => {
            const canvas = document.querySelector("#chart canvas");
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            return data.some((value) => value !== 0);
        }"""
    )
    assert painted, "the chart is empty"


def assert_no_overflow(page):
    wide = page.evaluate(
        """() => [...document.querySelectorAll("body *")]
            .filter((e) => !e.closest(".scroll, pre") && e.getBoundingClientRect().right > innerWidth + 0.5)
            .map((e) => e.outerHTML.slice(0, 100))"""
    )
    assert wide == [], "wider than the window"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESK, TABLET, PHONE], ids=["desk", "tablet", "phone"])
def test_the_page_fits_the_window(server, open_page, viewport, scheme):
    one = server()
    page = open_page(one, viewport=viewport, color_scheme=scheme)
    assert_no_overflow(page)  # with nothing sold yet
    long_id, long_name = "X" * 64, "W" * 100
    post(one, *[order(i, total="123456.78", state=f"S{i}", product_id=i) for i in range(1, 40)],
         order(long_id, total="1", source=long_name, state="a " * 49 + "b", product_id=long_name),
         order(41, total="1", currency="JPY"))  # fmt: skip
    wait_for_text(page, "#count-accepted", "41")
    page.wait_for_selector("#products tr")
    assert_no_overflow(page)
    page.click("#chart-details summary")
    assert_no_overflow(page)


@pytest.mark.parametrize("viewport", [DESK, TABLET, PHONE], ids=["desk", "tablet", "phone"])
@pytest.mark.parametrize("total", ["99999.99", "8888888.88", "13168333.69", "888888888.88"])
def test_a_key_figure_stands_on_one_line(server, open_page, viewport, total):
    one = server()
    page = open_page(one, viewport=viewport)
    post(one, order(1, total=total))
    wait_for_text(page, "#today-total", f"${decimal.Decimal(total):,}")
    wait_for_text(page, "#all-total", f"${decimal.Decimal(total):,}")
    broken = page.evaluate(
        """() => [...document.querySelectorAll(".tile .value")]
            .filter((e) => e.getBoundingClientRect().height > 1.5 * parseFloat(getComputedStyle(e).lineHeight))
            .map((e) => e.id)"""
    )
    assert broken == []


def contrast(page, selector):
    """Of a text against what is behind it, as WCAG 2 counts it."""
    return page.evaluate(
        """(selector) => {
            const rgb = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
            const luminance = (color) => rgb(color)
                .map((v) => v / 255)
                .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
                .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
            let behind = document.querySelector(selector);
            const text = luminance(getComputedStyle(behind).color);
            while (/rgba\\(.*, 0\\)|transparent/.test(getComputedStyle(behind).backgroundColor)) {
                behind = behind.parentElement;
            }
            const back = luminance(getComputedStyle(behind).backgroundColor);
            return (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
        }""",
        selector,
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_can_be_read_and_walked_through(server, open_page, scheme):
    one = server()
    page = open_page(one, color_scheme=scheme)
    post(one, order(1))
    page.wait_for_selector("#orders tr")
    for selector in ("#today-total", "#today-total-note", "#connection", "#health-ready", ".tile h2", "#day",
                     "#orders .time", "dt", "figcaption"):  # fmt: skip
        assert contrast(page, selector) >= 4.5, selector
    for landmark in ("header", "main", "footer", "h1"):
        assert page.locator(landmark).count() == 1, landmark
    live = page.eval_on_selector_all("[aria-live]", "all => all.map(e => e.id)")
    assert live == ["connection"], "only the connection speaks up by itself"
    assert page.evaluate("document.documentElement.lang") == "en"
    unnamed = page.eval_on_selector_all(
        "section, figure, [role=region]",
        "all => all.filter(e => !e.ariaLabel && !document.getElementById(e.getAttribute('aria-labelledby'))).length")
    assert unnamed == 0
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the figures"
