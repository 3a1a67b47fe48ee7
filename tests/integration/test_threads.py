# SPDX-License-Identifier: MIT
"""Everything that a server's threads do, at once. Under ThreadSanitizer (`make tsan`) this is what shows races."""

import itertools
import json
import os
import re
import signal
import threading
import zlib

import harness
from harness import NDJSON, lines, order

N_SHOPS, N_ORDERS, N_BULKS, BULK = 4, 60, 6, 1200  # a bulk's body is large enough for the workers
# The shops' bulks come together: while one is committed the next is judged.
SMALL_BATCHES, AHEAD = ("--batch-events", "1000"), "salestide_batches_ahead_total"
CUSTOMERS = "customer_id,source,state\n" + "".join(f"{n},SOURCE{{0}},S{n % 50}\n" for n in range(500))
QUESTIONS = ("/v1/sales?by=source,state", "/v1/sales?by=product&bucket=day&from=2024-04-01", "/v1/orders/100001",
             "/v1/rejected", "/metrics", "/readyz", "/openapi.json", "/")  # fmt: skip


class Crowd:
    """Threads of the test; what went wrong in one fails the test at the end."""

    def __init__(self):
        self.threads, self.problems = [], []
        self.over = threading.Event()  # those that go on until the others are done look at it

    def add(self, work, *arguments):
        def guarded():
            try:
                work(*arguments)
            except Exception as problem:  # noqa: BLE001  # any of them is a finding
                self.problems.append(repr(problem))

        thread = threading.Thread(target=guarded)
        self.threads.append(thread)
        thread.start()
        return thread


def shop(one, number, together):
    """Single orders, some again, some taken back, and bodies large enough to be parsed by a worker."""
    connection = one.connection()
    first = number * 100_000
    for n in range(N_ORDERS):
        mine = order(first + n, customer_id=n)
        expect(connection, [mine], accepted=1)
        if n % 10 == 0:
            expect(connection, [mine], duplicate=1)
            expect(connection, [order(first + n, customer_id=n, event="cancelled")], accepted=1)
        if n % (N_ORDERS // N_BULKS) == 0:
            bulk = [order(first + 1000 + n * BULK + i, customer_id=i, product_id=i % 97) for i in range(BULK)]
            body = lines(*bulk, order(first, quantity=-1))
            together.wait(60)
            expect_of(connection, body, accepted=BULK, rejected=1)
    connection.close()


def expect(connection, events, **counts):
    expect_of(connection, lines(*events), **counts)


def expect_of(connection, body, accepted=0, duplicate=0, rejected=0):
    answer = harness.ask(connection, "POST", "/v1/orders", body, {"Content-Type": NDJSON})
    told = answer.json()
    assert answer.status == 202, answer
    assert (told["accepted"], told["duplicate"], told["rejected"]) == (accepted, duplicate, rejected), told


def viewer(one, over):
    """Watches the live page, leaves, and comes back, again and again: every other time packed."""
    for gzip in itertools.cycle((True, False)):
        if over.is_set():
            break
        connection = one.connection()
        connection.request("GET", "/v1/stream", headers={"Accept-Encoding": "gzip"} if gzip else {})
        response = connection.getresponse()
        assert response.status == 200
        assert response.headers["Content-Encoding"] == ("gzip" if gzip else None)
        unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
        n_events = 0
        while n_events < 5 and not over.is_set():
            more = response.read1(65536)
            if not more:
                break
            n_events += (unpacker.decompress(more) if gzip else more).count(b"data:")
        response.close()
        connection.close()


def asker(one, over):
    connection = one.connection()
    for question in itertools.cycle(QUESTIONS):
        if over.is_set():
            break
        answer = harness.ask(connection, "GET", question)
        assert answer.status in (200, 404), (question, answer)
    connection.close()


def reload(one, customers, over):
    for n in itertools.count(1):
        if over.wait(0.1):
            break
        fresh = customers.with_suffix(".new")
        fresh.write_text(CUSTOMERS.format(n))
        os.replace(fresh, customers)
        one.signal(signal.SIGHUP)


def load_into(one, file):
    done = harness.run("load", file, "--to", one.url)
    assert done.returncode == 0, done


def test_all_threads_of_a_server_at_once(server, tmp_path):
    customers = tmp_path / "customers.csv"
    customers.write_text(CUSTOMERS.format(0))
    file = tmp_path / "more.ndjson"
    file.write_bytes(lines(*(order(50_000_000 + n, customer_id=n) for n in range(5000))))
    one = server("--customers", customers, *SMALL_BATCHES)
    together = threading.Barrier(N_SHOPS)
    crowd = Crowd()
    takers = [crowd.add(shop, one, number, together) for number in range(1, N_SHOPS + 1)]
    takers.append(crowd.add(load_into, one, file))
    for work in (viewer, viewer, viewer, asker, asker):
        crowd.add(work, one, crowd.over)
    crowd.add(reload, one, customers, crowd.over)
    for thread in takers:
        thread.join()
    assert crowd.problems or harness.metrics(one.get("/metrics").body.decode())[AHEAD][()] > 0
    harness.must_run("verify", "--data", one.data)  # beside viewers, questions and reloads
    crowd.over.set()
    one.post(order(60_000_000))  # an event for viewers that wait for one
    for thread in crowd.threads:
        thread.join()
    assert not crowd.problems
    one.stop()
    n_cancelled = N_SHOPS * N_ORDERS // 10
    accepted = N_SHOPS * (N_ORDERS + N_BULKS * BULK) + n_cancelled + 5000 + 1
    counts = harness.stored_counts(one.data)
    assert (counts["accepted"], counts["duplicate"], counts["rejected"]) == (accepted, n_cancelled, N_SHOPS * N_BULKS)
    harness.must_run("verify", "--data", one.data)


def test_the_threads_of_load_and_verify(tmp_path):
    """A parser that reads ahead of the engine, which judges while a batch is committed; bad rows; then all sums from
    raw orders again."""
    file, data = tmp_path / "many.ndjson", tmp_path / "data"
    customers = tmp_path / "customers.csv"
    customers.write_text(CUSTOMERS.format(0))
    rows = [json.dumps(order(n, customer_id=n % 700, product_id=n % 300)) for n in range(60_000)]
    rows[7::1000] = ["not an order"] * len(rows[7::1000])
    file.write_text("\n".join(rows) + "\n")
    done = harness.run("load", file, "--data", data, "--customers", customers, "--batch-events", "2000", "--log-level", "debug")
    assert done.returncode == 1, done  # since rows were rejected
    ahead = re.search(rb"([0-9]+) of [0-9]+ batches were judged while the one before was committed", done.stderr)
    assert int(ahead[1]) > 0, done
    counts = harness.stored_counts(data)
    assert (counts["accepted"], counts["rejected"]) == (59_940, 60)
    for command in ("verify", "rebuild", "verify"):
        harness.must_run(command, "--data", data)
