# SPDX-License-Identifier: MIT
"""The completions for zsh and fish in these shells (those for bash: tests/integration/test_completions.py)."""

import os
import pty
import select
import subprocess
import time

import harness

COMPLETIONS = harness.ROOT / "docs" / "completions"


def fish(line):
    script = f"source {COMPLETIONS}/salestide.fish; complete -C '{line}'"
    done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, timeout=60, check=True)
    assert not done.stderr, done.stderr
    return sorted(found.split("\t")[0] for found in done.stdout.decode().splitlines())


def test_fish_completes_commands_options_and_values():
    assert fish("salestide ver") == ["verify"]
    assert fish("salestide forget --custo") == ["--customer"]
    assert fish("salestide verify --custo") == []
    assert fish("salestide serve --log-level de") == ["debug"]
    assert fish("salestide rejected ") == ["edit", "list", "retry", "show"]


class Zsh:
    """An interactive zsh on a terminal of its own."""

    def __init__(self, folder):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update({"TERM": "dumb", "ZDOTDIR": str(folder), "COLUMNS": "400"})
            os.execvp("zsh", ["zsh", "-f", "-i"])
        self.say(f"PS1='> '; fpath=({COMPLETIONS} $fpath); autoload -U compinit; compinit -D -u; unsetopt list_beep; setopt no_list_ambiguous; echo rea''dy\n")
        self.until("ready")

    def say(self, text):
        os.write(self.fd, text.encode())

    def until(self, word, timeout_s=30):
        seen, deadline = "", time.monotonic() + timeout_s
        while word not in seen:
            assert time.monotonic() < deadline, f"no {word!r} in {seen!r}"
            if select.select([self.fd], [], [], 0.2)[0]:
                seen += os.read(self.fd, 65536).decode("utf-8", "replace")
        return seen

    def complete(self, line, word):
        """Types the line and a tab; `word` has to come."""
        self.say(line + "\t")
        self.until(word)
        self.say("\x15")  # the line is thrown away

    def end(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def test_zsh_completes_commands_options_and_values(tmp_path):
    shell = Zsh(tmp_path)
    try:
        shell.complete("salestide verif", "verify ")
        shell.complete("salestide forget --custo", "--customer")
        shell.complete("salestide serve --log-level=de", "=debug")
        shell.complete("salestide rejected ret", "retry")
    finally:
        shell.end()
