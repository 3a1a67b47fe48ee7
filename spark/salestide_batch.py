# SPDX-License-Identifier: MIT
"""One batch of the stream, from its offsets to the commit.

    1. its offsets from the checkpoint; what of them the aggregates do not have yet
    2. the kernel in one task for each partition, which reads its range: a tally, and the accepted placed orders where they are kept
    3. partitions whose window of duplicates is not on that machine's disk: once more, with the messages before
       (--dedupe spark, salestide_dedupe.py: there are no windows; has Spark dropped a message?)
    4. raw orders to Cassandra and to the archive's pending folder
    5. is it still the same topic? then `salestide tally` commits all tallies and positions in one transaction

A batch that comes again after that is found to be counted already, and changes nothing.

How it fails: a Failure; nothing of the batch is in the aggregates then, and a restart does it again.
"""

import dataclasses
import functools
import json

from pyspark import StorageLevel

import salestide_dedupe as dedupe
import salestide_ranges as ranges
import salestide_task as task
from salestide_failure import Failure, log
from salestide_tally import Fenced

IDENTITY_PATIENCE_S = 15
ATTEMPTS = 3  # of a batch whose orders Spark has lost on the way


class OrdersLost(Exception):
    """Orders of a batch, or what a task said of them, went before they were counted: the batch is to be done again."""


@dataclasses.dataclass(frozen=True)
class Kept:
    """A frame that Spark keeps until the commit, and the partitions whose orders are in it."""

    frame: object
    partitions: frozenset


def check_all_answered(parts, tallies, wanted):
    """Each task says something of its partition, an empty one too. What of it does not come, as PySpark ends a list early without
    a word when the JVM's side of it breaks off, would be counted as nothing."""
    silent = sorted(set(parts) - set(tallies) - set(wanted))
    if silent:
        raise OrdersLost(f"nothing has come from the tasks of the partitions {silent}")


