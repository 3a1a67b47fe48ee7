# SPDX-License-Identifier: MIT
"""`ingest` in front of real brokers: what is acknowledged is in the topic, as other clients expect to find it, and
what cannot be is refused in time. Read back with kafka-python, whose partitioner is a second opinion."""

import collections
import json
import random
import subprocess
import time

import ledger
import load
import pytest
from kafka.partitioner.default import murmur2
from pipeline import Ingest

import harness
from harness import NDJSON, gzipped, lines, order
from servers import kafka as kafka_server
from servers import process
from servers.kafka import Kafka

SEED = 20261125
ALONE = ("--create-topic", "--replication", "1")  # for one broker


@pytest.fixture
def ingest(tmp_path):
    """Starts doors: ingest(url, "--option", ...). At the end each still running one must drain and exit 0."""
    started = []

    def start(url, *options, **more):
        one = Ingest(tmp_path, "--broker", url, *options, **more)
        started.append(one)
        return one

    yield start
    try:
        for one in started:
            if one.process.returncode is None:
                one.stop()
    finally:
        for one in started:
            one.kill()


def rejection_of(record):
    headers = dict(record.headers)
    return json.loads(headers["salestide-rejected"]) if headers else None


def identities_in(records):
    """{(order_id, event, event_id): how often}"""
    found = collections.Counter()
    for record in records:
        event = json.loads(record.value)
        found[event["order_id"], event.get("event", "placed"), event.get("event_id")] += 1
    return found


def refused(done, code, *says):
    """One clear line after the log's, and the exit code."""
    text = done.stderr.decode()
    last = text.splitlines()[-1]
    assert done.returncode == code, text
    assert all(word in last for word in says), text
    assert text.count("salestide ") == 1, text


# --- What is in the topic


def test_each_order_is_in_the_topic_once_where_the_java_client_would_put_it(kafka, own_name, ingest):
    door = ingest(kafka.url(own_name), "--create-topic", "--partitions", "6", "--replication", "1")
    ids = [1, 2**63 - 1, "007", "A-1", "x" * 64, "!~", *range(100, 400), *(f"{n:08x}-uuid" for n in range(300))]
    began_ms = time.time_ns() // 1_000_000
    events = [order(i) for i in ids]
    for one in events[:50]:
        assert door.post(one).json() == {"accepted": 1, "duplicate": 0, "rejected": 0, "errors": []}
    assert door.post(events[50:200]).json()["accepted"] == 150
    assert door.post(lines(*events[200:400]), NDJSON).json()["accepted"] == 200
    packed = door.post(gzipped(lines(*events[400:])), NDJSON, headers={"Content-Encoding": "gzip"})
    assert packed.json()["accepted"] == len(events) - 400
    ended_ms = time.time_ns() // 1_000_000
    records = kafka.consume(own_name)
    assert {r.key: json.loads(r.value) for r in records} == {str(e["order_id"]).encode(): e for e in events}
    assert len(records) == len(events)
    for r in records:
        assert r.partition == (murmur2(r.key) & 0x7FFFFFFF) % 6, r
        assert began_ms <= r.timestamp <= ended_ms, r
        assert not r.headers


def test_an_event_is_kept_byte_for_byte(kafka, own_name, ingest):
    door = ingest(kafka.url(own_name), *ALONE)
    text = ('{ "order_id" : "7", "created_at":"2024-05-01 10:00:00",\t"product_id":"caf\\u00e9 \U0001f600",'
            '"quantity":1,"total":1.50000, "unknown":[1,{"a":null}] }').encode()  # fmt: skip
    assert door.post(text).status == 202
    (record,) = kafka.consume(own_name)
    assert (record.key, record.value) == (b"7", text)


def test_all_events_of_an_order_are_in_one_partition_in_their_order(kafka, own_name, ingest):
    door = ingest(kafka.url(own_name), *ALONE)
    sent = []
    for n in range(200):
        for event in (order(n), order(n, event="refunded", event_id=f"r{n}"), order(n, event="cancelled")):
            sent.append(event)
    for at in range(0, len(sent), 40):
        assert door.post(sent[at : at + 40]).json()["accepted"] == 40
    seen = collections.defaultdict(list)
    for r in kafka.consume(own_name):
        seen[r.key].append((r.partition, json.loads(r.value).get("event", "placed")))
    assert len(seen) == 200
    for found in seen.values():
        assert [event for _, event in found] == ["placed", "refunded", "cancelled"]
        assert len({partition for partition, _ in found}) == 1


