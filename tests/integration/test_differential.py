# SPDX-License-Identifier: MIT
"""The program against the reference: the same events, every verdict and every sum, digit for digit.

DIFFERENTIAL_EVENTS and DIFFERENTIAL_SEED make it longer or other; both are part of a failure's message.
"""

import random
import shutil
import sqlite3
import time
import urllib.parse

import pytest

import harness
from reference import engine, events, money, rules

TIMEZONE = "America/New_York"
N_EVENTS = harness.number_of("DIFFERENTIAL_EVENTS", 100_000)
N_HTTP_EVENTS = harness.number_of("DIFFERENTIAL_HTTP_EVENTS", 12_000)
SEED = harness.number_of("DIFFERENTIAL_SEED", 1)
LONGEST_S = 300 + N_EVENTS // 200  # of a test, and of a command on all events, on a busy machine
pytestmark = pytest.mark.timeout(LONGEST_S)
SHOP = ("--currency", "USD", "--timezone", TIMEZONE)


class Loaded:
    """A data directory filled by `load` from a file, and the reference that saw the same."""

    def __init__(self, directory, seed, n, timezone=TIMEZONE):
        self.now_ms = int(time.time() * 1000)
        self.made_by = f"seed {seed}, now_ms {self.now_ms}"
        self.customers = directory / "customers.csv"
        self.file = directory / "events.ndjson"
        self.data = directory / "data"
        generator = events.Generator(seed, self.now_ms, timezone)
        generator.customers(self.customers)
        texts = list(generator.events(n))
        self.file.write_bytes(b"\n".join(texts) + b"\n")
        self.reference = engine.Reference("USD", timezone, engine.read_customers(self.customers))
        self.verdicts = [self.reference.submit_json(text, self.now_ms) for text in texts]
        self.summary = self.load()

    def load(self):
        done = harness.run("load", self.file, "--data", self.data, "--customers", self.customers, "--currency", "USD",
                           "--timezone", self.reference.zone.key, timeout=LONGEST_S)  # fmt: skip
        text = (done.stdout + done.stderr).decode()
        assert done.returncode == 1, text  # since events were rejected
        return text


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    return Loaded(tmp_path_factory.mktemp("differential"), SEED, N_EVENTS)


def check_aggregates(data, reference, made_by):
    found = harness.stored_aggregates(data)
    wanted = reference.tables()
    for name in wanted:
        different = harness.differences(harness.without_zeros(found[name]), harness.without_zeros(wanted[name]))
        assert not different, f"{name} ({made_by}):\n" + "\n".join(different)


def check_counts(data, reference):
    stored = harness.stored_counts(data)
    assert {k: stored[k] for k in ("received", "accepted", "duplicate", "rejected")} == {
        "received": reference.received, **{k: reference.counts[k] for k in ("accepted", "duplicate", "rejected")}
    }  # fmt: skip
    assert {k: stored[k] for k in ("amounts_rounded", "total_mismatch", "quantity_zero", "late", "future")} == {
        "amounts_rounded": reference.warnings["amount_rounded"],
        **{k: reference.warnings[k] for k in ("total_mismatch", "quantity_zero", "late", "future")},
    }


def check_raw(data, reference, made_by):
    found = harness.stored_events(data)
    wanted = [harness.as_stored(o) for o in (*reference.orders.values(), *reference.adjustments.values())]
    for have, want in zip(found, wanted, strict=False):
        assert have == want, made_by
    assert len(found) == len(wanted), made_by


def check_rejections(data, reference, made_by):
    found = harness.stored_rejections(data)
    for (field, code, message, raw, raw_bytes), (text, faults) in zip(found, reference.rejected, strict=False):
        assert any(c == code and f in (None, field) for f, c in faults), (
            f"{made_by}: rejected for {field!r} {code} ({message}), wanted one of {faults}: {text[:500]}"
        )
        assert message, text[:500]
        raw = raw.encode() if isinstance(raw, str) else raw
        if len(text) <= rules.EVENT_MAX_BYTES:
            assert raw_bytes == len(text), text[:500]
        else:
            assert raw_bytes > len(raw), text[:500]  # a reader of files need not know how long it went on
        assert raw == text[: len(raw)], text[:500]
        assert len(raw) == min(len(text), 64 * 1024) or len(raw) >= 64 * 1024 - 4, text[:500]
    assert len(found) == len(reference.rejected), made_by


