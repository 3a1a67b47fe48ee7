# SPDX-License-Identifier: MIT
"""The bundle in a real Superset, on SQLite and on MariaDB: each chart's figures and times, by its API, are the store's."""

import datetime
import time

import pytest

import harness
import superset_files
from harness import order
from mysql_copy import Database
from superset_server import Superset

UTC = datetime.timezone.utc
ZONE = "America/New_York"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A data directory with orders of the last hours, which nobody writes any more."""
    one = harness.Server(tmp_path_factory.mktemp("shop"), "--timezone", ZONE)
    try:
        now_ms = int(time.time() * 1000)
        states = ("CA", "TX", "NY", "Bavaria")
        orders = [order(n, created_at=harness.instants.show(now_ms - n * 47_000), source=f"S{n % 3}", state=states[n % 4], product_id=f"p-{n % 30}",
                        subtotal=f"{n}.07", total=f"{n}.07") for n in range(1, 301)]  # fmt: skip
        assert one.post(orders).json()["accepted"] == 300
        assert one.post(order(999, total="nonsense")).status == 422
    finally:
        one.stop()
    return one.data


def stores(mariadb, shop):
    database = Database(mariadb, "superset", timezone=ZONE)
    database.copy(shop)
    with harness.database(shop) as db:
        rows = db.execute("SELECT batch_id, committed_at_utc, received, accepted, duplicate, rejected FROM bi_batches").fetchall()
    names = ("batch_id", "committed_at", "received", "accepted", "duplicate", "rejected")
    database.insert("pipeline_batches", [dict(zip(names, row, strict=True)) for row in rows])
    return f"mysql+pymysql://sales:only-for-tests@127.0.0.1:{mariadb.port}/superset?charset=utf8mb4"


def plain(value, is_time=False):
    """Times come as milliseconds or as texts, amounts as numbers or texts."""
    if is_time and not isinstance(value, str):
        return datetime.datetime.fromtimestamp(value / 1000, UTC).replace(tzinfo=None)
    if isinstance(value, str):
        try:
            return datetime.datetime.fromisoformat(value)
        except ValueError:
            return value
    return round(float(value), 4)


def row_key(row):
    return tuple(map(str, row))


def answered(server, dataset, params, groups, metrics):
    rows = server.data(dataset, params)
    return sorted((tuple(plain(row[name], name.endswith("_utc")) for name in [*groups, *metrics]) for row in rows), key=row_key)


def holds(server, shop):
    server.log_in()
    bundle = superset_files.packed("sqlite", server.directory / "again.zip")
    datasets = superset_files.of_folder(bundle, "datasets")
    charts = {one["slice_name"]: one for one in superset_files.of_folder(bundle, "charts").values()}
    there = server.charts()
    assert set(there) == set(charts)
    with harness.database(shop) as db:
        for name, chart in charts.items():
            groups, metrics, sql = superset_files.question(chart, datasets[chart["dataset_uuid"]])
            wanted = sorted((tuple(map(plain, row)) for row in db.execute(sql)), key=row_key)
            found = answered(server, *there[name], groups, metrics)
            if name == "Pipeline freshness":  # its answer grows while one asks
                assert 0 <= wanted[0][0] - found[0][0] + 120 <= 240
            elif name == "Top products":
                assert len(found) == 20
                assert set(found) <= set(wanted)
            else:
                assert found == wanted, name
            assert found, name
    (board,) = server.call("GET", "/api/v1/dashboard/")["result"]
    detail = server.call("GET", f"/api/v1/dashboard/{board['id']}/charts")["result"]
    assert {one["slice_name"] for one in detail} == set(charts)


@pytest.mark.timeout(900)
def test_every_chart_has_the_figures_and_times_of_sqlite(shop, tmp_path):
    uri = f"sqlite:///file:{shop / 'sales.db'}?mode=ro&uri=true&check_same_thread=false"
    with Superset(tmp_path / "superset", "sqlite", uri) as server:
        holds(server, shop)


@pytest.mark.timeout(900)
def test_every_chart_has_the_figures_and_times_of_mariadb(shop, mariadb, tmp_path):
    with Superset(tmp_path / "superset", "mysql", stores(mariadb, shop)) as server:
        holds(server, shop)
