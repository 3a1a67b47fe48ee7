#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Playwright: eval_on_selector and eval_on_selector_all give sizes of zero for an element that is drawn anew all the time.
#
# Versions: playwright 1.65.2 (PyPI), Debian 12's chromium 156, Python 3.11.
# Expected: what a selector finds is what the function is called with, in one step: the chart has had a bar at every moment.
# Seen (2026-11-30): they find first, and call the function in a message of its own. A page that draws its chart anew in
#   between (replaceChildren) has other elements by then; those found are in no document, and getBoundingClientRect says 0 for
#   all of them, without an error. A test that goes to a place on the chart so goes to 0, once in many times.
# Output:
#   eval_on_selector: N of 2000 of width 0; eval_on_selector_all: N of 2000; evaluate with querySelector: 0 of 2000
# What helps: page.evaluate with document.querySelector in it.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check playwright==1.65.2 </dev/null
cat >job.py <<'PY'
import shutil
import sys

from playwright.sync_api import sync_playwright

PAGE = """<div id=chart style="width:300px"></div><script>
const draw = () => {
    const bar = document.createElement("div");
    bar.className = "bar";
    bar.style.cssText = "width:100px;height:20px";
    document.getElementById("chart").replaceChildren(bar);
};
draw();
const again = new MessageChannel();
again.port1.onmessage = () => { draw(); again.port2.postMessage(0); };
again.port2.postMessage(0);
</script>"""
TIMES = 2000
WIDTH = "e => e.getBoundingClientRect().width"

with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
    page = browser.new_page()
    page.set_content(PAGE)
    one = sum(page.eval_on_selector(".bar", WIDTH) == 0 for _ in range(TIMES))
    every = sum(page.eval_on_selector_all(".bar", f"all => ({WIDTH})(all[0])") == 0 for _ in range(TIMES))
    step = sum(page.evaluate(f"({WIDTH})(document.querySelector('.bar'))") == 0 for _ in range(TIMES))
    browser.close()
print(f"eval_on_selector: {one} of {TIMES} of width 0; eval_on_selector_all: {every} of {TIMES}; "
      f"evaluate with querySelector: {step} of {TIMES}")
sys.exit(0 if one > 0 and every > 0 and step == 0 else 1)
PY
venv/bin/python job.py
