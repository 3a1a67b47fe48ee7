# SPDX-License-Identifier: MIT
"""`salestide load`: files as shops and spreadsheets write them, and what is told about them."""

import decimal
import pathlib
import shlex

import pytest

import harness

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
    """Of each stored event what the tests look at."""
    return harness.stored_events(tmp_path / data)


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
