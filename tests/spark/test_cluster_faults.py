# SPDX-License-Identifier: MIT
"""The job on a standalone cluster with its checkpoint on HDFS, when executors, the driver and a worker's disk are
lost in the middle, and when a copy of a slow task overtakes it: the laws hold afterwards."""

import contextlib
import json
import os
import shutil
import signal

import pytest

import harness
from servers import process
from spark.spark_servers import hdfs, standalone  # noqa: F401  (fixtures)
from spark_shop import WAIT_S
from test_job import SEED, archived, placed, produce, same_as_process, without_raw

N_EVENTS = harness.number_of("SPARK_FAULT_EVENTS", 12_000)
STEP = N_EVENTS // 12  # of one batch
# From an executor's folder, work/worker-N/apps/APPLICATION/NUMBER: each worker has a disk of its own.
WINDOWS = "../../../windows"


@pytest.fixture
def cluster_job(standalone, hdfs):
    """Starts the job of a shop on the cluster. Without speculation there are no settings but the cluster's."""
    for number in standalone.workers:
        shutil.rmtree(windows(standalone, number), ignore_errors=True)
        windows(standalone, number).mkdir(mode=0o700)

    def start(one, *settings, options=()):
        sparks = ["--executor-memory", "640m", *(word for setting in settings for word in ("--conf", setting))]
        return one.job("--master", standalone.url(), "--checkpoint", checkpoint(hdfs, one), "--window-dir", WINDOWS,
                       "--max-offsets", STEP, *options, "--", *sparks, env={"HADOOP_CONF_DIR": str(hdfs.conf)})  # fmt: skip

    return start


def checkpoint(hdfs, one):
    return hdfs.url(f"/checkpoints/{one.name}")


def windows(standalone, worker):
    return standalone.folder(worker) / "windows"


def executor(standalone, worker):
    """The process id of the one that runs there."""
    return harness.wait_until(lambda: standalone.executors(worker), WAIT_S, f"an executor of worker {worker}")[-1]


def python_workers(standalone, worker):
    """Process ids of those in which the executors there run Python; their Java goes on when they are stopped."""
    return harness.wait_until(lambda: [pid for pid, command in process.processes_in(standalone.folder(worker)).items()
                                       if "pyspark.daemon" in command], WAIT_S, f"Python of worker {worker}")  # fmt: skip


def send_all(pids, number):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # Spark ends one whose task was overtaken
            os.kill(pid, number)


