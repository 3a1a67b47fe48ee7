# SPDX-License-Identifier: MIT
"""What runs in Spark's executors: ranges of partitions of the topic, one after the other, through the kernel.

    a range of offsets --> its messages from the brokers --> kernel --> accepted placed orders (when wanted), and at the
    end one tally

A task has one partition, and reads it itself (salestide_reader.py): through Spark's source each message would be made a row,
an Arrow value and bytes in a pipe, for several times the CPU of the kernel. With --dedupe spark, whose state needs the rows,
messages come from Spark, perhaps of several partitions, each in one piece. A worker process keeps the kernel, the shop and
its connections between tasks; nothing else may live only there. The same range gives
the same rows and the same tally whenever it is run: the partition's window on this machine's disk remembers by offset.

How it fails: an exception, after which Spark runs the task again: another copy of it has the window now, the disk refuses,
or the brokers do. A window that knows nothing is no failure: the answer is HISTORY, and the driver runs the range
again with the messages before it.
"""

import dataclasses
import itertools
import os

import pyarrow as pa
import pyarrow.compute as pc
from pyspark import SparkFiles

import salestide_kernel
import salestide_reader
import salestide_worker

TALLY, HISTORY = "tally", "history"
LOCK_WAIT_MS = 30_000
SILENCE_MS = 120_000  # of the brokers, as Spark's source waits
ROWS = 10_000  # most in a batch that goes to Spark, as it makes them itself
# Of the order rows, as the kernel names them; what Spark calls their types.
AMOUNT = ("decimal(19,4)", pa.decimal128(19, 4))
TEXT = ("string", pa.string())
LONG = ("bigint", pa.int64())
TIME = ("timestamp", pa.timestamp("us", tz="UTC"))
ORDER_COLUMNS = {
    "position": LONG, "offset": LONG, "arrival": TIME, "order_id": TEXT, "created_at": TIME, "customer_id": TEXT,
    "product_id": TEXT, "quantity": LONG, "subtotal": AMOUNT, "discount": AMOUNT, "shipping": AMOUNT, "tax": AMOUNT,
    "total": AMOUNT, "currency": TEXT, "source": TEXT, "state": TEXT, "items": TEXT, "epoch_us": LONG,
}  # fmt: skip
OWN_COLUMNS = {"status": TEXT, "partition": ("int", pa.int32()), "tally": ("binary", pa.binary())}
# Of the messages, as Spark's source names them. Of the headers only the door's rejection: a list in each row is what Spark
# writes slowest, all the slower the more rows a batch has, also when it is null.
REJECTED = "salestide-rejected"
MESSAGE_COLUMNS = [
    "value", "partition", "offset", "timestamp", "key",
    f"CASE WHEN length(key) > 0 THEN NULL ELSE try_element_at(filter(headers, h -> h.key = '{REJECTED}'), -1).value END AS rejected",
]  # fmt: skip
IDENTIFIED_SCHEMA = "value binary, partition int, offset bigint, timestamp timestamp, key binary, rejected binary, identity binary"


@dataclasses.dataclass(frozen=True)
class Shop:
    """All that orders are judged by. `key` tells two of them apart."""

    key: str
    currency: str
    timezone: str
    tzif: bytes
    late_limit_ms: int
    customers: str | None  # a file that was added to the job


@dataclasses.dataclass(frozen=True)
class Source:
    """Where messages are read from by the tasks themselves."""

    library: str  # the name of the reader's file, which was added to the job
    topic: str
    settings: tuple  # ((name, value), ...), librdkafka's


@dataclasses.dataclass(frozen=True)
class Common:
    """What all tasks of a batch are told."""

    library: str  # the name of the kernel's file, which was added to the job
    shop: Shop
    topic_id: str
    now_ms: int
    minute_floor: int
    hour_floor: int
    gross_json: str
    has_raw: bool
    wants_rows: bool
    window_dir: str | None
    window_ms: int
    window_max_bytes: int
    has_history: bool = False  # messages from window_offset on are there
    source: Source | None = None  # None: messages come from Spark, whose state looks for duplicates

    @property
    def keeps_windows(self):
        return self.source is not None


@dataclasses.dataclass(frozen=True)
class Part:
    """What the task of one partition is told."""

    next_offset: int
    start: int  # what is read begins here
    to: int
    epoch_us: int
    lane: int
    window_offset: int
    window_ms: int
    refused: tuple


def columns_of(wants_rows):
    return {**OWN_COLUMNS, **(ORDER_COLUMNS if wants_rows else {})}


def schema_of(wants_rows):
    """Of what run() gives, as Spark takes it. Columns go by position."""
    return ", ".join(f"`{name}` {spark}" for name, (spark, _) in columns_of(wants_rows).items())


_kernels, _shops, _readers = {}, {}, {}


def kernel_of(library):
    if library not in _kernels:
        _kernels[library] = salestide_kernel.Kernel(SparkFiles.get(library))
    return _kernels[library]


def shop_of(common):
    wanted = common.shop
    if wanted.key not in _shops:
        shop = kernel_of(common.library).shop(wanted.currency, wanted.timezone, wanted.tzif, wanted.late_limit_ms)
        if wanted.customers:
            with open(SparkFiles.get(wanted.customers), "rb") as file:
                shop.customers_csv(wanted.customers, file.read())
        _shops.clear()  # one job has one shop
        _shops[wanted.key] = shop
    return _shops[wanted.key]


