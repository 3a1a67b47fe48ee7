# SPDX-License-Identifier: MIT
"""Raw orders in the real Cassandra, in our own tables and in tables made by hand, read by the DataStax driver."""

import datetime
import decimal
import json
import math
import random
import struct
import subprocess

import pytest

import harness

LIMIT_S = 150
PARTITION = 3 << 48
UNKNOWN = "(unknown)"
AMOUNTS = ("subtotal", "discount", "shipping", "tax", "total")
BY_HAND = ("CREATE TABLE {}.orders (order_id int PRIMARY KEY, created_at text, customer_id int, discount float, "
           "product_id text, quantity int, subtotal float, tax float, timestamp text, total float)")  # fmt: skip


def program():
    path = harness.ROOT / "build/tools/cassandra_probe"
    assert path.is_file(), "build it first: make test-tools"
    return path


def environment(server, keyspace):
    return harness.clean_env({"PROBE_URL": f"cassandra://{server.host}:{server.port}/{keyspace}"})


def probe(server, keyspace, *arguments, orders=None):
    text = None if orders is None else "".join(json.dumps(order) + "\n" for order in orders)
    return subprocess.run([program(), *map(str, arguments)], env=environment(server, keyspace), input=text or "", capture_output=True, text=True,
                          timeout=LIMIT_S, check=False)  # fmt: skip


def must(done):
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def keyspace(cassandra, own_name):
    must(probe(cassandra, own_name, "setup"))
    return own_name


