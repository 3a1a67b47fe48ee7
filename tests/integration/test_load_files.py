# SPDX-License-Identifier: MIT
"""`salestide load`: files as shops and spreadsheets write them, and what is told about them."""

import decimal
import json
import pathlib

import pytest

import harness
import hosts

HEADER = "order_id,created_at,product_id,quantity,total\n"
CASES = pathlib.Path(__file__).parents[3] / "shared" / "cases" / "files"


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def load(tmp_path, text, *arguments, name="x.csv", data="data"):
    """(exit code, what was said) of loading a file of this text."""
    done = harness.run("load", write(tmp_path / name, text), "--data", tmp_path / data, *arguments, timeout=60)
    return done.returncode, (done.stdout + done.stderr).decode()


def events(tmp_path, data="data"):
    return harness.stored_events(tmp_path / data)


def sums(tmp_path, data="data"):
    """The sums of a shop of one source, state and currency."""
    (row,) = harness.stored_aggregates(tmp_path / data)["sales_totals"].values()
    return row


def total(tmp_path, data="data"):
    """The sum of all totals by currency, net of what was taken back."""
    sums = {}
    for (_, _, currency), row in harness.stored_aggregates(tmp_path / data)["sales_totals"].items():
        sums[currency] = sums.get(currency, 0) + row["total"]
    return {c: decimal.Decimal(e4).scaleb(-4) for c, e4 in sums.items()}


def exactly(**sums):
    return {currency: decimal.Decimal(text) for currency, text in sums.items()}


# --- How a file is written


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_delimiter_is_found_from_the_row_of_column_names(tmp_path, sign, end):
    rows = [["order_id", "created_at", "product_id", "quantity", "total", f'"a{sign} note"'],
            ["1", "2026-05-01", f'"mug{sign.strip() or "x"} blue"', "1", "10.00", ""], ["2", "2026-05-01", "b", "2", "5.50", '"x"']]  # fmt: skip
    code, said = load(tmp_path, end.join(sign.join(r) for r in rows) + end)
    assert code == 0, said
    assert total(tmp_path) == exactly(USD="15.50")


def test_a_sign_that_stands_in_a_column_name_is_not_taken_for_the_delimiter(tmp_path):
    text = "order_id;created_at;product_id;quantity;total;Tax, net, all, of, it, all\n1;2026-05-01;a;1;10.00;x\n"
    code, said = load(tmp_path, text)
    assert code == 0, said
    assert total(tmp_path) == exactly(USD="10.00")


def test_a_header_that_fits_two_delimiters_is_not_guessed(tmp_path):
    text = "total;x,total\n5.00;1,7.00\n"
    more = ["--set", "order_id=1", "--set", "created_at=2026-05-01", "--set", "product_id=a", "--set", "quantity=1"]
    code, said = load(tmp_path, text, *more)
    # The names are "total" and "x,total", or "total;x" and "total".
    assert code == 2 and "--delimiter" in said, said
    code, said = load(tmp_path, text, *more, "--delimiter", ",")
    assert code == 0, said
    assert total(tmp_path) == exactly(USD="7.00")


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;"])
def test_a_line_sep_names_the_delimiter(tmp_path, first):
    code, said = load(tmp_path, f"{first}\r\n{HEADER.replace(',', ';')}1;2026-05-01;a;1;10.00\r\n2;2026-05-01;a;x;1\r\n")
    assert code == 1 and "x.csv:4: quantity" in said, said  # lines are counted with it
    assert total(tmp_path) == exactly(USD="10.00")
    code, said = load(tmp_path, "sep=:\n" + HEADER + "1,2026-05-01,a,1,1\n", data="other")
    assert code == 2 and "first line" in said, said
    code, said = load(tmp_path, "sep=:\n" + HEADER + "1,2026-05-01,a,1,1\n", "--delimiter", ",", data="other")
    assert code == 0, said


