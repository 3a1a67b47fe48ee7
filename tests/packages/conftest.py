# SPDX-License-Identifier: MIT
"""The package, built once for all tests of this suite, and the Debian that it is installed into."""

import os
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
pytest.register_assert_rewrite("debian_root")

import harness
from debian_root import DebianRoot, sh

VERSION = "0.1.0"


@pytest.fixture(scope="session")
def fetched():
    sh("make", "fetch", cwd=harness.ROOT)


@pytest.fixture(scope="session")
def package(fetched):
    """The .deb as `make deb` builds it; SALESTIDE_DEB_BIN names one that is there."""
    if "SALESTIDE_DEB_BIN" in os.environ:
        return pathlib.Path(os.environ["SALESTIDE_DEB_BIN"])
    sh("scripts/deb.sh", VERSION, cwd=harness.ROOT)
    (file,) = (harness.ROOT / "build" / "deb").glob(f"salestide_{VERSION}-1_*.deb")
    return file


@pytest.fixture
def root(tmp_path):
    one = DebianRoot(tmp_path / "root")
    yield one
    shutil.rmtree(one.folder)


@pytest.fixture
def unpacked(package, tmp_path):
    folder = tmp_path / "unpacked"
    sh("dpkg-deb", "--raw-extract", package, folder)
    return folder
