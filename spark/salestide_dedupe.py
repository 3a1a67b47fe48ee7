# SPDX-License-Identifier: MIT
"""--dedupe spark: duplicates are what Spark's own state knows, in place of the kernel's windows.

    messages --> identities by the kernel --> dropDuplicatesWithinWatermark --> foreachBatch: partitions together again,
    in order of their offsets --> the kernel as ever, without a window

State is kept by time of arrival (the messages' stamps), for each partition, as the kernel's windows are. What comes first
stays: a partition is read by one task, whose rows go through the shuffle in their order.

How it fails: Spark drops what is older than the newest arrival less the window, duplicate or not. When its operator says
that it has, the batch is not committed.
"""

import functools

import salestide_task as task
from salestide_failure import Failure

KEY = ["partition", "identity"]
DROPPED = "numRowsDroppedByWatermark"  # as Spark's progress tells it too, but only after a batch


def first_of_each(messages, common):
    """Of a stream of messages: the first of each identity within the window."""
    messages = messages.selectExpr(*task.MESSAGE_COLUMNS).mapInArrow(
        functools.partial(task.identify, common), task.IDENTIFIED_SCHEMA)  # fmt: skip
    return messages.withWatermark("timestamp", f"{common.window_ms} milliseconds").dropDuplicatesWithinWatermark(KEY)


def in_order(messages):
    """Of a batch of those: each partition in one task, in order of offsets. Several may be in one task."""
    return messages.drop("identity").repartition("partition").sortWithinPartitions("partition", "offset")


def keep_state(messages):
    """Of a batch in which nothing is to be counted: the state has to go on with every batch nevertheless."""
    messages.write.format("noop").mode("overwrite").save()


def check_none_was_dropped(spark, window_ms):
    """After the rows of the batch in work were read, before they are committed."""
    plans = [query._jsq.streamingQuery().lastExecution().executedPlan() for query in spark.streams.active]  # ours alone
    found = [metric.value() for plan in plans for metric in _metrics(plan)]
    if not found:
        raise Failure("Spark does not say whether it has dropped rows: nothing was counted")
    if sum(found):
        raise Failure(f"Spark's watermark has dropped {sum(found)} messages, as they arrived more than {window_ms // 1000} s before the "
                      "newest one: nothing of the batch was counted. Give another, empty --checkpoint to read the window again, or a "
                      "longer --dedupe-window with it, or count with --dedupe kernel, which drops none")  # fmt: skip


def _metrics(plan):
    own = plan.metrics().get(DROPPED)
    if own.isDefined():
        yield own.get()
    children = plan.children()
    for i in range(children.size()):
        yield from _metrics(children.apply(i))
