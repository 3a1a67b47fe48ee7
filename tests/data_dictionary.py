# SPDX-License-Identifier: MIT
"""docs/data-dictionary.md as tests hold it against a database: {view: [(column, type in MySQL, types in SQLite)]}."""

import re

import harness

SECTION = re.compile(r"^## (bi_\w+)$", re.M)
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| (?:[^|]+) \|$", re.M)


def read():
    text = (harness.ROOT / "docs/data-dictionary.md").read_text("utf-8")
    parts = SECTION.split(text)
    views = dict(zip(parts[1::2], parts[2::2], strict=True))
    tables = {view: ROW.findall(body) for view, body in views.items()}
    for view, body in views.items():
        assert len(tables[view]) == body.count("\n| `"), f"a row of {view} is not understood"
    return {view: [(name, mysql, set(re.split(r", | or ", sqlite))) for name, mysql, sqlite in rows]
            for view, rows in tables.items()}  # fmt: skip
