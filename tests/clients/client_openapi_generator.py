# SPDX-License-Identifier: MIT
"""A client made of /openapi.json by openapi-generator: orders are accepted and found again.
python client_openapi_generator.py URL, with the package on PYTHONPATH."""

import sys

from salestide_generated import ApiClient, Configuration, OrderEvent, OrdersApi, PostOrdersRequest, SalesApi
from salestide_generated.exceptions import UnprocessableEntityException


def verdicts(answer):
    return (answer.accepted, answer.duplicate, answer.rejected)


def event(**fields):
    return OrderEvent.from_dict(fields)


client = ApiClient(Configuration(host=sys.argv[1]))
orders = OrdersApi(client)
order = event(
    order_id=1001, created_at="2026-11-21T10:00:00-05:00", customer_id=7, product_id="mug-blue", quantity=2,
    subtotal="25.00", shipping="4.90", tax="2.00", total="31.90", source="GOOGLE", state="CA",
)  # fmt: skip
refund = event(
    order_id=1001, event="refunded", event_id="r-1", created_at="2026-11-21T11:00:00-05:00", product_id="mug-blue",
    quantity=1, total="15.95",
)  # fmt: skip
guest = event(
    order_id="guest", event=None, created_at="2026-11-21T10:00:00-05:00", customer_id=None, product_id=None,
    quantity=None, source=None, items=[{"product_id": 5678901234567, "quantity": 1, "subtotal": None}], total=1,
)  # fmt: skip
bad = event(order_id=7, created_at="2026-11-21", product_id=5678901234567, quantity=1, total=-1)

assert verdicts(orders.post_orders(PostOrdersRequest(order))) == (1, 0, 0)
batch = orders.post_orders(PostOrdersRequest([refund, bad, guest, order]))
assert verdicts(batch) == (2, 1, 1)
assert [(each.index, each.code.value) for each in batch.errors] == [(1, "negative")]
try:
    orders.post_orders(PostOrdersRequest(bad))
    raise SystemExit("a bad order alone was taken")
except UnprocessableEntityException as refused:
    assert (refused.data.status, refused.data.errors[0].code.value) == (422, "negative")

found = orders.get_order("1001")
assert (found.order.order_id.actual_instance, found.order.quantity, found.order.total) == (1001, 2, "31.9000")
assert [(each.event, each.total) for each in found.adjustments] == [("refunded", "15.9500")]
found = orders.get_order("guest")
assert (found.order.order_id.actual_instance, found.order.total) == ("guest", "1.0000")
assert [each.product_id.actual_instance for each in found.order.items] == [5678901234567]
rows = SalesApi(client).get_sales(by="source").rows
assert [(row.source, row.orders, row.total) for row in rows] == [("(unknown)", 1, "1.0000"), ("GOOGLE", 1, "15.9500")]
assert [row.code.value for row in orders.get_rejected(limit=5, before=1000).rows] == ["negative", "negative"]
print("all as expected")
