# SPDX-License-Identifier: MIT
"""How long partitions stand still when a process joins its group, leaves it or is killed, by both group protocols.
Orders come at a steady rate into all partitions; a client of the database looks without a pause how far each partition
is counted. The pause of a partition is the longest time in which that did not move; a partition that stays is one
whose owner is the same before and after."""

import concurrent.futures
import contextlib
import dataclasses
import signal
import subprocess
import time

import pymysql

from tools import lab, processes
from tools.results import Figure, Series

RATE = 1000
PAUSE_S = 0.001  # between two questions to the database
SETTLE_S = 6  # between two changes of the group
SESSION = "10s"
PROTOCOLS = ("classic", "consumer")
CHANGES = ("a process joins", "a process leaves", "a process joins again", "a process is killed")
WHERE = "SELECT `partition`, next_offset, epoch FROM pipeline_positions"
# The brokers' own for `consumer`; the shortest that they take by default is 45 s.
BROKER = {"group.consumer.min.session.timeout.ms": 1000, "group.consumer.session.timeout.ms": 10000,
          "group.consumer.min.heartbeat.interval.ms": 500, "group.consumer.heartbeat.interval.ms": 1000}  # fmt: skip


@dataclasses.dataclass
class Partition:
    offset: int
    epoch: int  # of its owner
    moved_s: float  # when the offset last grew
    pause_s: float = 0
    fresh: bool = True  # nothing of the time looked at yet: the first move starts it

    def look(self, offset, epoch, now_s):
        if offset > self.offset:
            if not self.fresh:
                self.pause_s = max(self.pause_s, now_s - self.moved_s)
            self.offset, self.moved_s, self.fresh = offset, now_s, False
        self.epoch = epoch


class Watch:
    def __init__(self, mysql, database):
        self.connection = mysql.connect(database, user="root", password="", autocommit=True)
        self.partitions = {}

    def look(self):
        with self.connection.cursor() as cursor:
            cursor.execute(WHERE)
            rows = cursor.fetchall()
        now_s = time.monotonic()
        for number, offset, epoch in rows:
            self.partitions.setdefault(number, Partition(offset, epoch, now_s)).look(offset, epoch, now_s)

    def look_for(self, seconds):
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            self.look()
            time.sleep(PAUSE_S)

    def over(self, change, seconds):
        """(pauses of the partitions that stay, of those that move) in seconds, over a change of the group."""
        for one in self.partitions.values():
            one.pause_s = 0
        before = {number: one.epoch for number, one in self.partitions.items()}
        # Beside it: a process that joins is waited for until it is ready, and by then much of it is over.
        with concurrent.futures.ThreadPoolExecutor(1) as beside:
            changed = beside.submit(change)
            self.look_for(seconds)
            changed.result()
        now_s = time.monotonic()
        pauses = {number: max(one.pause_s, now_s - one.moved_s) for number, one in self.partitions.items()}
        stay = [s for number, s in pauses.items() if self.partitions[number].epoch == before[number]]
        return stay, [s for number, s in pauses.items() if self.partitions[number].epoch != before[number]]


def processor(setup, servers, name, protocol, broker, aggregates, number):
    session = () if protocol == "consumer" else ("--session-timeout", SESSION)
    return processes.Server(
        servers.salestide("process", "--broker", broker, "--raw", "none", "--aggregates", aggregates, "--group", name,
                          "--group-protocol", protocol, *session, "--listen", "127.0.0.1:PORT"),
        setup.tmp / f"{name}-{number}.log", "/readyz")  # fmt: skip


def one_round(setup, servers, protocol, name):
    """{change: (pauses of what stays, of what moves)} and those of a time without a change."""
    broker, aggregates = servers.kafka.create_topic(name, lab.PARTITIONS), servers.new_database(name)
    with contextlib.ExitStack() as stack:
        ingest = stack.enter_context(processes.Ingest(setup.tmp / name, servers.kafka, name))
        stack.enter_context(processor(setup, servers, name, protocol, broker, aggregates, 0))
        seconds = SETTLE_S * 5 + 2 * 15
        poster = subprocess.Popen([setup.programs / "bench_stream", str(ingest.port), str(RATE), str(seconds), "0"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)  # fmt: skip
        stack.callback(poster.wait)
        stack.callback(poster.kill)
        watch = Watch(servers.mysql, name)
        watch.look_for(SETTLE_S)
        found = {"nothing changes": watch.over(lambda: None, SETTLE_S)}
        visitors = []

        def join():
            visitors.append(processor(setup, servers, name, protocol, broker, aggregates, len(visitors) + 1))
            stack.enter_context(visitors[-1])

        changes = (join, lambda: visitors[-1].process.send_signal(signal.SIGTERM), join, lambda: visitors[-1].process.kill())
        for what, change in zip(CHANGES, changes, strict=True):
            found[what] = watch.over(change, SETTLE_S + (12 if "killed" in what else 0))
        for one in visitors:
            one.process.wait(30)
    return found


def cell(pauses):
    return Series(p * 1000 for p in pauses).text("{:,.0f}", "ms") if pauses else ""


def measure(setup):
    figure = Figure("rebalance", ("group protocol", "what happens", "partitions that stay", "partitions that move"))
    rounds = {protocol: [] for protocol in PROTOCOLS}
    with lab.Lab(setup, kafka_properties=BROKER) as servers:
        for k in range(setup.log_rounds):
            for protocol in PROTOCOLS:
                rounds[protocol].append(one_round(setup, servers, protocol, f"{protocol}{k}"))
    for protocol, found in rounds.items():
        for what in ("nothing changes", *CHANGES):
            stay, move = ([max(r[what][i], default=0) for r in found if r[what][i]] for i in (0, 1))
            figure.row(protocol, what, cell(stay), cell(move))
            figure.keep(f"{protocol}, {what}", {"stay_s": stay, "move_s": move})
    figure.limit(f"The longest time in which a partition's count did not move, of the worst partition of a round; {RATE:,} orders/s into "
                 f"{lab.PARTITIONS} partitions. A session is {SESSION}: a process that is killed is missed after so long.")  # fmt: skip
    return figure
