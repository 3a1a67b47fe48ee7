# SPDX-License-Identifier: MIT
"""A real browser on the real program. Every page that a test opens is watched: an error in its console,
an exception in its scripts or a request that leaves the server fails the test."""

import mmap
import pathlib
import re
import subprocess
import time
import urllib.parse

import pytest

import chromium
import harness
from live_page import DESK

PATIENCE_MS = 20_000


@pytest.fixture
def server(tmp_path):
    """Starts servers: server("--option", ...). At the end each still running one must drain and exit 0."""
    started = []

    def start(*options, **more):
        one = harness.Server(tmp_path, *options, **more)
        started.append(one)
        return one

    yield start
    for one in started:
        if one.process.returncode is None:
            one.stop()


class Clock:
    """What the server takes for the time: its wall clock is the test's (shifted_clock.c)."""

    def __init__(self, directory, library):
        path = directory / "shifted-by"
        path.write_bytes(bytes(8))
        with open(path, "r+b") as file:
            self.shift = mmap.mmap(file.fileno(), 8)
        self.environment = {"LD_PRELOAD": str(library), "SHIFTED_BY": str(path)}

    def set(self, instant):
        ns = int(instant.timestamp()) * 10**9 - time.time_ns()
        self.shift[:] = ns.to_bytes(8, "little", signed=True)


@pytest.fixture(scope="session")
def shifted_clock(tmp_path_factory):
    library = tmp_path_factory.mktemp("clock") / "shifted_clock.so"
    source = pathlib.Path(__file__).parent / "shifted_clock.c"
    subprocess.run(["cc", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source], check=True, timeout=60)
    return library


@pytest.fixture
def clock(tmp_path, shifted_clock, server):  # after which the servers stop: what waits until a time needs the real one
    one = Clock(tmp_path, shifted_clock)
    yield one
    one.shift[:] = bytes(8)
    one.shift.close()


@pytest.fixture(scope="session")
def browser():
    with chromium.started() as one:
        yield one


@pytest.fixture
def open_page(browser):
    """open_page(server) gives the live page, connected; view is the part behind the #. Look-outs are on for all of them.
    refusals: statuses of answers that the test wants. key: to sign in with. first_script: runs before the page's own."""
    contexts, complaints = [], []

    def open_one(server, viewport=None, color_scheme="light", disconnects=False, refusals=(), view="", key=None,
                 reduced_motion="reduce", first_script="", **more):  # fmt: skip
        context = browser.new_context(viewport=viewport or DESK, color_scheme=color_scheme, locale="en-US",
                                      reduced_motion=reduced_motion, **more)  # fmt: skip
        contexts.append(context)
        # A violation of the content policy is said in the console as well, but not for each kind of resource.
        context.add_init_script("addEventListener('securitypolicyviolation', event => "
                                "console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`))")  # fmt: skip
        context.add_init_script(first_script)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        origin = urllib.parse.urlsplit(server.url)

        def look_at_request(request):
            url = urllib.parse.urlsplit(request.url)
            if (url.scheme, url.netloc) != (origin.scheme, origin.netloc):
                complaints.append(f"a request leaves the server: {request.url}")

        def look_at_console(message):
            lost = disconnects and re.search("net::ERR_|status of 50[234]", message.text) is not None
            refused = any(f"status of {status} " in message.text for status in (*refusals, *((401,) if key else ())))
            if message.type in ("error", "warning") and not lost and not refused:
                complaints.append(f"console {message.type}: {message.text}")

        page.on("request", look_at_request)
        page.on("console", look_at_console)
        page.on("pageerror", lambda error: complaints.append(f"exception: {error}"))
        page.goto(f"{server.url}/{view}")
        if key is not None:
            page.fill("#sign-in-key", key)
            page.click("#sign-in-submit")
        page.wait_for_selector("#connection[data-state=live]")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not complaints, "\n".join(complaints)
