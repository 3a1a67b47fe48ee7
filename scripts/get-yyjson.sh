#!/bin/sh
# SPDX-License-Identifier: MIT
# Fetches the C source of yyjson (0.10.0) for systems that have no yyjson package: it ships inside the
# Python source distribution of the same name. Pinned by version and hash.
# usage: get-yyjson.sh DIRECTORY     leaves yyjson.c, yyjson.h and LICENSE there
set -eu
version=4.0.6
sha256=fcd4dc15c1e39a30bf9fa85d56903029111506860fc3080ab0d81c6c6dacaa8c
mkdir -p "$1"
out=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet --disable-pip-version-check download --no-binary :all: --no-deps \
    --dest "$work" "yyjson==$version" ||
    { echo "get-yyjson: cannot download yyjson $version from the Python package index" >&2; exit 1; }
echo "$sha256  $work/yyjson-$version.tar.gz" | sha256sum --check --quiet ||
    { echo "get-yyjson: yyjson-$version.tar.gz is not the file that was pinned" >&2; exit 1; }
tar -xzf "$work/yyjson-$version.tar.gz" -C "$work"
cd "$work/yyjson-$version/yyjson"
sed '/\*\//q' yyjson.h >"$out/LICENSE" # what the file begins with
cp yyjson.c yyjson.h "$out/"
