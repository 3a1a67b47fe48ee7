# SPDX-License-Identifier: MIT
"""The reference against cases worked out by hand: a wrong judge would make the comparison worthless."""

import json

import pytest

from . import engine, events, instants, money, rules

NEW_YORK = instants.zone("America/New_York")
ARRIVAL = instants.parse("2024-06-01T12:00:00Z", NEW_YORK)


@pytest.mark.parametrize(
    ("text", "amount_e4", "lost"),
    [
        ("0", 0, False),
        ("-0", 0, False),
        ("-0.000e5", 0, False),
        ("1e2", 1_000_000, False),
        ("1E+2", 1_000_000, False),
        ("1.005", 10_050, False),
        ("0.00005", 0, True),  # a tie goes to the even neighbour, 0
        ("0.00015", 2, True),  # and here to 2
        ("0.00025", 2, True),
        ("0.00005000000001", 1, True),
        ("0.000049999999999999", 0, True),
        ("1.10000000", 11_000, False),
        ("999999999999.9999", 9_999_999_999_999_999, False),
        ("999999999999.99985", 9_999_999_999_999_998, True),
        ("1e-999999999999999999999999", 0, True),
        ("0e999999999999999999999999", 0, False),
        ("1234567890123456789e-10", 1_234_567_890_123, True),
    ],
)
def test_an_amount_is_read_exactly(text, amount_e4, lost):
    assert money.parse(text) == (amount_e4, lost)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "malformed"), ("NaN", "malformed"), ("0x1", "malformed"), ("1.", "malformed"), (".5", "malformed"),
        ("+1", "malformed"), ("01", "malformed"), ("1_0", "malformed"), ("１", "malformed"), ("1\n", "malformed"),
        ("-1", "negative"), ("-1e-9999999999999999999", "negative"), ("1e12", "out_of_range"),
        ("999999999999.99995", "out_of_range"), ("1e9999999999999999999", "out_of_range"),
    ],
)  # fmt: skip
def test_a_bad_amount_is_refused(text, code):
    with pytest.raises(money.BadAmount) as bad:
        money.parse(text)
    assert code in bad.value.codes


def test_amounts_are_shown_with_four_decimals():
    assert money.show(-5) == "-0.0005"
    assert money.show(15_106_206_000) == "1510620.6000"


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2024-01-01", "2024-01-01T05:00:00.000Z"),
        ("2024-07-01 00:00:00", "2024-07-01T04:00:00.000Z"),
        ("2024-07-01T00:00:00.1239", "2024-07-01T04:00:00.123Z"),
        ("2024-07-01t00:00:00z", "2024-07-01T00:00:00.000Z"),
        ("2024-07-01T00:00:00+05:30", "2024-06-30T18:30:00.000Z"),
        ("2024-07-01T00:00:00-00:00", "2024-07-01T00:00:00.000Z"),
        ("2016-12-31T23:59:60.9Z", "2017-01-01T00:00:00.000Z"),
        ("2024-03-10T02:30:00", "2024-03-10T07:30:00.000Z"),  # in the gap: the offset before it, EST
        ("2024-11-03T01:30:00", "2024-11-03T05:30:00.000Z"),  # in the overlap: the first, EDT
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"),
        ("1969-12-31T23:00:00-05:00", "1970-01-01T04:00:00.000Z"),
        ("2200-12-31T23:59:59.999Z", "2200-12-31T23:59:59.999Z"),
    ],
)
def test_an_instant_is_read(text, utc):
    assert instants.show(instants.parse(text, NEW_YORK)) == utc


@pytest.mark.parametrize("text", events.BAD_TIMES)
def test_a_bad_instant_is_refused(text):
    with pytest.raises(instants.BadInstant):
        instants.parse(text, NEW_YORK)


@pytest.mark.parametrize("text", events.FAR_TIMES)
def test_an_instant_outside_the_years_is_refused(text):
    with pytest.raises(instants.BadInstant) as bad:
        instants.parse(text, NEW_YORK)
    assert "out_of_range" in bad.value.codes


def test_the_days_edge_is_the_shops():
    assert instants.date_text(instants.day_of(instants.parse("2024-01-01T04:59:59Z", NEW_YORK), NEW_YORK)) == "2023-12-31"
    assert instants.date_text(instants.day_of(instants.parse("2024-01-01T05:00:00Z", NEW_YORK), NEW_YORK)) == "2024-01-01"


def plain(**fields):
    return {"order_id": 1, "created_at": "2024-06-01T11:59:00Z", "product_id": 5, "quantity": 2, "total": "10",
            "subtotal": 10, **fields}  # fmt: skip


def submit(reference, **fields):
    return reference.submit_json(json.dumps(plain(**fields)).encode(), ARRIVAL)


