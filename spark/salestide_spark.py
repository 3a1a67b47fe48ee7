# SPDX-License-Identifier: MIT
"""The job: one query over a topic, one foreachBatch (salestide_batch.py). Started by submit.sh, which says where all is.

    1. the options; `salestide tally`, which opens the stores
    2. Spark; which topic it is, its partitions taken over, where to begin
    3. the query, until there is a reason to end
    4. SIGTERM or SIGINT: the batch in work is finished, then all is closed

How it fails: one line on standard error; exit code 1, or 2 when it was called wrongly.
"""

import hashlib
import json
import pathlib
import shutil
import signal
import sys
import tempfile
import threading
import traceback

import salestide_address as address
import salestide_customers as customers
import salestide_dedupe as dedupe
import salestide_kafka as kafka
import salestide_kernel
import salestide_options
import salestide_ranges as ranges
import salestide_raw
import salestide_reader
import salestide_task as task
import salestide_worker
from salestide_failure import Failure, log, set_log_level

HERE = pathlib.Path(__file__).resolve().parent
ZONEINFO = pathlib.Path("/usr/share/zoneinfo")
TOPIC_FILE = "salestide-topic.json"  # in the checkpoint: which topic its offsets are of
WAIT_S = 0.5
SHELL = "pyspark-shell"  # what spark-submit calls a job that was given no name
NO_ANSWER = ("Py4JError", "Py4JNetworkError", "ConnectionRefusedError")  # of the bridge to Java; what Java throws is another
# What Spark says (all of these words are in it), and what is to be said instead.
KNOWN = [
    (("ArithmeticException", "KafkaRecordToRowConverter"),
     "a message of the topic has a timestamp after the year 294246 (it should be milliseconds), which Spark's Kafka source cannot read. "
     "--dedupe kernel can, and `salestide process`: let one of them count until that message is older than --dedupe-window, and let the "
     "topic refuse others (message.timestamp.after.max.ms)"),
    (("Some data may have been lost",),
     "the topic has lost messages, or they were deleted before they were counted. Start again with another, empty --checkpoint: it says "
     "then from where on they are there"),
]  # fmt: skip


def beside(given, *places):
    """A file of ours: as given, else the first that is there, in a build tree or where it was installed."""
    for place in (pathlib.Path(given).resolve(),) if given else (HERE / p for p in places):
        if place.is_file():
            return str(place)
    raise Failure(f"there is no {given or places[0].rpartition('/')[2]}; run make, or say where it is", 2)


def read_zone(name):
    if name == "UTC":
        return b""
    try:
        return (ZONEINFO / name).read_bytes()
    except OSError as problem:
        raise Failure(f"the time zone {name} cannot be read: {problem.strerror} ({ZONEINFO / name})") from None


def check_library(library, version, load):
    """The libraries and the program have to be of one build: the one writes tallies, the other reads them."""
    try:
        loaded = load(library)
    except (OSError, AttributeError, salestide_kernel.KernelError) as problem:
        raise Failure(f"{library} cannot be used: {problem}", 2) from None
    if loaded.version != version:
        raise Failure(f"{library} is of version {loaded.version}, the program of {version}: take both of one build", 2)
    return loaded


def start_spark(options):
    """What was said after -- goes before what is set here."""
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession

    # The JVM first: only then does SparkConf know what was said after --, and no password gets onto the JVM's command line.
    SparkContext._ensure_initialized()
    conf = SparkConf()
    if conf.get("spark.app.name", SHELL) == SHELL:
        conf.set("spark.app.name", f"salestide {options.topic.path}")
    for name, value in {"spark.sql.session.timeZone": "UTC", **salestide_raw.session_settings(options, conf)}.items():
        conf.setIfMissing(name, value)
    return SparkSession.builder.config(conf=conf).getOrCreate()


def ship(spark, folder, libraries):
    """What executors run, from copies: those that start later get the same, whatever is installed meanwhile."""
    for library in libraries:
        spark.sparkContext.addFile(shutil.copy(library, folder))
    for module in (task, salestide_kernel, salestide_reader, salestide_worker):
        spark.sparkContext.addPyFile(shutil.copy(module.__file__, folder))


def make_shop(spark, options, ready, folder):
    """What tasks judge by; the customers' file goes to the executors, from our folder, under a name that tells its content."""
    zone, name, digest = read_zone(ready["timezone"]), None, ""
    if options.customers:
        _, found = customers.read(spark, options)
        digest = hashlib.sha256(found).hexdigest()
        name = f"customers-{digest[:16]}.csv"
        path = pathlib.Path(folder, name)
        path.write_bytes(found)
        spark.sparkContext.addFile(str(path))
    described = json.dumps([ready["currency"], ready["timezone"], ready["late_limit_ms"], digest]).encode()
    key = hashlib.sha256(described + zone).hexdigest()
    return task.Shop(key, ready["currency"], ready["timezone"], zone, ready["late_limit_ms"], name)


