# SPDX-License-Identifier: MIT
"""`salestide rejected`: what was rejected is shown, mended, submitted again, and never lost."""

import concurrent.futures
import http.server
import json
import os
import re
import socket
import sqlite3
import stat
import subprocess
import threading
import time

import harness
import hosts
from harness import NDJSON, lines, order


def rejected(one, *arguments, **more):
    return harness.run("rejected", *arguments, "--data", one.data, **more)


def again(one, *arguments, **more):
    return rejected(one, *arguments, "--to", one.url, **more)


def rows(one):
    return {row["id"]: row for row in one.get("/v1/rejected").json()["rows"]}


def listed(one):
    return one.get("/v1/rejected?limit=1000").json()["rows"]


def at_once(*calls):
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return [each.result() for each in [pool.submit(call) for call in calls]]


def three_bad(server, *options):
    one = server(*options)
    one.post(lines(order(1, total=-1), order(2, quantity="x"), order(3)), NDJSON)
    one.post(order(3, total="99", subtotal="99"))
    return one


def test_a_message_that_was_kept_in_its_envelope_is_submitted_as_the_order_within(server):
    one = server()
    wrapped = [
        {"schema": None, "payload": order(1, total="1.00")},
        {"before": None, "after": order(2, total="2.00"), "op": "c"},
        {"before": order(3), "after": None, "op": "d"},
    ]
    one.post(lines(*wrapped), NDJSON)
    assert len(rows(one)) == 3  # a door takes orders alone
    done = again(one, "retry", "1")
    assert done.stdout.decode().splitlines()[0] == "1 accepted"
    answer = one.request("POST", "/v1/rejected/2/retry", json.dumps(wrapped[1], indent=1).encode(),
                         {"Content-Type": "application/json"})  # fmt: skip
    assert answer.status == 202, answer
    assert answer.json()["accepted"] == 1
    done = again(one, "retry", "3")
    assert done.stdout.decode().splitlines()[0].startswith("3 not sent: the row was deleted")
    answer = one.request("POST", "/v1/rejected/3/retry", json.dumps(wrapped[2]).encode(),
                         {"Content-Type": "application/json"})  # fmt: skip
    assert answer.status == 400
    assert "the row was deleted" in answer.body.decode()
    assert [one.get(f"/v1/orders/{n}").status for n in (1, 2, 3)] == [200, 200, 404]


def test_list_shows_the_newest_first_with_reasons(server):
    one = three_bad(server)
    done = rejected(one, "list")
    assert done.returncode == 0, done
    said = done.stdout.decode().splitlines()
    assert [line.split("  ")[0] for line in said] == ["3", "2", "1"]
    assert re.match(r"3  \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z  conflict  \S+  \S", said[0])
    assert " negative  total  " in said[2]
    only = rejected(one, "list", "--code", "conflict").stdout.decode().splitlines()
    assert only == said[:1]
    assert rejected(one, "list", "--limit", "2").stdout.decode().splitlines() == said[:2]


def test_list_reads_many_pages_and_stops_at_its_limit(server):
    one = server()
    for start in range(0, 2500, 500):
        one.post(lines(*[order(i, total=-1) for i in range(start, start + 499)], {"order_id": start}), NDJSON)
    assert len(rejected(one, "list", "--limit", "3000").stdout.splitlines()) == 2500
    found = rejected(one, "list", "--code", "missing", "--limit", "4").stdout.decode().splitlines()
    assert [line.split("  ")[0] for line in found] == ["2500", "2000", "1500", "1000"]


def test_show_gives_the_text_as_it_came_without_what_a_terminal_would_act_on(server):
    one = server()
    # ESC, no UTF-8, a C1 control as UTF-8 and as a byte, direction overrides and isolates, a byte order mark
    text = '"\x1b[31mred\udcff \x9b31m \udc9b31m \u202egnp\u2066x\u061cy\ufeff Zo\xeb \U0001f600"'
    one.post(f'{{"order_id": 1, "x": {text}, "total": -1}}\n'.encode("utf-8", "surrogateescape"), NDJSON)
    done = rejected(one, "show", "1")
    assert done.returncode == 0
    assert '{"order_id": 1, "x": "?[31mred? ?31m ?31m ?gnp?x?y? Zo\xeb \U0001f600", "total": -1}' in done.stdout.decode()
    missing = rejected(one, "show", "7")
    assert missing.returncode == 2
    assert b"there is no rejected event 7" in missing.stderr


