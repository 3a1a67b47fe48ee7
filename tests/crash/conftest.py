# SPDX-License-Identifier: MIT
"""Lets the crash tests import their ledger by name."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
pytest.register_assert_rewrite("ledger")
