# SPDX-License-Identifier: MIT
"""A Debian of its own in a folder, as tests/debian-root.sh makes it: nothing of this machine is in it. Needs root."""

import os
import pathlib
import shutil
import subprocess

import harness

TIMEOUT_S = 900


def sh(*command, **more):
    """Gives what it says; it has to succeed."""
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          timeout=TIMEOUT_S, check=False, **more)  # fmt: skip
    text = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, f"{' '.join(map(str, command))} gave {done.returncode}:\n{text[-4000:]}"
    return text


class DebianRoot:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        sh(harness.ROOT / "tests" / "debian-root.sh", self.folder)
        shutil.copy("/etc/resolv.conf", self.folder / "etc/resolv.conf")
        shutil.copy("/etc/hosts", self.folder / "etc/hosts")
        for line in sh("apt-config", "dump").splitlines():
            if line.startswith("Acquire::") and "Proxy" in line:
                with open(self.folder / "etc/apt/apt.conf.d/99proxy", "a", encoding="utf-8") as out:
                    out.write(line + "\n")
        policy = self.folder / "usr/sbin/policy-rc.d"  # no package's service starts by itself
        policy.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
        policy.chmod(0o755)

    def __call__(self, *command, env=None):
        """Runs it inside, with a /proc of its own."""
        script = 'mount -t proc proc "$1/proc" && root=$1 && shift && exec chroot "$root" "$@"'
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", **(env or {})}
        for name in ("http_proxy", "https_proxy"):
            if name in os.environ:
                env[name] = os.environ[name]
        return sh("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", self.folder, *command, env=env)

    def path(self, inside):
        return self.folder / inside.lstrip("/")

    def read(self, inside):
        return self.path(inside).read_text(encoding="utf-8")
