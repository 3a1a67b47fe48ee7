# SPDX-License-Identifier: MIT
"""The check of the shared library finds what it is there to find."""

import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADER = "int salestide_one(void);\nint salestide_two(void);\n"
GOOD = '#include "arrow.h"\nint salestide_one(void) { return 1; }\nint salestide_two(void) { return 2; }\n'


def check(folder: pathlib.Path, source: str, *libraries: str) -> tuple[int, str]:
    (folder / "arrow.h").write_text(HEADER)
    (folder / "library.c").write_text(source)
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-fno-builtin", "-o", folder / "library.so", folder / "library.c",
         "-Wl,--no-as-needed", *libraries], check=True, timeout=60,
    )  # fmt: skip
    done = subprocess.run(
        [ROOT / "scripts/check-library.sh", folder / "library.so", folder / "arrow.h"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout.replace(f"{folder}/", "")


def test_the_library_as_it_is_passes():
    done = subprocess.run([ROOT / "scripts/check-library.sh"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_library_of_its_headers_functions_passes(tmp_path):
    assert check(tmp_path, GOOD) == (0, "")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("int salestide_three(void) { return 3; }", "shows salestide_three, which is not in arrow.h"),
        ("int order_parse(void) { return 3; }", "shows order_parse, which is not in arrow.h"),
        ("int state;", "shows state, which is not in arrow.h"),
        ("void abort(void); static __attribute__((used)) void f(void) { abort(); }", "calls abort"),
        ("int printf(const char *, ...); static __attribute__((used)) void f(void) { printf(\"\"); }", "calls printf"),
    ],
)  # fmt: skip
def test_what_more_it_shows_or_calls_is_told(tmp_path, more, told):
    assert check(tmp_path, GOOD + more + "\n") == (1, f"library.so {told}\n")


def test_a_missing_function_is_told(tmp_path):
    source = GOOD.replace("int salestide_two(void) { return 2; }\n", "")
    assert check(tmp_path, source) == (1, "library.so has no salestide_two, which is in arrow.h\n")


@pytest.mark.parametrize(("flag", "name"), [("-lsqlite3", "libsqlite3.so"), ("-lssl", "libssl.so")])
def test_a_library_that_it_needs_is_told(tmp_path, flag, name):
    code, told = check(tmp_path, GOOD, flag)
    assert code == 1 and told.startswith(f"library.so needs {name}")


def test_a_library_that_is_not_there_is_no_pass(tmp_path):
    done = subprocess.run([ROOT / "scripts/check-library.sh", tmp_path / "none.so"], capture_output=True, timeout=60)
    assert done.returncode == 1
