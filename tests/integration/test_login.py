# SPDX-License-Identifier: MIT
"""People sign in with a read key and get a cookie in its place: what it lets in, what it does not, and how it ends."""

import http.cookies
import json
import time
import urllib.parse

import pytest

import harness
from harness import JSON, order

FORM = "application/x-www-form-urlencoded"
COOKIE = "salestide_session"


def new_key(data, scope):
    """The key and its id."""
    key = harness.must_run("key", "new", "--scope", scope, "--data", data).split()[0]
    return key, harness.must_run("key", "list", "--data", data).splitlines()[-1].split()[0]


@pytest.fixture
def shop(server, tmp_path):
    """A server that needs keys, and one of each scope."""
    read, read_id = new_key(tmp_path / "data", "read")
    ingest, _ = new_key(tmp_path / "data", "ingest")
    one = server("--require-keys")
    one.read, one.read_id, one.ingest = read, read_id, ingest
    return one


def login(one, key, headers=None):
    return one.request("POST", "/login", json.dumps({"key": key}).encode(), {"Content-Type": JSON, **(headers or {})})


def set_cookie(answer):
    """Its name and value as they are sent back, and its attributes."""
    text = answer.headers["set-cookie"]
    pair, *attributes = text.split("; ")
    assert http.cookies.SimpleCookie(text)[COOKIE].value == pair.partition("=")[2]
    return pair, set(attributes)


def signed_in(one):
    answer = login(one, one.read)
    assert answer.status == 204, answer
    return {"Cookie": set_cookie(answer)[0]}


def test_the_page_comes_without_a_key_and_has_the_form(shop):
    answer = shop.get("/")
    assert answer.status == 200
    assert b'action="login"' in answer.body and b'type="password"' in answer.body
    assert shop.get("/favicon.svg").status == 200
    for path in ("/v1/sales", "/v1/stream", "/v1/rejected", "/metrics", "/openapi.json"):
        answer = shop.get(path)
        answer.problem(401)
        assert "basic" not in answer.headers["www-authenticate"].lower(), "a browser would ask in place of the page"


@pytest.mark.parametrize("form", ["json", "form", "escaped form"])
def test_a_read_key_is_answered_with_a_cookie_that_reads_and_does_nothing_else(shop, form):
    body = {"json": json.dumps({"key": shop.read}), "form": urllib.parse.urlencode({"user": "any", "key": f" {shop.read}\r\n"}),
            "escaped form": "key=" + "".join(f"%{ord(c):02x}" for c in shop.read)}[form]  # fmt: skip
    answer = shop.request("POST", "/login", body.encode(), {"Content-Type": JSON if form == "json" else FORM + ";charset=utf-8"})
    assert (answer.status, answer.headers.get("location")) == ((204, None) if form == "json" else (303, "./"))
    pair, attributes = set_cookie(answer)
    assert attributes == {"HttpOnly", "SameSite=Strict", f"Max-Age={30 * 24 * 3600}"}, "no Path: it is the page's"
    assert shop.read not in pair and answer.headers["cache-control"] == "no-store"
    for sent in (pair, f"a=b; {pair}", f'{COOKIE}=old; {pair}; x="y"', f"{COOKIE}=; {pair}"):
        for path in ("/v1/sales", "/v1/rejected", "/metrics", "/openapi.json", "/readyz"):
            assert shop.get(path, {"Cookie": sent}).status == 200, (sent, path)
    assert shop.request("HEAD", "/v1/stream", headers={"Cookie": pair}).status == 200
    shop.post(order(1), headers={"Cookie": pair}).problem(401)
    shop.request("POST", "/v1/rejected/1/retry", b"{}", {"Cookie": pair, "Content-Type": JSON}).problem(401)
    shop.get("/v1/sales", {"Cookie": pair, "Authorization": "Bearer wrong"}).problem(401)
    assert shop.post(order(1), headers={"Cookie": pair, "Authorization": f"Bearer {shop.ingest}"}).status == 202


def test_no_other_cookie_is_believed(shop):
    value = signed_in(shop)["Cookie"].partition("=")[2]
    key_id, until, nonce, mac = value.split(".")
    later = f"{int(until, 16) + 1:010x}"
    forged = [value[:-1], value + "0", value.upper(), value.replace(".", ";"), f"{key_id}.{later}.{nonce}.{mac}", shop.read, "x" * len(value),
              f"{key_id}.{until}.{nonce[::-1]}.{mac}", f"00000000.{until}.{nonce}.{mac}", f"{key_id}.{until}.{nonce}.{'0' * 64}"]  # fmt: skip
    for each in forged:
        answer = shop.get("/v1/sales", {"Cookie": f"{COOKIE}={each}"}).problem(401)
        assert "sign in" in answer["detail"], each
    for name in (f"x{COOKIE}", f"{COOKIE}x", COOKIE.upper()):
        shop.get("/v1/sales", {"Cookie": f"{name}={value}"}).problem(401)


