# SPDX-License-Identifier: MIT
"""The job on YARN, with its checkpoint and its archive on HDFS."""

import pytest

import harness
from servers import spark
from spark.spark_servers import hdfs, yarn  # noqa: F401  (fixtures)
from test_job import SEED, archived, placed, produce, same_as_process, without_raw

N_EVENTS = harness.number_of("SPARK_YARN_EVENTS", 4000)


def job_on_yarn(one, yarn, hdfs, *options):
    """Spark's own jars are on this machine: they are not copied into HDFS for each job."""
    settings = {"spark.yarn.jars": f"local:{spark.home()}/jars/*", "spark.yarn.stagingDir": hdfs.url("/staging"), "spark.yarn.am.memory": "384m",
                "spark.executor.instances": 2, "spark.executor.memory": "640m", "spark.executor.memoryOverhead": "512m",
                "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}  # fmt: skip
    sparks = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    return one.run_job("--master", "yarn", "--checkpoint", hdfs.url(f"/checkpoints/{one.name}"), *options, "--", *sparks, timeout_s=900,
                       env={"HADOOP_CONF_DIR": str(yarn.conf), "SPARK_LOCAL_IP": "127.0.0.1"})  # fmt: skip


@pytest.mark.full
@pytest.mark.yarn
@pytest.mark.timeout(3000)
def test_the_job_on_yarn_counts_every_order_once_and_goes_on_from_hdfs(shop, yarn, hdfs):
    one = shop()
    folder = f"/archives/{one.name}"
    produce(one, N_EVENTS, SEED + 50)
    job_on_yarn(one, yarn, hdfs, "--archive", hdfs.url(folder), "--max-offsets", str(N_EVENTS // 2))
    assert one.is_drained()
    produce(one, N_EVENTS, SEED + 50)  # every order a second time
    job_on_yarn(one, yarn, hdfs, "--archive", hdfs.url(folder))
    expected = one.expected()
    assert expected.reference.counts["duplicate"] > N_EVENTS // 2
    without_raw(one, expected)
    same_as_process(one)
    assert archived(one, hdfs.fetch(folder, one.directory / "archive")) == placed(expected.raw.values())
    found = [(app["applicationType"], app["name"]) for app in yarn.applications()]
    assert found == [("SPARK", f"salestide {one.name}")] * 2
    harness.wait_until(lambda: {app["finalStatus"] for app in yarn.applications()} == {"SUCCEEDED"}, 60, "their ends")
