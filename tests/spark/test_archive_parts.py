# SPDX-License-Identifier: MIT
"""What is pending in the archive after a kill, a fence, another job or another topic; customers of a file on HDFS. With
stand-ins for Spark, Hadoop's file system and the aggregates."""

import ast
import pathlib
import re
import subprocess
import textwrap

import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent

PROGRAM = """
import pathlib, sys, types
sys.path[:0] = sys.argv[1:3]
import hadoop_standin
import salestide_archive, salestide_ranges as ranges
from salestide_failure import Failure

spark = hadoop_standin.Spark(sys.argv[3])
salestide_archive.functions = types.SimpleNamespace(to_date=lambda name: name)  # Spark's own asks the JVM
FILE = "day=2026-11-28/part-1.parquet"

def archive(database="sales", topic="sales"):
    return salestide_archive.Archive(spark, "hdfs://n/orders", database, topic)

def claims(next_offset, epoch, partitions=(0,)):
    return {p: ranges.Claim(p, next_offset, epoch, p, 0, 0, []) for p in partitions}

def write(one, moved, epoch, topic_id="id", files=(FILE,), partitions=(0,)):
    moves = [{"partition": p, "from": moved[0], "to": moved[1], "epoch_us": epoch} for p in partitions]
    return one.write_pending([hadoop_standin.Frame(spark, *files)], topic_id, moves)

def pending():
    return len({name.partition("/")[0] for name in spark.names("orders/_pending")}) if (spark.folder / "orders/_pending").exists() else 0

def days():
    return [name for name in spark.names("orders") if name.startswith("day=")]

def failing(ask):
    try:
        ask()
    except Failure as failure:
        return str(failure)
"""


