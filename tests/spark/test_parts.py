# SPDX-License-Identifier: MIT
"""Parts of the job that need no Spark: options, addresses, offsets."""

import pathlib
import re
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent.parent / "spark"))

import salestide_address as address
import salestide_kafka as kafka
import salestide_options as options_of
import salestide_ranges as ranges
from salestide_failure import Failure

ENOUGH = ["--broker", "kafka://h1,h2:9093/sales", "--raw", "none", "--aggregates", "mysql://sales@db/sales", "--checkpoint", "cp"]


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    import os

    for name in [name for name in os.environ if name.startswith("SALESTIDE_")]:
        monkeypatch.delenv(name)


def claim(partition, next_offset):
    return ranges.Claim(partition, next_offset, 1, 0, 0, 0, [])


def plan(starts, ends, positions, first=0, skip_gap=False):
    found = ranges.plan(starts, ends, {p: claim(p, n) for p, n in positions.items()}, lambda p: first, skip_gap)
    return [(one.partition, one.next_offset, one.to) for one in found]


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("kafka://h/t", (("h", 9092),)),
        ("kafka://h1:1,h2/t", (("h1", 1), ("h2", 9092))),
        ("kafka://[::1]:9,[fe80::1]/t", (("::1", 9), ("fe80::1", 9092))),
    ],
)
def test_an_address_is_read_as_the_program_does(text, hosts):
    assert address.read_address(text, "kafka", "topic").hosts == hosts


@pytest.mark.parametrize("text", ["kafka://", "kafka://h", "kafka://h/", "kafka:///t", "kafka://h:0/t", "kafka://h:65536/t", "kafka://h:x/t",
                                  "kafka://h/t/u", "kafka://h,,g/t", "mysql://h/t", "kafka://[::1/t", "kafka://@h/t"])  # fmt: skip
def test_an_odd_address_is_refused_with_a_right_one(text):
    with pytest.raises(Failure, match="want kafka://HOST") as refused:
        address.read_address(text, "kafka", "topic")
    assert refused.value.code == 2


def test_a_password_in_an_address_is_refused_and_not_shown():
    with pytest.raises(Failure) as refused:
        address.read_address("mysql://u:geheim@h/d", "mysql", "database")
    assert "geheim" not in str(refused.value)


def test_durations_and_sizes_are_those_of_the_program():
    found = options_of.read([*ENOUGH, "--dedupe-window=36h", "--dedupe-memory", "1GiB", "--trigger", "500ms"])
    assert (found.dedupe_window, found.dedupe_memory, found.trigger) == (129_600_000, 1 << 30, 500)


@pytest.mark.parametrize("more", [["--dedupe-window", "36"], ["--dedupe-window", "0s"], ["--trigger", "1.5s"], ["--max-offsets", "0"],
                                  ["--raw", "sqlite"], ["--nonsense"], ["--kafka-user", "u"], ["--kafka-ca", "f"],
                                  ["--broker", "kafka://h/a b"], ["--broker", "kafka://u@h/t"], ["--aggregates", "none"]])  # fmt: skip
def test_a_wrong_option_is_told_in_one_line(more):
    with pytest.raises(Failure) as refused:
        options_of.read([*ENOUGH, *more])
    assert refused.value.code == 2
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["minPartitions=4", "maxRecordsPerPartition=9", "failOnDataLoss=false", "kafka.isolation.level=read_uncommitted"])
def test_options_of_the_source_that_would_break_a_promise_are_refused(name):
    with pytest.raises(Failure, match=name.partition("=")[0]):
        options_of.read([*ENOUGH, "--kafka-option", name])


def test_an_option_comes_from_the_environment_and_a_flag_is_stronger(monkeypatch):
    monkeypatch.setenv("SALESTIDE_DEDUPE_WINDOW", "2h")
    monkeypatch.setenv("SALESTIDE_AVAILABLE_NOW", "yes")
    assert options_of.read(ENOUGH).dedupe_window == 7_200_000
    assert options_of.read(ENOUGH).available_now
    assert options_of.read([*ENOUGH, "--dedupe-window", "3h"]).dedupe_window == 10_800_000


def test_a_login_keeps_its_quotes_to_itself(monkeypatch):
    monkeypatch.setenv("SALESTIDE_KAFKA_PASSWORD", 'a"b\\c')
    found = kafka.source_options(options_of.read([*ENOUGH, "--kafka-user", "u", "--kafka-sasl", "scram-sha-512"]))
    assert found["kafka.security.protocol"] == "SASL_PLAINTEXT"
    assert found["kafka.sasl.mechanism"] == "SCRAM-SHA-512"
    assert found["kafka.sasl.jaas.config"].endswith('password="a\\"b\\\\c";')
    assert found["kafka.bootstrap.servers"] == "h1:9092,h2:9093"
    assert found["kafka.isolation.level"] == "read_committed"


@pytest.mark.parametrize("words", [kafka.client_options, kafka.reader_settings])
def test_a_login_without_a_password_is_refused(words):
    with pytest.raises(Failure, match="has no password"):
        words(options_of.read([*ENOUGH, "--kafka-user", "u", "--kafka-sasl", "plain"]))


def test_tasks_log_in_as_sparks_source_does_in_their_own_clients_words(monkeypatch, tmp_path):
    monkeypatch.setenv("SALESTIDE_KAFKA_PASSWORD", 'a"b\\c')
    (tmp_path / "ca.pem").write_text("-----BEGIN", "ascii")
    options = options_of.read([*ENOUGH, "--kafka-user", "u", "--kafka-sasl", "scram-sha-512", "--kafka-tls", "--kafka-ca", str(tmp_path / "ca.pem"),
                               "--kafka-option", "kafka.fetch.max.bytes=9000000", "--kafka-option", "groupIdPrefix=x"])  # fmt: skip
    assert kafka.reader_settings(options) == {
        "bootstrap.servers": "h1:9092,h2:9093", "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "u",
        "sasl.password": 'a"b\\c', "ssl.endpoint.identification.algorithm": "https", "ssl.ca.pem": "-----BEGIN",
        "fetch.max.bytes": "9000000"}  # fmt: skip


