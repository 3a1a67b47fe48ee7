# SPDX-License-Identifier: MIT
"""A full disk: orders are refused with 503 while it is full, nothing that was acknowledged is lost, and
the same process goes on when there is room again.

On a small tmpfs where one may be mounted (root), and everywhere by a limit on file sizes, which makes the
same writes fail (EFBIG instead of ENOSPC).
"""

import contextlib
import resource
import signal
import subprocess
import threading
import time

import pytest

import harness
from harness import NDJSON, lines, order

SIZE = 12 * 2**20


class SmallDisk:
    """A data directory with little room; fill() takes what is left, free() gives it back."""

    def __init__(self, directory):
        self.directory = directory
        self.ballast = directory / "ballast"

    def fill(self):
        with contextlib.suppress(OSError), open(self.ballast, "wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1 << 10, 64, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(b"\0" * size)

    def free(self):
        self.ballast.unlink(missing_ok=True)


@pytest.fixture
def small_disk(tmp_path):
    """A tmpfs of a few MiB, or None when this machine lets us mount nothing."""
    directory = tmp_path / "disk"
    directory.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(directory)], capture_output=True,
                          check=False)  # fmt: skip
    if done.returncode != 0:
        yield None
        return
    try:
        yield SmallDisk(directory)
    finally:
        for _ in range(50):
            if subprocess.run(["umount", str(directory)], capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.1)
        else:
            subprocess.run(["umount", "-l", str(directory)], check=True)


class Limited:
    """The same for a process whose files may not grow: the limit is lifted from outside (prlimit)."""

    def __init__(self, directory):
        self.directory = directory
        self.process = None

    @staticmethod
    def at_start():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # as a write that fails, not as a signal that kills

    def fill(self):
        sizes = [p.stat().st_size for p in self.directory.rglob("*") if p.is_file() and p.suffix != ".log"]
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (max(sizes), resource.RLIM_INFINITY))

    def free(self):
        if self.process.poll() is not None:
            return  # the limit went with the process
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@pytest.fixture(params=["small disk", "file size limit"])
def disk(request, tmp_path):
    if request.param == "small disk":
        small = request.getfixturevalue("small_disk")
        if small is None:
            pytest.skip("nothing can be mounted here (it takes root); the file size limit stands in for it")
        return small
    directory = tmp_path / "limited"
    directory.mkdir()
    return Limited(directory)


def start(server, disk):
    one = server(data=disk.directory / "data", limit=getattr(disk, "at_start", None))
    if isinstance(disk, Limited):
        disk.process = one.process
    return one


def pour(one, prefix, until, limit_s=60):
    """Posts batches until one is answered with a status in `until`; gives the ids that were acknowledged."""
    taken = []
    deadline = time.monotonic() + limit_s
    n = 0
    while time.monotonic() < deadline:
        ids = [f"{prefix}-{n}-{i}" for i in range(500)]
        answer = one.post(lines(*(order(i, source="x" * 50) for i in ids)), NDJSON)
        n += 1
        if answer.status == 202:
            assert answer.json()["accepted"] == 500
            taken += ids
        if answer.status in until:
            return taken, answer
        assert answer.status == 202, answer
    raise AssertionError(f"no answer of {until} within {limit_s} s, {len(taken)} orders were taken")


def stored(one):
    with harness.database(one.data) as db:
        return [row[0] for row in db.execute("SELECT order_id FROM order_rows")]


def test_a_full_disk_is_503_and_nothing_acknowledged_is_lost(disk, server):
    one = start(server, disk)
    taken = [f"before-{n}" for n in range(2000)]
    assert one.post([order(i) for i in taken]).json()["accepted"] == 2000
    disk.fill()
    more, answer = pour(one, "filling", {503})
    taken += more
    answer.problem(503)
    assert int(answer.headers["retry-after"]) >= 1
    for n in range(5):  # and it stays so
        one.post([order(f"full-{n}-{i}", source="y" * 90) for i in range(500)]).problem(503)
    assert one.get("/healthz").status == 200
    assert one.get("/readyz").status == 503
    one.get("/readyz").problem(503)

    disk.free()
    harness.wait_until(lambda: one.post(order("after")).status == 202, 30, "taking orders again")
    assert one.get("/readyz").status == 200
    more, _ = pour(one, "room", {202})
    taken += [*more, "after"]
    found = stored(one)
    assert len(found) == len(set(found))
    assert set(found) == set(taken)
    harness.must_run("verify", "--data", one.data)
    # what was refused can be sent again
    again = one.post([order(f"full-0-{i}", source="y" * 90) for i in range(500)])
    assert again.json()["accepted"] == 500
    one.stop()
    harness.must_run("verify", "--data", one.data)


def test_a_disk_that_fills_and_empties_under_load_loses_and_doubles_nothing(disk, server):
    one = start(server, disk)
    one.post(order("first"))
    taken, problems = [], []
    refused = []
    stop = threading.Event()

    def client(thread):
        connection = one.connection()
        n = 0
        while not stop.is_set():
            ids = [f"{thread}-{n}-{i}" for i in range(20)]
            n += 1
            body = lines(*(order(i) for i in ids))
            for _ in range(400):  # a client that retries, as it should
                try:
                    answer = harness.ask(connection, "POST", "/v1/orders", body, {"Content-Type": NDJSON})
                except Exception as problem:
                    problems.append(problem)
                    return
                if answer.status == 202:
                    if answer.json()["accepted"] != 20:
                        problems.append(answer)
                    taken.extend(ids)
                    break
                refused.append(answer.status)
                if stop.is_set():
                    break
                time.sleep(0.05)

    threads = [threading.Thread(target=client, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(4):
        disk.fill()
        before = len(refused)
        harness.wait_until(lambda before=before: len(refused) > before, 30, "a refusal")
        disk.free()
        before = len(taken)
        harness.wait_until(lambda before=before: len(taken) > before, 30, "taking orders again")
    stop.set()
    for thread in threads:
        thread.join(60)
    assert not problems
    assert set(refused) == {503}
    found = stored(one)
    assert len(found) == len(set(found))
    assert set(taken) | {"first"} == set(found)
    harness.must_run("verify", "--data", one.data)


def test_a_server_that_is_killed_on_a_full_disk_starts_when_there_is_room(disk, server):
    one = start(server, disk)
    disk.fill()
    taken, _ = pour(one, "filling", {503})
    one.kill()
    disk.free()
    one = start(server, disk)
    assert set(stored(one)) == set(taken)
    assert one.post(order("after")).status == 202
    harness.must_run("verify", "--data", one.data)


def test_a_start_on_a_full_disk_says_so(small_disk):
    if small_disk is None:
        pytest.skip("nothing can be mounted here; the other tests of this file limit a running process instead")
    small_disk.fill()
    done = harness.run("serve", "--listen", "127.0.0.1:0", "--data", small_disk.directory / "data", timeout=30)
    assert done.returncode == 1
    assert "sales.db" in done.stderr.decode() or "full" in done.stderr.decode() or "space" in done.stderr.decode()
