# SPDX-License-Identifier: MIT
"""A sales.db of each earlier version, as SQL in tests/data/schema, becomes one of this version, whole or not at all; a newer one is
refused in a line."""

import re
import sqlite3

import pytest

import harness
from harness import order

FIXTURES = sorted((harness.ROOT / "tests" / "data" / "schema").glob("version-*.sql"))
NEWEST = int(re.search(r"SCHEMA_VERSION = (\d+)", (harness.ROOT / "src/store/sqlite/sqlite_schema.h").read_text("utf-8"))[1])
OLDER = [one for one in FIXTURES if f"-{NEWEST}" not in one.name]


def version_of(fixture):
    return int(re.match(r"version-(\d+)", fixture.name)[1])


def restored(fixture, tmp_path):
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    db = sqlite3.connect(data / "sales.db", isolation_level=None)
    db.executescript(fixture.read_text(encoding="utf-8"))
    db.close()
    return data


def asked(data, sql):
    db = sqlite3.connect(data / "sales.db")
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def version(data):
    return asked(data, "PRAGMA user_version")[0][0]


def shape(data):
    """Every table's columns, every view and index: in any order, as SQLite wrote no two ALTERs alike."""
    names = asked(data, "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2")
    return names, {name: sorted(row[1:] for row in asked(data, f"PRAGMA table_info('{name}')")) for kind, name in names if kind == "table"}


def without_place(shape_found):
    names, columns = shape_found
    return names, {name: sorted((column[0], column[1], column[2]) for column in found) for name, found in columns.items()}


def orders_of(data):
    """[(position, order_id, ...)] of a file of any version, which has a column in the place of the position or of nothing."""
    return [(row[0], *row[2:]) for row in asked(data, "SELECT rowid, * FROM order_rows ORDER BY rowid")]


def said(done):
    return (done.stdout + done.stderr).decode()


def refused(done, *words):
    assert done.returncode == 2, said(done)
    assert len(said(done).splitlines()) == 1, said(done)
    for word in words:
        assert word in said(done)


def test_there_is_one_of_each_version():
    assert {version_of(one) for one in FIXTURES} == set(range(1, NEWEST + 1))


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda one: one.stem)
def test_it_is_brought_forward_when_a_server_opens_it_and_every_sum_stays(fixture, server, tmp_path):
    data = restored(fixture, tmp_path)
    cells = {table: asked(data, f"SELECT * FROM {table} ORDER BY 1") for table in ("total_cells", "hour_cells", "day_cells", "product_cells")}
    orders = orders_of(data)
    one = server(data=data)
    assert (f"was of schema version {version_of(fixture)}" in one.log) == (fixture in OLDER)
    assert {table: asked(data, f"SELECT * FROM {table} ORDER BY 1") for table in cells} == cells
    assert orders_of(data) == orders
    assert "3 orders, 2 adjustments" in harness.must_run("verify", "--data", data)
    same = order(3, created_at="2026-01-31T12:00:00-05:00", product_id=9, subtotal="1.00", total="1.00")
    assert one.post(same).json()["duplicate"] == 1
    assert one.post(order("new")).json()["accepted"] == 1
    assert len(one.get("/v1/rejected").json()["rows"]) == 1
    assert harness.run("rejected", "retry", "--all", "--data", data, "--to", one.url).returncode == 1  # it is rejected again
    one.stop()
    assert version(data) == NEWEST
    fresh = server(data=tmp_path / "fresh")
    fresh.stop()
    assert without_place(shape(data)) == without_place(shape(fresh.data))
    again = server(data=data)
    assert "was of schema version" not in again.log


@pytest.mark.parametrize("fixture", OLDER, ids=lambda one: one.stem)
def test_those_who_only_read_an_earlier_one_say_how_it_is_brought_forward(fixture, tmp_path):
    data = restored(fixture, tmp_path)
    for command in (["verify"], ["rebuild"], ["backup", tmp_path / "copy.db"], ["forget", "--customer", "7"], ["rejected", "list"], ["dashboard"]):
        refused(harness.run(*command, "--data", data), f"schema version {version_of(fixture)}, of an earlier salestide", "serve, load or process")
    assert version(data) == version_of(fixture)
    assert not list(tmp_path.glob("copy*"))


