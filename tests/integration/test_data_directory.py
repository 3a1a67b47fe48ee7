# SPDX-License-Identifier: MIT
"""The data directory in other hands: sales.db deleted, replaced, lost, on media that cannot be written,
read by tools for a long time; keys made by root; a disk that is full at the start."""

import contextlib
import json
import os
import pathlib
import pwd
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import threading
import time

import pytest

import harness
from harness import NDJSON, lines, order

AS_ROOT = os.geteuid() == 0
MIB = 2**20


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def wal_bytes(data):
    return (data / "sales.db-wal").stat().st_size


# --- sales.db under a running server


@pytest.mark.parametrize("what", ["sales.db", "sales.db-wal"])
@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_a_file_that_goes_under_the_server_is_noticed_at_the_next_commit(server, what, how):
    one = server()
    assert one.post([order(1), order(2)]).status == 202
    kept = one.data / "kept"
    os.rename(one.data / what, kept)
    if how == "replaced":
        shutil.copy(kept, one.data / what)
    one.post(order(3)).problem(503)
    one.get("/readyz").problem(503)
    one.post(order(4)).problem(503)  # and it stays so
    harness.wait_until(lambda: f"{what} was" in one.log, what="a line that says what happened")
    if how == "deleted":
        assert not (one.data / "sales.db").exists() or what != "sales.db", "a new shop was begun"
    one.kill()


def test_a_file_that_goes_while_nothing_comes_is_noticed_as_well(server):
    one = server()
    assert one.post(order(1)).status == 202
    os.rename(one.data / "sales.db", one.data / "kept")
    harness.wait_until(lambda: one.get("/readyz").status == 503, 20, "a server that is not ready")
    one.kill()


def test_a_file_that_is_put_back_goes_on(server):
    one = server()
    assert one.post(order(1)).status == 202
    os.rename(one.data / "sales.db", one.data / "kept")
    one.post(order(2)).problem(503)
    os.rename(one.data / "kept", one.data / "sales.db")
    harness.wait_until(lambda: one.post(order(3)).status == 202, 30, "taking orders again")
    assert one.get("/readyz").status == 200
    assert one.post(order(1)).json()["duplicate"] == 1
    one.stop()
    harness.must_run("verify", "--data", one.data)


@pytest.mark.parametrize("left", [-1, -8192, 4096, 0])
def test_a_file_that_is_cut_in_place_is_noticed_at_the_next_commit(server, left):
    one = server()
    many = harness.lines(*[order(i, source=f"s{i}", note="x" * 200) for i in range(1, 2001)])
    assert one.post(many, harness.NDJSON).status == 202
    one.stop()
    one = server()  # all of it is in sales.db by now
    assert one.post(order(3000)).status == 202
    size = (one.data / "sales.db").stat().st_size
    os.truncate(one.data / "sales.db", size + left if left < 0 else left)
    one.post(order(3001)).problem(503)
    one.get("/readyz").problem(503)
    one.post(order(3002)).problem(503)  # and it stays so
    harness.wait_until(lambda: "sales.db was cut" in one.log, what="a line that says what happened")
    one.kill()


@pytest.mark.parametrize("left", [-1, -4120, 4152, 32, 0])
def test_a_log_that_is_cut_in_place_is_noticed_at_the_next_commit(server, left):
    one = server()
    for i in range(1, 20):
        assert one.post(order(i)).status == 202
    log = one.data / "sales.db-wal"
    os.truncate(log, log.stat().st_size + left if left < 0 else left)
    one.post(order(3001)).problem(503)
    one.get("/readyz").problem(503)
    one.post(order(3002)).problem(503)
    harness.wait_until(lambda: "sales.db-wal was cut" in one.log, what="a line that says what happened")
    one.kill()


