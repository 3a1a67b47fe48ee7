#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One Kafka broker, one Cassandra node and MariaDB on 127.0.0.1, to try Salestide on: for people who have
no such servers. Stays in the foreground; Ctrl-C or SIGTERM stops all and keeps their data, so that the next
start goes on with it. Nothing here is copied to a second disk or machine. `--with hdfs standalone yarn` (or some
of them) also starts HDFS, a Spark cluster of a master and two workers, and YARN, which uses that HDFS.

The programs come from `scripts/install-deps.sh servers`, `scripts/get-servers.sh kafka cassandra hdfs yarn` and,
for the Spark cluster, `make spark-deps`.
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
from servers.hdfs import Hdfs  # noqa: E402
from servers.kafka import Kafka  # noqa: E402
from servers.mysql import MariaDb  # noqa: E402
from servers.process import tail  # noqa: E402
from servers.spark import Standalone  # noqa: E402
from servers.yarn import Yarn  # noqa: E402

USER, DATABASE = "sales", "sales_db"
N_PORTS = {"kafka": 2, "cassandra": 3, "mysql": 1, "hdfs": 5, "standalone": 6, "yarn": 8}  # in a row
TITLES = {"hdfs": "HDFS", "standalone": "Spark", "yarn": "YARN"}  # of what --with can add


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
    parser.add_argument("--with", dest="more", nargs="+", choices=TITLES, default=[], metavar="SERVER",
                        help="what else to start: hdfs, standalone, yarn")  # fmt: skip
    parser.add_argument("--hdfs-port", type=int, default=9000, metavar="N",
                        help="HDFS's port; the next four are taken as well, the first of them is WebHDFS (9000)")  # fmt: skip
    parser.add_argument("--standalone-port", type=int, default=7077, metavar="N",
                        help="the port of Spark's master; the next five are taken as well, the first of them is its page (7077)")  # fmt: skip
    parser.add_argument("--yarn-port", type=int, default=8032, metavar="N",
                        help="the port of YARN's ResourceManager; the next seven are taken as well (8032)")  # fmt: skip
    return parser.parse_args()


def ports_of(name, o):
    first = getattr(o, f"{name}_port")
    return list(range(first, first + N_PORTS[name]))


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


def write_env(data, kafka, cassandra, mysql, more):
    """The addresses as variables that every sub-command reads, and Spark."""
    (data / "salestide.env").write_text(
        f"SALESTIDE_BROKER={kafka.url('sales')}\n"
        f"SALESTIDE_RAW=cassandra://{cassandra.host}:{cassandra.port}/sales_ks\n"
        f"SALESTIDE_AGGREGATES={mysql.url(DATABASE, USER)}\n"
        f"SALESTIDE_MYSQL_PASSWORD_FILE={shlex.quote(str(data / 'mysql-password'))}\n" + hadoop_env(more), "utf-8")  # fmt: skip


def hadoop_env(more):
    """Of YARN's files where it runs: HDFS's are among them."""
    one = more.get("yarn") or more.get("hdfs")
    return f"HADOOP_CONF_DIR={shlex.quote(str(one.conf))}\n" if one else ""


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


def tell_more(more):
    lines = []
    if "hdfs" in more:
        lines.append(f"HDFS        {more['hdfs'].url()}, WebHDFS on port {more['hdfs'].http_port}")
    if "standalone" in more:
        lines.append(f"Spark       {more['standalone'].url()}, its page is http://127.0.0.1:{more['standalone'].http_port}/")
    if "yarn" in more:
        lines.append(f"YARN        {more['yarn'].address('resourcemanager.address')}")
    return "".join(line + "\n" for line in lines)


def tell(data, kafka, cassandra, mysql, more):
    print(f"""
Kafka       {kafka.bootstrap()}
Cassandra   {cassandra.host}:{cassandra.port}
MariaDB     {mysql.host}:{mysql.port}, database {DATABASE}, user {USER}
{tell_more(more)}
In {shown(data)}:
salestide.env     these addresses for salestide: set -a; . {shown(data)}/salestide.env; set +a
mysql-password    the password of {USER}; mysql.cnf has it for mysql --defaults-file
*/*.log           their logs

Ctrl-C stops them; their data stays.""", flush=True)


def make_more(o):
    """What --with names, in the order of start: YARN's jobs have their files on HDFS."""
    made = {}
    if "hdfs" in o.more:
        made["hdfs"] = Hdfs(o.data / "hdfs", ports=ports_of("hdfs", o))
    if "yarn" in o.more:
        made["yarn"] = Yarn(o.data / "yarn", hdfs=made.get("hdfs"), ports=ports_of("yarn", o))
    if "standalone" in o.more:
        made["standalone"] = Standalone(o.data / "standalone", ports=ports_of("standalone", o))
    return made


def main():
    o = options()
    o.data = o.data.resolve()
    refuse_taken([(port, f"--{name}-port") for name in ("kafka", "cassandra", "mysql", *o.more)
                  for port in ports_of(name, o)])  # fmt: skip
    o.data.mkdir(parents=True, exist_ok=True)
    kafka = Kafka(o.data / "kafka", ports=ports_of("kafka", o))
    cassandra = Cassandra(o.data / "cassandra", ports=ports_of("cassandra", o))
    mysql = MariaDb(o.data / "mysql", port=o.mysql_port)
    more = make_more(o)
    servers = {"Kafka": kafka, "Cassandra": cassandra, "MariaDB": mysql,
               **{TITLES[name]: one for name, one in more.items()}}  # fmt: skip
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        print(f"cluster: starting {', '.join(servers)}; this takes up to a minute", flush=True)
        for server in servers.values():
            server.launch()
        for server in servers.values():
            server.wait_ready()
        make_user(mysql, o.data)
        write_env(o.data, kafka, cassandra, mysql, more)
        tell(o.data, kafka, cassandra, mysql, more)
        watch([kafka.processes[1], cassandra.process, mysql.process,
               *(process for one in more.values() for process in one.processes.values())])  # fmt: skip
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
