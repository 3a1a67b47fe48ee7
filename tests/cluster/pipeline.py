# SPDX-License-Identifier: MIT
"""The whole pipeline for a test: a topic, a keyspace and a database of its own, `ingest` and `process`
on them, and the laws, held by other clients and other code than the program's.

What is in the topic decides. check() reads it with kafka-python, judges every message by tests/reference
in the order of its partition, reads Cassandra with the DataStax driver and the database with PyMySQL,
and compares to the last digit: every aggregate, every raw row, every rejection, every count.
"""

import collections
import contextlib
import dataclasses
import datetime
import decimal
import json
import time

import harness
from reference import engine, rules
from servers import mysql as mysql_server

DRAIN_TIMEOUT_S = 120
# A processor that is silent for so long loses its partitions; the tests' brokers allow it.
SESSION_TIMEOUT_S = 3
EPOCH = datetime.datetime(1970, 1, 1)
KEYS = {  # of the aggregate tables: columns of the key, and how the first is read
    "sales_totals": ("source", "state", "currency"),
    "sales_by_minute": ("bucket", "source", "state", "currency"),
    "sales_by_hour": ("bucket", "source", "state", "currency"),
    "sales_by_day": ("bucket", "source", "state", "currency"),
    "sales_by_product": ("day", "product_id", "currency"),
}
WARNINGS = {"amounts_rounded": "amount_rounded", "total_mismatch": "total_mismatch", "quantity_zero": "quantity_zero",
            "late": "late", "future": "future"}  # fmt: skip


class Ingest(harness.Server):
    command = "ingest"


class Processor(harness.Server):
    command = "process"

    def own_options(self):
        return []

    def metric(self, name, **labels):
        """The sum over all label sets that have these labels."""
        found = harness.metrics(self.get("/metrics").body.decode())[name]
        return sum(v for k, v in found.items() if set(labels.items()) <= set(k))


# --- values, whatever type a column has


def e4(value):
    """An amount as a count of ten-thousandths; it has to be exact."""
    scaled = decimal.Decimal(value) * 10_000
    assert scaled == int(scaled), f"{value!r} has more than four decimals"
    return int(scaled)


def ms_of(value):
    """A UTC datetime (or text of one) as milliseconds since 1970."""
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value.replace("Z", "").replace("T", " "))
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // datetime.timedelta(milliseconds=1)
    return int(value)


def bucket_of(table, value):
    if table in ("sales_by_day", "sales_by_product"):
        return (value - EPOCH.date()).days
    ms = ms_of(value)
    unit = {"sales_by_minute": 60_000, "sales_by_hour": 3_600_000}[table]
    assert ms % unit == 0, f"{value} is no bucket of {table}"
    return ms // unit


def text_of(value):
    """Identifiers are integers or texts; tables hold the canonical text."""
    return None if value is None else str(value)


def items_of(value):
    if value in (None, ""):
        return None
    return [(text_of(line["product_id"]), line["quantity"], e4(line["subtotal"])) for line in json.loads(value)]


@dataclasses.dataclass(frozen=True)
class Raw:
    """A raw event, as stored or as it should be."""

    identity: tuple  # (order_id, event, event_id)
    created_ms: int
    arrival_ms: int
    position: int
    customer_id: str | None
    product_id: str | None
    quantity: int
    items: tuple | None
    amounts: tuple
    place: tuple  # source, state, currency


def raw_of_order(order, arrival_ms, position):
    items = tuple((text_of(p), q, s) for p, q, s in order.items) if order.items else None
    identity = (text_of(order.order_id), order.event, order.event_id if order.event != "placed" else None)
    return Raw(identity, order.created_ms, arrival_ms, position, text_of(order.customer_id), text_of(order.product_id),
               order.quantity, items, tuple(order.amounts.values()), (order.source, order.state, order.currency))  # fmt: skip


def raw_of_row(row, event="placed", event_id=None):
    items = items_of(row.items)
    return Raw((text_of(row.order_id), event, event_id or None), ms_of(row.created_at), ms_of(row.timestamp),
               row.position, text_of(row.customer_id), text_of(row.product_id), row.quantity,
               tuple(items) if items else None, tuple(e4(getattr(row, name)) for name in rules.AMOUNTS),
               (row.source, row.state, row.currency))  # fmt: skip


# --- what the topic says

LAST_ARRIVAL_MS = 253402214400000  # 9999-12-31T00:00:00Z


def arrival_of(record):
    """Its timestamp, or the nearest that a table takes."""
    return min(max(record.timestamp, 1), LAST_ARRIVAL_MS)


