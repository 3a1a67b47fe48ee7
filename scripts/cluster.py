#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One Kafka broker, one Cassandra node and MariaDB on 127.0.0.1, to try Salestide on: for people who have
no such servers. Stays in the foreground; Ctrl-C or SIGTERM stops all three and keeps their data, so that
the next start goes on with it. Nothing here is copied to a second disk or machine.

The programs come from `scripts/install-deps.sh servers` and `scripts/get-servers.sh kafka cassandra`.
"""

import argparse
import os
import pathlib
import secrets
import shlex
import signal
import socket
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / "build/venv"  # has what tests/servers needs

if pathlib.Path(sys.prefix).resolve() != VENV.resolve():
    if not VENV.exists():
        sys.exit("cluster: there is no build/venv; run: scripts/install-deps.sh servers")
    os.execv(VENV / "bin/python", [str(VENV / "bin/python"), __file__, *sys.argv[1:]])

sys.path.insert(0, str(ROOT / "tests"))

from servers.cassandra import Cassandra  # noqa: E402
from servers.kafka import Kafka  # noqa: E402
from servers.mysql import MariaDb  # noqa: E402
from servers.process import tail  # noqa: E402

USER, DATABASE = "sales", "sales_db"


def options():
    parser = argparse.ArgumentParser(prog="scripts/cluster.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--data", type=pathlib.Path, default=ROOT / "build/cluster", metavar="DIR",
                        help="where their data, logs and the password are (build/cluster)")  # fmt: skip
    parser.add_argument("--kafka-port", type=int, default=9092, metavar="N",
                        help="Kafka's port; the next one is its controller's (9092)")  # fmt: skip
    parser.add_argument("--cassandra-port", type=int, default=9042, metavar="N",
                        help="Cassandra's port; it takes the next two as well (9042)")  # fmt: skip
    parser.add_argument("--mysql-port", type=int, default=3306, metavar="N", help="MariaDB's port (3306)")
    return parser.parse_args()


def refuse_taken(ports):
    for port, option in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                sys.exit(f"cluster: something listens on 127.0.0.1:{port} already; choose another with {option}")


def private(path, text):
    """Writes a file that only its owner reads."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(text)


def kept_password(path):
    if not path.exists():
        private(path, secrets.token_urlsafe(18) + "\n")
    return path.read_text("ascii").strip()


def make_user(mysql, data):
    """The database's owner; its tables are made by `salestide setup`."""
    password = kept_password(data / "mysql-password")
    mysql.create_user(USER, password)
    mysql.sql(f"CREATE DATABASE IF NOT EXISTS {DATABASE} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    mysql.sql(f"GRANT ALL ON {DATABASE}.* TO '{USER}'@'%'")
    private(data / "mysql.cnf", f"[client]\nhost=127.0.0.1\nport={mysql.port}\nuser={USER}\npassword={password}\n")


def write_env(data, kafka, cassandra, mysql):
    """The addresses as variables that every sub-command reads."""
    (data / "salestide.env").write_text(
        f"SALESTIDE_BROKER={kafka.url('sales')}\n"
        f"SALESTIDE_RAW=cassandra://{cassandra.host}:{cassandra.port}/sales_ks\n"
        f"SALESTIDE_AGGREGATES={mysql.url(DATABASE, USER)}\n"
        f"SALESTIDE_MYSQL_PASSWORD_FILE={shlex.quote(str(data / 'mysql-password'))}\n", "utf-8")  # fmt: skip


def interrupt(*_):
    raise KeyboardInterrupt


def watch(processes):
    """Until a signal, or until one of them ends by itself."""
    while True:
        for one in processes:
            if not one.is_running:
                raise AssertionError(f"{one.name} has ended\n{tail(one.log_path)}")
        time.sleep(1)


def shown(path):
    return path.relative_to(pathlib.Path.cwd()) if path.is_relative_to(pathlib.Path.cwd()) else path


def tell(data, kafka, cassandra, mysql):
    print(f"""
Kafka       {kafka.bootstrap()}
Cassandra   {cassandra.host}:{cassandra.port}
MariaDB     {mysql.host}:{mysql.port}, database {DATABASE}, user {USER}

In {shown(data)}:
salestide.env     these addresses for salestide: set -a; . {shown(data)}/salestide.env; set +a
mysql-password    the password of {USER}; mysql.cnf has it for mysql --defaults-file
*/*.log           their logs

Ctrl-C stops them; their data stays.""", flush=True)


def main():
    o = options()
    o.data = o.data.resolve()
    refuse_taken([(o.kafka_port, "--kafka-port"), (o.kafka_port + 1, "--kafka-port"),
                  *((o.cassandra_port + i, "--cassandra-port") for i in range(3)),
                  (o.mysql_port, "--mysql-port")])  # fmt: skip
    o.data.mkdir(parents=True, exist_ok=True)
    kafka = Kafka(o.data / "kafka", ports=[o.kafka_port, o.kafka_port + 1])
    cassandra = Cassandra(o.data / "cassandra", ports=[o.cassandra_port, o.cassandra_port + 1, o.cassandra_port + 2])
    mysql = MariaDb(o.data / "mysql", port=o.mysql_port)
    servers = {"Kafka": kafka, "Cassandra": cassandra, "MariaDB": mysql}
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        print(f"cluster: starting {', '.join(servers)}; this takes up to a minute", flush=True)
        for server in servers.values():
            server.launch()
        for server in servers.values():
            server.wait_ready()
        make_user(mysql, o.data)
        write_env(o.data, kafka, cassandra, mysql)
        tell(o.data, *servers.values())
        watch([kafka.processes[1], cassandra.process, mysql.process])
    except KeyboardInterrupt:
        print("cluster: stopping", flush=True)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        for server in reversed(servers.values()):
            server.stop()
    print("cluster: stopped", flush=True)


if __name__ == "__main__":
    try:
        main()
    except AssertionError as error:  # of tests/servers: one line and the end of a log
        sys.exit(f"cluster: {error}")
