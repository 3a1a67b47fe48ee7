# SPDX-License-Identifier: MIT
"""The page writes numbers, amounts, dates and names of days as the shop does (--locale), whatever the browser is set
to, and to the same digit; what is exported stays plain."""

import csv
import datetime

import pytest

import harness
from live_page import (DESK, PHONE, SOON_MS, TABLET, as_table, assert_in_frame, exact, midday_zone, of_all, of_one, order, picture, post,
                       resize, rows, wait_for_figure, wait_for_text)  # fmt: skip

NOON = datetime.datetime(2026, 11, 28, 12, 30, tzinfo=datetime.timezone.utc)  # a Saturday
GERMAN = ("--locale", "de-DE", "--currency", "EUR")


def of_the_shop(text):
    """With plain spaces for those that hold a number and its sign together."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def figure(page, name):
    return of_the_shop(page.text_content(f"[data-figure={name}]"))


@pytest.mark.parametrize(("locale", "revenue", "refunds", "aov", "orders", "listed", "day"), [
    ("de-DE", "1.980.716,80 €", "41,90 €", "1.980,76 €", "1.000", "-41,90 €", "Samstag, 28. November · UTC"),
    ("en-US", "€1,980,716.80", "€41.90", "€1,980.76", "1,000", "-€41.90", "Saturday, November 28 · UTC"),
    ("fr-CH", "1 980 716.80 €", "41.90 €", "1 980.76 €", "1 000", "-41.90 €", "samedi 28 novembre · UTC"),
])  # fmt: skip
def test_figures_and_dates_are_the_shops(clock, server, open_page, locale, revenue, refunds, aov, orders, listed, day):
    clock.set(NOON)
    one = server("--currency", "EUR", "--locale", locale, env=clock.environment)
    post(one, *[order(i, created_at=NOON.isoformat(), total="1980.7587") for i in range(1, 1001)],
         order(1, event="refunded", event_id="r", created_at=NOON.isoformat(), total="41.90"))  # fmt: skip
    page = open_page(one, viewport=DESK)
    page.wait_for_function("() => document.querySelector('[data-figure=orders]').dataset.exact === '1000'", timeout=SOON_MS)
    page.wait_for_selector("[data-panel=feed] tr.back")
    assert str(exact(page, "revenue")) == "1980716.8000"
    assert figure(page, "revenue") == revenue
    assert (figure(page, "refunds"), figure(page, "aov"), figure(page, "orders")) == (refunds, aov, orders)
    wait_for_text(page, "#day", day)
    assert page.get_attribute("#day", "lang") == locale
    marked = next(row for row in rows(page, "feed") if "refunded" in row[2])
    assert of_the_shop(marked[4]) == listed.replace("-", "−")


def test_hours_of_the_chart_are_numbers_in_every_language(clock, server, open_page):
    clock.set(NOON)
    one = server(*GERMAN, env=clock.environment)
    post(one, order(1, created_at=NOON.isoformat(), total="12.345"), order(2, created_at="2026-11-21T12:00:00Z"))
    page = open_page(one)
    page.wait_for_selector(".plot .dot")
    labels = of_all(page, ".plot text", "all => all.map(e => e.textContent)")
    assert [label for label in labels if len(label) == 2] == ["00", "03", "06", "09", "12", "15", "18", "21"]
    assert of_the_shop(labels[0]) == "0 €"
    hour = as_table(page)[0]
    assert (hour[0], of_the_shop(hour[2])) == ("12:00", "12,345 €"), "to the last digit"
    assert page.get_attribute("[data-figure=revenue]", "title") == "12,345 EUR"
    page.click("[data-panel=time] button:text('Table')")
    page.click("[data-panel=time] button:text('30 days')")
    page.wait_for_selector(".plot text:text('28. Nov.')")


def test_no_digit_is_lost_and_what_has_no_room_is_compact(server, open_page):
    one = server("--locale", "de-DE", "--currency", "CHF", "--timezone", midday_zone())
    post(one, *[order(i, total="999999999999.9999") for i in range(1, 10)])
    page = open_page(one, viewport=PHONE)
    page.wait_for_function("() => document.querySelector('[data-figure=orders]').dataset.exact === '9'", timeout=SOON_MS)
    for viewport in (PHONE, TABLET, DESK):
        resize(page, viewport)
        assert figure(page, "revenue") in ("9.000.000.000.000,00 CHF", "9 Bio. CHF")
        assert page.get_attribute("[data-figure=revenue]", "title") == "8999999999999,9991 CHF"
        assert_in_frame(page)
    resize(page, PHONE)
    assert figure(page, "aov") == "1 Bio. CHF"
    picture(page, "german-390")


def test_labels_of_days_stand_apart_in_a_language_with_long_ones(clock, server, open_page):
    clock.set(NOON)
    one = server(*GERMAN, env=clock.environment)
    post(one, *[order(i, created_at=f"2026-{1 + i % 11:02d}-{1 + i % 28:02d}T12:00:00Z", total=f"{i}.00") for i in range(1, 200)])
    page = open_page(one, viewport=PHONE, view="#from=2025-12-01&to=2026-11-29")
    page.wait_for_selector(".plot .bar:nth-of-type(300)", state="attached")
    ends = of_all(page, ".plot text[text-anchor=middle], .plot > g > text[text-anchor=end]", """all => all
        .filter(e => / /.test(e.textContent)).map(e => e.getBoundingClientRect()).map(r => [r.left, r.right])""")  # fmt: skip
    assert len(ends) >= 3
    assert all(end < begin for (_, end), (begin, _) in zip(ends, ends[1:])), "one lies over the other"
    assert ends[-1][1] <= PHONE["width"], "the last one is whole"
    named = of_one(page, "#filter-period", "e => e.selectedOptions[0].textContent")
    assert named == "1. Dez. 2025 – 28. Nov. 2026", "of which years it is"


def test_what_is_exported_stays_plain(server, open_page):
    one = server(*GERMAN, "--timezone", midday_zone())
    post(one, order(1, total="1234.50"))
    page = open_page(one)
    wait_for_figure(page, "orders", "1")
    wait_for_text(page, "[data-panel=map] [data-state=TX] title", "TX: 1234,50 EUR, 1 orders")
    for panel in ("time", "feed"):
        page.hover(f"[data-panel={panel}]")
        with page.expect_download() as table:
            page.click(f"[data-panel={panel}] a:text('CSV')")
        found = [row for row in csv.DictReader(table.value.path().open(encoding="utf-8")) if row["total"] != "0.0000"]
        assert [row["total"] for row in found] == ["1234.5000"], panel


def test_without_a_locale_the_browser_decides(server, open_page, browser):
    one = server("--currency", "EUR", "--timezone", midday_zone())
    post(one, order(1, total="1234.50"))
    page = open_page(one)
    wait_for_figure(page, "revenue", "€1,234.50")
    context = browser.new_context(locale="de-DE", reduced_motion="reduce")
    german = context.new_page()
    german.goto(one.url)
    wait_for_text(german, "[data-figure=revenue]", "1.234,50\u00a0€")
    context.close()


def test_what_is_no_locale_is_refused_at_the_start(tmp_path):
    for tag in ("german", "de_DE", "de-DE@euro", "x"):
        done = harness.run("serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", "--locale", tag)
        assert done.returncode == 2, done
        assert f"--locale {tag}: want a tag as en-US or de-DE" in done.stderr.decode()
