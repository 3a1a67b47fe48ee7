# SPDX-License-Identifier: MIT
"""Starting, stopping, reloading: one writer at a time, a drain that loses nothing, a shop that stays the same shop."""

import json
import os
import signal
import socket
import threading
import time

import pytest

import harness
from harness import JSON, NDJSON, lines, order


def refused(done, *says):
    """One clear line, and an exit code that says no."""
    text = done.stderr.decode()
    assert done.returncode in (1, 2), done
    problems = [line for line in text.splitlines() if all(word in line for word in says)]
    assert len(problems) == 1, text


def test_a_second_server_on_the_same_data_is_refused(server):
    one = server()
    done = harness.run("serve", "--listen", "127.0.0.1:0", "--data", one.data, timeout=20)
    refused(done, str(one.data))
    assert one.post(order(1)).status == 202


def test_a_port_that_is_taken_is_said(server):
    one = server()
    done = harness.run("serve", "--listen", f"127.0.0.1:{one.port}", "--data", one.directory / "other", timeout=20)
    refused(done, str(one.port))


@pytest.mark.parametrize("command", ["verify", "rebuild"])
def test_a_directory_without_data_is_said(tmp_path, command):
    done = harness.run(command, "--data", tmp_path / "nothing")
    refused(done, "nothing")
    assert not (tmp_path / "nothing").exists()


