# SPDX-License-Identifier: MIT
"""The servers that the other tests stand on do what those expect of them."""

import os
import pathlib
import socket
import subprocess
import sys

import kafka as kafka_python
import pymysql
import pytest
from cassandra.cluster import NoHostAvailable

import harness
from servers import kafka as kafka_server
from servers import mysql as mysql_server
from servers import process
from servers.cassandra import Cassandra
from servers.certs import Certificates
from servers.kafka import Kafka
from servers.mysql import MariaDb
from servers.proxy import Proxy


def assert_gone(pid, port):
    assert not pathlib.Path(f"/proc/{pid}").exists(), "the process is still there"
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "somebody still listens"


# --- Kafka


def test_kafka_gives_back_what_was_produced_by_key_and_partition(kafka, own_name):
    url = kafka.create_topic(own_name, partitions=3)
    assert url == f"kafka://{kafka.bootstrap()}/{own_name}"
    sent = [(b"k%d" % i, b"v%d" % i) for i in range(50)]
    places = kafka.produce(own_name, [*sent, (None, b"no key", 2), (b"empty", None, 2)])
    found = {(r.partition, r.offset): (r.key, r.value) for r in kafka.consume(own_name)}
    assert found == dict(zip(places, [*sent, (None, b"no key"), (b"empty", None)], strict=True))
    assert kafka.end_offsets(own_name) == {p: sum(place[0] == p for place in places) for p in range(3)}


def test_kcat_and_the_python_client_put_a_key_into_the_same_partition(kafka, own_name):
    kafka.create_topic(own_name, partitions=5)
    keyed = [(b"order-%d" % i, b"{}") for i in range(200)]
    by_python = dict(zip((key for key, _ in keyed), (p for p, _ in kafka.produce(own_name, keyed)), strict=True))
    kafka.produce_lines(own_name, keyed)
    records = kafka.consume(own_name)
    assert len(records) == 400
    assert {(r.key, r.partition) for r in records} == set(by_python.items())


def test_deleted_records_move_the_start_of_a_partition_and_not_its_end(kafka, own_name):
    kafka.create_topic(own_name, partitions=2)
    kafka.produce(own_name, [(None, b"%d" % i, 0) for i in range(10)])
    kafka.delete_records(own_name, {0: 7})
    assert kafka.start_offsets(own_name) == {0: 7, 1: 0}
    assert kafka.end_offsets(own_name) == {0: 10, 1: 0}
    assert [r.offset for r in kafka.consume(own_name)] == [7, 8, 9]


@pytest.mark.full
def test_kafka_keeps_messages_over_a_restart_and_a_kill(kafka, own_name):
    kafka.create_topic(own_name, partitions=1)
    kafka.produce(own_name, [(b"a", b"1")])
    kafka.restart()
    kafka.produce(own_name, [(b"a", b"2")])
    kafka.kill9()
    kafka.revive()
    kafka.produce(own_name, [(b"a", b"3")])
    assert [r.value for r in kafka.consume(own_name)] == [b"1", b"2", b"3"]


@pytest.mark.full
def test_kafka_takes_logins_and_tls_and_refuses_wrong_ones(tmp_path, certs):
    listeners = ("SSL", "SASL_PLAINTEXT", "SASL_SSL")
    with Kafka(tmp_path / "kafka", secure=listeners, certs=certs) as one:
        one.create_topic("t", partitions=1)

        def put(listener, password=kafka_server.PASSWORD, mechanism="PLAIN", ca=certs.ca):
            login = {"sasl_mechanism": mechanism, "sasl_plain_username": kafka_server.USER,
                     "sasl_plain_password": password} if "SASL" in listener else {}  # fmt: skip
            producer = kafka_python.KafkaProducer(
                bootstrap_servers=one.bootstrap(listener), security_protocol=listener, bootstrap_timeout_ms=2000,
                ssl_cafile=str(ca) if "SSL" in listener else None, max_block_ms=2000, **login)  # fmt: skip
            try:
                producer.send("t", b"x").get(timeout=10)
            finally:
                producer.close(timeout=1)

        put("SSL")
        for listener in listeners[1:]:
            put(listener)
            put(listener, mechanism="SCRAM-SHA-256")
            for mechanism in ("PLAIN", "SCRAM-SHA-256"):
                with pytest.raises(kafka_python.errors.KafkaError):
                    put(listener, password="wrong", mechanism=mechanism)
        with pytest.raises((kafka_python.errors.KafkaError, OSError)):
            put("SSL", ca=Certificates(tmp_path / "others").ca)
        assert one.end_offsets("t") == {0: 5}


