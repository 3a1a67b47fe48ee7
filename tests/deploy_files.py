# SPDX-License-Identifier: MIT
"""What tests read of deploy/: compose.yaml with its profiles, and the manifests for Kubernetes."""

import pathlib
import subprocess
import sys

import yaml

import harness
import hosts

DEPLOY = harness.ROOT / "deploy"
STANDINS = harness.ROOT / "tests/containers/standins"
MANIFESTS = DEPLOY / "kubernetes"
PROFILES = ("embedded", "native", "spark", "bi")


def run_tool(name, *arguments):
    """A tool of build/venv, to its end: (exit code, what it said)."""
    done = subprocess.run([pathlib.Path(sys.executable).parent / name, *map(str, arguments)], capture_output=True,
                          timeout=120, check=False)  # fmt: skip
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))


def services():
    return compose()["services"]


def names(used):
    """Of secrets, volumes or networks of a service, in whichever form they are written."""
    if isinstance(used, dict):
        return set(used)
    return {one["source"] if isinstance(one, dict) else one.split(":")[0] for one in used or []}


def manifests():
    """[(file, document)] of all that kustomization.yaml lists."""
    listed = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text("utf-8"))["resources"]
    return [(name, one) for name in listed for one in yaml.safe_load_all((MANIFESTS / name).read_text("utf-8"))]


def of_kind(*kinds):
    return {one["metadata"]["name"]: one for _, one in manifests() if one["kind"] in kinds}


def pods():
    """{name: the template of its pods}"""
    return {name: one["spec"]["template"] for name, one in of_kind("Deployment", "StatefulSet", "Job").items()}


def unknown_options(words):
    """Of the command line of a container of the program: what that sub-command does not take."""
    known = hosts.options_in_help(words[0])
    return [word for word in words[1:] if word.startswith("--") and word[2:] not in known]
