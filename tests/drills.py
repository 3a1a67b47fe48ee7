# SPDX-License-Identifier: MIT
"""The drills of docs/operations.md, run as they stand there: each command, and what it is said to print."""

import contextlib
import os
import re
import signal
import subprocess

import harness

DOCUMENT = harness.ROOT / "docs" / "operations.md"


def read(section):
    """[(command, lines that it prints)] of a chapter, a line with ... for what may differ."""
    text = DOCUMENT.read_text(encoding="utf-8").split(f"\n## {section}\n")[1].split("\n## ")[0]
    found = []
    for line in text.splitlines():
        if line.startswith("    $ "):
            found.append((line[6:], []))
        elif line.startswith("    "):
            found[-1][1].append(line[4:])
    return found


def matches(wanted, line):
    return re.fullmatch(".*".join(re.escape(part) for part in wanted.split("...")), line) is not None


def run(steps, directory, replaced, env=None, timeout_s=120):
    """All of them in one shell in this folder; `replaced` are (text of the document, what stands here in its place)."""
    (directory / "tests").symlink_to(harness.ROOT / "tests")
    (directory / "bin").mkdir()
    (directory / "bin" / "salestide").symlink_to(harness.binary())
    script = ["cleanup() { [ -z \"${pid-}\" ] || kill -9 $pid 2>/dev/null; }; trap cleanup EXIT"]
    for n, (command, _) in enumerate(steps):
        script += [f"echo '@@{n}'", command]
    text = "\n".join(script)
    for old, new in replaced:
        text = text.replace(old, new)
    env = harness.clean_env(env)
    env["PATH"] = f"{directory / 'bin'}:{env['PATH']}"
    shell = subprocess.Popen(["bash", "-c", text], cwd=directory, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, start_new_session=True)  # fmt: skip
    try:
        told = shell.communicate(timeout=timeout_s)[0].decode()
    finally:
        with contextlib.suppress(ProcessLookupError):  # what still runs of its own, when it has not come to its end
            os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()
    printed = re.split(r"@@\d+\n", told)[1:]
    assert len(printed) == len(steps), told
    for (command, wanted), lines in zip(steps, printed, strict=True):
        for one in wanted:
            assert any(matches(one, line) for line in lines.splitlines()), f"$ {command}\nhas not printed: {one}\n{lines}\n{told}"
