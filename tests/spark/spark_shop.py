# SPDX-License-Identifier: MIT
"""A topic, a database, a keyspace where raw orders are kept, and the job in Spark on them. The laws are those of
the cluster's tests (tests/cluster/pipeline.py): what is in the topic decides."""

import os
import signal
import subprocess
import time

import harness
import pipeline
from servers import mysql as mysql_server

SUBMIT = harness.ROOT / "spark/submit.sh"
# On a busy machine; a quiet one needs some seconds.
WAIT_S = 600  # for the next batches
RUN_TIMEOUT_S = 900
STOP_TIMEOUT_S = 180


class Job:
    """One run of submit.sh."""

    def __init__(self, directory, options, env):
        self.log_path = directory / f"spark-{time.monotonic_ns()}.log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([SUBMIT, *map(str, options)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=directory, env=env, start_new_session=True)  # fmt: skip

    @property
    def log(self):
        return self.log_path.read_text("utf-8", "replace")

    def wait(self, timeout_s=RUN_TIMEOUT_S):
        """Its exit code."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the job did not end within {timeout_s} s:\n{self.log[-5000:]}") from None

    def must_succeed(self, timeout_s=RUN_TIMEOUT_S):
        code = self.wait(timeout_s)
        assert code == 0, f"the job ended with {code}:\n{self.log[-5000:]}"
        return self

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.must_succeed(STOP_TIMEOUT_S)

    def kill(self):
        """kill -9 of the driver and of all that runs for it."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(STOP_TIMEOUT_S)

    def errors(self):
        """The lines in which the job and the program say why they ended."""
        return [line for line in self.log.splitlines() if " error spark: " in line or line.startswith("salestide: ")]


class SparkShop(pipeline.Pipeline):
    def __init__(self, directory, kafka, cassandra, mysql, name, partitions=3, currency="USD", timezone="America/New_York",
                 topic_config=None, env=None, set_up_options=(), cassandra_user=None):  # fmt: skip
        self.directory, self.kafka, self.cassandra, self.mysql, self.name = directory, kafka, cassandra, mysql, name
        self.currency, self.timezone = currency, timezone
        self.env = {"SALESTIDE_MYSQL_PASSWORD": mysql_server.PASSWORD, **(env or {})}
        self.running, self.jobs = [], []
        self.broker = kafka.create_topic(name, partitions, topic_config)
        login = f"{cassandra_user}@" if cassandra_user else ""
        self.raw = f"cassandra://{login}{cassandra.host}:{cassandra.port}/{name}" if cassandra else "none"
        mysql.create_database(name)
        harness.must_run("setup", *(["--raw", self.raw] if cassandra else []), "--aggregates", mysql.url(name), "--currency", currency,
                         "--timezone", timezone, *set_up_options, env=self.env)  # fmt: skip

    def job(self, *options, checkpoint="checkpoint", mysql_port=None, env=None):
        """Starts the job; a run to the end has --available-now."""
        every = ["--master", "local[2]", "--broker", self.broker, "--raw", self.raw, "--aggregates", self.mysql.url(self.name, port=mysql_port),
                 "--checkpoint", self.directory / checkpoint, "--window-dir", self.directory / "windows", "--log-level", "debug",
                 "--salestide", harness.binary(), *options]  # fmt: skip
        # A JVM that lives for seconds is up sooner without its best compiler.
        more = {**self.env, "JAVA_HOME": java_home(), "JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC", **(env or {})}
        one = Job(self.directory, every, harness.clean_env(more))
        self.jobs.append(one)
        return one

    def run_job(self, *options, timeout_s=RUN_TIMEOUT_S, **more):
        return self.job("--available-now", *options, **more).must_succeed(timeout_s)

    def kill(self):
        for one in self.jobs:
            one.kill()
        super().kill()

    def logs(self):
        return "\n".join(f"---- {one.log_path}\n{one.log[-5000:]}" for one in self.jobs)

    def must_go_on(self):
        code = self.jobs[-1].process.poll() if self.jobs and not self.running else None
        assert code is None or code <= 0, f"the job has ended with {code}\n{self.logs()}"

    def process_into(self, database, timeout_s=pipeline.DRAIN_TIMEOUT_S):
        """`salestide process` on the same topic into another database, and another keyspace when there are raw orders, up to
        all that is there now. Returns a Pipeline to read it by."""
        self.mysql.create_database(database)
        aggregates = self.mysql.url(database)
        raw = f"cassandra://{self.cassandra.host}:{self.cassandra.port}/{database}" if self.cassandra else "none"
        harness.must_run("setup", *(["--raw", raw] if self.cassandra else []), "--aggregates", aggregates, "--currency", self.currency,
                         "--timezone", self.timezone, env=self.env)  # fmt: skip
        other = object.__new__(pipeline.Pipeline)
        other.__dict__.update(self.__dict__, running=[])
        one = pipeline.Processor(self.directory, "--broker", self.broker, "--raw", raw, "--aggregates", aggregates, "--group", database,
                                 env=self.env)  # fmt: skip
        self.running.append(one)
        other.positions = lambda: dict(self.mysql.sql(
            "SELECT `partition`, next_offset FROM pipeline_positions WHERE topic = %s", (self.name,), database=database))  # fmt: skip
        other.wait_drained(timeout_s)
        one.stop()
        reading = object.__new__(pipeline.Pipeline)
        reading.__dict__.update(mysql=self.mysql, cassandra=self.cassandra, name=database)
        return reading


def java_home():
    import pathlib

    from servers import java

    return str(pathlib.Path(java.java_17()).resolve().parent.parent)