def test_a_retry_of_what_was_mended_elsewhere_is_accepted_and_noted(server):
    """A conflict that is none any more cannot be had; an event that a stricter server refused can."""
    one = server("--max-depth", "4")
    deep = order(1, note={"a": {"b": {"c": {"d": 1}}}})
    one.post(deep)
    assert rows(one)[1]["code"] == "too_deep"
    one.stop()
    two = server()  # the same data
    done = again(two, "retry", "1")
    said = done.stdout.decode()
    assert (done.returncode, said.splitlines()) == (
        0, ["1 accepted", "1 submitted again: 1 accepted, 0 duplicate, 0 rejected"]), done  # fmt: skip
    row = rows(two)[1]
    assert row["retried_verdict"] == "accepted"
    assert row["retried_at"] >= row["received_at"]
    assert json.loads(row["raw"]) == deep, "the original stays"
    assert two.get("/v1/orders/1").status == 200
    assert again(two, "retry", "1").stdout.decode().splitlines()[0] == "1 duplicate"
    assert "(tried again " in rejected(two, "list").stdout.decode()
    harness.must_run("verify", "--data", two.data)


def test_what_is_rejected_again_is_told_and_is_an_exit_code(server):
    one = three_bad(server)
    done = again(one, "retry", "1", "3")
    said = done.stdout.decode()
    assert done.returncode == 1
    assert re.search(r"^1 rejected: total .*\(negative\)$", said, re.M)
    assert re.search(r"^3 rejected: .*\(conflict\)$", said, re.M)
    assert said.splitlines()[-1] == "2 submitted again: 0 accepted, 0 duplicate, 2 rejected"
    assert set(rows(one)) == {2, 4, 5}, "a new rejection takes the place of the one before"
    missing = rejected(one, "show", "1")
    assert missing.returncode == 2 and b"there is no rejected event 1" in missing.stderr


def test_a_list_does_not_grow_with_retries_of_what_is_rejected_again(server):
    one = server()
    # Twice the same text; an array's element of several lines; what is no JSON; white space around.
    pretty = json.dumps([order(4, total=-1)], indent=2).encode()
    one.post(pretty)
    bad = order(1, total=-1)
    one.post(lines(bad, bad, order(2, quantity="x")) + b"  nonsense \n", NDJSON)
    texts = sorted(" ".join(row["raw"].split()) for row in rows(one).values())
    assert len(texts) == 5
    for turn in range(1, 5):
        done = again(one, "retry", "--all")
        assert done.returncode == 1, done
        assert done.stdout.decode().splitlines()[-1].startswith("5 submitted again: 0 accepted, 0 duplicate, 5 rej")
        assert len(rejected(one, "list").stdout.splitlines()) == 5
        assert sorted(" ".join(row["raw"].split()) for row in rows(one).values()) == texts
        assert min(rows(one)) == turn * 5 + 1, "the newest reasons stay"
    again(one, "retry", str(min(rows(one))))
    assert len(rows(one)) == 5
    harness.must_run("verify", "--data", one.data)
    counts = harness.stored_counts(one.data)
    assert counts["rejected"] == 26 and counts["received"] == 26


def test_an_event_named_twice_is_submitted_once(server):
    one = three_bad(server)
    done = again(one, "retry", "1", "3", "1")
    assert done.stdout.decode().splitlines()[-1].startswith("2 submitted again"), done
    assert len(rows(one)) == 3


def forwarding(one, meanwhile):
    """A server in front of another: before the first request goes on, `meanwhile` is called."""
    calls, lock = [], threading.Lock()

    class Forward(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                if not calls:
                    calls.append(meanwhile())
            answer = one.request("POST", self.path, body, {"Content-Type": self.headers["Content-Type"]})
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers["content-type"])
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *arguments):
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forward)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    return httpd


