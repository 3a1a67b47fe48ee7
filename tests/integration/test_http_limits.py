# SPDX-License-Identifier: MIT
"""Limits: no request makes the server slow, large or stuck for the others."""

import json
import socket
import threading
import time
import zlib

import pytest

import harness
from harness import NDJSON, lines, order

POST = b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def resident_bytes(one):
    with open(f"/proc/{one.process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


def test_a_body_over_the_limit_is_answered_413(server):
    one = server("--max-body", "64KiB")
    padding = " " * 66_000
    one.post((json.dumps(order(1)) + padding).encode()).problem(413)
    assert one.post((json.dumps(order(1)) + padding[:60_000]).encode()).status == 202


def test_a_chunked_body_over_the_limit_is_answered_413(server):
    one = server("--max-body", "64KiB")
    with one.raw() as sock:
        sock.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(30):
            sock.sendall(b"1000\r\n" + b" " * 4096 + b"\r\n")
        sock.sendall(b"0\r\n\r\n")
        harness.read_answer(sock).problem(413)
    assert one.post(order(1)).status == 202


def test_a_chunked_body_without_end_is_answered_413_and_cut_off(server):
    one = server("--max-body", "64KiB")
    with one.raw() as sock:
        sock.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n")
        deadline = time.monotonic() + 20
        with pytest.raises(OSError, match="."):  # reset or broken pipe
            while time.monotonic() < deadline:
                sock.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
    assert one.post(order(1)).status == 202


def test_a_length_over_the_limit_is_answered_before_the_body(server):
    one = server()
    with one.raw() as sock:
        sock.sendall(POST + b"Content-Length: 17000000\r\n\r\n")
        harness.read_answer(sock).problem(413)


def test_a_gzip_bomb_is_answered_413_in_little_memory(server):
    one = server()
    squeezer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b" " * 1_000_000
    bomb = b"".join([squeezer.compress(block) for _ in range(2000)]) + squeezer.flush()
    assert len(bomb) < 16 * 2**20
    one.post(order(1))
    before = resident_bytes(one)
    for _ in range(5):
        one.post(bomb, NDJSON, {"Content-Encoding": "gzip"}, timeout=60).problem(413)
    assert resident_bytes(one) - before < 200 * 2**20
    assert one.post(order(2)).status == 202


def test_the_decompressed_limit_is_an_option(server):
    one = server("--max-decompressed", "100KiB")
    small, large = (harness.gzipped(json.dumps(order(1)).encode() + b" " * n) for n in (90_000, 110_000))
    one.post(large, headers={"Content-Encoding": "gzip"}).problem(413)
    assert one.post(small, headers={"Content-Encoding": "gzip"}).status == 202


def test_more_events_than_allowed_are_answered_413_and_none_is_stored(server):
    one = server("--max-events", "10")
    one.post([order(n) for n in range(11)]).problem(413)
    one.post(lines(*(order(n) for n in range(11))), NDJSON).problem(413)
    assert one.get("/v1/sales?by=").json()["rows"] == []
    assert one.post([order(n) for n in range(10)]).json()["accepted"] == 10


def test_the_depth_of_json_is_an_option(server):
    one = server("--max-depth", "8")
    assert one.post({**order(1), "x": [[[[]]]]}).status == 202
    problem = one.post({**order(2), "x": [[[[[[[[[[]]]]]]]]]]}).problem(422)
    assert problem["errors"][0]["code"] == "too_deep"


def test_deep_nesting_never_crashes(shared_server):
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        text = opening * 1_000_000 + closing * 1_000_000
        answer = shared_server.post(text.encode(), NDJSON)
        assert answer.status in (400, 413, 422), answer
        shared_server.post(text.encode()).problem(shared_server.post(text.encode()).status)
        answer = shared_server.post(('{"x":' + opening * 100_000).encode())
        assert answer.status in (400, 422)
    assert shared_server.get("/healthz").status == 200


def test_a_slow_head_is_cut_off(server):
    one = server("--header-timeout", "500ms")
    start = time.monotonic()
    with one.raw() as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: local")
        assert wait_for_end(sock, 8)
    assert 0.3 < time.monotonic() - start < 7


def test_a_head_that_trickles_is_cut_off(server):
    # One byte a time keeps an idle timer happy: the limit is for the head as a whole.
    one = server("--header-timeout", "1s")
    start = time.monotonic()
    with one.raw() as sock:
        sock.settimeout(0.1)
        while time.monotonic() - start < 10:
            try:
                sock.sendall(b"G" if time.monotonic() - start < 0.2 else b"x")
                if sock.recv(1000) == b"":
                    break
                break
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                break
    assert time.monotonic() - start < 8


def test_a_slow_body_is_answered_408(server):
    one = server("--body-timeout", "1s")
    with one.raw() as sock:
        sock.sendall(POST + b"Content-Length: 1000\r\n\r\n{")
        harness.read_answer(sock).problem(408)


def test_a_body_that_trickles_is_answered_408(server):
    one = server("--body-timeout", "1s")
    stop = threading.Event()
    with one.raw() as sock:
        sock.sendall(POST + b"Content-Length: 1000000\r\n\r\n{")

        def trickle():
            while not stop.wait(0.05):
                try:
                    sock.sendall(b" ")
                except OSError:
                    return

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            start = time.monotonic()
            harness.read_answer(sock).problem(408)
            assert time.monotonic() - start < 6
        finally:
            stop.set()
            thread.join()


def test_an_idle_connection_is_closed(server):
    one = server("--idle-timeout", "1s")
    with one.raw() as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert harness.read_answer(sock).status == 200
        assert wait_for_end(sock, 8)


def wait_for_end(sock, timeout_s):
    """Does the server close the connection, with or without a word?"""
    sock.settimeout(timeout_s)
    try:
        while sock.recv(4096):
            pass
        return True
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def test_many_slow_clients_do_not_hold_up_a_quick_one(server):
    one = server()
    slow = []
    try:
        for n in range(300):
            sock = one.raw()
            sock.sendall(POST + b"Content-Length: 1000\r\n\r\n{" if n % 2 else b"GET / HTTP/1.1\r\nHo")
            slow.append(sock)
        start = time.monotonic()
        for n in range(20):
            assert one.post(order(n)).status == 202
        assert time.monotonic() - start < 10
    finally:
        for sock in slow:
            sock.close()


def test_connections_over_the_limit_wait_or_are_closed(server):
    one = server("--max-connections", "20")
    held = []
    try:
        for _ in range(40):
            sock = socket.create_connection((one.host, one.port), timeout=5)
            held.append(sock)
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.5)
    finally:
        for sock in held:
            sock.close()
    harness.wait_until(lambda: try_healthz(one), 10, "serving again after the connections were closed")