def test_every_aggregate_is_that_of_the_reference(loaded):
    check_aggregates(loaded.data, loaded.reference, loaded.made_by)


def test_every_raw_event_is_that_of_the_reference_in_its_order(loaded):
    check_raw(loaded.data, loaded.reference, loaded.made_by)


def test_every_rejection_is_kept_with_its_field_and_code(loaded):
    check_rejections(loaded.data, loaded.reference, loaded.made_by)


def test_counts_and_warnings_are_those_of_the_reference(loaded):
    check_counts(loaded.data, loaded.reference)


def test_the_summary_of_load_tells_the_counts(loaded):
    digits = loaded.summary.replace(",", "").replace("_", "").replace("'", "")
    for name in ("accepted", "duplicate", "rejected"):
        assert str(loaded.reference.counts[name]) in digits, loaded.summary


def test_the_views_show_the_same_numbers(loaded):
    measures = ", ".join(engine.MEASURES)
    with harness.database(loaded.data) as db:
        for view, cells in loaded.reference.tables().items():
            if view == "sales_by_product":
                sql = f"SELECT day, product_id, currency, orders, units, total FROM {view}"
            elif view == "sales_totals":
                sql = f"SELECT source, state, currency, {measures} FROM {view}"
            else:
                sql = f"SELECT bucket, source, state, currency, {measures} FROM {view}"
            names = engine.PRODUCT_MEASURES if view == "sales_by_product" else engine.MEASURES
            shown = {row[: -len(names)]: row[-len(names) :] for row in db.execute(sql)}
            for key, sums in harness.without_zeros(cells).items():
                row = dict(zip(names, shown[self_key(view, key)], strict=True))
                for name in names:
                    wanted = as_shown(sums[name]) if name in harness.AMOUNT_COLUMNS else sums[name]
                    assert row[name] == wanted, (view, key, name)


def as_shown(amount_e4):
    """An amount as a view shows it, a float: exact to the last digit up to 2^53 ten-thousandths, and from there on
    as near as one."""
    return float(amount_e4) / 10_000


def self_key(view, key):
    """A cell's key as the view spells it."""
    if view == "sales_totals":
        return key
    at, *rest = key
    if view in ("sales_by_day", "sales_by_product"):
        return (harness.day_text(at), *rest)
    seconds = at * (60 if view == "sales_by_minute" else 3600)
    return (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)), *rest)


def test_the_view_that_dashboards_read_is_the_totals_in_the_shops_currency(loaded):
    with harness.database(loaded.data) as db:
        rows = db.execute(
            "SELECT source, state, total_sum_amount, processed_at, batch_id FROM total_sales_by_source_state"
        ).fetchall()
    wanted = {k[:2]: as_shown(v["total"]) for k, v in loaded.reference.totals.items() if k[2] == "USD"}
    assert {row[:2]: row[2] for row in rows} == wanted
    assert all(row[3] and row[4] >= 1 for row in rows)


def test_the_raw_views_show_the_columns_of_the_contract(loaded):
    columns = ["order_id", "created_at", "customer_id", "discount", "product_id", "quantity", "subtotal", "tax",
               "timestamp", "total", "source", "state", "currency", "shipping", "items", "position"]  # fmt: skip
    with harness.database(loaded.data) as db:
        assert set(columns) <= {c[0] for c in db.execute("SELECT * FROM orders LIMIT 0").description}
        adjustments = {c[0] for c in db.execute("SELECT * FROM order_adjustments LIMIT 0").description}
        assert {*columns, "event", "event_id"} <= adjustments
        newest = db.execute("SELECT order_id FROM recent_orders").fetchall()
        shown = db.execute("SELECT order_id, created_at, total FROM orders ORDER BY position LIMIT 500").fetchall()
    placed = list(loaded.reference.orders.values())
    assert [row[0] for row in newest] == [o.order_id for o in placed[::-1][:1000]]
    wanted = [(o.order_id, harness.instants.show(o.created_ms), as_shown(o.amounts["total"])) for o in placed[:500]]
    assert shown == wanted


