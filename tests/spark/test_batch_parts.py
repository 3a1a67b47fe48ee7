# SPDX-License-Identifier: MIT
"""A batch whose orders Spark has lost on the way: with stand-ins for Spark, the store and the archive."""

import pathlib
import subprocess
import textwrap

import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent

# What Spark keeps is asked twice: when tasks have run, and after the orders were written.
PROGRAM = """
import sys, types
sys.path.insert(0, sys.argv[1])
import salestide_batch, salestide_ranges as ranges, salestide_task as task
from salestide_failure import Failure

LOST = int(sys.argv[2])  # how often the orders are lost
SILENT = int(sys.argv[3])  # how often nothing comes of what the task of partition 1 says
WANTS_ROWS = sys.argv[4] == "rows"
seen = []

def answers():
    seen.append("asked")
    return [(p, task.TALLY, b"t") for p in (0, 1) if p == 0 or seen.count("asked") > SILENT]

class Row(types.SimpleNamespace):
    pass

class Frame:
    def __init__(self):
        self.asked = 0
    def mapInArrow(self, *_): return self
    def persist(self, *_): return self
    def unpersist(self): seen.append("unpersisted")
    def where(self, text): self.text = text; return self
    def select(self, *_): return self
    def collect(self):
        if "NOT NULL" in self.text:
            return [Row(partition=partition, status=status, tally=tally) for partition, status, tally in answers()]
        seen.append("checked")
        lost = seen.count("checked") <= LOST
        return [Row(partition=0)] + ([] if lost else [Row(partition=1)])

class Numbers:
    def mapPartitions(self, run): return self
    def collect(self): return answers()

class Tally:
    def state(self): return {"now_ms": 1, "minute_floor": 0, "hour_floor": 0, "gross": {}}
    def commit(self, topic, moves, tallies): seen.append(f"committed {len(tallies)}"); return 1

class Archive:
    def write_pending(self, *_): seen.append("pending"); return "p"
    def drop(self, name): seen.append("dropped")
    def finish(self, name): seen.append("finished")

topic = types.SimpleNamespace(name="sales", identity=lambda s: "")
common = task.Common(library="", shop=None, topic_id="", now_ms=0, minute_floor=0, hour_floor=0, gross_json="", has_raw=False,
                     wants_rows=WANTS_ROWS, window_dir=None, window_ms=1, window_max_bytes=1, source=task.Source("", "sales", ()))
places = types.SimpleNamespace(frame=lambda partitions: Frame(), numbers=lambda partitions: Numbers())
batches = salestide_batch.Batches(None, places, topic, Tally(), None, common, False, archive=Archive() if WANTS_ROWS else None)
batches.claims = {p: ranges.Claim(p, 0, 1, p, 0, 0, []) for p in (0, 1)}
try:
    batches._count(None, 7, {p: ranges.Range(p, 0, 0, 5) for p in (0, 1)})
except Failure as failure:
    seen.append(f"failed: {failure}")
print(seen)
"""


@pytest.fixture(scope="module")
def python():
    path = ROOT / "build/spark-venv/bin/python"
    assert path.exists(), "run make spark-deps"
    return path


def run(python, lost, silent=0, wants="rows"):
    done = subprocess.run([python, "-c", textwrap.dedent(PROGRAM), ROOT / "spark", str(lost), str(silent), wants], capture_output=True,
                          timeout=120, check=False, env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"})  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().replace("'asked', ", "")


def test_orders_that_are_all_there_are_committed_once(python):
    assert run(python, 0).strip() == str(["pending", "checked", "committed 2", "finished", "unpersisted"])


def test_orders_that_went_with_an_executor_are_made_again_before_the_commit(python):
    assert run(python, 1).strip() == str(["pending", "checked", "dropped", "unpersisted", "pending", "checked", "committed 2", "finished",
                                          "unpersisted"])  # fmt: skip


def test_orders_that_go_again_and_again_stop_the_job_and_are_not_counted(python):
    said = run(python, 99)
    assert "committed" not in said and "finished" not in said, said
    assert "failed: batch 7: an executor went with orders of the partitions [1]" in said, said


@pytest.mark.parametrize(("wants", "written", "given_back"), [("rows", ["pending", "checked"], ["finished", "unpersisted"]), ("tallies", [], [])])
def test_a_batch_of_which_an_answer_is_missing_is_done_again(python, wants, written, given_back):
    first = ["unpersisted"] if wants == "rows" else []
    assert run(python, 0, silent=1, wants=wants).strip() == str([*first, *written, "committed 2", *given_back])


@pytest.mark.parametrize("wants", ["rows", "tallies"])
def test_a_batch_of_which_an_answer_is_missing_every_time_counts_nothing(python, wants):
    said = run(python, 0, silent=99, wants=wants)
    assert "committed" not in said
    assert "failed: batch 7: nothing has come from the tasks of the partitions [1], 3 times; nothing of it was counted" in said