def test_a_log_that_is_cut_while_somebody_copies_it_is_not_written_to(server):
    one = server()
    for i in range(1, 20):
        assert one.post(order(i)).status == 202
    reader, copier = (sqlite3.connect(one.data / "sales.db", timeout=60, check_same_thread=False) for _ in range(2))
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM sqlite_master").fetchall()
    assert one.post(order(30)).status == 202  # which the reader does not see, so no copy is complete

    def copies():
        with contextlib.suppress(sqlite3.Error):  # in the end it finds that pages are missing
            while copier.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[0] == 1:
                time.sleep(0.05)  # the one below was first

    copy = threading.Thread(target=copies)
    copy.start()
    watcher = sqlite3.connect(one.data / "sales.db")
    harness.wait_until(lambda: watcher.execute("PRAGMA wal_checkpoint").fetchone()[0] == 1, 20, "a copy that waits")
    os.truncate(one.data / "sales.db-wal", 4152)
    one.post(order(3001)).problem(503)
    reader.close()
    copy.join()
    harness.wait_until(lambda: b"sales.db-wal was cut" in one.get("/readyz").body, 20, "a server that says what happened")
    one.post(order(3002)).problem(503)
    one.kill()


def test_a_log_that_a_checkpoint_has_made_shorter_is_no_cut(server):
    one = server()
    for i in range(1, 20):
        assert one.post(order(i)).status == 202
    db = sqlite3.connect(one.data / "sales.db")
    (busy, _, _), = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert busy == 0 and (one.data / "sales.db-wal").stat().st_size == 0
    assert one.post(order(30)).status == 202
    db.close()
    one.stop()
    harness.must_run("verify", "--data", one.data)


@pytest.mark.parametrize(("name", "left"), [("sales.db", -4096), ("sales.db-wal", 4152)])
def test_a_file_that_is_cut_while_nothing_comes_is_noticed_as_well(server, name, left):
    one = server()
    assert one.post(harness.lines(*[order(i) for i in range(1, 500)]), harness.NDJSON).status == 202
    os.truncate(one.data / name, (one.data / name).stat().st_size + left if left < 0 else left)
    harness.wait_until(lambda: one.get("/readyz").status == 503, 20, "a server that is not ready")
    one.kill()


def test_a_vacuum_beside_the_server_is_no_cut(server):
    one = server()
    for start in range(0, 8000, 1000):
        bad = [order(i, total=-1, note="x" * 2000) for i in range(start, start + 1000)]
        one.post(harness.lines(*bad), harness.NDJSON)
    one.stop()
    with sqlite3.connect(one.data / "sales.db") as db:
        db.execute("DELETE FROM rejected_rows")  # room that a VACUUM gives back
        db.execute("UPDATE pipeline_state SET rejected_expired = rejected")
    db.close()
    one = server()
    assert one.post(order(1)).status == 202
    before = (one.data / "sales.db").stat().st_size
    db = sqlite3.connect(one.data / "sales.db")
    db.execute("VACUUM")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    assert (one.data / "sales.db").stat().st_size < before / 2
    assert one.post(order(2)).status == 202
    assert one.get("/readyz").status == 200
    one.stop()
    harness.must_run("verify", "--data", one.data)


def test_a_lock_that_is_removed_is_taken_again(server):
    one = server()
    assert one.post(order(1)).status == 202
    (one.data / "lock").unlink()
    assert one.post(order(2)).status == 202
    assert "lock was removed while it was in use" in one.log
    done = harness.run("serve", "--listen", "127.0.0.1:0", "--data", one.data, timeout=30)
    assert done.returncode == 2, done
    assert b"another salestide process writes to" in done.stderr, done
    assert one.post(order(3)).status == 202
    one.stop()
    harness.must_run("verify", "--data", one.data)


@pytest.mark.parametrize("name", ["file:shop", "shop?mode=ro", "shop%41", "shop#1"])
def test_a_directory_may_be_named_as_a_uri_is(name, tmp_path, monkeypatch):
    """SQLite knows such names."""
    monkeypatch.chdir(tmp_path)
    done = harness.run("load", "-", "--data", name, stdin=lines(order(1), order(2)))
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert "2 orders" in harness.must_run("verify", "--data", name)


