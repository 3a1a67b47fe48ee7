#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# information_schema.innodb_trx stands still for who looks often: a transaction never appears, or never ends.
#
# Versions: MariaDB 10.11.19 (Debian 12), PyMySQL 1.2.4; the same was seen with MySQL 8.0.15.
# Expected: each SELECT on the table of running transactions shows those that run. A test or a watchdog that
#   waits for one (for a lock to be held, for a session to be through) may ask as often as it likes.
# Seen (2026-11-28): InnoDB keeps a picture of that table, for all sessions, and makes a new one only if nobody
#   has read the old one for 0.1 s. Each read starts that time anew. So who asks every 20 ms waits for ever: an
#   open transaction is not there, and after its end it still is. Whoever asks every 0.2 s sees both at once,
#   unless somebody else asks too. A debugger's pause or a busy machine makes it work, so such a test
#   fails now and then.
# Output (numbers of reads vary):
#   transaction open: 100 reads 20 ms apart, it is in 0 of them; after a pause of 0.2 s it is there
#   transaction ended: 100 reads 20 ms apart, it is in 100 of them; after a pause of 0.2 s it is gone
set -eu
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" || true; wait "$server" || true; }; rm -rf "$dir"' EXIT
cd "$dir"
mkdir debs root data
# The server and those libraries that a small Debian may not have.
(cd debs && timeout 300 apt-get -qq download mariadb-server-core=1:10.11.19-0+deb12u1 libaio1=0.3.113-4 \
    libnuma1=2.0.16-1 liburing2=2.3-3 libpcre2-8-0=10.42-1 2>apt.log) || { cat debs/apt.log; exit 1; }
for package in debs/*.deb; do dpkg -x "$package" root; done
python3 -m venv venv
timeout 300 venv/bin/pip --quiet --disable-pip-version-check install pymysql==1.2.4
libraries=$(dirname "$(find root -name 'libaio.so.1' | head -n 1)")
libraries=$libraries:$(dirname "$(find root -name 'libpcre2-8.so.0' | head -n 1)")
# Without tables of users, and reachable by a socket in this folder only.
LD_LIBRARY_PATH=$libraries timeout --kill-after=20 900 root/usr/sbin/mariadbd \
    --no-defaults --user="$(id -un)" --datadir="$dir/data" \
    --basedir="$dir/root/usr" --lc-messages-dir="$dir/root/usr/share/mysql" --skip-grant-tables --skip-networking \
    --socket="$dir/s" --pid-file="$dir/pid" --innodb-buffer-pool-size=64M >server.log 2>&1 </dev/null &
server=$!
for _ in $(seq 300); do
    [ ! -S s ] || break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
done
[ -S s ] || { tail server.log; exit 1; }
timeout 120 venv/bin/python - "$dir/s" <<'PY'
import sys
import time

import pymysql

READS, APART_S, PICTURE_S = 100, 0.02, 0.1


def connect():
    return pymysql.connect(unix_socket=sys.argv[1], user="root", autocommit=True).cursor()


writer, watcher = connect(), connect()
writer.execute("CREATE DATABASE lab")
writer.execute("CREATE TABLE lab.t (id INT PRIMARY KEY) ENGINE=InnoDB")


def there():
    watcher.execute("SELECT COUNT(*) FROM information_schema.innodb_trx")
    return watcher.fetchone()[0]


def watch(last):
    """In how many of the reads it was; None if the machine was too busy to read often enough, beginning at `last`."""
    seen = 0
    for _ in range(READS):
        time.sleep(APART_S)
        seen += there()
        now = time.monotonic()
        if now - last > PICTURE_S * 0.9:
            return None
        last = now
    return seen


def after_a_pause():
    time.sleep(2 * PICTURE_S)
    return there()


def tried(statements, undo):
    for _ in range(20):
        after_a_pause()
        there()
        began = time.monotonic()
        for line in statements:
            writer.execute(line)
        seen = watch(began)
        if seen is not None:
            return seen, after_a_pause()
        for line in undo:
            writer.execute(line)
    sys.exit("this machine is too busy to read every 20 ms; nothing is known")


begin, end = ["BEGIN", "INSERT INTO lab.t VALUES (1)"], ["ROLLBACK"]
open_seen, open_after = tried(begin, end)
print(f"transaction open: {READS} reads 20 ms apart, it is in {open_seen} of them; "
      f"after a pause of 0.2 s it is {'there' if open_after else 'not there'}")
ended_seen, ended_after = tried(end, begin)
print(f"transaction ended: {READS} reads 20 ms apart, it is in {ended_seen} of them; "
      f"after a pause of 0.2 s it is {'still there' if ended_after else 'gone'}")
if (open_seen, open_after, ended_seen, ended_after) != (0, 1, READS, 0):
    sys.exit("changed: the table followed the reads, or did not follow the pause")
watcher.execute("SELECT VERSION()")
print(f"holds: innodb_trx of {watcher.fetchone()[0]} stands still while it is read every 20 ms")
PY
