# SPDX-License-Identifier: MIT
"""Superset as `superset/start.sh` starts it, and its API."""

import json
import re
import urllib.error
import urllib.request

import harness
import superset_files
from servers import process

PASSWORD = "only-for-tests"
START_TIMEOUT_S = 900  # some minutes on an idle machine


class Superset(process.Server):
    def __init__(self, directory, kind, uri):
        super().__init__(directory)
        (self.port,) = process.free_ports(1)
        env = harness.clean_env({"SUPERSET_HOME": str(self.directory), "SUPERSET_ADMIN_PASSWORD": PASSWORD, "PORT": str(self.port),
                                 "SALESTIDE_SUPERSET_URI": uri})  # fmt: skip
        self.process = process.Process("Superset", [superset_files.SUPERSET / "start.sh", kind], self.directory / "superset.log", env)
        self.token = None

    def wait_ready(self):
        try:
            self.process.wait_ready(self.is_ready, START_TIMEOUT_S)
        except BaseException:
            self.process.kill9()
            raise
        return self

    def is_ready(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5) as answer:
            return answer.status == 200

    def call(self, method, path, body=None):
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {self.token}"} if self.token else {})}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method, headers=headers,
                                         data=None if body is None else json.dumps(body).encode())  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as problem:
            raise AssertionError(f"{method} {path}: {problem.code} {problem.read().decode()[:3000]}") from None

    def log_in(self):
        self.token = self.call("POST", "/api/v1/security/login", {"username": "admin", "password": PASSWORD, "provider": "db", "refresh": False})["access_token"]

    def log_in_page(self, page):
        """As a person does."""
        page.goto(f"http://127.0.0.1:{self.port}/login/")
        page.fill("input[name=username], #username", "admin")
        page.fill("input[name=password], #password", PASSWORD)
        page.click("button[type=submit], input[type=submit]")
        page.wait_for_url(re.compile(r"/superset/welcome|/dashboard/list"))

    def charts(self):
        """{name: (dataset's id, params)}"""
        found = self.call("GET", "/api/v1/chart/?q=(page_size:100)")["result"]
        return {one["slice_name"]: (one["datasource_id"], json.loads(one["params"])) for one in found}

    def data(self, dataset, params):
        """The rows of a chart, asked as its dashboard would, with the time filter that it has."""
        columns = [axis(name) for name in [params.get("x_axis")] if name] + [name for name in [params.get("entity")] if name]
        columns += [*params.get("groupby", []), *params.get("groupbyRows", []), *params.get("groupbyColumns", [])]
        filters = [{"col": one["subject"], "op": one["operator"], **({"val": one["comparator"]} if one["comparator"] else {})} for one in params["adhoc_filters"]]
        orderby = [[params["timeseries_limit_metric"], not params["order_desc"]]] if "timeseries_limit_metric" in params else []
        query = {"columns": columns, "metrics": params.get("metrics") or [params["metric"]], "filters": filters, "row_limit": params.get("row_limit", 10000),
                 "orderby": orderby, "extras": {"having": "", "where": ""}}  # fmt: skip
        asked = {"datasource": {"id": dataset, "type": "table"}, "queries": [query], "force": True, "result_format": "json", "result_type": "full"}
        (result,) = self.call("POST", "/api/v1/chart/data", asked)["result"]
        assert result["error"] is None, result
        return result["data"]


def axis(name):
    """A column of time as the page asks for the axis of a chart without a time grain."""
    return {"columnType": "BASE_AXIS", "expressionType": "SQL", "label": name, "sqlExpression": name, "timeGrain": None}
