# SPDX-License-Identifier: MIT
"""The completions for bash, as a shell asks for them: commands, options of each, and values that are known."""

import subprocess

import pytest

import harness

SCRIPT = """. docs/completions/salestide.bash
COMP_WORDS=(salestide "$@"); COMP_CWORD=$#; _salestide; printf '%s\\n' "${COMPREPLY[@]}"
"""


def complete(*words):
    done = subprocess.run(["bash", "-c", SCRIPT, "bash", *words], cwd=harness.ROOT, capture_output=True, timeout=20, check=True)
    assert not done.stderr, done.stderr
    return done.stdout.decode().split()


@pytest.mark.parametrize(("words", "found"), [
    (["ver"], ["verify"]),
    (["serve", "--log-le"], ["--log-level"]),
    (["verify", "--custo"], []),
    (["forget", "--custo"], ["--customer"]),
    (["serve", "--log-level", "de"], ["debug"]),
    (["serve", "--log-level", "=", "de"], ["debug"]),
    (["rejected", ""], ["list", "show", "edit", "retry"]),
    (["key", "--scope", ""], ["ingest", "read"]),
    (["serve", "--data", "depl"], ["deploy"]),
    (["load", "READM"], ["README.md"]),
    (["serve", "--listen", ""], []),
    (["help", "bac"], ["backup"]),
])  # fmt: skip
def test_what_can_follow_is_told(words, found):
    assert complete(*words) == found


def test_every_command_is_told_with_help_and_its_own_options():
    for command in complete(""):
        if command.startswith("-") or command == "help":
            continue
        said = harness.must_run(command, "--help")
        wanted = sorted({line.split()[0] for line in said.splitlines() if line.startswith("  --")} | {"--help"})
        assert sorted(set(complete(command, "--"))) == wanted
