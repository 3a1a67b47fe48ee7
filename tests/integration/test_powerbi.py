# SPDX-License-Identifier: MIT
"""powerbi/ without Power BI: the connection file, the project's files and what they say of each other, and the views' types.
Microsoft's own reader of the model is in tests/powerbi/, which `make check-powerbi` runs."""

import hashlib
import json
import re

import data_dictionary
import harness
import powerbi_files
from powerbi_files import POWERBI

CHECKED = harness.ROOT / "tests/powerbi/schemas_checked.txt"
TYPES = {"varchar": "string", "decimal": "decimal", "date": "dateTime", "datetime": "dateTime", "bigint": "int64", "int": "int64"}


def test_the_connection_file_has_one_connection_and_no_secret():
    files = sorted(POWERBI.glob("*.pbids"))
    assert files
    for file in files:
        document = json.loads(file.read_text("utf-8"))
        assert set(document) == {"version", "connections"}
        assert document["version"] == "0.1"
        (connection,) = document["connections"]  # Desktop takes one and no more
        assert set(connection) == {"details", "options", "mode"}
        assert connection["mode"] == "Import"  # the connector of MySQL knows no other
        assert set(connection["details"]) == {"protocol", "address", "authentication", "query"}
        assert connection["details"]["protocol"] == "mysql"
        assert set(connection["details"]["address"]) == {"server", "database"}
        assert connection["details"]["authentication"] is None


def test_views_have_only_types_that_it_takes():
    taken = re.compile(r"(varchar\(\d+\)|bigint|int|date|datetime(\([1-3]\))?|decimal\(19,4\))$")
    for view, columns in data_dictionary.read().items():
        for column, kind, _ in columns:
            assert taken.match(kind), (view, column, kind)


def test_the_project_leads_from_its_file_to_report_and_model():
    documents = powerbi_files.documents()
    (artifact,) = documents["Salestide.pbip"]["artifacts"]
    report = POWERBI / artifact["report"]["path"]
    reference = documents[f"{report.name}/definition.pbir"]["datasetReference"]["byPath"]["path"]
    model = (report / reference).resolve()
    assert model == powerbi_files.MODEL.parent
    assert {"definition.pbism", ".platform", "definition"} <= {file.name for file in model.iterdir()}
    platforms = [documents[f"{folder.name}/.platform"] for folder in (report, model)]
    assert [one["metadata"]["type"] for one in platforms] == ["Report", "SemanticModel"]
    assert len({one["config"]["logicalId"] for one in platforms}) == 2


def test_the_files_are_those_that_were_held_against_the_published_schemas():
    """No registry has the schemas. tests/powerbi/check_schemas.py holds the files against them and writes this list."""
    lines = CHECKED.read_text("ascii").splitlines()
    noted = dict(reversed(line.split("  ", 1)) for line in lines if not line.startswith("#"))
    there = {name: hashlib.sha256((POWERBI / name).read_bytes()).hexdigest() for name in powerbi_files.documents()}
    assert len(there) > 40
    assert noted == there, "a file of powerbi/ was changed: run tests/powerbi/check_schemas.py"


def test_the_model_has_the_columns_of_each_view_asked_directly():
    said, tables = data_dictionary.read(), powerbi_files.tables()
    views = {}
    for table in tables.values():
        (view,) = re.findall(r'Source\{\[Name = "(\w+)", Kind = "View"\]\}\[Data\]', table.source)
        views[view] = table
        assert table.mode == "directQuery"  # which page refresh needs
        assert "Source = MariaDB.Contents(Server, Database)," in table.source
        assert [(name, one["dataType"]) for name, one in table.columns.items()] == [(name, TYPES[kind.split("(")[0]]) for name, kind, _ in said[view]]
        assert all(one["sourceColumn"] == name for name, one in table.columns.items())
        # Amounts of different currencies are not to be added up.
        of_one = "Table.SelectRows(View, each [currency] = Currency)" in table.source
        assert of_one == ("currency" in table.columns and view != "bi_shop"), view
        assert all(one["summarizeBy"] == "sum" or one["dataType"] != "decimal" for one in table.columns.values())
    assert set(views) == set(said)
    assert set(powerbi_files.parameters()) == {"Server", "Database", "Currency"}
    model = (powerbi_files.MODEL / "model.tmdl").read_text("utf-8")
    assert sorted(powerbi_files.plain(name) for name in re.findall(r"^ref table (.+)$", model, re.M)) == sorted(tables)


def test_measures_ask_for_columns_and_measures_that_there_are():
    tables = powerbi_files.tables()
    measures = {name: dax for table in tables.values() for name, dax in table.measures.items()}
    assert len(measures) == sum(len(table.measures) for table in tables.values()) > 40  # no name twice
    for name, dax in measures.items():
        asked = powerbi_files.FIELD.findall(dax)
        assert asked or "COUNTROWS" in dax, name
        for quoted, word, field in asked:
            if quoted or word:
                assert field in tables[quoted or word].columns, (name, field)
            else:
                assert field in measures, (name, field)
        assert dax.count("(") == dax.count(")"), name


def test_the_five_figures_of_the_page_are_there_with_both_comparisons():
    measures = {name for table in powerbi_files.tables().values() for name in table.measures}
    for figure in ("Revenue", "Orders", "Units", "Average order", "Given back"):
        assert {f"{figure} {when}" for when in ("today", "yesterday", "last week", "change to yesterday", "change to last week", "of all time")} <= measures
        assert figure in measures


def test_visuals_ask_for_fields_that_there_are_and_lie_beside_each_other():
    tables, pages = powerbi_files.tables(), powerbi_files.pages()
    order = powerbi_files.documents()["Salestide.Report/definition/pages/pages.json"]
    assert sorted(order["pageOrder"]) == sorted(pages)
    assert order["activePageName"] in pages
    for name, (page, visuals) in pages.items():
        assert page["name"] == name
        assert visuals
        assert sorted(one["position"]["tabOrder"] for one in visuals) == list(range(len(visuals)))
        taken = []
        for visual in visuals:
            for table, field, is_measure in powerbi_files.fields(visual):
                known = tables[table].measures if is_measure else tables[table].columns
                assert field in known, (name, visual["name"], field)
            at = visual["position"]
            box = (at["x"], at["y"], at["x"] + at["width"], at["y"] + at["height"])
            assert box[0] >= 0 and box[1] >= 0 and box[2] <= page["width"] and box[3] <= page["height"], (name, visual["name"])
            for other, there in taken:
                apart = box[2] <= there[0] or there[2] <= box[0] or box[3] <= there[1] or there[3] <= box[1]
                assert apart, f"{name}: {visual['name']} lies on {other}"
            taken.append((visual["name"], box))


def test_every_page_asks_again_every_10_seconds():
    for page, _ in powerbi_files.pages().values():
        (refresh,) = page["objects"]["pageRefresh"]
        values = {name: one["expr"]["Literal"]["Value"] for name, one in refresh["properties"].items()}
        assert values == {"show": "true", "duration": "'PT10S'"}


def test_the_guide_names_measures_that_there_are():
    measures = {name for table in powerbi_files.tables().values() for name in table.measures}
    named = set(re.findall(r"`\[([^\]]+)\]`", (harness.ROOT / "docs/powerbi.md").read_text("utf-8")))
    assert named <= measures
    of_products = {f"{name} {when}" for name in ("Product revenue", "Product orders", "Product units") for when in ("today", "yesterday")}
    assert measures - named == of_products
