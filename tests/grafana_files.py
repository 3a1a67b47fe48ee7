# SPDX-License-Identifier: MIT
"""What tests read of grafana/: panels, rules, and the names of metrics in them."""

import json
import re

import harness

GRAFANA = harness.ROOT / "grafana"
TYPES = "./node_modules/@grafana/schema/dist/types/raw"
# Enumerations are texts and numbers in a file; what a panel leaves out has its default.
TYPESCRIPT = f"""import type {{ Dashboard, Panel, RowPanel }} from "{TYPES}/dashboard/x/types.gen";
type Plain<T> = T extends string ? `${{T}}`
    : T extends number ? (number extends T ? T : `${{T}}` extends `${{infer N extends number}}` ? N : never)
    : T extends (infer U)[] ? Plain<U>[] : T extends object ? {{ [K in keyof T]: Plain<T[K]> }} : T;
type Some<T> = T extends (infer U)[] ? Some<U>[] : T extends object ? {{ [K in keyof T]?: Some<T[K]> }} : T;
"""
METRIC = re.compile(r"\b((?:salestide|process)_[a-z0-9_]+)")
PARTS = re.compile(r"_(bucket|sum|count)$")  # of a histogram


def dashboard():
    return json.loads((GRAFANA / "dashboards/salestide.json").read_text("utf-8"))


def panels():
    return [one for one in dashboard()["panels"] if one["type"] != "row"]


def questions(kind):
    """(panel's title, target) of all panels whose data source is of this kind: mysql, prometheus."""
    return [(panel["title"], target) for panel in panels() for target in panel["targets"] if target["datasource"]["type"] == kind]


def as_typescript(board):
    """The dashboard as a program that compiles when all of it is of the types that Grafana publishes."""
    kinds = sorted({panel["type"] for panel in board["panels"]} - {"row"})
    lines = [f'import type * as {kind} from "{TYPES}/composable/{kind}/panelcfg/x/types.gen";' for kind in kinds]
    pieces = [("Plain<Dashboard>", {name: value for name, value in board.items() if name != "panels"})]
    for panel in board["panels"]:
        pieces.append((f"Plain<{'RowPanel' if panel['type'] == 'row' else 'Panel'}>", panel))
        if panel.get("options"):
            pieces.append((f"Some<Plain<{panel['type']}.Options>>", panel["options"]))
        if custom := panel.get("fieldConfig", {}).get("defaults", {}).get("custom"):
            pieces.append((f"Some<Plain<{panel['type']}.FieldConfig>>", custom))
    lines += [f"export const piece{n}: {kind} = {json.dumps(piece)};" for n, (kind, piece) in enumerate(pieces)]
    return TYPESCRIPT + "\n".join(lines) + "\n"


def rules():
    text = (GRAFANA / "prometheus/alerts.yml").read_text("utf-8")
    found = re.findall(r"- alert: (\w+)\n +expr: (.+)\n", text)
    assert len(found) == text.count("- alert: ")
    return dict(found)


def metrics_named():
    """{metric: where}"""
    places = [*((f"rule {name}", expr) for name, expr in rules().items()),
              *((f"panel {title}", target["expr"]) for title, target in questions("prometheus"))]  # fmt: skip
    return {PARTS.sub("", metric): place for place, expr in places for metric in METRIC.findall(expr)}


def expanded(sql, begin_s, end_s, currency):
    """What Grafana's MySQL data source makes of a panel's SQL."""
    sql = re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 BETWEEN FROM_UNIXTIME({begin_s}) AND FROM_UNIXTIME({end_s})", sql)
    sql = sql.replace("${currency:sqlstring}", f"'{currency}'")
    assert "$" not in sql, sql
    return sql
