# SPDX-License-Identifier: MIT
"""Paths, methods, malformed HTTP, keys, and requests that other sites' pages make."""

import base64
import json
import subprocess
import time

import pytest

import harness
from harness import JSON, order

PATHS = {  # every path of the contract, and what it may be asked with
    "/v1/orders": "POST", "/v1/orders/1": "GET", "/v1/sales": "GET", "/v1/stream": "GET", "/v1/rejected": "GET",
    "/v1/rejected/1/retry": "POST", "/login": "POST", "/logout": "POST",
    "/healthz": "GET", "/readyz": "GET", "/metrics": "GET", "/openapi.json": "GET", "/": "GET",
}  # fmt: skip


@pytest.mark.parametrize("path", ["/nothing", "/v1", "/v1/", "/v2/orders", "/v1/orders/a/b", "/../etc/passwd", "/index.php",
                                  "//", "/v1/order", "/healthz/", "/%2e%2e/%2e%2e/etc/passwd", "/v1/sales/x"])  # fmt: skip
def test_other_paths_are_answered_404(shared_server, path):
    shared_server.get(path).problem(404)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "OPTIONS"])
def test_other_methods_are_answered_405_and_told_which_are_allowed(shared_server, path, method):
    answer = shared_server.request(method, path)
    answer.problem(405)
    assert PATHS[path] in answer.headers["allow"]


def test_post_where_only_get_is_known_is_answered_405(shared_server):
    for path, method in PATHS.items():
        if method == "GET":
            shared_server.request("POST", path, b"{}", {"Content-Type": JSON}).problem(405)
    shared_server.get("/v1/orders").problem(405)


def test_head_is_get_without_the_body(shared_server):
    for path in ("/healthz", "/", "/openapi.json", "/v1/sales"):
        answer = shared_server.request("HEAD", path)
        assert answer.status == 200
        assert answer.body == b""


@pytest.mark.parametrize("request_text", [
    b"hello\r\n\r\n", b"GET\r\n\r\n", b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
    b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: -5\r\n\r\n",
    b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: x\r\n\r\n",
    b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
    b"99999999999999999999999999\r\n\r\n",
    b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"zz\r\n{}\r\n0\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\n\r\n",
])  # fmt: skip
def test_malformed_http_is_refused_and_the_server_lives_on(server, request_text):
    one = server("--header-timeout", "1s")
    with one.raw() as sock:
        sock.sendall(request_text)
        sock.settimeout(5)
        start = sock.recv(100)
        assert start == b"" or start.split()[1].startswith((b"4", b"5")), start
    assert one.get("/healthz").status == 200


def test_two_content_lengths_or_one_beside_chunked_store_nothing(shared_server):
    # Where a proxy in front reads another length, the rest of the body would be a hidden request.
    body = json.dumps(order("smuggled")).encode()
    for head in (b"Content-Length: %d\r\nContent-Length: 3\r\n", b"Content-Length: 3\r\nContent-Length: %d\r\n"):
        with shared_server.raw() as sock:
            sock.sendall(b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                         + head % len(body) + b"\r\n" + body)  # fmt: skip
            assert b" 202 " not in sock.recv(200)
    shared_server.get("/v1/orders/smuggled").problem(404)


def test_a_huge_head_is_refused(shared_server):
    for head in (b"X: " + b"a" * 1_000_000 + b"\r\n", b"".join(b"X-%d: y\r\n" % n for n in range(100_000))):
        with shared_server.raw() as sock:
            try:
                sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n")
                assert sock.recv(100)[9:10] in (b"4", b"")
            except (ConnectionResetError, BrokenPipeError):
                pass  # refused even sooner
    assert shared_server.get("/healthz").status == 200


# --- Pages of other sites


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "localhost.evil.example", "10.0.0.1", "127.0.0.1.nip.io"])
def test_a_foreign_host_is_refused(shared_server, host):
    for path in ("/", "/v1/sales", "/v1/stream"):
        shared_server.get(path, {"Host": host}).problem(403)
    shared_server.post(order("rebound"), headers={"Host": host}).problem(403)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:1", "[::1]:9"])
def test_names_of_this_machine_are_fine(shared_server, host):
    assert shared_server.get("/v1/sales", {"Host": host}).status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "https://localhost.evil.example", "null", "http://127.0.0.1:1",
                                    "file://"])  # fmt: skip
def test_a_foreign_origin_is_refused(shared_server, origin):
    shared_server.post(order("forged"), headers={"Origin": origin}).problem(403)
    shared_server.get("/v1/orders/forged").problem(404)


def test_the_pages_own_origin_is_fine(shared_server):
    origin = f"http://127.0.0.1:{shared_server.port}"
    assert shared_server.post(order("own"), headers={"Origin": origin}).status == 202
    assert shared_server.get("/v1/sales", {"Origin": origin}).status == 200


def test_no_answer_invites_other_sites(shared_server):
    for path in PATHS:
        if path not in ("/v1/stream", "/v1/orders"):
            answer = shared_server.get(path)
            assert "access-control-allow-origin" not in answer.headers
            # what a shop's customers wrote must never be taken for a page
            assert answer.headers.get("x-content-type-options") == "nosniff" or path == "/healthz", path


# --- Keys


def new_key(data, scope):
    """The one line on standard output is the key."""
    done = harness.run("key", "new", "--scope", scope, "--data", data)
    assert done.returncode == 0, done
    (key,) = done.stdout.decode().split()
    return key


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def basic(key, user="anyone"):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{key}".encode()).decode()}


