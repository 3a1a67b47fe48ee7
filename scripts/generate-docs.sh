#!/bin/sh
# SPDX-License-Identifier: MIT
# Writes the documents and the shells' completions that the option table yields into a directory, and the types of the stream's
# messages, which the table of panels yields, into a file.
# usage: generate-docs.sh PROGRAM DIRECTORY TYPES
set -eu
program=$1
out=$2
types=$3
mkdir -p "$out/completions"
for kind in markdown:configuration.md man:salestide.1 bash:completions/salestide.bash zsh:completions/_salestide \
    fish:completions/salestide.fish; do
    "$program" docs "${kind%%:*}" >"$out/${kind#*:}.new"
    mv "$out/${kind#*:}.new" "$out/${kind#*:}"
done
"$program" docs types >"$types.new"
mv "$types.new" "$types"
