# SPDX-License-Identifier: MIT
"""The drills of docs/operations.md, run as they stand there: each command, and what it is said to print."""

import re
import subprocess

import harness
from servers.process import free_ports

DOCUMENT = harness.ROOT / "docs" / "operations.md"


def drills():
    """[(command, lines that it prints)], a line with ... for what may differ."""
    text = DOCUMENT.read_text(encoding="utf-8").split("\n## Drills\n")[1].split("\n## ")[0]
    found = []
    for line in text.splitlines():
        if line.startswith("    $ "):
            found.append((line[6:], []))
        elif line.startswith("    "):
            found[-1][1].append(line[4:])
    return found


def matches(wanted, line):
    return re.fullmatch(".*".join(re.escape(part) for part in wanted.split("...")), line) is not None


def test_every_line_of_the_drills_runs_and_prints_what_it_says(tmp_path):
    (tmp_path / "tests").symlink_to(harness.ROOT / "tests")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "salestide").symlink_to(harness.binary())
    steps = drills()
    assert len(steps) > 20
    script = ["cleanup() { [ -z \"${pid-}\" ] || kill -9 $pid 2>/dev/null; }; trap cleanup EXIT"]
    for n, (command, _) in enumerate(steps):
        script += [f"echo '@@{n}'", command]
    text = "\n".join(script).replace("8080", str(free_ports(1)[0]))
    env = harness.clean_env()
    env["PATH"] = f"{tmp_path / 'bin'}:{env['PATH']}"
    done = subprocess.run(["bash", "-c", text], cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=120, check=False)  # fmt: skip
    printed = re.split(r"@@\d+\n", done.stdout.decode())[1:]
    assert len(printed) == len(steps), done.stdout.decode()
    for (command, wanted), lines in zip(steps, printed, strict=True):
        for one in wanted:
            assert any(matches(one, line) for line in lines.splitlines()), f"$ {command}\nhas not printed: {one}\n{lines}"