def test_offsets_of_a_batch_and_of_the_beginning_are_read():
    batch = 'v1\n{"batchWatermarkMs":0,"batchTimestampMs":1,"conf":{}}\n{"sales":{"1":5,"0":9}}'
    assert ranges.read_offsets(batch, "sales") == {0: 9, 1: 5}
    assert ranges.read_offsets('\0v1\n{"sales":{"0":3}}', "sales") == {0: 3}


def test_a_checkpoint_of_another_topic_is_refused():
    with pytest.raises(Failure, match="of the topic others, not of sales"):
        ranges.read_offsets('v1\n{}\n{"others":{"0":3}}', "sales")


def test_a_batch_that_is_counted_already_has_nothing_to_do():
    assert plan({0: 5}, {0: 9}, {0: 9}) == []
    assert plan({0: 5}, {0: 9}, {0: 20}) == []


def test_of_a_batch_that_is_counted_in_part_the_rest_is_done():
    assert plan({0: 5, 1: 0}, {0: 9, 1: 4}, {0: 7, 1: 4}) == [(0, 7, 9)]


def test_a_partition_that_spark_did_not_know_begins_at_the_beginning():
    assert plan({0: 5}, {0: 5, 1: 3}, {0: 5, 1: -1}) == [(1, -1, 3)]


def test_a_gap_stops_the_job():
    with pytest.raises(Failure, match="begins at offset 5, but 3 is next: 2 messages were deleted"):
        plan({0: 5}, {0: 9}, {0: 3}, first=5)
    assert plan({0: 5}, {0: 9}, {0: 3}, first=5, skip_gap=True) == [(0, 3, 9)]


@pytest.mark.parametrize("skip_gap", [False, True])
@pytest.mark.parametrize("position", [3, -1])
def test_a_checkpoint_that_is_ahead_of_the_aggregates_never_skips_messages_that_are_there(position, skip_gap):
    with pytest.raises(Failure, match="Give another, empty --checkpoint"):
        plan({0: 5}, {0: 9}, {0: position}, first=2, skip_gap=skip_gap)
    with pytest.raises(Failure, match="Give another, empty --checkpoint"):
        plan({0: 5}, {0: 5}, {0: position}, first=2, skip_gap=skip_gap)


def test_a_new_partition_whose_oldest_messages_are_gone_is_no_gap():
    assert plan({0: 5}, {0: 9}, {0: -1}, first=5) == [(0, -1, 9)]


def test_a_query_without_a_checkpoint_begins_where_the_aggregates_end():
    claims = {0: claim(0, 7), 1: claim(1, -1)}
    assert ranges.where_to_start(claims, {0: 2, 1: 4}, "sales", False, False) == {0: 7, 1: 4}
    with pytest.raises(Failure, match="were deleted before they were counted"):
        ranges.where_to_start(claims, {0: 8, 1: 0}, "sales", False, False)
    assert ranges.where_to_start(claims, {0: 8, 1: 0}, "sales", True, False) == {0: 8, 1: 0}


def test_sparks_own_state_begins_where_the_window_does():
    claims = {0: claim(0, 7), 1: claim(1, -1)}
    claims[0].window_offset = 3
    assert ranges.where_to_start(claims, {0: 0, 1: 4}, "sales", False, True) == {0: 3, 1: 4}
    assert ranges.where_to_start(claims, {0: 5, 1: 4}, "sales", False, True) == {0: 5, 1: 4}
    assert ranges.where_to_start(claims, {0: 8, 1: 4}, "sales", True, True) == {0: 8, 1: 4}


def test_a_partition_that_ends_before_what_is_counted_is_lost():
    claims = {0: claim(0, 7), 1: claim(1, -1), 2: claim(2, 9)}
    assert ranges.lost(claims, {0: 6, 1: 0, 2: 9}) == [0]
    assert ranges.lost(claims, {0: 7, 1: 0, 2: 8}) == [2]


def test_what_is_pending_in_the_archive_is_finished_only_when_all_of_it_was_counted():
    pending = {"topic_id": "a", "moves": {"0": [3, 5], "1": [0, 2]}}
    assert ranges.is_committed(pending, "a", {0: 5, 1: 9})
    assert not ranges.is_committed(pending, "a", {0: 5, 1: 1})
    assert not ranges.is_committed(pending, "a", {0: 5})
    assert not ranges.is_committed(pending, "b", {0: 5, 1: 9})


def test_the_guide_lists_every_option_with_its_default():
    guide = pathlib.Path(__file__).parents[2].joinpath("docs/spark.md").read_text("utf-8")
    table = guide.partition("\n## Options\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("| `--")]
    listed = {name: (metavar or None, row[1]) for row in rows for name, metavar in re.findall(r"`--([a-z-]+)(?: ([A-Z=]+))?`", row[0])}
    actions = {a.option_strings[-1].removeprefix("--"): a for a in options_of.parser()._actions if a.dest != "help"}
    assert {**{name: a.metavar for name, a in actions.items()}, "master": "MASTER"} == {name: m for name, (m, _) in listed.items()}
    for name, action in actions.items():
        told = listed[name][1]
        if action.nargs == 0 or action.default in (None, []):
            assert told in ("", "none") or name in ("window-dir", "mysql-tls", "mysql-ca"), f"--{name}: {told}"
        else:
            assert (action.type or str)(told) == action.default, f"--{name}: {told} is not {action.default}"