def test_what_the_door_rejects_is_kept_with_the_reason_it_was_given(kafka, own_name, ingest):
    door = ingest(kafka.url(own_name), *ALONE)
    body = lines(order(1), order(2, total="-5"), order(3)) + b"no json\n"
    answer = door.post(body, NDJSON)
    assert answer.status == 202
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (2, 2)
    assert door.post({"order_id": 9}).status == 422
    records = kafka.consume(own_name)
    kept = {r.value: rejection_of(r) for r in records if r.key is None}
    told = [{k: v for k, v in e.items() if k != "index"} for e in answer.json()["errors"]]
    assert kept.pop(b'{"order_id": 9}')["code"] == "missing"
    assert kept == {json.dumps(order(2, total="-5")).encode(): told[0], b"no json": told[1]}
    assert {r.key for r in records} == {b"1", b"3", None}


def test_an_event_larger_than_the_topic_takes_is_rejected_and_kept(kafka, own_name, ingest):
    kafka.create_topic(own_name, config={"max.message.bytes": "10000"})
    door = ingest(kafka.url(own_name))
    assert "10000" in door.log
    large = order(2, note="x" * 20_000)
    answer = door.post([order(1), large, order(3)])
    assert (answer.status, answer.json()["accepted"]) == (202, 2), answer
    assert [(e["index"], e["code"]) for e in answer.json()["errors"]] == [(1, "too_large")]
    (rejected,) = [r for r in kafka.consume(own_name) if r.key is None]
    assert 5_000 < len(rejected.value) < 10_000  # as much of the text as fits
    assert json.dumps(large).encode().startswith(rejected.value)
    kafka.create_topic(f"{own_name}-2", config={"max.message.bytes": "100000"})
    door = ingest(kafka.url(f"{own_name}-2"))
    large = order(2, note="x" * 200_000)
    answer = door.post([order(1), large, order(3)])
    assert (answer.status, answer.json()["accepted"]) == (202, 2), answer
    assert [(e["index"], e["code"]) for e in answer.json()["errors"]] == [(1, "too_large")]
    records = {r.key: r for r in kafka.consume(f"{own_name}-2")}
    assert set(records) == {b"1", b"3", None}
    assert rejection_of(records[None])["code"] == "too_large"
    assert records[None].value == json.dumps(large).encode()[: 64 * 1024]


def test_a_topic_that_is_made_keeps_every_message(kafka, own_name, ingest):
    door = ingest(kafka.url(own_name), *ALONE)
    assert door.post(order(1)).status == 202
    assert kafka.configuration(own_name, "cleanup.policy") == {"value": "delete", "is_default": False}


def test_orders_that_are_too_large_together_are_none_of_them_too_large(kafka, own_name, ingest):
    kafka.create_topic(own_name, config={"max.message.bytes": "100000"})
    door = ingest(kafka.url(own_name))
    many = [order(n, note="x" * 60) for n in range(2_000)]
    answer = door.post(lines(*many), NDJSON)
    assert (answer.status, answer.json()["accepted"], answer.json()["rejected"]) == (202, 2_000, 0), answer
    kafka.configure_topic(own_name, {"max.message.bytes": "3000"})  # nobody tells the door
    more = [order(n, note="x" * 60) for n in range(2_000, 4_000)]
    answer = door.post(lines(*more), NDJSON)
    assert (answer.status, answer.json()["accepted"], answer.json()["rejected"]) == (202, 2_000, 0), answer
    assert set(identities_in(kafka.consume(own_name)).values()) == {1}
    assert len(kafka.consume(own_name)) == 4_000
    assert "max.message.bytes" in door.log


def test_a_clock_that_the_brokers_do_not_believe_is_named(kafka, own_name, ingest):
    kafka.create_topic(own_name, config={"message.timestamp.before.max.ms": "0"})  # as if it were behind
    door = ingest(kafka.url(own_name))
    many = lines(*(order(n) for n in range(2_000)))  # some are older than a millisecond when they arrive

    def is_named():
        answer = door.post(many, NDJSON)
        return answer.status == 503 and b"do not believe the clock" in door.get("/readyz").body

    harness.wait_until(is_named)
    assert "do not believe the clock" in door.log


