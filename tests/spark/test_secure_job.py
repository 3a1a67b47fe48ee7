# SPDX-License-Identifier: MIT
"""A whole job over TLS and with passwords, to all three servers; and brokers that remove old messages of a key."""

import json
import pathlib
import shutil
import subprocess

import pytest

import harness
from servers import java
from servers import kafka as kafka_server
from servers.cassandra import Cassandra
from servers.certs import Certificates
from servers.kafka import Kafka
from servers.mysql import MariaDb
from spark_shop import WAIT_S
from test_handover import verified
from test_job import SEED, count, produce


def trust_store(certs):
    """What Spark's connector wants beside the PEM file."""
    path = certs.directory / "trust.p12"
    keytool = pathlib.Path(java.java_17()).resolve().with_name("keytool")
    done = subprocess.run([keytool, "-importcert", "-noprompt", "-alias", "ca", "-file", certs.ca, "-keystore", path, "-storetype", "PKCS12",
                           "-storepass", certs.keystore_password], capture_output=True, timeout=60, check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return ["--conf", f"spark.cassandra.connection.ssl.trustStore.path={path}",
            "--conf", f"spark.cassandra.connection.ssl.trustStore.password={certs.keystore_password}"]  # fmt: skip


@pytest.mark.full
@pytest.mark.timeout(2400)
def test_everything_over_tls_and_with_passwords(shop, tmp_path):
    certs = Certificates(tmp_path / "certs")
    with Kafka(tmp_path / "kafka", secure=("SASL_SSL",), certs=certs) as kafka, \
            Cassandra(tmp_path / "cassandra", heap_mb=512, passwords=True, certs=certs) as cassandra, \
            MariaDb(tmp_path / "mariadb", {"require_secure_transport": "ON"}, certs) as mariadb:  # fmt: skip
        cassandra.create_user("sales", "of cassandra")
        secrets = {"SALESTIDE_KAFKA_PASSWORD": kafka_server.PASSWORD, "SALESTIDE_CASSANDRA_PASSWORD": "of cassandra"}
        to_stores = ["--cassandra-tls", "--cassandra-ca", certs.ca, "--mysql-tls", "verify", "--mysql-ca", certs.ca]
        one = shop(raw=True, kafka=kafka, cassandra=cassandra, mysql=mariadb, env=secrets, set_up_options=to_stores, cassandra_user="sales")
        one.broker = kafka.url(one.name, "SASL_SSL")
        trusted = trust_store(certs)
        produce(one, 500, SEED + 90)

        def options(mechanism):
            return ["--kafka-tls", "--kafka-ca", certs.ca, "--kafka-user", kafka_server.USER, "--kafka-sasl", mechanism, *to_stores]

        one.run_job(*options("scram-sha-512"), "--", *trusted)
        assert one.is_drained()
        produce(one, 500, SEED + 90)  # every order a second time
        shutil.rmtree(one.directory / "windows")  # the log is read again
        one.run_job(*options("plain"), "--", *trusted)
        expected = one.check()
        assert expected.reference.counts["duplicate"] > 250
        verified(one, *to_stores)


@pytest.fixture(scope="module")
def cleaning_kafka(tmp_path_factory):
    """Looks every half second for what it can remove."""
    with Kafka(tmp_path_factory.mktemp("cleaning"), properties={"log.cleaner.backoff.ms": 500}) as one:
        yield one


def keyed_apart(ids):
    """Each message has a key of its own, as --allow-compacted wants it."""
    return [(f"message-{n}".encode(), json.dumps(harness.order(n, total="2.50")).encode()) for n in ids]


@pytest.mark.full
@pytest.mark.timeout(2400)
def test_a_compacted_topic_is_refused_and_counts_over_the_gaps_that_the_broker_has_made_when_that_is_allowed(shop, cleaning_kafka):
    config = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.0", "segment.ms": "200", "min.compaction.lag.ms": "0"}
    one = shop(raw=True, kafka=cleaning_kafka, partitions=1, topic_config=config)

    def gaps():
        return one.kafka.end_offsets(one.name)[0] - len(one.kafka.consume(one.name))

    def send_and_wait_for_gaps(ids, n_gaps):
        """Every message twice, and what ends the segment in which they are."""
        one.kafka.produce(one.name, keyed_apart(ids))
        one.kafka.produce(one.name, keyed_apart(ids))
        n = 0

        def are_there():
            nonlocal n
            n += 1
            one.kafka.produce(one.name, keyed_apart([f"{ids[0]}-{n}"]))
            return gaps() >= n_gaps

        harness.wait_until(are_there, WAIT_S, f"{n_gaps} gaps", every_s=0.5)
        return len(ids) + n

    n_orders = send_and_wait_for_gaps(range(100), 100)
    refused = one.job("--available-now")
    assert refused.wait() == 2
    assert "cleanup.policy compact" in refused.errors()[0]
    one.run_job("--allow-compacted")
    assert one.is_drained() and count(one) == n_orders
    n_orders += send_and_wait_for_gaps(range(100, 200), 200)
    shutil.rmtree(one.directory / "windows")  # the window is read again over the gaps of before
    one.kafka.produce(one.name, [(b"again-%d" % n, value) for n, (_, value) in enumerate(keyed_apart(range(50, 150)))])
    one.run_job("--allow-compacted", "--max-offsets", "70")
    assert one.is_drained() and count(one) == n_orders
    assert one.state()["duplicate"] == 100
    assert sum(cells["total"] for cells in one.tables()["sales_totals"].values()) == n_orders * 25_000
    assert f"{n_orders} orders, 0 adjustments" in verified(one)
