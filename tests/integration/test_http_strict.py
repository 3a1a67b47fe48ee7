# SPDX-License-Identifier: MIT
"""Heads as RFC 9112 has them: what must be refused is, once and as a problem, and the rest is served."""

import json
import socket

import pytest

import harness
from harness import JSON, order

GET = b"GET /healthz HTTP/1.1\r\n"
HOST = b"Host: localhost\r\n"


def answers(one, text, pieces=1):
    """All that comes back for these bytes until the server closes."""
    with one.raw() as sock:
        sock.settimeout(8)
        step = max(1, -(-len(text) // pieces))
        for at in range(0, len(text), step):
            sock.sendall(text[at : at + step])
            if pieces > 1:  # the next piece only when the server has taken this one
                harness.wait_until(lambda: unsent(sock) == 0, 5, "taking a piece")
        got = b""
        while more := sock.recv(65536):
            got += more
    return got


def unsent(sock):
    import array
    import fcntl
    import termios

    left = array.array("i", [0])
    fcntl.ioctl(sock, termios.TIOCOUTQ, left)
    return left[0]


def the_problem(got, status):
    """Checks that this is one head, and a problem of this status, after which the connection ends."""
    assert got.count(b"HTTP/1.1 ") == 1, got
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.split()[1] == str(status).encode(), got
    assert b"content-type: application/problem+json" in head.lower(), got
    assert b"connection: close" in head.lower(), got
    assert json.loads(body)["status"] == status
    return json.loads(body)


BAD_LINES = {
    "space before the colon": b"Host: localhost\r\nX-A : b\r\n",
    "tab before the colon": b"Host: localhost\r\nX-A\t: b\r\n",
    "space before the colon of Host": b"Host : localhost\r\n",
    "space before the first line": b" X-A: b\r\nHost: localhost\r\n",
    "no name": b"Host: localhost\r\n: b\r\n",
    "space in a name": b"Host: localhost\r\nX A: b\r\n",
    "a folded line": b"Host: localhost\r\nX-A: b\r\n c\r\n",
    "a folded line with a tab": b"Host: localhost\r\nX-A: b\r\n\tc\r\nX-B: d\r\n",
    "a folded line of nothing": b"Host: localhost\r\nX-A: b\r\n \r\nX-B: d\r\n",
    "a folded Host": b"Host:\r\n localhost\r\n",
    "a folded last line": b"X-A: b\r\nHost: localhost\r\n evil\r\n",
    "no colon": b"Host: localhost\r\nX-A\r\n",
    "a name with a bracket": b"Host: localhost\r\nX(A): b\r\n",
    "a name with a letter beyond ASCII": "Host: localhost\r\nX-Ä: b\r\n".encode(),
    "a zero in a value": b"Host: localhost\r\nX-A: b\0c\r\nX-B: d\r\n",
    "a zero in the last value": b"Host: localhost\r\nX-A: b\0c\r\n",
    "a zero at the end of a value": b"Host: localhost\r\nX-A: b\0\r\nX-B: d\r\n",
    "a zero in a name": b"Host: localhost\r\nX-\0A: b\r\n",
    "a lone CR in a value": b"Host: localhost\r\nX-A: b\rc\r\n",
    "a control character in a value": b"Host: localhost\r\nX-A: b\x01c\r\n",
    "two Host lines": b"Host: localhost\r\nHost: localhost\r\n",
    "two Host lines that differ": b"Host: localhost\r\nX-A: b\r\nhost: evil.example\r\n",
    "no Host": b"X-A: b\r\n",
    "no line at all": b"",
    "a Host that is none": b"Host: local host\r\n",
    "a Host of two": b"Host: localhost, evil.example\r\n",
    "a Host with a path": b"Host: localhost/x\r\n",
    "an empty Host": b"Host:\r\n",
}


@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize("head", BAD_LINES.values(), ids=BAD_LINES)
def test_a_head_that_must_be_refused_is_and_the_connection_ends(shared_server, head, pieces):
    # A second request follows at once: it must never be answered.
    got = answers(shared_server, GET + head + b"\r\n" + GET + HOST + b"\r\n", pieces)
    the_problem(got, 400)


@pytest.mark.parametrize("head", BAD_LINES.values(), ids=BAD_LINES)
def test_the_same_with_orders_stores_nothing(shared_server, head):
    body = json.dumps(order("hidden")).encode()
    got = answers(shared_server, b"POST /v1/orders HTTP/1.1\r\n" + head + b"Content-Type: application/json\r\n"
                  b"Content-Length: %d\r\n\r\n" % len(body) + body)  # fmt: skip
    the_problem(got, 400)
    shared_server.get("/v1/orders/hidden").problem(404)


@pytest.mark.parametrize("head", [
    b"Host: localhost\r\nX-A:b\r\n", b"Host:localhost\r\nX-A:   b \t \r\n", b"Host: localhost\r\nX-A:\r\nX-B:\r\n",
    b"hOST:\tlocalhost \r\n", b"Host: localhost\nX-A: b\n", b"Host: localhost\r\nX-A: \xc3\xa4\r\n",
    b"Host: localhost\r\n!#$%&'*+-.^_`|~09azAZ: b\r\n", b"Host: localhost\r\nX-A: \"b: c\" (d) {e}\r\n",
    b"Host: localhost\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(100)),
    b"Host: localhost\r\nCookie: a=b; c=\"d\"; e\r\n",
])  # fmt: skip
@pytest.mark.parametrize("target", [b"/healthz", b"/v1/sales?by=&bucket=day"])
def test_a_head_that_is_fine_is_served(shared_server, head, target):
    for pieces in (1, 4):
        got = answers(shared_server, b"GET " + target + b" HTTP/1.1\r\nConnection: close\r\n" + head + b"\r\n", pieces)
        assert got.startswith(b"HTTP/1.1 200 "), got


def test_http_1_0_needs_no_host(shared_server):
    # A server on loopback asks for one all the same (another site's name could point here).
    the_problem(answers(shared_server, b"GET /healthz HTTP/1.0\r\n\r\n"), 403)
    assert answers(shared_server, b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n").split()[1] == b"200"


LIBRARY = {
    "a version to come": (b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
    "a version that is none": (b"GET / HTTP/x\r\nHost: localhost\r\n\r\n", 400),
    "no version": (b"GET /\r\nHost: localhost\r\n\r\n", 400),
    "no request line": (b"hello\r\n\r\n", 400),
    "a length that is none": (b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", 400),
    "a negative length": (b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
    "a huge length": (b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413),
    "a long target": (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
    "a long head": (GET + HOST + b"X-A: " + b"a" * 100_000 + b"\r\n\r\n", 431),
    "many lines": (GET + HOST + b"".join(b"X-%d: y\r\n" % n for n in range(10_000)) + b"\r\n", 431),
    "long cookies": (GET + HOST + b"Cookie: a=" + b"b" * 20_000 + b"\r\n\r\n", 431),
    "cookies too long to copy": (GET + HOST + b"Cookie: a=" + b"b" * 15_000 + b"\r\n\r\n", 431),
    "many parameters": (b"GET /v1/sales?" + b"&".join(b"a%d=b" % n for n in range(700)) + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
    "broken chunks": (b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                      b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", 400),
    "another coding": (b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
    "a space in the target": (b"GET /health z HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "a zero in the target": (b"GET /healthz\0x HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
}  # fmt: skip


@pytest.mark.parametrize("busy", [False, True])
@pytest.mark.parametrize(("text", "status"), LIBRARY.values(), ids=LIBRARY)
def test_what_is_refused_before_it_is_a_request_is_one_problem(shared_server, text, status, busy):
    others = []
    try:
        if busy:  # connections that the answer could be sent to by mistake: idle, in a head, in a body
            for start in (GET + HOST + b"\r\n", GET + b"Ho", b"", b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\n"
                          b"Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{"):  # fmt: skip
                others.append(shared_server.raw())
                others[-1].sendall(start)
            assert harness.read_answer(others[0]).status == 200
        the_problem(answers(shared_server, text, pieces=5 if busy else 1), status)
        for n, rest in enumerate((GET + HOST + b"\r\n", b"st: localhost\r\n\r\n", GET + HOST + b"\r\n", b"        ")[: len(others)]):
            others[n].sendall(rest)
            assert harness.read_answer(others[n]).status == (200 if n < 3 else 400)
    finally:
        for sock in others:
            sock.close()


def test_a_bad_head_after_a_good_one_is_answered_on_its_own_connection(shared_server):
    # Both come in one segment, while another connection posts: the refusal follows the answer.
    body = json.dumps(order("first")).encode()
    post = b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    for bad in (b"GET /healthz HTTP/7.0\r\n\r\n", b"GET /healthz HTTP/1.1\r\nbroken\r\n\r\n"):
        other = shared_server.connection()
        got = answers(shared_server, post % len(body) + body + bad)
        assert harness.ask(other, "GET", "/healthz").status == 200
        other.close()
        first, _, rest = got.partition(b'"errors":[]}')
        assert first.startswith(b"HTTP/1.1 202 "), got
        the_problem(rest, 505 if b"7.0" in bad else 400)


@pytest.mark.parametrize("together", [False, True])
def test_a_request_line_that_is_none_is_answered_after_good_requests_too(shared_server, together):
    body = json.dumps(order("before")).encode()
    post = (b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body)) + body  # fmt: skip
    for good in (GET + HOST + b"\r\n", post):
        for bad in (b"hello\r\n\r\n", b"GET /\r\n\r\n"):
            if together:
                served, status_line, refused = answers(shared_server, good + bad).partition(b"HTTP/1.1 4")
                assert served.startswith(b"HTTP/1.1 20") and served.count(b"HTTP/1.1 ") == 1, served
                the_problem(status_line + refused, 400)
                continue
            with shared_server.raw() as sock:
                sock.settimeout(8)
                for _ in range(2):
                    sock.sendall(good)
                    assert harness.read_answer(sock).status in (200, 202)
                sock.sendall(bad)
                got = b""
                while more := sock.recv(65536):
                    got += more
                the_problem(got, 400)


@pytest.mark.parametrize("head", [GET + HOST + b"Connection: close\r\n\r\n", GET + HOST + b"connection: foo, Close\r\n\r\n",
                                  b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n"])  # fmt: skip
def test_a_connection_that_was_to_end_ends_with_its_answer(shared_server, head):
    for more in (b"", b"hello\r\n\r\n"):
        got = answers(shared_server, head + more)
        assert got.count(b"HTTP/1.1 ") == 1 and got.split()[1] == b"200", got


ENDS = {
    "nothing": (b"", 0),
    "half a head": (GET + b"Ho", 0),
    "half a body": (b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nContent-Type: application/json\r\n\r\n{", 0),
    "a request": (GET + HOST + b"\r\n", 1),
    "two requests": ((GET + HOST + b"\r\n") * 2, 2),
}


@pytest.mark.parametrize(("text", "n_answers"), ENDS.values(), ids=ENDS)
def test_a_client_that_ends_with_its_last_bytes_is_let_go_at_once(server, text, n_answers):
    one = server("--header-timeout", "5m", "--body-timeout", "5m", "--idle-timeout", "5m")
    with one.raw() as sock:
        sock.settimeout(20)
        sock.send(text, socket.MSG_MORE)  # kept back, so that the end comes in the same segment
        sock.shutdown(socket.SHUT_WR)
        got = b""
        while more := sock.recv(65536):
            got += more
        assert got.count(b"HTTP/1.1 200 ") == n_answers, got
    body = json.dumps(order(1)).encode()
    with one.raw() as sock:  # an order is stored, and answered
        sock.settimeout(20)
        sock.send(b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                  % len(body) + body, socket.MSG_MORE)  # fmt: skip
        sock.shutdown(socket.SHUT_WR)
        assert harness.read_answer(sock).status == 202
        assert sock.recv(100) == b""


def cookies(n_bytes):
    return "; ".join(f"cookie-{n}={'v' * 180}" for n in range(n_bytes // 192 + 1))


@pytest.mark.parametrize("n_bytes", [1000, 3000, 4500])
def test_cookies_of_a_browser_are_served(shared_server, n_bytes):
    assert shared_server.get("/healthz", {"Cookie": cookies(n_bytes)}).status == 200
    assert shared_server.post(order(1), headers={"Cookie": cookies(n_bytes)}).status == 202


@pytest.mark.parametrize("n_bytes", [8192, 10_000, 16_000, 60_000])
def test_more_cookies_than_there_is_room_for_are_answered_431_once(shared_server, n_bytes):
    got = answers(shared_server, GET + HOST + b"Cookie: " + cookies(n_bytes).encode() + b"\r\n\r\n" + GET + HOST + b"\r\n")
    assert "cookies" in the_problem(got, 431)["detail"]


@pytest.mark.parametrize("target", ["http://localhost/healthz", "HTTP://localhost:{port}/healthz", "http://127.0.0.1/v1/sales?by=",
                                    "http://localhost", "http://localhost/", "https://localhost/readyz"])  # fmt: skip
def test_absolute_targets_are_served(shared_server, target):
    target = target.format(port=shared_server.port).encode()
    for host in (b"localhost", b"evil.example"):  # the target's host goes before the Host line
        got = answers(shared_server, b"GET " + target + b" HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n")
        assert got.startswith(b"HTTP/1.1 200 "), got


def test_an_absolute_target_of_another_site_is_refused(shared_server):
    got = answers(shared_server, b"GET http://evil.example/v1/sales HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    the_problem(got, 403)


def test_an_absolute_target_takes_orders(shared_server):
    body = json.dumps(order("absolute")).encode()
    got = answers(shared_server, b"POST http://localhost/v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                  b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)  # fmt: skip
    assert got.startswith(b"HTTP/1.1 202 "), got
    assert shared_server.get("/v1/orders/absolute").status == 200


@pytest.mark.parametrize("path", ["/healthz%00", "/healthz%00x", "/v1/orders/1%00", "/%00", "/v1/sales%00?by="])
def test_a_zero_in_the_path_is_answered_400(shared_server, path):
    shared_server.get(path).problem(400)


def every_call():
    """(method, path) of all that is documented, with something in the place of each segment."""
    paths = json.loads((harness.ROOT / "src/live/openapi.json").read_text("utf-8"))["paths"]
    segments = {"order_id": "1", "id": "1", "system": "shopify"}
    return [(method.upper(), path.format(**segments)) for path, calls in paths.items() for method in calls]


@pytest.fixture(scope="module")
def alerting_server(tmp_path_factory):
    """One that has every call: without rules of alerts those of rules are not there."""
    directory = tmp_path_factory.mktemp("alerting")
    (directory / "shop.alerts").write_text("quiet = no orders for 1h\n", "utf-8")
    one = harness.Server(directory, "--alerts", directory / "shop.alerts")
    yield one
    one.stop()


@pytest.mark.parametrize(("method", "path"), every_call())
@pytest.mark.parametrize("parameter", ["what", "what=1", "%00=1", "by%00=1", "=x"])
def test_an_unknown_parameter_is_answered_400_everywhere(alerting_server, method, path, parameter):
    body = None if method == "GET" else b"{}"
    headers = body and {"Content-Type": JSON}
    answer = alerting_server.request(method, f"{path}?{parameter}", body, headers, timeout=10)  # less than the stream is silent
    assert answer.problem(400)["type"] == "/problems/bad-parameter", answer


def test_an_unknown_parameter_beside_orders_is_answered_400_and_stores_nothing(shared_server):
    answer = shared_server.request("POST", "/v1/orders?dry-run=1", json.dumps(order("dry")).encode(), {"Content-Type": JSON})
    assert "dry-run" in answer.problem(400)["detail"]
    shared_server.get("/v1/orders/dry").problem(404)


def test_a_question_mark_with_nothing_after_it_is_fine(shared_server):
    assert shared_server.get("/healthz?").status == 200


def test_a_length_is_told_as_it_was_sent(shared_server):
    length = 18446744073709551615
    head = f"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    assert f"the body has {length} bytes" in the_problem(answers(shared_server, head.encode()), 413)["detail"]
