# SPDX-License-Identifier: MIT
"""A year of a shop with an order a second: 250 groups, 5,000 products, sums by minute, hour and day as far back as they
are kept. Written straight into the tables of sums, as the commits of that year would have left them; raw orders are
none. The same figures in SQLite and in MariaDB."""

import datetime
import sqlite3
import time

DAYS, SOURCES, STATES, PRODUCTS = 365, 5, 50, 5000
GROUPS = SOURCES * STATES
MINUTE_DAYS = 15
GROUPS_A_MINUTE = 50
EPOCH = datetime.date(1970, 1, 1)

# Of a cell of bucket b and group or product g: orders, and the amount of each in ten-thousandths.
ORDERS = {"minute": "1 + (b * 7 + g * 13) % 2", "hour": "10 + (b * 7 + g * 13) % 9", "day": "300 + (b * 7 + g * 13) % 90",
          "product": "12 + (b * 7 + g * 13) % 11"}  # fmt: skip
EACH_E4 = "(150000 + (b * 31 + g * 977) % 900000)"


def today():
    return (datetime.datetime.now(datetime.timezone.utc).date() - EPOCH).days


def source_of(g):
    return f"SOURCE{(g - 1) // STATES}"


def state_of(g):
    return f"S{(g - 1) % STATES:02}"


def ranges():
    """(first bucket, number of buckets) by kind; the last one is that of now."""
    now_s, day = int(time.time()), today()
    minute, hour = now_s // 60, now_s // 3600
    return {"minute": (minute - MINUTE_DAYS * 1440 + 1, MINUTE_DAYS * 1440), "hour": (hour - DAYS * 24 + 1, DAYS * 24),
            "day": (day - DAYS + 1, DAYS), "product": (day - DAYS + 1, DAYS)}  # fmt: skip


# --- SQLite


def fill_sqlite(path):
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.executemany("INSERT OR REPLACE INTO sales_groups VALUES (?, ?, ?, 'USD')",
                       [(g, source_of(g), state_of(g)) for g in range(1, GROUPS + 1)])  # fmt: skip
        db.executemany("INSERT OR REPLACE INTO sales_products VALUES (?, ?, 'USD')", [(g, g) for g in range(1, PRODUCTS + 1)])
        for kind, (first, n) in ranges().items():
            table = "product_cells" if kind == "product" else f"{kind}_cells"
            fill_cells(db, kind, table, first, n)
        db.execute("INSERT OR REPLACE INTO total_cells SELECT cell & 4294967295, sum(orders), sum(units), sum(subtotal_e4), 0, 0, 0, "
                   "sum(total_e4), 0, 0, 0 FROM day_cells GROUP BY 1")  # fmt: skip
        db.execute("UPDATE pipeline_state SET last_batch_id = last_batch_id + 1, minute_floor = ?, hour_floor = ?",
                   (ranges()["minute"][0], ranges()["hour"][0]))  # fmt: skip
    db.close()


def made_sqlite_e4(path):
    with sqlite3.connect(path) as db:
        ((made,),) = db.execute("SELECT sum(total_e4) FROM day_cells").fetchall()
    db.close()
    return made


def fill_cells(db, kind, table, first, n):
    per_bucket = {"minute": GROUPS_A_MINUTE, "product": PRODUCTS}.get(kind, GROUPS)
    step = GROUPS // GROUPS_A_MINUTE if kind == "minute" else 1
    db.execute(f"""
        WITH RECURSIVE buckets(b) AS (SELECT {first} UNION ALL SELECT b + 1 FROM buckets WHERE b < {first + n - 1}),
                       numbers(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM numbers WHERE k < {per_bucket - 1}),
                       cells(b, g) AS (SELECT b, 1 + k * {step} + (CASE WHEN {step} > 1 THEN b % {step} ELSE 0 END)
                                       FROM buckets, numbers)
        INSERT OR REPLACE INTO {table}
        SELECT (b << 32) + g, {ORDERS[kind]}, {ORDERS[kind]}, ({ORDERS[kind]}) * {EACH_E4}, 0, 0, 0, ({ORDERS[kind]}) * {EACH_E4}, 0, 0, 0
        FROM cells""")  # fmt: skip


# --- MariaDB, by its tables of numbers