def try_healthz(one):
    try:
        return one.get("/healthz", timeout=2).status == 200
    except OSError:
        return False


def test_a_thousand_connections_post_at_once(server):
    one = server()
    n_connections = 1000
    sockets = [one.raw(timeout=30) for _ in range(n_connections)]
    try:
        for n, sock in enumerate(sockets):
            body = json.dumps(order(n)).encode()
            sock.sendall(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert {harness.read_answer(sock).status for sock in sockets} == {202}
    finally:
        for sock in sockets:
            sock.close()
    (row,) = one.get("/v1/sales?by=").json()["rows"]
    assert row["orders"] == n_connections


def test_a_full_queue_is_answered_503_with_retry_after_and_loses_nothing(server):
    one = server("--queue-events", "500", "--batch-events", "100")
    taken, told = [], []
    lock = threading.Lock()

    def client(thread):
        connection = one.connection(timeout=60)
        for n in range(30):
            ids = [f"{thread}-{n}-{i}" for i in range(400)]
            answer = harness.ask(connection, "POST", "/v1/orders", lines(*(order(i) for i in ids)), {"Content-Type": NDJSON})
            with lock:
                if answer.status == 202:
                    taken.extend(ids)
                else:
                    answer.problem(503)
                    assert int(answer.headers["retry-after"]) >= 1
                    told.append(answer)
        connection.close()

    threads = [threading.Thread(target=client, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert told, "the queue was never full: the test is too gentle"
    with harness.database(one.data) as db:
        found = {row[0] for row in db.execute("SELECT order_id FROM order_rows")}
    assert found == set(taken)
    assert one.post(order("after")).status == 202


def test_memory_for_requests_is_bounded(server):
    one = server("--max-inflight", "32MiB")
    one.post(order(0))
    before = resident_bytes(one)
    statuses = []

    def client(thread):
        body = lines(*(order(f"{thread}-{n}", note="x" * 1000) for n in range(7000)))
        try:
            answer = one.post(body, NDJSON, timeout=60)
            statuses.append(answer.status)
            if answer.status != 202:
                answer.problem(503)
                assert "retry-after" in answer.headers
        except OSError:
            statuses.append(503)  # the answer came while the body was still being sent

    threads = [threading.Thread(target=client, args=(i,)) for i in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(statuses) == 24
    assert 202 in statuses
    assert resident_bytes(one) - before < 600 * 2**20
    assert one.post(order("after")).status == 202


@pytest.mark.parametrize("path", ["/v1/sales?by=source,state", "/metrics", "/healthz", "/v1/rejected"])
def test_queries_while_orders_pour_in_are_answered(server, path):
    one = server()
    stop = threading.Event()
    posted = []

    def pour():
        n = 0
        while not stop.is_set():
            posted.append(one.post(lines(*(order(f"{n}-{i}", source=f"s{i % 50}") for i in range(1000))), NDJSON).status)
            n += 1

    thread = threading.Thread(target=pour)
    thread.start()
    try:
        for _ in range(30):
            start = time.monotonic()
            assert one.get(path).status == 200
            assert time.monotonic() - start < 5
    finally:
        stop.set()
        thread.join(30)
    assert set(posted) == {202}


def stopped_uploads(one, n, sent_bytes, declared_bytes):
    """Uploads that send so many bytes and then nothing."""
    sockets = []
    piece = b"[" + b" " * (sent_bytes - 1)
    for _ in range(n):
        sock = one.raw(timeout=20)
        sockets.append(sock)
        try:
            sock.sendall(POST + b"Content-Length: %d\r\n\r\n" % declared_bytes)
            sock.sendall(piece)
        except OSError:
            pass  # refused while it sends: it holds nothing
    return sockets


def inflight_bytes(one):
    return harness.metrics(one.get("/metrics").body.decode())["salestide_http_inflight_bytes"][()]


def test_uploads_that_stop_halfway_keep_nobody_out(server):
    one = server("--max-inflight", "32MiB")
    slow = stopped_uploads(one, 30, 4 * 2**20, 8 * 2**20)
    try:
        assert inflight_bytes(one) > 16 * 2**20, "they hold too little: the test is too gentle"
        for n in range(50):  # at once, and every time
            assert one.post(order(n)).status == 202
        assert one.get("/v1/sales").status == 200
        large = lines(*(order(f"large-{n}", note="x" * 1000) for n in range(4000)))
        harness.wait_until(lambda: one.post(large, NDJSON).status == 202, 8, "taking a large upload")
        statuses = []
        for sock in slow:
            sock.settimeout(0.2)
            try:
                answer = harness.read_answer(sock)
                answer.problem(answer.status)
                statuses.append(answer.status)
            except OSError:
                pass  # kept, or reset after a 503 that it did not wait for
        assert 408 in statuses
        assert set(statuses) <= {408, 503}
    finally:
        for sock in slow:
            sock.close()


def test_an_upload_that_moves_is_not_given_up_for_others(server):
    one = server("--max-inflight", "32MiB")
    body = lines(*(order(f"steady-{n}", note="x" * 1000) for n in range(8000)))
    with one.raw(timeout=30) as sock:
        sock.sendall(POST.replace(b"json", b"x-ndjson") + b"Content-Length: %d\r\n\r\n" % len(body))
        slow = []
        try:
            for n, at in enumerate(range(0, len(body), 500_000)):
                sock.sendall(body[at : at + 500_000])
                if n == 2:
                    slow = stopped_uploads(one, 10, 4 * 2**20, 8 * 2**20)
                time.sleep(0.2)
            assert harness.read_answer(sock).json()["accepted"] == 8000
        finally:
            for other in slow:
                other.close()


def test_after_a_408_nothing_more_of_that_body_is_kept(server):
    one = server("--body-timeout", "1s")
    with one.raw() as sock:
        sock.sendall(POST + b"Content-Length: 8000000\r\n\r\n[" + b" " * 1_000_000)
        harness.wait_until(lambda: inflight_bytes(one) >= 1_000_000, 5, "taking the first bytes")
        harness.read_answer(sock).problem(408)
        assert inflight_bytes(one) == 0
        sock.sendall(b" " * 3_000_000)  # the connection takes it, for a while, and throws it away
        assert inflight_bytes(one) == 0
    assert one.post(order(1)).status == 202


@pytest.mark.skipif("tsan" in str(harness.binary()), reason="sanitizers bring their own allocator")
def test_what_a_burst_took_goes_back_to_the_system(server):
    """Also of an idle process, which allocates nothing that would have its allocator look."""
    one = server()
    answers, n = [], 30_000

    def post(first):
        answers.append(one.post(lines(*(order(first + i) for i in range(n))), NDJSON).status)

    at_rest, most = resident_bytes(one), 0
    posts = [threading.Thread(target=post, args=(1 + worker * n,)) for worker in range(6)]
    for thread in posts:
        thread.start()
    while any(thread.is_alive() for thread in posts):
        most = max(most, resident_bytes(one))
        time.sleep(0.01)
    assert answers == [202] * 6
    assert most - at_rest > 24 << 20
    harness.wait_until(lambda: resident_bytes(one) - at_rest < (most - at_rest) / 2, 60, "giving memory back")
