# SPDX-License-Identifier: MIT
"""The job in Spark, local[2], against the reference and against the program itself on the same topic."""

import json
import shutil
import subprocess
import time

import pytest

import harness
import hosts
import pipeline
from reference import events
from servers.mysql import MariaDb
from spark_shop import SUBMIT, WAIT_S

SEED = harness.number_of("DIFFERENTIAL_SEED", 1)
N_EVENTS = harness.number_of("SPARK_EVENTS", 5000)


def produce(one, n, seed=SEED):
    texts = list(events.Generator(seed, int(time.time() * 1000), one.timezone).events(n))
    one.kafka.produce_lines(one.name, pipeline.keyed(texts, one.currency, one.timezone))


def counts_of(state):
    return {name: state[name] for name in ("received", "accepted", "duplicate", "rejected", *pipeline.WARNINGS)}


def same_as_process(one, **more):
    """What the program makes of the topic, but for when which batch was. Returns a Pipeline to read that by."""
    native = one.process_into(f"{one.name}_native", **more)
    for table, cells in one.tables().items():
        different = harness.differences(cells, native.tables()[table])
        assert not different, f"{table}:\n" + "\n".join(different)
    assert counts_of(native.state()) == counts_of(one.state())
    # A position is a partition's number in its database and an offset.
    rejected = ("SELECT code, field, message, event, event_raw, event_bytes, event_key, position & 281474976710655 FROM rejected_events "
                "ORDER BY event_bytes, message, event, event_key, position & 281474976710655")  # fmt: skip
    assert one.mysql.sql(rejected, database=native.name) == one.mysql.sql(rejected, database=one.name)
    return native


def without_raw(one, expected):
    """Laws of a pipeline that keeps no raw orders: where an order was from that is taken back later is not known."""
    import test_combinations

    one.check_counts(expected)
    found, wanted = (test_combinations.without_places(t) for t in (one.tables(), pipeline.as_texts(expected.reference.tables())))
    for table in pipeline.KEYS:
        floor = {"sales_by_minute": one.state()["minute_floor"], "sales_by_hour": one.state()["hour_floor"]}.get(table)
        different = harness.differences(pipeline.above(found[table], floor), pipeline.above(wanted[table], floor))
        assert not different, f"{table}:\n" + "\n".join(different)
    one.check_rejected(expected)


def waiting(page):
    """{partition: messages that are not counted} of a dashboard's metrics."""
    found = harness.metrics(page.get("/metrics").body.decode()).get("salestide_kafka_lag_messages", {})
    return {int(dict(labels)["partition"]): n for labels, n in found.items()}


