# SPDX-License-Identifier: MIT
"""Every host with every group of its options, started and used; those over a broker as far as they go
while none answers (tests/cluster/test_hosts.py has the real one)."""

import os
import re
import signal
import time

import pytest

import harness
import hosts
from harness import lines, order
from hosts import Dashboard, Ingest, Process, Serve

NOWHERE = ["--broker", "kafka://127.0.0.1:1/t"]
EMBEDDED = ["--raw", "sqlite", "--aggregates", "sqlite"]


def sanitized():
    """The program that tells when memory is used that has been freed."""
    return harness.binary("SALESTIDE_ASAN_BIN", "build/asan/salestide")


@pytest.fixture
def started(tmp_path):
    """Starts hosts: started(Serve, "--option", ...); all that still run have to stop cleanly."""
    running = []

    def start(host, *options, **more):
        one = host(tmp_path, *options, **more)
        running.append(one)
        return one

    yield start
    for one in running:
        if one.process.returncode is None:
            one.stop()


# --- Options: each is looked at, or said to be of no use


LOG = {"group", "group-protocol", "dedupe-window", "dedupe-memory", "session-timeout", "log-batch-events", "skip-gap", "rejected-topic",
       "start-timeout"}  # fmt: skip
TOPIC = {"allow-compacted", "create-topic", "partitions", "replication", "delivery-timeout"}
SERVERS = ("mysql-", "cassandra-")  # looked at where there are such: tests/cluster/test_hosts.py
COMBINATIONS = [
    (Serve, [], LOG | TOPIC, ("kafka-", *SERVERS)),
    (Serve, [*NOWHERE, *EMBEDDED], {"batch-events"}, SERVERS),
    (Ingest, NOWHERE, set(), ()),
    (Process, [*NOWHERE, "--raw", "none", "--aggregates", "sqlite"], set(), SERVERS),
    (Dashboard, [], set(), ("kafka-", *SERVERS)),
    (Dashboard, NOWHERE, set(), SERVERS),
]  # fmt: skip


@pytest.mark.parametrize(("host", "options", "unused", "prefixes"), COMBINATIONS,
                         ids=lambda v: v.command if isinstance(v, type) else None)  # fmt: skip
def test_every_option_that_help_lists_is_looked_at(started, tmp_path, host, options, unused, prefixes):
    if host is Dashboard:
        started(Serve).stop()
    one = started(host, "--log-level", "debug", *options)
    listed = hosts.options_in_help(host.command)
    assert len(listed) > 10
    assert hosts.options_unused(one) == unused | hosts.starting_with(listed, *(prefixes or ("nothing",)))
    assert "has no effect" not in one.log


def test_an_option_that_does_nothing_is_told(started):
    one = started(Serve, "--group", "g", "--dedupe-window", "1h", env={"SALESTIDE_REJECTED_TOPIC": "for.others"})
    assert re.findall(r"warn serve: --([a-z-]+) has no effect", one.log) == ["group", "dedupe-window"]


# --- Groups of options, used


@pytest.mark.parametrize("group", hosts.GROUPS, ids=hosts.ids(hosts.GROUPS))
def test_serve_heeds_each_group_of_its_options_and_does_all_it_is_for(started, tmp_path, group):
    keys = hosts.new_keys(tmp_path / "data") if group.key else None
    one = started(Serve, *group.options)
    group.probe(one, one)
    if group.name == "max-viewers":
        assert one.post(order(1)).status == 202
        return
    if group.name != "log-level":
        hosts.use(one, keys=keys, question=group.question)


QUESTIONS = [g for g in hosts.GROUPS if g.needs != "orders"]


@pytest.mark.parametrize("group", QUESTIONS, ids=hosts.ids(QUESTIONS))
def test_a_dashboard_heeds_each_group_of_its_options_and_does_all_it_is_for(started, tmp_path, group):
    writer = started(Serve)
    writer.post(order(1, source="A"))
    keys = hosts.new_keys(tmp_path / "data") if group.key else None
    one = started(Dashboard, *group.options)
    group.probe(one, writer)
    if group.name not in ("max-viewers", "log-level"):
        hosts.use(one, writer=writer, keys=keys, question=group.question)


