# SPDX-License-Identifier: MIT
"""What a figure gives: rows of a table, and remarks on what limits it."""

import dataclasses
import statistics


class Series:
    """The values of one thing over the rounds."""

    def __init__(self, values):
        self.values = [float(v) for v in values]

    @property
    def median(self):
        return statistics.median(self.values)

    def text(self, form="{:,.0f}", unit=""):
        unit = f" {unit}" if unit else ""
        middle = form.format(self.median)
        if len(self.values) == 1:
            return f"{middle}{unit}"
        return f"{middle}{unit} ({form.format(min(self.values))} to {form.format(max(self.values))})"

    def json(self):
        return {"median": self.median, "min": min(self.values), "max": max(self.values), "rounds": self.values}


@dataclasses.dataclass
class Figure:
    """One heading of docs/benchmarks.md."""

    name: str
    head: tuple  # of the table's columns
    rows: list = dataclasses.field(default_factory=list)
    limits: list = dataclasses.field(default_factory=list)  # sentences
    data: dict = dataclasses.field(default_factory=dict)  # for results.json

    def row(self, *cells):
        self.rows.append([str(c) for c in cells])
        print("  " + " | ".join(self.rows[-1]), flush=True)

    def limit(self, sentence):
        self.limits.append(sentence)
        print(f"  limit: {sentence}", flush=True)

    def keep(self, key, series):
        self.data[key] = series.json() if isinstance(series, Series) else series

    def markdown(self):
        lines = ["| " + " | ".join(self.head) + " |", "|" + "---|" * len(self.head)]
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        if self.limits:
            lines += ["", *(f"- {sentence}" for sentence in self.limits)]
        return "\n".join(lines)

    def json(self):
        return {"head": self.head, "rows": self.rows, "limits": self.limits, "data": self.data}


def verdict(ratio):
    return f"{ratio:,.1f} ×" if ratio >= 10 else f"{ratio:.2f} ×"
