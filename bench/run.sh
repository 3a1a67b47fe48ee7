#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Measures speed and size, beside what people use otherwise: `make bench` (about an hour).
#   QUICK=1   short rounds, some minutes, for a look while working
#   LONG=1    100 million stored orders instead of 20 million
#   ONLY=a,b  these figures alone (see bench/run.py)
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
ulimit -n "$(ulimit -Hn)" # a thousand connections on both sides
exec "$venv/bin/python" bench/run.py "$@"
