# SPDX-License-Identifier: MIT
"""kill -9 under load, again and again: what was acknowledged is there once, and every law holds.

CRASH_KILLS is how many times (50 in CI, 1,000 by `make crash`), CRASH_SEED the seed, which is printed.
SALESTIDE_FAULT_BIN is a program built with -DSALESTIDE_FAULTS, which kills itself, or tells itself to stop, at named points.
"""

import contextlib
import os
import random
import sqlite3
import subprocess
import time

import pytest

import harness
import ledger

KILLS = harness.number_of("CRASH_KILLS", 50)
SEED = int(os.environ.get("CRASH_SEED", time.time_ns() % 10**9))
PER_DIRECTORY = 10  # then a new one, so that checking stays quick
# With bodies of 1,000 events and more the next batch is judged while one is committed.
SMALL_BATCHES = ("--batch-events", "1000")
POINTS = ["engine-before-begin", "engine-before-commit", "engine-after-commit", "engine-before-settle", "store-after-rows",
          "store-after-cells", "store-before-commit", "store-after-commit", "store-checkpoint"]  # fmt: skip


def check_after_crash(directory, books, *options):
    """Restarts on the same data, checks everything, retries what was unanswered; the new server goes on."""
    one = harness.Server(directory, *options)
    try:
        harness.must_run("verify", "--data", one.data)
        books.settle(one, books.check(one.data))
    except BaseException:
        one.kill()
        raise
    return one


def batches_ahead(one):
    return int(harness.metrics(one.get("/metrics").body.decode())["salestide_batches_ahead_total"][()])


@pytest.mark.timeout(60 + 12 * KILLS)
def test_kills_at_random_times_lose_nothing_and_double_nothing(tmp_path):
    print(f"CRASH_SEED={SEED} CRASH_KILLS={KILLS}")
    rng = random.Random(SEED)
    kills = 0
    n_events = n_ahead = 0
    while kills < KILLS:
        directory = tmp_path / f"shop-{kills}"
        directory.mkdir()
        books = ledger.Ledger(SEED)
        two_in_flight = kills // PER_DIRECTORY % 2 == 0
        options = SMALL_BATCHES if two_in_flight else ()
        one = harness.Server(directory, *options)
        for turn in range(min(PER_DIRECTORY, KILLS - kills)):
            if two_in_flight:
                started = ledger.clients_of_many(one, books, rng)
                if turn % 3 == 0:  # now and then it is looked at that they were
                    n_ahead += harness.wait_until(lambda one=one: batches_ahead(one), 30, "a batch that goes ahead")
                time.sleep(rng.choice([rng.uniform(0, 0.1), rng.uniform(0, 0.3)]))
            else:
                started = ledger.clients(one, books, rng)
                time.sleep(rng.choice([rng.uniform(0.02, 0.2), rng.uniform(0.02, 0.8)]))
            one.kill()
            kills += 1
            ledger.join(started)
            if rng.random() < 0.15:  # and once more, while it recovers
                again = harness.Server(directory, wait=False)
                time.sleep(rng.uniform(0, 0.05))
                again.kill()
            one = check_after_crash(directory, books, *options)
        one.stop()
        books.check(one.data)
        before = harness.stored_aggregates(one.data)
        harness.must_run("rebuild", "--data", one.data)
        assert harness.stored_aggregates(one.data) == before, SEED
        harness.must_run("verify", "--data", one.data)
        n_events += len(books.acknowledged)
        assert not books.unanswered
    print(f"{kills} kills, {n_events} acknowledged events, none lost, none doubled; {n_ahead} batches seen that went ahead")
    assert n_events > 50 * KILLS, "the clients hardly got anything through: the test says little"
    assert n_ahead > 0, "no batch was seen that was judged while another was committed"


# Of serve with much to do: one is handed over, the next one judged. Then the other points once.
IN_FLIGHT_OF_SERVE = [("engine-handed-over", 1), ("engine-handed-over", 4), ("engine-judged-ahead", 1), ("engine-judged-ahead", 4),
                      *((point, 1 if point == "store-checkpoint" else 3) for point in POINTS)]  # fmt: skip


@pytest.mark.parametrize("nth", [1, 2, 7])
@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_a_named_point_loses_nothing(tmp_path, point, nth):
    if point == "store-checkpoint" and nth > 2:
        nth = 3  # they are seldom
    kill_at_a_point(tmp_path, point, nth, ledger.clients)


@pytest.mark.parametrize(("point", "nth"), IN_FLIGHT_OF_SERVE)
def test_a_kill_of_serve_with_two_batches_in_flight_loses_nothing(tmp_path, point, nth):
    kill_at_a_point(tmp_path, point, nth, ledger.clients_of_many, *SMALL_BATCHES)


def kill_at_a_point(tmp_path, point, nth, clients, *options):
    program = harness.binary("SALESTIDE_FAULT_BIN", "build/faults/salestide")
    rng = random.Random(f"{SEED}{point}{nth}")
    books = ledger.Ledger(SEED)
    one = harness.Server(tmp_path, *options, program=program, env={"SALESTIDE_FAULT": f"{point}:{nth}"}, wait=False)
    started = []
    deadline = time.monotonic() + 40
    try:
        if wait_for_address(one):
            started = clients(one, books, rng, 3)
        while one.process.poll() is None:
            assert time.monotonic() < deadline, f"{point} was not passed {nth} times"
            time.sleep(0.01)
    finally:
        one.kill()
    assert one.process.returncode == -9, one.log
    ledger.join(started)
    one = check_after_crash(tmp_path, books, *options)
    try:
        started = clients(one, books, rng, 3)
        time.sleep(0.3)
    finally:
        ledger.join(started)
        one.stop()
    books.check(one.data)
    harness.must_run("verify", "--data", one.data)