def test_a_delimiter_that_none_is_and_a_column_that_is_not_there_are_asked_wrongly(tmp_path):
    for sign in ("x", "", ";;", "comma"):
        code, said = load(tmp_path, HEADER, "--delimiter", sign)
        assert code == 2 and "--delimiter" in said, said
    code, said = load(tmp_path, HEADER + "1,2026-05-01,a,1,1\n", "--delimiter", ";")
    assert code == 2 and "no column for order_id" in said, said
    code, said = load(tmp_path, HEADER.replace(",", ";"), "--map", "total=Amount")
    assert code == 2 and "'Amount'" in said and "quantity, total" in said, said
    code, said = load(tmp_path, HEADER.replace(",", "\t") + "1\t2026-05-01\ta\t1\t1\n", "--delimiter", "tab")
    assert code == 0, said


def test_a_quote_left_open_is_told_with_the_lines_it_took(tmp_path):
    rows = ['1,2026-05-01,a,1,10.00,"open', "2,2026-05-01,a,1,20.00,x", '3,2026-05-01,a,1,40.00,"b"', "4,2026-05-01,a,1,80.00,"]
    code, said = load(tmp_path, HEADER.replace("total", "total,note") + "\n".join(rows) + "\n")
    assert code == 1, said
    assert "x.csv:2: a quote is opened here and closed 2 lines later" in said, said
    assert total(tmp_path) == exactly(USD="140.00")


@pytest.mark.parametrize("grouped", [[], ["--group-by", "order_id"]])
def test_lines_before_the_row_of_column_names_are_left_out_and_told(tmp_path, grouped):
    text = 'Sales, all shops\nFrom 2026-05-01,"to\n2026-05-31"\n\n' + HEADER + "1,2026-05-01,a,1,5.00\n2,2026-05-01,a,1,x\n"
    code, said = load(tmp_path, text, *grouped)
    assert code == 1 and "the row of column names is line 5; what stands before it is left out" in said and "x.csv:7: " in said, said
    assert said.count("is left out") == 1 and total(tmp_path) == exactly(USD="5.00"), said
    code, said = load(tmp_path, text.replace("quantity", "pieces"), *grouped, data="none")
    assert code == 2 and "columns: Sales, all shops" in said, said
    code, said = load(tmp_path, "title\n" * 41 + HEADER + "1,2026-05-01,a,1,5.00\n", *grouped, data="many")
    assert code == 2 and "columns: title" in said, said
    # Two files in one, the first with another name of a column: its orders are no titles.
    other = HEADER.replace("quantity", "pieces") + "1,2026-05-01,a,1,200.00\n"
    code, said = load(tmp_path, other + HEADER + "2,2026-05-01,a,1,5.00\n", *grouped, data="two")
    assert code == 2 and "left out" not in said, said


@pytest.mark.parametrize("grouped", [[], ["--group-by", "order_id"]])
def test_an_order_id_that_a_spreadsheet_has_cut_is_refused(tmp_path, grouped):
    rows = "4.05E+11,2026-05-01,a,1,5.00\n4.05E+11,2026-05-01,a,1,5.00\n1E+2x,2026-05-01,a,1,5.00\nE+2,2026-05-01,a,1,5.00\n"
    code, said = load(tmp_path, HEADER + rows, *grouped)
    assert code == 1 and "x.csv:2: order_id: order_id '4.05E+11' is a long number that a spreadsheet has cut" in said and "2 accepted" in said, said


@pytest.mark.parametrize("encoding, option", [("cp1252", ["--encoding", "windows-1252"]), ("utf-16", []), ("utf-8-sig", []),
                                              ("shift_jis", ["--encoding", "shift_jis"]), ("utf-16-be", ["--encoding", "UTF-16BE"])])  # fmt: skip
def test_a_file_of_another_encoding_is_the_same_file(tmp_path, encoding, option):
    product = "マグ" if encoding == "shift_jis" else "Café"
    text = HEADER + f"1,2026-05-01,{product},1,10.00\n2,2026-05-01,Mug,1,20.00\n"
    code, said = load(tmp_path, text.encode(encoding), *option, name="x.csv")
    assert code == 0, said
    grouped = load(tmp_path, text.encode(encoding), *option, "--group-by", "order_id", name="x.csv")
    assert grouped[0] == 1 and "2 rejected" in grouped[1], grouped  # conflicts: items
    assert product in str(events(tmp_path))
    as_json = f'{{"order_id":3,"created_at":"2026-05-01","product_id":"{product}","quantity":1,"total":"1"}}\n'
    code, said = load(tmp_path, as_json.encode(encoding), *option, name="x.ndjson")
    assert code == 0, said
    assert total(tmp_path) == exactly(USD="31.00")


