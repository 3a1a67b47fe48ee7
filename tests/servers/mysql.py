# SPDX-License-Identifier: MIT
"""Servers that speak MySQL's protocol: MariaDB of the system, and Oracle's MySQL 8.

Questions go through PyMySQL, which shares nothing with libmariadb. root logs in without a password, from
this machine only.
"""

import contextlib
import os
import pathlib
import shutil

import pymysql

from . import process

USER, PASSWORD = "sales", "only-for-tests"
# InnoDB makes a new picture of information_schema.innodb_trx only when nobody has read it for 0.1 s:
# whoever asks more often sees the first one for ever.
TRANSACTIONS_SHOWN_EVERY_S = 0.2


class MysqlServer(process.Server):
    """`options` are the server's own, as {"innodb_lock_wait_timeout": 2}. With certs (certs.Certificates)
    TLS is offered; "require_secure_transport": "ON" demands it."""

    name = None
    auth = None  # how a user of create_user() logs in

    def __init__(self, directory, options=None, certs=None, port=None):
        super().__init__(directory)
        self.port = port or process.free_ports(1)[0]
        self.data = self.directory / "data"
        self.socket = self.directory / "s.sock"
        assert len(str(self.socket)) < 108, f"{self.socket} is too long for a socket of this system"
        self.tmp = self.directory / "tmp"
        self.tmp.mkdir(exist_ok=True)
        self.options = {"innodb_buffer_pool_size": "128M", "skip_name_resolve": "ON", **(options or {})}
        if certs:
            self.options.update(ssl_ca=certs.ca, ssl_cert=certs.certificate, ssl_key=certs.key)
        self.certs = certs
        self.process = process.Process(self.name, self.command(), self.directory / "mysql.log", self.env())
        self.root = None

    # --- a subclass says how

    def base(self):
        raise NotImplementedError

    def initialize(self):
        raise NotImplementedError

    def env(self):
        return None

    def command(self):
        return [*self.base(), "--bind-address=127.0.0.1", f"--port={self.port}", f"--socket={self.socket}",
                f"--pid-file={self.directory}/pid",
                *(f"--{key.replace('_', '-')}={value}" for key, value in self.options.items())]  # fmt: skip

    # --- start and end

    def launch(self):
        if not self.data.exists():
            self.initialize()
        self.socket.unlink(missing_ok=True)
        return super().launch()

    def is_ready(self):
        try:
            return self.sql("SELECT 1") == [(1,)]
        except pymysql.err.OperationalError:
            self.disconnect()
            return False

    def disconnect(self):
        if self.root is not None:
            with contextlib.suppress(pymysql.err.Error):
                self.root.close()
            self.root = None

    # --- questions

    def sql(self, statement, parameters=None, database=None):
        """The rows of one statement of root, as tuples."""
        if self.root is None:
            self.root = pymysql.connect(unix_socket=str(self.socket), user="root", charset="utf8mb4", autocommit=True,
                                        connect_timeout=5, read_timeout=60, write_timeout=60)  # fmt: skip
        if database is not None:
            self.root.select_db(database)
        with self.root.cursor() as cursor:
            cursor.execute(statement, parameters)
            return list(cursor.fetchall())

    def connect(self, database=None, user=USER, password=PASSWORD, **more):
        """A connection of one's own, over TCP, without autocommit: to hold locks, for instance."""
        return pymysql.connect(host=self.host, port=self.port, user=user, password=password, database=database,
                               charset="utf8mb4", connect_timeout=5, read_timeout=60, **more)  # fmt: skip

    def create_user(self, user=USER, password=PASSWORD, auth=None, require_tls=False):
        how = self.identified(auth or self.auth, password)
        self.sql(f"CREATE USER IF NOT EXISTS '{user}'@'%' IDENTIFIED {how}{' REQUIRE SSL' if require_tls else ''}")

    def identified(self, auth, password):
        raise NotImplementedError

    def create_database(self, name, user=USER):
        """An empty database of a user, who is made when not there. Returns its URL."""
        self.create_user(user)
        self.sql(f"CREATE DATABASE `{name}`")
        self.sql(f"GRANT ALL ON `{name}`.* TO '{user}'@'%'")
        return self.url(name, user)

    def drop_database(self, name):
        self.sql(f"DROP DATABASE IF EXISTS `{name}`")

    def url(self, database, user=USER, port=None):
        return f"mysql://{user}@{self.host}:{port or self.port}/{database}"


class MariaDb(MysqlServer):
    name = "MariaDB"
    auth = "mysql_native_password"

    def base(self):
        program = shutil.which("mariadbd", path=os.environ.get("PATH", "") + ":/usr/sbin")
        assert program, "mariadbd is missing; run: scripts/install-deps.sh servers"
        return [program, "--no-defaults", f"--user={user_name()}", f"--datadir={self.data}", f"--tmpdir={self.tmp}"]

    def initialize(self):
        process.run_to_end(
            ["mariadb-install-db", "--no-defaults", f"--user={user_name()}", f"--datadir={self.data}",
             "--auth-root-authentication-method=normal", "--skip-test-db"], self.directory / "init.log",
            env={**os.environ, "TMPDIR": str(self.tmp)},  # two at a time in one folder take each other's tables
        )  # fmt: skip

    def identified(self, auth, password):
        return f"VIA {auth} USING PASSWORD('{password}')"


class MySql8(MysqlServer):
    """Its users log in by caching_sha2_password, MySQL 8's default."""

    name = "MySQL 8"
    auth = "caching_sha2_password"

    def __init__(self, directory, options=None, certs=None):
        self.home = process.server_home("mysql8") / "root"
        quiet = {"mysqlx": "OFF", "performance_schema": "OFF", "skip_log_bin": "ON"}
        super().__init__(directory, {**quiet, **(options or {})}, certs)

    def base(self):
        return [self.home / "bin/mysqld", "--no-defaults", f"--user={user_name()}", f"--basedir={self.home}",
                f"--datadir={self.data}", f"--tmpdir={self.tmp}", f"--lc-messages-dir={self.home}/share",
                f"--secure-file-priv={self.tmp}"]  # fmt: skip

    def initialize(self):
        process.run_to_end([*self.base(), "--initialize-insecure"], self.directory / "init.log")

    def identified(self, auth, password):
        return f"WITH {auth} BY '{password}'"


def user_name():
    return pathlib.Path("/proc/self").owner()