def test_what_somebody_else_has_submitted_meanwhile_does_not_end_a_retry_of_all(server):
    one = server()
    many = 40  # more than are on their way at a time
    one.post(lines(*[order(i, total=-1) for i in range(1, many + 1)]), NDJSON)
    httpd = forwarding(one, lambda: again(one, "retry", str(many)))
    try:
        done = rejected(one, "retry", "--all", "--to", f"http://127.0.0.1:{httpd.server_address[1]}")
    finally:
        httpd.shutdown()
        httpd.server_close()
    assert done.returncode == 1, done
    assert b"there is no rejected event" not in done.stderr, done
    assert done.stdout.decode().splitlines()[-1].startswith(f"{many - 1} submitted again"), done
    assert len(rows(one)) == many


def test_several_retries_at_once_leave_each_event_once(server):
    one = server()
    bad = order(9, total=-1)
    one.post(lines(*[order(i, total=-1) for i in range(1, 60)], bad, bad), NDJSON)
    texts = sorted(row["raw"] for row in listed(one))
    assert len(texts) == 61
    for _ in range(3):
        done = at_once(*[lambda: again(one, "retry", "--all")] * 4)
        assert {each.returncode for each in done} <= {0, 1} and not any(each.stderr for each in done), done
        assert sorted(row["raw"] for row in listed(one)) == texts
        assert len(rejected(one, "list", "--limit", "1000").stdout.splitlines()) == 61
    last = str(max(row["id"] for row in listed(one)))
    at_once(*[lambda: again(one, "retry", last)] * 4)
    assert sorted(row["raw"] for row in listed(one)) == texts
    harness.must_run("verify", "--data", one.data)


def test_of_two_retries_at_once_one_sends_each_event(server):
    one = server()
    many = 40  # more than are on their way at a time
    one.post(lines(*[order(i, total=-1) for i in range(1, many + 1)]), NDJSON)
    httpd = forwarding(one, lambda: again(one, "retry", "--all").stdout)
    try:
        done = rejected(one, "retry", "--all", "--to", f"http://127.0.0.1:{httpd.server_address[1]}")
    finally:
        httpd.shutdown()
        httpd.server_close()
    assert done.returncode == 1
    assert len(rows(one)) == many
    assert harness.stored_counts(one.data)["rejected"] == 2 * many, "each event was sent once"


def test_a_retry_that_was_killed_is_said_and_taken_up_later(server):
    """Nothing is sent twice while it may still be on its way; a claim that nobody ended runs out."""
    one = server()
    one.post(lines(order(1, total=-1), order(2, total=-1)), NDJSON)
    stuck = socket.create_server(("127.0.0.1", 0))
    killed = subprocess.Popen([harness.binary(), "rejected", "retry", "1", "--data", one.data,
                               "--to", f"http://127.0.0.1:{stuck.getsockname()[1]}"], env=harness.clean_env())  # fmt: skip
    try:
        harness.wait_until(lambda: rows(one)[1].get("retried_verdict") == "trying", 20, "the try on record")
    finally:
        killed.kill()
        killed.wait()
        stuck.close()
    done = again(one, "retry", "--all")
    said = done.stdout.decode().splitlines()
    assert done.returncode == 1
    assert said[0].startswith("1 not sent: somebody else has been sending it since 20"), done
    assert said[-1].startswith("1 submitted again"), done
    edited = again(one, "edit", "1", "--file", "-", stdin=json.dumps(order(1)).encode())
    assert edited.returncode == 1 and edited.stdout.decode().startswith("1 not sent: somebody else"), edited
    with sqlite3.connect(one.data / "sales.db") as db:
        db.execute("UPDATE rejected_retries SET retried_ms = retried_ms - 1000000 WHERE verdict = 'trying'")
    assert again(one, "retry", "--all").stdout.decode().splitlines()[-1].startswith("2 submitted again")
    assert len(rows(one)) == 2