def test_times_and_currencies_are_left_as_they_came(kafka, own_name, ingest):
    door = ingest(kafka.url(own_name), *ALONE, "--timezone", "Asia/Tokyo", "--currency", "JPY")
    assert door.post(order(1, created_at="2024-05-01 10:00:00")).status == 202
    (record,) = kafka.consume(own_name)
    assert json.loads(record.value) == order(1, created_at="2024-05-01 10:00:00")


# --- The door


def test_only_orders_are_taken_there(kafka, own_name, ingest):
    door = ingest(kafka.url(own_name), *ALONE)
    for path in ("/", "/v1/sales", "/v1/rejected", "/v1/stream", "/v1/orders/1"):
        assert "only takes orders" in door.get(path).problem(404)["detail"]
    assert door.get("/openapi.json").status == 200
    assert door.get("/healthz").status == 200
    assert door.get("/readyz").json() == {"status": "ready"}
    assert door.post(b"{", headers={}).status == 400
    door.signal(1)  # SIGHUP: there is nothing to read again
    harness.wait_until(lambda: "nothing to read again" in door.log)
    assert door.post(order(1)).status == 202


def test_metrics_count_what_was_produced(kafka, own_name, ingest):
    door = ingest(kafka.url(own_name), *ALONE)
    assert door.post([order(n) for n in range(25)]).status == 202

    def read():
        found = harness.metrics(door.get("/metrics").body.decode())
        return {name: next(iter(values.values())) for name, values in found.items() if len(values) == 1}

    harness.wait_until(lambda: read()["salestide_kafka_produced_total"] == 25)
    found = read()
    assert found["salestide_kafka_delivery_failures_total"] == 0
    assert found["salestide_kafka_in_flight_events"] == 0
    assert found["salestide_kafka_delivery_seconds_count"] == 25
    assert found["salestide_kafka_up"] == 1
    harness.wait_until(lambda: read()["salestide_kafka_brokers_connected"] == 1)


def test_keys_guard_the_door(kafka, own_name, ingest, tmp_path):
    key = harness.run("key", "new", "--scope", "ingest", "--data", tmp_path / "data").stdout.decode().split()
    door = ingest(kafka.url(own_name), *ALONE, "--require-keys")
    assert door.post(order(1)).status == 401
    secret = max(key, key=len)
    assert door.post(order(1), headers={"Authorization": f"Bearer {secret}"}).status == 202


# --- Starting


def test_a_topic_that_is_not_there_is_said(kafka, own_name):
    done = harness.run("ingest", "--listen", "127.0.0.1:0", "--broker", kafka.url(own_name), timeout=30)
    refused(done, 2, own_name, "does not exist", "--create-topic")


def test_more_copies_than_brokers_are_refused(kafka, own_name):
    done = harness.run("ingest", "--listen", "127.0.0.1:0", "--broker", kafka.url(own_name), "--create-topic",
                       timeout=30)  # fmt: skip
    refused(done, 2, own_name, "--replication 3")


