# SPDX-License-Identifier: MIT
"""`salestide backup`: a copy of a data directory that is written meanwhile, whole and of one instant; what it refuses."""

import itertools
import os
import random
import resource
import signal
import sqlite3
import subprocess
import threading
import time

import pytest

import harness
from harness import NDJSON, lines, order

BACKUPS = harness.number_of("BACKUPS", 5)
SEED = int(os.environ.get("BACKUP_SEED", time.time_ns() % 10**9))


def backup(data, file, **more):
    return harness.run("backup", file, "--data", data, **more)


def said(done):
    return (done.stdout + done.stderr).decode()


def counts(file, how="immutable=1"):
    """Of a copy that nobody has open; of a store in use with how="mode=ro"."""
    db = sqlite3.connect(f"file:{file}?{how}", uri=True)
    try:
        (orders,) = db.execute("SELECT count(*) FROM order_rows").fetchone()
        return orders, db.execute("SELECT accepted, received FROM pipeline_state").fetchone()
    finally:
        db.close()


class Load:
    """Clients that post without pause; `acknowledged` is how many orders were answered so far."""

    def __init__(self, server, first):
        self.server, self.numbers = server, itertools.count(first)
        self.acknowledged, self.failures = 0, []
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            while not self.ends.is_set():
                body = lines(*(order(f"o-{n}", state="CA", product_id=f"p-{n % 7}") for n in itertools.islice(self.numbers, 40)))
                answer = self.server.post(body, NDJSON)
                assert answer.json()["accepted"] == 40, answer
                self.acknowledged += 40
        except Exception as failure:
            self.failures.append(failure)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.thread.join()
        assert not self.failures


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """A server whose store has some megabytes and that is never at rest."""
    one = harness.Server(tmp_path_factory.mktemp("busy"))
    try:
        for begin in range(0, 40_000, 4000):
            assert one.post(lines(*(order(n, source=f"S{n % 50}", product_id=n % 500) for n in range(begin, begin + 4000))), NDJSON).status == 202
        yield one
    finally:
        one.stop()


@pytest.mark.timeout(120 + 20 * BACKUPS)
def test_a_copy_made_under_load_at_any_moment_holds_every_law_and_what_was_acknowledged_before(busy, tmp_path):
    print(f"BACKUP_SEED={SEED} BACKUPS={BACKUPS}")
    rng = random.Random(SEED)
    for n in range(BACKUPS):
        before = counts(busy.data / "sales.db", "mode=ro")[0]
        with Load(busy, n * 1_000_000) as load:
            time.sleep(rng.uniform(0, 0.5))
            acknowledged = load.acknowledged
            file = tmp_path / f"copy-{n}.db"
            done = backup(busy.data, file)
            answered = load.acknowledged
        assert done.returncode == 0, said(done)
        orders, (accepted, received) = counts(file)
        assert before + acknowledged <= orders <= before + answered + 40  # the last request may be in it, not answered
        assert accepted == received == orders
        assert f"{orders} orders" in said(done)
        assert "all laws hold" in said(done)
        restored = tmp_path / f"restored-{n}"
        restored.mkdir(mode=0o700)
        file.rename(restored / "sales.db")
        assert f"{orders} orders" in harness.must_run("verify", "--data", restored)
        again = harness.Server(tmp_path, data=restored)  # and goes on: it knows what it has, and takes more
        try:
            assert again.post(order(7, source="S7", product_id=7)).json() == {"accepted": 0, "duplicate": 1, "rejected": 0, "errors": []}
            assert again.post(order("new")).json()["accepted"] == 1
        finally:
            again.stop()
        assert not [one for one in tmp_path.iterdir() if one.name.startswith("copy-")]


def test_it_is_for_its_owner_alone_and_replaces_nothing(busy, tmp_path):
    file = tmp_path / "copy.db"
    os.umask(os.umask(0o022))
    assert backup(busy.data, file).returncode == 0
    assert file.stat().st_mode & 0o777 == 0o600
    was = file.read_bytes()
    done = backup(busy.data, file)
    assert done.returncode == 2
    assert f"{file} is there" in said(done)
    assert file.read_bytes() == was
    other = tmp_path / "other.db"
    part = tmp_path / "other.db.part"
    part.write_text("of somebody else")
    done = backup(busy.data, other)
    assert done.returncode == 2
    assert "another backup is at work" in said(done)
    assert part.read_text() == "of somebody else"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["copy.db", "other.db.part"]


def test_two_at_a_time_for_one_name_give_one_whole_copy(busy, tmp_path):
    file = tmp_path / "copy.db"
    command = [str(harness.binary()), "backup", str(file), "--data", str(busy.data)]
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=harness.clean_env()) for _ in range(2)]
    codes = sorted(one.wait(60) for one in running)
    assert codes == [0, 2]
    assert counts(file)[0] >= 40_000


def test_one_that_is_stopped_leaves_nothing(busy, tmp_path):
    for attempt in range(20):
        file = tmp_path / f"copy-{attempt}.db"
        running = subprocess.Popen([str(harness.binary()), "backup", str(file), "--data", str(busy.data)], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, env=harness.clean_env())  # fmt: skip
        part = tmp_path / f"copy-{attempt}.db.part"
        deadline = time.monotonic() + 20
        while not part.exists() and running.poll() is None and time.monotonic() < deadline:
            pass
        running.send_signal(signal.SIGTERM)
        output = running.communicate(timeout=60)[0].decode()
        if running.returncode != 0:
            assert running.returncode == 2, output
            assert "stopped before the copy was complete" in output
            assert not part.exists()
            assert not file.exists()
            return
    raise AssertionError("never stopped while it copied")


def limited():
    """Files may not grow past 1 MiB: to a program the same as a disk that is full."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


def test_a_place_without_room_is_told_and_nothing_is_left_there(busy, tmp_path):
    done = subprocess.run([str(harness.binary()), "backup", str(tmp_path / "copy.db"), "--data", str(busy.data)], capture_output=True,
                          timeout=60, env=harness.clean_env(), preexec_fn=limited, check=False)  # fmt: skip
    assert done.returncode == 1, said(done)
    assert f"salestide backup: copying in {tmp_path / 'copy.db'}" in said(done) and "space" in said(done)
    assert not list(tmp_path.iterdir())
    harness.must_run("verify", "--data", busy.data)


def test_a_store_that_does_not_add_up_is_told_and_its_copy_kept_aside(tmp_path):
    one = harness.Server(tmp_path)
    one.post([order(1), order(2)])
    one.stop()
    with sqlite3.connect(one.data / "sales.db") as db:
        db.execute("UPDATE total_cells SET total_e4 = total_e4 + 1")
    db.close()
    file = tmp_path / "copy.db"
    done = backup(one.data, file)
    assert done.returncode == 1, said(done)
    assert "does not add up" in said(done)
    assert not file.exists()
    assert counts(f"{file}.part")[0] == 2


def test_what_is_no_such_directory_or_no_place_for_a_file_is_told_in_a_line(busy, tmp_path):
    for arguments, words in ((["--data", str(busy.data)], "say which file"), ([tmp_path / "a", tmp_path / "b", "--data", busy.data], "say which file"),
                             ([tmp_path / "no" / "a", "--data", busy.data], "No such file or directory"),
                             ([tmp_path / "a", "--data", tmp_path / "none"], "is --data right?")):  # fmt: skip
        done = harness.run("backup", *arguments)
        assert done.returncode == 2, said(done)
        assert words in said(done)
        assert len(said(done).splitlines()) == 1
    assert not list(tmp_path.iterdir())
