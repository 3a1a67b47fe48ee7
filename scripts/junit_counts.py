# SPDX-License-Identifier: MIT
"""Counts a JUnit XML report: `FAIL ...` and `SKIP ...` lines, then `passed failed skipped`.

A report that is missing or cut off is an error with exit code 1 and no counts.
"""

import sys
import xml.etree.ElementTree as tree


def main(path: str) -> int:
    try:
        root = tree.parse(path).getroot()
    except (OSError, tree.ParseError) as problem:
        print(f"{path}: {problem}", file=sys.stderr)
        return 1
    passed = failed = skipped = 0
    for case in root.iter("testcase"):
        name = f"{case.get('classname', '')}::{case.get('name', '')}"
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            failed += 1
            print(f"FAIL {name}")
        elif "skipped" in kinds:
            skipped += 1
            print(f"SKIP {name}: {case.find('skipped').get('message', 'no reason given')}")
        else:
            passed += 1
    print(passed, failed, skipped)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
