# SPDX-License-Identifier: MIT
"""Behind the real nginx, Caddy and HAProxy, over TLS, with the files of deploy/: at a name of its own and below a
path. What docs/behind-a-proxy.md promises is done here."""

import concurrent.futures
import contextlib
import datetime
import json
import subprocess
import time

import pytest

import harness
from harness import JSON, NDJSON, gzipped, lines, order
from servers import certs, process, web_proxies

IDS = [kind.__name__.lower() for kind in web_proxies.ALL]


class Lab:
    """One server behind all three, and its keys."""

    def __init__(self, directory, ports):
        self.data = directory / "data"
        self.keys = {scope: harness.must_run("key", "new", "--scope", scope, "--data", self.data).split()[0]
                     for scope in ("read", "ingest")}  # fmt: skip
        self.server = harness.Server(directory, "--public-url", web_proxies.public_urls(ports), data=self.data)

    def bearer(self, scope):
        return {"Authorization": f"Bearer {self.keys[scope]}"}

    def get(self, site, path, headers=None, scope="read"):
        with contextlib.closing(site.connection()) as connection:
            return harness.ask(connection, "GET", site.base + path, None, {**self.bearer(scope), **(headers or {})})

    def post(self, site, body, content_type=JSON, headers=None):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {**self.bearer("ingest"), "Content-Type": content_type, **(headers or {})}
        with contextlib.closing(site.connection(60)) as connection:
            return harness.ask(connection, "POST", f"{site.base}/v1/orders", body, headers)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return certs.Certificates(tmp_path_factory.mktemp("certificates"), names=web_proxies.NAMES)


@pytest.fixture(scope="module")
def ports():
    return process.free_ports(len(web_proxies.ALL))


@pytest.fixture(scope="module")
def lab(tmp_path_factory, ports):
    one = Lab(tmp_path_factory.mktemp("behind"), ports)
    yield one
    one.server.stop()


@pytest.fixture(scope="module", params=range(len(web_proxies.ALL)), ids=IDS)
def proxy(request, tmp_path_factory, lab, ports, certificates):
    kind = web_proxies.ALL[request.param]
    with kind(tmp_path_factory.mktemp("proxy"), f"127.0.0.1:{lab.server.port}", certificates,
              ports[request.param]) as one:  # fmt: skip
        yield one


@pytest.fixture(params=[0, 1], ids=["name", "path"])
def site(request, proxy):
    return web_proxies.sites_of(proxy)[request.param]


_ids = iter(range(10**6))


def new_order(**fields):
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return order(f"p-{next(_ids)}", created_at=now, **fields)


def test_orders_come_through_plain_and_packed(lab, site):
    one, many = new_order(), [new_order() for _ in range(50)]
    assert lab.post(site, one).json() == {"accepted": 1, "duplicate": 0, "rejected": 0, "errors": []}
    assert lab.post(site, one).json()["duplicate"] == 1
    packed = lab.post(site, gzipped(lines(*many)), NDJSON, {"Content-Encoding": "gzip"})
    assert (packed.status, packed.json()["accepted"]) == (202, 50)
    for each in (one, many[-1]):
        assert lab.get(site, f"/v1/orders/{each['order_id']}").status == 200


def test_cookies_of_a_single_sign_on_are_kept_back_and_our_own_is_not(lab, site):
    cookies = "; ".join(f"sso-{n}={'v' * 1000}" for n in range(16))
    assert lab.get(site, "/v1/sales", {"Cookie": cookies}).status == 200
    assert lab.post(site, new_order(), headers={"Cookie": cookies}).status == 202
    body = json.dumps({"key": lab.keys["read"]}).encode()
    own = {"Content-Type": JSON, "Cookie": cookies, "Origin": site.url.removesuffix(site.base)}
    with contextlib.closing(site.connection()) as connection:
        answer = harness.ask(connection, "POST", f"{site.base}/login", body, own)
        assert answer.status == 204, answer
        pair, *attributes = answer.headers["set-cookie"].split("; ")
        assert {"Secure", "HttpOnly", "SameSite=Strict"} <= set(attributes)
        middle = cookies.replace("sso-7=", f"{pair}; sso-7=")
        for sent, status in ((pair, 200), (middle, 200), (cookies, 401), (pair[:-1], 401)):
            assert harness.ask(connection, "GET", f"{site.base}/v1/sales", None, {"Cookie": sent}).status == status, sent[:40]