def test_a_byte_that_the_encoding_has_not_rejects_its_row(tmp_path):
    text = HEADER.encode() + b"1,2026-05-01,Caf\xe9,1,10.00\n2,2026-05-01,Caf\x81,1,20.00\n"
    code, said = load(tmp_path, text, "--encoding", "windows-1252")
    assert code == 1 and "x.csv:3: product_id: holds a byte that is no windows-1252" in said, said
    code, said = load(tmp_path, text, data="utf8")
    assert code == 1 and "x.csv:2: product_id: not UTF-8 (say --encoding" in said, said
    for wrong in ("klingon", "", "utf-8//TRANSLIT"):
        code, said = load(tmp_path, text, "--encoding", wrong)
        assert code == 2 and "--encoding" in said, said


@pytest.mark.parametrize("name", ["x.ndjson", "x.json", "x"])
@pytest.mark.parametrize("option", [["--map", "order_id=id"], ["--set", "currency=EUR"], ["--group-by", "order_id"], ["--delimiter", ";"]])  # fmt: skip
def test_options_of_csv_are_refused_for_json(tmp_path, name, option):
    event = '{"order_id":1,"created_at":"2026-04-10T09:15:00Z","product_id":"a","quantity":2,"total":19.98}'
    code, said = load(tmp_path, event, *option, name=name)
    assert code == 2 and f"is JSON, and {option[0]} is for CSV" in said and "0 accepted" in said, said


# --- Times and numbers as they are told


def days(tmp_path, data="data"):
    """{day: total} of a shop in one currency."""
    found = {}
    for (day, _, _, _), row in harness.stored_aggregates(tmp_path / data)["sales_by_day"].items():
        found[str(day)] = found.get(str(day), 0) + row["total"]
    return found


def test_a_csv_of_a_german_excel_is_loaded_by_one_command(tmp_path):
    head = "Nr;Datum;Artikel;Menge;Einzelpreis;Versand;Gesamt;Land\n"
    rows = "10001;30.09.2025 23:45;A-1;2;1.234,50;4,90;2.473,90 €;Thüringen\n10002;01.10.2025 00:15;A-2;1.000;,02;4,90;24,90;Bayern\n"
    names = "order_id=Nr,created_at=Datum,product_id=Artikel,quantity=Menge,unit_price=Einzelpreis,shipping=Versand,total=Gesamt,state=Land"
    for encoding, option in (("utf-8-sig", []), ("cp1252", ["--encoding", "windows-1252"])):
        code, said = load(tmp_path, (head + rows).encode(encoding), *option, "--currency", "EUR", "--timezone", "Europe/Berlin", "--decimal", ",",
                          "--thousands", ".", "--date-format", "%d.%m.%Y %H:%M", "--map", names, data=encoding)  # fmt: skip
        assert code == 0 and "whose total" not in said, said
        assert total(tmp_path, encoding) == exactly(EUR="2498.80")
        assert sorted(days(tmp_path, encoding).values()) == [249_000, 24_739_000]


@pytest.mark.parametrize("grouped", [[], ["--group-by", "order_id"]])
def test_times_with_two_meanings_need_their_form(tmp_path, grouped):
    text = HEADER.replace("total", "subtotal,total") + "1,11/8/2016,a,1,10,10.00\n2,07/16/22,a,1,20,20.00\n3,04-30-22,a,1,40,40.00\n"
    code, said = load(tmp_path, text, *grouped)
    assert code == 1 and said.count("--date-format") == 3, said
    forms = [word for form in ("%m/%d/%Y", "%m/%d/%y", "%m-%d-%y") for word in ("--date-format", form)]
    code, said = load(tmp_path, text, *forms, *grouped)
    assert code == 0, said
    assert sorted(days(tmp_path).values()) == [100_000, 200_000, 400_000]
    code, said = load(tmp_path, text, "--date-format", "%m/%d/%Y", "--date-format", "%d/%m/%Y", *grouped, data="two")
    assert code == 1 and "x.csv:2: created_at: " in said and "(ambiguous)" in said, said


