# SPDX-License-Identifier: MIT
"""Drives the real program: starts and stops servers, sends requests, reads the SQLite file.

Every wait has a time-out, every process is stopped by its own id, and everything lives in the
directory that a test hands in.
"""

import collections
import contextlib
import dataclasses
import gzip
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import sqlite3
import subprocess
import time

from reference import instants, rules
from reference.engine import MEASURES, PRODUCT_MEASURES

ROOT = pathlib.Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 20
STOP_TIMEOUT_S = 30
JSON = "application/json"
NDJSON = "application/x-ndjson"
PROBLEM = "application/problem+json"
ADDRESS = re.compile(r"http://(127\.0\.0\.1|\[::1\]|0\.0\.0\.0|localhost):([0-9]+)")


def number_of(name, default):
    """A size from the environment, for the long forms of `make check-full`."""
    return int(os.environ.get(name, default))


def binary(variable="SALESTIDE_BIN", default="build/salestide"):
    path = pathlib.Path(os.environ.get(variable, ROOT / default))
    path = path if path.is_absolute() else ROOT / path
    assert path.is_file(), f"no program at {path}: build it (make), or set {variable}"
    return path


def run(*arguments, stdin=None, timeout=120, env=None, program=None):
    """One run of a sub-command to its end."""
    command = [str(program or binary()), *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=timeout, env=clean_env(env),
                          check=False)  # fmt: skip


def caught_signals(pid):
    """Those that the process has a handler for, as a bit mask."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"^SigCgt:\s*([0-9a-f]+)", status, re.M)[1], 16)


def must_run(*arguments, **more):
    """The same, which has to succeed; gives its standard output and error as one text."""
    done = run(*arguments, **more)
    text = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert done.returncode == 0, f"salestide {' '.join(map(str, arguments))} gave {done.returncode}:\n{text}"
    return text


def clean_env(more=None):
    """The environment without options that the caller's shell may have set."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("SALESTIDE_")}
    env.update(more or {})
    return env


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict  # names in lower case
    body: bytes

    def json(self):
        assert self.headers.get("content-type", "").startswith(("application/json", PROBLEM)), self
        return json.loads(self.body)

    def problem(self, status):
        """Checks that this is a problem of this status (RFC 9457) and gives it."""
        assert self.status == status, self
        assert self.headers["content-type"].split(";")[0] == PROBLEM, self
        problem = json.loads(self.body)
        assert problem["status"] == status, problem
        assert problem["title"], problem
        assert problem["type"], problem
        return problem


class Server:
    """`salestide serve` on a free port of loopback. `directory` holds its data and its log."""

    command = "serve"
    health = "/healthz"

    def __init__(self, directory, *options, data=None, env=None, program=None, listen="127.0.0.1:0",
                 wait=True, limit=None):  # fmt: skip
        self.directory = pathlib.Path(directory)
        self.data = pathlib.Path(data or self.directory / "data")
        self.log_path = self.directory / f"{self.command}-{time.monotonic_ns()}.log"
        command = [str(program or binary()), self.command, "--listen", listen, *self.own_options(),
                   *map(str, options)]  # fmt: skip
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=clean_env(env), preexec_fn=limit)  # fmt: skip
        self.host, self.port = "127.0.0.1", None
        if wait:
            try:
                self.wait_ready()
            except BaseException:
                self.kill()
                raise

    def own_options(self):
        return ["--data", str(self.data)]

    @property
    def log(self):
        return self.log_path.read_text("utf-8", "replace")

    @property
    def url(self):
        return f"http://{self.host}:{self.port}"

    def wait_ready(self):
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            code = self.process.poll()
            assert code is None, f"{self.command} ended with {code} at its start:\n{self.log}"
            match = ADDRESS.search(self.log)
            if match:
                self.port = int(match[2])
                with contextlib.suppress(OSError, http.client.HTTPException):
                    if self.get(self.health, timeout=2).status == 200:
                        return
            time.sleep(0.01)
        raise AssertionError(f"{self.command} did not answer within {START_TIMEOUT_S} s:\n{self.log}")

    def request(self, method, path, body=None, headers=None, timeout=30):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            return ask(connection, method, path, body, headers)
        finally:
            connection.close()

    def get(self, path, headers=None, timeout=30):
        return self.request("GET", path, None, headers, timeout)

    def post(self, body, content_type=JSON, headers=None, timeout=30):
        """Posts orders; what is not bytes is sent as JSON."""
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": content_type, **(headers or {})}
        return self.request("POST", "/v1/orders", body, headers, timeout)

    def connection(self, timeout=30):
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def raw(self, timeout=10):
        """A bare socket, for requests that no client library would send."""
        return socket.create_connection((self.host, self.port), timeout=timeout)

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """SIGTERM; it has to drain and exit 0."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.command} did not stop within {STOP_TIMEOUT_S} s:\n{self.log}") from None
        assert code == 0, f"{self.command} ended with {code}:\n{self.log}"

    def kill(self):
        """kill -9."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(STOP_TIMEOUT_S)


def ask(connection, method, path, body=None, headers=None):
    connection.request(method, path, body, headers or {})
    return answer_of(connection.getresponse())


def answer_of(response):
    found = {}
    for name, value in response.getheaders():
        found[name.lower()] = f"{found[name.lower()]}, {value}" if name.lower() in found else value
    return Answer(response.status, found, response.read())


def read_answer(sock):
    """The next answer on a bare socket; the connection may go on."""
    response = http.client.HTTPResponse(sock)
    response.begin()
    return answer_of(response)


