# SPDX-License-Identifier: MIT
"""How `process` starts when something it needs is not there: one clear line and the right exit code."""

import contextlib
import re
import time

import pytest

import harness
import pipeline
from servers import mysql as mysql_server
from servers import process as server_process
from servers.proxy import Proxy


def run_process(broker, aggregates, *options, raw="none", env=None):
    start = time.monotonic()
    done = harness.run("process", "--broker", broker, "--raw", raw, "--aggregates", aggregates, "--listen", "127.0.0.1:0",
                       *options, timeout=90, env={"SALESTIDE_MYSQL_PASSWORD": mysql_server.PASSWORD, **(env or {})})  # fmt: skip
    done.took_s = time.monotonic() - start
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    return done


def last_line(done, code):
    """What `process` says for people at its end; all else on standard error are lines of the log."""
    assert done.returncode == code, (done.returncode, done.stderr)
    assert "Salestide is ready" not in done.stdout
    plain = [line for line in done.stderr.splitlines() if not re.match(r"\d{4}-\d\d-\d\dT", line)]
    assert len(plain) == 1, done.stderr
    assert plain[0].startswith("salestide process: "), plain
    return plain[0]


@contextlib.contextmanager
def running(tmp_path, broker, aggregates, *options):
    one = pipeline.Processor(tmp_path, "--broker", broker, "--raw", "none", "--aggregates", aggregates, *options,
                             env={"SALESTIDE_MYSQL_PASSWORD": mysql_server.PASSWORD})  # fmt: skip
    try:
        yield one
        if one.process.returncode is None:
            one.stop()
    finally:
        one.kill()


@pytest.fixture
def database(mariadb, own_name):
    mariadb.create_database(own_name)
    harness.must_run("setup", "--aggregates", mariadb.url(own_name), "--currency", "EUR", "--timezone", "Europe/Berlin",
                     env={"SALESTIDE_MYSQL_PASSWORD": mysql_server.PASSWORD})  # fmt: skip
    return mariadb.url(own_name)


@pytest.fixture
def broker(kafka, own_name):
    return kafka.create_topic(own_name, 1)


def test_a_topic_that_does_not_exist_is_said_so_at_once(kafka, database, own_name):
    line = last_line(run_process(kafka.url(f"{own_name}-missing"), database), 2)
    assert f"the topic {own_name}-missing does not exist" in line


def test_brokers_that_are_away_are_waited_for_and_readyz_says_so(database, tmp_path):
    (port,) = server_process.free_ports(1)
    one = pipeline.Processor(tmp_path, "--broker", f"kafka://127.0.0.1:{port}/sales", "--raw", "none", "--aggregates",
                             database, env={"SALESTIDE_MYSQL_PASSWORD": mysql_server.PASSWORD}, wait=False)  # fmt: skip
    try:
        one.wait_ready()
        harness.wait_until(lambda: one.get("/readyz").status == 503, 20, "readyz")
        assert b"no broker can be reached" in one.get("/readyz").body
        assert "waiting for a broker" in one.log
        one.stop()
    finally:
        one.kill()


@pytest.mark.parametrize("policy", ["compact", "compact,delete"])
def test_a_compacted_topic_is_refused_unless_that_is_allowed(kafka, database, own_name, tmp_path, policy):
    broker = kafka.create_topic(own_name, 1, {"cleanup.policy": policy})
    line = last_line(run_process(broker, database), 2)
    assert f"topic {own_name} is compacted" in line
    assert "--allow-compacted" in line
    with running(tmp_path, broker, database, "--allow-compacted") as one:
        assert "is compacted (cleanup.policy), as --allow-compacted allows" in one.log
        harness.wait_until(lambda: one.get("/readyz").status == 200, 30, one.log)


def test_a_compacted_topic_is_refused_when_its_broker_comes_late(kafka, database, own_name, tmp_path):
    kafka.create_topic(own_name, 1, {"cleanup.policy": "compact"})
    with Proxy(kafka.ports[1]["PLAINTEXT"]) as proxy:
        proxy.refuse()
        with running(tmp_path, f"kafka://127.0.0.1:{proxy.port}/{own_name}", database) as one:
            assert "waiting for a broker" in one.log
            proxy.accept()
            assert one.process.wait(60) == 1
            assert f"topic {own_name} is compacted" in one.log


def test_a_topic_that_keeps_less_than_the_window_is_a_warning(kafka, database, own_name, tmp_path):
    broker = kafka.create_topic(own_name, 1, {"retention.ms": "3600000", "retention.bytes": "100000000"})
    with running(tmp_path, broker, database) as one:
        assert "keeps messages for 60 min (retention.ms), less than the 1440 min" in one.log
        assert "keeps 100000000 bytes of each partition" in one.log
    with running(tmp_path, broker, database, "--dedupe-window", "1h") as one:
        assert "retention.ms" not in one.log


def test_mysql_that_is_away_is_waited_for_and_then_told(broker, own_name):
    (port,) = server_process.free_ports(1)
    done = run_process(broker, f"mysql://sales@127.0.0.1:{port}/{own_name}", "--start-timeout", "2s")
    line = last_line(done, 1)
    assert f"127.0.0.1:{port}" in line
    assert "trying again" in done.stderr
    assert done.took_s > 1


def test_a_wrong_password_is_told_and_not_tried_again(broker, database):
    done = run_process(broker, database, "--start-timeout", "30s", env={"SALESTIDE_MYSQL_PASSWORD": "wrong"})
    line = last_line(done, 2)
    assert "password" in line.lower()
    assert "wrong" not in line.replace("wrong password", "")
    assert done.took_s < 20


def test_missing_tables_say_setup(broker, mariadb, own_name):
    mariadb.create_database(f"{own_name}_empty")
    line = last_line(run_process(broker, mariadb.url(f"{own_name}_empty")), 2)
    assert "salestide setup" in line


@pytest.mark.parametrize(
    ("option", "value", "made_with"),
    [("--currency", "USD", "EUR"), ("--timezone", "America/New_York", "Europe/Berlin"), ("--late-limit", "1h", "600000")],
)
def test_other_settings_are_refused_naming_both(broker, database, option, value, made_with):
    line = last_line(run_process(broker, database, option, value), 2)
    assert option in line
    assert made_with in line


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("kafka://127.0.0.1", "/topic"),
        ("http://127.0.0.1/sales", "kafka://"),
    ],
)
def test_an_address_that_is_none_is_refused(database, url, says):
    assert says in last_line(run_process(url, database), 2)


def test_cassandra_that_is_away_is_waited_for_and_told(broker, database, own_name):
    (port,) = server_process.free_ports(1)
    done = run_process(broker, database, "--start-timeout", "2s", raw=f"cassandra://127.0.0.1:{port}/{own_name}")
    assert f"127.0.0.1:{port}" in last_line(done, 1)
