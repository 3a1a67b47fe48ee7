# SPDX-License-Identifier: MIT
"""Every measure of powerbi/, computed from its own DAX on MariaDB's views with the account of `setup --bi-user`, is what `/v1/sales` of a
dashboard on the same tables says, to the digit."""

import datetime
import decimal
import random
import time

import pytest

import dax
import harness
import mysql_copy
import powerbi_files
from harness import order
from mysql_copy import Database

ADMIN, BI = "measures-admin", "measures-bi"
UTC = datetime.timezone.utc
DAY, SECOND = datetime.timedelta(days=1), datetime.timedelta(seconds=1)
FIGURES = {"Revenue": "total", "Orders": "orders", "Units": "units", "Given back": "refunded_total"}
PRODUCT_FIGURES = {"Product revenue": "total", "Product orders": "orders", "Product units": "units"}


def hours_ahead():
    """Of a zone where it is the afternoon: no midnight comes while the test runs."""
    return min(15 - datetime.datetime.now(UTC).hour, 14)


def events(now_ms):
    """Of ten days, with refunds and cancellations, some amounts beyond what a double holds to the digit, some of another currency."""
    rng, made = random.Random(29), []
    for n in range(1500):
        at = harness.instants.show(now_ms - int(n / 1500 * 10 * 86_400_000))
        amount = f"{'99999999' if n % 100 == 0 else ''}{rng.randint(100, 999)}.{rng.randint(0, 9999):04d}"
        place = {"created_at": at, "source": rng.choice("ABC"), "state": rng.choice(["CA", "NY"]), "product_id": f"p-{n % 7}",
                 "currency": "EUR" if n % 50 == 7 else "USD"}  # fmt: skip
        made.append(order(n, **place, quantity=rng.randint(1, 5), subtotal=amount, total=amount))
        if n % 11 == 3:
            made.append(order(n, **place, event="refunded", event_id="r", quantity=1, subtotal="1.0203", total="1.0203"))
        elif n % 17 == 5:
            made.append(order(n, **place, event="cancelled", quantity=1, subtotal=amount, total=amount))
    return made


@pytest.fixture
def shop(mariadb, own_name, tmp_path):
    """(a dashboard on MariaDB, the model on the same tables, its connection)"""
    ahead = hours_ahead()
    zone = f"Etc/GMT{-ahead:+d}"  # its signs are the other way round
    one = harness.Server(tmp_path, "--timezone", zone)
    try:
        made = events(int(time.time() * 1000))
        for at in range(0, len(made), 500):
            answer = one.post(made[at : at + 500]).json()
            assert answer["rejected"] == 0, answer
        assert one.post(order("bad", total="nonsense")).status == 422
        assert one.post(made[0]).json()["duplicate"] == 1
    finally:
        one.stop()
    database = Database(mariadb, own_name, timezone=zone)
    database.copy(one.data)
    ((last,),) = database.sql("SELECT last_batch_id FROM pipeline_state")
    database.insert("pipeline_batches", [{"batch_id": last, "committed_at": datetime.datetime.now(UTC).replace(tzinfo=None) - 43.5 * SECOND, "received": 1,
                                          "accepted": 1, "duplicate": 0, "rejected": 0}])  # fmt: skip
    mariadb.create_user(ADMIN)
    mariadb.sql(f"GRANT ALL ON *.* TO '{ADMIN}'@'%' WITH GRANT OPTION")
    harness.must_run("setup", "--aggregates", mariadb.url(own_name, ADMIN), "--bi-user", BI, env={**mysql_copy.ENV, "SALESTIDE_BI_PASSWORD": "only-reads"})
    page = mysql_copy.Dashboard(tmp_path, database)
    page.zone = datetime.timezone(datetime.timedelta(hours=ahead))
    connection = mariadb.connect(own_name, BI, "only-reads", autocommit=True)

    def ask(sql, parameters=()):
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall())

    try:
        yield page, dax.Model(powerbi_files.tables(), powerbi_files.parameters()["Currency"], ask)
        page.stop()
    finally:
        connection.close()
        page.kill()


def sales(page, query):
    answer = page.get(f"/v1/sales?{query}").json()
    return {**answer, "rows": [row for row in answer["rows"] if row["currency"] == "USD"]}


def added(rows):
    """The sums that the rows have together, as decimals."""
    return {name: sum((decimal.Decimal(row[name]) for row in rows), decimal.Decimal(0)) for name in ("total", "orders", "units", "refunded_total") if all(name in row for row in rows)}


def figures(sums):
    return {**{name: sums[key] for name, key in FIGURES.items()}, "Average order": (sums["total"] + sums["refunded_total"]) / sums["orders"]}


