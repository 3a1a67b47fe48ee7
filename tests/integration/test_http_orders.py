# SPDX-License-Identifier: MIT
"""POST /v1/orders: what is taken, in which forms, and how it is answered."""

import json
import socket
import struct
import threading
import zlib

import pytest

import harness
from harness import JSON, NDJSON, lines, order


def counts(answer):
    body = answer.json()
    return body["accepted"], body["duplicate"], body["rejected"]


@pytest.fixture
def ids(request):
    """Order ids that no other test uses: ids(1), ids(2), ..."""
    return lambda n: f"{zlib.crc32(request.node.name.encode()):08x}-{n}"


def test_one_order_is_accepted_then_a_duplicate_then_a_conflict(shared_server, ids):
    first = shared_server.post(order(ids(1)))
    assert first.status == 202
    assert first.json() == {"accepted": 1, "duplicate": 0, "rejected": 0, "errors": []}
    again = shared_server.post(order(ids(1), created_at="2020-02-02"))
    assert (again.status, counts(again)) == (202, (0, 1, 0))
    other = shared_server.post(order(ids(1), total="10.01"))
    problem = other.problem(422)
    assert (problem["accepted"], problem["duplicate"], problem["rejected"]) == (0, 0, 1)
    assert problem["errors"][0]["index"] == 0
    assert problem["errors"][0]["code"] == "conflict"


def test_a_placed_order_is_known_by_its_id_alone_and_changes_by_their_event_id_too(shared_server, ids):
    for event_id, wanted in (("a", (1, 0, 0)), ("b", (0, 1, 0)), (None, (0, 1, 0))):
        assert counts(shared_server.post(order(ids(1), event_id=event_id))) == wanted
    for event_id, wanted in (("a", (1, 0, 0)), ("b", (1, 0, 0)), (None, (1, 0, 0)), (" b ", (0, 1, 0))):
        assert counts(shared_server.post(order(ids(1), event="cancelled", event_id=event_id))) == wanted


def test_an_answer_comes_after_the_order_is_on_disk(shared_server, ids):
    for n in range(20):
        assert shared_server.post(order(ids(n))).status == 202
        with harness.database(shared_server.data) as db:
            (found,) = db.execute("SELECT count(*) FROM order_rows WHERE order_id = ?", (ids(n),)).fetchone()
        assert found == 1


def test_an_array_is_judged_event_by_event(shared_server, ids):
    answer = shared_server.post(
        [order(ids(1)), order(ids(2), total=-1), order(ids(1)), 7, order(ids(3)), order(ids(3), quantity=9)]
    )
    assert (answer.status, counts(answer)) == (202, (2, 1, 3))
    assert [(e["index"], e["field"], e["code"]) for e in answer.json()["errors"]][:2] == [
        (1, "total", "negative"), (3, "", "not_an_object")]  # fmt: skip
    assert answer.json()["errors"][2]["index"] == 5
    assert answer.json()["errors"][2]["code"] == "conflict"


BAD_STRINGS = [rb"\ud800", rb"\udc00", rb"\ud800\ud800", rb"\x", rb"\u12", b"\xff", b"\xc3", b"a\nb", b"\x01", rb"\ud800},{"]


@pytest.mark.parametrize("bad", BAD_STRINGS)
@pytest.mark.parametrize("field", [b"source", b"order_id", b"note", b"meta"])
def test_a_bad_string_in_an_array_costs_its_event_only(shared_server, ids, bad, field):
    value = b'{"deep":["' + bad + b'"]}' if field == b"meta" else b'"' + bad + b'"'
    event = json.dumps(order(ids(2))).encode()[:-1] + b',"' + field.replace(b"order_id", b"order_id_2") + b'":' + value + b"}"
    body = b"[" + json.dumps(order(ids(1))).encode() + b",\n" + event + b" , " + json.dumps(order(ids(3))).encode() + b"]"
    answer = shared_server.post(body)
    assert (answer.status, counts(answer)) == (202, (2, 0, 1)), answer
    (error,) = answer.json()["errors"]
    assert (error["index"], error["code"]) == (1, "not_json")
    problem = shared_server.post(b"[" + event + b"]").problem(422)
    assert problem["rejected"] == 1
    shared_server.get(f"/v1/orders/{ids(2)}").problem(404)


