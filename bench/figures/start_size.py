# SPDX-License-Identifier: MIT
"""Time from fork to the first answer, memory at rest, size of the program."""

import contextlib
import shutil
import socket
import subprocess
import time

from tools import processes
from tools.results import Figure, Series

REST_S = 2
ROUNDS = 11


def ask_until_200(port, process, deadline):
    """Connects and asks /healthz without a pause until the answer is 200."""
    request = f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as s:
            s.sendall(request)
            if s.recv(4096).startswith(b"HTTP/1.1 200 "):
                return time.monotonic()
        time.sleep(0.0002)
    raise SystemExit("bench: serve did not answer")


def first_answer_ms(setup, directory, rest=None):
    """`rest`: called with the process id when it has been at rest for a while."""
    port = processes.free_port()
    with open(setup.tmp / "start.log", "wb") as log:
        started = time.monotonic()
        process = subprocess.Popen([processes.PROGRAM, "serve", "--listen", f"127.0.0.1:{port}", "--data",
                                    directory / "data"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   env=processes.environment())  # fmt: skip
    try:
        ms = (ask_until_200(port, process, started + 60) - started) * 1000
        if rest is not None:
            time.sleep(REST_S)
            rest(process.pid)
        return ms
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def measure(setup):
    figure = Figure("start_size", ("what", "figure"))
    fresh, again, memory = [], [], {"VmRSS": [], "RssAnon": []}

    def rest(pid):
        for field, values in memory.items():
            values.append(processes.memory_mb(pid, field))

    for k in range(ROUNDS):
        directory = setup.tmp / "start"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        fresh.append(first_answer_ms(setup, directory, rest if k < 3 else None))
        again.append(first_answer_ms(setup, directory))
    for key, what, values, unit, form in (
        ("start_new_ms", "start to first answer, making a new data directory", fresh, "ms", "{:.0f}"),
        ("start_ms", "start to first answer, data directory there", again, "ms", "{:.0f}"),
        ("idle_rss_mb", "resident memory at rest", memory["VmRSS"], "MB", "{:.1f}"),
        ("idle_anon_mb", "of it not shared with files (anonymous)", memory["RssAnon"], "MB", "{:.1f}"),
    ):
        figure.keep(key, Series(values))
        figure.row(what, Series(values).text(form, unit))
    size, stripped = processes.PROGRAM.stat().st_size, stripped_size(setup)
    figure.keep("binary_bytes", size)
    figure.keep("stripped_bytes", stripped)
    figure.row("program, with debug information", f"{size / 1e6:.2f} MB")
    figure.row("program, stripped, page included", f"{stripped / 1e6:.2f} MB")
    return figure


def stripped_size(setup):
    copy = setup.tmp / "stripped"
    processes.run(["strip", "-o", copy, processes.PROGRAM])
    return copy.stat().st_size
