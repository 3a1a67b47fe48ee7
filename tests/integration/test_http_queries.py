# SPDX-License-Identifier: MIT
"""GET: single orders, sums, rejections, health, metrics, the API's description, the page."""

import base64
import collections
import csv
import decimal
import gzip
import hashlib
import io
import json
import re
import time
import urllib.parse

import pytest

import harness
from harness import NDJSON, lines, order


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A server with a small, known history, and New York's days."""
    one = harness.Server(tmp_path_factory.mktemp("shop"), "--timezone", "America/New_York", "--currency", "USD")
    events = [
        order(1, source="A", state="X", created_at="2024-05-01T10:00:00Z", total=10, customer_id="c 1"),
        order(2, source="A", state="Y", created_at="2024-05-01T10:00:59Z", total=20, product_id="tea"),
        order(3, source="B", state="Y", created_at="2024-05-02T03:59:59Z", total=30),  # still the 1st in New York
        order(4, source="B", state="Y", created_at="2024-05-02T04:00:00Z", total=40, currency="EUR"),
        order("a/b ?#%", source="Ü & co", state="Z", created_at="2024-05-03T12:00:00Z", total=50, tax="1.00005"),
        order(2, event="refunded", event_id="r1", created_at="2024-05-04T00:00:00Z", total="5.5", quantity=0, subtotal=0,
              product_id="tea"),
        order(3, event="cancelled", created_at="2024-05-05T00:00:00Z", total=30),
        order(9, event="cancelled", created_at="2024-05-05T00:00:00Z", total=1),
        order(10, total=-1), order(11, quantity="x"), {"not": "an order"},
    ]  # fmt: skip
    answer = one.post(lines(*events), NDJSON)
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (8, 3)
    yield one
    one.stop()


def rows(shop, query=""):
    answer = shop.get("/v1/sales" + query)
    assert answer.status == 200, answer
    return answer.json()["rows"]


def test_sums_without_a_question_are_all_there_is_by_currency(shop):
    found = {row["currency"]: row for row in rows(shop, "?by=")}
    assert set(found) == {"USD", "EUR"}
    assert found["USD"]["orders"] == 4 - 2
    assert found["USD"]["total"] == "73.5000"
    assert found["USD"]["refunded_total"] == "5.5000"
    assert found["USD"]["tax"] == "1.0000"
    assert found["EUR"]["total"] == "40.0000"


@pytest.mark.parametrize("by", ["source", "state", "source,state", "state,source"])
def test_sums_by_groups(shop, by):
    found = rows(shop, f"?by={by}")
    names = by.split(",")
    usd = {tuple(row[n] for n in names): row["total"] for row in found if row["currency"] == "USD"}
    by_both = {("A", "X"): "10.0000", ("A", "Y"): "14.5000", ("B", "Y"): "0.0000", ("Ü & co", "Z"): "50.0000",
               ("(unknown)", "(unknown)"): "-1.0000"}  # fmt: skip
    if len(names) == 2:
        wanted = {k if names[0] == "source" else k[::-1]: v for k, v in by_both.items()}
    elif by == "source":
        wanted = {("A",): "24.5000", ("B",): "0.0000", ("Ü & co",): "50.0000", ("(unknown)",): "-1.0000"}
    else:
        wanted = {("X",): "10.0000", ("Y",): "14.5000", ("Z",): "50.0000", ("(unknown)",): "-1.0000"}
    assert usd == wanted


def test_days_are_the_shops(shop):
    found = {(r["bucket"], r["currency"]): r["total"] for r in rows(shop, "?by=&bucket=day")}
    assert found == {
        ("2024-05-01", "USD"): "60.0000", ("2024-05-02", "EUR"): "40.0000", ("2024-05-03", "USD"): "44.5000",
        ("2024-05-04", "USD"): "-31.0000",
    }  # fmt: skip


def test_from_is_inclusive_and_to_is_exclusive(shop):
    found = rows(shop, "?by=&bucket=day&from=2024-05-02&to=2024-05-04")
    assert [r["bucket"] for r in found] == ["2024-05-02", "2024-05-03"]
    assert rows(shop, "?by=&bucket=day&from=2024-06-01") == []
    (row,) = rows(shop, "?by=&from=2024-05-01&to=2024-05-02")
    assert (row["orders"], row["total"]) == (3, "60.0000")


