# SPDX-License-Identifier: MIT
"""Webhooks of shop systems: signatures, what each body comes to, and that the order of deliveries does not matter."""

import base64
import collections
import hashlib
import hmac
import json
import os
import stat
import time
from decimal import Decimal

import harness
import pytest
import webhook_shops as shops
from webhook_posting import add_secret, pour
from webhook_shops import SECRETS, headers_of, hook_of

SYSTEMS = tuple(SECRETS)


@pytest.fixture
def door(server, tmp_path):
    """A server that knows one secret of each system."""
    for system in SYSTEMS:
        add_secret(tmp_path / "data", system)
    return server()


def send(one, hook, headers=None, **more):
    return one.request("POST", shops.PATHS[hook.system], hook.body, headers or headers_of(hook, **more))


def took(answer, accepted=0, duplicate=0, rejected=0):
    assert answer.status in (200, 202), answer
    said = answer.json()
    assert (said["accepted"], said["duplicate"], said["rejected"]) == (accepted, duplicate, rejected), said
    return said


def totals(one):
    """{currency: (orders, units, total)} of all that is stored."""
    sums = collections.defaultdict(lambda: [0, 0, 0])
    for (_, _, currency), cell in harness.stored_aggregates(one.data)["sales_totals"].items():
        for i, name in enumerate(("orders", "units", "total")):
            sums[currency][i] += cell[name]
    return {currency: (n, units, Decimal(e4) / 10_000) for currency, (n, units, e4) in sums.items()}


def counted(one):
    found = harness.metrics(one.get("/metrics").body.decode())["salestide_webhooks_total"]
    return {(dict(labels)["system"], dict(labels)["result"]): n for labels, n in found.items()}


SHOPIFY = {
    "id": 450789469, "name": "#1001", "created_at": "2026-01-10T11:00:00-05:00", "currency": "USD",
    "source_name": "web", "subtotal_price": "398.00", "total_discounts": "0.00", "total_tax": "11.94",
    "total_price": "409.94", "customer": {"id": 207119551},
    "line_items": [{"id": 1, "product_id": 632910392, "sku": "A", "quantity": 1, "price": "199.00"},
                   {"id": 2, "product_id": 632910392, "sku": "B", "quantity": 1, "price": "199.00"}],
}  # fmt: skip
WOO = {
    "id": 727, "number": "727", "status": "processing", "currency": "USD", "date_created": "2026-03-22T16:28:02",
    "date_created_gmt": "2026-03-22T19:28:02", "discount_total": "0.00", "shipping_total": "10.00", "total": "29.35",
    "total_tax": "1.35", "customer_id": 0, "shipping": {"city": "X", "state": "CA"},
    "line_items": [{"product_id": 93, "quantity": 2, "total": "6.00"}, {"product_id": 22, "quantity": 1, "total": "12.00"}],
}  # fmt: skip
CHARGE = {"id": "ch_1", "amount": 2000, "amount_refunded": 0, "captured": True, "currency": "usd",
          "payment_intent": "pi_1", "created": 1767225600}  # fmt: skip


def refund_of(number, amount, created_at="2026-01-11T10:00:01Z", lines=(), **more):
    """A refund of SHOPIFY that paid `amount` back, and took `lines` back: (number, pieces)."""
    return {"id": number, "order_id": SHOPIFY["id"], "created_at": created_at,
            "refund_line_items": [{"line_item_id": n, "quantity": pieces, "subtotal": 199.0 * pieces, "total_tax": 0,
                                   "line_item": SHOPIFY["line_items"][n - 1]} for n, pieces in lines],
            "transactions": [{"kind": "refund", "status": "success", "amount": amount, "currency": "USD"}], **more}  # fmt: skip


def stripe(kind, thing, **more):
    return hook_of("stripe", None, {"type": kind, "created": 1767225700, "data": {"object": thing, **more}})


# --- Secrets and signatures


