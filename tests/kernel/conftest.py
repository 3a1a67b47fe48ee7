# SPDX-License-Identifier: MIT
"""The shared library through the binding that the Spark job uses, and batches of messages for it."""

import importlib.util
import os
import pathlib

import pyarrow as pa
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIBRARY = os.environ.get("SALESTIDE_LIBRARY_BIN", str(ROOT / "build/libsalestide.so"))


def load_binding():
    spec = importlib.util.spec_from_file_location("salestide_kernel", ROOT / "spark/salestide_kernel.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def binding():
    return load_binding()


@pytest.fixture(scope="session")
def kernel(binding):
    return binding.Kernel(LIBRARY)


@pytest.fixture
def shop(kernel):
    return kernel.shop("USD", "UTC", b"", 600_000)


@pytest.fixture(scope="session")
def messages():
    """Values, and columns in place of the usual ones, as a batch."""

    def make(values, **columns):
        n = len(values)
        usual = {
            "value": pa.array(values, pa.binary()),
            "offset": pa.array(range(n), pa.int64()),
            "timestamp": pa.array([1_795_255_200_000] * n, pa.timestamp("ms", "UTC")),
        }
        usual.update(columns)
        return pa.RecordBatch.from_pydict({name: column for name, column in usual.items() if column is not None})

    return make
