# SPDX-License-Identifier: MIT
"""The live page behind nginx, Caddy and HAProxy, over TLS and with a key: at a name of its own, and below a path
that the proxy keeps or takes off."""

import datetime
import urllib.parse

import pytest

import harness
from live_page import of_all
from servers import certs, process, web_proxies

SOON_MS = 5_000
FORMS = [(kind, base, strip) for kind in web_proxies.ALL for base, strip in (("", False), ("/sales", False), ("/sales", True))]


def name_of(form):
    kind, base, strip = form
    return f"{kind.__name__.lower()}-{'name' if base == '' else 'stripped' if strip else 'path'}"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return certs.Certificates(tmp_path_factory.mktemp("certificates"), names=web_proxies.NAMES)


def new_order(order_id):
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return harness.order(order_id, created_at=now, total="19.90", subtotal="19.90")


def wait_for_text(page, selector, text):
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.textContent === text", arg=[selector, text],
        timeout=SOON_MS)  # fmt: skip


@pytest.mark.parametrize("form", FORMS, ids=name_of)
def test_the_page_lives_behind_a_proxy(server, open_page, certificates, tmp_path, form):
    kind, base, strip = form
    (port,) = process.free_ports(1)
    data = tmp_path / "data"
    keys = {scope: harness.must_run("key", "new", "--scope", scope, "--data", data).split()[0]
            for scope in ("read", "ingest")}  # fmt: skip
    one = server("--public-url", web_proxies.public_urls([port]), data=data)
    bearer = {"Authorization": f"Bearer {keys['ingest']}"}
    with kind(tmp_path / "proxy", f"127.0.0.1:{one.port}", certificates, port, strip=strip) as proxy:
        site = next(site for site in web_proxies.sites_of(proxy) if site.base == base)
        page = open_page(site, disconnects=True, ignore_https_errors=True, key=keys["read"])
        page.wait_for_selector("#empty", state="visible")
        assert page.text_content("#empty-command").startswith(f"curl {site.url}/v1/orders")
        assert one.post(new_order(1), headers=bearer).status == 202
        wait_for_text(page, "[data-figure=revenue]", "$19.90")
        painted = page.evaluate("getComputedStyle(document.querySelector('.headline')).display === 'grid'")
        assert painted, "the style sheet is not there"
        links = of_all(page, "a[href]:not([href^='#']):not([href^='data:'])", "all => all.map(a => a.href)")
        assert {urllib.parse.urlsplit(link).path for link in links} >= {f"{base}/openapi.json", f"{base}/v1/rejected"}
        for link in links:
            assert page.evaluate("link => fetch(link).then(answer => answer.status)", link) == 200, link
        if base != "":
            page.goto(site.url)  # without the slash
            page.wait_for_selector("#connection[data-state=live]")
            assert urllib.parse.urlsplit(page.url).path == base + "/"
        one.stop()
        page.wait_for_selector("#connection[data-state=reconnecting]")
        again = server("--public-url", web_proxies.public_urls([port]), data=data, listen=f"127.0.0.1:{one.port}")
        page.wait_for_selector("#connection[data-state=live]")
        assert again.post(new_order(2), headers=bearer).status == 202
        wait_for_text(page, "[data-figure=revenue]", "$39.80")
