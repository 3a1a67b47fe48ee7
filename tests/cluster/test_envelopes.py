# SPDX-License-Identifier: MIT
"""Topics of other producers, `process --value-format`: what is in their envelopes is counted to the last digit, what is
in another form is told by its name and can be sent again, and no change of a row counts twice or goes unsaid."""

import base64
import decimal
import json
import subprocess
import uuid

import envelopes
import harness
import kafka as kafka_python
import pytest

CREATED_MS = 1_714_557_600_123  # 2024-05-01T10:00:00.123Z


def order(number, total="12.5000", **fields):
    return {"order_id": number, "created_at": CREATED_MS + number, "product_id": f"mug-{number % 7}", "quantity": 2,
            "subtotal": total, "total": total, "source": "WEB", "state": "CA", **fields}  # fmt: skip


def orders():
    """200 orders, some again, some wrong, some taken back; amounts that no float holds."""
    made = [order(n, f"{n}.{n % 10_000:04d}") for n in range(1, 190)]
    made += [order(n, f"{n}.{n % 10_000:04d}") for n in range(1, 20)]  # again
    made += [order(500, "99999999999.9999"), order(501, "-5.0000"), order(502, quantity=-1)]
    made += [order(7, "7.0007", event="cancelled"), order(8, "1.0000", event="refunded", event_id="r1")]
    return made


def send(kafka, topic, messages):
    """(key, value, headers)."""
    sender = kafka_python.KafkaProducer(bootstrap_servers=kafka.bootstrap().split(","), acks="all")
    try:
        for key, value, headers in messages:
            sender.send(topic, key=key, value=value, headers=headers)
        sender.flush(timeout=60)
    finally:
        sender.close(timeout=10)


def connect_messages():
    for one in orders():
        key = envelopes.compact({"schema": {"type": "int64"}, "payload": one["order_id"]})
        yield key, envelopes.connect(one), []
    yield b"1", envelopes.compact({"schema": None, "payload": None}), []
    yield b"1", None, []


def debezium_messages():
    for n, one in enumerate(orders()):
        key = envelopes.compact({"schema": {"type": "struct"}, "payload": {"order_id": one["order_id"]}})
        yield key, envelopes.change("r" if n % 3 == 0 else "c", None, one), []
    yield envelopes.compact({"order_id": 900}), envelopes.schemaless_change("c", None, order(900, "3.2500")), []


def confluent_messages():
    for n, one in enumerate(orders()):
        key = str(one["order_id"]).encode()
        if n % 2:
            yield key, envelopes.confluent(one), []
        else:
            yield key, envelopes.plain(one), [("__value_schema_id", b"\x01" + uuid.uuid5(uuid.NAMESPACE_DNS, "v").bytes)]


def opened_connect(record):
    payload = json.loads(record.value)["payload"]
    return payload and envelopes.plain(order_of(payload))


def order_of(row):
    """The order whose row this is."""

    def amount(text):
        return str(decimal.Decimal(int.from_bytes(base64.b64decode(text), "big", signed=True)).scaleb(-envelopes.SCALE))

    return {name: amount(value) if name in envelopes.AMOUNTS else value for name, value in row.items()}


def opened_debezium(record):
    value = json.loads(record.value)
    if "payload" not in value:
        return envelopes.compact(value["after"])
    return envelopes.plain(order_of(value["payload"]["after"]), "")


def opened_confluent(record):
    return record.value[5:] if record.value[0] == 0 else record.value


@pytest.mark.parametrize(
    ("form", "messages", "opened"),
    [
        ("connect", connect_messages, opened_connect),
        ("debezium", debezium_messages, opened_debezium),
        ("confluent-json", confluent_messages, opened_confluent),
    ],
)
def test_orders_in_an_envelope_are_counted_to_the_last_digit(shop, form, messages, opened):
    one = shop(partitions=3)
    processor = one.processor("--value-format", form)
    send(one.kafka, one.name, messages())
    one.wait_drained()
    expected = one.check(one.expected(opened))
    assert len(expected.raw) >= 192
    assert one.state()["skipped"] == expected.skipped
    assert expected.reference.counts["duplicate"] == 19
    assert processor.metric("salestide_kafka_foreign_keys_total") == 0, processor.log
    assert "is rejected (partition" not in processor.log