def messages_of(source, partition, part):
    """Batches of a part, by the reader that this process keeps. One that has failed is made anew for the next task."""
    reader = _readers.pop(source, None)
    if reader is None:
        for other in list(_readers):  # one job has one source
            _readers.pop(other).close()
        reader = salestide_reader.Reader(SparkFiles.get(source.library), source.topic, dict(source.settings), SILENCE_MS)
    try:
        yield from reader.batches(partition, part.start, part.to)
        _readers[source] = reader
    finally:
        if source not in _readers:
            reader.close()


def window_dir(common):
    return None if not common.keeps_windows else common.window_dir or f"/var/tmp/salestide-windows-{os.getuid()}"


def tallies(common, parts, names):
    """For RDD.mapPartitions, with the first two bound: (partition, status, tally) of partitions, when no orders are wanted."""
    salestide_worker.settle()
    for partition in map(int, names):
        part = parts[partition]
        for own in _judge(common, partition, part, messages_of(common.source, partition, part)):
            yield partition, own.column("status")[0].as_py(), own.column("tally")[0].as_py()


def read(common, parts, batches):
    """For mapInArrow, with the first two bound: of rows that name partitions."""
    salestide_worker.settle()
    for batch in batches:
        for partition in batch.column(0).to_pylist():
            part = parts[partition]
            pieces = messages_of(common.source, partition, part)
            yield from _judge(common, partition, part, _small(pieces))


def run(common, parts, batches):
    """For mapInArrow, with the first two bound: of the messages themselves."""
    salestide_worker.settle()
    for partition, pieces in itertools.groupby(_pieces(batches), _partition_of):
        part = parts.get(partition)
        if part is not None:  # else all of it was counted before
            yield from _judge(common, partition, part, pieces)


def identify(common, batches):
    """For mapInArrow, with the first bound: the messages with their identities. All are read on, whatever is in them."""
    salestide_worker.settle()
    shop = shop_of(common)
    for batch in batches:
        yield batch.append_column("identity", shop.identities(with_headers(batch)))


def _judge(common, partition, part, pieces):
    task = shop_of(common).task(
        partition=partition, lane=part.lane, from_offset=part.next_offset, epoch_us=part.epoch_us, now_ms=common.now_ms,
        minute_floor=common.minute_floor, hour_floor=common.hour_floor, gross_json=common.gross_json,
        has_raw=int(common.has_raw), window_dir=window_dir(common), topic_id=common.topic_id or "untold", window_ms=common.window_ms,
        window_offset=part.window_offset, window_time_ms=part.window_ms, window_max_bytes=common.window_max_bytes,
        refused=part.refused, lock_wait_ms=LOCK_WAIT_MS)  # fmt: skip
    with task:
        if task.needs_history and not common.has_history:
            yield _own_row(common, HISTORY, partition, None)
            return
        for piece in pieces:
            yield from _push(common, task, piece)
        yield _own_row(common, TALLY, partition, task.tally(part.to))


def _partition_of(batch):
    return batch.column("partition")[0].as_py()


def _pieces(batches):
    """The same rows, each piece of one partition. Batches without rows have none: of nothing but records of transactions who
    asks knows the range."""
    for batch in batches:
        while batch.num_rows:
            partitions = batch.column("partition")
            n = batch.num_rows if partitions[0] == partitions[-1] else pc.index(pc.equal(partitions, partitions[0]), False).as_py()
            yield batch.slice(0, n)
            batch = batch.slice(n)


def _small(batches):
    for batch in batches:
        for at in range(0, batch.num_rows, ROWS):
            yield batch.slice(at, ROWS)


def with_headers(batch):
    """The door's rejections as headers again, which is how the kernel takes them."""
    rejected = batch.column("rejected")
    batch = batch.drop_columns(["rejected"])
    if rejected.null_count == len(rejected):
        return batch
    values = rejected.drop_null()
    ends = pc.cumulative_sum(rejected.is_valid().cast(pa.int32()))
    header = pa.StructArray.from_arrays([pa.array([REJECTED] * len(values), pa.string()), values], names=["key", "value"])
    return batch.append_column("headers", pa.ListArray.from_arrays(pa.concat_arrays([pa.array([0], pa.int32()), ends]), header))


def _push(common, task, batch):
    rows = task.push(with_headers(batch), common.wants_rows)
    if rows is None:
        return
    kept = rows.filter(pc.and_(pc.equal(rows.column("verdict"), "accepted"), pc.equal(rows.column("event"), "placed")))
    if kept.num_rows:
        n, columns = kept.num_rows, columns_of(True)
        own = {"partition": kept.column("partition")}
        arrays = [own.get(name, pa.nulls(n, kind)) if name in OWN_COLUMNS else kept.column(name)
                  for name, (_, kind) in columns.items()]  # fmt: skip
        yield pa.RecordBatch.from_arrays(arrays, names=list(columns))


def _own_row(common, status, partition, tally):
    columns = columns_of(common.wants_rows)
    own = {"status": status, "partition": partition, "tally": tally}
    arrays = [pa.array([own.get(name)], kind) for name, (_, kind) in columns.items()]
    return pa.RecordBatch.from_arrays(arrays, names=list(columns))
