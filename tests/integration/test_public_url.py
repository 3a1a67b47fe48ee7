# SPDX-License-Identifier: MIT
"""--public-url: what a server behind a proxy takes as its own, and that it asks for keys."""

import json
import re

import pytest

import harness
from harness import order

URL = "https://sales.example.com"
BASED = "https://shop.example.com:8443/a/sales"


@pytest.fixture
def behind(server):
    """A server that is also at URL and BASED, without keys."""
    return server("--public-url", URL, "--public-url", BASED, "--insecure")


def test_the_public_names_are_let_in_and_others_are_not(behind):
    for host in ("sales.example.com", "SALES.example.com:443", "shop.example.com", "localhost", "127.0.0.1:1"):
        assert behind.get("/v1/sales", {"Host": host}).status == 200, host
    for host in ("example.com", "sales.example.com.evil.example", "evil.example:443"):
        assert "--public-url" in behind.get("/v1/sales", {"Host": host}).problem(403)["detail"]


def test_a_public_origin_is_let_in_and_others_are_not(behind):
    for n, (host, origin) in enumerate([("sales.example.com", URL), ("shop.example.com", "https://shop.example.com:8443"),
                                        ("127.0.0.1:8080", URL)]):  # fmt: skip
        headers = {"Host": host, "Origin": origin, "Sec-Fetch-Site": "same-origin"}
        assert behind.post(order(n), headers=headers).status == 202, origin
    for origin in ("http://sales.example.com", "https://shop.example.com", "https://evil.example", "null"):
        headers = {"Host": "sales.example.com", "Origin": origin}
        behind.post(order("forged"), headers=headers).problem(403)
    behind.get("/v1/orders/forged").problem(404)


def test_forwarded_headers_open_nothing(behind):
    forwarded = {"Forwarded": "host=localhost;proto=http;for=127.0.0.1", "X-Forwarded-Host": "localhost",
                 "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Real-IP": "127.0.0.1",
                 "X-Original-URL": "/healthz", "X-Forwarded-Prefix": "/a/sales"}  # fmt: skip
    behind.get("/v1/sales", {"Host": "evil.example", **forwarded}).problem(403)
    headers = {"Host": "sales.example.com", "Origin": "http://localhost", **forwarded}
    behind.post(order("forged"), headers=headers).problem(403)
    assert behind.get("/v1/sales", {"Host": "sales.example.com", **forwarded}).json() == behind.get("/v1/sales").json()


def test_calls_come_with_the_base_path_or_without(behind):
    for n, base in enumerate(("", "/a/sales")):
        body = json.dumps(order(n)).encode()
        assert behind.request("POST", f"{base}/v1/orders", body, {"Content-Type": harness.JSON}).status == 202
        assert behind.get(f"{base}/v1/orders/{n}").status == 200
        assert behind.get(f"{base}/v1/sales?by=source").status == 200
        assert behind.get(f"{base}/healthz").status == behind.get(f"{base}/metrics").status == 200
        assert behind.get(f"{base}/").body == behind.get("/").body
    for path in ("/a", "/a/", "/a/salesmen/", "/a/sales/a/sales/", "/A/sales/", "/b/v1/sales"):
        behind.get(path).problem(404)
    answer = behind.get("/a/sales")
    assert (answer.status, answer.headers["location"]) == (307, "/a/sales/")
    assert behind.post(order(9)).status == 202
    behind.request("POST", "/a/sales", b"x").problem(405)


def test_the_page_and_the_description_name_nothing_from_the_root(server):
    one = server()
    page = re.sub(r"<(script|style)>.*?</\1>", "", one.get("/").body.decode(), flags=re.DOTALL)
    links = re.findall(r'(?:href|src)="([^"#][^"]*)"', page)
    assert {"favicon.svg", "openapi.json"} <= set(links), links
    assert [link for link in links if link.startswith("/") or ":" in link] == []
    assert [server["url"] for server in one.get("/openapi.json").json()["servers"]] == ["."]


def test_orders_are_loaded_through_a_base_path(behind, tmp_path):
    file = tmp_path / "orders.ndjson"
    file.write_bytes(harness.lines(order(1), order(2)))
    harness.must_run("load", file, "--to", f"{behind.url}/a/sales")
    assert behind.get("/v1/orders/2").status == 200


def test_keys_are_required_behind_a_proxy(server, tmp_path):
    data = tmp_path / "data"
    done = harness.run("serve", "--listen", "127.0.0.1:0", "--data", data, "--public-url", URL, timeout=20)
    assert done.returncode == 2, done
    assert f"--public-url lets in who reaches {URL}" in done.stderr.decode(), done
    assert "salestide key new" in done.stderr.decode(), done
    key = harness.must_run("key", "new", "--scope", "read", "--data", data).split()[0]
    one = server("--public-url", URL, data=data)
    for headers in ({}, {"Host": "sales.example.com"}, {"X-Forwarded-For": "127.0.0.1"}):
        one.get("/v1/sales", headers).problem(401)  # who comes through the proxy looks like one of this machine
    assert one.get("/v1/sales", {"Authorization": f"Bearer {key}"}).status == 200
    assert one.get("/healthz").status == 200


def test_insecure_behind_a_proxy_is_warned_about(behind):
    assert "--insecure asks for no key: anybody can read and write" in behind.log
    assert behind.get("/v1/sales").status == 200


@pytest.mark.parametrize("url", ["sales.example.com", "https://", "https://a.example/v1", "https://*.example", "https://a.example,"])
def test_what_is_no_public_url_stops_the_start(tmp_path, url):
    done = harness.run("serve", "--listen", "127.0.0.1:0", "--data", tmp_path / "data", "--insecure", "--public-url", url,
                       timeout=20)  # fmt: skip
    assert done.returncode == 2, done
    assert "want https://HOST[:PORT][/BASE]" in done.stderr.decode(), done


def test_an_environment_variable_names_several(server):
    one = server("--insecure", env={"SALESTIDE_PUBLIC_URL": f"{URL}, {BASED}"})
    assert one.get("/a/sales/healthz", {"Host": "sales.example.com"}).status == 200
