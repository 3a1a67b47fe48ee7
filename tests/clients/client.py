# SPDX-License-Identifier: MIT
"""A client made of /openapi.json by openapi-python-client: orders are accepted and found again.
python client.py URL, with the package in the working directory."""

import sys

from salestide_client import Client
from salestide_client.api.orders import get_order, get_rejected, post_orders
from salestide_client.api.sales import get_sales
from salestide_client.models import OrderEvent, OrderEventEventType1, OrderEventItemsType0Item


def verdicts(answer):
    return (answer.accepted, answer.duplicate, answer.rejected)


client = Client(base_url=sys.argv[1])
order = OrderEvent(
    order_id=1001, created_at="2026-11-21T10:00:00-05:00", customer_id=7, product_id="mug-blue", quantity=2,
    subtotal="25.00", shipping="4.90", tax="2.00", total="31.90", source="GOOGLE", state="CA",
)  # fmt: skip
refund = OrderEvent(
    order_id=1001, event=OrderEventEventType1.REFUNDED, event_id="r-1", created_at="2026-11-21T11:00:00-05:00",
    product_id="mug-blue", quantity=1, total="15.95",
)  # fmt: skip
guest = OrderEvent(
    order_id="guest", event=None, created_at="2026-11-21T10:00:00-05:00", customer_id=None, product_id=None,
    quantity=None, source=None, items=[OrderEventItemsType0Item(product_id=1, quantity=1, subtotal=None)], total=1,
)  # fmt: skip
assert verdicts(post_orders.sync(client=client, body=order)) == (1, 0, 0)
assert verdicts(post_orders.sync(client=client, body=[refund, guest, order])) == (2, 1, 0)
bad = OrderEvent(order_id=7, created_at="2026-11-21", product_id=1, quantity=1, total=-1)
assert post_orders.sync(client=client, body=bad).errors[0].code.value == "negative"

found = get_order.sync("1001", client=client)
assert found.order.total == "31.9000"
assert [each.event.value for each in found.adjustments] == ["refunded"]
rows = get_sales.sync(client=client, by="source").rows
assert [(row.source, row.orders, row.total) for row in rows] == [("(unknown)", 1, "1.0000"), ("GOOGLE", 1, "15.9500")]
assert [row.code.value for row in get_rejected.sync(client=client, limit=5, before=1000).rows] == ["negative"]
print("all as expected")
