# SPDX-License-Identifier: MIT
"""Superset's configuration for the bundle of Salestide, on loopback. SUPERSET_HOME is where it keeps its own things."""

import os
import pathlib

import pymysql
import superset.config as defaults  # it is loading this file, at its end

pymysql.install_as_MySQLdb()  # Superset asks for MySQLdb even where the address says pymysql

HOME = pathlib.Path(os.environ["SUPERSET_HOME"])
SECRET_KEY = (HOME / "secret").read_text("ascii").strip()  # made by start.sh
SQLALCHEMY_DATABASE_URI = f"sqlite:///{HOME / 'superset.db'}?check_same_thread=false"
# A figure is never older than the question: the dashboard asks every 10 s.
DATA_CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}
# Superset refuses SQLite as a source of data unless told; the file is opened read only.
PREVENT_UNSAFE_DB_CONNECTIONS = os.environ.get("SALESTIDE_SUPERSET_SOURCE") != "sqlite"
# Each page would tell a gateway of its makers' that it was looked at (SCARF_ANALYTICS=false counts when Superset is built, not when it
# runs): browsers are told not to.
_policy = {name: [host for host in hosts if "scarf.sh" not in host] if isinstance(hosts, list) else hosts
           for name, hosts in defaults.TALISMAN_CONFIG["content_security_policy"].items()}  # fmt: skip
TALISMAN_CONFIG = {**defaults.TALISMAN_CONFIG, "content_security_policy": _policy}
ROW_LIMIT = 10000
SQL_MAX_ROW = 10000
