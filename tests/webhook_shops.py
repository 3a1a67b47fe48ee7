# SPDX-License-Identifier: MIT
"""Shops that send webhooks: orders with their histories, every delivery of them in the form of its system, signed by
Python's hmac, and what is left of the money at the end by Python's decimal. Knows nothing of the program."""

import base64
import collections
import datetime
import hashlib
import hmac
import itertools
import json
import random
from decimal import Decimal

SECRETS = {"shopify": "shpss_0123456789abcdef", "woocommerce": "woo secret with spaces", "stripe": "whsec_abcdEFGH0123"}
PATHS = {system: f"/v1/webhooks/{system}" for system in SECRETS}
START = datetime.datetime(2026, 3, 1, 9, 0, 0, tzinfo=datetime.UTC)
Hook = collections.namedtuple("Hook", "system topic body")


def cents(n):
    return f"{Decimal(n) / 100:.2f}"


def headers_of(hook, secret=None, now=None):
    """The headers with which the system sends it."""
    key = (secret or SECRETS[hook.system]).encode()
    if hook.system == "stripe":
        t = int(now if now is not None else datetime.datetime.now(datetime.UTC).timestamp())
        mac = hmac.new(key, f"{t}.".encode() + hook.body, hashlib.sha256).hexdigest()
        return {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": f"t={t},v1={mac}"}
    mac = base64.b64encode(hmac.new(key, hook.body, hashlib.sha256).digest()).decode()
    if hook.system == "shopify":
        return {"Content-Type": "application/json", "X-Shopify-Topic": hook.topic, "X-Shopify-Hmac-Sha256": mac}
    return {"Content-Type": "application/json", "X-WC-Webhook-Topic": hook.topic, "X-WC-Webhook-Signature": mac}


def hook_of(system, topic, body):
    return Hook(system, topic, json.dumps(body).encode())


class Net:
    """What is left by the shops' own books."""

    def __init__(self):
        self.totals, self.units, self.orders = collections.Counter(), collections.Counter(), collections.Counter()

    def add(self, currency, amount, units, orders):
        self.totals[currency] += amount
        self.units[currency] += units
        self.orders[currency] += orders


# --- Shopify


class ShopifyOrder:
    def __init__(self, rng, number):
        self.id, self.number = 5_000_000_000_000 + number * 1000, number
        self.placed = START + datetime.timedelta(minutes=7 * number)
        self.lines = [
            {"id": self.id + i, "sku": f"S{rng.randrange(40)}", "price": rng.randrange(100, 9000),
             "quantity": rng.randrange(1, 5)} for i in range(1, 1 + rng.randrange(1, 4))
        ]  # fmt: skip
        goods = sum(line["price"] * line["quantity"] for line in self.lines)
        self.discount, self.shipping = rng.choice([0, 0, goods // 10]), rng.choice([0, 499])
        self.tax = goods * rng.choice([0, 6, 19]) // 100
        if rng.random() < 0.03:  # a gift
            self.discount, self.shipping, self.tax = goods, 0, 0
        self.total = goods - self.discount + self.shipping + self.tax
        self.refunds, self.cancelled, self.left = [], None, {line["id"]: line["quantity"] for line in self.lines}

    def body(self):
        return {
            "id": self.id, "name": f"#{self.number}", "currency": "EUR", "test": False, "source_name": "web",
            "created_at": self.placed.isoformat(), "cancelled_at": self.cancelled and self.cancelled.isoformat(),
            "total_price": cents(self.total), "total_tax": cents(self.tax), "total_discounts": cents(self.discount),
            "total_shipping_price_set": {"shop_money": {"amount": cents(self.shipping), "currency_code": "EUR"}},
            "current_total_price": "0.00", "shipping_address": {"province_code": "BE"},
            "line_items": [{"id": line["id"], "sku": line["sku"], "title": "Thing", "price": cents(line["price"]),
                            "quantity": line["quantity"]} for line in self.lines],
            "refunds": list(self.refunds),
        }  # fmt: skip

    def refund(self, at, taken, paid):
        """Pieces by line, and cents that go back."""
        number = len(self.refunds) + 1
        lines = []
        for line in self.lines:
            if taken.get(line["id"]):
                self.left[line["id"]] -= taken[line["id"]]
                worth = line["price"] * taken[line["id"]] if self.total else 0  # of a gift, nothing
                lines.append({"id": self.id + 100 * number + line["id"] % 100, "line_item_id": line["id"],
                              "quantity": taken[line["id"]], "subtotal": worth / 100, "total_tax": 0.0,
                              "subtotal_set": {"shop_money": {"amount": cents(worth), "currency_code": "EUR"}},
                              "line_item": {"id": line["id"], "sku": line["sku"], "price": cents(line["price"])}})  # fmt: skip
        pay = [{"kind": "refund", "status": "success", "amount": cents(paid), "currency": "EUR", "test": False}]
        body = {"id": self.id + 900 + number, "order_id": self.id, "created_at": at.isoformat(),
                "refund_line_items": lines, "order_adjustments": [], "transactions": pay if paid else []}  # fmt: skip
        self.refunds.append(body)
        return body

    def money_left(self):
        back = sum(round(Decimal(t["amount"]) * 100) for r in self.refunds for t in r["transactions"])
        return self.total - back


def shopify_hooks(rng, number, net):
    o = ShopifyOrder(rng, number)
    yield hook_of("shopify", "orders/create", o.body())
    if rng.random() < 0.3:
        yield hook_of("shopify", rng.choice(["orders/updated", "orders/paid", "orders/fulfilled"]), o.body())
    at = o.placed + datetime.timedelta(days=2)
    for _ in range(rng.choice([0, 0, 0, 1, 2])):
        line = rng.choice(o.lines)
        pieces = min(o.left[line["id"]], rng.choice([0, 1, 2]))
        paid = min(o.money_left(), max(min(1, o.total), line["price"] * pieces * rng.choice([50, 100, 100]) // 100))
        yield hook_of("shopify", "refunds/create", o.refund(at, {line["id"]: pieces}, paid))
        yield hook_of("shopify", "orders/updated", o.body())
        at += datetime.timedelta(hours=5)
    if rng.random() < 0.25:
        o.cancelled = at
        how = rng.choice(["kept", "paid back", "a second later", "a day later", "never paid"])
        if how in ("paid back", "a second later"):
            delay = datetime.timedelta(seconds=how == "a second later")
            yield hook_of("shopify", "refunds/create", o.refund(at + delay, dict(o.left), o.money_left()))
        if how == "never paid" and not o.refunds:
            yield hook_of("shopify", "refunds/create", o.refund(at, dict(o.left), 0))
        yield hook_of("shopify", "orders/cancelled", o.body())
        yield hook_of("shopify", "orders/updated", o.body())
        if how == "a day later" and o.money_left():
            later = at + datetime.timedelta(days=1)
            yield hook_of("shopify", "refunds/create", o.refund(later, {}, o.money_left()))
            yield hook_of("shopify", "orders/updated", o.body())
    if o.cancelled:
        net.add("EUR", 0, 0, 0)
    else:
        net.add("EUR", Decimal(o.money_left()) / 100, sum(o.left.values()), 1)


# --- WooCommerce


def woocommerce_hooks(rng, number, net):
    lines = [{"id": i, "product_id": rng.randrange(1, 40), "quantity": rng.randrange(1, 4), "cents": rng.randrange(50, 9000)}
             for i in range(1, 1 + rng.randrange(1, 3))]  # fmt: skip
    goods = sum(line["cents"] for line in lines)
    tax, shipping, discount = goods * 7 // 100, rng.choice([0, 550]), rng.choice([0, goods // 5])
    total = goods - discount + shipping + tax
    placed, refunds, steps = START + datetime.timedelta(minutes=number), [], itertools.count(1)

    def body(status):
        changed = placed + datetime.timedelta(hours=next(steps))
        return {
            "id": 700_000 + number, "status": status, "currency": "GBP", "created_via": "checkout",
            "date_created_gmt": placed.isoformat()[:19], "date_modified_gmt": changed.isoformat()[:19],
            "discount_total": cents(discount), "shipping_total": cents(shipping), "total_tax": cents(tax),
            "total": cents(total), "customer_id": 0, "shipping": {"state": "LND"},
            "line_items": [{"id": line["id"], "product_id": line["product_id"], "quantity": line["quantity"],
                            "subtotal": cents(line["cents"])} for line in lines],
            "refunds": [{"id": 800_000 + 10 * number + i, "reason": "", "total": cents(-amount)}
                        for i, amount in enumerate(refunds)],
        }  # fmt: skip

    yield hook_of("woocommerce", "order.created", body(rng.choice(["processing", "pending", "on-hold"])))
    yield hook_of("woocommerce", "order.updated", body("processing"))
    for _ in range(rng.choice([0, 0, 1, 2])):
        refunds.append(rng.randrange(1, max(2, (total - sum(refunds)) // 3)))
        yield hook_of("woocommerce", "order.updated", body(rng.choice(["processing", "completed"])))
    whole = rng.random() < 0.3
    if whole:
        for status in rng.choice([["cancelled"], ["refunded"], ["cancelled", "refunded"]]):
            if status == "refunded":
                refunds.append(total - sum(refunds))
            yield hook_of("woocommerce", "order.updated", body(status))
    left = Decimal(0 if whole else total - sum(refunds)) / 100
    net.add("GBP", left, 0 if whole else sum(line["quantity"] for line in lines), 0 if whole else 1)


# --- Stripe

STRIPE_UNITS = {"usd": 100, "jpy": 1, "kwd": 1000, "isk": 100}


def stripe_event(number, created, kind, thing, **more):
    return hook_of("stripe", None, {"id": f"evt_{number}", "object": "event", "type": kind, "created": created + 9,
                                    "data": {"object": thing, **more}})  # fmt: skip


def stripe_payment(rng, number, charge):
    """What tells that it was paid; of some a part only is captured, and the rest is released: a refund, as Stripe has it."""
    amount, created = charge["amount"], charge["created"]
    captured = amount
    if rng.random() < 0.2:
        yield stripe_event(number, created, "charge.succeeded", charge | {"captured": False, "amount_captured": 0})
        captured = rng.choice([amount, rng.randrange(1, amount + 1)])
    charge["amount_captured"], charge["amount_refunded"] = captured, amount - captured
    kind = "charge.succeeded" if captured == amount else "charge.captured"
    yield stripe_event(number, created, kind, dict(charge))
    if captured < amount and rng.random() < 0.5:
        yield stripe_event(number, created, "charge.refunded", dict(charge), previous_attributes={"amount_refunded": 0})
    if rng.random() < 0.4:
        yield stripe_event(number, created, "payment_intent.succeeded", {
            "id": charge["payment_intent"], "object": "payment_intent", "amount": amount, "amount_received": captured,
            "currency": charge["currency"], "created": created - 5})  # fmt: skip
    if captured == amount and rng.random() < 0.5:
        yield stripe_event(number, created, "checkout.session.completed", {
            "id": f"cs_{number}", "mode": "payment", "payment_status": "paid", "payment_intent": charge["payment_intent"],
            "amount_total": amount, "amount_subtotal": amount, "currency": charge["currency"], "created": created - 60})  # fmt: skip


def stripe_hooks(rng, number, net):
    currency = rng.choice(list(STRIPE_UNITS))
    amount = rng.randrange(500, 90_000) * (10 if currency == "kwd" else 100 if currency == "isk" else 1)
    created = int((START + datetime.timedelta(minutes=number)).timestamp())
    charge = {"id": f"ch_{number}", "object": "charge", "payment_intent": f"pi_{number}", "captured": True,
              "amount": amount, "amount_refunded": 0, "currency": currency,
              "created": created, "billing_details": {"address": {"state": "CA"}}}  # fmt: skip
    yield from stripe_payment(rng, number, charge)
    for _ in range(rng.choice([0, 0, 1, 3])):
        before = charge["amount_refunded"]
        if before == amount:
            break
        charge["amount_refunded"] = rng.choice([amount, rng.randrange(before + 1, amount + 1)])
        yield stripe_event(number, created, "charge.refunded", dict(charge), previous_attributes={"amount_refunded": before})
    left = Decimal(amount - charge["amount_refunded"]) / STRIPE_UNITS[currency]
    net.add(currency.upper(), left, 1, 1)


MAKERS = {"shopify": shopify_hooks, "woocommerce": woocommerce_hooks, "stripe": stripe_hooks}


def deliveries(system, n_orders, seed, again=1 / 3):
    """Every delivery of a shop's orders, shuffled, a share of them twice; and what is left of the orders."""
    rng, net = random.Random(f"{system} {seed}"), Net()
    hooks = [hook for number in range(1, n_orders + 1) for hook in MAKERS[system](rng, number, net)]
    hooks += rng.sample(hooks, round(len(hooks) * again))
    rng.shuffle(hooks)
    return hooks, net
