# SPDX-License-Identifier: MIT
"""Questions to /v1/sales with a year of data (tools/year.py): those that the page asks for what it does not get pushed,
and longer ones. Each over one connection, by turns, so that no two of the same kind follow each other. A client would
send If-None-Match; this one does not, and before each turn something is committed."""

import contextlib
import datetime
import http.client
import json
import time
import urllib.parse

from tools import lab, processes, year
from tools.results import Figure

AIM_MS = 10
DECIMAL = 10_000


def date(days_ago):
    return (year.EPOCH + datetime.timedelta(days=year.today() - days_ago)).isoformat()


def questions():
    """{what: parameters}. What the page asks first, then ranges up to all there is."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
    hour_ago, soon = (f"{now + datetime.timedelta(minutes=m):%FT%H:%M:00Z}" for m in (-59, 1))
    tomorrow, month = date(-1), {"from": date(29), "to": date(-1)}
    whole_year = {"from": date(year.DAYS - 1), "to": tomorrow}
    one, source = {"product_id": "77"}, {"source": "SOURCE2"}
    return {
        "today beside yesterday": {"by": "", "from": date(0), "to": tomorrow, "compare": date(1)},
        "the same of a source": {"by": "", **source, "from": date(0), "to": tomorrow, "compare": date(1)},
        "today by hour, of a source": {"by": "", **source, "bucket": "hour", "from": date(0), "to": tomorrow},
        "60 minutes, of a state": {"by": "", "state": "S07", "bucket": "minute", "from": hour_ago, "to": soon},
        "today by source and state": {"by": "source,state", "from": date(0), "to": tomorrow},
        "today's 10 largest products beside yesterday's": {"by": "product", "from": date(0), "to": tomorrow,
                                                           "compare": date(1), "top": "10"},
        "30 days by day, of a source": {"by": "", **source, "bucket": "day", **month},
        "30 days by day beside those before": {"by": "", "bucket": "day", **month, "compare": date(59)},
        "30 days by source and state": {"by": "source,state", **month},
        "30 days by day, of a product": {"by": "product", **one, "bucket": "day", **month},
        "30 days' 10 largest products beside those before": {"by": "product", **month, "compare": date(59), "top": "10"},
        "a year by day": {"by": "", "bucket": "day", **whole_year},
        "a year by source and state": {"by": "source,state", **whole_year},
        "a year by day, of a product": {"by": "product", **one, "bucket": "day", **whole_year},
        "a year's 10 largest products": {"by": "product", **whole_year, "top": "10"},
        "all time by source and state": {"by": "source,state"},
    }  # fmt: skip


class Client:
    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(self, params):
        """(ms, answer); no answer when the server gave up after its five seconds, which is a time like any other."""
        path = f"/v1/sales?{urllib.parse.urlencode({'currency': 'USD', **params})}"
        started = time.perf_counter()
        self.connection.request("GET", path)
        response = self.connection.getresponse()
        body = response.read()
        took_ms = (time.perf_counter() - started) * 1000
        if response.status == 503 and (b"took longer than" in body or b"took too long" in body):
            return took_ms, None
        if response.status != 200:
            raise SystemExit(f"bench: {path} was answered {response.status}: {body[:400]}")
        return took_ms, body


def total_e4(body):
    return sum(int(row["total"].replace(".", "")) for row in json.loads(body)["rows"])


def check(client, made_e4):
    """What is measured has to be right: the year by day is the sum of what was made."""
    _, body = client.ask(questions()["a year by day"])
    found = None if body is None else total_e4(body)
    if found != made_e4:
        raise SystemExit(f"bench: the year's sum is {found}, made were {made_e4}")


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def rounds(setup, client, commit):
    times = {what: [] for what in questions()}
    for n in range(setup.query_rounds + 1):
        for what, params in questions().items():
            commit()
            took_ms, _ = client.ask(params)
            if n > 0:  # the first turn warms up
                times[what].append(took_ms)
    return times


def of_sqlite(setup):
    directory = setup.tmp / "year"
    with processes.Salestide(directory):
        pass  # makes the file
    file = directory / "data" / "sales.db"
    year.fill_sqlite(file)
    made_e4 = year.made_sqlite_e4(file)
    with processes.Salestide(directory) as server:
        client = Client(server.port)
        check(client, made_e4)
        numbers = iter(range(1, 1 << 30))

        def commit():
            order = {"order_id": next(numbers), "created_at": datetime.datetime.now(datetime.timezone.utc).isoformat(),
                     "product_id": 1, "quantity": 1, "total": "1.00", "source": "SOURCE0", "state": "S00"}  # fmt: skip
            client.connection.request("POST", "/v1/orders", json.dumps(order), {"Content-Type": "application/json"})
            response = client.connection.getresponse()
            if response.status != 202 or b'"accepted":1' not in response.read():
                raise SystemExit("bench: an order was not accepted")

        return rounds(setup, client, commit)


def of_mariadb(setup):
    with contextlib.ExitStack() as stack:
        mysql = stack.enter_context(lab.MariaDb(setup.tmp / "mysql", {"innodb_buffer_pool_size": "1G"}))
        password = setup.tmp / "password"
        password.write_text(lab.PASSWORD + "\n", "ascii")
        url = mysql.create_database("year")
        processes.run([processes.PROGRAM, "setup", "--raw", "none", "--aggregates", url, "--mysql-password-file", password])
        year.fill_mariadb(mysql, "year")
        (made,) = mysql.sql("SELECT SUM(total) FROM sales_by_day", database="year")[0]
        server = stack.enter_context(processes.Server(
            [processes.PROGRAM, "dashboard", "--listen", "127.0.0.1:PORT", "--aggregates", url, "--mysql-password-file", password],
            setup.tmp / "dashboard.log", "/readyz"))  # fmt: skip
        client = Client(server.port)
        check(client, int(made * DECIMAL))
        return rounds(setup, client, lambda: year.sell_mariadb(mysql, "year"))


def measure(setup):
    figure = Figure("queries", ("question", "SQLite: median", "99th percentile", "MariaDB: median", "99th percentile"))
    found = {"sqlite": of_sqlite(setup), "mariadb": of_mariadb(setup)}
    for what in questions():
        cells = [f"{percentile(found[store][what], p):.2f} ms" for store in found for p in (0.5, 0.99)]
        figure.row(what, *cells)
    figure.keep("ms", {store: {what: {"p50": percentile(v, 0.5), "p99": percentile(v, 0.99)} for what, v in by.items()}
                       for store, by in found.items()})  # fmt: skip
    slow = {store: sum(percentile(v, 0.99) > AIM_MS for v in by.values()) for store, by in found.items()}
    figure.limit(f"{year.DAYS} days, {year.GROUPS} groups, {year.PRODUCTS:,} products; each question {setup.query_rounds} times, "
                 f"with a commit before each. Of {len(questions())} questions {slow['sqlite']} take longer than {AIM_MS} ms "
                 f"(99th percentile) with SQLite, {slow['mariadb']} with MariaDB.")  # fmt: skip
    return figure
