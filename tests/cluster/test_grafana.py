# SPDX-License-Identifier: MIT
"""Grafana's dashboard and Prometheus' rules on what they ask: each panel's SQL on MariaDB, as the account of `setup --bi-user`,
and a real Prometheus that scrapes the pipeline."""

import time

import pytest

import grafana_files
import harness
import mysql_copy
from harness import NDJSON, order
from mysql_copy import Database
from reference import events
from servers.prometheus import Prometheus

ZONE = "America/New_York"


@pytest.fixture(scope="module")
def sales(mariadb, tmp_path_factory):
    """A database with orders of now, a data directory with the same, and how the account for BI asks there."""
    folder = tmp_path_factory.mktemp("grafana")
    now_s = int(time.time())
    server = harness.Server(folder, "--timezone", ZONE)
    try:
        texts = list(events.Generator(7, now_s * 1000, ZONE).events(500))
        assert server.post(b"".join(t + b"\n" for t in texts), NDJSON).status == 202
        lately = [order(f"n-{n}", created_at=harness.instants.show((now_s - n * 61) * 1000), source="GOOGLE", state="CA" if n % 2 else "TX",
                        total=f"{n}.07", subtotal=f"{n}.07", product_id=f"p-{n % 3}") for n in range(1, 100)]  # fmt: skip
        assert server.post(lately).json()["accepted"] == len(lately)
    finally:
        server.stop()
    database = Database(mariadb, "grafana", timezone=ZONE)
    database.copy(server.data)
    database.insert("pipeline_batches", [{"batch_id": 1, "committed_at": mysql_copy.minute_now(), "received": 3, "accepted": 2, "duplicate": 1, "rejected": 0}])
    database.sql("UPDATE pipeline_state SET last_batch_id = 1")
    mariadb.create_user("grafana-admin")
    mariadb.sql("GRANT ALL ON *.* TO 'grafana-admin'@'%' WITH GRANT OPTION")
    harness.must_run("setup", "--aggregates", mariadb.url("grafana", "grafana-admin"), "--bi-user", "grafana-bi",
                     env={**mysql_copy.ENV, "SALESTIDE_BI_PASSWORD": "only-reads"})  # fmt: skip
    connection = mariadb.connect("grafana", user="grafana-bi", password="only-reads", init_command="SET time_zone = '+00:00'")

    def ask(sql):
        with connection.cursor() as cursor:
            cursor.execute(grafana_files.expanded(sql, now_s - 6 * 3600, now_s + 60, "USD"))
            return [column[0] for column in cursor.description], cursor.fetchall()

    yield server.data, ask, now_s
    connection.close()


@pytest.mark.parametrize(("title", "target"), [pytest.param(*one, id=one[0]) for one in grafana_files.questions("mysql")])
def test_a_panels_sql_gives_its_rows(sales, title, target):
    _, ask, now_s = sales
    names, rows = ask(target["rawSql"])
    assert rows, title
    if target["format"] == "time_series":
        assert names[0] == "time"
        assert [row[0] for row in rows] == sorted(row[0] for row in rows)
        seconds = [(row[0] - mysql_copy.EPOCH).total_seconds() for row in rows]
        assert now_s - 6 * 3600 <= seconds[0] <= seconds[-1] <= now_s + 60  # Grafana takes them for UTC
    elif len(rows) == 1 and len(names) == 1:
        assert rows[0][0] is not None


