# SPDX-License-Identifier: MIT
"""GET /v1/stream: a snapshot, then changes that lead from it to the truth, also after a reconnect."""

import contextlib
import datetime
import json
import socket
import time
import zlib

import pytest

import harness
from harness import NDJSON, lines, order


# Panels of rows and how many members of a row are its key (web/src/types.ts).
ROWS = {"hours": 1, "hours_before": 2, "days": 1, "share": 2, "map": 1, "matrix": 2}


class Viewer:
    """Reads server-sent events and keeps the page's state as the page would."""

    def __init__(self, one, last_id=None, timeout=15, key=None, gzip=False):
        self.sock = one.raw(timeout)
        extra = f"Last-Event-ID: {last_id}\r\n" if last_id is not None else ""
        extra += f"Authorization: Bearer {key}\r\n" if key is not None else ""
        extra += "Accept-Encoding: gzip, deflate, br\r\n" if gzip else ""
        self.sock.sendall(f"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n{extra}\r\n".encode())
        self.file = self.sock.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        while line := self.file.readline().strip():
            name, _, value = line.decode().partition(":")
            self.headers[name.lower()] = value.strip()
        self.chunked = self.headers.get("transfer-encoding") == "chunked"
        self.gzip = self.headers.get("content-encoding") == "gzip"
        self.unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self.n_bytes = 0  # of the body, as they came
        self.buffer = b""
        self.last_id = last_id
        self.state = {}

    def close(self):
        self.file.close()
        self.sock.close()

    def line(self):
        while b"\n" not in self.buffer:
            if self.chunked:
                size = int(self.file.readline().split(b";")[0], 16)
                assert size > 0, "the stream ended"
                self.buffer += self.file.read(size)
                self.file.readline()
            elif self.gzip:
                more = self.file.read1(65536)
                assert more, "the stream ended"
                self.n_bytes += len(more)
                self.buffer += self.unpacker.decompress(more)
            else:
                more = self.file.readline()
                assert more, "the stream ended"
                self.n_bytes += len(more)
                self.buffer += more
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.decode("utf-8")

    def event(self):
        """The next one: (id, event, data), put into the state."""
        fields = {}
        while True:
            line = self.line()
            if line == "" and "data" in fields:
                break
            name, _, value = line.partition(":")
            if name:  # not a comment
                fields[name] = value.removeprefix(" ")
        self.last_id = fields["id"]
        data = json.loads(fields["data"])
        self.take(fields["event"], data)
        return fields["id"], fields["event"], data

    def take(self, event, data):
        if event == "snapshot":
            self.state = data
            return
        assert event == "change"
        recent = data.pop("recent", []) + self.state.get("recent", [])
        changes = data.pop("changes", []) + self.state.get("changes", [])
        for name, n_keys in ROWS.items():
            if name in data and not data[name]["all"]:
                rows = {tuple(r[:n_keys]): r for r in (*self.state[name]["rows"], *data[name]["rows"])}
                data[name]["rows"] = list(rows.values())
        minutes = {m[0]: m for m in (*self.state.get("minutes", []), *data.pop("minutes", []))}
        self.state.update(data)
        self.state["recent"], self.state["minutes"] = recent, list(minutes.values())
        self.state["changes"] = changes

    def until(self, condition, timeout_s=10):
        deadline = time.monotonic() + timeout_s
        while not condition(self.state):
            assert time.monotonic() < deadline, self.state
            self.event()
        return self.state


@contextlib.contextmanager
def viewer(one, last_id=None, **more):
    made = Viewer(one, last_id, **more)
    try:
        yield made
    finally:
        made.close()


def now_text():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def total_is(total):
    return lambda state: state.get("all_time", {}).get("total") == total


