#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the Debian package in build/deb: the source tarball is unpacked there, what was fetched is put in its
# place, and Debian's own tools build it without network.
# usage: deb.sh VERSION
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: deb.sh VERSION" >&2; exit 2; }
cd "$(dirname "$0")/.."
version=$1
for program in dpkg-buildpackage dh; do
    command -v $program >/dev/null ||
        { echo "deb: $program is missing: install debhelper and dpkg-dev (scripts/install-deps.sh packages)" >&2; exit 1; }
done
scripts/dist.sh "$version"
rm -rf build/deb
mkdir -p build/deb
tar -xzf "build/salestide-$version.tar.gz" -C build/deb
source=build/deb/salestide-$version
cp -r deploy/debian "$source/debian"
mkdir -p "$source/build/deps" "$source/build/web"
for part in yyjson librdkafka; do
    [ ! -d "build/deps/$part" ] || cp -r "build/deps/$part" "$source/build/deps/"
done
cp build/web/web_assets.c "$source/build/web/"
# What was fetched is newer than what it was fetched by.
find "$source/build" -type f -exec touch {} +
sed -e "s/@VERSION@/$version/" -e "s/@DATE@/$(git log -1 --format=%cD)/" deploy/debian/changelog >"$source/debian/changelog"
(cd "$source" && DEB_BUILD_OPTIONS="noautodbgsym nocheck parallel=$(nproc)" \
    dpkg-buildpackage --build=binary --no-sign >../build.log 2>&1) ||
    { tail -n 30 build/deb/build.log >&2; echo "deb: it does not build (build/deb/build.log)" >&2; exit 1; }
file=$(echo build/deb/salestide_"$version"-1_*.deb)
printf '%s: %s bytes, installed %s KiB\n' "$file" "$(stat -c %s "$file")" "$(dpkg-deb --field "$file" Installed-Size)"
