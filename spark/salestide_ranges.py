# SPDX-License-Identifier: MIT
"""Which offsets a batch has, and what of them is still to be counted. Pure.

Spark writes where a batch ends into its checkpoint before it runs (offsets/BATCH), and where the first one
begins into sources/0/0. The aggregates know what is counted (next_offset). A batch may come again, and a checkpoint may
be lost or old: what is below next_offset is not counted again, and where messages would be left out the job stops.
"""

import dataclasses
import json

from salestide_failure import Failure

NEW = -1  # the next_offset of a partition of which nothing was counted


@dataclasses.dataclass
class Claim:
    """A partition in the job's hands, as `salestide tally` says."""

    partition: int
    next_offset: int
    epoch_us: int
    lane: int
    window_offset: int
    window_ms: int
    refused: list
    fresh: bool = True  # the window is as the store has it now

    @classmethod
    def of(cls, answer):
        names = [f.name for f in dataclasses.fields(cls) if f.name != "fresh"]
        return cls(**{name: answer[name] for name in names})


@dataclasses.dataclass(frozen=True)
class Range:
    """What is to be counted of a partition: from `start` to `to` are Spark's, those below next_offset were counted."""

    partition: int
    next_offset: int
    start: int
    to: int


def read_offsets(text, topic):
    """{partition: offset} of a file that Spark writes: a version, for batches a line of settings, and the source's JSON."""
    lines = text.lstrip("\0").splitlines()
    if len(lines) < 2 or lines[0] != "v1":
        raise Failure(f"Spark's checkpoint has offsets of another version: {lines[:1]}")
    found = json.loads(lines[-1])
    if set(found) != {topic}:
        raise Failure(f"the checkpoint is of the topic {', '.join(sorted(found)) or '(none)'}, not of {topic}: give another --checkpoint", 2)
    return {int(partition): offset for partition, offset in found[topic].items()}


def new_partitions(ends, claims):
    return sorted(set(ends) - set(claims))


def plan(starts, ends, claims, first_offset, skip_gap):
    """The Ranges of a batch that are still to be counted. A partition that Spark did not know begins at 0.

    first_offset(partition): the oldest message that is there, asked for only when there is a gap."""
    found = []
    for partition, to in sorted(ends.items()):
        claim, start = claims[partition], starts.get(partition, 0)
        if start > max(claim.next_offset, 0):
            _check_gap(claim, start, first_offset(partition), skip_gap)
        if to > max(claim.next_offset, start):
            found.append(Range(partition, claim.next_offset, start, to))
    return found


def _check_gap(claim, start, first, skip_gap):
    wanted = max(claim.next_offset, 0)
    if first < start:
        raise Failure(f"partition {claim.partition}: the checkpoint goes on at offset {start}, but what is counted ends before "
                      f"{wanted}: the messages from {max(first, wanted)} on are in no total. Give another, empty --checkpoint: "
                      "they are read again then")  # fmt: skip
    if claim.next_offset != NEW and not skip_gap:
        raise Failure(f"partition {claim.partition} begins at offset {first}, but {claim.next_offset} is next: "
                      f"{start - claim.next_offset} messages were deleted before they were counted. Raise the topic's "
                      "retention; start with --skip-gap to go on without them")  # fmt: skip


def check_checkpoint(offsets, claims, first_offset, skip_gap):
    """At a start: a checkpoint that is done with these offsets does not go on beyond what is counted."""
    plan(offsets, offsets, claims, first_offset, skip_gap)


def lost(claims, ends):
    """[partition] of those of which more is counted than is there."""
    return [partition for partition, claim in sorted(claims.items()) if claim.next_offset > ends[partition]]


def where_to_start(claims, firsts, topic, skip_gap, with_history):
    """{partition: offset} for a query without a checkpoint. Raises when messages are gone. with_history: where the window of
    duplicates begins, so that Spark's state learns what was counted before."""
    found = {}
    for partition, claim in sorted(claims.items()):
        first = firsts[partition]
        start = first if claim.next_offset == NEW else claim.next_offset
        if start < first and not skip_gap:
            raise Failure(f"partition {partition} of {topic} begins at offset {first}, but {start} is next: {first - start} messages "
                          "were deleted before they were counted. Raise the topic's retention; start with --skip-gap to go on "
                          "without them")  # fmt: skip
        found[partition] = max(min(start, claim.window_offset) if with_history else start, first)
    return found


def same_topic(one, other):
    """By their ids; of brokers that do not tell them "", which goes with any, as it does in the aggregates."""
    return one == other or not one or not other


def has_epoch(pending, is_so):
    """Whether is_so(partition, epoch of its claim) for one of the moves of a batch, as the archive has noted it."""
    return any(is_so(int(partition), epoch) for partition, epoch in pending["epochs"].items())


def is_committed(pending, topic_id, positions):
    """Whether the aggregates have a batch, as the archive has noted it: {"topic_id", "moves": {partition: [from, to]}}."""
    return same_topic(pending["topic_id"], topic_id) and all(
        positions.get(int(partition), NEW) >= to for partition, (_, to) in pending["moves"].items())  # fmt: skip