def test_secrets_are_kept_for_their_owner_alone_and_several_hold_at_once(tmp_path):
    data = tmp_path / "data"
    add_secret(data, "shopify", "first")
    add_secret(data, "shopify", "second")
    add_secret(data, "stripe")
    path = data / "webhooks"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_uid == os.stat(data).st_uid
    listed = harness.run("webhook", "list", "--data", data).stdout.decode().splitlines()
    assert [line.split()[1] for line in listed] == ["shopify", "shopify", "stripe"]
    assert "first" not in "".join(listed) and b"first".hex() not in "".join(listed)
    assert harness.run("webhook", "remove", listed[0].split()[0], "--data", data).returncode == 0
    left = harness.run("webhook", "list", "--data", data).stdout.decode().splitlines()
    assert left == listed[1:]
    again = harness.run("webhook", "add", "shopify", "--data", data, "--secret-file", "-", stdin=b"second\n")
    assert again.returncode == 2 and b"there already" in again.stderr


@pytest.mark.parametrize(
    "arguments",
    [["add"], ["add", "shopify"], ["add", "etsy", "--secret-file", "/dev/null"], ["remove"], ["remove", "00000000"],
     ["frobnicate"], ["add", "shopify", "--secret-file", "/dev/null"]],
)  # fmt: skip
def test_a_wrong_call_says_how_it_is_done(tmp_path, arguments):
    done = harness.run("webhook", *arguments, "--data", tmp_path)
    assert done.returncode == 2, done
    assert len(done.stderr.decode().splitlines()) == 1


@pytest.mark.parametrize("system", SYSTEMS)
def test_only_who_knows_a_secret_is_heard(door, system):
    hook = {"shopify": hook_of("shopify", "orders/create", SHOPIFY), "woocommerce": hook_of("woocommerce", "order.created", WOO),
            "stripe": stripe("charge.succeeded", CHARGE)}[system]  # fmt: skip
    right = headers_of(hook)
    name = next(n for n in right if "ignature" in n or "Hmac" in n)
    for value in (None, "", "x", right[name][:-2], right[name].upper() if system == "stripe" else right[name].swapcase()):
        headers = {k: v for k, v in right.items() if k != name} | ({name: value} if value is not None else {})
        door.request("POST", shops.PATHS[system], hook.body, headers).problem(401)
    door.request("POST", shops.PATHS[system], hook.body + b" ", right).problem(401)
    send(door, hook, secret="another").problem(401)
    assert totals(door) == {}
    assert counted(door)[system, "refused"] == 7
    took(send(door, hook), accepted=1)
    took(send(door, hook), duplicate=1)


def test_no_large_body_is_taken_of_whom_nobody_can_know(server):
    one = server()  # without any secret
    large = b" " * 1_900_000
    hook = headers_of(hook_of("shopify", "orders/create", SHOPIFY))
    for path, headers in ((shops.PATHS["shopify"], hook), (shops.PATHS["stripe"], {"Stripe-Signature": "t=1,v1=00"})):
        answer = one.request("POST", path, large, headers)
        answer.problem(401)
        assert b"no secret of this system is known here" in answer.body
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    one.request("POST", shops.PATHS["woocommerce"], large, form).problem(413)
    assert one.request("POST", shops.PATHS["woocommerce"], b"webhook_id=7", form).status == 200
    assert counted(one)["stripe", "refused"] == 1


def test_a_secret_that_replaces_another_is_noticed_and_both_hold_meanwhile(door):
    hook = hook_of("shopify", "orders/create", SHOPIFY)
    add_secret(door.data, "shopify", "next")
    harness.wait_until(lambda: send(door, hook, secret="next").status == 202, 5, "hearing the new secret")
    took(send(door, hook), duplicate=1)
    old = harness.run("webhook", "list", "--data", door.data).stdout.decode().splitlines()[0].split()[0]
    harness.must_run("webhook", "remove", old, "--data", door.data)
    harness.wait_until(lambda: send(door, hook).status == 401, 5, "forgetting the old secret")
    took(send(door, hook, secret="next"), duplicate=1)


def test_a_file_of_secrets_that_cannot_be_read_refuses_all(door):
    hook = hook_of("shopify", "orders/create", SHOPIFY)
    (door.data / "webhooks").write_text("nonsense\n")
    answer = harness.wait_until(lambda: (a := send(door, hook)).status == 401 and a, 5, "noticing")
    assert "cannot be read" in answer.problem(401)["detail"]
    assert "webhooks, line 1" in door.log


