# SPDX-License-Identifier: MIT
"""Clients that keep books: what they sent, what was acknowledged, and what nobody knows.

After a crash an acknowledged event must be there once, an unanswered one there once or not at all, and
nothing else. Every event carries an amount made from its identity, so that a mix-up is seen as well.
"""

import contextlib
import http.client
import json
import random
import threading
import zlib

import harness

KINDS = {"placed": None, "cancelled": 1, "refunded": 2}


def amount_e4(identity):
    """The total of an event, as only this event has it."""
    return zlib.crc32(repr(identity).encode()) % 10_000_000


def event_of(identity):
    order_id, kind, event_id = identity
    amount = amount_e4(identity)
    fields = {"order_id": order_id, "created_at": "2024-05-01T10:00:00Z", "product_id": amount % 97, "quantity": 1,
              "total": f"{amount // 10_000}.{amount % 10_000:04d}", "source": f"s{amount % 7}"}  # fmt: skip
    if kind != "placed":
        fields["event"] = kind
    if event_id:
        fields["event_id"] = event_id
    return fields


class Ledger:
    """The books of all clients of one data directory."""

    def __init__(self, seed):
        self.seed = seed
        self.lock = threading.Lock()
        self.acknowledged = set()
        self.unanswered = set()  # sent, no answer: may be there or not
        self.recent = []  # of the last answered ones, for retries and refunds
        self.next_number = 0

    def identities(self, rng, n):
        """n events: mostly new orders, some retries, refunds and cancellations of known ones."""
        with self.lock:
            first = self.next_number
            self.next_number += n
            some = list(self.recent)
        made = []
        for number in range(first, first + n):
            roll = rng.random()
            if some and roll < 0.1:
                made.append(rng.choice(some))
            elif some and roll < 0.2:
                made.append((rng.choice(some)[0], "refunded", f"r{number}"))
            elif some and roll < 0.23:
                made.append((rng.choice(some)[0], "cancelled", None))
            elif roll < 0.6:
                made.append((number, "placed", None))
            else:  # an id of no order at all, as UUIDs are
                made.append((f"{rng.getrandbits(64):016x}-{number}", "placed", None))
        return made

    def note(self, identities, answered):
        with self.lock:
            if answered:
                self.acknowledged.update(identities)
                self.unanswered.difference_update(identities)
                self.recent = (self.recent + identities[-20:])[-40:]
            else:
                self.unanswered.update(i for i in identities if i not in self.acknowledged)

    def check(self, data):
        """Holds the tables against the books."""
        found = {}
        with harness.database(data) as db:
            for order_id, total in db.execute("SELECT order_id, total_e4 FROM order_rows"):
                identity = (order_id, "placed", None)
                assert identity not in found, f"{identity} is there twice (seed {self.seed})"
                found[identity] = total
            for order_id, kind, event_id, total in db.execute(
                "SELECT order_id, CASE event WHEN 1 THEN 'cancelled' ELSE 'refunded' END, NULLIF(event_id, ''), total_e4 "
                "FROM adjustment_rows"
            ):
                identity = (order_id, kind, event_id)
                assert identity not in found, f"{identity} is there twice (seed {self.seed})"
                found[identity] = total
        return self.compare(found)

    def compare(self, found):
        """Holds {identity: total} against the books."""
        lost = self.acknowledged - set(found)
        assert not lost, f"{len(lost)} acknowledged events are lost (seed {self.seed}): {sorted(map(str, lost))[:10]}"
        strange = set(found) - self.acknowledged - self.unanswered
        assert not strange, f"nobody sent these (seed {self.seed}): {sorted(map(str, strange))[:10]}"
        wrong = [i for i, total in found.items() if total != amount_e4(i)]
        assert not wrong, f"other content than was sent (seed {self.seed}): {wrong[:10]}"
        return found

    def settle(self, one, found):
        """Sends every unanswered event again: what was there is a duplicate, the rest is accepted."""
        left = sorted(self.unanswered, key=str)
        for at in range(0, len(left), 2000):
            chunk = left[at : at + 2000]
            answer = one.post(harness.lines(*map(event_of, chunk)), harness.NDJSON, timeout=60)
            body = answer.json()
            assert answer.status == 202, body
            assert body["rejected"] == 0, (self.seed, body["errors"][:5])
            n_there = sum(i in found for i in chunk)
            assert (body["duplicate"], body["accepted"]) == (n_there, len(chunk) - n_there), self.seed
            self.note(chunk, answered=True)


