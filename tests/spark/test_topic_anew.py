# SPDX-License-Identifier: MIT
"""The topic is deleted and made again, with other orders, while the job runs: it ends in one line that says so, nothing of the new
topic counts before somebody has said that it should, and then all of it does, once."""

import subprocess

import pytest

import harness
from spark_shop import WAIT_S
from test_anew import make_anew
from test_handover import verified
from test_job import count, produce_orders

N_OLD = 60


def while_the_job_runs(one, n_new):
    produce_orders(one, range(N_OLD))
    job = one.job()
    one.wait_drained(WAIT_S)
    before = one.tables(), one.positions(), one.state()
    make_anew(one, 1)
    produce_orders(one, range(1000, 1000 + n_new))
    assert job.wait() == 1
    assert len(job.errors()) == 1, job.log
    assert f"the topic {one.name} was made anew" in job.errors()[0]
    assert "--skip-gap" in job.errors()[0]
    assert (one.tables(), one.positions(), one.state()) == before
    # The same checkpoint is of the topic that is gone, with --skip-gap too.
    again = one.job("--available-now", "--skip-gap")
    assert again.wait() == 2
    assert "the checkpoint is of a topic of this name" in again.errors()[0]
    assert (one.tables(), one.positions(), one.state()) == before
    one.run_job("--skip-gap", checkpoint="another")
    assert one.is_drained()
    assert one.state()["accepted"] == count(one) == N_OLD + n_new


@pytest.mark.full
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("n_new", [N_OLD // 2, 4 * N_OLD], ids=["shorter", "longer"])
def test_a_topic_made_anew_while_the_job_runs_stops_it_and_counts_when_that_is_said(shop, n_new):
    one = shop(raw=True, partitions=1)
    while_the_job_runs(one, n_new)
    assert f"{N_OLD + n_new} orders, 0 adjustments" in verified(one)


# What the brokers say of the topic when the query has ended: an id, or a Failure, or something that Spark's bridge to Java raises.
PROGRAM = """
import sys, types
sys.path.insert(0, sys.argv[1])
import salestide_batch, salestide_spark
from salestide_failure import Failure

def identity(patience_s):
    answer = eval(sys.argv[2])
    if isinstance(answer, Exception):
        raise answer
    return answer

job = salestide_spark.Job(None)
topic = types.SimpleNamespace(name="sales", identity=identity)
job.batches = salestide_batch.Batches(None, None, topic, None, None, types.SimpleNamespace(topic_id="first"), False)
print(job.why(salestide_spark.first_line(Exception(sys.argv[3]))))
"""


@pytest.mark.parametrize(("answer", "says"), [
    ("'first'", "what Spark says"),
    ("''", "what Spark says"),  # brokers that tell no ids
    ("'second'", "the topic sales was made anew while it was read: its id was first and is second. Nothing of the new one was counted"),
    ("Failure('the topic sales does not exist')", "what Spark says (the topic sales does not exist)"),
    ("ConnectionRefusedError()", "what Spark says"),
])  # fmt: skip
def test_what_ends_the_query_is_told_by_which_topic_it_is_now(answer, says):
    said = why("what Spark says", answer)
    assert said.startswith(says) if "made anew" in says else said == says


def why(sparks, answer):
    done = subprocess.run([harness.ROOT / "build/spark-venv/bin/python", "-c", PROGRAM, harness.ROOT / "spark", answer, sparks],
                          capture_output=True, timeout=120, check=False,
                          env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"})  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().rstrip("\n")


IN_A_TASK = """An error occurred while calling z:org.apache.spark.api.python.PythonRDD.collectAndServe.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 3.0 failed 1 times, most recent failure: Lost task 0.0 in \
stage 3.0 (TID 3) (host executor driver): org.apache.spark.api.python.PythonException: Traceback (most recent call last):
  File "worker.py", line 1, in main
    process()
ModuleNotFoundError: No module named 'pyarrow'

\tat org.apache.spark.api.python.BasePythonRunner.handlePythonException(PythonRunner.scala:581)
Driver stacktrace:
\tat org.apache.spark.scheduler.DAGScheduler.abortStage(DAGScheduler.scala:2898)
Caused by: org.apache.spark.api.python.PythonException: Traceback (most recent call last):
  File "worker.py", line 1, in main
    process()
ModuleNotFoundError: No module named 'pyarrow'

\tat org.apache.spark.api.python.BasePythonRunner.handlePythonException(PythonRunner.scala:581)
\t... 1 more
"""
EXECUTOR_LOST = """An error occurred while calling z:org.apache.spark.api.python.PythonRDD.collectAndServe.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 3.0 failed 4 times, most recent failure: Lost task 0.3 in \
stage 3.0 (TID 9) (10.0.0.1 executor 4): ExecutorLostFailure (executor 4 exited caused by one of the running tasks) Reason: Command exited with code 137
Driver stacktrace:
\tat org.apache.spark.scheduler.DAGScheduler.abortStage(DAGScheduler.scala:2898)
"""


def test_what_ended_a_task_is_told_by_what_was_raised_in_it_or_became_of_its_executor():
    assert why(IN_A_TASK, "'first'") == "ModuleNotFoundError: No module named 'pyarrow'"
    lost = why(EXECUTOR_LOST, "'first'")
    assert lost.startswith("Job aborted due to stage failure: Task 0 in stage 3.0 failed 4 times")
    assert lost.endswith("Reason: Command exited with code 137")


def test_lost_messages_of_the_same_topic_are_told_with_what_to_do():
    said = why("[STREAM_FAILED] Query [id = 1] terminated with exception: Some data may have been lost because they are not available in "
               "Kafka any more;\neither the data was aged out", "'first'")  # fmt: skip
    assert said.startswith("the topic has lost messages, or they were deleted before they were counted. Start again with another")
