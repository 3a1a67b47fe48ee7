# SPDX-License-Identifier: MIT
"""Measures Salestide beside its peers and writes build/bench/results.json and build/bench/results.md.

Called by bench/run.sh, which tells of QUICK, LONG, ONLY, BEFORE and DOCS. One module of figures/ for each heading of
docs/benchmarks.md; each prints its rows as it goes. Nothing here is a test: a slow machine fails nothing, but a wrong
sum, a lost order or an answer that is not 2xx ends the run.
"""

import dataclasses
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from figures import (before, cassandra_rows, http, kafka_ingest, load_file, log, log_cassandra, log_latency, page, parse,
                     queries, rebalance, spark, spark_latency, start_size, store_growth, stream, webhooks)  # fmt: skip
from tools import processes, targets

FIGURES = {"parse": parse.measure, "load_file": load_file.measure, "http_single": http.single,
           "http_batch": http.batch, "webhooks": webhooks.measure, "kafka_ingest": kafka_ingest.measure, "log": log.measure,
           "log_latency": log_latency.measure, "log_cassandra": log_cassandra.measure, "cassandra_rows": cassandra_rows.measure,
           "spark": spark.measure, "spark_latency": spark_latency.measure, "rebalance": rebalance.measure,
           "stream_latency": stream.latency, "viewers": stream.viewers, "viewers_10000": stream.viewers_10000,
           "first_figures": page.measure,
           "queries": queries.measure, "start_size": start_size.measure, "store_growth": store_growth.measure,
           "before": before.measure}  # fmt: skip
OUT = processes.ROOT / "build" / "bench"
PAGE = processes.ROOT / "docs" / "benchmarks.md"


@dataclasses.dataclass
class Setup:
    """How large this run is, and where it works."""

    tmp: pathlib.Path
    programs: pathlib.Path = OUT
    cores: int = len(os.sched_getaffinity(0))
    rounds: int = 5
    seconds: int = 5  # of a round of wrk
    stream_seconds: int = 10
    query_rounds: int = 200
    connections: tuple = (64, 256, 1000)
    file_orders: int = 5_000_000
    store_orders: int = 20_000_000
    log_orders: int = 15_000_000
    log_dedupe_orders: int = 5_000_000
    log_rounds: int = 3  # a round of Spark takes two minutes
    log_seconds: int = 30
    spark_orders: int = 5_000_000
    spark_latency_rounds: int = 1  # a minute and a half each, of three programs
    raw_orders: int = 1_000_000
    cassandra_orders: int = 300_000
    versions: dict = dataclasses.field(default_factory=dict)
    found: dict = dataclasses.field(default_factory=dict)  # what must be the same each time


def version_of(command, pattern):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        return re.search(pattern, done.stdout + done.stderr)[1]
    except (OSError, TypeError):
        return "none"


def versions():
    found = {name: importlib.metadata.version(name)
             for name in ("chdb", "duckdb", "fastapi", "pydantic", "uvicorn", "uvloop", "httptools", "pyspark", "acsylla", "cassandra-driver")}  # fmt: skip
    found["salestide"] = version_of([processes.PROGRAM, "--version"], r"salestide (\S+)")
    found["gcc"] = version_of(["gcc", "-dumpfullversion"], r"(\S+)")
    found["wrk"] = version_of(["wrk", "--version"], r"wrk (?:debian/)?(\S+)")
    found["libmicrohttpd"] = version_of(["pkg-config", "--modversion", "libmicrohttpd"], r"(\S+)")
    found["sqlite"] = version_of(["pkg-config", "--modversion", "sqlite3"], r"(\S+)")
    found["python"] = platform.python_version()
    return found


