# SPDX-License-Identifier: MIT
"""`salestide load`: CSV and NDJSON, packed or not, into a data directory or to a server."""

import csv
import gzip
import json
import pathlib
import signal
import subprocess

import pytest

import harness
from harness import lines, order
from reference import engine, rules

SAMPLE = pathlib.Path(__file__).parent.parent / "data"
ARRIVAL_MS = 4_000_000_000_000  # whatever: the reference's minutes are not compared here


def totals(data):
    return {k: v for k, v in harness.stored_aggregates(data)["sales_totals"].items()}


def counts(data):
    stored = harness.stored_counts(data)
    return stored["accepted"], stored["duplicate"], stored["rejected"]


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


HEADER = "order_id,created_at,product_id,quantity,total\n"


def test_the_small_sample_gives_the_references_sums(tmp_path):
    done = harness.run("load", SAMPLE / "orders.csv", "--customers", SAMPLE / "customers.csv", "--data", tmp_path)
    assert done.returncode == 1, done  # since rows were rejected
    reference = engine.Reference("USD", "UTC", engine.read_customers(SAMPLE / "customers.csv"))
    with open(SAMPLE / "orders.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            reference.submit_cells(row, ARRIVAL_MS)
    found, wanted = harness.stored_aggregates(tmp_path), reference.tables()
    for name in ("sales_totals", "sales_by_day", "sales_by_product"):
        assert not harness.differences(harness.without_zeros(found[name]), harness.without_zeros(wanted[name]))
    assert counts(tmp_path) == (reference.counts["accepted"], reference.counts["duplicate"], reference.counts["rejected"])
    assert min(counts(tmp_path)) > 0
    harness.must_run("verify", "--data", tmp_path)


def test_csv_in_every_dialect_of_the_standard(tmp_path):
    text = (
        b"\xef\xbb\xbf" + b'order_id,"created_at",product_id,quantity,total,source,state,extra\r\n'
        b'1,2024-05-01,"a ""quoted"" one, with comma",2,"10.5",  GOOGLE  ,,x\r\n'
        b'2,2024-05-01,"line\nbreak? no: a control character",1,1,A,B,x\r\n'
        b"\r\n"
        b'3,"2024-05-01 10:00:00",7,1,1e1,"M\xc3\xbcnchen",BY,"multi\nline in an ignored column"\r\n'
        b"4,2024-05-01,7,1,2,A,B,last line without an end"
    )
    done = harness.run("load", write(tmp_path / "x.csv", text), "--data", tmp_path / "data")
    assert done.returncode == 1, done  # since a row was rejected
    assert counts(tmp_path / "data") == (3, 0, 1)
    assert b"x.csv:3: product_id: " in done.stderr
    assert b"(bad_character)" in done.stderr
    assert harness.stored_rejections(tmp_path / "data")[0][1] == "bad_character"
    assert {k: v["total"] for k, v in totals(tmp_path / "data").items()} == {
        ("GOOGLE", "(unknown)", "USD"): 105_000, ("München", "BY", "USD"): 100_000, ("A", "B", "USD"): 20_000,
    }  # fmt: skip


def test_rows_with_too_many_or_too_few_cells_are_rejected_and_the_others_count(tmp_path):
    text = HEADER + "1,2024-05-01,7,1,1\n2,2024-05-01,7,1\n3,2024-05-01,7,1,1,9\n4,2024-05-01,7,1,1\n5\n"
    harness.run("load", write(tmp_path / "x.csv", text), "--data", tmp_path / "data")
    assert counts(tmp_path / "data") == (2, 0, 3)
    assert {row[1] for row in harness.stored_rejections(tmp_path / "data")} == {"bad_row"}


def test_an_empty_cell_is_an_absent_field(tmp_path):
    text = "order_id,created_at,product_id,quantity,total,subtotal,customer_id,currency,event\n1,2024-05-01,7,1,1,,,,\n2,2024-05-01,7,1,,1,,,\n"
    harness.run("load", write(tmp_path / "x.csv", text), "--data", tmp_path / "data")
    assert counts(tmp_path / "data") == (1, 0, 1)
    ((field, code, *_),) = harness.stored_rejections(tmp_path / "data")
    assert (field, code) == ("total", "missing")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["x.csv", "x.ndjson", "x.jsonl", "x.json", "no-ending"])