def test_verify_passes_and_rebuild_changes_nothing(loaded):
    harness.must_run("verify", "--data", loaded.data, timeout=LONGEST_S)
    before = harness.stored_aggregates(loaded.data)
    harness.must_run("rebuild", "--data", loaded.data, timeout=LONGEST_S)
    assert harness.stored_aggregates(loaded.data) == before
    harness.must_run("verify", "--data", loaded.data, timeout=LONGEST_S)


def test_rebuild_repairs_what_was_tampered_with_and_verify_sees_it(loaded, tmp_path):
    copy = tmp_path / "data"
    shutil.copytree(loaded.data, copy)
    changes = [
        "UPDATE total_cells SET total_e4 = total_e4 + 1 WHERE cell = (SELECT max(cell) FROM total_cells)",
        "UPDATE day_cells SET units = units - 1 WHERE cell = (SELECT min(cell) FROM day_cells)",
        "DELETE FROM product_cells WHERE cell = (SELECT max(cell) FROM product_cells WHERE total_e4 <> 0)",
        "INSERT INTO hour_cells SELECT cell + (1 << 32) * 99, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 FROM hour_cells "
        "ORDER BY cell DESC LIMIT 1",
        "UPDATE minute_cells SET orders = orders + 1 WHERE cell = (SELECT max(cell) FROM minute_cells)",
    ]
    for change in changes:
        connection = sqlite3.connect(copy / "sales.db")
        with connection:
            assert connection.execute(change).rowcount == 1, change
        connection.close()
        done = harness.run("verify", "--data", copy)
        assert done.returncode == 1, (change, done)
        harness.must_run("rebuild", "--data", copy)
        harness.must_run("verify", "--data", copy)
    check_aggregates(copy, loaded.reference, loaded.made_by)


def test_loading_it_all_again_changes_nothing_but_counts(loaded):
    # Last of the tests on `loaded`: it changes the counts that the others look at.
    before = harness.stored_aggregates(loaded.data)
    raw = harness.stored_events(loaded.data)
    loaded.load()
    assert harness.stored_aggregates(loaded.data) == before
    assert harness.stored_events(loaded.data) == raw
    stored = harness.stored_counts(loaded.data)
    counts = loaded.reference.counts
    assert stored["accepted"] == counts["accepted"]
    assert stored["duplicate"] == counts["accepted"] + 2 * counts["duplicate"]
    assert stored["rejected"] == 2 * counts["rejected"]
    harness.must_run("verify", "--data", loaded.data)


@pytest.mark.parametrize("timezone", ["Australia/Lord_Howe", "Asia/Kathmandu", "Europe/Dublin", "America/Caracas",
                                      "Pacific/Apia", "UTC"])  # fmt: skip
def test_other_zones_give_the_references_days(timezone, tmp_path):
    small = Loaded(tmp_path, SEED + 1, 4000, timezone)
    check_aggregates(small.data, small.reference, small.made_by)
    check_raw(small.data, small.reference, small.made_by)


# --- Over HTTP: verdicts as they are answered


def is_json(text):
    try:
        rules.read_json(text)
    except rules.Faulty as faulty:
        return all(code != "not_json" for _, code in faulty.faults)
    return True


def cut(texts, rng):
    """The events as requests: (form, list of texts), in their order."""
    at = 0
    while at < len(texts):
        form = rng.choice(["single", "single", "array", "array", "lines", "lines", "lines"])
        n = 1 if form == "single" else rng.choice([1, 2, 10, 100, 400])
        chunk = texts[at : at + n]
        if form == "array" and not all(map(is_json, chunk)):
            form = "lines"
        if form == "single" and not (is_json(chunk[0]) and chunk[0].startswith(b"{")):
            form = "lines"
        yield form, chunk
        at += n


