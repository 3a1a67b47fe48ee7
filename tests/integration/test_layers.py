# SPDX-License-Identifier: MIT
"""The scripts that hold the layers: what includes what, and whether the source tour tells every room. They have
nothing to say of the tree, and name each thing that does not fit."""

import os
import shutil
import subprocess

import pytest

import harness

SCRIPT = harness.ROOT / "scripts" / "check-layers.sh"


def check(src):
    """Exit code and lines, by paths as they are below src/."""
    done = subprocess.run([SCRIPT, src], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done.returncode, [line.removeprefix(f"{src}/") for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def found_in_tree():
    return check(harness.ROOT / "src")


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(harness.ROOT / "src", tmp_path / "src")


def test_the_tree_keeps_its_layers(found_in_tree):
    assert found_in_tree == (0, [])


@pytest.mark.parametrize("file, include, complaint", [
    ("base/buf.c", '"engine/queue.h"', "base may not include engine"),
    ("sums/cube.c", '"store/settings.h"', "sums may not include store"),
    ("engine/engine.c", '"broker/kafka_log.h"', "engine may not include broker"),
    ("http/http_page.c", '"live/live_state.h"', "http may not include live"),
    ("store/sqlite/sqlite_open.c", '"store/mysql/mysql_sql.h"', "store/sqlite may not include store/mysql"),
    ("store/settings.h", '"store/sqlite/sqlite.h"', "store may not include store/sqlite"),
    ("store/mysql/mysql_connection.h", '"host/options.h"', "store/mysql may not include host"),
    ("tool/load/load.c", '"host/commands.h"', "tool/load may not include host"),
    ("tool/load/load.c", '"tool/rejected/rejected.h"', "tool/load may not include tool/rejected"),
    ("order/order.c", "<sqlite3.h>", "order may not include <sqlite3.h>"),
    ("order/order.c", "<yyjson.h>", "order may not include <yyjson.h>"),
    ("live/live.c", "<mysql.h>", "live may not include <mysql.h>"),
    ("base/buf.c", "<glib/gprintf.h>", "base may not include <glib/gprintf.h>"),
    ("sums/cube.c", '"base/log.h"', "sums may not include base/log.h"),
    ("format/csv.c", '"csv.h"', 'an include names its room, as in "base/text.h"'),
])
def test_an_include_that_does_not_fit_is_named(copy, found_in_tree, file, include, complaint):
    with open(copy / file, "a") as f:
        f.write(f"  #  include {include} // as somebody in a hurry would\n")
    line = (copy / file).read_text().count("\n")
    code, found = check(copy)
    assert code == 1
    assert [it for it in found if it not in found_in_tree[1]] == [f"{file}:{line}: {complaint}"]


def test_a_new_folder_needs_a_row(copy, found_in_tree):
    os.mkdir(copy / "base" / "more")
    (copy / "base" / "more" / "more.h").write_text('#include "base/text.h"\n')
    code, found = check(copy)
    assert code == 1
    assert [it for it in found if it not in found_in_tree[1]] == [
        "base/more/more.h:1: base/more is no room: give it a row in scripts/check-layers.sh"]


def test_a_tree_without_includes_is_no_tree(tmp_path):
    assert check(tmp_path) == (1, [f"{tmp_path}: no include is there"])


# --- The source tour

TOUR = """# A project
## Source tour
1. `src/store/` is where `settings.h` lies; `src/store/sqlite/` has `bloom.c`.
"""


@pytest.fixture
def tour(tmp_path):
    """A tree with this tour (write(TOUR)), checked by the script: lines that it prints."""
    for name in ("src/store/settings.h", "src/store/sqlite/bloom.c", "src/store/mysql/mysql_sql.c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("// SPDX-License-Identifier: MIT\n")
    (tmp_path / "scripts").mkdir()
    shutil.copy(SCRIPT.parent / "check-tour.sh", tmp_path / "scripts")
    subprocess.run(["git", "init", "-q", tmp_path], check=True, timeout=60)
    subprocess.run(["git", "add", "src"], cwd=tmp_path, check=True, timeout=60)

    def run(text):
        (tmp_path / "README.md").write_text(text)
        done = subprocess.run([tmp_path / "scripts" / "check-tour.sh"], capture_output=True, text=True, timeout=60)
        assert done.stderr == ""
        assert done.returncode == (1 if done.stdout else 0)
        return [line.removeprefix("README.md, source tour: ") for line in done.stdout.splitlines()]

    return run


def test_the_tour_tells_rooms_within_rooms_too(tour):
    assert tour(TOUR) == ["src/store/mysql/ is not mentioned"]
    assert tour(TOUR + "2. `src/store/mysql/` is another.\n") == []
    assert tour(TOUR.replace("`src/store/`", "`src/store/mysql/`")) == [
        "there is no settings.h in src/store/mysql/", "src/store/ is not mentioned"]
