# SPDX-License-Identifier: MIT
"""Alerts from outside: rules of a file, what fires on /v1/alerts and /metrics, and a real receiver that
hears each start and each end once."""

import http.server
import json
import re
import signal
import socket
import ssl
import threading
import time

import pytest

import harness
import hosts
from harness import lines, order
from hosts import Dashboard, Ingest
from servers import certs

QUIET = "quiet = no orders for 2s\n"
PATIENCE_S = 20


class Receiver:
    """What Slack would be: takes messages. `answers`: statuses for the first ones, then 200."""

    def __init__(self, port=0, answers=(), certificates=None):
        self.taken, self.refused, self.kinds, answers = [], [], [], list(answers)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(handler):
                body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
                status = answers.pop(0) if answers else 200
                (self.taken if status == 200 else self.refused).append(body)
                self.kinds.append((handler.path, handler.headers["Content-Type"]))
                handler.send_response(status)
                handler.send_header("Content-Length", "0")
                handler.end_headers()

            def log_message(handler, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_port
        if certificates is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates.certificate, certificates.key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'http' if certificates is None else 'https'}://127.0.0.1:{self.port}/services/T0/B0/KEY-of-the-shop"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def events(self):
        return [(m["alert"], m["event"]) for m in self.taken]


@pytest.fixture
def rules(tmp_path, monkeypatch):
    """rules(text) writes the file of rules and gives its path."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")  # the way out of this machine is not the way to the receiver

    def write(text):
        path = tmp_path / "shop.alerts"
        path.write_text(text)
        return path

    return write


def alert(one, name):
    (found,) = [rule for rule in one.get("/v1/alerts").json()["rules"] if rule["name"] == name]
    return found


def wait_for_state(one, name, firing):
    harness.wait_until(lambda: alert(one, name)["firing"] == firing, PATIENCE_S, f"{name}: firing {firing}")


def wait_for_events(receiver, want):
    """They come, in this order; on a slow machine a rule of seconds may fire once more behind them."""
    harness.wait_until(lambda: len(receiver.taken) >= len(want), PATIENCE_S, f"{want}")
    events = receiver.events()
    assert events[: len(want)] == want
    for name in {name for name, _ in events}:
        turns = [event for alert, event in events if alert == name]
        assert turns == ["start", "end"] * (len(turns) // 2) + ["start"] * (len(turns) % 2), events


def metrics(one):
    return harness.metrics(one.get("/metrics").body.decode())


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_a_start_and_an_end_are_told_once_each(server, rules):
    with Receiver() as receiver:
        one = server("--alerts", rules(QUIET), "--alert-webhook", receiver.url)
        time.sleep(2.5)
        assert alert(one, "quiet") == {"name": "quiet", "rule": "no orders for 2s", "state": "ok", "firing": False,
                                       "since_ms": None, "value": None}  # fmt: skip
        before_ms = time.time() * 1000
        one.post(order(1))
        wait_for_state(one, "quiet", True)
        assert one.get("/v1/alerts").json()["active"] == 1
        assert before_ms <= alert(one, "quiet")["since_ms"] <= time.time() * 1000
        wait_for_events(receiver, [("quiet", "start")])
        time.sleep(2.5)
        found = metrics(one)
        assert found["salestide_alert_active"] == {(("rule", "quiet"),): 1}
        assert found["salestide_alerts_fired_total"] == {(("rule", "quiet"),): 1}
        assert found["salestide_alert_webhook_sent_total"] == {(): 1}
        one.post(order(2))
        wait_for_events(receiver, [("quiet", "start"), ("quiet", "end")])
    start, end = receiver.taken[:2]
    assert re.fullmatch(r"Alert quiet: no order for \ds\. The rule: no orders for 2s", start["text"])
    assert re.fullmatch(r"Alert quiet is over after \ds: no order for \ds", end["text"])
    assert start.keys() == end.keys() == {"text", "alert", "event", "rule", "value", "since", "at"}
    assert start["since"] == end["since"] < end["at"]
    assert set(receiver.kinds) == {("/services/T0/B0/KEY-of-the-shop", "application/json")}


@pytest.mark.parametrize("ends", ["stop", "kill"])
def test_a_restart_tells_nothing_again(server, rules, ends):
    with Receiver() as receiver:
        options = ["--alerts", rules(QUIET), "--alert-webhook", receiver.url]
        one = server(*options)
        one.post(order(1))
        wait_for_events(receiver, [("quiet", "start")])
        since_ms = alert(one, "quiet")["since_ms"]
        getattr(one, ends)()
        two = server(*options)
        wait_for_state(two, "quiet", True)
        assert alert(two, "quiet")["since_ms"] == since_ms
        time.sleep(2)
        two.post(order(2))
        wait_for_events(receiver, [("quiet", "start"), ("quiet", "end")])


def test_a_receiver_that_was_down_is_told_when_it_is_up(server, rules):
    port = free_port()
    one = server("--alerts", rules(QUIET), "--alert-webhook", f"http://127.0.0.1:{port}/services/SECRET")
    one.post(order(1))
    harness.wait_until(lambda: metrics(one)["salestide_alert_webhook_failed_total"][()] >= 1, PATIENCE_S, "a failed try")
    one.post(order(2))
    harness.wait_until(lambda: metrics(one)["salestide_alert_webhook_waiting"][()] >= 2, PATIENCE_S, "both messages")
    with Receiver(port) as receiver:
        wait_for_events(receiver, [("quiet", "start"), ("quiet", "end")])
    harness.wait_until(lambda: "takes messages again" in one.log, PATIENCE_S, "the log")
    assert one.log.split("takes messages again")[0].count("cannot be told") == 1
    assert "SECRET" not in one.log


def test_an_answer_that_may_pass_is_tried_again_and_a_refusal_is_not(server, rules):
    with Receiver(answers=[503, 429, 200, 404]) as receiver:
        one = server("--alerts", rules(QUIET), "--alert-webhook", receiver.url)
        one.post(order(1))
        wait_for_events(receiver, [("quiet", "start")])
        one.post(order(2))
        harness.wait_until(lambda: "refuses a message: it answers 404" in one.log, PATIENCE_S, "the refusal")
        harness.wait_until(lambda: len(receiver.taken) >= 2, PATIENCE_S, "the next one")
        assert receiver.events()[:2] == [("quiet", "start"), ("quiet", "start")]
        assert [m["event"] for m in receiver.refused] == ["start", "start", "end"]
        found = metrics(one)
        assert found["salestide_alert_webhook_failed_total"] == {(): 3}
        assert found["salestide_alert_webhook_dropped_total"] == {(): 1}


def test_a_receiver_that_never_answers_holds_nothing_up(server, rules):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        one = server("--alerts", rules(QUIET), "--alert-webhook", f"http://127.0.0.1:{deaf.getsockname()[1]}/")
        one.post(order(1))
        wait_for_state(one, "quiet", True)
        assert one.post(order(2)).status == 202
        harness.wait_until(lambda: "quiet is over" in one.log, PATIENCE_S, "the end")
        assert one.get("/readyz").status == 200
        begun = time.monotonic()
        one.stop()
        assert time.monotonic() - begun < 10
        assert re.search(r"\d messages were not sent to the webhook at 127\.0\.0\.1$", one.log, re.M)


def test_a_receiver_whose_certificate_nobody_vouches_for_is_told_nothing(server, rules, tmp_path):
    with Receiver(certificates=certs.Certificates(tmp_path / "certificates")) as receiver:
        one = server("--alerts", rules(QUIET), "--alert-webhook", receiver.url)
        one.post(order(1))
        harness.wait_until(lambda: "cannot be told: SSL peer certificate" in one.log, PATIENCE_S, "the log")
        assert receiver.kinds == []


def test_the_address_of_the_webhook_is_told_to_nobody(server, rules):
    port = free_port()
    secret = {"SALESTIDE_ALERT_WEBHOOK": f"http://shop:PASSWORD@127.0.0.1:{port}/services/SECRET?token=TOKEN"}
    one = server("--alerts", rules(QUIET), "--log-level", "trace", env=secret)
    one.post(order(1))
    harness.wait_until(lambda: "cannot be told" in one.log, PATIENCE_S, "the log")
    told = one.log + one.get("/metrics").body.decode() + one.get("/v1/alerts").body.decode()
    for word in ("PASSWORD", "SECRET", "TOKEN"):
        assert word not in told


def test_rules_are_read_again_on_sighup(server, rules):
    with Receiver() as receiver:
        path = rules(QUIET)
        one = server("--alerts", path, "--alert-webhook", receiver.url)
        one.post(order(1))
        wait_for_events(receiver, [("quiet", "start")])
        rules("# another one\nsilent = no orders for 1s\n" + QUIET)
        one.signal(signal.SIGHUP)
        wait_for_events(receiver, [("quiet", "start"), ("silent", "start")])
        rules("silent = no orders for 1s\n")
        one.signal(signal.SIGHUP)
        wait_for_events(receiver, [("quiet", "start"), ("silent", "start"), ("quiet", "end")])
        assert receiver.taken[2]["text"].endswith(": its rule was removed")
        rules("silent = no orders for 1s\nwrong = sales under 5%\n")
        one.signal(signal.SIGHUP)
        said = f"{path}:2: want orders, refunds, rejected, lag or \"no orders\", not \"sales\"; the rules known before stay"
        harness.wait_until(lambda: said in one.log, PATIENCE_S, "the log")
        assert [rule["name"] for rule in one.get("/v1/alerts").json()["rules"]] == ["silent"]


def test_rejected_events_fire(server, rules):
    with Receiver() as receiver:
        one = server("--alerts", rules("bad = rejected over 20% in 1m for 0\n"), "--alert-webhook", receiver.url)
        harness.wait_until(lambda: alert(one, "bad")["value"], PATIENCE_S, "the first look")  # what came before is not counted
        one.post(lines(*[order(i) for i in range(7)], *[order(100 + i, total=-1) for i in range(3)]), harness.NDJSON)
        wait_for_events(receiver, [("bad", "start")])
        assert receiver.taken[0]["value"] == "30.0% rejected (3 of 10 in 1m)"


def test_files_and_addresses_that_cannot_be_are_refused_in_a_line(tmp_path, rules):
    good = rules(QUIET)
    bad = tmp_path / "bad.alerts"
    bad.write_text("# rules\n\nslow = orders under 50%\n")
    behind = tmp_path / "behind.alerts"
    behind.write_text("behind = lag over 100\n")
    for options, words in {
        ("--alerts", bad): f'{bad}:3: want "of usual"',
        ("--alerts", behind): f"{behind}:1: lag is known only to a process that asks Kafka: serve or dashboard with --broker",
        ("--alerts", tmp_path / "none"): "No such file or directory",
        ("--alerts", good, "--alert-webhook", "ftp://u:SECRET@h/"): "--alert-webhook is no address such as https://",
        ("--alerts", good, "--alert-webhook", "hooks.example.com/SECRET"): "--alert-webhook is no address such as",
    }.items():
        done = harness.run("serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", *options)
        said = done.stderr.decode()
        assert (done.returncode, said.count("\n")) == (2, 1), said
        assert words in said
        assert "SECRET" not in said


def test_a_dashboard_judges_what_others_write(server, rules, tmp_path):
    writer = server()
    with Receiver() as receiver:
        reader = Dashboard(tmp_path, "--alerts", rules(QUIET), "--alert-webhook", receiver.url)
        try:
            writer.post(order(1))
            wait_for_events(receiver, [("quiet", "start")])
            assert alert(reader, "quiet")["firing"]
            assert writer.get("/v1/alerts").json() == {"active": 0, "rules": []}
        finally:
            reader.stop()


def test_of_two_processes_on_one_directory_one_tells(server, rules, tmp_path):
    with Receiver() as receiver:
        options = ["--alerts", rules(QUIET), "--alert-webhook", receiver.url]
        writer = server(*options)
        writer.post(order(1))
        wait_for_state(writer, "quiet", True)
        reader = Dashboard(tmp_path, *options)
        try:
            wait_for_state(reader, "quiet", True)
            time.sleep(2)
            wait_for_events(receiver, [("quiet", "start")])
            writer.stop()
            time.sleep(2)  # the other takes over and says nothing
            again = server()
            again.post(order(2))
            wait_for_events(receiver, [("quiet", "start"), ("quiet", "end")])
        finally:
            reader.stop()


def test_serve_over_a_broker_takes_a_rule_for_its_lag(server, rules):
    one = server("--broker", "kafka://127.0.0.1:1/t", "--raw", "sqlite", "--aggregates", "sqlite", "--alerts",
                 rules("behind = lag over 100\n"))  # fmt: skip
    assert alert(one, "behind")["value"] is None  # no broker has said yet


def test_alerts_are_for_those_who_may_read(server, rules, tmp_path):
    keys = hosts.new_keys(tmp_path / "data")
    one = server("--require-keys", "--alerts", rules(QUIET))
    assert one.get("/v1/alerts").status == 401
    assert one.get("/v1/alerts", {"Authorization": f"Bearer {keys['ingest']}"}).status == 403
    assert one.get("/v1/alerts", {"Authorization": f"Bearer {keys['read']}"}).status == 200


def put(one, text, **headers):
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return one.request("PUT", "/v1/alerts/rules", text.encode(), {"Content-Type": "text/plain", **more})


def test_rules_that_are_put_are_in_force_and_in_the_file_with_what_people_wrote_there(server, rules):
    path = rules("# the shop's\n" + QUIET)
    path.chmod(0o640)
    one = server("--alerts", path)
    found = one.get("/v1/alerts/rules")
    assert (found.status, found.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert found.body.decode() == "# the shop's\n" + QUIET
    text = found.body.decode() + "silent = no orders for 1s  # as well\n"
    done = put(one, text, If_Match=found.headers["etag"])
    assert done.status == 204, done
    assert [rule["name"] for rule in one.get("/v1/alerts").json()["rules"]] == ["quiet", "silent"]
    assert (path.read_text(), path.stat().st_mode & 0o777) == (text, 0o640)
    assert one.get("/v1/alerts/rules").headers["etag"] == done.headers["etag"] != found.headers["etag"]
    one.post(order(1))
    wait_for_state(one, "silent", True)
    assert put(one, "").status == 204
    assert one.get("/v1/alerts").json() == {"active": 0, "rules": []}
    harness.wait_until(lambda: "silent is over: its rule was removed" in one.log, PATIENCE_S, "the log")


def test_one_wrong_rule_changes_nothing_and_is_named_with_its_part(server, rules):
    path = rules(QUIET)
    one = server("--alerts", path)
    for text, said in {
        QUIET + "slow = orders under half of usual\n": (2, "slow", "limit", 'want a share as in 50% or 2.5%, 10000% at most, not "half"'),
        QUIET + QUIET: (2, "quiet", "name", "there is a rule of the name quiet already"),
        "behind = lag over 5\n": (1, "behind", "what", "lag is known only to a process that asks Kafka: serve or dashboard with --broker"),
        "\n\nwhat?\n": (3, None, "line", "want `name = rule`"),
    }.items():
        answer = put(one, text).problem(422)
        assert tuple(answer[member] for member in ("line", "rule", "part", "message")) == said
        assert answer["detail"].endswith(f"{said[3]}; no rule was changed")
    assert path.read_text() == QUIET
    assert [rule["name"] for rule in one.get("/v1/alerts").json()["rules"]] == ["quiet"]


def test_of_two_who_change_the_same_rules_the_second_is_told(server, rules):
    path = rules(QUIET)
    one = server("--alerts", path)
    tag = one.get("/v1/alerts/rules").headers["etag"]
    first = put(one, "a = no orders for 1h\n", If_Match=tag)
    assert first.status == 204
    assert "get them again" in put(one, "b = no orders for 1h\n", If_Match=tag).problem(412)["detail"]
    assert path.read_text() == "a = no orders for 1h\n"
    path.write_text("by-hand = no orders for 1h\n")
    put(one, "b = no orders for 1h\n", If_Match=first.headers["etag"]).problem(412)
    assert put(one, "b = no orders for 1h\n", If_Match="*").status == 204
    weak = "W/" + one.get("/v1/alerts/rules").headers["etag"]  # as proxies that pack make it
    assert put(one, "c = no orders for 1h\n", If_Match=weak).status == 204


def test_rules_of_the_page_are_kept_in_the_data_directory(server):
    one = server()
    assert one.get("/v1/alerts/rules").body == b""
    assert put(one, QUIET).status == 204
    path = one.data / "alerts.rules"
    assert (path.read_text(), path.stat().st_mode & 0o777) == (QUIET, 0o600)
    one.stop()
    again = server()
    assert [rule["name"] for rule in again.get("/v1/alerts").json()["rules"]] == ["quiet"]


def test_rules_are_changed_by_those_who_may_send_orders_and_as_text_alone(server, rules, tmp_path):
    keys = hosts.new_keys(tmp_path / "data")
    path = rules(QUIET)
    one = server("--require-keys", "--alerts", path)
    read, ingest = ({"Authorization": f"Bearer {keys[scope]}"} for scope in ("read", "ingest"))
    assert [one.get("/v1/alerts/rules", key).status for key in ({}, ingest, read)] == [401, 403, 200]
    assert [put(one, "", **key).status for key in ({}, read)] == [401, 403]
    other = {**ingest, "Content-Type": "application/json"}
    assert one.request("PUT", "/v1/alerts/rules", b"", other).status == 415
    assert one.request("PUT", "/v1/alerts/rules", b"", {**ingest, "Content-Type": "text/plain", "Content-Encoding": "gzip"}).status == 415
    assert put(one, "#" * 65537, **ingest).status == 413
    assert put(one, "", **ingest, Origin="https://elsewhere.example").status == 403
    assert path.read_text() == QUIET
    assert one.request("POST", "/v1/alerts/rules", b"", ingest).headers["allow"] == "GET, HEAD, PUT"
    assert put(one, "", **ingest).status == 204


def test_a_file_that_cannot_be_written_changes_nothing(server, tmp_path):
    folder = tmp_path / "rules of the shop"
    folder.mkdir()
    path = folder / "shop.alerts"
    path.write_text(QUIET)
    one = server("--alerts", path)
    path.unlink()
    folder.rmdir()
    said = put(one, "a = no orders for 1h\n").problem(503)["detail"]
    assert said.endswith("No such file or directory; no rule was changed")
    one.get("/v1/alerts/rules").problem(503)
    assert [rule["name"] for rule in one.get("/v1/alerts").json()["rules"]] == ["quiet"]


def test_a_dashboard_without_a_file_of_rules_has_none(server, tmp_path):
    one = server()
    done = harness.run("dashboard", "--data", one.data, "--listen", "127.0.0.1:0", "--alert-webhook", "https://h/SECRET")
    assert done.returncode == 2
    assert "--alert-webhook has nothing to tell without rules: give --alerts FILE" in done.stderr.decode()
    reader = Dashboard(tmp_path)
    try:
        assert reader.get("/v1/alerts/rules").status == 404
        assert put(reader, QUIET).status == 404
    finally:
        reader.stop()


def test_without_rules_there_are_none_and_where_sales_are_not_shown_there_is_no_such_call(server, tmp_path):
    one = server()
    assert one.get("/v1/alerts").json() == {"active": 0, "rules": []}
    assert one.get("/v1/alerts?x=1").status == 400
    assert one.request("PUT", "/v1/alerts", b"{}").status == 405
    assert "salestide_alert_active" not in metrics(one)
    door = Ingest(tmp_path, "--broker", "kafka://127.0.0.1:1/t")
    try:
        assert door.get("/v1/alerts").status == 404
        assert door.get("/v1/alerts/rules").status == 404
    finally:
        door.stop()
