# SPDX-License-Identifier: MIT
"""Lets the suites import the reference and the harness by name, from wherever pytest is started."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
pytest.register_assert_rewrite("harness", "reference")