def test_products_are_by_day(shop):
    found = {(str(r["product_id"]), r["currency"]): r["total"] for r in rows(shop, "?by=product")}
    assert found[("tea", "USD")] == "14.5000"
    days = rows(shop, "?by=product&bucket=day&from=2024-05-01&to=2024-05-02")
    assert {(r["bucket"], str(r["product_id"])) for r in days} == {("2024-05-01", "1"), ("2024-05-01", "tea")}


@pytest.mark.parametrize("query", ["by=color", "by=source,color", "bucket=week", "bucket=day&from=x", "bucket=day&to=2024-13-01",
                                   "by=product&bucket=minute", "by=product&bucket=hour", "from=2024-02-30", "bucket=",
                                   "bucket=minute&from=2024-05-01T10:00:61Z", "bucket=day&from=2024-05-04&to=2024-05-04",
                                   "by=source&by=state", "buckets=day", "by=source,product", "by=source,source",
                                   "bucket=hour&product_id=1", "by=source&product_id=1", "compare=2024-05-01&to=2024-05-02"])  # fmt: skip
def test_a_wrong_question_is_answered_400_naming_the_parameter(shop, query):
    problem = shop.get(f"/v1/sales?{query}").problem(400)
    assert any(name in problem["detail"] for name in ("by", "bucket", "from", "to"))


def test_sums_are_narrowed_by_names_of_any_text(shop):
    found = rows(shop, "?source=" + urllib.parse.quote("Ü & co") + "&source=A&by=source")
    assert {r["source"]: r["total"] for r in found} == {"A": "24.5000", "Ü & co": "50.0000"}
    assert rows(shop, "?source=A&source=A")  # twice is once
    (row,) = rows(shop, "?by=&state=Y&currency=USD")
    assert (row["orders"], row["total"]) == (1, "14.5000")
    assert rows(shop, "?by=&source=nobody") == []
    (row,) = rows(shop, "?product_id=tea")
    assert (row["orders"], row["total"]) == (1, "14.5000")
    assert "product_id" not in row
    days = rows(shop, "?by=product&product_id=tea&product_id=1&bucket=day&from=2024-05-01&to=2024-05-02&currency=USD")
    assert [(str(r["product_id"]), r["total"]) for r in days] == [("1", "40.0000"), ("tea", "20.0000")]


def test_the_largest_groups_and_the_rest(shop):
    found = rows(shop, "?by=source&currency=USD&top=2")
    assert [(r["source"], r["rank"], r["others"], r["total"]) for r in found] == [
        ("Ü & co", 1, 0, "50.0000"), ("A", 2, 0, "24.5000"), (None, None, 2, "-1.0000")]  # fmt: skip
    found = rows(shop, "?by=source&currency=USD&top=1&bucket=day&from=2024-05-01&to=2024-05-04")
    assert [(r["bucket"], r["source"], r["others"], r["total"]) for r in found] == [
        ("2024-05-01", None, 2, "60.0000"), ("2024-05-03", "Ü & co", 0, "50.0000"), ("2024-05-03", None, 1, "-5.5000")]  # fmt: skip


def test_a_second_range_stands_beside_the_first(shop):
    answer = shop.get("/v1/sales?by=source&currency=USD&from=2024-05-03&to=2024-05-04&compare=2024-05-01").json()
    found = {r["source"]: (r["total"], r["before"]["total"], r["before"]["orders"]) for r in answer["rows"]}
    assert found == {"A": ("-5.5000", "30.0000", 2), "B": ("0.0000", "30.0000", 1), "Ü & co": ("50.0000", "0.0000", 0)}
    assert answer["compare"] == {"from": "2024-05-01", "to": "2024-05-02", "until": None}


def test_an_answer_is_not_sent_again_until_something_was_counted(server):
    one = server()
    one.post(order(1, source="A"))
    for query in ("?by=source", "?by=source&format=csv"):
        first = one.get("/v1/sales" + query)
        tag = first.headers["etag"]
        again = one.get("/v1/sales" + query, {"If-None-Match": tag})
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    one.post(order(2, source="A"))
    fresh = one.get("/v1/sales?by=source&format=csv", {"If-None-Match": tag})
    assert fresh.status == 200
    assert fresh.headers["etag"] != tag
    assert one.get("/v1/sales?by=source", {"If-None-Match": fresh.headers["etag"]}).status == 200  # another form