def test_a_file_of_secrets_that_others_can_read_is_told(server, tmp_path):
    add_secret(tmp_path / "data", "shopify")
    (tmp_path / "data" / "webhooks").chmod(0o644)
    one = server()
    send(one, hook_of("shopify", "orders/create", SHOPIFY))
    harness.wait_until(lambda: "mode 0644" in one.log, 5, "the warning")
    assert b"warning" in add_secret(one.data, "stripe").stderr


def test_stripe_signs_a_time_that_has_to_be_near(door):
    hook, now = stripe("charge.succeeded", CHARGE), time.time()
    for off in (-301, 301 + 10):
        assert "five minutes" in send(door, hook, now=now + off).problem(401)["detail"]
    took(send(door, hook, now=now - 280), accepted=1)
    both = headers_of(hook)
    both["Stripe-Signature"] = both["Stripe-Signature"].replace(",v1=", ",v1=" + "0" * 64 + ",v0=abc,v1=")
    took(send(door, hook, both), duplicate=1)


def test_no_api_key_is_asked_for_but_a_signature_is(server, tmp_path):
    one = server("--require-keys")
    add_secret(one.data, "shopify")
    hook = hook_of("shopify", "orders/create", SHOPIFY)
    harness.wait_until(lambda: send(one, hook).status == 202, 5, "hearing it")
    assert one.post(harness.order(1)).status == 401


def test_the_ping_of_woocommerce_is_answered(server):
    one = server()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert one.request("POST", "/v1/webhooks/woocommerce", b"webhook_id=7", form).status == 200
    one.request("POST", "/v1/webhooks/shopify", b"webhook_id=7", form).problem(401)
    one.request("POST", "/v1/webhooks/woocommerce", b"order_id=7", form).problem(401)


def test_other_paths_and_methods_are_told(door):
    door.request("POST", "/v1/webhooks/etsy", b"{}").problem(404)
    door.request("GET", "/v1/webhooks/shopify").problem(405)
    door.request("POST", "/v1/webhooks/shopify", b"x" * (2 * 1024 * 1024 + 1)).problem(413)


# --- What bodies come to


def test_an_order_of_shopify(door):
    took(send(door, hook_of("shopify", "orders/create", SHOPIFY)), accepted=1)
    found = door.get("/v1/orders/450789469").json()
    assert totals(door) == {"USD": (1, 2, Decimal("409.94"))}
    placed = found["events"][0] if "events" in found else found
    assert json.dumps(placed).count("409.94") >= 1
    took(send(door, hook_of("shopify", "orders/updated", SHOPIFY | {"tags": "vip"})), duplicate=1)


def test_a_cancelled_and_refunded_order_is_taken_back_once(door):
    refund = {"id": 9, "order_id": SHOPIFY["id"], "created_at": "2026-01-11T10:00:01Z",
              "refund_line_items": [{"line_item_id": n, "quantity": 1, "subtotal": 199.0, "total_tax": 5.97,
                                     "line_item": SHOPIFY["line_items"][n - 1]} for n in (1, 2)],
              "transactions": [{"kind": "refund", "status": "success", "amount": "409.94", "currency": "USD"}]}  # fmt: skip
    cancelled = SHOPIFY | {"cancelled_at": "2026-01-11T10:00:00Z", "refunds": [refund]}
    took(send(door, hook_of("shopify", "refunds/create", refund)), accepted=1)
    took(send(door, hook_of("shopify", "orders/cancelled", cancelled)), accepted=2, duplicate=1)
    assert totals(door) == {"USD": (0, 0, 0)}
    harness.must_run("verify", "--data", door.data)


def test_test_orders_and_unknown_topics_count_nothing(door):
    assert send(door, hook_of("shopify", "orders/create", SHOPIFY | {"test": True})).json() == {"ignored": "test"}
    assert send(door, hook_of("shopify", "products/update", {"id": 1})).json() == {"ignored": "unknown_topic"}
    assert send(door, hook_of("woocommerce", "product.updated", {"id": 1})).json() == {"ignored": "unknown_topic"}
    assert send(door, stripe("customer.created", {"id": "cus_1"})).json() == {"ignored": "unknown_topic"}
    assert send(door, hook_of("woocommerce", "order.created", WOO | {"status": "pending"})).json() == {"ignored": "not_sold"}
    assert send(door, stripe("charge.succeeded", CHARGE | {"captured": False})).json() == {"ignored": "not_sold"}
    released = CHARGE | {"captured": False, "amount_captured": 0, "amount_refunded": 2000}  # an authorization that lapsed
    assert send(door, stripe("charge.refunded", released)).json() == {"ignored": "not_sold"}
    assert totals(door) == {}
    assert counted(door)["shopify", "test"] == 1 and counted(door)["stripe", "unknown_topic"] == 1