def test_serve_heeds_its_files_and_settings(started, tmp_path):
    (tmp_path / "customers.csv").write_text(hosts.CUSTOMERS)
    (tmp_path / "products.csv").write_text(hosts.PRODUCTS)
    one = started(Serve, "--customers", tmp_path / "customers.csv", "--products", tmp_path / "products.csv", "--currency",
                  "EUR", "--timezone", "Europe/Berlin", "--late-limit", "1s", "--queue-events", "1", "--batch-events", "1")  # fmt: skip
    assert one.post([order(1, customer_id=1, created_at="2024-05-01 10:00:00")]).status == 202
    shown = one.get("/v1/orders/1").json()["order"]
    assert (shown["source"], shown["state"], shown["currency"]) == ("SEARCH", "CA", "EUR")
    assert shown["created_at"] == "2024-05-01T08:00:00.000Z"
    assert harness.stored_counts(one.data)["late"] == 1
    hosts.stream_head(one, b"Blue mug")
    (tmp_path / "customers.csv").write_text(hosts.CUSTOMERS.replace("SEARCH", "OTHER"))
    (tmp_path / "products.csv").write_text(hosts.PRODUCTS.replace("Blue", "Red"))
    hosts.reload_is_told(one)
    one.post(order(2, customer_id=1))
    assert one.get("/v1/orders/2").json()["order"]["source"] == "OTHER"
    harness.wait_until(lambda: b"Red mug" in hosts.stream_head(one), 20, "the new name")
    hosts.use(one)


# --- Over a broker that does not answer: the door's limits hold, and it says what is in the way


def has_the_limits_of_its_options(one):
    assert "kafka" in one.post(order(1)).problem(503)["detail"]  # and not 413
    hosts.too_many(one)
    hosts.too_large(one)
    hosts.slow_body(one)
    hosts.reload_is_told(one)


LIMITS = ["--max-events", "2", "--max-body", "1KiB", "--body-timeout", "200ms"]


def test_ingest_over_a_broker_has_the_limits_of_its_options(started):
    has_the_limits_of_its_options(started(Ingest, *NOWHERE, *LIMITS))


def test_serve_over_a_broker_has_the_limits_of_its_options_and_lists_all_that_is_in_the_way(started):
    one = started(Serve, *NOWHERE, *LIMITS, "--raw", "none", "--aggregates", "sqlite")
    has_the_limits_of_its_options(one)
    detail = one.get("/readyz").problem(503)["detail"]
    assert detail.startswith("kafka: ")
    assert detail.endswith("; kafka: no broker can be reached")  # the door's side, then the engine's
    seen = hosts.stream_head(one)
    assert b'"ready":false' in seen and b'"queue_capacity":200000' in seen


def test_a_start_that_waits_for_a_server_stops_when_it_is_told_to(started):
    one = started(Process, *NOWHERE, "--raw", "none", "--aggregates", "mysql://u@127.0.0.1:1/sales", wait=False)
    harness.wait_until(lambda: "trying again" in one.log, 20, f"a first try\n{one.log}")
    one.signal(signal.SIGHUP)
    one.signal(signal.SIGTERM)
    assert one.process.wait(10) == 0, one.log
    assert "stopped" in one.log


# --- SIGHUP and SIGTERM at once: what a reload uses is there until it is through


def many_customers(path, n=150_000):
    path.write_text("customer_id,source,state\n" + "".join(f"{i},SOURCE{i % 50},S{i % 60}\n" for i in range(n)))


def many_products(path, n=50_000):
    path.write_text("product_id,title,category\n" + "".join(f"{i},Product {i},c{i % 9}\n" for i in range(n)))


@pytest.mark.parametrize(("host", "options", "begun"), [
    (Serve, [], False), (Serve, [], True), (Serve, [*NOWHERE, *EMBEDDED], True), (Process, [*NOWHERE, *EMBEDDED], True),
    (Dashboard, [], False), (Dashboard, [], True), (Dashboard, NOWHERE, False)],
    ids=["serve-at-once", "serve", "serve-broker", "process", "dashboard-at-once", "dashboard", "dashboard-broker"])  # fmt: skip