def test_a_server_that_was_away_leaves_no_trace_of_the_try(server):
    one = server()
    one.post(order(1, total=-1))
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    done = rejected(one, "retry", "1", "--to", f"http://127.0.0.1:{port}")
    assert done.returncode == 1 and b"1 not sent: " in done.stdout, done
    assert "retried_verdict" not in rows(one)[1]
    assert again(one, "retry", "--all").stdout.decode().splitlines()[-1].startswith("1 submitted again")


def test_an_edited_event_that_is_rejected_again_takes_the_place_of_the_one_before(server):
    one = server()
    one.post(lines(order(1, total=-1), order(2, total=-1)), NDJSON)
    for turn, total in enumerate([-2, -3, -3, -1]):
        newest = max(row["id"] for row in listed(one)) if turn else 1
        edited = json.dumps(order(1, total=total, note="mended"), indent=2)
        done = again(one, "edit", str(newest), "--file", "-", stdin=edited.encode())
        assert done.returncode == 1 and f"{newest} rejected: ".encode() in done.stdout, done
        assert sorted(json.loads(row["raw"])["total"] for row in listed(one)) == sorted([total, -1])
        assert len(rejected(one, "list").stdout.splitlines()) == 2
    one.post(lines(order(3, total=-1, note="x" * 70_000)), NDJSON)  # of which only the beginning is kept
    long = max(row["id"] for row in listed(one))
    for note in ("y" * 70_000, "z" * 70_000, "short"):
        event = " \n" + json.dumps(order(3, total=-1, note=note), indent=2) + "\n"
        assert again(one, "edit", str(long), "--file", "-", stdin=event.encode()).returncode == 1
        assert long not in rows(one) and len(rows(one)) == 3
        long = max(rows(one))
    harness.must_run("verify", "--data", one.data)


def test_an_edited_event_still_hides_the_one_whose_place_it_had_taken(server):
    """Behind a topic the older one is not marked yet when the newer is replaced, by another text."""
    one = server()
    one.post(lines(order(1, total=-1), order(2, total=-1)), NDJSON)
    again(one, "retry", "1")
    with sqlite3.connect(one.data / "sales.db") as db:
        db.execute("UPDATE rejected_retries SET verdict = 'sent' WHERE id = 1")
    assert [row["id"] for row in listed(one)] == [3, 2]
    again(one, "edit", "3", "--file", "-", stdin=json.dumps(order(1, total=-2)).encode())
    assert [row["id"] for row in listed(one)] == [4, 2]
    assert len(rejected(one, "list").stdout.splitlines()) == 2


def test_retries_are_noted_in_a_directory_of_an_earlier_program(server):
    one = three_bad(server)
    again(one, "retry", "1")
    one.stop()
    with sqlite3.connect(one.data / "sales.db") as db:
        db.execute("ALTER TABLE rejected_retries DROP COLUMN sent_hash")
        db.execute("ALTER TABLE pipeline_state DROP COLUMN displaced_from")
        db.execute("DROP TABLE day_changes")
        db.execute("DROP TABLE order_doubts")
        for table in ("order_runs", "order_blocks", "order_displaced"):
            db.execute(f"DROP TABLE {table}")
        db.execute("CREATE TABLE order_index (key INTEGER PRIMARY KEY, position INTEGER NOT NULL, n INTEGER NOT NULL)")
        db.execute("PRAGMA writable_schema = ON")
        db.execute("UPDATE sqlite_schema SET sql = replace(sql, '(reserved,', '(position INTEGER PRIMARY KEY,') WHERE name = 'order_rows'")
        db.execute("PRAGMA user_version = 1")
    two = server()
    assert len(rejected(one, "list").stdout.splitlines()) == 3
    again(two, "retry", "--all")
    assert len(rows(two)) == 3


def test_what_another_server_rejects_again_stays_in_the_list(server, tmp_path):
    one, other = three_bad(server), server(data=tmp_path / "other")
    for _ in range(2):
        assert harness.run("rejected", "retry", "--all", "--data", one.data, "--to", other.url).returncode == 1
    assert len(rows(one)) == 3
    assert len(rejected(one, "list").stdout.splitlines()) == 3