def of_minutes(page, since, until):
    """Both in the shop's time, `until` not with it."""
    rows = sales(page, f"by=&bucket=minute&from={since:%F}&to={until + DAY:%F}")["rows"]
    return added([row for row in rows if since <= local(page, row["bucket"]) < until])


def local(page, text):
    """A bucket's beginning in the shop's time."""
    at = datetime.datetime.fromisoformat(text)
    return at.astimezone(page.zone).replace(tzinfo=None)


def wanted_of(page, now):
    """{measure: its value}, all from the API; `now` is the shop's."""
    day, wanted = now.date(), {}
    today = added(sales(page, f"by=&from={day:%F}&to={day + DAY:%F}")["rows"])
    for name, value in figures(today).items():
        wanted[f"{name} today"] = value
    for when, before in (("yesterday", 1), ("last week", 7)):
        since = datetime.datetime.combine(day, datetime.time()) - before * DAY
        sums = figures(of_minutes(page, since, now.replace(second=0, microsecond=0) - before * DAY))
        for name, value in sums.items():
            wanted[f"{name} {when}"] = value
            wanted[f"{name} change to {when}"] = wanted[f"{name} today"] / value - 1
    for name, value in figures(added(sales(page, "by=")["rows"])).items():
        wanted[name] = wanted[f"{name} of all time"] = value
    wanted["Revenue of the last 30 days"] = added(sales(page, f"by=&from={day - 29 * DAY:%F}")["rows"])["total"]
    wanted["Revenue by hour today"] = added(sales(page, f"by=&bucket=hour&from={day:%F}")["rows"])["total"]
    wanted["Revenue of the last hour"] = of_minutes(page, (now - datetime.timedelta(minutes=59)).replace(second=0, microsecond=0), now)["total"]
    for when, query in (("", ""), (" today", f"&from={day:%F}&to={day + DAY:%F}"), (" yesterday", f"&from={day - DAY:%F}&to={day:%F}")):
        sums = added(sales(page, f"by=product{query}")["rows"])
        wanted.update({f"{name}{when}": sums[key] for name, key in PRODUCT_FIGURES.items()})
    return wanted


def pipeline_of(page):
    counted = harness.metrics(page.get("/metrics").body.decode())["salestide_events_total"]
    by_verdict = {dict(labels)["verdict"]: decimal.Decimal(int(value)) for labels, value in counted.items()}
    return {"Events received": sum(by_verdict.values()), "Events counted": by_verdict["accepted"], "Events known already": by_verdict["duplicate"],
            "Events rejected": by_verdict["rejected"], "Rejected events kept": decimal.Decimal(len(page.get("/v1/rejected").json()["rows"]))}  # fmt: skip


def test_every_measure_is_what_the_api_says(shop):
    page, model = shop
    # All measures at one instant, whatever time their questions take.
    model.ask("SET timestamp = UNIX_TIMESTAMP()")
    ((now, now_utc),) = model.ask("SELECT now_local, now_utc FROM bi_shop")
    ((committed,),) = model.ask("SELECT last_batch_at_utc FROM bi_pipeline")
    wanted = {**wanted_of(page, now), **pipeline_of(page), "Seconds since the last batch": decimal.Decimal((now_utc - committed) // SECOND)}
    assert set(wanted) == set(model.measures)
    found = {name: model.measure(name) for name in wanted}
    different = {name: (found[name], wanted[name]) for name in wanted if found[name] != wanted[name]}
    assert not different
    assert all(wanted[f"{name} {when}"] for name in FIGURES for when in ("today", "yesterday", "last week", "of all time")), wanted  # none is 0
    assert wanted["Seconds since the last batch"] >= 42  # the instant has no parts of a second


def test_a_measure_of_another_column_or_day_is_found_out(shop):
    """That the comparison above compares."""
    page, model = shop
    model.ask("SET timestamp = UNIX_TIMESTAMP()")
    wanted = wanted_of(page, model.ask("SELECT now_local FROM bi_shop")[0][0])
    for name, old, new in (("Revenue today", "[total]", "[refunded_total]"), ("Given back yesterday", "- 1 -", "- 2 -"), ("Product units today", "OneDay )", "OneDay - 1 )"),
                           ("Revenue of the last 30 days", "- 29", "- 5")):  # fmt: skip
        assert old in model.measures[name] or new == "OneDay - 1 )", name
        right = model.measures[name]
        assert model.measure(name) == wanted[name]
        model.measures[name] = right.replace(old, new)
        assert model.measures[name] != right
        assert model.measure(name) != wanted[name], name
        model.measures[name] = right
