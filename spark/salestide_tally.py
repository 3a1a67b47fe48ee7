# SPDX-License-Identifier: MIT
"""`salestide tally`, the program that keeps what a batch adds: a child process, spoken to by lines of JSON.

It ends at the end of its standard input, so also when this process is killed. Its log is on our standard error.

How it fails: it says why, or it ends, or it does not answer within the time that it has for a batch: a Failure.
"""

import json
import os
import selectors
import subprocess
import time

from salestide_failure import Failure

READ_BYTES = 1 << 16
STOP_TIMEOUT_S = 30
STORED_NOTHING = "; nothing was stored"  # as src/store/mysql/mysql_commit.c and src/tool/tally/tally_stores.c say it
MARGIN_S = 60  # beyond the time-outs that the program itself keeps


def environment():
    """Without the job's own options, which the program would not know: it is told its options by flags."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SALESTIDE_") or name.endswith("_PASSWORD")}


class Fenced(Failure):
    """Another process has taken a partition over. `stored_nothing`: it is known that nothing of the batch was stored."""

    def __init__(self, message):
        super().__init__(f"another process counts this topic now: {message}")
        self.stored_nothing = message.endswith(STORED_NOTHING)


class Tally:
    def __init__(self, program, arguments, start_timeout_ms, give_up_ms):
        self.timeout_s = give_up_ms / 1000 + MARGIN_S
        self.left = b""
        command = [program, "tally", *arguments]
        try:  # a session of its own: Ctrl-C is for the job, which ends it in order
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(),
                                            start_new_session=True)  # fmt: skip
        except OSError as problem:
            raise Failure(f"cannot run {program}: {problem.strerror}; --salestide says where it is", 2) from None
        self.ready = self._read_line(start_timeout_ms / 1000 + MARGIN_S)
        if not self.ready.get("ready"):
            raise Failure(f"salestide tally began with {self.ready}")

    def claim(self, topic, topic_id, partitions, anew=False):
        return self._ask({"do": "claim", "topic": topic, "topic_id": topic_id, "partitions": partitions, "anew": anew})["claims"]

    def state(self):
        return self._ask({"do": "state"})

    def commit(self, topic, moves, tallies):
        """Raises unless all of it is in the aggregates. Returns the number of the batch there."""
        answer = self._ask({"do": "commit", "topic": topic, "moves": moves, "bytes": [len(t) for t in tallies]}, tallies)
        if answer["result"] == "fenced":
            raise Fenced(answer["message"])
        return answer["batch_id"]

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def _ask(self, question, tallies=()):
        try:
            self.process.stdin.write(json.dumps(question, separators=(",", ":")).encode() + b"\n")
            for one in tallies:
                self.process.stdin.write(one)
            self.process.stdin.flush()
        except OSError:
            self._has_ended()
        answer = self._read_line(self.timeout_s)
        if answer.get("result") == "failed":
            raise Failure(answer["message"])
        return answer

    def _read_line(self, timeout_s):
        until = time.monotonic() + timeout_s
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while b"\n" not in self.left:
                if not selector.select(max(until - time.monotonic(), 0)):
                    self.process.kill()
                    raise Failure(f"salestide tally did not answer within {timeout_s:.0f} s")
                some = os.read(self.process.stdout.fileno(), READ_BYTES)
                if not some:
                    self._has_ended()
                self.left += some
        line, _, self.left = self.left.partition(b"\n")
        return json.loads(line)

    def _has_ended(self):
        """It has said why on standard error."""
        code = self.process.wait(STOP_TIMEOUT_S)
        raise Failure("", code if code in (1, 2) else 1) if code in (1, 2) else Failure(f"salestide tally ended with {code}")
