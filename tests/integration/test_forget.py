# SPDX-License-Identifier: MIT
"""`salestide forget`: a customer's id is nowhere in the files any more, and every sum, count and verdict is as before."""

import random
import signal
import sqlite3
import subprocess
import time

import pytest

import harness
from harness import NDJSON, lines, order

WHO = "ann.smith-4711@example.com"


def forget(data, who=WHO, **more):
    return harness.run("forget", "--customer", who, "--data", data, **more)


def said(done):
    return (done.stdout + done.stderr).decode()


def files_with(data, word):
    """The files of a data directory that hold these bytes anywhere, also in room that is not used."""
    return sorted(one.name for one in data.iterdir() if word.encode() in one.read_bytes())


def asked(data, sql):
    db = sqlite3.connect(f"file:{data}/sales.db?mode=ro", uri=True)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


SUMS = ("total_cells", "minute_cells", "hour_cells", "day_cells", "product_cells", "currency_gross", "pipeline_state", "batch_rows", "order_runs", "order_blocks")


def sums(data):
    return {table: asked(data, f"SELECT * FROM {table} ORDER BY 1") for table in SUMS}


def fill(server, n=3000):
    """Orders of many customers, every seventh WHO's, enough to split pages; adjustments; rejected events of several kinds."""
    for begin in range(0, n, 500):
        batch = [order(k, customer_id=WHO if k % 7 == 0 else f"other-{k}", state="CA", source=f"S{k % 3}") for k in range(begin, begin + 500)]
        assert server.post(lines(*batch), NDJSON).json()["accepted"] == 500
    changes = [order(k, event="refunded", event_id="r", customer_id=WHO, total="1.00", subtotal="1.00") for k in (7, 14, 15)]
    assert server.post(lines(*changes), NDJSON).json()["accepted"] == 3
    bad = [order(0, customer_id=WHO, total="-1"), order("x", customer_id="other-1", quantity="many"), {"customer_id": WHO, "note": "no order"}]
    text = lines(*bad) + b'{"order_id": 1, "customer_id": "ann.smith-\\u0034711@example.com", \n'
    assert server.post(text, NDJSON).json()["rejected"] == 4


@pytest.fixture
def filled(tmp_path):
    """The data directory of a server that was stopped."""
    one = harness.Server(tmp_path)
    fill(one)
    one.stop()
    return one.data


def restart(tmp_path, data):
    return harness.Server(tmp_path, data=data)


def test_no_byte_of_the_id_is_left_and_every_sum_is_as_it_was(filled, tmp_path):
    assert files_with(filled, WHO) == ["sales.db"]
    before, rejected = sums(filled), asked(filled, "SELECT count(*) FROM rejected_rows")
    done = forget(filled)
    assert done.returncode == 0, said(done)
    assert "429 orders, 3 cancellations and refunds, 0 of the newest orders beside aggregates, 3 rejected events" in said(done)
    assert files_with(filled, WHO) == []
    assert b"other-1" in (filled / "sales.db").read_bytes()
    assert sums(filled) == before
    assert asked(filled, "SELECT count(*) FROM rejected_rows") == rejected
    assert asked(filled, "SELECT count(*) FROM orders WHERE customer_id = ''") == [(429,)]
    assert asked(filled, "SELECT count(*) FROM orders WHERE customer_id LIKE 'other-%'") == [(3000 - 429,)]
    assert "3000 orders" in harness.must_run("verify", "--data", filled)
    assert "0 cells changed" in harness.must_run("rebuild", "--data", filled)
    again = forget(filled)
    assert again.returncode == 0
    assert "0 orders, 0 cancellations and refunds, 0 of the newest orders beside aggregates, 0 rejected events" in said(again)


def test_their_orders_sent_again_are_duplicates_still_and_other_amounts_conflict(filled, tmp_path):
    assert forget(filled).returncode == 0
    server = restart(tmp_path, filled)
    try:
        same = order(7, customer_id=WHO, state="CA", source="S1")
        assert server.post(same).json() == {"accepted": 0, "duplicate": 1, "rejected": 0, "errors": []}
        assert server.post({**same, "total": "99.00"}).json()["errors"][0]["code"] == "conflict"
        assert server.post(order(8, customer_id="somebody-else", state="CA", source="S2")).json()["errors"][0]["code"] == "conflict"
        assert server.get("/v1/orders/7").json()["order"]["customer_id"] == ""
        assert server.post(order(7, event="refunded", event_id="r", customer_id=WHO, total="1.00", subtotal="1.00")).json()["duplicate"] == 1
    finally:
        server.stop()