def test_a_code_that_does_not_exist_is_said(server):
    one = three_bad(server)
    for arguments in (["list", "--code", "nope"], ["retry", "--code", "nope"]):
        done = again(one, *arguments)
        assert done.returncode == 2, done
        assert b"there is no code 'nope'; there are missing, wrong_type, " in done.stderr
    assert rejected(one, "list", "--code", "overflow").stdout == b""


def test_retry_by_code_and_retry_of_all_take_what_has_not_got_through(server):
    one = server("--max-depth", "4")
    deep = {"a": {"b": {"c": {"d": 1}}}}
    one.post(lines(*[order(i, note=deep) for i in range(1, 1202)], order(5000, total=-1)), NDJSON)
    one.stop()
    two = server()
    done = again(two, "retry", "--code", "too_deep")
    assert done.returncode == 0, done
    assert done.stdout.decode().splitlines()[-1] == "1201 submitted again: 1201 accepted, 0 duplicate, 0 rejected"
    done = again(two, "retry", "--all")
    assert done.returncode == 1
    assert done.stdout.decode().splitlines()[-1] == "1 submitted again: 0 accepted, 0 duplicate, 1 rejected"
    (total,) = two.get("/v1/sales").json()["rows"]
    assert total["orders"] == 1201
    harness.must_run("verify", "--data", two.data)


def editor(tmp_path, script):
    path = tmp_path / "editor.sh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {"EDITOR": f"{path} -w", "VISUAL": "", "TMPDIR": str(tmp_path)}


def test_edit_opens_the_event_in_the_users_editor(server, tmp_path):
    one = three_bad(server)
    env = editor(tmp_path, 'test "$1" = -w || exit 9\ncat "$2" >"$TMPDIR/seen"\nsed -i s/-1/5/ "$2"')
    done = again(one, "edit", "1", env=env)
    assert done.returncode == 0, done
    assert done.stdout.decode().splitlines()[0] == "1 accepted"
    assert json.loads((tmp_path / "seen").read_text())["total"] == -1
    assert one.get("/v1/orders/1").json()["order"]["total"] == "5.0000"
    assert json.loads(rows(one)[1]["raw"])["total"] == -1
    assert rows(one)[1]["retried_verdict"] == "accepted"
    left = [name for name in os.listdir(tmp_path) if name.startswith("salestide-event")]
    assert left == [], "the temporary file goes"


def test_an_editor_that_changes_nothing_or_fails_sends_nothing(server, tmp_path):
    one = three_bad(server)
    done = again(one, "edit", "1", env=editor(tmp_path, "exit 0"))
    assert done.returncode == 0
    assert b"Nothing was changed" in done.stdout
    done = again(one, "edit", "1", env=editor(tmp_path, "exit 3"))
    assert done.returncode == 2
    assert b"nothing was sent" in done.stderr
    assert "retried_verdict" not in rows(one)[1]


def test_edit_takes_the_event_from_a_file_or_standard_input(server, tmp_path):
    one = three_bad(server)
    mended = json.dumps(order(2, quantity=4), indent=2).encode()  # of several lines
    (tmp_path / "mended.json").write_bytes(mended)
    done = again(one, "edit", "2", "--file", tmp_path / "mended.json")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, b"2 accepted"), done
    assert one.get("/v1/orders/2").json()["order"]["quantity"] == 4
    done = again(one, "edit", "1", "--file", "-", stdin=json.dumps(order(1)).encode())
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, b"1 accepted"), done
    done = again(one, "edit", "1", "--file", tmp_path / "none")
    assert done.returncode == 2


def test_an_event_of_which_only_the_beginning_is_kept_has_to_be_given_whole(server, tmp_path):
    one = server()
    one.post(lines(order(1, total=-1, note="x" * 70_000)), NDJSON)
    done = again(one, "retry", "1")
    assert done.returncode == 1
    assert b"1 not sent: only the beginning of its text is kept" in done.stdout
    assert b"--file FILE" in again(one, "edit", "1").stderr
    done = again(one, "edit", "1", "--file", "-", stdin=json.dumps(order(1)).encode())
    assert done.returncode == 0


