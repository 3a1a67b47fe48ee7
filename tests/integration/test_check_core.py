# SPDX-License-Identifier: MIT
"""The check that keeps the core apart from the system finds what it is there to find."""
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROOMS = ("base", "order", "format", "sums", "window")
KERNEL = ("obj/engine", "obj/store", "pic/kernel")  # of what only the shared library has, and of what it links besides


def check(build: pathlib.Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [ROOT / "scripts/check-core.sh", build], capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def build(tmp_path: pathlib.Path) -> pathlib.Path:
    for room in ROOMS:
        shutil.copytree(ROOT / "build/obj" / room, tmp_path / "obj" / room)
    for folder in KERNEL:
        shutil.copytree(ROOT / "build" / folder, tmp_path / folder)
    return tmp_path


def test_the_core_as_it_is_passes(build):
    done = check(build)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("room", "call"),
    [
        ("order", "abort"),
        ("order", "fopen"),
        ("format", "malloc"),
        ("format", "mem_alloc"),
        ("sums", "open"),
        ("sums", "printf"),
        ("sums", "log_write"),
        ("window", "mem_alloc"),
    ],
)
def test_a_forbidden_call_fails(build, room, call):
    source = build / "more.c"
    source.write_text(f"int {call}();\nvoid more(void);\nvoid more(void) {{ {call}(1); }}\n")
    target = build / "obj" / room / "more.o"
    subprocess.run(
        ["cc", "-fno-builtin", "-c", "-o", target, source], check=True, timeout=60
    )
    done = check(build)
    assert done.returncode == 1
    assert done.stdout == f"{target} uses {call}, which the core and the kernel may not\n"


def test_missing_objects_are_no_pass(build):
    next((build / "obj/order").glob("*.o")).unlink()
    assert check(build).returncode == 1
