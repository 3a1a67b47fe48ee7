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
import salestide_kernel, salestide_reader, salestide_task as task

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
task.forget_archives()
assert not any(isinstance(one, zipimport.zipimporter) for one in sys.path_importer_cache.values())
import and_this
print([and_this.found])
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


def test_rows_go_to_spark_in_small_batches(python):
    assert run(python, "print([b.num_rows for b in task._small(task.messages_of(one, 4, part))])") == "[10000, 10000, 5000]"