def check_topic(checkpoint, topic_id, dedupe):
    """Offsets of a topic that was made anew since say nothing about this one, and a query with state is another query."""
    text = checkpoint.read(TOPIC_FILE)
    if text is None:
        checkpoint.write(TOPIC_FILE, json.dumps({"topic_id": topic_id, "dedupe": dedupe}))
        return
    was = json.loads(text)
    if was["topic_id"] != topic_id and was["topic_id"] and topic_id:
        raise Failure(f"the checkpoint is of a topic of this name with id {was['topic_id']}, this one is {topic_id}: give another, "
                      "empty --checkpoint", 2)  # fmt: skip
    if was.get("dedupe", "kernel") != dedupe:
        raise Failure(f"the checkpoint is of a job with --dedupe {was.get('dedupe', 'kernel')}: give another, empty --checkpoint", 2)


class Job:
    def __init__(self, options):
        self.options = options
        self.failure = None
        self.broken = ""  # what a batch has ended with that is no Failure
        self.stopping = threading.Event()
        self.in_batch = threading.Lock()
        self.tally = self.spark = self.topic = self.batches = None
        self.folder = tempfile.TemporaryDirectory(prefix="salestide-")  # executors fetch from it

    def open(self):
        from salestide_tally import Tally

        options = self.options
        library = beside(options.kernel, "../build/libsalestide.so", "../../../lib/libsalestide.so")
        program = beside(options.salestide, "../build/salestide", "../../../bin/salestide")
        reader = None
        if options.dedupe == "kernel":  # Spark's own state has its rows from Spark's source
            reader = beside(pathlib.Path(library).with_name("libsalestide_reader.so"))
            settings = kafka.reader_settings(options)
        client_options = kafka.client_options(options)
        self.tally = Tally(program, salestide_options.for_tally(options), options.start_timeout, options.give_up)
        check_library(library, self.tally.ready["version"], salestide_kernel.Kernel)
        source = None
        if reader is not None:
            check_library(reader, self.tally.ready["version"],
                          lambda path: salestide_reader.Reader(path, options.topic.path, settings, task.SILENCE_MS)).close()  # fmt: skip
            source = task.Source(pathlib.Path(reader).name, options.topic.path, tuple(settings.items()))
        self.spark = start_spark(options)
        ship(self.spark, self.folder.name, [each for each in (library, reader) if each is not None])
        self.open_topic(client_options, pathlib.Path(library).name, source)

    def open_topic(self, client_options, library, source):
        from salestide_archive import Archive
        from salestide_batch import Batches
        from salestide_files import Folder
        from salestide_places import Places
        from salestide_topic import Topic

        options, ready = self.options, self.tally.ready
        self.topic = Topic(self.spark._jvm, options.topic.path, client_options)
        topic_id, partitions = self.topic.describe(options.start_timeout / 1000)
        if not options.allow_compacted and self.topic.is_compacted():
            raise Failure(f"the topic {options.topic.path} has cleanup.policy compact: the broker removes orders from it. Take another "
                          "topic, or say --allow-compacted", 2)  # fmt: skip
        checkpoint = Folder(self.spark, options.checkpoint)
        check_topic(checkpoint, topic_id, options.dedupe)
        common = task.Common(
            library=library, shop=make_shop(self.spark, options, ready, self.folder.name), topic_id=topic_id, now_ms=0, minute_floor=0, hour_floor=0,
            gross_json="{}", has_raw=ready["raw"], wants_rows=bool(options.keyspace or options.archive),
            source=source, window_dir=options.window_dir,
            window_ms=options.dedupe_window, window_max_bytes=max(options.dedupe_memory // max(len(partitions), 1), 1 << 16))  # fmt: skip
        database = address.database(options.aggregates)
        self.batches = Batches(
            self.spark, Places(self.spark), self.topic, self.tally, checkpoint, common, options.skip_gap,
            raw=salestide_raw.Raw(self.spark, options.keyspace.path) if options.keyspace else None,
            archive=Archive(self.spark, options.archive, database, self.topic.name) if options.archive else None)  # fmt: skip
        self.batches.take_over(partitions)

    def start(self):
        options, claims = self.options, self.batches.claims
        state_is_sparks = not self.batches.common.keeps_windows
        starts = ranges.where_to_start(claims, self.topic.firsts(list(claims)), self.topic.name, options.skip_gap, state_is_sparks)
        reader = self.spark.readStream.format("kafka").options(
            **kafka.source_options(options), subscribe=self.topic.name,
            startingOffsets=json.dumps({self.topic.name: {str(p): offset for p, offset in starts.items()}}))  # fmt: skip
        if options.max_offsets:
            reader = reader.option("maxOffsetsPerTrigger", options.max_offsets)
        messages = dedupe.first_of_each(reader.load(), self.batches.common) if state_is_sparks else reader.load()
        trigger = {"availableNow": True} if options.available_now else {"processingTime": f"{options.trigger} milliseconds"}
        return messages.writeStream.queryName("salestide").option("checkpointLocation", options.checkpoint).trigger(
            **trigger).foreachBatch(self.run_batch).start()  # fmt: skip

    def run_batch(self, messages, batch_id):
        """Called by Spark's thread. A batch that is not done must not return: Spark would go on after it."""
        with self.in_batch:
            if self.stopping.is_set():
                raise Failure("stopping")
            try:
                self.batches.run(messages, batch_id)
            except Failure as failure:
                self.failure = failure
                raise
            except Exception as problem:
                self.broken = f"batch {batch_id}: {first_line(problem)}"
                log("debug", f"{problem}")
                raise

    def follow(self, query):
        """Until the query ends, or is to end: then after the batch in work."""
        from pyspark.errors import StreamingQueryException

        log("info", f"counting {self.topic.name}: {len(self.batches.claims)} partitions")
        try:
            while not query.awaitTermination(WAIT_S):
                if self.stopping.is_set():
                    with self.in_batch:
                        query.stop()
                    return
        except StreamingQueryException as problem:
            if not self.stopping.is_set() or self.failure or self.broken:
                raise self.failure or self.why(self.broken or f"the query ended: {first_line(problem)}") from None

    def why(self, said):
        """The Failure for what Spark or a task has said. Of a topic made anew neither knows: its offsets are not as they were."""
        try:
            return self.batches.made_anew() or Failure(said)
        except Failure as problem:  # it is gone, or no broker answers
            return Failure(f"{said} ({problem})")
        except Exception as problem:  # Spark's process may be gone
            log("debug", f"{problem}")
            return Failure(said)

    def close(self):
        for one in (self.tally and self.tally.close, self.topic and self.topic.close, self.spark and self.spark.stop):
            try:
                if one:
                    one()
            except Exception as problem:  # Spark's process may be gone
                log("debug", f"{problem}")
        self.folder.cleanup()


TRACEBACK = "Traceback (most recent call last):"
GIVEN_UP = "Job aborted due to stage failure"


def first_line(problem):
    """Of what Spark says what is known to us or was said in a task by us, else what Python raised in a task, else the innermost
    cause, else why a job was given up, else the first line that says something."""
    if type(problem).__name__ in NO_ANSWER:
        return "Spark's Java process does not answer any more: it has ended"
    known = [ours for words, ours in KNOWN if all(word in str(problem) for word in words)]
    if known:
        return known[0]
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    ours = [line.partition(": ")[2] for line in lines if line.startswith("salestide_kernel.")]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    raised = [last_of_traceback(lines[i:]) for i, line in enumerate(lines) if line.endswith(TRACEBACK)]
    given_up = [line[line.index(GIVEN_UP):] for line in lines if GIVEN_UP in line]
    return (ours or raised or causes[::-1] or given_up or lines or [type(problem).__name__])[0]


def last_of_traceback(lines):
    """What was raised; the JVM's own stack follows it, or nothing."""
    end = next((i for i, line in enumerate(lines) if line.startswith("at ")), len(lines))
    return lines[end - 1]


def main(arguments):
    import logging

    logging.getLogger("py4j").setLevel(logging.CRITICAL)  # what a batch raised is told by us
    job = None
    try:
        options = salestide_options.read(arguments)
        set_log_level(options.log_level)
        job = Job(options)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: job.stopping.set())
        job.open()
        if not job.stopping.is_set():
            job.follow(job.start())
        log("info", "stopped" if job.stopping.is_set() else "all that was there is counted")
        return 0
    except Failure as failure:
        if str(failure):
            log("error", str(failure))
        return failure.code
    except Exception as problem:  # of Spark's: one that cannot start, say
        log("error", first_line(problem))
        log("debug", traceback.format_exc())
        return 1
    finally:
        if job:
            job.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
