# SPDX-License-Identifier: MIT
"""Data of real shops, where it is at hand: the figures that are known of it, and those of the reference."""

import csv
import gzip
import json
import os
import pathlib
import threading

import pytest

import harness
from reference import engine, money, rules

DATA = pathlib.Path(os.environ.get("SALESTIDE_SHARED_DATA", harness.ROOT.parent / "shared" / "data"))
METABASE = DATA / "metabase_sample"
RETAIL = DATA / "online_retail" / "online_retail.csv.gz"
ARRIVAL_MS = 4_000_000_000_000

needs_metabase = pytest.mark.skipif(not METABASE.is_dir(), reason=f"the sample data is not at {METABASE}")
needs_retail = pytest.mark.skipif(not RETAIL.is_file(), reason=f"the sample data is not at {RETAIL}")


def check_metabase(data):
    groups = harness.stored_aggregates(data)["sales_totals"]
    assert len(groups) == 226
    assert money.show(sum(g["total"] for g in groups.values())) == "1510620.6000"
    assert money.show(groups["GOOGLE", "TX", "USD"]["total"]) == "29322.4000"
    assert money.show(groups["AFFILIATE", "TX", "USD"]["total"]) == "25372.5000"
    assert sum(g["orders"] for g in groups.values()) == 18_760
    counts = harness.stored_counts(data)
    assert (counts["accepted"], counts["rejected"], counts["quantity_zero"]) == (18_760, 0, 67)
    assert counts["late"] == 18_760


@needs_metabase
def test_a_web_shops_orders_give_the_known_figures(tmp_path):
    data = tmp_path / "data"
    arguments = ["load", METABASE / "orders.csv", "--customers", METABASE / "customers.csv", "--data", data]
    harness.must_run(*arguments)
    check_metabase(data)
    harness.must_run("verify", "--data", data)
    before = harness.stored_aggregates(data)
    harness.must_run("rebuild", "--data", data)
    assert harness.stored_aggregates(data) == before
    harness.must_run(*arguments)
    assert harness.stored_aggregates(data) == before

    reference = engine.Reference("USD", "UTC", engine.read_customers(METABASE / "customers.csv"))
    with open(METABASE / "orders.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            reference.submit_cells(row, ARRIVAL_MS)
    wanted = reference.tables()
    for name in ("sales_totals", "sales_by_day", "sales_by_product"):
        assert not harness.differences(harness.without_zeros(before[name]), harness.without_zeros(wanted[name])), name
    assert harness.stored_counts(data)["total_mismatch"] == reference.warnings["total_mismatch"]


@needs_metabase
def test_the_same_over_http_while_verify_watches(server):
    one = server("--customers", METABASE / "customers.csv")
    problems = []
    done = threading.Event()

    def watch():
        while not done.is_set():
            ran = harness.run("verify", "--data", one.data)
            if ran.returncode != 0:
                problems.append(ran)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        with open(METABASE / "orders.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        connection = one.connection()
        for at in range(0, len(rows), 50):
            body = json.dumps(rows[at : at + 50]).encode()
            answer = harness.ask(connection, "POST", "/v1/orders", body, {"Content-Type": harness.JSON})
            assert answer.json()["accepted"] == len(rows[at : at + 50])
    finally:
        done.set()
        thread.join(60)
    assert not problems
    check_metabase(one.data)
    (row,) = [r for r in one.get("/v1/sales?by=source,state").json()["rows"] if (r["source"], r["state"]) == ("GOOGLE", "TX")]
    assert row["total"] == "29322.4000"
    harness.must_run("verify", "--data", one.data)


@needs_retail
def test_a_wholesalers_invoice_lines_become_orders(tmp_path):
    data = tmp_path / "data"
    columns = ("order_id=InvoiceNo,product_id=StockCode,quantity=Quantity,created_at=InvoiceDate,"
               "unit_price=UnitPrice,customer_id=CustomerID,state=Country")  # fmt: skip
    harness.run("load", RETAIL, "--data", data, "--map", columns, "--set", "currency=GBP", "--group-by", "order_id",
                "--timezone", "Europe/London", timeout=180)  # fmt: skip
    harness.must_run("verify", "--data", data)
    accepted, units, total, rejected = 0, 0, 0, 0
    with gzip.open(RETAIL, "rt", encoding="utf-8", newline="") as file:
        invoices = {}  # the rows of one invoice do not all stand together
        for row in csv.DictReader(file):
            invoices.setdefault(row["InvoiceNo"], []).append(row)
    for rows in invoices.values():
        try:
            lines = [line_of(row) for row in rows]
            assert len(lines) <= 200
        except (AssertionError, money.BadAmount):
            rejected += 1
            continue
        accepted += 1
        units += sum(quantity for quantity, _ in lines)
        total += sum(amount for _, amount in lines)
    counts = harness.stored_counts(data)
    groups = harness.stored_aggregates(data)["sales_totals"]
    assert (counts["accepted"], counts["rejected"]) == (accepted, rejected)
    assert sum(g["units"] for g in groups.values()) == units
    assert sum(g["total"] for g in groups.values()) == total
    assert {k[2] for k in groups} == {"GBP"}
    assert counts["duplicate"] == 0
    assert accepted > 10_000


def line_of(row):
    quantity = int(row["Quantity"])
    assert 0 <= quantity <= rules.QUANTITY_MAX
    price, _ = money.parse(row["UnitPrice"])
    return quantity, quantity * price
