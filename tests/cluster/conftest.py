# SPDX-License-Identifier: MIT
"""The servers that all tests of this suite share: each is started when the first test asks for it.

A test takes its own topic, keyspace and database, by the name that `own_name` makes. A test that
stops, kills or blocks a shared server starts it again before it ends; one that needs other settings
starts its own. Servers take much memory: no test needs more than three brokers beside Cassandra.
"""

import itertools

import pytest

from servers.cassandra import Cassandra
from servers.certs import Certificates
from servers.kafka import Kafka
from servers.mysql import MariaDb, MySql8

_numbers = itertools.count(1)


def shared(factory):
    with factory.start() as one:
        yield one


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    yield from shared(Kafka(tmp_path_factory.mktemp("kafka")))


@pytest.fixture(scope="session")
def cassandra(tmp_path_factory):
    yield from shared(Cassandra(tmp_path_factory.mktemp("cassandra")))


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory):
    yield from shared(MariaDb(tmp_path_factory.mktemp("mariadb")))


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
