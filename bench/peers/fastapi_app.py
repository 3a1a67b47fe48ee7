# SPDX-License-Identifier: MIT
"""The same order API as people write it with FastAPI and pydantic, and with no storage at all: every order is
parsed, checked and counted, then forgotten."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, Field, TypeAdapter

Ident = Annotated[int, Field(ge=0)] | Annotated[str, Field(min_length=1, max_length=64)]
Amount = Annotated[Decimal, Field(ge=0, lt=10**12)]


class Order(BaseModel):
    order_id: Ident
    created_at: datetime
    customer_id: Ident | None = None
    product_id: Ident
    quantity: Annotated[int, Field(ge=0, le=1_000_000)]
    subtotal: Amount = Decimal(0)
    discount: Amount = Decimal(0)
    shipping: Amount = Decimal(0)
    tax: Amount = Decimal(0)
    total: Amount
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "USD"
    source: Annotated[str, Field(max_length=100)] | None = None
    state: Annotated[str, Field(max_length=100)] | None = None


app = FastAPI()
orders = TypeAdapter(list[Order])
accepted = 0


def answer(n):
    global accepted
    accepted += n
    return {"accepted": n, "duplicate": 0, "rejected": 0, "errors": []}


@app.post("/v1/orders", status_code=202)
async def post_order(order: Order):
    return answer(1)


@app.post("/v1/orders/ndjson", status_code=202)
async def post_orders(request: Request):
    """Lines joined to an array, so that pydantic's own JSON parser reads them all in one call."""
    lines = (await request.body()).rstrip(b"\n").replace(b"\n", b",")
    return answer(len(orders.validate_json(b"[" + lines + b"]")))


@app.get("/accepted")
async def get_accepted():
    return Response(str(accepted), media_type="text/plain")
