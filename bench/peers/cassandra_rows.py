# SPDX-License-Identifier: MIT
"""Raw rows to Cassandra by other clients, into the tables that Salestide has: cassandra_rows.py CLIENT PORT KEYSPACE FILE.

Each order of the file becomes its rows (the order and its customer's list, or an adjustment), by prepared statements,
consistency ONE, IN_FLIGHT unanswered at most. They are made CHUNK orders at a time, which is not measured; what is
measured is from the first row of a chunk handed to the client to the last one answered. Prints one JSON object: rows,
wall_s, cpu_s of all threads. CLIENT:

    cpp              DataStax' C++ driver called from C (cpp_driver.c)
    acsylla          the same driver by asyncio
    cassandra-driver DataStax' driver for Python
"""

import asyncio
import ctypes
import datetime
import decimal
import json
import pathlib
import struct
import sys
import time

HOST, IN_FLIGHT, CHUNK = "127.0.0.1", 1024, 20_000
AMOUNTS = ("subtotal", "discount", "shipping", "tax", "total")
SHARED = ("product_id", "quantity", *AMOUNTS, "currency", "source", "state", "items", "timestamp", "position")
TABLES = {"orders": ("order_id", "created_at", "customer_id", *SHARED),
          "order_adjustments": ("order_id", "event", "event_id", "created_at", "customer_id", *SHARED),
          "orders_by_customer": ("customer_id", "created_at", "order_id", *SHARED)}  # fmt: skip
TEXTS = ("order_id", "customer_id", "product_id")
ORDERS, ADJUSTMENTS, BY_CUSTOMER = range(3)


def statement(keyspace, table):
    columns = TABLES[table]
    names = ", ".join(f'"{column}"' for column in columns)
    return f"INSERT INTO {keyspace}.{table} ({names}) VALUES ({', '.join('?' * len(columns))})"


def event_of(line, position):
    """By column; amounts as exact decimals of scale 4, instants in UTC; what an order does not have is not there."""
    event = json.loads(line, parse_float=decimal.Decimal)
    event |= {name: str(event[name]) for name in TEXTS if name in event}
    event |= {name: decimal.Decimal(event.get(name, 0)).quantize(decimal.Decimal("0.0001")) for name in AMOUNTS}
    event["created_at"] = event["timestamp"] = datetime.datetime.fromisoformat(event["created_at"])
    return {"event_id": "", "currency": "USD", **event, "position": position}


def rows_of(event):
    """[(table's number, event)]"""
    if event.get("event", "placed") != "placed":
        return [(ADJUSTMENTS, event)]
    return [(ORDERS, event), *([(BY_CUSTOMER, event)] if "customer_id" in event else [])]


def chunks(path):
    rows, columns = [], list(TABLES.values())
    with open(path, "rb") as lines:
        for position, line in enumerate(lines, 1):
            rows += [(table, [event.get(c) for c in columns[table]]) for table, event in rows_of(event_of(line, position))]
            if position % CHUNK == 0:
                yield rows
                rows = []
    if rows:
        yield rows


