# SPDX-License-Identifier: MIT
"""superset/ without Superset: the bundle's form and references, its datasets against docs/data-dictionary.md, and each chart's
question in SQL on a data directory."""

import stat
import subprocess
import sys
import time

import pytest

import data_dictionary
import harness
import superset_files
from harness import order


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return superset_files.packed("sqlite", tmp_path_factory.mktemp("bundle") / "bundle.zip")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    one = harness.Server(tmp_path_factory.mktemp("superset"))
    try:
        now_ms = int(time.time() * 1000)
        orders = [order(n, created_at=harness.instants.show(now_ms - n), source=f"S{n % 3}", state=("CA", "TX", "Bavaria")[n % 3]) for n in range(30)]
        assert one.post([*orders, order(99, currency="EUR", created_at=orders[0]["created_at"])]).json()["accepted"] == 31
        yield one
    finally:
        one.stop()


def test_the_bundle_is_one_dashboard_whose_parts_know_each_other(bundle):
    assert bundle["metadata.yaml"] == {"version": "1.0.0", "type": "Dashboard"}
    databases, datasets, charts, dashboards = (superset_files.of_folder(bundle, name) for name in ("databases", "datasets", "charts", "dashboards"))
    assert (len(databases), len(dashboards)) == (1, 1)
    assert all(one["version"] == "1.0.0" for one in [*databases.values(), *datasets.values(), *charts.values(), *dashboards.values()])
    ((database, what),) = databases.items()
    assert what["extra"] == {}  # an import without it fails
    assert not any(what[name] for name in ("allow_dml", "allow_ctas", "allow_cvas", "allow_file_upload"))
    assert {one["database_uuid"] for one in datasets.values()} == {database}
    assert all("schema" not in one for one in datasets.values())  # so that one file serves both stores
    assert {one["dataset_uuid"] for one in charts.values()} == set(datasets) - {None} - unused(datasets, charts)
    (board,) = dashboards.values()
    assert board["metadata"]["refresh_frequency"] == 10
    position = board["position"]
    shown = {one["meta"]["uuid"]: one["meta"] for key, one in position.items() if key.startswith("CHART-")}
    assert set(shown) == set(charts)
    assert {uuid: one["sliceName"] for uuid, one in shown.items()} == {uuid: one["slice_name"] for uuid, one in charts.items()}
    for row in position["GRID_ID"]["children"]:
        assert sum(position[chart]["meta"]["width"] for chart in position[row]["children"]) <= 12
        assert all(position[chart]["parents"] == ["ROOT_ID", "GRID_ID", row] for chart in position[row]["children"])


def unused(datasets, charts):
    """Datasets for charts of one's own."""
    return {uuid for uuid, one in datasets.items() if uuid not in {chart["dataset_uuid"] for chart in charts.values()} and one["table_name"] == "salestide_sales_by_hour"}


def test_datasets_have_the_columns_of_their_views(bundle):
    said = data_dictionary.read()
    for dataset in superset_files.of_folder(bundle, "datasets").values():
        view = dataset["description"].split()[0]
        assert f"FROM {view}" in dataset["sql"]
        assert [one["column_name"] for one in dataset["columns"]] == [column for column, _, _ in said[view]]
        times = {column for column, kind, _ in said[view] if kind.startswith("date")}
        assert {one["column_name"] for one in dataset["columns"] if one["is_dttm"]} == times
        assert dataset["main_dttm_col"] is None or dataset["main_dttm_col"] in times
        # Amounts of different currencies are not to be added up.
        assert any(column == "currency" for column, _, _ in said[view]) == ("WHERE currency = (SELECT currency FROM bi_shop)" in dataset["sql"])


def test_what_is_called_orders_counts_orders(bundle):
    """What a batch has accepted are cancellations and refunds too."""
    for dataset in superset_files.of_folder(bundle, "datasets").values():
        for metric in dataset["metrics"]:
            assert (metric["verbose_name"] == "Orders") == (metric["expression"] == "SUM(orders)"), (dataset["table_name"], metric["metric_name"])


def test_no_chart_has_superset_cut_times(bundle):
    """On MySQL 6.1.0 shows other times then, without an error."""
    for chart in superset_files.of_folder(bundle, "charts").values():
        assert chart["params"].get("time_grain_sqla") is None, chart["slice_name"]
        assert chart["viz_type"] == chart["params"]["viz_type"]


def test_each_charts_question_has_an_answer(bundle, shop):
    datasets = superset_files.of_folder(bundle, "datasets")
    figures = {}
    with harness.database(shop.data) as db:
        for chart in superset_files.of_folder(bundle, "charts").values():
            _, _, sql = superset_files.question(chart, datasets[chart["dataset_uuid"]])
            rows = db.execute(sql).fetchall()
            assert rows, chart["slice_name"]
            assert all(value is not None for row in rows for value in row), (chart["slice_name"], rows)
            figures[chart["slice_name"]] = rows
    assert sorted(figures["Revenue by state of the USA"]) == [("US-CA", 100.0), ("US-TX", 100.0)]
    assert sorted(figures["Revenue by source and state"]) == [("Bavaria", "S2", 100.0), ("CA", "S0", 100.0), ("TX", "S1", 100.0)]
    assert sum(row[1] for row in figures["Revenue by minute"]) == 300.0
    assert sum(row[1] for row in figures["Orders and rejects over time"]) == 31


def test_the_packer_takes_an_address_and_keeps_it_from_others(tmp_path):
    target = tmp_path / "bundle.zip"
    uri = "mysql+pymysql://bi:p%27w@db:3306/sales_db?charset=utf8mb4"
    bundle = superset_files.packed("mysql", target, uri)
    assert bundle["databases/Salestide.yaml"]["sqlalchemy_uri"] == uri
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    for arguments in ([], ["oracle", target], ["mysql", target, "sqlite:///x"], ["mysql", target, "mysql://a'b"]):
        done = subprocess.run([sys.executable, superset_files.SUPERSET / "bundle.py", *arguments], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1
        assert "bundle.py" in done.stderr


def test_every_package_has_one_version():
    """Those that Superset asks for too; tests/superset holds that no other comes in."""
    found = superset_files.pinned((superset_files.SUPERSET / "requirements.txt").read_text("ascii"))
    assert len(found) > 100
    assert {"apache-superset", "flask-caching", "sqlalchemy", "sqlglot", "flask-appbuilder", "gunicorn", "pymysql"} <= set(found)


def test_the_start_says_which_address_it_lacks(tmp_path):
    """Before anything is installed."""
    absent = f"sqlite:///file:{tmp_path}/sales.db?mode=ro&uri=true"
    for arguments, words in ((["sqlite", absent], f"there is no {tmp_path}/sales.db to read"), (["mysql"], "URI"), (["oracle"], "usage")):
        done = subprocess.run([superset_files.SUPERSET / "start.sh", *arguments], env=harness.clean_env(), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert line.startswith("superset: ")
        assert words in line