@pytest.mark.timeout(2400)
def test_what_spark_counts_is_what_the_reference_and_the_program_count(shop):
    one = shop()
    produce(one, N_EVENTS)
    page = hosts.Dashboard(one.directory, "--broker", one.broker, "--aggregates", one.mysql.url(one.name), env=one.env)
    one.running.append(page)
    harness.wait_until(lambda: waiting(page) == one.kafka.end_offsets(one.name), 60, f"all waits\n{page.log}")
    door = one.ingest()  # what it rejects is in the topic too, with the reason in a header
    assert door.post(b"{no order}\n", harness.NDJSON).json()["rejected"] == 1
    door.stop()
    one.run_job("--max-offsets", str(N_EVENTS // 3))
    assert one.is_drained()
    harness.wait_until(lambda: set(waiting(page).values()) == {0}, 60, f"nothing waits\n{page.log}")
    without_raw(one, one.expected())
    same_as_process(one)


def placed(raw_rows):
    """{(order_id, position): total}"""
    return {(row.identity[0], row.position): row.amounts[-1] for row in raw_rows if row.identity[1] == "placed"}


def archived(one, directory):
    """{order_id: total} of the archive, read by PyArrow in Spark's own environment, which the tests' does not have."""
    code = ("import sys, pyarrow.dataset as d; t = d.dataset(sys.argv[1], format='parquet', partitioning='hive').to_table()\n"
            "assert t.schema.field('total').type == __import__('pyarrow').decimal128(19, 4), t.schema\n"
            "for i, p, v in zip(*(t.column(c).to_pylist() for c in ('order_id', 'position', 'total'))): print(i, p, v, sep='\\t')")
    done = subprocess.run([harness.ROOT / "build/spark-venv/bin/python", "-c", code, directory], capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    rows = [line.split("\t") for line in done.stdout.decode().splitlines()]
    found = {(order_id, int(position)): pipeline.e4(total) for order_id, position, total in rows}
    assert len(found) == len(rows), "an order is in the archive twice"
    return found


@pytest.mark.full
@pytest.mark.timeout(2400)
def test_raw_orders_and_the_archive_hold_every_order_once_through_a_stop_and_a_kill(shop):
    one = shop(raw=True)
    archive, n = one.directory / "archive", N_EVENTS // 2
    produce(one, n, SEED + 1)
    job = one.job("--archive", archive, "--max-offsets", str(n // 2))
    one.wait_moving(timeout_s=WAIT_S)
    job.stop()
    job = one.job("--archive", archive)
    one.wait_drained(WAIT_S)
    produce(one, n, SEED + 2)
    one.wait_moving(beyond=n, timeout_s=WAIT_S)
    job.kill()
    one.run_job("--archive", archive)
    expected = one.expected()
    one.check(expected)
    assert archived(one, archive) == placed(expected.raw.values())
    assert not list((archive / "_pending").glob("*"))
    text = harness.must_run("verify", "--raw", one.raw, "--aggregates", one.mysql.url(one.name), env=one.env)
    assert "differ" not in text, text


def write_times(one, table):
    """{(lane, offset): write time in microseconds} of the rows of raw orders."""
    rows = one.cassandra.cql(f"SELECT position, writetime(position) AS written FROM {one.name}.{table}")
    return {(row.position >> 48, row.position & (1 << 48) - 1): row.written for row in rows}


@pytest.mark.full
@pytest.mark.timeout(2400)
def test_raw_rows_that_spark_writes_are_as_old_as_the_claim_of_their_partition(shop):
    """Not as the clock when they were written: so they lose against the rows of whoever claims later. A job of one batch claims
    each partition once."""
    one = shop(raw=True)
    bounds, epochs = [], []
    for n in (9, 10):
        produce(one, 500, SEED + n)
        one.run_job()
        assert one.is_drained()
        bounds.append(one.positions())
        epochs.append(one.epochs())
    lanes = dict(one.mysql.sql("SELECT lane, `partition` FROM pipeline_positions WHERE topic = %s", (one.name,), database=one.name))
    assert all(epochs[0][p] < epochs[1][p] for p in lanes.values())
    for table in ("orders", "orders_by_customer"):
        found = write_times(one, table)
        second = {at for at in found if at[1] >= bounds[0][lanes[at[0]]]}
        assert second and second != set(found), table  # either job has written
        wrong = {at: written for at, written in found.items() if written != epochs[at in second][lanes[at[0]]]}
        assert not wrong, (table, epochs, wrong)


@pytest.mark.timeout(2400)
def test_a_batch_again_a_lost_checkpoint_and_the_program_before_and_after_count_nothing_twice(shop):
    one = shop()
    produce(one, 2000, SEED + 3)
    first = one.processor("--group", one.name)
    one.wait_drained(WAIT_S)
    first.stop()
    produce(one, 2000, SEED + 4)
    one.run_job()
    without_raw(one, one.expected())
    before = one.state(), one.tables()
    newest = max((one.directory / "checkpoint/commits").glob("[0-9]*"), key=lambda path: int(path.name))
    newest.unlink()
    (newest.parent / f".{newest.name}.crc").unlink()
    one.run_job()  # Spark gives that batch again
    assert f"batch {newest.name}: nothing that is not counted already" in one.jobs[-1].log
    assert (one.state(), one.tables()) == before
    shutil.rmtree(one.directory / "checkpoint")
    shutil.rmtree(one.directory / "windows", ignore_errors=True)
    produce(one, 2000, SEED + 4)  # most of them duplicates, which only the log still knows
    one.run_job()
    assert one.is_drained()
    without_raw(one, one.expected())
    produce(one, 2000, SEED + 5)
    last = one.processor("--group", one.name)
    one.wait_drained(WAIT_S)
    last.stop()
    without_raw(one, one.expected())
    job = one.job("--available-now")  # its checkpoint is behind the program
    job.must_succeed()
    without_raw(one, one.expected())
    same_as_process(one)


@pytest.mark.timeout(2400)
def test_a_gap_and_a_topic_made_anew_stop_the_job_in_one_line(shop):
    one = shop(partitions=1)
    produce(one, 300)
    one.run_job()
    counted = one.state()
    produce(one, 300, SEED + 6)
    one.kafka.delete_records(one.name, {0: one.positions()[0] + 5})
    job = one.job("--available-now", checkpoint="another")
    assert job.wait() == 1
    assert len(job.errors()) == 1, job.log
    assert "5 messages were deleted before they were counted" in job.errors()[0]
    one.run_job("--skip-gap", checkpoint="another")
    assert one.is_drained()
    assert one.state()["received"] > counted["received"]
    one.kafka.admin().delete_topics([one.name])
    harness.wait_until(lambda: one.name not in one.kafka.admin().list_topics(), 30, "the end of the topic")
    one.kafka.create_topic(one.name, 1)
    produce(one, 300)
    job = one.job("--available-now", checkpoint="third")
    assert job.wait() == 1
    assert len(job.errors()) == 1, job.log
    assert "the topic was made anew" in job.errors()[0]


def produce_orders(one, ids):
    one.kafka.produce(one.name, [(str(n).encode(), json.dumps(harness.order(n)).encode()) for n in ids])


def count(one):
    return sum(cells["orders"] for cells in one.tables()["sales_totals"].values())


@pytest.mark.timeout(1200)
def test_a_topic_that_lost_what_was_counted_stops_the_job_and_skip_gap_goes_on_at_its_next_message(shop):
    one = shop(partitions=1)
    produce_orders(one, range(10))
    one.run_job()
    one.mysql.sql("UPDATE pipeline_positions SET next_offset = next_offset + 7", database=one.name)
    job = one.job("--available-now", checkpoint="another")
    assert job.wait() == 1
    assert len(job.errors()) == 1, job.log
    assert "ends at offset 10, but 17 is next: the topic has lost messages that were counted" in job.errors()[0]
    one.run_job("--skip-gap", checkpoint="another")
    assert count(one) == 10
    assert one.is_drained()
    produce_orders(one, range(9, 15))
    one.run_job(checkpoint="another")
    assert one.is_drained()
    assert count(one) == 15  # 9 is known from what is there


@pytest.mark.full
@pytest.mark.timeout(2400)
def test_customers_come_from_a_file_and_from_a_table(shop):
    one = shop(partitions=1)
    (one.directory / "customers.csv").write_text("customer_id,source,state\n7,GOOGLE,CA\n", "utf-8")
    crm = one.mysql.create_database(f"{one.name}_crm")
    one.mysql.sql("CREATE TABLE customers (customer_id BIGINT PRIMARY KEY, source VARCHAR(40), state VARCHAR(40))", database=f"{one.name}_crm")
    one.mysql.sql("INSERT INTO customers VALUES (8, 'BING', 'NY'), (9, NULL, 'TX')", database=f"{one.name}_crm")
    for customers, ids in ((one.directory / "customers.csv", [7]), (crm, [8, 9])):
        one.kafka.produce(one.name, [(b"", json.dumps(harness.order(n, customer_id=n)).encode()) for n in ids])
        one.run_job("--customers", customers)
    found = {key: cells["orders"] for key, cells in one.tables()["sales_totals"].items()}
    assert found == {("GOOGLE", "CA", "USD"): 1, ("BING", "NY", "USD"): 1, ("(unknown)", "TX", "USD"): 1}


@pytest.mark.full
@pytest.mark.timeout(2400)
def test_a_database_that_goes_away_ends_the_job_in_one_line_and_a_restart_goes_on(shop, tmp_path):
    with MariaDb(tmp_path / "own").start() as own:
        one = shop(mysql=own)
        produce(one, 1000)
        job = one.job("--give-up", "3s")
        one.wait_drained(WAIT_S)
        own.kill9()
        produce(one, 1000, SEED + 8)
        assert job.wait() == 1
        assert len(job.errors()) == 1, job.log
        assert "mysql" in job.errors()[0].lower()
        own.start()
        one.run_job()
        assert one.is_drained()
        without_raw(one, one.expected())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--raw", "sqlite"], "cassandra://HOST"),
        (["--kafka-option", "minPartitions=8"], "minPartitions is refused"),
        (["--dedupe-window", "1"], "a number with a unit"),
        (["--checkpoint", ""], "--checkpoint is missing"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
    ],
)
def test_a_wrong_option_is_refused_in_one_line_before_anything_starts(options, says, tmp_path):
    plain = ["--broker", "kafka://127.0.0.1:1/t", "--raw", "none", "--aggregates", "mysql://u@127.0.0.1:1/d", "--checkpoint", tmp_path / "cp"]
    done = subprocess.run([SUBMIT, *map(str, [*plain, *options])], capture_output=True, timeout=60, env=harness.clean_env(), check=False)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert says in done.stderr.decode()
    assert not (tmp_path / "cp").exists()


def test_options_of_the_environment_are_the_jobs_and_a_store_that_is_not_there_is_told_in_one_line(tmp_path):
    env = {"SALESTIDE_BROKER": "kafka://127.0.0.1:1/t", "SALESTIDE_RAW": "none", "SALESTIDE_AGGREGATES": "mysql://u@127.0.0.1:1/d",
           "SALESTIDE_CHECKPOINT": str(tmp_path / "cp"), "SALESTIDE_START_TIMEOUT": "0", "SALESTIDE_LOG_LEVEL": "error"}  # fmt: skip
    done = subprocess.run([SUBMIT, "--salestide", harness.binary()], capture_output=True, timeout=60, env=harness.clean_env(env), check=False)
    assert done.returncode in (1, 2), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "127.0.0.1:1" in done.stderr.decode()


@pytest.mark.timeout(300)
def test_settings_after_the_dashes_go_first_and_no_password_is_on_a_command_line(tmp_path):
    """Of the driver's JVM, whose command line everybody on the machine can read."""
    secret = "kept-to-ourselves"
    code = f"""
import os, pathlib, sys
sys.path.insert(0, {str(SUBMIT.parent)!r})
import salestide_options, salestide_spark
spark = salestide_spark.start_spark(salestide_options.read(["--broker=kafka://h/t", "--raw=cassandra://me@h/k", "--aggregates=mysql://h/d", "--checkpoint=c"]))
assert spark.sparkContext.getConf().get("spark.cassandra.auth.password") == {secret!r}
for file in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    try:
        found = file.read_bytes()
    except OSError:
        continue
    assert int(file.parent.name) == os.getpid() or {secret!r}.encode() not in found, found
print(spark.sparkContext.appName, spark.conf.get("spark.cassandra.output.ignoreNulls"))
spark.stop()
"""
    env = {"SALESTIDE_CASSANDRA_PASSWORD": secret, "SPARK_LOCAL_IP": "127.0.0.1",
           "PYSPARK_SUBMIT_ARGS": "--master local[1] --conf spark.ui.enabled=false --conf spark.cassandra.output.ignoreNulls=false pyspark-shell"}  # fmt: skip
    (tmp_path / "code.py").write_text(code, "utf-8")
    done = subprocess.run([harness.ROOT / "build/spark-venv/bin/python", tmp_path / "code.py"], capture_output=True, timeout=280,
                          env=harness.clean_env(env), check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().splitlines()[-1] == "salestide t false"