def test_two_servers_beside_a_lock_that_was_removed_do_not_both_write(server, tmp_path):
    one = server()
    assert one.post(order(1)).status == 202
    (one.data / "lock").unlink()
    two = server(data=one.data)  # before the first has noticed
    assert "stop one of the two" in one.post(order(2)).problem(503)["detail"]
    one.get("/readyz").problem(503)
    harness.wait_until(lambda: two.post([order(1), order(3)]).status == 202, 20, "orders in the second")
    one.post(order(4)).problem(503)
    two.stop()
    harness.wait_until(lambda: one.post(order(5)).status == 202, 30, "orders in the first again")
    assert one.post([order(1), order(3), order(5)]).json()["duplicate"] == 3
    one.stop()
    harness.must_run("verify", "--data", one.data)


# --- A directory that had a shop


@pytest.mark.parametrize("how", ["missing", "empty", "log alone"])
def test_a_shop_whose_file_is_gone_does_not_begin_anew_without_a_word(server, how):
    one = server()
    assert one.post(order(1)).status == 202
    if how == "log alone":
        one.kill()
        (one.data / "lock").unlink()
    else:
        one.stop()
    (one.data / "sales.db").rename(one.data / "kept")
    if how == "empty":
        (one.data / "sales.db").touch()
    done = harness.run("serve", "--listen", "127.0.0.1:0", "--data", one.data, timeout=30)
    assert done.returncode == 2, done
    assert b"had a sales.db" in done.stderr, done
    assert b"put it back" in done.stderr, done
    (one.data / "kept").rename(one.data / "sales.db")
    again = server(data=one.data)
    assert again.post(order(1)).json()["duplicate"] == 1


@pytest.mark.parametrize("found", ["by a writer", "by readers"])
def test_a_log_that_was_taken_away_after_a_crash_is_missed(server, found, tmp_path):
    """sales.db alone is whole, but without the newest orders."""
    one = server()
    assert one.post([order(1), order(2)]).status == 202
    one.kill()
    log = one.data / "sales.db-wal"
    log.rename(one.data / "kept")
    commands = {"by a writer": (["serve", "--listen", "127.0.0.1:0"], ["load", "-"], ["rebuild"]),
                "by readers": (["verify"], ["backup", tmp_path / "copy.db"], ["rejected", "list"], ["dashboard", "--listen", "127.0.0.1:0"])}  # fmt: skip
    for command in commands[found]:
        done = harness.run(*command, "--data", one.data, stdin=b"", timeout=30)
        said = (done.stdout + done.stderr).decode()
        assert done.returncode in (1, 2) and len(said.splitlines()) == 1, (command, said)
        assert "sales.db-wal is missing" in said and "put it back" in said, (command, said)
    assert not log.exists()
    (one.data / "kept").rename(log)
    again = server(data=one.data)
    assert again.post([order(1), order(2)]).json()["duplicate"] == 2
    again.kill()
    log.unlink()
    (one.data / "sales.db-shm").unlink()  # as the line says: on without it
    assert server(data=one.data).get("/readyz").status == 200


def test_a_log_that_sqlite_itself_has_put_away_is_not_missed(server):
    one = server()
    assert one.post([order(1), order(2)]).status == 202
    one.kill()
    with contextlib.closing(sqlite3.connect(one.data / "sales.db")) as db:
        assert db.execute("SELECT count(*) FROM order_rows").fetchone() == (2,)
    assert not (one.data / "sales.db-wal").exists()
    assert server(data=one.data).post([order(1), order(2)]).json()["duplicate"] == 2


def test_a_directory_that_was_emptied_on_purpose_begins_anew(server):
    one = server()
    assert one.post(order(1)).status == 202
    one.stop()
    (one.data / "sales.db").unlink()
    (one.data / "lock").unlink()
    again = server(data=one.data)
    assert again.post(order(1)).json()["accepted"] == 1


def test_the_directory_is_private(server):
    old = os.umask(0)
    try:
        one = server()
        assert one.post(order(1)).status == 202
        harness.must_run("key", "new", "--scope", "read", "--data", one.data)
        assert mode(one.data) == 0o700
        names = {p.name: mode(p) for p in one.data.iterdir()}
        assert {"sales.db", "sales.db-wal", "sales.db-shm", "lock", "keys"} <= set(names)
        assert set(names.values()) == {0o600}, names
        harness.must_run("key", "new", "--scope", "read", "--data", one.directory / "keys alone")
        assert mode(one.directory / "keys alone") == 0o700
    finally:
        os.umask(old)


