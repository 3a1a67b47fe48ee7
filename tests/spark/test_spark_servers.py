# SPDX-License-Identifier: MIT
"""HDFS, the standalone cluster and YARN do what the other tests of this suite expect of them."""

import json
import pathlib
import subprocess

import pytest

import harness
from servers import process, spark
from spark.spark_servers import assert_gone, hdfs, pids, standalone, yarn  # noqa: F401  (fixtures)

JOB = pathlib.Path(__file__).parent / "tiny_job.py"
ROWS, SUM = 1000, 2 * sum(range(1000))


# --- HDFS


@pytest.mark.full
def test_hdfs_gives_back_what_was_written_and_moves_it_unless_something_is_in_the_way(hdfs):
    content = bytes(range(256)) * 1000
    hdfs.write("/moves/a b", content)
    hdfs.write("/moves/empty", b"")
    assert hdfs.read("/moves/a b") == content
    assert hdfs.read("/moves/empty") == b""
    assert hdfs.rename("/moves/a b", "/moves/c")
    assert not hdfs.rename("/moves/c", "/moves/empty")
    assert hdfs.names("/moves") == ["c", "empty"]
    assert hdfs.read("/moves/c") == content
    assert hdfs.delete("/moves")
    assert not hdfs.delete("/moves")
    with pytest.raises(FileNotFoundError):
        hdfs.read("/moves/c")


@pytest.mark.full
def test_hdfs_stops_without_a_process_left_and_keeps_its_files_over_that_and_a_kill(hdfs):
    hdfs.write("/kept/first", b"1")
    before = pids(hdfs)
    hdfs.stop()
    assert_gone(before, [hdfs.port, hdfs.http_port, *hdfs.datanode_ports])
    hdfs.start()
    assert hdfs.read("/kept/first") == b"1"
    hdfs.write("/kept/second", b"2")
    hdfs.kill9()
    hdfs.start()
    assert [hdfs.read(f"/kept/{name}") for name in hdfs.names("/kept")] == [b"1", b"2"]


# --- a standalone cluster


def run(tmp_path, folder, **more):
    return json.loads(spark.submit(JOB, folder, directory=tmp_path, **more).splitlines()[-1])


@pytest.mark.full
def test_both_workers_run_tasks_that_write_to_hdfs(standalone, hdfs, tmp_path):
    found = run(tmp_path, hdfs.url("/standalone"), master=standalone.url(), hadoop_conf=hdfs.conf)
    assert (found["rows"], found["sum"]) == (ROWS, SUM)
    assert "_SUCCESS" in hdfs.names("/standalone")
    ran = {number for number in standalone.workers for folder in found["folders"]
           if pathlib.Path(folder).is_relative_to(standalone.folder(number))}  # fmt: skip
    assert ran == {1, 2}


@pytest.mark.full
def test_a_standalone_cluster_that_is_stopped_amid_a_job_leaves_no_process(standalone, tmp_path):
    with slow_job(tmp_path, master=standalone.url()) as job:
        try:
            harness.wait_until(lambda: all(standalone.executors(n) for n in standalone.workers), timeout_s=120,
                               what="executors")  # fmt: skip
            before = [*pids(standalone), *process.processes_in(standalone.work)]
            standalone.stop()
            assert_gone(before, [standalone.port, standalone.http_port])
        finally:
            job.kill()
    standalone.start()


def slow_job(tmp_path, **more):
    command, env = spark.submit_command(JOB, tmp_path / "out", 60, directory=tmp_path, **more)
    with open(tmp_path / "submit.log", "ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=tmp_path, env=env)


# --- YARN


def on_yarn(yarn, hdfs):
    """Spark's own jars are on this machine: they are not copied into HDFS for each job."""
    return {"master": "yarn", "hadoop_conf": yarn.conf, "conf": {
        "spark.yarn.jars": f"local:{spark.home()}/jars/*", "spark.yarn.stagingDir": hdfs.url("/staging"),
        "spark.yarn.am.memory": "384m", "spark.executor.instances": 2}}  # fmt: skip


@pytest.mark.full
@pytest.mark.yarn
def test_yarn_runs_a_job_that_writes_to_hdfs(yarn, hdfs, tmp_path):
    found = run(tmp_path, hdfs.url("/yarn"), **on_yarn(yarn, hdfs))
    assert (found["rows"], found["sum"]) == (ROWS, SUM)
    assert "_SUCCESS" in hdfs.names("/yarn")
    assert all(pathlib.Path(folder).is_relative_to(yarn.work) for folder in found["folders"])
    assert [one["applicationType"] for one in yarn.applications()] == ["SPARK"]
    harness.wait_until(lambda: yarn.applications()[0]["finalStatus"] == "SUCCEEDED", what="its end")


@pytest.mark.full
@pytest.mark.yarn
def test_yarn_that_is_stopped_amid_a_job_leaves_no_process(yarn, hdfs, tmp_path):
    with slow_job(tmp_path, **on_yarn(yarn, hdfs)) as job:
        try:
            harness.wait_until(lambda: "CoarseGrainedExecutor" in str(process.processes_in(yarn.work)), timeout_s=120,
                               what="executors")  # fmt: skip
            before = [*pids(yarn), *process.processes_in(yarn.work)]
            yarn.stop()
            assert_gone(before, yarn.ports.values())
        finally:
            job.kill()
    yarn.start()