def test_an_order_of_woocommerce_with_refunds(door):
    took(send(door, hook_of("woocommerce", "order.created", WOO)), accepted=1)
    refunded = WOO | {"refunds": [{"id": 1, "reason": "", "total": "-10.00"}, {"id": 2, "reason": "", "total": "-0.35"}]}
    took(send(door, hook_of("woocommerce", "order.updated", refunded)), accepted=2, duplicate=1)
    assert totals(door) == {"USD": (1, 3, Decimal("19.00"))}
    took(send(door, hook_of("woocommerce", "order.updated", refunded | {"status": "cancelled"})), accepted=3, duplicate=3)
    assert totals(door) == {"USD": (0, 0, 0)}


def test_a_line_of_woocommerce_below_zero_is_money_off(door):
    voucher = {"product_id": 94, "quantity": 1, "subtotal": "-5.00", "total": "-5.00"}
    body = WOO | {"total": "24.35", "line_items": [*WOO["line_items"], voucher]}
    took(send(door, hook_of("woocommerce", "order.created", body)), accepted=1)
    order = door.get("/v1/orders/727").json()["order"]
    assert [order[name] for name in ("subtotal", "discount", "shipping", "tax", "total")] == [
        "18.0000", "5.0000", "10.0000", "1.3500", "24.3500"]  # fmt: skip


def test_amounts_of_stripe_are_in_the_smallest_unit(door):
    for n, (currency, amount, whole) in enumerate(
        [("usd", 1234, "12.34"), ("jpy", 500, "500"), ("kwd", 12340, "12.34"), ("isk", 50000, "500"), ("ugx", 700, "7")]
    ):
        one = CHARGE | {"id": f"ch_{n}", "payment_intent": f"pi_{n}", "currency": currency, "amount": amount}
        took(send(door, stripe("charge.succeeded", one)), accepted=1)
        assert totals(door)[currency.upper()] == (1, 1, Decimal(whole))


def test_refunds_of_stripe_are_the_pieces_between_cumulative_amounts(door):
    pieces = [(0, 300), (300, 1000), (1000, 2000)]
    for before, so_far in (pieces[2], pieces[0], pieces[2], pieces[1]):
        took_any = send(door, stripe("charge.refunded", CHARGE | {"amount_refunded": so_far},
                                     previous_attributes={"amount_refunded": before}))  # fmt: skip
        assert took_any.status == 202
    assert totals(door) == {"USD": (1, 1, 0)}
    assert harness.run("verify", "--data", door.data).returncode == 0


def test_a_list_of_refunds_stands_for_what_was_refunded_before(door):
    listed = [{"id": "re_1", "amount": 300, "status": "succeeded", "created": 1767225650},
              {"id": "re_2", "amount": 100, "status": "failed", "created": 1767225650}]  # fmt: skip
    charge = CHARGE | {"amount_refunded": 300, "refunds": {"data": listed, "has_more": False}}
    took(send(door, stripe("charge.refunded", charge)), accepted=2)
    assert totals(door) == {"USD": (1, 1, 17)}


