# SPDX-License-Identifier: MIT
"""Orders in the envelopes of other producers, as Kafka Connect's JsonConverter, Debezium and Confluent's serializers
write them, made here without any of these.

`made(order)` of each form gives a message's value; `plain(order)` what is to be read out of it, byte for byte, which is
also what is kept when it is rejected. `order` is a dict of texts and whole numbers; created_at is in ms.
"""

import base64
import datetime
import decimal
import json

CONNECT = "org.apache.kafka.connect.data."
AMOUNTS = ("subtotal", "discount", "shipping", "tax", "total")
SCALE = 4


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def unscaled(amount, scale=SCALE):
    """A decimal as Java's BigInteger.toByteArray of its unscaled number, in base64."""
    number = int(decimal.Decimal(amount).scaleb(scale))
    length = ((number if number >= 0 else number + 1).bit_length()) // 8 + 1
    return base64.b64encode(number.to_bytes(length, "big", signed=True)).decode()


def fixed(amount, scale=SCALE):
    return f"{decimal.Decimal(amount):.{scale}f}"


def instant(ms, end="Z"):
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=ms)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}" + end


def field_schema(name, value, timestamp):
    if name in AMOUNTS:
        return {"type": "bytes", "optional": True, "name": CONNECT + "Decimal", "version": 1,
                "parameters": {"scale": str(SCALE)}, "field": name}  # fmt: skip
    if name == "created_at":
        return {"type": "int64", "optional": False, "name": timestamp, "version": 1, "field": name}
    return {"type": "int64" if isinstance(value, int) else "string", "optional": True, "field": name}


def row_schema(order, timestamp, **more):
    fields = [field_schema(name, value, timestamp) for name, value in order.items()]
    return {"type": "struct", "fields": fields, "optional": True, "name": "shop.orders.Value", **more}


def row(order):
    return {name: unscaled(value) if name in AMOUNTS else value for name, value in order.items()}


def plain(order, end="Z"):
    """With end "": of a column without a zone."""
    texts = {name: fixed(order[name]) for name in AMOUNTS if name in order}
    return compact({**order, **texts, "created_at": instant(order["created_at"], end)})


def connect(order):
    return compact({"schema": row_schema(order, CONNECT + "Timestamp"), "payload": row(order)})


def change(op, before, after, wrapped=True, timestamp="io.debezium.time.Timestamp"):
    """What Debezium writes of a changed row, with decimal.handling.mode=precise."""
    payload = {"before": before and row(before), "after": after and row(after),
               "source": {"version": "3.0", "db": "shop", "table": "orders", "ts_ms": 1}, "op": op, "ts_ms": 2}  # fmt: skip
    if not wrapped:
        return compact(payload)
    one = before or after or {}
    fields = [row_schema(one, timestamp, field="before"), row_schema(one, timestamp, field="after"),
              {"type": "string", "optional": False, "field": "op"}]  # fmt: skip
    return compact({"schema": {"type": "struct", "fields": fields, "name": "shop.orders.Envelope"}, "payload": payload})


def schemaless_change(op, before, after):
    """With decimal.handling.mode=string and time.precision.mode=isostring, without a schema."""
    as_row = lambda order: order and json.loads(plain(order))  # noqa: E731
    return compact({"before": as_row(before), "after": as_row(after), "op": op, "ts_ms": 2})


def confluent(order, schema_id=258):
    return b"\0" + schema_id.to_bytes(4, "big") + plain(order)