@pytest.mark.parametrize("body", [
    rb'[{"order_id":1,"source":"\ud800},{"order_id":2}]', rb'[{"a":"\ud800"},{"b":NaN}]', rb'[{"a":"\ud800"},]',
    rb'[{"a":"\ud800" "b":1},{}]', rb'[{"a":"\ud800"}', rb'[{"a":"\ud800"}}]', rb'[{"a":"\ud800"}]x', b"[]", rb'{"a":"\ud800"}',
])  # fmt: skip
def test_an_array_that_is_broken_beside_its_strings_is_answered_400(shared_server, body):
    first = json.dumps(order("first")).encode()
    shared_server.post(body).problem(400)
    if body.startswith(b"[{"):
        shared_server.post(b"[" + first + b"," + body[1:]).problem(400)
        shared_server.get("/v1/orders/first").problem(404)


@pytest.mark.parametrize("content_type", [NDJSON, "application/ndjson", JSON, "application/x-ndjson; charset=utf-8"])
def test_lines_are_taken_as_ndjson(shared_server, ids, content_type):
    answer = shared_server.post(lines(order(ids(1)), order(ids(2))), content_type)
    assert (answer.status, counts(answer)) == (202, (2, 0, 0))


def test_a_line_that_is_not_json_is_one_rejected_event(shared_server, ids):
    body = lines(order(ids(1))) + b"{oops\n" + b'{"order_id":\n' + lines(order(ids(2)))
    answer = shared_server.post(body, NDJSON)
    assert (answer.status, counts(answer)) == (202, (2, 0, 2))
    assert [(e["index"], e["code"]) for e in answer.json()["errors"]] == [(1, "not_json"), (2, "not_json")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"", b"\n\n\n", b"\n  \n"])
def test_line_ends_and_blank_lines_do_not_matter(shared_server, ids, end):
    text = json.dumps(order(ids(1))).encode()
    answer = shared_server.post(b"\n" + text + end, NDJSON)
    assert (answer.status, counts(answer)) == (202, (1, 0, 0))


def test_a_byte_order_mark_and_outer_space_do_not_matter(shared_server, ids):
    text = json.dumps(order(ids(1))).encode()
    assert counts(shared_server.post(b"\xef\xbb\xbf \r\n\t" + text + b" \n")) == (1, 0, 0)
    assert counts(shared_server.post(b"\xef\xbb\xbf[" + text + b"]\n")) == (0, 1, 0)


def test_gzip_is_unpacked(shared_server, ids):
    body = harness.gzipped(lines(*(order(ids(n)) for n in range(1000))))
    answer = shared_server.post(body, NDJSON, {"Content-Encoding": "gzip"})
    assert (answer.status, counts(answer)) == (202, (1000, 0, 0))


def test_gzip_of_several_members_is_one_body(shared_server, ids):
    body = harness.gzipped(lines(order(ids(1)))) + harness.gzipped(lines(order(ids(2))))
    answer = shared_server.post(body, NDJSON, {"Content-Encoding": "gzip"})
    assert (answer.status, counts(answer)) == (202, (2, 0, 0))


@pytest.mark.parametrize("broken", ["not gzip", "cut", "checksum", "trailing garbage", "empty"])
def test_broken_gzip_is_answered_400_and_stores_nothing(shared_server, ids, broken):
    whole = harness.gzipped(lines(*(order(ids(n)) for n in range(100))))
    body = {
        "not gzip": b"hello",
        "cut": whole[:-20],
        "checksum": whole[:-8] + b"\0\0\0\0" + whole[-4:],
        "trailing garbage": whole + b"garbage",
        "empty": b"",
    }[broken]
    shared_server.post(body, NDJSON, {"Content-Encoding": "gzip"}).problem(400)
    shared_server.get("/v1/orders/" + ids(0)).problem(404)


@pytest.mark.parametrize("body", [b"", b"  ", b"{", b"[", b"[{}", b"[{},]", b"{}x", b"hello", b"[1 2]", b"\xff", b"[{}]]",
                                  b"null x", b'{"a":1}, {"a":2}', b"\x00", b"[,]", b"<order/>", b"order_id=1"])  # fmt: skip
def test_a_body_that_is_no_json_is_answered_400(shared_server, body):
    before = harness.stored_counts(shared_server.data)["received"]
    shared_server.post(body).problem(400)
    assert harness.stored_counts(shared_server.data)["received"] == before


