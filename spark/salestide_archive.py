# SPDX-License-Identifier: MIT
"""Accepted placed orders as Parquet: DIR/day=2026-11-28/part-....parquet, by the UTC date of created_at.

    1. before the commit   what the batch is goes to DIR/_pending/OWNER.NAME/moves.json, its rows to .../data, then the list of
                           its files into moves.json
    2. after the commit    each file of the list is renamed into its day's folder; then the pending folder is removed
    3. at a start          pending ones that the aggregates have are finished; others are removed, since Spark gives their
                           batch again
    4. the topic is anew   before the aggregates forget the one before, what they have of it is finished

So each order that the job counted is in the archive once, whenever it was killed. Names that begin with _ are no data to
Spark, PyArrow and others. The argument:

Whose is it? OWNER is a hash of the names of database and topic; by which host the database is reached may change. Of the same
owner there is one job at a time, or an older one that does not know yet that it is fenced. What is pending of other owners is not
touched: they may be at work.

Was it committed? A commit moves all positions of a batch in one transaction, from where it began, and only with the epochs of
its claims; so the record of it is the positions, of the topic that moves.json names. A start asks for them by claiming, which waits
for a commit in flight and lets no older job commit after it. What was pending then and does not lie below the positions was not
committed and never will be: it is removed. What lies below them and is whole was committed, or another has counted that range:

    another job    its start has removed what was pending, or has finished it. What an older job wrote later is fenced: a start
                   that is done leaves its epochs in DIR/_claims/OWNER.json, and what was written with older ones is removed
    process        leaves no trace here: what it counted after the job was killed before its commit is finished too. That is
                   once in the archive all the same. (A job that lives to hear that nothing was stored removes it itself)

An older job may come to this point only after a newer one has begun: what has newer epochs than its own it leaves.

How it fails: files that are neither pending nor in their day were removed by somebody: a Failure, after the others were renamed,
as often as the folder is there.
"""

import dataclasses
import hashlib
import json
import uuid

from pyspark.sql import functions

import salestide_ranges as ranges
from salestide_failure import Failure, log
from salestide_files import Folder
from salestide_task import ORDER_COLUMNS

PENDING, CLAIMS = "_pending", "_claims"
COLUMNS = [name for name in ORDER_COLUMNS if name != "epoch_us"]


@dataclasses.dataclass(frozen=True)
class Pending:
    name: str
    files: list  # ["day=.../part-..."]