# --- The write-ahead log


def test_a_long_reader_makes_the_log_grow_and_its_end_cuts_it(server):
    one = server()
    one.post(order("first"))
    reader = sqlite3.connect(f"file:{one.data / 'sales.db'}?mode=ro", uri=True)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM order_rows").fetchone() == (1,)
    n = 0
    while wal_bytes(one.data) < 80 * MIB:
        assert n < 200, "the log does not grow: the test holds no reader"
        body = lines(*(order(f"{n}-{i}", customer_id=f"{n}-{i}".ljust(60, "c")) for i in range(5000)))
        assert one.post(body, NDJSON).json()["accepted"] == 5000
        n += 1
    assert harness.metrics(one.get("/metrics").body.decode())["salestide_wal_bytes"][()] >= 80 * MIB
    reader.close()
    harness.wait_until(lambda: wal_bytes(one.data) <= 64 * MIB, 60, "a shorter log, with no commit more")
    assert harness.metrics(one.get("/metrics").body.decode())["salestide_wal_bytes"][()] <= 64 * MIB
    assert one.post(order("last")).status == 202
    one.stop()
    harness.must_run("verify", "--data", one.data)


# --- Media that cannot be written


@contextlib.contextmanager
def read_only_copy(data, place):
    """A file system of its own that was mounted read-only, or None where nothing can be mounted."""
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        yield None
        return
    try:
        shutil.copytree(data, place / "data")
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        yield place / "data"
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_read_only_media_are_read(server, tmp_path):
    one = server()
    assert one.post([order(1), order(2), order(1, total="11.00")]).json()["rejected"] == 1
    one.stop()
    with read_only_copy(one.data, tmp_path / "cd #1?") as data:
        if data is None:
            pytest.skip("nothing can be mounted here (it takes root)")
        assert "all laws hold" in harness.must_run("verify", "--data", data)
        assert "conflict" in harness.must_run("rejected", "list", "--data", data)
        page = Dashboard(tmp_path, data=data)
        try:
            assert page.get("/v1/orders/1").status == 200
            page.get("/v1/orders/99").problem(404)
        finally:
            page.stop()
        done = harness.run("rebuild", "--data", data)
        assert done.returncode == 2, done
        assert b"Read-only file system" in done.stderr, done


class Dashboard(harness.Server):
    command = "dashboard"


def test_a_log_that_cannot_be_moved_there_is_told(server, tmp_path):
    one = server()
    assert one.post([order(1), order(2)]).status == 202
    one.kill()  # leaves a write-ahead log
    assert wal_bytes(one.data) > 0
    (one.data / "sales.db-shm").unlink()
    with read_only_copy(one.data, tmp_path / "ro") as data:
        if data is None:
            pytest.skip("nothing can be mounted here (it takes root)")
        done = harness.run("verify", "--data", data)
        assert done.returncode == 2, done
        assert b"write-ahead log" in done.stderr, done
        assert b"copy the directory" in done.stderr, done


def as_nobody():
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)


def run_as_nobody(*arguments):
    return subprocess.run([str(harness.binary()), *map(str, arguments)], capture_output=True, timeout=60, check=False,
                          preexec_fn=as_nobody, env=harness.clean_env())  # fmt: skip


@pytest.fixture
def open_place():
    """A directory that other users may enter (pytest's own they may not)."""
    if not AS_ROOT:
        pytest.skip("only root can be somebody else; the other tests of this file stand in for it")
    done = subprocess.run(["mktemp", "-d", "/tmp/salestide-XXXXXX"], capture_output=True, check=True, text=True)
    place = pathlib.Path(done.stdout.strip())
    program = place / "salestide"
    shutil.copy(harness.binary(), program)
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


READERS = {"verify": ["verify"], "rejected": ["rejected", "list"], "dashboard": ["dashboard", "--listen", "127.0.0.1:0"]}