def faults_of_the_door(record):
    """Why `ingest` has rejected the event, which it may have cut; None when it has not."""
    why = dict(record.headers or ()).get("salestide-rejected")
    return [(json.loads(why)["field"], json.loads(why)["code"])] if why else None


def plain_event(record):
    """What `process` reads as JSON: the value itself, unless Confluent's serializers have a schema's id before it."""
    return "other_form" if record.value[0] == 0 and len(record.value) > 5 else record.value


class Expected:
    """The reference after all messages of the topic, and what it accepted and rejected where. `opened` tells of a
    record which event is in it (bytes; None: none), or a code: it is rejected with that."""

    def __init__(self, records, currency, timezone, opened=None):
        self.opened = opened or plain_event
        self.reference = engine.Reference(currency, timezone)
        self.raw = {}  # identity -> Raw
        self.rejected = {}  # position -> (value, faults)
        self.skipped = 0
        for record in records:  # by partition and offset
            self.judge(record)

    def judge(self, record):
        event = self.opened(record) if record.value else None
        if event is None:
            self.skipped += 1
            return
        position = record.partition << 48 | record.offset
        if isinstance(event, str):
            self.reference.reject(record.value, [(None, event)])
            self.rejected[position] = (record.value, [(None, event)])
            return
        verdict = self.reference.submit_json(event, arrival_of(record))
        if verdict.verdict == "accepted":
            raw = raw_of_order(verdict.order, arrival_of(record), position)
            self.raw[raw.identity] = raw
        elif verdict.verdict == "rejected":
            self.rejected[position] = (event, faults_of_the_door(record) or verdict.faults)


