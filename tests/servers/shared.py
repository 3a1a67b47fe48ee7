# SPDX-License-Identifier: MIT
"""Servers that the tests of a suite share, as fixtures for its conftest: each is started when the first test asks for it."""

import pytest

from servers.cassandra import Cassandra
from servers.kafka import Kafka
from servers.mysql import MariaDb


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