@pytest.mark.parametrize("more", [{"previous_attributes": {"amount_refunded": 400}}, {"listed": True}])
def test_what_stripe_authorized_and_never_captured_is_neither_sold_nor_refunded(door, more):
    part = CHARGE | {"amount": 1000, "amount_captured": 600, "amount_refunded": 400}
    release = {"id": "re_1", "amount": 400, "status": "succeeded", "created": 1767225650}
    intent = {"id": "pi_1", "object": "payment_intent", "amount": 1000, "amount_received": 600, "currency": "usd",
              "created": 1767225600}  # fmt: skip
    took(send(door, stripe("charge.captured", part)), accepted=1)
    took(send(door, stripe("payment_intent.succeeded", intent)), duplicate=1)
    took(send(door, stripe("charge.refunded", part, previous_attributes={"amount_refunded": 0})), duplicate=1)
    assert totals(door) == {"USD": (1, 1, 6)}
    piece = stripe("charge.refunded", part | {"amount_refunded": 200}, previous_attributes={"amount_refunded": 0})
    assert send(door, piece).json()["errors"][0]["code"] == "ambiguous"  # captured in pieces: is it of what is still held?
    back = part | {"amount_refunded": 550}
    if more.pop("listed", False):
        listed = [{"id": "re_2", "amount": 150, "status": "succeeded", "created": 1767225660}, release]
        back["refunds"] = {"data": listed, "has_more": False}
    took(send(door, stripe("charge.refunded", back, **more)), accepted=1, duplicate=1)
    assert totals(door) == {"USD": (1, 1, Decimal("4.50"))}


def test_a_payment_intent_its_charge_and_its_session_are_one_payment(door):
    intent = {"id": "pi_1", "amount": 2000, "amount_received": 2000, "currency": "usd", "created": 1767225590}
    session = {"id": "cs_1", "mode": "payment", "payment_status": "paid", "payment_intent": "pi_1", "amount_total": 2000,
               "currency": "usd", "created": 1767225500}  # fmt: skip
    took(send(door, stripe("payment_intent.succeeded", intent)), accepted=1)
    took(send(door, stripe("charge.succeeded", CHARGE)), duplicate=1)
    took(send(door, stripe("checkout.session.completed", session)), duplicate=1)
    assert totals(door) == {"USD": (1, 1, 20)}


def both(shop, customer):
    return {"shop_money": {"amount": shop, "currency_code": "CAD"},
            "presentment_money": {"amount": customer, "currency_code": "USD"}}  # fmt: skip


def foreign_refund(status, adjustments, paid="102.79", tax=("12.53", "9.29")):
    """Lines of 124.07 CAD with tax of 12.53 CAD, paid back in USD: the shop's currency is CAD."""
    line = {"line_item_id": 1, "quantity": 1, "subtotal": 124.07, "total_tax": float(tax[0]), "subtotal_set": both("124.07", "93.50"),
            "total_tax_set": both(*tax), "line_item": {"sku": "A", "price": "124.07"}}  # fmt: skip
    return {"id": 5, "order_id": 77, "created_at": "2026-01-11T10:00:01Z", "refund_line_items": [line],
            "order_adjustments": [{"kind": "refund_discrepancy", "amount": shop, "tax_amount": "0.00",
                                   "amount_set": both(shop, customer)} for shop, customer in adjustments],
            "transactions": [{"kind": "refund", "status": status, "amount": paid, "currency": "USD"}]}  # fmt: skip


FOREIGN = [
    # While it waits there is a discrepancy of its size; when it is made that one has a counterpart.
    (foreign_refund("pending", [("136.60", "102.79")]), "136.60"),
    (foreign_refund("success", [("136.60", "102.79"), ("-136.60", "-102.79")]), "136.60"),
    (foreign_refund("success", []), "136.60"),
    (foreign_refund("success", [("36.60", "27.54")], paid="75.25"), "100.00"),
    # The tax is within the lines: 93.50 was paid back.
    (foreign_refund("success", [], paid="93.50"), "124.07"),
    # It came to nothing.
    (foreign_refund("failure", [("136.60", "102.79")]), "0"),
]


@pytest.mark.parametrize("refund,worth", FOREIGN)
def test_a_refund_in_the_customers_currency_is_counted_in_the_shops(door, refund, worth):
    took(send(door, hook_of("shopify", "refunds/create", refund)), accepted=1)
    assert totals(door) == {"CAD": (0, -1, -Decimal(worth))}


def test_a_refund_that_waits_and_whose_worth_is_not_told_yet_is_kept_until_it_is(door):
    waits = foreign_refund("pending", [("136.60", "102.79")], paid="75.25")
    said = took(send(door, hook_of("shopify", "refunds/create", waits)), rejected=1)
    assert said["errors"][0]["code"] == "ambiguous"
    took(send(door, hook_of("shopify", "refunds/create", FOREIGN[3][0])), accepted=1)
    assert totals(door) == {"CAD": (0, -1, -100)}