def body_of(form, chunk, rng):
    if form == "single":
        return harness.JSON, chunk[0]
    if form == "array":
        separator = rng.choice([b",", b" ,\n", b",\r\n\t"])
        return harness.JSON, b"[" + separator.join(chunk) + b"]"
    return harness.NDJSON, rng.choice([b"\n", b"\r\n"]).join(chunk) + rng.choice([b"", b"\n"])


def check_answer(answer, verdicts, chunk):
    counts = {name: sum(v.verdict == name for v in verdicts) for name in ("accepted", "duplicate", "rejected")}
    taken = counts["accepted"] + counts["duplicate"] > 0
    assert answer.status == (202 if taken else 422), (answer, chunk[0][:300])
    body = answer.json()
    assert {name: body[name] for name in counts} == counts, (body, [c[:200] for c in chunk])
    wanted = [i for i, v in enumerate(verdicts) if v.verdict == "rejected"]
    assert [e["index"] for e in body["errors"]] == wanted
    for error in body["errors"]:
        verdict = verdicts[error["index"]]
        assert verdict.allows(error["field"], error["code"]), (error, verdict.faults, chunk[error["index"]][:500])
        assert error["message"], error


def test_every_verdict_over_http_is_that_of_the_reference(server, tmp_path):
    seed, now_ms = SEED + 2, int(time.time() * 1000)
    made_by = f"seed {seed}, now_ms {now_ms}"
    rng = random.Random(seed)
    generator = events.Generator(seed, now_ms, TIMEZONE)
    generator.customers(tmp_path / "customers.csv")
    reference = engine.Reference("USD", TIMEZONE, engine.read_customers(tmp_path / "customers.csv"))
    options = (*SHOP, "--customers", tmp_path / "customers.csv")
    one = server(*options)
    connection = one.connection()
    texts = list(generator.events(N_HTTP_EVENTS))
    for form, chunk in cut(texts, rng):
        verdicts = [reference.submit_json(text, now_ms) for text in chunk]
        content_type, body = body_of(form, chunk, rng)
        headers = {"Content-Type": content_type}
        if rng.random() < 0.3:
            headers["Content-Encoding"], body = "gzip", harness.gzipped(body)
        answer = harness.ask(connection, "POST", "/v1/orders", body, headers)
        check_answer(answer, verdicts, chunk)
    check_aggregates(one.data, reference, made_by)
    check_raw(one.data, reference, made_by)
    check_rejections(one.data, reference, made_by)
    check_counts(one.data, reference)
    harness.must_run("verify", "--data", one.data)  # beside the server

    check_sales(one, reference)
    check_orders(one, reference, rng)

    one.stop()
    one = server(*options)
    check_aggregates(one.data, reference, made_by)
    for at in range(0, len(texts), 500):
        chunk = texts[at : at + 500]
        body = one.post(b"\n".join(chunk), harness.NDJSON).json()
        assert body["accepted"] == 0, (made_by, at)
    check_aggregates(one.data, reference, made_by)
    one.stop()
    harness.must_run("rebuild", "--data", one.data)
    check_aggregates(one.data, reference, made_by)


