#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Fuzzes each tests/fuzz/fuzz_*.c: every input of its corpus (tests/fuzz/corpus/NAME/) once, then new
# ones for some seconds. Prints PASS or FAIL for each; inputs that fail stay in build/fuzz/findings/.
# usage: fuzz.sh SECONDS
set -uo pipefail
cd "$(dirname "$0")/.." || exit
seconds=${1:-60}
make -j"$(nproc)" fuzz-build || { echo "FAIL the fuzz targets do not build"; exit 1; }

findings=build/fuzz/findings
mkdir -p "$findings"
code=0
for source in tests/fuzz/fuzz_*.c; do
    [ -e "$source" ] || { echo "FAIL there is no fuzz target in tests/fuzz"; exit 1; }
    name=$(basename "$source" .c)
    target=build/fuzz/targets/$name
    corpus=tests/fuzz/corpus/${name#fuzz_}
    grown=build/fuzz/corpus/$name # what fuzzing adds is not part of the sources
    mkdir -p "$grown"
    dictionary=()
    [ ! -e "tests/fuzz/$name.dict" ] || dictionary=(-dict="tests/fuzz/$name.dict")
    inputs=0
    if [ -d "$corpus" ]; then
        inputs=$(find "$corpus" -type f | wc -l)
    fi
    if [ "$inputs" -eq 0 ]; then
        echo "FAIL $name: its corpus $corpus has no input"
        code=1
        continue
    fi
    common=(-timeout=10 -rss_limit_mb=1024 -artifact_prefix="$findings/$name-")
    if "$target" -runs=0 "${common[@]}" "$corpus" </dev/null &&
        "$target" -max_total_time="$seconds" "${common[@]}" "${dictionary[@]}" \
            -print_final_stats=1 "$grown" "$corpus" </dev/null; then
        echo "PASS $name: $inputs inputs, then $seconds s"
    else
        echo "FAIL $name: see the report above; the input is in $findings/"
        code=1
    fi
done
exit $code
