# SPDX-License-Identifier: MIT
"""What every process with an HTTP door has to do with each group of its options: the tests of the
embedded hosts (tests/integration) and of those on real servers (tests/cluster) use the same table.

A group is some options and a probe that fails when they are not heeded. use() is what a host must
do with any of them: take an order, answer a question, begin a stream, stand a SIGHUP, stop on SIGTERM.
"""

import dataclasses
import re
import signal
import time

import harness
from harness import NDJSON, lines, order

CUSTOMERS = "customer_id,source,state\n1,SEARCH,CA\n"
PRODUCTS = "product_id,title,category\n1,Blue mug,kitchen\n"
UNUSED = re.compile(r"options that nothing here uses:(.*)")


class Serve(harness.Server):
    command = "serve"


class Ingest(harness.Server):
    command = "ingest"


class Process(harness.Server):
    command = "process"


class Dashboard(harness.Server):
    command = "dashboard"


# --- What help lists, and what a running host has looked at


def options_in_help(command):
    text = harness.must_run(command, "--help")
    return set(re.findall(r"^  --([a-z-]+)", text, re.MULTILINE)) - {"help"}


def options_unused(one):
    """Of a host that was started with --log-level debug."""
    found = harness.wait_until(lambda: UNUSED.search(one.log), 10, f"the line about options\n{one.log}")
    return set(found[1].split())


def starting_with(names, *prefixes):
    return {name for name in names if name.startswith(prefixes)}


# --- Use of a host


def stream_head(one, wanted=b"event: snapshot", timeout_s=20, headers=b""):
    """Reads a live page's stream until `wanted` is in it."""
    seen = b""
    with one.raw(timeout=timeout_s) as viewer:
        viewer.sendall(b"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n" + headers + b"\r\n")
        while wanted not in seen:
            more = viewer.recv(65536)
            assert more, f"the stream has ended: {seen[:2000]}"
            seen += more
    return seen


def reload_is_told(one):
    """SIGHUP: the files are read again, or it is said that there are none."""
    customers = one.command in ("serve", "process")
    wanted = "customers read from|no --customers file" if customers else "SIGHUP: (reading|there is nothing)"
    before = len(re.findall(wanted, one.log))
    one.signal(signal.SIGHUP)
    harness.wait_until(lambda: len(re.findall(wanted, one.log)) > before, 20, f"a line about SIGHUP\n{one.log}")


def use(one, writer=None, keys=None, question="/v1/sales"):
    """All that the host is for. `writer`: who takes the orders that it shows, if not itself. `keys`: {scope: key}."""
    auth = {scope: {"Authorization": f"Bearer {key}"} for scope, key in (keys or {}).items()}
    writer = writer or (one if one.command in ("serve", "ingest") else None)
    order_id = f"use-{time.monotonic_ns()}"
    if writer:
        answer = writer.post(order(order_id, customer_id=1), headers=auth.get("ingest"))
        assert answer.status == 202, (answer, writer.log)
    if one.command in ("serve", "dashboard"):
        answer = one.get(question, headers=auth.get("read"))
        assert answer.status == 200, answer
        login = f"Authorization: {auth['read']['Authorization']}\r\n" if keys else ""
        stream_head(one, order_id.encode() if writer else b"event: snapshot", headers=login.encode())
    reload_is_told(one)
    assert one.get("/healthz").status == 200
    assert b"salestide_" in one.get("/metrics", headers=auth.get("read")).body
    one.stop()


# --- Groups of options


@dataclasses.dataclass(frozen=True)
class Group:
    name: str
    options: tuple
    probe: object  # probe(one, writer): fails when the options are not heeded
    needs: str = ""  # "orders": hosts that take them; "questions": hosts that answer them; "": all
    key: bool = False
    question: str = "/v1/sales"  # one that is answered all the same


def too_large(one, writer=None):
    assert "bytes" in one.post(order(1, note="x" * 2000)).problem(413)["detail"]


def too_many(one, writer=None):
    one.post(lines(order(1), order(2), order(3)), NDJSON).problem(413)