def test_a_body_without_a_length_comes_through(lab, site):
    def pieces():
        for _ in range(20):
            yield lines(new_order())

    with contextlib.closing(site.connection()) as connection:
        connection.request("POST", f"{site.base}/v1/orders", pieces(),
                           {**lab.bearer("ingest"), "Content-Type": NDJSON}, encode_chunked=True)  # fmt: skip
        assert harness.answer_of(connection.getresponse()).json()["accepted"] == 20


def test_questions_and_the_page_are_answered(lab, site):
    lab.post(site, new_order(source="PROXIED"))
    rows = lab.get(site, "/v1/sales?by=source,state").json()["rows"]
    assert any(row["source"] == "PROXIED" for row in rows)
    page = lab.get(site, "/", {"Accept-Encoding": "gzip"})
    assert (page.status, page.headers["content-encoding"]) == (200, "gzip")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert lab.get(site, "/", {"If-None-Match": page.headers["etag"]}).status == 304
    picture = lab.get(site, "/favicon.svg")
    assert picture.status == 200
    assert lab.get(site, "/favicon.svg", {"If-None-Match": picture.headers["etag"]}).status == 304
    lab.get(site, "/nothing").problem(404)


def test_large_bodies_come_through_up_to_our_own_limit(lab, site, tmp_path):
    many = [new_order(note="x" * 5000) for _ in range(600)]
    assert len(lines(*many)) > 3_000_000
    assert lab.post(site, lines(*many), NDJSON).json()["accepted"] == 600
    file = tmp_path / "too-large.ndjson"
    file.write_bytes(b" " * (17 << 20))
    # curl, since it takes an answer that comes before the body is sent.
    command = ["curl", "--silent", "--max-time", "30", "--noproxy", "*", "--cacert", site.proxy.certificates.ca,
               "--resolve", f"{site.name}:{site.proxy.port}:{site.proxy.host}", "--data-binary", f"@{file}",
               "--header", f"Authorization: Bearer {lab.keys['ingest']}", "--header", f"Content-Type: {NDJSON}",
               "--output", tmp_path / "answer", "--write-out", "%{http_code}", f"{site.url}/v1/orders"]  # fmt: skip
    done = subprocess.run([*map(str, command)], capture_output=True, timeout=60, check=False)
    assert done.stdout == b"413", done


@contextlib.contextmanager
def stream(lab, site):
    with contextlib.closing(site.connection(30)) as connection:
        connection.request("GET", f"{site.base}/v1/stream", None, lab.bearer("read"))
        response = connection.getresponse()
        assert response.status == 200, response.read()
        assert response.headers["Content-Type"] == "text/event-stream"
        yield response


def until(response, text, timeout_s=10):
    deadline = time.monotonic() + timeout_s
    while text not in (line := response.readline()):
        assert line, "the stream ended"
        assert time.monotonic() < deadline, line


def test_the_stream_tells_an_order_within_a_second(lab, site):
    took_s = []
    with stream(lab, site) as response:
        until(response, b"event: snapshot")
        for _ in range(3):
            one = new_order()
            lab.post(site, one)
            posted = time.monotonic()
            until(response, f'"{one["order_id"]}"'.encode())
            took_s.append(time.monotonic() - posted)
    assert min(took_s) < 1, took_s