def test_the_format_is_seen_by_name_or_content(tmp_path, name, packed):
    text = (HEADER + "1,2024-05-01,7,1,1\n").encode() if name == "x.csv" else lines(order(1))
    path = write(tmp_path / (name + (".gz" if packed else "")), gzip.compress(text) if packed else text)
    harness.must_run("load", path, "--data", tmp_path / "data")
    assert counts(tmp_path / "data") == (1, 0, 0)


@pytest.mark.parametrize("first", ["{", "[", "}", '{"order_id":', "order_id,total"])
def test_a_broken_first_line_of_ndjson_is_one_rejected_event(tmp_path, first):
    path = write(tmp_path / "x.ndjson", first.encode() + b"\n" + lines(order(1), order(2)))
    assert harness.run("load", path, "--data", tmp_path / "data").returncode == 1
    assert counts(tmp_path / "data") == (2, 0, 1)


def test_a_bad_string_in_an_array_is_one_rejected_event(tmp_path):
    bad = b'{"order_id":9,"source":"\\ud800"}'
    path = write(tmp_path / "x.json", b"[" + json.dumps(order(1)).encode() + b"," + bad + b"," + json.dumps(order(2)).encode() + b"]")
    assert harness.run("load", path, "--data", tmp_path / "data").returncode == 1
    assert counts(tmp_path / "data") == (2, 0, 1)


def test_standard_input_is_a_file_called_minus(tmp_path):
    harness.must_run("load", "-", "--data", tmp_path / "data", stdin=lines(order(1), order(2)))
    harness.must_run("load", "-", "--data", tmp_path / "data", stdin=(HEADER + "3,2024-05-01,7,1,1\n").encode())
    assert counts(tmp_path / "data") == (3, 0, 0)


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_csv_is_read_whatever_its_line_ends(tmp_path, end):
    customers = write(tmp_path / "customers.csv", end.join(["customer_id,source,state", "5,EMAIL,TX", "6,WEB,CA", ""]))
    rows = ["order_id,created_at,customer_id,product_id,quantity,total,note", '1,2024-05-01,5,7,1,1,"a, b"',
            "2,2024-05-01,6,7,1,1,", '3,2024-05-01,6,7,1,1,""']  # fmt: skip
    orders = write(tmp_path / "x.csv", end.join(rows))  # the last line without an end
    harness.must_run("load", orders, "--customers", customers, "--data", tmp_path / "data")
    assert counts(tmp_path / "data") == (3, 0, 0)
    assert {key[:2] for key in totals(tmp_path / "data")} == {("EMAIL", "TX"), ("WEB", "CA")}


def test_a_quote_left_open_in_a_column_that_nobody_reads_takes_no_rows(tmp_path):
    head = "order_id,created_at,product_id,quantity,total,note\n"
    text = head + "".join(
        f"{n},2024-05-01,7,1,1,{note}\n" for n, note in enumerate(["", '"open', "", "", 'shut"', '"a\nb"'], 1)
    )
    done = harness.run("load", write(tmp_path / "x.csv", text), "--data", tmp_path / "data")
    assert done.returncode == 1, done
    assert b"x.csv:3: " in done.stderr and b"a quote is opened here and closed 3 lines later" in done.stderr
    assert b"x.csv:6: " in done.stderr
    assert counts(tmp_path / "data") == (4, 0, 2), "the rows between and behind them count"
    customers = write(tmp_path / "customers.csv", 'customer_id,source,state,note\n5,A,TX,"x\n6,B,TX,\n7,C,TX,y"\n')
    done = harness.run("load", tmp_path / "x.csv", "--customers", customers, "--data", tmp_path / "other")
    assert done.returncode == 2, done
    assert b"customers.csv:2: a quote is opened here and closed 2 lines later" in done.stderr


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("begun", [False, True])
def test_a_load_of_an_idle_pipe_ends_when_it_is_told_to(tmp_path, stop, begun):
    command = [harness.binary(), "load", "-", "--data", tmp_path / "data"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=harness.clean_env()) as load:
        if begun:
            load.stdin.write(lines(order(1)))
            load.stdin.flush()
        # The signals are caught from the moment in which it has the directory.
        caught = 1 << (stop - 1)
        harness.wait_until(lambda: harness.caught_signals(load.pid) & caught, what="the command's beginning")
        load.send_signal(stop)
        assert load.wait(5) == 1
        assert b"stopped; what is loaded stays" in load.stderr.read()