def instant(ms):
    whole = datetime.datetime.fromtimestamp(ms // 1000, datetime.UTC)
    return whole.strftime("%Y-%m-%dT%H:%M:%S") + f".{ms % 1000:03d}Z"


def made_orders(n, seed=1):
    """Orders with all that rows must hold: both kinds of identifiers, guests, several lines, odd texts, adjustments."""
    rng = random.Random(seed)
    orders = []
    for i in range(n):
        order = {"order_id": rng.choice((i, f"A-{i}", 2**63 - 1 - i)), "created_at": instant(1_700_000_000_000 + i * 977),
                 "total": str(decimal.Decimal(rng.randrange(10**9)).scaleb(-rng.randrange(5)))}  # fmt: skip
        for name in AMOUNTS[:4]:
            if rng.random() < 0.7:
                order[name] = f"{rng.randrange(10**6)}.{rng.randrange(10**4):04d}"
        if rng.random() < 0.8:
            order["customer_id"] = rng.choice((rng.randrange(20), f"c{rng.randrange(20)}"))
        if rng.random() < 0.3:
            order["items"] = [{"product_id": rng.choice((7, "zwölf ' \" 👕")), "quantity": rng.randrange(1, 9),
                               "subtotal": f"{rng.randrange(1000)}.5"} for _ in range(rng.randrange(1, 6))]  # fmt: skip
        else:
            order |= {"product_id": rng.choice((i % 50, "SKU-1", "Ünïcode 👕", "'; DROP TABLE orders; --")),
                      "quantity": rng.randrange(0, 10**6)}  # fmt: skip
        if rng.random() < 0.5:
            order |= {"source": rng.choice(("web", "Büro", "app")), "state": "CA"}
        if rng.random() < 0.3:
            order["currency"] = "EUR"
        if rng.random() < 0.2:
            order |= {"event": "refunded", "event_id": f"r{i}"} if rng.random() < 0.5 else {"event": "cancelled"}
        orders.append(order)
    return orders


def ms_of(text):
    return int(datetime.datetime.fromisoformat(text).timestamp() * 1000 + 0.5)


def expected_row(order, n):
    """What must be kept of the n-th order, as plain values."""
    items = order.get("items")
    row = {"order_id": str(order["order_id"]), "created_at": ms_of(order["created_at"]), "position": PARTITION + n,
           "customer_id": None if "customer_id" not in order else str(order["customer_id"]),
           "product_id": None if items else str(order["product_id"]), "timestamp": ms_of(order["created_at"]) + 1000,
           "quantity": sum(i["quantity"] for i in items) if items else order["quantity"],
           "currency": order.get("currency", "USD"), "source": order.get("source", UNKNOWN),
           "state": order.get("state", UNKNOWN), "event": order.get("event"), "event_id": order.get("event_id", ""),
           "items": None if not items else [(str(i["product_id"]), i["quantity"], decimal.Decimal(i["subtotal"]))
                                            for i in items]}  # fmt: skip
    return row | {name: decimal.Decimal(order.get(name, 0)) for name in AMOUNTS}


def seen_row(row):
    """A row as the driver gives it, as the same plain values."""
    row = row._asdict()
    epoch = datetime.datetime(1970, 1, 1)
    for name in ("created_at", "timestamp"):
        row[name] = (row[name] - epoch) // datetime.timedelta(milliseconds=1)
    if row["items"] is not None:
        row["items"] = [(str(i["product_id"]), i["quantity"], decimal.Decimal(i["subtotal"]))
                        for i in json.loads(row["items"])]  # fmt: skip
    row.setdefault("event", None)
    row["event_id"] = row.get("event_id") or ""
    return row


def rows_by_driver(server, keyspace, table):
    return [seen_row(row) for row in server.cql(f"SELECT * FROM {keyspace}.{table}")]


def key(row):
    return row["order_id"], row["event"] or "", row["event_id"], row["created_at"]


def events_of(text):
    """Printed events as the same plain values."""
    events = []
    for line in text.splitlines():
        printed = json.loads(line)
        order = printed["order"]
        row = expected_row(order, printed["position"] - PARTITION)
        row["timestamp"] = printed["arrival_ms"]
        assert printed["n_items"] == len(order.get("items", []))
        events.append(row)
    return events


def test_setup_makes_the_tables_that_print_shows(cassandra, own_name):
    text = must(probe(cassandra, own_name, "ddl"))
    must(probe(cassandra, own_name, "setup"))
    must(probe(cassandra, own_name, "setup"))
    other = own_name + "_by_hand"
    for statement in text.replace(f'"{own_name}"', f'"{other}"').split(";\n"):
        if statement.strip():
            cassandra.cql(statement)

    def columns(keyspace):
        rows = cassandra.cql("SELECT table_name, column_name, type, kind, position, clustering_order FROM "
                             f"system_schema.columns WHERE keyspace_name = '{keyspace}'")  # fmt: skip
        return sorted(map(tuple, rows))

    assert columns(own_name) == columns(other) and len(columns(own_name)) == 16 + 18 + 16


def test_every_event_is_kept_to_the_last_digit(cassandra, keyspace):
    orders = made_orders(5000)
    assert must(probe(cassandra, keyspace, "load", orders=orders)) == ""
    expected = [expected_row(order, n) for n, order in enumerate(orders)]
    placed = [row for row in expected if row["event"] is None]
    adjustments = [row for row in expected if row["event"] is not None]
    assert sorted(rows_by_driver(cassandra, keyspace, "orders"), key=key) == sorted(placed, key=key)
    assert sorted(rows_by_driver(cassandra, keyspace, "order_adjustments"), key=key) == sorted(adjustments, key=key)
    known = [row for row in placed if row["customer_id"] is not None]
    assert sorted(rows_by_driver(cassandra, keyspace, "orders_by_customer"), key=key) == sorted(known, key=key)
    # and the same by our own reader
    assert sorted(events_of(must(probe(cassandra, keyspace, "scan"))), key=key) == sorted(expected, key=key)


def test_nothing_is_null_where_a_tombstone_would_slow_reading_down(cassandra, keyspace):
    """Unset columns have no write time; a null that was written would hide an older value."""
    cassandra.cql(f"INSERT INTO {keyspace}.orders (order_id, items) VALUES ('7', 'older') USING TIMESTAMP 1")
    order = {"order_id": 7, "created_at": "2024-01-01T00:00:00Z", "product_id": 1, "quantity": 1, "total": 1}
    must(probe(cassandra, keyspace, "load", orders=[order]))
    (row,) = cassandra.cql(f"SELECT items, writetime(total) AS t FROM {keyspace}.orders")
    assert row.items == "older" and row.t == 1_700_000_000_000_000


def test_an_order_is_found_with_its_adjustments_in_order(cassandra, keyspace):
    first = {"order_id": 42, "created_at": "2024-01-01T00:00:00Z", "product_id": "P", "quantity": 2, "total": "9.99"}
    refunds = [first | {"event": "refunded", "event_id": name, "total": 1} for name in ("z", "a", "m")]
    cancel = first | {"event": "cancelled"}
    other = first | {"order_id": "42x"}
    must(probe(cassandra, keyspace, "load", orders=[first, *refunds, cancel, other]))
    events = events_of(must(probe(cassandra, keyspace, "order", "42")))
    assert [(row["event"], row["event_id"]) for row in events] == [
        (None, ""), ("refunded", "z"), ("refunded", "a"), ("refunded", "m"), ("cancelled", "")]  # fmt: skip
    assert must(probe(cassandra, keyspace, "order", "43")) == ""
    found = must(probe(cassandra, keyspace, "find", "nobody", "42x", "41", "42")).splitlines()
    assert sorted(line.split()[0] for line in found) == ["1", "3"]


def test_orders_of_a_customer_come_newest_first(cassandra, keyspace):
    rng = random.Random(5)
    times = rng.sample(range(1_600_000_000_000, 1_700_000_000_000), 40)
    orders = [{"order_id": i, "created_at": instant(ms), "customer_id": 7 + i % 2, "product_id": 1, "quantity": 1, "total": 1}
              for i, ms in enumerate(times)]  # fmt: skip
    must(probe(cassandra, keyspace, "load", orders=orders))
    must(probe(cassandra, keyspace, "load", orders=orders))  # again: the same rows
    newest = sorted((ms for i, ms in enumerate(times) if i % 2 == 0), reverse=True)
    assert [row["created_at"] for row in events_of(must(probe(cassandra, keyspace, "customer", "7")))] == newest[:5]
    rows = cassandra.cql(f"SELECT created_at FROM {keyspace}.orders_by_customer WHERE customer_id = '7'")
    assert len(rows) == 20 and rows == sorted(rows, reverse=True)
    assert must(probe(cassandra, keyspace, "customer", "nobody")) == ""


def test_a_lower_epoch_loses_and_a_higher_one_wins(cassandra, keyspace):
    order = {"order_id": 1, "created_at": "2024-01-01T00:00:00Z", "product_id": 1, "quantity": 1}
    for epoch, total, kept in ((2000, 2, 2), (1000, 1, 2), (2000, 2, 2), (3000, 3, 3)):
        must(probe(cassandra, keyspace, "load", epoch, orders=[order | {"total": total}]))
        assert [row.total for row in cassandra.cql(f"SELECT total FROM {keyspace}.orders")] == [kept]


# --- Tables made by hand


@pytest.fixture
def by_hand(cassandra, own_name):
    cassandra.create_keyspace(own_name)
    cassandra.cql(BY_HAND.format(own_name))
    return own_name


def test_a_table_made_by_hand_is_used_and_its_losses_are_said(cassandra, by_hand):
    done = probe(cassandra, by_hand, "load", orders=[])
    assert done.returncode == 1 and f"no table {by_hand}.order_adjustments" in done.stderr and "setup" in done.stderr
    must(probe(cassandra, by_hand, "setup"))
    orders = [{"order_id": i, "created_at": instant(1_700_000_000_000 + i), "customer_id": i % 7, "product_id": "P👕",
               "quantity": i % 10, "subtotal": f"{i}.99", "tax": "0.1", "total": f"{i}.99"} for i in range(500)]  # fmt: skip
    bad = [{"order_id": "A-17"}, {"order_id": 2**31}, {"order_id": 900, "customer_id": "somebody"}]
    done = probe(cassandra, by_hand, "load", orders=orders + [orders[0] | change for change in bad])
    must(done)
    for part in (f"{by_hand}.orders: subtotal float, discount float, tax float, total float: amounts are rounded",
                 "order_id int, customer_id int: orders with anything but an integer",
                 "shipping, currency, source, state, items, position: there are no such columns"):  # fmt: skip
        assert part in done.stderr, done.stderr
    rejected = done.stdout.splitlines()
    assert [line.split()[:3] for line in rejected] == [
        ["500", "rejected", "order_id"], ["501", "rejected", "order_id"], ["502", "rejected", "customer_id"]]  # fmt: skip
    rows = cassandra.cql(f"SELECT * FROM {by_hand}.orders")
    assert sorted(row.order_id for row in rows) == list(range(500))
    for row in rows:
        order = orders[row.order_id]
        assert row.created_at == order["created_at"] and row.timestamp == instant(ms_of(row.created_at) + 1000)
        assert (row.customer_id, row.product_id, row.quantity) == (row.order_id % 7, "P👕", row.order_id % 10)
        assert row.total == struct.unpack("f", struct.pack("f", float(order["total"])))[0] and math.isclose(row.tax, 0.1, rel_tol=1e-6)
        assert row.discount == 0.0
    found = must(probe(cassandra, by_hand, "find", "499", "A-17", 2**40)).splitlines()
    assert len(found) == 1 and '"total":"499.9900"' in found[0]


def test_what_lost_something_cannot_be_verified_from(cassandra, by_hand):
    must(probe(cassandra, by_hand, "setup"))
    done = probe(cassandra, by_hand, "scan")
    assert done.returncode == 1 and "cannot be verified or rebuilt from" in done.stderr and "float" in done.stderr


@pytest.mark.parametrize(("columns", "part"), [
    ("order_id uuid PRIMARY KEY, created_at text, total decimal", "column order_id is uuid"),
    ("order_id text, created_at timestamp, total decimal, PRIMARY KEY (order_id, created_at)", "primary key is made of"),
    ("order_id text PRIMARY KEY, created_at timestamp, total int", "column total is int"),
    ("order_id text PRIMARY KEY, created_at timestamp", "has no column total"),
])  # fmt: skip
def test_a_table_that_cannot_hold_orders_is_refused(cassandra, own_name, columns, part):
    cassandra.create_keyspace(own_name)
    cassandra.cql(f"CREATE TABLE {own_name}.orders ({columns})")
    for what in ("setup", "load"):
        done = probe(cassandra, own_name, what, orders=[])
        assert done.returncode == 1 and part in done.stderr, done.stderr


def test_rows_of_other_programs_stay_and_are_left_out(cassandra, keyspace):
    cassandra.cql(f"INSERT INTO {keyspace}.orders (order_id, total) VALUES ('theirs', 5)")
    order = {"order_id": 1, "created_at": "2024-01-01T00:00:00Z", "product_id": 1, "quantity": 1, "total": 1}
    must(probe(cassandra, keyspace, "load", orders=[order]))
    done = probe(cassandra, keyspace, "scan")
    assert [row["order_id"] for row in events_of(must(done))] == ["1"]
    assert "1 rows have no position" in done.stderr


def test_a_missing_keyspace_says_what_to_do(cassandra):
    done = probe(cassandra, "nowhere", "load", orders=[])
    assert done.returncode == 1 and "no table nowhere.orders" in done.stderr and "salestide setup" in done.stderr


def test_few_copies_are_warned_of(cassandra, keyspace):
    done = probe(cassandra, keyspace, "load", orders=[])
    assert f"keyspace {keyspace} keeps 1 copies of each row" in done.stderr and "durable_writes" not in done.stderr
    cassandra.cql(f"ALTER KEYSPACE {keyspace} WITH replication = {{'class': 'NetworkTopologyStrategy', 'datacenter1': 3}} "
                  "AND durable_writes = false")  # fmt: skip
    done = probe(cassandra, keyspace, "load", orders=[])
    assert "copies" not in done.stderr and "durable_writes = false" in done.stderr


# --- Faults


def test_a_server_killed_while_orders_are_written_loses_nothing_that_was_flushed(cassandra, keyspace):
    orders = made_orders(12_000, seed=2)
    lines = ["".join(json.dumps(order) + "\n" for order in part) for part in (orders[:6000], orders[6000:])]
    with subprocess.Popen([program(), "load"], env=environment(cassandra, keyspace), stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as loading:  # fmt: skip
        loading.stdin.write(lines[0])
        loading.stdin.flush()
        cassandra.kill9()
        cassandra.launch()
        try:
            _, log = loading.communicate(lines[1], timeout=LIMIT_S)
        finally:
            cassandra.wait_ready()
    assert "lost:" in log, log
    assert loading.returncode == 0 or "outcome is not known" in log, log
    must(probe(cassandra, keyspace, "load", orders=orders))
    expected = [expected_row(order, n) for n, order in enumerate(orders)]
    assert sorted(events_of(must(probe(cassandra, keyspace, "scan"))), key=key) == sorted(expected, key=key)
