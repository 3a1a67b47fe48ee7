# SPDX-License-Identifier: MIT
"""Packs what `superset import-dashboards` takes: superset/bundle with one of superset/databases.

usage: bundle.py mysql|sqlite FILE.zip [URI]     URI: in place of the database file's sqlalchemy_uri; else that of
                                                 SALESTIDE_SUPERSET_URI. The file may hold a password: its owner alone reads it.
"""

import os
import pathlib
import re
import sys
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
URI = re.compile(r"^sqlalchemy_uri: .*$", re.M)


def database(kind, uri):
    text = (HERE / "databases" / f"{kind}.yaml").read_text("utf-8")
    if uri is None:
        return text
    if not uri.startswith(kind) or re.search(r"[\s'\"\\]", uri):
        sys.exit(f"bundle.py: the URI has to begin with {kind} and to be without spaces and quotes (write them as %20, %27, %22)")
    return URI.sub(lambda _: f"sqlalchemy_uri: '{uri}'", text)


def pack(kind, target, uri=None):
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle:
        for path in sorted((HERE / "bundle").rglob("*.yaml")):
            bundle.writestr(f"salestide/{path.relative_to(HERE / 'bundle')}", path.read_text("utf-8"))
        bundle.writestr("salestide/databases/Salestide.yaml", database(kind, uri))


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4) or sys.argv[1] not in ("mysql", "sqlite"):
        sys.exit(__doc__)
    pack(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) == 4 else os.environ.get("SALESTIDE_SUPERSET_URI"))
