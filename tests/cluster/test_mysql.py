# SPDX-License-Identifier: MIT
"""The aggregates on real servers: runs the tests in C of this folder (test_mysql_*.c), which link the
product's own code under sanitizers, each with a database of its own behind a proxy."""

import os
import pathlib
import re
import subprocess
import threading

import pytest

import harness
from servers import mysql as mysql_server
from servers.proxy import Proxy

HERE = pathlib.Path(__file__).parent
TIMEOUT_S = 150


def programs():
    """Every test of every program, by the list in its source; those named full_... run in the long form only."""
    for source in sorted(HERE.glob("test_mysql_*.c")):
        names = re.findall(r"cmocka_unit_test\((\w+)\)", source.read_text("utf-8"))
        assert names, f"{source.name} has no tests"
        for name in names:
            yield pytest.param(source.stem, name, id=name, marks=pytest.mark.full if name.startswith("full_") else ())


@pytest.mark.parametrize(("program", "test"), list(programs()))
def test_mariadb(mariadb, own_name, program, test):
    run_program(mariadb, own_name, program, test)


@pytest.mark.mysql8
@pytest.mark.parametrize(("program", "test"), list(programs()))
def test_mysql8(mysql8, own_name, program, test):
    run_program(mysql8, own_name, program, test)


def run_program(server, database, program, test):
    path = harness.ROOT / "build/asan/cluster" / program
    assert path.is_file(), f"no program at {path}: run make cluster-build"
    server.create_database(database)
    server.sql(f"GRANT PROCESS ON *.* TO '{mysql_server.USER}'@'%'")  # to see who waits for a lock
    with Proxy(server.port) as proxy:
        env = {
            "SALESTIDE_TEST_MYSQL": server.url(database, port=proxy.port),
            "SALESTIDE_TEST_MYSQL_DIRECT": server.url(database),
            "SALESTIDE_MYSQL_PASSWORD": mysql_server.PASSWORD,
            "CMOCKA_MESSAGE_OUTPUT": "SUBUNIT",
        }
        with subprocess.Popen([path, test], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=harness.clean_env(env), text=True, encoding="utf-8", errors="replace",
                              preexec_fn=os.setsid) as process:  # fmt: skip
            timer = threading.Timer(TIMEOUT_S, process.kill)
            timer.start()
            try:
                said = talk(process, server, proxy)
            finally:
                timer.cancel()
                if process.poll() is None:
                    process.kill()
    server.drop_database(database)
    own, *sanitizer = said.partition("=====")  # a test that fails leaves its memory behind
    shown = own[-4000:] + "".join(sanitizer)[:4000]
    assert process.returncode == 0, f"{program} {test} ended with {process.returncode}:\n{shown}"
    assert f"success: {test}" in said, f"{program} has no test {test}:\n{said}"


def talk(process, server, proxy):
    """Does what the program asks for, in lines that begin with @; gives all that it said. `@expect WORDS`:
    a line of its log has to have these words, before or after."""
    said, expected = [], []
    for line in process.stdout:
        said.append(line)
        if line.startswith("@"):
            verb, *words = line[1:].split()
            if verb == "sql":
                server.sql(line.split(None, 1)[1].strip())
            elif verb == "expect":
                expected.append(line.split(None, 1)[1].strip())
            elif verb == "cut_at":
                pattern = " ".join(words[:-1]).encode().decode("unicode_escape")
                proxy.cut_at(pattern.encode("latin-1"), words[-1])
            else:
                getattr(proxy, {"cut": "cut", "refuse": "refuse", "accept": "accept"}[verb])()
            process.stdin.write("ok\n")
            process.stdin.flush()
    process.wait(30)
    log = [line for line in said if not line.startswith("@")]
    for words in expected:
        assert any(words in line for line in log), f"no line of the log says '{words}':\n{''.join(said)}"
    return "".join(said)