KEYS = {"minute": ("sales_by_minute", "TIMESTAMPADD(MINUTE, b, '1970-01-01')"),
        "hour": ("sales_by_hour", "TIMESTAMPADD(HOUR, b, '1970-01-01')"),
        "day": ("sales_by_day", "DATE_ADD('1970-01-01', INTERVAL b DAY)"),
        "product": ("sales_by_product", "DATE_ADD('1970-01-01', INTERVAL b DAY)")}  # fmt: skip
MEASURES = "orders, units, subtotal, discount, shipping, tax, total, cancelled_orders, refunds, refunded_total"


def fill_mariadb(mysql, database):
    connection = mysql.connect(database, user="root", password="", autocommit=True)
    connection._read_timeout = 600  # noqa: SLF001  # a statement writes two million rows
    with connection, connection.cursor() as cursor:
        for kind, (first, n) in ranges().items():
            cursor.execute(insert(kind, first, n))
        cursor.execute(f"INSERT INTO sales_totals (source, state, currency, {MEASURES}) SELECT source, state, currency, "
                       f"{', '.join(f'SUM({name})' for name in MEASURES.split(', '))} FROM sales_by_day GROUP BY 1, 2, 3")  # fmt: skip
        cursor.execute("UPDATE pipeline_state SET last_batch_id = 1, minute_floor = %s, hour_floor = %s",
                       (ranges()["minute"][0], ranges()["hour"][0]))  # fmt: skip


def insert(kind, first, n):
    table, bucket = KEYS[kind]
    step = GROUPS // GROUPS_A_MINUTE if kind == "minute" else 1
    per_bucket = {"minute": GROUPS_A_MINUTE, "product": PRODUCTS}.get(kind, GROUPS)
    total = f"({ORDERS[kind]}) * {EACH_E4} / 10000"
    cells = (f"SELECT s.seq AS b, 1 + k.seq * {step} + {f's.seq % {step}' if step > 1 else 0} AS g "
             f"FROM seq_{first}_to_{first + n - 1} s CROSS JOIN seq_0_to_{per_bucket - 1} k")  # fmt: skip
    if kind == "product":
        return (f"INSERT INTO {table} (day, product_id, currency, orders, units, total) SELECT {bucket}, g, 'USD', "
                f"{ORDERS[kind]}, {ORDERS[kind]}, {total} FROM ({cells}) c")  # fmt: skip
    return (f"INSERT INTO {table} (bucket, source, state, currency, {MEASURES}) SELECT {bucket}, "
            f"CONCAT('SOURCE', (g - 1) DIV {STATES}), CONCAT('S', LPAD((g - 1) MOD {STATES}, 2, '0')), 'USD', "
            f"{ORDERS[kind]}, {ORDERS[kind]}, {total}, 0, 0, 0, {total}, 0, 0, 0 FROM ({cells}) c")  # fmt: skip


def sell_mariadb(mysql, database):
    """An order of product 77 more today, with what a batch of `process` writes of it into the tables that questions read."""
    day = "DATE_ADD('1970-01-01', INTERVAL %s DAY)"
    for statement in (
        "START TRANSACTION",
        f"INSERT INTO sales_by_day (bucket, source, state, currency, {MEASURES}) VALUES ({day}, 'SOURCE0', 'S00', 'USD', 1, 1, 1, 0, 0, 0, 1, 0, 0, 0) "
        "ON DUPLICATE KEY UPDATE orders = orders + 1, units = units + 1, subtotal = subtotal + 1, total = total + 1",
        f"INSERT INTO sales_by_product (day, product_id, currency, orders, units, total) VALUES ({day}, 77, 'USD', 1, 1, 1) "
        "ON DUPLICATE KEY UPDATE orders = orders + 1, units = units + 1, total = total + 1",
        "UPDATE pipeline_state SET last_batch_id = last_batch_id + 1, received = received + 1, accepted = accepted + 1",
        f"INSERT INTO sales_day_changes (day, changed_at, accepted) SELECT {day}, NOW(3), accepted FROM pipeline_state "
        "ON DUPLICATE KEY UPDATE changed_at = VALUES(changed_at), accepted = VALUES(accepted)",
        "COMMIT",
    ):  # fmt: skip
        mysql.sql(statement, (today(),) if "%s" in statement else None, database=database)
