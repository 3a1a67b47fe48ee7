#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The program and both libraries in build/release, optimised as a whole (LTO) and by a profile (PGO): built
# once to count, worked with, and built again by what was counted. What was not worked with is optimised as in
# the plain build. gcc alone. The same profile makes the same bytes: the second build is made twice and
# compared with --twice.
# RELEASE_ORDERS: how many orders it works with (300,000).
# usage: release.sh [--twice]
set -euo pipefail
cd "$(dirname "$0")/.."
build=build/release
jobs=$(nproc)
orders=${RELEASE_ORDERS:-300000}
die() { printf 'release: %s\n' "$*" >&2; exit 1; }
say() { printf 'release: %s\n' "$*"; }
${CC:-cc} -v 2>&1 | grep -q 'gcc version' || die "it takes gcc (CC=gcc make release)"

# The objects keep their names in both builds: what was counted lies beside them.
common='-O2 -g -fno-omit-frame-pointer'
# Warnings are no errors there: what is inlined across files makes gcc doubt cases that do not occur.
counting="$common -fprofile-generate -fprofile-update=prefer-atomic"
by_profile="$common -flto=$jobs -fno-fat-lto-objects -fprofile-use -fprofile-partial-training -Wno-missing-profile -Wno-error -Wno-stringop-overflow"

objects_away() { find "$build" -name '*.o' -delete -o -name '*.a' -delete -o -name '*.so' -delete; }
built() { # OPT TARGET...
    local opt=$1
    shift
    make -s -j"$jobs" BUILD=$build AR=gcc-ar OPT="$opt" "$@" ||
        die "it does not build"
}

server=''
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true' EXIT

# As shops use it: a file twice (the second time all its orders are known), orders by HTTP, many and a few at a
# time, verify; and the kernel by the library's own functions, as the job inside Spark does.
work() {
    local program=$PWD/$build/salestide dir=$build/work kind url=''
    rm -rf "$dir"
    mkdir -p "$dir"
    "$program" generate --write-customers "$dir/customers.csv"
    for kind in increasing random; do
        "$program" generate --seed 7 --count "$orders" --ids $kind >"$dir/$kind.ndjson"
        "$program" load --data "$dir/$kind" --customers "$dir/customers.csv" "$dir/$kind.ndjson"
        "$program" load --data "$dir/$kind" --customers "$dir/customers.csv" "$dir/$kind.ndjson"
        "$program" verify --data "$dir/$kind"
    done
    "$program" serve --listen 127.0.0.1:0 --data "$dir/served" --customers "$dir/customers.csv" >"$dir/served.log" 2>&1 &
    server=$!
    for ((tries = 0; tries < 150; tries++)); do
        url=$(grep -om1 'http://127.0.0.1:[0-9]*' "$dir/served.log") && break
        sleep 0.2
    done
    [ -n "$url" ] || die "the server does not come up ($dir/served.log)"
    "$program" generate --seed 1 --count "$orders" --rate 0 --to "$url"
    "$program" generate --seed 2 --count 6000 --rate 2000 --to "$url"
    kill -TERM "$server"
    wait "$server" || die "the server did not end well ($dir/served.log)"
    server=''
    mkdir -p build/bench # where bench_task has its windows
    "$build/bench/bench_kernel" 10 "$build/libsalestide.so"
    "$build/bench/bench_task" 10
    rm -rf "$dir"
}

say "building it to count"
rm -rf "$build"
built "$counting" all "$build/bench/bench_kernel" "$build/bench/bench_task"
say "working with it"
work >"$build/work.log" 2>&1 || { tail -n 20 "$build/work.log" >&2; die "its work failed ($build/work.log)"; }
say "building it by what was counted"
objects_away
built "$by_profile" all
if [ "${1:-}" = --twice ]; then
    say "and again, to compare"
    sha256sum "$build"/salestide "$build"/*.so >"$build/first.sums"
    objects_away
    rm "$build/salestide"
    built "$by_profile" all
    sha256sum --check --quiet "$build/first.sums" || die "the same profile made other bytes"
fi
say "$build has salestide, libsalestide.so and libsalestide_reader.so; to install: make install BUILD=$build"
