# SPDX-License-Identifier: MIT
"""The README's two pictures, of real orders: the sample shop's amounts, products, sources and states. Its dates have no
times, so its newest orders are laid on the last five weeks of a shop in New York, most in the day, on a clock that
always shows the same moment. They stay in build/check/pictures as readme-light.png and readme-dark.png."""

import csv
import datetime
import math
import os
import pathlib
import random
import zoneinfo

import pytest

import harness
from live_page import DESK, SOON_MS, assert_in_frame, order, picture, post

DATA = pathlib.Path(os.environ.get("SALESTIDE_SHARED_DATA", harness.ROOT.parent / "shared" / "data")) / "metabase_sample"
ZONE = zoneinfo.ZoneInfo("America/New_York")
NOW = datetime.datetime(2026, 11, 28, 17, 24, tzinfo=ZONE)
DAYS = 35
FIELDS = ("customer_id", "product_id", "quantity", "subtotal", "discount", "tax", "total")


def moments(n):
    """So many, oldest first: more in the day than at night, more of late than before, none behind NOW."""
    rng = random.Random(7)
    found = []
    while len(found) < n:
        ago_s = rng.triangular(0, DAYS * 86400, 0)
        at = NOW - datetime.timedelta(seconds=ago_s)
        hour = at.hour + at.minute / 60
        if rng.random() < 0.25 + 0.75 * math.exp(-(((hour - 12.5) / 4.5) ** 2)):
            found.append(at)
    return sorted(found)


def orders_of_the_sample():
    with open(DATA / "orders.csv", newline="", encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: (row["created_at"], int(row["order_id"])))
    for row, at in zip(rows, moments(len(rows)), strict=True):
        utc = at.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        yield {"order_id": int(row["order_id"]), "created_at": utc, **{name: row[name] for name in FIELDS if row[name] != ""}}


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the sample data is not at {DATA}")
def test_the_pictures_of_the_readme_show_a_real_shop(clock, server, open_page):
    clock.set(NOW)
    one = server("--timezone", ZONE.key, "--customers", DATA / "customers.csv", "--products", DATA / "products.csv", env=clock.environment)
    rows = list(orders_of_the_sample())
    post(one, *rows[:-7])
    refunded = next(row for row in reversed(rows[:-30]) if float(row["total"]) > 60)
    pages = {scheme: open_page(one, viewport={**DESK, "height": 940}, color_scheme=scheme) for scheme in ("light", "dark")}
    for row in rows[-7:-2]:
        post(one, row)
    post(one, order(refunded["order_id"], event="refunded", event_id="r-1", created_at=NOW.isoformat(), total=refunded["total"],
                    product_id=refunded["product_id"]), *rows[-2:])  # fmt: skip
    for scheme, page in pages.items():
        page.bring_to_front()
        page.wait_for_selector(f"[data-panel=feed] button.id:text('{rows[-1]['order_id']}')", timeout=SOON_MS)
        page.wait_for_function("() => document.querySelectorAll('.compared .up, .compared .down').length >= 8", timeout=2 * SOON_MS)
        page.wait_for_function("() => document.querySelectorAll('[data-panel=time] .band').length === 1", timeout=2 * SOON_MS)
        assert_in_frame(page)
        picture(page, f"readme-{scheme}")