def fault_of(text):
    with pytest.raises(rules.Faulty) as faulty:
        rules.parse_event(text, "USD", NEW_YORK)
    return faulty.value.faults


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"total": None}, ("total", "missing")),
        ({"order_id": ""}, ("order_id", "empty")),
        ({"order_id": "x" * 65}, ("order_id", "too_long")),
        ({"order_id": "é"}, ("order_id", "bad_character")),
        ({"order_id": 2**63}, ("order_id", "out_of_range")),
        ({"order_id": True}, ("order_id", "wrong_type")),
        ({"event": "refunded"}, ("event_id", "missing")),
        ({"event": "Placed"}, ("event", "unknown_value")),
        ({"quantity": 1_000_001}, ("quantity", "out_of_range")),
        ({"quantity": "1.5"}, ("quantity", "malformed")),
        ({"currency": "us$"}, ("currency", "malformed")),
        ({"state": "a\x00"}, ("state", "bad_character")),
        ({"items": [{"product_id": 1, "quantity": 1}]}, (None, "ambiguous")),
        ({"items": [{"product_id": 1}], "product_id": None, "quantity": None}, ("items[0].quantity", "missing")),
    ],
)
def test_one_bad_field_is_the_one_fault(change, fault):
    assert fault_of(json.dumps(plain(**change)).encode()) == [fault]


def test_a_duplicate_key_is_named_by_its_path():
    body = json.dumps(plain())[:-1]
    assert fault_of(body.encode() + b',"x":{"y":1,"y":2}}') == [("x.y", "duplicate_key")]
    assert fault_of(body.encode() + b',"tot\\u0061l":"10"}') == [("total", "duplicate_key")]


def test_what_is_no_json_is_refused_as_a_whole():
    for text in (b"{", b'{"a":NaN}', b'{"a":"\xff"}', b"\xef\xbb\xbf{", b'{"a":01}'):
        assert ("", "not_json") in fault_of(text)
    assert (None, "not_json") in fault_of(b'{"a":"\\ud800"}')
    assert (None, "too_deep") in fault_of(b'{"a":' + b"[" * 40 + b"]" * 40 + b"}")


def test_unknown_fields_may_hold_anything_that_is_json():
    body = json.dumps(plain())[:-1].encode() + b',"x":[1e999,"\\u0000",[[[{"a":null}]]]],"Total":"x"}'
    assert rules.parse_event(body, "USD", NEW_YORK).quantity == 2


def test_seven_is_seven_however_it_is_spelled():
    reference = engine.Reference()
    assert submit(reference, order_id=7, customer_id="12").verdict == "accepted"
    assert submit(reference, order_id=" 7\n", customer_id=12, total=1e1, created_at="2020-01-01").verdict == "duplicate"
    assert submit(reference, order_id="007", customer_id=12).verdict == "accepted"
    assert submit(reference, order_id="7", customer_id="12", total="10.01").faults == [(None, "conflict")]
    assert reference.counts == {"accepted": 2, "duplicate": 1, "rejected": 1}


def test_a_cancellation_and_a_refund_take_back_what_they_carry():
    reference = engine.Reference("USD", "America/New_York", {3: ("GOOGLE", "TX")})
    submit(reference, customer_id=3, tax="1", total=11)
    submit(reference, event="refunded", event_id="r1", quantity=1, subtotal=0, total="4.5", source="other")
    submit(reference, event="refunded", event_id="r1", quantity=1, subtotal=0, total="4.5")  # a retry
    submit(reference, event="refunded", event_id="r2", quantity=0, subtotal=0, total="4.5")
    key = ("GOOGLE", "TX", "USD")
    assert reference.totals[key] == {
        "orders": 1, "units": 1, "subtotal": 100_000, "discount": 0, "shipping": 0, "tax": 10_000, "total": 20_000,
        "cancelled_orders": 0, "refunds": 2, "refunded_total": 90_000,
    }  # fmt: skip
    submit(reference, event="cancelled", total=2, subtotal=10, tax=1, quantity=1)
    assert reference.totals[key]["orders"] == 0
    assert reference.totals[key]["total"] == 0
    assert reference.totals[key]["cancelled_orders"] == 1
    day = instants.day_of(ARRIVAL, NEW_YORK)
    assert reference.products[day, 5, "USD"] == {"orders": 0, "units": 0, "total": 0}
    assert reference.warnings["quantity_zero"] == 1
    assert reference.warnings["late"] == 0


def test_a_change_of_an_order_that_comes_later_keeps_its_own_group():
    reference = engine.Reference()
    submit(reference, event="cancelled", source="A")
    submit(reference, source="B")
    assert reference.totals["A", "(unknown)", "USD"]["orders"] == -1
    assert reference.totals["B", "(unknown)", "USD"]["orders"] == 1


