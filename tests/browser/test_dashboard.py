# SPDX-License-Identifier: MIT
"""The page of `salestide dashboard` on a real MariaDB: what processors commit shows by itself, and a
database that goes away is said, with the figures kept."""

import decimal
import re

import pytest

from live_page import SOON_MS, as_table, matrix, wait_for_text
from mysql_copy import Dashboard, Database, minute_now
from servers.kafka import Kafka
from servers.mysql import MariaDb
from servers.proxy import Proxy


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory):
    with MariaDb(tmp_path_factory.mktemp("mariadb")).start() as one:
        yield one


@pytest.fixture
def dashboard(tmp_path):
    """Starts them; those of a test that fails do not outlive it."""
    running = []

    def start(database, *options, **more):
        running.append(Dashboard(tmp_path, database, *options, **more))
        return running[-1]

    yield start
    for one in running:
        one.kill()


def fresh(page):
    """What the last row says of the newest batch."""
    page.wait_for_selector("[data-pipeline=fresh]", state="visible", timeout=SOON_MS)
    return page.text_content(".fact:has([data-pipeline=fresh])").strip()


def test_what_processors_commit_to_mysql_shows_on_the_open_page(mariadb, dashboard, open_page):
    database = Database(mariadb, "live")
    one = dashboard(database)
    page = open_page(one)
    wait_for_text(page, "[data-figure=orders]", "0")
    minute = minute_now()
    for i in range(1, 4):
        database.commit_order(f"A-{i}", "19.90", minute)
        wait_for_text(page, "[data-figure=revenue]", f"${19.9 * i:.2f}")
        wait_for_text(page, "[data-figure=orders]", str(i))
        wait_for_text(page, "[data-panel=feed] tbody tr:first-child .id", f"A-{i}")
        wait_for_text(page, "[data-panel=map] [data-state=CA] title", f"CA: {19.9 * i:.2f} USD, {i} orders")
        assert matrix(page) == {("GOOGLE", "CA"): 199 * decimal.Decimal(i) / 10, ("GOOGLE", "All"): 199 * decimal.Decimal(i) / 10}
        assert [row[1:3] for row in as_table(page) if row[1] != "0"] == [[str(i), f"${19.9 * i:.2f}"]]
        assert re.fullmatch(r"last batch (now|\d+ s ago)", fresh(page))
    assert not page.is_visible("#problem")
    page.close()
    one.stop()


def test_the_age_of_the_newest_batch_shows_whoever_wrote_it(mariadb, dashboard, open_page):
    database = Database(mariadb, "age")
    one = dashboard(database)
    page = open_page(one)
    page.wait_for_selector("[data-pipeline=rejected]", state="visible", timeout=SOON_MS)
    assert not page.is_visible("[data-pipeline=fresh]"), "there is none yet"
    database.commit_order("first", "10.00", minute_now())
    assert re.fullmatch(r"last batch (now|\d+ s ago)", fresh(page))
    page.close()
    one.stop()
    database.sql("UPDATE pipeline_batches SET committed_at = committed_at - INTERVAL 150 MINUTE")
    one = dashboard(database)
    page = open_page(one)
    assert fresh(page) == "last batch 2 h ago"
    page.close()
    one.stop()


def wait_for_fact(page, name, pattern, timeout_ms=12 * SOON_MS):
    """Until the last row says so of it."""
    page.wait_for_function(
        "([name, pattern]) => new RegExp(`^${pattern}$`).test(document.querySelector(`.fact:not([hidden]):has("
        "[data-pipeline=${name}])`)?.textContent.trim())", arg=[name, pattern], timeout=timeout_ms)  # fmt: skip


def hint(page, name):
    return page.get_attribute(f".fact:has([data-pipeline={name}])", "title")


def test_what_waits_in_the_topic_that_others_count_shows(mariadb, dashboard, tmp_path, open_page):
    database = Database(mariadb, "behind")
    with Kafka(tmp_path / "kafka") as kafka:
        topic = kafka.create_topic("behind", partitions=2)
        kafka.produce("behind", [(b"1", b"{}", 0), (b"2", b"{}", 1), (b"3", b"{}", 1)])
        one = dashboard(database, "--broker", topic)
        page = open_page(one)
        wait_for_fact(page, "behind", "3 behind on 2 partitions")
        assert hint(page, "behind").splitlines() == ["messages that wait, by partition", "partition 0: 1", "partition 1: 2"]
        wait_for_fact(page, "fresh", r"fresh \d.*")
        assert hint(page, "fresh").endswith("has waited; no batch was written yet")
        kafka.kill9()
        wait_for_fact(page, "behind", "lag not known")
        assert not page.is_visible("[data-pipeline=fresh]")
        assert not page.is_visible("#problem"), "the figures are up to date"
        kafka.revive()
        wait_for_fact(page, "behind", "3 behind on 2 partitions")
        database.sql("INSERT INTO pipeline_positions VALUES ('behind', 0, 1, 1, '', 0, 0, 0), ('behind', 1, 2, 1, '', 1, 0, 0)")
        wait_for_fact(page, "behind", "0 behind on 2 partitions")
        wait_for_fact(page, "fresh", "fresh 0 ms")
        page.close()
        one.stop()


def test_a_database_that_goes_away_is_said_and_the_page_goes_on_by_itself(mariadb, dashboard, open_page):
    database = Database(mariadb, "away")
    database.commit_order("before", "10.00", minute_now())
    with Proxy(mariadb.port) as proxy:
        one = dashboard(database, port=proxy.port)
        page = open_page(one)
        wait_for_text(page, "[data-figure=revenue]", "$10.00")
        proxy.refuse()
        proxy.cut()
        page.wait_for_selector("#problem", state="visible", timeout=SOON_MS)
        assert "The figures are not up to date" in page.text_content("#problem")
        assert page.text_content("[data-figure=revenue]") == "$10.00"
        database.commit_order("after", "5.00", minute_now())
        proxy.accept()
        wait_for_text(page, "[data-figure=revenue]", "$15.00", timeout_ms=4 * SOON_MS)
        page.wait_for_selector("#problem", state="hidden", timeout=SOON_MS)
        page.close()
        one.stop()