class Pipeline:
    def __init__(self, directory, kafka, cassandra, mysql, name, partitions=6, currency="USD",
                 timezone="America/New_York", set_up_options=(), env=None, topic_config=None, cassandra_user=None,
                 made_by_hand=None):  # fmt: skip
        """`env` is given to every command beside the database's password; made_by_hand(self) may make tables
        before `setup` does."""
        self.directory = directory
        self.kafka, self.cassandra, self.mysql = kafka, cassandra, mysql
        self.name = name
        self.currency, self.timezone = currency, timezone
        self.set_up_options = set_up_options
        self.env = {"SALESTIDE_MYSQL_PASSWORD": mysql_server.PASSWORD, **(env or {})}
        self.running = []
        self.broker = kafka.create_topic(name, partitions, topic_config)
        login = f"{cassandra_user}@" if cassandra_user else ""
        self.raw = f"cassandra://{login}{cassandra.host}:{cassandra.port}/{name}"
        mysql.create_database(name)
        if made_by_hand:
            made_by_hand(self)
        self.set_up()

    def set_up(self):
        harness.must_run("setup", "--raw", self.raw, "--aggregates", self.mysql.url(self.name), "--currency",
                         self.currency, "--timezone", self.timezone, *self.set_up_options, env=self.env)  # fmt: skip

    # --- programs

    def ingest(self, *options, **more):
        one = Ingest(self.directory, "--broker", self.broker, "--currency", self.currency, "--timezone", self.timezone,
                     *options, env=self.env, **more)  # fmt: skip
        self.running.append(one)
        return one

    def processor(self, *options, env=None, mysql_port=None, **more):
        aggregates = self.mysql.url(self.name, port=mysql_port)
        one = Processor(self.directory, "--broker", self.broker, "--raw", self.raw, "--aggregates", aggregates,
                        "--session-timeout", f"{SESSION_TIMEOUT_S}s", *options,
                        env={**self.env, **(env or {})}, **more)  # fmt: skip
        self.running.append(one)
        return one

    def serve(self, *options, **more):
        """Door, processor and page in one."""
        directory = self.directory / "serve"
        directory.mkdir()
        one = harness.Server(directory, "--broker", self.broker, "--raw", self.raw, "--aggregates", self.mysql.url(self.name),
                             "--session-timeout", f"{SESSION_TIMEOUT_S}s", *options, env=self.env, **more)  # fmt: skip
        self.running.append(one)
        return one

    def stop(self):
        """Every program that still runs has to drain and exit 0."""
        problems = []
        for one in self.running:
            if one.process.returncode is None:
                try:
                    one.stop()
                except AssertionError as problem:
                    problems.append(str(problem))
        assert not problems, "\n".join(problems)

    def kill(self):
        for one in self.running:
            one.kill()

    def logs(self):
        return "\n".join(f"---- {one.log_path}\n{one.log[-3000:]}" for one in self.running)

    # --- positions

    def positions(self):
        """{partition: next_offset} of what the aggregates hold."""
        rows = self.mysql.sql("SELECT `partition`, next_offset FROM pipeline_positions WHERE topic = %s", (self.name,),
                              database=self.name)  # fmt: skip
        return dict(rows)

    def epochs(self):
        rows = self.mysql.sql("SELECT `partition`, epoch FROM pipeline_positions WHERE topic = %s", (self.name,),
                              database=self.name)  # fmt: skip
        return dict(rows)

    def is_drained(self):
        ends, have = self.kafka.end_offsets(self.name), self.positions()
        return all(max(have.get(p, 0), 0) == end for p, end in ends.items())

    def must_go_on(self):
        """Fails when what is waited for cannot come any more."""

    def wait_drained(self, timeout_s=DRAIN_TIMEOUT_S):
        """Until everything that is in the topic now is in the aggregates."""
        deadline = time.monotonic() + timeout_s
        while not self.is_drained():
            self.must_go_on()
            assert time.monotonic() < deadline, (
                f"not drained within {timeout_s} s: {self.positions()} of {self.kafka.end_offsets(self.name)}\n{self.logs()}"
            )
            time.sleep(0.1)

    def wait_moving(self, beyond=0, timeout_s=30):
        """Until more than `beyond` messages are in the aggregates. Returns how many."""
        def moved():
            self.must_go_on()
            return max(self.n_done() - beyond, 0) and self.n_done()

        return harness.wait_until(moved, timeout_s,
                                  f"progress beyond {beyond} messages\n{self.logs()}")  # fmt: skip

    def n_done(self):
        return sum(max(offset, 0) for offset in self.positions().values())

    # --- what is stored

    def tables(self):
        """Every aggregate in the form of Reference.tables(), identifiers as texts."""
        found = {}
        for table, key in KEYS.items():
            measures = engine.PRODUCT_MEASURES if table == "sales_by_product" else engine.MEASURES
            rows = self.mysql.sql(f"SELECT {', '.join((*key, *measures))} FROM {table}", database=self.name)
            cells = found[table] = {}
            for row in rows:
                names = row[: len(key)] if table == "sales_totals" else (bucket_of(table, row[0]), *row[1 : len(key)])
                sums = zip(measures, row[len(key) :], strict=True)
                cells[names] = {m: e4(v) if m in harness.AMOUNT_COLUMNS else int(v) for m, v in sums}
            assert len(cells) == len(rows), f"{table} has two rows of one key"
        return found

    def state(self):
        (row,) = self.mysql.sql("SELECT * FROM pipeline_state", database=self.name)
        names = [name for (name,) in self.mysql.sql(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND "
            "table_name = 'pipeline_state' ORDER BY ordinal_position", (self.name,))]  # fmt: skip
        return dict(zip(names, row, strict=True))

    def raw_rows(self):
        """{identity: Raw} of Cassandra; no identity may be there twice."""
        rows = [raw_of_row(r) for r in self.cassandra.cql(f"SELECT * FROM {self.name}.orders")]
        rows += [raw_of_row(r, r.event, r.event_id)
                 for r in self.cassandra.cql(f"SELECT * FROM {self.name}.order_adjustments")]  # fmt: skip
        found = {row.identity: row for row in rows}
        assert len(found) == len(rows)
        return found

    # --- the laws

    def expected(self, opened=None):
        return Expected(self.kafka.consume(self.name), self.currency, self.timezone, opened)

    def check(self, expected=None):
        """Waits until all is processed, then holds every law. Returns what was expected."""
        self.wait_drained()
        expected = expected or self.expected()
        self.check_counts(expected)
        self.check_aggregates(expected)
        self.check_projection(expected)
        self.check_raw(expected)
        self.check_rejected(expected)
        self.check_recent(expected)
        return expected

    def check_counts(self, expected):
        state, reference = self.state(), expected.reference
        assert state["received"] == state["accepted"] + state["duplicate"] + state["rejected"], state
        wanted = {"received": reference.received, **{k: reference.counts[k] for k in ("accepted", "duplicate", "rejected")},
                  **{column: reference.warnings[name] for column, name in WARNINGS.items()}}  # fmt: skip
        assert {name: state[name] for name in wanted} == wanted
        batches = self.mysql.sql("SELECT MIN(batch_id), MAX(batch_id), COUNT(*), SUM(received), SUM(accepted), "
                                 "SUM(duplicate), SUM(rejected) FROM pipeline_batches", database=self.name)[0]  # fmt: skip
        first, last, n, *sums = batches
        assert last == state["last_batch_id"], (batches, state)
        assert n == last - first + 1, "a batch's row is missing"
        if first == 1:
            assert [int(s) for s in sums] == [state[k] for k in ("received", "accepted", "duplicate", "rejected")]

    def check_aggregates(self, expected):
        floors = self.state()
        found, wanted = self.tables(), as_texts(expected.reference.tables())
        for table in KEYS:
            floor = {"sales_by_minute": floors["minute_floor"], "sales_by_hour": floors["hour_floor"]}.get(table)
            different = harness.differences(above(found[table], floor), above(wanted[table], floor))
            assert not different, f"{table}:\n" + "\n".join(different)

    def check_projection(self, expected):
        found = self.mysql.sql("SELECT source, state, total_sum_amount FROM total_sales_by_source_state", database=self.name)
        wanted = {key[:2]: sums["total"] for key, sums in expected.reference.tables()["sales_totals"].items()
                  if key[2] == self.currency}  # fmt: skip
        have = {(source, state): e4(total) for source, state, total in found}
        assert len(have) == len(found)
        assert {k: v for k, v in have.items() if v} == {k: v for k, v in wanted.items() if v}

    def check_raw(self, expected):
        different = harness.differences(self.raw_rows(), expected.raw)
        assert not different, "raw rows:\n" + "\n".join(different)

    def check_rejected(self, expected):
        rows = self.mysql.sql("SELECT position, code, field, message, event_bytes FROM rejected_events", database=self.name)
        found = {row[0]: row[1:] for row in rows}
        assert len(found) == len(rows), "an event was rejected twice"
        assert found.keys() == expected.rejected.keys()
        for position, (code, field, message, n_bytes) in found.items():
            value, faults = expected.rejected[position]
            assert any(c == code and f in (None, field) for f, c in faults), (field, code, message, faults, value[:300])
            assert message, value[:300]
            assert n_bytes == len(value)

    def check_recent(self, expected):
        rows = self.mysql.sql("SELECT order_id, position, total FROM recent_orders", database=self.name)
        placed = {raw.identity[0]: raw for raw in expected.raw.values() if raw.identity[1] == "placed"}
        assert len({row[0] for row in rows}) == len(rows), "a recent order is there twice"
        assert len(rows) >= min(len(placed), 1000), "recent orders are missing"
        for order_id, position, total in rows:
            raw = placed[order_id]
            assert (position, e4(total)) == (raw.position, raw.amounts[-1]), order_id

    def check_books(self, books):
        """Holds the raw rows against a ledger's books: what ingest acknowledged is there, once."""
        found = {}
        for raw in self.raw_rows().values():
            order_id, event, event_id = raw.identity
            order_id = int(order_id) if order_id.isdigit() else order_id
            found[order_id, event, event_id] = raw.amounts[-1]
        books.compare(found)


