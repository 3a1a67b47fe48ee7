#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Which lines of src/ the unit tests and the tests from outside run: builds all with gcc's --coverage into
# build/coverage, runs both, and prints a figure for each room and for all. The pages, with each line, are
# build/coverage/html/index.html. What needs real servers (tests/cluster) and the browser is not in it, and
# a process that is ended by kill -9 leaves no counts.
# usage: coverage.sh     what is needed must be installed (make deps)
set -uo pipefail
cd "$(dirname "$0")/.." || exit
build=build/coverage
logs=$build/logs
jobs=$(nproc)
rm -rf "$logs" $build/html
mkdir -p "$logs" $build/html
give_up() { # LOG WHAT
    tail -n 30 "$1" >&2
    echo "coverage: $2 ($1)" >&2
    exit 1
}

# gcc, since what clang writes is another format; -O0, since -O2 folds lines into one another (without its
# knowledge gcc takes some texts to be too long for their place, hence no warning of that). Threads count
# side by side, so counters are atomic.
make -j"$jobs" CC=gcc BUILD=$build OPT='-O0 -g -Wno-format-truncation' \
    SANITIZE='--coverage -fprofile-update=atomic' FAULTS='-DSALESTIDE_FAULTS -DSALESTIDE_CHECKS' \
    $build/salestide unit-programs >"$logs/build.log" 2>&1 || give_up "$logs/build.log" "it does not build"
find $build -name '*.gcda' -delete # of an earlier run

# A test that fails makes the figures those of a run that is not whole: said, and in the exit code.
# shellcheck disable=SC2016  # the inner shell expands
printf '%s\0' tests/unit/test_*.c | xargs -0 -P $((2 * jobs)) -n 1 bash -c '
    name=$(basename "$2" .c)
    timeout --kill-after=10 300 "$1/unit/$name" >"$0/$name.log" 2>&1 </dev/null || echo "$name" >>"$0/failed"
    ' "$logs" "$build"
# For tests that want the program under sanitizers this one does: what counts is which lines run.
SALESTIDE_BIN=$build/salestide SALESTIDE_ASAN_BIN=$build/salestide timeout --kill-after=10 1500 build/venv/bin/python -m pytest \
    -c tests/pytest.ini --rootdir=. tests/integration --numprocesses="$jobs" --dist=loadfile \
    >"$logs/integration.log" 2>&1 </dev/null || echo integration >>"$logs/failed"

build/venv/bin/gcovr --root . --filter 'src/' --object-directory $build $build/obj --gcov-executable gcov \
    --merge-mode-functions=separate --exclude-noncode-lines --json-summary $build/summary.json \
    --html-details $build/html/index.html >"$logs/gcovr.log" 2>&1 || give_up "$logs/gcovr.log" "gcovr failed"
python3 scripts/coverage_rooms.py $build/summary.json || exit 1
if [ -e "$logs/failed" ]; then
    echo "coverage: these failed, the figures are not of all tests (logs in $logs): $(tr '\n' ' ' <"$logs/failed")" >&2
    exit 1
fi
