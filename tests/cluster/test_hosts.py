# SPDX-License-Identifier: MIT
"""The hosts over real servers, each with every group of its options: started and used."""

import signal

import pytest

import harness
import hosts
from harness import NDJSON, lines, order
from hosts import Dashboard, Ingest, Process, Serve
from mysql_copy import ENV
from pipeline import Pipeline

ALONE = ("--create-topic", "--replication", "1", "--partitions", "2")  # for one broker
FILE = ("--raw", "none", "--aggregates", "sqlite")
BOTH_IN_ONE = ("--raw", "sqlite", "--aggregates", "sqlite")


@pytest.fixture
def started(tmp_path):
    """Starts hosts: started(Serve, "--option", ...); all that still run have to stop cleanly."""
    running = []

    def start(host, *options, **more):
        one = host(tmp_path, *options, **more)
        running.append(one)
        return one

    yield start
    try:
        for one in running:
            if one.process.returncode is None:
                one.stop()
    finally:
        for one in running:
            one.kill()


@pytest.fixture(scope="module")
def whole(kafka, cassandra, mariadb, tmp_path_factory):
    """Topic, Cassandra and MariaDB, with somebody who takes orders and somebody who counts them."""
    one = Pipeline(tmp_path_factory.mktemp("whole"), kafka, cassandra, mariadb, name="hosts", partitions=2)
    one.writer = one.ingest()
    one.processor()
    yield one
    try:
        one.stop()
    finally:
        one.kill()


def stores(whole):
    return ("--raw", whole.raw, "--aggregates", whole.mysql.url(whole.name))


def probed_and_used(one, group, writer=None, keys=None):
    group.probe(one, writer or one)
    if group.name not in ("max-viewers", "log-level"):
        hosts.use(one, writer=writer, keys=keys, question=group.question)


# --- serve over a broker


@pytest.mark.parametrize("group", hosts.GROUPS, ids=hosts.ids(hosts.GROUPS))
def test_serve_over_a_broker_heeds_each_group_and_counts_what_it_takes(kafka, own_name, started, tmp_path, group):
    keys = hosts.new_keys(tmp_path / "data") if group.key else None
    one = started(Serve, "--broker", kafka.url(own_name), *ALONE, *FILE, *group.options)
    probed_and_used(one, group, keys=keys)


def is_counted(one, n):
    """So many orders are in the sums."""
    rows = one.get("/v1/sales").json()["rows"]
    return sum(row["orders"] for row in rows) == n


@pytest.mark.parametrize("kind", ["file", "both-in-one", "servers"])
def test_serve_over_a_broker_takes_orders_and_shows_them(kafka, own_name, started, tmp_path, whole, kind):
    (tmp_path / "customers.csv").write_text(hosts.CUSTOMERS)
    (tmp_path / "products.csv").write_text(hosts.PRODUCTS)
    name = whole.name if kind == "servers" else own_name
    options = {"file": FILE, "both-in-one": BOTH_IN_ONE, "servers": stores(whole)}[kind]
    one = started(Serve, "--broker", kafka.url(name), *ALONE, *options, "--customers", tmp_path / "customers.csv",
                  "--products", tmp_path / "products.csv", "--group", f"{own_name}-{kind}" if kind != "servers" else "salestide",
                  "--session-timeout", "3s", env=ENV)  # fmt: skip
    before = sum(row["orders"] for row in one.get("/v1/sales").json()["rows"])
    answer = one.post(lines(*(order(f"{own_name}-{n}", customer_id=1) for n in range(500))), NDJSON)
    assert answer.status == 202, answer
    harness.wait_until(lambda: is_counted(one, before + 500), 60, f"500 orders in the sums\n{one.log}")
    assert b"Blue mug" in hosts.stream_head(one, b"Blue mug")
    harness.wait_until(lambda: one.get("/readyz").status == 200, 30, "readiness")
    hosts.use(one)


def test_a_stop_of_serve_over_a_broker_loses_no_order_that_it_took(kafka, own_name, started):
    one = started(Serve, "--broker", kafka.url(own_name), *ALONE, *FILE)
    for n in range(20):
        assert one.post(order(n)).status == 202
    one.stop()
    again = started(Serve, "--broker", kafka.url(own_name), *ALONE, *FILE)
    harness.wait_until(lambda: is_counted(again, 20), 30, f"all 20\n{again.log}")


# --- Alerts


def rule(one, name):
    """What has become of a rule."""
    (found,) = [r for r in one.get("/v1/alerts").json()["rules"] if r["name"] == name]
    return found


