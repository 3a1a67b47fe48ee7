# SPDX-License-Identifier: MIT
"""`salestide dashboard` on a real MariaDB: it says what `serve` says of the same orders, shows at once
what is committed, and gets over a server that goes away; `rejected` works there too."""

import datetime
import json
import time

import pytest

import harness
import mysql_copy
from harness import NDJSON, lines, order
from mysql_copy import ENV, Dashboard, Database, minute_now
from reference import events
from servers.proxy import Proxy

ZONE = "America/New_York"
N_EVENTS = harness.number_of("DASHBOARD_EVENTS", 3000)


@pytest.fixture
def started():
    """Programs that have to stop cleanly."""
    running = []

    def add(one):
        running.append(one)
        return one

    yield add
    for one in running:
        if one.process.returncode is None:
            one.stop()


def questions(now_ms):
    day = datetime.datetime.fromtimestamp(now_ms / 1000, datetime.timezone.utc)
    week_ago = day - datetime.timedelta(days=7)
    for by in ("", "source", "state", "source,state"):
        for bucket in ("", "day", "hour", "minute"):
            for span in ("", f"&from={week_ago:%F}", f"&from={week_ago:%F}&to={day:%F}", "&from=1971-01-01&to=2199-01-01"):
                yield f"/v1/sales?{f'by={by}' if by else ''}{f'&bucket={bucket}' if bucket else ''}{span}".replace("?&", "?")
    for bucket in ("", "&bucket=day"):
        yield f"/v1/sales?by=product{bucket}"
        yield f"/v1/sales?by=product{bucket}&from={week_ago:%F}"
        yield f"/v1/sales?by=product{bucket}&product_id=1&product_id=2&product_id=mug&currency=USD"
        yield f"/v1/sales?product_id=1&product_id=2{bucket}&from={week_ago:%F}&to={day:%F}"
        yield f"/v1/sales?by=product{bucket}&top=7&from={week_ago:%F}"
        yield f"/v1/sales?by=product{bucket}&top=7&order=units&from={week_ago:%F}&to={day:%F}&compare=2026-01-01&format=csv"
        for narrow in ("source=GOOGLE", "state=CA&state=TX", "source=GOOGLE&source=EMAIL&currency=USD", "currency=EUR"):
            yield f"/v1/sales?{narrow}{bucket}"
            yield f"/v1/sales?by=source&{narrow}{bucket}&from={week_ago:%F}&to={day:%F}"
            yield f"/v1/sales?by=&{narrow}&bucket=hour&from={week_ago:%F}&to={day:%F}&format=csv"
            yield f"/v1/sales?by=state&{narrow}&top=3{bucket}&from={week_ago:%F}&to={day:%F}&compare=2026-01-01"
    yield "/v1/sales?by=product&bucket=hour"
    yield "/v1/sales?by=colour"
    yield "/v1/rejected?limit=1000"
    yield "/v1/rejected?limit=7&before=20"


@pytest.mark.timeout(300)
def test_every_question_is_answered_byte_for_byte_as_by_the_embedded_server(mariadb, own_name, tmp_path, started):
    now_ms = int(time.time() * 1000)
    texts = list(events.Generator(1, now_ms, ZONE).events(N_EVENTS))
    writer = started(harness.Server(tmp_path, "--timezone", ZONE))
    for at in range(0, len(texts), 500):
        assert writer.post(b"".join(t + b"\n" for t in texts[at : at + 500]), NDJSON).status in (202, 422)
    database = Database(mariadb, own_name, timezone=ZONE)
    database.copy(writer.data)
    reader = started(Dashboard(tmp_path, database))
    n_rows = 0
    for question in questions(now_ms):
        mine, theirs = reader.get(question), writer.get(question)
        assert (mine.status, mine.body) == (theirs.status, theirs.body), question
        n_rows += len(mine.json().get("rows", [])) if "format=csv" not in question else mine.body.count(b"\r\n") - 1
    assert n_rows > N_EVENTS // 10
    for path in ("/", "/openapi.json", "/healthz"):
        assert reader.get(path).status == 200