@pytest.mark.parametrize("body", [b"[]", b"{}", b"7", b"null", b'"x"', b"[[]]", b"[null]", b'[{"order_id":1}]'])
def test_json_without_a_good_order_is_never_accepted(shared_server, body):
    answer = shared_server.post(body)
    assert answer.status in (400, 422), answer
    answer.problem(answer.status)


def test_nothing_good_in_a_body_is_answered_422_with_every_error(shared_server, ids):
    problem = shared_server.post([order(ids(1), total="x"), order(ids(2), quantity=-1)]).problem(422)
    assert [(e["index"], e["field"], e["code"]) for e in problem["errors"]] == [
        (0, "total", "malformed"), (1, "quantity", "negative")]  # fmt: skip
    assert all(0 < len(e["message"]) <= 200 for e in problem["errors"])


def test_one_known_order_among_bad_ones_is_answered_202(shared_server, ids):
    shared_server.post(order(ids(1)))
    answer = shared_server.post([order(ids(1)), {}])
    assert (answer.status, counts(answer)) == (202, (0, 1, 1))


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                                          "application/xml", "text/json", "", "application/jsonp",
                                          "application/json; charset=latin1"])  # fmt: skip
def test_other_content_types_are_answered_415(shared_server, ids, content_type):
    shared_server.post(order(ids(1)), content_type).problem(415)


def test_no_content_type_is_answered_415(shared_server, ids):
    body = json.dumps(order(ids(1))).encode()
    with shared_server.raw() as sock:
        sock.sendall(b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        harness.read_answer(sock).problem(415)


@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "gzip, gzip", "compress"])
def test_other_content_encodings_are_answered_415(shared_server, ids, coding):
    shared_server.post(order(ids(1)), headers={"Content-Encoding": coding}).problem(415)


def test_chunked_bodies_are_read(shared_server, ids):
    text = lines(*(order(ids(n)) for n in range(300)))
    with shared_server.raw() as sock:
        head = f"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: {NDJSON}\r\nTransfer-Encoding: chunked\r\n\r\n"
        sock.sendall(head.encode())
        at = 0
        for size in (1, 2, 3, 1000, 7, 100_000):
            piece = text[at : at + size]
            sock.sendall(b"%x;ext=1\r\n%s\r\n" % (len(piece), piece))
            at += size
        assert at > len(text)
        sock.sendall(b"0\r\nTrailer: x\r\n\r\n")
        answer = harness.read_answer(sock)
        assert (answer.status, counts(answer)) == (202, (300, 0, 0))


