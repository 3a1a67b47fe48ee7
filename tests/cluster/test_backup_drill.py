# SPDX-License-Identifier: MIT
"""The drill of docs/operations.md on the real servers: a dump of MySQL while orders come, restored into another, empty server; counting
goes on from there without loss or double."""

import pytest

import drills
import pipeline
from servers.mysql import PASSWORD, USER, MariaDb
from servers.process import free_ports


def client(path, server):
    path.write_text(f"[client]\nhost=127.0.0.1\nport={server.port}\nuser={USER}\npassword={PASSWORD}\n", "utf-8")
    path.chmod(0o600)


@pytest.mark.timeout(600)
def test_every_line_of_the_drill_on_mysql_runs_and_prints_what_it_says(shop, tmp_path):
    one = shop(partitions=3)
    steps = drills.read("A drill on MySQL")
    assert len(steps) > 12
    folder = tmp_path / "drill"
    folder.mkdir()
    with MariaDb(tmp_path / "other") as other:
        url = other.create_database(one.name)
        client(folder / "mysql.cnf", one.mysql)
        client(folder / "other.cnf", other)
        env = {**one.env, "SALESTIDE_BROKER": one.broker, "SALESTIDE_RAW": one.raw, "SALESTIDE_AGGREGATES": one.mysql.url(one.name),
               "SALESTIDE_SESSION_TIMEOUT": f"{pipeline.SESSION_TIMEOUT_S}s"}  # fmt: skip
        replaced = [("mysql://sales@other.example.com:3306/sales_db", url), ("sales_db", one.name), ("8081", str(free_ports(1)[0]))]
        drills.run(steps, folder, replaced, env, timeout_s=500)
        one.mysql = other
        one.check()