def test_several_files_are_loaded_in_their_order(tmp_path):
    one = write(tmp_path / "1.ndjson", lines(order(1, source="first")))
    two = write(tmp_path / "2.ndjson.gz", gzip.compress(lines(order(1, source="second"), order(2))))
    harness.must_run("load", one, two, "--data", tmp_path / "data")
    assert counts(tmp_path / "data") == (2, 1, 0)
    assert ("first", "(unknown)", "USD") in totals(tmp_path / "data")


def test_columns_of_other_names_and_constants(tmp_path):
    text = "ID,WHEN,USER_ID,SKU,N,AMOUNT\n1,2024-05-01,5,x,2,3.5\n"
    customers = write(tmp_path / "c.csv", "customer_id,source,state\n5,GOOGLE,TX\n")
    harness.must_run("load", write(tmp_path / "x.csv", text), "--data", tmp_path / "data", "--customers", customers,
                     "--map", "order_id=ID,created_at=WHEN,customer_id=USER_ID", "--map",
                     "product_id=SKU,quantity=N,total=AMOUNT", "--set", "currency=GBP")  # fmt: skip
    (key,) = totals(tmp_path / "data")
    assert key == ("GOOGLE", "TX", "GBP")


def test_group_by_makes_one_order_of_neighbouring_rows(tmp_path):
    text = (
        "order_id,created_at,product_id,quantity,subtotal\n"
        "A,2024-05-01,tea,2,3.0\nA,2024-05-01,cup,1,4.5\nB,2024-05-01,tea,1,1.5\nC,2024-05-02,cup,1,4.5\nC,2024-05-02,cup,1,4.5\n"
    )
    harness.must_run("load", write(tmp_path / "x.csv", text), "--data", tmp_path / "data", "--group-by", "order_id")
    assert counts(tmp_path / "data") == (3, 0, 0)
    stored = harness.stored_aggregates(tmp_path / "data")
    assert {k[1:]: (v["orders"], v["units"], v["total"]) for k, v in stored["sales_by_product"].items()} == {
        ("tea", "USD"): (2, 3, 45_000), ("cup", "USD"): (1, 1, 45_000)
    } or {k: (v["orders"], v["units"], v["total"]) for k, v in stored["sales_by_product"].items()} == {
        (19844, "tea", "USD"): (2, 3, 45_000), (19844, "cup", "USD"): (1, 1, 45_000), (19845, "cup", "USD"): (1, 2, 90_000)
    }  # fmt: skip
    (sums,) = totals(tmp_path / "data").values()
    assert (sums["orders"], sums["units"], sums["total"]) == (3, 6, 180_000)


def test_a_group_with_a_bad_row_is_rejected_as_a_whole(tmp_path):
    text = "order_id,created_at,product_id,quantity,subtotal\nA,2024-05-01,tea,2,3\nA,2024-05-01,cup,-1,4\nB,2024-05-01,tea,1,1\n"
    harness.run("load", write(tmp_path / "x.csv", text), "--data", tmp_path / "data", "--group-by", "order_id")
    assert counts(tmp_path / "data") == (1, 0, 1)
    ((field, code, *_),) = harness.stored_rejections(tmp_path / "data")
    assert code == "negative"
    assert "quantity" in field


def test_loading_again_changes_nothing(tmp_path):
    path = write(tmp_path / "x.ndjson", lines(*(order(n) for n in range(1000))))
    harness.must_run("load", path, "--data", tmp_path / "data")
    before = totals(tmp_path / "data")
    harness.must_run("load", path, "--data", tmp_path / "data")
    assert counts(tmp_path / "data") == (1000, 1000, 0)
    assert totals(tmp_path / "data") == before


def test_a_file_can_be_sent_to_a_server(server, tmp_path):
    one = server()
    ndjson = write(tmp_path / "x.ndjson.gz", gzip.compress(lines(*(order(n) for n in range(5000)), order("bad", total="x"))))
    text = harness.run("load", ndjson, "--to", one.url)
    assert b"5000" in text.stdout.replace(b",", b"") + text.stderr.replace(b",", b"")
    assert one.get("/v1/sales?by=").json()["rows"][0]["orders"] == 5000
    assert harness.stored_counts(one.data)["rejected"] == 1
    table = write(tmp_path / "x.csv", HEADER + "c1,2024-05-01 10:00:00,7,1,1.5\nc2,2024-05-01,7,x,1\n")
    harness.run("load", table, "--to", one.url, "--set", "source=file")
    shown = one.get("/v1/orders/c1").json()["order"]
    assert (shown["total"], shown["source"], shown["created_at"]) == ("1.5000", "file", "2024-05-01T10:00:00.000Z")