class Archive:
    def __init__(self, spark, path, database, topic):
        """`database`: the name of that of the aggregates."""
        self.files = Folder(spark, path)
        self.whose = {"database": database, "topic": topic}
        self.owner = hashlib.sha256(f"{database}\n{topic}".encode()).hexdigest()[:16]

    def write_pending(self, frames, topic_id, moves):
        """Returns the Pending to finish by."""
        name = f"{PENDING}/{self.owner}.{uuid.uuid4()}"
        note = {**self.whose, "topic_id": topic_id, "moves": {str(move["partition"]): [move["from"], move["to"]] for move in moves},
                "epochs": {str(move["partition"]): move["epoch_us"] for move in moves}, "files": None}  # fmt: skip
        self._write(f"{name}/moves.json", note)
        for rows in frames:
            rows = rows.select("partition", *COLUMNS).withColumn("day", functions.to_date("created_at"))
            rows.write.mode("append").partitionBy("day").parquet(self.files.url(f"{name}/data"))
        files = self._files_of(f"{name}/data")
        self._write(f"{name}/moves.json", {**note, "files": files})
        return Pending(name, files)

    def drop(self, pending):
        """What was written for a batch that is done again, or was never done."""
        self.files.remove(self.files.at(pending.name))

    def finish(self, pending):
        gone = []
        for day in sorted({file.partition("/")[0] for file in pending.files}):
            self.files.make(self.files.at(day))
        for file in pending.files:
            old, new = self.files.at(f"{pending.name}/data/{file}"), self.files.at(file)
            if self.files.has(old):
                self.files.rename(old, new)
            elif not self.files.has(new):
                gone.append(file)
        if gone:
            raise Failure(f"the archive has lost {len(gone)} of {len(pending.files)} files of a batch that was counted: somebody has "
                          f"removed {gone[0]} from {self.files.url(pending.name)}. Its orders are in the totals; bring the files back, or "
                          "remove that folder to go on without them")  # fmt: skip
        self.drop(pending)

    def recover(self, topic_id, claims):
        """At a start, before a position is moved by hand. `claims`: {partition: ranges.Claim} as the aggregates told them."""
        fences = self._read(self._fences()) or {}
        positions = {partition: claim.next_offset for partition, claim in claims.items()}
        for pending, note in self._found(topic_id):
            if note and not ranges.same_topic(note["topic_id"], topic_id):
                log("warn", f"the archive's {pending.name} stays: its topic was one with id {note['topic_id']}, which is not known to "
                    "have committed it")  # fmt: skip
            elif note and ranges.has_epoch(note, lambda p, epoch: p in claims and epoch > claims[p].epoch_us):
                log("warn", f"the archive's {pending.name} stays: another process counts this topic now")
            elif note and self._is_to_finish(note, fences, topic_id, positions):
                log("info", f"the archive's {pending.name} is finished: its batch was committed")
                self.finish(pending)
            else:
                log("info", f"the archive's {pending.name} is removed: its batch was not committed")
                self.drop(pending)
        for partition, claim in claims.items():
            fences[str(partition)] = max(claim.epoch_us, fences.get(str(partition), 0))
        self.files.make(self.files.at(CLAIMS))
        self._write(self._fences(), fences)

    def finish_committed(self, topic_id, positions):
        """Of a topic that was made anew: before the aggregates forget `positions`, {partition: next offset}, of the one before. They are
        of the partitions that the new one has too; since a batch is one transaction, one of its partitions tells of all."""
        fences = self._read(self._fences()) or {}
        for pending, note in self._found(topic_id):
            known = {p: move for p, move in note["moves"].items() if int(p) in positions} if note else {}
            if known and self._is_to_finish({**note, "moves": known}, fences, topic_id, positions):
                log("info", f"the archive's {pending.name} is finished: its batch was committed, of the topic before")
                self.finish(pending)

    def _is_to_finish(self, note, fences, topic_id, positions):
        """A batch that lies below the positions, is whole, and is not of a job that could not commit it any more."""
        is_fenced = ranges.has_epoch(note, lambda p, epoch: epoch < fences.get(str(p), 0))
        return note["files"] is not None and not is_fenced and ranges.is_committed(note, topic_id, positions)

    def _found(self, topic_id):
        """[(Pending, what its moves.json says)] of this owner; None where a kill came before that was written."""
        found = []
        for folder, _ in self.files.list(self.files.at(PENDING)):
            name = f"{PENDING}/{folder}"
            note = self._read(f"{name}/moves.json")
            if folder.startswith(f"{self.owner}."):
                found.append((Pending(name, (note and note["files"]) or []), note))
            elif note and topic_id and note["topic_id"] == topic_id:
                log("warn", f"the archive's {name} stays: it is of this topic counted into {note['database']}. If that is "
                    f"{self.whose['database']} by another address, start the job once with that one")  # fmt: skip
        return found

    def _files_of(self, data):
        return [f"{day}/{part}" for day, is_folder in self.files.list(self.files.at(data)) if is_folder and not day.startswith(("_", "."))
                for part, _ in self.files.list(self.files.at(f"{data}/{day}")) if not part.startswith(("_", "."))]  # fmt: skip

    def _fences(self):
        return f"{CLAIMS}/{self.owner}.json"

    def _read(self, name):
        text = self.files.read(name)
        return json.loads(text) if text else None

    def _write(self, name, what):
        self.files.write(name, json.dumps(what))