def mostly_one(rng):
    """How many events a body has, as single orders and now and then an import come in."""
    return rng.choice([1, 1, 1, 1, 3, 20, 100, rng.choice([100, 100, 100, 2000])])


def mostly_many(rng):
    """Bodies, some of which together are enough for `--batch-events 1000` to have two batches in flight."""
    return rng.choice([1, 20, *(rng.randint(1000, 2000) for _ in range(8))])


class Client(threading.Thread):
    """Posts until it is told to stop or the server is gone. `sizes` says how many events a body has. Those that have a
    barrier, `together`, spell some bodies before they begin, and post at the same time: Python would be too slow for
    much to wait in the server."""

    SPELLED_BEFORE = 4

    def __init__(self, one, ledger, rng, sizes=mostly_one, together=None):
        super().__init__(daemon=True)
        self.one = one
        self.ledger = ledger
        self.rng = rng
        self.sizes = sizes
        self.together = together
        self.stopped = threading.Event()
        self.problem = None

    def run(self):
        try:
            self.post_all()
        finally:
            if self.together is not None:
                self.together.abort()  # the others go on without

    def bodies(self):
        before = self.SPELLED_BEFORE if self.together is not None else 0
        spelled = [self.one_body() for _ in range(before)]
        while True:
            yield spelled.pop() if spelled else self.one_body()

    def one_body(self):
        identities = self.ledger.identities(self.rng, self.sizes(self.rng))
        return identities, *self.spell(identities)

    def wait_for_others(self):
        if self.together is not None:
            with contextlib.suppress(threading.BrokenBarrierError):
                self.together.wait(30)

    def post_all(self):
        connection = self.one.connection(timeout=30)
        for identities, form, body in self.bodies():
            self.wait_for_others()
            if self.stopped.is_set():
                return
            try:
                answer = harness.ask(connection, "POST", "/v1/orders", body, {"Content-Type": form})
            except (OSError, http.client.HTTPException):
                self.ledger.note(identities, answered=False)
                return
            except BaseException as problem:
                self.ledger.note(identities, answered=False)
                self.problem = problem
                return
            if answer.status != 202 or answer.json()["rejected"]:
                self.problem = AssertionError(answer)
                self.ledger.note(identities, answered=False)
                return
            self.ledger.note(identities, answered=True)

    def spell(self, identities):
        events = [event_of(i) for i in identities]
        if len(events) == 1:
            return harness.JSON, json.dumps(events[0]).encode()
        if self.rng.random() < 0.5:
            return harness.JSON, json.dumps(events).encode()
        return harness.NDJSON, harness.lines(*events)


def clients(one, ledger, rng, n=4):
    return start(Client(one, ledger, random.Random(rng.getrandbits(64))) for _ in range(n))


def clients_of_many(one, ledger, rng, n=4):
    """Returns when they begin to post: bodies of 1,000 events and more, at the same time."""
    begun = threading.Event()
    together = threading.Barrier(n, action=begun.set)
    started = start(Client(one, ledger, random.Random(rng.getrandbits(64)), mostly_many, together) for _ in range(n))
    assert begun.wait(60), "the clients did not begin"
    return started


def start(made):
    started = list(made)
    for client in started:
        client.start()
    return started


def join(started):
    for client in started:
        client.stopped.set()
    for client in started:
        client.join(60)
        assert not client.is_alive(), "a client hangs"
        if client.problem is not None:
            raise client.problem