def test_beside_a_server_rows_are_blanked_at_once_and_the_file_is_cleared_when_it_has_stopped(tmp_path):
    server = harness.Server(tmp_path)
    try:
        fill(server)
        done = forget(server.data)
        assert done.returncode == 0, said(done)
        assert "while no salestide process writes there" in said(done)
        assert asked(server.data, f"SELECT count(*) FROM orders WHERE customer_id = '{WHO}'") == [(0,)]
        assert server.post(order("new", customer_id="other-9")).json()["accepted"] == 1
        assert server.get("/v1/orders/14").json()["order"]["customer_id"] == ""
        assert WHO not in server.get("/v1/rejected").body.decode()
        assert "3001 orders" in harness.must_run("verify", "--data", server.data)
    finally:
        server.stop()
    assert forget(server.data).returncode == 0
    assert files_with(server.data, WHO) == []
    harness.must_run("verify", "--data", server.data)


def test_killed_in_the_middle_it_is_done_by_doing_it_again(filled):
    before = sums(filled)
    rng = random.Random(13)
    for _ in range(6):
        running = subprocess.Popen([str(harness.binary()), "forget", "--customer", WHO, "--data", str(filled)], env=harness.clean_env(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        time.sleep(rng.uniform(0, 0.03))
        running.send_signal(signal.SIGKILL)
        running.wait(20)
        harness.must_run("verify", "--data", filled)
    assert forget(filled).returncode == 0
    assert files_with(filled, WHO) == []
    assert sums(filled) == before


def test_an_integer_id_is_one_and_not_every_number_that_looks_like_it(tmp_path):
    server = harness.Server(tmp_path)
    try:
        text = lines(order(1, customer_id=7), order(2, customer_id="7"), order(3, customer_id=77), order(7, customer_id=8), order(4, customer_id="007"))
        assert server.post(text, NDJSON).json()["accepted"] == 5
        bad = lines(order(5, customer_id=8, quantity="7x"), order(6, customer_id=7, total="-1"), order(8, customer_id=8, quantity=-7))
        assert server.post(bad, NDJSON).json()["rejected"] == 3
    finally:
        server.stop()
    done = forget(server.data, "7")
    assert "2 orders, 0 cancellations and refunds, 0 of the newest orders beside aggregates, 1 rejected events" in said(done)
    assert asked(server.data, "SELECT order_id, customer_id FROM orders ORDER BY position") == [(1, ""), (2, ""), (3, 77), (7, 8), (4, "007")]
    assert asked(server.data, "SELECT raw FROM rejected_rows WHERE CAST(raw AS TEXT) LIKE '%forgotten%'") == [(b'{"forgotten":2}',)]


def test_a_rejected_line_of_csv_goes_when_one_of_its_cells_is_the_id(tmp_path):
    file = tmp_path / "orders.csv"
    file.write_text(f"order_id,created_at,customer_id,product_id,quantity,total\n1,yesterday,{WHO},p,1,1.00\n2,yesterday,bob,p,1,1.00\n", encoding="utf-8")
    harness.run("load", file, "--data", tmp_path / "data")
    assert "1 rejected events" in said(forget(tmp_path / "data"))
    assert files_with(tmp_path / "data", WHO) == []
    assert asked(tmp_path / "data", "SELECT count(*) FROM rejected_rows WHERE CAST(raw AS TEXT) LIKE '%bob%'") == [(1,)]


def test_what_cannot_be_is_said_in_a_line(filled, tmp_path):
    for arguments, words in (([], "say which customer"), (["--customer", " "], "say which customer"), (["--customer", "x" * 65], "1 to 64 characters"),
                             (["--customer", "x", "--data", tmp_path / "none"], "is --data right?")):  # fmt: skip
        done = harness.run("forget", *arguments)
        assert done.returncode == 2, said(done)
        assert words in said(done)
        assert len(said(done).splitlines()) == 1


def test_a_reader_that_holds_the_log_is_told_of(filled):
    server_like = sqlite3.connect(filled / "sales.db", isolation_level=None)
    try:
        server_like.execute("BEGIN")
        server_like.execute("SELECT count(*) FROM order_rows").fetchall()
        done = forget(filled)
        assert done.returncode == 1, said(done)
        assert "close it and run this again" in said(done)
    finally:
        server_like.close()
    assert forget(filled).returncode == 0
    assert files_with(filled, WHO) == []
