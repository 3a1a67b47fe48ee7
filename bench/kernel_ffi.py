# SPDX-License-Identifier: MIT
"""The kernel alone, as the job inside Spark calls it, on one core: kernel_ffi.py FILE DIRECTORY ROUNDS [LIBRARY...] prints
one JSON object a library, which are measured by turns. With the Python and the bindings of the job (build/spark-venv,
spark/salestide_kernel.py).

The file's orders are made into Arrow batches of 10,000 messages before. A round judges all of them in tasks of ten batches
with one window of identities in DIRECTORY, each task from its start to its tally, as a stream's batches would. Time is the
process's CPU, kept to one core. What the tasks have summed is printed too.
"""

import decimal
import json
import os
import pathlib
import shutil
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "spark"))

import pyarrow as pa  # noqa: E402
import salestide_kernel  # noqa: E402

BATCH, TASK = 10_000, 10
DAY_MS = 86_400_000


def batches_of(path, now_ms):
    lines = pathlib.Path(path).read_bytes().splitlines()
    for at in range(0, len(lines), BATCH):
        values = lines[at : at + BATCH]
        stamps = pa.array([now_ms * 1000] * len(values), pa.timestamp("us", tz="UTC"))
        yield pa.RecordBatch.from_arrays([pa.array(values, pa.binary()), pa.array(range(at, at + len(values)), pa.int64()), stamps],
                                         names=["value", "offset", "timestamp"])  # fmt: skip


def options(topic, from_offset, now_ms, window_dir):
    return dict(partition=0, lane=0, from_offset=from_offset, epoch_us=1, now_ms=now_ms, minute_floor=0, hour_floor=0, gross_json="{}",
                has_raw=0, window_dir=window_dir, topic_id=topic, window_ms=DAY_MS, window_offset=0, window_time_ms=0,
                window_max_bytes=1 << 28, lock_wait_ms=0)  # fmt: skip


def judge(shop, batches, topic, now_ms, window_dir):
    """(CPU seconds, {(source, state): [orders, total]}). Asking for the sums is not in the time."""
    cpu_s, offset, found = 0.0, 0, {}
    for at in range(0, len(batches), TASK):
        started = time.process_time()
        with shop.task(**options(topic, offset, now_ms, window_dir)) as task:
            if task.needs_history:
                raise SystemExit(f"kernel_ffi: the window of {topic} was not kept to offset {offset}")
            for batch in batches[at : at + TASK]:
                task.push(batch)
                offset += batch.num_rows
            cpu_s += time.process_time() - started
            add_sums(task, found)
            started = time.process_time()
            if not task.tally(offset):
                raise SystemExit("kernel_ffi: a tally has no bytes")
        cpu_s += time.process_time() - started
    return cpu_s, found


def add_sums(task, found):
    for row in task.sums().to_pylist():
        if row["table"] == "total":
            one = found.setdefault((row["source"], row["state"]), [0, decimal.Decimal(0)])
            one[0] += row["orders"]
            one[1] += row["total"]


def main():
    path, directory, rounds = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    now_ms = time.time_ns() // 1_000_000
    batches = list(batches_of(path, now_ms))
    libraries = sys.argv[4:] or [str(ROOT / "build/libsalestide.so")]
    shops = {library: salestide_kernel.Kernel(library).shop("USD", "UTC", b"", 600_000) for library in libraries}
    found = {library: [] for library in libraries}
    for k in range(-1, rounds):  # the first warms up
        for library, shop in list(shops.items())[:: 1 if k % 2 else -1]:
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(mode=0o700, parents=True)
            cpu_s, sums = judge(shop, batches, f"round{k}", now_ms, str(directory))
            found[library].append({"orders": sum(b.num_rows for b in batches), "cpu_s": cpu_s,
                                   "sums": [[source, state, n, str(total)] for (source, state), (n, total) in sums.items()]})  # fmt: skip
    for library, rounds_of in found.items():
        print(json.dumps({"library": library, "rounds": rounds_of[1:]}))


main()