def test_expect_100_continue_is_answered_before_the_body(shared_server, ids):
    body = json.dumps(order(ids(1))).encode()
    with shared_server.raw() as sock:
        sock.sendall(
            b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        assert sock.recv(4096).startswith(b"HTTP/1.1 100 ")
        sock.sendall(body)
        assert harness.read_answer(sock).status == 202


def test_expect_100_continue_of_a_request_that_is_refused_is_told_at_once(shared_server):
    with shared_server.raw() as sock:
        sock.sendall(
            b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Expect: 100-continue\r\nContent-Length: 999999999999\r\n\r\n"
        )
        harness.read_answer(sock).problem(413)


def test_pipelined_requests_are_answered_in_their_order(shared_server, ids):
    requests = b""
    for n in range(50):
        body = json.dumps(order(ids(n // 2))).encode()
        requests += b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        requests += b"Content-Length: %d\r\n\r\n" % len(body) + body
        requests += b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with shared_server.raw() as sock:
        sock.sendall(requests)
        file = sock.makefile("rb")
        for n in range(50):
            assert counts(next_pipelined(file)) == ((0, 1, 0) if n % 2 else (1, 0, 0))
            assert next_pipelined(file).status == 200


def next_pipelined(file):
    """One answer with a Content-Length from a stream of several."""
    status = int(file.readline().split()[1])
    headers = {}
    while line := file.readline().strip():
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return harness.Answer(status, headers, file.read(int(headers["content-length"])))


def test_a_body_that_comes_byte_by_byte_is_read(shared_server, ids):
    body = json.dumps(order(ids(1), state="Zürich 🏔")).encode()
    request = b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    request += b"Content-Length: %d\r\n\r\n" % len(body) + body
    with shared_server.raw() as sock:
        for at in range(len(request)):
            sock.sendall(request[at : at + 1])
        assert counts(harness.read_answer(sock)) == (1, 0, 0)
    assert shared_server.get("/v1/orders/" + ids(1)).json()


def test_many_clients_at_once_lose_nothing_and_double_nothing(shared_server, ids):
    n_threads, n_each = 24, 100
    results, problems = [], []

    def client(thread):
        try:
            connection = shared_server.connection()
            for n in range(n_each):
                # every order is sent by three clients: one of them is accepted
                body = json.dumps(order(ids(f"{thread // 3}-{n}"))).encode()
                answer = harness.ask(connection, "POST", "/v1/orders", body, {"Content-Type": JSON})
                assert answer.status == 202, answer
                results.append(counts(answer))
            connection.close()
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=client, args=(i,)) for i in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not problems
    assert results.count((1, 0, 0)) == n_threads // 3 * n_each
    assert results.count((0, 1, 0)) == n_threads // 3 * n_each * 2


def test_a_client_that_goes_away_in_mid_body_leaves_nothing(shared_server, ids):
    body = lines(*(order(ids(n)) for n in range(100)))
    for part in (0, 1, 500, len(body) - 1):
        with shared_server.raw() as sock:
            sock.sendall(b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
                         b"Content-Length: %d\r\n\r\n" % len(body) + body[:part])  # fmt: skip
    assert shared_server.post(order(ids("after"))).status == 202
    with harness.database(shared_server.data) as db:
        found = db.execute("SELECT order_id FROM order_rows WHERE order_id LIKE ?", (ids("") + "%",)).fetchall()
    assert found == [(ids("after"),)]


def test_a_client_that_goes_away_before_the_answer_may_send_it_again(shared_server, ids):
    body = json.dumps(order(ids(1))).encode()
    with shared_server.raw() as sock:
        sock.sendall(b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(body) + body)  # fmt: skip
    answer = shared_server.post(order(ids(1)))
    assert counts(answer) in ((1, 0, 0), (0, 1, 0))
    assert counts(shared_server.post(order(ids(1)))) == (0, 1, 0)


def test_clients_that_reset_their_connection_while_their_order_is_judged_disturb_nobody(server):
    one = server()
    for round_ in range(5):
        sockets = [one.raw() for _ in range(100)]
        for n, sock in enumerate(sockets):
            body = json.dumps(order(f"{round_}-{n}")).encode()
            sock.sendall(b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                         b"Content-Length: %d\r\n\r\n" % len(body) + body)  # fmt: skip
        for sock in sockets[::2]:  # a reset, not an orderly end
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
        for sock in sockets[1::2]:
            assert counts(harness.read_answer(sock)) == (1, 0, 0)
            sock.close()
    found = harness.metrics(one.get("/metrics").body.decode())
    assert found["salestide_http_requests_in_flight"][()] == 1  # this one
    assert found["salestide_http_inflight_bytes"][()] == 0


def test_a_hundred_thousand_events_fit_in_one_request(server):
    one = server()
    body = lines(*({"order_id": n, "created_at": "2024-05-01", "product_id": 1, "quantity": 1, "total": 1}
                   for n in range(100_000)))  # fmt: skip
    answer = one.post(body, NDJSON, timeout=60)
    assert (answer.status, counts(answer)) == (202, (100_000, 0, 0))
    one.post(body + lines(order("one more")), NDJSON, timeout=60).problem(413)
    one.get("/v1/orders/one%20more").problem(404)


def test_ten_megabytes_of_one_string_are_an_error_and_nothing_worse(shared_server, ids):
    huge = b'{"x":"' + b"a" * 10_000_000 + b'"}'
    answer = shared_server.post(huge + b"\n" + lines(order(ids(1))), NDJSON)
    assert (answer.status, counts(answer)) == (202, (1, 0, 1))
    assert answer.json()["errors"][0]["code"] == "too_large"
    shared_server.post(huge).problem(422)


def test_sums_follow_every_answer_at_once(server):
    one = server()
    for n in range(1, 51):
        assert one.post(order(n)).status == 202
        (row,) = one.get("/v1/sales?by=").json()["rows"]
        assert (row["orders"], row["total"]) == (n, f"{n * 10}.0000")
