# SPDX-License-Identifier: MIT
"""What tests read of superset/: the bundle as it is imported, and each chart's question as SQL."""

import re
import runpy
import zipfile

import harness
import yaml

SUPERSET = harness.ROOT / "superset"


def pinned(text):
    """{package: version} of a list for pip; each line has to name one version."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found = dict(re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.+!_]+)", line).groups() for line in lines)
    assert len(found) == len(lines)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found.items()}


def packed(kind, target, uri=None):
    """The bundle as {path in it: document}."""
    runpy.run_path(str(SUPERSET / "bundle.py"))["pack"](kind, target, uri)
    with zipfile.ZipFile(target) as bundle:
        return {name.removeprefix("salestide/"): yaml.safe_load(bundle.read(name)) for name in bundle.namelist()}


def of_folder(bundle, folder):
    """{uuid: document}; no two have the same."""
    found = [document for path, document in bundle.items() if path.startswith(f"{folder}/")]
    by_uuid = {document["uuid"]: document for document in found}
    assert len(by_uuid) == len(found), folder
    return by_uuid


def question(chart, dataset):
    """(groups, metrics, SQL) of a chart as Superset would ask it, without its filter of time."""
    params = chart["params"]
    groups = [*filter(None, [params.get("x_axis"), params.get("entity")]), *params.get("groupby", []), *params.get("groupbyRows", []), *params.get("groupbyColumns", [])]
    metrics = params.get("metrics") or [params["metric"]]
    expressions = {one["metric_name"]: one["expression"] for one in dataset["metrics"]}
    selected = [*groups, *(f"{expressions[name]} AS {name}" for name in metrics)]
    where = [f"{one['subject']} IS NOT NULL" for one in params["adhoc_filters"] if one["operator"] == "IS NOT NULL"]
    sql = f"SELECT {', '.join(selected)} FROM ({dataset['sql']}) AS virtual_table"
    sql += f" WHERE {' AND '.join(where)}" if where else ""
    sql += f" GROUP BY {', '.join(groups)}" if groups else ""
    return groups, metrics, sql