@pytest.mark.full
def test_three_brokers_lose_nothing_when_one_is_killed_and_comes_back(tmp_path):
    with Kafka(tmp_path / "kafka", brokers=3, heap_mb=384) as three:
        three.create_topic("t", partitions=3)
        three.produce("t", [(b"%d" % i, b"before") for i in range(300)])
        three.kill9(2)
        three.produce("t", [(b"%d" % i, b"while it is gone") for i in range(300)])
        three.revive(2)
        three.kill9(1)
        three.produce("t", [(b"%d" % i, b"after") for i in range(300)])
        values = [r.value for r in three.consume("t")]
        assert [values.count(v) for v in (b"before", b"while it is gone", b"after")] == [300] * 3


# --- Cassandra


@pytest.mark.full
def test_cassandra_keeps_rows_over_a_restart_and_a_kill(cassandra, own_name):
    cassandra.create_keyspace(own_name)
    cassandra.cql(f"CREATE TABLE {own_name}.t (id int PRIMARY KEY, name text)")
    insert = f"INSERT INTO {own_name}.t (id, name) VALUES (%s, %s)"
    cassandra.cql(insert, (1, "née 🛒"))
    cassandra.restart()
    cassandra.cql(insert, (2, "it's"))
    cassandra.kill9()  # at once: a commit log that is not synced would lose the row
    cassandra.start()
    assert sorted(cassandra.cql(f"SELECT id, name FROM {own_name}.t")) == [(1, "née 🛒"), (2, "it's")]


def test_cqlsh_reads_what_the_driver_wrote(cassandra, own_name):
    cassandra.create_keyspace(own_name)
    cassandra.cql(f"CREATE TABLE {own_name}.t (id int PRIMARY KEY)")
    cassandra.cql(f"INSERT INTO {own_name}.t (id) VALUES (4711)")
    cqlsh = pathlib.Path(sys.executable).parent / "cqlsh"
    done = subprocess.run([cqlsh, cassandra.host, str(cassandra.port), "-e", f"SELECT * FROM {own_name}.t"],
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"4711" in done.stdout


@pytest.mark.full
def test_cassandra_takes_passwords_over_tls_and_refuses_wrong_ones(tmp_path, certs):
    with Cassandra(tmp_path / "cassandra", heap_mb=512, passwords=True, certs=certs) as one:
        one.create_user("sales", "secret")
        good = one.connect("sales", "secret")
        try:
            assert good.connect().execute("SELECT release_version FROM system.local").one()[0].startswith("5.0")
        finally:
            good.shutdown()
        bad = one.connect("sales", "wrong")
        try:
            with pytest.raises(NoHostAvailable, match="Bad credentials"):
                bad.connect()
        finally:
            bad.shutdown()
        with socket.create_connection((one.host, one.port), timeout=5) as plain:
            plain.settimeout(5)
            plain.sendall(b"\x04\x00\x00\x00\x05\x00\x00\x00\x00")
            try:
                assert plain.recv(9)[:1] != b"\x84", "it answers without TLS"
            except ConnectionError:
                pass


# --- MariaDB and MySQL


def keeps_rows(server, name):
    server.create_database(name)
    server.sql("CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20)) CHARACTER SET utf8mb4", database=name)
    server.sql("INSERT INTO t VALUES (1, %s)", ("née 🛒",), database=name)
    server.restart()
    server.sql("INSERT INTO t VALUES (2, %s)", ("it's",), database=name)
    server.kill9()
    server.start()
    assert server.sql("SELECT id, name FROM t ORDER BY id", database=name) == [(1, "née 🛒"), (2, "it's")]


def refuses_wrong_passwords(server, name):
    server.create_database(name)
    with server.connect(name) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT CURRENT_USER()")
        assert cursor.fetchall() == ((f"{mysql_server.USER}@%",),)
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        server.connect(name, password="wrong")


def test_mariadb_keeps_rows_over_a_restart_and_a_kill(mariadb, own_name):
    keeps_rows(mariadb, own_name)


def test_mariadb_refuses_a_wrong_password(mariadb, own_name):
    refuses_wrong_passwords(mariadb, own_name)


def test_mariadb_with_tls_refuses_connections_without_it(tmp_path, certs):
    with MariaDb(tmp_path / "mariadb", {"require_secure_transport": "ON"}, certs) as one:
        one.create_database("sales")
        with one.connect("sales", ssl={"ca": str(certs.ca)}) as connection, connection.cursor() as cursor:
            cursor.execute("SHOW STATUS LIKE 'Ssl_version'")
            assert cursor.fetchall()[0][1].startswith("TLSv1")
        with pytest.raises(pymysql.err.OperationalError, match="Access denied|secure"):
            one.connect("sales", ssl_disabled=True)


@pytest.mark.mysql8
def test_mysql8_keeps_rows_over_a_restart_and_a_kill(mysql8, own_name):
    assert mysql8.sql("SELECT VERSION()")[0][0].startswith("8.")
    keeps_rows(mysql8, own_name)


@pytest.mark.mysql8
def test_mysql8_logs_users_in_by_caching_sha2_password(mysql8, own_name):
    refuses_wrong_passwords(mysql8, own_name)
    assert mysql8.sql("SELECT plugin FROM mysql.user WHERE user = %s", (mysql_server.USER,)) == [
        ("caching_sha2_password",)
    ]


# --- their ends


def test_a_server_that_is_stopped_is_gone_and_comes_back_after_sigstop(tmp_path):
    one = MariaDb(tmp_path / "mariadb").start()
    pid, port = one.process.pid, one.port
    one.sigstop()
    harness.wait_until(lambda: process.state_of(pid) == "T", what="its stop")
    one.sigcont()
    assert one.sql("SELECT 1") == [(1,)]
    one.stop()
    assert_gone(pid, port)
    assert (tmp_path / "mariadb/data").exists()
    one.close()
    assert not (tmp_path / "mariadb/data").exists()


def test_a_server_that_cannot_start_says_so_with_its_log(tmp_path):
    with pytest.raises(AssertionError, match=r"(?s)MariaDB ended with .*the end of .*mysql\.log"):
        MariaDb(tmp_path / "mariadb", {"no_such_option": 1}).start()


def test_no_server_outlives_the_run_that_started_it(tmp_path):
    script = (f"import sys, time; sys.path.insert(0, {str(process.ROOT / 'tests')!r})\n"
              "from servers.mysql import MariaDb\n"
              f"one = MariaDb({str(tmp_path / 'mariadb')!r}).start()\n"
              "print(one.process.pid, one.port, flush=True)\n"
              "time.sleep(600)\n")  # fmt: skip
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as run:
        try:
            pid, port = map(int, run.stdout.readline().split())
            os.kill(pid, 0)
        finally:
            run.kill()

    def is_deaf():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) != 0

    harness.wait_until(is_deaf, what="its end")
    assert not process.is_there(pid)