def test_serve_over_a_broker_knows_its_lag(kafka, own_name, started, tmp_path):
    (tmp_path / "alerts").write_text("behind = lag over 1000000\n")
    one = started(Serve, "--broker", kafka.url(own_name), *ALONE, *FILE, "--alerts", tmp_path / "alerts")
    assert one.post(order(1)).status == 202
    harness.wait_until(lambda: rule(one, "behind")["value"] == "0 messages are not counted yet", 60, f"the lag\n{one.log}")


def test_a_dashboard_of_servers_holds_its_rules_against_them(whole, started, tmp_path):
    (tmp_path / "alerts").write_text("quiet = no orders for 3s\nrefunds = refunds over 10% in 1h for 0\n"
                                     "rejected = rejected over 50% in 1h\nslow = orders under 50% of usual\n")  # fmt: skip
    one = started(Dashboard, *stores(whole), "--alerts", tmp_path / "alerts", env=ENV)
    assert whole.writer.post(order("for-alerts")).status == 202
    harness.wait_until(lambda: rule(one, "quiet")["firing"], 60, f"the alert\n{one.log}")
    assert rule(one, "refunds")["value"].startswith("0.0% refunded (0.00 of ")
    assert rule(one, "rejected")["value"].startswith("0.0% rejected (0 of ")
    assert rule(one, "slow")["value"] is None
    assert whole.writer.post(order("for-alerts-2")).status == 202
    harness.wait_until(lambda: "quiet is over" in one.log, 60, f"its end\n{one.log}")


# --- ingest, process, dashboard

ORDERS = [g for g in hosts.GROUPS if g.needs != "questions"]
QUESTIONS = [g for g in hosts.GROUPS if g.needs != "orders"]


@pytest.mark.parametrize("group", ORDERS, ids=hosts.ids(ORDERS))
def test_ingest_heeds_each_group(kafka, own_name, started, tmp_path, group):
    keys = hosts.new_keys(tmp_path / "data") if group.key else None
    one = started(Ingest, "--broker", kafka.url(own_name), *ALONE, *group.options)
    probed_and_used(one, group, keys=keys)


@pytest.mark.parametrize("group", hosts.OF_ALL, ids=hosts.ids(hosts.OF_ALL))
def test_process_heeds_each_group(whole, own_name, started, tmp_path, group):
    keys = hosts.new_keys(tmp_path / "data") if group.key else None
    whole.kafka.create_topic(own_name, 1)
    one = started(Process, "--broker", whole.kafka.url(own_name), *FILE, *group.options)
    probed_and_used(one, group, keys=keys)


@pytest.mark.parametrize("group", QUESTIONS, ids=hosts.ids(QUESTIONS))
def test_a_dashboard_of_servers_heeds_each_group(whole, started, tmp_path, group):
    keys = hosts.new_keys(tmp_path / "data") if group.key else None
    one = started(Dashboard, *stores(whole), *group.options, env=ENV)
    probed_and_used(one, group, writer=whole.writer, keys=keys)


# --- Options of servers are looked at where there are such


@pytest.mark.parametrize(("host", "unused"), [(Serve, {"batch-events"}), (Process, set()), (Dashboard, set())],
                         ids=["serve", "process", "dashboard"])  # fmt: skip
def test_every_option_is_looked_at_with_all_servers(whole, started, host, unused):
    one = started(host, "--log-level", "debug", "--broker", whole.broker, *stores(whole), env=ENV)
    assert hosts.options_unused(one) == unused


# --- A stop during a reload, with a log that is being counted


@pytest.mark.parametrize("host", [Serve, Process], ids=["serve", "process"])
def test_a_stop_during_a_reload_over_a_broker_uses_nothing_that_is_freed(kafka, own_name, started, tmp_path, host):
    customers = tmp_path / "customers.csv"
    customers.write_text("customer_id,source,state\n" + "".join(f"{i},SOURCE{i % 50},S\n" for i in range(150_000)))
    kafka.create_topic(own_name, 2)
    door = started(Ingest, "--broker", kafka.url(own_name))
    one = started(host, "--broker", kafka.url(own_name), *FILE, "--customers", customers,
                  program=harness.ROOT / "build/asan/salestide")  # fmt: skip
    assert door.post(lines(*(order(n, customer_id=n) for n in range(5000))), NDJSON).status == 202
    one.signal(signal.SIGHUP)
    harness.wait_until(lambda: "SIGHUP: reading" in one.log, 10, "the reload")
    one.signal(signal.SIGTERM)
    code = one.process.wait(harness.STOP_TIMEOUT_S)
    assert "AddressSanitizer" not in one.log, one.log[-8000:]
    assert code == 0, one.log[-3000:]
    assert "customers read from" in one.log