def test_a_stream_starts_with_a_snapshot_and_goes_on_with_changes(server):
    one = server()
    with viewer(one) as page:
        assert page.status == 200
        assert page.headers["content-type"].startswith("text/event-stream")
        assert "no-store" in page.headers["cache-control"] or "no-cache" in page.headers["cache-control"]
        assert page.event()[1] == "snapshot"
        one.post(order("first", created_at=now_text(), source="GOOGLE", total="12.5"))
        state = page.until(total_is("12.5000"))
        assert state["today"]["orders"] == 1
        assert state["last_hour"] == {"orders": 1, "total": "12.5000"}
        page.until(lambda s: s["recent"] and s["recent"][0]["order_id"] == "first")
        assert state["sources"]["rows"][0][0] == "GOOGLE"
        one.post(order("first", event="refunded", event_id="1", total="2.5", created_at=now_text()))
        assert page.until(total_is("10.0000"))["all_time"]["refunds"] == 1


def test_a_viewer_that_takes_gzip_gets_the_same_in_a_fraction_of_the_bytes(server):
    """Whenever it came: packed events are the same for all, and follow any other."""
    one = server()
    with contextlib.ExitStack() as stack:
        plain = stack.enter_context(viewer(one))
        packed = []
        for n in range(40):
            if n % 8 == 0:
                packed.append(stack.enter_context(viewer(one, gzip=True)))
                assert packed[-1].gzip and "content-encoding" not in plain.headers
            one.post([order(n * 100 + i, created_at=now_text(), source=f"s{i}", total="1.25") for i in range(20)])
        away = stack.enter_context(viewer(one, last_id=packed[0].event()[0], gzip=True))
        away.state = dict(packed[0].state)
        wanted = plain.until(total_is("1000.0000"))
        for each in (*packed, away):
            found = each.until(total_is("1000.0000"))
            assert found["matrix"]["rows"] and {str(r) for r in found["matrix"]["rows"]} == {str(r) for r in wanted["matrix"]["rows"]}
            assert found["today"] == wanted["today"] and found["recent"][0] == wanted["recent"][0]
        assert packed[0].n_bytes * 2.5 < plain.n_bytes


def test_a_new_viewer_gets_all_that_is_there(server):
    one = server()
    one.post([order(n, created_at=now_text()) for n in range(30)])
    with viewer(one) as page:
        page.event()
        state = page.until(total_is("300.0000"))
        assert state["counts"]["accepted"] == 30
        assert [o["order_id"] for o in state["recent"][:3]] == ["29", "28", "27"]


def test_last_event_id_is_honoured(server):
    one = server()
    with viewer(one) as page:
        page.event()
        one.post(order(1, created_at=now_text()))
        page.until(total_is("10.0000"))
        state, last_id = page.state, page.last_id
    one.post(order(2, created_at=now_text()))
    with viewer(one, last_id) as page:
        page.state = state
        assert page.event()[1] == "change"  # not everything again
        page.until(total_is("20.0000"))
        assert [o["order_id"] for o in page.state["recent"]] == ["2", "1"]


def test_an_unknown_last_event_id_gets_a_snapshot(server):
    one = server()
    one.post(order(1))
    for last_id in ("0", "999999999999999", "x", "-1", "18446744073709551616"):
        with viewer(one, last_id) as page:
            assert page.event()[1] == "snapshot"
            page.until(total_is("10.0000"))


def test_a_reconnect_after_a_restart_gets_a_snapshot(server):
    one = server()
    one.post(order(1))
    with viewer(one) as page:
        page.event()
        page.until(total_is("10.0000"))
        last_id = page.last_id
    one.stop()
    one = server()
    one.post(order(2))
    with viewer(one, last_id) as page:
        assert page.event()[1] == "snapshot"
        page.until(total_is("20.0000"))


