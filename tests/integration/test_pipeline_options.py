# SPDX-License-Identifier: MIT
"""What cannot be is refused before any server is asked: one line, exit code 2, nothing made."""

import pytest

import harness

STORES = {"mysql": ["--raw", "none", "--aggregates", "mysql://u@127.0.0.1:1/db"],
          "sqlite": ["--raw", "sqlite", "--aggregates", "sqlite"]}  # fmt: skip


@pytest.mark.parametrize("stores", STORES)
@pytest.mark.parametrize(("option", "value"), [("--currency", "USDX"), ("--currency", "usd"), ("--timezone", "Mars/X")])
def test_a_shop_that_cannot_be_is_refused_by_process_and_not_cut_to_one_that_can(tmp_path, stores, option, value):
    data = tmp_path / "data"
    done = harness.run("process", "--broker", "kafka://127.0.0.1:1/t", *STORES[stores], "--data", data, option, value)
    said = done.stderr.decode()
    assert (done.returncode, said.count("\n")) == (2, 1), said
    assert option in said and value in said
    assert not data.exists()
