# SPDX-License-Identifier: MIT
"""The bundle in a real Superset, on SQLite and on MariaDB: each chart's figures and times, by its API, are the store's; the
dashboard in Chromium shows no error, and a new order."""

import datetime
import re
import subprocess
import urllib.parse

import pytest

import harness
import superset_files
from live_page import PICTURES

UTC = datetime.timezone.utc
WINDOW = datetime.timedelta(hours=6)  # of the charts over time
SLACK = datetime.timedelta(minutes=2)  # Superset asks later than the test
TIMES = ("_utc", "_local")


def plain(value, is_time=False):
    """Times come as milliseconds or as texts, amounts as numbers or texts."""
    if isinstance(value, datetime.date):
        return value if isinstance(value, datetime.datetime) else datetime.datetime.combine(value, datetime.time())
    if is_time and not isinstance(value, str):
        return datetime.datetime.fromtimestamp(value / 1000, UTC).replace(tzinfo=None)
    if isinstance(value, str):
        try:
            return datetime.datetime.fromisoformat(value)
        except ValueError:
            return value
    return round(float(value), 4)


def in_order(rows):
    return sorted(rows, key=lambda row: tuple(map(str, row)))


def answered(server, dataset, params, names):
    return in_order(tuple(plain(row[name], name.endswith(TIMES)) for name in names) for row in server.data(dataset, params))


def stored(shop, sql):
    return in_order(tuple(map(plain, row)) for row in shop.ask(sql))


@pytest.mark.timeout(1500)
def test_every_chart_has_the_figures_and_times_of_the_store(shown, tmp_path):
    shop, server = shown
    bundle = superset_files.packed("sqlite", tmp_path / "again.zip")
    datasets = superset_files.of_folder(bundle, "datasets")
    charts = {one["slice_name"]: one for one in superset_files.of_folder(bundle, "charts").values()}
    there = server.charts()
    assert set(there) == set(charts)
    cut = set()
    for name, chart in charts.items():
        groups, metrics, sql = superset_files.question(chart, datasets[chart["dataset_uuid"]])
        found, wanted = answered(server, *there[name], [*groups, *metrics]), stored(shop, sql)
        assert found, name
        if name == "Pipeline freshness":  # its answer grows while one asks
            assert abs(wanted[0][0] - found[0][0]) < 120
        elif name == "Top products":
            assert len(found) == 20
            assert set(found) == set(sorted(wanted, key=lambda row: row[1])[-20:])
        elif any(one["operator"] == "TEMPORAL_RANGE" for one in chart["params"]["adhoc_filters"]):
            since = datetime.datetime.now(UTC).replace(tzinfo=None) - WINDOW
            assert found[0][0] >= since - SLACK, name
            assert [row for row in found if row[0] >= since + SLACK] == [row for row in wanted if row[0] >= since + SLACK], name
            cut |= {name} if wanted[0][0] < since - SLACK else set()
        else:
            assert found == wanted, name
    # There were older ones, which are not shown.
    assert cut == {"Revenue by minute", *(["Orders and rejects over time"] if shop.database else [])}
    (board,) = server.call("GET", "/api/v1/dashboard/")["result"]
    detail = server.call("GET", f"/api/v1/dashboard/{board['id']}/charts")["result"]
    assert {one["slice_name"] for one in detail} == set(charts)


def test_nothing_is_installed_but_what_the_list_pins():
    """As `make superset` and the container install it: what else came in would be another one tomorrow."""
    python = harness.ROOT / "build/superset-venv/bin/python"
    installed = subprocess.run([python, "-m", "pip", "--disable-pip-version-check", "freeze"], capture_output=True, check=True, text=True, timeout=120).stdout
    assert superset_files.pinned(installed) == superset_files.pinned((superset_files.SUPERSET / "requirements.txt").read_text("ascii"))


@pytest.fixture
def dashboard(shown, browser):
    """The dashboard's page, and what it had to complain of by the end of the test."""
    _, server = shown
    complaints = []
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, locale="en-US", timezone_id="UTC", reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(90_000)

    def look_at_request(request):
        url = urllib.parse.urlsplit(request.url)
        if url.scheme in ("http", "https") and url.netloc != f"127.0.0.1:{server.port}" and request.failure != "csp":  # the policy's word
            complaints.append(f"a request leaves Superset: {request.url}")

    def look_at_answer(answer):
        if "/api/v1/chart/data" in answer.url and answer.status != 200:
            complaints.append(f"{answer.status}: {answer.url}")

    page.on("requestfinished", look_at_request)
    page.on("requestfailed", look_at_request)
    page.on("response", look_at_answer)
    page.on("pageerror", lambda error: complaints.append(f"exception: {error}"))
    server.log_in_page(page)
    page.goto(f"http://127.0.0.1:{server.port}/superset/dashboard/salestide/")
    yield page
    context.close()
    assert not complaints, "\n".join(complaints)