def test_counts_since_1970_need_their_unit(tmp_path):
    event = '{"order_id":%d,"created_at":%s,"product_id":5,"quantity":1,"total":9.99}\n'
    text = event % (1, "1789000000123") + event % (2, '"2026-09-10T00:26:40Z"') + event % (3, "1789000000123.5") + event % (4, "1e12")
    code, said = load(tmp_path, text, "--epoch", "ms", name="x.ndjson")
    assert code == 1 and "3 accepted" in said and "x.ndjson:4: created_at: " in said and "(wrong_type)" in said, said
    code, said = load(tmp_path, text, name="x.ndjson", data="untold")
    assert code == 1 and "1 accepted" in said, said
    code, said = load(tmp_path, HEADER + "5,1789000000,a,1,1\n6,2026-09-10,a,1,1\n", "--epoch", "s")
    assert code == 1 and "1 accepted" in said and "x.csv:3: created_at: " in said, said
    assert {row[3] for row in events(tmp_path)} == {1_789_000_000_123, 1_789_000_000_000}
    done = harness.run("load", write(tmp_path / "y.ndjson", text), "--to", "http://127.0.0.1:9", "--epoch", "ms", timeout=60)
    assert done.returncode in (1, 2), done


def test_signs_of_a_currency_must_be_the_orders(tmp_path):
    text = HEADER.replace("total", "total,currency") + '1,2026-05-01,a,1,"$1,234.50",USD\n2,2026-05-01,a,1,€5.00,USD\n3,2026-05-01,a,1,5.00 eur,EUR\n4,2026-05-01,a,"1,000",$5,\n'
    code, said = load(tmp_path, text, "--thousands", ",")
    assert code == 1 and "x.csv:3: currency: " in said and "'€'" in said and "3 accepted" in said, said
    assert total(tmp_path) == exactly(USD="1239.50", EUR="5.00")
    code, said = load(tmp_path, text, data="untold")
    assert code == 1 and "0 accepted" in said and "--decimal" in said, said
    code, said = load(tmp_path, HEADER + "1,2026-05-01,a,1,$5\n2,2026-05-01,a,0.5,5\n", data="one sign")
    assert code == 1 and "x.csv:2: total" in said and "--decimal" in said, said
    assert "x.csv:3: quantity" in said and "--set quantity=1" in said, said


@pytest.mark.parametrize("options", [["--decimal", ";"], ["--decimal", ","] * 1 + ["--thousands", ","], ["--thousands", "-"], ["--date-format", "%d.%m."],
                                     ["--date-format", "%Q"], ["--epoch", "h"], ["--epoch", "s", "--date-format", "%F"], ["--date-format", "%F"] * 9])  # fmt: skip
def test_ways_to_write_that_make_no_sense_are_asked_wrongly(tmp_path, options):
    code, said = load(tmp_path, HEADER + "1,2026-05-01,a,1,1\n", *options)
    assert code == 2 and options[-2] in said, said


# --- Money that cannot vanish

LINES = "order_id,created_at,product_id,quantity,unit_price,shipping,tax\n"
WITH_TOTAL = LINES.replace("tax", "tax,total")


@pytest.mark.parametrize("rows, field, values", [
    ("1,2026-05-01,a,1,10.00,4.90,0,9\n1,2026-05-01,b,1,5.00,0.10,0,\n", "shipping", ("4.90", "0.10")),
    ("1,2026-05-01,a,1,10.00,,1.00,9\n1,2026-05-01,b,1,5.00,,,\n1,2026-05-01,b,1,5.00,,1.01,\n", "tax", ("1.00", "1.01")),
    ("1,2026-05-01,a,1,10.00,,,10.00\n1,2026-05-01,b,1,25.00,,,25.00\n", "total", ("10.00", "25.00")),
])  # fmt: skip
def test_rows_of_one_order_that_hold_different_amounts_reject_it(tmp_path, rows, field, values):
    code, said = load(tmp_path, WITH_TOTAL + rows + "2,2026-05-01,c,1,1.00,,,1\n", "--group-by", "order_id",
                      "--map", "shipping=shipping,tax=tax")  # fmt: skip
    assert code == 1, said
    assert f"{field}: " in said and "(ambiguous)" in said and "1 accepted, 0 duplicate, 1 rejected" in said, said
    for value in values:
        assert f"'{value}'" in said, said
    assert f"--per-line {field}" in said, said


