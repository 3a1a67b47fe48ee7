# SPDX-License-Identifier: MIT
"""The drills of docs/operations.md with a data directory; those on MySQL: tests/cluster/test_backup_drill.py."""

import drills
from servers.process import free_ports


def test_every_line_of_the_drills_runs_and_prints_what_it_says(tmp_path):
    steps = drills.read("Drills")
    assert len(steps) > 20
    drills.run(steps, tmp_path, [("8080", str(free_ports(1)[0]))])