def test_changes_lead_to_the_same_state_as_a_snapshot(server):
    one = server()
    with viewer(one) as page:
        page.event()
        for n in range(40):
            batch = [order(f"{n}-{i}", created_at=now_text(), source=f"s{i % 5}", state=f"t{n % 7}", product_id=i)
                     for i in range(n % 9 + 1)]  # fmt: skip
            one.post(lines(*batch), NDJSON)
            if n % 10 == 0:
                page.event()
        with harness.database(one.data) as db:
            (total,) = db.execute("SELECT sum(total_e4) FROM total_cells").fetchone()
        wanted = f"{total // 10000}.{total % 10000:04d}"
        page.until(total_is(wanted))
        page.until(lambda s: s["recent"] and s["recent"][0]["order_id"] == "39-3")
        with viewer(one) as fresh:
            fresh.event()
            fresh.until(total_is(wanted))
            for one_page in (page, fresh):  # days rest
                one_page.until(lambda s: sum(r[1] for r in s["days"]["rows"]) == s["counts"]["accepted"])
            for name in ROWS:
                rows = [sorted(s[name]["rows"], key=json.dumps) for s in (page.state, fresh.state)]
                assert rows[0] == rows[1], name
            for name in ("all_time", "today", "sources", "states", "products", "counts", "last_hour", "currencies"):
                assert page.state[name] == fresh.state[name], name
            n_recent = len(fresh.state["recent"])
            assert page.state["recent"][:n_recent] == fresh.state["recent"]
            shown = {m[0]: m for m in page.state["minutes"] if m[1]}
            assert shown == {m[0]: m for m in fresh.state["minutes"] if m[1]}