def test_an_amount_that_is_repeated_or_blank_in_other_rows_is_one(tmp_path):
    text = WITH_TOTAL + "1,2026-05-01,a,1,10.00,4.90,1,15.90\n1,2026-05-01,b,1,0,4.9,,+15.900\n1,2026-05-01,b,2,0,,01.00,\n"
    code, said = load(tmp_path, text, "--group-by", "order_id")
    assert code == 0, said
    assert total(tmp_path) == exactly(USD="15.90")
    assert sums(tmp_path)["shipping"] == 49_000


def test_a_zero_beside_an_amount_of_the_order_is_no_second_amount(tmp_path):
    text = WITH_TOTAL + "1,2026-05-01,a,1,10.00,0.00,0,0\n1,2026-05-01,b,1,5.00,4.90,1,20.90\n1,2026-05-01,b,1,0,0,0.00,\n"
    code, said = load(tmp_path, text, "--group-by", "order_id")
    assert code == 0, said
    assert total(tmp_path) == exactly(USD="20.90")
    assert (sums(tmp_path)["shipping"], sums(tmp_path)["tax"]) == (49_000, 10_000)


def test_two_currencies_in_one_order_reject_it(tmp_path):
    text = LINES.replace("tax", "currency") + "1,2026-05-01,a,1,10.00,,EUR\n1,2026-05-01,b,1,5.00,,eur\n2,2026-05-01,a,1,10.00,,EUR\n2,2026-05-01,b,1,5.00,,USD\n"
    code, said = load(tmp_path, text, "--group-by", "order_id")
    assert code == 1 and "x.csv:5: currency: " in said, said
    assert total(tmp_path) == exactly(EUR="15.00")


def test_per_line_adds_amounts_up_exactly(tmp_path):
    rows = "1,2026-05-01,a,1,10.0001,0.10,0.0001\n1,2026-05-01,b,2,5.00,0.20,\n1,2026-05-01,c,1,0,,0.0002\n"
    code, said = load(tmp_path, LINES + rows, "--group-by", "order_id", "--per-line", "shipping,tax", "--map", "tax=tax")
    assert code == 0, said
    assert total(tmp_path) == exactly(USD="20.3004")
    found = sums(tmp_path)
    assert (found["subtotal"], found["shipping"], found["tax"]) == (200_001, 3_000, 3)
    code, said = load(tmp_path, WITH_TOTAL + "1,2026-05-01,a,1,1,,,10\n1,2026-05-01,a,1,1,,,x\n", "--group-by", "order_id", "--per-line",
                      "total", data="other")  # fmt: skip
    assert code == 1 and "x.csv:3: total: " in said and "(malformed)" in said, said


def test_per_line_that_means_nothing_is_asked_wrongly(tmp_path):
    for more, word in ((["--per-line", "tax"], "--group-by"), (["--group-by", "order_id", "--per-line", "subtotal"], "'subtotal'"),
                       (["--group-by", "order_id", "--per-line", "discount"], "no column")):  # fmt: skip
        code, said = load(tmp_path, LINES + "1,2026-05-01,a,1,1,,\n", *more)
        assert code == 2 and word in said, said


def test_what_the_columns_were_taken_for_is_told(tmp_path):
    text = "ID,Created_At,product_id,quantity,Total,Remark\n1,2026-05-01,a,1,1,x\n"
    code, said = load(tmp_path, text, "--map", "order_id=ID", "--set", "currency=GBP")
    assert code == 0, said
    assert "x.csv: order_id ← ID by --map; created_at ← Created_At, product_id, quantity, total ← Total by name; currency = GBP by --set; not read: Remark\n" in said, said


