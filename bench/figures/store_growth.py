# SPDX-License-Identifier: MIT
"""Engine and embedded store alone as the store grows: bench_store.c, increasing and random ids."""

import re
import shutil

from figures import start_size
from tools import processes
from tools.results import Figure, Series, verdict

LINE = re.compile(r"^\s*(\d+) orders\s+(\d+) orders/s\s+slowest commit\s+(\d+) ms", re.M)
WINDOW = 3  # millions at the end, and at the beginning


def one(setup, figure, kind, n):
    directory = setup.tmp / "store"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    done = processes.run([setup.programs / "bench_store", directory / "data", n, kind], timeout_s=1800)
    lines = [(int(a), int(b), int(c)) for a, b, c in LINE.findall(done.out)]
    if not lines or lines[-1][0] != n:
        raise SystemExit(f"bench: bench_store stopped early:\n{done.out}")
    first, last = lines[0][1], Series(s for _, s, _ in lines[-WINDOW:])
    processes.run([processes.PROGRAM, "verify", "--data", directory / "data"], timeout_s=1800)
    worst = max(ms for _, _, ms in lines)
    figure.keep(kind, {"orders": n, "million": lines, "cpu_s": done.cpu_s, "wall_s": done.wall_s,
                       "written_mb": done.written_mb, "rss_mb": done.rss_mb})  # fmt: skip
    size = sum(f.stat().st_size for f in directory.rglob("*") if f.is_file())
    figure.row(kind, f"{first:,}", f"{last.median:,.0f}", verdict(last.median / first), f"{worst} ms",
               f"{done.rss_mb:,.0f} MB", f"{size / n:.0f} bytes")  # fmt: skip
    figure.limit(f"{kind.capitalize()}: {done.cpu_s / done.wall_s:.1f} of {setup.cores} cores busy, "
                 f"{done.written_mb * 1e6 / n:.0f} bytes written to the disk for an order, "
                 f"{done.written_mb / done.wall_s:.0f} MB/s.")  # fmt: skip
    start = Series(start_size.first_answer_ms(setup, directory) for _ in range(3))
    figure.keep(f"{kind} start_ms", start)
    figure.limit(f"{kind.capitalize()}: `serve` on these {n:,} orders answers "
                 f"{start.text('{:.0f}', 'ms')} after its start.")  # fmt: skip
    shutil.rmtree(directory)


def measure(setup):
    n = setup.store_orders
    figure = Figure("store_growth", ("ids", "orders/s, first million", f"orders/s around {n // 1_000_000} million",
                                     "ratio", "slowest commit", "peak memory", "file, per order"))  # fmt: skip
    for kind in ("increasing", "random"):
        one(setup, figure, kind, n)
    return figure
