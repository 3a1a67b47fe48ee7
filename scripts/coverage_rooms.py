# SPDX-License-Identifier: MIT
"""A line for each room of src/ and one for all, from the summary that gcovr writes as JSON."""

import collections
import json
import pathlib
import sys


def main():
    rooms = collections.defaultdict(lambda: [0, 0])
    for file in json.loads(pathlib.Path(sys.argv[1]).read_text())["files"]:
        room = str(pathlib.PurePosixPath(file["filename"]).parent)
        rooms[room][0] += file["line_covered"]
        rooms[room][1] += file["line_total"]
    all_covered, all_lines = (sum(counts[i] for counts in rooms.values()) for i in (0, 1))
    if not all_lines:
        sys.exit("coverage: no line of src/ was counted")
    for room, (covered, lines) in sorted(rooms.items()):
        print(f"{room:<22} {covered:>6} of {lines:>6} lines {100 * covered / lines:6.1f} %")
    print(f"{'all':<22} {all_covered:>6} of {all_lines:>6} lines {100 * all_covered / all_lines:6.1f} %")


main()