def test_amounts_found_by_name_must_fit_the_totals(tmp_path):
    head = "order_id,created_at,product_id,quantity,subtotal,Discount,total\n"
    rates = head + "".join(f"{n},2026-05-01,a,1,100.00,0.2,80.00\n" for n in range(3)) + "9,2026-05-01,a,1,5.00,0,5.00\n"
    code, said = load(tmp_path, rates)
    assert code == 2 and "--map discount=COLUMN or --set discount=0" in said and "3 of the first 3" in said, said
    assert "0 accepted" in said
    code, said = load(tmp_path, rates, "--set", "discount=0", data="asked")
    assert code == 0 and "3 events whose totals are not" in said, said
    code, said = load(tmp_path, rates, "--map", "discount=Discount", data="asked too")
    assert code == 0, said
    amounts = head + "".join(f"{n},2026-05-01,a,1,100.00,20.00,80.00\n" for n in range(3)) + "9,2026-05-01,a,1,100.00,20.00,100.00\n"
    code, said = load(tmp_path, amounts, data="amounts")
    assert code == 0 and "1 event whose total is not subtotal - discount + shipping + tax: " in said, said


@pytest.mark.parametrize("grouped", [[], ["--group-by", "order_id"]])
def test_a_discount_found_by_name_that_may_be_a_rate_is_not_taken_off(tmp_path, grouped):
    text = "order_id,created_at,product_id,quantity,unit_price,discount\n1,2026-05-01,a,1,100.00,0.2\n2,2026-05-01,a,1,100.00,0\n3,2026-05-01,a,1,100.00,0.15\n"
    code, said = load(tmp_path, text, *grouped)
    assert code == 2 and "discount was found by its name alone" in said and "--set discount=0" in said, said
    assert load(tmp_path, text, *grouped, "--set", "discount=0")[0] == 0
    assert total(tmp_path) == exactly(USD="300.00")
    assert load(tmp_path, text.replace("0.15", "15.00"), *grouped, data="amounts")[0] == 0
    assert total(tmp_path, "amounts") == exactly(USD="284.80")


def test_the_summary_tells_the_doubts_with_their_first_rows(tmp_path):
    rows = ["1,2026-05-01,a,1,10.00,99.00", "2,2026-05-01,a,0,10.00,10.000049", "3,2026-05-01,a,1,10.00,10.00"]
    rows += [f"{n},2026-05-01,a,0,10.00,10.00" for n in range(4, 8)] + ["8,2026-05-01,a,1,1.00,x"]
    text = "order_id,created_at,product_id,quantity,subtotal,total\n" + "\n".join(rows) + "\n"
    code, said = load(tmp_path, text)
    path = tmp_path / "x.csv"
    assert code == 1, said
    assert f"in doubt: 1 event whose total is not subtotal - discount + shipping + tax: {path}:2\n" in said, said
    assert f"in doubt: 1 event with an amount rounded to four decimals: {path}:3\n" in said, said
    assert f"in doubt: 5 events of quantity 0: {path}:3, {path}:5, {path}:6, ...\n" in said, said
    code, said = load(tmp_path, text)
    assert "in doubt" not in said, said  # duplicates are not counted


def test_orders_older_than_the_late_limit_are_told(tmp_path):
    code, said = load(tmp_path, HEADER + "1,2020-01-01,a,1,1\n2,2020-01-01,a,1,1\n")
    assert code == 0 and "in doubt: 2 events older than the late limit: " in said, said


def test_items_of_json_may_have_unit_prices(tmp_path):
    event = '{"order_id":1,"created_at":"2026-04-10T09:15:00Z","items":[{"product_id":"PRO","quantity":2,"unit_price":9.99}],"total":19.98}'
    code, said = load(tmp_path, event, name="x.json")
    assert code == 0, said
    products = harness.stored_aggregates(tmp_path / "data")["sales_by_product"]
    assert {row["total"] for row in products.values()} == {199_800}


# --- What was taken back

