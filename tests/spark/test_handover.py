# SPDX-License-Identifier: MIT
"""`salestide process` and the job in Spark on one topic and into the same tables: the one, then the other while the first still
runs, and back; both at the same time. Who lost its claim says so, each order counts once, and the raw orders are there to prove it."""

import pytest

import harness
from spark_shop import WAIT_S
from test_job import SEED, produce

GIVEN_UP = "was taken over by another process: it is given up here"
# Only after so long of silence does a process take back what was taken from it.
PATIENT = ("--session-timeout", "5m")


def verified(one, *options):
    said = harness.must_run("verify", "--raw", one.raw, "--aggregates", one.mysql.url(one.name), *options, env=one.env)
    assert "all laws hold" in said, said
    return said


def start_beside(one, start):
    """Starts another one beside whoever counts now. Returns it when every partition is its own."""
    before = one.epochs()
    started = start()

    def has_claimed():
        assert started.process.poll() is None, started.log
        now = one.epochs()
        return all(now[partition] > epoch for partition, epoch in before.items())

    harness.wait_until(has_claimed, WAIT_S, "its claims")
    return started


def has_lost(job):
    assert job.wait() == 1
    assert len(job.errors()) == 1, job.log
    assert "another process counts this topic now" in job.errors()[0]


@pytest.mark.timeout(1200)
def test_the_job_goes_on_behind_a_program_that_still_runs_and_the_program_behind_the_job(shop):
    one = shop(raw=True)
    produce(one, 500)
    first = one.processor(*PATIENT)
    one.wait_drained(WAIT_S)
    job = start_beside(one, one.job)
    claimed = one.epochs()
    produce(one, 500, SEED + 70)
    harness.wait_until(lambda: GIVEN_UP in first.log, WAIT_S, "the program to be fenced")
    one.wait_drained(WAIT_S)
    assert first.process.poll() is None and first.metric("salestide_fenced_total") > 0
    assert one.epochs() == claimed
    first.stop()
    second = start_beside(one, lambda: one.processor(*PATIENT))
    produce(one, 500, SEED + 70)  # every order a second time
    has_lost(job)
    one.wait_drained(WAIT_S)
    second.stop()
    expected = one.check()
    assert expected.reference.counts["duplicate"] > 250
    assert f"{expected.reference.received} events received" in verified(one)


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_both_at_once_take_the_partitions_from_each_other_again_and_again(shop):
    """The program takes back what the job took, since its group leaves the partitions to it; the job is started again
    whenever it has lost."""
    one = shop(raw=True)
    process, seed = one.processor(), SEED + 80
    produce(one, 500, seed)
    one.wait_drained(WAIT_S)
    for _ in range(3):
        job = start_beside(one, one.job)
        while job.process.poll() is None:
            seed += 1
            produce(one, 200, seed)
            produce(one, 200, seed)
            one.wait_drained(WAIT_S)
        has_lost(job)
    assert GIVEN_UP in process.log
    one.wait_drained(WAIT_S)
    process.stop()
    one.run_job()  # behind the program again
    one.check()
    verified(one)
