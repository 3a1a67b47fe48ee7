# SPDX-License-Identifier: MIT
"""What the tasks read with, against real brokers: marks and aborted transactions, messages that are gone, logins."""

import json
import pathlib
import subprocess

import kafka as kafka_python
import pytest

from servers import kafka as kafka_server
from servers.kafka import Kafka
from servers.certs import Certificates

ROOT = pathlib.Path(__file__).parent.parent.parent
PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
import salestide_kernel, salestide_kafka, salestide_options, salestide_reader

topic, options, ranges = json.loads(sys.argv[3])
options = salestide_options.read([*options, "--raw", "none", "--aggregates", "mysql://u@h/d", "--checkpoint", "c"])
try:
    reader = salestide_reader.Reader(sys.argv[2], topic, salestide_kafka.reader_settings(options), 20_000)
    for start, to in ranges:
        print([(offset, value.decode()) for batch in reader.batches(0, start, to)
               for offset, value in zip(batch["offset"].to_pylist(), batch["value"].to_pylist())])
except salestide_kernel.KernelError as problem:
    print("failed:", problem)
"""


@pytest.fixture(scope="module")
def certs(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certs"))


def read(url, topic, ranges, *options, password=""):
    """[what each range holds], and a line when it failed."""
    told = json.dumps([topic, ["--broker", url, *map(str, options)], ranges])
    done = subprocess.run([ROOT / "build/spark-venv/bin/python", "-c", PROGRAM, ROOT / "spark", ROOT / "build/libsalestide_reader.so", told],
                          capture_output=True, timeout=120, check=False, text=True,
                          env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", "SALESTIDE_KAFKA_PASSWORD": password})  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # the library does not talk
    return done.stdout.splitlines()


def test_of_transactions_it_gives_what_is_committed_and_marks_at_the_end_of_a_range_end_it(kafka):
    url = kafka.create_topic("read-transactions", 1)
    sender = kafka_python.KafkaProducer(bootstrap_servers=kafka.bootstrap().split(","), acks="all", transactional_id="reads", enable_idempotence=True)
    sender.init_transactions()
    for values, end in ((b"ab", sender.commit_transaction), (b"cd", sender.abort_transaction), (b"e", sender.commit_transaction)):
        sender.begin_transaction()
        for value in values:
            sender.send("read-transactions", bytes([value]))
        sender.flush(timeout=60)
        end()
    sender.close(timeout=10)
    end = kafka.end_offsets("read-transactions")[0]  # a b mark c d mark e mark
    assert end == 8
    assert read(url, "read-transactions", [(0, end), (0, 3), (3, 6), (1, 7), (2, 3), (7, 8)]) == [
        "[(0, 'a'), (1, 'b'), (6, 'e')]", "[(0, 'a'), (1, 'b')]", "[]", "[(1, 'b'), (6, 'e')]", "[]", "[]"]  # fmt: skip


def test_messages_that_are_gone_are_told(kafka):
    url = kafka.create_topic("read-gone", 1)
    kafka.produce("read-gone", [(b"k", value.encode()) for value in "abcdef"])
    kafka.delete_records("read-gone", {0: 3})
    kept, failed = read(url, "read-gone", [(3, 5), (1, 5)])
    assert kept == "[(3, 'd'), (4, 'e')]"
    assert failed.startswith("failed: partition 0: messages from offset 1 on were deleted")


@pytest.mark.full
@pytest.mark.timeout(600)
def test_it_logs_in_as_the_program_does_and_a_wrong_password_is_told_at_once(tmp_path_factory, certs):
    with Kafka(tmp_path_factory.mktemp("guarded"), secure=("SSL", "SASL_PLAINTEXT", "SASL_SSL"), certs=certs) as guarded:
        guarded.create_topic("sales", 1)
        guarded.produce("sales", [(b"k", b"a")])
        tls = ("--kafka-tls", "--kafka-ca", certs.ca)
        for listener, mechanism in (("SSL", None), ("SASL_PLAINTEXT", "plain"), ("SASL_SSL", "scram-sha-256"), ("SASL_SSL", "scram-sha-512")):
            options = [*(tls if "SSL" in listener else ()), *(("--kafka-user", kafka_server.USER, "--kafka-sasl", mechanism) if mechanism else ())]
            url = guarded.url("sales", listener)
            assert read(url, "sales", [(0, 1)], *options, password=kafka_server.PASSWORD) == ["[(0, 'a')]"], (listener, mechanism)
            if mechanism:
                (failed,) = read(url, "sales", [(0, 1)], *options, password="wrong")
                assert failed.startswith("failed: kafka: "), failed
