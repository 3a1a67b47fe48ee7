# SPDX-License-Identifier: MIT
"""HDFS, a standalone Spark cluster and YARN as fixtures, shared by all tests of a file: each is started when the first
one asks for it. A test that stops or kills one starts it again before it ends, and takes a folder of its own on HDFS."""

import socket

import pytest

from servers import process, spark
from servers.hdfs import Hdfs
from servers.shared import shared
from servers.yarn import Yarn


@pytest.fixture(scope="module")
def hdfs(tmp_path_factory):
    yield from shared(Hdfs(tmp_path_factory.mktemp("hdfs")))


@pytest.fixture(scope="module")
def standalone(tmp_path_factory):
    """A master and two workers with one core each."""
    yield from shared(spark.Standalone(tmp_path_factory.mktemp("standalone")))


@pytest.fixture(scope="module")
def yarn(hdfs, tmp_path_factory):
    """Of tests that are marked yarn. Its file system is the shared HDFS."""
    yield from shared(Yarn(tmp_path_factory.mktemp("yarn"), hdfs=hdfs))


def assert_gone(pids, ports):
    left = [pid for pid in pids if process.is_there(pid)]
    assert not left, f"still there: {left}"
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0, f"somebody still listens on {port}"


def pids(group):
    return [one.pid for one in group.processes.values()]