@pytest.mark.parametrize(
    ("options", "says"),
    [((), "--broker"), (("--broker", "http://h/t"), "kafka://"), (("--broker", "kafka://h:1"), "topic"),
     (("--broker", "kafka://h/t", "--kafka-user", "ann"), "--kafka-sasl"),
     (("--broker", "kafka://h/t", "--kafka-ca", "/dev/null"), "--kafka-tls"),
     (("--broker", "kafka://h/t", "--currency", "usd"), "--currency"),
     (("--broker", "kafka://h/t", "--timezone", "Mars/Base"), "Mars/Base")],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_one_line(options, says):
    refused(harness.run("ingest", "--listen", "127.0.0.1:0", *options, timeout=30), 2, says)


def test_a_topic_that_one_broker_can_lose_is_warned_of(kafka, own_name, ingest):
    door = ingest(kafka.url(own_name), *ALONE)
    assert "an acknowledged order can be lost with one broker" in door.log


def test_it_starts_without_brokers_says_so_and_goes_on_when_they_come(tmp_path, ingest):
    with_broker = Kafka(tmp_path / "kafka")
    door = ingest(with_broker.url("late"), *ALONE)
    problem = door.get("/readyz").problem(503)
    assert problem["detail"].startswith("kafka: no broker of 127.0.0.1:"), problem
    began = time.monotonic()
    answer = door.post(order(1))
    assert time.monotonic() - began < 5
    assert answer.status == 503
    assert answer.headers["retry-after"] == "1"
    with with_broker.start():
        harness.wait_until(lambda: door.get("/readyz").status == 200, 30, "readiness")
        assert door.post(order(2)).status == 202
        assert [r.key for r in with_broker.consume("late")] == [b"2"]
        door.stop()


# --- Faults


def test_the_only_broker_is_killed_and_what_was_acknowledged_is_there(tmp_path, ingest):
    with Kafka(tmp_path / "kafka") as alone:
        door = ingest(alone.url("sales"), *ALONE, "--delivery-timeout", "3s")
        books = ledger.Ledger(SEED)
        with load.orders(door, books, n_clients=4) as acknowledged:
            acknowledged(500)
            alone.kill9()
            harness.wait_until(lambda: door.get("/readyz").status == 503, 10, "readyz to tell")
            harness.wait_until(lambda: books.unanswered, 10, "a refusal")
            began = time.monotonic()
            assert door.post(order("while down")).status == 503
            assert time.monotonic() - began < 2, "a refusal took long although no broker was known to be there"
            alone.revive()
            acknowledged(500)
        found = identities_in(alone.consume("sales"))
        books.compare({i: ledger.amount_e4(i) for i in found})
        assert door.get("/readyz").status == 200
        door.stop()


def test_a_broker_that_hangs_holds_nobody_for_longer_than_the_time_out(tmp_path, ingest):
    with Kafka(tmp_path / "kafka") as alone:
        door = ingest(alone.url("sales"), *ALONE, "--delivery-timeout", "2s")
        assert door.post(order(1)).status == 202
        alone.sigstop()
        began = time.monotonic()
        assert door.post(order(2), timeout=20).status == 503
        assert time.monotonic() - began < 8
        alone.sigcont()
        harness.wait_until(lambda: door.post(order(3), timeout=20).status == 202, 30, "an order to be taken again")
        door.stop()


def test_one_of_three_brokers_is_killed_and_nothing_acknowledged_is_lost(tmp_path, ingest):
    with Kafka(tmp_path / "kafka", brokers=3, heap_mb=384) as three:
        door = ingest(three.url("sales"), "--create-topic")
        assert "6 partitions, replication 3, min.insync.replicas 2" in door.log
        assert " warn " not in door.log
        books = ledger.Ledger(SEED)
        rng = random.Random(SEED)
        with load.orders(door, books, n_clients=4) as acknowledged:
            for _ in range(2):
                acknowledged(300)
                node = rng.choice(list(three.nodes))
                three.kill9(node)
                acknowledged(500)
                three.revive(node)
            acknowledged(300)
        assert not books.unanswered, "orders were refused although two brokers were there"
        found = identities_in(three.consume("sales"))
        books.compare({i: ledger.amount_e4(i) for i in found})
        door.stop()


def test_an_idle_connection_that_the_broker_closes_is_no_trouble(tmp_path, ingest):
    with Kafka(tmp_path / "kafka", properties={"connections.max.idle.ms": "1000"}) as hasty:
        door = ingest(hasty.url("sales"), *ALONE)
        for n in range(5):
            time.sleep(2)
            answers = [door.post(order(f"{n}-{i}")).status for i in range(3)]
            assert answers == [202] * 3
            assert door.get("/readyz").status == 200
        assert "no broker" not in door.log
        door.stop()


def test_a_topic_made_while_it_waits_is_found(tmp_path, ingest):
    later = Kafka(tmp_path / "kafka")
    door = ingest(later.url("sales"))  # no broker answers, so that it cannot know
    with later.start():
        harness.wait_until(lambda: "does not exist" in door.get("/readyz").body.decode(), 30, "readyz to tell")
        assert door.post(order(1)).status == 503
        later.create_topic("sales")
        harness.wait_until(lambda: door.get("/readyz").status == 200, 30, "readiness")
        assert door.post(order(2)).status == 202
        door.stop()


# --- Logins and encryption


@pytest.fixture(scope="module")
def guarded(tmp_path_factory, certs):
    with Kafka(tmp_path_factory.mktemp("guarded"), secure=("SSL", "SASL_PLAINTEXT", "SASL_SSL"), certs=certs) as one:
        one.create_topic("sales")
        yield one


def login(mechanism, file=None):
    options = ("--kafka-user", kafka_server.USER, "--kafka-sasl", mechanism)
    return (*options, "--kafka-password-file", file) if file else options


@pytest.mark.parametrize(
    ("listener", "mechanism"),
    [("SSL", None), ("SASL_PLAINTEXT", "plain"), ("SASL_SSL", "plain"),
     ("SASL_PLAINTEXT", "scram-sha-256"), ("SASL_SSL", "scram-sha-512")],
)  # fmt: skip
def test_logins_and_encryption(guarded, certs, ingest, tmp_path, listener, mechanism):
    options, env = [], {}
    if "SSL" in listener:
        options += ["--kafka-tls", "--kafka-ca", certs.ca]
    if listener == "SASL_SSL":
        (tmp_path / "password").write_text(kafka_server.PASSWORD + "\n")
        options += login(mechanism, tmp_path / "password")
    elif mechanism:
        options += login(mechanism)
        env["SALESTIDE_KAFKA_PASSWORD"] = kafka_server.PASSWORD
    door = ingest(guarded.url("sales", listener), *options, env=env)
    name = f"{listener} {mechanism}"
    assert door.post(order(name)).status == 202
    assert name.encode() in {r.key for r in guarded.consume("sales")}
    assert kafka_server.PASSWORD not in door.log


def test_a_wrong_password_is_told_by_readyz_and_the_log(guarded, ingest):
    door = ingest(guarded.url("sales", "SASL_PLAINTEXT"), *login("plain"),
                  env={"SALESTIDE_KAFKA_PASSWORD": "wrong"})  # fmt: skip
    assert "uthentication" in door.get("/readyz").problem(503)["detail"]
    assert "uthentication" in door.log
    assert door.post(order(1)).status == 503


def test_a_broker_that_another_authority_vouches_for_is_not_talked_to(guarded, ingest, tmp_path):
    from servers.certs import Certificates

    other = Certificates(tmp_path / "other", "others")
    door = ingest(guarded.url("sales", "SSL"), "--kafka-tls", "--kafka-ca", other.ca)
    assert "certificate" in door.get("/readyz").problem(503)["detail"].lower()
    assert door.post(order(1)).status == 503


# --- load and generate


def test_load_and_generate_send_to_a_topic(kafka, own_name, tmp_path):
    made = tmp_path / "orders.ndjson"
    made.write_bytes(harness.run("generate", "--seed", "5", "--count", "20000").stdout)
    url = kafka.url(own_name)
    text = harness.must_run("load", made, "--to", url, *ALONE)
    assert "20,000 sent, 0 rejected" in text
    found = collections.Counter(r.value for r in kafka.consume(own_name))
    assert found == collections.Counter(made.read_bytes().splitlines())
    text = harness.must_run("generate", "--count", "3000", "--rate", "0", "--to", url)
    assert "3000 events sent" in text
    assert sum(kafka.end_offsets(own_name).values()) == 23_000


def test_a_csv_file_is_sent_as_orders_and_its_bad_rows_are_kept(kafka, own_name, tmp_path):
    table = tmp_path / "orders.csv"
    table.write_text("order_id,created_at,product_id,quantity,total\n7,2024-05-01 10:00:00,5,2,3.5\nx,soon,5,2,3.5\n")
    done = harness.run("load", table, "--to", kafka.url(own_name), *ALONE)
    assert done.returncode == 1
    assert b"1 sent, 1 rejected" in done.stdout
    records = {r.key: r for r in kafka.consume(own_name)}
    sent = json.loads(records[b"7"].value)
    assert (sent["created_at"], "currency" in sent) == ("2024-05-01 10:00:00", False)  # the shop's own count
    assert rejection_of(records[None])["field"] == "created_at"
    assert records[None].value == b"x,soon,5,2,3.5"


def test_load_says_that_no_broker_is_there(tmp_path):
    (port,) = process.free_ports(1)
    made = tmp_path / "one.ndjson"
    made.write_bytes(lines(order(1)))
    done = harness.run("load", made, "--to", f"kafka://127.0.0.1:{port}/sales", timeout=60)
    refused(done, 1, f"127.0.0.1:{port}")