@pytest.mark.parametrize("fixture", OLDER, ids=lambda one: one.stem)
def test_what_cannot_be_brought_forward_stays_as_it_was(fixture, tmp_path):
    data = restored(fixture, tmp_path)
    db = sqlite3.connect(data / "sales.db", isolation_level=None)
    db.executescript("ALTER TABLE pipeline_state RENAME TO elsewhere; CREATE VIEW pipeline_state AS SELECT * FROM elsewhere;")
    if version_of(fixture) > 3:
        db.execute("ALTER TABLE order_rows RENAME COLUMN position TO place")  # a table that no program made
    elif version_of(fixture) > 1:
        name = "order_runs" if version_of(fixture) > 2 else "day_changes"
        db.execute(f"CREATE VIEW {name} AS SELECT 1 AS day")  # stands where a table is to be made
    elif not asked(data, "SELECT name FROM pragma_table_info('pipeline_positions') WHERE name = 'lane'"):
        db.execute("CREATE VIEW pipeline_lanes AS SELECT 1 AS lane")  # stands where a table is to be made
    else:
        db.executescript("ALTER TABLE elsewhere DROP COLUMN skipped")  # a column is added to a view
    db.close()
    before = shape(data)
    done = harness.run("load", "-", "--data", data, stdin=b"")
    assert done.returncode != 0, said(done)
    assert version(data) == version_of(fixture)
    assert shape(data) == before


def fill(data, n):
    """Appends n orders like the first one, from another connection, as an earlier program would have."""
    db = sqlite3.connect(data / "sales.db", isolation_level=None)
    columns = [row[1] for row in db.execute("PRAGMA table_info(order_rows)")][2:]
    db.executescript(f"""
        WITH RECURSIVE n(i) AS (SELECT 4 UNION ALL SELECT i + 1 FROM n WHERE i < {n + 3})
        INSERT INTO order_rows SELECT NULL, 1000 + i, {", ".join(columns)} FROM n, (SELECT * FROM order_rows WHERE rowid = 1);
        UPDATE pipeline_state SET received = received + {n}, accepted = accepted + {n};
        UPDATE pipeline_positions SET next_offset = next_offset + {n} WHERE topic = 'embedded';
    """)
    db.close()


def checks(data):
    return asked(data, "PRAGMA integrity_check"), asked(data, "PRAGMA quick_check")


def test_every_row_keeps_its_position_and_its_bytes(server, tmp_path):
    data = restored(OLDER[-1], tmp_path)
    fill(data, 20_000)
    asked(data, "CREATE VIEW orders AS SELECT r.order_id, r.position FROM order_rows r")  # as an earlier program made it
    asked(data, "CREATE VIEW bi_recent_orders AS SELECT * FROM (SELECT * FROM order_rows ORDER BY position DESC LIMIT 1000)")
    orders = orders_of(data)
    assert [row[0] for row in orders] == list(range(1, 20_004))
    reader = sqlite3.connect(data / "sales.db")  # has read the earlier schema, and stays open
    assert reader.execute("SELECT max(position) FROM order_rows").fetchone() == (20_003,)
    server(data=data).stop()
    assert orders_of(data) == orders
    harness.must_run("rebuild", "--accept-loss", "--data", data)  # sums of those that fill() appended
    assert orders_of(data) == orders
    (text,) = asked(data, "SELECT sql FROM sqlite_schema WHERE name = 'order_rows'")[0]
    assert text.startswith("CREATE TABLE order_rows (reserved, order_id NOT NULL, created_ms ")
    assert asked(data, "SELECT count(*) FROM bi_recent_orders") == [(1000,)]
    assert asked(data, "SELECT count(*), count(reserved), max(rowid) FROM order_rows") == [(20_003, 0, 20_003)]
    assert checks(data) == ([("ok",)], [("ok",)])
    with pytest.raises(sqlite3.OperationalError, match="position"):
        reader.execute("SELECT max(position) FROM order_rows").fetchone()
    assert reader.execute("SELECT max(rowid), count(reserved) FROM order_rows").fetchone() == (20_003, 0)
    assert reader.execute("SELECT max(position) FROM orders").fetchone() == (20_003,)
    reader.close()
    assert "20003 orders, 2 adjustments" in harness.must_run("verify", "--data", data)


