# SPDX-License-Identifier: MIT
"""The servers that all tests of this suite share: each is started when the first test asks for it.

A test takes its own topic, keyspace and database, by the name that `own_name` makes. A test that
stops, kills or blocks a shared server starts it again before it ends; one that needs other settings
starts its own. Servers take much memory: no test needs more than three brokers beside Cassandra.
"""

import itertools
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "crash")]
pytest.register_assert_rewrite("pipeline", "load", "ledger")

from pipeline import Pipeline
from servers.certs import Certificates
from servers.mysql import MySql8
from servers.shared import cassandra, kafka, mariadb, shared  # noqa: F401  (fixtures)

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def mysql8(tmp_path_factory):
    """Of tests that are marked mysql8."""
    yield from shared(MySql8(tmp_path_factory.mktemp("mysql8")))


@pytest.fixture(scope="session")
def certs(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certs"))


@pytest.fixture
def own_name():
    """A name for a topic, a keyspace or a database that no other test of this run has."""
    return f"t{next(_numbers)}"


@pytest.fixture
def shop(kafka, cassandra, mariadb, tmp_path):
    """Makes pipelines on the shared servers, or on others: shop(kafka=..., mysql=..., ...). At the end
    every program that still runs has to stop cleanly; after a failure all are killed."""
    made = []

    def make(**more):
        directory = tmp_path / f"shop-{len(made)}"
        directory.mkdir()
        servers = {"kafka": kafka, "cassandra": cassandra, "mysql": mariadb, **more}
        one = Pipeline(directory, name=f"t{next(_numbers)}", **servers)
        made.append(one)
        return one

    yield make
    try:
        for one in made:
            one.stop()
    finally:
        for one in made:
            one.kill()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Puts the programs' logs into the report of a failed test, and ends them."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed and "tmp_path" in item.funcargs:
        for log in sorted(item.funcargs["tmp_path"].glob("**/*-*.log")):
            report.sections.append((log.name, log.read_text("utf-8", "replace")[-5000:]))
