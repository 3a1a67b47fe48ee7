# SPDX-License-Identifier: MIT
"""Images, built once for all tests of this suite, and projects of compose.yaml."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import podman


@pytest.fixture(scope="session")
def base():
    podman.make_base()
    return podman.BASE


@pytest.fixture(scope="session")
def program_image(base):
    return podman.build_ours("salestide", "ingest")


@pytest.fixture(scope="session")
def standins(base):
    podman.build_standins()


@pytest.fixture(scope="session")
def superset_image(base):
    return podman.build_ours("superset", "superset")


@pytest.fixture(scope="session")
def spark_image(base):
    return podman.build_ours("spark", "spark-submit")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Starts projects: project("native", "bi"); at the end all they made is removed."""
    started = []

    def start(*profiles, **more):
        one = podman.Compose(tmp_path_factory.mktemp("compose"), profiles, **more)
        started.append(one)
        return one

    yield start
    for one in started:
        one.close()