def test_every_row_of_a_panel_is_what_the_query_api_says(server):
    one = server("--timezone", "America/New_York")
    now_ms = int(time.time() * 1000)
    batch = [order(i, created_at=harness.instants.show(now_ms - (i % 40) * (i % 7) * 5_400_000), source=f"s{i % 15}",
                   state=f"t{i % 9}", product_id=i % 30, total=i, quantity=2) for i in range(1, 900)]  # fmt: skip
    batch += [order(i, event="refunded", event_id="r", created_at=now_text(), total=1, quantity=1, product_id=i)
              for i in range(1, 30)]  # fmt: skip
    assert one.post(lines(*batch), NDJSON).json()["accepted"] == len(batch)
    with viewer(one) as page:
        page.event()
        state = page.until(lambda s: s.get("counts", {}).get("accepted") == len(batch) and sum(r[1] for r in s["days"]["rows"]) > 300)
        day = datetime.date.fromisoformat(state["day"]["date"])
        tomorrow = day + datetime.timedelta(days=1)
        today = f"from={day}&to={tomorrow}"

        def sales(query):
            return one.get(f"/v1/sales?{query}").json()["rows"]

        assert {tuple(r) for r in state["map"]["rows"]} == {
            (r["state"], 0, r["orders"], r["units"], r["total"]) for r in sales(f"by=state&{today}")}  # fmt: skip
        assert {tuple(r) for r in state["share"]["rows"]} == {
            (harness.instants.parse(r["bucket"], None) // 3_600_000, r["source"], r["orders"], r["total"])
            for r in sales(f"by=source&bucket=hour&top=8&{today}")}  # fmt: skip
        assert {tuple(r) for r in state["hours"]["rows"]} == {
            (harness.instants.parse(r["bucket"], None) // 3_600_000, r["orders"], r["units"], r["total"], r["refunds"], r["refunded_total"])
            for r in sales(f"by=&bucket=hour&{today}")}  # fmt: skip
        month = day - datetime.timedelta(days=29)
        assert {tuple(r) for r in state["days"]["rows"]} == {
            ((datetime.date.fromisoformat(r["bucket"]) - datetime.date(1970, 1, 1)).days, r["orders"], r["units"], r["total"],
             r["refunds"], r["refunded_total"]) for r in sales(f"by=&bucket=day&from={month}&to={tomorrow}")}  # fmt: skip
        assert state["batch"] == int(one.get("/v1/sales").headers["etag"].strip('"').split("-")[0])
        assert len(state["changes"]) == 20
        top = sales(f"by=product&top=10&{today}&compare={day - datetime.timedelta(days=1)}")
        ranked = [[str(r["product_id"]), r["orders"], r["units"], r["total"], r["rank_before"]] for r in top if not r["others"]]
        page.until(lambda s: [[p[0], *p[3:]] for p in s["products"]["rows"]] == ranked)  # they rest, as what follows
        for which, days in (("yesterday", 1), ("week", 7)):
            question = f"/v1/sales?by=&currency=USD&{today}&compare={day - datetime.timedelta(days=days)}"

            def as_asked(state, which=which, question=question):
                answer = one.get(question).json()  # anew each time: a minute may have ended
                (row,) = answer["rows"]
                wanted = {"until_ms": harness.instants.parse(answer["compare"]["until"], None), **row["before"]}
                shown = state["today_before"][which]
                return all(shown[n] == v for n, v in wanted.items() if n in shown)

            page.until(as_asked, timeout_s=20)


def test_text_of_orders_is_data_and_nothing_else_on_the_stream(server):
    one = server()
    nasty = 'x"</script>\u2028data: {}\\n 🛒 é'
    with viewer(one) as page:
        page.event()
        one.post(order("n\\'\"", created_at=now_text(), source=nasty, state=nasty, product_id=nasty))
        state = page.until(lambda s: s.get("recent"))
        assert state["recent"][0]["source"] == nasty
        assert state["recent"][0]["product_id"] == nasty
        assert state["recent"][0]["order_id"] == "n\\'\""


def test_more_viewers_than_allowed_are_answered_503(server):
    one = server("--max-viewers", "3")
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            assert stack.enter_context(viewer(one)).status == 200
        one.get("/v1/stream", timeout=5).problem(503)
        assert one.get("/healthz").status == 200
    harness.wait_until(lambda: Viewer(one).status == 200, 10, "a place after the others left")


def test_viewers_that_do_not_read_hold_up_nobody(server):
    one = server()
    stuck = []
    for _ in range(50):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect((one.host, one.port))
        sock.sendall(b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        stuck.append(sock)
    try:
        with viewer(one) as page:
            page.event()
            for n in range(300):
                assert one.post(order(n, created_at=now_text(), source="x" * 100)).status == 202
            page.until(total_is("3000.0000"))
    finally:
        for sock in stuck:
            sock.close()


def test_a_drain_ends_the_streams(server):
    one = server()
    with viewer(one) as page:
        page.event()
        start = time.monotonic()
        one.stop()
        assert time.monotonic() - start < 15


def new_read_key(data):
    key = harness.run("key", "new", "--scope", "read", "--data", data).stdout.decode().strip()
    return key, harness.run("key", "list", "--data", data).stdout.decode().splitlines()[-1].split()[0]


def ends_within(viewer, seconds):
    start = time.monotonic()
    try:
        while time.monotonic() - start < seconds:
            viewer.line()
    except (AssertionError, ConnectionResetError):
        return time.monotonic() - start < seconds
    return False


def test_a_revoked_key_ends_its_streams_within_two_seconds(server, tmp_path):
    (first, first_id), (second, second_id) = (new_read_key(tmp_path / "data") for _ in range(2))
    one = server("--require-keys")
    revoked = [Viewer(one, key=first) for _ in range(3)]
    kept = Viewer(one, key=second)
    for viewer in (*revoked, kept):
        assert viewer.status == 200
        viewer.event()
    harness.must_run("key", "revoke", first_id, "--data", tmp_path / "data")
    for viewer in revoked:
        assert ends_within(viewer, 2.5)
    one.get("/v1/stream", {"Authorization": f"Bearer {first}"}).problem(401)
    kept.event()  # one comes at least every 15 seconds
    # Also when requests look at the file first, and when the last key goes.
    harness.must_run("key", "revoke", second_id, "--data", tmp_path / "data")
    harness.wait_until(lambda: one.get("/v1/sales", {"Authorization": f"Bearer {second}"}).status == 401, 5, "refusing the key")
    assert ends_within(kept, 2.5)


@pytest.mark.parametrize("gzip", [False, True])
def test_a_quiet_stream_sends_an_event_every_15_seconds_as_described(server, gzip):
    one = server()
    described = one.get("/openapi.json").json()["paths"]["/v1/stream"]["get"]["description"]
    assert "At least one event comes every 15 seconds" in described
    viewer = Viewer(one, timeout=25, gzip=gzip)
    viewer.event()
    start = time.monotonic()
    _, kind, data = viewer.event()
    assert time.monotonic() - start < 17
    assert (kind, "now_ms" in data) == ("change", True)