def test_what_is_no_read_key_signs_nobody_in(shop):
    for key, status in ((shop.ingest, 403), (shop.read[:-1], 401), ("", 401), ("x" * 200, 401)):
        answer = login(shop, key)
        answer.problem(status)
        assert "set-cookie" not in answer.headers
    for body in (b"", b"{}", b'{"key": 1}', b"[" * 4000, b'{"key": "' + b"x" * 300 + b'"}', b'"key"'):
        shop.request("POST", "/login", body, {"Content-Type": JSON}).problem(400)
    for body in (b"", b"key", b"kex=1", b"key=%4", b"key=%zz", b"key=" + b"x" * 300):
        shop.request("POST", "/login", body, {"Content-Type": FORM}).problem(400)
    shop.request("POST", "/login", b"x" * 5000, {"Content-Type": JSON}).problem(413)
    shop.request("POST", "/login", b"{}", {"Content-Type": "text/plain"}).problem(415)
    shop.request("POST", "/login", b"{}", {"Content-Type": JSON, "Content-Encoding": "gzip"}).problem(415)
    shop.get("/login").problem(405)
    shop.request("POST", "/logout", b"x").problem(400)


def test_pages_of_other_sites_can_neither_sign_in_nor_out_nor_read(shop):
    cookie = signed_in(shop)
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        login(shop, shop.read, headers).problem(403)
        shop.request("POST", "/logout", headers={**cookie, **headers}).problem(403)
        shop.get("/v1/sales", {**cookie, **headers}).problem(403)
    own = {"Origin": shop.url, "Sec-Fetch-Site": "same-origin"}
    assert login(shop, shop.read, own).status == 204


def test_too_many_wrong_keys_have_to_wait_and_right_ones_with_them(shop):
    tries = [login(shop, f"wrong-{n}") for n in range(12)]
    assert [answer.status for answer in tries] == [401] * 10 + [429] * 2
    tries[-1].problem(429)
    assert login(shop, shop.read).status == 429, "else trying would go on"
    wait_s = int(tries[-1].headers["retry-after"])
    assert 1 <= wait_s <= 6
    assert shop.get("/v1/sales", {"Authorization": f"Bearer {shop.read}"}).status == 200
    time.sleep(wait_s)
    assert login(shop, shop.read).status == 204


def test_a_session_outlives_the_server_and_ends_with_its_key(server, shop, tmp_path):
    cookie = signed_in(shop)
    shop.stop()
    again = server("--require-keys")
    assert again.get("/v1/sales", cookie).status == 200
    streams = [again.connection() for _ in range(2)]
    answers = []
    for connection in streams:
        connection.request("GET", "/v1/stream", headers=cookie)
        answers.append(connection.getresponse())
    assert [answer.status for answer in answers] == [200, 200]
    harness.must_run("key", "revoke", shop.read_id, "--data", tmp_path / "data")
    start = time.monotonic()
    for answer in answers:
        while answer.readline():
            assert time.monotonic() - start < 2.5
    assert time.monotonic() - start < 2.5, "the streams end within two seconds"
    again.get("/v1/sales", cookie).problem(401)
    for connection in streams:
        connection.close()


def test_signing_out_takes_the_cookie_back_and_ends_its_streams(shop):
    mine, other = signed_in(shop), signed_in(shop)
    streams = []
    for cookie in (mine, other):
        connection = shop.connection()
        connection.request("GET", "/v1/stream", headers=cookie)
        streams.append((connection, connection.getresponse()))
        assert streams[-1][1].readline() != b""
    answer = shop.request("POST", "/logout", headers=mine)
    pair, attributes = set_cookie(answer)
    assert (answer.status, pair) == (204, f"{COOKIE}=") and "Max-Age=0" in attributes
    while streams[0][1].readline():
        pass
    shop.get("/v1/sales", {"Cookie": pair}).problem(401)
    assert shop.get("/v1/sales", other).status == 200
    assert streams[1][1].readline() != b"", "another's goes on"
    for connection, _ in streams:
        connection.close()
    assert shop.request("POST", "/logout").status == 204


def test_behind_https_the_cookie_is_for_https_alone(server, tmp_path):
    key, _ = new_key(tmp_path / "data", "read")
    one = server("--public-url", "https://sales.example.com,http://inside.example.com")
    cases = [({"Host": "sales.example.com", "Origin": "https://sales.example.com"}, True), ({"Host": "sales.example.com"}, True),
             ({"Host": "inside.example.com", "Origin": "http://inside.example.com"}, False), ({"Origin": one.url}, False)]  # fmt: skip
    for headers, is_secure in cases:
        _, attributes = set_cookie(login(one, key, headers))
        assert ("Secure" in attributes) is is_secure, headers


def test_where_no_key_is_needed_nobody_signs_in(server):
    one = server()
    assert "no key is needed" in login(one, "any").problem(404)["detail"]
    assert one.request("POST", "/logout").status == 204
