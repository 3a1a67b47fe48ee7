# SPDX-License-Identifier: MIT
"""The real servers that some figures need: those of tests/servers, on this machine's cores, with what a figure asks of
them. Every server ends with the benchmark, by its own process id."""

import contextlib
import dataclasses
import os
import signal
import sys
import threading
import time

from tools import processes

sys.path.insert(0, str(processes.ROOT / "tests"))

from servers.cassandra import Cassandra  # noqa: E402
from servers.hdfs import Hdfs  # noqa: E402
from servers.java import java_17  # noqa: E402
from servers.kafka import Kafka  # noqa: E402
from servers.mysql import PASSWORD, USER, MariaDb  # noqa: E402

PARTITIONS = 6
SAMPLE_S = 0.05
FAMILY_S = 0.5  # a child counts this late, with all that it has used


class Lab:
    """Kafka with one broker unless it is not needed, MariaDB, and Cassandra where it is asked for."""

    def __init__(self, setup, cassandra=False, kafka=True, kafka_properties=None):
        directory = setup.tmp / "servers"
        self.kafka = Kafka(directory / "kafka", heap_mb=1024, properties=kafka_properties, jit_tiers=4) if kafka else None
        # Durable as by default: each commit is synced. The working set fits into memory, as a shop's would.
        self.mysql = MariaDb(directory / "mysql", {"innodb_buffer_pool_size": "256M"})
        # The commit log as by default; the tests' setting syncs every write.
        self.cassandra = Cassandra(directory / "cassandra", heap_mb=2048, commitlog_sync="periodic", jit_tiers=4) if cassandra else None
        self.password_file = directory / "password"
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        with self.stack:
            for server in (self.kafka, self.mysql, self.cassandra):
                if server is not None:
                    self.stack.enter_context(server)
            self.password_file.write_text(PASSWORD + "\n", "ascii")
            self.stack = self.stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def pids(self):
        found = {"MariaDB": self.mysql.process.pid}
        if self.kafka is not None:
            found = {"Kafka": self.kafka.processes[1].pid, **found}
        if self.cassandra is not None:
            found["Cassandra"] = self.cassandra.process.pid
        return found

    def salestide(self, command, *options):
        """A command with what it needs to log in."""
        return [processes.PROGRAM, command, *options, "--mysql-password-file", self.password_file]

    def new_database(self, name, raw="none"):
        """Empty tables, made by `salestide setup`. Returns the database's URL."""
        self.mysql.drop_database(name)
        url = self.mysql.create_database(name)
        processes.run(self.salestide("setup", "--raw", raw, "--aggregates", url))
        return url

    def load(self, path, topic):
        """The file's orders into a new topic, keyed by order_id."""
        url = self.kafka.create_topic(topic, PARTITIONS)
        processes.run([processes.PROGRAM, "load", path, "--to", url], timeout_s=1200)
        return url

    def process(self, setup, name, broker, aggregates, *options, raw="none", tell=None):
        """`salestide process`, watched. Its group is `name`."""
        command = self.salestide("process", "--broker", broker, "--raw", raw, "--aggregates", aggregates, "--group", name,
                                 "--listen", "127.0.0.1:0", *options)  # fmt: skip
        return Watched([*(tell or []), *command], setup.tmp / f"{name}.log", self.pids())


@dataclasses.dataclass
class Sample:
    at_s: float  # as time.time()
    cpu_s: float  # of the program with its children
    rss_mb: float
    servers_cpu_s: dict


def family_rss_mb(pids):
    total = 0
    for one in pids:
        with contextlib.suppress(OSError, TypeError):  # a child that has ended has none
            total += processes.memory_mb(one)
    return total


class Watched:
    """A program whose use of CPU and memory is written down as it runs, and that of the servers it uses."""

    def __init__(self, command, log, servers):
        self.command, self.log, self.servers = command, log, servers
        self.samples = []
        self.started_s = time.time()
        with open(log, "wb") as out:
            self.process = processes.start(command, out)
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    @property
    def pid(self):
        return self.process.pid

    def watch(self):
        family, until_s = [], 0
        while self.process.poll() is None:
            if time.monotonic() >= until_s:
                family, until_s = processes.family(self.pid), time.monotonic() + FAMILY_S
            with contextlib.suppress(OSError, LookupError):  # one of them ends in between
                self.samples.append(Sample(time.time(), processes.cpu_s(self.pid, family), family_rss_mb(family),
                                           {k: processes.cpu_s(p, [p]) for k, p in self.servers.items()}))  # fmt: skip
            time.sleep(SAMPLE_S)

    def fail(self, what):
        text = self.log.read_text("utf-8", "replace")[-4000:]
        raise SystemExit(f"bench: {' '.join(map(str, self.command))} {what}:\n{text}")

    def wait_until(self, is_done, timeout_s, end=False):
        """Until is_done(), or to its own end."""
        deadline = time.monotonic() + timeout_s
        while not (end and self.process.poll() is not None) and not is_done():
            if not end and self.process.poll() is not None:
                self.fail(f"ended with {self.process.returncode}")
            if time.monotonic() > deadline:
                self.fail("took too long")
            time.sleep(SAMPLE_S)

    def stop(self):
        """Ends it, the innermost program of a command in a command; it has to end well."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(processes.family(self.pid)[-1], signal.SIGTERM)
        code = self.process.wait(60)
        self.thread.join()
        if code != 0:
            self.fail(f"ended with {code}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            for one in processes.family(self.pid):  # a JVM and its workers would live on for a while
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)
        self.process.wait()
        self.thread.join()

    # --- what it used between two moments of time.time()

    def used(self, what, since_s, until_s):
        return self.at(what, until_s) - self.at(what, since_s)

    def at(self, what, moment_s):
        """A counter at a moment, by the samples around it."""
        if min(abs(s.at_s - moment_s) for s in self.samples) > 20 * SAMPLE_S:
            raise SystemExit(f"bench: nothing was written down of {self.command[0]} at {moment_s}")
        before = max((s for s in self.samples if s.at_s <= moment_s), key=lambda s: s.at_s, default=self.samples[0])
        after = min((s for s in self.samples if s.at_s > moment_s), key=lambda s: s.at_s, default=self.samples[-1])
        low, high = what(before), what(after)
        span = after.at_s - before.at_s
        return low if span <= 0 else low + (high - low) * (moment_s - before.at_s) / span

    def rss_mb(self):
        return max(s.rss_mb for s in self.samples)


@dataclasses.dataclass
class Commits:
    """When how many orders were committed: [(seconds as time.time(), orders)], in order."""

    rows: list

    @property
    def orders(self):
        return sum(n for _, n in self.rows)

    @property
    def span(self):
        return self.rows[0][0], self.rows[-1][0]

    @property
    def counted(self):
        """Orders after the first commit: those that the time between first and last commit was for."""
        return self.orders - self.rows[0][1]

    @property
    def orders_s(self):
        since_s, until_s = self.span
        if since_s == until_s:
            raise SystemExit(f"bench: {self.orders} orders went into one commit: too few to tell a speed")
        return self.counted / (until_s - since_s)


def commits(mysql, database, table="pipeline_batches"):
    return Commits([(float(at), int(n)) for at, n in mysql.sql(
        f"SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', committed_at) / 1e6, received FROM `{table}` ORDER BY batch_id", database=database)])  # fmt: skip


__all__ = ["PASSWORD", "USER", "Commits", "Hdfs", "Lab", "Watched", "commits", "java_17"]