def refused_to_nobody(data, reader, words):
    done = run_as_nobody(*READERS[reader], "--data", data)
    assert done.returncode == 2, done
    assert words in done.stderr, done
    assert b"unable to open database file" not in done.stderr, done


@pytest.mark.parametrize("reader", READERS)
def test_a_directory_of_another_user_is_read_where_that_is_sound(server, open_place, monkeypatch, tmp_path, reader):
    monkeypatch.setenv("SALESTIDE_BIN", str(open_place / "salestide"))
    one = server(data=open_place / "data")
    assert one.post([order(1), order(2), order(1, total="11.00")]).json()["rejected"] == 1
    one.stop()
    refused_to_nobody(one.data, reader, b"may not be entered by this user: run this as root\n")
    one.data.chmod(0o755)
    refused_to_nobody(one.data, reader, b"may not be read by this user")
    (one.data / "sales.db").chmod(0o644)
    refused_to_nobody(one.data, reader, b"it is not known who else writes")
    (one.data / "lock").chmod(0o644)
    if reader == "dashboard":
        page = Dashboard(tmp_path, data=one.data, limit=as_nobody)
        assert page.get("/v1/orders/1").status == 200
        assert [row["code"] for row in page.get("/v1/rejected").json()["rows"]] == ["conflict"]
        page.stop()
        return
    done = run_as_nobody(*READERS[reader], "--data", one.data)
    assert done.returncode == 0, done
    assert {"verify": b"all laws hold", "rejected": b"conflict"}[reader] in done.stdout, done


@pytest.mark.parametrize("reader", READERS)
def test_another_users_reader_waits_for_nobody_and_says_so(server, open_place, monkeypatch, reader):
    monkeypatch.setenv("SALESTIDE_BIN", str(open_place / "salestide"))
    one = server(data=open_place / "data")
    assert one.post([order(1), order(2)]).status == 202
    one.data.chmod(0o755)
    for name in ("sales.db", "lock"):
        (one.data / name).chmod(0o644)
    refused_to_nobody(one.data, reader, b"run this as")
    assert b"sales.db" in run_as_nobody(*READERS[reader], "--data", one.data).stderr


def test_too_few_descriptors_are_not_taken_for_missing_permissions(server):
    files = 4  # enough to load the program and to open sales.db, not for what stands beside it
    one = server()
    assert one.post(order(1)).status == 202
    one.stop()
    done = subprocess.run([str(harness.binary()), "verify", "--data", str(one.data)], capture_output=True, timeout=60,
                          check=False, env=harness.clean_env(),
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files)))  # fmt: skip
    assert done.returncode == 1, done
    assert b"Too many open files" in done.stderr, done
    assert b"run this as" not in done.stderr, done


# --- Keys


def test_keys_that_root_makes_are_read_by_the_servers_user(server, open_place, monkeypatch):
    monkeypatch.setenv("SALESTIDE_BIN", str(open_place / "salestide"))
    data = open_place / "data"
    data.mkdir(0o700)
    nobody = pwd.getpwnam("nobody")
    os.chown(data, nobody.pw_uid, nobody.pw_gid)
    key = harness.run("key", "new", "--scope", "ingest", "--data", data).stdout.decode().strip()
    one = server("--require-keys", data=data, limit=as_nobody)
    assert one.post(order(1), headers=bearer(key)).status == 202
    other = harness.run("key", "new", "--scope", "ingest", "--data", data).stdout.decode().strip()
    harness.wait_until(lambda: one.post(order(2), headers=bearer(other)).status == 202, 10, "the new key")
    first_id = harness.run("key", "list", "--data", data).stdout.decode().split()[0]
    harness.must_run("key", "revoke", first_id, "--data", data)
    harness.wait_until(lambda: one.post(order(3), headers=bearer(key)).status == 401, 10, "the end of a key")
    assert one.post(order(4), headers=bearer(other)).status == 202
    one.stop()
    again = server("--require-keys", data=data, limit=as_nobody)
    assert again.post(order(5), headers=bearer(other)).status == 202


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def test_a_key_file_that_cannot_be_read_refuses_all_keys(server, tmp_path):
    data = tmp_path / "data"
    key = harness.run("key", "new", "--scope", "ingest", "--data", data).stdout.decode().strip()
    read = harness.run("key", "new", "--scope", "read", "--data", data).stdout.decode().strip()
    one = server("--require-keys")
    good = (data / "keys").read_bytes()
    assert one.post(order(1), headers=bearer(key)).status == 202
    assert one.get("/readyz", bearer(read)).status == 200
    (data / "keys").write_bytes(b"not a key\n")
    harness.wait_until(lambda: one.post(order(2), headers=bearer(key)).status == 401, 10, "a refusal")
    problem = one.get("/readyz", bearer(read)).problem(503)
    assert problem["detail"].startswith("keys: "), problem
    assert one.get("/healthz").status == 200
    assert one.log.count("all keys are refused") == 1
    (data / "keys").write_bytes(good)
    harness.wait_until(lambda: one.post(order(2), headers=bearer(key)).status == 202, 10, "the key again")
    assert one.get("/readyz", bearer(read)).status == 200