def test_orders_and_refunds_show_on_the_stream_as_soon_as_they_are_committed(mariadb, own_name, tmp_path, started):
    database = Database(mariadb, own_name)
    reader = started(Dashboard(tmp_path, database))
    connection = reader.connection(timeout=20)
    connection.request("GET", "/v1/stream")
    stream = mysql_copy.events_of(connection.getresponse())
    name, first = next(stream)
    assert (name, first["store"], first["today"]["orders"]) == ("snapshot", {"ok": True, "problem": None}, 0)
    for i in range(1, 4):
        database.commit_order(f"o-{i}", "10.50", minute_now())
        for name, data in stream:
            if "recent" in data:
                break
        assert [o["order_id"] for o in data["recent"]] == [f"o-{i}"]
        assert data["today"]["total"] == data["all_time"]["total"] == f"{10.5 * i:.4f}"
        assert data["counts"]["accepted"] == i
    database.commit_refund("o-2", "4.25", minute_now())
    changes = next(data["changes"] for _, data in stream if data.get("changes"))
    wanted = {"position": 1, "event": "refunded", "order_id": "o-2", "source": "GOOGLE", "state": "CA", "currency": "USD",
              "total": "4.2500"}  # fmt: skip
    assert [{name: row[name] for name in wanted} for row in changes] == [wanted]
    connection.close()


def test_orders_themselves_are_not_there_without_raw_orders(mariadb, own_name, tmp_path, started):
    reader = started(Dashboard(tmp_path, Database(mariadb, own_name)))
    assert "--raw" in reader.get("/v1/orders/1").problem(404)["detail"]
    assert "takes no orders" in reader.post(order(1)).problem(404)["detail"]


def test_a_server_that_hangs_is_named_and_keeps_nobody_from_stopping(mariadb, own_name, tmp_path, started):
    database = Database(mariadb, own_name)
    database.commit_order("before", "1.00", minute_now())
    reader = started(Dashboard(tmp_path, database))
    assert reader.get("/readyz").status == 200
    mariadb.sigstop()
    try:
        began = time.monotonic()
        harness.wait_until(lambda: reader.get("/readyz").status == 503, 20, "unready")
        assert time.monotonic() - began < 10
        assert reader.get("/readyz").problem(503)["detail"].startswith("mysql: ")
        began = time.monotonic()
        reader.stop()
        assert time.monotonic() - began < 10
    finally:
        mariadb.sigcont()


def test_a_server_that_goes_away_is_named_and_the_page_keeps_its_figures(mariadb, own_name, tmp_path, started):
    database = Database(mariadb, own_name)
    database.commit_order("before", "1.00", minute_now())
    with Proxy(mariadb.port) as proxy:
        reader = started(Dashboard(tmp_path, database, port=proxy.port))
        connection = reader.connection(timeout=30)
        connection.request("GET", "/v1/stream")
        stream = mysql_copy.events_of(connection.getresponse())
        next(stream)
        assert reader.get("/readyz").status == 200
        proxy.refuse()
        proxy.cut()
        said = next(data for _, data in stream if data.get("store", {}).get("ok") is False)
        assert "today" not in said, "old figures stay as they are"
        assert said["store"]["problem"]
        problem = harness.wait_until(lambda: (a := reader.get("/readyz")).status == 503 and a.problem(503), 20, "unready")
        assert problem["detail"].startswith("mysql: ")
        assert reader.get("/v1/sales").problem(503)["type"].endswith("query-failed")
        assert reader.get("/healthz").status == 200
        up = harness.metrics(reader.get("/metrics").body.decode())["salestide_dependency_up"]
        assert up == {(("dependency", "mysql"),): 0}
        database.commit_order("while-away", "2.00", minute_now())
        proxy.accept()
        data = next(data for _, data in stream if data.get("store", {}).get("ok"))
        while "recent" not in data:
            _, data = next(stream)
        assert data["recent"][0]["order_id"] == "while-away"
        harness.wait_until(lambda: reader.get("/readyz").status == 200, 20, "ready again")
        harness.wait_until(lambda: reader.get("/v1/sales").status == 200, 20, "questions answered again")
        connection.close()
    log = reader.log
    assert "mysql is down" in log and "mysql is up again" in log
    assert "the live page is up to date again" in log