TAKEN_BACK = """{"order_id":400,"created_at":"2025-03-05T10:00:00Z","product_id":"p","quantity":1,"subtotal":"100","total":"100"}
{"order_id":400,"event":"cancelled","created_at":"2025-03-06T10:00:00Z","product_id":"p","quantity":1,"subtotal":"100","total":"100"}
{"order_id":400,"event":"refunded","event_id":"r9","created_at":"2025-03-06T10:00:01Z","product_id":"p","quantity":1,"subtotal":"100","total":"100"}
{"order_id":"early","event":"refunded","event_id":"r1","created_at":"2025-03-06T10:00:01Z","product_id":"p","quantity":1,"subtotal":"5","total":"5"}
{"order_id":"early","created_at":"2025-03-06T10:00:00Z","product_id":"p","quantity":1,"subtotal":"50","total":"50"}
{"order_id":"early","event":"refunded","event_id":"r2","created_at":"2025-03-06T10:00:01Z","product_id":"p","quantity":1,"subtotal":"45","total":"45"}
{"order_id":"early","event":"refunded","event_id":"r3","created_at":"2025-03-06T10:00:01Z","product_id":"p","quantity":1,"subtotal":"0.01","total":"0.01"}
{"order_id":"early","event":"refunded","event_id":"r4","created_at":"2025-03-06T10:00:01Z","product_id":"p","quantity":1,"subtotal":"1","total":"1","currency":"EUR"}
"""


def test_more_taken_back_than_was_sold_and_of_unknown_orders_is_told_with_their_ids(tmp_path, server):
    code, said = load(tmp_path, TAKEN_BACK, name="x.ndjson")
    assert code == 0 and "8 accepted" in said, said
    beyond = next(line for line in said.splitlines() if "more is taken back than was sold" in line)
    assert "3 events" in beyond and ":3 (order 400)" in beyond and ":7 (order early)" in beyond and ":8 (order early)" in beyond, said
    assert "1 event that takes back what no order known here has sold" in said and ":4 (order early)" in said, said
    again, said = load(tmp_path, TAKEN_BACK, name="x.ndjson")  # duplicates are in no doubt
    assert again == 0 and "taken back" not in said, said
    verified = harness.run("verify", "--data", tmp_path / "data")
    assert verified.returncode == 0, verified
    assert b"note: 3 events took back more than its order had sold (newest: order early, early, 400)" in verified.stdout, verified
    assert b"note: 1 event took back what no order known then had sold (newest: order early)" in verified.stdout, verified
    one = server()
    strange = {"order_id": 'x"<y', "event": "refunded", "event_id": "r", "created_at": "2026-05-01T10:00:00Z", "product_id": 1, "quantity": 1,
               "subtotal": "2", "total": "2"}  # fmt: skip
    assert one.post(strange).json()["accepted"] == 1
    metrics = one.get("/metrics").body.decode()
    assert 'salestide_warnings_total{kind="unknown_order"} 2' in metrics, metrics
    assert 'salestide_warnings_total{kind="taken_back_beyond"} 3' in metrics, metrics

    def counts_on_the_page():
        raw = hosts.stream_head(one, b"doubtful_orders").decode()
        return json.JSONDecoder().raw_decode(raw, raw.index('{"received"'))[0]

    harness.wait_until(lambda: counts_on_the_page()["received"] == 17, what="the page with the last order")  # it is sent after the answer
    counts = counts_on_the_page()
    assert (counts["warnings"]["unknown_order"], counts["warnings"]["taken_back_beyond"]) == (2, 3), counts
    assert counts["doubtful_orders"] == {"unknown_order": ['x"<y', "early"], "taken_back_beyond": ["early", "early", "400"]}, counts


# --- The cases that are kept beside the project, when they are there

SHOPIFY = ("order_id=Name,created_at=Created at,product_id=Lineitem name,quantity=Lineitem quantity,unit_price=Lineitem price,total=Total,"
           "discount=Discount Amount,shipping=Shipping,tax=Taxes,currency=Currency,state=Shipping Province")  # fmt: skip
