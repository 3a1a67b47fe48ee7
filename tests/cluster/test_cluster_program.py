# SPDX-License-Identifier: MIT
"""scripts/cluster.py, by which people without servers try things out."""

import pathlib
import signal
import socket
import subprocess
import time

import pytest

import harness
from servers import process

PROGRAM = process.ROOT / "scripts/cluster.py"


def ports_in_a_row(n):
    while True:
        (first,) = process.free_ports(1)
        try:
            for port in range(first + 1, first + n):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first


def arguments(directory):
    return [str(PROGRAM), "--data", str(directory), "--kafka-port", str(ports_in_a_row(2)),
            "--cassandra-port", str(ports_in_a_row(3)), "--mysql-port", str(process.free_ports(1)[0])]  # fmt: skip


def hadoop_arguments():
    return ["--with", "hdfs", "yarn", "--hdfs-port", str(ports_in_a_row(5)), "--yarn-port", str(ports_in_a_row(8))]


def environment(directory):
    lines = (directory / "salestide.env").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines)


def starts_and_stops(command, directory, while_it_runs):
    out_path = directory.parent / "out"
    with open(out_path, "wb") as out:
        one = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        until = time.monotonic() + process.START_TIMEOUT_S
        while b"Ctrl-C stops them" not in out_path.read_bytes():
            assert one.poll() is None and time.monotonic() < until, out_path.read_text("utf-8")
            time.sleep(0.2)
        while_it_runs()
        one.send_signal(signal.SIGTERM)
        assert one.wait(90) == 0
        assert out_path.read_text("utf-8").endswith("cluster: stopped\n")
    finally:
        if one.poll() is None:
            one.kill()
            one.wait(10)


def test_it_starts_servers_that_setup_can_use_and_stops_them(tmp_path):
    directory = tmp_path / "cluster"

    def check():
        for secret in ("mysql-password", "mysql.cnf"):
            assert (directory / secret).stat().st_mode & 0o777 == 0o600
        assert "HADOOP_CONF_DIR" not in environment(directory)
        harness.must_run("setup", env=environment(directory))

    starts_and_stops(arguments(directory), directory, check)


@pytest.mark.full
def test_it_starts_hdfs_and_yarn_too_and_tells_spark_where_their_files_are(tmp_path):
    directory = tmp_path / "cluster"

    def check():
        conf = pathlib.Path(environment(directory)["HADOOP_CONF_DIR"])
        assert {"core-site.xml", "hdfs-site.xml", "yarn-site.xml"} <= {path.name for path in conf.iterdir()}
        out = (tmp_path / "out").read_text("utf-8")
        assert "\nHDFS        hdfs://127.0.0.1:" in out
        assert "\nYARN        127.0.0.1:" in out

    starts_and_stops([*arguments(directory), *hadoop_arguments()], directory, check)
    assert not process.processes_in(directory)


def test_a_port_that_is_taken_is_named(tmp_path):
    command = arguments(tmp_path / "cluster")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command[command.index("--mysql-port") + 1] = str(taken.getsockname()[1])
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
        port = taken.getsockname()[1]
    assert done.returncode == 1
    assert f"127.0.0.1:{port} already; choose another with --mysql-port" in done.stderr.decode()
    assert not (tmp_path / "cluster").exists()
