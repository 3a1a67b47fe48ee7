# SPDX-License-Identifier: MIT
"""docs/spark.md, "Try it on one machine", up to the end of its local mode: every command as it stands there, but for ports, on
servers that scripts/cluster.py starts, and what each is said to print. Figures may be others. What makes and fetches programs is
done before: this needs the result."""

import contextlib
import os
import re
import signal
import subprocess

import pytest

import harness
from spark_shop import java_home
from test_cluster_program import PROGRAM, ports_in_a_row, starts_and_stops

DOCUMENT = harness.ROOT / "docs" / "spark.md"
TIMEOUT_S = 2400
SERVERS = {"kafka": (9092, 2), "cassandra": (9042, 3), "mysql": (3306, 1)}
OF_MORE_SERVERS = ("HDFS", "Spark", "YARN")
PORTS = {**SERVERS, "door": (8080, 1), "page": (8090, 1)}  # the first that the document has, and how many
DONE_BEFORE = ("scripts/install-deps.sh", "make", "scripts/get-servers.sh", "scripts/cluster.py")
EXACT = {"20000\t20000\t0\t0", "20002\t20001\t1\t0"}
FIGURE = r"\d+(?:[.,]\d+)*"


def steps(before):
    """[(command, lines below it)] up to a heading."""
    text = DOCUMENT.read_text(encoding="utf-8").split("\n## Try it on one machine\n")[1].split(before)[0]
    found, of_command = [], False
    for line in text.splitlines():
        if line.startswith("    $ "):
            found.append((line[6:], []))
        elif line.startswith("    ") and of_command:
            found[-1][1].append(line[4:])
        of_command = line.startswith("    ")
    return found


def is_shown(wanted, printed):
    """Whether a line is among what was printed; ... stands for anything, and a figure for any figure unless the commands decide it."""
    if wanted in EXACT:
        return wanted in printed.splitlines()
    parts = re.split(rf"(\.\.\.|{FIGURE})", wanted)
    pattern = "".join(".*" if part == "..." else FIGURE if part[:1].isdigit() else re.escape(part) for part in parts)
    return re.search(pattern, printed) is not None


def with_ports(text, ports):
    old_and_new = {str(first + n): str(ports[name] + n) for name, (first, several) in PORTS.items() for n in range(several)}
    return re.sub(r"\b\d{4}\b", lambda found: old_and_new.get(found[0], found[0]), text)


def checkout(folder):
    """What the commands use of a checkout in which all is built, and build/cluster empty."""
    (folder / "build").mkdir(parents=True)
    for name in ("spark", "scripts", "build/salestide", "build/spark-venv", "build/spark-jars"):
        (folder / name).symlink_to(harness.ROOT / name)
    return folder / "build/cluster"


def script_of(commands, ports):
    lines = ["trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT"]
    for n, (command, _) in enumerate(commands):
        lines += [f"echo '@@{n}'", with_ports(command, ports), 'echo "@@code $?"']
    return "\n".join(lines)


def runs_and_prints_what_it_says(commands, folder, ports):
    env = harness.clean_env({"SALESTIDE_LISTEN": f"127.0.0.1:{ports['door']}", "JAVA_HOME": java_home()})
    with subprocess.Popen(["bash", "-c", script_of(commands, ports)], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True) as shell:  # fmt: skip
        try:
            text = shell.communicate(timeout=TIMEOUT_S)[0].decode()
        finally:
            with contextlib.suppress(ProcessLookupError):  # and what it has left running
                os.killpg(shell.pid, signal.SIGKILL)
    printed = re.split(r"@@\d+\n", text)[1:]
    assert len(printed) == len(commands), text
    problems = [problem for (command, below), lines in zip(commands, printed, strict=True) for problem in problems_of(command, below, lines)]
    assert not problems, "\n\n".join(problems)


def problems_of(command, below, printed):
    printed, _, code = printed.partition("@@code ")
    found = [] if code.startswith("0\n") else [f"$ {command}\nended with {code}\n{printed}"]
    missing = [line for line in below if not is_shown(line, printed)]
    return found + [f"$ {command}\nhas not printed: {line}\n{printed}" for line in missing]


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_every_command_of_the_guide_in_local_mode_runs_and_prints_what_it_says(tmp_path):
    everything = steps(before="\n### A standalone cluster")
    commands = [(command, below) for command, below in everything if not command.startswith(DONE_BEFORE)]
    assert len(commands) > 12
    assert EXACT <= {line for _, below in commands for line in below}
    ports = {name: ports_in_a_row(n) for name, (_, n) in PORTS.items()}
    directory = checkout(tmp_path / "checkout")
    servers = [str(PROGRAM), "--data", str(directory), *(word for name in SERVERS for word in (f"--{name}-port", str(ports[name])))]

    def check():
        (shown,) = [below for command, below in everything if command.startswith("scripts/cluster.py")]
        said = (directory.parent / "out").read_text("utf-8")
        missing = [line for line in shown if not line.startswith(OF_MORE_SERVERS) and not is_shown(line, said)]
        assert not missing, said
        runs_and_prints_what_it_says(commands, directory.parent.parent, ports)

    starts_and_stops(servers, directory, check)