def test_a_server_that_is_away_or_asks_for_a_key_is_told(server, tmp_path):
    one = server("--require-keys")
    key = harness.run("key", "new", "--scope", "ingest", "--data", one.data).stdout.decode().strip()
    one.post(order(1, total=-1), headers={"Authorization": f"Bearer {key}"})
    done = again(one, "retry", "1")
    assert done.returncode == 1
    assert b"it asks for an API key: --key" in done.stdout
    done = again(one, "retry", "1", env={"SALESTIDE_KEY": key})
    assert done.stdout.splitlines()[0].startswith(b"1 rejected: total")
    one.stop()
    done = again(one, "retry", "2")
    assert done.returncode == 1
    assert b"2 not sent: " in done.stdout


def test_what_cannot_be_meant_is_refused_in_one_line(server):
    one = three_bad(server)
    for arguments in (["retry"], ["retry", "1", "--all"], ["retry", "x"], ["retry", "-7"], ["retry", "99"], ["edit"],
                      ["edit", "1", "2"], ["show"], ["list", "1"], [], ["drop"]):  # fmt: skip
        done = again(one, *arguments)
        assert done.returncode == 2, (arguments, done)
        assert done.stderr.count(b"\n") == 1, (arguments, done)
    assert "retried_verdict" not in rows(one)[1]


def test_words_that_cannot_be_meant_are_told_before_any_data_is_looked_for(tmp_path):
    for arguments, told in (["drop"], b"use `rejected list`"), (["retry"], b"say which events"), (["show", "x"], b"'x'"):
        done = harness.run("rejected", *arguments, "--data", tmp_path / "none")
        assert done.returncode == 2
        assert told in done.stderr and done.stderr.count(b"\n") == 1, done
    assert not (tmp_path / "none").exists()


# --- POST /v1/rejected/{id}/retry


def retry(one, event_id, event, headers=None):
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    return one.request("POST", f"/v1/rejected/{event_id}/retry", body, {"Content-Type": harness.JSON, **(headers or {})})


def test_a_mended_event_is_taken_by_the_door_and_noted_beside_the_rejected_one(server):
    one = three_bad(server)
    pretty = json.dumps(order(2, quantity=4), indent=2).encode()  # of several lines
    answer = retry(one, 2, b"\n" + pretty + b"\r\n")
    assert (answer.status, answer.json()["accepted"]) == (202, 1)
    assert one.get("/v1/orders/2").json()["order"]["quantity"] == 4
    row = rows(one)[2]
    assert (row["retried_verdict"], row["code"]) == ("accepted", "malformed")
    assert retry(one, 2, pretty).json()["duplicate"] == 1
    assert rows(one)[2]["retried_verdict"] == "duplicate"
    harness.must_run("verify", "--data", one.data)


def test_what_the_door_rejects_again_takes_the_place_of_the_one_before(server):
    one = server()
    bad = order(1, total=-1)
    one.post(lines(bad, bad), NDJSON)
    found = retry(one, 1, bad).problem(422)
    assert (found["rejected"], found["errors"][0]["field"]) == (1, "total")
    assert sorted(rows(one)) == [2, 3], "of two with one text the other stays"
    assert retry(one, 3, b'{"order_id": 1, nonsense').problem(422)["errors"][0]["code"] == "not_json"
    assert retry(one, 2, order(1)).status == 202
    assert {n: row.get("retried_verdict") for n, row in rows(one).items()} == {2: "accepted", 4: None}
    retry(one, 1, bad).problem(404)
    assert again(one, "retry", "--all").stdout.splitlines()[-1].startswith(b"1 submitted again")
    assert sorted(rows(one)) == [2, 5]
    harness.must_run("verify", "--data", one.data)


