# SPDX-License-Identifier: MIT
"""The views for BI through ODBC, as Power BI's connector of MariaDB connects: unixODBC, MariaDB's driver, the account of `setup --bi-user`."""

import datetime
import decimal
import pathlib
import re

import pyodbc
import pytest

import data_dictionary
import harness
import mysql_copy
import powerbi_files
from harness import order
from mysql_copy import Database

DRIVERS = "/usr/lib/*/odbc/libmaodbc.so"
ZONE = "America/New_York"
ADMIN, BI = "odbc-admin", "odbc-bi"
STATES = ("CA", "ca", "Württemberg ☃")
# What SQLColumns says of a type: SQL_DECIMAL, SQL_BIGINT, SQL_TYPE_DATE, SQL_TYPE_TIMESTAMP, SQL_WVARCHAR.
TYPES = {"decimal": 3, "bigint": -5, "date": 91, "datetime": 93, "varchar": -9}


def driver():
    found = sorted(pathlib.Path("/").glob(DRIVERS[1:]))
    assert found, "MariaDB's driver for ODBC is missing; run: scripts/install-deps.sh servers"
    return found[0]


def connected(server, database):
    """What the connector's own connection string has; of FORCETLS=1 it tries first and goes on without when the server has no TLS."""
    return pyodbc.connect(f"DRIVER={driver()};SERVER={server.host};PORT={server.port};UID={BI};PWD=only-reads;DATABASE={database};FORCETLS=0",
                          timeout=10, readonly=True)  # fmt: skip


def holds(server, name, tmp_path):
    one = harness.Server(tmp_path, "--timezone", ZONE)
    try:
        now = harness.instants.show(1_764_000_000_123)
        # Sums that a double cannot hold to the digit.
        orders = [order(n, created_at=now, source=f"S{n % 3}", state=STATES[n % 3], product_id=f"p-{n % 4}",
                        subtotal="99999999999.0001", total="99999999999.0001") for n in range(30)]  # fmt: skip
        assert one.post([*orders, order(99, currency="EUR", created_at=now)]).json()["accepted"] == 31
    finally:
        one.stop()
    database = Database(server, name, timezone=ZONE)
    database.copy(one.data)
    server.create_user(ADMIN)
    server.sql(f"GRANT ALL ON *.* TO '{ADMIN}'@'%' WITH GRANT OPTION")
    harness.must_run("setup", "--aggregates", server.url(name, ADMIN), "--bi-user", BI, env={**mysql_copy.ENV, "SALESTIDE_BI_PASSWORD": "only-reads"})
    connection = connected(server, name)
    try:
        finds_the_views_alone(connection, name)
        finds_columns_and_types(connection, name)
        adds_up_to_the_digit(connection)
        answers_what_the_model_asks(connection)
        may_only_read(connection)
    finally:
        connection.close()


def finds_the_views_alone(connection, name):
    found = {(row.table_cat, row.table_name, row.table_type) for row in connection.cursor().tables(catalog=name)}
    assert found == {(name, view, "VIEW") for view in data_dictionary.read()}  # Kind = "View" in the model's queries


def finds_columns_and_types(connection, name):
    for view, columns in data_dictionary.read().items():
        found = [(row.column_name, row.data_type, row.column_size, row.decimal_digits) for row in connection.cursor().columns(table=view, catalog=name)]
        assert [one[0] for one in found] == [column for column, _, _ in columns], view
        for (column, data_type, size, digits), (_, kind, _) in zip(found, columns, strict=True):
            assert data_type == TYPES[kind.split("(")[0]], (view, column)
            if kind.startswith("decimal"):
                assert (size, digits) == (19, 4), (view, column)


def adds_up_to_the_digit(connection):
    cursor = connection.cursor()
    ((total, orders),) = cursor.execute("SELECT SUM(`total`), SUM(`orders`) FROM `bi_sales_by_day` WHERE `currency` = 'USD'").fetchall()
    assert (total, orders) == (30 * decimal.Decimal("99999999999.0001"), 30)  # 2999999999970.0030
    assert isinstance(total, decimal.Decimal)
    by_state = dict(map(tuple, cursor.execute("SELECT `state`, SUM(`total`) FROM `bi_sales_totals` WHERE `currency` = 'USD' GROUP BY `state`").fetchall()))
    assert by_state == dict.fromkeys(STATES, 10 * decimal.Decimal("99999999999.0001"))
    one = cursor.execute("SELECT `total`, `created_at_utc`, `created_at_local` FROM `bi_recent_orders` WHERE `order_id` = ?", "7").fetchone()
    at = datetime.datetime(2025, 11, 24, 16, 0, 0, 123_000)
    assert tuple(one) == (decimal.Decimal("99999999999.0001"), at, at - datetime.timedelta(hours=5))


def answers_what_the_model_asks(connection):
    """Each column of each table, summed and grouped as DirectQuery puts it, of one currency where the model asks for one."""
    cursor = connection.cursor()
    for table in powerbi_files.tables().values():
        (view,) = re.findall(r'\[Name = "(\w+)"', table.source)
        where = " WHERE `currency` = 'USD'" if "[currency] = Currency" in table.source else ""
        inner = f"(SELECT {', '.join(f'`{column}`' for column in table.columns)} FROM `{view}`{where}) AS `rows`"
        sums = [f"SUM(`{column}`) AS `a{n}`" for n, (column, one) in enumerate(table.columns.items()) if one["summarizeBy"] == "sum"]
        groups = [f"`{column}`" for column, one in table.columns.items() if one["dataType"] in ("string", "dateTime")]
        for group in groups or ["1"]:
            cursor.execute(f"SELECT {', '.join([group, *sums])} FROM {inner} GROUP BY {group} ORDER BY {group} LIMIT 1000").fetchall()
    assert cursor.execute("SELECT MAX(`now_local`), MAX(`today`) FROM `bi_shop`").fetchone()[0] is not None


def may_only_read(connection):
    cursor = connection.cursor()
    for statement in ("SELECT * FROM `orders_of_nobody`", "SELECT * FROM `sales_by_day`", "DELETE FROM `bi_sales_by_day`", "CREATE TABLE `mine` (`a` INT)"):
        with pytest.raises(pyodbc.Error, match="denied"):
            cursor.execute(statement)


def test_views_are_found_and_add_up_through_odbc(mariadb, own_name, tmp_path):
    holds(mariadb, own_name, tmp_path)


@pytest.mark.mysql8
def test_views_are_found_and_add_up_through_odbc_on_mysql8(mysql8, own_name, tmp_path):
    holds(mysql8, own_name, tmp_path)
