#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Packs what git keeps of the working tree into build/salestide-VERSION.tar.gz: the same files give the same
# bytes. It builds as the tree does; once `make fetch` has been there (the pinned parts, and the page built of
# its packages), without network.
# usage: dist.sh VERSION
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: dist.sh VERSION" >&2; exit 2; }
cd "$(dirname "$0")/.."
[ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$PWD" ] ||
    { echo "dist: this is no clone of the repository: which files belong to it cannot be told" >&2; exit 1; }
name=salestide-$1
mkdir -p build
# Of the newest commit, also when files have changed since: what matters is that a time is never later than that
# of what is fetched or made.
time=$(git log -1 --format=%ct)
git ls-files -z | tar --create --null --files-from=- --sort=name --transform "s,^,$name/," \
    --mtime="@$time" --owner=0 --group=0 --numeric-owner --mode=u+rw,go+r,go-w --format=ustar |
    gzip --no-name -9 >"build/$name.tar.gz.new"
mv "build/$name.tar.gz.new" "build/$name.tar.gz"
printf 'build/%s.tar.gz: %s bytes\n' "$name" "$(stat -c %s "build/$name.tar.gz")"