class Cpp:
    """Rows as cpp_driver.c takes them."""

    def __init__(self, port, keyspace):
        import acsylla._cython.cyacsylla as driver

        ctypes.CDLL(driver.__file__, ctypes.RTLD_GLOBAL)
        self.c = ctypes.CDLL(str(pathlib.Path(__file__).parents[2] / "build/bench-peers/cpp_driver.so"))
        self.c.rows_open.restype = ctypes.c_void_p
        self.c.rows_write.restype = ctypes.c_long
        self.writer = ctypes.c_void_p(self.c.rows_open(HOST.encode(), port, IN_FLIGHT))
        if not self.writer or not all(self.c.rows_prepare(self.writer, i, statement(keyspace, t).encode()) for i, t in enumerate(TABLES)):
            raise SystemExit("cpp_driver does not connect")

    def cell(self, value):
        if value is None:
            return b"u"
        if isinstance(value, decimal.Decimal):
            unscaled = int(value.scaleb(4))
            n = (unscaled + (unscaled < 0)).bit_length() // 8 + 1
            return b"d" + struct.pack("=I", n) + unscaled.to_bytes(n, "big", signed=True)
        if isinstance(value, datetime.datetime):
            return b"l" + struct.pack("=q", (value - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) // datetime.timedelta(milliseconds=1))
        text = value.encode()
        return b"t" + struct.pack("=I", len(text)) + text

    def prepare(self, rows):
        packed = bytearray()
        for table, values in rows:
            columns = TABLES[list(TABLES)[table]]
            packed += bytes((table, len(values)))
            for name, value in zip(columns, values, strict=True):
                numbers = {"quantity": b"i=i", "position": b"l=q"}.get(name)
                packed += numbers[:1] + struct.pack(numbers[1:].decode(), value) if numbers else self.cell(value)
        return bytes(packed)

    def write(self, packed):
        if self.c.rows_write(self.writer, packed, ctypes.c_size_t(len(packed))) < 0:
            raise SystemExit("cpp_driver: rows were refused")

    def close(self):
        self.c.rows_close(self.writer)


class Acsylla:
    """IN_FLIGHT tasks take rows in turn."""

    def __init__(self, port, keyspace):
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(self.open(port, keyspace))

    async def open(self, port, keyspace):
        import acsylla

        cluster = acsylla.create_cluster([HOST], port=port, consistency="ONE")
        self.session = await cluster.create_session()
        self.prepared = [await self.session.create_prepared(statement(keyspace, table)) for table in TABLES]

    def prepare(self, rows):
        # None would be written as null, which is a tombstone: what a row does not have is left out.
        columns = list(TABLES.values())
        return [(table, {c: v for c, v in zip(columns[table], values, strict=True) if v is not None}) for table, values in rows]

    async def some(self, rows):
        for table, values in rows:
            one = self.prepared[table].bind()
            one.bind_dict(values)
            await self.session.execute(one)

    async def all(self, rows):
        rows = iter(rows)
        await asyncio.gather(*(self.some(rows) for _ in range(IN_FLIGHT)))

    def write(self, rows):
        self.loop.run_until_complete(self.all(rows))

    def close(self):
        self.loop.run_until_complete(self.session.close())


class CassandraDriver:
    """What the driver has for it: execute_concurrent."""

    def __init__(self, port, keyspace):
        from cassandra import ConsistencyLevel, cluster, concurrent, query

        profile = cluster.ExecutionProfile(consistency_level=ConsistencyLevel.ONE, request_timeout=60)
        self.cluster = cluster.Cluster([HOST], port=port, protocol_version=4, execution_profiles={cluster.EXEC_PROFILE_DEFAULT: profile})
        self.session = self.cluster.connect()
        self.prepared = [self.session.prepare(statement(keyspace, table)) for table in TABLES]
        self.unset, self.concurrent = query.UNSET_VALUE, concurrent.execute_concurrent

    def prepare(self, rows):
        return [(self.prepared[table], [self.unset if v is None else v for v in values]) for table, values in rows]

    def write(self, rows):
        for _ in self.concurrent(self.session, rows, concurrency=IN_FLIGHT, results_generator=True):
            pass

    def close(self):
        self.cluster.shutdown()


CLIENTS = {"cpp": Cpp, "acsylla": Acsylla, "cassandra-driver": CassandraDriver}


def main():
    client = CLIENTS[sys.argv[1]](int(sys.argv[2]), sys.argv[3])
    n, wall_s, cpu_s = 0, 0.0, 0.0
    for rows in chunks(sys.argv[4]):
        ready = client.prepare(rows)
        wall, cpu = time.monotonic(), time.process_time()
        client.write(ready)
        wall_s, cpu_s, n = wall_s + time.monotonic() - wall, cpu_s + time.process_time() - cpu, n + len(rows)
    client.close()
    print(json.dumps({"rows": n, "wall_s": wall_s, "cpu_s": cpu_s}))


main()
