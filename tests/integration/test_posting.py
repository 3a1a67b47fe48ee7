# SPDX-License-Identifier: MIT
"""`load --to` and `generate --to` against a server that misbehaves: nothing is lost, nothing is hidden."""

import collections
import http.server
import json
import threading
import time

import pytest

import harness
from harness import lines, order

HEADER = "order_id,created_at,product_id,quantity,total\n"


class Stub:
    """Answers each POST by the next entry of `script` (the last one again and again); keeps the bodies."""

    def __init__(self, *script):
        self.script = collections.deque(script)
        self.bodies, self.taken, self.headers = [], [], []
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 20

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                stub.headers.append(dict(self.headers))
                stub.bodies.append(body)
                step = stub.script.popleft() if len(stub.script) > 1 else stub.script[0]
                if step == "drop":
                    self.close_connection = True
                    return
                status, more, answer = step(body) if callable(step) else step
                text = json.dumps(answer).encode()
                if status == 202:
                    stub.taken.append(body)
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


def accept(body):
    return 202, {}, {"accepted": body.count(b"\n"), "duplicate": 0, "rejected": 0, "errors": []}


def busy(retry_after=None):
    return 503, {"Retry-After": str(retry_after)} if retry_after else {}, {"title": "Too busy"}


@pytest.fixture
def stub():
    made = []

    def make(*script):
        made.append(Stub(*script))
        return made[-1]

    yield make
    for one in made:
        one.close()


def ids(bodies):
    return [json.loads(line)["order_id"] for body in bodies for line in body.splitlines()]


def test_a_busy_server_and_lost_connections_are_tried_again(stub, tmp_path):
    one = stub(busy(), "drop", busy(), (429, {}, {}), (502, {}, {}), accept)
    path = tmp_path / "x.ndjson"
    path.write_bytes(lines(*(order(n) for n in range(10_000))))
    done = harness.run("load", path, "--to", one.url, "--key", "secret")
    assert done.returncode == 0, done
    assert b"10,000 accepted" in done.stdout
    assert sorted(ids(one.taken)) == list(range(10_000))
    assert {h["Authorization"] for h in one.headers} == {"Bearer secret"}
    assert {h["Content-Type"] for h in one.headers} == {harness.NDJSON}
    assert done.stderr.count(b"trying again") >= 1
    assert b"secret" not in done.stdout + done.stderr


def test_retry_after_is_honoured(stub, tmp_path):
    one = stub(busy(2), accept)
    path = tmp_path / "x.ndjson"
    path.write_bytes(lines(order(1)))
    start = time.monotonic()
    done = harness.run("load", path, "--to", one.url)
    assert done.returncode == 0, done
    assert 2 <= time.monotonic() - start < 10


@pytest.mark.parametrize(("status", "says"), [(401, "--key"), (403, "ingest"), (404, "Salestide"), (413, "413"), (500, "500")])
def test_an_answer_that_is_no_verdict_ends_the_load(stub, tmp_path, status, says):
    one = stub((status, {}, {}))
    path = tmp_path / "x.ndjson"
    path.write_bytes(lines(order(1)))
    done = harness.run("load", path, "--to", one.url)
    assert done.returncode == 1
    assert says in done.stderr.decode()
    assert b"not complete: 0 accepted" in done.stdout
    assert len(one.bodies) == 1  # not tried again


def test_another_server_is_noticed(stub, tmp_path):
    one = stub((200, {}, {"hello": "world"}))
    path = tmp_path / "x.ndjson"
    path.write_bytes(lines(order(1)))
    done = harness.run("load", path, "--to", one.url)
    assert done.returncode == 1
    assert b"is it a Salestide server?" in done.stderr


def test_rejections_are_told_with_their_file_and_row(stub, tmp_path):
    def judge(body):
        n = body.count(b"\n")
        error = {"index": 1, "field": "total", "code": "missing", "message": "total is required"}
        return 202, {}, {"accepted": n - 1, "duplicate": 0, "rejected": 1, "errors": [error]}

    one = stub(judge)
    path = tmp_path / "x.ndjson"
    path.write_bytes(b"\n" + lines(order(1)) + b"\n" + lines(order(2), order(3)))
    done = harness.run("load", path, "--to", one.url)
    assert done.returncode == 1
    assert f"{path}:4: total: total is required (missing)" in done.stderr.decode()
    assert b"2 accepted, 0 duplicate, 1 rejected" in done.stdout


