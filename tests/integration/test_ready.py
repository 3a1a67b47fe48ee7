# SPDX-License-Identifier: MIT
"""`salestide ready`, which health checks of containers run, and API keys that come as files."""

import socket
import time

import pytest

import harness
import hosts


def test_a_server_that_is_ready_is_said_to_be(server):
    one = server()
    done = harness.run("ready", "--listen", f"{one.host}:{one.port}")
    assert (done.returncode, done.stdout) == (0, b"ready\n"), done.stderr


def test_a_server_on_every_address_is_asked_on_loopback(server):
    one = server("--insecure", listen="0.0.0.0:0")
    env = {"SALESTIDE_LISTEN": f"0.0.0.0:{one.port}"}  # as its container has it for both
    assert harness.run("ready", env=env).returncode == 0


def test_a_server_that_needs_keys_tells_without_one(server):
    one = server("--require-keys")
    assert harness.run("ready", "--listen", f"{one.host}:{one.port}").returncode == 0
    one.get("/readyz", {"Authorization": "Bearer st_of_nobody"}).problem(401)


def test_why_a_server_is_not_ready_is_for_those_with_a_key(tmp_path):
    made = harness.run("key", "new", "--scope", "read", "--data", tmp_path / "data").stdout.decode().strip()
    one = hosts.Ingest(tmp_path, "--require-keys", "--broker", "kafka://127.0.0.1:1/t")
    try:
        assert "kafka" not in one.get("/readyz").problem(503)["detail"]
        assert "kafka: " in one.get("/readyz", {"Authorization": f"Bearer {made}"}).problem(503)["detail"]
    finally:
        one.stop()


def test_a_server_that_is_not_ready_says_why(tmp_path):
    one = hosts.Ingest(tmp_path, "--broker", "kafka://127.0.0.1:1/t")
    try:
        done = harness.run("ready", "--listen", f"{one.host}:{one.port}")
        assert done.returncode == 1
        assert b"answers 503: " in done.stderr
        assert b"broker" in done.stderr
    finally:
        one.stop()


def test_where_nobody_listens_the_address_is_told():
    with socket.socket() as reserved:  # bound, and nobody listens
        reserved.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{reserved.getsockname()[1]}"
        done = harness.run("ready", "--listen", address)
    assert done.returncode == 1
    assert f"http://{address}/readyz".encode() in done.stderr


def test_a_server_that_hangs_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        began = time.monotonic()
        done = harness.run("ready", "--listen", f"127.0.0.1:{deaf.getsockname()[1]}")
    assert done.returncode == 1
    assert time.monotonic() - began < 10


def test_orders_are_sent_with_the_key_of_a_file(server, tmp_path):
    one = server("--require-keys")
    made = harness.run("key", "new", "--scope", "ingest", "--data", one.data)
    key = tmp_path / "ingest-key"
    key.write_bytes(made.stdout)
    text = harness.must_run("generate", "--count", 5, "--rate", 0, "--to", one.url, "--key-file", key, env={"SALESTIDE_KEY": "another"})
    assert "5 accepted" in text
    key.write_text("st_of_nobody\n", "ascii")
    assert b"401" in harness.run("generate", "--count", 1, "--rate", 0, "--to", one.url, "--key-file", key).stderr


@pytest.mark.parametrize(("options", "says"), [
    (["--to", "http://127.0.0.1:1", "--key", "st_one", "--key-file", "FILE"], b"two keys"),
    (["--to", "http://127.0.0.1:1", "--key-file", "no/such/file"], b"no/such/file"),
    (["--to", "http://127.0.0.1:1", "--key", "k" * 300], b"longer than any key"),
    (["--to", "kafka://127.0.0.1:1/t", "--key-file", "FILE"], b"--kafka-user"),
])  # fmt: skip
def test_a_key_that_cannot_be_meant_is_refused(options, says):
    done = harness.run("generate", "--count", 1, *options)
    assert done.returncode == 2
    assert says in done.stderr