def as_texts(tables):
    """Product ids of the reference as the tables spell them."""
    products = {(day, text_of(product), currency): sums
                for (day, product, currency), sums in tables["sales_by_product"].items()}  # fmt: skip
    return {**tables, "sales_by_product": products}


def above(cells, floor):
    """Cells that say something and whose bucket is still kept."""
    return {key: sums for key, sums in harness.without_zeros(cells).items() if floor is None or key[0] >= floor}


# --- input


def keyed(texts, currency="USD", timezone="America/New_York"):
    """(key, value) for Kafka as ingest keys them: by order_id; what is no order has an empty key. Events too
    large for a broker's message are left out."""
    zone = engine.Reference(currency, timezone).zone
    for text in texts:
        if len(text) > 900_000:
            continue
        try:
            key = text_of(rules.parse_event(text, currency, zone).order_id).encode()
        except rules.Faulty:
            key = b""
        yield key, text


def post_all(door, texts, chunk=500):
    """Posts events as NDJSON, in order. Returns the counts of the answers."""
    counts = collections.Counter()
    texts = list(texts)
    connection = door.connection(timeout=60)
    with contextlib.closing(connection):
        for at in range(0, len(texts), chunk):
            body = b"".join(text + b"\n" for text in texts[at : at + chunk])
            answer = harness.ask(connection, "POST", "/v1/orders", body, {"Content-Type": harness.NDJSON})
            assert answer.status in (202, 422), answer
            for name in ("accepted", "duplicate", "rejected"):
                counts[name] += answer.json()[name]
    return counts
