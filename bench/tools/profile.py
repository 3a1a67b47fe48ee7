# SPDX-License-Identifier: MIT
"""What a process spends its time on, by `perf`: the system calls it is in, and the libraries outside the kernel.
Profiled rounds are extra rounds: their speed is in no table."""

import contextlib
import re
import shutil
import subprocess
import time

SAMPLES_PER_SECOND = 499
LEAST_PERCENT = 2.5
LIBRARIES = {"salestide": "salestide's own code", "libsqlite3": "SQLite", "libmicrohttpd": "libmicrohttpd",
             "libc.so": "libc", "libz": "zlib"}  # fmt: skip
CALLS = {"sendmsg": "sending", "sendto": "sending", "write": "write", "recvfrom": "receiving", "recvmsg": "receiving",
         "read": "read", "fdatasync": "fdatasync", "fsync": "fsync", "pwrite64": "writing the file",
         "epoll_ctl": "epoll_ctl", "epoll_wait": "epoll_wait", "futex": "waking threads (futex)",
         "pread64": "reading the file"}  # fmt: skip


def report(path, *options):
    done = subprocess.run(["perf", "report", "--stdio", "-i", str(path), "-g", "none", *options], timeout=120,
                          capture_output=True, text=True, check=False)  # fmt: skip
    for line in done.stdout.splitlines():
        parts = line.split(None, 1)
        if parts and re.fullmatch(r"[0-9.]+%", parts[0]):
            yield float(parts[0].rstrip("%")), parts[1].strip()


def shares(path):
    """[(percent, what)], largest first; they do not overlap."""
    found = {}
    for percent, rest in report(path, "--no-children", "--sort", "dso"):
        what = next((name for part, name in LIBRARIES.items() if part in rest), None)
        if what is not None:
            found[what] = found.get(what, 0) + percent
    calls = {}
    for percent, rest in report(path, "--children", "--sort", "symbol"):
        call = re.search(r" __(?:x64_|arm64_)?sys_(\w+)", rest)
        if call is not None:
            calls[call[1]] = max(calls.get(call[1], 0), percent)  # wrappers of one call lie in each other
    for name, percent in calls.items():
        what = CALLS.get(name, f"{name}()")
        found[what] = found.get(what, 0) + percent
    return sorted(((p, w) for w, p in found.items() if p >= LEAST_PERCENT), reverse=True)


def sentence(path):
    parts = [f"{what} {percent:.0f} %" for percent, what in shares(path)]
    return "of its time: " + ", ".join(parts) if parts else "no profile (perf gave no samples)"


def available():
    return shutil.which("perf") is not None


@contextlib.contextmanager
def of_process(pid, path):
    """Samples the process while the block runs."""
    recorder = None
    if available():
        recorder = subprocess.Popen(["perf", "record", "-q", "-g", "-F", str(SAMPLES_PER_SECOND), "-p", str(pid),
                                     "-o", str(path)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL)  # fmt: skip
        time.sleep(0.2)
    try:
        yield
    finally:
        if recorder is not None:
            recorder.send_signal(2)
            try:
                recorder.wait(30)
            except subprocess.TimeoutExpired:
                recorder.kill()
                recorder.wait()


def command(path):
    """What to put before a command so that it is sampled from start to end."""
    return ["perf", "record", "-q", "-g", "-F", str(SAMPLES_PER_SECOND), "-o", str(path), "--"] if available() else []