class Batches:
    def __init__(self, spark, places, topic, tally, checkpoint, common, skip_gap, raw=None, archive=None):
        """`common`: task.Common, whose clock and floors each batch sets; `checkpoint`: salestide_files.Folder."""
        self.spark, self.places, self.topic, self.tally, self.checkpoint = spark, places, topic, tally, checkpoint
        self.common, self.skip_gap = common, skip_gap
        self.raw, self.archive = raw, archive
        self.claims = {}
        self.newest = (None, {})  # a batch's number and its end

    # --- partitions

    def claim(self, partitions, anew=False):
        """Takes partitions over, or looks again at those that are held."""
        answers = self.tally.claim(self.topic.name, self.common.topic_id, partitions, anew)
        others = [a for a in answers if a["other_id"]]
        if others and not self.skip_gap:
            one = others[0]
            raise Failure(f"partition {one['partition']} of {self.topic.name}: the topic was made anew, or is another cluster's: "
                          f"{one['next_offset']} offsets of the one with id {one['other_id']} were counted, this one is "
                          f"{self.common.topic_id}. Nothing of it was counted; start with --skip-gap to go on with its oldest "
                          "message, or take other aggregates")  # fmt: skip
        for answer in answers:
            if not answer["other_id"]:
                self.claims[answer["partition"]] = ranges.Claim.of(answer)
        if others:
            self._finish_archive_of(others)
            log("warn", f"the topic {self.topic.name} was made anew: it is read from its oldest message, as --skip-gap says")
            self.claim([a["partition"] for a in others], anew=True)

    def _finish_archive_of(self, others):
        """Once they are claimed anew nobody can tell what was committed of the topic before."""
        for topic_id in sorted({a["other_id"] for a in others} if self.archive else ()):
            self.archive.finish_committed(topic_id, {a["partition"]: a["next_offset"] for a in others if a["other_id"] == topic_id})

    def take_over(self, partitions):
        """At a start. The archive is settled by the positions as they were found: --skip-gap may set them back."""
        self.claim(partitions)
        if self.archive:
            self.archive.recover(self.common.topic_id, self.claims)
        self.skip_what_was_lost()
        self.check_checkpoint()

    def skip_what_was_lost(self):
        """At a start. When the topic is known to be the same, what is there was counted, and what comes is new."""
        ends = self.topic.ends(list(self.claims))
        lost = ranges.lost(self.claims, ends)
        if not lost:
            return
        same, counted = bool(self.common.topic_id), {p: self.claims[p].next_offset for p in lost}
        one = lost[0]
        if not self.skip_gap:
            raise Failure(f"partition {one} of {self.topic.name} ends at offset {ends[one]}, but {counted[one]} is next: the topic "
                          f"{'has lost messages that were counted' if same else 'was made anew or lost messages'}. Take another topic "
                          f"or other aggregates; --skip-gap goes on at the topic's {'next' if same else 'oldest'} message")  # fmt: skip
        self.claim(lost, anew=True)
        for p in lost:
            log("warn", f"partition {p} of {self.topic.name}: what was counted up to offset {counted[p]} is gone; it goes on at "
                f"{ends[p] if same else 'its oldest message'}, as --skip-gap says")  # fmt: skip
        if same:
            moves = [self._move(ranges.Range(p, ranges.NEW, ends[p], ends[p])) for p in lost]
            self.tally.commit(self.topic.name, moves, [])
            for p in lost:
                self.claims[p].next_offset = ends[p]

    def check_checkpoint(self):
        """At a start, since without new messages no batch would."""
        done = [int(name) for name, _ in self.checkpoint.list(self.checkpoint.at("commits")) if name.isdigit()]
        if done:
            offsets = self._read_offsets(f"offsets/{max(done)}")
            held = {p: offset for p, offset in offsets.items() if p in self.claims}
            ranges.check_checkpoint(held, self.claims, self._first_offset, self.skip_gap)

    def _first_offset(self, partition):
        return self.topic.firsts([partition])[partition]

    # --- the batch

    def run(self, messages, batch_id):
        """What foreachBatch calls."""
        starts, ends = self._offsets(batch_id)
        new = ranges.new_partitions(ends, self.claims)
        if new:
            self.claim(new)
        todo = ranges.plan(starts, ends, self.claims, self._first_offset, self.skip_gap)
        if not todo:
            log("debug", f"batch {batch_id}: nothing that is not counted already")
            if not self.common.keeps_windows:
                dedupe.keep_state(messages)
            return
        self._count(messages, batch_id, {one.partition: one for one in todo})

    def _offsets(self, batch_id):
        if self.newest[0] == batch_id - 1:
            starts = self.newest[1]
        else:
            starts = self._read_offsets(f"offsets/{batch_id - 1}" if batch_id > 0 else "sources/0/0")
        ends = self._read_offsets(f"offsets/{batch_id}")
        self.newest = (batch_id, ends)
        return starts, ends

    def _read_offsets(self, name):
        text = self.checkpoint.read(name)
        if text is None:
            raise Failure(f"{self.checkpoint.url(name)} is missing: the checkpoint is incomplete; give another, empty --checkpoint")
        return ranges.read_offsets(text, self.topic.name)

    def _count(self, messages, batch_id, todo):
        state = self.tally.state()
        common = dataclasses.replace(
            self.common, now_ms=state["now_ms"], minute_floor=state["minute_floor"], hour_floor=state["hour_floor"],
            gross_json=json.dumps(state["gross"]))  # fmt: skip
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._count_once(messages, common, batch_id, todo)
            except OrdersLost as lost:
                if attempt == ATTEMPTS:
                    raise Failure(f"batch {batch_id}: {lost}, {ATTEMPTS} times; nothing of it was counted") from None
                log("warn", f"batch {batch_id}: {lost}; it is done again")

    def _count_once(self, messages, common, batch_id, todo):
        kept = []
        try:
            parts = {partition: self._part(one) for partition, one in todo.items()}
            if common.keeps_windows:
                tallies, without_history = self._read_and_judge(common, parts, kept)
            else:
                judged = dedupe.in_order(messages).mapInArrow(functools.partial(task.run, common, parts), task.schema_of(common.wants_rows))
                tallies, without_history = self._collect(judged, common, kept)
            if without_history:
                again = {p: todo[p] for p in without_history}
                more, still = self._judge_with_history(common, again, kept)
                tallies.update(more)
                if still:
                    raise Failure(f"the kernel asks again for the history of the partitions {still}")
            if not common.keeps_windows:
                dedupe.check_none_was_dropped(self.spark, common.window_ms)
            self._commit(batch_id, todo, tallies, kept)
        finally:
            for one in kept:
                one.frame.unpersist()

    def _part(self, one):
        claim = self.claims[one.partition]
        return task.Part(claim.next_offset, max(one.start, claim.next_offset), one.to, claim.epoch_us, claim.lane, claim.window_offset,
                         claim.window_ms, tuple(claim.refused))  # fmt: skip

    def _read_and_judge(self, common, parts, kept):
        if common.wants_rows:
            frame = self.places.frame(sorted(parts))
            answers = self._collect(frame.mapInArrow(functools.partial(task.read, common, parts), task.schema_of(True)), common, kept)
        else:
            # Without orders there is nothing for Spark SQL to do, whose plan alone would take longer than all tasks of a small batch.
            numbers = self.places.numbers(sorted(parts))
            answers = self._sorted_out(numbers.mapPartitions(functools.partial(task.tallies, common, parts)).collect())
        check_all_answered(parts, *answers)
        return answers

    def _collect(self, frame, common, kept):
        """What _sorted_out says of a frame's tasks. Orders that are wanted stay with Spark, in `kept`."""
        if common.wants_rows:  # they are written twice or three times, and judged once
            frame = frame.persist(StorageLevel.MEMORY_AND_DISK)
        own = frame.where("status IS NOT NULL").select(*task.OWN_COLUMNS).collect()
        tallies, wanted = self._sorted_out((row.partition, row.status, row.tally) for row in own)
        if tallies and common.wants_rows:
            kept.append(Kept(frame, frozenset(tallies)))
        elif common.wants_rows:
            frame.unpersist()  # it holds no orders
        return tallies, wanted

    def _sorted_out(self, own):
        """({partition: tally}, [partitions whose history is wanted]) of what the tasks say of themselves."""
        tallies, wanted = {}, []
        for partition, status, tally in own:
            if partition in tallies or partition in wanted:
                raise Failure(f"two tasks have read partition {partition} at a time: the job wants one task for each")
            if status == task.HISTORY:
                wanted.append(partition)
            else:
                tallies[partition] = bytes(tally)
        return tallies, wanted

    def _check_kept(self, kept):
        """After the orders were written: were they all there? What is lost with an executor Spark makes again by running
        the task again, elsewhere, where its window may not be: that gives no orders but HISTORY."""
        for one in kept:
            there = {row.partition for row in one.frame.where(f"status = '{task.TALLY}'").select("partition").collect()}
            if there != one.partitions:
                raise OrdersLost(f"an executor went with orders of the partitions {sorted(one.partitions - there)} before they "
                                 "were written")  # fmt: skip

    def _judge_with_history(self, common, todo, kept):
        """The ranges again, from where the windows of duplicates begin."""
        stale = [p for p in todo if not self.claims[p].fresh]
        if stale:
            self._claim_again(stale)
        firsts = self.topic.firsts(list(todo))
        starts = {p: max(self.claims[p].window_offset, firsts[p]) for p in todo}
        for p, start in starts.items():
            log("info", f"partition {p}: the window of duplicates is read again, offsets {start} to {self.claims[p].next_offset}")
        parts = {p: self._part(one) for p, one in todo.items()}  # what is to be counted is read whatever is gone of the window
        parts = {p: dataclasses.replace(part, start=min(starts[p], part.start)) for p, part in parts.items()}
        return self._read_and_judge(dataclasses.replace(common, has_history=True), parts, kept)

    def _claim_again(self, partitions):
        """The store's windows are newer than ours. Whoever has counted on meanwhile owns the partition."""
        before = {p: self.claims[p].next_offset for p in partitions}
        self.claim(partitions)
        for p in partitions:
            if self.claims[p].next_offset != before[p]:
                raise Failure(f"another process counts this topic now: partition {p} was counted to {before[p]} here and is at "
                              f"{self.claims[p].next_offset}")  # fmt: skip

    # --- the commit

    def _commit(self, batch_id, todo, tallies, kept):
        moves = [self._move(one) for one in todo.values()]
        orders = [one.frame.where("status IS NULL").select("partition", *task.ORDER_COLUMNS) for one in kept]
        if self.raw:
            for rows in orders:
                self.raw.write(rows)
        pending = self.archive.write_pending(orders, self.common.topic_id, moves) if self.archive else None
        try:
            self._check_kept(kept)
            self._confirm_topic()
        except (OrdersLost, Failure):
            if pending:
                self.archive.drop(pending)
            raise
        try:
            number = self.tally.commit(self.topic.name, moves, [tallies[move["partition"]] for move in moves
                                                                if move["partition"] in tallies])  # fmt: skip
        except Fenced as fenced:
            if pending and fenced.stored_nothing:  # else the next start finds out
                self.archive.drop(pending)
            raise
        for move in moves:
            claim = self.claims[move["partition"]]
            claim.next_offset, claim.fresh = move["to"], False
        if pending:
            self.archive.finish(pending)
        log("debug", f"batch {batch_id} is batch {number} of the aggregates: {len(tallies)} of {len(moves)} partitions have events")

    def _move(self, one):
        claim = self.claims[one.partition]
        return {"partition": one.partition, "from": claim.next_offset, "to": one.to, "epoch_us": claim.epoch_us,
                "lane": claim.lane, "window_offset": claim.window_offset, "window_ms": claim.window_ms}  # fmt: skip

    def _confirm_topic(self):
        other = self.made_anew()
        if other:
            raise other

    def made_anew(self):
        """The Failure that says so, when it is another topic by now."""
        now = self.topic.identity(IDENTITY_PATIENCE_S)
        if not now or not self.common.topic_id or now == self.common.topic_id:
            return None
        return Failure(f"the topic {self.topic.name} was made anew while it was read: its id was {self.common.topic_id} and is "
                       f"{now}. Nothing of the new one was counted; start with --skip-gap and another --checkpoint to go on "
                       "with its oldest message, or take other aggregates")  # fmt: skip
