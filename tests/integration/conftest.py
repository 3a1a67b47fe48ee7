# SPDX-License-Identifier: MIT
"""Servers for the integration tests: each test gets its own, and every one has to stop cleanly."""

import pytest

import harness


@pytest.fixture
def server(tmp_path):
    """Starts servers: server("--option", ...). At the end each still running one must drain and exit 0."""
    started = []

    def start(*options, **more):
        one = harness.Server(tmp_path, *options, **more)
        started.append(one)
        return one

    yield start
    stop_all(started)


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory):
    """One server with default options for the tests of a module that do not disturb each other."""
    one = harness.Server(tmp_path_factory.mktemp("shared"))
    yield one
    stop_all([one])


def stop_all(servers):
    """Stops all before it complains about any."""
    problems = []
    for one in servers:
        if one.process.returncode is not None:
            continue  # the test has seen it end
        try:
            one.stop()
        except AssertionError as problem:
            problems.append(str(problem))
    assert not problems, "\n".join(problems)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Puts the servers' logs into the report of a failed test."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed and "tmp_path" in item.funcargs:
        for log in sorted(item.funcargs["tmp_path"].glob("serve-*.log")):
            report.sections.append((log.name, log.read_text("utf-8", "replace")[-5000:]))
