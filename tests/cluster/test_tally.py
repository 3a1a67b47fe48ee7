# SPDX-License-Identifier: MIT
"""`salestide tally` on real servers: claims and commits of tallies, what is repeated or comes from a process
that has lost its partition, and servers that go in the middle. Tallies are made by tests/tools/make_tally.c."""

import contextlib
import json
import os
import select
import signal
import sqlite3
import subprocess
import time

import pytest

import harness
import pipeline
from servers import mysql as mysql_server
from servers.proxy import Proxy

ANSWER_TIMEOUT_S = 90
TOPIC, TOPIC_ID = "sales", "4a5b"
ENV = {"SALESTIDE_MYSQL_PASSWORD": mysql_server.PASSWORD}


class Tally:
    """The program, and its pipe."""

    def __init__(self, directory, *options):
        self.log_path = directory / f"tally-{time.monotonic_ns()}.log"
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen([harness.binary(), "tally", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=log, env=harness.clean_env(ENV))  # fmt: skip
        self.ready = self.answer()

    @property
    def log(self):
        return self.log_path.read_text("utf-8", "replace")

    def send(self, request, tallies=()):
        if tallies:
            request = {**request, "bytes": [len(one) for one in tallies]}
        self.process.stdin.write(json.dumps(request).encode() + b"\n" + b"".join(tallies))
        self.process.stdin.flush()

    def answer(self, timeout_s=ANSWER_TIMEOUT_S):
        line, deadline = b"", time.monotonic() + timeout_s
        fd = self.process.stdout.fileno()
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([fd], [], [], max(deadline - time.monotonic(), 0))
            assert ready, f"no answer within {timeout_s} s\n{self.log}"
            data = os.read(fd, 1 << 20)
            assert data, f"it has ended\n{self.log}"
            line += data
        assert line.count(b"\n") == 1, line
        return json.loads(line)

    def ask(self, request, tallies=()):
        self.send(request, tallies)
        return self.answer()

    def claim(self, *partitions, **more):
        answer = self.ask({"do": "claim", "topic": TOPIC, "topic_id": TOPIC_ID, "partitions": partitions, **more})
        return answer["claims"]

    def end(self):
        """The end of its input is its end."""
        self.process.stdin.close()
        assert self.process.wait(harness.STOP_TIMEOUT_S) == 0, self.log

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def database(mariadb, own_name):
    mariadb.create_database(own_name)
    harness.must_run("setup", "--aggregates", mariadb.url(own_name), "--raw", "none", env=ENV)
    yield own_name
    mariadb.drop_database(own_name)


@pytest.fixture
def start(tmp_path):
    running = []

    def make(aggregates, *options, raw="none"):
        one = Tally(tmp_path, "--aggregates", aggregates, "--raw", raw, *options)
        running.append(one)
        return one

    yield make
    for one in running:
        one.kill()


def move_of(claim, to, start=None):
    names = ("partition", "epoch_us", "lane", "window_offset", "window_ms")
    return {"from": claim["next_offset"] if start is None else start, "to": to, **{name: claim[name] for name in names}}


def commit_of(*moves):
    return {"do": "commit", "topic": TOPIC, "moves": moves}


def lines_of(orders):
    """NDJSON; bytes stay as they are."""
    return b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in orders)


