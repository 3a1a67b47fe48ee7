# SPDX-License-Identifier: MIT
"""powerbi/: the connection file is what Power BI Desktop takes, and the views have only types that it takes."""

import json
import re

import data_dictionary
import harness

POWERBI = harness.ROOT / "powerbi"


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


def test_measures_in_the_guide_are_of_columns_that_there_are():
    said = data_dictionary.read()
    named = re.findall(r"(bi_\w+)\[(\w+)\]", (harness.ROOT / "docs/powerbi.md").read_text("utf-8"))
    assert len(named) >= 5
    for view, column in named:
        assert column in {name for name, _, _ in said[view]}, (view, column)
