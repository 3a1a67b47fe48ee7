# SPDX-License-Identifier: MIT
"""The client of Cassandra against the real one, beside the DataStax driver and cqlsh."""

import datetime
import decimal
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest

import harness
from servers.cassandra import Cassandra
from servers.certs import Certificates

LIMIT_S = 120


def program(name="cql_probe"):
    path = harness.ROOT / "build/tools" / name
    assert path.is_file(), "build it first: make test-tools"
    return path


def environment(url, more):
    env = harness.clean_env({f"PROBE_{key.upper()}": str(value) for key, value in more.items()})
    env["PROBE_URL"] = url
    return env


def probe(url, *arguments, **more):
    return subprocess.run([program(), *map(str, arguments)], env=environment(url, more), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=LIMIT_S, check=False)  # fmt: skip


def must(done):
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def url_of(server, keyspace, first=""):
    return f"cassandra://{first}{server.host}:{server.port}/{keyspace}"


def int_of(value, bits):
    """The low bits of a number, read as two's complement."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def expected(i):
    """Row i as the probe writes it: (id, numbers ..., decimal in ten-thousandths, ...)."""
    spread = (i if i % 2 == 0 else -i) * 1_000_003
    wide = -(2**63) if i == 0 else 2**63 - 1 if i == 1 else spread
    an_int = -(2**31) if i == 0 else 2**31 - 1 if i == 1 else i
    return [f"row-é-{i}", wide, an_int, int_of(i, 16), int_of(i, 8), wide, wide, i / 8, i / 8, i % 40000 - 10000,
            1_700_000_000_123 + i, f"ascii {i}", None]  # fmt: skip


def seen_by_driver(row):
    epoch = datetime.datetime(1970, 1, 1)
    return [row.id, row.a_bigint, row.an_int, row.a_smallint, row.a_tinyint, row.a_varint,
            int(row.a_decimal.scaleb(4, decimal.Context(prec=40))), row.a_double, row.a_float,
            row.a_date.days_from_epoch, (row.a_timestamp - epoch) // datetime.timedelta(milliseconds=1),
            row.an_ascii, row.a_null]  # fmt: skip


def test_rows_of_every_type_are_what_the_driver_reads(cassandra, own_name):
    must(probe(url_of(cassandra, own_name), "write", 3000))
    rows = {row.id: seen_by_driver(row) for row in cassandra.cql(f"SELECT * FROM {own_name}.probe")}
    assert rows == {f"row-é-{i}": expected(i) for i in range(3000)}
    stamps = cassandra.cql(f"SELECT writetime(a_bigint) AS t FROM {own_name}.probe")
    assert {row.t for row in stamps} == {1_700_000_000_000_000}, "the given timestamp, not the server's"


def test_all_rows_are_read_page_by_page(cassandra, own_name):
    must(probe(url_of(cassandra, own_name), "write", 2500))
    for page_rows in (100, 2499, 2500, 5000):
        lines = must(probe(url_of(cassandra, own_name), "read", page_rows=page_rows)).splitlines()
        assert sorted(map(json.loads, lines)) == sorted(expected(i) for i in range(2500)), page_rows


def test_what_the_driver_wrote_is_read(cassandra, own_name):
    must(probe(url_of(cassandra, own_name), "write", 0))
    insert = cassandra.session().prepare(
        f"INSERT INTO {own_name}.probe (id, a_bigint, a_varint, a_decimal, a_double, a_date) VALUES (?, ?, ?, ?, ?, ?)"
    )
    wanted = []
    for i, amount in enumerate(("12.34", "-0.0001", "7E+2", "922337203685477.5807", "0", "1.10000000")):
        number = decimal.Decimal(amount)
        cassandra.session().execute(insert, (f"d{i}", -i, 2**62 + i, number, 0.1 * i, datetime.date(2024, 2, 29)))
        wanted.append([f"d{i}", -i, None, None, None, 2**62 + i, int(number.scaleb(4)), 0.1 * i, None, 19782, None, None, None])
    lines = must(probe(url_of(cassandra, own_name), "read")).splitlines()
    assert sorted(map(json.loads, lines)) == wanted


def test_cqlsh_counts_the_same_rows(cassandra, own_name):
    must(probe(url_of(cassandra, own_name), "write", 777))
    shell = os.path.join(os.path.dirname(sys.executable), "cqlsh")
    done = subprocess.run([shell, cassandra.host, str(cassandra.port), "-e", f"SELECT count(*) FROM {own_name}.probe"],
                          capture_output=True, text=True, timeout=LIMIT_S, check=False)  # fmt: skip
    assert done.returncode == 0 and " 777" in done.stdout, done.stdout + done.stderr


def test_a_dead_contact_point_is_passed_over(cassandra, own_name):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        done = probe(url_of(cassandra, own_name, f"127.0.0.1:{closed.getsockname()[1]},"), "write", 10)
    must(done)
    assert "no connection: Connection refused" in done.stderr and "connected" in done.stderr


def test_a_consistency_that_one_node_cannot_give_is_unavailable(cassandra, own_name):
    must(probe(url_of(cassandra, own_name), "write", 1))
    done = probe(url_of(cassandra, own_name), "write", 10, consistency="three", give_up_ms=2000)
    assert done.returncode == 1 and "UNAVAILABLE" in done.stderr, done.stderr


def test_a_server_that_falls_silent_ends_in_time_with_counts(cassandra, own_name):
    must(probe(url_of(cassandra, own_name), "write", 1))
    with subprocess.Popen([program(), "hold"], env=environment(url_of(cassandra, own_name), {"give_up_ms": 1500}),
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as held:  # fmt: skip
        assert " ok" in held.stdout.readline()
        cassandra.sigstop()
        try:
            line = held.stdout.readline()
            while " ok" in line:
                line = held.stdout.readline()
        finally:
            cassandra.sigcont()
        assert "retry" in line and "0 requests were answered, of 1 the outcome is not known" in line, line
        while " ok" not in line:  # and it goes on by itself
            line = held.stdout.readline()
            assert line, held.stderr.read()
        held.stdin.close()
        assert held.wait(LIMIT_S) == 0


@pytest.mark.full  # a kill under load is in test_cassandra.py
def test_a_restart_is_survived_and_what_was_acknowledged_is_there(cassandra, own_name):
    with subprocess.Popen([program(), "hold"], env=environment(url_of(cassandra, own_name), {"give_up_ms": 2000}),
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as held:  # fmt: skip
        acknowledged, results = [], []

        def read_lines():
            for line in held.stdout:
                number, result = line.split()[:2]
                results.append(result)
                if result == "ok":
                    acknowledged.append(int(number))

        def wait_for_20_more():
            n, deadline = len(acknowledged), time.monotonic() + LIMIT_S
            while len(acknowledged) < n + 20 and held.poll() is None and time.monotonic() < deadline:
                time.sleep(0.05)
            return len(acknowledged) >= n + 20

        reader = threading.Thread(target=read_lines)
        reader.start()
        before = wait_for_20_more()
        cassandra.kill9()
        cassandra.start()
        after = wait_for_20_more()
        held.stdin.close()
        assert held.wait(LIMIT_S) == 0
        reader.join(LIMIT_S)
        log = held.stderr.read()
    assert before and after, log
    assert "lost:" in log and "next try" in log, log
    there = {row.id for row in cassandra.cql(f"SELECT id FROM {own_name}.probe")}
    assert {f"row-é-{i}" for i in acknowledged} <= there
    assert set(results) <= {"ok", "retry"}


# --- Log-in and TLS


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A Cassandra that wants passwords and speaks TLS only."""
    certs = Certificates(tmp_path_factory.mktemp("cql-certs"))
    with Cassandra(tmp_path_factory.mktemp("guarded"), passwords=True, certs=certs) as one:
        one.create_user("shop", "a pässword, with: everything")
        yield one