@pytest.fixture
def run(tmp_path):
    """Runs lines after PROGRAM; what they print, as Python."""
    python = ROOT / "build/spark-venv/bin/python"
    assert python.exists(), "run make spark-deps"

    def of(code):
        done = subprocess.run(
            [python, "-c", textwrap.dedent(PROGRAM) + textwrap.dedent(code), ROOT / "spark", pathlib.Path(__file__).parent, tmp_path],
            capture_output=True, timeout=120, check=False, env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"})  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        return ast.literal_eval(done.stdout.decode())

    return of


FILE = "day=2026-11-28/part-1.parquet"


# --- one batch


def test_a_batch_is_in_its_day_after_the_commit_and_nothing_is_pending(run):
    assert run("""
        one = archive()
        one.finish(write(one, (0, 5), 1))
        print((days(), pending()))
    """) == ([FILE], 0)


def test_a_batch_without_accepted_orders_is_finished_too(run):
    assert run("""
        one = archive()
        one.finish(write(one, (0, 5), 1, files=()))
        one.finish(one.write_pending([], "id", []))
        print((days(), pending()))
    """) == ([], 0)


@pytest.mark.parametrize("gone", ["", "/data"])
def test_files_that_are_gone_before_they_are_renamed_fail_with_their_names_after_the_others_were_renamed(run, gone):
    days, said = run(f"""
        import shutil
        one = archive()
        held = write(one, (0, 5), 1, files=("day=2026-11-27/part-0.parquet", FILE))
        where = spark.folder / "orders" / held.name
        shutil.rmtree(where / "data/day=2026-11-28")
        if not "{gone}":
            shutil.move(where / "data", spark.folder / "aside")
            where.rename(spark.folder / "elsewhere")
        print((days(), failing(lambda: one.finish(held))))
    """)
    assert f"has lost {1 if gone else 2} of 2 files of a batch that was counted" in said, said
    assert "removed day=2026-11-2" in said and "hdfs://n/orders/_pending/" in said and "Its orders are in the totals" in said, said


def test_a_finish_that_was_killed_between_two_files_goes_on(run):
    assert run("""
        one = archive()
        held = write(one, (0, 5), 1, files=(FILE, "day=2026-11-29/part-2.parquet"))
        one.files.make(one.files.at("day=2026-11-28"))
        one.files.rename(one.files.at(f"{held.name}/data/{FILE}"), one.files.at(FILE))
        archive().recover("id", claims(5, 2))
        print((days(), pending()))
    """) == ([FILE, "day=2026-11-29/part-2.parquet"], 0)


# --- at a start


def test_what_was_committed_is_finished_and_what_was_not_is_removed(run):
    assert run("""
        one = archive()
        write(one, (0, 5), 1)
        write(one, (5, 9), 1, files=("day=2026-11-28/part-2.parquet",))
        archive().recover("id", claims(5, 2))
        print((days(), pending()))
    """) == ([FILE], 0)


@pytest.mark.parametrize("database, topic", [("sales", "returns"), ("other", "sales")])
@pytest.mark.parametrize("position", [0, 99])
def test_a_job_leaves_the_batches_of_another_topic_or_database_alone_and_they_are_finished_by_their_own(run, database, topic, position):
    assert run(f"""
        other = archive({database!r}, {topic!r})
        topic_id = "id" if {topic!r} == "sales" else "another"
        held = write(other, (0, 5), 1, topic_id)
        archive().recover("id", claims({position}, 7))
        before = (days(), pending())
        other.finish(held)
        print((before, days(), pending()))
    """) == (([], 1), [FILE], 0)


def test_a_job_leaves_a_batch_that_another_is_just_writing_alone(run):
    assert run("""
        other = archive(topic="returns")
        (spark.folder / f"orders/_pending/{other.owner}.just-now/data").mkdir(parents=True)
        archive().recover("id", claims(5, 7))
        print((spark.folder / f"orders/_pending/{other.owner}.just-now/data").exists())
    """)


def test_a_batch_that_was_written_in_part_is_removed_also_when_another_has_counted_it(run):
    assert run("""
        one = archive()
        held = write(one, (0, 5), 1)
        one._write(f"{held.name}/moves.json", {**one._read(f"{held.name}/moves.json"), "files": None})
        (spark.folder / f"orders/_pending/{one.owner}.begun/data").mkdir(parents=True)
        archive().recover("id", claims(9, 2))
        print((days(), pending()))
    """) == ([], 0)


def test_a_batch_of_brokers_that_told_no_id_is_judged_by_its_positions(run):
    assert run("""
        write(archive(), (0, 5), 1, topic_id="")
        archive().recover("id", claims(5, 2))
        print((days(), pending()))
    """) == ([FILE], 0)


def test_what_an_older_job_writes_after_a_newer_has_begun_is_not_archived_a_second_time(run):
    """The older one is killed before it hears that it is fenced."""
    assert run("""
        older, newer = archive(), archive()
        newer.recover("id", claims(0, 2))
        write(older, (0, 5), 1, files=("day=2026-11-28/part-older.parquet",))
        newer.finish(write(newer, (0, 9), 2))
        archive().recover("id", claims(9, 3))
        print((days(), pending()))
    """) == ([FILE], 0)


def test_a_job_that_comes_late_leaves_what_a_newer_one_has_written(run):
    assert run("""
        newer = archive()
        held = write(newer, (0, 5), 2)
        archive().recover("id", claims(0, 1))
        newer.finish(held)
        print((days(), pending()))
    """) == ([FILE], 0)


def test_epochs_of_the_newest_start_are_kept(run):
    assert run("""
        archive().recover("id", claims(0, 5))
        archive().recover("id", claims(0, 3, (0, 1)))
        one = archive()
        print(one._read(one._fences()))
    """) == {"0": 5, "1": 3}


# --- a topic made anew


def test_of_a_topic_that_was_made_anew_what_was_committed_is_finished_and_the_rest_stays(run):
    assert run("""
        one = archive()
        write(one, (0, 5), 1, "old", partitions=(0, 7))  # of which the new one has only 0
        write(one, (5, 9), 1, "old", files=("day=2026-11-28/part-2.parquet",))
        write(one, (0, 2), 1, "new", files=("day=2026-11-28/part-3.parquet",))
        one.finish_committed("old", {0: 5})
        before = (days(), pending())
        one.recover("new", claims(-1, 2))
        print((before, days(), pending()))
    """) == (([FILE], 2), [FILE], 1)


BATCHES = """
import salestide_batch, salestide_tally
import salestide_task as task

seen = []

class Tally:
    def __init__(self, *answers):
        self.answers = list(answers)
    def claim(self, topic, topic_id, partitions, anew=False):
        seen.append("claimed anew" if anew else "claimed")
        next_offset, other_id = self.answers.pop(0)
        return [{"partition": p, "next_offset": next_offset, "epoch_us": 2, "lane": p, "window_offset": 0, "window_ms": 0,
                 "refused": [], "other_id": other_id} for p in partitions]
    def commit(self, topic, moves, tallies):
        seen.append(f"moved to {moves[0]['to']}")
        if self.answers:
            raise salestide_tally.Fenced(self.answers.pop())
        return 1

def batches(tally, topic_id, skip_gap=True, end=100, now=""):
    topic = types.SimpleNamespace(name="sales", identity=lambda patience_s: now, ends=lambda ps: {p: end for p in ps})
    checkpoint = types.SimpleNamespace(list=lambda path: [], at=lambda name: name)
    common = types.SimpleNamespace(topic_id=topic_id)
    return salestide_batch.Batches(spark, None, topic, tally, checkpoint, common, skip_gap, archive=archive())

def commit(one):
    one.claims = claims(0, 2)
    one._check_kept = lambda kept: None
    frame = hadoop_standin.Frame(spark, FILE)
    frame.where = frame.select
    kept = [salestide_batch.Kept(frame, frozenset([0]))]
    return failing(lambda: one._commit(7, {0: ranges.Range(0, 0, 0, 5)}, {0: b"t0"}, kept))
"""


def test_a_start_that_takes_a_topic_anew_first_finishes_what_was_committed_of_the_one_before(run):
    assert run(BATCHES + """
one = batches(Tally((5, "old"), (-1, "")), "new")
write(archive(), (0, 5), 1, "old")
finish = one.archive.finish
one.archive.finish = lambda held: (seen.append("finished"), finish(held))
one.take_over([0])
print((seen, days(), pending()))
""") == (["claimed", "finished", "claimed anew"], [FILE], 0)  # fmt: skip


def test_a_start_that_sets_a_position_back_first_finishes_what_was_committed(run):
    """The topic has lost messages that were counted, and --skip-gap goes on at its end."""
    assert run(BATCHES + """
one = batches(Tally((5, ""), (-1, "")), "id", end=3)
write(archive(), (0, 5), 1)
one.take_over([0])
print((seen, days(), pending()))
""") == (["claimed", "claimed anew", "moved to 3"], [FILE], 0)  # fmt: skip


def test_without_skip_gap_a_topic_made_anew_stops_the_job_and_nothing_pending_is_touched(run):
    said, found = run(BATCHES + """
one = batches(Tally((5, "old")), "new", skip_gap=False)
write(archive(), (0, 5), 1, "old")
print((failing(lambda: one.take_over([0])), (days(), pending())))
""")  # fmt: skip
    assert "the topic was made anew, or is another cluster's" in said
    assert found == ([], 1)


# --- the commit


def test_a_batch_that_is_committed_is_archived(run):
    assert run(BATCHES + """
failed = commit(batches(Tally(), "id", now="id"))
print((failed, seen, days(), pending()))
""") == (None, ["moved to 5"], [FILE], 0)  # fmt: skip


def test_a_topic_made_anew_while_the_job_runs_stops_it_before_the_commit_and_leaves_nothing_pending(run):
    said, seen, days, pending = run(BATCHES + """
failed = commit(batches(Tally(), "id", now="another"))
print((failed, seen, days(), pending()))
""")  # fmt: skip
    assert said.startswith("the topic sales was made anew while it was read: its id was id and is another. Nothing of the new one was")
    assert (seen, days, pending) == ([], [], 0)


@pytest.mark.parametrize("before, now", [("", "another"), ("id", ""), ("id", "id"), ("", "")])
def test_ids_that_are_not_told_are_no_other_topic(run, before, now):
    assert run(BATCHES + f"""
failed = commit(batches(Tally(), {before!r}, now={now!r}))
print((failed, seen, days(), pending()))
""") == (None, ["moved to 5"], [FILE], 0)  # fmt: skip


def test_a_fenced_job_removes_what_is_known_not_to_be_stored_and_leaves_the_rest_to_the_next_start(run):
    found = run(BATCHES + """
one = commit(batches(Tally("partition 0 of sales is not ours any more: found 5 and 3; nothing was stored"), "id"))
first = pending()
two = commit(batches(Tally("the connection was lost while committing: claim them to see what was stored"), "id"))
print((one, first, two, pending(), days()))
""")  # fmt: skip
    assert [said.partition(":")[0] for said in (found[0], found[2])] == ["another process counts this topic now"] * 2
    assert (found[1], found[3], found[4]) == (0, 1, [])


def test_the_program_says_that_nothing_was_stored_in_the_words_that_the_job_knows():
    told = '; nothing was stored"'
    assert f"STORED_NOTHING = {told.replace('; ', chr(34) + '; ')}" in (ROOT / "spark/salestide_tally.py").read_text("utf-8")
    sources = {name: (ROOT / name).read_text("utf-8") for name in ("src/store/mysql/mysql_commit.c", "src/tool/tally/tally_stores.c")}
    assert [name for name, text in sources.items() if re.sub(r'"\s+"', "", text).count(told) != 1] == []


# --- customers


CUSTOMERS = """
import salestide_customers
(spark.folder / "shop").mkdir()
(spark.folder / "shop/customers.csv").write_bytes(b"customer_id,source,state\\n7,GOOGLE,CA\\n8,CAF\\xc3\\x89,\\xff\\n")
def read(where):
    return salestide_customers.read(spark, types.SimpleNamespace(customers=where))
"""


def test_customers_come_from_a_file_on_hdfs_byte_by_byte(run):
    where, found = run(CUSTOMERS + 'print(read("hdfs://n/shop/customers.csv"))')
    assert (where, found) == ("hdfs://n/shop/customers.csv", b"customer_id,source,state\n7,GOOGLE,CA\n8,CAF\xc3\x89,\xff\n")


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("hdfs://n/shop/nobody.csv", "--customers hdfs://n/shop/nobody.csv: there is no such file"),
        ("ftps://n/shop/customers.csv", "ftps://n/shop/customers.csv cannot be used: UnsupportedFileSystemException"),
    ],
)
def test_customers_that_are_not_there_or_of_no_known_file_system_are_told_in_one_line(run, where, says):
    code, said = run(CUSTOMERS + f"""
try:
    read({where!r})
except Failure as failure:
    print((failure.code, str(failure)))
""")  # fmt: skip
    assert code == 2
    assert said.startswith(says) and len(said.splitlines()) == 1, said
