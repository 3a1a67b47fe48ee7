# SPDX-License-Identifier: MIT
"""A database with the aggregates of a data directory, written row by row as a processor would have
left them: what `dashboard` shows of it has to be what `serve` shows of the directory."""

import datetime
import decimal
import json

import harness
from servers import mysql as mysql_server

EPOCH = datetime.datetime(1970, 1, 1)
UNITS = {"sales_by_minute": datetime.timedelta(minutes=1), "sales_by_hour": datetime.timedelta(hours=1),
         "sales_by_day": datetime.timedelta(days=1), "sales_by_product": datetime.timedelta(days=1)}  # fmt: skip
ENV = {"SALESTIDE_MYSQL_PASSWORD": mysql_server.PASSWORD}


def amount(e4):
    return decimal.Decimal(e4).scaleb(-4)


def minute_now():
    return datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0, tzinfo=None)


def instant(ms):
    return EPOCH + datetime.timedelta(milliseconds=ms)


class Database:
    """Empty until copy(); its tables are made by `salestide setup`."""

    def __init__(self, mysql, name, currency="USD", timezone="UTC"):
        self.mysql, self.name = mysql, name
        self.url = mysql.create_database(name)
        harness.must_run("setup", "--raw", "none", "--aggregates", self.url, "--currency", currency, "--timezone", timezone,
                         env=ENV)  # fmt: skip

    def sql(self, statement, parameters=None):
        return self.mysql.sql(statement, parameters, database=self.name)

    def insert(self, table, rows):
        rows = list(rows)
        if rows:
            marks = ", ".join(["%s"] * len(rows[0]))
            names = ", ".join(f"`{name}`" for name in rows[0])
            self.mysql.sql("SELECT 1", database=self.name)
            with self.mysql.root.cursor() as cursor:
                cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", [tuple(row.values()) for row in rows])

    def copy(self, data):
        for table, cells in harness.stored_aggregates(data).items():
            self.insert(table, (self.cell(table, key, sums) for key, sums in cells.items()))
        self.copy_recent(data)
        self.copy_rejected(data)
        self.copy_state(data)

    def cell(self, table, key, sums):
        row = {"source": key[-3], "state": key[-2]} if table != "sales_by_product" else {"product_id": str(key[-2])}
        row["currency"] = key[-1]
        if table in UNITS:
            at = EPOCH + key[0] * UNITS[table]
            row["day" if table == "sales_by_product" else "bucket"] = at
        for name, value in sums.items():
            row[name] = amount(value) if name in harness.AMOUNT_COLUMNS else value
        return row

    def recent(self, row):
        (order_id, _, _, created_ms, customer_id, product_id, quantity, items, subtotal, discount, shipping, tax, total,
         source, state, currency) = row  # fmt: skip
        return {"order_id": str(order_id), "created_at": instant(created_ms),
                "customer_id": None if customer_id is None else str(customer_id), "discount": amount(discount),
                "product_id": None if product_id is None else str(product_id), "quantity": quantity,
                "subtotal": amount(subtotal), "tax": amount(tax), "timestamp": instant(created_ms),
                "total": amount(total), "source": source, "state": state, "currency": currency,
                "shipping": amount(shipping), "items": items, "position": 0}  # fmt: skip

    def copy_recent(self, data):
        placed = [row for row in harness.stored_events(data) if row[1] == "placed"]
        self.insert("recent_orders", (self.recent(row) for row in placed[-1000:]))

    def copy_rejected(self, data):
        with harness.database(data) as db:
            rows = db.execute("SELECT id, arrival_ms, field, code, message, raw, raw_bytes FROM rejected_rows").fetchall()
        for id_, arrival_ms, field, code, message, raw, raw_bytes in rows:
            raw = raw if isinstance(raw, bytes) else raw.encode()
            text = raw.decode("utf-8", "replace")
            exact = None if text.encode() == raw else raw
            self.insert("rejected_events", [
                {"id": id_, "position": 0, "arrived_at": instant(arrival_ms), "field": field, "code": code,
                 "message": message, "event": text, "event_raw": exact, "event_bytes": raw_bytes, "event_key": None,
                 "status": "new"}])  # fmt: skip

    def copy_state(self, data):
        counts = harness.stored_counts(data)
        names = [name for (name,) in self.mysql.sql(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND "
            "table_name = 'pipeline_state'", (self.name,)) if name in counts]  # fmt: skip
        sets = ", ".join(f"{name} = %s" for name in names)
        self.sql(f"UPDATE pipeline_state SET {sets}", [counts[name] for name in names])

    def commit_order(self, order_id, total, minute):
        """What a processor does for one order placed in this minute (UTC): all tables in one transaction."""
        row = {"orders": 1, "units": 1, "subtotal": total, "discount": 0, "shipping": 0, "tax": 0, "total": total,
               "cancelled_orders": 0, "refunds": 0, "refunded_total": 0}  # fmt: skip
        names, values = ", ".join(row), ", ".join(str(v) for v in row.values())
        add = ", ".join(f"{name} = {name} + VALUES({name})" for name in row)
        key = "'GOOGLE', 'CA', 'USD'"
        with self.mysql.connect(self.name) as own, own.cursor() as cursor:
            for table, bucket in {"sales_totals": "", "sales_by_minute": f"'{minute:%F %H:%M}:00', ",
                                  "sales_by_hour": f"'{minute:%F %H}:00:00', ", "sales_by_day": f"'{minute:%F}', "}.items():  # fmt: skip
                column = "bucket, " if bucket else ""
                cursor.execute(f"INSERT INTO {table} ({column}source, state, currency, {names}) "
                               f"VALUES ({bucket}{key}, {values}) ON DUPLICATE KEY UPDATE {add}")  # fmt: skip
            cursor.execute("INSERT INTO recent_orders (order_id, created_at, discount, quantity, subtotal, tax, timestamp, "
                           "total, source, state, currency, shipping, position) VALUES (%s, %s, 0, 1, %s, 0, %s, %s, "
                           f"{key}, 0, 0)", (order_id, minute, total, minute, total))  # fmt: skip
            self.commit_batch(own, cursor)

    def commit_refund(self, order_id, total, minute):
        """The row of the newest changes alone, and its batch."""
        with self.mysql.connect(self.name) as own, own.cursor() as cursor:
            cursor.execute("INSERT INTO recent_changes (event, order_id, event_id, created_at, timestamp, total, source, state, currency, "
                           "position) VALUES ('refunded', %s, 'r1', %s, %s, %s, 'GOOGLE', 'CA', 'USD', 0)",
                           (order_id, minute, minute, total))  # fmt: skip
            self.commit_batch(own, cursor)

    @staticmethod
    def commit_batch(own, cursor):
        cursor.execute("UPDATE pipeline_state SET received = received + 1, accepted = accepted + 1, "
                       "last_batch_id = last_batch_id + 1")  # fmt: skip
        cursor.execute("INSERT INTO pipeline_batches (batch_id, committed_at, received, accepted, duplicate, rejected) "
                       "SELECT last_batch_id, UTC_TIMESTAMP(3), 1, 1, 0, 0 FROM pipeline_state")  # fmt: skip
        own.commit()


class Dashboard(harness.Server):
    command = "dashboard"

    def __init__(self, directory, database, *options, port=None, **more):
        url = database.mysql.url(database.name, port=port)
        super().__init__(directory, "--aggregates", url, *options, env=ENV, **more)


def events_of(answer):
    """Server-sent events of a response that is being read, as (name, data)."""
    name = None
    for line in answer:
        key, _, value = line.decode().rstrip("\n").partition(": ")
        if key == "event":
            name = value
        elif key == "data":
            yield name, json.loads(value)
