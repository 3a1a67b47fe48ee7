#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Which lines of src/ the unit tests and the tests from outside run: builds all with gcc's --coverage into
# build/coverage, runs both, and prints a figure for each room and for all. The pages, with each line, are
# build/coverage/html/index.html. What needs real servers (tests/cluster) and the browser is not in it.
# usage: coverage.sh     what is needed must be installed (make deps)
set -euo pipefail
cd "$(dirname "$0")/.."
build=build/coverage
logs=$build/logs
mkdir -p "$logs"

# Plain gcc: what clang writes is another format. No -O2, which folds lines into one another (without it gcc
# takes other ways to the end of a text to be possible, hence no warning of that). Several
# threads count at once, so counters are atomic. The program is ended by kill -9 in no test from outside that
# is run here, so that each one writes what it counted.
make -j"$(nproc)" CC=gcc BUILD=$build OPT='-O0 -g -Wno-format-truncation' SANITIZE='--coverage -fprofile-update=atomic' \
    FAULTS='-DSALESTIDE_FAULTS -DSALESTIDE_CHECKS' $build/salestide unit-programs >"$logs/build.log" 2>&1 ||
    { tail -n 30 "$logs/build.log" >&2; echo "coverage: it does not build ($logs/build.log)" >&2; exit 1; }
find $build -name '*.gcda' -delete # of an earlier run

# A test that fails makes the figure wrong: said at the end, and in the exit code.
code=0
failed() {
    echo "coverage: $1 failed ($2): the figures are of a run that is not whole" >&2
    code=1
}
for source in tests/unit/test_*.c; do
    name=$(basename "$source" .c)
    timeout --kill-after=10 300 "$build/unit/$name" >"$logs/$name.log" 2>&1 </dev/null ||
        failed "$name" "$logs/$name.log"
done
SALESTIDE_BIN=$build/salestide timeout --kill-after=10 1500 \
    build/venv/bin/python -m pytest -c tests/pytest.ini --rootdir=. tests/integration \
    --numprocesses="$(nproc)" --dist=loadfile --timeout=180 >"$logs/integration.log" 2>&1 </dev/null ||
    failed "tests/integration" "$logs/integration.log"

mkdir -p $build/html
build/venv/bin/gcovr --root . --filter 'src/' --object-directory $build $build/obj \
    --gcov-executable gcov --merge-mode-functions=separate --exclude-noncode-lines \
    --json-summary $build/summary.json --html-details $build/html/index.html >"$logs/gcovr.log" 2>&1 ||
    { tail -n 20 "$logs/gcovr.log" >&2; exit 1; }
python3 scripts/coverage_rooms.py $build/summary.json
exit $code
