# SPDX-License-Identifier: MIT
"""scripts/export-orders.sql: all orders of a data directory as NDJSON that loads anywhere and counts the same there."""

import shutil
import sqlite3
import subprocess

import harness
from harness import NDJSON, lines, order

SCRIPT = harness.ROOT / "scripts/export-orders.sql"


def exported(data, file):
    """As docs/kafka-cassandra-mysql.md has it. The shell of SQLite, where it is installed, says the same bytes as its library."""
    text, statement = "", ""
    with harness.database(data) as db:
        for line in SCRIPT.read_text("utf-8").splitlines(keepends=True):
            statement += line
            if sqlite3.complete_statement(statement):
                text += "".join(f"{row}\n" for (row,) in db.execute(statement))
                statement = ""
    assert not statement.strip()
    if shutil.which("sqlite3"):
        with open(SCRIPT, "rb") as script:
            done = subprocess.run(["sqlite3", data / "sales.db"], stdin=script, capture_output=True, timeout=60, check=True)
        assert done.stdout == text.encode()
    file.write_text(text, "utf-8")
    return file


def item(product, quantity, subtotal):
    return {"product_id": product, "quantity": quantity, "subtotal": subtotal}


LARGEST = 2**63 - 1
PLACED = [
    order(1, customer_id=4711, source="GOOGLE", state="CA"),
    order("a-2", customer_id="ann@example.com", product_id="mug", created_at="2024-02-29T23:59:59.999Z"),
    order("007", customer_id="007", product_id="0x", source="Müller & Söhne", state='"Bayern"'),
    order(LARGEST, customer_id=LARGEST, product_id=LARGEST, subtotal="99999999999.9999", total="99999999999.9999"),
    order(5, customer_id="ann@example.com", product_id=None, quantity=None, items=[item("mug", 2, "20.0003"), item(7, 1, "10.00")],
          subtotal="30.0003", total="25.0003", discount="7.00", shipping="1.50", tax="0.5"),
    order(6, product_id="", source="", state=""),  # a guest's, without what may be left out
    order(7, customer_id="bob", currency="EUR", subtotal="0.0001", total="0.0001"),
    order(8, customer_id="bob", quantity=0, subtotal="10.00", discount="12.00", total="-2.00"),
    order(9, customer_id=4711, state="TX", created_at="1970-01-01T00:00:00Z"),
    order(10, customer_id="4711x", quantity=1000000),
]  # fmt: skip
CHANGED = [
    order(1, event="cancelled", customer_id=4711, source="GOOGLE", state="CA"),
    order("a-2", event="refunded", event_id="r-1", customer_id="ann@example.com", product_id="mug", subtotal="1.25", total="1.25"),
    order("a-2", event="refunded", event_id="2", customer_id="ann@example.com", product_id="mug", subtotal="1.25", total="1.25"),
    order(5, event="refunded", event_id="line 2", customer_id="ann@example.com", product_id=None, quantity=None, items=[item(7, 1, "10.00")]),
    order(10, event="refunded", event_id="r-1", subtotal="3.00", total="3.00"),
    order("never-placed", event="cancelled", customer_id=4711),
]
FORGOTTEN = (4711, "ann@example.com")


def as_after_forgetting(event):
    """A row of stored_events() as it is after the move: who was forgotten is nobody."""
    return tuple(None if i == 4 and value == "" else value for i, value in enumerate(event))


def test_a_data_directory_moves_with_every_order_also_of_customers_who_were_forgotten(server, tmp_path):
    one = server()
    assert one.post(lines(*PLACED, *CHANGED), NDJSON).json() == {"accepted": 16, "duplicate": 0, "rejected": 0, "errors": []}
    one.stop()
    for who in FORGOTTEN:
        harness.must_run("forget", "--customer", who, "--data", one.data)
    old = harness.stored_events(one.data)
    assert sum(row[4] == "" for row in old) == 4 + 5, "orders, and cancellations and refunds"

    file = exported(one.data, tmp_path / "orders.ndjson")
    new = tmp_path / "new"
    assert "16 accepted, 0 duplicate, 0 rejected" in harness.must_run("load", file, "--data", new)
    assert harness.stored_events(new) == [as_after_forgetting(row) for row in old]
    found, wanted = harness.stored_aggregates(new), harness.stored_aggregates(one.data)
    for name in ("sales_totals", "sales_by_day", "sales_by_product"):  # hours and minutes as old as these are not kept
        assert found[name] == wanted[name] != {}, name
    said = [harness.must_run("verify", "--data", data).splitlines() for data in (one.data, new)]
    orders_and_totals = [[line for line in each if line.startswith(("EUR: ", "USD: "))] for each in said]
    assert orders_and_totals[0] == orders_and_totals[1]
    assert orders_and_totals[0] == ["EUR: 1 groups, 1 orders, total 0.0001", "USD: 4 groups, 7 orders, total 100000000047.5002"]

    again = exported(new, tmp_path / "again.ndjson")
    assert again.read_bytes() == file.read_bytes()
    assert "0 accepted, 16 duplicate, 0 rejected" in harness.must_run("load", again, "--data", one.data)
