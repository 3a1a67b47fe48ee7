# SPDX-License-Identifier: MIT
"""verify and rebuild of a running cluster, and its dashboard: MariaDB's aggregates held against
Cassandra's raw orders, while a processor works."""

import concurrent.futures
import json
import re
import time

import pytest

import harness
import pipeline
from mysql_copy import Dashboard
from reference import events
from servers.proxy import Proxy

N_EVENTS = harness.number_of("AUDIT_EVENTS", 4000)


def command(one, name, raw=None):
    return harness.run(name, "--aggregates", one.mysql.url(one.name), "--raw", raw or one.raw, env=one.env)


def verified(one):
    """Runs verify, which has to find all laws to hold; gives (orders, adjustments)."""
    done = command(one, "verify")
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    match = re.search(r"(\d+) orders, (\d+) adjustments, \d+ cells compared: all laws hold", said)
    return int(match[1]), int(match[2])


@pytest.mark.timeout(300)
def test_verify_holds_while_processors_work_and_rebuild_mends_what_was_broken(shop):
    one = shop()
    door = one.ingest()
    one.processor()
    now_ms = int(time.time() * 1000)
    texts = list(events.Generator(2, now_ms, one.timezone).events(N_EVENTS))
    seen = []
    for at in range(0, N_EVENTS, N_EVENTS // 4):
        pipeline.post_all(door, texts[at : at + N_EVENTS // 4], chunk=100)
        one.wait_moving(beyond=at // 2)
        seen.append(sum(verified(one)))
    one.wait_drained()
    orders, adjustments = verified(one)
    assert orders + adjustments == one.state()["accepted"] >= max(seen) > 0
    assert seen == sorted(seen)

    tables = {name: harness.without_zeros(cells) for name, cells in one.tables().items()}
    one.mysql.sql("UPDATE sales_by_hour SET units = units + 1 ORDER BY bucket LIMIT 3", database=one.name)
    one.mysql.sql("DELETE FROM sales_by_product", database=one.name)
    one.mysql.sql("UPDATE sales_totals SET total = total + 0.0001 ORDER BY source, state, currency LIMIT 1",
                  database=one.name)  # fmt: skip
    done = command(one, "verify")
    said = done.stdout.decode()
    assert done.returncode == 1
    assert "problem: sales_by_hour: " in said
    assert "problem: sales_by_product: " in said
    assert "problem: sales_totals: " in said
    assert b"does not add up" in done.stderr
    done = command(one, "rebuild")
    assert done.returncode == 0, done
    assert re.search(rb"from \d+ orders and \d+ adjustments: [1-9]\d* cells changed", done.stdout), done
    assert {name: harness.without_zeros(cells) for name, cells in one.tables().items()} == tables
    assert verified(one) == (orders, adjustments)
    pipeline.post_all(door, [b'{"order_id":"one more","created_at":"2024-05-01T10:00:00Z","product_id":1,"quantity":1,"total":1}'])
    one.check()
    assert verified(one) == (orders + 1, adjustments)


@pytest.mark.timeout(200)
def test_raw_orders_that_were_changed_are_told_and_do_not_replace_right_totals_unless_told(shop):
    one = shop()
    door = one.ingest()
    one.processor()
    orders = [harness.order(f"o-{n}", total="10.00", quantity=2) for n in range(6)]
    pipeline.post_all(door, [json.dumps(each).encode() for each in orders])
    one.check()
    one.stop()
    before = one.tables()
    changes = {
        ("total", "17.00", "10.00"): b"totals and days agree",
        ("created_at", "'2024-04-01T10:00:00Z'", "'2024-05-01T10:00:00Z'"): b"days and products agree",
    }
    for (column, changed, was), words in changes.items():
        one.cassandra.cql(f"UPDATE {one.name}.orders SET {column} = {changed} WHERE order_id = 'o-3'")
        done = command(one, "verify")
        assert done.returncode == 1, done
        assert words in done.stdout and b"it is those that were changed" in done.stdout, done
        assert b"restore them from a copy" in done.stderr, done
        done = command(one, "rebuild")
        assert done.returncode == 2, done
        assert b"raw orders were changed: " + words in done.stderr and b"--accept-loss" in done.stderr, done
        assert one.tables() == before
        one.cassandra.cql(f"UPDATE {one.name}.orders SET {column} = {was} WHERE order_id = 'o-3'")
        assert verified(one) == (6, 0)
    one.cassandra.cql(f"UPDATE {one.name}.orders SET total = 17.00 WHERE order_id = 'o-3'")
    done = harness.run("rebuild", "--accept-loss", "--aggregates", one.mysql.url(one.name), "--raw", one.raw, env=one.env)
    assert done.returncode == 0, done
    assert sum(sums["total"] for sums in one.tables()["sales_totals"].values()) == 670000
    assert verified(one) == (6, 0)


@pytest.mark.timeout(200)
def test_raw_orders_that_are_gone_take_nothing_out_of_the_totals_unless_told(shop):
    one = shop()
    door = one.ingest()
    one.processor()
    orders = [harness.order(f"o-{n}", total="10.00", quantity=2) for n in range(6)]
    refunds = [harness.order(f"o-{n}", event="refunded", event_id="r", total="1.00") for n in range(2)]
    pipeline.post_all(door, [json.dumps(each).encode() for each in orders + refunds])
    one.check()
    one.stop()
    before = one.tables()
    copies = one.cassandra.cql(f"SELECT JSON * FROM {one.name}.orders")
    gone = [("order_adjustments", 2), ("orders", 8)]  # first some of them, then all
    for table, n_missing in gone:
        one.cassandra.cql(f"TRUNCATE {one.name}.{table}")
        done = command(one, "verify")
        assert done.returncode == 1, done
        assert b"restore them from a copy" in done.stderr, done
        done = command(one, "rebuild")
        assert done.returncode == 2, done
        assert f"{n_missing} of 8 accepted events are missing from the raw orders".encode() in done.stderr, done
        assert b"--accept-loss" in done.stderr, done
        assert one.tables() == before
    for (text,) in copies[:3]:
        one.cassandra.cql(f"INSERT INTO {one.name}.orders JSON %s", (text,))
    done = command(one, "rebuild")
    assert done.returncode == 2 and b"5 of 8 accepted events are missing" in done.stderr, done
    assert one.tables() == before
    done = harness.run("rebuild", "--accept-loss", "--aggregates", one.mysql.url(one.name), "--raw", one.raw, env=one.env)
    assert done.returncode == 0, done
    assert b"from 3 orders and 0 adjustments: " in done.stdout, done
    assert sum(sums["total"] for sums in one.tables()["sales_totals"].values()) == 300_000
    assert verified(one) == (3, 0)


@pytest.mark.timeout(200)
def test_the_dashboard_shows_raw_orders_and_names_cassandra_when_it_is_away(shop, tmp_path):
    one = shop()
    door = one.ingest()
    one.processor()
    embedded = harness.Server(tmp_path, "--timezone", one.timezone)
    bodies = [harness.order("o-1", customer_id=7, total="12.34"), harness.order("o-1", event="refunded", event_id="r", total="2"),
              harness.order(2, product_id="tea", source="A")]  # fmt: skip
    for body in bodies:
        assert door.post(body).status == embedded.post(body).status == 202
    one.wait_drained()
    with Proxy(one.cassandra.port, one.cassandra.host) as proxy:
        raw = f"cassandra://{proxy.host}:{proxy.port}/{one.name}"
        reader = Dashboard(tmp_path, Database(one), "--raw", raw)
        try:
            for order_id in ("o-1", "2", "none"):
                mine, theirs = (known(s.get(f"/v1/orders/{order_id}")) for s in (reader, embedded))
                assert mine == theirs
            assert known(reader.get("/v1/orders/o-1"))[1]["adjustments"]
            assert reader.get("/readyz").status == 200
            proxy.refuse()
            proxy.cut()
            problem = harness.wait_until(lambda: (a := reader.get("/readyz")).status == 503 and a.problem(503), 60, "unready")
            assert problem["detail"].startswith("cassandra: ")
            assert reader.get("/v1/sales").status == 200, "sales need no raw orders"
            reader.get("/v1/orders/2", timeout=60).problem(503)
            proxy.accept()
            harness.wait_until(lambda: reader.get("/readyz").status == 200, 60, "ready again")
            harness.wait_until(lambda: reader.get("/v1/orders/2", timeout=60).status == 200, 60, "orders shown again")
        finally:
            reader.stop()
    embedded.stop()


@pytest.mark.timeout(200)
def test_a_rejected_message_is_mended_and_goes_into_the_topic_again(shop):
    one = shop()
    one.processor()
    bad = [json.dumps(harness.order(i, total=-1)).encode() for i in range(1, 4)] + [b"no json"]
    one.kafka.produce_lines(one.name, pipeline.keyed(bad, one.currency, one.timezone))
    one.wait_drained()

    def rejected(*arguments, **more):
        return harness.run("rejected", *arguments, "--aggregates", one.mysql.url(one.name), env=one.env, **more)

    listed = [line.split("  ") for line in rejected("list").stdout.decode().splitlines()]
    assert sorted(fields[2] for fields in listed) == ["negative", "negative", "negative", "not_json"]
    mended = next(fields[0] for fields in listed if fields[2] == "negative")
    done = rejected("edit", mended, "--file", "-", "--to", one.broker, stdin=json.dumps(harness.order(1), indent=1).encode())
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, f"{mended} sent".encode()), done
    done = rejected("retry", "--all", "--to", one.broker)
    assert done.returncode == 1
    assert done.stdout.decode().splitlines()[-1] == "0 sent into the topic again, 3 rejected"
    expected = one.check()
    assert [identity for identity in expected.raw] == [("1", "placed", None)]
    status = dict(one.mysql.sql("SELECT id, status FROM rejected_events", database=one.name))
    assert status.pop(int(mended)) == "sent"
    assert set(status.values()) == {"rejected"}
    assert sum(verified(one)) == 1


@pytest.mark.timeout(200)
def test_retries_and_edits_that_are_rejected_behind_the_topic_replace_also_when_several_run(shop, tmp_path):
    one = shop()
    one.processor()
    door = one.ingest()
    orders = [harness.order(i, total=5) for i in range(1, 21)]
    bad = [json.dumps({**each, "total": 6}).encode() for each in orders]  # judged by the processor alone: a conflict
    pipeline.post_all(door, [json.dumps(each).encode() for each in orders])
    one.wait_drained()
    pipeline.post_all(door, [*bad, bad[0]])
    one.wait_drained()
    reader = Dashboard(tmp_path, Database(one))

    def rejected(*arguments, **more):
        return harness.run("rejected", *arguments, "--aggregates", one.mysql.url(one.name), env=one.env, **more)

    def again(*arguments, **more):
        return rejected(*arguments, "--to", one.broker, **more)

    def shown():
        return reader.get("/v1/rejected?limit=1000").json()["rows"]

    try:
        texts = sorted(row["raw"] for row in shown())
        assert len(texts) == 21
        n_sent = 0
        for _ in range(2):
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                done = [each.result() for each in [pool.submit(again, "retry", "--all") for _ in range(4)]]
            assert {each.returncode for each in done} <= {0, 1}, done
            sent = sum(int(each.stdout.decode().splitlines()[-1].split()[0]) for each in done)
            assert sent >= 21, [each.stdout for each in done]  # more: one came so late that some were rejected again
            n_sent += sent
            one.wait_drained()
            assert one.state()["rejected"] == 21 + n_sent
            assert sorted(row["raw"] for row in shown()) == texts, "at once, before the next retry"
            assert len(rejected("list", "--limit", "1000").stdout.splitlines()) == 21
        newest = shown()[0]
        edited = json.dumps({**json.loads(newest["raw"]), "total": 7}, indent=1).encode()
        done = again("edit", str(newest["id"]), "--file", "-", stdin=edited)
        assert done.stdout.decode().splitlines()[0] == f"{newest['id']} sent", done
        one.wait_drained()
        assert newest["id"] not in [row["id"] for row in shown()]
        assert len(shown()) == len(rejected("list", "--limit", "1000").stdout.splitlines()) == 21
    finally:
        reader.stop()
    assert sum(verified(one)) == 20


class Database:
    """The part of mysql_copy.Database that Dashboard needs."""

    def __init__(self, one):
        self.mysql, self.name = one.mysql, one.name


def known(answer):
    """A /v1/orders/{id} answer without what differs from store to store."""
    body = answer.json()
    for event in [body.get("order"), *body.get("adjustments", [])]:
        if event:
            del event["position"], event["received_at"]
    return answer.status, body