def test_listening_beyond_loopback_without_keys_is_refused(tmp_path):
    done = harness.run("serve", "--listen", "0.0.0.0:0", "--data", tmp_path / "data", timeout=10)
    assert done.returncode in (1, 2)
    text = done.stderr.decode()
    assert "key" in text, text
    assert len(text.strip().splitlines()) == 1, text


def test_insecure_listens_beyond_loopback_without_keys(server):
    one = server("--insecure", listen="0.0.0.0:0")
    assert one.post(order(1)).status == 202


def test_keys_are_asked_for_beyond_loopback(server, tmp_path):
    key = new_key(tmp_path / "data", "ingest")
    one = server(listen="0.0.0.0:0")
    one.post(order(1)).problem(401)
    assert one.post(order(1), headers=bearer(key)).status == 202
    assert one.get("/healthz").status == 200


def test_each_key_does_what_it_is_for(server, tmp_path):
    ingest, read = (new_key(tmp_path / "data", scope) for scope in ("ingest", "read"))
    one = server("--require-keys")
    for key in (bearer(ingest), basic(ingest)):
        assert one.post(order(1), headers=key).status == 202
        for path in ("/v1/sales", "/v1/rejected", "/v1/stream"):
            one.get(path, key).problem(403)
    for key in (bearer(read), basic(read)):
        one.post(order(2), headers=key).problem(403)
        for path in ("/v1/sales", "/", "/v1/rejected", "/metrics", "/openapi.json", "/v1/orders/1"):
            assert one.get(path, key).status == 200, path
    assert one.get("/healthz").status == 200


def test_without_a_good_key_nothing_is_answered_but_health_and_the_page(server, tmp_path):
    key = new_key(tmp_path / "data", "read")
    one = server("--require-keys")
    bad = [{}, bearer("x"), bearer(""), bearer(key[:-1]), bearer(key + "x"), bearer(key.swapcase()), basic("x"),
           {"Authorization": "Basic !!!"}, {"Authorization": key}, {"Authorization": "Bearer"},
           {"Authorization": f"Digest {key}"}, bearer("a" * 8000)]  # fmt: skip
    for headers in bad:
        for path in PATHS:
            if path in ("/healthz", "/readyz", "/", "/login", "/logout"):  # the page asks for a key by itself: test_login.py
                continue
            answer = one.get(path, headers) if PATHS[path] == "GET" else one.post(order(1), headers=headers)
            answer.problem(401)
            assert answer.headers["www-authenticate"].lower().split()[0] == "bearer", path
    assert one.get("/healthz").status == one.get("/readyz").status == 200


def test_a_key_is_kept_as_a_hash_only(tmp_path):
    key = new_key(tmp_path / "data", "ingest")
    text = (tmp_path / "data" / "keys").read_text()
    assert key not in text
    assert key.split("_")[-1] not in text
    assert (tmp_path / "data" / "keys").stat().st_mode & 0o077 == 0


def test_a_key_that_cannot_be_shown_does_not_stay(tmp_path):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([harness.binary(), "key", "new", "--scope", "ingest", "--data", tmp_path], stdout=full,
                              stderr=subprocess.PIPE, timeout=20, env=harness.clean_env(), check=False)  # fmt: skip
        assert done.returncode == 1, done
        assert b"the key cannot be written out: No space left on device; none was made" in done.stderr
        assert harness.run("key", "list", "--data", tmp_path).stdout == b""
        harness.must_run("key", "new", "--scope", "read", "--data", tmp_path)
        done = subprocess.run([harness.binary(), "key", "list", "--data", tmp_path], stdout=full, stderr=subprocess.PIPE,
                              timeout=20, env=harness.clean_env(), check=False)  # fmt: skip
        assert done.returncode == 1, done


def test_new_and_revoked_keys_take_effect_in_a_running_server(server, tmp_path):
    first = new_key(tmp_path / "data", "ingest")
    one = server("--require-keys")
    second = new_key(tmp_path / "data", "ingest")
    harness.wait_until(lambda: one.post(order(1), headers=bearer(second)).status == 202, 5, "taking the new key")
    listed = harness.run("key", "list", "--data", tmp_path / "data").stdout.decode()
    assert len(listed.splitlines()) == 2
    assert second not in listed
    harness.must_run("key", "revoke", listed.split()[0], "--data", tmp_path / "data")
    harness.wait_until(lambda: one.post(order(1), headers=bearer(first)).status == 401, 5, "refusing the revoked key")
    assert one.post(order(1), headers=bearer(second)).status == 202


def test_a_request_without_a_key_is_refused_before_its_body(server, tmp_path):
    new_key(tmp_path / "data", "ingest")
    one = server("--require-keys")
    with one.raw() as sock:
        start = time.monotonic()
        sock.sendall(b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                     b"Expect: 100-continue\r\nContent-Length: 1000000\r\n\r\n")  # fmt: skip
        harness.read_answer(sock).problem(401)
        assert time.monotonic() - start < 5


@pytest.mark.parametrize("arguments", [["new"], ["new", "--scope", "admin"], ["revoke"], ["revoke", "nobody"], ["what"], []])
def test_a_wrong_key_command_is_one_clear_line(tmp_path, arguments):
    done = harness.run("key", *arguments, "--data", tmp_path)
    assert done.returncode in (1, 2)
    assert done.stderr.strip()
    assert len(done.stderr.decode().strip().splitlines()) == 1