def chart(page, name):
    return page.locator(f'[data-test="chart-grid-component"][data-test-chart-name="{name}"]')


def figure(page, name):
    return [re.sub(r"[^\d.-]", "", text) for text in chart(page, name).locator(".header-line").all_inner_texts()]


def cells(page, name):
    """The rows of a chart that is a table; none while it asks again."""
    return chart(page, name).locator("tr").evaluate_all("rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))")


def is_drawn(page, name):
    """Whether anything is painted on a chart's canvas."""
    return chart(page, name).locator("canvas").evaluate_all(
        "all => all.some(one => one.getContext('2d').getImageData(0, 0, one.width, one.height).data.some(byte => byte))")  # fmt: skip


def coloured_states(page):
    return chart(page, "Revenue by state of the USA").locator("path.region").evaluate_all("all => all.filter(one => !['', 'none'].includes(one.style.fill)).length")


def today(shop):
    """Revenue and orders of the shop's day, as the dashboard writes them."""
    ((revenue, orders),) = shop.ask("SELECT SUM(total), SUM(orders) FROM bi_sales_today WHERE currency = (SELECT currency FROM bi_shop)")
    return [f"{revenue:.2f}"], [str(orders)]


def shows_every_chart(page, shop, names):
    """Each is waited for, as all of them ask again every 10 s and are empty for a moment."""
    def comes(what, condition):
        harness.wait_until(condition, 120, what, 0.5)

    places = page.locator('[data-test="chart-grid-component"]')
    comes("a place for every chart", lambda: {place.get_attribute("data-test-chart-name") for place in places.all()} == names)
    comes("today's figures", lambda: (figure(page, "Revenue today"), figure(page, "Orders today")) == today(shop))
    comes("how fresh it is", lambda: any(figure(page, "Pipeline freshness")))
    for name in ("Revenue today by source", "Revenue by minute", "Orders and rejects over time"):
        comes(name, lambda name=name: is_drawn(page, name))
    ((total,),) = shop.ask("SELECT SUM(total) FROM bi_sales_totals WHERE currency = 'USD'")
    comes("the total of sources and states", lambda: [row[-1] for row in cells(page, "Revenue by source and state")[-1:]] == [f"{total:,.2f}"])
    products = shop.ask("SELECT product_id, SUM(total) FROM bi_sales_by_product WHERE currency = 'USD' GROUP BY 1 ORDER BY 2 DESC LIMIT 3")
    wanted = [[name, f"{revenue:,.2f}"] for name, revenue in products]
    comes("the top products", lambda: [row[:2] for row in cells(page, "Top products")[1:4]] == wanted)
    ((states,),) = shop.ask("SELECT COUNT(DISTINCT state_iso) FROM bi_sales_totals WHERE currency = 'USD' AND state_iso IS NOT NULL")
    assert states > 15
    comes("the map", lambda: coloured_states(page) >= states)


def complaints_of_charts(page):
    """What charts say in place of a picture."""
    return [text for place in page.locator('[data-test="chart-grid-component"]').all()
            for text in place.locator("[role=alert], .ant-alert, .ant-empty").all_inner_texts()]  # fmt: skip


@pytest.mark.timeout(600)
def test_the_dashboard_shows_every_chart_without_an_error_and_a_new_order(shown, dashboard):
    shop, server = shown
    shows_every_chart(dashboard, shop, set(server.charts()))
    assert complaints_of_charts(dashboard) == []
    before = today(shop)
    PICTURES.mkdir(parents=True, exist_ok=True)
    dashboard.screenshot(path=PICTURES / f"superset-{'mysql' if shop.database else 'sqlite'}.png", full_page=True)
    shop.sell("1234.56")
    assert today(shop) != before
    # Nobody touches the page: it asks again every 10 s.
    harness.wait_until(lambda: (figure(dashboard, "Revenue today"), figure(dashboard, "Orders today")) == today(shop), 120, "the new order", 0.5)
    shows_every_chart(dashboard, shop, set(server.charts()))
    assert complaints_of_charts(dashboard) == []