def test_a_stop_during_a_reload_uses_nothing_that_is_freed(started, tmp_path, host, options, begun):
    customers, products = tmp_path / "customers.csv", tmp_path / "products.csv"
    many_customers(customers)
    many_products(products)
    files = [*(("--customers", customers) if host is not Dashboard else ()), *(("--products", products) if host is not Process else ())]
    if host is Dashboard:
        started(Serve).stop()
    one = started(host, *options, *files, program=sanitized())
    one.signal(signal.SIGHUP)
    if begun:
        harness.wait_until(lambda: "SIGHUP: reading" in one.log, 10, "the reload")
    one.signal(signal.SIGTERM)
    code = one.process.wait(harness.STOP_TIMEOUT_S)
    assert "AddressSanitizer" not in one.log, one.log[-8000:]
    assert code == 0, one.log[-3000:]
    assert not begun or host is Dashboard or "customers read from" in one.log


def test_an_upload_that_ends_while_the_server_stops_is_refused_or_cut_off(started, tmp_path):
    customers = tmp_path / "customers.csv"
    many_customers(customers, 10)
    one = started(Serve, "--customers", customers, program=sanitized())
    many_customers(customers, 200_000 if "tsan" in str(sanitized()) else 1_000_000)  # more than a second, less than five
    body = lines(*(order(n) for n in range(2000)))
    with one.raw(timeout=30) as sock:
        sock.sendall(b"POST /v1/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(body) + body[:-1000])  # fmt: skip
        in_flight = "salestide_http_requests_in_flight"  # this question and the upload
        harness.wait_until(lambda: harness.metrics(one.get("/metrics").body.decode())[in_flight][()] == 2, 10, "the upload")
        one.signal(signal.SIGTERM)
        time.sleep(9.5)  # it waits ten seconds for the rest; a reload then keeps it from ending at once
        one.signal(signal.SIGHUP)
        harness.wait_until(lambda: "did not end within" in one.log, 10, one.log)
        sock.sendall(body[-1000:])
        assert one.process.wait(harness.STOP_TIMEOUT_S) == 0, one.log[-3000:]
        answer = sock.recv(65536)
    assert answer == b"" or b" 503 " in answer, answer
    assert "AddressSanitizer" not in one.log and "runtime error" not in one.log, one.log[-8000:]
    with harness.database(one.data) as db:
        assert db.execute("SELECT count(*) FROM order_rows").fetchone() == (0,)


def test_questions_and_orders_go_on_during_a_slow_reload(started, tmp_path):
    customers, more = tmp_path / "customers.csv", tmp_path / "more.csv"
    many_customers(customers, 10)
    many_customers(more, 20)
    one = started(Serve, "--customers", customers)
    customers.unlink()
    os.mkfifo(customers)  # as slow as whoever writes into it
    one.signal(signal.SIGHUP)
    harness.wait_until(lambda: "reading files again" in one.log, 10, "the reload")
    for answered in range(20):
        assert one.post(order(answered)).status == 202
        assert one.get("/v1/sales").status == 200
    assert "SIGHUP: 20 customers" not in one.log
    customers.write_bytes(more.read_bytes())
    harness.wait_until(lambda: "SIGHUP: 20 customers" in one.log, 30, one.log)


def test_a_reload_that_never_ends_keeps_nobody_from_stopping(started, tmp_path):
    customers = tmp_path / "customers.csv"
    many_customers(customers, 10)
    one = started(Serve, "--customers", customers)
    customers.unlink()
    os.mkfifo(customers)  # nobody ever writes into it
    one.signal(signal.SIGHUP)
    harness.wait_until(lambda: "reading files again" in one.log, 10, "the reload")
    assert one.post(order(1)).status == 202
    one.signal(signal.SIGTERM)
    assert one.process.wait(harness.STOP_TIMEOUT_S) == 1, one.log[-3000:]
    assert "does not answer; stopping without it" in one.log
    with harness.database(one.data) as db:
        assert db.execute("SELECT count(*) FROM order_rows").fetchone() == (1,)


def test_a_signal_during_a_reload_has_the_files_read_once_more(started, tmp_path):
    customers = tmp_path / "customers.csv"
    many_customers(customers, 10)
    one = started(Serve, "--customers", customers)
    many_customers(customers, 500_000)
    one.signal(signal.SIGHUP)
    time.sleep(0.02)  # most likely it reads the file now; if it is through, a second reading is right too
    customers_now = tmp_path / "fresh.csv"
    many_customers(customers_now, 7)
    os.replace(customers_now, customers)
    one.signal(signal.SIGHUP)
    harness.wait_until(lambda: "SIGHUP: 7 customers read" in one.log, 30, f"the newest customers\n{one.log}")