def too_much_unpacked(one, writer=None):
    body = harness.gzipped(lines(*(order(n) for n in range(100))))
    one.post(body, NDJSON, {"Content-Encoding": "gzip"}).problem(413)


def too_deep(one, writer=None):
    answer = one.post(order("deep", note=[[[[[[1]]]]]]))
    assert answer.status == 422, answer
    assert answer.json()["rejected"] == 1


def too_many_rows(one, writer):
    assert writer.post([order("r1", source="A"), order("r2", source="B")]).status == 202
    harness.wait_until(lambda: one.get("/v1/sales?by=source").status == 400, 30, "too many rows")
    assert "rows" in one.get("/v1/sales?by=source").problem(400)["detail"]


def no_viewers(one, writer=None):
    one.get("/v1/stream").problem(503)


def slow_head(one, writer=None):
    with one.raw(timeout=10) as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        assert closed(sock)


def slow_body(one, writer=None):
    with one.raw(timeout=10) as sock:
        sock.sendall(b"POST /v1/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                     b"Content-Length: 100\r\n\r\n{")  # fmt: skip
        harness.read_answer(sock).problem(408)


def idle(one, writer=None):
    with one.raw(timeout=10) as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert harness.read_answer(sock).status == 200
        began = time.monotonic()
        assert closed(sock)
        assert time.monotonic() - began < 8


def one_connection(one, writer=None):
    def ask_beside():
        with one.raw(timeout=1) as sock:
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            try:
                return sock.recv(100) != b""
            except TimeoutError:
                return False

    with one.raw() as first:
        first.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert harness.read_answer(first).status == 200
        assert not ask_beside()
    harness.wait_until(ask_beside, 10, "an answer once the first connection is gone")


def memory_is_full(one, writer=None):
    """A body that does not fit into --max-inflight beside those that are being read."""
    with one.raw() as sock:
        sock.sendall(b"POST /v1/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\n"
                     b"Content-Length: 3000000\r\n\r\n")  # fmt: skip
        sock.settimeout(10)
        line = b" " * 999 + b"\n"
        try:
            for _ in range(3000):
                sock.sendall(line)
        except OSError:
            pass  # it has answered and closed
        harness.read_answer(sock).problem(503)


def wants_a_key(one, writer=None):
    one.get("/metrics").problem(401)
    if one.command in ("serve", "ingest"):
        one.post(order(1)).problem(401)


def says_little(one, writer=None):
    assert " info " not in one.log


def closed(sock):
    """The other end has closed, whatever it sent before."""
    try:
        while sock.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


GROUPS = [
    Group("max-body", ("--max-body", "1KiB"), too_large, "orders"),
    Group("max-events", ("--max-events", "2"), too_many, "orders"),
    Group("max-decompressed", ("--max-decompressed", "1KiB"), too_much_unpacked, "orders"),
    Group("max-depth", ("--max-depth", "4"), too_deep, "orders"),
    Group("body-timeout", ("--body-timeout", "200ms"), slow_body, "orders"),
    Group("max-inflight", ("--max-inflight", "1MiB"), memory_is_full, "orders"),
    Group("max-rows", ("--max-rows", "1"), too_many_rows, "questions", question="/v1/rejected"),
    Group("max-viewers", ("--max-viewers", "0"), no_viewers, "questions"),
    Group("header-timeout", ("--header-timeout", "200ms"), slow_head),
    Group("idle-timeout", ("--idle-timeout", "1s"), idle),
    Group("max-connections", ("--max-connections", "1"), one_connection),
    Group("require-keys", ("--require-keys",), wants_a_key, key=True),
    Group("log-level", ("--log-level", "warn"), says_little),
]  # fmt: skip
OF_ALL = [g for g in GROUPS if g.needs == ""]


def ids(groups):
    return [g.name for g in groups]


def new_keys(data):
    """One key for each scope: {scope: key}."""
    return {scope: harness.run("key", "new", "--scope", scope, "--data", data).stdout.decode().strip()
            for scope in ("ingest", "read")}  # fmt: skip
