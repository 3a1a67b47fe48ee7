# SPDX-License-Identifier: MIT
"""Tables that a shop has made by hand before, with types of its own: they are used as they are, what they cannot
hold is said, and what does not fit is rejected with its reason."""

import json

import harness
import pipeline

ORDERS = ("CREATE TABLE {}.orders (order_id int PRIMARY KEY, created_at text, customer_id int, discount float, "
          "product_id text, quantity int, subtotal float, tax float, timestamp text, total float)")  # fmt: skip
PROJECTION = ("CREATE TABLE total_sales_by_source_state (source VARCHAR(100), state VARCHAR(100), "
              "total_sum_amount double, processed_at VARCHAR(100), batch_id int)")  # fmt: skip


def make_tables(one):
    one.cassandra.create_keyspace(one.name)
    one.cassandra.cql(ORDERS.format(one.name))
    one.mysql.sql(PROJECTION, database=one.name)


def test_tables_whose_rows_expire_are_a_warning(shop):
    def expiring(one):
        one.cassandra.create_keyspace(one.name)
        one.cassandra.cql(ORDERS.format(one.name) + " WITH default_time_to_live = 864000")

    one = shop(made_by_hand=expiring, partitions=1)
    processor = one.processor()
    assert processor.log.count(f"{one.name}.orders has default_time_to_live = 864000") == 1
    one.cassandra.cql(f"ALTER TABLE {one.name}.orders WITH default_time_to_live = 0")
    assert "default_time_to_live" not in one.processor().log


def orders_of(ids, **fields):
    return [json.dumps(harness.order(n, customer_id=n % 9, source="GOOGLE" if n % 2 else "ADS", state="CA",
                                     subtotal=f"{n}.25", total=f"{n}.25", **fields)).encode() for n in ids]  # fmt: skip


def test_tables_made_by_hand_are_filled_and_their_losses_are_said(shop):
    one = shop(made_by_hand=make_tables, partitions=3)
    door = one.ingest()
    one.processor()
    other = one.processor()
    good, again = orders_of(range(1, 1001)), orders_of(range(1, 101))
    pipeline.post_all(door, good, chunk=100)
    pipeline.post_all(door, again, chunk=100)
    unfit = [json.dumps(harness.order(odd, total="5.00")).encode() for odd in ("A-17", 1 << 31)]
    pipeline.post_all(door, unfit, chunk=1)
    one.wait_drained()
    state = one.state()
    assert {k: state[k] for k in ("accepted", "duplicate", "rejected")} == {"accepted": 1000, "duplicate": 100, "rejected": 2}
    # The sums are exact whatever the raw table's floats are.
    totals = {(source, st): pipeline.e4(total) for source, st, total in
              one.mysql.sql("SELECT source, state, total FROM sales_totals", database=one.name)}  # fmt: skip
    wanted = {("GOOGLE", "CA"): sum(n * 10_000 + 2_500 for n in range(1, 1001, 2)),
              ("ADS", "CA"): sum(n * 10_000 + 2_500 for n in range(2, 1001, 2))}  # fmt: skip
    assert totals == wanted
    # Rows of the projection are set, one a group; a quarter is exact in a double.
    rows = one.mysql.sql("SELECT source, state, total_sum_amount, processed_at, batch_id FROM total_sales_by_source_state",
                         database=one.name)  # fmt: skip
    assert {(source, st): pipeline.e4(total) for source, st, total, _, _ in rows} == wanted
    assert len(rows) == 2
    assert all(processed_at and 1 <= batch_id <= state["last_batch_id"] for *_, processed_at, batch_id in rows)
    raw = {row.order_id: row for row in one.cassandra.cql(f"SELECT * FROM {one.name}.orders")}
    assert raw.keys() == set(range(1, 1001))
    assert all(row.total == n + 0.25 and row.customer_id == n % 9 for n, row in raw.items())
    rejected = one.mysql.sql("SELECT field, code, message FROM rejected_events", database=one.name)
    assert {field for field, _, _ in rejected} == {"order_id"}, rejected
    for what in ("float", "double"):
        assert what in other.log, other.log
    assert "verify" in other.log, "that this table is no ground for verify has to be said"


def test_a_table_that_cannot_hold_orders_is_refused_with_the_reason(shop, tmp_path):
    one = shop()
    name = f"{one.name}_odd"
    one.cassandra.create_keyspace(name)
    one.cassandra.cql(f"CREATE TABLE {name}.orders (order_id uuid PRIMARY KEY, total float)")
    raw = f"cassandra://{one.cassandra.host}:{one.cassandra.port}/{name}"
    for command, *more in (["setup"], ["process", "--broker", one.broker, "--listen", "127.0.0.1:0"]):
        done = harness.run(command, "--raw", raw, "--aggregates", one.mysql.url(one.name), *more, env=one.env)
        text = done.stderr.decode()
        assert done.returncode == 2, text
        assert "order_id" in text, text
        assert "uuid" in text, text