OTHERS = {
    "json": envelopes.plain(order(1)),
    "connect": envelopes.connect(order(2)),
    "debezium": envelopes.schemaless_change("c", None, order(3)),
    "confluent-json": envelopes.confluent(order(4)),
}
NAMED = {
    "json": "this is plain JSON",
    "connect": "this is a Kafka Connect envelope (schema/payload): --value-format connect",
    "debezium": "this is a Debezium change event (before/after/op): --value-format debezium",
    "confluent-json": "this is Confluent's wire format (a zero byte and schema id 258, then JSON): "
    "--value-format confluent-json",
}


def rejections(one):
    return one.mysql.sql("SELECT code, field, message FROM rejected_events ORDER BY id", database=one.name)


def test_a_message_in_another_form_is_named_and_counts_once_when_it_is_sent_again(shop):
    one = shop(partitions=1)
    processor = one.processor()
    send(one.kafka, one.name, [(str(n + 1).encode(), value, []) for n, value in enumerate(OTHERS.values())])
    one.wait_drained()
    assert one.state()["accepted"] == 1
    found = rejections(one)
    assert [(code, field or "") for code, field, _ in found] == [("other_form", "")] * 3
    for (_, _, message), form in zip(found, ["connect", "debezium", "confluent-json"], strict=True):
        assert message.startswith(NAMED[form])
    assert processor.log.count("is rejected (partition 0, offset 1)") == 1
    processor.stop()

    # With the right form, after a start that reads the identities back: what was rejected is not known.
    again = one.processor("--value-format", "connect")
    send(one.kafka, one.name, [(b"5", envelopes.connect(order(5)), []), (b"6", envelopes.plain(order(6)), [])])
    one.wait_drained()
    assert one.state()["accepted"] == 2
    assert rejections(one)[-1][2].startswith("this is plain JSON, not a Kafka Connect envelope")
    told = harness.must_run("rejected", "retry", "--code", "other_form", "--aggregates", one.mysql.url(one.name),
                            "--to", one.broker, env=one.env)  # fmt: skip
    assert "4 sent into the topic again, 0 rejected" in told
    one.wait_drained()
    state = one.state()
    assert (state["accepted"], state["duplicate"], state["rejected"]) == (6, 0, 4), again.log
    again.stop()
    one.processor("--value-format", "connect")  # and after another start they are known
    send(one.kafka, one.name, [(str(n).encode(), envelopes.connect(order(n)), []) for n in range(1, 7)])
    one.wait_drained()
    state = one.state()
    assert (state["accepted"], state["duplicate"]) == (6, 6)
    harness.must_run("verify", "--raw", one.raw, "--aggregates", one.mysql.url(one.name), env=one.env)


def test_a_changed_row_counts_nothing_twice_and_no_change_of_money_goes_unsaid(shop):
    one = shop(partitions=1)
    processor = one.processor("--value-format", "debezium")
    row, dearer = order(1, "10.0000", status="new"), order(1, "11.0000", status="new")
    changes = [
        ("c", None, row),
        ("u", row, {**row, "status": "sent"}),
        ("u", row, dearer),
        ("u", None, row),
        ("d", row, None),
    ]
    messages = [(b"1", envelopes.change(*change), []) for change in changes]
    send(one.kafka, one.name, [*messages, (b"1", None, [])])
    one.wait_drained()
    state = one.state()
    assert (state["accepted"], state["duplicate"], state["rejected"], state["skipped"]) == (1, 0, 3, 2)
    found = rejections(one)
    assert {code for code, _, _ in found} == {"changed"}
    assert [field for _, field, _ in found][0] in ("subtotal", "total")
    assert 'from "10.0000" to "11.0000"' in found[0][2]
    assert "REPLICA IDENTITY FULL" in found[1][2]
    assert "the row was deleted" in found[2][2]
    assert {key[:2]: sums["total"] for key, sums in one.tables()["sales_totals"].items()} == {("WEB", "CA"): 100_000}

    # Sent again as they are they stay what they are; edited into an event they take the money back.
    where = ("--aggregates", one.mysql.url(one.name), "--to", one.broker)
    done = harness.run("rejected", "retry", "--all", *where, env=one.env)
    assert done.returncode == 1
    assert done.stdout.count(b"not sent: ") == 3
    event = envelopes.plain({**row, "event": "cancelled"})
    harness.must_run("rejected", "edit", "3", "--file", "-", *where, env=one.env, stdin=event)
    one.wait_drained()
    assert one.state()["accepted"] == 2, processor.log
    assert [sums["total"] for sums in one.tables()["sales_totals"].values()] == [0]


