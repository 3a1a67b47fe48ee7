# SPDX-License-Identifier: MIT
"""A shop whose figures Superset shows, once for each store, and the browser. A real Superset takes minutes to start: all tests of
a store share one."""

import datetime
import random
import time

import pytest

import chromium
import harness
import mysql_copy
from harness import order
from mysql_copy import Database
from servers.shared import mariadb  # noqa: F401  (a fixture)
from superset_server import Superset

ADMIN, BI = "superset-admin", "superset-bi"
HOURS = 9  # more than the charts over time show
STATES = ["CA"] * 9 + ["TX"] * 7 + ["NY"] * 6 + ["FL"] * 5 + ["IL", "PA", "OH", "WA", "GA", "NC", "MI", "AZ", "MA", "CO", "VA", "TN", "MN", "OR", "WI", "NV", "Bavaria"]
SOURCES = ["GOOGLE"] * 5 + ["FACEBOOK"] * 3 + ["NEWSLETTER"] * 2 + ["AFFILIATE", "DIRECT"]


def zone_of_the_afternoon():
    """A zone where it is 15:00 something (14:00 at the least), on the same date as in UTC: no midnight comes in between."""
    ahead = min(15 - datetime.datetime.now(datetime.timezone.utc).hour, 14)
    return f"Etc/GMT{-ahead:+d}"  # its signs are the other way round


def orders(now_ms):
    """Orders of the last hours; the newest of them now."""
    rng, made = random.Random(13), []
    for n in range(2000):
        cents = rng.randint(500, 25_000) * (2 if n % 97 == 0 else 1)
        amount = f"{cents // 100}.{cents % 100:02d}"
        at = now_ms - int(n / 2000 * HOURS * 3_600_000) + (rng.randint(-20_000, 0) if n else 0)
        made.append(order(n, created_at=harness.instants.show(at), source=rng.choice(SOURCES), state=rng.choice(STATES),
                          product_id=f"product-{min(int(rng.expovariate(0.12)), 40)}", subtotal=amount, total=amount))  # fmt: skip
    return made


class Shop:
    """An embedded store that is written while it is read, or MariaDB with the same figures. """

    def __init__(self, kind, directory, mariadb):
        self.server = harness.Server(directory, "--timezone", zone_of_the_afternoon())
        self.data, self.database, self.sold = self.server.data, None, 0
        try:
            self.fill(orders(int(time.time() * 1000)))
            self.uri = f"sqlite:///file:{self.data / 'sales.db'}?mode=ro&uri=true&check_same_thread=false"
            if kind == "mysql":
                self.copy(mariadb)
        except BaseException:
            self.server.kill()
            raise

    def fill(self, made):
        for at in range(0, len(made), 500):
            assert self.server.post(made[at : at + 500]).json()["accepted"] == 500
        assert self.server.post(order("bad", total="nonsense")).status == 422
        assert self.server.post(order("other", currency="EUR", created_at=made[0]["created_at"])).status == 202

    def copy(self, mariadb):
        self.database = Database(mariadb, "superset", timezone=zone_of_the_afternoon())
        self.database.copy(self.data)
        # Batches as a processor would have left them: one every ten minutes.
        now, rng, batches = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None), random.Random(5), []
        for n in range(HOURS * 6):
            counts = {"accepted": rng.randint(25, 50), "duplicate": rng.randint(0, 6), "rejected": rng.randint(0, 3)}
            at = now - datetime.timedelta(minutes=10 * (HOURS * 6 - 1 - n), milliseconds=n)
            batches.append({"batch_id": n + 1, "committed_at": at, "received": sum(counts.values()), **counts})
        self.database.insert("pipeline_batches", batches)
        self.database.sql("UPDATE pipeline_state SET last_batch_id = %s", [len(batches)])
        # As docs/superset.md has it: the account that may read the views and nothing else.
        mariadb.create_user(ADMIN)
        mariadb.sql(f"GRANT ALL ON *.* TO '{ADMIN}'@'%' WITH GRANT OPTION")
        harness.must_run("setup", "--aggregates", mariadb.url("superset", ADMIN), "--bi-user", BI, env={**mysql_copy.ENV, "SALESTIDE_BI_PASSWORD": "only-reads"})
        self.uri = f"mysql+pymysql://{BI}:only-reads@127.0.0.1:{mariadb.port}/superset?charset=utf8mb4"

    def sell(self, total):
        """One more order, of GOOGLE and CA, now."""
        self.sold += 1
        now = datetime.datetime.now(datetime.timezone.utc)
        new = order(f"new-{self.sold}", created_at=harness.instants.show(int(now.timestamp() * 1000)), source="GOOGLE", state="CA", total=total, subtotal=total)
        assert self.server.post(new).status == 202
        if self.database:
            self.database.commit_order(f"new-{self.sold}", total, now.replace(second=0, microsecond=0, tzinfo=None))

    def ask(self, sql):
        """The store itself, without Superset."""
        if self.database:
            return self.database.sql(sql)
        with harness.database(self.data) as db:
            return db.execute(sql).fetchall()


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def shown(request, tmp_path_factory):
    """(shop, Superset with its dashboard)"""
    kind = request.param
    shop = Shop(kind, tmp_path_factory.mktemp(f"shop-{kind}"), request.getfixturevalue("mariadb") if kind == "mysql" else None)
    try:
        with Superset(tmp_path_factory.mktemp(f"superset-{kind}"), kind, shop.uri) as server:
            server.log_in()
            yield shop, server
    finally:
        shop.server.stop()


@pytest.fixture(scope="session")
def browser():
    with chromium.started() as one:
        yield one