def test_panels_have_the_figures_of_the_orders(sales):
    data, ask, _ = sales
    panel = {title: target["rawSql"] for title, target in grafana_files.questions("mysql")}
    with harness.database(data) as db:
        def wanted(sql):
            return db.execute(sql).fetchall()

        today = ask("SELECT today FROM bi_shop")[1][0][0]
        cells = "FROM day_cells c JOIN sales_groups g ON g.id = c.cell & 4294967295 WHERE g.currency = 'USD' AND c.cell >> 32 = "
        cells += str((today - mysql_copy.EPOCH.date()).days)
        for title, column, scale in (("Revenue today", "total_e4", 10_000), ("Orders today", "orders", 1), ("Given back today", "refunded_total_e4", 10_000)):
            ((found,),) = ask(panel[title])[1]
            assert found * scale == wanted(f"SELECT coalesce(sum({column}), 0) {cells}")[0][0], title
        by_source = {source: revenue * 10_000 for source, revenue in ask(panel["Revenue today by source"])[1]}
        assert by_source == dict(wanted(f"SELECT g.source, sum(total_e4) {cells} GROUP BY 1"))
        ((everything,),) = ask(panel["Revenue, all time"])[1]
        assert everything * 10_000 == wanted("SELECT sum(total_e4) FROM total_cells c JOIN sales_groups g ON g.id = c.cell & 4294967295 WHERE currency = 'USD'")[0][0]
        minutes = {time: revenue * 10_000 for time, revenue in ask(panel["Revenue by minute"])[1]}
        stored = wanted("SELECT cell >> 32, sum(total_e4) FROM minute_cells c JOIN sales_groups g ON g.id = c.cell & 4294967295 WHERE currency = 'USD' GROUP BY 1")
        stored = {mysql_copy.EPOCH + minute * mysql_copy.UNITS["sales_by_minute"]: total for minute, total in stored}
        assert len(minutes) > 50
        assert minutes == {minute: stored[minute] for minute in minutes}


def test_the_variable_of_currencies_begins_with_the_shops(sales):
    _, ask, _ = sales
    (variable,) = grafana_files.dashboard()["templating"]["list"]
    assert ask(variable["query"])[1][0] == ("USD",)


@pytest.mark.timeout(400)  # it starts every server there is
def test_a_real_prometheus_finds_every_metric_that_panels_and_rules_name(shop, tmp_path):
    one = shop()
    door, counter = one.ingest(), one.processor()
    one.running.append(page := Page(one))
    one.running.append(embedded := harness.Server(tmp_path, data=tmp_path / "embedded"))
    assert door.post([order(n) for n in range(100)]).json()["accepted"] == 100
    assert embedded.post(order(1)).status == 202
    one.wait_drained()
    with Prometheus(tmp_path / "prometheus", [f"127.0.0.1:{server.port}" for server in (door, counter, page, embedded)]) as prometheus:
        harness.wait_until(lambda: len(prometheus.ask('up{job="salestide"} == 1')) == 4, 30, "every target scraped")
        known = set(prometheus.get("/api/v1/label/__name__/values"))
        for metric, place in grafana_files.metrics_named().items():
            assert known & {metric, f"{metric}_bucket"}, f"{place}: nobody has {metric}"
        for title, target in grafana_files.questions("prometheus"):  # rates need two scrapes
            harness.wait_until(lambda expr=target["expr"]: prometheus.ask(expr), 30, f"an answer for panel {title}")
        assert prometheus.ask('max by (verdict) (salestide_events_total{verdict="accepted"})')[0][1] == 100
        assert prometheus.ask("sum(salestide_kafka_lag_messages)")[0][1] == 0
        (group,) = prometheus.get("/api/v1/rules")["groups"]
        harness.wait_until(lambda: all(rule["health"] == "ok" for rule in prometheus.get("/api/v1/rules")["groups"][0]["rules"]), 30, "the rules evaluated")
        assert {rule["name"] for rule in group["rules"]} == set(grafana_files.rules())
        assert not prometheus.ask('ALERTS{alertstate="firing"}')
        counter.kill()
        harness.wait_until(lambda: prometheus.ask('ALERTS{alertname="SalestideDown"}'), 30, "the alert of a process that is gone")


class Page(harness.Server):
    command = "dashboard"

    def __init__(self, pipeline):
        self.pipeline = pipeline
        super().__init__(pipeline.directory, env=pipeline.env)

    def own_options(self):
        return ["--raw", self.pipeline.raw, "--aggregates", self.pipeline.mysql.url(self.pipeline.name)]
