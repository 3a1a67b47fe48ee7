# SPDX-License-Identifier: MIT
"""Orders that keep coming while something breaks: clients of `ingest` that keep books (crash/ledger.py)."""

import contextlib
import http.client
import random
import time

import harness
import ledger


class PatientClient(ledger.Client):
    """Goes on after an answer of 503 and after a broken connection, as a shop does: with the next orders.
    What was not acknowledged may be there or not."""

    pause_s = 0.02

    def run(self):
        connection = self.one.connection(timeout=60)
        try:
            while not self.stopped.is_set():
                identities = self.ledger.identities(self.rng, self.rng.choice([1, 1, 3, 20, 50]))
                connection = self.send(connection, identities)
                time.sleep(self.pause_s)
        except BaseException as problem:
            self.problem = problem
        finally:
            connection.close()

    def send(self, connection, identities):
        form, body = self.spell(identities)
        try:
            answer = harness.ask(connection, "POST", "/v1/orders", body, {"Content-Type": form})
        except (OSError, http.client.HTTPException):
            self.ledger.note(identities, answered=False)
            connection.close()
            return self.one.connection(timeout=60)
        answered = answer.status == 202
        self.ledger.note(identities, answered=answered)
        if answered:
            assert answer.json()["rejected"] == 0, answer
        else:
            assert answer.status == 503, answer
            assert int(answer.headers["retry-after"]) > 0, answer
        return connection


@contextlib.contextmanager
def orders(door, books, n_clients=2):
    """While inside, orders come. Gives a function that waits until n more are acknowledged."""
    rng = random.Random(books.seed)
    clients = [PatientClient(door, books, random.Random(rng.getrandbits(64))) for _ in range(n_clients)]
    for client in clients:
        client.start()

    def wait_acknowledged(n, timeout_s=60):
        began = len(books.acknowledged)
        harness.wait_until(
            lambda: len(books.acknowledged) >= began + n or any(c.problem for c in clients), timeout_s,
            f"the acknowledgement of {n} more orders",
        )  # fmt: skip

    try:
        yield wait_acknowledged
    finally:
        ledger.join(clients)
