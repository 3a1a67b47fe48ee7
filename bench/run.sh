#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Measures speed and size, beside what people use otherwise: `make bench` (about an hour and a half).
#   QUICK=1   short rounds, some minutes, for a look while working
#   LONG=1    100 million stored orders instead of 20 million
#   ONLY=a,b  these figures alone (see bench/run.py)
#   BEFORE=a  a commit, or a program built of one: the figure `before` is measured too, by turns with it
#   DOCS=1    writes the tables into docs/benchmarks.md
# Everything listens on 127.0.0.1 only, and what it stores (up to 10 GB, LONG=1 40 GB) goes into
# build/bench/tmp and is removed at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=build/bench-venv

say() { printf 'bench: %s\n' "$*" >&2; }
die() { printf 'bench: %s\n' "$*" >&2; exit 1; }
. scripts/pinned.sh

for tool in wrk python3 node npm; do
    command -v "$tool" >/dev/null 2>&1 || die "$tool is missing (Debian: apt-get install $tool)"
done
command -v perf >/dev/null 2>&1 ||
    say "perf is missing (Debian: linux-perf): no profiles in this run"

# The peers, pinned; installed again when the list changes.
python_packages "$venv" bench/requirements.txt
# Node finds packages beside the program, so the program goes to them: nothing is installed into bench/.
source=bench/peers/fastify_kafkajs peer=build/bench-peers/fastify_kafkajs
npm_packages "$peer" "$source"
cp "$source/app.mjs" "$peer"
# The build before: of its own tree, with what this one has fetched.
built_before() { # COMMIT: prints where its program is
    local tree=build/before/$1
    if [ ! -x "$tree/build/salestide" ]; then
        say "building $1"
        rm -rf "$tree"
        mkdir -p "$tree/build"
        git archive "$1" | tar -x -C "$tree"
        cp -a build/deps "$tree/build/"
        make -C "$tree" -j"$(nproc)" build/salestide >&2 </dev/null || die "$1 does not build: see above"
    fi
    printf '%s\n' "$tree/build/salestide"
}
BEFORE_PROGRAM='' BEFORE_NAME=''
# All figures: beside the last build without two batches in flight, which the summary's rows are about.
if [ -z "${ONLY:-}" ] && git rev-parse --verify --quiet '71ae4c8^{commit}' >/dev/null; then
    BEFORE=${BEFORE-71ae4c8}
fi
if [ -f "${BEFORE:-}" ] && [ -x "$BEFORE" ]; then
    BEFORE_PROGRAM=$BEFORE BEFORE_NAME="a program given"
elif [ -n "${BEFORE:-}" ]; then
    commit=$(git rev-parse --verify --quiet --short=12 "$BEFORE^{commit}") || die "BEFORE=$BEFORE is neither a program nor a commit"
    BEFORE_PROGRAM=$(built_before "$commit") BEFORE_NAME="commit \`$commit\`"
fi
export BEFORE_PROGRAM BEFORE_NAME
ulimit -n "$(ulimit -Hn)" # a thousand connections on both sides
exec "$venv/bin/python" bench/run.py "$@"
