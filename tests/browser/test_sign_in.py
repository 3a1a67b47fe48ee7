# SPDX-License-Identifier: MIT
"""Where keys are needed the page asks for one, by a form of its own."""

import harness
from live_page import PHONE, SOON_MS, order, wait_for_figure, wait_for_text


def new_key(data, scope):
    """The key and its id."""
    key = harness.must_run("key", "new", "--scope", scope, "--data", data).split()[0]
    return key, harness.must_run("key", "list", "--data", data).splitlines()[-1].split()[0]


def test_people_sign_in_and_out_and_a_key_that_is_revoked_shows_nothing_more(server, open_page, tmp_path):
    (read, read_id), (ingest, _) = (new_key(tmp_path / "data", scope) for scope in ("read", "ingest"))
    one = server("--require-keys")
    assert one.post(order(1, total="19.90"), headers={"Authorization": f"Bearer {ingest}"}).status == 202
    page = open_page(one, viewport=PHONE, key=read, refusals=(403,), view="#state=TX")
    wait_for_figure(page, "revenue", "$19.90")
    cookies = page.context.cookies()
    assert [(c["name"], c["httpOnly"], c["sameSite"], c["path"]) for c in cookies] == [("salestide_session", True, "Strict", "/")]
    assert read not in cookies[0]["value"] and read not in page.evaluate("document.cookie + JSON.stringify({...localStorage})")
    page.reload()
    wait_for_figure(page, "revenue", "$19.90")
    page.click("#sign-out")
    page.wait_for_selector("#sign-in[open]")
    assert page.context.cookies() == []
    assert page.text_content("[data-figure=revenue]") != "$19.90", "what was shown is gone"
    assert page.evaluate("document.activeElement.id") == "sign-in-key"
    page.keyboard.press("Escape")
    for key, said in (("wrong", "This key is not known here."), (ingest, "This key sends orders. To look, a key of scope read is needed.")):
        page.fill("#sign-in-key", key)
        page.keyboard.press("Enter")
        wait_for_text(page, "#sign-in-answer", said)
    page.fill("#sign-in-key", read)
    page.keyboard.press("Enter")
    wait_for_figure(page, "revenue", "$19.90")
    assert page.url.endswith("#state=TX"), "the view is kept"
    harness.must_run("key", "revoke", read_id, "--data", tmp_path / "data")
    page.wait_for_selector("#sign-in[open]", timeout=SOON_MS)
    assert page.text_content("[data-figure=revenue]") != "$19.90"


def test_a_link_from_another_site_finds_who_has_signed_in(server, open_page, tmp_path):
    """The browser sends no cookie of ours with the page then, but with what the page asks."""
    read, _ = new_key(tmp_path / "data", "read")
    one = server("--require-keys")
    page = open_page(one, key=read).context.new_page()
    link = f'<a href="{one.url}/#chart=days">look</a>'
    page.route("http://elsewhere.example.com/", lambda route: route.fulfill(content_type="text/html", body=link))
    page.goto("http://elsewhere.example.com/")
    page.click("a")
    page.wait_for_selector("#connection[data-state=live]")
    assert page.url == f"{one.url}/#chart=days"
