# SPDX-License-Identifier: MIT
"""The source tarball: the same bytes each time, and all that a build without network takes once the pinned parts are there."""

import ctypes
import hashlib
import shutil

import pytest

import harness
from debian_root import sh

VERSION = "0.1.0"


def made():
    sh("scripts/dist.sh", VERSION, cwd=harness.ROOT)
    return harness.ROOT / "build" / f"salestide-{VERSION}.tar.gz"


@pytest.mark.timeout(1800)
def test_it_builds_without_network_when_its_parts_were_fetched(fetched, tmp_path):
    first = hashlib.sha256(made().read_bytes()).hexdigest()
    tarball = made()
    assert hashlib.sha256(tarball.read_bytes()).hexdigest() == first
    sh("tar", "-xzf", tarball, "-C", tmp_path)
    source = tmp_path / f"salestide-{VERSION}"
    for part in ("deps/yyjson", "deps/librdkafka", "web"):  # what `make fetch` leaves, as new as it would be
        shutil.copytree(harness.ROOT / "build" / part, source / "build" / part, copy_function=shutil.copyfile)
    sh("unshare", "--net", "make", "-j2", cwd=source)  # as docs/operations.md says: all of it
    assert sh(source / "build/salestide", "--version") == f"salestide {VERSION}\n"
    for library, name in (("libsalestide.so", "salestide_version"), ("libsalestide_reader.so", "salestide_reader_version")):
        version = getattr(ctypes.CDLL(source / "build" / library), name)
        version.restype = ctypes.c_char_p
        assert version() == VERSION.encode(), library
    orders = tmp_path / "orders.ndjson"
    orders.write_bytes(harness.lines(harness.order(1), harness.order(2)))
    said = sh("unshare", "--net", source / "build/salestide", "load", orders, "--data", tmp_path / "data")
    assert "2 accepted, 0 duplicate, 0 rejected" in said
