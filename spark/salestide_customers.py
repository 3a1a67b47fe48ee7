# SPDX-License-Identifier: MIT
"""Customers as the bytes of a CSV file, from wherever they are; the kernel reads them.

    FILE                          a file of this machine
    hdfs://..., any URL else      a file of a file system that Spark knows
    mysql://user@host/database    the table `customers` there: customer_id, source, state
"""

import csv
import io
import pathlib

import pymysql

import salestide_address as address
from salestide_failure import Failure
from salestide_files import Folder

TIMEOUT_S = 60


def read(spark, options):
    """(their name in messages, bytes)"""
    where = options.customers
    if where.startswith("mysql://"):
        return where, _of_mysql(options)
    if "://" in where:
        found = Folder(spark, where).read_bytes()
        if found is None:
            raise Failure(f"--customers {where}: there is no such file", 2)
        return where, found
    try:
        return where, pathlib.Path(where).read_bytes()
    except OSError as problem:
        raise Failure(f"--customers {where}: {problem.strerror}", 2) from None


def _of_mysql(options):
    where = address.read_address(options.customers, "mysql", "database")
    password = address.read_secret("SALESTIDE_MYSQL_PASSWORD", options.mysql_password_file)
    (host, port), *_ = where.hosts
    try:
        with pymysql.connect(host=host, port=port, user=where.user or None, password=password, database=where.path, charset="utf8mb4",
                             connect_timeout=TIMEOUT_S, read_timeout=TIMEOUT_S, **_tls(options)) as connection:  # fmt: skip
            with connection.cursor() as cursor:
                cursor.execute("SELECT customer_id, source, state FROM customers")
                return as_csv(cursor.fetchall())
    except pymysql.err.MySQLError as problem:
        raise Failure(f"--customers {options.customers}: {problem.args[-1] if problem.args else problem}") from None


def _tls(options):
    mode = options.mysql_tls or ("verify" if options.mysql_ca else "off")
    if mode == "off":
        return {"ssl_disabled": True}
    if mode == "encrypt":
        return {"ssl_verify_cert": False, "ssl": {"check_hostname": False}}
    return {"ssl_verify_cert": True, "ssl_verify_identity": True, **({"ssl_ca": options.mysql_ca} if options.mysql_ca else {})}


def as_csv(rows):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["customer_id", "source", "state"])
    writer.writerows(["" if value is None else value for value in row] for row in rows)
    return out.getvalue().encode("utf-8")
