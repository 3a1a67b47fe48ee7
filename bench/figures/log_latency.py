# SPDX-License-Identifier: MIT
"""From POST to a row in MySQL: `salestide ingest` puts orders into Kafka (acks=all), `salestide process` commits them to
MySQL, and a client of the database asks for new rows without a pause. An order counts from when it was due to be sent
until an answer of the database shows it."""

import json
import subprocess
import time

import pymysql

from tools import lab, processes
from tools.results import Figure, Series

RATE = 1000
PAUSE_S = 0.001  # between two questions to the database
DRAIN_S = 10
NEWER = "SELECT id, order_id FROM recent_orders WHERE id > %s ORDER BY id"


class Viewer:
    """Asks for rows that it has not seen; {order_id: seconds of the monotonic clock}."""

    def __init__(self, mysql, database):
        self.connection = mysql.connect(database, user="root", password="", autocommit=True,
                                        cursorclass=pymysql.cursors.SSCursor)  # fmt: skip
        self.seen, self.last_id = {}, 0

    def look(self):
        with self.connection.cursor() as cursor:
            cursor.execute(NEWER, (self.last_id,))
            rows = cursor.fetchall()
        now_s = time.monotonic()
        for row_id, order_id in rows:
            self.last_id = row_id
            self.seen.setdefault(int(order_id), now_s)

    def look_until(self, is_over, timeout_s):
        deadline = time.monotonic() + timeout_s
        while not is_over():
            if time.monotonic() > deadline:
                raise SystemExit("bench: not every order became a row in time")
            self.look()
            time.sleep(PAUSE_S)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def times(values):
    return {"p50": percentile(values, 0.5), "p99": percentile(values, 0.99), "max": max(values)}


def one_round(setup, servers, name):
    """Returns what the client saw, and how often was committed."""
    broker, aggregates = servers.kafka.create_topic(name, lab.PARTITIONS), servers.new_database(name)
    ingest = processes.Ingest(setup.tmp / name, servers.kafka, name)
    process = processes.Server(servers.salestide("process", "--broker", broker, "--raw", "none", "--aggregates", aggregates,
                                                 "--listen", "127.0.0.1:PORT"), setup.tmp / "process.log", "/readyz")  # fmt: skip
    with ingest, process:
        viewer = Viewer(servers.mysql, name)
        poster = subprocess.Popen([setup.programs / "bench_stream", str(ingest.port), str(RATE), str(setup.log_seconds), "0"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)  # fmt: skip
        try:
            used = {one: processes.cpu_s(one.pid) for one in (ingest, process)}
            viewer.look_until(lambda: poster.poll() is not None, setup.log_seconds + 60)
            result = json.loads(poster.stdout.read())
            viewer.look_until(lambda: len(viewer.seen) >= result["orders"], DRAIN_S)
        finally:
            poster.kill()
            poster.wait()
        wall_s = setup.log_seconds
        result["ingest_cores"], result["process_cores"] = ((processes.cpu_s(one.pid) - used[one]) / wall_s
                                                           for one in (ingest, process))  # fmt: skip
    due_s = {result["first_id"] + k: (result["start_ns"] + k * result["interval_ns"]) / 1e9 for k in range(result["orders"])}
    if result["answered"] != result["orders"] or viewer.seen.keys() != due_s.keys():
        raise SystemExit(f"bench: {len(viewer.seen)} rows of {result['orders']} orders, {result['answered']} answers")
    result["row_ms"] = times([(viewer.seen[order] - due) * 1000 for order, due in due_s.items()])
    result["commits"] = len(lab.commits(servers.mysql, name).rows)
    return result


def measure(setup):
    figure = Figure("log_latency", ("what", "median", "99th percentile", "longest"))
    with lab.Lab(setup) as servers:
        one_round(setup, servers, "warm")
        found = [one_round(setup, servers, f"round{k}") for k in range(setup.log_rounds)]
    for what, key in (("POST to its answer (in Kafka)", "answer_ms"), ("POST to its row in MySQL", "row_ms")):
        figure.keep(key, {p: Series(r[key][p] for r in found).json() for p in ("p50", "p99", "max")})
        figure.row(what, *(Series(r[key][p] for r in found).text("{:.1f}", "ms") for p in ("p50", "p99", "max")))
    figure.keep("rounds", found)
    cores = [Series(r[k] for r in found).median for k in ("ingest_cores", "process_cores")]
    late = sum(r["late_sends"] for r in found) / sum(r["orders"] for r in found)
    figure.limit(f"{RATE:,} orders/s for {setup.log_seconds} s: `salestide ingest` {cores[0]:.2f} cores, `salestide process` "
                 f"{cores[1]:.2f}, {Series(r['commits'] / setup.log_seconds for r in found).median:.0f} commits/s. Times count "
                 f"from when an order was due; {late:.1%} of the orders went out more than 1 ms late.")  # fmt: skip
    return figure