def moves_on(one, messages=1):
    """Until so many more are counted; there have to be some that are not."""
    before = one.n_done()
    assert not one.is_drained(), "all was counted before the fault: SPARK_FAULT_EVENTS is too small"
    one.wait_moving(beyond=before + messages - 1, timeout_s=WAIT_S)


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_executors_the_driver_and_a_disk_lost_in_the_middle_lose_no_order_and_count_none_twice(
        shop, standalone, hdfs, cluster_job):  # fmt: skip
    one = shop(partitions=4)
    produce(one, N_EVENTS, SEED + 20)
    job = cluster_job(one)
    one.wait_moving(timeout_s=WAIT_S)
    os.kill(executor(standalone, 1), signal.SIGKILL)
    moves_on(one, 2 * STEP)
    job.kill()
    harness.wait_until(lambda: not any(standalone.executors(n) for n in standalone.workers), 60, "the executors' end")
    assert "offsets" in hdfs.names(f"/checkpoints/{one.name}")
    produce(one, N_EVENTS // 2, SEED + 20)  # duplicates, which the windows know
    lost = windows(standalone, 1)
    assert any(lost.rglob("*")), "worker 1 has no window that could be lost"
    shutil.rmtree(lost)
    lost.mkdir(mode=0o700)  # one that others may look into is refused
    job = cluster_job(one)
    moves_on(one, STEP)
    os.kill(executor(standalone, 2), signal.SIGKILL)
    one.wait_drained(2 * WAIT_S)
    job.stop()
    without_raw(one, one.expected())
    same_as_process(one)


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_executors_and_the_driver_killed_amid_raw_orders_and_an_archive_leave_every_order_in_both_once(
        shop, standalone, hdfs, cluster_job):  # fmt: skip
    one = shop(raw=True, partitions=4)
    folder = f"/archives/{one.name}"
    produce(one, N_EVENTS, SEED + 23)
    job = cluster_job(one, options=["--archive", hdfs.url(folder)])
    one.wait_moving(timeout_s=WAIT_S)
    os.kill(executor(standalone, 1), signal.SIGKILL)
    moves_on(one, 2 * STEP)
    job.kill()
    harness.wait_until(lambda: not any(standalone.executors(n) for n in standalone.workers), 60, "the executors' end")
    produce(one, N_EVENTS // 2, SEED + 23)  # duplicates
    job = cluster_job(one, options=["--archive", hdfs.url(folder)])
    moves_on(one, STEP)
    os.kill(executor(standalone, 2), signal.SIGKILL)
    one.wait_drained(2 * WAIT_S)
    job.stop()
    expected = one.check()
    said = harness.must_run("verify", "--raw", one.raw, "--aggregates", one.mysql.url(one.name), env=one.env, timeout=600)
    assert "all laws hold" in said, said
    found, wanted = archived(one, hdfs.fetch(folder, one.directory / "archive")), placed(expected.raw.values())
    assert found == wanted
    assert sum(found.values()) == sum(wanted.values())
    assert not hdfs.names(f"{folder}/_pending")


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_a_copy_of_a_slow_task_on_another_worker_gets_the_same_verdicts(shop, standalone, cluster_job):
    one = shop(partitions=4)
    produce(one, N_EVENTS, SEED + 21)
    produce(one, N_EVENTS, SEED + 21)  # every order a second time
    job = cluster_job(one, "spark.speculation=true", "spark.speculation.quantile=0.1", "spark.speculation.multiplier=1.1",
                      "spark.speculation.minTaskRuntime=100ms")  # fmt: skip
    one.wait_moving(timeout_s=WAIT_S)
    executor(standalone, 1)
    slow = python_workers(standalone, 1)
    send_all(slow, signal.SIGSTOP)
    for pid in slow:
        process.wait_stopped(pid)
    try:  # a batch in which they have tasks ends by copies of these
        moves_on(one, 2 * STEP)
    finally:
        send_all(slow, signal.SIGCONT)
    one.wait_drained(2 * WAIT_S)
    job.stop()
    without_raw(one, one.expected())
    same_as_process(one)


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_customers_on_hdfs_are_known_to_executors_that_start_later_too(shop, standalone, hdfs, cluster_job):
    one = shop(partitions=1)
    customers = f"/shops/{one.name}/customers.csv"
    hdfs.write(customers, b"customer_id,source,state\n7,GOOGLE,CA\n8,BING,NY\n")

    def send(order_id, customer_id):
        one.kafka.produce(one.name, [(b"", json.dumps(harness.order(order_id, customer_id=customer_id)).encode())])
        one.wait_drained(WAIT_S)

    job = cluster_job(one, options=["--customers", hdfs.url(customers)])
    send(1, 7)
    for worker in standalone.workers:
        os.kill(executor(standalone, worker), signal.SIGKILL)
    send(2, 8)
    send(3, 9)
    job.stop()
    found = {key: cells["orders"] for key, cells in one.tables()["sales_totals"].items()}
    assert found == {("GOOGLE", "CA", "USD"): 1, ("BING", "NY", "USD"): 1, ("(unknown)", "(unknown)", "USD"): 1}
    missing = one.job("--available-now", "--customers", hdfs.url("/shops/nobody.csv"), checkpoint="another")
    assert missing.wait() in (1, 2)
    assert len(missing.errors()) == 1, missing.log
    assert "/shops/nobody.csv" in missing.errors()[0]
