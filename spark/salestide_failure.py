# SPDX-License-Identifier: MIT
"""What ends the job: one line for people, and the exit code. 1: it failed, 2: it was called wrongly."""

import datetime
import sys

LEVELS = ("debug", "info", "warn", "error")
_least = LEVELS.index("info")


class Failure(Exception):
    def __init__(self, message, code=1):
        super().__init__(message)
        self.code = code


def set_log_level(name):
    global _least
    _least = LEVELS.index(name)


def log(level, message):
    """One line of the log, in the form of the program's own."""
    if LEVELS.index(level) >= _least:
        now = datetime.datetime.now(datetime.timezone.utc)
        stamp = now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z"
        sys.stderr.write(f"{stamp} {level} spark: {message}\n")
        sys.stderr.flush()