def test_rebuild_beside_a_server_is_refused_and_verify_is_not(server):
    one = server()
    one.post(order(1))
    refused(harness.run("rebuild", "--data", one.data), str(one.data))
    harness.must_run("verify", "--data", one.data)


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_a_drain_answers_what_it_took(server, signal_number):
    one = server()
    answered, failed = [], []
    stop = threading.Event()

    def client(thread):
        n = 0
        connection = one.connection()
        while not stop.is_set():
            ids = [f"{thread}-{n}-{i}" for i in range(50)]
            n += 1
            try:
                answer = harness.ask(connection, "POST", "/v1/orders", lines(*(order(i) for i in ids)), {"Content-Type": NDJSON})
            except OSError:
                return
            except Exception as problem:  # http.client's: the connection ended
                failed.append(problem)
                return
            if answer.status == 202:
                answered.extend(ids)
            else:
                answer.problem(503)
                return

    threads = [threading.Thread(target=client, args=(i,)) for i in range(12)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    one.signal(signal_number)
    start = time.monotonic()
    assert one.process.wait(20) == 0
    assert time.monotonic() - start < 15
    stop.set()
    for thread in threads:
        thread.join(20)
    assert len(answered) > 500
    with harness.database(one.data) as db:
        found = {row[0] for row in db.execute("SELECT order_id FROM order_rows")}
    assert set(answered) <= found
    harness.must_run("verify", "--data", one.data)


def test_a_request_that_is_half_sent_at_the_drain_is_given_its_time(server):
    one = server()
    body = json.dumps(order(1)).encode()
    with one.raw() as sock:
        sock.sendall(b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(body) + body[:50])  # fmt: skip
        time.sleep(0.3)
        one.signal(signal.SIGTERM)
        time.sleep(0.3)
        sock.sendall(body[50:])
        assert harness.read_answer(sock).status in (202, 503)
    assert one.process.wait(20) == 0


def test_a_client_that_never_ends_its_request_does_not_stop_the_drain(server):
    one = server()
    with one.raw() as sock:
        sock.sendall(b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                     b"Content-Length: 100\r\n\r\n{")  # fmt: skip
        time.sleep(0.2)
        one.signal(signal.SIGTERM)
        assert one.process.wait(20) == 0


def test_a_second_sigterm_does_no_harm(server):
    one = server()
    one.post(order(1))
    one.signal(signal.SIGTERM)
    one.signal(signal.SIGTERM)
    assert one.process.wait(20) == 0


def test_everything_is_there_after_a_restart(server):
    one = server()
    one.post([order(n) for n in range(1000)])
    before = harness.stored_aggregates(one.data)
    one.stop()
    one = server()
    assert harness.stored_aggregates(one.data) == before
    again = one.post([order(n) for n in range(1001)]).json()
    assert (again["accepted"], again["duplicate"]) == (1, 1000)
    metrics = harness.metrics(one.get("/metrics").body.decode())
    accepted = [v for name, values in metrics.items() if name.startswith("salestide_events")
                for labels, v in values.items() if dict(labels).get("verdict") == "accepted"]  # fmt: skip
    assert accepted == [1001]


def test_customers_are_read_again_on_sighup_for_later_orders_only(server, tmp_path):
    customers = tmp_path / "customers.csv"
    customers.write_text("customer_id,source,state\n1,OLD,AA\n2,KEPT,BB\n")
    one = server("--customers", customers)
    one.post([order(1, customer_id=1), order(2, customer_id=2)])
    customers.write_text("customer_id,source,state\n1,NEW,CC\n2,KEPT,BB\n3,THIRD,DD\n")
    one.signal(signal.SIGHUP)

    n = iter(range(100, 100_000))

    def new_is_seen():
        order_id = next(n)
        one.post(order(order_id, customer_id=1))
        return one.get(f"/v1/orders/{order_id}").json()["order"]["source"] == "NEW"

    harness.wait_until(new_is_seen, 10, "the new customers")
    assert one.get("/v1/orders/1").json()["order"]["source"] == "OLD"
    # a change of a known order stays with that order's group
    one.post(order(1, customer_id=1, event="cancelled"))
    assert one.get("/v1/orders/1").json()["adjustments"][0]["source"] == "OLD"
    one.post(order(3, customer_id=3))
    assert one.get("/v1/orders/3").json()["order"]["state"] == "DD"
    assert one.post(order(1, customer_id=1)).json()["duplicate"] == 1


def test_a_reload_of_a_broken_file_keeps_the_old_customers_and_says_so(server, tmp_path):
    customers = tmp_path / "customers.csv"
    customers.write_text("customer_id,source,state\n1,OLD,AA\n")
    one = server("--customers", customers)
    customers.write_text("customer_id,source,state\n1,NEW\n")
    one.signal(signal.SIGHUP)
    harness.wait_until(lambda: "customers.csv" in one.log, 10, "a line about the file")
    os.remove(customers)
    one.signal(signal.SIGHUP)
    time.sleep(0.5)
    one.post(order(1, customer_id=1))
    assert one.get("/v1/orders/1").json()["order"]["source"] == "OLD"


def test_reloads_under_load_lose_nothing(server, tmp_path):
    customers = tmp_path / "customers.csv"
    text = "customer_id,source,state\n" + "".join(f"{n},S{{0}},T\n" for n in range(2000))
    customers.write_text(text.format(0))
    one = server("--customers", customers)
    problems, taken = [], []

    def client(thread):
        connection = one.connection()
        for n in range(150):
            ids = [f"{thread}-{n}-{i}" for i in range(20)]
            body = lines(*(order(i, customer_id=n) for i in ids))
            answer = harness.ask(connection, "POST", "/v1/orders", body, {"Content-Type": NDJSON})
            if answer.status != 202 or answer.json()["accepted"] != 20:
                problems.append(answer)
            taken.extend(ids)

    threads = [threading.Thread(target=client, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    n = 0
    while any(thread.is_alive() for thread in threads):
        n += 1
        fresh = tmp_path / "fresh.csv"
        fresh.write_text(text.format(n))
        os.replace(fresh, customers)
        one.signal(signal.SIGHUP)
        time.sleep(0.03)
    assert not problems
    with harness.database(one.data) as db:
        found = [row[0] for row in db.execute("SELECT order_id FROM order_rows")]
        sources = {row[0] for row in db.execute("SELECT source FROM sales_groups")}
    assert sorted(found) == sorted(taken)
    assert len(sources) > 1
    assert all(source.startswith("S") for source in sources)
    harness.must_run("verify", "--data", one.data)


@pytest.mark.parametrize(("option", "first", "second"), [
    ("--currency", "USD", "EUR"), ("--timezone", "America/New_York", "UTC"), ("--late-limit", "10m", "20m")])  # fmt: skip
def test_a_shop_that_is_another_shop_now_is_refused(tmp_path, option, first, second):
    path = tmp_path / "x.ndjson"
    path.write_bytes(lines(order(1)))
    data = tmp_path / "data"
    harness.must_run("load", path, "--data", data, option, first)
    refused(harness.run("load", path, "--data", data, option, second), option)
    refused(harness.run("serve", "--listen", "127.0.0.1:0", "--data", data, option, second, timeout=20), option)
    harness.must_run("load", path, "--data", data, option, first)
    harness.must_run("load", path, "--data", data)


def test_the_shops_settings_hold_without_being_given_again(server, tmp_path):
    one = server("--currency", "EUR", "--timezone", "Asia/Tokyo")
    one.post(order(1, created_at="2024-05-01 00:30:00"))
    one.stop()
    one = server()
    one.post(order(2, created_at="2024-05-01 00:30:00"))
    shown = one.get("/v1/orders/2").json()["order"]
    assert (shown["currency"], shown["created_at"]) == ("EUR", "2024-04-30T15:30:00.000Z")


@pytest.mark.parametrize("options", [["--currency", "dollars"], ["--timezone", "Nowhere/Land"], ["--timezone", "../../etc/passwd"],
                                     ["--listen", "nonsense"], ["--listen", "127.0.0.1:99999"], ["--max-body", "lots"],
                                     ["--nonsense"], ["--customers", "/nowhere/c.csv"], ["--products", "/nowhere/p.csv"],
                                     ["extra"]])  # fmt: skip
def test_a_wrong_option_is_one_clear_line(tmp_path, options):
    free = [] if "--listen" in options else ["--listen", "127.0.0.1:0"]  # another test may have the usual port
    done = harness.run("serve", "--data", tmp_path / "data", *free, *options, timeout=20)
    assert done.returncode in (1, 2)
    assert len(done.stderr.decode().strip().splitlines()) == 1, done.stderr.decode()
    assert options[-1].lstrip("-") in done.stderr.decode()


def test_an_option_may_come_from_the_environment_or_a_file(server, tmp_path):
    config = tmp_path / "salestide.conf"
    config.write_text("# the shop\ncurrency = JPY\ntimezone = Asia/Tokyo\n")
    one = server("--config", config, env={"SALESTIDE_CURRENCY": "CHF"})
    one.post(order(1, created_at="2024-05-01 00:30:00"))
    shown = one.get("/v1/orders/1").json()["order"]
    assert (shown["currency"], shown["created_at"]) == ("CHF", "2024-04-30T15:30:00.000Z")


def test_a_data_directory_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("not a directory")
    done = harness.run("serve", "--listen", "127.0.0.1:0", "--data", tmp_path / "file", timeout=20)
    refused(done, "file")


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "sales.db"
    file.write_bytes(b"this is somebody else's file" * 1000)
    for command in (["serve", "--listen", "127.0.0.1:0"], ["verify"], ["rebuild"]):
        done = harness.run(*command, "--data", tmp_path / "data", timeout=20)
        assert done.returncode in (1, 2), done
        assert "sales.db" in done.stderr.decode(), done
    assert file.read_bytes() == b"this is somebody else's file" * 1000


def test_verify_while_orders_pour_in_always_passes(server):
    one = server()
    stop = threading.Event()
    statuses = []

    def pour():
        n = 0
        while not stop.is_set():
            n += 1
            batch = [order(f"{n}-{i}", source=f"s{i % 9}", total=i) for i in range(200)]
            batch += [order(f"{n}-{i}", event="refunded", event_id="r", total=1) for i in range(0, 200, 10)]
            statuses.append(one.post(lines(*batch), NDJSON).status)

    thread = threading.Thread(target=pour)
    thread.start()
    try:
        for _ in range(15):
            harness.must_run("verify", "--data", one.data)
    finally:
        stop.set()
        thread.join(30)
    assert set(statuses) == {202}
    assert len(statuses) > 10


def test_both_ends_of_ipv6_loopback(server):
    if not socket.has_ipv6 or not os.path.exists("/proc/net/if_inet6") or "00000000000000000000000000000001" not in open(
        "/proc/net/if_inet6", encoding="ascii"
    ).read():
        pytest.skip("this machine has no IPv6 loopback")
    one = server(listen="[::1]:0", wait=False)
    harness.wait_until(lambda: harness.ADDRESS.search(one.log), 10, "the address in the log")
    port = int(harness.ADDRESS.search(one.log)[2])
    one.host, one.port = "::1", port
    assert one.post(order(1), JSON).status == 202


@pytest.mark.parametrize("level, speaks", [("info", True), ("warn", False)])
def test_the_log_level_is_heeded(tmp_path, level, speaks):
    one = harness.Server(tmp_path, "--log-level", level)
    one.stop()
    assert (" info " in one.log) == speaks, one.log
