# SPDX-License-Identifier: MIT
"""The live page in Chromium: from the address to its first figures, and what it loads for that. Each opening is a
browser context of its own, so that nothing is cached; the shop has sold all day."""

import sys

from tools import processes
from tools.results import Figure, Series

sys.path.insert(0, str(processes.ROOT / "tests"))

import chromium  # noqa: E402

OPENINGS, SEED_ORDERS, WAIT_MS = 21, 20_000, 20_000
VIEWPORTS = {"1,440 px": {"width": 1440, "height": 900}, "390 px": {"width": 390, "height": 844}}

# Notes when the headline's revenue is a number, and when the frame after that has been painted.
WATCH = """
addEventListener("DOMContentLoaded", () => {
    const look = () => {
        if (window.shown === undefined && /[0-9]/.test(document.querySelector("[data-figure=revenue]")?.textContent ?? "")) {
            window.shown = performance.now();
            observer.disconnect();
            requestAnimationFrame(() => { const channel = new MessageChannel();
                channel.port1.onmessage = () => { window.painted = performance.now(); };
                channel.port2.postMessage(0); });
        }
    };
    const observer = new MutationObserver(look);
    observer.observe(document.documentElement, { subtree: true, childList: true, characterData: true });
    look();
});
"""


def open_once(browser, server, viewport):
    context = browser.new_context(viewport=viewport)
    try:
        context.add_init_script(WATCH)
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{server.port}/")
        page.wait_for_function("() => window.painted !== undefined", timeout=WAIT_MS)
        return page.evaluate("""() => ({ painted: window.painted, answered: performance.getEntriesByType("navigation")[0].responseEnd,
            packed: performance.getEntriesByType("navigation").concat(performance.getEntriesByType("resource"))
                .reduce((sum, entry) => sum + entry.encodedBodySize, 0) })""")  # fmt: skip
    finally:
        context.close()


def fill(server):
    processes.run([processes.PROGRAM, "generate", "--rate", "0", "--count", str(SEED_ORDERS), "--seed", "1",
                   "--with-customer-fields", "--to", f"http://127.0.0.1:{server.port}"])  # fmt: skip


def measure(setup):
    figure = Figure("first_figures", ("width", "page is there", "first figures painted", "slowest opening"))
    openings = min(OPENINGS, 4 * setup.rounds + 1)
    with processes.Salestide(setup.tmp / "page") as server, chromium.started() as browser:
        fill(server)
        for name, viewport in VIEWPORTS.items():
            open_once(browser, server, viewport)  # the browser's own start
            found = [open_once(browser, server, viewport) for _ in range(openings)]
            series = {key: Series(one[key] for one in found) for key in ("answered", "painted")}
            figure.row(name, *(series[key].text("{:.0f}", "ms") for key in series), f"{max(series['painted'].values):.0f} ms")
            figure.keep(name, series["painted"])
        figure.limit(f"{openings} openings of each, none with a cache; {found[0]['packed'] / 1000:.0f} kB packed in all but the stream. "
                     "Times from the beginning of the navigation; browser and server share the cores.")  # fmt: skip
    return figure