def test_a_data_directory_that_a_server_uses_is_refused(server, tmp_path):
    one = server()
    path = write(tmp_path / "x.ndjson", lines(order(1)))
    done = harness.run("load", path, "--data", one.data)
    assert done.returncode in (1, 2)
    assert str(one.data) in done.stderr.decode()
    assert one.post(order(1)).json()["accepted"] == 1


@pytest.mark.parametrize(
    ("text", "arguments", "says"),
    [
        (None, [], "x.csv"),
        (b"", [], "x.csv"),
        (b"a,b\n1,2\n", [], "order_id"),
        (HEADER.encode() + b"1,2024-05-01,7,1,1\n", ["--map", "order_id=NOPE"], "NOPE"),
        (HEADER.encode() + b"1,2024-05-01,7,1,1\n", ["--map", "nofield=total"], "nofield"),
        (HEADER.encode() + b"1,2024-05-01,7,1,1\n", ["--customers", "/nowhere.csv"], "/nowhere.csv"),
        (HEADER.encode() + b"1,2024-05-01,7,1,1\n", ["--currency", "usd"], "usd"),
        (HEADER.encode() + b"1,2024-05-01,7,1,1\n", ["--timezone", "Mars/Phobos"], "Mars/Phobos"),
        (HEADER.encode() + b"1,2024-05-01,7,1,1\n", ["--to", "http://127.0.0.1:9"], "127.0.0.1:9"),
        (HEADER.encode() + b"1,2024-05-01,7,1,1\n", ["--format", "xml"], "xml"),
    ],
)
def test_what_cannot_be_loaded_is_said_in_one_line(tmp_path, text, arguments, says):
    path = tmp_path / "x.csv"
    if text is not None:
        write(path, text)
    where = [] if "--to" in arguments else ["--data", tmp_path / "data"]
    done = harness.run("load", path, *where, *arguments, timeout=60)
    assert done.returncode in (1, 2), done
    assert says in done.stderr.decode(), done
    problems = [line for line in done.stderr.decode().splitlines() if says in line]
    assert len(problems) == 1, done


def test_a_packed_file_that_is_cut_is_an_error_after_what_was_whole(tmp_path):
    whole = gzip.compress(lines(*(order(n) for n in range(20_000))))
    done = harness.run("load", write(tmp_path / "x.ndjson.gz", whole[: len(whole) // 2]), "--data", tmp_path / "data")
    assert done.returncode == 1
    assert b"x.ndjson.gz" in done.stderr
    harness.must_run("verify", "--data", tmp_path / "data")


def test_a_customers_file_with_a_bad_row_is_refused_with_its_line(tmp_path):
    customers = write(tmp_path / "c.csv", 'customer_id,source,state\n1,A,B\n2,C\n')
    done = harness.run("load", write(tmp_path / "x.ndjson", lines(order(1))), "--data", tmp_path / "data", "--customers",
                       customers)  # fmt: skip
    assert done.returncode in (1, 2)
    assert "c.csv" in done.stderr.decode()
    assert "3" in done.stderr.decode()


def test_the_reference_reads_the_same_rows_from_json_and_csv(tmp_path):
    # The loader's two formats mean the same order.
    fields = {"order_id": "007", "created_at": "2024-05-01T00:00:00.5+02:00", "product_id": "5", "quantity": "3",
              "total": "1e1", "tax": "0.00015", "source": " é ", "event": "placed"}  # fmt: skip
    text = ",".join(fields) + "\n" + ",".join(fields.values()) + "\n"
    harness.must_run("load", write(tmp_path / "x.csv", text), "--data", tmp_path / "data")
    harness.must_run("load", write(tmp_path / "x.ndjson", lines(fields)), "--data", tmp_path / "data")
    assert counts(tmp_path / "data") == (1, 1, 0)
    wanted = rules.parse_cells(fields, "USD", engine.instants.zone("UTC"))
    (found,) = harness.stored_events(tmp_path / "data")
    wanted.state = "(unknown)"
    assert found == harness.as_stored(wanted)