def test_a_stream_outlives_the_proxies_time_outs(lab, ports, certificates, tmp_path):
    """At 60 s it would take minutes: they are made shorter, yet longer than the stream is ever silent."""
    shorter = {
        web_proxies.Nginx: {"proxy_http_version 1.1;": "proxy_http_version 1.1;\n        proxy_read_timeout 20s;"},
        web_proxies.Caddy: {},
        web_proxies.HAProxy: {"timeout client 60s": "timeout client 20s", "timeout server 60s": "timeout server 20s"},
    }
    with contextlib.ExitStack() as stack:
        responses = []
        for kind, port in zip(web_proxies.ALL, process.free_ports(len(web_proxies.ALL)), strict=True):
            proxy = stack.enter_context(kind(tmp_path / kind.__name__, f"127.0.0.1:{lab.server.port}", certificates, port,
                                             more=shorter[kind]))  # fmt: skip
            responses.append(stack.enter_context(stream(lab, web_proxies.sites_of(proxy)[1])))
        with concurrent.futures.ThreadPoolExecutor(len(responses)) as readers:
            for reading in [readers.submit(read_for, response, 22) for response in responses]:
                reading.result(60)


def read_for(response, seconds):
    """Reads on until this time is over and one line more has come."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert response.readline(), "the stream ended"


def test_a_key_is_required_and_one_of_the_right_scope(lab, site):
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer wrong"}):
        lab.get(site, "/v1/sales", headers).problem(401)
        lab.post(site, order("keyless"), headers=headers).problem(401)
    lab.get(site, "/v1/sales", scope="ingest").problem(403)
    lab.post(site, order("keyless"), headers=lab.bearer("read")).problem(403)
    lab.get(site, "/v1/orders/keyless").problem(404)
    assert lab.get(site, "/healthz", {"Authorization": ""}).status == 200


def test_pages_of_other_sites_are_refused(lab, site):
    own = site.url.removesuffix(site.base)
    assert lab.post(site, new_order(), headers={"Origin": own, "Sec-Fetch-Site": "same-origin"}).status == 202
    for origin in ("https://evil.example", own.replace("https", "http"), f"https://{site.name}", "null"):
        for more in ({}, {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}):
            lab.post(site, order("forged"), headers={"Origin": origin, **more}).problem(403)
    lab.post(site, order("forged"), headers={"Sec-Fetch-Site": "cross-site"}).problem(403)
    lab.get(site, "/v1/orders/forged").problem(404)


def test_another_host_gets_nothing(lab, proxy, site):
    """nginx hands it on, since the first site of its file takes all names; the others have no site for it."""
    refused = lab.get(site, "/v1/sales", {"Host": "evil.example"})
    if isinstance(proxy, web_proxies.Nginx):
        refused.problem(403)
    else:
        assert (refused.status, refused.body) in ((200, b""), (503, refused.body)), refused
    assert b"rows" not in refused.body
    lab.post(site, order("rebound"), headers={"Host": "evil.example"})
    lab.get(site, "/v1/orders/rebound").problem(404)


def test_the_base_path_may_be_taken_off_by_the_proxy(lab, proxy, certificates, tmp_path):
    (port,) = process.free_ports(1)
    with type(proxy)(tmp_path, f"127.0.0.1:{lab.server.port}", certificates, port, strip=True) as stripping:
        site = web_proxies.sites_of(stripping)[1]
        one = new_order()
        assert lab.post(site, one).status == 202
        assert lab.get(site, f"/v1/orders/{one['order_id']}").status == 200
        assert lab.get(site, "/").status == 200
        answer = lab.get(site, "")
        assert answer.status in (301, 302, 307)
        assert answer.headers["location"].removeprefix(site.url.removesuffix(site.base)) == "/sales/"


def test_the_path_without_its_slash_leads_to_the_page(lab, proxy):
    site = web_proxies.sites_of(proxy)[1]
    answer = lab.get(site, "")
    assert answer.status in (301, 302, 307)
    assert answer.headers["location"].removeprefix(site.url.removesuffix(site.base)) == "/sales/"


@pytest.mark.parametrize("name", ["nginx.conf", "Caddyfile", "haproxy.cfg"])
def test_the_document_shows_the_file_that_is_tested(name):
    document = (process.ROOT / "docs/behind-a-proxy.md").read_text("utf-8")
    file = (web_proxies.DEPLOY / name).read_text("ascii")
    body = file.split("sales\n", 1)[1]  # after the lines of its head
    assert f"\n{body.strip()}\n```" in document, f"docs/behind-a-proxy.md shows another {name}"