def machine(setup):
    cpu = re.search(r"model name\s*:\s*(.+)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s+(\d+) kB", pathlib.Path("/proc/meminfo").read_text())
    device = os.stat(setup.tmp).st_dev
    lines = [line.split() for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
    at = f"{os.major(device)}:{os.minor(device)}"
    filesystem = next((f[f.index("-") + 1] for f in lines if f[2] == at), "unknown")
    virtual = "hypervisor" in pathlib.Path("/proc/cpuinfo").read_text()
    return {"cores": setup.cores, "processor": cpu[1].strip() if cpu else platform.machine(), "virtual": virtual,
            "memory_gb": round(int(memory[1]) / 1e6), "kernel": re.match(r"\d+\.\d+\.\d+", platform.release())[0],
            "filesystem": filesystem}  # fmt: skip


def machine_sentence(m, v, started, steal, load):
    kind = "virtual machine" if m["virtual"] else "machine"
    stolen = f"; {steal:.1%} of the time the host kept for itself" if steal >= 0.0005 else ""
    return "\n".join([
        f"A {kind} with {m['cores']} cores ({m['processor']}), {m['memory_gb']} GB of memory, Linux {m['kernel']}, "
        f"{m['filesystem']}; {started}. Load average before the run {load:.2f}{stolen}.",
        "",
        f"Salestide {v['salestide']} (gcc {v['gcc']} -O2, libmicrohttpd {v['libmicrohttpd']}, SQLite {v['sqlite']}); "
        f"wrk {v['wrk']}; chDB {v['chdb']}; DuckDB {v['duckdb']}; FastAPI {v['fastapi']}, pydantic {v['pydantic']}, uvicorn {v['uvicorn']} "
        f"(one worker, uvloop {v['uvloop']}, httptools {v['httptools']}), Python {v['python']}.",
    ])  # fmt: skip


def block_between(name):
    return re.compile(rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.S)


def fill_page(blocks):
    """Puts each block between its markers; the words around them are people's."""
    text = PAGE.read_text()
    for name, block in blocks.items():
        text, n = block_between(name).subn(lambda m, block=block: f"{m[1]}\n{block}\n\n{m[2]}", text)
        if n != 1:
            raise SystemExit(f"bench: docs/benchmarks.md has no markers for {name}")
    PAGE.write_text(text)


def summary_with(part):
    """The page's summary with the rows of `part`, a summary of some figures, in place of its own: a row is known by
    its first cell."""
    rows = block_between("summary").search(PAGE.read_text())[0].splitlines()[2:-2]
    fresh = {row.split("|")[1]: row for row in part.splitlines()[2:]}
    rows = [fresh.pop(row.split("|")[1], row) for row in rows]
    return "\n".join(rows + list(fresh.values()))


def choose():
    comparing = bool(os.environ.get("BEFORE_PROGRAM"))
    names = [n for n in os.environ.get("ONLY", "").split(",") if n] or [n for n in FIGURES if comparing or n != "before"]
    unknown = [n for n in names if n not in FIGURES]
    if unknown:
        raise SystemExit(f"bench: no figure {', '.join(unknown)}; there are {', '.join(FIGURES)}")
    if "before" in names and not comparing:
        raise SystemExit("bench: which build is `before` to be beside? BEFORE=COMMIT, or BEFORE=PROGRAM")
    return names


def sizes(setup):
    if os.environ.get("QUICK"):
        setup.rounds, setup.seconds, setup.stream_seconds, setup.query_rounds = 1, 2, 3, 20
        setup.file_orders, setup.store_orders = 500_000, 3_000_000
        setup.log_orders, setup.log_rounds, setup.log_seconds, setup.raw_orders = 1_000_000, 1, 5, 600_000
        setup.log_dedupe_orders = setup.spark_orders = 1_000_000
        setup.cassandra_orders = 20_000
    if os.environ.get("LONG"):
        setup.store_orders = 100_000_000


def main():
    names, docs = choose(), bool(os.environ.get("DOCS"))
    if docs and os.environ.get("QUICK"):
        raise SystemExit("bench: QUICK=1 is for a look; its figures do not go into docs")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # stops servers and removes files on the way out
    OUT.mkdir(parents=True, exist_ok=True)
    started, clock = time.strftime("%Y-%m-%d", time.gmtime()), time.monotonic()
    load, (_, stolen) = os.getloadavg()[0], processes.machine_busy_s()
    # On the disk of the build directory: /tmp may be memory, where fsync costs nothing.
    with tempfile.TemporaryDirectory(prefix="tmp-", dir=OUT) as tmp:
        setup = Setup(tmp=pathlib.Path(tmp))
        setup.versions = versions()
        sizes(setup)
        kind, figures = machine(setup), {}
        for name in names:
            print(f"{name}:", flush=True)
            figures[name] = FIGURES[name](setup)
            for left in setup.tmp.iterdir():
                shutil.rmtree(left) if left.is_dir() else left.unlink()
    wall_s = time.monotonic() - clock
    steal = (processes.machine_busy_s()[1] - stolen) / wall_s / setup.cores
    blocks = {"machine": machine_sentence(kind, setup.versions, started, steal, load)}
    blocks["summary"] = targets.summary({name: figure.data for name, figure in figures.items()})
    when = f"- {started}, load average before the run {load:.2f}."
    blocks |= {name: f"{figure.markdown()}\n{when}" for name, figure in figures.items()}
    (OUT / "results.json").write_text(json.dumps(
        {"started": started, "machine": kind, "versions": setup.versions, "load_before": load, "steal": steal,
         "wall_s": wall_s, "figures": {name: figure.json() for name, figure in figures.items()}},
        indent=1) + "\n")  # fmt: skip
    (OUT / "results.md").write_text("\n\n".join(f"## {name}\n\n{block}" for name, block in blocks.items()) + "\n")
    print(blocks["summary"])
    if docs and set(FIGURES) - set(names) - {"before"}:
        del blocks["machine"]  # that of the other figures
    if docs:
        blocks["summary"] = summary_with(blocks["summary"])
        fill_page(blocks)
    print(f"bench: {wall_s:.0f} s; tables in build/bench/results.md, numbers in build/bench/results.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