def test_times_without_a_zone_are_the_databases_own(shop):
    one = shop(partitions=1)
    one.processor("--value-format", "debezium", "--times-in", "UTC")
    send(one.kafka, one.name, [(b"1", envelopes.change("c", None, order(1)), [])])
    one.wait_drained()
    (row,) = one.raw_rows().values()
    assert row.created_ms == CREATED_MS + 1


# --- The real ones


@pytest.fixture(scope="module")
def producers():
    """Kafka Connect's converter and Confluent's serializers."""
    root = harness.ROOT
    subprocess.run([root / "scripts/get-producers.sh"], check=True, timeout=900)
    return root / "build/producers"


@pytest.mark.full
def test_the_bytes_of_kafka_connects_own_converter_are_those_of_these_tests_and_are_read(shop, producers):
    one = shop(partitions=1)
    one.processor("--value-format", "connect")
    rows = orders()
    text = "".join(f"{r['order_id']} {r['created_at']} {r['quantity']} {r['total']}\n" for r in rows)
    made = {}
    for decimals in ("BASE64", "NUMERIC"):
        done = subprocess.run(["java", "-cp", f"{producers}/connect/lib/*", harness.ROOT / "tests/clients/ConnectBytes.java",
                               decimals], input=text.encode(), capture_output=True, timeout=120, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        made[decimals] = done.stdout.splitlines()
    few = ("order_id", "created_at", "quantity", "total")
    for r, value in zip(rows, made["BASE64"], strict=True):
        value = json.loads(value)
        assert value["payload"] == envelopes.row({name: r[name] for name in few})
        (total,) = (f for f in value["schema"]["fields"] if f["field"] == "total")
        assert (total["name"], total["parameters"]["scale"]) == (envelopes.CONNECT + "Decimal", str(envelopes.SCALE))
    for values in made.values():
        send(one.kafka, one.name, [(str(r["order_id"]).encode(), value, [])
                                   for r, value in zip(rows, values, strict=True)])  # fmt: skip
    one.wait_drained()
    expected = one.expected(lambda record: plain_few(json.loads(record.value)["payload"]))
    assert one.state()["accepted"] == expected.reference.counts["accepted"]
    assert one.state()["duplicate"] == expected.reference.counts["duplicate"]
    one.check_aggregates(expected)


def plain_few(payload):
    total = payload["total"] if isinstance(payload["total"], str) else envelopes.unscaled(str(payload["total"]))
    return envelopes.plain(order_of({**payload, "total": total}))


CONFLUENT = """
import http.server, json, sys, threading, uuid
from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient, header_schema_id_serializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

class Registry(http.server.BaseHTTPRequestHandler):
    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.dumps({"id": 258, "guid": str(uuid.UUID(int=258)), "version": 1, "subject": "s",
                           "schemaType": "JSON", "schema": schema}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_POST = answer
    def log_message(self, *args): pass

schema = json.dumps({"title": "order", "type": "object", "properties": {"order_id": {"type": "integer"}}})
bootstrap, topic = sys.argv[1:]
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = SchemaRegistryClient({"url": "http://127.0.0.1:%d" % server.server_port})
before = JSONSerializer(schema, client)
header = JSONSerializer(schema, client, conf={"schema.id.serializer": header_schema_id_serializer})
sender = Producer({"bootstrap.servers": bootstrap, "acks": "all", "partitioner": "murmur2_random"})
for n, line in enumerate(sys.stdin):
    order, headers = json.loads(line), []
    context = SerializationContext(topic, MessageField.VALUE, headers)
    value = (header if n % 2 else before)(order, context)
    sender.produce(topic, value=value, key=str(order["order_id"]), headers=headers)
assert sender.flush(60) == 0
"""


@pytest.mark.full
def test_confluents_own_serializers_are_read_with_the_id_before_the_value_and_in_a_header(shop, producers):
    one = shop(partitions=2)
    processor = one.processor("--value-format", "confluent-json")
    text = b"".join(envelopes.plain(r) + b"\n" for r in orders())
    done = subprocess.run([producers / "venv/bin/python", "-c", CONFLUENT, one.kafka.bootstrap(), one.name], input=text,
                          capture_output=True, timeout=120, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    one.wait_drained()
    records = one.kafka.consume(one.name)
    assert {r.value[0] for r in records} == {0, ord("{")}
    assert {name for r in records for name, _ in r.headers} == {"__value_schema_id"}
    one.check(one.expected(opened_confluent))
    assert processor.metric("salestide_kafka_foreign_keys_total") == 0