@pytest.mark.parametrize("fixture", [OLDER[-1], FIXTURES[-1]], ids=lambda one: one.stem)
def test_a_store_goes_on_after_a_vacuum(fixture, server, tmp_path):
    data = restored(fixture, tmp_path)
    one = server(data=data)
    assert one.post([order(n) for n in range(100, 400)]).json()["accepted"] == 300
    one.stop()
    orders = orders_of(data)
    asked(data, "VACUUM")
    assert orders_of(data) == orders
    assert asked(data, "SELECT position FROM orders") == [(n,) for n in range(1, 304)]
    harness.must_run("verify", "--data", data)
    again = server(data=data)
    answer = again.post([order(n) for n in range(100, 500)]).json()
    assert (answer["accepted"], answer["duplicate"]) == (100, 300)
    asked(data, "VACUUM")  # beside the server
    answer = again.post([order(n) for n in range(100, 600)]).json()
    assert (answer["accepted"], answer["duplicate"]) == (100, 400)
    again.stop()
    assert orders_of(data)[:303] == orders
    assert asked(data, "SELECT max(position) FROM orders") == [(503,)]
    assert checks(data) == ([("ok",)], [("ok",)])
    assert "503 orders, 2 adjustments" in harness.must_run("verify", "--data", data)


@pytest.mark.parametrize("made", ["CREATE INDEX mine ON order_rows (created_ms, position)",
                                  "CREATE TRIGGER mine AFTER INSERT ON order_rows BEGIN UPDATE batch_rows SET received = new.position WHERE 0; END"])  # fmt: skip
def test_what_users_made_over_the_position_is_named_and_left(made, server, tmp_path):
    data = restored(OLDER[-1], tmp_path)
    asked(data, made)
    before = shape(data)
    done = harness.run("load", "-", "--data", data, stdin=b"")
    assert done.returncode != 0 and len(said(done).splitlines()) == 1, said(done)
    assert f"the {made.split()[1].lower()} mine names order_rows.position" in said(done) and "drop it and start again" in said(done)
    assert (version(data), shape(data)) == (version_of(OLDER[-1]), before)
    asked(data, f"DROP {made.split()[1]} mine")
    assert server(data=data).post(order("new")).json()["accepted"] == 1


def test_another_currency_is_refused_before_anything_is_changed(tmp_path):
    data = restored(OLDER[0], tmp_path)
    refused(harness.run("load", "-", "--data", data, "--currency", "EUR", stdin=b""), "--currency USD")
    assert version(data) == 1


def test_a_newer_one_is_refused_in_a_line_by_every_command(tmp_path):
    data = restored(FIXTURES[-1], tmp_path)
    asked(data, f"PRAGMA user_version = {NEWEST + 1}")
    for command in (["serve", "--listen", "127.0.0.1:0"], ["load", "-"], ["verify"], ["rebuild"], ["backup", tmp_path / "copy.db"],
                    ["forget", "--customer", "7"], ["rejected", "list"], ["dashboard", "--listen", "127.0.0.1:0"]):  # fmt: skip
        refused(harness.run(*command, "--data", data, stdin=b""), f"schema version {NEWEST + 1}, of a newer salestide", f"reads version {NEWEST}")
    assert version(data) == NEWEST + 1
