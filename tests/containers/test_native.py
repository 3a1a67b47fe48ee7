# SPDX-License-Identifier: MIT
"""The profile `native`: Kafka, Cassandra and MySQL with ingest, process and dashboard, and the profile `bi` with it."""

import datetime
import decimal
import json
import urllib.error
import urllib.request

import pytest

import podman
from test_embedded import ask

SERVERS = ("kafka", "cassandra", "mysql")
SERVER_START_S = 600  # Cassandra needs 11 s when it has a machine to itself


@pytest.fixture(scope="module")
def shop(program_image, standins, project):
    one = project("native", settings={"SALESTIDE_DEMO_RATE": "50"})
    start(one)
    return one


def start(one, counting=("process",)):
    one.up(*SERVERS)
    for name in SERVERS:
        one.wait_healthy(name, SERVER_START_S)
    one.up("setup", "ingest")
    one.wait(lambda: one.inspect("setup")["State"]["Status"] == "exited", 120, "the tables", "setup")
    assert one.inspect("setup")["State"]["ExitCode"] == 0, one.logs("setup")
    one.wait_healthy("ingest", 60)
    one.up(*counting, "dashboard")
    one.wait_healthy("dashboard", 120)


def dashboard(shop, path):
    return ask(shop, "GET", path, key="read-key", port="SALESTIDE_DASHBOARD_PORT").json()


def counted(shop):
    return sum(row["orders"] for row in dashboard(shop, "/v1/sales")["rows"])


def post(shop, order_id):
    order = {"order_id": order_id, "created_at": "2026-11-21T10:00:00Z", "product_id": "mug", "quantity": 2, "total": "31.90", "source": "GOOGLE", "state": "CA"}
    answer = ask(shop, "POST", "/v1/orders", json.dumps(order), "ingest-key")
    assert answer.status == 202, answer


def settled(shop, service="process"):
    """Nothing comes in any more, and all that came is counted."""
    podman.podman("stop", "--time", "20", shop.container("generator"))
    last = []

    def quiet():
        last.append(counted(shop))
        return len(last) > 6 and len(set(last[-6:])) == 1

    shop.wait(quiet, 120, "the end of counting", service)


def test_orders_go_through_to_the_page_and_add_up(shop):
    shop.wait_healthy("process", 120)
    post(shop, "by-hand")
    shop.up("generator")
    shop.wait(lambda: counted(shop) > 200, 120, "the generator's orders", "process")
    order = dashboard(shop, "/v1/orders/by-hand")["order"]
    assert (order["total"], order["state"]) == ("31.9000", "CA")


@pytest.mark.parametrize("name", ["process", "ingest", "dashboard"])
def test_each_part_that_is_killed_comes_back(shop, name):
    shop.up("generator")
    before = counted(shop)
    shop.wait_back(name, shop.kill9(name))
    shop.wait_healthy(name, 120)
    post(shop, f"after-the-kill-of-{name}")
    shop.wait(lambda: counted(shop) > before + 100, 120, "orders after the kill", "process")


@pytest.mark.parametrize("name", ["kafka", "mysql", "cassandra"])
def test_a_server_that_is_killed_comes_back_and_counting_goes_on(shop, name):
    shop.wait_back(name, shop.kill9(name))
    shop.wait_healthy(name, SERVER_START_S)
    for part in ("ingest", "process"):
        shop.wait_healthy(part, 120)
    post(shop, f"after-the-kill-of-{name}")
    shop.wait(lambda: ask(shop, "GET", f"/v1/orders/after-the-kill-of-{name}", key="read-key", port="SALESTIDE_DASHBOARD_PORT").status == 200,
              120, "the order after the kill", "process")  # fmt: skip


def test_all_laws_hold_in_the_end(shop):
    settled(shop)
    said = shop.exec("dashboard", "salestide", "verify")
    assert "all laws hold" in said, said


def test_nothing_but_the_doors_can_be_reached_from_outside(shop):
    for name in (*SERVERS, "ingest", "process", "dashboard"):
        ports = shop.inspect(name)["HostConfig"]["PortBindings"] or {}
        published = [one["HostIp"] for bound in ports.values() for one in bound or []]
        assert published == (["127.0.0.1"] if name in ("ingest", "dashboard") else []), name


@pytest.mark.full
def test_superset_shows_what_was_counted(shop, superset_image):
    shop.profiles = ("native", "bi")
    shop.up("superset")
    shop.wait_healthy("superset", 420)
    url = f"http://127.0.0.1:{shop.ports['SUPERSET_PORT']}"

    def call(path, body=None, token=None):
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        request = urllib.request.Request(url + path, headers=headers, data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    password = shop.secret("superset-admin-password")
    token = call("/api/v1/security/login", {"username": "admin", "password": password, "provider": "db", "refresh": False})["access_token"]
    charts = call("/api/v1/chart/?q=(page_size:100)", token=token)["result"]
    (chart,) = [one for one in charts if one["slice_name"] == "Revenue today by source"]
    query = {"columns": ["source"], "metrics": ["revenue"], "row_limit": 100}
    asked = {"datasource": {"id": chart["datasource_id"], "type": "table"}, "queries": [query], "result_format": "json", "result_type": "full", "force": True}
    (result,) = call("/api/v1/chart/data", asked, token)["result"]
    assert result["error"] is None
    today = datetime.datetime.now(datetime.UTC).date()
    wanted = {row["source"]: decimal.Decimal(row["total"]) for row in dashboard(shop, f"/v1/sales?by=source&from={today}")["rows"]}
    assert len(wanted) > 1
    assert {row["source"]: decimal.Decimal(str(row["revenue"])) for row in result["data"]} == wanted
    with pytest.raises(urllib.error.HTTPError):
        call("/api/v1/security/login", {"username": "admin", "password": "admin", "provider": "db", "refresh": False})
