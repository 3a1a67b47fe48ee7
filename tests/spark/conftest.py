# SPDX-License-Identifier: MIT
"""The servers that the tests of the job in Spark share; each is started when the first test asks for it."""

import itertools
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cluster"), str(HERE.parent.parent / "spark")]
pytest.register_assert_rewrite("pipeline", "spark_shop")

from servers.shared import cassandra, kafka, mariadb  # noqa: F401  (fixtures)
from spark_shop import SparkShop

_numbers = itertools.count(1)


@pytest.fixture
def shop(kafka, mariadb, tmp_path, request):
    """Makes pipelines on the shared servers: shop() without raw orders, shop(raw=True) with them in Cassandra;
    servers of their own by name."""
    made = []

    def make(raw=False, **more):
        directory = tmp_path / f"shop-{len(made)}"
        directory.mkdir()
        servers = {"kafka": kafka, "mysql": mariadb, "cassandra": None, **more}
        if raw and servers["cassandra"] is None:
            servers["cassandra"] = request.getfixturevalue("cassandra")
        one = SparkShop(directory, name=f"s{next(_numbers)}", **servers)
        made.append(one)
        return one

    yield make
    for one in made:
        one.kill()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Puts the jobs' logs into the report of a failed test."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed and "tmp_path" in item.funcargs:
        for log in sorted(item.funcargs["tmp_path"].glob("**/*-*.log")):
            report.sections.append((log.name, log.read_text("utf-8", "replace")[-5000:]))