def test_sums_as_csv_open_safely_in_a_spreadsheet(server):
    one = server()
    events = [order(i, source=name, state="CA", total="-1.5", discount="1.5", subtotal=0)
              for i, name in enumerate(("=1+1", "+A", "-A", "@A", 'say "hi", twice', "plain"))]  # fmt: skip
    assert one.post(lines(*events), NDJSON).json()["accepted"] == 6
    answer = one.get("/v1/sales?by=source", {"Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    table = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))
    assert [r["source"] for r in table] == ["'+A", "'-A", "'=1+1", "'@A", "plain", 'say "hi", twice']
    assert {r["total"] for r in table} == {"-1.5000"}
    assert one.get("/v1/sales?by=source&format=json", {"Accept": "text/csv"}).json()["rows"]


def test_an_order_is_found_by_the_text_that_it_was_sent_with(server):
    one = server()
    one.post(lines(order(" x"), order("y" * 64 + "\t"), order(3, quantity=1.0), order(4, quantity="2.0")), NDJSON)
    for path, wanted in (("%20x", "x"), ("x", "x"), ("x%20%09", "x"), ("y" * 64 + "%20", "y" * 64)):
        found = one.get(f"/v1/orders/{path}")
        assert (found.status, found.json()["order"]["order_id"]) == (200, wanted), path
    one.get("/v1/orders/%20").problem(404)
    assert [one.get(f"/v1/orders/{n}").json()["order"]["quantity"] for n in (3, 4)] == [1, 2]


def test_one_order_is_shown_with_what_changed_it(shop):
    body = shop.get("/v1/orders/2").json()
    assert body["order"]["order_id"] == 2
    assert body["order"]["total"] == "20.0000"
    assert body["order"]["created_at"] == "2024-05-01T10:00:59.000Z"
    (refund,) = body["adjustments"]
    assert (refund["event"], refund["event_id"], refund["total"]) == ("refunded", "r1", "5.5000")
    assert (refund["source"], refund["state"]) == ("A", "Y")
    assert shop.get("/v1/orders/1").json()["order"]["customer_id"] == "c 1"


def test_a_trace_names_every_sum_that_an_order_changed(shop):
    events = shop.get("/v1/orders/2/trace").json()["events"]
    assert [e["event"]["event"] for e in events] == ["placed", "refunded"]
    assert events[0]["event"] == shop.get("/v1/orders/2").json()["order"]
    placed = {c["table"]: c for c in events[0]["cells"]}
    # Minutes and hours of 2024 are no longer kept.
    assert set(placed) == {"total", "day", "product"}
    assert (placed["day"]["bucket"], placed["day"]["source"], placed["day"]["state"]) == ("2024-05-01", "A", "Y")
    assert (placed["product"]["product_id"], placed["product"]["total"]) == ("tea", "20.0000")
    refunded = {c["table"]: c for c in events[1]["cells"]}
    assert (refunded["day"]["bucket"], refunded["day"]["total"], refunded["day"]["refunds"]) == ("2024-05-03", "-5.5000", 1)
    shop.get("/v1/orders/8/trace").problem(404)


def test_what_all_traces_say_adds_up_to_the_sums(server):
    one = server("--timezone", "America/New_York")
    now = time.time()
    events = [order(i, source=f"s{i % 3}", state=f"t{i % 2}", total=i + 1, created_at=harness.instants.show(int((now - i * 1800) * 1000)),
                    **({"product_id": f"p{i % 4}", "quantity": i} if i % 5 else {}))
              for i in range(1, 40)]  # fmt: skip
    for e in events[::5]:
        e.pop("product_id", None), e.pop("quantity", None)
        e["items"] = [{"product_id": "a", "quantity": 1, "subtotal": 1}, {"product_id": "b", "quantity": 2, "subtotal": 2},
                      {"product_id": "a", "quantity": 3, "subtotal": 3}]  # fmt: skip
    events += [order(5, event="refunded", event_id="r", total=2, quantity=1, product_id="p1",
                     created_at=harness.instants.show(int(now * 1000)))]  # fmt: skip
    assert one.post(lines(*events), NDJSON).json()["accepted"] == len(events)
    sums = {}
    for order_id in {e["order_id"] for e in events}:
        for event in one.get(f"/v1/orders/{order_id}/trace").json()["events"]:
            for cell in event["cells"]:
                key = tuple(cell.get(k) for k in ("table", "bucket", "source", "state", "product_id", "currency"))
                mine = sums.setdefault(key, collections.Counter())
                for name in set(cell) - {"table", "bucket", "source", "state", "product_id", "currency"}:
                    mine[name] += decimal.Decimal(cell[name])
    wanted = {}
    for table, query in (("total", "?"), ("minute", "?bucket=minute"), ("hour", "?bucket=hour"), ("day", "?bucket=day"),
                         ("product", "?by=product&bucket=day")):  # fmt: skip
        for row in rows(one, query):
            key = (table, *(row.get(k) for k in ("bucket", "source", "state", "product_id", "currency")))
            wanted[key] = {n: decimal.Decimal(v) for n, v in row.items()
                           if n not in ("bucket", "source", "state", "product_id", "currency")}  # fmt: skip
    assert len(wanted) > 80
    assert {k: dict(v) for k, v in sums.items()} == wanted


def test_an_id_of_any_printable_text_can_be_asked_for(shop):
    path = "/v1/orders/" + urllib.parse.quote("a/b ?#%", safe="")
    assert shop.get(path).json()["order"]["order_id"] == "a/b ?#%"
    assert shop.get(path + "/trace").json()["events"][0]["event"]["order_id"] == "a/b ?#%"
    shop.post(order("x/trace", created_at="2024-05-02T12:00:00Z", total=0))
    assert shop.get("/v1/orders/x%2Ftrace").json()["order"]["order_id"] == "x/trace"
    assert shop.get("/v1/orders/x%2Ftrace/trace").json()["events"][0]["event"]["order_id"] == "x/trace"
    shop.get("/v1/orders//trace").problem(404)
    shop.get("/v1/orders/8").problem(404)


def test_rejected_events_are_shown_newest_first_with_their_text(shop):
    found = shop.get("/v1/rejected").json()["rows"]
    assert [(r["field"], r["code"]) for r in found][1:] == [("quantity", "malformed"), ("total", "negative")]
    assert json.loads(found[2]["raw"])["order_id"] == 10
    assert all(r["message"] for r in found)
    limited = shop.get("/v1/rejected?limit=1").json()["rows"]
    assert limited == found[:1]
    older = shop.get(f"/v1/rejected?limit=1&before={limited[0]['id']}").json()["rows"]
    assert older == found[1:2]


def test_a_rejected_event_of_any_bytes_is_shown_as_json(server):
    one = server()
    for raw in (b"\xff\xfe", b'{"a":"\x00"}', b"{" + b"x" * 70_000, '{"é":"🛒'.encode()[:-1]):
        one.post(raw, NDJSON).problem(422)
    found = one.get("/v1/rejected").json()["rows"]
    assert len(found) == 4
    assert {r["code"] for r in found} == {"not_json"}


def test_health_and_readiness(shop):
    assert shop.get("/healthz").status == 200
    ready = shop.get("/readyz")
    assert ready.status == 200


def test_metrics_parse_and_add_up(server):
    one = server()
    one.post(lines(order(1), order(2), order(1), order(3, total="x"), order(4, total="1.00005")), NDJSON)
    answer = one.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    found = harness.metrics(answer.body.decode())
    events = {dict(labels)["verdict"]: value for name, values in found.items() if name.startswith("salestide_events")
              for labels, value in values.items() if "verdict" in dict(labels)}  # fmt: skip
    assert events == {"accepted": 3, "duplicate": 1, "rejected": 1}
    assert sum(events.values()) == 5
    warnings = {dict(labels)["kind"]: value for name, values in found.items() if name.startswith("salestide_warnings")
                for labels, value in values.items() if "kind" in dict(labels)}  # fmt: skip
    assert warnings["amount_rounded"] == 1
    assert warnings["late"] == 3
    assert all(name.startswith(("salestide_", "process_")) for name in found)
    for name, values in found.items():
        if name.endswith("_bucket"):
            bounds = sorted((float(dict(labels)["le"]), value) for labels, value in values.items())
            assert bounds[-1][0] == float("inf"), name
            assert [v for _, v in bounds] == sorted(v for _, v in bounds), name
            assert found[name.removesuffix("_bucket") + "_count"][()] == bounds[-1][1], name
    assert found["salestide_http_responses_total"][(("status", "202"),)] == 1
    version = harness.must_run("--version").split()[-1]
    assert found["salestide_build_info"] == {(("version", version),): 1}
    age_s = time.time() - found["process_start_time_seconds"][()]
    assert 0 <= age_s < 120
    again = harness.metrics(one.get("/metrics").body.decode())
    for name, values in found.items():
        if name.endswith(("_total", "_count", "_bucket")):
            for labels, value in values.items():
                assert again[name][labels] >= value, name


def test_the_description_of_the_api_is_valid_and_every_path_answers(shop):
    from openapi_spec_validator import validate

    description = shop.get("/openapi.json").json()
    validate(description)
    assert description["openapi"].startswith("3.")
    wanted = {"/v1/orders", "/v1/orders/{order_id}", "/v1/orders/{order_id}/trace", "/v1/sales", "/v1/stream", "/v1/rejected", "/v1/rejected/{id}/retry", "/v1/webhooks/{system}", "/healthz", "/readyz",
              "/metrics", "/login", "/logout"}  # fmt: skip
    assert wanted <= set(description["paths"])
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            if method == "get" and path != "/v1/stream":
                answer = shop.get(path.replace("{order_id}", "1"))
                assert str(answer.status) in operation["responses"], (path, answer.status)
                assert answer.status == 200, path
            if method == "post":
                event = json.dumps(order(1, source="A", state="X", total=10, customer_id="c 1")).encode()
                answer = shop.request("POST", path.replace("{id}", "1").replace("{system}", "shopify"), event, {"Content-Type": harness.JSON})
                assert str(answer.status) in operation["responses"]
                more = {"/login": ("401", "415", "429"), "/logout": (), "/v1/webhooks/{system}": ("401", "415")}.get(path, ("401", "415", "422"))
                for status in ("400", "403", "408", "413", "503", *more):
                    assert status in operation["responses"], (path, status)


def test_the_page_and_what_it_needs_are_served_and_nothing_from_elsewhere(shop):
    page = shop.get("/")
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src" in page.headers["content-security-policy"]
    text = re.sub(r"<(script|style)>.*?</\1>", "", page.body.decode(), flags=re.DOTALL)
    for path in re.findall(r'(?:src|href)="([^"#]+)"', text):
        assert not path.startswith(("http", "//")), path
        if not path.startswith("data:"):
            assert shop.get("/" + path.removeprefix("./").removeprefix("/")).status == 200, path


def policy_of(answer):
    """directive -> what it allows; each once"""
    parts = [part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";")]
    assert len(dict(parts)) == len(parts), parts
    return dict(parts)


def test_the_page_runs_and_uses_what_its_policy_names_by_a_hash_and_nothing_else(shop):
    page = shop.get("/")
    hashes = {}
    for tag, n in (("script", 2), ("style", 1)):
        texts = re.findall(rb"<%b\b[^>]*>(.*?)</%b>" % (tag.encode(), tag.encode()), page.body, flags=re.DOTALL)
        hashes[tag] = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'" for text in texts)
        assert len(texts) == n
    assert re.search(rb"<[^>]*\s(?:style|on[a-z]+)=", re.sub(rb"<(script|style)>.*?</\1>", b"", page.body, flags=re.DOTALL)) is None
    policy = {
        "default-src": "'none'",
        "script-src": hashes["script"],
        "style-src": hashes["style"],
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "manifest-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert policy_of(page) == policy
    assert policy_of(shop.get("/favicon.svg")) == policy | {"script-src": "'none'", "style-src": "'none'"}


def test_the_page_is_sent_packed_and_only_when_it_changed(shop):
    packed = shop.get("/", {"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    plain = shop.get("/")
    assert gzip.decompress(packed.body) == plain.body
    again = shop.get("/", {"If-None-Match": plain.headers["etag"]})
    assert again.status == 304
    assert again.body == b""


def test_answers_about_data_are_not_cached(shop):
    for path in ("/v1/sales", "/v1/orders/1", "/v1/rejected"):
        assert "no-store" in shop.get(path).headers["cache-control"], path


def test_a_503_names_no_path_of_the_machine(server):
    one = server()
    one.post(order(1))
    for path in one.data.glob("sales.db*"):
        path.rename(one.directory / path.name)
    problem = one.get("/v1/sales").problem(503)
    assert "sales.db" in problem["detail"]
    assert "/" not in problem["detail"], problem
