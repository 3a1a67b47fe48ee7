# SPDX-License-Identifier: MIT
"""Flink SQL as a peer: bench/peers/FlinkSales.java in one Java, which has all of Flink's parts in it. Its table has a
count of orders, so that what was committed when is seen by asking, as often as every SAMPLE_S."""

import shutil
import time

from tools import lab, processes

VERSION = "2.2.1"  # as in scripts/get-flink.sh
DATABASE = "peer_flink"
HEAP = {"sums": "4g", "dedupe-hashmap": "8g", "dedupe-rocksdb": "4g"}
TABLE = (
    "CREATE TABLE peer_sums (source VARCHAR(100), state VARCHAR(100), orders BIGINT NOT NULL, total DECIMAL(19,4) NOT NULL, "
    "received BIGINT NOT NULL, PRIMARY KEY (source, state)) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
)
OPENED = ("java.lang", "java.util", "java.nio", "java.time", "java.util.concurrent")


def command(setup, servers, kind, topic):
    """On an empty table and without a checkpoint."""
    jars = processes.ROOT / "build/flink-jars"
    if not any(jars.glob("flink-clients-*.jar")):
        raise SystemExit("bench: build/flink-jars has no Flink; run: scripts/get-flink.sh")
    work = setup.tmp / "flink"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    mysql = servers.mysql
    mysql.drop_database(DATABASE)
    mysql.create_database(DATABASE)
    mysql.sql(TABLE, database=DATABASE)
    jdbc = (f"jdbc:mysql://{mysql.host}:{mysql.port}/{DATABASE}?user={lab.USER}&password={lab.PASSWORD}&useSSL=false"
            "&allowPublicKeyRetrieval=true&rewriteBatchedStatements=true")  # fmt: skip
    return [lab.java_17(), f"-Xmx{HEAP[kind]}", "-XX:+UseParallelGC", *(f"--add-opens=java.base/{p}=ALL-UNNAMED" for p in OPENED),
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", f"-Djava.io.tmpdir={work}", "-cp", f"{jars}/*",
            processes.ROOT / "bench/peers/FlinkSales.java", kind, jdbc, servers.kafka.bootstrap(), topic, work]  # fmt: skip


def run(setup, servers, kind, topic, timeout_s):
    """To its end: (Watched, Commits, rows of its sums)."""
    seen = [(0, 0)]

    def look():
        ((orders,),) = servers.mysql.sql("SELECT COALESCE(SUM(received), 0) FROM peer_sums", database=DATABASE)
        if int(orders) != seen[-1][1]:
            seen.append((time.time(), int(orders)))
        return False

    with lab.Watched(command(setup, servers, kind, topic), setup.tmp / "flink.log", servers.pids()) as watched:
        watched.wait_until(look, timeout_s, end=True)
        look()
        watched.stop()
    commits = lab.Commits([(at, now - before) for (at, now), (_, before) in zip(seen[1:], seen, strict=False)])
    return watched, commits, servers.mysql.sql("SELECT source, state, orders, total FROM peer_sums", database=DATABASE)