def test_a_password_over_tls_opens_the_door(guarded, own_name):
    more = {"user": "shop", "password": "a pässword, with: everything", "ca_file": guarded.certs.ca}
    must(probe(url_of(guarded, own_name), "write", 2000, **more))
    lines = must(probe(url_of(guarded, own_name), "read", **more)).splitlines()
    assert sorted(map(json.loads, lines)) == sorted(expected(i) for i in range(2000))
    assert len(guarded.cql(f"SELECT id FROM {own_name}.probe")) == 2000


def test_the_raw_store_logs_in_as_its_address_says(guarded, own_name):
    env = environment(url_of(guarded, own_name, "shop@"), {"password": "a pässword, with: everything", "ca_file": guarded.certs.ca})
    must(subprocess.run([program("cassandra_probe"), "setup"], env=env, stdin=subprocess.DEVNULL, capture_output=True,
                        text=True, timeout=LIMIT_S, check=False))  # fmt: skip
    assert len(guarded.cql(f"SELECT table_name FROM system_schema.tables WHERE keyspace_name = '{own_name}'")) == 3


def test_a_wrong_password_is_refused_and_not_shown(guarded, own_name):
    done = probe(url_of(guarded, own_name), "write", 1, user="shop", password="SeCrEt", ca_file=guarded.certs.ca)
    assert done.returncode == 1 and "BAD_CREDENTIALS" in done.stderr, done.stderr
    assert "SeCrEt" not in done.stderr


def test_no_password_is_said_so(guarded, own_name):
    done = probe(url_of(guarded, own_name), "write", 1, ca_file=guarded.certs.ca)
    assert done.returncode == 1 and "asks for a user name and password" in done.stderr, done.stderr


def test_a_certificate_of_another_authority_is_refused(guarded, own_name, tmp_path):
    other = Certificates(tmp_path, "others")
    done = probe(url_of(guarded, own_name), "write", 1, user="shop", password="x", ca_file=other.ca)
    assert done.returncode == 1 and "its certificate is refused" in done.stderr, done.stderr


def test_a_certificate_for_another_host_is_refused(certs):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certs.certificate, certs.key)  # it names localhost and 127.0.0.1

    def serve(listener):
        connection, _ = listener.accept()
        try:
            context.wrap_socket(connection, server_side=True).close()
        except OSError:
            connection.close()

    with socket.create_server(("127.0.0.2", 0)) as listener:
        thread = threading.Thread(target=serve, args=[listener], daemon=True)
        thread.start()
        done = probe(f"cassandra://127.0.0.2:{listener.getsockname()[1]}/ks", "write", 1, ca_file=certs.ca)
        thread.join(LIMIT_S)
    assert done.returncode == 1 and "certificate is refused" in done.stderr and "mismatch" in done.stderr, done.stderr


def test_plain_speech_to_a_tls_port_ends_in_time(guarded, own_name):
    done = probe(url_of(guarded, own_name), "write", 1, user="shop", password="x")
    assert done.returncode == 1, done.stderr
