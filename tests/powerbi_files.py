# SPDX-License-Identifier: MIT
"""What tests read of powerbi/: the model's tables as TMDL has them, and the report's pages. What is not understood is refused."""

import json
import re

import harness

POWERBI = harness.ROOT / "powerbi"
MODEL = POWERBI / "Salestide.SemanticModel/definition"
REPORT = POWERBI / "Salestide.Report/definition"
OBJECT = re.compile(r"(measure|column|partition) ('(?:[^']|'')+'|\w+)(?: =(?: (.+))?)?")
PROPERTY = re.compile(r"(\w+): (.+)")
FIELD = re.compile(r"(?:'([^']+)'|(\w+))?\[([^\]]+)\]")  # of a table, or a measure by its name alone
MEASURE_PROPERTIES = {"formatString", "displayFolder"}
COLUMN_PROPERTIES = {"dataType", "formatString", "dataCategory", "summarizeBy", "sourceColumn"}


def plain(name):
    return name[1:-1].replace("''", "'") if name.startswith("'") else name


def documents():
    """{path in powerbi/: document} of all that is JSON."""
    kinds = {".json", ".pbip", ".pbir", ".pbism"}
    found = [file for file in sorted(POWERBI.rglob("*")) if file.suffix in kinds or file.name == ".platform"]
    return {str(file.relative_to(POWERBI)): json.loads(file.read_text("utf-8")) for file in found}


class Table:
    """One file of definition/tables: measures {name: DAX}, columns {name: properties}, the partition's mode and M."""

    def __init__(self, file):
        self.measures, self.columns, self.properties, self.mode, self.source = {}, {}, {}, None, None
        lines = [line for line in file.read_text("utf-8").splitlines() if line and not line.lstrip("\t").startswith("///")]
        kind, _, name = lines[0].partition(" ")
        assert kind == "table", file
        self.name = plain(name)
        for one in self.objects(lines[1:]):
            self.take(*one)

    @staticmethod
    def objects(lines):
        """(first line, its lines) of all objects of the table, each a tab deeper than it."""
        found = []
        for line in lines:
            depth = len(line) - len(line.lstrip("\t"))
            assert depth >= 1, line
            if depth == 1:
                found.append((line[1:], []))
            else:
                found[-1][1].append(line[2:])
        return found

    def take(self, head, lines):
        match = OBJECT.fullmatch(head)
        assert match, head
        kind, name, value = match[1], plain(match[2]), match[3]
        properties = {key: text for key, text in (PROPERTY.fullmatch(line).groups() for line in lines if PROPERTY.fullmatch(line))}
        others = [line for line in lines if not PROPERTY.fullmatch(line)]
        assert name not in self.measures and name not in self.columns, name
        if kind == "measure":
            assert bool(value) != bool(others), name
            assert all(line.startswith("\t") for line in others), name
            assert set(properties) == MEASURE_PROPERTIES, name
            self.measures[name] = value or "\n".join(line[1:] for line in others)
            self.properties[name] = properties
        elif kind == "column":
            assert not value and not others, name
            assert {"dataType", "summarizeBy", "sourceColumn"} <= set(properties) <= COLUMN_PROPERTIES, name
            self.columns[name] = properties
        else:
            assert (name, value) == (self.name, "m")
            assert set(properties) == {"mode"}
            assert others[0] == "source ="
            assert all(line.startswith("\t\t") for line in others[1:]), name
            self.mode, self.source = properties["mode"], "\n".join(line[2:] for line in others[1:])


def tables():
    found = [Table(file) for file in sorted((MODEL / "tables").glob("*.tmdl"))]
    return {one.name: one for one in found}


def parameters():
    """{name: value} of expressions.tmdl"""
    text = (MODEL / "expressions.tmdl").read_text("utf-8")
    found = re.findall(r'^expression (\w+) = "([^"]*)" meta \[IsParameterQuery=true, Type="Text", IsParameterQueryRequired=true\]$', text, re.M)
    assert len(found) == text.count("expression ")
    return dict(found)


def pages():
    """{name: (page, [visual])}"""
    found = {}
    for folder in sorted((REPORT / "pages").iterdir()):
        if folder.is_dir():
            visuals = {file.parent.name: json.loads(file.read_text("utf-8")) for file in sorted(folder.glob("visuals/*/visual.json"))}
            assert all(name == one["name"] for name, one in visuals.items())
            found[folder.name] = (json.loads((folder / "page.json").read_text("utf-8")), list(visuals.values()))
    return found


def fields(visual):
    """(table, measure or column, whether it is a measure) of all that a visual asks for."""
    state = visual["visual"]["query"]["queryState"]
    asked = [one["field"] for role in state.values() for one in role["projections"]]
    asked += [one["field"] for one in visual["visual"]["query"].get("sortDefinition", {}).get("sort", [])]
    found = []
    for field in asked:
        ((kind, what),) = field.items()
        if kind == "Aggregation":
            assert what["Function"] == 0  # a sum
            ((kind, what),) = what["Expression"].items()
        assert kind in ("Measure", "Column")
        found.append((what["Expression"]["SourceRef"]["Entity"], what["Property"], kind == "Measure"))
    return found