def test_an_order_that_shopify_says_is_fulfilled_is_that_order(door):
    for topic in ("orders/partially_fulfilled", "orders/fulfilled"):
        answer = send(door, hook_of("shopify", topic, SHOPIFY))
        assert answer.json()["rejected"] == 0
    assert totals(door) == {"USD": (1, 2, Decimal("409.94"))}


# --- What cannot be mapped


UNMAPPED = [
    (hook_of("shopify", "orders/create", {k: v for k, v in SHOPIFY.items() if k != "total_price"}), "total_price", "missing"),
    (hook_of("shopify", "orders/create", SHOPIFY | {"total_price": "12,50"}), "total_price", "malformed"),
    (hook_of("shopify", "refunds/create", {"id": 1}), "order_id", "missing"),
    (shops.Hook("shopify", "orders/create", b"{"), "", "not_json"),
    (shops.Hook("shopify", "orders/create", b"[]"), "", "not_an_object"),
    (shops.Hook("woocommerce", "order.updated", b""), "", "not_json"),
    (hook_of("woocommerce", "order.updated", WOO | {"status": "wc-quoted"}), "status", "unknown_value"),
    (hook_of("woocommerce", "order.deleted", {"id": 727}), "total", "missing"),
    (hook_of("shopify", "orders/delete", {"id": 727}), "total", "missing"),
    (stripe("charge.refunded", CHARGE | {"amount_refunded": 300}), "amount_refunded", "missing"),
    (stripe("charge.succeeded", CHARGE | {"amount": 12.5}), "amount", "malformed"),
]


@pytest.mark.parametrize("hook,field,code", UNMAPPED)
def test_what_cannot_be_mapped_is_kept_with_its_reason(door, hook, field, code):
    answer = send(door, hook)
    said = answer.json()
    assert answer.status in (200, 202) and said["rejected"] == 1, said
    assert (said["errors"][0]["field"], said["errors"][0]["code"]) == (field, code)
    row = door.get("/v1/rejected").json()["rows"][0]
    assert (row["field"], row["code"]) == (field, code)
    kept = json.loads(row["raw"])
    assert kept["webhook"] == hook.system
    if "body" in kept:
        assert kept["body"] == json.loads(hook.body)


def test_what_was_kept_is_mapped_again_when_it_is_retried(door):
    hook = hook_of("shopify", "orders/create", SHOPIFY | {"total_price": "409,94"})
    took(send(door, hook), rejected=1)
    row = door.get("/v1/rejected").json()["rows"][0]
    answer = door.request("POST", f"/v1/rejected/{row['id']}/retry", row["raw"].replace("409,94", "409.94").encode(),
                          {"Content-Type": "application/json"})  # fmt: skip
    took(answer, accepted=1)
    assert totals(door) == {"USD": (1, 2, Decimal("409.94"))}
    send(door, hook_of("woocommerce", "order.deleted", {"id": 1}))
    newest = door.get("/v1/rejected").json()["rows"][0]
    done = harness.run("rejected", "retry", str(newest["id"]), "--data", door.data, "--to", door.url)
    assert done.returncode == 1 and b"order.deleted has no amounts" in done.stdout


def test_a_retry_of_which_one_event_is_rejected_is_noted_as_that(door):
    body = SHOPIFY | {"total_price": "409,94", "refunds": [refund_of(9, "10.00")]}
    took(send(door, hook_of("shopify", "refunds/create", refund_of(9, "20.00"))), accepted=1)
    took(send(door, hook_of("shopify", "orders/updated", body)), rejected=1)
    row = door.get("/v1/rejected").json()["rows"][0]
    done = harness.run("rejected", "edit", str(row["id"]), "--file", "-", "--data", door.data, "--to", door.url,
                       stdin=row["raw"].replace("409,94", "409.94").encode())  # fmt: skip
    assert done.returncode == 1 and done.stdout.decode().startswith(f"{row['id']} rejected: "), done
    assert b"1 accepted, 0 duplicate, 1 rejected" in done.stdout
    assert totals(door) == {"USD": (1, 2, Decimal("389.94"))}