def test_ports_are_not_handed_out_twice():
    ports = process.free_ports(50) + process.free_ports(50)
    assert len(set(ports)) == 100


# --- the proxy that breaks connections


def test_a_proxy_cuts_a_commit_before_or_after_it_is_carried_out(mariadb, own_name):
    mariadb.create_database(own_name)
    mariadb.sql("CREATE TABLE t (id INT PRIMARY KEY)", database=own_name)
    with Proxy(mariadb.port) as proxy:
        for number, when in enumerate(("before", "after")):
            connection = pymysql.connect(host=proxy.host, port=proxy.port, user=mysql_server.USER,
                                         password=mysql_server.PASSWORD, database=own_name, connect_timeout=5,
                                         read_timeout=10)  # fmt: skip
            connection.cursor().execute("INSERT INTO t VALUES (%s)", (number,))
            proxy.cut_at(b"commit", when)
            with pytest.raises((pymysql.err.Error, OSError)):
                connection.commit()
            assert proxy.n_cut == number + 1
    harness.wait_until(lambda: not running_transactions(mariadb), what="the end of the cut transaction",
                       every_s=mysql_server.TRANSACTIONS_SHOWN_EVERY_S)  # fmt: skip
    assert mariadb.sql("SELECT id FROM t", database=own_name) == [(1,)]


def running_transactions(mariadb):
    return mariadb.sql("SELECT trx_id FROM information_schema.innodb_trx")


def test_a_proxy_cuts_refuses_and_freezes(mariadb):
    def ask(timeout=5):
        with pymysql.connect(host="127.0.0.1", port=proxy.port, user=mysql_server.USER, password=mysql_server.PASSWORD,
                             connect_timeout=timeout, read_timeout=timeout) as connection:  # fmt: skip
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
                return cursor.fetchall()

    mariadb.create_user()
    with Proxy(mariadb.port) as proxy:
        held = socket.create_connection(("127.0.0.1", proxy.port), timeout=5)
        assert held.recv(1)
        assert ask() == ((1,),)
        proxy.cut()
        with pytest.raises(ConnectionError):
            while held.recv(4096):
                pass
        held.close()
        proxy.refuse()
        with pytest.raises(pymysql.err.OperationalError):
            ask()
        proxy.accept()
        proxy.freeze()
        with pytest.raises((pymysql.err.OperationalError, OSError)):
            ask(timeout=1)
        proxy.thaw()
        assert ask() == ((1,),)
