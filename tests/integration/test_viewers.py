# SPDX-License-Identifier: MIT
"""Many viewers of the live page at once: each is right at the end, to the last digit.

The client is bench/bench_stream.c, which takes the stream packed as browsers do. LIVE_VIEWERS makes it more, and the
rate with it. However many they are, the server has at most 50 MB. How fast it was is written down, and no matter of
passing: that is measured by `make bench ONLY=viewers_10000`."""

import json
import pathlib
import re
import resource
import subprocess

import harness

CLIENT = pathlib.Path(harness.ROOT) / "build" / "bench" / "bench_stream"
VIEWERS = harness.number_of("LIVE_VIEWERS", 300)
RATE, SECONDS = (1000, 10) if VIEWERS >= 10_000 else (200, 2)
SPARE_FILES = 1000
MEMORY_MOST_KB = 50_000_000 // 1024
TIMEOUT_S = 170


def many_files():
    """A client and a server of so many need as many descriptors."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert hard == resource.RLIM_INFINITY or hard >= VIEWERS + SPARE_FILES, f"{VIEWERS} viewers need more files: ulimit -Hn is {hard}"
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def is_sanitized():
    """A sanitizer's own memory is several times the program's."""
    return re.search(rb"__[at]san_init", harness.binary().read_bytes()) is not None


def test_every_viewer_is_right_at_the_end(server, record_property):
    one = server("--max-viewers", VIEWERS + 100, limit=many_files)
    arguments = [CLIENT, one.port, RATE, SECONDS, VIEWERS]
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
                          preexec_fn=many_files)  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["answered"] == found["orders"] == RATE * SECONDS
    assert found["right_viewers"] == found["complete_viewers"] == VIEWERS
    counts = one.get("/v1/sales?by=").json()["rows"][0]
    assert counts["orders"] == found["orders"]
    memory_kb = int(re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{one.process.pid}/status").read_text())[1])
    assert memory_kb <= MEMORY_MOST_KB or is_sanitized()
    for name, value in (("arrival_ms", found["arrival_ms"]), ("memory_kb", memory_kb)):
        record_property(name, str(value))
        print(f"{VIEWERS} viewers, {RATE} orders/s: {name} {value}")
    one.stop()
    harness.must_run("verify", "--data", one.data)