def check_sales(one, reference):
    days = sorted({key[0] for key in reference.days})
    for by in ((), ("source",), ("state",), ("source", "state")):
        check_query(one, reference, by, None)
        check_query(one, reference, by, "hour")
        check_query(one, reference, by, "day")
    check_query(one, reference, ("source", "state"), "minute")
    check_query(one, reference, ("product",), None)
    check_query(one, reference, ("product",), "day", days[-40], days[-1])
    check_query(one, reference, ("source",), "day", days[len(days) // 2], days[-1])
    check_query(one, reference, ("source",), None, days[len(days) // 2], days[-1])
    names = [sorted({key[i] for key in reference.totals}, key=str) for i in range(2)]
    for only in ({"source": names[0][:2]}, {"source": names[0][1:], "state": names[1][:3]}, {"currency": ["USD"]}):
        for bucket in (None, "minute", "hour", "day"):
            check_query(one, reference, ("state",), bucket, only=only)
        check_query(one, reference, (), None, days[len(days) // 2], days[-1], only=only)
    products = sorted({key[1] for key in reference.products if key[2] == "USD"}, key=str)
    for only in ({"product": products[::7][:16]}, {"product": products[:5], "currency": ["USD"]}):
        for bucket in (None, "day"):
            check_query(one, reference, ("product",), bucket, only=only)
            check_query(one, reference, (), bucket, only=only)
    for by, bucket in ((("source", "state"), None), (("source",), "day"), (("state",), "hour"), (("product",), None),
                       (("product",), "day")):  # fmt: skip
        check_largest(one, reference, by, bucket, days[-40], days[-1])
    check_compared(one, reference, ("source",), None, days[-20], days[-10], days[-40])
    check_compared(one, reference, ("source", "state"), "day", days[-20], days[-10], days[-40])
    check_compared(one, reference, ("product",), "day", days[-20], days[-10], days[-40])


PARAMETERS = {"source": "source", "state": "state", "product": "product_id", "currency": "currency"}


def narrowed(only):
    return [f"{PARAMETERS[field]}={urllib.parse.quote(str(v), safe='')}" for field, values in (only or {}).items()
            for v in values]  # fmt: skip


def check_largest(one, reference, by, bucket, start, end):
    path = f"/v1/sales?by={','.join(by)}&top=5&from={harness.day_text(start)}&to={harness.day_text(end)}"
    numbers = (start, end)
    if bucket == "hour":
        numbers = tuple(harness.instants.parse(harness.day_text(day), reference.zone) // 3_600_000 for day in numbers)
    path += f"&bucket={bucket}" if bucket else ""
    names = engine.PRODUCT_MEASURES if "product" in by else engine.MEASURES
    answer = one.get(path)
    assert answer.status == 200, (path, answer.body[:500])
    found = {}
    for row in answer.json()["rows"]:
        rest = ("others",) * 3 if row["others"] else (row.get("source"), row.get("state"), row.get("product_id"))
        found[row.get("bucket"), *rest, row["currency"]] = ({n: row[n] for n in names}, row["others"])
    wanted = {}
    for key, (sums, n) in reference.largest(5, by, bucket, *numbers).items():
        shown = {m: money.show(v) if m in harness.AMOUNT_COLUMNS else v for m, v in sums.items()}
        wanted[bucket_text(bucket, key[0]), *key[1:]] = (shown, n)
    assert found == wanted, (path, harness.differences(found, wanted))


def bucket_text(bucket, number):
    if bucket == "day":
        return harness.day_text(number)
    return harness.instants.show(number * {"minute": 60_000, "hour": 3_600_000}[bucket]) if bucket else None


def check_compared(one, reference, by, bucket, start, end, other):
    path = f"/v1/sales?by={','.join(by)}&from={harness.day_text(start)}&to={harness.day_text(end)}&compare={harness.day_text(other)}"
    answer = one.get(path + (f"&bucket={bucket}" if bucket else ""))
    assert answer.status == 200, (path, answer.body[:500])
    now = reference.sales(by, bucket, start, end)
    then = {(k[0] - other + start if bucket else None, *k[1:]): v
            for k, v in reference.sales(by, bucket, other, other + end - start).items()}  # fmt: skip
    assert now and then
    names = engine.PRODUCT_MEASURES if "product" in by else engine.MEASURES
    found = {}
    for row in answer.json()["rows"]:
        key = (row.get("bucket"), row.get("source"), row.get("state"), row.get("product_id"), row["currency"])
        found[key] = [{n: part[n] for n in names} for part in (row, row["before"])]
    wanted = {}
    zero = dict.fromkeys(names, 0)
    for key in now | then:
        both = [{m: money.show(v) if m in harness.AMOUNT_COLUMNS else v for m, v in sums.get(key, zero).items()}
                for sums in (now, then)]  # fmt: skip
        wanted[bucket_text(bucket, key[0]), *key[1:]] = both
    assert found == wanted, (path, harness.differences(found, wanted))



def check_query(one, reference, by, bucket, start=None, end=None, only=None):
    """start and end are the shop's days."""
    parts = [f"by={','.join(by)}"]
    parts += [f"bucket={bucket}"] if bucket else []
    parts += [f"from={harness.day_text(start)}"] if start is not None else []
    parts += [f"to={harness.day_text(end)}"] if end is not None else []
    path = "/v1/sales?" + "&".join(parts + narrowed(only))
    answer = one.get(path)
    assert answer.status == 200, (path, answer.body[:500])
    names = engine.PRODUCT_MEASURES if "product" in (*by, *(only or {})) else engine.MEASURES
    found = {}
    for row in answer.json()["rows"]:
        at = row.get("bucket")
        product = row.get("product_id")
        key = (at, row.get("source"), row.get("state"), product, row["currency"])
        assert key not in found, (path, key)
        shown = {name: row[name] for name in names if name in row}
        for name in names:
            if name in harness.AMOUNT_COLUMNS:
                assert isinstance(shown[name], str), (path, row)
        found[key] = shown
    wanted = {}
    for key, sums in reference.sales(by, bucket, start, end, only).items():
        at = bucket_text(bucket, key[0])
        shown = {n: money.show(v) if n in harness.AMOUNT_COLUMNS else v for n, v in sums.items()}
        if any(sums.values()):
            wanted[at, *key[1:]] = shown
    found = {k: v for k, v in found.items() if any(v[n] not in (0, "0.0000") for n in v)}
    common = {n for row in found.values() for n in row}
    assert {"orders", "units", "total"} <= common, path
    wanted = {k: {n: v[n] for n in v if n in common} for k, v in wanted.items()}
    assert not harness.differences(found, wanted), (path, harness.differences(found, wanted))


def check_orders(one, reference, rng):
    """GET /v1/orders/{order_id} for orders of every spelling."""
    adjustments = {}
    for o in reference.adjustments.values():
        adjustments.setdefault(o.order_id, []).append(o)
    ids = list({**reference.orders, **adjustments})
    for order_id in rng.sample(ids, 400):
        answer = one.get("/v1/orders/" + urllib.parse.quote(str(order_id), safe=""))
        known = reference.orders.get(order_id)
        body = answer.json()
        assert answer.status == 200, (order_id, answer)
        changes = body["adjustments"]
        assert [c["event_id"] or None for c in changes] == [o.event_id for o in adjustments.get(order_id, [])], body
        if known:
            check_shown(body["order"], known)
        else:
            assert body["order"] is None
        for change, o in zip(changes, adjustments.get(order_id, []), strict=True):
            assert change["event"] == o.event
            check_shown(change, o)
    for unknown in ("no-such-order", "0", "%00", "%ff", "x" * 65, "9223372036854775808123"):
        one.get(f"/v1/orders/{unknown}").problem(400 if "%00" in unknown else 404)


def check_shown(shown, o):
    assert shown["order_id"] == o.order_id, shown
    assert shown["created_at"] == harness.instants.show(o.created_ms)
    for name, value in o.amounts.items():
        assert shown[name] == money.show(value), (name, shown)
    assert (shown["source"], shown["state"], shown["currency"]) == (o.source, o.state, o.currency)
    assert shown["quantity"] == o.quantity
    assert shown.get("customer_id") == o.customer_id
    assert shown.get("product_id") == o.product_id
    if o.items:
        assert [(i["product_id"], i["quantity"], i["subtotal"]) for i in shown["items"]] == [
            (p, q, money.show(s)) for p, q, s in o.items
        ]


def test_the_922_largest_totals_fit_and_the_next_is_refused(server):
    one = server()
    huge = [harness.order(i, total="999999999999.9999", subtotal=0) for i in range(925)]
    body = one.post(huge).json()
    assert (body["accepted"], body["rejected"]) == (922, 3)
    assert {e["code"] for e in body["errors"]} == {"overflow"}
    assert [e["index"] for e in body["errors"]] == [922, 923, 924]
    assert one.post(harness.order(9999, total="100", subtotal="100")).json()["accepted"] == 1
    assert one.post(harness.order(9998, total="100", currency="EUR")).json()["accepted"] == 1
    (row,) = [r for r in one.get("/v1/sales?by=").json()["rows"] if r["currency"] == "USD"]
    assert row["total"] == "922000000000099.9078"
    harness.must_run("verify", "--data", one.data)