def wait_for_address(one):
    """False when the program was killed before it listened, which a point at the start may do."""
    deadline = time.monotonic() + harness.START_TIMEOUT_S
    while time.monotonic() < deadline:
        match = harness.ADDRESS.search(one.log)
        if match:
            one.port = int(match[2])
            return True
        if one.process.poll() is not None:
            return False
        time.sleep(0.01)
    raise AssertionError(one.log)


def test_a_load_that_is_killed_and_begun_again_ends_as_one_that_was_not(tmp_path):
    rng = random.Random(SEED)
    books = ledger.Ledger(SEED)
    identities = [i for _ in range(150) for i in books.identities(rng, 1000)]
    file = tmp_path / "orders.ndjson"
    file.write_bytes(harness.lines(*map(ledger.event_of, identities)))
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    start = time.monotonic()
    harness.must_run("load", file, "--data", whole)
    took = time.monotonic() - start
    killed = 0
    for _ in range(8):
        process = subprocess.Popen([harness.binary(), "load", file, "--data", broken], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, env=harness.clean_env())  # fmt: skip
        time.sleep(rng.uniform(0, took))
        if process.poll() is None:
            process.kill()
            killed += 1
        process.wait(30)
        if (broken / "sales.db").exists() and harness.run("verify", "--data", broken).returncode != 0:
            # only one whose tables were not made yet may be refused
            with pytest.raises(sqlite3.OperationalError, match="no such table"):
                harness.stored_counts(broken)
    assert killed > 0, SEED
    harness.must_run("load", file, "--data", broken)
    harness.must_run("verify", "--data", broken)
    assert harness.stored_aggregates(broken) == harness.stored_aggregates(whole)
    assert harness.stored_events(broken) == harness.stored_events(whole)


@pytest.fixture(scope="module")
def in_flight(tmp_path_factory):
    """A file whose events repeat and take back those shortly before, and what is stored when it is loaded in one go."""
    rng = random.Random(SEED)
    folder = tmp_path_factory.mktemp("in-flight")
    placed = ledger.Ledger(SEED).identities(rng, 40_000)
    identities = list(placed)
    for n in range(4_000):
        at = rng.randrange(len(placed))
        other = placed[at] if n % 2 == 0 else (placed[at][0], "refunded", f"r{n}")
        identities.insert(min(at + rng.randrange(1, 3_000), len(identities)), other)
    file = folder / "orders.ndjson"
    file.write_bytes(harness.lines(*map(ledger.event_of, identities)))
    load_small(harness.binary(), file, folder / "whole", check=True)
    return file, folder / "whole"


def load_small(program, file, data, check=False, env=None):
    """Small batches, of one of the loader's submissions each, so that two are in flight most of the time."""
    return subprocess.run([program, "load", file, "--data", data, "--batch-events", "5000"], check=check, timeout=60,
                          capture_output=True, env=harness.clean_env(env))  # fmt: skip


def goes_on_to_the_same_end(file, broken, whole):
    harness.must_run("verify", "--data", broken)
    load_small(harness.binary(), file, broken, check=True)
    harness.must_run("verify", "--data", broken)
    assert harness.stored_aggregates(broken) == harness.stored_aggregates(whole), SEED
    assert harness.stored_events(broken) == harness.stored_events(whole), SEED


IN_FLIGHT = [("engine-handed-over", 1), ("engine-handed-over", 3), ("engine-judged-ahead", 1), ("engine-judged-ahead", 3),
             *((point, 3) for point in POINTS if point not in ("engine-before-begin", "store-checkpoint"))]  # fmt: skip


@pytest.mark.parametrize(("point", "nth"), IN_FLIGHT)
def test_a_kill_with_two_batches_in_flight_loses_nothing(tmp_path, in_flight, point, nth):
    file, whole = in_flight
    program = harness.binary("SALESTIDE_FAULT_BIN", "build/faults/salestide")
    killed = load_small(program, file, tmp_path / "broken", env={"SALESTIDE_FAULT": f"{point}:{nth}"})
    assert killed.returncode == -9, killed.stderr.decode()
    goes_on_to_the_same_end(file, tmp_path / "broken", whole)


@pytest.mark.parametrize("point", ["engine-handed-over", "engine-judged-ahead"])
def test_a_load_that_is_told_to_stop_finishes_the_batches_in_flight(tmp_path, in_flight, point):
    """SIGTERM comes at the point itself: one batch is handed over, and a quarter of one or more waits behind it."""
    file, whole = in_flight
    broken = tmp_path / "broken"
    program = harness.binary("SALESTIDE_FAULT_BIN", "build/faults/salestide")
    with open(file, "rb") as lines:
        some = lines.read(5_000_000)
    process = subprocess.Popen([program, "load", "-", "--data", broken, "--batch-events", "5000"],
                               env=harness.clean_env({"SALESTIDE_FAULT": f"{point}:1:stop"}), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
    with contextlib.suppress(BrokenPipeError):  # it reads on no more
        process.stdin.write(some)  # and the rest never comes
        process.stdin.flush()
    try:
        said = process.communicate(timeout=30)[0].decode()
    finally:
        process.kill()
    assert process.returncode == 1, said
    accepted = int(said.split(" accepted")[0].split()[-1].replace(",", ""))
    assert harness.stored_counts(broken)["accepted"] == accepted, said
    assert 0 < accepted < some.count(b"\n"), said
    goes_on_to_the_same_end(file, broken, whole)