def test_items_are_counted_by_product_and_the_order_once():
    reference = engine.Reference()
    lines = [{"product_id": 1, "quantity": 2, "subtotal": "3"}, {"product_id": "1", "quantity": 1, "subtotal": 1.5},
             {"product_id": "tea", "quantity": 4}]  # fmt: skip
    submit(reference, items=lines, product_id=None, quantity=None)
    day = instants.day_of(ARRIVAL, reference.zone)
    assert reference.products[day, 1, "USD"] == {"orders": 1, "units": 3, "total": 45_000}
    assert reference.products[day, "tea", "USD"] == {"orders": 1, "units": 4, "total": 0}
    assert reference.totals["(unknown)", "(unknown)", "USD"]["units"] == 7


def test_late_and_future_are_warnings():
    reference = engine.Reference()
    submit(reference, order_id=1, created_at="2024-06-01T11:50:00Z")  # exactly ten minutes: not late
    submit(reference, order_id=2, created_at="2024-06-01T11:49:59.999Z")
    submit(reference, order_id=3, created_at="2024-06-02T12:00:00Z")
    submit(reference, order_id=4, created_at="2024-06-02T12:00:00.001Z")
    assert (reference.warnings["late"], reference.warnings["future"]) == (1, 1)


def test_a_total_off_by_more_than_a_cent_is_a_warning():
    reference = engine.Reference()
    submit(reference, order_id=1, total="10.01")
    submit(reference, order_id=2, total="10.0101")
    submit(reference, order_id=3, total="9.99")
    submit(reference, order_id=4, total="9.9899")
    assert reference.warnings["total_mismatch"] == 2


def test_a_total_below_zero_needs_a_discount_that_explains_it():
    reference = engine.Reference()
    assert submit(reference, order_id=1, discount=20, total=-10).order.amounts["total"] == -100_000
    assert submit(reference, order_id=2, discount=20, total="-10.1").verdict == "accepted"  # a cent off: a warning
    assert submit(reference, order_id=3, discount=10, total="-0.01").faults == [("total", "negative")]
    assert submit(reference, order_id=4, discount=20, total="-0.00001").verdict == "rejected"
    assert submit(reference, order_id=5, discount=20, total="-0").verdict == "accepted"
    assert submit(reference, order_id=6, discount=-20, total=1).faults == [("discount", "negative")]
    assert reference.warnings["total_mismatch"] == 2


def test_old_orders_have_no_minute_or_hour():
    reference = engine.Reference()
    submit(reference, order_id=1, created_at="2024-05-17T12:00:00Z")  # fifteen days to the minute: kept
    submit(reference, order_id=2, created_at="2024-05-17T11:59:59Z")
    submit(reference, order_id=3, created_at="2020-01-01")
    assert (len(reference.minutes), len(reference.hours), len(reference.days)) == (1, 2, 2)


def test_a_sum_that_would_overflow_is_refused():
    reference = engine.Reference()
    verdicts = [submit(reference, order_id=i, subtotal=0, total="999999999999.9999").verdict for i in range(923)]
    assert verdicts == ["accepted"] * 922 + ["rejected"]
    assert submit(reference, order_id=923, currency="EUR").verdict == "accepted"


def test_sales_are_grouped_as_asked():
    reference = engine.Reference()
    submit(reference, order_id=1, source="A", state="X")
    submit(reference, order_id=2, source="A", state="Y", total=5)
    submit(reference, order_id=3, source="B", state="Y", created_at="2024-06-02")
    assert {k[1]: v["total"] for k, v in reference.sales(("source",)).items()} == {"A": 150_000, "B": 100_000}
    day = instants.day_of(ARRIVAL, reference.zone)
    (row,) = reference.sales((), "day", day, day + 1).items()
    assert row[0] == (day, None, None, None, "USD")
    assert row[1]["orders"] == 2


def test_the_generator_makes_the_same_events_again_and_all_kinds(tmp_path):
    one, two = (events.Generator(5, ARRIVAL) for _ in range(2))
    one.customers(tmp_path / "a.csv")
    two.customers(tmp_path / "b.csv")
    first = list(one.events(8000))
    assert first == list(two.events(8000))
    assert one.bad_turn >= len(one.bad_kinds)
    assert not any(b"\n" in text for text in first)
    reference = engine.Reference("USD", "America/New_York", engine.read_customers(tmp_path / "a.csv"))
    codes = {code for text in first for _, code in reference.submit_json(text, ARRIVAL).faults}
    assert codes >= {"missing", "wrong_type", "malformed", "negative", "out_of_range", "too_long", "empty",
                     "bad_character", "unknown_value", "duplicate_key", "too_deep", "too_large", "not_json",
                     "not_an_object", "ambiguous", "conflict"}  # fmt: skip
    assert min(reference.counts.values()) > 500
    assert all(len(cells) > 100 for cells in reference.tables().values())
    assert {"placed", "cancelled", "refunded"} == {o.event for o in reference.orders.values()} | {
        o.event for o in reference.adjustments.values()
    }


def test_every_bad_event_is_refused():
    generator = events.Generator(6, ARRIVAL)
    for make in generator.bad_kinds:
        text = make()
        text = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        verdict = engine.Reference().submit_json(text, ARRIVAL)
        assert verdict.verdict == "rejected", text[:300]
