# SPDX-License-Identifier: MIT
"""The model of powerbi/ by Microsoft's own reader of TMDL, the one that Power BI Desktop has, and its DAX and M by a parser."""

import json
import shutil
import subprocess

import pytest

import harness
import powerbi_files

PYTHON = harness.ROOT / "build/powerbi-venv/bin/python"
READER = harness.ROOT / "tests/powerbi/read_model.py"


def run(argument, text=None):
    assert PYTHON.exists(), "run tests/powerbi/get.sh first"
    return subprocess.run([PYTHON, READER, argument], input=text, capture_output=True, text=True, timeout=120, check=False)


def text_of(expression):
    """A long one comes as a list of its lines."""
    return expression if isinstance(expression, str) else "\n".join(expression)


@pytest.fixture(scope="module")
def model():
    done = run(powerbi_files.MODEL)
    assert done.returncode == 0, done.stdout + done.stderr
    database = json.loads(done.stdout)
    assert database["compatibilityLevel"] >= 1550  # what Power BI asks for
    return database["model"]


def test_microsofts_reader_finds_what_the_files_say(model):
    assert model["defaultPowerBIDataSourceVersion"] == "powerBI_V3"
    found = {table["name"]: table for table in model["tables"]}
    ours = powerbi_files.tables()
    assert sorted(found) == sorted(ours)
    for name, table in found.items():
        assert {one["name"]: (one["dataType"], one["sourceColumn"]) for one in table["columns"]} == \
            {column: (one["dataType"], one["sourceColumn"]) for column, one in ours[name].columns.items()}  # fmt: skip
        assert {one["name"]: text_of(one["expression"]) for one in table.get("measures", [])} == ours[name].measures
        assert all(one["formatString"] and one["displayFolder"] and one["description"] for one in table.get("measures", []))
        (partition,) = table["partitions"]
        assert (partition["mode"], partition["source"]["type"]) == ("directQuery", "m")
        assert text_of(partition["source"]["expression"]) == ours[name].source
    assert {one["name"]: one["kind"] for one in model["expressions"]} == dict.fromkeys(powerbi_files.parameters(), "m")
    (state,) = {one.get("dataCategory") for table in found.values() for one in table["columns"] if one["name"] == "state_iso"}
    assert state == "StateOrProvince"


@pytest.mark.parametrize(("line", "wrong", "word"), [
    ("\t\tdataType: int64", "\t\tdataTyp: int64", "dataTyp"),
    ("\t\tdataType: int64", "\t\tdataType: integer", "integer"),
    ("\t\tmode: directQuery", "\tmode: directQuery", "mode: directQuery"),
    ("table 'Sales today'", "table Sales today", "Sales today"),
])  # fmt: skip
def test_microsofts_reader_refuses_a_mistake(tmp_path, line, wrong, word):
    copy = tmp_path / "definition"
    shutil.copytree(powerbi_files.MODEL, copy)
    file = copy / "tables/Sales today.tmdl"
    text = file.read_text("utf-8")
    assert line in text
    file.write_text(text.replace(line, wrong, 1), "utf-8")
    done = run(copy)
    assert done.returncode == 1
    assert "TMDL Format Error" in done.stderr
    assert word in done.stderr


def test_measures_and_queries_are_dax_and_m():
    tables = powerbi_files.tables().values()
    measures = [dax for table in tables for dax in table.measures.values()]
    queries = [table.source for table in tables] + [(powerbi_files.POWERBI / "directquery.pq").read_text("utf-8")]
    broken = {"--dax": ["SUM ( 'Sales today'[total]", "VAR A = 1 RETRN A"], "--m": ["let a = 1 b = 2 in a", "let a = f(1 in a"]}
    for language, texts in (("--dax", measures), ("--m", queries)):
        done = run(language, "".join(json.dumps(text) + "\n" for text in [*texts, *broken[language]]))
        assert done.returncode == 0, done.stderr
        assert [json.loads(line) for line in done.stdout.splitlines()] == broken[language]