def test_rows_are_sent_as_json_and_times_without_offset_are_the_servers(stub, tmp_path):
    one = stub(accept)
    path = tmp_path / "x.csv"
    path.write_text(HEADER + '7,2024-05-01 10:00:00,"a ""b""",1,1.5\nbad,2024-05-01,5,x,1\n8,2024-05-01T00:00:00Z,5,2,1e1\n')
    done = harness.run("load", path, "--to", one.url)
    assert done.returncode == 1
    assert f"{path}:3: quantity" in done.stderr.decode()
    first, second = (json.loads(line) for line in b"".join(one.taken).splitlines())
    assert (first["order_id"], first["created_at"], first["product_id"]) == (7, "2024-05-01 10:00:00", 'a "b"')
    assert "currency" not in first
    assert (second["total"], second["quantity"]) == ("10.0000", 2)


def test_what_takes_back_waits_for_what_came_before(stub, tmp_path):
    order_of_ends = []

    def slow_first(body):
        slow = b'"event"' not in body and not order_of_ends
        time.sleep(0.5 if slow else 0)
        order_of_ends.append(b'"event"' in body)
        return accept(body)

    one = stub(slow_first)
    path = tmp_path / "x.ndjson"
    path.write_bytes(lines(*(order(n) for n in range(9000)), order(1, event="cancelled")))
    done = harness.run("load", path, "--to", one.url)
    assert done.returncode == 0, done
    assert order_of_ends[-1] is True
    assert order_of_ends.count(True) == 1
    assert sorted(ids(one.taken)) == sorted([*range(9000), 1])


def test_an_array_becomes_lines(stub, tmp_path):
    one = stub(accept)
    path = tmp_path / "x.json"
    path.write_text(json.dumps([order(1), order(2)], indent=2))
    done = harness.run("load", path, "--to", one.url)
    assert done.returncode == 0, done
    assert ids(one.taken) == [1, 2]


def test_generate_keeps_its_rate_and_says_what_came_of_it(stub):
    one = stub(accept)
    start = time.monotonic()
    done = harness.run("generate", "--seed", "1", "--rate", "200", "--count", "400", "--to", one.url)
    seconds = time.monotonic() - start
    assert done.returncode == 0, done
    assert b"400 events sent" in done.stderr
    assert b"400 accepted" in done.stderr
    assert 1.8 <= seconds < 8
    sent = [json.loads(line) for body in one.taken for line in body.splitlines()]
    assert len(sent) == 400
    now_s = time.time()
    assert all(abs(now_s - time.mktime(time.strptime(o["created_at"][:19], "%Y-%m-%dT%H:%M:%S")) + time.timezone) < 60
               for o in sent)  # fmt: skip


def test_generate_without_a_server_ends_with_a_line():
    done = harness.run("generate", "--rate", "10", "--count", "5", "--to", "http://127.0.0.1:9", timeout=60)
    assert done.returncode == 1
    assert b"127.0.0.1:9" in done.stderr
    assert b"\n0 events sent in " in done.stderr, done


@pytest.mark.parametrize("url", ["ftp://x", "127.0.0.1:8080", "http://", "file:///etc/passwd"])
def test_an_address_that_is_none_is_a_usage_error(url, tmp_path):
    path = tmp_path / "x.ndjson"
    path.write_bytes(lines(order(1)))
    done = harness.run("load", path, "--to", url)
    assert done.returncode == 2, done
    assert b"http://127.0.0.1:8080" in done.stderr


def test_generate_asked_wrongly_writes_no_file(tmp_path):
    products = tmp_path / "products.csv"
    for wrong in (["--to", "kafka://h"], ["--to", "http://127.0.0.1:1", "--create-topic"]):
        done = harness.run("generate", "--write-products", products, *wrong)
        assert done.returncode == 2
        assert done.stderr.startswith(b"salestide generate: --to: ") and done.stderr.count(b"\n") == 1, done
    assert not products.exists()
    harness.must_run("generate", "--write-products", products)
    assert products.exists()
