# SPDX-License-Identifier: MIT
"""A whole job over TLS and with passwords, to all three servers."""

import pathlib
import shutil
import subprocess

import pytest

from servers import java
from servers import kafka as kafka_server
from servers.cassandra import Cassandra
from servers.certs import Certificates
from servers.kafka import Kafka
from servers.mysql import MariaDb
from test_handover import verified
from test_job import SEED, produce


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
