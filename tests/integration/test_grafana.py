# SPDX-License-Identifier: MIT
"""grafana/ without a server: the dashboard's form, what its data sources are called, and the alert rules by promtool."""

import json
import os
import re
import subprocess

import pytest
import yaml

import grafana_files
from servers.prometheus import SHIPPED, promtool


def test_the_rules_are_sound_and_each_fires_when_it_should():
    assert f"{len(grafana_files.rules())} rules found" in promtool("check", "rules", "alerts.yml")
    promtool("check", "config", "prometheus.yml")
    assert "SUCCESS" in promtool("test", "rules", "alerts_test.yml")


def test_each_rule_is_tested_firing_and_quiet():
    tests = yaml.safe_load((SHIPPED / "alerts_test.yml").read_text("utf-8"))["tests"]
    tried = [(case["alertname"], bool(case["exp_alerts"])) for one in tests for case in one["alert_rule_test"]]
    assert sorted(tried) == sorted((name, fires) for name in grafana_files.rules() for fires in (False, True))


def test_rules_that_never_fire_are_noticed(tmp_path):
    text = (SHIPPED / "alerts.yml").read_text("utf-8")
    for expr in grafana_files.rules().values():
        text = text.replace(f"expr: {expr}\n", f"expr: ({expr}) and vector(0) > 1\n")
    (tmp_path / "alerts.yml").write_text(text, "utf-8")
    (tmp_path / "alerts_test.yml").write_text((SHIPPED / "alerts_test.yml").read_text("utf-8"), "utf-8")
    with pytest.raises(AssertionError) as told:
        promtool("test", "rules", "alerts_test.yml", cwd=tmp_path)
    assert {rule for rule in grafana_files.rules() if rule in str(told.value)} == set(grafana_files.rules())


def test_the_dashboard_has_what_grafana_asks_of_one():
    board = grafana_files.dashboard()
    sources = yaml.safe_load((grafana_files.GRAFANA / "provisioning/datasources/salestide.yaml").read_text("utf-8"))["datasources"]
    provider = yaml.safe_load((grafana_files.GRAFANA / "provisioning/dashboards/salestide.yaml").read_text("utf-8"))["providers"]
    kinds = {one["uid"]: one["type"] for one in sources}
    assert len(provider) == 1
    assert not any("password" in str(one["jsonData"]) for one in sources)
    assert all(re.fullmatch(r"\$SALESTIDE_\w+", one[key]) for one in sources for key in ("url", "user") if key in one)
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    titles = [panel["title"] for panel in board["panels"]]
    assert len(set(titles)) == len(titles)
    taken = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, f"{panel['title']} lies on another panel"
        taken |= cells
    for panel in grafana_files.panels():
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            assert target["datasource"] == panel["datasource"]
            assert kinds[target["datasource"]["uid"]] == target["datasource"]["type"]
            assert target.get("rawSql" if target["datasource"]["type"] == "mysql" else "expr"), panel["title"]
    for variable in board["templating"]["list"]:
        assert kinds[variable["datasource"]["uid"]] == "mysql"


def test_the_dashboard_is_of_the_types_that_grafana_publishes(tmp_path):
    """By TypeScript, from the package that has them. Beside the dashboard one with mistakes, which have to be seen."""
    wrong = grafana_files.dashboard()
    stat, bars = (next(panel for panel in wrong["panels"] if panel["type"] == kind) for kind in ("stat", "timeseries"))
    stat["options"]["colorMode"] = "valeu"
    bars["gridPos"]["width"] = 3
    bars["fieldConfig"]["defaults"]["custom"]["drawStyle"] = "bar"
    wrong["schemaVersion"] = "38"
    (tmp_path / "dashboard.ts").write_text(grafana_files.as_typescript(grafana_files.dashboard()), "utf-8")
    (tmp_path / "wrong.ts").write_text(grafana_files.as_typescript(wrong), "utf-8")
    options = {"strict": True, "noEmit": True, "module": "ESNext", "moduleResolution": "Bundler", "target": "ES2022", "types": [], "skipLibCheck": True}
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "files": ["dashboard.ts", "wrong.ts"]}), "utf-8")
    os.symlink(grafana_files.harness.ROOT / "build/clients/node_modules", tmp_path / "node_modules")
    done = subprocess.run(["node", "node_modules/typescript/bin/tsc", "-p", "."], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    seen = re.findall(r"^wrong\.ts.*error TS\d+: (.+)$", done.stdout, re.M)
    assert len(seen) == 4, done.stdout
    for one, words in zip(seen, ("type 'number'", '"valeu"', '"width"', '"bar"'), strict=True):
        assert words in one
    assert "dashboard.ts" not in done.stdout, done.stdout


def test_sql_for_time_series_gives_a_time_and_filters_by_it():
    for title, target in grafana_files.questions("mysql"):
        if target["format"] == "time_series":
            assert re.search(r"SELECT \w+_utc AS time,", target["rawSql"]), title
            assert "$__timeFilter(" in target["rawSql"], title
            assert re.search(r"ORDER BY \w+_utc$", target["rawSql"]), title


def test_the_guide_has_every_alert():
    text = (grafana_files.harness.ROOT / "docs/grafana.md").read_text("utf-8")
    assert re.findall(r"^\| `(Salestide\w+)` \|", text, re.M) == list(grafana_files.rules())