def test_what_the_door_has_replaced_still_hides_the_one_whose_place_it_had_taken(server):
    """The older one is not marked yet when the newer is replaced, by another text."""
    one = server()
    one.post(lines(order(1, total=-1), order(2, total=-1)), NDJSON)
    retry(one, 1, order(1, total=-1)).problem(422)
    with sqlite3.connect(one.data / "sales.db") as db:
        db.execute("UPDATE rejected_retries SET verdict = 'sent' WHERE id = 1")
    assert [row["id"] for row in listed(one)] == [3, 2]
    retry(one, 3, order(1, total=-2)).problem(422)
    assert [row["id"] for row in listed(one)] == [4, 2]
    with sqlite3.connect(one.data / "sales.db") as db:
        assert db.execute("SELECT id, verdict FROM rejected_retries ORDER BY id").fetchall() == [(1, "replaced"), (3, "replaced")]
    db.close()
    assert len(rejected(one, "list").stdout.splitlines()) == 2


def test_of_several_at_the_door_at_once_one_sends_and_the_others_are_told(server):
    one = three_bad(server)
    answers = at_once(*[lambda: retry(one, 1, order(1)) for _ in range(12)])
    told = sorted({answer.status for answer in answers})
    assert 202 in told and set(told) <= {202, 409}, told
    verdicts = [answer.json() for answer in answers if answer.status == 202]
    assert sum(verdict["accepted"] for verdict in verdicts) == 1
    with sqlite3.connect(one.data / "sales.db") as db:
        tries = db.execute("SELECT verdict FROM rejected_retries WHERE id = 1").fetchall()
    db.close()
    assert len(tries) == len(verdicts) and ("trying",) not in tries


def test_an_event_that_somebody_is_sending_is_not_sent_by_the_door(server):
    one = three_bad(server)
    assert retry(one, 2, order(2)).status == 202  # makes the table
    with sqlite3.connect(one.data / "sales.db") as db:
        db.execute("INSERT INTO rejected_retries VALUES (1, ?, 'trying', 7)", [time.time_ns() // 1_000_000])
    db.close()
    assert "somebody else" in retry(one, 1, order(1)).problem(409)["detail"]
    one.get("/v1/orders/1").problem(404)


def test_what_the_door_cannot_submit_again_changes_nothing(server):
    one = three_bad(server)
    for event_id in ("99", "999999999999999999"):
        assert "no rejected event" in retry(one, event_id, order(1)).problem(404)["detail"]
    for event_id in ("x", "", "-1", "1/2", "9999999999999999999", "1%00"):
        assert retry(one, event_id, order(1)).status in (400, 404), event_id
    for empty in (b"", b"  \n "):
        retry(one, 1, empty).problem(400)
    one.request("GET", "/v1/rejected/1/retry").problem(405)
    retry(one, 1, order(1), {"Content-Type": "text/plain"}).problem(415)
    retry(one, 1, order(1), {"Origin": "https://evil.example"}).problem(403)
    assert "retried_verdict" not in rows(one)[1]
    one.get("/v1/orders/1").problem(404)


def test_submitting_again_needs_a_key_to_send(server):
    one = server("--require-keys")
    keys = {scope: harness.must_run("key", "new", "--scope", scope, "--data", one.data).split()[0] for scope in ("read", "ingest")}
    bearer = {scope: {"Authorization": f"Bearer {key}"} for scope, key in keys.items()}
    one.post(order(1, total=-1), headers=bearer["ingest"])
    retry(one, 1, order(1)).problem(401)
    retry(one, 1, order(1), bearer["read"]).problem(403)
    assert retry(one, 1, order(1), bearer["ingest"]).status == 202


def test_where_no_orders_are_taken_nothing_is_submitted_again(server, tmp_path):
    one = three_bad(server)
    reader = hosts.Dashboard(tmp_path)
    try:
        assert set(rows(reader)) == {1, 2, 3}
        assert "takes no orders" in retry(reader, 1, order(1)).problem(404)["detail"]
    finally:
        reader.stop()
    assert "retried_verdict" not in rows(one)[1]