def test_a_key_file_that_others_can_write_is_warned_of(server, tmp_path):
    data = tmp_path / "data"
    harness.must_run("key", "new", "--scope", "read", "--data", data)
    assert "warning" not in harness.must_run("key", "list", "--data", data)
    (data / "keys").chmod(0o666)
    assert "others can write" in harness.must_run("key", "list", "--data", data)
    one = server("--require-keys")
    assert "others can write" in one.log


# --- What a start says


def test_few_descriptors_are_told_and_no_success(tmp_path):
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))

    done = subprocess.run([str(harness.binary()), "serve", "--listen", "127.0.0.1:0", "--data", str(tmp_path / "data")],
                          capture_output=True, timeout=30, check=False, preexec_fn=limit,
                          env=harness.clean_env())  # fmt: skip
    assert done.returncode == 1, done
    assert b"may open 16 files only" in done.stderr, done
    assert b"is ready" not in done.stdout, done


def test_a_start_that_fails_for_want_of_room_does_not_say_that_work_goes_on(server):
    one = server()
    for n in range(3):
        one.post(lines(*(order(f"{n}-{i}") for i in range(2000))), NDJSON)
    one.kill()

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    done = subprocess.run([str(harness.binary()), "serve", "--listen", "127.0.0.1:0", "--data", str(one.data)],
                          capture_output=True, timeout=60, check=False, preexec_fn=limit,
                          env=harness.clean_env())  # fmt: skip
    assert done.returncode == 1, done
    text = done.stderr.decode()
    assert "disk" in text, text
    assert "by itself" not in text, text
    assert "ready" not in done.stdout.decode(), done


# --- Totals and raw orders


def test_rebuild_does_not_take_missing_orders_out_of_the_totals_unless_told(server):
    one = server()
    assert one.post([order(n) for n in range(10)]).json()["accepted"] == 10
    one.stop()
    with contextlib.closing(sqlite3.connect(one.data / "sales.db")) as db, db:
        db.execute("DELETE FROM order_rows WHERE rowid IN (2, 3, 4)")
    done = harness.run("verify", "--data", one.data)
    assert done.returncode == 1, done
    assert b"3 raw events are missing" in done.stdout, done
    assert b"raw orders of" in done.stderr, done
    done = harness.run("rebuild", "--data", one.data)
    assert done.returncode == 2, done
    assert b"3 of 10" in done.stderr, done
    assert harness.stored_aggregates(one.data)["sales_totals"]
    harness.must_run("rebuild", "--accept-loss", "--data", one.data)
    assert "7 orders" in harness.must_run("verify", "--data", one.data)
    again = server(data=one.data)
    answer = again.post([order(n) for n in range(10)]).json()
    assert (answer["accepted"], answer["duplicate"]) == (3, 7), json.dumps(answer)
    again.stop()
    harness.must_run("verify", "--data", one.data)


CHANGED = {
    "an amount": ("UPDATE order_rows SET total_e4 = total_e4 + 10000 WHERE rowid = 3", b"totals and days"),
    "a day": ("UPDATE order_rows SET created_ms = created_ms - 86400000 WHERE rowid = 3", b"days and products"),
}