def test_an_edited_order_is_told_and_can_be_set_right(door):
    added = {"id": 3, "sku": "C", "quantity": 1, "price": "10.00"}
    edited = SHOPIFY | {"total_price": "419.94", "line_items": [*SHOPIFY["line_items"], added]}
    took(send(door, hook_of("shopify", "orders/create", SHOPIFY)), accepted=1)
    said = took(send(door, hook_of("shopify", "orders/updated", edited)), rejected=1)
    assert said["errors"][0]["code"] == "conflict"
    more = {"order_id": SHOPIFY["id"], "event": "refunded", "event_id": "edit-1", "created_at": "2026-01-12T10:00:00Z",
            "product_id": "C", "quantity": 0, "discount": "10.00", "total": "-10.00"}  # fmt: skip
    assert door.post(more).json()["accepted"] == 1
    assert totals(door) == {"USD": (1, 2, Decimal("419.94"))}
    harness.must_run("verify", "--data", door.data)


def test_an_event_that_our_rules_refuse_is_kept_in_our_form(door):
    took(send(door, hook_of("shopify", "orders/create", SHOPIFY | {"created_at": "yesterday"})), rejected=1)
    row = door.get("/v1/rejected").json()["rows"][0]
    assert row["field"] == "created_at" and json.loads(row["raw"])["order_id"] == "450789469"


def test_names_that_no_report_can_have_are_cut_and_many_lines_are_one(door):
    lines = [{"id": n, "sku": "", "title": "x" * 300 + str(n), "quantity": 1, "price": "1.00"} for n in range(300)]
    body = SHOPIFY | {"total_price": "300.00", "total_tax": "0", "line_items": lines, "source_name": "a\nb"}
    took(send(door, hook_of("shopify", "orders/create", body)), accepted=1)
    assert totals(door) == {"USD": (1, 300, 300)}


# --- Any order, any number of times


def holds(one, net):
    found = totals(one)
    assert {c: t for c, (_, _, t) in found.items()} == dict(net.totals)
    assert {c: n for c, (n, _, _) in found.items()} == dict(net.orders)
    assert {c: u for c, (_, u, _) in found.items()} == dict(net.units)
    harness.must_run("verify", "--data", one.data)


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_shops_deliveries_shuffled_and_doubled_leave_what_its_books_say(door, system):
    hooks, net = shops.deliveries(system, 120, seed=1)
    pour(door, hooks)
    holds(door, net)
    pour(door, hooks[::3])  # and again
    holds(door, net)


@pytest.mark.full
@pytest.mark.parametrize("system", SYSTEMS)
def test_ten_thousand_deliveries_of_two_thousand_orders_leave_what_the_books_say(door, system):
    hooks, net = shops.deliveries(system, 2000, seed=2, again=1)
    assert len(hooks) >= 10_000
    pour(door, hooks)
    holds(door, net)


# --- The demo producer


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_demo_producer_sends_what_a_shop_would(door, tmp_path, system):
    secret = tmp_path / "secret"
    secret.write_text(SECRETS[system] + "\n")
    done = harness.run("generate", "--as", system, "--secret-file", secret, "--to", door.url, "--count", "400",
                       "--rate", "0", "--seed", "5", "--start", "2026-01-01T00:00:00Z")  # fmt: skip
    assert done.returncode == 0, done
    plain = harness.run("generate", "--count", "400", "--seed", "5").stdout.decode().splitlines()
    wanted = 0
    for event in map(lambda line: json.loads(line, parse_float=Decimal), plain):
        wanted += event["total"] * (1 if event.get("event", "placed") == "placed" else -1)
    assert totals(door)["USD"][2] == wanted
    harness.must_run("verify", "--data", door.data)


def test_the_demo_producer_says_what_it_wants(tmp_path):
    for arguments in (["--as", "shopify"], ["--as", "shopify", "--to", "http://127.0.0.1:1"], ["--secret-file", "/dev/null"],
                      ["--as", "etsy"]):  # fmt: skip
        done = harness.run("generate", *arguments, "--count", "1")
        assert done.returncode == 2, done


def test_a_signature_is_hmac_sha256_as_the_systems_write_it():
    hook = shops.Hook("shopify", "x", b"abc")
    mac = hmac.new(SECRETS["shopify"].encode(), b"abc", hashlib.sha256).digest()
    assert base64.b64decode(headers_of(hook)["X-Shopify-Hmac-Sha256"]) == mac
