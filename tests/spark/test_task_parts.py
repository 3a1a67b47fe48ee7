# SPDX-License-Identifier: MIT
"""What a Python worker keeps from one task to the next: with stand-ins for the reader."""

import pathlib
import subprocess
import textwrap

import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent

PROGRAM = """
import sys, zipimport
sys.path.insert(0, sys.argv[1])
import pyarrow as pa
import salestide_kernel, salestide_reader, salestide_task as task, salestide_worker as worker

task.SparkFiles = type("Files", (), {"get": staticmethod(lambda name: name)})
seen = []

class Reader:
    fails = False
    def __init__(self, path, topic, settings, timeout_ms):
        self.name = settings["name"]
        seen.append(f"made {self.name}")
    def batches(self, partition, start, to):
        seen.append(f"{self.name} reads {partition} {start} {to}")
        yield pa.RecordBatch.from_pydict({"value": list(range(25_000))})
        if Reader.fails:
            raise salestide_kernel.KernelError(5, "gone")
    def close(self):
        seen.append(f"closed {self.name}")

salestide_reader.Reader = Reader
one, two = (task.Source("lib", "sales", (("name", name),)) for name in "ab")
part = task.Part(0, 3, 9, 1, 0, 0, 0, ())
"""
KEPT = 'for _ in range(2): assert len(list(task.messages_of(one, 4, part))) == 1\nlist(task.messages_of(two, 4, part))\nprint(seen)'
FAILED = """
Reader.fails = True
try:
    list(task.messages_of(one, 4, part))
except salestide_kernel.KernelError:
    Reader.fails = False
list(task.messages_of(one, 4, part))
print(seen)
"""
LEFT = "pieces = task.messages_of(one, 4, part)\nnext(pieces)\npieces.close()\nlist(task.messages_of(one, 4, part))\nprint(seen)"
FORGOTTEN = """
import json, zipfile
with zipfile.ZipFile(sys.argv[2], "w") as file:
    file.writestr("only_in_there.py", "found = True")
    file.writestr("and_this.py", "found = True")
sys.path.append(sys.argv[2])
import only_in_there
assert any(isinstance(one, zipimport.zipimporter) for one in sys.path_importer_cache.values())
worker.forget_archives()
assert not any(isinstance(one, zipimport.zipimporter) for one in sys.path_importer_cache.values())
import and_this
print([and_this.found])
"""
SET_ASIDE = """
import gc
for _ in range(3):
    worker.settle()
    worker.set_aside = None  # a second time
print([gc.get_freeze_count() > 10_000])
"""
ACKNOWLEDGED = """
import socket
TCP = (socket.IPPROTO_TCP, socket.TCP_QUICKACK)
with socket.create_server(("127.0.0.1", 0)) as listens:
    ours = socket.create_connection(listens.getsockname())
    theirs, _ = listens.accept()
pair = socket.socketpair()  # Unix's own have no such thing
ours.setsockopt(*TCP, 0)
before = ours.getsockopt(*TCP)
worker.acknowledge()
after = ours.getsockopt(*TCP)
theirs.sendall(b"whole")
print([before, after, ours.recv(9)])
"""
TALLIES = """
class Task:
    needs_history = False
    def __init__(self, **told): self.told = told
    def __enter__(self): return self
    def __exit__(self, *_): seen.append("freed")
    def tally(self, to): return b"to %d" % to
task.shop_of = lambda common: type("Shop", (), {"task": staticmethod(lambda **told: Task(**told))})
task._push = lambda common, one, piece: seen.append(piece.num_rows) or ()
common = task.Common(library="", shop=None, topic_id="", now_ms=0, minute_floor=0, hour_floor=0, gross_json="", has_raw=False,
                     wants_rows=False, window_dir=None, window_ms=1, window_max_bytes=1, source=one)
found = list(task.tallies(common, {4: part, 7: part}, iter([b"7", b"4"])))
Task.needs_history = True
print([found, list(task.tallies(common, {4: part}, iter([b"4"])))[0], seen])
"""


@pytest.fixture(scope="module")
def python():
    path = ROOT / "build/spark-venv/bin/python"
    assert path.exists(), "run make spark-deps"
    return path


def run(python, code, *arguments):
    done = subprocess.run([python, "-c", textwrap.dedent(PROGRAM) + code, ROOT / "spark", *arguments], capture_output=True, timeout=120,
                          check=False, env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"})  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def test_connections_are_kept_for_the_next_task_of_the_same_source(python):
    assert run(python, KEPT) == str(["made a", "a reads 4 3 9", "a reads 4 3 9", "closed a", "made b", "b reads 4 3 9"])


def test_a_reader_that_failed_is_made_anew(python):
    assert run(python, FAILED) == str(["made a", "a reads 4 3 9", "closed a", "made a", "a reads 4 3 9"])


def test_a_range_that_is_left_in_its_middle_takes_its_reader_along(python):
    assert run(python, LEFT) == str(["made a", "a reads 4 3 9", "closed a", "made a", "a reads 4 3 9"])


def test_a_worker_forgets_archives_and_still_imports_from_them(python, tmp_path):
    assert run(python, FORGOTTEN, tmp_path / "some.zip") == "[True]"


def test_what_a_worker_has_at_its_first_task_is_not_looked_through_again(python):
    assert run(python, SET_ASIDE) == "[True]"


def test_a_task_is_acknowledged_at_once_and_nothing_else_changes(python):
    assert run(python, ACKNOWLEDGED) == "[0, 1, b'whole']"


def test_where_no_orders_are_wanted_partitions_give_tallies_alone(python):
    reads = [f"a reads {partition} 3 9" for partition in (7, 4)]
    seen = ["made a", reads[0], 25000, "freed", reads[1], 25000, "freed", "freed"]
    assert run(python, TALLIES) == str([[(7, "tally", b"to 9"), (4, "tally", b"to 9")], (4, "history", None), seen])


def test_rows_go_to_spark_in_small_batches(python):
    assert run(python, "print([b.num_rows for b in task._small(task.messages_of(one, 4, part))])") == "[10000, 10000, 5000]"
