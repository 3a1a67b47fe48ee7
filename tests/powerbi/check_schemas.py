# SPDX-License-Identifier: MIT
"""Holds the JSON files of powerbi/ against the schemas that they name, and notes their sums in schemas_checked.txt.

usage: build/venv/bin/python tests/powerbi/check_schemas.py FOLDER    a clone of github.com/microsoft/json-schemas, bare or not

No package registry has these schemas, so this is not part of any suite: whoever changes a file runs it once, and
tests/integration/test_powerbi.py fails until then.
"""

import hashlib
import json
import pathlib
import subprocess
import sys

import jsonschema
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

HERE = pathlib.Path(__file__).resolve().parent
POWERBI = HERE.parents[1] / "powerbi"
BASE = "https://developer.microsoft.com/json-schemas/"
KINDS = {".json", ".pbip", ".pbir", ".pbism"}


def git(clone, *arguments):
    return subprocess.run(["git", "-C", clone, *arguments], capture_output=True, check=True, text=True, timeout=60).stdout


def mistakes(clone):
    """Lines that say what is wrong, and {file: its sum}."""
    def schema(uri):
        text = git(clone, "show", f"HEAD:{uri.partition('#')[0].removeprefix(BASE)}")
        return Resource.from_contents(json.loads(text), default_specification=DRAFT7)

    registry, wrong, sums = Registry(retrieve=schema), [], {}
    for file in sorted(POWERBI.rglob("*")):
        if file.suffix not in KINDS and file.name != ".platform":
            continue
        document, name = json.loads(file.read_text("utf-8")), str(file.relative_to(POWERBI))
        found = registry.get_or_retrieve(document["$schema"])
        validator = jsonschema.Draft7Validator(found.value.contents, registry=found.registry)
        wrong += [f"{name}: {one.json_path}: {one.message}" for one in validator.iter_errors(document)]
        sums[name] = hashlib.sha256(file.read_bytes()).hexdigest()
    return wrong, sums


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    wrong, sums = mistakes(sys.argv[1])
    if wrong:
        sys.exit("\n".join(wrong))
    said = git(sys.argv[1], "log", "-1", "--format=%H of %cs").strip()
    lines = [f"# held against github.com/microsoft/json-schemas, {said}", *(f"{total}  {name}" for name, total in sums.items())]
    (HERE / "schemas_checked.txt").write_text("\n".join(lines) + "\n", "ascii")
    print(f"{len(sums)} files are as their schemas say")


if __name__ == "__main__":
    main()
