#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds librdkafka (2.15.1) for systems whose own is older than 2.6.1 or missing: its source ships
# inside its owners' npm package for JavaScript. Pinned by version and hash.
# usage: get-librdkafka.sh DIRECTORY     leaves include/librdkafka/*.h, lib/librdkafka.a and LICENSES.txt there
set -eu
package=@confluentinc/kafka-javascript
version=1.10.1
sha256=ada7d703bb1d3237e2292bfabf438d663b6160c9f1ac2a2406b5dc4257c81b66
mkdir -p "$1"
out=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# What a caller builds with (another compiler, sanitizers) is not for this library.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES CC CXX CFLAGS CPPFLAGS LDFLAGS BUILD OPT
cd "$work"
npm pack --silent --ignore-scripts "$package@$version" >/dev/null ||
    { echo "get-librdkafka: cannot download $package $version from the npm registry" >&2; exit 1; }
archive=confluentinc-kafka-javascript-$version.tgz
echo "$sha256  $archive" | sha256sum --check --quiet ||
    { echo "get-librdkafka: $archive is not the file that was pinned" >&2; exit 1; }
tar -xzf "$archive" package/deps/librdkafka
cd package/deps/librdkafka
# Kerberos and OAuth by HTTP are not offered by any option of ours.
{
    ./configure --disable-gssapi --disable-curl --disable-lz4-ext --disable-syslog --no-download &&
        make -j"$(nproc)" -C src librdkafka.a
} >"$out/build.log" 2>&1 ||
    { tail -n 20 "$out/build.log" >&2; echo "get-librdkafka: it does not build ($out/build.log)" >&2; exit 1; }
mkdir -p "$out/include/librdkafka" "$out/lib"
cp src/librdkafka.a "$out/lib/"
cp LICENSES.txt "$out/"
# Last: their being there says that all of it is.
cp src/rdkafka.h src/rdkafka_mock.h "$out/include/librdkafka/"