def test_a_server_that_is_away_at_the_start_is_one_line(mariadb, own_name, tmp_path):
    with Proxy(mariadb.port) as proxy:
        url = mariadb.url(own_name, port=proxy.port)
        proxy.refuse()
        done = harness.run("dashboard", "--aggregates", url, env=ENV)
        assert (done.returncode, done.stderr.count(b"salestide dashboard: ")) == (1, 1), done
    mariadb.create_database(own_name)
    done = harness.run("dashboard", "--aggregates", mariadb.url(own_name), env=ENV)
    assert done.returncode != 0
    assert b"salestide setup --aggregates URL" in done.stderr
    done = harness.run("dashboard", "--aggregates", mariadb.url(own_name), env={"SALESTIDE_MYSQL_PASSWORD": "wrong"})
    assert done.returncode == 2
    assert b"check the user and the password" in done.stderr


def test_rejected_events_in_mysql_are_shown_mended_and_noted(mariadb, own_name, tmp_path, started):
    door = started(harness.Server(tmp_path))
    door.post(lines(order(1, total=-1), order(2, total=-2), order(3, quantity="x")), NDJSON)
    database = Database(mariadb, own_name)
    database.copy(door.data)

    def rejected(*arguments, **more):
        return harness.run("rejected", *arguments, "--aggregates", database.url, "--to", door.url, env=ENV, **more)

    assert [line.split()[0] for line in rejected("list").stdout.decode().splitlines()] == ["3", "2", "1"]
    done = rejected("edit", "1", "--file", "-", stdin=json.dumps(order(1)).encode())
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, b"1 accepted"), done
    done = rejected("retry", "--code", "negative")
    assert done.returncode == 1
    assert done.stdout.decode().splitlines()[-1] == "1 submitted again: 0 accepted, 0 duplicate, 1 rejected"
    status = dict(database.sql("SELECT id, status FROM rejected_events"))
    assert status == {1: "accepted", 2: "rejected", 3: "new"}
    tried = database.sql("SELECT id, verdict FROM rejected_retries ORDER BY retried_at")
    assert tried == [(1, "accepted"), (2, "rejected")]
    (raw,) = database.sql("SELECT event FROM rejected_events WHERE id = 1")
    assert json.loads(raw[0])["total"] == -1, "the original stays"
    reader = started(Dashboard(tmp_path, database))
    rows = {row["id"]: row for row in reader.get("/v1/rejected").json()["rows"]}
    assert [rows[i].get("retried_verdict") for i in (1, 2, 3)] == ["accepted", "rejected", None]


def test_verify_without_raw_orders_holds_the_aggregates_against_each_other(mariadb, own_name, tmp_path, started):
    writer = started(harness.Server(tmp_path))
    writer.post(lines(order(1), order(2, currency="EUR"), order(1, event="cancelled")), NDJSON)
    database = Database(mariadb, own_name)
    database.copy(writer.data)
    database.sql("INSERT INTO pipeline_batches VALUES (%s, NOW(3), 3, 3, 0, 0, NULL, NULL)",
                 (harness.stored_counts(writer.data)["last_batch_id"],))  # fmt: skip
    database.sql("INSERT INTO total_sales_by_source_state SELECT source, state, total, NOW(3), 1 FROM sales_totals "
                 "WHERE currency = 'USD'")  # fmt: skip
    said = harness.must_run("verify", "--aggregates", database.url, env=ENV)
    assert "2 orders, 1 adjustments" in said and "all laws hold" in said
    database.sql("UPDATE sales_by_day SET total = total + 0.0001 WHERE currency = 'EUR'")
    done = harness.run("verify", "--aggregates", database.url, env=ENV)
    assert done.returncode == 1
    assert b"problem: sales_totals: all time, (unknown), (unknown), EUR: is not what" in done.stdout
    done = harness.run("rebuild", "--aggregates", database.url, env=ENV)
    assert done.returncode == 2
    assert b"--raw cassandra://" in done.stderr