GERMAN = ["--currency", "EUR", "--timezone", "Europe/Berlin", "--decimal", ",", "--thousands", ".", "--date-format", "%d.%m.%Y %H:%M", "--map",
          "order_id=Bestellnummer,created_at=Bestelldatum,product_id=Artikelnummer,quantity=Menge,unit_price=Einzelpreis,shipping=Versand,"
          "total=Gesamt,state=Bundesland"]  # fmt: skip
PAYMENTS = ["--set", "product_id=plan", "--set", "quantity=1", "--map"]
SUPERSTORE = ["--group-by", "order_id", "--map", "order_id=Order ID,created_at=Order Date,product_id=Product ID,subtotal=Sales"]


@pytest.mark.parametrize("file, options, code, sums_of_it", [
    ("01-shopify-export-time/orders_export.csv", ["--currency", "EUR", "--timezone", "Europe/Berlin", "--group-by", "order_id", "--map", SHOPIFY], 0,
     {"EUR": "44.80"}),
    ("01-shopify-export-time/orders_export.csv", [], 0, {"EUR": "44.80"}),
    ("02-shopify-cancelled-refunded/orders_export.csv", [], 0, {"EUR": "50.00"}),
    ("10-discount-rate/superstore.csv", [], 2, {}),  # seven columns that any shop may have: a rate or an amount?
    ("10-discount-rate/superstore.csv", ["--preset", "superstore"], 0, {"USD": "993.90"}),
    ("15-cancelled-and-refunded/events.ndjson", [], 0, {"USD": "-100.00"}),  # told, with the order's id
    ("03-german-excel-csv/utf8.csv", GERMAN, 0, {"EUR": "2498.79"}),
    ("03-german-excel-csv/ansi.csv", [*GERMAN, "--encoding", "windows-1252"], 0, {"EUR": "2498.79"}),
    ("04-semicolon-only/payments.csv", [*PAYMENTS, "order_id=Invoice Number,created_at=Created date (UTC),total=Amount"], 0,
     {"USD": "15.00", "EUR": "9.00"}),
    ("07-ansi-product-name/orders.csv", ["--encoding", "windows-1252"], 0, {"USD": "30.00"}),
    ("09-total-per-line/lines.csv", ["--group-by", "order_id", "--map", "total=amount"], 1, {}),
    ("09-total-per-line/lines.csv", ["--group-by", "order_id", "--map", "subtotal=amount"], 0, {"USD": "35.00"}),
    ("10-discount-rate/superstore.csv", SUPERSTORE, 2, {}),
    ("10-discount-rate/superstore.csv", [*SUPERSTORE, "--set", "discount=0"], 0, {"USD": "993.90"}),
    ("11-us-dates/orders.csv", ["--date-format", "%m/%d/%Y", "--date-format", "%m/%d/%y", "--date-format", "%m-%d-%y"], 0, {"USD": "70.00"}),
    ("12-times-of-databases/orders.csv", [], 0, {"USD": "255.00"}),
    ("13-currency-lower-case/payments.csv", [*PAYMENTS, "order_id=id,created_at=Created date (UTC),total=Amount"], 0, {"USD": "15.00", "EUR": "9.00"}),
    ("16-shopify-webhook/order.ndjson", ["--map", "order_id=id"], 2, {}),
    ("18-items-unit-price/order.json", [], 0, {"USD": "19.98"}),
    ("20-kafka-demo-numbers/events.ndjson", ["--epoch", "ms"], 1, {"USD": "29.97"}),
    ("21-empty-sku/etsy.csv", ["--map", "order_id=Order ID,created_at=Sale Date,product_id=SKU,quantity=Number of Items,subtotal=Order Value,"
                               "discount=Discount Amount,tax=Sales Tax,total=Order Total"], 0, {"USD": "50.22"}),
    ("22-load-hides-warnings/orders.csv", [], 0, {"USD": "109.00"}),
])  # fmt: skip
def test_the_cases_give_their_right_values(tmp_path, file, options, code, sums_of_it):
    if not (CASES / file).is_file():
        pytest.skip(f"the cases are not at {CASES}")
    done = harness.run("load", CASES / file, "--data", tmp_path / "data", *options)
    assert done.returncode == code, done
    assert total(tmp_path) == exactly(**sums_of_it)
