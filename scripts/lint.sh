#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What can be checked without running the program. Prints PASS or FAIL for each check.
# LINT_ANALYSIS=short: clang's analyzer gives up sooner on each function, a seventh of the time (the short form
# of check.sh).
# shellcheck disable=SC2317  # the functions are called through `check`
set -uo pipefail
cd "$(dirname "$0")/.." || exit
code=0
check() { # NAME COMMAND...
    local name=$1
    shift
    if "$@"; then
        echo "PASS $name"
    else
        echo "FAIL $name"
        code=1
    fi
}

c_files() { find src include tests bench -name '*.[ch]' -print0; }

formatted() {
    c_files | xargs -0 clang-format --dry-run -Werror || { echo "run: make format"; return 1; }
}

# The flags come from the Makefile, so that clang-tidy sees what the compiler sees.
tidy() {
    local flags
    flags=$(make -s print-flags) || return 1
    # By default 225,000 states of a function. (mode=shallow would be as quick, and takes what it does not look into for an error.)
    [ "${LINT_ANALYSIS:-}" != short ] || flags+=" -Xclang -analyzer-config -Xclang max-nodes=30000"
    # One file at a time for each core: the slowest file decides, not the slowest half.
    # shellcheck disable=SC2016  # the inner shell expands
    find src -name '*.c' -print0 |
        xargs -0 -P "$(nproc)" -n 2 sh -c 'flags=$1; shift; clang-tidy --quiet "$@" -- $flags 2>/dev/null' \
            tidy "$flags"
}

clang_builds() { make -s -j"$(nproc)" clang-build; }

scripts_are_sound() {
    # shellcheck disable=SC2046  # names of our scripts have no spaces
    shellcheck --severity=style $(git ls-files --cached --others --exclude-standard '*.sh' .ci/run)
}

documents_are_current() {
    local fresh=build/check/docs file same=0
    scripts/generate-docs.sh build/salestide "$fresh" "$fresh/types.ts" || return 1
    for file in configuration.md salestide.1 completions/salestide.bash completions/_salestide completions/salestide.fish; do
        diff -u "docs/$file" "$fresh/$file" || { echo "docs/$file is old; run: make docs"; same=1; }
    done
    diff -u web/src/types.ts "$fresh/types.ts" || { echo "web/src/types.ts is old; run: make docs"; same=1; }
    return "$same"
}

manual_is_sound() {
    local complaints
    complaints=$(groff -man -ww -Tutf8 docs/salestide.1 2>&1 >/dev/null)
    [ -z "$complaints" ] || { echo "$complaints"; return 1; }
}

mkdir -p build/check
# Which files belong to the tree git knows; in an unpacked tarball they are all that .gitignore leaves.
if [ "$(git rev-parse --show-toplevel 2>/dev/null)" != "$(pwd -P)" ]; then
    export GIT_DIR=$PWD/build/check/tree.git GIT_WORK_TREE=$PWD
    rm -rf "$GIT_DIR"
    git init --quiet && git add --all || exit
fi
check "C files are formatted" formatted
check "clang compiles all without a warning" clang_builds
check "clang-tidy has nothing to say" tidy
check "scripts are sound (shellcheck)" scripts_are_sound
check "generated documents are current" documents_are_current
check "the man page is sound" manual_is_sound
check "no room includes one above it" scripts/check-layers.sh
check "the core takes nothing from outside that it may not" scripts/check-core.sh
check "the library shows its header's functions and needs libc alone" scripts/check-library.sh
check "the reader shows its header's functions" scripts/check-library.sh build/libsalestide_reader.so include/salestide/reader.h
check "the source tour matches the tree" scripts/check-tour.sh
check "no machine paths, licences everywhere" scripts/check-text.sh
exit $code
