# SPDX-License-Identifier: MIT
"""`salestide dashboard` beside a server that writes: the same answers, soon, and no orders taken."""

import itertools
import json
import re

import harness
from harness import NDJSON, lines, order

QUESTIONS = ["/v1/sales", "/v1/sales?by=source,state", "/v1/sales?by=product&bucket=day", "/v1/sales?by=state&bucket=minute",
             "/v1/sales?bucket=hour&from=2024-05-01", "/v1/rejected", "/v1/orders/1", "/v1/orders/no%20such"]  # fmt: skip


class Dashboard(harness.Server):
    command = "dashboard"


def start(tmp_path, *options, **more):
    return Dashboard(tmp_path, *options, **more)


def test_a_dashboard_beside_a_writer_answers_as_the_writer_does(server, tmp_path):
    writer = server("--timezone", "America/New_York")
    writer.post(lines(order(1, source="A", state="X"), order(2, currency="EUR"), order(3, total=-1)), NDJSON)
    reader = start(tmp_path)
    try:
        for question in QUESTIONS:
            mine, theirs = reader.get(question), writer.get(question)
            assert (mine.status, mine.body) == (theirs.status, theirs.body), question
        assert writer.post(order(4)).status == 202
        assert reader.get("/v1/orders/4").body == writer.get("/v1/orders/4").body
    finally:
        reader.stop()


def health_of(one, wanted=True):
    """What the page is told of the pipeline, once that has (or has not) a newest batch."""
    connection = one.connection(timeout=20)
    connection.request("GET", "/v1/stream")
    events = (json.loads(line.removeprefix(b"data: ")) for line in connection.getresponse() if line.startswith(b"data: "))
    told = next(state["health"] for state in itertools.islice(events, 5) if ("last_commit_ms" in state.get("health", {})) == wanted)
    connection.close()
    return told


def test_a_dashboard_tells_when_the_newest_batch_was_written_and_the_writer_how_long_it_waited(server, tmp_path):
    writer = server()
    assert "freshness_ms" not in health_of(writer, wanted=False)
    writer.post(order(1))
    with harness.database(writer.data) as db:
        ((committed_ms,),) = db.execute("SELECT committed_ms FROM batch_rows ORDER BY batch_id DESC LIMIT 1")
    told = health_of(writer)
    assert told["last_commit_ms"] == committed_ms and told["freshness_ms"] >= 0
    reader = start(tmp_path)
    try:
        told = health_of(reader)
        assert told["last_commit_ms"] == committed_ms and "freshness_ms" not in told
    finally:
        reader.stop()
    writer.stop()
    told = health_of(server(data=writer.data))  # which has written none yet
    assert told["last_commit_ms"] == committed_ms and "freshness_ms" not in told


def test_a_dashboard_takes_no_orders_and_says_who_does(server, tmp_path):
    server()
    reader = start(tmp_path)
    try:
        problem = reader.post(order(1)).problem(404)
        assert "takes no orders" in problem["detail"]
        assert reader.get("/v1/orders").status == 404
        assert reader.get("/").status == 200
    finally:
        reader.stop()


def test_the_stream_shows_what_another_process_has_committed(server, tmp_path):
    writer = server()
    reader = start(tmp_path)
    try:
        with reader.raw(timeout=10) as viewer:
            viewer.sendall(b"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            seen = b""
            while b"event: snapshot" not in seen:
                seen += viewer.recv(65536)
            writer.post(order("from-elsewhere", total="12.34"))
            while b"from-elsewhere" not in seen:
                more = viewer.recv(65536)
                assert more, "the stream has ended"
                seen += more
    finally:
        reader.stop()


def test_readiness_and_metrics_tell_of_the_store(server, tmp_path):
    writer = server()
    writer.post(lines(order(1), order(1), order(2, total=-1)), NDJSON)
    reader = start(tmp_path)
    try:
        assert reader.get("/readyz").json() == {"status": "ready"}
        found = harness.metrics(reader.get("/metrics").body.decode())
        assert found["salestide_dependency_up"] == {(("dependency", "sqlite"),): 1}
        assert found["salestide_events_total"][(("verdict", "accepted"),)] == 1
        assert found["salestide_events_total"][(("verdict", "duplicate"),)] == 1
        assert found["salestide_events_total"][(("verdict", "rejected"),)] == 1
    finally:
        reader.stop()


def test_a_directory_without_data_is_refused(tmp_path):
    done = harness.run("dashboard", "--data", tmp_path / "nothing")
    assert done.returncode == 2
    assert "is --data right?" in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_addresses_that_cannot_be_are_refused(tmp_path):
    for options, words in {
        ("--aggregates", "postgres://h/d"): "want sqlite, sqlite:DIR or mysql://",
        ("--aggregates", "mysql://h/d"): "does not say as whom",
        ("--aggregates", "mysql://u:secret@h/d"): "with a password in it",
        ("--aggregates", "mysql://u@h"): "does not end in /DATABASE",
        ("--aggregates", "mysql://u@h/d", "--raw", "redis://h/k"): "want cassandra://HOST/KEYSPACE",
    }.items():
        for command in ("dashboard", "verify", "rebuild"):
            done = harness.run(command, "--data", tmp_path, *options)
            said = done.stderr.decode()
            assert (done.returncode, said.count("\n")) == (2, 1), said
            assert words in said
            assert "secret" not in said


def test_a_directory_is_verified_against_its_own_raw_orders_only(tmp_path):
    for command in ("verify", "rebuild"):
        done = harness.run(command, "--data", tmp_path, "--aggregates", "sqlite", "--raw", "cassandra://h/k")
        said = done.stderr.decode()
        assert (done.returncode, said.count("\n")) == (2, 1), said
        assert "a data directory is held against the raw orders in itself" in said


def test_verify_names_a_directory_given_by_address(server, tmp_path):
    writer = server()
    writer.post(order(1))
    said = harness.must_run("verify", "--aggregates", f"sqlite:{writer.data}")
    assert re.search(r"verified .*data: 1 orders, 0 adjustments, \d+ cells compared: all laws hold", said)
