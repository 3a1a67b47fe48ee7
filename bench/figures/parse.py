# SPDX-License-Identifier: MIT
"""Parse and validate one order event, on one core, warm: bench_parse.c and bench_fields.c."""

import re

from tools import processes
from tools.results import Figure, Series

LINE = re.compile(r"^(.+?)\s+min\s+([0-9.]+) ns, median\s+([0-9.]+) ns an order of ([0-9]+) bytes", re.M)
FIELD = re.compile(r"^(.+?)\s+([0-9.]+) ns   \(best ([0-9.]+)", re.M)


def measure(setup):
    figure = Figure("parse", ("what", "time", "throughput"))
    rounds = {}
    for _ in range(setup.rounds):
        out = processes.run([setup.programs / "bench_parse", 100]).out
        for what, _least, median, n_bytes in LINE.findall(out):
            rounds.setdefault((what.strip(), int(n_bytes)), []).append(float(median))
    for (what, n_bytes), values in rounds.items():
        series = Series(values)
        figure.keep(what, series)
        figure.row(f"{what}, an order of {n_bytes} bytes", series.text("{:.0f}", "ns"),
                   f"{n_bytes / series.median:.1f} GB/s")  # fmt: skip
    for what, median, _best in FIELD.findall(processes.run([setup.programs / "bench_fields"]).out):
        fields = Series([median])
        figure.keep(what, fields)
        figure.row(what, fields.text("{:.0f}", "ns"), "")
    whole, alone = (figure.data[k]["median"] for k in ("parse + validate", "yyjson alone"))
    figure.limit(f"One core's speed. yyjson's reader takes {alone:.0f} ns for the same texts without looking at a "
                 f"field; reading, checking and converting all fields takes {whole / alone:.2f} times that.")  # fmt: skip
    return figure