@pytest.mark.parametrize("what", CHANGED)
def test_rebuild_does_not_replace_right_totals_by_those_of_changed_orders_unless_told(server, what):
    sql, tables = CHANGED[what]
    one = server()
    assert one.post([order(n) for n in range(10)]).json()["accepted"] == 10
    one.stop()
    with contextlib.closing(sqlite3.connect(one.data / "sales.db")) as db, db:
        assert db.execute(sql).rowcount == 1
    before = harness.stored_aggregates(one.data)
    done = harness.run("verify", "--data", one.data)
    assert done.returncode == 1, done
    assert tables in done.stdout and b"it is those that were changed" in done.stdout, done
    assert b"restore them from a copy" in done.stderr, done
    done = harness.run("rebuild", "--data", one.data)
    assert done.returncode == 2, done
    assert done.stderr.startswith(b"salestide rebuild: raw orders were changed: " + tables), done
    assert b"USD)" in done.stderr and b"from a copy" in done.stderr and b"--accept-loss" in done.stderr, done
    assert done.stderr.count(b"\n") == 1 and b"rebuilt" not in done.stdout, done
    assert harness.stored_aggregates(one.data) == before
    harness.must_run("rebuild", "--accept-loss", "--data", one.data)
    assert harness.stored_aggregates(one.data) != before
    harness.must_run("verify", "--data", one.data)


def test_rebuild_makes_damaged_totals_again_without_being_told_more(server):
    one = server()
    assert one.post([order(n) for n in range(10)]).json()["accepted"] == 10
    one.stop()
    before = harness.stored_aggregates(one.data)
    tables = ("total_cells", "day_cells", "product_cells")
    changes = [f"UPDATE {table} SET total_e4 = total_e4 + 1, units = units + 1" for table in tables]
    for change in [*changes, ";".join(f"DELETE FROM {table}" for table in tables)]:
        with contextlib.closing(sqlite3.connect(one.data / "sales.db")) as db, db:
            db.executescript(change)
        assert harness.run("verify", "--data", one.data).returncode == 1
        harness.must_run("rebuild", "--data", one.data)
        assert harness.stored_aggregates(one.data) == before, change


def test_views_of_an_older_file_are_brought_up_to_date(server):
    one = server()
    one.post(order(1))
    one.stop()
    with contextlib.closing(sqlite3.connect(one.data / "sales.db")) as db, db:
        db.execute("DROP VIEW sales_by_day")
        db.execute("CREATE VIEW sales_by_day AS SELECT date(cell >> 32) AS bucket FROM day_cells")
        db.execute("DROP VIEW sales_totals")
        db.execute("CREATE VIEW my_own AS SELECT 1 AS one")
    again = server(data=one.data)
    with harness.database(again.data) as db:
        assert db.execute("SELECT bucket, orders, total FROM sales_by_day").fetchall() == [("2024-05-01", 1, 10.0)]
        assert db.execute("SELECT orders, total FROM sales_totals").fetchall() == [(1, 10.0)]
        assert db.execute("SELECT one FROM my_own").fetchall() == [(1,)]


@pytest.mark.parametrize("command", ["verify", "rebuild"])
def test_a_command_that_finds_no_data_says_who_it_is_and_what_to_look_at(command, tmp_path):
    done = harness.run(command, "--data", tmp_path / "none")
    assert done.returncode == 2, done
    assert done.stderr.startswith(f"salestide {command}: ".encode()) and b"sales.db" in done.stderr, done
    assert done.stderr.count(b"\n") == 1, done


def test_verify_shows_what_was_counted_and_what_was_skipped(server):
    one = server()
    one.post(harness.lines(order(1), order(1), order(2, total=-1), order(3)), harness.NDJSON)
    one.stop()
    said = harness.must_run("verify", "--data", one.data)
    assert "4 events received: 2 accepted, 1 duplicate, 1 rejected; 0 messages without an event skipped\n" in said
    with sqlite3.connect(one.data / "sales.db") as db:
        db.execute("UPDATE pipeline_state SET skipped = 7")
    assert "; 7 messages without an event skipped\n" in harness.must_run("verify", "--data", one.data)
