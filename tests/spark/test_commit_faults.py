# SPDX-License-Identifier: MIT
"""The database's connection breaks around a commit, the job is killed right after one, or Spark ends: nothing is counted
twice or lost, and on HDFS the archive has every order once."""

import os
import pathlib
import signal

import pytest

import harness
from servers.proxy import Proxy
from spark.spark_servers import hdfs  # noqa: F401  (fixture)
from spark_shop import WAIT_S
from test_job import SEED, archived, placed, produce, same_as_process, without_raw

COMMIT = b"\x03commit"  # the statement; a column's name has that word too


@pytest.mark.full
@pytest.mark.timeout(2400)
def test_a_connection_that_breaks_in_the_middle_of_a_batch_or_around_its_commit_counts_it_once(shop, mariadb):
    one = shop()
    with Proxy(mariadb.port) as proxy:
        produce(one, 500)
        job = one.job(mysql_port=proxy.port)
        one.wait_drained(WAIT_S)
        for n, (pattern, when) in enumerate([(b"insert into sales_totals", "after"), (b"insert into pipeline_batches", "before"),
                                             (COMMIT, "before"), (COMMIT, "after")]):  # fmt: skip
            proxy.cut_at(pattern, when)
            produce(one, 500, SEED + 30 + n // 2)  # each second time they are duplicates
            one.wait_drained(WAIT_S)
            assert proxy.n_cut == n + 1
        job.stop()
    without_raw(one, one.expected())
    same_as_process(one)


@pytest.mark.full
@pytest.mark.timeout(2400)
def test_a_kill_between_the_commit_and_the_archives_renames_leaves_every_order_in_it_once(shop, mariadb, hdfs):
    one = shop()
    folder = f"/archives/{one.name}"
    where = ["--archive", hdfs.url(folder), "--checkpoint", hdfs.url(f"/checkpoints/{one.name}")]
    pending = f"{folder}/_pending"
    produce(one, 500)
    with Proxy(mariadb.port) as proxy:
        job = one.job(*where, mysql_port=proxy.port)
        one.wait_drained(WAIT_S)
        harness.wait_until(lambda: not hdfs.names(pending), WAIT_S, "the end of the batches")
        counted = one.n_done()
        proxy.refuse()
        proxy.cut_at(COMMIT, "after")
        produce(one, 500, SEED + 40)
        one.wait_moving(beyond=counted, timeout_s=WAIT_S)  # it is committed, and the job does not know
        assert proxy.n_cut == 1
        job.kill()
    assert len(hdfs.names(pending)) == 1
    one.run_job(*where)
    assert "is finished: its batch was committed" in one.jobs[-1].log
    expected = one.expected()
    without_raw(one, expected)
    found, wanted = archived(one, hdfs.fetch(folder, one.directory / "archive")), placed(expected.raw.values())
    assert found == wanted
    assert sum(found.values()) == sum(wanted.values())
    assert not hdfs.names(pending)


@pytest.mark.full
@pytest.mark.timeout(2400)
def test_the_end_of_sparks_java_process_ends_the_job_in_one_line_and_a_restart_goes_on(shop):
    one = shop(partitions=2)
    produce(one, 500)
    job = one.job()
    one.wait_drained(WAIT_S)
    children = pathlib.Path(f"/proc/{job.process.pid}/task/{job.process.pid}/children").read_text("ascii").split()
    (java,) = [pid for pid in children if b"SparkSubmit" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(int(java), signal.SIGKILL)
    produce(one, 500, SEED + 60)
    assert job.wait() == 1
    assert len(job.errors()) == 1, job.log
    assert "Spark's Java process" in job.errors()[0]
    one.run_job()
    assert one.is_drained()
    without_raw(one, one.expected())


@pytest.mark.full
@pytest.mark.timeout(2400)
def test_a_file_system_that_is_not_there_is_told_in_one_line(shop):
    one = shop(partitions=1)
    job = one.job("--available-now", "--checkpoint", "hdfs://127.0.0.1:1/nothing", "--", "--conf", "spark.hadoop.ipc.client.connect.max.retries=1")
    assert job.wait() == 1
    assert len(job.errors()) == 1, job.log
    assert "hdfs://127.0.0.1:1/nothing" in job.errors()[0]
    assert "Traceback" not in job.log