def tally_of(move, orders, raw="none", shop=()):
    """What has been counted of these orders, the n-th of the move's range."""
    program = harness.ROOT / "build/tools/make_tally"
    assert program.is_file(), "build it first: make test-tools"
    words = [move[name] for name in ("partition", "from", "to", "epoch_us", "lane")]
    done = subprocess.run([program, *map(str, words), raw, *shop], input=lines_of(orders), capture_output=True,
                          timeout=60, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def orders_of(first, n, **more):
    return [harness.order(first + i, source="GOOGLE", state="CA", total="10.50", **more) for i in range(n)]


def commit(tally, claim, orders, start=None):
    """Everything that is new of the partition: the answer."""
    begin = claim["next_offset"] if start is None else start
    move = move_of(claim, max(begin, 0) + len(orders), start)
    return tally.ask(commit_of(move), [tally_of(move, orders)])


def counted(mariadb, database):
    """(received, orders in the totals, batches)"""
    ((received,),) = mariadb.sql("SELECT received FROM pipeline_state", database=database)
    ((orders,),) = mariadb.sql("SELECT coalesce(sum(orders), 0) FROM sales_totals", database=database)
    ((batches,),) = mariadb.sql("SELECT count(*) FROM pipeline_batches", database=database)
    return received, int(orders), batches


def is_verified(mariadb, database):
    done = harness.run("verify", "--aggregates", mariadb.url(database), env=ENV)
    assert done.returncode == 0, done.stdout + done.stderr


# --- Claims and commits


def test_a_commit_counts_once_however_often_it_comes(mariadb, database, start):
    tally = start(mariadb.url(database))
    assert tally.ready == {"ready": True, "version": "0.1.0", "currency": "USD", "timezone": "UTC", "late_limit_ms": 600000,
                           "raw": False}  # fmt: skip
    claim, other = tally.claim(0, 7)
    assert (claim["next_offset"], claim["window_offset"], other["lane"]) == (-1, 0, 7)
    orders = [*orders_of(1, 5), orders_of(1, 1)[0], b"no order", harness.order(1, total="3")]
    moves = [move_of(claim, 8), move_of(other, 3)]
    tallies = [tally_of(moves[0], orders), tally_of(moves[1], orders_of(100, 3))]
    assert tally.ask(commit_of(*moves), tallies) == {"result": "ok", "batch_id": 1}
    assert counted(mariadb, database) == (11, 8, 1)
    assert tally.ask(commit_of(*moves), tallies)["result"] == "fenced"
    assert tally.ask(commit_of(moves[1]), [tallies[1]])["result"] == "fenced"
    assert counted(mariadb, database) == (11, 8, 1)
    codes = mariadb.sql("SELECT code FROM rejected_events ORDER BY id", database=database)
    assert codes == [("not_json",), ("conflict",)]

    state = tally.ask({"do": "state"})
    assert state["gross"] == {"USD": str(8 * 105000)}
    assert state["last_batch_id"] == 1
    again, _ = tally.claim(0, 7)
    assert again["next_offset"] == 8
    assert again["epoch_us"] > claim["epoch_us"]
    assert again["refused"] == [7]  # the conflict
    assert commit(tally, again, orders_of(50, 2))["batch_id"] == 2
    is_verified(mariadb, database)
    tally.end()


def test_a_move_without_events_moves_its_position_alone(mariadb, database, start):
    tally = start(mariadb.url(database))
    (claim,) = tally.claim(2)
    assert tally.ask(commit_of(move_of(claim, 0)))["result"] == "ok"
    assert tally.ask(commit_of(move_of(claim, 12, start=0)))["result"] == "ok"
    assert tally.claim(2)[0]["next_offset"] == 12
    assert counted(mariadb, database)[:2] == (0, 0)
    tally.end()


def test_a_process_whose_partition_another_has_claimed_is_fenced(mariadb, database, start):
    first, second = start(mariadb.url(database)), start(mariadb.url(database))
    (old,) = first.claim(0)
    assert commit(first, old, orders_of(1, 3))["result"] == "ok"
    (new,) = second.claim(0)
    assert new["next_offset"] == 3
    late = commit(first, old, orders_of(4, 3), start=3)
    assert late["result"] == "fenced"
    assert "not ours any more" in late["message"]
    assert commit(second, new, orders_of(4, 2))["result"] == "ok"
    assert commit(first, old, orders_of(4, 2), start=5)["result"] == "fenced"
    assert counted(mariadb, database) == (5, 5, 2)
    first.end()
    second.end()


def test_a_topic_made_anew_is_told_and_taken_when_it_is_asked_for(mariadb, database, start):
    tally = start(mariadb.url(database))
    (claim,) = tally.claim(0)
    assert commit(tally, claim, orders_of(1, 3))["result"] == "ok"
    (other,) = tally.claim(0, topic_id="new")
    assert (other["other_id"], other["next_offset"]) == (TOPIC_ID, 3)
    refused = commit(tally, claim, orders_of(4, 3), start=3)
    assert refused["result"] == "failed"
    assert "was not claimed" in refused["message"]
    (anew,) = tally.claim(0, topic_id="new", anew=True)
    assert (anew["other_id"], anew["next_offset"]) == ("", -1)
    assert anew["lane"] != claim["lane"]
    assert commit(tally, anew, orders_of(10, 1))["result"] == "ok"
    assert counted(mariadb, database) == (4, 4, 2)
    tally.end()


def test_what_makes_no_sense_is_refused_and_nothing_is_stored(mariadb, database, start):
    tally = start(mariadb.url(database))
    claim, other = tally.claim(0, 1)
    move = move_of(claim, 3)
    good = tally_of(move, orders_of(1, 3))
    wrong = [
        ({"do": "what"}, (), "do is none of"),
        (commit_of(), [good], "moves is not a list"),
        (commit_of({**move, "to": -1}), [good], "to is not an integer"),
        (commit_of(move_of(other, 3)), [good], "none of the moves"),
        (commit_of(move_of(claim, 4)), [good], "none of the moves"),
        (commit_of({**move, "lane": 3}), [good], "none of the moves"),
        (commit_of(move), [good, good], "two tallies"),
        (commit_of(move), [good[:-1]], "as long as it says"),
        (commit_of(move), [good[:60] + b"\x00\x01" + good[62:]], "checksum"),
        ({**commit_of(move), "topic": "other"}, [good], "was not claimed"),
        (commit_of({**move, "partition": 5}), (), "was not claimed"),
    ]
    for request, tallies, says in wrong:
        answer = tally.ask(request, tallies)
        assert answer["result"] == "failed", answer
        assert says in answer["message"]
    assert counted(mariadb, database) == (0, 0, 0)
    assert tally.ask(commit_of(move), [good])["result"] == "ok"
    tally.process.stdin.write(b"{ no json\n")
    tally.process.stdin.flush()
    assert tally.answer()["result"] == "failed"
    assert tally.process.wait(10) == 1  # nothing that comes after it could be trusted
    assert counted(mariadb, database) == (3, 3, 1)


def test_sqlite_aggregates_take_tallies_too(tmp_path, start):
    tally = start("sqlite", "--data", str(tmp_path / "data"), "--currency", "EUR")
    (claim,) = tally.claim(0)
    assert commit(tally, claim, orders_of(1, 4))["result"] == "ok"
    assert commit(tally, claim, orders_of(1, 4))["result"] == "fenced"
    assert commit(tally, claim, orders_of(5, 4), start=4)["result"] == "ok"
    tally.end()
    with contextlib.closing(sqlite3.connect(tmp_path / "data/sales.db")) as db:
        assert db.execute("SELECT sum(orders) FROM sales_totals").fetchone() == (8,)


# --- Servers that go


def test_mysql_killed_and_started_again_in_the_middle_counts_a_commit_once(mariadb, database, start):
    tally = start(mariadb.url(database))
    (claim,) = tally.claim(0)
    assert commit(tally, claim, orders_of(1, 3))["result"] == "ok"
    move = move_of(claim, 6, start=3)
    mariadb.kill9()
    try:
        tally.send(commit_of(move), [tally_of(move, orders_of(4, 3))])
        harness.wait_until(lambda: "trying again" in tally.log, 30, "it to try again")
    finally:
        mariadb.start()
    assert tally.answer() == {"result": "ok", "batch_id": 2}
    assert counted(mariadb, database) == (6, 6, 2)
    is_verified(mariadb, database)
    tally.end()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_connection_that_is_cut_during_commit_counts_the_batch_once(mariadb, database, start, when):
    with Proxy(mariadb.port) as proxy:
        tally = start(mariadb.url(database, port=proxy.port))
        (claim,) = tally.claim(0)
        for turn in range(3):
            proxy.cut_at(b"\x03commit", when)
            answer = commit(tally, claim, orders_of(turn * 5, 5), start=turn * 5 if turn else -1)
            assert answer == {"result": "ok", "batch_id": turn + 1}, tally.log
            assert proxy.n_cut == turn + 1
        assert counted(mariadb, database) == (15, 15, 3)
        assert tally.claim(0)[0]["next_offset"] == 15
        tally.end()
    is_verified(mariadb, database)


def test_another_process_that_takes_over_while_a_commit_is_in_doubt_fences_it(mariadb, database, start):
    with Proxy(mariadb.port) as proxy:
        first, second = start(mariadb.url(database, port=proxy.port)), start(mariadb.url(database))
        (old,) = first.claim(0)
        move = move_of(old, 3)
        proxy.cut_at(b"\x03commit", "before")
        proxy.refuse()
        first.send(commit_of(move), [tally_of(move, orders_of(1, 3))])
        harness.wait_until(lambda: proxy.n_cut == 1 and "trying again" in first.log, 30, "the cut")
        harness.wait_until(lambda: not mariadb.sql("SELECT trx_id FROM information_schema.innodb_trx"), 30, "its transaction to end",
                           every_s=mysql_server.TRANSACTIONS_SHOWN_EVERY_S)  # fmt: skip
        (new,) = second.claim(0)
        assert new["next_offset"] == -1
        proxy.accept()
        assert first.answer()["result"] == "fenced"
        assert commit(second, new, orders_of(1, 3))["result"] == "ok"
        assert counted(mariadb, database) == (3, 3, 1)
        first.end()
        second.end()


def test_a_server_that_stays_away_is_given_up_and_found_again(mariadb, database, start):
    with Proxy(mariadb.port) as proxy:
        tally = start(mariadb.url(database, port=proxy.port), "--give-up", "2s")
        (claim,) = tally.claim(0)
        proxy.refuse()
        proxy.cut()
        answer = commit(tally, claim, orders_of(1, 3))
        assert answer["result"] == "failed"
        assert answer["message"]
        proxy.accept()
        assert commit(tally, claim, orders_of(1, 3))["result"] == "ok"
        tally.end()


# --- Its end


def test_a_stop_or_the_end_of_the_job_ends_a_commit_that_waits_for_a_server(mariadb, database, start):
    for how in ("stop", "end"):
        with Proxy(mariadb.port) as proxy:
            tally = start(mariadb.url(database, port=proxy.port))
            (claim,) = tally.claim(0)
            move = move_of(claim, 3)
            proxy.refuse()
            proxy.cut()
            tally.send(commit_of(move), [tally_of(move, orders_of(1, 3))])
            harness.wait_until(lambda tally=tally: "trying again" in tally.log, 30, "it to try again")
            if how == "stop":
                tally.process.send_signal(signal.SIGTERM)
            else:
                tally.process.stdin.close()
            assert tally.process.wait(20) == 0, tally.log
    assert counted(mariadb, database) == (0, 0, 0)


def test_a_stop_ends_it_while_nothing_is_asked(mariadb, database, start):
    tally = start(mariadb.url(database))
    tally.process.send_signal(signal.SIGTERM)
    assert tally.process.wait(10) == 0
    assert "warn" not in tally.log


@pytest.mark.parametrize(("options", "says"), [
    (["--raw", "sqlite", "--aggregates", "sqlite"], "cassandra://HOST/KEYSPACE and none"),
    (["--raw", "none"], "say where aggregates go"),
    (["--aggregates", "sqlite"], "say where raw orders go"),
    (["--raw", "none", "--aggregates", "kafka://a/b"], "there are mysql://"),
    (["--raw", "none", "--aggregates", "sqlite", "--broker", "kafka://a/b"], "--broker"),
])  # fmt: skip
def test_places_that_do_not_exist_are_refused_in_one_line(options, says):
    done = harness.run("tally", *options, stdin=b"")
    assert done.returncode == 2
    assert done.stdout == b""
    assert says in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(("column", "type"), [("customer_id", "int"), ("items", "ascii")])
def test_tables_that_cannot_hold_every_order_are_refused_in_one_line(mariadb, cassandra, database, column, type):
    cassandra.create_keyspace(database)
    kinds = {"order_id": "text PRIMARY KEY", "created_at": "timestamp", "total": "decimal", column: type}
    cassandra.cql(f"CREATE TABLE {database}.orders ({', '.join(f'{name} {kind}' for name, kind in kinds.items())})")
    raw = f"cassandra://{cassandra.host}:{cassandra.port}/{database}"
    harness.must_run("setup", "--raw", raw)
    done = harness.run("tally", "--raw", raw, "--aggregates", mariadb.url(database), env=ENV, stdin=b"")
    assert done.returncode == 2, done.stderr
    assert done.stdout == b""
    (line,) = [line for line in done.stderr.decode().splitlines() if line.startswith("salestide tally: ")]
    assert f"table orders cannot hold every order ({column} {type})" in line


def test_another_currency_than_the_shops_is_refused(mariadb, database):
    done = harness.run("tally", "--raw", "none", "--aggregates", mariadb.url(database), "--currency", "EUR", env=ENV, stdin=b"")
    assert done.returncode == 2, done
    assert b"EUR" in done.stderr


def test_a_server_that_is_not_there_is_waited_for_until_the_time_is_over(mariadb, database):
    with Proxy(mariadb.port) as proxy:
        url = mariadb.url(database, port=proxy.port)
        proxy.refuse()
        done = harness.run("tally", "--raw", "none", "--aggregates", url, "--start-timeout", "1s", env=ENV, stdin=b"")
    assert done.returncode == 1, done
    assert b"salestide tally: connecting at mysql:" in done.stderr
    assert done.stdout == b""


# --- Cancellations and refunds


def raw_orders(url, orders, epoch_us):
    """Writes them as the job does, before they are committed: the n-th stands at offset n - 1 of lane 3."""
    program = harness.ROOT / "build/tools/cassandra_probe"
    done = subprocess.run([program, "load", str(epoch_us)], input=lines_of(orders), capture_output=True,
                          env=harness.clean_env({"PROBE_URL": url}), timeout=120, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(300)
def test_refunds_count_where_their_orders_did_and_all_laws_hold(mariadb, cassandra, own_name, start):
    mariadb.create_database(own_name)
    raw, aggregates = f"cassandra://{cassandra.host}:{cassandra.port}/{own_name}", mariadb.url(own_name)
    harness.must_run("setup", "--aggregates", aggregates, "--raw", raw, env=ENV)
    with Proxy(mariadb.port) as proxy:
        tally = start(mariadb.url(own_name, port=proxy.port), raw=raw)
        assert tally.ready["raw"] is True
        (claim,) = tally.claim(3)
        assert claim["lane"] == 3
        placed = [harness.order(i, source="A", state="CA", total="10", quantity=2) for i in range(6)]
        items = [{"product_id": "mug", "quantity": 1, "subtotal": "1"}, {"product_id": 7, "quantity": 1, "subtotal": "1"}]
        back = [
            harness.order(1, event="refunded", event_id="r1", total="2", source="B"),
            harness.order(2, event="cancelled", total="10", quantity=2),
            {"order_id": 3, "event": "refunded", "event_id": "r", "created_at": "2024-05-01T11:00:00Z", "items": items,
             "total": "2"},
            harness.order(99, event="refunded", event_id="r", total="1", source="B", state="NY"),  # nobody knows it
        ]  # fmt: skip
        raw_orders(raw, placed, claim["epoch_us"])
        move = move_of(claim, 10)
        made = tally_of(move, [*placed, *back], raw="raw")
        proxy.cut_at(b"\x03commit", "after")
        assert tally.ask(commit_of(move), [made]) == {"result": "ok", "batch_id": 1}
        assert proxy.n_cut == 1
        tally.end()
    rows = mariadb.sql("SELECT source, state, orders, refunds, cancelled_orders FROM sales_totals ORDER BY source, state",
                       database=own_name)  # fmt: skip
    assert rows == [("A", "CA", 5, 2, 1), ("B", "NY", 0, 1, 0)]
    done = harness.run("verify", "--aggregates", aggregates, "--raw", raw, env=ENV)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    assert "6 orders, 4 adjustments" in said
    mariadb.drop_database(own_name)


# --- Beside `process`


@pytest.mark.timeout(200)
def test_a_native_process_goes_on_where_tallies_ended_and_back(shop, start):
    one = shop(partitions=1)
    door = one.ingest()
    orders = [harness.order(i, source="A", state="CA") for i in range(20)]
    pipeline.post_all(door, lines_of(orders).splitlines())
    tally = start(one.mysql.url(one.name))

    def claimed():
        answer = tally.ask({"do": "claim", "topic": one.name, "partitions": [0]})
        return answer["claims"][0]

    move = move_of(claimed(), 12)
    made = tally_of(move, orders[:12], shop=(one.currency, one.timezone))
    assert tally.ask({**commit_of(move), "topic": one.name}, [made])["result"] == "ok"

    processor = one.processor()
    pipeline.post_all(door, lines_of([orders[3], harness.order(5, total="3"), harness.order(77)]).splitlines())
    one.wait_drained()
    state = one.state()
    assert (state["received"], state["accepted"], state["duplicate"], state["rejected"]) == (23, 21, 1, 1)
    assert tally.ask({**commit_of({**move, "from": 12, "to": 13}), "topic": one.name})["result"] == "fenced"
    processor.stop()

    claim = claimed()
    assert claim["next_offset"] == 23
    assert 0 <= claim["window_offset"] <= 12
    assert claim["refused"] == [21]
    tally.end()
