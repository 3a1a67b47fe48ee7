#!/bin/sh
# SPDX-License-Identifier: MIT
# Writes the documents that the option table yields.
# usage: generate-docs.sh PROGRAM DIRECTORY
set -eu
program=$1
out=$2
mkdir -p "$out"
for kind in markdown:configuration.md man:salestide.1; do
    "$program" docs "${kind%%:*}" >"$out/${kind#*:}.new"
    mv "$out/${kind#*:}.new" "$out/${kind#*:}"
done
