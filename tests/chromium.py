# SPDX-License-Identifier: MIT
"""The system's Chromium, without a head, for tests of pages."""

import contextlib
import shutil

from playwright.sync_api import sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync",
         "--host-resolver-rules=MAP *.example.com 127.0.0.1"]  # fmt: skip


@contextlib.contextmanager
def started():
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, "the browser tests need Chromium: run 'make deps', or install the package chromium"
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield one
        one.close()