def gzipped(body):
    return gzip.compress(body, 1, mtime=0)


def order(order_id, **fields):
    """A good order, some of whose fields a test may want otherwise."""
    plain = {"order_id": order_id, "created_at": "2024-05-01T10:00:00Z", "product_id": 1, "quantity": 1,
             "subtotal": "10.00", "total": "10.00"}  # fmt: skip
    return {**plain, **fields}


def lines(*orders):
    return b"".join(json.dumps(o).encode() + b"\n" for o in orders)


def wait_until(condition, timeout_s=10, what="it", every_s=0.02):
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(every_s)
    raise AssertionError(f"{what} did not happen within {timeout_s} s")


# --- The SQLite file, read as any other tool would


@contextlib.contextmanager
def database(data):
    connection = sqlite3.connect(f"file:{pathlib.Path(data) / 'sales.db'}?mode=ro", uri=True, timeout=10)
    try:
        yield connection
    finally:
        connection.close()


AGGREGATES = {  # name: (table of cells, table of what the low half of a cell's key names, its columns)
    "sales_totals": ("total_cells", "sales_groups", ("source", "state", "currency"), MEASURES),
    "sales_by_minute": ("minute_cells", "sales_groups", ("source", "state", "currency"), MEASURES),
    "sales_by_hour": ("hour_cells", "sales_groups", ("source", "state", "currency"), MEASURES),
    "sales_by_day": ("day_cells", "sales_groups", ("source", "state", "currency"), MEASURES),
    "sales_by_product": ("product_cells", "sales_products", ("product_id", "currency"), PRODUCT_MEASURES),
}
AMOUNT_COLUMNS = (*rules.AMOUNTS, "refunded_total")


def stored_aggregates(data):
    """Every aggregate as the tables hold it, in the form of Reference.tables()."""
    found = {}
    with database(data) as db:
        for name, (cells, names, dimensions, measures) in AGGREGATES.items():
            columns = [f"c.{m}_e4" if m in AMOUNT_COLUMNS else f"c.{m}" for m in measures]
            keys = [f"n.{d}" for d in dimensions]
            rows = db.execute(
                f"SELECT c.cell >> 32, {', '.join(keys + columns)} FROM {cells} c "
                f"JOIN {names} n ON n.id = c.cell & 4294967295"
            ).fetchall()
            (n_cells,) = db.execute(f"SELECT count(*) FROM {cells}").fetchone()
            assert n_cells == len(rows), f"{name} has cells without a name"
            n_keys = 1 + len(keys)
            skip = 1 if name == "sales_totals" else 0
            found[name] = {row[skip:n_keys]: dict(zip(measures, row[n_keys:], strict=True)) for row in rows}
            assert len(found[name]) == len(rows), f"{name} has two rows of one key"
    return found


def without_zeros(cells):
    """A cell whose every sum is zero says the same as no cell."""
    return {key: sums for key, sums in cells.items() if any(sums.values())}


def differences(found, wanted, limit=10):
    """The first keys at which two tables differ, for a failure's message."""
    keys = [key for key in {**wanted, **found} if found.get(key) != wanted.get(key)]
    return [f"{key}: found {found.get(key)}, wanted {wanted.get(key)}" for key in keys[:limit]]


def stored_counts(data):
    with database(data) as db:
        cursor = db.execute("SELECT * FROM pipeline_state")
        return dict(zip([c[0] for c in cursor.description], cursor.fetchone(), strict=True))


def stored_events(data):
    """Raw rows as [(order_id, event, event_id, created_at, customer_id, product_id, quantity, items, amounts,
    source, state, currency)] of both tables, placed first, each in order of acceptance."""
    columns = ("created_ms, customer_id, product_id, quantity, items, subtotal_e4, discount_e4, shipping_e4, "
               "tax_e4, total_e4, source, state, currency")  # fmt: skip
    with database(data) as db:
        placed = db.execute(
            f"SELECT order_id, 'placed', NULL, {columns} FROM order_rows r "
            "JOIN sales_groups g ON g.id = r.group_id ORDER BY r.rowid"
        ).fetchall()
        changes = db.execute(
            "SELECT order_id, CASE event WHEN 1 THEN 'cancelled' ELSE 'refunded' END, NULLIF(event_id, ''), "
            f"{columns} FROM adjustment_rows r JOIN sales_groups g ON g.id = r.group_id ORDER BY position"
        ).fetchall()
    return placed + changes


def as_stored(o):
    """An Order of the reference as a row of stored_events()."""
    items = None
    if o.items:
        items = json.dumps(
            [{"product_id": p, "quantity": q, "subtotal": f"{s // 10_000}.{s % 10_000:04d}"} for p, q, s in o.items],
            ensure_ascii=False, separators=(",", ":"),
        )  # fmt: skip
    event_id = o.event_id if o.event != "placed" else None
    return (o.order_id, o.event, event_id, o.created_ms, o.customer_id, o.product_id, o.quantity, items,
            *o.amounts.values(), o.source, o.state, o.currency)  # fmt: skip


def stored_rejections(data):
    with database(data) as db:
        return db.execute("SELECT field, code, message, raw, raw_bytes FROM rejected_rows ORDER BY id").fetchall()


def metrics(text):
    """{name: {labels: value}} of Prometheus' text format, read by Prometheus' own parser."""
    from prometheus_client.parser import text_string_to_metric_families

    found = collections.defaultdict(dict)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            assert labels not in found[sample.name], f"{sample.name}{labels} comes twice"
            found[sample.name][labels] = sample.value
    return found


def day_text(day):
    return instants.date_text(day)
